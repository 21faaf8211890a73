"""Forecasts from fitted models: probabilities, expected orders, and expected revenue with an interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from custlens.analysis.lifetime._beta_geometric import BetaGeometric, Histories
from custlens.analysis.lifetime._fitting import slopes
from custlens.analysis.lifetime._gamma_gamma import expected_value, population_value

__all__ = ["Estimate", "forecast", "order_value"]

STEP_DAYS = 30.0


class Estimate(NamedTuple):
    """Parameters, and the covariance of their logarithms."""

    params: np.ndarray
    covariance: np.ndarray


def forecast(
    model: BetaGeometric,
    estimates: tuple[Estimate, Estimate],
    histories: Histories,
    n: np.ndarray,
    sales: np.ndarray,
    length: float,
    discount_rate: float,
    level: float,
) -> dict[str, np.ndarray]:
    """Compute the forecast of each history; `n` and `sales` are the orders and sales of the same buyers."""
    x, t_x, t, _ = histories
    (params, covariance), (values, value_covariance) = estimates
    # Equal histories are computed once.
    whole = pd.DataFrame({"x": x, "t_x": t_x, "t": t})
    place = whole.groupby(["x", "t_x", "t"], sort=False).ngroup().to_numpy()
    unique = whole.drop_duplicates(ignore_index=True)
    u = unique.to_numpy().T

    def orders(params: np.ndarray, length: float) -> np.ndarray:
        return model.expected_orders(params, u[0], u[1], u[2], length)

    ends = np.append(np.arange(STEP_DAYS, length, STEP_DAYS), length)
    total, discounted = np.zeros(len(unique)), np.zeros(len(unique))
    begin = 0.0
    for end in ends:
        more = orders(params, end)
        discounted += (more - total) * (1 + discount_rate) ** (-(begin + end) / 2 / 365.25)
        total, begin = more, end
    mean, of_population = order_value(values, n, sales)
    variance = _relative_variance(
        lambda logs: np.log(np.maximum(orders(np.exp(logs), length), 1e-300)), params, covariance
    )
    spread = _relative_variance(lambda logs: np.log(order_value(np.exp(logs), n, sales)[0]), values, value_covariance)
    band = np.exp(special.ndtri((1 + level) / 2) * np.sqrt(variance[place] + spread))
    revenue = mean * discounted[place]
    return {
        "p_alive": model.p_alive(params, u[0], u[1], u[2])[place],
        "p_order": model.p_order(params, u[0], u[1], u[2], length)[place],
        "expected_orders": total[place],
        "expected_order_value": mean,
        "population_value": of_population,
        "expected_revenue": revenue,
        "expected_revenue_ci_low": revenue / band,
        "expected_revenue_ci_high": revenue * band,
    }


def order_value(params: np.ndarray, n: np.ndarray, sales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the expected value of an order of each buyer, and for whom it is the population mean (no sales above zero)."""
    own = sales > 0
    mean = np.where(own, expected_value(params, n, np.where(own, sales, 0.0)), population_value(params))
    return mean, ~own


def _relative_variance(
    log_of: Callable[[np.ndarray], np.ndarray], params: np.ndarray, covariance: np.ndarray
) -> np.ndarray:
    """Compute the variance of a logarithm by the delta method over the logarithms of the parameters."""
    gradient = slopes(log_of, np.log(params))
    return np.asarray(np.maximum(np.einsum("ik,ij,jk->k", gradient, covariance, gradient), 0.0))
