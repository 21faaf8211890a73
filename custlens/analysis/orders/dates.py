"""When buyers ordered: by period, by weekday and month, how long ago, and how far apart.

Only the first and the last order of each customer are known, so none of these results shows all orders over time.
"""

from __future__ import annotations

import calendar
from typing import Literal, get_args

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import Moment, one_of, time_zone
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
from custlens.analysis._time import (
    DAY,
    days,
    local_moments,
    local_times,
    microseconds,
    period_name,
    periods,
)

__all__ = ["inter_purchase", "order_dates", "recency", "seasonality", "tenure"]

Season = Literal["weekday", "month"]
NEEDED = ("number_of_orders", "first_order_date", "last_order_date")
GAP_NAMES = ["2", "3", "4", "5–9", "10+", "all"]
GAP_GROUP = np.searchsorted([3, 4, 5, 10], np.arange(11), side="right")
"""The place in `GAP_NAMES` of each number of orders, from 0 to 10 or more."""


def order_dates(customers: IntoFrameT, *, freq: str = "MS", tz: str = "UTC", as_of: Moment | None = None) -> IntoFrameT:
    """Count first and last orders by period.

    Only each customer's first and last order are known, so the periods do not show all orders: first orders are the
    new buyers of a period, last orders the buyers who have not been seen since.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, first_order_date and last_order_date.
    freq : str
        Length of a period: ``"D"``, ``"W"`` (from Monday), ``"MS"``, ``"QS"`` or ``"YS"``, or ``"day"``, ``"week"``,
        ``"month"``, ``"quarter"`` or ``"year"``.
    tz : str
        IANA name of the time zone in which periods begin.
    as_of : str, date or datetime, optional
        Time of the observation; by default the latest of the table's column as_of.

    Returns
    -------
    table of the same kind
        `results.OrderDates`: one row per period with any first or last order, in order.

    Raises
    ------
    ArgumentError
        An unknown period or time zone, an `as_of` that is not a point in time, or `customers` is not a table.
    DataError
        A missing column, times without a zone, a customer who occurs twice, or orders after `as_of`.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.to_datetime(["2026-01-15 12:00Z", "2026-03-01 12:00Z"])
    >>> table = pd.DataFrame({"number_of_orders": [1, 1], "first_order_date": day, "last_order_date": day})
    >>> order_dates(table, as_of="2026-03-20")
          period  first_orders  last_orders  complete
    0 2026-01-01             1            1      True
    1 2026-03-01             1            1     False
    """
    period = period_name(freq)
    time_zone("tz", tz)
    frame = customers_frame(customers, NEEDED)
    now = when_observed(frame, as_of)
    table = gather(frame, times=["first_order_date", "last_order_date"], min_orders=1)
    counts = {}
    for name, column in {"first_orders": "first_order_date", "last_orders": "last_order_date"}.items():
        local, rows = _local_counts(table[column].to_numpy(), table["rows"].to_numpy(), tz)
        counts[name] = pd.Series(rows).groupby(periods(local, period).to_numpy()).sum()
    result = pd.DataFrame(counts).fillna(0.0).rename_axis("period").sort_index().reset_index()
    result["period"] = result["period"].astype("datetime64[us]")
    if now is None:
        result["complete"] = pd.array([pd.NA] * len(result), dtype="boolean")
    else:
        current = periods(local_times([microseconds(now)], tz), period).iloc[0]
        result["complete"] = result["period"] < current
    return same_kind(result, results.OrderDates, customers)


def seasonality(
    customers: IntoFrameT, by: Season = "weekday", *, tz: str = "UTC", as_of: Moment | None = None
) -> IntoFrameT:
    """Count first and last orders by the weekday or the month on which they fell.

    This is not the seasonality of the shop's sales: only first orders and, for repeat buyers, last orders are known, and
    most last orders are recent. Orders per day correct for the number of such days.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, first_order_date and last_order_date.
    by : str
        ``"weekday"`` or ``"month"``.
    tz : str
        IANA name of the time zone in which a day begins.
    as_of : str, date or datetime, optional
        Time of the observation; by default the latest of the table's column as_of.

    Returns
    -------
    table of the same kind
        `results.Seasonality`: one row per weekday (Monday first) or month.

    Raises
    ------
    ArgumentError
        An unknown `by` or time zone, an `as_of` that is not a point in time, or `customers` is not a table.
    DataError
        A missing column, times without a zone, a customer who occurs twice, no time of the observation, or orders after it.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.to_datetime(["2026-03-02 12:00Z", "2026-03-09 12:00Z"])
    >>> table = pd.DataFrame({"number_of_orders": [1, 1], "first_order_date": day, "last_order_date": day})
    >>> seasonality(table, as_of="2026-03-15")[["name", "first_orders", "days", "first_orders_per_day"]].head(2)
          name  first_orders  days  first_orders_per_day
    0   Monday             2     2                   1.0
    1  Tuesday             0     2                   0.0
    """
    one_of("by", by, get_args(Season))
    time_zone("tz", tz)
    frame = customers_frame(customers, NEEDED)
    now = float(microseconds(need_as_of(frame, as_of)))
    table = gather(frame, times=["first_order_date", "last_order_date"], min_orders=1)
    first, last, rows = (table[name].to_numpy() for name in ("first_order_date", "last_order_date", "rows"))
    again = table["number_of_orders"].to_numpy() > 1
    names = list(calendar.day_name if by == "weekday" else calendar.month_name[1:])

    def number(local: pd.Series) -> np.ndarray:
        return np.asarray((local.dt.day_of_week if by == "weekday" else local.dt.month - 1).to_numpy())

    counted = {}
    for name, times, weights in (("first_orders", first, rows), ("last_orders", last[again], rows[again])):
        local, sums = _local_counts(times, weights, tz)
        counted[name] = np.bincount(number(local), sums, len(names))
    seen = np.zeros(len(names), "int64")
    if np.isfinite(first).any():
        ends = local_times([min(np.nanmin(first), now), now], tz).dt.normalize()
        each_day = pd.Series(pd.date_range(ends.iloc[0], ends.iloc[1], freq="D"))
        seen = np.bincount(number(each_day), minlength=len(names))
    result = pd.DataFrame({"number": np.arange(1, len(names) + 1), "name": names, **counted, "days": seen})
    for name in counted:
        result[f"{name}_per_day"] = result[name] / result["days"].where(result["days"] > 0)
    return same_kind(result, results.Seasonality, customers)


def recency(customers: IntoFrameT, *, as_of: Moment | None = None) -> IntoFrameT:
    """Compute the distribution of the time since the last order, of one-time and of repeat buyers.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders and last_order_date.
    as_of : str, date or datetime, optional
        Time of the observation; by default each row's own, the column as_of.

    Returns
    -------
    table of the same kind
        `results.Elapsed`: one row per group (one_time, repeat, all) and number of whole days that occurs.

    Raises
    ------
    ArgumentError
        An `as_of` that is not a point in time, or `customers` is not a table.
    DataError
        A missing column, times without a zone, a customer who occurs twice, no time of the observation, or orders after it.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.to_datetime(["2026-03-02 12:00Z", "2026-03-09 12:00Z"])
    >>> table = pd.DataFrame({"number_of_orders": [1, 2], "last_order_date": day})
    >>> recency(table, as_of="2026-03-12").query("group == 'all'")
      group  days  buyers  share
    2   all     3       1    0.5
    3   all    10       1    1.0
    """
    return _elapsed(customers, "last_order_date", as_of)


def tenure(customers: IntoFrameT, *, as_of: Moment | None = None) -> IntoFrameT:
    """Compute the distribution of the time since the first order, of one-time and of repeat buyers.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders and first_order_date.
    as_of : str, date or datetime, optional
        As for `recency`.

    Returns
    -------
    table of the same kind
        `results.Elapsed`, as for `recency`.

    Raises
    ------
    ArgumentError, DataError
        As for `recency`.
    """
    return _elapsed(customers, "first_order_date", as_of)


def inter_purchase(customers: IntoFrameT) -> IntoFrameT:
    """Compute the mean time between the orders of a buyer, (last − first)/(n − 1), by number of orders.

    Gaps that are not over yet are unknown, and they are the long ones: the means understate the true gaps, most of all for
    buyers with few orders.
    Buyers whose last order is dated before the first have no gap and are left out; `quality` counts them.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, first_order_date and last_order_date.

    Returns
    -------
    table of the same kind
        `results.InterPurchase`: one row per number of orders (2, 3, 4, 5–9, 10+, all): mean and quartiles, in days.

    Raises
    ------
    ArgumentError
        `customers` is not a table.
    DataError
        A missing column, times without a zone, or a customer who occurs twice.

    Examples
    --------
    >>> import pandas as pd
    >>> first, last = pd.to_datetime(["2026-03-01 12:00Z"]), pd.to_datetime(["2026-03-31 12:00Z"])
    >>> table = pd.DataFrame({"number_of_orders": [4], "first_order_date": first, "last_order_date": last})
    >>> inter_purchase(table).query("orders == 'all'")[["orders", "buyers", "mean"]]
      orders  buyers  mean
    5    all       1  10.0
    """
    frame = customers_frame(customers, NEEDED)
    table = gather(frame, times=["first_order_date", "last_order_date"], min_orders=2)
    table = table[table["last_order_date"] >= table["first_order_date"]]
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


def _elapsed(customers: IntoFrameT, column: str, as_of: Moment | None) -> IntoFrameT:
    frame = customers_frame(customers, ["number_of_orders", column])
    need_as_of(frame, as_of)
    table = gather(frame, times=[column, *as_of_column(as_of)], min_orders=1)
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


def _local_counts(times: np.ndarray, rows: np.ndarray, tz: str) -> tuple[pd.Series, np.ndarray]:
    """Count times by quarter of an hour, and return those quarters as local times."""
    times, rows = known(times, rows)
    places, local = local_moments(times, tz)
    return local, np.bincount(places, rows, len(local))
