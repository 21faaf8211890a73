"""Quantiles and intervals that the analyses share, over values that may stand for several rows each."""

from __future__ import annotations

import numpy as np
from scipy import special

__all__ = ["Z95", "Groups", "median_ranks", "quantiles", "wilson"]

Z95 = 1.959963984540054


class Groups:
    """Values by group, of which those of any rank can be had.

    Parameters
    ----------
    codes, values, rows
        For each entry its group (0 to `groups` − 1; below 0 for none), its value (NaN for none), and how many rows it
        stands for.
    groups
        How many groups there are.

    Attributes
    ----------
    totals : numpy.ndarray
        For each group, how many rows have a value.
    """

    def __init__(self, codes: np.ndarray, values: np.ndarray, rows: np.ndarray, groups: int) -> None:
        known = (codes >= 0) & ~np.isnan(values)
        if not known.all():
            codes, values, rows = codes[known], values[known], rows[known]
        self.totals = np.bincount(codes, rows, groups)
        single = rows.max(initial=1) == 1
        if groups > 1:
            kind = (
                np.int8 if groups < 2**7 else np.int16 if groups < 2**15 else np.int64
            )  # small ones are sorted by radix
            order = np.argsort(codes.astype(kind), kind="stable")
            values, rows = values[order], rows[order]
        self._ends = np.cumsum(np.bincount(codes, minlength=groups))
        parts = [slice(end - size, end) for end, size in zip(self._ends, np.diff(self._ends, prepend=0), strict=True)]
        self._parts = [values[part] for part in parts]
        # A rank is found by partition; where entries stand for several rows, by adding those up in order.
        self._upto: list[np.ndarray] | None = None
        if not single:
            orders = [np.argsort(part) for part in self._parts]
            self._parts = [part[order] for part, order in zip(self._parts, orders, strict=True)]
            self._upto = [np.cumsum(rows[part][order]) for part, order in zip(parts, orders, strict=True)]

    def at(self, ranks: np.ndarray) -> np.ndarray:
        """Give the value of a rank (0 for the least) in each group; NaN for a rank that there is not."""
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
        found = [np.full(len(self.totals), np.nan) for _ in wanted]
        for group, values in enumerate(self._parts):
            places = [int(ranks[group]) for ranks in wanted]
            inside = [place for place in places if 0 <= place < self.totals[group]]
            if not inside:
                continue
            if self._upto is None:
                values.partition(inside)
            for result, place in zip(found, places, strict=True):
                if 0 <= place < self.totals[group]:
                    where = (
                        place if self._upto is None else int(np.searchsorted(self._upto[group], place, side="right"))
                    )
                    result[group] = values[where]
        return found


def quantiles(values: np.ndarray, rows: np.ndarray, shares: list[float]) -> list[float]:
    """Give quantiles over rows, interpolated linearly; NaN for nobody."""
    known = ~np.isnan(values)
    if not known.all():
        values, rows = values[known], rows[known]
    if not len(values):
        return [float("nan")] * len(shares)
    if rows.max() == 1:
        return [float(value) for value in np.quantile(values, shares)]
    ordered = Groups(np.zeros(len(values), "int64"), values, rows, 1)
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
