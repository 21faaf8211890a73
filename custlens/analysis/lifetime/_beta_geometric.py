"""What the BG/NBD and the MBG/NBD share: orders at random until the customer stops after one of them.

An active customer orders at a constant rate; rates vary over customers as a gamma distribution (r, α). After an order
the customer may stop for good; the probability varies over customers as a beta distribution (a, b). The two models
differ in one thing: whether the first order already gives a chance to stop. With c for the number of those chances (x in
the BG/NBD, x + 1 in the MBG/NBD), every formula is the same.

Three numbers per customer are enough for the likelihood: x (repeat orders), t_x (time from the first to the last order)
and T (time from the first order to the observation). Any unit of time will do: α is in that unit, and nothing else
depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, special

from custlens.analysis._time import days
from custlens.analysis.lifetime._fitting import Fitted, maximise, sample_of

__all__ = ["BetaGeometric", "Histories", "histories_of"]

Params = np.ndarray
"""r, alpha, a, b."""

NODES = 100


class Histories(NamedTuple):
    """Order histories of buyers; equal histories may share an entry."""

    x: np.ndarray
    t_x: np.ndarray
    t: np.ndarray
    """T: from the first order to the observation."""
    rows: np.ndarray
    """How many buyers have the history."""


def histories_of(table: pd.DataFrame, now: Any) -> tuple[Histories, np.ndarray]:
    """Return the histories, in days, of the buyers whose order dates can be used; and which rows those are."""
    n, first = table["number_of_orders"].to_numpy(), table["first_order_date"].to_numpy()
    last = table["last_order_date"].to_numpy()
    known = (n >= 1) & ~np.isnan(first) & ~np.isnan(last) & ((n == 1) | (last >= first))
    now = np.broadcast_to(now, len(table))[known]
    t = days(now - first[known])
    t_x = np.where(n[known] > 1, days(last[known] - first[known]), 0.0)
    return Histories(n[known] - 1.0, t_x, np.maximum(t, t_x), table["rows"].to_numpy()[known]), known


class Prepared(NamedTuple):
    """The parts of the data that do not change between evaluations of the likelihood."""

    chances: np.ndarray
    """The distinct numbers of chances to stop; `x_of` and `rows_of` belong to them."""
    x_of: np.ndarray
    rows_of: np.ndarray
    place: np.ndarray
    """For each history with a chance to stop: its place in `chances`."""
    x: np.ndarray
    t_x: np.ndarray
    t: np.ndarray
    rows: np.ndarray
    certain_t: np.ndarray
    """T of the histories without a chance to stop, which need nothing else."""
    certain_rows: np.ndarray


@dataclass(frozen=True)
class BetaGeometric:
    """A model of the family.

    Attributes
    ----------
    stops_after_first_order : bool
        Whether the first order already gives a chance to stop.
    """

    stops_after_first_order: bool

    def chances(self, x: np.ndarray) -> np.ndarray:
        """Return how many chances to stop a customer with x repeat orders has had."""
        return x + 1.0 if self.stops_after_first_order else x

    def fit(self, histories: Histories) -> Fitted:
        """Compute the maximum likelihood estimates of r, α, a and b.

        Notes
        -----
        Eq. 6 of Fader, Hardie and Lee, eq. 9 of Batislam, Denizel and Filiztekin. T is scaled to at most 1, which is
        undone in α.
        """
        scale = float(histories.t.max()) or 1.0
        prepared = self.prepare(histories, scale)
        sample = None
        if (part := sample_of(histories.rows)) is not None:
            chosen, times = part
            some = self.prepare(Histories(*(column[chosen] for column in histories)), scale)
            sample = (lambda params: log_likelihood(params, some)), times
        start = np.array([0.5, 0.1, 0.8, 2.0])
        found = maximise(lambda params: log_likelihood(params, prepared), start, sample)
        params = found.params.copy()
        params[1] *= scale
        shift = float((histories.x * histories.rows).sum()) * np.log(scale)
        return found._replace(params=params, log_likelihood=found.log_likelihood - shift)

    def prepare(self, histories: Histories, scale: float) -> Prepared:
        """Return the histories in units of `scale`, grouped where the likelihood allows it."""
        x, t_x, t, rows = histories.x, histories.t_x / scale, histories.t / scale, histories.rows
        x_of, place = np.unique(x, return_inverse=True)
        some = self.chances(x) > 0
        certain_t, certain = np.unique(t[~some], return_inverse=True)
        return Prepared(
            chances=self.chances(x_of),
            x_of=x_of,
            rows_of=np.bincount(place, rows, len(x_of)),
            place=place[some],
            x=x[some],
            t_x=t_x[some],
            t=t[some],
            rows=rows[some],
            certain_t=certain_t,
            certain_rows=np.bincount(certain, rows[~some], len(certain_t)),
        )

    def p_alive(self, params: Params, x: np.ndarray, t_x: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Compute P(still a customer at T)."""
        r, alpha, a, b = params
        chances = self.chances(x)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            odds = np.exp(np.log(a) - np.log(b + chances - 1.0) + (r + x) * np.log((alpha + t) / (alpha + t_x)))
        return np.asarray(1.0 / (1.0 + np.where(chances > 0, odds, 0.0)))

    def p_order(self, params: Params, x: np.ndarray, t_x: np.ndarray, t: np.ndarray, horizon: float) -> np.ndarray:
        """Compute P(at least one order within the horizon): still active, and the next order is in time."""
        r, alpha = params[0], params[1]
        quiet = np.exp((r + x) * -np.log1p(horizon / (alpha + t)))
        return np.asarray(self.p_alive(params, x, t_x, t) * (1.0 - quiet))

    def expected_orders(
        self, params: Params, x: np.ndarray, t_x: np.ndarray, t: np.ndarray, horizon: float
    ) -> np.ndarray:
        """Compute the expected number of orders within the horizon, E[Y(t) | x, t_x, T].

        Notes
        -----
        A customer who is active at T and stops with probability p after an order is expected to order
        (1 − (1 + p·u)^−(r + x)) / p times, with u = t / (α + T); p has the beta distribution (a, b + c). The mean over p
        is eq. 10 of Fader, Hardie and Lee, here with Euler's transformation of ₂F₁, since the textbook form is 0·∞ for
        long histories. Where ₂F₁ overflows (large a or b), or the difference cancels out (a near 1, or hardly any
        orders), the mean is taken by quadrature.
        """
        r, alpha, a, b = params
        stays = b + self.chances(x)
        total = a + stays - 1.0
        z = horizon / (alpha + t + horizon)
        with np.errstate(all="ignore"):
            difference = 1.0 - np.exp((a - 1.0) * np.log1p(-z)) * special.hyp2f1(total - r - x, a - 1.0, total, z)
            orders = np.asarray(total / (a - 1.0) * difference)
        if (lost := ~(np.isfinite(orders) & (np.abs(difference) > 1e-6))).any():
            u, power = horizon / (alpha + t[lost]), r + x[lost]
            betas, place = np.unique(stays[lost], return_inverse=True)
            mean = np.zeros(len(u))
            for p, weight in zip(*beta_quadrature(a, betas), strict=True):
                mean -= weight[place] / p[place] * np.expm1(-power * np.log1p(p[place] * u))
            orders[lost] = mean
        return np.asarray(orders * self.p_alive(params, x, t_x, t))

    def repeat_count_probabilities(self, params: Params, t: np.ndarray, most: int) -> np.ndarray:
        """Compute P(X(T) = x) for x = 0 … `most` − 1, and in the last column P(X(T) ≥ `most`), one row per T.

        Notes
        -----
        Eq. 8 of Fader, Hardie and Lee; that of the MBG/NBD follows in the same way.
        """
        r, alpha, a, b = params
        x = np.arange(most)
        chances = self.chances(x)
        times = np.asarray(t, "float64")[:, None]
        log_counts = (
            special.gammaln(r + x) - special.gammaln(r) - special.gammaln(x + 1.0)
            + r * np.log(alpha / (alpha + times)) + special.xlogy(x, times / (alpha + times))
        )  # fmt: skip
        counts = np.exp(log_counts)
        before = np.cumsum(counts, axis=1) - counts
        stays = np.exp(special.betaln(a, b + chances) - special.betaln(a, b))
        last_chance = np.maximum(chances, 1.0) - 1.0
        stops = np.exp(special.betaln(a + 1.0, b + last_chance) - special.betaln(a, b))
        table = stays * counts + np.where(chances > 0, stops, 0.0) * (1.0 - before)
        return np.column_stack([table, np.maximum(1.0 - table.sum(axis=1), 0.0)])


def beta_quadrature(a: float, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute nodes and weights of the Gauss quadrature for means over beta distributions (a, b), one column per b.

    Notes
    -----
    The nodes are eigenvalues of the Jacobi matrix on (0, 1). Source: Golub and Welsch (1969), "Calculation of Gauss
    quadrature rules", Mathematics of Computation 23. SciPy's `roots_jacobi` overflows for large a and b.
    """
    k = np.arange(1.0, NODES)
    nodes, weights = np.empty((2, NODES, len(b)))
    for place, each in enumerate(b):
        total = a + each
        ends = total + 2 * k - 2
        diagonal = np.append(a / total, (2 * k * (k + total - 1) + a * (total - 2)) / (ends * (ends + 2)))
        square = a * each / (total**2 * (total + 1)) * np.ones(NODES - 1)
        later, k_later = ends[1:] ** 2, k[1:]
        square[1:] = k_later * (k_later + a - 1) * (k_later + each - 1) * (k_later + total - 2) / (later * (later - 1))
        nodes[:, place], vectors = linalg.eigh_tridiagonal(diagonal, np.sqrt(square))
        weights[:, place] = vectors[0] ** 2
    return np.maximum(nodes, 1e-17), weights  # rounding may take a tiny node below 0


def log_likelihood(params: Params, data: Prepared) -> tuple[float, np.ndarray]:
    """Compute the log-likelihood and its gradient in r, α, a, b."""
    r, alpha, a, b = params
    c, x, w = data.chances, data.x_of, data.rows_of
    # What depends on x alone.
    value = w @ (
        special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
        + special.betaln(a, b + c) - special.betaln(a, b)
    )  # fmt: skip
    by_r = w @ (special.psi(r + x) - special.psi(r) + np.log(alpha))
    by_alpha = w.sum() * r / alpha
    by_a = w @ (special.psi(a + b) - special.psi(a + b + c))
    by_b = by_a + w @ (special.psi(b + c) - special.psi(b))
    # The silence since the last order: either active (first) or stopped (second), added as logarithms, so that no long
    # history underflows.
    power = r + data.x
    log_t, log_t_x = np.log(alpha + data.t), np.log(alpha + data.t_x)
    some = c > 0
    stop = np.log(a) - np.log(np.where(some, b + c - 1.0, 1.0))
    first, second = -power * log_t, stop[data.place] - power * log_t_x
    larger = np.maximum(first, second)
    gap = np.exp(-np.abs(first - second))
    gone = np.where(second >= first, 1.0, gap) / (1.0 + gap)
    rows_gone = data.rows * gone
    rows_here = data.rows - rows_gone
    value += data.rows @ (larger + np.log1p(gap))
    by_r -= rows_here @ log_t + rows_gone @ log_t_x
    by_alpha -= rows_here @ (power / (alpha + data.t)) + rows_gone @ (power / (alpha + data.t_x))
    by_a += rows_gone.sum() / a
    by_b -= np.bincount(data.place, rows_gone, len(c))[some] @ (1.0 / (b + c[some] - 1.0))
    # Histories without a chance to stop have only the first term.
    log_certain = np.log(alpha + data.certain_t)
    value -= r * (data.certain_rows @ log_certain)
    by_r -= data.certain_rows @ log_certain
    by_alpha -= r * (data.certain_rows @ (1.0 / (alpha + data.certain_t)))
    return float(value), np.array([by_r, by_alpha, by_a, by_b])
