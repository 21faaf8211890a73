"""Quantiles and intervals that the analyses share, over values that may stand for several rows each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

__all__ = ["Z95", "Sorted", "median_ranks", "quantiles", "sort_groups", "wilson"]

Z95 = 1.959963984540054


class Sorted(NamedTuple):
    """Values by group and, in a group, in order."""

    values: np.ndarray
    ends: np.ndarray
    """For each value, how many rows there are up to it, over all groups."""
    starts: np.ndarray
    """For each group, how many rows there are before it."""
    totals: np.ndarray
    """For each group, how many rows it has."""

    def at(self, ranks: np.ndarray) -> np.ndarray:
        """Give the value of a rank (0 for the least) in each group; NaN for a rank that there is not."""
        inside = (ranks >= 0) & (ranks < self.totals)
        places = np.searchsorted(self.ends, self.starts + np.where(inside, ranks, 0), side="right")
        padded = np.append(self.values, np.nan)
        return np.where(inside, padded[np.minimum(places, len(self.values))], np.nan)

    def quantile(self, share: float) -> np.ndarray:
        """Give a quantile of each group, interpolated linearly (type 7 of Hyndman and Fan, 1996); NaN for nobody."""
        position = share * (self.totals - 1)
        below = np.floor(position + 1e-12)
        part = np.clip(position - below, 0.0, 1.0)
        low = self.at(below)
        high = self.at(np.minimum(below + 1, self.totals - 1))
        return np.where(part > 1e-12, low + part * (high - low), low)


def sort_groups(codes: np.ndarray, values: np.ndarray, rows: np.ndarray, groups: int) -> Sorted:
    """Sort values by group; a code below 0 and a missing value are left out.

    Parameters
    ----------
    codes, values, rows
        For each entry its group (0 to `groups` − 1), its value, and how many rows it stands for.
    """
    known = (codes >= 0) & ~np.isnan(values)
    if not known.all():
        codes, values, rows = codes[known], values[known], rows[known]
    order = np.argsort(values)
    kind = np.int8 if groups < 2**7 else np.int16 if groups < 2**15 else np.int64  # small ones are sorted by radix
    order = order[np.argsort(codes[order].astype(kind), kind="stable")]
    totals = np.bincount(codes, rows, groups)
    return Sorted(values[order], np.cumsum(rows[order]), np.cumsum(totals) - totals, totals)


def quantiles(values: np.ndarray, rows: np.ndarray, shares: list[float]) -> list[float]:
    """Give quantiles over rows, interpolated linearly; NaN for nobody."""
    known = ~np.isnan(values)
    if not known.all():
        values, rows = values[known], rows[known]
    if not len(values):
        return [float("nan")] * len(shares)
    if rows.max() == 1:
        return [float(value) for value in np.quantile(values, shares)]
    ordered = sort_groups(np.zeros(len(values), "int8"), values, rows, 1)
    return [float(ordered.quantile(share)[0]) for share in shares]


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
