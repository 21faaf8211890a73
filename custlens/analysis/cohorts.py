"""Cohorts: buyers grouped by the period of their first order.

A single snapshot of a shop cannot show what a cohort did month by month. It does show what each cohort has brought so
far, how many of its buyers came back, and how long after their first order they last ordered.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame, IntoFrameT

from custlens._arguments import Moment, number, one_of, time_zone
from custlens.analysis import results
from custlens.analysis._frames import (
    Frame,
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
    days,
    local_moments,
    local_times,
    period_name,
    periods,
)
from custlens.errors import DataError

__all__ = ["matrix", "summary", "survival"]


def __dir__() -> list[str]:
    return __all__


DATED = ("number_of_orders", "first_order_date", "last_order_date")
MEAN_DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "quarter": 365.25 / 4, "year": 365.25}


def summary(
    customers: IntoFrameT,
    *,
    freq: str = "MS",
    tz: str = "UTC",
    mature_days: float = 180.0,
    as_of: Moment | None = None,
) -> IntoFrameT:
    """Compute the size, the repeat rate and the value of each cohort.

    Older cohorts have had more time to come back: compare only mature cohorts, or use `survival`.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, sales_value, first_order_date and last_order_date.
    freq : str, default "MS"
        Period of the first order: ``"D"``, ``"W"``, ``"MS"``, ``"QS"``, ``"YS"``, or ``"day"`` … ``"year"``.
    tz : str, default "UTC"
        IANA name of the time zone that the periods are in.
    mature_days : float, default 180
        A cohort is mature when all its buyers have been observed for that many days.
    as_of : str, date or datetime, optional
        Time of the observation; by default each row's own, from the column as_of.

    Returns
    -------
    table of the same kind
        `results.Cohorts`: one row per cohort, in order: cohort, buyers, observed_days, mature, repeat_buyers,
        repeat_rate with its 95 % Wilson interval repeat_rate_ci_low to repeat_rate_ci_high, orders, sales_value,
        orders_per_buyer, value_per_buyer, median_recency_days.

    Raises
    ------
    ArgumentError
        `customers` is not a table; `freq` or `tz` is unknown; `mature_days` is not a number from 0; `as_of` is not a
        point in time.
    DataError
        A column is missing or of the wrong type, a customer occurs twice, there are several currencies, or the time of
        the observation is unknown or lies before the orders.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     customers = cl.fetch(shop.client(), progress=False).customers
    >>> summary(customers, freq="QS")[["cohort", "buyers", "repeat_buyers"]]
          cohort  buyers  repeat_buyers
    0 1997-01-01    2357           1152
    """
    least = number("mature_days", mature_days, least=0)
    frame = customers_frame(customers, [*DATED, "sales_value"])
    currency_of(frame)
    found = _cohorts(frame, period_name(freq), tz, as_of, ["sales_value"])
    n, s, rows = (found.table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
    groups = Groups(found.codes, rows, len(found.begins))
    orders, spent, repeat = groups.ranked(n).sums, groups.ranked(s), groups.ranked(n > 1).sums
    low, high = wilson(repeat, groups.sizes)
    observed_days = days(found.observed - found.ends)
    result = pd.DataFrame(
        {
            "cohort": found.begins,
            "buyers": groups.sizes,
            "observed_days": observed_days,
            "mature": observed_days >= least,
            "repeat_buyers": repeat,
            "repeat_rate": ratio(repeat, groups.sizes),
            "repeat_rate_ci_low": low,
            "repeat_rate_ci_high": high,
            "orders": orders,
            "sales_value": spent.sums,
            "orders_per_buyer": ratio(orders, groups.sizes),
            "value_per_buyer": ratio(spent.sums, spent.totals),
            "median_recency_days": groups.ranked(found.recency).quantile(0.5),
        }
    )
    return same_kind(result, results.Cohorts, customers)


def survival(customers: IntoFrameT, *, freq: str = "MS", tz: str = "UTC", as_of: Moment | None = None) -> IntoFrameT:
    """Compute, for each cohort and age, the share of buyers who are known to have ordered at that age or later.

    A buyer whose last order so far came 70 days after the first one was a customer for at least 70 days. Ages that some
    buyers of a cohort have not reached yet are left out rather than counted as zero. The share is a lower bound: a
    buyer who seems gone may come back. It is not the retention triangle of an orders table, which the five statistics cannot give.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, first_order_date and last_order_date.
    freq : str, default "MS"
        Period of the first order, and unit of the age: ``"D"``, ``"W"``, ``"MS"``, ``"QS"``, ``"YS"``, or ``"day"`` …
        ``"year"``.
    tz : str, default "UTC"
        IANA name of the time zone that the periods are in.
    as_of : str, date or datetime, optional
        Time of the observation; by default each row's own, from the column as_of.

    Returns
    -------
    table of the same kind
        `results.Survival`: one row per cohort and age (whole periods of 1, 7, 30.4375, 91.3125 or 365.25 days since the
        first order): cohort, age, buyers, still_ordering, share.

    Raises
    ------
    ArgumentError, DataError
        As in `summary`.
    """
    frame = customers_frame(customers, DATED)
    period = period_name(freq)
    found = _cohorts(frame, period, tz, as_of, [])
    length = MEAN_DAYS[period] * DAY
    span = found.table["last_order_date"].to_numpy() - found.table["first_order_date"].to_numpy()
    ages = np.floor(np.maximum(np.nan_to_num(span), 0.0) / length).astype("int64")
    reach = np.maximum(np.floor((found.observed - found.ends) / length), 0).astype("int64")
    count, width = len(found.begins), int(max(ages.max(initial=0), reach.max(initial=0))) + 1
    counts = np.bincount(found.codes * width + ages, found.table["rows"].to_numpy(), count * width)
    still = np.cumsum(counts.reshape(count, width)[:, ::-1], axis=1)[:, ::-1]
    cohort, age = np.nonzero(np.arange(width) <= reach[:, None])
    size = still[:, 0]
    result = pd.DataFrame(
        {
            "cohort": found.begins.to_numpy()[cohort],
            "age": age,
            "buyers": size[cohort],
            "still_ordering": still[cohort, age],
            "share": still[cohort, age] / size[cohort],
        }
    )
    return same_kind(result, results.Survival, customers)


def matrix(survival: IntoFrame, value: str = "share") -> pd.DataFrame:
    """Return the result of `survival` as a matrix, with one row per cohort and one column per age.

    Parameters
    ----------
    survival : table
        The result of `survival`.
    value : {"share", "still_ordering", "buyers"}, default "share"
        The column to show.

    Returns
    -------
    pandas.DataFrame
        Index cohort, columns age (0, 1, …), float64; NaN where a cohort has not been observed for that long.

    Raises
    ------
    ArgumentError
        `survival` is not a table, or `value` is unknown.
    DataError
        A column is missing, or a cohort occurs twice.
    """
    one_of("value", value, ["share", "still_ordering", "buyers"])
    frame = customers_frame(
        survival, ["cohort", "age", value], name="survival", way_out="pass the result of cohorts.survival"
    )
    table = gather(frame, numbers=["age", value], local_times=["cohort"])
    if table.duplicated(["cohort", "age"]).any() or (table["rows"] > 1).any():
        raise DataError("a cohort occurs twice in the survival table: pass the cohorts of one shop at a time")
    table["cohort"] = local_times(table["cohort"], "UTC")
    table["age"] = table["age"].astype("int64")
    return table.pivot(index="cohort", columns="age", values=value)


class _Cohorts(NamedTuple):
    """The buyers with a known first order, and their cohorts."""

    table: pd.DataFrame
    recency: np.ndarray
    """Days since the last order of each entry."""
    codes: np.ndarray
    """The number of each entry's cohort."""
    begins: pd.Series[Any]
    """The first moment of each cohort's period, in local time."""
    ends: np.ndarray
    """The moment at which each cohort's period ends, in microseconds."""
    observed: np.ndarray
    """The earliest observation of a buyer of each cohort, in microseconds."""


def _cohorts(frame: Frame, period: str, tz: str, as_of: Moment | None, numbers: list[str]) -> _Cohorts:
    time_zone("tz", tz)
    need_as_of(frame, as_of)
    times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
    table = gather(frame, numbers=numbers, times=times, min_orders=1)
    table = table[table["first_order_date"].notna()]
    places, local = local_moments(table["first_order_date"].to_numpy(), tz)
    first = periods(local, period)
    begins, codes = pd.Series(first.unique()), first.factorize()[0][places]
    following = _begins_after(begins, period).dt.tz_localize(tz, ambiguous=True, nonexistent="shift_forward")
    ends = following.astype("datetime64[us, UTC]").astype("int64").to_numpy().astype("float64")
    now = np.broadcast_to(observed_at(table, as_of), len(table))
    observed = np.full(len(begins), np.inf)
    np.minimum.at(observed, codes, now)
    return _Cohorts(table, days(now - table["last_order_date"].to_numpy()), codes, begins, ends, observed)


def _begins_after(begins: pd.Series[Any], period: str) -> pd.Series[Any]:
    """Return the first moment of the period after each."""
    if period == "day":
        return begins + pd.Timedelta(days=1)
    following: pd.Series[Any] = (begins.dt.to_period(PERIODS[period]) + 1).dt.start_time
    return following
