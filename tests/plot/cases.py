"""What is drawn in tests and in the gallery: each chart once, by name, on axes and data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from helpers import cdnow
from matplotlib.axes import Axes

import custlens as cl
from custlens import plot


@dataclass(frozen=True)
class Data:
    """A customers table, and what charts need besides."""

    customers: pd.DataFrame

    @cached_property
    def scored(self) -> list[pd.DataFrame]:
        """RFM scores now, and 120 days on if nobody orders until then."""
        later = self.customers.assign(as_of=self.customers["as_of"] + pd.Timedelta(days=120))
        return [cl.segments.rfm(table, scores="fixed") for table in (self.customers, later)]

    @cached_property
    def halves(self) -> list[pd.DataFrame]:
        """The customers in two parts, by an odd or even ID."""
        odd = self.customers["customer_id"] % 2 == 1
        return [self.customers[odd], self.customers[~odd]]

    @cached_property
    def history(self) -> pd.DataFrame:
        """What a store synced each week would remember of the last six weeks, if each week only had last orders."""
        columns = ["customer_id", "number_of_orders", "sales_value", "first_order_date", "last_order_date"]
        table = self.customers.loc[self.customers["number_of_orders"] > 1, columns]
        weeks = (self.customers["as_of"].max() - table["last_order_date"]).dt.days // 7
        table = table[weeks < 6].assign(week=weeks)
        before = table.assign(
            number_of_orders=table["number_of_orders"] - 1,
            sales_value=table["sales_value"] * (1 - 1 / table["number_of_orders"].astype("float64")),
            last_order_date=table["first_order_date"],
            sync=1,
            event="new",
        )
        both = pd.concat([before, table.assign(sync=7 - table["week"], event="changed")], ignore_index=True)
        days = pd.to_timedelta(7 * (7 - both["sync"]), unit="D")
        now = pd.Series(self.customers["as_of"].max(), both.index, dtype="datetime64[us, UTC]")
        return both.drop(columns="week").assign(as_of=now - days).astype({"sync": "int64"})


class Models:
    """Lifetime models of the CDNOW sample after 39 weeks, and what came in the 39 weeks after that."""

    @cached_property
    def fitted(self) -> list[cl.lifetime.LifetimeModel]:
        before = cdnow.customers("1997-09-30")
        return [cl.lifetime.fit(before, model=name) for name in ("bg_nbd", "mbg_nbd")]

    @cached_property
    def later(self) -> pd.DataFrame:
        return cdnow.customers()


Chart = Callable[[Axes | None, Any], Axes]

OF_CUSTOMERS: dict[str, Chart] = {
    "sales_value": lambda ax, data: plot.sales_value(data.customers, ax=ax),
    "sales_value_linear": lambda ax, data: plot.sales_value(data.customers, scale="linear", ax=ax),
    "sales_value_cumulative": lambda ax, data: plot.sales_value(data.customers, cumulative=True, ax=ax),
    "average_order_value": lambda ax, data: plot.average_order_value(data.customers, ax=ax),
    "number_of_orders": lambda ax, data: plot.number_of_orders(data.customers, ax=ax),
    "number_of_orders_log": lambda ax, data: plot.number_of_orders(data.customers, scale="log", ax=ax),
    "number_of_orders_cumulative": lambda ax, data: plot.number_of_orders(data.customers, cumulative=True, ax=ax),
    "first_orders": lambda ax, data: plot.first_orders(data.customers, ax=ax),
    "last_orders_by_week": lambda ax, data: plot.last_orders(data.customers, freq="W", ax=ax),
    "sales_by_country": lambda ax, data: plot.sales_by(data.customers, ax=ax),
    "sales_by_country_median": lambda ax, data: plot.sales_by(data.customers, column="median_buyer_value", ax=ax),
    "sales_by_consent": lambda ax, data: plot.sales_by(data.customers, "accept_marketing", ax=ax),
    "concentration": lambda ax, data: plot.concentration(data.customers, ax=ax),
    "second_order": lambda ax, data: plot.second_order(data.customers, ax=ax),
    "recency": lambda ax, data: plot.recency(data.customers, ax=ax),
    "inter_purchase": lambda ax, data: plot.inter_purchase(data.customers, ax=ax),
    "seasonality": lambda ax, data: plot.seasonality(data.customers, tz="Europe/Berlin", ax=ax),
    "quality": lambda ax, data: plot.quality(data.customers, ax=ax),
    "rfm_grid": lambda ax, data: plot.rfm_grid(data.customers, ax=ax),
    "rfm_grid_sales": lambda ax, data: plot.rfm_grid(data.customers, "sales_value", ax=ax),
    "segment_sizes": lambda ax, data: plot.segment_sizes(data.customers, ax=ax),
    "overdue": lambda ax, data: plot.overdue(data.customers, ax=ax),
    "cohort_heatmap": lambda ax, data: plot.cohort_heatmap(data.customers, ax=ax),
    "cohort_heatmap_quarters": lambda ax, data: plot.cohort_heatmap(data.customers, freq="QS", ax=ax),
    "repeat_rate": lambda ax, data: plot.repeat_rate(data.customers, ax=ax),
    "survival": lambda ax, data: plot.survival(data.customers, ax=ax),
}
"""Charts of one customers table."""

OF_SEVERAL: dict[str, Chart] = {
    "comparison": lambda ax, data: plot.comparison(*data.halves, names=("odd", "even"), ax=ax),
    "migration": lambda ax, data: plot.migration(*data.scored, ax=ax),
    "observed_revenue": lambda ax, data: plot.observed_revenue(data.history, currency="EUR", ax=ax),
}
"""Charts of several tables, made from one."""

OF_MODELS: dict[str, Chart] = {
    "frequency_recency": lambda ax, models: plot.frequency_recency(models.fitted[0], ax=ax),
    "frequency_recency_orders": lambda ax, models: plot.frequency_recency(models.fitted[1], "expected_orders", ax=ax),
    "repeat_counts": lambda ax, models: plot.repeat_counts(models.fitted[0], ax=ax),
    "repeat_counts_of_two": lambda ax, models: plot.repeat_counts(models.fitted, ax=ax),
    "spending": lambda ax, models: plot.spending(models.fitted[0], ax=ax),
    "calibration": lambda ax, models: plot.calibration(models.fitted[0], models.later, ax=ax),
    "calibration_of_two": lambda ax, models: plot.calibration(models.fitted, models.later, ax=ax),
}
"""Charts of lifetime models."""
