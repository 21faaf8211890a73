"""When buyers ordered: by period, by weekday and month, how long ago, and how far apart.

Of each customer only the first and the last order are known. No picture of all orders over time can be had from them,
and none is given.
"""

from __future__ import annotations

import calendar
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import (
    as_of_column,
    customers_frame,
    gather,
    need_as_of,
    observed_at,
    same_kind,
    when_observed,
)
from custlens.analysis._stats import Groups, known, quantiles, ratio
from custlens.analysis._time import DAY, check_periods, check_time_zone, days, local_moments, local_times, periods
from custlens.errors import ArgumentError

__all__ = ["inter_purchase", "order_dates", "recency", "seasonality", "tenure"]

Season = Literal["weekday", "month"]
NEEDED = ("number_of_orders", "first_order_date", "last_order_date")
GAP_NAMES = ["2", "3", "4", "5–9", "10+", "all"]
GAP_GROUP = np.searchsorted([3, 4, 5, 10], np.arange(11), side="right")
"""For each number of orders up to 10 (and more) its place among the names."""


def order_dates(customers: Any, *, every: str = "month", time_zone: str = "UTC", as_of: datetime | None = None) -> Any:
    """Count first and last orders by period.

    Only each customer's first and last order are known, so the periods do not show all orders: first orders are the
    new buyers of a period, last orders the buyers who were not seen after it (or not yet).

    Parameters
    ----------
    customers
        A customers table with number_of_orders, first_order_date and last_order_date.
    every
        ``"day"``, ``"week"`` (from Monday), ``"month"``, ``"quarter"`` or ``"year"``.
    time_zone
        IANA name of the time zone that a period begins in.
    as_of
        Time of the observation; read from the table by default.

    Returns
    -------
    table of the same kind
        `results.OrderDates`: one row a period that saw anything, in order: period (its first moment, local time),
        first_orders and last_orders (buyers), complete (whether it was over at the time of the observation; missing if
        that is unknown).

    Raises
    ------
    ArgumentError
        An unknown period or time zone, or a missing column.
    """
    check_periods(every, time_zone)
    frame = customers_frame(customers, NEEDED)
    now = when_observed(frame, as_of)
    table = gather(frame, times=["first_order_date", "last_order_date"], min_orders=1)
    counts = {}
    for name, column in {"first_orders": "first_order_date", "last_orders": "last_order_date"}.items():
        local, rows = _local_counts(table[column].to_numpy(), table["rows"].to_numpy(), time_zone)
        counts[name] = pd.Series(rows).groupby(periods(local, every).to_numpy()).sum()
    result = pd.DataFrame(counts).fillna(0.0).rename_axis("period").sort_index().reset_index()
    result["period"] = result["period"].astype("datetime64[us]")
    if now is None:
        result["complete"] = pd.array([pd.NA] * len(result), dtype="boolean")
    else:
        current = periods(local_times([now.timestamp() * 1e6], time_zone), every).iloc[0]
        result["complete"] = result["period"] < current
    return same_kind(result, results.OrderDates, customers)


def seasonality(
    customers: Any, by: Season = "weekday", *, time_zone: str = "UTC", as_of: datetime | None = None
) -> Any:
    """Count first and last orders by the weekday or the month that they fall on.

    Not the seasons of the shop's sales: only first orders and (of those who came back) last orders are seen, and last
    orders lean to the recent past. Counts a day allow for how many such days there were.

    Parameters
    ----------
    customers, time_zone, as_of
        As for `order_dates`; the time of the observation must be known.
    by
        ``"weekday"`` or ``"month"``.

    Returns
    -------
    table of the same kind
        `results.Seasonality`: one row a weekday (Monday first) or month.

    Raises
    ------
    ArgumentError
        An unknown `by` or time zone, a missing column, or no time of the observation.
    """
    if by not in get_args(Season):
        raise ArgumentError(f"by must be one of {', '.join(get_args(Season))}, not {by!r}")
    check_time_zone(time_zone)
    frame = customers_frame(customers, NEEDED)
    now = need_as_of(frame, as_of).timestamp() * 1e6
    table = gather(frame, times=["first_order_date", "last_order_date"], min_orders=1)
    first, last, rows = (table[name].to_numpy() for name in ("first_order_date", "last_order_date", "rows"))
    again = table["number_of_orders"].to_numpy() > 1
    names = list(calendar.day_name if by == "weekday" else calendar.month_name[1:])

    def number(local: pd.Series) -> np.ndarray:
        return np.asarray((local.dt.day_of_week if by == "weekday" else local.dt.month - 1).to_numpy())

    counted = {}
    for name, times, weights in (("first_orders", first, rows), ("last_orders", last[again], rows[again])):
        local, sums = _local_counts(times, weights, time_zone)
        counted[name] = np.bincount(number(local), sums, len(names))
    begin = np.nanmin(first) if np.isfinite(first).any() else now
    ends = local_times([min(begin, now), now], time_zone).dt.normalize()
    each_day = pd.Series(pd.date_range(ends.iloc[0], ends.iloc[1], freq="D"))
    seen = np.bincount(number(each_day), minlength=len(names))
    result = pd.DataFrame({"number": np.arange(1, len(names) + 1), "name": names, **counted, "days": seen})
    for name in counted:
        result[f"{name}_a_day"] = result[name] / result["days"].where(result["days"] > 0)
    return same_kind(result, results.Seasonality, customers)


def recency(customers: Any, *, as_of: datetime | None = None) -> Any:
    """Give the distribution of the time since the last order, of one-time and of repeat buyers.

    Parameters
    ----------
    customers
        A customers table with number_of_orders and last_order_date.
    as_of
        Time of the observation; read from the table by default (each row's own).

    Returns
    -------
    table of the same kind
        `results.Elapsed`: for each group (one_time, repeat, all) and number of whole days that occurs: buyers, and the
        share of the group with at most that many days.

    Raises
    ------
    ArgumentError
        A missing column, or no time of the observation.
    """
    return _elapsed(customers, "last_order_date", as_of)


def tenure(customers: Any, *, as_of: datetime | None = None) -> Any:
    """Give the distribution of the time since the first order; parameters and result as for `recency`."""
    return _elapsed(customers, "first_order_date", as_of)


def inter_purchase(customers: Any) -> Any:
    """Give the mean time between the orders of a buyer, (last − first)/(n − 1), by number of orders.

    Buyers with few orders and long gaps are still under way: the gaps seen so far are shorter than those to come.

    Parameters
    ----------
    customers
        A customers table with number_of_orders, first_order_date and last_order_date.

    Returns
    -------
    table of the same kind
        `results.InterPurchase`: one row a number of orders (2, 3, 4, 5–9, 10+, all): buyers, mean and quartiles in days.
    """
    frame = customers_frame(customers, NEEDED)
    table = gather(frame, times=["first_order_date", "last_order_date"], min_orders=2)
    columns = ("number_of_orders", "first_order_date", "last_order_date", "rows")
    n, first, last, rows = (table[name].to_numpy() for name in columns)
    gaps = (last - first) / DAY / (n - 1)
    codes = GAP_GROUP[np.minimum(n, len(GAP_GROUP) - 1).astype("int64")]
    size = len(GAP_NAMES) - 1
    shares = [0.25, 0.5, 0.75]
    ranked = Groups(codes, rows, size).ranked(gaps)
    buyers = np.append(ranked.totals, ranked.totals.sum())
    mean = ratio(np.append(ranked.sums, ranked.sums.sum()), buyers)
    pairs = zip(ranked.quantiles(shares), quantiles(gaps, rows, shares), strict=True)
    q25, median, q75 = (np.append(of_groups, of_all) for of_groups, of_all in pairs)
    result = pd.DataFrame(
        {"orders": GAP_NAMES, "buyers": buyers, "mean": mean, "q25": q25, "median": median, "q75": q75}
    )
    return same_kind(result, results.InterPurchase, customers)


def _elapsed(customers: Any, column: str, as_of: datetime | None) -> Any:
    frame = customers_frame(customers, ["number_of_orders", column])
    need_as_of(frame, as_of)
    times = [column, *as_of_column(as_of)]
    table = gather(frame, times=times, min_orders=1)
    gone = days(observed_at(table, as_of) - table[column].to_numpy())
    n, rows, dated = table["number_of_orders"].to_numpy(), table["rows"].to_numpy(), ~np.isnan(gone)
    parts = []
    for group, chosen in (("one_time", n == 1), ("repeat", n > 1), ("all", n >= 1)):
        chosen = chosen & dated
        counts = np.bincount(np.floor(gone[chosen]).astype("int64"), rows[chosen])
        whole = np.flatnonzero(counts)
        share = np.cumsum(counts)[whole] / (counts.sum() or 1)
        parts.append(pd.DataFrame({"group": group, "days": whole, "buyers": counts[whole], "share": share}))
    return same_kind(pd.concat(parts, ignore_index=True), results.Elapsed, customers)


def _local_counts(times: np.ndarray, rows: np.ndarray, time_zone: str) -> tuple[pd.Series, np.ndarray]:
    """Count by quarter of an hour, and give the local time of each."""
    times, rows = known(times, rows)
    places, local = local_moments(times, time_zone)
    return local, np.bincount(places, rows, len(local))
