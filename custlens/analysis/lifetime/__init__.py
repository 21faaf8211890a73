"""Who will order again, how often, and for how much: models fitted on the five statistics."""

from custlens.analysis.lifetime.model import LifetimeModel, fit
from custlens.analysis.lifetime.overdue import overdue

__all__ = ["LifetimeModel", "fit", "overdue"]


def __dir__() -> list[str]:
    return __all__
