"""Checks of arguments that several rooms share: each error names the argument, what came, and what to pass instead."""

from __future__ import annotations

import difflib
import math
import re
import zoneinfo
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeAlias

from custlens.errors import ArgumentError

__all__ = [
    "YEARS",
    "Moment",
    "flag",
    "is_currency",
    "moment",
    "name_list",
    "nearest",
    "number",
    "one_of",
    "shown",
    "span",
    "time_zone",
    "whole_number",
]

Moment: TypeAlias = str | date | datetime
"""A point in time: an aware datetime or pandas Timestamp, ISO 8601 text, or a date, which means the end of that day."""

SHOWN_LETTERS = 60
SHOWN_NAMES = 60
YEARS = (1677, 2262)
"""Between these years pandas can count time in any unit."""
SIMPLE = (str, int, float, bool, date, timedelta, type(None))


def shown(value: Any) -> str:
    """Return a short text that shows a value in an error: simple values as they are, of anything else only its type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, SIMPLE) or (isinstance(value, tuple | list) and all(isinstance(v, SIMPLE) for v in value)):
        text = repr(value)
        return text if len(text) <= SHOWN_LETTERS else f"{text[: SHOWN_LETTERS - 1]}…"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'AEIOaeio' else 'a'} {kind}"


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return the end of an error message: which choice was probably meant, or what there is to choose from."""
    names = list(choices)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.51)  # one letter of two is no likeness
    listed = ", ".join(sorted(names)[:SHOWN_NAMES])
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"did you mean {close[0]!r}?" if close else f"choose from {listed}{more}"


def one_of(name: str, value: Any, options: Iterable[str]) -> str:
    """Return a value that must be one of a few names.

    Raises
    ------
    ArgumentError
        It is none of them.
    """
    names = list(options)
    if isinstance(value, str) and value in names:
        return value
    close = [text for text in names if isinstance(value, str) and text.casefold() == value.strip().casefold()]
    if isinstance(value, str) and not close:
        close = difflib.get_close_matches(value, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise ArgumentError(f"{name} must be one of {', '.join(names)}, not {shown(value)}{hint}")


def is_currency(value: Any) -> bool:
    """Return whether a value has the form of an ISO 4217 code: three capital letters."""
    return isinstance(value, str) and re.fullmatch("[A-Z]{3}", value) is not None


def flag(name: str, value: Any) -> bool:
    """Return True or False, and nothing that only counts as such.

    Raises
    ------
    ArgumentError
        It is something else.
    """
    if isinstance(value, bool):
        return value
    raise ArgumentError(f"{name} must be True or False, not {shown(value)}")


def name_list(name: str, value: Any) -> list[str]:
    """Return one name or several as a list.

    Raises
    ------
    ArgumentError
        It is something else.
    """
    listed = [value] if isinstance(value, str) else value
    if isinstance(listed, list | tuple | set | frozenset | dict) and all(isinstance(text, str) for text in listed):
        return list(listed)
    raise ArgumentError(f"{name} must be a name or a list of names, not {shown(value)}")


def whole_number(name: str, value: Any, *, least: int = 0, most: int | None = None) -> int:
    """Return a whole number within bounds (NumPy's integers are taken too, booleans are not).

    Raises
    ------
    ArgumentError
        It is something else, or out of bounds.
    """
    bounds = f"at least {least}" if most is None else f"from {least} to {most}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ArgumentError(f"{name} must be a whole number, {bounds}, not {shown(value)}")
    found = value.__index__()
    if found < least or (most is not None and found > most):
        raise ArgumentError(f"{name} must be {bounds}, and is {found}")
    return int(found)


def number(
    name: str, value: Any, *, above: float = -math.inf, below: float = math.inf, least: float = -math.inf
) -> float:
    """Return a finite number above one bound and below another, or of at least so much.

    Raises
    ------
    ArgumentError
        It is something else, or out of bounds.
    """
    bounds = "" if math.isinf(above) else f" above {above:g}"
    bounds += "" if math.isinf(below) else f"{' and' if bounds else ''} below {below:g}"
    bounds += "" if math.isinf(least) else f" of at least {least:g}"
    if isinstance(value, bool | str) or not hasattr(value, "__float__") or hasattr(value, "__len__"):
        raise ArgumentError(f"{name} must be a number{bounds}, not {shown(value)}")
    try:
        found = float(value)
    except OverflowError:  # a whole number beyond all floats
        found = math.inf
    if not (math.isfinite(found) and above < found < below and found >= least):
        raise ArgumentError(f"{name} must be a number{bounds}, and is {found:g}")
    return found


def moment(name: str, value: Any) -> datetime:
    """Return a point in time, in UTC.

    Parameters
    ----------
    name
        Name of the argument, for the error.
    value
        An aware datetime or pandas Timestamp, ISO 8601 text with an offset, or a date (as text or not), which means
        the end of that day in UTC.

    Raises
    ------
    ArgumentError
        It is something else, or a time of day without a time zone.

    Examples
    --------
    >>> moment("as_of", "2026-06-30").isoformat()
    '2026-06-30T23:59:59.999999+00:00'
    >>> moment("as_of", "2026-06-30 14:00+02:00").isoformat()
    '2026-06-30T12:00:00+00:00'
    """
    found: Any = value
    if isinstance(value, str):
        try:
            found = date.fromisoformat(value) if len(value) == len("2026-06-30") else datetime.fromisoformat(value)
        except ValueError:
            found = None
    if isinstance(found, datetime) and found == found:  # NaT differs from itself
        if found.tzinfo is None:
            raise ArgumentError(f"{name} needs a time zone, such as '2026-06-30 14:00+02:00', and is {shown(value)}")
        floor: Any = getattr(found, "floor", None)
        found = floor("us").to_pydatetime() if floor else found  # a pandas Timestamp may carry nanoseconds
        if YEARS[0] < found.year < YEARS[1]:
            utc: datetime = found.astimezone(UTC)
            return utc
    elif isinstance(found, date) and not isinstance(found, datetime) and YEARS[0] < found.year < YEARS[1]:
        return datetime.combine(found, time.max, UTC)
    if isinstance(found, date) and found == found:
        raise ArgumentError(f"{name} must lie between the years {YEARS[0]} and {YEARS[1]}, and is {shown(value)}")
    raise ArgumentError(f"{name} must be a date such as '2026-06-30' or a time with its zone, not {shown(value)}")


def time_zone(name: str, value: Any) -> str:
    """Return the IANA name of a time zone.

    Raises
    ------
    ArgumentError
        There is no such time zone.
    """
    try:
        return zoneinfo.ZoneInfo(value).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError, AttributeError) as error:
        raise ArgumentError(
            f"{name} must be the IANA name of a time zone such as 'Europe/Berlin', not {shown(value)}"
        ) from error


_DAYS = {"d": 1.0, "day": 1.0, "days": 1.0, "w": 7.0, "week": 7.0, "weeks": 7.0}
_MEANT_DAYS = (
    _DAYS
    | dict.fromkeys(("m", "ms", "month", "months"), 365.25 / 12)
    | dict.fromkeys(("q", "qs", "quarter", "quarters"), 365.25 / 4)
    | dict.fromkeys(("y", "ys", "year", "years"), 365.25)
)
"""Days of units that are understood in a hint only."""
LONGEST_SPAN = timedelta(days=36_525)


def span(name: str, value: Any, *, default: str = "90D") -> timedelta:
    """Return a time span, given as a timedelta (also of NumPy or pandas) or as text in days or weeks.

    Parameters
    ----------
    name
        Name of the argument, for the error.
    value
        The span.
    default
        What to suggest if the value suggests nothing.

    Raises
    ------
    ArgumentError
        It is something else, has no unit of days or weeks, or is shorter than a day.

    Examples
    --------
    >>> span("horizon", "13W").days
    91
    """
    found, hint = None, default
    if getattr(getattr(value, "dtype", None), "kind", "") == "m":
        found = value.astype("timedelta64[us]").item()
    elif isinstance(value, timedelta):
        found = value
    elif match := re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*([A-Za-z]*)", str(value).strip()):
        amount, unit = float(match[1]), match[2].lower()
        if isinstance(value, str) and unit in _DAYS and abs(amount) < LONGEST_SPAN.days:
            found = timedelta(days=amount * _DAYS[unit])
        meant = round(abs(amount) * _MEANT_DAYS.get(unit, 1.0))
        hint = f"{meant}D" if 0 < meant <= LONGEST_SPAN.days else default
    if not isinstance(found, timedelta) or not timedelta(days=1) <= found <= LONGEST_SPAN:
        raise ArgumentError(
            f"{name} must be a time span of a day or more in days or weeks, such as '90D' or '13W', and at most 100 years, "
            f"not {shown(value)}; did you mean '{hint}'?"
        )
    return found
