"""Gamma-Gamma: the value of an order varies around a mean per customer, and the means vary over customers.

The mean S/n is over all n orders, the first one included, and one-time buyers take part: the five statistics do not
contain the value of the first order, so the mean over repeat orders alone is not known.

Source: Fader and Hardie (2013), "The Gamma-Gamma model of monetary value", brucehardie.com/notes/025, eq. 1a and 5.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from custlens.analysis.lifetime._fitting import Fitted, LogLikelihood, maximise, sample_of

__all__ = ["correlation", "expected_value", "fit_spending", "population_value", "share_below"]


def fit_spending(n: np.ndarray, mean: np.ndarray, rows: np.ndarray) -> Fitted:
    """Compute the maximum likelihood estimates of p, q and v.

    Parameters
    ----------
    n, mean, rows
        Number of orders, their mean value (above 0), and how many buyers share the two.
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
    """Compute Pearson's correlation of the number of orders and the logarithm of their mean value."""
    level = np.log(mean)
    dn, dl = n - np.average(n, weights=rows), level - np.average(level, weights=rows)
    spread = np.sqrt(np.average(dn**2, weights=rows) * np.average(dl**2, weights=rows))
    return float(np.average(dn * dl, weights=rows) / spread) if spread > 0 else 0.0


def _likelihood(n: np.ndarray, level: np.ndarray, rows: np.ndarray) -> LogLikelihood:
    """Return a function that computes the log-likelihood and its gradient in p, q and v."""
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
    """Compute the expected value of an order, E[M] = p(v + S) / (p·n + q − 1), NaN where the model has no mean."""
    p, q, v = params
    weight = p * n + q - 1.0
    return np.where(weight > 0, p * (v + sales) / np.where(weight > 0, weight, 1.0), np.nan)


def population_value(params: np.ndarray) -> float:
    """Compute the expected value of an order of a customer about whose spending nothing is known, p·v / (q − 1)."""
    return float(expected_value(params, np.zeros(1), np.zeros(1))[0])


def share_below(params: np.ndarray, n: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Compute the probability that the mean S/n of a customer with n orders is below a value.

    Over all customers n·mean / (v + n·mean) is distributed as Beta(p·n, q).
    """
    p, q, v = params
    return np.asarray(special.betainc(p * n, q, n * mean / (v + n * mean)))
