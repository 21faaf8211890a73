"""Revenue between syncs, from the history of a store: the API itself shows only the present."""

from __future__ import annotations

from datetime import timedelta

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens.analysis import results
from custlens.analysis._frames import CLOCK_SKEW, customers_frame, gather, same_kind
from custlens.analysis._time import local_times, period_name, periods
from custlens.errors import DataError

__all__ = ["observed_revenue"]

STATISTICS = ["number_of_orders", "sales_value"]
DATES = ["first_order_date", "last_order_date"]
NEEDED = ("sync", "as_of", "customer_id", "event", *STATISTICS, *DATES)


def observed_revenue(history: IntoFrameT, *, freq: str = "W") -> IntoFrameT:
    """Compute the revenue between syncs, by the period of the sync that saw it.

    Each customer's statistics are compared with those of the sync before: S₂ − S₁ and n₂ − n₁ are exact, and the orders
    were placed between the two syncs. What the first sync found is left out, since it may be of any age. A customer first
    seen at a later sync counts from zero.

    A change is a correction, not revenue, if no new order explains it: if the last order (the first order, for a customer
    seen for the first time) is older than the previous sync, as after a refund or a repaired record, or if the earlier
    statistics are unknown. Statistics that are missing at a sync are unknown, not zero: the next known ones are compared
    with the last known ones.

    Parameters
    ----------
    history : table
        As `Store.history` returns it: sync, as_of, customer_id, event, and the order statistics.
    freq : str
        Length of a period, in UTC: ``"D"``, ``"W"`` (from Monday), ``"MS"``, ``"QS"`` or ``"YS"``, or ``"day"``,
        ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``.

    Returns
    -------
    table of the same kind
        `results.ObservedRevenue`: one row per period in which a sync saw a change, in order.

    Raises
    ------
    ArgumentError
        An unknown `freq`, or `history` is not a table.
    DataError
        A missing column, a column of the wrong type, or a customer twice in one sync.

    Examples
    --------
    >>> import pandas as pd
    >>> history = pd.DataFrame({"sync": [1, 2], "customer_id": [7, 7], "event": ["new", "changed"]}).assign(
    ...     as_of=pd.to_datetime(["2026-03-02 12:00Z", "2026-03-12 12:00Z"]),
    ...     number_of_orders=[1, 2],
    ...     sales_value=[20.0, 50.0],
    ...     first_order_date=pd.to_datetime(["2026-03-01 09:00Z"] * 2),
    ...     last_order_date=pd.to_datetime(["2026-03-01 09:00Z", "2026-03-11 09:00Z"]),
    ... )
    >>> observed_revenue(history)
          period  revenue  orders  customers  corrections
    0 2026-03-09     30.0       1          1          0.0
    """
    period = period_name(freq)
    frame = customers_frame(history, NEEDED, name="history", one_row_per_customer=False)
    present = frame.filter(nw.col("event").cast(nw.String) != "deleted")
    steps = gather(present, keys=["sync", "customer_id"], numbers=STATISTICS, times=["as_of", *DATES])
    steps = steps.sort_values(["customer_id", "sync"], ignore_index=True)
    if steps.duplicated(["customer_id", "sync"]).any():
        raise DataError("a customer occurs twice in one sync of the history table: pass the history of one store")
    new = ~steps.duplicated("customer_id")
    steps_of = steps.groupby("customer_id")
    before = steps_of[STATISTICS].ffill().groupby(steps["customer_id"]).shift(1)
    before[new] = 0.0
    orders, revenue = (steps[name] - before[name] for name in STATISTICS)
    synced = steps.groupby("sync")["as_of"].max()
    earlier_sync = synced.shift(1, fill_value=-np.inf).reindex(steps["sync"]).to_numpy()
    ordered = steps["last_order_date"].where(~new, steps["first_order_date"])
    known = before["sales_value"].notna()
    came_in = (ordered >= earlier_sync - CLOCK_SKEW / timedelta(microseconds=1)) & known
    corrections = revenue.where(known, steps["sales_value"]).mask(came_in, 0.0)
    seen = pd.DataFrame(
        {
            "period": periods(local_times(steps["as_of"], "UTC"), period),
            "revenue": revenue.where(came_in, 0.0),
            "orders": orders.where(came_in, 0.0),
            "customer_id": steps["customer_id"].where(came_in),
            "corrections": corrections,
        }
    )
    changed = (revenue != 0) | (orders != 0)
    result = (
        seen[changed & steps["sales_value"].notna() & (steps["sync"] > 1)]
        .groupby("period", as_index=False)
        .agg(
            revenue=("revenue", "sum"),
            orders=("orders", "sum"),
            customers=("customer_id", "nunique"),
            corrections=("corrections", "sum"),
        )
    )
    return same_kind(result, results.ObservedRevenue, history)
