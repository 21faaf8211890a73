"""What happened between syncs: the API shows only the present, the store's history remembers."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from custlens.analysis import results
from custlens.analysis._frames import customers_frame, gather, same_kind
from custlens.analysis._time import local_times, periods
from custlens.errors import ArgumentError

__all__ = ["observed_revenue"]

FREQUENCIES = {"D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}
NEEDED = ("sync", "as_of", "customer_id", "event", "number_of_orders", "sales_value")


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
        `results.ObservedRevenue`: one row per period that saw a change, in order: period (its first moment), revenue
        (in the shop's currency), orders, customers (who ordered).

    Raises
    ------
    ArgumentError
        An unknown `freq`, or a table that is no history.
    """
    if freq not in FREQUENCIES:
        raise ArgumentError(f"freq must be one of {', '.join(FREQUENCIES)}, not {freq!r}")
    frame = customers_frame(history, NEEDED).filter(nw.col("event").cast(nw.String) != "deleted")
    keys, numbers = ["sync", "customer_id"], ["number_of_orders", "sales_value"]
    steps = gather(frame, keys=keys, numbers=numbers, times=["as_of"]).sort_values(["customer_id", "sync"])
    now = steps[["number_of_orders", "sales_value"]].fillna(0.0)
    before = now.groupby(steps["customer_id"]).shift(1).fillna(0.0)
    moved = (now - before).rename(columns={"number_of_orders": "orders", "sales_value": "revenue"})
    seen = moved.assign(
        customer_id=steps["customer_id"],
        period=periods(local_times(steps["as_of"], "UTC"), FREQUENCIES[freq]).to_numpy(),
    )
    seen = seen[(steps["sync"] > 1) & ((seen["revenue"] != 0) | (seen["orders"] != 0))]
    result = seen.groupby("period", as_index=False).agg(
        revenue=("revenue", "sum"), orders=("orders", "sum"), customers=("customer_id", "nunique")
    )
    return same_kind(result, results.ObservedRevenue, history)
