"""Times in the analyses: microseconds since 1970, local periods, time zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from custlens._arguments import one_of

__all__ = [
    "DAY",
    "PERIODS",
    "days",
    "local_moments",
    "local_times",
    "microseconds",
    "period_name",
    "periods",
]

FREQUENCIES = {"D": "day", "W": "week", "MS": "month", "QS": "quarter", "YS": "year"}
PERIODS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
"""The alias of each period in pandas; a week begins on Monday and ends on Sunday."""
DAY = 86_400e6
"""Microseconds in a day."""
QUARTER_HOUR = 900e6
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(when: datetime) -> int:
    """Return a time as whole microseconds since 1970."""
    return (when - EPOCH) // timedelta(microseconds=1)


def days(difference: Any) -> Any:
    """Return differences of times, in microseconds, as days.

    A negative difference, of two clocks that disagree by a little, counts as zero.
    """
    return np.maximum(np.asarray(difference), 0.0) / DAY


def local_times(moments: Any, tz: str) -> pd.Series[Any]:
    """Return times, in microseconds, as a clock in a time zone shows them (without the zone)."""
    stamps = pd.Series(np.asarray(moments, "float64"))
    whole = pd.to_datetime(stamps.astype("Int64"), unit="us", utc=True)
    local: pd.Series[Any] = whole.dt.tz_convert(tz).dt.tz_localize(None)
    return local


def local_moments(moments: np.ndarray, tz: str) -> tuple[np.ndarray, pd.Series[Any]]:
    """Return the quarter-hour that each time falls in, so that only a few local times must be computed.

    The offset of every time zone (since 1972) is a multiple of a quarter of an hour.

    Returns
    -------
    places
        For each time, its place among the quarter-hours that occur.
    local
        Those quarter-hours as local times, in order.
    """
    steps = np.floor(moments / QUARTER_HOUR).astype("int64")
    least = steps.min() if len(steps) else 0
    occurring = np.flatnonzero(np.bincount(steps - least))
    place_of = np.zeros(int(occurring[-1]) + 1 if len(occurring) else 0, "int64")
    place_of[occurring] = np.arange(len(occurring))
    return place_of[steps - least], local_times((occurring + least) * QUARTER_HOUR, tz)


def periods(local: pd.Series[Any], period: str) -> pd.Series[Any]:
    """Return the first moment of the period (day, week, …) that each local time falls in."""
    if period == "day":
        begin: pd.Series[Any] = local.dt.normalize()
    else:
        begin = local.dt.to_period(PERIODS[period]).dt.start_time.astype(local.dtype)
    return begin


def period_name(freq: Any) -> str:
    """Return the name of a period (day, week, month, quarter or year), given as an alias of pandas or by name.

    Raises
    ------
    ArgumentError
        `freq` is neither.
    """
    found = one_of("freq", freq, [*FREQUENCIES, *PERIODS])
    return FREQUENCIES.get(found, found)
