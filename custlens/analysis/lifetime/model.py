"""Who will order again, how often, and for how much: models fitted on the five statistics.

Headline is P(at least one order in a horizon), not P(alive): two models that fit equally well may disagree on who is
"alive" (the BG/NBD holds every one-time buyer for alive), and agree on who will order. There is no margin in the
statistics, so the money is revenue, not profit.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import (
    as_of_column,
    currency_of,
    customers_frame,
    gather,
    in_memory,
    need_as_of,
    observed_at,
    same_kind,
)
from custlens.analysis._partitions import is_partitioned, on_partitions
from custlens.analysis._time import days
from custlens.analysis.lifetime._bg_nbd import Histories, Model, fit_transactions
from custlens.analysis.lifetime._diagnosis import Diagnosis, diagnose
from custlens.analysis.lifetime._forecast import Estimate, forecast, span_days
from custlens.analysis.lifetime._gamma_gamma import correlation, fit_spending
from custlens.errors import ArgumentError, CustlensWarning, DataError

__all__ = ["LifetimeModel", "fit"]

NEEDED = ("number_of_orders", "sales_value", "first_order_date", "last_order_date")
FEWEST_BUYERS = 500
STRONGEST_CORRELATION = 0.3


@dataclass(frozen=True, repr=False)
class LifetimeModel:
    """A fitted model: of orders (BG/NBD or MBG/NBD) and of what an order brings (Gamma-Gamma).

    Attributes
    ----------
    model : str
        ``"bg_nbd"`` or ``"mbg_nbd"``.
    params : pandas.Series
        r, alpha (days), a, b.
    standard_errors : pandas.Series
        Of the same, from the observed information.
    log_likelihood : float
        Of the orders, with times in days.
    value_params, value_standard_errors : pandas.Series
        p, q, v (v in the currency) of the Gamma-Gamma model.
    value_log_likelihood : float
        Of the values.
    buyers : int
        Buyers that the model of orders was fitted on.
    left_out : pandas.Series
        Customers left out, by reason.
    as_of : datetime
        Time of the observation (UTC).
    currency : str or None
        ISO 4217.
    problems : list of str
        Why the fit would have been refused without ``force=True``.
    """

    model: Model
    params: pd.Series[float]
    standard_errors: pd.Series[float]
    log_likelihood: float
    value_params: pd.Series[float]
    value_standard_errors: pd.Series[float]
    value_log_likelihood: float
    buyers: int
    left_out: pd.Series[int]
    as_of: datetime
    currency: str | None
    problems: list[str]
    _estimates: tuple[Estimate, Estimate]
    _fitted_on: pd.DataFrame

    def predict(
        self,
        customers: Any,
        horizon: str | pd.Timedelta = "90D",
        *,
        discount_rate: float = 0.1,
        as_of: datetime | None = None,
    ) -> Any:
        """Predict each customer's orders and revenue within a horizon.

        Parameters
        ----------
        customers
            A customers table with customer_id, number_of_orders, sales_value, first_order_date and last_order_date:
            the one fitted on, or another of the same store.
        horizon
            How far to look ahead: a pandas time span such as ``"90D"``.
        discount_rate
            A year's: revenue that comes t years ahead counts for (1 + rate)⁻ᵗ.
        as_of
            Time of the observation; read from the table by default (each row's own).

        Returns
        -------
        table of the same kind
            `results.Prediction`: one row a customer, in the order of the table: customer_id, p_alive (as this model
            sees it), p_order, expected_orders, expected_order_value, expected_revenue (discounted), and the 80 % band
            revenue_low to revenue_high that the uncertainty of the parameters gives that expectation (what a single
            customer will really do scatters far more). Prospects are missing throughout; buyers without sales above zero
            have no forecast of money.

        Raises
        ------
        ArgumentError
            A horizon that is no time span above zero, a missing column, or no time of the observation.

        Notes
        -----
        expected_revenue = E[M] · Σₖ ΔE[Y(tₖ)] / (1 + d)^(middle of step k), in steps of at most 30 days. The band is by
        the delta method over the logarithms of the parameters.
        """
        length = span_days(horizon)
        if not 0 <= discount_rate < 10:
            raise ArgumentError(f"discount_rate must be a year's rate such as 0.1, not {discount_rate}")
        frame = customers_frame(customers, ["customer_id", *NEEDED])
        need_as_of(frame, as_of)
        currency = currency_of(frame)
        if None not in (currency, self.currency) and currency != self.currency:
            raise DataError(f"the model was fitted on {self.currency}, the table is in {currency}")
        if is_partitioned(customers):
            needed = ["customer_id", *NEEDED, *as_of_column(as_of)]

            def part(table: pd.DataFrame) -> pd.DataFrame:
                stamp = None if as_of is not None or len(table) else self.as_of  # an empty partition tells no time
                predicted: pd.DataFrame = self.predict(
                    table, horizon, discount_rate=discount_rate, as_of=as_of or stamp
                )
                return predicted

            return on_partitions(customers, needed, part, results.Prediction)
        times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
        table = gather(frame, numbers=["number_of_orders", "sales_value"], times=times, keys=["customer_id"])
        histories, known = _histories(table, observed_at(table, as_of))
        n, sales = table["number_of_orders"].to_numpy(), table["sales_value"].to_numpy()
        found = forecast(
            self.model,
            self._estimates,
            histories,
            n[known],
            np.where(sales[known] > 0, sales[known], np.nan),
            length,
            discount_rate,
        )
        result = pd.DataFrame({"customer_id": table["customer_id"].to_numpy()})
        for name, values in found.items():
            column = np.full(len(table), np.nan)
            column[known] = values
            result[name] = column
        return same_kind(result, results.Prediction, customers)

    def diagnose(self, later: Any = None, *, as_of: datetime | None = None) -> Diagnosis:
        """Hold the model against what was seen.

        Parameters
        ----------
        later
            The store's customers at a later time, such as ``store.customers()`` where the model was fitted on
            ``store.customers(as_of=…)``: then also what was predicted for the time between against what happened.
        as_of
            The later time; read from the table by default.

        Returns
        -------
        Diagnosis
            repeat_counts: buyers by number of repeat orders, seen and expected; value: mean order value of buyers with
            one order and with more, seen and expected, and the correlation of the two statistics; holdout: predicted
            and real orders, buyers and revenue by decile of the prediction, None without `later`.
        """
        return diagnose(self, self._fitted_on, later, as_of)

    def __repr__(self) -> str:
        estimates = ", ".join(
            f"{name}={value:.4g}" for name, value in [*self.params.items(), *self.value_params.items()]
        )
        return f"<LifetimeModel {self.model}: {estimates}; {self.buyers:,} buyers as of {self.as_of:%Y-%m-%d}>"

    def _repr_html_(self) -> str:
        from html import escape

        table = pd.DataFrame(
            {
                "value": pd.concat([self.params, self.value_params]),
                "standard error": pd.concat([self.standard_errors, self.value_standard_errors]),
            }
        )
        notes = [f"{self.buyers:,} buyers as of {self.as_of:%Y-%m-%d %H:%M} UTC; alpha in days, v in {self.currency}"]
        notes += [f"not to be relied on: {problem}" for problem in self.problems]
        html = str(table.to_html(float_format="{:.4g}".format))
        return f"{html}<p>{escape('; '.join(notes))}</p>"


def fit(
    customers: Any, *, as_of: datetime | None = None, model: Model = "bg_nbd", force: bool = False
) -> LifetimeModel:
    """Fit the models of orders and of their value, by maximum likelihood.

    The clock of a customer starts at the first order. All n orders count one by one, also several on one day (the papers
    merge those); the value of an order is S/n over all of them.

    Parameters
    ----------
    customers
        A customers table with number_of_orders, sales_value, first_order_date and last_order_date.
    as_of
        Time of the observation; read from the table by default (each row's own).
    model
        ``"bg_nbd"``, or ``"mbg_nbd"``, in which a customer may stop after the first order too.
    force
        Fit although the data cannot carry it, with a warning.

    Returns
    -------
    LifetimeModel
        Use its `predict` and `diagnose`.

    Raises
    ------
    ArgumentError
        An unknown model, a missing column, no time of the observation, several currencies; or data that cannot carry
        the model: fewer than 500 buyers, no repeat orders, a value tied to the number of orders (correlation beyond
        ±0.3), parameters that run away. Without a way to compute, `force` does not help.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     customers = cl.fetch(shop.client(), progress=False).customers
    >>> model = fit(customers)
    >>> model.params.index.to_list()
    ['r', 'alpha', 'a', 'b']
    """
    if model not in get_args(Model):
        raise ArgumentError(f"model must be one of {', '.join(get_args(Model))}, not {model!r}")
    frame = customers_frame(customers, NEEDED)
    now, currency = need_as_of(frame, as_of), currency_of(frame)
    times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
    everyone = gather(frame, numbers=["number_of_orders"])
    ids = ["customer_id"] if in_memory(frame) and "customer_id" in frame.collect_schema().names() else []
    table = gather(frame, numbers=["sales_value"], times=times, keys=ids, min_orders=1)
    histories, known = _histories(table, observed_at(table, as_of))
    n, s, rows = (table[name].to_numpy()[known] for name in ("number_of_orders", "sales_value", "rows"))
    count = float(rows.sum())
    problems = []
    if count < FEWEST_BUYERS:
        problems.append(f"there are {count:,.0f} buyers, and under {FEWEST_BUYERS} such a fit is often degenerate")
    if not (histories.x * rows).sum():
        raise DataError("no buyer has a second order: there is nothing to learn about when customers come back")
    paid = s > 0
    if not paid.any():
        raise DataError("no buyer has a sales value above zero: there is no value to model")
    tied = correlation(n[paid], s[paid] / n[paid], rows[paid])
    if abs(tied) > STRONGEST_CORRELATION:
        problems.append(
            f"what an order brings is tied to how many orders there are (correlation {tied:+.2f}), and the model "
            "of values takes the two as independent"
        )
    grouped = _grouped(histories)
    orders = fit_transactions(grouped, model)
    values = fit_spending(n[paid], s[paid] / n[paid], rows[paid])
    if orders.at_bound or np.isnan(orders.covariance).any():
        problems.append("the parameters of the order model run away: the data do not determine them")
    if values.at_bound or values.params[1] <= 1:
        problems.append("the parameters of the value model run away: the mean value of an order is not determined")
    if problems:
        why = "; ".join(problems)
        if not force:
            raise DataError(f"the data cannot carry a lifetime model: {why}. force=True fits all the same")
        warnings.warn(f"this lifetime model is not to be relied on: {why}", CustlensWarning, stacklevel=2)
    left_out = {
        "prospects": everyone.loc[everyone["number_of_orders"] == 0, "rows"].sum(),
        "no statistics": everyone.loc[everyone["number_of_orders"].isna(), "rows"].sum(),
        "no order dates": table["rows"].sum() - count,
        "no sales (of the value model only)": count - rows[paid].sum(),
    }
    names, value_names = ["r", "alpha", "a", "b"], ["p", "q", "v"]
    return LifetimeModel(
        model=model,
        params=pd.Series(orders.params, names),
        standard_errors=pd.Series(orders.params * np.sqrt(np.diag(orders.covariance)), names),
        log_likelihood=orders.log_likelihood,
        value_params=pd.Series(values.params, value_names),
        value_standard_errors=pd.Series(values.params * np.sqrt(np.diag(values.covariance)), value_names),
        value_log_likelihood=float(values.log_likelihood),
        buyers=int(count),
        left_out=pd.Series({name: int(number) for name, number in left_out.items()}),
        as_of=now,
        currency=currency,
        problems=problems,
        _estimates=(Estimate(orders.params, orders.covariance), Estimate(values.params, values.covariance)),
        _fitted_on=table[known].assign(x=histories.x, t_x=histories.t_x, t=histories.t).reset_index(drop=True),
    )


def _histories(table: pd.DataFrame, now: Any) -> tuple[Histories, np.ndarray]:
    """Give the histories, in days, of the buyers whose dates are known; and which rows those are."""
    n, first = table["number_of_orders"].to_numpy(), table["first_order_date"].to_numpy()
    last = table["last_order_date"].to_numpy()
    known = (n >= 1) & ~np.isnan(first) & ~np.isnan(last)
    now = np.broadcast_to(now, len(table))[known]
    t = days(now - first[known])
    t_x = np.where(n[known] > 1, days(last[known] - first[known]), 0.0)
    return Histories(n[known] - 1.0, t_x, np.maximum(t, t_x), table["rows"].to_numpy()[known]), known


def _grouped(histories: Histories) -> Histories:
    """Put equal histories together, where that is worth the sorting."""
    x, t_x, t, rows = histories
    if len(x) < 2 or len(np.unique(t[:: max(1, len(t) // 10_000)])) > 5_000:  # times to the second: all differ
        return histories
    whole = (
        pd.DataFrame({"x": x, "t_x": t_x, "t": t, "rows": rows}).groupby(["x", "t_x", "t"], sort=False)["rows"].sum()
    )
    keys = whole.index.to_frame(index=False)
    return Histories(keys["x"].to_numpy(), keys["t_x"].to_numpy(), keys["t"].to_numpy(), whole.to_numpy())
