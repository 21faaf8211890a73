"""Quantiles, intervals and ratios that the analyses share, over values that may stand for several rows each."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy import special

from custlens._arguments import number, shown
from custlens.errors import ArgumentError

__all__ = ["Z95", "Groups", "known", "median_ranks", "parts_of_sales", "quantiles", "ratio", "shares", "wilson"]

Z95 = 1.959963984540054
ROUNDING = 1e-9
"""What a sum of amounts may be beside zero, as a share of the sum of their sizes."""


class Ranked:
    """Values in groups, prepared for looking up those of any rank.

    Parameters
    ----------
    parts
        For each group its values, none of them NaN.
    rows
        For each group how many rows each value stands for; None if each stands for one.

    Attributes
    ----------
    totals, sums : numpy.ndarray
        For each group, the number of rows that have a value, and the sum of those values.
    """

    def __init__(self, parts: list[np.ndarray], rows: list[np.ndarray] | None) -> None:
        self._parts = parts
        self._upto: list[np.ndarray] | None = None
        if rows is None:
            self.totals = np.array([float(len(part)) for part in parts])
            self.sums = np.array([part.sum() for part in parts])
        else:
            self.sums = np.array([part @ count for part, count in zip(parts, rows, strict=True)])
            orders = [np.argsort(part) for part in parts]
            self._parts = [part[order] for part, order in zip(parts, orders, strict=True)]
            self._upto = [np.cumsum(count[order]) for count, order in zip(rows, orders, strict=True)]
            self.totals = np.array([upto[-1] if len(upto) else 0.0 for upto in self._upto])

    def at(self, ranks: np.ndarray) -> np.ndarray:
        """Return the value of one rank, counted from 0, in each group; NaN where there is none."""
        return self._at([ranks])[0]

    def quantile(self, share: float) -> np.ndarray:
        """Return a quantile of each group, interpolated linearly (type 7 of Hyndman and Fan, 1996); NaN if it is empty."""
        return self.quantiles([share])[0]

    def quantiles(self, shares: list[float]) -> list[np.ndarray]:
        """Return several quantiles of each group."""
        positions = [np.asarray(share * (self.totals - 1)) for share in shares]
        below = [np.floor(position + 1e-12) for position in positions]
        found = self._at([*below, *(np.minimum(rank + 1, self.totals - 1) for rank in below)])
        pairs = zip(positions, below, found[: len(shares)], found[len(shares) :], strict=True)
        return [
            np.where(position - rank > 1e-12, low + np.clip(position - rank, 0.0, 1.0) * (high - low), low)
            for position, rank, low, high in pairs
        ]

    def _at(self, wanted: list[np.ndarray]) -> list[np.ndarray]:
        ranks = np.array(wanted)
        found = np.full(ranks.shape, np.nan)
        inside = (ranks >= 0) & (ranks < self.totals)
        for group in np.flatnonzero(inside.any(axis=0)):
            chosen = inside[:, group]
            places = ranks[chosen, group]
            if self._upto is None:
                ordered = np.partition(self._parts[group], places.astype("int64"))
                found[chosen, group] = ordered[places.astype("int64")]
            else:
                found[chosen, group] = self._parts[group][np.searchsorted(self._upto[group], places, side="right")]
        return list(found)


class Groups:
    """The assignment of rows to groups, sorted once for all columns that are ranked by group.

    Parameters
    ----------
    codes
        For each entry its group: 0 to `groups` − 1, or −1 for no group.
    rows
        The number of rows that each entry stands for.
    groups
        The number of groups.

    Attributes
    ----------
    sizes : numpy.ndarray
        The number of rows in each group.
    """

    def __init__(self, codes: np.ndarray, rows: np.ndarray, groups: int) -> None:
        small = np.int8 if groups < 2**7 else np.int16 if groups < 2**15 else np.int64  # sorted by radix
        self._order = np.argsort(codes.astype(small), kind="stable")
        self._ends = np.cumsum(np.bincount(codes + 1, minlength=groups + 1))
        self._rows = None if rows.max(initial=1) == 1 else self._split(rows)
        self.sizes = np.diff(self._ends) if self._rows is None else np.array([part.sum() for part in self._rows])

    def ranked(self, values: np.ndarray) -> Ranked:
        """Return values arranged by group; NaN means that an entry has no value."""
        parts, rows = self._split(values), self._rows
        if np.isnan(values).any():
            there = [~np.isnan(part) for part in parts]
            rows = rows and [count[some] for count, some in zip(rows, there, strict=True)]
            parts = [part[some] for part, some in zip(parts, there, strict=True)]
        return Ranked(parts, rows)

    def _split(self, values: np.ndarray) -> list[np.ndarray]:
        laid = np.take(values, self._order)
        return [laid[begin:end] for begin, end in itertools.pairwise(self._ends)]


def known(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values and rows without the entries whose value is missing (NaN)."""
    missing = np.isnan(values)
    return (values[~missing], rows[~missing]) if missing.any() else (values, rows)


def quantiles(values: np.ndarray, rows: np.ndarray, shares: list[float]) -> list[float]:
    """Return quantiles over rows, interpolated linearly; NaN if there are none."""
    values, rows = known(values, rows)
    ranked = Ranked([values], None if rows.max(initial=1) == 1 else [rows])
    return [float(found[0]) for found in ranked.quantiles(shares)]


def shares(name: str, values: Any, *, zero: bool = False) -> list[float]:
    """Return shares that were given as one number or several.

    Parameters
    ----------
    name
        Name of the argument, for errors.
    values
        The shares, above 0 (or from 0 on, with `zero`) and up to 1.
    zero
        Whether 0 is a share.

    Raises
    ------
    ArgumentError
        There is none, or one is not a share.
    """
    listed = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
    bounds = f"shares {'from 0' if zero else 'above 0'} and up to 1"
    if not listed:
        raise ArgumentError(f"{name} must be {bounds}, and is empty")
    found = [number(f"each of {name}", share) for share in listed]
    for share in found:
        if not (0 <= share <= 1 and (zero or share > 0)):
            raise ArgumentError(f"{name} must be {bounds}, and one is {shown(share)}")
    return found


def ratio(over: Any, under: Any) -> Any:
    """Return a ratio; NaN where the denominator is not above zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(under) > 0, np.divide(over, under), np.nan)


def parts_of_sales(sales: np.ndarray, turnover: float) -> np.ndarray:
    """Return the share that each group has of all sales.

    All are NaN where shares mean nothing: refunds exceed the sales of a group, or leave nothing to share.

    Parameters
    ----------
    sales
        The sales of each group, of which NaN counts as none.
    turnover
        The sum of all amounts without their signs, which says how much of the sums is rounding.
    """
    known_sales = np.nan_to_num(sales)
    total, rounding = known_sales.sum(), ROUNDING * turnover
    if total <= rounding or known_sales.min(initial=0.0) < -rounding:
        return np.full(len(sales), np.nan)
    return np.asarray(np.maximum(sales, 0.0) / total)


def wilson(successes: np.ndarray, trials: np.ndarray, z: float = Z95) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's interval of a share.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.

    Examples
    --------
    >>> low, high = wilson(np.array([8.0]), np.array([10.0]))
    >>> float(low[0].round(4)), float(high[0].round(4))
    (0.4902, 0.9433)
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / trials
        middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
        half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def median_ranks(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranks (from 0) of the two values that enclose the median with at least 95 % confidence.

    With fewer than six rows there is no such pair, and both ranks are −1.

    Source: Conover (1999), "Practical Nonparametric Statistics", 3.2.
    """
    with np.errstate(invalid="ignore"):
        lower = np.ceil(special.bdtrik(0.025, rows, 0.5) - 1e-9) - 1
    lower = np.where(rows >= 6, lower, -1)
    return lower, np.where(rows >= 6, rows - 1 - lower, -1)
