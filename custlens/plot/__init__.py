"""Charts: one function each, which takes a table or model and `ax=` and returns the Axes it has drawn on.

Each chart says how many buyers it shows, who is left out, when the table was observed and in what currency, and
`describe` returns its finding as a sentence. None of them calls `show` or changes a setting of matplotlib.
"""

from custlens.plot._style import describe
from custlens.plot.breakdown import comparison, quality, sales_by
from custlens.plot.cohorts import cohort_heatmap, repeat_rate, survival
from custlens.plot.dates import (
    first_orders,
    inter_purchase,
    last_orders,
    observed_revenue,
    recency,
    seasonality,
    second_order,
)
from custlens.plot.lifetime import calibration, frequency_recency, repeat_counts, spending
from custlens.plot.orders import average_order_value, concentration, number_of_orders, sales_value
from custlens.plot.overdue import overdue
from custlens.plot.overview import overview
from custlens.plot.picture import Picture, picture
from custlens.plot.segments import migration, rfm_grid, segment_sizes

__all__ = [
    "Picture",
    "average_order_value",
    "calibration",
    "cohort_heatmap",
    "comparison",
    "concentration",
    "describe",
    "first_orders",
    "frequency_recency",
    "inter_purchase",
    "last_orders",
    "migration",
    "number_of_orders",
    "observed_revenue",
    "overdue",
    "overview",
    "picture",
    "quality",
    "recency",
    "repeat_counts",
    "repeat_rate",
    "rfm_grid",
    "sales_by",
    "sales_value",
    "seasonality",
    "second_order",
    "segment_sizes",
    "spending",
    "survival",
]
