"""A model of what customers spend an order: Gamma-Gamma.

The mean S/n of a customer's n orders is taken as a sample from the customer's own level of spending, and the levels are
spread over customers. All n orders count, the first one included, and so do one-time buyers: the value of the first order
cannot be told from the five statistics, so a mean over repeat orders alone cannot be had.

Source: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value", brucehardie.com/notes/025, eq. 1a and 5.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from custlens.analysis.lifetime._fitting import Fitted, LogLikelihood, maximise, sample_of

__all__ = ["correlation", "expected_value", "fit_spending"]


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
    if (part := sample_of(rows)) is not None:
        some, times = part
        sample = _likelihood(n[some], level[some], rows[some]), times
    found = maximise(_likelihood(n, level, rows), np.array([2.0, 3.0, 1.0]), sample)
    params = found.params.copy()
    params[2] *= scale
    return found._replace(params=params, log_likelihood=found.log_likelihood - float(rows.sum()) * np.log(scale))


def correlation(n: np.ndarray, mean: np.ndarray, rows: np.ndarray) -> float:
    """Give Pearson's correlation of the number of orders and the logarithm of their mean value."""
    level = np.log(mean)
    dn, dl = n - np.average(n, weights=rows), level - np.average(level, weights=rows)
    spread = np.sqrt(np.average(dn**2, weights=rows) * np.average(dl**2, weights=rows))
    return float(np.average(dn * dl, weights=rows) / spread) if spread > 0 else 0.0


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
