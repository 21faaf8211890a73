"""The order statistics: summary, distributions, breakdowns, concentration, dates, comparison, quality.

A buyer has at least one order. A prospect has none: prospects are counted, but never enter a mean over buyers. A
customer without statistics is neither. Every function takes one table of customers, of any kind, and returns a result of
the same kind; tables with amounts in several currencies are refused.
"""

from custlens.analysis.orders.breakdown import BREAKDOWNS, breakdown
from custlens.analysis.orders.compare import compare
from custlens.analysis.orders.concentration import concentration, lorenz
from custlens.analysis.orders.dates import inter_purchase, order_dates, recency, seasonality, tenure
from custlens.analysis.orders.distribution import DISTRIBUTIONS, distribution, quantiles
from custlens.analysis.orders.quality import quality, quality_rows
from custlens.analysis.orders.revenue import observed_revenue
from custlens.analysis.orders.second_order import second_order
from custlens.analysis.orders.summary import summary

__all__ = [
    "BREAKDOWNS",
    "DISTRIBUTIONS",
    "breakdown",
    "compare",
    "concentration",
    "distribution",
    "inter_purchase",
    "lorenz",
    "observed_revenue",
    "order_dates",
    "quality",
    "quality_rows",
    "quantiles",
    "recency",
    "seasonality",
    "second_order",
    "summary",
    "tenure",
]


def __dir__() -> list[str]:
    return __all__
