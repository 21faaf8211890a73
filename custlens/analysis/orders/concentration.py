"""How unequally sales are spread over customers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import flag, whole_number
from custlens.analysis import results
from custlens.analysis._frames import Frame, currency_of, customers_frame, gather, same_kind
from custlens.analysis._stats import known, shares

__all__ = ["concentration", "lorenz"]

CENTS_PER_CUSTOMER = 10
"""Counting whole cents is quicker than sorting while there are at most this many cents per customer."""


def concentration(
    customers: IntoFrameT,
    *,
    top: float | Iterable[float] = (0.01, 0.05, 0.1, 0.2, 0.5),
    include_prospects: bool = False,
) -> IntoFrameT:
    """Compute the share of all sales that the best customers bring, and the Gini coefficient.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders and sales_value. Negative sales (refunds) count as zero, and the column
        `clipped` says how many there are.
    top : float or iterable of float
        Shares of the customers, best first, above 0 and up to 1; each is rounded to whole customers, at least one.
    include_prospects : bool
        Whether customers without an order are among the customers; by default only buyers are.

    Returns
    -------
    table of the same kind
        `results.Concentration`: one row per share.

    Raises
    ------
    ArgumentError
        A share outside 0 to 1, or `customers` is not a table.
    DataError
        A missing column, impossible values, a customer who occurs twice, or amounts in several currencies.

    Notes
    -----
    G = Σ(2i − N − 1)·S₍ᵢ₎ / (N·ΣS) over the sorted values S₍₁₎ ≤ … ≤ S₍N₎. Source: Gini (1912); Lorenz (1905), "Methods of
    measuring the concentration of wealth", Publications of the American Statistical Association 9.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"number_of_orders": [1, 1, 1, 3], "sales_value": [10.0, 20.0, 30.0, 140.0]})
    >>> concentration(table, top=[0.25, 0.5])[["top", "customers", "share_of_sales", "gini"]]
        top  customers  share_of_sales  gini
    0  0.25          1            0.70   0.5
    1  0.50          2            0.85   0.5
    """
    wanted = shares("top", top)
    curve = _curve(customers_frame(customers, ["number_of_orders", "sales_value"]), include_prospects)
    people, money = curve.people[-1], curve.money[-1]
    best_people = np.minimum(np.maximum(np.floor(people * np.array(wanted) + 0.5), 1.0), people)
    best = money - np.interp(people - best_people, curve.people, curve.money)
    gini = max(0.0, 1 - 2 * curve.area / (people * money)) if money else np.nan
    result = pd.DataFrame(
        {
            "top": wanted,
            "customers": best_people,
            "sales_value": best,
            "share_of_sales": best / money if money else np.nan,
            "gini": gini,
            "clipped": curve.clipped,
        }
    )
    return same_kind(result, results.Concentration, customers)


def lorenz(customers: IntoFrameT, *, points: int = 201, include_prospects: bool = False) -> IntoFrameT:
    """Compute the Lorenz curve: the share of all sales that the customers with the lowest sales value bring.

    Parameters
    ----------
    customers : table
        As for `concentration`.
    points : int
        Number of points, evenly spaced over the customers; at least 2.
    include_prospects : bool
        As for `concentration`.

    Returns
    -------
    table of the same kind
        `results.Lorenz`: one row per point; empty where there are no sales.

    Raises
    ------
    ArgumentError
        `points` is not a whole number of at least 2, or `customers` is not a table.
    DataError
        As for `concentration`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"number_of_orders": [1, 1], "sales_value": [10.0, 30.0]})
    >>> lorenz(table, points=3)
       customers  sales
    0        0.0   0.00
    1        0.5   0.25
    2        1.0   1.00
    """
    points = whole_number("points", points, least=2)
    curve = _curve(customers_frame(customers, ["number_of_orders", "sales_value"]), include_prospects)
    people, money = curve.people[-1], curve.money[-1]
    share = np.linspace(0, 1, points if money else 0)
    sales = np.interp(share * people, curve.people, curve.money) / (money or 1)
    return same_kind(pd.DataFrame({"customers": share, "sales": sales}), results.Lorenz, customers)


class _Curve(NamedTuple):
    """Cumulative customers and sales, from the lowest sales value to the highest, both from zero."""

    people: np.ndarray
    money: np.ndarray
    area: float
    clipped: float


def _curve(frame: Frame, include_prospects: bool) -> _Curve:
    flag("include_prospects", include_prospects)
    currency_of(frame)
    table = gather(frame, numbers=["sales_value"], min_orders=0 if include_prospects else 1)
    sales, rows = table["sales_value"].to_numpy(), table["rows"].to_numpy()
    sales, rows = known(sales, rows)
    clipped = float(rows @ (sales < 0))
    amounts, rows = _in_order(np.maximum(sales, 0.0), rows)
    people, money = np.append(0.0, np.cumsum(rows)), np.append(0.0, np.cumsum(amounts * rows))
    return _Curve(people, money, float(rows @ (money[1:] + money[:-1])) / 2, clipped)


def _in_order(amounts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the amounts from low to high, and how many customers have each.

    Whole cents are counted where that is quicker than sorting.
    """
    cents = np.rint(amounts * 100)
    if cents.max(initial=0) <= CENTS_PER_CUSTOMER * len(cents) and (cents / 100 == amounts).all():
        counts = np.bincount(cents.astype("int64"), rows)
        occurring = np.flatnonzero(counts)
        return occurring / 100, counts[occurring]
    order = np.argsort(amounts)
    return amounts[order], rows[order]
