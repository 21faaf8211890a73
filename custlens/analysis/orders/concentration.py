"""How unequally sales are spread over customers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import Frame, currency_of, customers_frame, gather, same_kind
from custlens.analysis._stats import known
from custlens.errors import ArgumentError

__all__ = ["concentration", "lorenz"]

CENTS_A_CUSTOMER = 10
"""Beyond so many times as many possible amounts as customers, counting is slower than sorting."""


def concentration(
    customers: Any, *, top: Iterable[float] = (0.01, 0.05, 0.1, 0.2, 0.5), include_prospects: bool = False
) -> Any:
    """Give the share of all sales that the best customers bring, and the Gini coefficient.

    Parameters
    ----------
    customers
        A customers table with number_of_orders and sales_value. Negative sales (refunds) count as zero, and are
        counted in `clipped`.
    top
        Shares of the customers, best first; each is rounded to whole customers, and to one at least.
    include_prospects
        Whether customers without an order are among the customers; without them the question is about buyers.

    Returns
    -------
    table of the same kind
        `results.Concentration`: one row a share: top, customers, sales_value, share_of_sales, gini, clipped.

    Raises
    ------
    ArgumentError
        A share outside 0 to 1, a missing column, or amounts of several currencies.

    Notes
    -----
    G = Σ(2i − N − 1)·S₍ᵢ₎ / (N·ΣS) over the sorted values S₍₁₎ ≤ … ≤ S₍N₎. Source: Gini (1912); Lorenz (1905), "Methods of
    measuring the concentration of wealth", Publications of the American Statistical Association 9.
    """
    shares = list(top)
    if not shares or not all(0 < share <= 1 for share in shares):
        raise ArgumentError(f"top must be shares above 0 and up to 1, not {shares}")
    curve = _curve(customers_frame(customers, ["number_of_orders", "sales_value"]), include_prospects)
    people, money = curve.people[-1], curve.money[-1]
    best_people = np.minimum(np.maximum(np.floor(people * np.array(shares) + 0.5), 1.0), people)
    best = money - np.interp(people - best_people, curve.people, curve.money)
    gini = max(0.0, 1 - 2 * curve.area / (people * money)) if money else np.nan
    result = pd.DataFrame(
        {
            "top": shares,
            "customers": best_people,
            "sales_value": best,
            "share_of_sales": best / money if money else np.nan,
            "gini": gini,
            "clipped": curve.clipped,
        }
    )
    return same_kind(result, results.Concentration, customers)


def lorenz(customers: Any, *, points: int = 201, include_prospects: bool = False) -> Any:
    """Give the Lorenz curve: the share of all sales that the customers of the lowest sales value bring.

    Parameters
    ----------
    customers, include_prospects
        As for `concentration`.
    points
        Number of points, evenly spaced over the customers.

    Returns
    -------
    table of the same kind
        `results.Lorenz`: customers and sales, both shares from 0 to 1; empty where there are no sales.
    """
    if points < 2:
        raise ArgumentError(f"points must be at least 2, not {points}")
    curve = _curve(customers_frame(customers, ["number_of_orders", "sales_value"]), include_prospects)
    people, money = curve.people[-1], curve.money[-1]
    share = np.linspace(0, 1, points if money else 0)
    sales = np.interp(share * people, curve.people, curve.money) / (money or 1)
    return same_kind(pd.DataFrame({"customers": share, "sales": sales}), results.Lorenz, customers)


class _Curve(NamedTuple):
    """Customers and sales added up from the lowest sales value on, from zero."""

    people: np.ndarray
    money: np.ndarray
    area: float
    clipped: float


def _curve(frame: Frame, include_prospects: bool) -> _Curve:
    currency_of(frame)
    table = gather(frame, numbers=["sales_value"], min_orders=0 if include_prospects else 1)
    sales, rows = table["sales_value"].to_numpy(), table["rows"].to_numpy()
    sales, rows = known(sales, rows)
    clipped = float(rows @ (sales < 0))
    amounts, rows = _in_order(np.maximum(sales, 0.0), rows)
    people, money = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(amounts * rows))
    return _Curve(people, money, float(rows @ (money[1:] + money[:-1])) / 2, clipped)


def _in_order(amounts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the amounts from low to high, and how many customers have each.

    Whole cents are counted, which is quicker than to sort them.
    """
    cents = np.rint(amounts * 100)
    if cents.max(initial=0) <= CENTS_A_CUSTOMER * len(cents) and (cents / 100 == amounts).all():
        counts = np.bincount(cents.astype("int64"), rows)
        there = np.flatnonzero(counts)
        return there / 100, counts[there]
    order = np.argsort(amounts)
    return amounts[order], rows[order]
