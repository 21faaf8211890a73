"""First-order cohorts: buyers grouped by when they first ordered.

One look at a shop cannot tell what a cohort did month by month. What it can tell is here: how far each cohort has come,
how many of it came back, and how long after the first order its last orders (so far) were.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import (
    as_of_column,
    currency_of,
    customers_frame,
    gather,
    need_as_of,
    observed_at,
    same_kind,
)
from custlens.analysis._stats import Groups, ratio, wilson
from custlens.analysis._time import (
    DAY,
    PERIODS,
    check_time_zone,
    days,
    local_moments,
    local_times,
    period_name,
    periods,
)

__all__ = ["first_order", "matrix", "still_ordering"]

NEEDED = ("number_of_orders", "sales_value", "first_order_date", "last_order_date")


def first_order(
    customers: Any,
    *,
    every: str = "month",
    time_zone: str = "UTC",
    mature_days: float = 180.0,
    as_of: datetime | None = None,
) -> Any:
    """Sum up the cohorts of first orders.

    Older cohorts have had longer to come back: compare cohorts only where they are mature, or by `still_ordering`.

    Parameters
    ----------
    customers
        A customers table with number_of_orders, sales_value, first_order_date and last_order_date.
    every, time_zone
        Period of the first order that makes a cohort (``"week"``, ``"month"``, ``"quarter"``, ``"year"``), and the time
        zone it begins in.
    mature_days
        A cohort is mature when all its buyers have been seen for so many days.
    as_of
        Time of the observation; read from the table by default.

    Returns
    -------
    table of the same kind
        `results.Cohorts`: one row a cohort, in order: cohort, buyers, observed_days, mature, repeat_buyers, repeat_rate
        with its Wilson interval low to high, orders, sales_value, orders_per_buyer, value_per_buyer, median_recency_days.

    Raises
    ------
    ArgumentError
        An unknown period or time zone, a missing column, no time of the observation, or several currencies.
    """
    frame = customers_frame(customers, NEEDED)
    currency_of(frame)
    now = need_as_of(frame, as_of).timestamp() * 1e6
    table, codes, cohorts, ends = _cohorts(frame, every, time_zone, as_of)
    n, s, rows = (table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
    gone = days(observed_at(table, as_of) - table["last_order_date"].to_numpy())
    groups = Groups(codes, rows, len(cohorts))
    orders, spent, repeat = groups.ranked(n).sums, groups.ranked(s), groups.ranked(n > 1).sums
    low, high = wilson(repeat, groups.sizes)
    observed_days = days(now - ends)
    result = pd.DataFrame(
        {
            "cohort": cohorts,
            "buyers": groups.sizes,
            "observed_days": observed_days,
            "mature": observed_days >= mature_days,
            "repeat_buyers": repeat,
            "repeat_rate": ratio(repeat, groups.sizes),
            "low": low,
            "high": high,
            "orders": orders,
            "sales_value": spent.sums,
            "orders_per_buyer": ratio(orders, groups.sizes),
            "value_per_buyer": ratio(spent.sums, spent.totals),
            "median_recency_days": groups.ranked(gone).quantile(0.5),
        }
    )
    return same_kind(result, results.Cohorts, customers)


def still_ordering(
    customers: Any, *, every: str = "month", time_zone: str = "UTC", as_of: datetime | None = None
) -> Any:
    """Give, for each cohort and age, the share of buyers who are known to have ordered at that age or later.

    A buyer whose last order so far came 70 days after the first one was a customer for at least 70 days. Ages that not
    all buyers of a cohort have reached are left out, not counted as zero. The share is a lower bound: who seems gone may
    come back. It is not the retention triangle of an orders table, which the five statistics cannot give.

    Parameters
    ----------
    customers, every, time_zone, as_of
        As for `first_order`.

    Returns
    -------
    table of the same kind
        `results.Matrix`: one row a cohort and age (whole periods of 7, 30.4375, 91.3125 or 365.25 days since the first
        order): cohort, age, buyers, still_ordering, share.

    Raises
    ------
    ArgumentError
        As for `first_order`.
    """
    frame = customers_frame(customers, NEEDED)
    now = need_as_of(frame, as_of).timestamp() * 1e6
    every = period_name(every)
    table, codes, cohorts, ends = _cohorts(frame, every, time_zone, as_of)
    length = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}[every] * DAY
    span = table["last_order_date"].to_numpy() - table["first_order_date"].to_numpy()
    ages = np.floor(np.maximum(np.nan_to_num(span), 0.0) / length).astype("int64")
    reach = np.maximum(np.floor((now - ends) / length), 0).astype("int64")
    rows = table["rows"].to_numpy()
    width = int(max(ages.max(initial=0), reach.max(initial=0))) + 1
    counts = np.bincount(codes * width + ages, rows, len(cohorts) * width).reshape(len(cohorts), width)
    still = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
    cohort, age = np.nonzero(np.arange(width) <= reach[:, None])
    size = still[:, 0]
    result = pd.DataFrame(
        {
            "cohort": cohorts.to_numpy()[cohort],
            "age": age,
            "buyers": size[cohort],
            "still_ordering": still[cohort, age],
            "share": still[cohort, age] / size[cohort],
        }
    )
    return same_kind(result, results.Matrix, customers)


def matrix(tidy: Any, value: str = "share") -> pd.DataFrame:
    """Lay out `still_ordering` as a matrix, a row a cohort and a column an age; what is not known yet stays empty.

    Parameters
    ----------
    tidy
        As `still_ordering` gives it.
    value
        The column to show.

    Returns
    -------
    pandas.DataFrame
        Index cohort, columns age (0, 1, …), float64; NaN where a cohort has not been seen for so long.
    """
    frame = customers_frame(tidy, ["cohort", "age", value])
    table = gather(frame, numbers=["age", value], local_times=["cohort"])
    table["cohort"] = local_times(table["cohort"], "UTC")
    table["age"] = table["age"].astype("int64")
    return table.pivot(index="cohort", columns="age", values=value)


def _cohorts(
    frame: Any, every: str, time_zone: str, as_of: datetime | None
) -> tuple[pd.DataFrame, np.ndarray, pd.Series[Any], np.ndarray]:
    """Give the buyers with the number of their cohort, the cohorts, and the moments in which those end."""
    every = period_name(every)
    check_time_zone(time_zone)
    times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
    table = gather(frame, numbers=["number_of_orders", "sales_value"], times=times, min_orders=1)
    table = table[table["first_order_date"].notna()]
    places, local = local_moments(table["first_order_date"].to_numpy(), time_zone)
    begins = periods(local, every)
    cohorts, codes = pd.Series(begins.unique()), begins.factorize()[0][places]
    following = _begins_after(cohorts, every).dt.tz_localize(time_zone, ambiguous=True, nonexistent="shift_forward")
    ends = following.astype("datetime64[us, UTC]").astype("int64").to_numpy().astype("float64")
    return table, codes, cohorts, ends


def _begins_after(cohorts: pd.Series[Any], every: str) -> pd.Series[Any]:
    """Give the first moment of the period after each."""
    if every == "day":
        return cohorts + pd.Timedelta(days=1)
    following: pd.Series[Any] = (cohorts.dt.to_period(PERIODS[every]) + 1).dt.start_time
    return following
