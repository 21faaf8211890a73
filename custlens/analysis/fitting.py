"""Maximum likelihood for the lifetime models: positive parameters, analytic gradients, standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import optimize

__all__ = ["Fitted", "maximise"]

LOG_BOUND = 14.0
"""Parameters are sought between e⁻¹⁴ and e¹⁴, with times and amounts scaled to about 1."""

LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Fitted(NamedTuple):
    """The most likely parameters."""

    params: np.ndarray
    log_likelihood: float
    covariance: np.ndarray
    """Of the logarithms of the parameters; NaN where the likelihood is flat."""
    at_bound: bool
    """Whether a parameter ran into the bounds: the data do not carry the model."""


def maximise(log_likelihood: LogLikelihood, start: np.ndarray) -> Fitted:
    """Find the positive parameters of the greatest log-likelihood.

    Parameters
    ----------
    log_likelihood
        Gives the log-likelihood and its gradient, both in the parameters themselves.
    start
        Where to begin.

    Notes
    -----
    L-BFGS-B over the logarithms of the parameters, then Newton steps with a Hessian from differences of the analytic
    gradient, which make the last digits sure. The standard errors come from the same Hessian (observed information).
    """

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        params = np.exp(logs)
        value, gradient = log_likelihood(params)
        if not np.isfinite(value):
            return 1e300, np.zeros_like(logs)
        return -value, -gradient * params

    bounds = [(-LOG_BOUND, LOG_BOUND)] * len(start)
    scale = max(1.0, abs(objective(np.log(start))[0]))

    def scaled(logs: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(logs)
        return value / scale, gradient / scale

    found = optimize.minimize(
        scaled,
        np.log(start),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9},
    )
    logs = np.asarray(found.x)
    value, gradient = objective(logs)
    hessian = _hessian(objective, logs)
    for _ in range(5):
        if not np.isfinite(hessian).all() or np.abs(logs).max() > LOG_BOUND - 1e-3 or np.linalg.cond(hessian) > 1e12:
            break
        step = np.linalg.solve(hessian, gradient)
        trial = logs - step
        if np.abs(step).max() > 0.5 or np.abs(trial).max() > LOG_BOUND:
            break
        better, slope = objective(trial)
        if not better <= value + 1e-9 * abs(value):
            break
        logs, value, gradient = trial, better, slope
        if np.abs(step).max() < 1e-9:
            break
    at_bound = bool(np.abs(logs).max() > LOG_BOUND - 1e-3)
    covariance = np.full((len(start), len(start)), np.nan)
    if not at_bound and np.isfinite(hessian).all() and (np.linalg.eigvalsh(hessian) > 0).all():
        covariance = np.linalg.inv(hessian)
    return Fitted(np.exp(logs), -value, covariance, at_bound)


def _hessian(objective: Callable[[np.ndarray], tuple[float, np.ndarray]], logs: np.ndarray) -> np.ndarray:
    """Differentiate the gradient once more, by central differences."""
    step = 1e-4
    rows = []
    for place in range(len(logs)):
        shift = np.zeros_like(logs)
        shift[place] = step
        rows.append((objective(logs + shift)[1] - objective(logs - shift)[1]) / (2 * step))
    hessian = np.array(rows)
    return np.asarray((hessian + hessian.T) / 2)
