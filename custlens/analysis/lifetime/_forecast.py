"""What fitted models say of customers: chances, orders, and revenue with a band."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from custlens.analysis.lifetime._bg_nbd import Histories, Model, expected_orders, p_alive, p_order
from custlens.analysis.lifetime._fitting import slopes
from custlens.analysis.lifetime._gamma_gamma import expected_value
from custlens.errors import ArgumentError

__all__ = ["Estimate", "forecast", "span_days"]

STEP_DAYS = 30.0
Z80 = 1.2815515655446004


class Estimate(NamedTuple):
    """Parameters, and the covariance of their logarithms."""

    params: np.ndarray
    covariance: np.ndarray


def span_days(horizon: Any) -> float:
    """Read a horizon, in days."""
    try:
        length = pd.Timedelta(horizon) / pd.Timedelta(days=1)
    except (ValueError, TypeError):
        length = np.nan
    if not length > 0:
        raise ArgumentError(f"horizon must be a time span above zero such as '90D', not {horizon!r}")
    return float(length)


def forecast(
    model: Model,
    estimates: tuple[Estimate, Estimate],
    histories: Histories,
    n: np.ndarray,
    sales: np.ndarray,
    length: float,
    discount_rate: float,
) -> dict[str, np.ndarray]:
    """Forecast for histories, with orders and sales (NaN for who has none) beside them."""
    x, t_x, t, _ = histories
    (params, covariance), (values, value_covariance) = estimates
    # Equal histories are computed once.
    whole = pd.DataFrame({"x": x, "t_x": t_x, "t": t})
    place = whole.groupby(["x", "t_x", "t"], sort=False).ngroup().to_numpy()
    unique = whole.drop_duplicates(ignore_index=True)
    u = unique.to_numpy().T

    def orders(params: np.ndarray, length: float) -> np.ndarray:
        return expected_orders(params, u[0], u[1], u[2], length, model)

    ends = np.append(np.arange(STEP_DAYS, length, STEP_DAYS), length)
    total, discounted = np.zeros(len(unique)), np.zeros(len(unique))
    begin = 0.0
    for end in ends:
        more = orders(params, end)
        discounted += (more - total) * (1 + discount_rate) ** (-(begin + end) / 2 / 365.25)
        total, begin = more, end
    mean = expected_value(values, n, sales)
    variance = _relative_variance(
        lambda logs: np.log(np.maximum(orders(np.exp(logs), length), 1e-300)), params, covariance
    )
    spread = _relative_variance(lambda logs: np.log(expected_value(np.exp(logs), n, sales)), values, value_covariance)
    band = np.exp(Z80 * np.sqrt(variance[place] + spread))
    revenue = mean * discounted[place]
    return {
        "p_alive": p_alive(params, u[0], u[1], u[2], model)[place],
        "p_order": p_order(params, u[0], u[1], u[2], length, model)[place],
        "expected_orders": total[place],
        "expected_order_value": mean,
        "expected_revenue": revenue,
        "revenue_low": revenue / band,
        "revenue_high": revenue * band,
    }


def _relative_variance(log_of: Any, params: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Give the variance of the logarithm of something, by the delta method over the logarithms of the parameters."""
    gradient = slopes(log_of, np.log(params))
    return np.asarray(np.maximum(np.einsum("ik,ij,jk->k", gradient, covariance, gradient), 0.0))
