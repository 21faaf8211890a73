"""Two groups of customers, or one store at two times, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import currency_of, customers_frame, gather, same_kind
from custlens.analysis._stats import quantiles
from custlens.errors import ArgumentError, DataError

__all__ = ["compare"]

MEASURES = ("repeat_rate", "orders_a_buyer", "mean_order_value", "mean_buyer_value", "median_buyer_value")


def compare(a: Any, b: Any, *, level: float = 0.95, resamples: int = 2_000, seed: int = 0) -> Any:
    """Compare the buyers of two tables, with bootstrap intervals of the differences.

    Buyers are drawn with replacement from each table on its own, so the intervals hold for two separate groups. For one
    store at two times they are too wide: the same buyers are in both.

    Parameters
    ----------
    a, b
        Customers tables with number_of_orders and sales_value, in one currency.
    level
        Coverage of the intervals (percentile bootstrap).
    resamples
        Number of draws. From a table of more than 20,000 buyers a draw is of 20,000 and its spread scaled to the size of
        the table (m-out-of-n bootstrap), which keeps a million buyers a matter of seconds.
    seed
        Of the draws: the same seed gives the same intervals.

    Returns
    -------
    table of the same kind as `a`
        `results.Comparison`: one row a measure (repeat_rate, orders_a_buyer, mean_order_value, mean_buyer_value,
        median_buyer_value): a, b, difference (b − a), low, high, buyers_a, buyers_b. An interval over fewer than two
        buyers is missing.

    Raises
    ------
    ArgumentError
        A missing column, two currencies, or a level outside 0 to 1.

    Notes
    -----
    Source: Efron and Tibshirani (1993), "An Introduction to the Bootstrap", 13; Bickel, Götze and van Zwet (1997) for
    m out of n.
    """
    if not 0 < level < 1 or resamples < 100:
        raise ArgumentError("level must be between 0 and 1, and resamples at least 100")
    frames = [customers_frame(side, ["number_of_orders", "sales_value"]) for side in (a, b)]
    currencies = {currency_of(frame) for frame in frames} - {None}
    if len(currencies) > 1:
        raise DataError(f"amounts in {', '.join(sorted(map(str, currencies)))} cannot be compared")
    random = np.random.default_rng(seed)
    points, draws, sizes = [], [], []
    for frame in frames:
        table = gather(frame, numbers=["sales_value"], min_orders=1).dropna()
        n, s, rows = (table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
        order = np.lexsort((s, n))  # one entry a buyer, in an order that no engine changes
        n, s = (np.repeat(values[order], rows[order].astype("int64")) for values in (n, s))
        points.append(_measures(n, s))
        draws.append(_draws(n, s, resamples, random) if len(n) > 1 else np.full((resamples, len(MEASURES)), np.nan))
        sizes.append(len(n))
    difference = points[1] - points[0]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(draws[1] - draws[0], tails, axis=0)
    result = pd.DataFrame(
        {
            "measure": MEASURES,
            "a": points[0],
            "b": points[1],
            "difference": difference,
            "low": low,
            "high": high,
            "buyers_a": sizes[0],
            "buyers_b": sizes[1],
        }
    )
    return same_kind(result, results.Comparison, a)


def _measures(n: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Give the measures of one group, in order."""
    if not len(n):
        return np.full(len(MEASURES), np.nan)
    orders, sales = float(n.sum()), float(s.sum())
    median = quantiles(s, np.ones(len(s)), [0.5])[0]
    return np.array([(n > 1).mean(), orders / len(n), sales / orders, sales / len(n), median])


def _draws(n: np.ndarray, s: np.ndarray, resamples: int, random: np.random.Generator) -> np.ndarray:
    """Give the measures of each draw of buyers."""
    size = min(len(n), 20_000)
    found = np.empty((resamples, len(MEASURES)))
    for number in range(resamples):
        chosen = random.integers(0, len(n), size)
        found[number] = _measures(n[chosen], s[chosen])
    point = _measures(n, s)
    return np.asarray(point + (found - point) * np.sqrt(size / len(n)))
