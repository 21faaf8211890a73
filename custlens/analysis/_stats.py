"""Quantiles and intervals that the analyses share, over values that may stand for several rows each."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import special

__all__ = ["Z95", "Groups", "known", "median_ranks", "quantiles", "ratio", "wilson"]

Z95 = 1.959963984540054
FEW = 20_000
"""Up to so many values are ranked without a sample."""


class Ranked:
    """Values in groups, of which those of any rank can be had.

    Parameters
    ----------
    parts
        For each group its values, none of them NaN.
    rows
        For each group how many rows each value stands for; None where that is one.

    Attributes
    ----------
    totals, sums : numpy.ndarray
        For each group, how many rows have a value, and those values added up.
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
        """Give each group's value of one rank, counted from 0; NaN where there is none."""
        return self._at([ranks])[0]

    def quantile(self, share: float) -> np.ndarray:
        """Give a quantile of each group, interpolated linearly (type 7 of Hyndman and Fan, 1996); NaN for nobody."""
        return self.quantiles([share])[0]

    def quantiles(self, shares: list[float]) -> list[np.ndarray]:
        """Give several quantiles of each group."""
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
                found[chosen, group] = _select(self._parts[group], places.astype("int64"))
            else:
                found[chosen, group] = self._parts[group][np.searchsorted(self._upto[group], places, side="right")]
        return list(found)


class Groups:
    """Which rows are in which group; laid out once for all columns that are ranked by group.

    Parameters
    ----------
    codes
        For each entry its group: 0 to `groups` − 1; below 0 for none.
    rows
        How many rows each entry stands for.
    groups
        How many groups there are.

    Attributes
    ----------
    sizes : numpy.ndarray
        For each group, how many rows it has.
    """

    def __init__(self, codes: np.ndarray, rows: np.ndarray, groups: int) -> None:
        small = np.int8 if groups < 2**7 else np.int16 if groups < 2**15 else np.int64  # sorted by radix
        self._order = np.argsort(codes.astype(small), kind="stable")
        self._ends = np.cumsum(np.bincount(codes + 1, minlength=groups + 1))
        self._rows = None if rows.max(initial=1) == 1 else self._split(rows)
        self.sizes = np.diff(self._ends) if self._rows is None else np.array([part.sum() for part in self._rows])

    def ranked(self, values: np.ndarray) -> Ranked:
        """Lay out values by group; NaN where an entry has none."""
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
    """Leave out the entries without a value (NaN)."""
    missing = np.isnan(values)
    return (values[~missing], rows[~missing]) if missing.any() else (values, rows)


def quantiles(values: np.ndarray, rows: np.ndarray, shares: list[float]) -> list[float]:
    """Give quantiles over rows, interpolated linearly; NaN for nobody."""
    values, rows = known(values, rows)
    ranked = Ranked([values], None if rows.max(initial=1) == 1 else [rows])
    return [float(found[0]) for found in ranked.quantiles(shares)]


def _select(values: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Give the values of some ranks, counted from 0.

    Of many values only those are looked at that lie between two bounds around a rank, which a sample of every so many-th
    value suggests. Counting the values below shows whether the rank is among them; if not, all are looked at.

    Source: after Floyd and Rivest (1975), "Expected time bounds for selection", Communications of the ACM 18.
    """
    size = len(values)
    if size <= FEW:
        return np.asarray(np.partition(values, ranks)[ranks])
    sample = np.sort(values[:: max(size // 10_000, 50)])
    margin = int(2 * np.sqrt(len(sample)))  # four standard deviations of a rank's place in the sample, at the most
    found = np.full(len(ranks), np.nan)
    for place, rank in enumerate(ranks):
        if not np.isnan(found[place]):
            continue
        middle = rank * len(sample) // size
        low = sample[middle - margin] if middle >= margin else -np.inf
        high = sample[middle + margin] if middle + margin < len(sample) else np.inf
        for least, most in ((low, high), (-np.inf, np.inf)):
            inside = (values >= least) & (values <= most)
            below = np.count_nonzero(values < least)
            here = (ranks >= below) & (ranks < below + np.count_nonzero(inside))
            if here[place]:
                break
        if least == most:
            found[here] = least
        else:
            found[here] = np.partition(values[inside], ranks[here] - below)[ranks[here] - below]
    return found


def ratio(over: Any, under: Any) -> Any:
    """Divide; nothing over nobody is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(under) > 0, np.divide(over, under), np.nan)


def wilson(successes: np.ndarray, trials: np.ndarray, z: float = Z95) -> tuple[np.ndarray, np.ndarray]:
    """Give Wilson's interval of a share.

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
    """Give the ranks (from 0) of the values that hold the median with at least 95 % certainty, by the binomial law.

    Below six rows there is no such pair: the lower rank is then −1.

    Source: Conover (1999), "Practical Nonparametric Statistics", 3.2.
    """
    with np.errstate(invalid="ignore"):
        lower = np.ceil(special.bdtrik(0.025, rows, 0.5) - 1e-9) - 1
    lower = np.where(rows >= 6, lower, -1)
    return lower, np.where(rows >= 6, rows - 1 - lower, -1)
