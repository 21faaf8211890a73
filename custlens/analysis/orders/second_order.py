"""The time from the first order to the second, which the five statistics show only in part."""

from __future__ import annotations

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import Moment
from custlens.analysis import results
from custlens.analysis._frames import as_of_column, customers_frame, gather, need_as_of, observed_at, same_kind
from custlens.analysis._time import days

__all__ = ["second_order"]

ROUNDS = 20_000
TOLERANCE = 1e-8
LEAST = 1e-300
"""What probabilities are divided by where there is none."""


def second_order(customers: IntoFrameT, *, as_of: Moment | None = None) -> IntoFrameT:
    """Estimate the share of buyers who have ordered a second time, by days since their first order, as a range.

    What is known of the time of the second order: with one order so far, that it is later than the observation; with
    two, exactly when it was; with three or more, that it lies between the first and the last order. Both estimates
    are biased, because whether a time is known exactly depends on that time itself. On the data tried, the truth lies
    between them or, where they nearly agree, close by; the range is not a confidence interval. Buyers whose last
    order is dated before the first are left out.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, first_order_date and last_order_date.
    as_of : str, date or datetime, optional
        Time of the observation; by default each row's own, the column as_of.

    Returns
    -------
    table of the same kind
        `results.SecondOrder`: one row per day since the first order, up to the longest time that a buyer has been seen.

    Raises
    ------
    ArgumentError
        An `as_of` that is not a point in time, or `customers` is not a table.
    DataError
        A missing column, times without a zone, a customer who occurs twice, no time of the observation, or orders after it.

    Notes
    -----
    ``turnbull`` treats the times of buyers with three orders or more as interval-censored, and the censoring as
    non-informative.

    ``product_limit`` assumes that orders are a Poisson process: for a buyer with x repeat orders, the last at time t, the
    second order is at the earliest of x − 1 uniform times on (0, t). Such a buyer is spread over the days by their
    probabilities.

    Source: Turnbull (1976), "The empirical distribution function with arbitrarily grouped, censored and truncated data",
    JRSS B 38; Kaplan and Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53.

    Examples
    --------
    >>> import pandas as pd
    >>> first = pd.to_datetime(["2026-03-01 12:00Z"] * 2)
    >>> last = pd.to_datetime(["2026-03-01 12:00Z", "2026-03-03 12:00Z"])
    >>> table = pd.DataFrame({"number_of_orders": [1, 2], "first_order_date": first, "last_order_date": last})
    >>> second_order(table, as_of="2026-03-04")[["days", "share_low", "share_high"]]
       days  share_low  share_high
    0     0        0.0         0.0
    1     1        0.0         0.0
    2     2        0.5         0.5
    3     3        0.5         0.5
    """
    frame = customers_frame(customers, ["number_of_orders", "first_order_date", "last_order_date"])
    need_as_of(frame, as_of)
    times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
    table = gather(frame, times=times, min_orders=1).dropna()
    table = table[table["last_order_date"] >= table["first_order_date"]]
    n, rows, first = (table[name].to_numpy() for name in ("number_of_orders", "rows", "first_order_date"))
    seen = np.floor(days(observed_at(table, as_of) - first)).astype("int64")
    span = np.floor(days(table["last_order_date"].to_numpy() - first)).astype("int64")
    seen = np.maximum(seen, span)  # an order may be dated a little after the observation
    size = int(seen.max(initial=-1)) + 1
    exact = np.bincount(span[n == 2], rows[n == 2], size)
    within = np.bincount(span[n > 2], rows[n > 2], size)
    beyond = np.bincount(seen[n == 1], rows[n == 1], size)
    events = exact + _poisson_events(span[n > 2], n[n > 2] - 1, rows[n > 2], size)
    turnbull, product_limit = np.minimum(np.cumsum(_turnbull(exact, within, beyond)), 1.0), _limit(events, beyond)
    result = pd.DataFrame(
        {
            "days": np.arange(size),
            "share_low": np.minimum(turnbull, product_limit),
            "share_high": np.maximum(turnbull, product_limit),
            "turnbull": turnbull,
            "product_limit": product_limit,
            "at_risk": rows.sum() - np.cumsum(np.bincount(seen, rows, size)),
        }
    )
    return same_kind(result, results.SecondOrder, customers)


def _limit(events: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Return the product-limit estimate of the share by each day, from second orders and censored buyers by day."""
    gone = np.cumsum(events + beyond) - (events + beyond)
    at_risk = (events + beyond).sum() - gone
    hazard = np.divide(events, at_risk, out=np.zeros(len(events)), where=at_risk > TOLERANCE)
    return np.asarray(1 - np.cumprod(1 - np.minimum(hazard, 1.0)))


def _poisson_events(span: np.ndarray, repeats: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """Return the expected number of second orders on each day, of buyers with two repeat orders or more.

    Parameters
    ----------
    span
        Whole days from the first order to the last.
    repeats
        Repeat orders, x ≥ 2: by day k the second order has come with probability 1 − (1 − (k + 1)/(span + 1))^(x − 1).
    rows
        How many buyers have them.
    size
        Number of days.
    """
    histories = pd.DataFrame({"span": span, "others": repeats - 1, "rows": rows})
    histories = histories.groupby(["span", "others"])["rows"].sum().reset_index()
    not_yet = np.zeros(size)
    for _, part in histories.groupby("span"):
        length = float(part["span"].iloc[0])
        remaining = 1 - np.arange(1.0, length + 1) / (length + 1)
        powers = np.exp(np.log(remaining)[:, None] * part["others"].to_numpy())
        not_yet[: len(remaining)] += powers @ part["rows"].to_numpy()
    return -np.diff(not_yet, prepend=rows.sum())


def _turnbull(exact: np.ndarray, within: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Compute the maximum likelihood density over days 0, 1, …; the rest of the probability is after the last day.

    Parameters
    ----------
    exact, within, beyond
        Buyers by day: whose second order was on it; on it or before it; after it.

    Notes
    -----
    All intervals begin at the first order, so an expectation step needs only cumulative sums.
    """
    total = exact.sum() + within.sum() + beyond.sum() or 1.0
    support = _support(exact, within, beyond)
    density = support / support.sum()
    upto = np.cumsum(density[:-1])
    # Thousands of rounds may be needed: all of them work in the same places.
    new, change, part, late = np.empty_like(density), np.empty_like(density), np.empty_like(upto), np.empty_like(upto)
    for _ in range(ROUNDS):
        # Each day gets a part of each interval that ends on it or later, and of each censoring before it.
        np.divide(within, np.maximum(upto, LEAST, out=part), out=part)
        np.cumsum(part[::-1], out=part[::-1])
        np.subtract(1, upto, out=late)
        np.divide(beyond, np.maximum(late, LEAST, out=late), out=late)
        np.cumsum(late, out=late)
        new[:-1] = part
        new[1:-1] += late[:-1]
        new[:-1] *= density[:-1]
        new[:-1] += exact
        new[-1] = density[-1] * (late[-1] if len(late) else 0.0)
        new /= total
        np.cumsum(np.subtract(new, density, out=change), out=change)
        density, new = new, density
        np.cumsum(density[:-1], out=upto)
        if max(change.max(), -change.min()) < TOLERANCE:
            break
    return np.asarray(density[:-1])


def _support(exact: np.ndarray, within: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """Return 1 for each day that can have probability, and in the last place for the time after all days; else 0.

    Those are the days of known second orders, and the first end of an interval after the first order or after a censoring
    (Turnbull's innermost intervals).
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
