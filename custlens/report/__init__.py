"""Reports: a store is read, a notebook with parameters runs, and one self-contained HTML file (or a PDF) comes out."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
