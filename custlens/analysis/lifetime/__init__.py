"""Who will order again, how often, and for how much: models fitted on the five statistics."""

from custlens.analysis.lifetime.model import LifetimeModel, fit

__all__ = ["LifetimeModel", "fit"]
