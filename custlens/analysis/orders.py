"""The order statistics: summary, distributions, order dates and breakdowns.

A buyer has at least one order; a prospect has none and is counted, but never in a mean over buyers. A customer
without statistics is neither. Each result says when (`as_of`) and in what money (`currency`) it was observed.
"""

from __future__ import annotations

import math
import zoneinfo
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import narwhals as nw

from custlens.analysis.frames import PERIODS, Frame, begin_of, buyers, context, customers_frame, same_kind
from custlens.analysis.observed import observed_revenue
from custlens.errors import ConfigError

__all__ = [
    "BREAKDOWNS",
    "DISTRIBUTIONS",
    "breakdown",
    "distribution",
    "observed_revenue",
    "order_dates",
    "quantiles",
    "summary",
]

DISTRIBUTIONS = ("sales_value", "average_order_value", "number_of_orders")
BREAKDOWNS = ("billing_country_code", "customer_group_name", "b2b_b2c", "lang")
BINS_A_DECADE = 8
ORDERS_SHOWN = 10
UNKNOWN, OTHER = "unknown", "other"


def summary(customers: Any, *, as_of: datetime | None = None, currency: str | None = None) -> Any:
    """Sum up a customers table in one row.

    Parameters
    ----------
    customers
        A customers table with number_of_orders and sales_value; pandas, or any table Narwhals reads.
    as_of, currency
        Time of the observation and ISO 4217 currency; read from the table's own columns by default.

    Returns
    -------
    table of the same kind, one row
        as_of (UTC), currency; counts: customers, buyers, prospects, no_stats, orders; amounts in the currency:
        sales_value, mean_order_value (ΣS/Σn: what an order brings), mean_customer_aov and median_customer_aov (over
        buyers' S/n: what a buyer usually spends an order), mean_buyer_value and median_buyer_value (S a buyer);
        shares of buyers: one_time_share (n = 1) and repeat_rate (n ≥ 2). A share or mean over nobody is missing.

    Raises
    ------
    ConfigError
        A column is missing, or the amounts are of several currencies.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> int(summary(tables.customers)["orders"].item())
    6919
    """
    frame = customers_frame(customers, ["number_of_orders", "sales_value"])
    observed = context(frame, as_of, currency)
    n, s = nw.col("number_of_orders"), nw.col("sales_value")
    buys = (n >= 1).fill_null(False)
    prepared = frame.select(
        n,
        buyer=buys.cast(nw.Int64),
        prospect=(n == 0).fill_null(False).cast(nw.Int64),
        once=(n == 1).fill_null(False).cast(nw.Int64),
        buyer_orders=nw.when(buys).then(n),
        buyer_sales=nw.when(buys).then(s),
        buyer_aov=nw.when(buys).then(s / n.cast(nw.Float64)),
    )
    counted = prepared.select(
        customers=nw.len(),
        buyers=nw.col("buyer").sum(),
        prospects=nw.col("prospect").sum(),
        no_stats=nw.col("number_of_orders").is_null().cast(nw.Int64).sum(),
        orders=nw.col("buyer_orders").sum(),
        sales_value=nw.col("buyer_sales").sum(),
        mean_customer_aov=nw.col("buyer_aov").mean(),
        median_customer_aov=nw.col("buyer_aov").median(),
        mean_buyer_value=nw.col("buyer_sales").mean(),
        median_buyer_value=nw.col("buyer_sales").median(),
        once=nw.col("once").sum(),
    )
    some = nw.when(nw.col("buyers") > 0)
    buyers_count = nw.col("buyers").cast(nw.Float64)
    shares = counted.with_columns(
        as_of=nw.lit(observed.as_of, nw.Datetime("us", "UTC") if observed.as_of is None else None),
        currency=nw.lit(observed.currency, nw.String),
        mean_order_value=some.then(nw.col("sales_value") / nw.col("orders").cast(nw.Float64)),
        one_time_share=some.then(nw.col("once") / buyers_count),
        repeat_rate=some.then((nw.col("buyers") - nw.col("once")) / buyers_count),
    )
    names = ["as_of", "currency", "customers", "buyers", "prospects", "no_stats", "orders", "sales_value"]
    names += ["mean_order_value", "mean_customer_aov", "median_customer_aov", "mean_buyer_value", "median_buyer_value"]
    return same_kind(shares.select(*names, "one_time_share", "repeat_rate"), customers)


def distribution(customers: Any, of: str = "sales_value") -> Any:
    """Count buyers by what they spent, by what they spend an order, or by how often they ordered.

    Amounts fall into bins of equal ratio (eight a power of ten), as suits a heavy tail; zero and negative amounts
    (refunds) have a bin each of their own. Orders are counted one by one up to nine; ten and more are one bin.

    Parameters
    ----------
    customers
        A customers table with number_of_orders and sales_value.
    of
        ``"sales_value"``, ``"average_order_value"`` (taken as S/n, which is not rounded as the API's may be) or
        ``"number_of_orders"``.

    Returns
    -------
    table of the same kind
        One row a bin that holds anyone, in order: lower and upper (float64; a value v falls where
        lower ≤ v < upper; -inf to 0 for negative amounts, 0 to 0 for zero), buyers (integer), share (of buyers).

    Raises
    ------
    ConfigError
        An unknown `of`, a missing column, or amounts of several currencies.
    """
    values = _buyer_values(customers, of)
    v = nw.col("value")
    if of == "number_of_orders":
        top = float(ORDERS_SHOWN)
        binned = values.select(bin=nw.when(v < top).then(v).otherwise(nw.lit(top)))
        lower = nw.col("bin")
        upper = nw.when(lower < top).then(lower + 1.0).otherwise(nw.lit(math.inf))
    else:
        # The tiny nudge keeps a value that is a bin's very edge, such as 100, in the bin that it begins.
        logs = nw.when(v > 0).then(v).otherwise(nw.lit(1.0)).log(10) * BINS_A_DECADE + 1e-9
        step = nw.when(v > 0).then(logs.floor()).when(v < 0).then(nw.lit(-2e3)).otherwise(nw.lit(-1e3))
        binned = values.select(bin=step)
        lower, upper = _edges(nw.col("bin")), _edges(nw.col("bin") + 1.0)
        lower = nw.when(nw.col("bin") == -2e3).then(nw.lit(-math.inf)).otherwise(lower)
    counts = binned.group_by("bin").agg(buyers=nw.len()).sort("bin")
    total = counts.select(nw.col("buyers").sum()).collect().item() or 0
    result = counts.select(
        lower=lower, upper=upper, buyers=nw.col("buyers"), share=nw.col("buyers") / float(total or 1)
    )
    return same_kind(result, customers)


def quantiles(customers: Any, of: str = "sales_value", *, at: Iterable[float] = (0.25, 0.5, 0.75)) -> Any:
    """Give quantiles over buyers, interpolated linearly.

    Parameters
    ----------
    customers, of
        As for `distribution`.
    at
        Shares of the buyers, from 0 to 1.

    Returns
    -------
    table of the same kind, one row
        A column a quantile, named ``q25`` for 0.25; missing where there are no buyers.

    Raises
    ------
    ConfigError
        A share outside 0 to 1, an unknown `of`, a missing column, or amounts of several currencies.
    """
    shares = list(at)
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ConfigError(f"at must be shares from 0 to 1, not {shares}")
    values = _buyer_values(customers, of)
    columns = [nw.col("value").quantile(share, "linear").alias(f"q{100 * share:g}") for share in shares]
    return same_kind(values.select(*columns), customers)


def order_dates(customers: Any, *, every: str = "month", time_zone: str = "UTC", as_of: datetime | None = None) -> Any:
    """Count first and last orders by period.

    Only each customer's first and last order are known, so the periods do not show all orders: first orders are the
    new buyers of a period, last orders the buyers who were not seen after it (or not yet).

    Parameters
    ----------
    customers
        A customers table with number_of_orders, first_order_date and last_order_date.
    every
        ``"day"``, ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``.
    time_zone
        IANA name of the time zone that a period begins in.
    as_of
        Time of the observation; read from the table by default.

    Returns
    -------
    table of the same kind
        One row a period that saw anything, in order: period (its first moment, local time), first_orders and
        last_orders (buyers), complete (whether it was over at the time of the observation; missing if that is unknown).

    Raises
    ------
    ConfigError
        An unknown period or time zone, or a missing column.
    """
    if every not in PERIODS:
        raise ConfigError(f"every must be one of {', '.join(PERIODS)}, not {every!r}")
    if not _is_time_zone(time_zone):
        raise ConfigError(f"there is no time zone {time_zone!r}: give an IANA name such as 'Europe/Berlin'")
    frame = customers_frame(customers, ["number_of_orders", "first_order_date", "last_order_date"])
    observed = context(frame.drop("currency", strict=False), as_of)

    some = buyers(frame)
    dates = {"first_orders": "first_order_date", "last_orders": "last_order_date"}
    try:
        seen = nw.concat(
            [
                some.filter(~nw.col(column).is_null()).select(
                    period=begin_of(nw.col(column).dt.convert_time_zone(time_zone).dt.replace_time_zone(None), every),
                    **{name: nw.lit(int(name == kind)) for name in dates},
                )
                for kind, column in dates.items()
            ]
        )
    except (NotImplementedError, ValueError) as error:
        problem = f"this kind of table knows no {every}s in {time_zone} ({error}); use pandas or Polars for them"
        raise ConfigError(problem) from None
    counts = seen.group_by("period").agg(nw.col(*dates).sum()).sort("period")
    if observed.as_of is not None:
        local = observed.as_of.astimezone(zoneinfo.ZoneInfo(time_zone)).replace(tzinfo=None)
        now = begin_of(nw.lit(local, nw.Datetime("us")), every)
        counts = counts.with_columns(complete=nw.col("period") < now)
    else:
        counts = counts.with_columns(complete=nw.lit(None, nw.Boolean))
    return same_kind(counts, customers)


def breakdown(customers: Any, by: str = "billing_country_code", *, fold_below: int = 10) -> Any:
    """Compare groups of customers.

    Parameters
    ----------
    customers
        A customers table with number_of_orders, sales_value and the column `by`.
    by
        ``"billing_country_code"``, ``"customer_group_name"``, ``"b2b_b2c"`` or ``"lang"``.
    fold_below
        Groups of fewer customers are folded into "other": their means say little and may give a person away.

    Returns
    -------
    table of the same kind
        One row a group, by sales value from high to low: the group under the name of `by` ("unknown" where it is
        missing; guests have no address), customers, buyers, orders, sales_value, share (of all sales), mean_order_value
        (ΣS/Σn), mean_buyer_value, median_buyer_value; a mean over nobody is missing.

    Raises
    ------
    ConfigError
        An unknown `by`, a missing column, or amounts of several currencies.
    """
    if by not in BREAKDOWNS:
        raise ConfigError(f"by must be one of {', '.join(BREAKDOWNS)}, not {by!r}")
    frame = customers_frame(customers, ["number_of_orders", "sales_value", by])
    context(frame)
    buys = (nw.col("number_of_orders") >= 1).fill_null(False)
    prepared = frame.select(
        group=nw.col(by).cast(nw.String).fill_null(UNKNOWN),
        buyer=buys.cast(nw.Int64),
        orders=nw.when(buys).then(nw.col("number_of_orders")),
        sales=nw.when(buys).then(nw.col("sales_value")),
    )
    sizes = prepared.group_by("group").agg(size=nw.len())
    folded = prepared.join(sizes, on="group", how="left").with_columns(
        group=nw.when(nw.col("size") >= fold_below).then(nw.col("group")).otherwise(nw.lit(OTHER))
    )
    groups = folded.group_by("group").agg(
        customers=nw.len(),
        buyers=nw.col("buyer").sum(),
        orders=nw.col("orders").sum(),
        sales_value=nw.col("sales").sum(),
        mean_buyer_value=nw.col("sales").mean(),
        median_buyer_value=nw.col("sales").median(),
    )
    total = groups.select(nw.col("sales_value").sum()).collect().item() or 0.0
    share = nw.col("sales_value") / float(total) if total else nw.lit(None, nw.Float64)
    result = groups.with_columns(
        share=share,
        mean_order_value=nw.when(nw.col("orders") > 0).then(nw.col("sales_value") / nw.col("orders").cast(nw.Float64)),
    ).select(
        nw.col("group").alias(by),
        *("customers", "buyers", "orders", "sales_value", "share"),
        *("mean_order_value", "mean_buyer_value", "median_buyer_value"),
    )
    return same_kind(result.sort("sales_value", by, descending=[True, False]), customers)


def _buyer_values(customers: Any, of: str) -> Frame:
    """Give what a distribution is of, as one column, a row a buyer."""
    if of not in DISTRIBUTIONS:
        raise ConfigError(f"of must be one of {', '.join(DISTRIBUTIONS)}, not {of!r}")
    frame = customers_frame(customers, ["number_of_orders", "sales_value"])
    context(frame)
    n, s = nw.col("number_of_orders").cast(nw.Float64), nw.col("sales_value")
    value = {"sales_value": s, "average_order_value": s / n, "number_of_orders": n}[of]
    return buyers(frame).select(value=value).filter(~nw.col("value").is_null())


def _edges(step: nw.Expr) -> nw.Expr:
    """Turn a bin's number into its lower edge; below any number there is zero."""
    edge = (step * (math.log(10) / BINS_A_DECADE)).exp()
    return nw.when(step > -900).then(edge).otherwise(nw.lit(0.0))


def _is_time_zone(name: str) -> bool:

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, IsADirectoryError):
        return False
    return True
