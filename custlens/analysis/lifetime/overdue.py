"""Which good customers have been silent for longer than is usual for them, and what that may cost."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import Moment, moment, shown, span
from custlens.analysis import results
from custlens.analysis._frames import (
    as_of_column,
    currency_of,
    customers_frame,
    gather,
    need_as_of,
    observed_at,
    same_kind,
)
from custlens.analysis._time import days
from custlens.analysis.lifetime._beta_geometric import histories_of
from custlens.analysis.lifetime._forecast import order_value
from custlens.analysis.lifetime.model import MODELS, NEEDED, LifetimeModel, fit
from custlens.errors import ArgumentError, CustlensWarning, DataError

__all__ = ["overdue"]

CONSENT = {"true": True, "false": False}
MISSING = ("p_order", "expected_orders", "expected_orders_if_recent", "expected_order_value", "value_at_risk")


def overdue(
    customers: IntoFrameT,
    model: LifetimeModel | None = None,
    horizon: str | timedelta = "90D",
    *,
    as_of: Moment | None = None,
) -> IntoFrameT:
    """Rank the buyers with two orders or more by the value that their silence puts at risk.

    The value at risk is what would be expected of a buyer in the horizon had the last order been just now, less what is
    expected after the silence since then. It is zero for a buyer who has just ordered, and greatest for those who ordered
    often and much and have probably stopped. It measures the loss; p_order says how likely it is that they come back by
    themselves.

    Parameters
    ----------
    customers : table
        A customers table with customer_id, number_of_orders, sales_value, first_order_date and last_order_date, and
        accept_marketing if consent is to be in the result.
    model : LifetimeModel, optional
        As `fit` returns it; by default a BG/NBD model is fitted on `customers`. Where the data cannot support one, buyers
        are ranked by their silence alone, with a warning that says why.
    horizon : str or timedelta, default "90D"
        How far to look ahead, in days or weeks: ``"90D"``, ``"13W"``, or a timedelta.
    as_of : str, date or datetime, optional
        Time of the observation; by default each row's own, from the column as_of.

    Returns
    -------
    table of the same kind
        `results.Overdue`: one row per buyer with two orders or more, by value_at_risk from high to low: customer_id,
        number_of_orders, recency_days (the silence), usual_gap_days, p_order, expected_orders, expected_orders_if_recent,
        expected_order_value, population_value, value_at_risk, accept_marketing, method. `segments.audience` takes it as
        `among`. Buyers whose order dates are unknown come last, with missing values.

    Raises
    ------
    ArgumentError
        `customers` is not a table; `model` is not a LifetimeModel; `horizon` is not a time span of a day or more, in
        days or weeks; `as_of` is not a point in time.
    DataError
        A column is missing or of the wrong type, a customer occurs twice, the time of the observation is unknown or lies
        before the orders, there are several currencies, or the currency is not that of the model.

    Notes
    -----
    value_at_risk = (E[Y | x, T, T] − E[Y | x, t_x, T]) · E[M]: both expectations are of the same number of orders, so that
    the difference is due to the silence alone. It is not discounted.

    Without a model (method ``"silence"``) it is recency_days / usual_gap_days · S/n: the sales that would have come since
    the last order at the usual pace. It is good enough to rank buyers, but is not a forecast. For buyers without sales above
    zero it uses the mean value of an order of the others; those whose orders all came within a day have no usual gap and come last.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     customers = cl.fetch(shop.client(), progress=False).customers
    >>> overdue(customers)[["number_of_orders", "recency_days", "usual_gap_days", "value_at_risk"]].head(2).round(1)
       number_of_orders  recency_days  usual_gap_days  value_at_risk
    0                56         446.0             0.6         1070.6
    1                24         151.0            16.3          275.3
    """
    if not (model is None or isinstance(model, LifetimeModel)):
        raise ArgumentError(f"model must be what lifetime.fit returns, or None, not {shown(model)}")
    length = span("horizon", horizon) / timedelta(days=1)
    now = None if as_of is None else moment("as_of", as_of)
    frame = customers_frame(customers, ["customer_id", *NEEDED])
    need_as_of(frame, now)
    currency_of(frame)
    consent = [name for name in ("accept_marketing",) if name in frame.collect_schema().names()]
    times = ["first_order_date", "last_order_date", *as_of_column(now)]
    table = gather(frame, numbers=["sales_value"], times=times, texts=consent, keys=["customer_id"], min_orders=2)
    if model is not None:
        model._check_currency(frame)
    elif len(table):
        try:
            model = fit(customers, as_of=now)
        except DataError as error:
            warnings.warn(
                f"buyers are ranked by their silence alone, since lifetime.fit refused: {error}",
                CustlensWarning,
                stacklevel=2,
            )
    observed = observed_at(table, now)
    found = _by_silence(table, observed) if model is None else _by_model(table, observed, model, length)
    found["accept_marketing"] = _consent(table["accept_marketing"]) if consent else None
    ranked = found.sort_values(["value_at_risk", "customer_id"], ascending=[False, True], ignore_index=True)
    return same_kind(ranked[list(results.Overdue.to_schema().columns)], results.Overdue, customers)


def _by_model(table: pd.DataFrame, now: Any, model: LifetimeModel, length: float) -> pd.DataFrame:
    """Return what a model expects of each buyer: after the silence so far, and had the last order been just now."""
    orders, params, value_params = MODELS[model.model], model.params.to_numpy(), model.value_params.to_numpy()
    histories, known = histories_of(table, now)
    x, t_x, t, _ = histories
    expected = orders.expected_orders(params, x, t_x, t, length)
    if_recent = orders.expected_orders(params, x, t, t, length)
    value, of_population = order_value(value_params, x + 1, table["sales_value"].to_numpy()[known])
    found = {
        "p_order": orders.p_order(params, x, t_x, t, length),
        "expected_orders": expected,
        "expected_orders_if_recent": if_recent,
        "expected_order_value": value,
        "population_value": of_population,
        "value_at_risk": (if_recent - expected) * value,
    }
    result = _silence(table, now)
    result.loc[known, list(found)] = pd.DataFrame(found, result.index[known])
    return result.assign(method=model.model)


def _by_silence(table: pd.DataFrame, now: Any) -> pd.DataFrame:
    """Return the sales that each buyer's silence has cost at the usual pace."""
    result = _silence(table, now)
    n, sales = table["number_of_orders"].to_numpy(), table["sales_value"].to_numpy()
    own = sales > 0
    population = float(sales[own].sum()) / float(n[own].sum()) if own.any() else np.nan
    value = np.where(own, sales / n, population)
    at_risk = result["recency_days"] / result["usual_gap_days"] * value
    return result.assign(expected_order_value=value, population_value=~own, value_at_risk=at_risk, method="silence")


def _silence(table: pd.DataFrame, now: Any) -> pd.DataFrame:
    """Return how long each buyer has been silent, and the usual gap; the columns that depend on them are missing."""
    n = table["number_of_orders"].to_numpy()
    active = days(table["last_order_date"].to_numpy() - table["first_order_date"].to_numpy())
    result = pd.DataFrame(
        {
            "customer_id": table["customer_id"].to_numpy(),
            "number_of_orders": n,
            "recency_days": days(now - table["last_order_date"].to_numpy()),
            "usual_gap_days": np.where(active < 1, np.nan, active / (n - 1)),
        }
    )
    unknown = pd.arrays.BooleanArray(np.zeros(len(n), bool), np.ones(len(n), bool))
    return result.assign(**dict.fromkeys(MISSING, np.nan), population_value=unknown)


def _consent(column: pd.Series) -> pd.arrays.BooleanArray:
    """Return consent as true, false and missing."""
    names = [str(name).lower() for name in column.cat.categories]
    if not set(names) <= set(CONSENT):
        raise DataError("accept_marketing must hold true, false or nothing: convert the column first")
    return pd.array([*(CONSENT[name] for name in names), None], "boolean")[column.cat.codes.to_numpy()]
