"""Times in the analyses: microseconds since 1970, local periods, time zones."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from custlens.errors import ArgumentError

__all__ = [
    "DAY",
    "PERIODS",
    "check_periods",
    "check_time_zone",
    "days",
    "local_moments",
    "local_times",
    "microseconds",
    "periods",
]

PERIODS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
"""Periods by name, as pandas calls them; a week begins on Monday."""
DAY = 86_400e6
"""Microseconds in a day."""
QUARTER_HOUR = 900e6
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(when: datetime) -> int:
    """Return a time as whole microseconds since 1970."""
    return (when - EPOCH) // timedelta(microseconds=1)


def days(microseconds: Any) -> Any:
    """Turn a difference of times into days; a negative one (two clocks that disagree by a little) counts as none."""
    return np.maximum(np.asarray(microseconds), 0.0) / DAY


def local_times(microseconds: Any, time_zone: str) -> pd.Series[Any]:
    """Show times as a clock in a time zone shows them (without the zone)."""
    stamps = pd.Series(np.asarray(microseconds, "float64"))
    whole = pd.to_datetime(stamps.astype("Int64"), unit="us", utc=True)
    local: pd.Series[Any] = whole.dt.tz_convert(time_zone).dt.tz_localize(None)
    return local


def local_moments(microseconds: np.ndarray, time_zone: str) -> tuple[np.ndarray, pd.Series[Any]]:
    """Tell which quarter of an hour each time falls in; few are shown as local times, where times are many.

    Each time zone's offset is a multiple of a quarter of an hour.

    Returns
    -------
    places
        For each time, its place among the quarters that occur.
    local
        Those quarters, as local times, in order.
    """
    steps = np.floor(microseconds / QUARTER_HOUR).astype("int64")
    least = steps.min() if len(steps) else 0
    there = np.flatnonzero(np.bincount(steps - least))
    place_of = np.zeros(int(there[-1]) + 1 if len(there) else 0, "int64")
    place_of[there] = np.arange(len(there))
    return place_of[steps - least], local_times((there + least) * QUARTER_HOUR, time_zone)


def periods(local: pd.Series[Any], every: str) -> pd.Series[Any]:
    """Give the first moment of the period that each local time falls in."""
    if every == "day":
        begin: pd.Series[Any] = local.dt.normalize()
    else:
        begin = local.dt.to_period(PERIODS[every]).dt.start_time.astype(local.dtype)
    return begin


def check_time_zone(name: str) -> None:
    """Check the name of a time zone."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, IsADirectoryError):
        raise ArgumentError(f"there is no time zone {name!r}: give an IANA name such as 'Europe/Berlin'") from None


def check_periods(every: str, time_zone: str) -> None:
    """Check the name of a period, and of the time zone that it begins in."""
    if every not in PERIODS:
        raise ArgumentError(f"every must be one of {', '.join(PERIODS)}, not {every!r}")
    check_time_zone(time_zone)
