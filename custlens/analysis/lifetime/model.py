"""Who will order again, how often, and for how much: models fitted on the five statistics.

The number to act on is P(at least one order within a horizon), not P(alive): two models that fit equally well can
disagree on who is "alive" (in the BG/NBD every one-time buyer is) and still agree on who will order. The statistics do
not contain margins, so the money is revenue, not profit.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import Moment, flag, number, one_of, shown, span
from custlens.analysis import results
from custlens.analysis._frames import (
    Frame,
    as_of_column,
    convert_like,
    currency_of,
    customers_frame,
    gather,
    in_memory,
    need_as_of,
    observed_at,
)
from custlens.analysis._partitions import is_partitioned, on_partitions
from custlens.analysis.lifetime import _diagnosis
from custlens.analysis.lifetime._beta_geometric import Histories, histories_of
from custlens.analysis.lifetime._bg_nbd import BG_NBD
from custlens.analysis.lifetime._diagnosis import COUNTS_SHOWN, Diagnosis
from custlens.analysis.lifetime._fitting import Fitted
from custlens.analysis.lifetime._forecast import Estimate, forecast
from custlens.analysis.lifetime._gamma_gamma import correlation, expected_value, fit_spending
from custlens.analysis.lifetime._mbg_nbd import MBG_NBD
from custlens.errors import ArgumentError, CustlensWarning, DataError

__all__ = ["LifetimeModel", "fit"]

Model = Literal["bg_nbd", "mbg_nbd"]
MODELS = {"bg_nbd": BG_NBD, "mbg_nbd": MBG_NBD}
PARAMS, VALUE_PARAMS = ["r", "alpha", "a", "b"], ["p", "q", "v"]
NEEDED = ("number_of_orders", "sales_value", "first_order_date", "last_order_date")
FEWEST_BUYERS = 500
FEWEST_REPEAT_BUYERS = 100
GREATEST_RELATIVE_ERROR = 3.0
STRONGEST_CORRELATION = 0.3


@dataclass(frozen=True, eq=False, repr=False)
class LifetimeModel:
    """A fitted model of when customers order (BG/NBD or MBG/NBD) and of what an order is worth (Gamma-Gamma).

    Attributes
    ----------
    model : str
        ``"bg_nbd"`` or ``"mbg_nbd"``.
    params : pandas.Series
        r, alpha (days), a, b.
    standard_errors : pandas.Series
        Their standard errors, from the observed information.
    log_likelihood : float
        Log-likelihood of the orders, with times in days.
    value_params, value_standard_errors : pandas.Series
        p, q, v (v in the currency) of the Gamma-Gamma model.
    value_log_likelihood : float
        Log-likelihood of the order values.
    buyers : int
        Buyers that the model of orders was fitted on.
    left_out : pandas.Series
        Customers who were left out, by reason.
    as_of : datetime
        Time of the observation (UTC).
    currency : str or None
        ISO 4217 code.
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
        customers: IntoFrameT,
        horizon: str | timedelta = "90D",
        *,
        discount_rate: float = 0.1,
        level: float = 0.95,
        as_of: Moment | None = None,
    ) -> IntoFrameT:
        """Predict the orders and the revenue of each customer within a horizon.

        Parameters
        ----------
        customers : table
            A customers table with customer_id, number_of_orders, sales_value, first_order_date and last_order_date:
            the one fitted on, or another of the same shop.
        horizon : str or timedelta, default "90D"
            How far to look ahead, in days or weeks: ``"90D"``, ``"13W"``, or a timedelta.
        discount_rate : float, default 0.1
            Rate per year: revenue in t years is divided by (1 + rate)ᵗ.
        level : float, default 0.95
            Level of the interval of the expected revenue.
        as_of : str, date or datetime, optional
            Time of the observation; by default each row's own, from the column as_of.

        Returns
        -------
        table of the same kind
            `results.Prediction`: one row per customer, in the order of the table: customer_id, p_alive (in this model),
            p_order, expected_orders, expected_order_value, population_value, expected_revenue (discounted) with
            expected_revenue_ci_low and expected_revenue_ci_high. The interval assumes that the model is
            right, and is for the expectation: what a single customer spends varies far more. All values are missing for
            prospects. For buyers without sales above zero expected_order_value is the population mean, and
            population_value is true.

        Raises
        ------
        ArgumentError
            `customers` is not a table; `horizon` is not a time span of a day or more, in days or weeks; `discount_rate` is not
            from 0 to below 10, or `level` not between 0 and 1; `as_of` is not a point in time.
        DataError
            A column is missing or of the wrong type, a customer occurs twice, the time of the observation is unknown or
            lies before the orders, or the currency is not that of the model.

        Notes
        -----
        expected_revenue = E[M] · Σₖ ΔE[Y(tₖ)] / (1 + d)^(middle of step k), in steps of at most 30 days. The interval
        is by the delta method over the logarithms of the parameters.
        """
        length = span("horizon", horizon) / timedelta(days=1)
        rate = number("discount_rate", discount_rate, below=10)
        if rate < 0:
            raise ArgumentError(f"discount_rate must be a rate per year from 0, such as 0.1, and is {rate:g}")
        level = number("level", level, above=0, below=1)
        frame = customers_frame(customers, ["customer_id", *NEEDED])
        need_as_of(frame, as_of)
        self._check_currency(frame)
        if is_partitioned(customers):
            needed = ["customer_id", *NEEDED, *as_of_column(as_of)]

            def part(table: pd.DataFrame) -> pd.DataFrame:
                return self._predicted(customers_frame(table, needed), length, rate, level, as_of)

            partitioned: IntoFrameT = on_partitions(customers, needed, part, results.Prediction)
            return partitioned
        return convert_like(self._predicted(frame, length, rate, level, as_of), customers)

    def _predicted(
        self, frame: Frame, length: float, discount_rate: float, level: float, as_of: Moment | None
    ) -> pd.DataFrame:
        """Return the prediction for tables that were checked as a whole."""
        times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
        table = gather(frame, numbers=["number_of_orders", "sales_value"], times=times, keys=["customer_id"])
        histories, known = histories_of(table, observed_at(table, as_of))
        n, sales = table["number_of_orders"].to_numpy()[known], table["sales_value"].to_numpy()[known]
        found = forecast(MODELS[self.model], self._estimates, histories, n, sales, length, discount_rate, level)
        result = pd.DataFrame({"customer_id": table["customer_id"].to_numpy()})
        for name, values in found.items():
            column = np.zeros(len(table), values.dtype)
            column[known] = values
            result[name] = pd.Series(column).where(known) if values.dtype != bool else pd.array(column, "boolean")
        result.loc[~known, "population_value"] = pd.NA
        return results.Prediction.validate(result)

    def diagnose(self, later: Any = None, *, as_of: Moment | None = None) -> Diagnosis:
        """Compare the model with what was observed.

        Parameters
        ----------
        later : table, optional
            The customers of the same shop at a later time, such as ``store.customers()`` if the model was fitted on
            ``store.customers(as_of=…)``: the forecast for the time in between is then compared with what happened.
        as_of : str, date or datetime, optional
            The later time; by default from the column as_of of `later`.

        Returns
        -------
        Diagnosis
            repeat_counts: buyers by number of repeat orders, observed and expected; value: mean value of an order of
            one-time and of repeat buyers, observed and expected; spending: buyers by mean value of their orders, observed
            and expected; correlation: of the two statistics; holdout: forecast
            and outcome by decile of the forecast, over the buyers who are still in `later`; None without `later`.

        Raises
        ------
        ArgumentError
            `later` is not a table, or `as_of` is not a point in time or is given without `later`.
        DataError
            The model was fitted on a table without customer_id; or `later` is empty, lacks a column, has a customer
            twice, is in another currency, or was not observed after the model's table.
        """
        if later is None and as_of is not None:
            raise ArgumentError(
                f"as_of says when `later` was observed: pass later= too, or leave out as_of={shown(as_of)}"
            )
        table, order_params, value_params = self._fitted_on, self.params.to_numpy(), self.value_params.to_numpy()
        ages, place = np.unique(table["t"].to_numpy(), return_inverse=True)
        weights = np.bincount(place, table["rows"].to_numpy(), len(ages))
        counts = weights @ MODELS[self.model].repeat_count_probabilities(order_params, ages, COUNTS_SHOWN)
        paid = table[table["sales_value"] > 0]
        n, s, rows = (paid[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
        return Diagnosis(
            repeat_counts=_diagnosis.repeat_counts(table["x"].to_numpy(), table["rows"].to_numpy(), counts),
            value=_diagnosis.values(n, s / n, rows, expected_value(value_params, n, s)),
            spending=_diagnosis.spending(n, s / n, rows, value_params),
            correlation=correlation(n, s / n, rows),
            holdout=None if later is None else self._holdout(later, as_of),
        )

    def _holdout(self, later: Any, as_of: Moment | None) -> pd.DataFrame:
        table = self._fitted_on
        if "customer_id" not in table:
            raise DataError("to compare with a later time, fit on a pandas or Polars table that has customer_id")
        frame = customers_frame(later, ["customer_id", "number_of_orders", "sales_value"], name="later")
        self._check_currency(frame)
        after = gather(frame, numbers=["number_of_orders", "sales_value"], keys=["customer_id"])
        if after.empty:
            raise DataError("the later table is empty: there is nothing to compare the forecast with")
        now = need_as_of(frame, as_of)
        if now <= self.as_of:
            raise DataError(f"the later table was observed on {now:%Y-%m-%d %H:%M} UTC, not after the model's")
        dates = {
            name: pd.to_datetime(table[name].astype("Int64"), unit="us", utc=True)
            for name in ("first_order_date", "last_order_date")
        }
        before = table[["customer_id", "number_of_orders", "sales_value"]].assign(**dates)
        predicted = self.predict(before, now - self.as_of, discount_rate=0.0, as_of=self.as_of)
        after = after.set_index("customer_id").reindex(before["customer_id"]).reset_index()
        return _diagnosis.holdout(predicted, before, after)

    def _check_currency(self, frame: Frame) -> None:
        currency = currency_of(frame)
        if None not in (currency, self.currency) and currency != self.currency:
            raise DataError(f"the model was fitted on amounts in {self.currency}, and the table is in {currency}")

    def __repr__(self) -> str:
        estimates = ", ".join(
            f"{name}={value:.4g}" for name, value in [*self.params.items(), *self.value_params.items()]
        )
        return f"<LifetimeModel {self.model}: {estimates}; {self.buyers:,} buyers as of {self.as_of:%Y-%m-%d}>"

    def _repr_html_(self) -> str:
        table = pd.DataFrame(
            {
                "value": pd.concat([self.params, self.value_params]),
                "standard error": pd.concat([self.standard_errors, self.value_standard_errors]),
            }
        )
        unit = f"v in {self.currency}" if self.currency else "v in the unit of the amounts"
        notes = [f"{self.model}, {self.buyers:,} buyers as of {self.as_of:%Y-%m-%d %H:%M} UTC; alpha in days, {unit}"]
        notes += [f"unreliable: {problem}" for problem in self.problems]
        html = str(table.to_html(float_format="{:.4g}".format))
        return f"{html}<p>{escape('; '.join(notes))}</p>"


def fit(customers: Any, *, as_of: Moment | None = None, model: Model = "bg_nbd", force: bool = False) -> LifetimeModel:
    """Fit the models of orders and of their value, by maximum likelihood.

    A customer's time begins at the first order. Every one of the n orders counts, even several on one day, which
    the papers merge; the value of an order is the mean S/n over all of them.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, sales_value, first_order_date and last_order_date.
    as_of : str, date or datetime, optional
        Time of the observation; by default each row's own, from the column as_of.
    model : {"bg_nbd", "mbg_nbd"}, default "bg_nbd"
        In the MBG/NBD a customer may stop after the first order too.
    force : bool, default False
        Fit, with a warning, even if the data cannot support a model. Where no fit can be computed, the error remains.

    Returns
    -------
    LifetimeModel
        Use its `predict` and `diagnose`.

    Raises
    ------
    ArgumentError
        `customers` is not a table, `model` is unknown, or `as_of` is not a point in time.
    DataError
        A column is missing or of the wrong type, the time of the observation is unknown or lies before the orders, or
        there are several currencies. Or the data cannot support a model: fewer than 500 buyers or 100 repeat buyers,
        order values that depend on the number of orders (correlation beyond ±0.3), a parameter that the data do not
        determine, or one with a standard error above three times its value.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     customers = cl.fetch(shop.client(), progress=False).customers
    >>> model = fit(customers)
    >>> model.params.index.to_list()
    ['r', 'alpha', 'a', 'b']
    """
    one_of("model", model, get_args(Model))
    flag("force", force)
    frame = customers_frame(customers, NEEDED)
    now, currency = need_as_of(frame, as_of), currency_of(frame)
    times = ["first_order_date", "last_order_date", *as_of_column(as_of)]
    everyone = gather(frame, numbers=["number_of_orders"])
    ids = ["customer_id"] if in_memory(frame) and "customer_id" in frame.collect_schema().names() else []
    table = gather(frame, numbers=["sales_value"], times=times, keys=ids, min_orders=1)
    histories, known = histories_of(table, observed_at(table, as_of))
    n, s, rows = (table[name].to_numpy()[known] for name in ("number_of_orders", "sales_value", "rows"))
    buyers, repeat_buyers = float(rows.sum()), float(rows[n > 1].sum())
    if not repeat_buyers:
        raise DataError("no buyer has a second order: there is nothing to learn about when customers come back")
    paid = s > 0
    if not paid.any():
        raise DataError("no buyer has a sales value above zero: there is no value to model")
    tied = correlation(n[paid], s[paid] / n[paid], rows[paid])
    orders = MODELS[model].fit(_grouped(histories))
    values = fit_spending(n[paid], s[paid] / n[paid], rows[paid])
    problems = [
        *_too_few(buyers, FEWEST_BUYERS, "buyers"),
        *_too_few(repeat_buyers, FEWEST_REPEAT_BUYERS, "repeat buyers"),
        *_undetermined(orders, PARAMS, "orders"),
        *_undetermined(values, VALUE_PARAMS, "order values"),
    ]
    if values.params[1] <= 1:
        problems.append("q of the model of order values is not above 1, so the mean value of an order does not exist")
    if abs(tied) > STRONGEST_CORRELATION:
        problems.append(
            f"the value of an order depends on the number of orders (correlation {tied:+.2f}), and the model of order "
            "values takes the two as independent"
        )
    if problems:
        reasons = "; ".join(problems)
        if not force:
            raise DataError(f"the data cannot support a lifetime model: {reasons}. force=True fits it anyway")
        warnings.warn(f"this lifetime model is unreliable: {reasons}", CustlensWarning, stacklevel=2)
    left_out = {
        "prospects": everyone.loc[everyone["number_of_orders"] == 0, "rows"].sum(),
        "no statistics": everyone.loc[everyone["number_of_orders"].isna(), "rows"].sum(),
        "no usable order dates": table["rows"].sum() - buyers,
        "no sales above zero (only left out of the model of order values)": buyers - rows[paid].sum(),
    }
    return LifetimeModel(
        model=model,
        params=pd.Series(orders.params, PARAMS),
        standard_errors=pd.Series(orders.params * orders.relative_errors, PARAMS),
        log_likelihood=orders.log_likelihood,
        value_params=pd.Series(values.params, VALUE_PARAMS),
        value_standard_errors=pd.Series(values.params * values.relative_errors, VALUE_PARAMS),
        value_log_likelihood=values.log_likelihood,
        buyers=int(buyers),
        left_out=pd.Series({name: int(number) for name, number in left_out.items()}),
        as_of=now,
        currency=currency,
        problems=problems,
        _estimates=(Estimate(orders.params, orders.covariance), Estimate(values.params, values.covariance)),
        _fitted_on=table[known].assign(x=histories.x, t_x=histories.t_x, t=histories.t).reset_index(drop=True),
    )


def _too_few(count: float, least: int, who: str) -> list[str]:
    """Return the problem of a table with too few customers, if there is one."""
    if count >= least:
        return []
    return [f"the number of {who} is {count:,.0f}, and with fewer than {least} a fit is often wrong"]


def _undetermined(fitted: Fitted, names: list[str], what: str) -> list[str]:
    """Return the problem of a fit that the data do not determine, if there is one."""
    if fitted.at_bound or np.isnan(fitted.covariance).any():
        return [f"the parameters of the model of {what} diverge: the data do not determine them"]
    worst = int(np.argmax(fitted.relative_errors))
    error = float(fitted.relative_errors[worst])
    if error <= GREATEST_RELATIVE_ERROR:
        return []
    return [
        f"the standard error of {names[worst]} in the model of {what} is {error:.1f} times its value: the data hardly "
        "determine it"
    ]


def _grouped(histories: Histories) -> Histories:
    """Return the histories with equal ones merged, unless nearly all differ."""
    x, t_x, t, rows = histories
    if len(x) < 2 or len(np.unique(t[:: max(1, len(t) // 10_000)])) > 5_000:  # times to the second: all differ
        return histories
    whole = (
        pd.DataFrame({"x": x, "t_x": t_x, "t": t, "rows": rows}).groupby(["x", "t_x", "t"], sort=False)["rows"].sum()
    )
    keys = whole.index.to_frame(index=False)
    return Histories(keys["x"].to_numpy(), keys["t_x"].to_numpy(), keys["t"].to_numpy(), whole.to_numpy())
