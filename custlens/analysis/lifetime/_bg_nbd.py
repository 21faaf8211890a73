"""Models of when customers order and when they stop: BG/NBD and MBG/NBD.

While a customer is one, orders come at random at a rate of the customer's own, spread over customers as a gamma
distribution (r, α); after an order the customer may stop, with a chance of the customer's own, spread as a beta
distribution (a, b). In the BG/NBD this can happen after a repeat order, in the MBG/NBD after the first order too. All
that the likelihood needs of a customer is x (repeat orders), t_x (time from the first to the last order) and T (time
from the first order to the observation), in any one unit of time: α is in that unit, and nothing else depends on it.

Source: Fader, Hardie and Lee (2005), "'Counting your customers' the easy way", Marketing Science 24(2); Batislam,
Denizel and Filiztekin (2007), "Empirical validation and comparison of models for customer base analysis", International
Journal of Research in Marketing 24(3). Equations are numbered as there.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from scipy import special

from custlens.analysis.lifetime._fitting import Fitted, maximise, sample_of

__all__ = [
    "Histories",
    "Model",
    "expected_orders",
    "fit_transactions",
    "p_alive",
    "p_order",
    "repeat_count_probabilities",
]

Model = Literal["bg_nbd", "mbg_nbd"]
Params = np.ndarray
"""r, alpha, a, b."""


class Histories(NamedTuple):
    """Order histories of buyers; equal ones once, with how many buyers have them."""

    x: np.ndarray
    t_x: np.ndarray
    t: np.ndarray
    """T: from the first order to the observation."""
    rows: np.ndarray


class _Prepared(NamedTuple):
    """What stays the same from one evaluation to the next."""

    weight_of_x: np.ndarray
    counts: np.ndarray
    x: np.ndarray
    t_x: np.ndarray
    t: np.ndarray
    rows: np.ndarray
    place: np.ndarray
    once_t: np.ndarray
    once_rows: np.ndarray


def fit_transactions(histories: Histories, model: Model) -> Fitted:
    """Find the most likely r, α, a and b.

    Notes
    -----
    The log-likelihood is eq. 6 of Fader, Hardie and Lee, and eq. 9 of Batislam and others. T is scaled to at most 1, which
    is undone in α; what depends on x alone is computed once for each x; the two ways to explain a silence are added as
    logarithms, so that no long history underflows.
    """
    scale = float(histories.t.max()) or 1.0
    prepared = _prepare(histories, scale, model)
    sample = None
    if (part := sample_of(histories.rows)) is not None:
        chosen, times = part
        some = _prepare(Histories(*(column[chosen] for column in histories)), scale, model)
        sample = (lambda params: _log_likelihood(params, some, model)), times
    start = np.array([0.5, 0.1, 0.8, 2.0])
    found = maximise(lambda params: _log_likelihood(params, prepared, model), start, sample)
    params = found.params.copy()
    params[1] *= scale
    shift = float((histories.x * histories.rows).sum()) * np.log(scale)
    return found._replace(params=params, log_likelihood=found.log_likelihood - shift)


def p_alive(params: Params, x: np.ndarray, t_x: np.ndarray, t: np.ndarray, model: Model) -> np.ndarray:
    """Give P(still a customer at T). The BG/NBD holds every one-time buyer for one, with certainty."""
    return np.asarray(1.0 / (1.0 + _odds_of_gone(params, x, t_x, t, model)))


def p_order(params: Params, x: np.ndarray, t_x: np.ndarray, t: np.ndarray, horizon: float, model: Model) -> np.ndarray:
    """Give P(at least one order within the horizon): alive, and the next order (Pareto-distributed) comes in time."""
    r, alpha = params[0], params[1]
    quiet = np.exp((r + x) * -np.log1p(horizon / (alpha + t)))
    return np.asarray(p_alive(params, x, t_x, t, model) * (1.0 - quiet))


def expected_orders(
    params: Params, x: np.ndarray, t_x: np.ndarray, t: np.ndarray, horizon: float, model: Model
) -> np.ndarray:
    """Give the expected number of orders within the horizon, E[Y(t) | x, t_x, T].

    Notes
    -----
    Eq. 10 of Fader, Hardie and Lee, with Euler's transformation of ₂F₁: the textbook form is 0·∞ for long histories. The
    MBG/NBD's is the same with b + 1 for b. At a = 1 numerator and denominator are both zero: there the mean of the values
    just beside it is taken.
    """
    r, alpha, a, b = params
    if abs(a - 1.0) < 1e-5:
        beside = (np.array([r, alpha, 1.0 + shift, b]) for shift in (-2e-5, 2e-5))
        return np.asarray(sum(expected_orders(near, x, t_x, t, horizon, model) for near in beside) / 2)
    if model == "mbg_nbd":
        b = b + 1.0
    z = horizon / (alpha + t + horizon)
    total = a + b + x - 1.0
    series = special.hyp2f1(a + b - 1.0 - r, a - 1.0, total, z)
    orders = total / (a - 1.0) * (1.0 - np.exp((a - 1.0) * np.log1p(-z)) * series)
    return np.asarray(orders * p_alive(params, x, t_x, t, model))


def repeat_count_probabilities(params: Params, t: np.ndarray, most: int, model: Model) -> np.ndarray:
    """Give P(X(T) = x) for x = 0 … `most` − 1, and in the last column P(X(T) ≥ `most`); a row for each T.

    Notes
    -----
    Eq. 8 of Fader, Hardie and Lee; the MBG/NBD's follows in the same way.
    """
    r, alpha, a, b = params
    x = np.arange(most)
    times = np.asarray(t, "float64")[:, None]
    counts = (
        special.gammaln(r + x) - special.gammaln(r) - special.gammaln(x + 1.0)
        + r * np.log(alpha / (alpha + times)) + special.xlogy(x, times / (alpha + times))
    )  # fmt: skip
    orders = np.exp(counts)
    before = np.cumsum(orders, axis=1) - orders
    extra = 1.0 if model == "mbg_nbd" else 0.0
    stays = np.exp(special.betaln(a, b + x + extra) - special.betaln(a, b))
    with np.errstate(invalid="ignore"):
        stops = np.where(
            x + extra > 0,
            np.exp(special.betaln(a + 1.0, np.maximum(b + x + extra - 1.0, 1e-9)) - special.betaln(a, b)),
            0.0,
        )
    table = stays * orders + stops * (1.0 - before)
    return np.column_stack([table, np.maximum(1.0 - table.sum(axis=1), 0.0)])


def _odds_of_gone(params: Params, x: np.ndarray, t_x: np.ndarray, t: np.ndarray, model: Model) -> np.ndarray:
    r, alpha, a, b = params
    if model == "mbg_nbd":
        b = b + 1.0
    with np.errstate(over="ignore"):
        odds = np.exp(
            np.log(a) - np.log(np.maximum(b + x - 1.0, 1e-300)) + (r + x) * np.log((alpha + t) / (alpha + t_x))
        )
    return np.asarray(odds if model == "mbg_nbd" else np.where(x > 0, odds, 0.0))


def _prepare(histories: Histories, scale: float, model: Model) -> _Prepared:
    """Group what can be grouped: the BG/NBD needs nothing but T of a one-time buyer."""
    x, t_x, t, rows = histories.x, histories.t_x / scale, histories.t / scale, histories.rows
    counts, place = np.unique(x, return_inverse=True)
    weights = np.bincount(place, rows, len(counts))
    again = x > 0 if model == "bg_nbd" else np.ones(len(x), bool)
    once_t, once = np.unique(t[~again], return_inverse=True)
    once_rows = np.bincount(once, rows[~again], len(once_t))
    return _Prepared(weights, counts, x[again], t_x[again], t[again], rows[again], place[again], once_t, once_rows)


def _log_likelihood(params: Params, data: _Prepared, model: Model) -> tuple[float, np.ndarray]:
    """Give the log-likelihood and its gradient in r, α, a, b."""
    r, alpha, a, b = params
    k, w = data.counts, data.weight_of_x
    extra = 1.0 if model == "mbg_nbd" else 0.0
    total = a + b + k
    # What depends on x alone.
    value = w @ (
        special.gammaln(r + k) - special.gammaln(r) + r * np.log(alpha)
        + special.betaln(a, b + k) - special.betaln(a, b) - extra * np.log(total)
    )  # fmt: skip
    ends = special.psi(total) + extra / total
    by_r = w @ (special.psi(r + k) - special.psi(r) + np.log(alpha))
    by_alpha = w.sum() * r / alpha
    by_a = w @ (special.psi(a + b) - ends)
    by_b = w @ (special.psi(b + k) - special.psi(b) + special.psi(a + b) - ends)
    # The silence since the last order: still a customer (first), or not any more (second).
    power = r + data.x
    log_t, log_t_x = np.log(alpha + data.t), np.log(alpha + data.t_x)
    if extra:
        stay, stop = np.log(b + k), np.full(len(k), np.log(a))
    else:
        some = k > 0
        stay, stop = np.zeros(len(k)), np.log(a) - np.log(np.where(some, b + k - 1.0, 1.0))
    first = stay[data.place] - power * log_t
    second = stop[data.place] - power * log_t_x
    larger = np.maximum(first, second)
    gap = np.exp(-np.abs(first - second))
    silence = larger + np.log1p(gap)
    gone = np.where(second >= first, 1.0, gap) / (1.0 + gap)
    rows_gone = data.rows * gone
    rows_here = data.rows - rows_gone
    value += data.rows @ silence
    by_r -= rows_here @ log_t + rows_gone @ log_t_x
    by_alpha -= rows_here @ (power / (alpha + data.t)) + rows_gone @ (power / (alpha + data.t_x))
    by_a += rows_gone.sum() / a
    sums_gone = np.bincount(data.place, rows_gone, len(k))
    if extra:
        by_b += np.bincount(data.place, rows_here, len(k)) @ (1.0 / (b + k))
    else:
        by_b -= sums_gone[some] @ (1.0 / (b + k[some] - 1.0))
    # One-time buyers of the BG/NBD are all still customers.
    log_once = np.log(alpha + data.once_t)
    value -= r * (data.once_rows @ log_once)
    by_r -= data.once_rows @ log_once
    by_alpha -= r * (data.once_rows @ (1.0 / (alpha + data.once_t)))
    return float(value), np.array([by_r, by_alpha, by_a, by_b])
