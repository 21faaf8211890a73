"""Maximum likelihood for the lifetime models: positive parameters, analytic gradients, standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

__all__ = ["Fitted", "LogLikelihood", "maximise", "sample_of", "slopes"]

LOG_BOUND = 14.0
"""Parameters are sought between e⁻¹⁴ and e¹⁴, with times and amounts scaled to about 1."""

SAMPLE = 50_000

LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Fitted(NamedTuple):
    """Maximum likelihood estimates."""

    params: np.ndarray
    log_likelihood: float
    covariance: np.ndarray
    """Of the logarithms of the parameters; NaN where the likelihood is flat."""
    at_bound: bool
    """Whether a parameter ended at its bound: the data do not determine it."""

    @property
    def relative_errors(self) -> np.ndarray:
        """Return the standard errors of the parameters, as multiples of the parameters."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def maximise(
    log_likelihood: LogLikelihood, start: np.ndarray, sample: tuple[LogLikelihood, float] | None = None
) -> Fitted:
    """Compute the positive parameters that maximise a log-likelihood.

    Parameters
    ----------
    log_likelihood
        Returns the log-likelihood and its gradient, both in the parameters themselves.
    start
        Parameters to begin with.
    sample
        The log-likelihood of a sample of the rows, and the ratio of all rows to those in it. The search begins with the
        sample, which saves most of the time.

    Notes
    -----
    L-BFGS-B over the logarithms of the parameters, then Newton steps for the last digits, with a Hessian from
    differences of the analytic gradient. The standard errors come from the same Hessian (observed information).
    """
    objective = _in_logs(log_likelihood)
    logs = np.log(start)
    settled = False
    if sample is not None:
        part, times = _in_logs(sample[0]), sample[1]
        near = _descend(part, logs)
        hessian = times * _hessian(part, near)
        logs, settled = _newton(objective, near, hessian)
    if not settled:
        near = _descend(objective, logs)
        hessian = _hessian(objective, near)
        logs, _ = _newton(objective, near, hessian)
    if sample is not None or np.abs(logs - near).max() > 1e-4:  # else the Hessian is that of the maximum already
        hessian = _hessian(objective, logs)
    at_bound = bool(np.abs(logs).max() > LOG_BOUND - 1e-3)
    covariance = np.full((len(start), len(start)), np.nan)
    if not at_bound and _is_sound(hessian):
        covariance = np.linalg.inv(hessian)
    return Fitted(np.exp(logs), -objective(logs)[0], covariance, at_bound)


def sample_of(rows: np.ndarray) -> tuple[slice, float] | None:
    """Return a systematic sample of the entries, and the ratio of all rows to those in it; None if there are few entries."""
    if (stride := len(rows) // SAMPLE) <= 1:
        return None
    some = slice(None, None, stride)
    return some, float(rows.sum()) / float(rows[some].sum())


def slopes(of: Callable[[np.ndarray], np.ndarray], logs: np.ndarray) -> np.ndarray:
    """Compute the derivatives by each logarithm, by central differences; one row each."""
    step = 1e-4
    return np.array([(of(logs + shift) - of(logs - shift)) / (2 * step) for shift in step * np.eye(len(logs))])


def _in_logs(log_likelihood: LogLikelihood) -> LogLikelihood:
    """Return the negative log-likelihood as a function of the logarithms of the parameters."""

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        params = np.exp(logs)
        value, gradient = log_likelihood(params)
        if not np.isfinite(value):
            return 1e300, np.zeros_like(logs)
        return -value, -gradient * params

    return objective


def _descend(objective: LogLikelihood, start: np.ndarray) -> np.ndarray:
    """Return where L-BFGS-B ends."""
    logs: Any = start
    scale = max(1.0, abs(objective(logs)[0]))

    def scaled(logs: Any) -> Any:
        value, gradient = objective(logs)
        return value / scale, gradient / scale

    bounds = [(-LOG_BOUND, LOG_BOUND)] * len(logs)
    options: Any = {"maxiter": 500, "ftol": 1e-10, "gtol": 1e-6}  # the Newton steps that follow do the rest
    found = optimize.minimize(scaled, logs, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x)


def _newton(objective: LogLikelihood, logs: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return where Newton steps with one Hessian lead, and whether they converged."""
    if not _is_sound(hessian) or np.abs(logs).max() > LOG_BOUND - 1e-3:
        return logs, False
    value, gradient = objective(logs)
    for _ in range(12):
        step = np.linalg.solve(hessian, gradient)
        if np.abs(step).max() < 1e-9:
            return logs, True
        trial = logs - step
        if np.abs(step).max() > 0.5 or np.abs(trial).max() > LOG_BOUND:
            break
        better, slope = objective(trial)
        if not better <= value + 1e-11 * abs(value):
            break
        logs, value, gradient = trial, better, slope
    return logs, bool(np.abs(np.linalg.solve(hessian, gradient)).max() < 1e-7)


def _is_sound(hessian: np.ndarray) -> bool:
    """Return whether a Hessian is that of a minimum and can be inverted."""
    if not np.isfinite(hessian).all():
        return False
    values = np.linalg.eigvalsh(hessian)
    return bool(values[0] > 1e-12 * values[-1])


def _hessian(objective: LogLikelihood, logs: np.ndarray) -> np.ndarray:
    """Compute the Hessian from the gradient, by central differences."""
    hessian = slopes(lambda place: objective(place)[1], logs)
    return np.asarray((hessian + hessian.T) / 2)
