"""How the order statistics are distributed over buyers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import one_of, shown
from custlens.analysis import results
from custlens.analysis._frames import currency_of, customers_frame, gather, same_kind
from custlens.analysis._stats import known, shares
from custlens.analysis._stats import quantiles as quantiles_of
from custlens.errors import ArgumentError

__all__ = ["BINS_PER_DECADE", "DISTRIBUTIONS", "distribution", "quantiles"]

DISTRIBUTIONS = ("sales_value", "average_order_value", "number_of_orders")
BINS_PER_DECADE = 8
ORDERS_SHOWN = 10
NEGATIVE, ZERO = -2_000, -1_000
"""Numbers of the bins below those of positive amounts."""


def distribution(
    customers: IntoFrameT, column: str = "sales_value", *, edges: Iterable[float] | None = None
) -> IntoFrameT:
    """Count buyers by what they have spent, by what they spend per order, or by how often they have ordered.

    Amounts fall into bins of equal ratio (eight per power of ten), as suits a heavy tail; zero and negative amounts
    (refunds) each have a separate bin. Orders are counted one by one up to nine; ten and more are one bin. Other bins
    are given by their `edges`.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders and sales_value.
    column : str
        ``"sales_value"``, ``"average_order_value"`` (computed as sales_value ÷ number_of_orders, which is not rounded as
        the API's value may be) or ``"number_of_orders"``.
    edges : iterable of float, optional
        Rising edges of bins, infinite ones allowed; a value v falls into the bin with lower ≤ v < upper, and buyers beyond
        the edges are left out.

    Returns
    -------
    table of the same kind
        `results.Distribution`: one row per bin that is not empty, in order.

    Raises
    ------
    ArgumentError
        An unknown `column`, `edges` that do not rise, or `customers` is not a table.
    DataError
        A missing column, impossible values, or amounts in several currencies.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"number_of_orders": [1, 1, 3], "sales_value": [10.0, 0.0, 60.0]})
    >>> distribution(table, "number_of_orders")
       lower  upper  buyers     share
    0    1.0    2.0       2  0.666667
    1    3.0    4.0       1  0.333333
    """
    values, rows = _buyer_values(customers, column)
    if edges is not None:
        return same_kind(_between(values, rows, edges), results.Distribution, customers)
    if column == "number_of_orders":
        steps = np.minimum(values, ORDERS_SHOWN)
    else:
        # The tiny nudge keeps a value on the very edge of a bin, such as 100, in the bin that it begins.
        positive = values > 0
        logs = np.log10(values, where=positive, out=np.zeros_like(values))
        steps = np.where(positive, np.floor(logs * BINS_PER_DECADE + 1e-9), np.where(values < 0, NEGATIVE, ZERO))
    whole = steps.astype("int64")
    least = whole.min(initial=0)
    counts = np.bincount(whole - least, rows)
    found = np.flatnonzero(counts) + least
    counts = counts[counts > 0]
    if column == "number_of_orders":
        lower, upper = found, np.where(found < ORDERS_SHOWN, found + 1, math.inf)
    else:
        lower = np.where(found > ZERO, 10 ** (found / BINS_PER_DECADE), np.where(found == NEGATIVE, -math.inf, 0.0))
        upper = np.where(found > ZERO, 10 ** ((found + 1) / BINS_PER_DECADE), 0.0)
    result = pd.DataFrame({"lower": lower, "upper": upper, "buyers": counts, "share": counts / (counts.sum() or 1)})
    return same_kind(result, results.Distribution, customers)


def quantiles(
    customers: IntoFrameT, column: str = "sales_value", *, q: float | Iterable[float] = (0.25, 0.5, 0.75)
) -> IntoFrameT:
    """Compute quantiles over buyers, interpolated linearly.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders and sales_value.
    column : str
        As for `distribution`.
    q : float or iterable of float
        Shares of the buyers, from 0 to 1.

    Returns
    -------
    table of the same kind, one row
        `results.Quantiles`: one column per quantile, named ``q25`` for 0.25; missing where there are no buyers.

    Raises
    ------
    ArgumentError
        A share outside 0 to 1, an unknown `column`, or `customers` is not a table.
    DataError
        A missing column, impossible values, or amounts in several currencies.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"number_of_orders": [1, 1, 3], "sales_value": [10.0, 20.0, 60.0]})
    >>> quantiles(table, q=[0.5, 0.75])
        q50   q75
    0  20.0  40.0
    """
    wanted = shares("q", q, zero=True)
    values, rows = _buyer_values(customers, column)
    found = quantiles_of(values, rows, wanted)
    row = {f"q{100 * share:.12g}": [value] for share, value in zip(wanted, found, strict=True)}
    return same_kind(pd.DataFrame(row), results.Quantiles, customers)


def _between(values: np.ndarray, rows: np.ndarray, edges: Any) -> pd.DataFrame:
    """Count values by bin, between the given edges."""
    listed = list(edges) if isinstance(edges, Iterable) and not isinstance(edges, str) else []
    ends = np.array(listed if all(isinstance(edge, int | float) for edge in listed) else [], "float64")
    if len(ends) < 2 or not (np.diff(ends) > 0).all():
        raise ArgumentError(f"edges must be two numbers or more that rise, not {shown(edges)}")
    places = np.searchsorted(ends, values, side="right")  # 0 before the first edge, the number of edges after the last
    counts = np.bincount(places, rows, len(ends) + 1)[1:-1]
    share = counts / (rows.sum() or 1)
    table = pd.DataFrame({"lower": ends[:-1], "upper": ends[1:], "buyers": counts, "share": share})
    return table[counts > 0].reset_index(drop=True)


def _buyer_values(customers: Any, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that occur among buyers, and how many buyers have each."""
    one_of("column", column, DISTRIBUTIONS)
    frame = customers_frame(customers, ["number_of_orders", "sales_value"])
    currency_of(frame)
    table = gather(frame, numbers=[] if column == "number_of_orders" else ["sales_value"], min_orders=1)
    n, rows = table["number_of_orders"].to_numpy(), table["rows"].to_numpy()
    if column == "number_of_orders":
        return n, rows
    sales = table["sales_value"].to_numpy()
    return known(sales / n if column == "average_order_value" else sales, rows)
