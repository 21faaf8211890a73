"""What happened between syncs: the API shows only the present, the store's history remembers."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from custlens.analysis.frames import begin_of, customers_frame, same_kind
from custlens.errors import ConfigError

__all__ = ["observed_revenue"]

FREQUENCIES = {"D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}
NEEDED = ("store_id", "sync", "as_of", "customer_id", "event", "number_of_orders", "sales_value")


def observed_revenue(history: Any, freq: str = "W") -> Any:
    """Sum up the revenue that came in between syncs, by when a sync saw it.

    Each customer's sales value is compared with the one before: S₂ − S₁ and n₂ − n₁ are exact, and what they say came
    in at some time between the two syncs. What the first sync of a store found is older than the store's memory and is
    left out; a customer first seen later counts from nothing. A refund is negative revenue.

    Parameters
    ----------
    history
        As `Store.history` gives it; pandas, or any table Narwhals reads.
    freq
        ``"D"``, ``"W"`` (from Monday), ``"M"``, ``"Q"`` or ``"Y"``: periods, in UTC, of the syncs.

    Returns
    -------
    table of the same kind
        One row a store and period that saw a change, in order: store_id, period (its first moment), revenue (in the
        store's currency), orders, customers (who ordered). Stores are never added up: their currencies may differ.

    Raises
    ------
    ConfigError
        An unknown `freq`, or a table that is no history.
    """
    if freq not in FREQUENCIES:
        raise ConfigError(f"freq must be one of {', '.join(FREQUENCIES)}, not {freq!r}")
    frame = customers_frame(history, NEEDED).filter(nw.col("event").cast(nw.String) != "deleted")
    key = ("store_id", "customer_id")
    order = nw.col("number_of_orders").cast(nw.Float64).fill_null(0.0)
    sales = nw.col("sales_value").fill_null(0.0)
    steps = frame.with_columns(orders=order, sales=sales).with_columns(
        before_orders=nw.col("orders").shift(1).over(*key, order_by="sync"),
        before_sales=nw.col("sales").shift(1).over(*key, order_by="sync"),
    )
    seen = steps.filter(nw.col("sync") > 1).select(
        "store_id",
        "customer_id",
        period=begin_of(nw.col("as_of").dt.replace_time_zone(None), FREQUENCIES[freq]),
        revenue=nw.col("sales") - nw.col("before_sales").fill_null(0.0),
        orders=nw.col("orders") - nw.col("before_orders").fill_null(0.0),
    )
    ordered = seen.filter((nw.col("revenue") != 0) | (nw.col("orders") != 0))
    result = ordered.group_by("store_id", "period").agg(
        revenue=nw.col("revenue").sum(), orders=nw.col("orders").sum(), customers=nw.col("customer_id").n_unique()
    )
    return same_kind(result.with_columns(orders=nw.col("orders").cast(nw.Int64)).sort("store_id", "period"), history)
