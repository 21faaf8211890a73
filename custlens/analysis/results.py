"""The schema of every result: columns, dtypes, units and rules, declared once.

Each result is checked against its schema before it is returned, and the data dictionary is written from here.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.engines.pandas_engine import DateTime

__all__ = [
    "Audience",
    "Breakdown",
    "Cohorts",
    "Comparison",
    "Concentration",
    "Distribution",
    "Elapsed",
    "InterPurchase",
    "Lorenz",
    "Migration",
    "ObservedRevenue",
    "OrderDates",
    "Overdue",
    "Prediction",
    "Quality",
    "Quantiles",
    "Rfm",
    "Rules",
    "Seasonality",
    "SecondOrder",
    "Segments",
    "Summary",
    "Survival",
]


def __dir__() -> list[str]:
    return __all__


UTC = Annotated[pd.DatetimeTZDtype, "us", "UTC"]
LOCAL = Annotated[DateTime, {}, "us", None, False, {}]
TEXT = pd.StringDtype


def _column(meaning: str, *, unit: str = "", nullable: bool = False, **checks: Any) -> Any:
    """Declare a column: its meaning and unit."""
    return pa.Field(nullable=nullable, description=meaning, metadata={"unit": unit}, **checks)


def _count(meaning: str) -> Any:
    """Declare a count."""
    return _column(meaning, ge=0)


def _share(meaning: str, *, nullable: bool = False) -> Any:
    """Declare a share, from 0 to 1."""
    return _column(meaning, unit="share", nullable=nullable, ge=0, le=1 + 1e-9)


def _money(meaning: str) -> Any:
    """Declare an amount; missing where there is no customer to compute it from."""
    return _column(meaning, unit="currency", nullable=True)


class Result(pa.DataFrameModel):
    """The base of all results."""

    class Config:
        strict = True
        coerce = True


class Summary(Result):
    """One row for the whole customers table."""

    as_of: UTC = _column("time of the observation", nullable=True)
    currency: TEXT = _column("ISO 4217 currency of the amounts", nullable=True)
    customers: np.int64 = _count("customers")
    buyers: np.int64 = _count("customers with at least one order")
    prospects: np.int64 = _count("customers without an order")
    no_stats: np.int64 = _count("customers whose order statistics are unknown")
    orders: np.int64 = _count("orders of all buyers, Σn")
    sales_value: np.float64 = _money("sales of all buyers, ΣS")
    mean_order_value: np.float64 = _money("mean value of an order, ΣS/Σn")
    mean_customer_aov: np.float64 = _money("mean over buyers of S/n, their own average order value")
    median_customer_aov: np.float64 = _money("median over buyers of S/n")
    mean_buyer_value: np.float64 = _money("mean of S over buyers")
    median_buyer_value: np.float64 = _money("median of S over buyers")
    one_time_share: np.float64 = _share("share of buyers with one order", nullable=True)
    repeat_rate: np.float64 = _share("share of buyers with two orders or more", nullable=True)


class Distribution(Result):
    """One row per bin that is not empty, in order."""

    lower: np.float64 = _column("lower end of the bin, included; -inf for negative amounts")
    upper: np.float64 = _column("upper end of the bin, not included; equal to lower for the bin of zero")
    buyers: np.int64 = _count("buyers in the bin")
    share: np.float64 = _share("share of the buyers")


class Quantiles(Result):
    """One row, with one column per quantile: q25 for 0.25."""

    quantiles: np.float64 = pa.Field(
        alias=r"q\d+(\.\d+)?(e-\d+)?",
        regex=True,
        nullable=True,
        description="quantile over buyers",
        metadata={"unit": ""},
    )


class Concentration(Result):
    """One row per share of the customers, best first."""

    top: np.float64 = _share("share of the customers, those with the highest sales value")
    customers: np.int64 = _count("customers in that share, rounded to a whole number")
    sales_value: np.float64 = _money("their sales")
    share_of_sales: np.float64 = _share("their share of all sales", nullable=True)
    gini: np.float64 = _share("Gini coefficient over all customers, the same in each row", nullable=True)
    clipped: np.int64 = _count("customers with negative sales, counted as zero")


class Lorenz(Result):
    """One row per point of the Lorenz curve, from the lowest sales value to the highest."""

    customers: np.float64 = _share("share of the customers")
    sales: np.float64 = _share("share of all sales that they bring")


class OrderDates(Result):
    """One row per period with any first or last order, in order."""

    period: LOCAL = _column("first moment of the period", unit="local time")
    first_orders: np.int64 = _count("buyers whose first order is in the period: new buyers")
    last_orders: np.int64 = _count("buyers whose last order so far is in the period")
    complete: pd.BooleanDtype = _column(
        "whether the period was over at the time of the observation; missing if that is unknown", nullable=True
    )


class Seasonality(Result):
    """One row per weekday or month, all of them."""

    number: np.int64 = _column("1 for Monday or January")
    name: TEXT = _column("Monday … or January …")
    first_orders: np.int64 = _count("first orders on it")
    last_orders: np.int64 = _count("last orders on it, of buyers with two orders or more")
    days: np.int64 = _count("number of such days between the earliest first order and the observation")
    first_orders_per_day: np.float64 = _column("first orders per such day", nullable=True)
    last_orders_per_day: np.float64 = _column("last orders per such day", nullable=True)


class Elapsed(Result):
    """One row per group and number of whole days: an empirical distribution."""

    group: TEXT = _column("one_time (n = 1), repeat (n ≥ 2) or all")
    days: np.int64 = _count("whole days elapsed")
    buyers: np.int64 = _count("buyers with exactly that many days")
    share: np.float64 = _share("share of the group with at most that many days")


class InterPurchase(Result):
    """One row per number of orders: the mean time between the orders of a buyer."""

    orders: TEXT = _column("number of orders: 2, 3, 4, 5–9, 10+, or all (2 or more)")
    buyers: np.int64 = _count("buyers")
    mean: np.float64 = _column("mean over buyers of (last − first)/(n − 1)", unit="days", nullable=True)
    q25: np.float64 = _column("lower quartile", unit="days", nullable=True)
    median: np.float64 = _column("median", unit="days", nullable=True)
    q75: np.float64 = _column("upper quartile", unit="days", nullable=True)


class SecondOrder(Result):
    """One row per day since the first order."""

    days: np.int64 = _count("whole days since the first order")
    share_low: np.float64 = _share("the lower of the two estimates of the share who have ordered again by then")
    share_high: np.float64 = _share("the higher of the two estimates")
    turnbull: np.float64 = _share("Turnbull's estimate: unknown times as censored to an interval")
    product_limit: np.float64 = _share("product-limit estimate: unknown times as those of a Poisson process")
    at_risk: np.int64 = _count("buyers who have been seen for longer than that")


class Breakdown(Result):
    """One row per group, by sales value from high to low."""

    group: TEXT = _column("the group; unknown where it is missing; other for all small groups together")
    customers: np.int64 = _count("customers")
    buyers: np.int64 = _count("buyers")
    orders: np.int64 = _count("orders")
    sales_value: np.float64 = _money("sales of the group")
    share: np.float64 = _column("share of all sales", unit="share", nullable=True)
    repeat_rate: np.float64 = _share("share of buyers with two orders or more", nullable=True)
    mean_order_value: np.float64 = _money("ΣS/Σn")
    mean_buyer_value: np.float64 = _money("mean of S over buyers")
    median_buyer_value: np.float64 = _money("median of S over buyers")
    median_buyer_value_ci_low: np.float64 = _money(
        "lower end of the median's 95 % interval, by order statistics; missing with fewer than six buyers"
    )
    median_buyer_value_ci_high: np.float64 = _money("upper end of the median's 95 % interval")


class Comparison(Result):
    """One row per measure, for two groups side by side."""

    measure: TEXT = _column("what is compared, over buyers; named as in Summary and Cohorts")
    a: np.float64 = _column("the first group", nullable=True)
    b: np.float64 = _column("the second group", nullable=True)
    difference: np.float64 = _column("b − a", nullable=True)
    difference_ci_low: np.float64 = _column("lower end of the difference's bootstrap interval", nullable=True)
    difference_ci_high: np.float64 = _column("upper end of the difference's bootstrap interval", nullable=True)
    buyers_a: np.int64 = _count("buyers in the first group")
    buyers_b: np.int64 = _count("buyers in the second group")


class Quality(Result):
    """One row per check, by number of customers from high to low."""

    check_name: TEXT = _column("name of the check, as `quality_rows` takes it")
    meaning: TEXT = _column("what is wrong")
    customers: np.int64 = _count("customers who fail the check")
    share: np.float64 = _share("their share of all customers", nullable=True)


class ObservedRevenue(Result):
    """One row per period in which a sync saw a change, in order."""

    period: LOCAL = _column("first moment of the period", unit="UTC")
    revenue: np.float64 = _column("sales value that new orders brought", unit="currency")
    orders: np.int64 = _column("new orders")
    customers: np.int64 = _count("customers with new orders")
    corrections: np.float64 = _column(
        "change of sales value that no new order explains: refunds, mended records", unit="currency"
    )


class Rules(Result):
    """One row per rule, in the order in which they are tried: the first that matches names the segment."""

    segment: TEXT = _column("name")
    r_low: np.int64 = _column("least recency score")
    r_high: np.int64 = _column("greatest recency score")
    f_low: np.int64 = _column("least frequency score")
    f_high: np.int64 = _column("greatest frequency score")
    m_low: np.int64 = _column("least monetary score")
    m_high: np.int64 = _column("greatest monetary score")
    scores: np.int64 = _count("combinations of scores that match it and no rule before it")


class Rfm(Result):
    """One row per customer."""

    customer_id: np.int64 = _column("the customer")
    recency_days: np.float64 = _column("time from the last order to the observation", unit="days", nullable=True)
    frequency: pd.Int64Dtype = _column("number of orders", nullable=True)
    monetary: np.float64 = _column("sales value", unit="currency", nullable=True)
    r: pd.Int64Dtype = _column("recency score, 5 for the most recent", nullable=True, ge=1, le=5)
    f: pd.Int64Dtype = _column("frequency score", nullable=True, ge=1, le=5)
    m: pd.Int64Dtype = _column("monetary score", nullable=True, ge=1, le=5)
    segment: pd.CategoricalDtype = _column(
        "named segment; Prospects without an order; Unknown where a number is missing"
    )


class Segments(Result):
    """One row per segment that has customers, from Champions to Lost."""

    segment: TEXT = _column("name")
    customers: np.int64 = _count("customers")
    share: np.float64 = _share("share of the customers")
    orders: np.int64 = _count("their orders")
    sales_value: np.float64 = _money("their sales")
    share_of_sales: np.float64 = _column("their share of all sales", unit="share", nullable=True)
    median_recency_days: np.float64 = _column("median time since the last order", unit="days", nullable=True)
    median_frequency: np.float64 = _column("median number of orders", nullable=True)
    median_monetary: np.float64 = _money("median sales value")


class Migration(Result):
    """One row per pair of segments at two times."""

    before: TEXT = _column("segment at the earlier time; New for customers who are only in the later table")
    after: TEXT = _column("segment at the later time; Gone for customers who are only in the earlier table")
    customers: np.int64 = _count("customers")
    share: np.float64 = _share("their share of the customers with the same `before`")


class Audience(Result):
    """One row per customer who may be mailed."""

    customer_id: np.int64 = _column("the customer")
    email: TEXT = _column("the address (personal data)")
    accept_marketing: pd.BooleanDtype = _column("consent; missing only with include_unknown=True", nullable=True)
    lang: TEXT = _column("language, where the table has it", nullable=True)
    segment: TEXT = _column("segment, where segments were asked for", nullable=True)


class Cohorts(Result):
    """One row per cohort: the buyers whose first order is in one period."""

    cohort: LOCAL = _column("first moment of the period of the first order", unit="local time")
    buyers: np.int64 = _count("buyers")
    observed_days: np.float64 = _column(
        "days from the end of the period to the observation: every buyer was observed for at least that long",
        unit="days",
    )
    mature: np.bool_ = _column("whether all its buyers have been observed for `mature_days`")
    repeat_buyers: np.int64 = _count("buyers with two orders or more so far")
    repeat_rate: np.float64 = _share("their share")
    repeat_rate_ci_low: np.float64 = _share("lower end of the share's 95 % Wilson interval")
    repeat_rate_ci_high: np.float64 = _share("upper end of the share's 95 % Wilson interval")
    orders: np.int64 = _count("orders so far")
    sales_value: np.float64 = _money("sales so far")
    orders_per_buyer: np.float64 = _column("orders so far per buyer")
    value_per_buyer: np.float64 = _money("sales so far per buyer")
    median_recency_days: np.float64 = _column("median time since the last order", unit="days", nullable=True)


class Survival(Result):
    """One row per cohort and age that every buyer of the cohort has reached."""

    cohort: LOCAL = _column("first moment of the period of the first order", unit="local time")
    age: np.int64 = _count("whole periods since the first order")
    buyers: np.int64 = _count("buyers of the cohort")
    still_ordering: np.int64 = _count("of them, those who ordered at that age or later")
    share: np.float64 = _share("their share: a lower bound of the share who are still customers")


class Prediction(Result):
    """One row per customer."""

    customer_id: np.int64 = _column("the customer")
    p_alive: np.float64 = _share("P(still a customer), in the model that was fitted", nullable=True)
    p_order: np.float64 = _share("P(at least one order in the horizon)", nullable=True)
    expected_orders: np.float64 = _column("expected orders in the horizon", nullable=True)
    expected_order_value: np.float64 = _money("expected value of an order, E[M]")
    population_value: pd.BooleanDtype = _column(
        "whether expected_order_value is the population mean, because there are no sales above zero", nullable=True
    )
    expected_revenue: np.float64 = _money("expected discounted revenue in the horizon")
    expected_revenue_ci_low: np.float64 = _money(
        "lower end of its interval, which reflects the uncertainty of the parameters"
    )
    expected_revenue_ci_high: np.float64 = _money("upper end of its interval")


class Overdue(Result):
    """One row per buyer with two orders or more, by value at risk from high to low; without order dates last."""

    customer_id: np.int64 = _column("the customer")
    number_of_orders: np.int64 = _column("orders so far", ge=2)
    recency_days: np.float64 = _column(
        "silence: time from the last order to the observation", unit="days", nullable=True, ge=0
    )
    usual_gap_days: np.float64 = _column(
        "mean time between the orders, (last − first)/(n − 1); missing if all of them came within a day",
        unit="days",
        nullable=True,
        gt=0,
    )
    p_order: np.float64 = _share("P(at least one order in the horizon); missing without a model", nullable=True)
    expected_orders: np.float64 = _column("expected orders in the horizon; missing without a model", nullable=True)
    expected_orders_if_recent: np.float64 = _column(
        "expected orders in the horizon had the last order been at the observation; missing without a model",
        nullable=True,
    )
    expected_order_value: np.float64 = _money("expected value of an order: E[M] of the model; without a model, S/n")
    population_value: pd.BooleanDtype = _column(
        "whether expected_order_value is the population mean, because there are no sales above zero", nullable=True
    )
    value_at_risk: np.float64 = _money(
        "(expected_orders_if_recent − expected_orders) × expected_order_value; without a model, recency_days / "
        "usual_gap_days × expected_order_value, which only ranks"
    )
    accept_marketing: pd.BooleanDtype = _column("consent; missing if it is unknown", nullable=True)
    method: TEXT = _column("the model, bg_nbd or mbg_nbd; silence where none could be fitted")
