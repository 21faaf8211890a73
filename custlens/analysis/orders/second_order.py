"""How long it takes until a buyer orders again, from data that only show part of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import as_of_column, customers_frame, gather, need_as_of, observed_at, same_kind
from custlens.analysis._stats import Z95
from custlens.analysis._time import days

__all__ = ["second_order"]

ROUNDS = 20_000
TOLERANCE = 1e-8


def second_order(customers: Any, *, as_of: datetime | None = None) -> Any:
    """Estimate the share of buyers who have ordered a second time, by days since their first order.

    What is known of the time of the second order: of a buyer with one order, that it is later than the observation
    (right-censored); with two, just when it was; with three or more, that it lies between the first and the last order
    (interval-censored). Turnbull's estimate uses all three. Its steps are whole days.

    Parameters
    ----------
    customers
        A customers table with number_of_orders, first_order_date and last_order_date.
    as_of
        Time of the observation; read from the table by default (each row's own).

    Returns
    -------
    table of the same kind
        `results.SecondOrder`: one row a day on which the estimate steps: days, share, and its 95 % interval low to high,
        at_risk (buyers seen for longer than that). The curve is not carried beyond the longest time that any buyer has
        been seen.

    Raises
    ------
    ArgumentError
        A missing column, or no time of the observation.

    Notes
    -----
    All intervals begin at the first order, so an expectation step needs sums from the beginning and no search.
    The intervals are by the observed information of the shares at the steps, on the scale of log(−log); where each time
    is known or right-censored they are Greenwood's, of the Kaplan-Meier estimate.

    Source: Turnbull (1976), "The empirical distribution function with arbitrarily grouped, censored and truncated data",
    JRSS B 38; Kalbfleisch and Prentice (2002) for the scale of the intervals.
    """
    frame = customers_frame(customers, ["number_of_orders", "first_order_date", "last_order_date"])
    need_as_of(frame, as_of)
    times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
    table = gather(frame, times=times, min_orders=1).dropna()
    n, rows, first = (table[name].to_numpy() for name in ("number_of_orders", "rows", "first_order_date"))
    seen = np.floor(days(observed_at(table, as_of) - first)).astype("int64")
    span = np.floor(days(table["last_order_date"].to_numpy() - first)).astype("int64")
    size = int(max(seen.max(initial=0), span.max(initial=0))) + 1
    exact = np.bincount(span[n == 2], rows[n == 2], size)
    within = np.bincount(span[n > 2], rows[n > 2], size)
    beyond = np.bincount(seen[n == 1], rows[n == 1], size)
    density = _turnbull(exact, within, beyond)
    steps = np.flatnonzero(density > TOLERANCE)
    share = np.minimum(np.cumsum(density), 1.0)[steps]
    error = _standard_errors(share, exact[steps], *(np.add.reduceat(part, steps) for part in (within, beyond)))
    low, high = _interval(share, error)
    followed = np.bincount(seen, rows, size)
    at_risk = (followed.sum() - np.cumsum(followed))[steps]
    result = pd.DataFrame({"days": steps, "share": share, "low": low, "high": high, "at_risk": at_risk})
    return same_kind(result, results.SecondOrder, customers)


def _turnbull(exact: np.ndarray, within: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Find the density over days 0, 1, … that makes what was seen likeliest; what is left to 1 lies after them all.

    Parameters
    ----------
    exact, within, beyond
        Buyers by day: whose second order was on it; on it or before it; after it.
    """
    total = exact.sum() + within.sum() + beyond.sum() or 1.0
    support = _support(exact, within, beyond)
    density = support / support.sum()
    for _ in range(ROUNDS):
        upto = np.cumsum(density[:-1])
        after = 1 - upto
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = np.where(within > 0, within / upto, 0.0)
            outside = np.where(beyond > 0, beyond / np.maximum(after, 1e-300), 0.0)
        # Day d gets a part of each interval that ends on d or later, and of each censoring before d.
        part = np.cumsum(inside[::-1])[::-1]
        late = np.append(0.0, np.cumsum(outside))
        new = np.append(exact + density[:-1] * (part + late[:-1]), density[-1] * late[-1]) / total
        change = np.abs(np.cumsum(new - density)).max()
        density = new
        if change < TOLERANCE:
            break
    return np.asarray(density[:-1])


def _support(exact: np.ndarray, within: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Mark the days that can have a part in the estimate, and in the last place the time after them all.

    Those on which a second order was seen; and the ends of intervals before which something begins that no earlier end
    closes (Turnbull's innermost intervals).
    """
    support = np.zeros(len(exact) + 1)
    begun = True
    for day in range(len(exact)):
        if exact[day] > 0 or (within[day] > 0 and begun):
            support[day] = 1.0
        if exact[day] > 0 or within[day] > 0:
            begun = False
        if beyond[day] > 0:
            begun = True
    support[-1] = float(begun)
    return support


def _standard_errors(share: np.ndarray, exact: np.ndarray, within: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Give the standard errors of the estimate at its steps, from the observed information.

    The log-likelihood is Σ exact·log(share − the share before) + within·log(share) + beyond·log(1 − share). Its second
    derivatives tie each share to its two neighbours alone, as a chain of resistors ties points to each other and to the
    ground: the variance of a share is the resistance between its point and the ground.

    Parameters
    ----------
    share
        The estimate at its steps.
    exact, within, beyond
        Buyers by step, as for `_turnbull`, from that step up to the next.
    """
    certain = share > 1 - TOLERANCE
    to_last = exact / np.diff(share, prepend=0.0) ** 2
    to_ground = within / share**2 + np.where(certain, np.inf, beyond / np.maximum(1 - share, TOLERANCE) ** 2)
    size = len(share)
    from_left, from_right = np.empty(size), np.zeros(size)
    conducted = np.inf
    for step in range(size):
        from_left[step] = conducted = to_ground[step] + _in_series(to_last[step], conducted)
    for step in range(size - 2, -1, -1):
        from_right[step] = _in_series(to_last[step + 1], to_ground[step + 1] + from_right[step + 1])
    return np.asarray(1 / np.sqrt(from_left + from_right))


def _in_series(a: float, b: float) -> float:
    """Give the conductance of two conductors in a row."""
    return 0.0 if a == 0 or b == 0 else 1 / (1 / a + 1 / b)


def _interval(share: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the 95 % interval on the scale of log(−log)."""
    survival = np.clip(1 - share, TOLERANCE, 1 - TOLERANCE)
    half = Z95 * error / (survival * np.abs(np.log(survival)))
    low, high = 1 - survival ** np.exp(-half), 1 - survival ** np.exp(half)
    return np.minimum(low, share), np.maximum(high, share)
