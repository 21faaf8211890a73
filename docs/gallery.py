"""What the gallery shows and the image tests compare: each chart as the line of code that draws it, and its data."""

from __future__ import annotations

import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

import custlens as cl

__all__ = ["BASELINE", "CASES", "OF_CUSTOMERS", "OF_MODELS", "OF_SEVERAL", "Data", "Models", "data", "draw", "page"]

BASELINE = Path(__file__).parents[1] / "tests" / "plot" / "baseline"
OF_CUSTOMERS = {
    "sales_value": "cl.plot.sales_value(customers)",
    "sales_value_linear": 'cl.plot.sales_value(customers, scale="linear")',
    "sales_value_cumulative": "cl.plot.sales_value(customers, cumulative=True)",
    "average_order_value": "cl.plot.average_order_value(customers)",
    "number_of_orders": "cl.plot.number_of_orders(customers)",
    "number_of_orders_log": 'cl.plot.number_of_orders(customers, scale="log")',
    "number_of_orders_cumulative": "cl.plot.number_of_orders(customers, cumulative=True)",
    "concentration": "cl.plot.concentration(customers)",
    "sales_by_country": "cl.plot.sales_by(customers)",
    "sales_by_country_median": 'cl.plot.sales_by(customers, column="median_buyer_value")',
    "sales_by_consent": 'cl.plot.sales_by(customers, "accept_marketing")',
    "quality": "cl.plot.quality(customers)",
    "first_orders": "cl.plot.first_orders(customers)",
    "last_orders_by_week": 'cl.plot.last_orders(customers, freq="W")',
    "seasonality": 'cl.plot.seasonality(customers, tz="Europe/Berlin")',
    "recency": "cl.plot.recency(customers)",
    "inter_purchase": "cl.plot.inter_purchase(customers)",
    "second_order": "cl.plot.second_order(customers)",
    "rfm_grid": "cl.plot.rfm_grid(customers)",
    "rfm_grid_sales": 'cl.plot.rfm_grid(customers, "sales_value")',
    "segment_sizes": "cl.plot.segment_sizes(customers)",
    "cohort_heatmap": "cl.plot.cohort_heatmap(customers)",
    "cohort_heatmap_quarters": 'cl.plot.cohort_heatmap(customers, freq="QS")',
    "repeat_rate": "cl.plot.repeat_rate(customers)",
    "survival": "cl.plot.survival(customers)",
    "overdue": "cl.plot.overdue(customers)",
}
"""Charts of one customers table."""

OF_SEVERAL = {
    "comparison": 'cl.plot.comparison(odd, even, names=("odd", "even"))',
    "migration": "cl.plot.migration(before, after)",
    "observed_revenue": 'cl.plot.observed_revenue(history, currency="EUR")',
}
"""Charts of several tables."""

OF_MODELS = {
    "frequency_recency": "cl.plot.frequency_recency(model)",
    "frequency_recency_orders": 'cl.plot.frequency_recency(model, "expected_orders")',
    "repeat_counts": "cl.plot.repeat_counts(model)",
    "repeat_counts_of_two": "cl.plot.repeat_counts([model, other])",
    "spending": "cl.plot.spending(model)",
    "calibration": "cl.plot.calibration(model, later)",
    "calibration_of_two": "cl.plot.calibration([model, other], later)",
}
"""Charts of lifetime models."""

CASES = {**OF_CUSTOMERS, **OF_SEVERAL, **OF_MODELS}


class Data:
    """A customers table, and what charts need besides."""

    def __init__(self, customers: pd.DataFrame) -> None:
        self.customers = customers

    @cached_property
    def before(self) -> pd.DataFrame:
        """RFM scores now."""
        return cl.segments.rfm(self.customers, scores="fixed")

    @cached_property
    def after(self) -> pd.DataFrame:
        """RFM scores 120 days on, if nobody orders until then."""
        later = self.customers.assign(as_of=self.customers["as_of"] + pd.Timedelta(days=120))
        return cl.segments.rfm(later, scores="fixed")

    @cached_property
    def odd(self) -> pd.DataFrame:
        """The customers with an odd ID."""
        return self.customers[self.customers["customer_id"] % 2 == 1]

    @cached_property
    def even(self) -> pd.DataFrame:
        """The customers with an even ID."""
        return self.customers[self.customers["customer_id"] % 2 == 0]

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
    def before(self) -> pd.DataFrame:
        """The customers as they were after 39 weeks."""
        with cl.demo.serve("cdnow", until="1997-09-30") as shop:
            return cl.fetch(shop.client(), progress=False).customers

    @cached_property
    def model(self) -> cl.lifetime.LifetimeModel:
        """The BG/NBD model."""
        return cl.lifetime.fit(self.before, model="bg_nbd")

    @cached_property
    def other(self) -> cl.lifetime.LifetimeModel:
        """The MBG/NBD model."""
        return cl.lifetime.fit(self.before, model="mbg_nbd")

    @cached_property
    def later(self) -> pd.DataFrame:
        """The customers 39 weeks later."""
        with cl.demo.serve("cdnow") as shop:
            return cl.fetch(shop.client(), progress=False).customers


def data() -> dict[str, Data]:
    """Return the customers of two shops and of smaller ones: "tiny" has three buyers and "one" has one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CustlensWarning)
        with cl.demo.serve(customers=5_000, seed=7) as shop:
            customers = cl.fetch(shop.client(), progress=False).customers
        with cl.demo.serve("cdnow") as shop:
            cdnow = cl.fetch(shop.client(), progress=False).customers
    buyers = customers[customers["number_of_orders"] > 0].reset_index(drop=True)
    tables = {
        "generated": customers,
        "cdnow": cdnow,
        "tiny": buyers.head(3),
        "one": buyers.head(1),
        "prospects": customers[customers["number_of_orders"] == 0].head(5),
        "empty": customers.head(0),
    }
    return {name: Data(table) for name, table in tables.items()}


def draw(name: str, given: Any, ax: Axes | None = None) -> Axes:
    """Draw a chart by running its line of code; the names in it are attributes of what is given."""
    code = CASES[name]
    names = {
        word: getattr(given, word)
        for word in compile(code, name, "eval").co_names
        if word != "cl" and hasattr(given, word)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CustlensWarning)  # comparisons of few buyers
        drawn: Axes = eval(f"{code[:-1]}, ax=ax)", {"cl": cl, "ax": ax}, names)  # noqa: S307  # lines of this file
    return drawn


def page(shop: Data, models: Models) -> str:
    """Return the gallery as Markdown; each picture has the finding of its chart as alternative text."""
    lines = [
        "# Gallery",
        "",
        "Each chart, the line that draws it, and what it shows as `cl.plot.describe` says it. The pictures are those that the",
        "image tests compare with. Generated by `make docs` from `docs/gallery.py`; do not edit it by hand.",
    ]
    chapters = {
        "Customers of a demo shop": (OF_CUSTOMERS, shop),
        "Two tables, and the history of a store": (OF_SEVERAL, shop),
        "Lifetime models of the CDNOW sample": (OF_MODELS, models),
    }
    for title, (cases, given) in chapters.items():
        lines += ["", f"## {title}"]
        for name, code in cases.items():
            finding = cl.plot.describe(draw(name, given))
            plt.close()
            picture = f"../tests/plot/baseline/{name}-{'models' if cases is OF_MODELS else 'generated'}-light.png"
            lines += ["", f"```python\n{code}\n```", "", f"![{finding}]({picture})", "", finding]
    return "\n".join(lines) + "\n"
