"""Turns tables into statistics; knows neither the client nor the store."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["cohorts", "lifetime", "orders", "results", "segments"])
