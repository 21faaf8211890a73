"""A model of what customers spend an order: Gamma-Gamma.

The mean S/n of a customer's n orders is taken as a sample from the customer's own level of spending, and the levels are
spread over customers. All n orders count, the first one included, and so do one-time buyers: the value of the first order
cannot be told from the five statistics, so a mean over repeat orders alone cannot be had.

Source: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value", brucehardie.com/notes/025, eq. 1a and 5.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from custlens.analysis.fitting import Fitted, LogLikelihood, maximise

__all__ = ["expected_value", "fit_spending"]

SAMPLE = 50_000


def fit_spending(n: np.ndarray, mean: np.ndarray, rows: np.ndarray) -> Fitted:
    """Find the most likely p, q and v.

    Parameters
    ----------
    n, mean, rows
        Number of orders, their mean value (above 0), and how many buyers have both.
    """
    scale = float((mean * rows).sum() / rows.sum())
    level = mean / scale
    sample = None
    if (stride := len(n) // SAMPLE) > 1:
        times = float(rows.sum()) / float(rows[::stride].sum())
        sample = _likelihood(n[::stride], level[::stride], rows[::stride]), times
    found = maximise(_likelihood(n, level, rows), np.array([2.0, 3.0, 1.0]), sample)
    params = found.params.copy()
    params[2] *= scale
    return found._replace(params=params, log_likelihood=found.log_likelihood - float(rows.sum()) * np.log(scale))


def _likelihood(n: np.ndarray, level: np.ndarray, rows: np.ndarray) -> LogLikelihood:
    """Give the log-likelihood with its gradient in p, q, v, as a function of those."""
    log_level = np.log(level)
    counts, place = np.unique(n, return_inverse=True)
    spent = counts[place] * level
    log_spent = np.log(spent)

    def log_likelihood(params: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = params
        by_count = special.betaln(p * counts, q)
        log_all = np.log(v + spent)
        power = p * counts[place]
        value = -by_count[place] - log_level + q * (np.log(v) - log_all) + power * (log_spent - log_all)
        ends = special.psi(p * counts + q)
        by_p = counts[place] * ((ends - special.psi(p * counts))[place] + log_spent - log_all)
        by_q = (ends - special.psi(q))[place] + np.log(v) - log_all
        by_v = q / v - (power + q) / (v + spent)
        return float(rows @ value), np.array([rows @ by_p, rows @ by_q, rows @ by_v])

    return log_likelihood


def expected_value(params: np.ndarray, n: np.ndarray, sales: np.ndarray) -> np.ndarray:
    """Give the expected value of an order, E[M] = p(v + S)/(p·n + q − 1); that of the whole shop at n = 0."""
    p, q, v = params
    return np.asarray(p * (v + sales) / (p * n + q - 1.0))
