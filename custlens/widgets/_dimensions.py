"""The columns that the Explorer charts: each is cut into pieces once, so that counting needs no values any more.

A piece is the smallest part of a column that can be chosen by hand: a few euros, a few days, a country. Piece 0 holds
the missing values. Pieces make up bars; bar 0 is that of piece 0. A filter chooses pieces, and the ends of pieces are
exact values, so that pandas finds the same customers by the filter as the chart counts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pandas as pd

from custlens._arguments import moment, nearest, number, shown
from custlens._text import printable
from custlens.errors import ArgumentError, DataError
from custlens.widgets._edges import linear_edges, log_edges, time_edges

__all__ = ["Categories", "Dimension", "Numbers", "Times"]

LONGEST_LIST, TOP = 14, 12
"""Categories that are shown one by one; if there are more than the first number, the second is shown."""
LARGEST = 1e100
"""A value beyond it is taken for an error."""
NOT_A_TIME = np.iinfo("int64").min
MISSING = "missing"
"""Stands for both ends of a filter that chooses the missing values."""
Filter = tuple[Any, Any] | list[Any]
"""A range ``(low, high)``, either end of which may be None, or a list of values in which None stands for missing."""


class Dimension(ABC):
    """A column in pieces.

    Attributes
    ----------
    name, title : str
        The column, and what the chart is called.
    codes : numpy.ndarray
        The piece of each customer; 0 if the value is missing.
    bar_of : numpy.ndarray
        The bar of each piece.
    bars : numpy.ndarray
        The bar of each customer.
    chosen : numpy.ndarray or None
        Of each piece whether the filter chooses it; None without a filter.
    """

    codes: np.ndarray
    bar_of: np.ndarray
    bars: np.ndarray
    chosen: np.ndarray | None = None

    def __init__(self, name: str, title: str) -> None:
        self.name, self.title = name, title

    @property
    def pieces(self) -> int:
        """How many pieces there are, with that of the missing values."""
        return len(self.bar_of)

    @property
    def bar_count(self) -> int:
        """How many bars there are, with that of the missing values."""
        return int(self.bar_of.max(initial=0)) + 1

    def mask(self) -> np.ndarray | None:
        """Return of each customer whether the filter chooses them; None without a filter."""
        return None if self.chosen is None else self.chosen[self.codes]

    def chosen_bars(self) -> np.ndarray:
        """Return of each bar whether the filter chooses any of its pieces."""
        return np.isin(np.arange(self.bar_count), self.bar_of if self.chosen is None else self.bar_of[self.chosen])

    @property
    @abstractmethod
    def filter(self) -> Filter | None:
        """The filter; None without one."""

    @abstractmethod
    def clear(self) -> None:
        """Remove the filter."""

    @abstractmethod
    def restrict(self, value: Any) -> None:
        """Set the filter to a value that a caller gave.

        Raises
        ------
        ArgumentError
            It is not a filter of this column.
        """

    @abstractmethod
    def choose(self, pieces: Sequence[int]) -> None:
        """Set the filter to some pieces."""

    @abstractmethod
    def condition(self) -> list[str]:
        """Return the filter as conditions in pandas, all of which have to hold."""

    @abstractmethod
    def words(self) -> str:
        """Return the filter in words."""

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """Return what the front end needs to draw and to name the pieces and bars."""

    def _set_pieces(self, codes: np.ndarray, bar_of: np.ndarray) -> None:
        self.codes, self.bar_of = codes, bar_of
        self.bars = bar_of[codes]

    def _column(self) -> str:
        return f"customers[{self.name!r}]".replace("'", '"')


class _Range(Dimension):
    """A column of ordered values, charted as a histogram.

    Values are float64 or int64; a piece holds the values from its lower end up to, but without, its upper end. The first
    piece has no lower end and the last no upper end, so that every value is in one.
    """

    values: np.ndarray
    missing: np.ndarray
    bar_edges: list[Any]
    """Ends of the bars; None is an end that is open."""
    edges: np.ndarray
    """Values between one piece and the next."""
    axis: str
    _limits: tuple[Any, Any] | None = None

    def _cut(self, bar_edges: list[Any], edges: np.ndarray) -> None:
        """Cut the values at the edges."""
        self.bar_edges, self._grid = bar_edges, edges
        self._cut_at(edges)

    def _cut_at(self, edges: np.ndarray) -> None:
        self.edges = edges
        codes = (np.searchsorted(edges, self.values, side="right") + 1).astype("int16")
        codes[self.missing] = 0
        inner = np.array(self.bar_edges[1:-1], edges.dtype)
        first = np.searchsorted(inner, edges, side="right") + 1
        self._set_pieces(codes, np.concatenate(([0, 1], first)).astype("uint8"))

    @property
    def filter(self) -> Filter | None:
        if self._limits is None:
            return None
        low, high = self._limits
        return [None] if low is MISSING else (self._outward(low), self._outward(high))

    def clear(self) -> None:
        self._limit(None)

    def restrict(self, value: Any) -> None:
        if isinstance(value, list) and value == [None]:
            self._limit((MISSING, MISSING))
        elif isinstance(value, tuple) and len(value) == 2:
            low, high = (None if end is None else self._parse(end) for end in value)
            if low is not None and high is not None and low >= high:
                raise ArgumentError(f"filters of {self.name} must rise from low to high, not {shown(value)}")
            self._limit((low, high))
        else:
            raise ArgumentError(
                f"filters of {self.name} must be a range (low, high), where None leaves an end open, or [None] for the "
                f"missing values, not {shown(value)}"
            )

    def choose(self, pieces: Sequence[int]) -> None:
        first, last = pieces[0], pieces[-1]
        if first == 0:
            self._limit((MISSING, MISSING))
        else:
            low = None if first == 1 else self.edges[first - 2].item()
            high = None if last == self.pieces - 1 else self.edges[last - 1].item()
            self._limit((low, high))

    def _limit(self, limits: tuple[Any, Any] | None) -> None:
        """Choose the pieces between two values; these become ends of pieces if they are not yet."""
        self._limits = limits
        if limits is None:
            self.chosen = None
            return
        low, high = limits
        ends = [end for end in limits if end is not None and end is not MISSING]
        if not np.isin(ends, self.edges).all():
            self._cut_at(np.union1d(self._grid, np.array(ends, self._grid.dtype)))
        self.chosen = np.zeros(self.pieces, bool)
        if low is MISSING:
            self.chosen[0] = True
        else:
            first = 1 if low is None else int(np.searchsorted(self.edges, low)) + 2
            last = self.pieces if high is None else int(np.searchsorted(self.edges, high)) + 2
            self.chosen[first:last] = True

    def condition(self) -> list[str]:
        if self._limits is None:
            return []
        column = self._column()
        low, high = (end if end is None or end is MISSING else self._literal(end) for end in self._limits)
        if low is MISSING:
            return [f"{column}.isna()"]
        if low is not None and high is not None:
            return [f'{column}.between({low}, {high}, inclusive="left")']
        if low is not None:
            return [f"({column} >= {low})"]
        return [f"{column}.notna()" if high is None else f"({column} < {high})"]

    def words(self) -> str:
        if self._limits is None:
            return ""
        low, high = self._limits
        if low is MISSING:
            return "missing"
        if low is None and high is None:
            return "known"
        start = "" if low is None else f"from {self.text(low)}"
        end = "" if high is None else f"{'to ' if start else ''}below {self.text(high)}"
        return f"{start} {end}".strip()

    def spec(self) -> dict[str, Any]:
        bars = [self._bar_text(*ends) for ends in zip(self.bar_edges[:-1], self.bar_edges[1:], strict=True)]
        return {
            "name": self.name,
            "title": self.title,
            "kind": "range",
            "axis": self.axis,
            "bars": ["missing", *bars],
            "bar_of": self.bar_of.tolist(),
            "edges": ["the least", *(self.text(edge) for edge in self.edges.tolist()), "the most"],
            "ticks": self._ticks(),
        }

    def _ticks(self) -> list[tuple[int, str]]:
        """Return a few ends of bars to name on the axis, each with its place, counted in bars from the left."""
        places = [place for place, end in enumerate(self.bar_edges) if end is not None and self._is_round(end)]
        if len(places) < 2:
            places = [place for place, end in enumerate(self.bar_edges) if end is not None]
        step = math.ceil(len(places) / 5) or 1
        return [(place, self._tick(self.bar_edges[place])) for place in places[::step]]

    @abstractmethod
    def _parse(self, end: Any) -> Any:
        """Return an end of a range, as a caller gave it, as a value."""

    @abstractmethod
    def _outward(self, end: Any) -> Any:
        """Return an end of a range as a caller would write it; None stays None."""

    @abstractmethod
    def _literal(self, value: Any) -> str:
        """Return a value as Python."""

    @abstractmethod
    def text(self, value: Any) -> str:
        """Return a value as text."""

    @abstractmethod
    def _tick(self, value: Any) -> str:
        """Return a value as a short text for the axis."""

    @abstractmethod
    def _is_round(self, value: Any) -> bool:
        """Return whether a value is one that people name first."""

    @abstractmethod
    def _bar_text(self, low: Any, high: Any) -> str:
        """Return what a bar between two ends is called."""


class Numbers(_Range):
    """A column of numbers.

    Parameters
    ----------
    name, title : str
        The column, and what the chart is called.
    values : numpy.ndarray
        float64; NaN is missing.
    whole : bool
        Whether all values are whole numbers.
    axis : {"linear", "log"}
        The scale of the axis; it is linear in any case if no value is above zero.
    """

    def __init__(self, name: str, title: str, values: np.ndarray, *, whole: bool = False, axis: str = "linear") -> None:
        super().__init__(name, title)
        self.values, self.whole = values, whole
        self.missing = np.isnan(values)
        if (np.abs(values) > LARGEST).any():
            raise DataError(f"{name} has values beyond {LARGEST:g}: make them missing first")
        self.rescale(axis)

    def rescale(self, axis: str) -> None:
        """Cut the values anew, for a linear or a logarithmic axis; the filter stays."""
        known = self.values[~self.missing]
        self.axis = axis if (known > 0).any() else "linear"
        bar_edges, edges = (log_edges if self.axis == "log" else linear_edges)(known, self.whole)
        self._cut(bar_edges, edges)
        self._limit(self._limits)

    def _parse(self, end: Any) -> float:
        return number(f"an end of the range of {self.name}", end) + 0.0  # −0 becomes 0

    def _outward(self, end: float | None) -> float | None:
        return int(end) if end is not None and self.whole and end.is_integer() else end

    def _literal(self, value: float) -> str:
        return repr(self._outward(value))

    def text(self, value: float) -> str:
        return f"{value:,.15g}" if abs(value) < 1e15 else f"{value:g}"

    def _tick(self, value: float) -> str:
        for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= 10 * size or (abs(value) >= size and size > 1e3):
                return f"{value / size:g}{unit}"
        return self.text(value)

    def _is_round(self, value: float) -> bool:
        return self.axis != "log" or (value > 0 and float(f"1e{round(math.log10(value))}") == value)

    def _bar_text(self, low: float | None, high: float | None) -> str:
        if low is None and high is None:
            return "all values"
        if low is None:
            assert high is not None
            return "0 or less" if self.axis == "log" else f"below {self.text(high)}"
        if high is None:
            return f"{self.text(low)} or more"
        if self.whole:
            return self.text(low) if high - low == 1 else f"{self.text(low)} to {self.text(high - 1)}"
        return f"{self.text(low)} to below {self.text(high)}"


class Times(_Range):
    """A column of times; the bars are days, weeks, months, quarters or years in UTC.

    Parameters
    ----------
    name, title : str
        The column, and what the chart is called.
    values : numpy.ndarray
        int64, microseconds since 1970 in UTC; the least int64 is missing.
    """

    axis = "time"

    def __init__(self, name: str, title: str, values: np.ndarray) -> None:
        super().__init__(name, title)
        self.values, self.missing = values, values == NOT_A_TIME
        known = values[~self.missing]
        self.period, bar_edges, edges = time_edges(known)
        self._cut(bar_edges, edges)

    def _parse(self, end: Any) -> int:
        found = moment(f"an end of the range of {self.name}", end)
        if (isinstance(end, date) and not isinstance(end, datetime)) or (
            isinstance(end, str) and len(end) == len("2026-06-30")
        ):
            found = datetime.combine(found.date(), time(), UTC)
        return _micros(found)

    def _outward(self, end: int | None) -> str | None:
        if end is None:
            return None
        when = pd.Timestamp(end, unit="us", tz="UTC")
        return when.date().isoformat() if when == when.normalize() else when.isoformat()

    def _literal(self, value: int) -> str:
        text = str(self._outward(value))
        return f'pd.Timestamp("{text}")' if "T" in text else f'pd.Timestamp("{text}", tz="UTC")'

    def text(self, value: int) -> str:
        when = pd.Timestamp(value, unit="us")
        day = f"{when.day} {when:%b %Y}"
        return day if when == when.normalize() else f"{day} {when:%H:%M} UTC"

    def _tick(self, value: int) -> str:
        when = pd.Timestamp(value, unit="us")
        if when.is_year_start:
            return str(when.year)
        return f"{when:%b %Y}" if self.period in "MQY" else f"{when.day} {when:%b}"

    def _is_round(self, value: int) -> bool:
        when = pd.Timestamp(value, unit="us")
        return bool(when.is_year_start if self.period in "MQY" else True)

    def _bar_text(self, low: int | None, high: int | None) -> str:
        if low is None:
            return "all times" if high is None else f"before {self.text(high)}"
        when = pd.Timestamp(low, unit="us")
        if self.period == "W":
            return f"week of {self.text(low)}"
        names = {"D": self.text(low), "M": f"{when:%B %Y}", "Q": f"Q{when.quarter} {when.year}", "Y": str(when.year)}
        return names[self.period]


class Categories(Dimension):
    """A column of names, charted as bars.

    Parameters
    ----------
    name, title : str
        The column, and what the chart is called.
    column : pandas.Series
        The names.
    order : iterable of str, optional
        The order of the bars; the most frequent first by default.
    label : callable, optional
        Returns what a value is called; values are their own names by default.
    missing : str, default "missing"
        What missing values are called.
    """

    _filter: list[Any] | None = None
    _piece: np.ndarray = np.zeros(0, "int64")
    """The piece of each value; 0 is the missing value."""

    def __init__(
        self,
        name: str,
        title: str,
        column: pd.Series,
        *,
        order: Iterable[str] | None = None,
        label: Callable[[Any], str] = str,
        missing: str = MISSING,
    ) -> None:
        super().__init__(name, title)
        try:
            codes, values = pd.factorize(column)
        except TypeError as error:
            raise DataError(f"{name} must hold text, truth values or numbers: convert the column first") from error
        counts = np.bincount(codes + 1, minlength=len(values) + 1)[1:]
        named: list[Any] = [value.item() if isinstance(value, np.generic) else value for value in values]
        places = {value: place for place, value in enumerate(order or ())}
        rank = sorted(
            (place for place, count in enumerate(counts) if count),
            key=lambda place: (places.get(named[place], len(places)), -counts[place], str(named[place])),
        )
        self.values = [named[place] for place in rank]
        self._number = {value: place for place, value in enumerate(self.values, start=1)}
        renumbered = np.zeros(len(values) + 1, "int32")  # the last is that of −1, which is missing
        renumbered[rank] = np.arange(1, len(rank) + 1)
        self._codes = renumbered[codes]
        self._shown = len(rank) if len(rank) <= LONGEST_LIST else TOP
        self._names: list[str] = [missing, *(_name(label(value)) for value in self.values)]
        self._split(set())

    def _split(self, apart: set[int]) -> None:
        """Make one piece of each value that has a bar, one of the other values, and one of those of them kept apart."""
        piece = np.minimum(np.arange(len(self.values) + 1), self._shown + 1)
        piece[sorted(apart)] = self._shown + 2
        if np.array_equal(piece, self._piece):
            return
        self._piece = piece
        bar_of = np.arange(int(piece.max(initial=0)) + 1).clip(max=self._shown + 1)
        self._set_pieces(piece.astype("int16")[self._codes], bar_of.astype("uint8"))

    def restrict(self, value: Any) -> None:
        if not isinstance(value, list) or not value:
            raise ArgumentError(
                f"filters of {self.name} must be a list of values, in which None stands for the missing ones, "
                f"not {shown(value)}"
            )
        numbers = set()
        for chosen in value:
            place = 0 if chosen is None else self._number.get(chosen) if isinstance(chosen, Hashable) else None
            if place is None or (place and type(chosen) is not type(self.values[place - 1])):  # 1 is not True
                hint = self._nearest(str(chosen))
                raise ArgumentError(f"filters of {self.name} have {shown(chosen)}, which no customer has: {hint}")
            numbers.add(place)
        self._restrict_to(numbers)

    def _nearest(self, text: str) -> str:
        """Return the end of an error message: the value that is spelled or called like a text, or the nearest one."""
        for value, name in zip(self.values, self._names[1:], strict=True):
            if text.casefold() in (str(value).casefold(), name.casefold()):
                return f"did you mean {shown(value)}?"
        return nearest(text, map(printable, self.values))

    def _restrict_to(self, numbers: set[int]) -> None:
        others = {place for place in numbers if place > self._shown}
        self._split(others if len(others) < len(self.values) - self._shown else set())
        self._filter = [self.values[place - 1] for place in sorted(numbers) if place] + [None] * (0 in numbers)
        self.chosen = np.zeros(self.pieces, bool)
        self.chosen[self._piece[sorted(numbers)]] = True

    def choose(self, pieces: Sequence[int]) -> None:
        self._restrict_to(set(np.flatnonzero(np.isin(self._piece, pieces)).tolist()))

    @property
    def filter(self) -> Filter | None:
        return self._filter

    def clear(self) -> None:
        self._filter = self.chosen = None
        self._split(set())

    def condition(self) -> list[str]:
        if self._filter is None:
            return []
        column = self._column()
        named = [value for value in self._filter if value is not None]
        parts = [f"{column}.isin({named!r})"] if named else []
        if len(named) < len(self._filter):
            parts.append(f"{column}.isna()")
        return [parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"]

    def words(self) -> str:
        if self._filter is None:
            return ""
        names = [self._names[0 if value is None else self._number[value]] for value in self._filter]
        return ", ".join(names) if len(names) <= TOP else f"{', '.join(names[:TOP])} and {len(names) - TOP:,} more"

    def spec(self) -> dict[str, Any]:
        bars = self._names[: self._shown + 1]
        if len(self.values) > self._shown:
            bars.append(f"{len(self.values) - self._shown:,} others")
        return {
            "name": self.name,
            "title": self.title,
            "kind": "category",
            "bars": bars,
            "bar_of": self.bar_of.tolist(),
        }


def _name(text: str) -> str:
    """Return what a value is called; never nothing."""
    return printable(text) or ("(blank)" if text else "(empty)")


def _micros(when: datetime) -> int:
    return int(np.datetime64(when.replace(tzinfo=None), "us").astype("int64"))
