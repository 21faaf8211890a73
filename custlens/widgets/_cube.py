"""Counting for linked charts: what every chart shows is counted once for each piece of the chart in use.

While somebody moves a brush, the front end only subtracts two rows of these counts and asks nothing of the kernel.
Sales are added as floating-point numbers; customers are whole numbers and exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from custlens.widgets._dimensions import Dimension

__all__ = ["Crossfilter", "Cube", "Measure"]

Measure = Literal["customers", "sales"]


class Cube(NamedTuple):
    """Running sums over the pieces of one chart: row k has the sum of all pieces before piece k.

    Attributes
    ----------
    bars : numpy.ndarray
        uint32 (customers) or float64 (sales), one column per bar of every other chart, chart after chart.
    totals : numpy.ndarray
        float64, two columns: customers and sales under the filters of all other charts.
    """

    bars: np.ndarray
    totals: np.ndarray


class Crossfilter:
    """Counts of several dimensions of the same customers.

    A chart shows the customers that the filters of all *other* charts leave; the selection is what all filters leave.

    Parameters
    ----------
    dimensions : iterable of Dimension
        The charts.
    sales : numpy.ndarray
        float64, the sales of each customer; without missing values.
    """

    def __init__(self, dimensions: Iterable[Dimension], sales: np.ndarray) -> None:
        self.dimensions = {dimension.name: dimension for dimension in dimensions}
        self.sales = sales

    def mask(self, *without: str) -> np.ndarray | None:
        """Return of each customer whether the filters choose them, those of some charts apart; None if there is none."""
        found: np.ndarray | None = None
        for name, dimension in self.dimensions.items():
            mask = None if name in without else dimension.mask()
            if mask is not None:
                found = mask if found is None else found & mask
        return found

    def totals(self) -> tuple[int, float]:
        """Return the number and the sales of the selected customers."""
        mask = self.mask()
        sales = self.sales if mask is None else self.sales[mask]
        return len(sales), float(sales.sum())

    def counts(self, measure: Measure) -> list[np.ndarray]:
        """Return the bars of each chart."""
        selected = self._rows(self.mask())
        found = []
        for name, dimension in self.dimensions.items():
            mask, sales = selected if dimension.chosen is None else self._rows(self.mask(name))
            found.append(_count(_among(dimension.bars, mask), dimension.bar_count, sales, measure))
        return found

    def whole(self, measure: Measure) -> list[np.ndarray]:
        """Return the bars of each chart without any filter."""
        return [
            _count(dimension.bars, dimension.bar_count, self.sales, measure) for dimension in self.dimensions.values()
        ]

    def cube(self, name: str, measure: Measure) -> Cube:
        """Count every other chart for each piece of one chart."""
        active = self.dimensions[name]
        mask, sales = outside = self._rows(self.mask(name))
        pieces = common = _among(active.codes, mask).astype("int64")
        totals = [np.bincount(pieces, weights, minlength=active.pieces)[:, None] for weights in (None, sales)]
        tables = []
        for other in self.dimensions.values():
            if other is active:
                continue
            if other.chosen is None:
                (mask, sales), pieces = outside, common
            else:
                mask, sales = self._rows(self.mask(name, other.name))
                pieces = _among(active.codes, mask).astype("int64")
            cells = pieces * other.bar_count
            cells += _among(other.bars, mask)
            table = _count(cells, active.pieces * other.bar_count, sales, measure)
            tables.append(table.reshape(active.pieces, other.bar_count))
        return Cube(_running(tables, "uint32" if measure == "customers" else "float64"), _running(totals, "float64"))

    def _rows(self, mask: np.ndarray | None) -> tuple[np.ndarray | None, np.ndarray]:
        """Return a mask and the sales of the customers in it."""
        return mask, _among(self.sales, mask)


def _count(places: np.ndarray, length: int, sales: np.ndarray, measure: Measure) -> np.ndarray:
    """Return how many customers there are at each place, or their sales."""
    return np.bincount(places, sales if measure == "sales" else None, minlength=length)


def _among(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    return values if mask is None else values[mask]


def _running(tables: Sequence[np.ndarray], dtype: str) -> np.ndarray:
    """Return tables side by side as running sums down the rows, beginning with a row of zeros."""
    pieces = tables[0].shape[0] if tables else 0
    sums = np.zeros((pieces + 1, sum(table.shape[1] for table in tables)), dtype)
    place = 0
    for table in tables:
        np.cumsum(table, axis=0, out=sums[1:, place : (place := place + table.shape[1])])
    return sums
