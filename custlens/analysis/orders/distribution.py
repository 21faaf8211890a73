"""How the order statistics are spread over buyers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import currency_of, customers_frame, gather, same_kind
from custlens.analysis._stats import known
from custlens.analysis._stats import quantiles as quantiles_of
from custlens.errors import ArgumentError

__all__ = ["BINS_A_DECADE", "DISTRIBUTIONS", "distribution", "quantiles"]

DISTRIBUTIONS = ("sales_value", "average_order_value", "number_of_orders")
BINS_A_DECADE = 8
ORDERS_SHOWN = 10


def distribution(customers: Any, of: str = "sales_value") -> Any:
    """Count buyers by what they spent, by what they spend an order, or by how often they ordered.

    Amounts fall into bins of equal ratio (eight a power of ten), as suits a heavy tail; zero and negative amounts
    (refunds) have a bin each of their own. Orders are counted one by one up to nine; ten and more are one bin.

    Parameters
    ----------
    customers
        A customers table with number_of_orders and sales_value.
    of
        ``"sales_value"``, ``"average_order_value"`` (taken as S/n, which is not rounded as the API's may be) or
        ``"number_of_orders"``.

    Returns
    -------
    table of the same kind
        `results.Distribution`: one row a bin that holds anyone, in order: lower and upper (a value v falls where
        lower ≤ v < upper; -inf to 0 for negative amounts, 0 to 0 for zero), buyers, share (of buyers).

    Raises
    ------
    ArgumentError
        An unknown `of`, a missing column, or amounts of several currencies.
    """
    values, rows = _buyer_values(customers, of)
    if of == "number_of_orders":
        steps = np.minimum(values, ORDERS_SHOWN)
    else:
        # The tiny nudge keeps a value that is a bin's very edge, such as 100, in the bin that it begins.
        positive = values > 0
        logs = np.log10(values, where=positive, out=np.zeros_like(values))
        steps = np.where(positive, np.floor(logs * BINS_A_DECADE + 1e-9), np.where(values < 0, -2e3, -1e3))
    whole = steps.astype("int64")
    least = whole.min(initial=0)
    counts = np.bincount(whole - least, rows)
    found = np.flatnonzero(counts) + least
    counts = counts[counts > 0]
    if of == "number_of_orders":
        lower, upper = found, np.where(found < ORDERS_SHOWN, found + 1, math.inf)
    else:
        lower = np.where(found > -900, 10 ** (found / BINS_A_DECADE), np.where(found == -2e3, -math.inf, 0.0))
        upper = np.where(found > -900, 10 ** ((found + 1) / BINS_A_DECADE), 0.0)
    result = pd.DataFrame({"lower": lower, "upper": upper, "buyers": counts, "share": counts / (counts.sum() or 1)})
    return same_kind(result, results.Distribution, customers)


def quantiles(customers: Any, of: str = "sales_value", *, at: Iterable[float] = (0.25, 0.5, 0.75)) -> Any:
    """Give quantiles over buyers, interpolated linearly.

    Parameters
    ----------
    customers, of
        As for `distribution`.
    at
        Shares of the buyers, from 0 to 1.

    Returns
    -------
    table of the same kind, one row
        `results.Quantiles`: a column a quantile, named ``q25`` for 0.25; missing where there are no buyers.

    Raises
    ------
    ArgumentError
        A share outside 0 to 1, an unknown `of`, a missing column, or amounts of several currencies.
    """
    shares = list(at)
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ArgumentError(f"at must be shares from 0 to 1, not {shares}")
    values, rows = _buyer_values(customers, of)
    found = quantiles_of(values, rows, shares)
    row = {f"q{100 * share:g}": [value] for share, value in zip(shares, found, strict=True)}
    return same_kind(pd.DataFrame(row), results.Quantiles, customers)


def _buyer_values(customers: Any, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Give what a distribution is of, and how many buyers have each value."""
    if of not in DISTRIBUTIONS:
        raise ArgumentError(f"of must be one of {', '.join(DISTRIBUTIONS)}, not {of!r}")
    frame = customers_frame(customers, ["number_of_orders", "sales_value"])
    currency_of(frame)
    table = gather(frame, numbers=[] if of == "number_of_orders" else ["sales_value"], min_orders=1)
    n, rows = table["number_of_orders"].to_numpy(), table["rows"].to_numpy()
    if of == "number_of_orders":
        return n, rows
    sales = table["sales_value"].to_numpy()
    return known(sales / n if of == "average_order_value" else sales, rows)
