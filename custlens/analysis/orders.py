"""The order statistics: summary, distributions, breakdowns; and, from the files beside, dates, concentration and more.

A buyer has at least one order; a prospect has none and is counted, but never in a mean over buyers. A customer
without statistics is neither. Each result says when (`as_of`) and in what money (`currency`) it was observed, or takes
them from the table; tables of several currencies are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis.compare import compare
from custlens.analysis.concentration import concentration, lorenz
from custlens.analysis.dates import inter_purchase, order_dates, recency, seasonality, tenure
from custlens.analysis.estimates import Groups, known, median_ranks, ratio
from custlens.analysis.estimates import quantiles as quantiles_of
from custlens.analysis.frames import UNKNOWN, currency_of, customers_frame, gather, same_kind, when_observed
from custlens.analysis.observed import observed_revenue
from custlens.analysis.quality import quality
from custlens.analysis.second_order import second_order
from custlens.errors import ConfigError

__all__ = [
    "BREAKDOWNS",
    "DISTRIBUTIONS",
    "UNKNOWN",
    "breakdown",
    "compare",
    "concentration",
    "distribution",
    "inter_purchase",
    "lorenz",
    "observed_revenue",
    "order_dates",
    "quality",
    "quantiles",
    "recency",
    "seasonality",
    "second_order",
    "summary",
    "tenure",
]

DISTRIBUTIONS = ("sales_value", "average_order_value", "number_of_orders")
BREAKDOWNS = (
    "billing_country_code",
    "billing_state_or_province_name",
    "customer_group_name",
    "b2b_b2c",
    "lang",
    "accept_marketing",
)
BINS_A_DECADE = 8
ORDERS_SHOWN = 10
OTHER = "other"


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
        `results.Summary`: as_of (UTC), currency; counts: customers, buyers, prospects, no_stats, orders; amounts in the
        currency: sales_value, mean_order_value (ΣS/Σn: what an order brings), mean_customer_aov and median_customer_aov
        (over buyers' S/n: what a buyer usually spends an order), mean_buyer_value and median_buyer_value (S a buyer);
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
    observed, currency = when_observed(frame, as_of), currency_of(frame, currency)
    table = gather(frame, numbers=["number_of_orders", "sales_value"])
    n, s, rows = (table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
    buys = np.flatnonzero(n >= 1)
    nb, sb, wb = n.take(buys), s.take(buys), rows.take(buys)
    valued = ~np.isnan(sb)
    aov = sb / nb
    sales = float(wb @ np.where(valued, sb, 0.0))
    orders, count, once, of_valued = float(wb @ nb), wb.sum(), float(wb @ (nb == 1)), float(wb @ valued)
    result = {
        "as_of": observed,
        "currency": currency,
        "customers": rows.sum(),
        "buyers": count,
        "prospects": rows[n == 0].sum(),
        "no_stats": rows[np.isnan(n)].sum(),
        "orders": orders,
        "sales_value": sales,
        "mean_order_value": ratio(sales, float(wb @ np.where(valued, nb, 0.0))),
        "mean_customer_aov": ratio(float(wb @ np.where(valued, aov, 0.0)), of_valued),
        "median_customer_aov": quantiles_of(aov, wb, [0.5])[0],
        "mean_buyer_value": ratio(sales, of_valued),
        "median_buyer_value": quantiles_of(sb, wb, [0.5])[0],
        "one_time_share": ratio(once, count),
        "repeat_rate": ratio(count - once, count),
    }
    row = pd.DataFrame({name: [value] for name, value in result.items()})
    row["as_of"] = pd.to_datetime(row["as_of"], utc=True)
    return same_kind(row, results.Summary, customers)


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
        `results.Distribution`: one row a bin that holds anyone, in order: lower and upper (a value v falls where
        lower ≤ v < upper; -inf to 0 for negative amounts, 0 to 0 for zero), buyers, share (of buyers).

    Raises
    ------
    ConfigError
        An unknown `of`, a missing column, or amounts of several currencies.
    """
    values, rows = _buyer_values(customers, of)
    if of == "number_of_orders":
        steps = np.minimum(values, ORDERS_SHOWN)
    else:
        # The tiny nudge keeps a value that is a bin's very edge, such as 100, in the bin that it begins.
        positive = values > 0
        logs = np.log10(values, where=positive, out=np.zeros_like(values))
        steps = np.where(positive, np.floor(logs * BINS_A_DECADE + 1e-9), np.where(values < 0, -2e3, -1e3))
    whole = steps.astype("int64")
    least = whole.min(initial=0)
    counts = np.bincount(whole - least, rows)
    found = np.flatnonzero(counts) + least
    counts = counts[counts > 0]
    if of == "number_of_orders":
        lower, upper = found, np.where(found < ORDERS_SHOWN, found + 1, math.inf)
    else:
        lower = np.where(found > -900, 10 ** (found / BINS_A_DECADE), np.where(found == -2e3, -math.inf, 0.0))
        upper = np.where(found > -900, 10 ** ((found + 1) / BINS_A_DECADE), 0.0)
    result = pd.DataFrame({"lower": lower, "upper": upper, "buyers": counts, "share": counts / (counts.sum() or 1)})
    return same_kind(result, results.Distribution, customers)


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
        `results.Quantiles`: a column a quantile, named ``q25`` for 0.25; missing where there are no buyers.

    Raises
    ------
    ConfigError
        A share outside 0 to 1, an unknown `of`, a missing column, or amounts of several currencies.
    """
    shares = list(at)
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise ConfigError(f"at must be shares from 0 to 1, not {shares}")
    values, rows = _buyer_values(customers, of)
    found = quantiles_of(values, rows, shares)
    row = {f"q{100 * share:g}": [value] for share, value in zip(shares, found, strict=True)}
    return same_kind(pd.DataFrame(row), results.Quantiles, customers)


def breakdown(customers: Any, by: str = "billing_country_code", *, fold_below: int = 10) -> Any:
    """Compare groups of customers.

    Parameters
    ----------
    customers
        A customers table with number_of_orders, sales_value and the column `by`.
    by
        ``"billing_country_code"``, ``"billing_state_or_province_name"``, ``"customer_group_name"``, ``"b2b_b2c"``,
        ``"lang"`` or ``"accept_marketing"`` (consent: true, false and unknown are three states).
    fold_below
        Groups of fewer customers are folded into "other": their means say little and may give a person away.

    Returns
    -------
    table of the same kind
        `results.Breakdown`: one row a group, by sales value from high to low: the group under the name of `by`
        ("unknown" where it is missing; guests have no address), customers, buyers, orders, sales_value, share (of all
        sales), repeat_rate, mean_order_value (ΣS/Σn), mean_buyer_value, median_buyer_value with its 95 % interval
        median_low to median_high (by order statistics; missing under six buyers). A mean over nobody is missing.

    Raises
    ------
    ConfigError
        An unknown `by`, a missing column, or amounts of several currencies.
    """
    if by not in BREAKDOWNS:
        raise ConfigError(f"by must be one of {', '.join(BREAKDOWNS)}, not {by!r}")
    frame = customers_frame(customers, ["number_of_orders", "sales_value", by])
    currency_of(frame)
    table = gather(frame, numbers=["number_of_orders", "sales_value"], texts=[by])
    n, s, rows = (table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
    names = [str(name).lower() if by == "accept_marketing" else str(name) for name in table[by].cat.categories]
    codes = table[by].cat.codes.to_numpy().astype("int64")
    codes[codes < 0] = len(names)
    names.append(UNKNOWN)
    sizes = np.bincount(codes, rows, len(names))
    target = np.where(sizes >= fold_below, np.arange(len(names)), len(names))
    codes = target[codes]
    names.append(OTHER)
    buys = n >= 1
    nb, sb = n[buys], s[buys]
    groups = Groups(codes[buys], rows[buys], len(names))
    ordered, spent = groups.ranked(nb), groups.ranked(sb)
    repeat, valued_orders = groups.ranked(nb > 1).sums, groups.ranked(np.where(np.isnan(sb), np.nan, nb)).sums
    low, high = median_ranks(spent.totals)
    total = spent.sums.sum()
    result = pd.DataFrame(
        {
            "group": names,
            "customers": np.bincount(codes, rows, len(names)),
            "buyers": groups.sizes,
            "orders": ordered.sums,
            "sales_value": spent.sums,
            "share": spent.sums / total if total else np.nan,
            "repeat_rate": ratio(repeat, groups.sizes),
            "mean_order_value": ratio(spent.sums, valued_orders),
            "mean_buyer_value": ratio(spent.sums, spent.totals),
            "median_buyer_value": spent.quantile(0.5),
            "median_low": spent.at(low),
            "median_high": spent.at(high),
        }
    )
    result = result[result["customers"] > 0].sort_values(
        ["sales_value", "group"], ascending=[False, True], ignore_index=True
    )
    return same_kind(result, results.Breakdown, customers, rename={"group": by})


def _buyer_values(customers: Any, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Give what a distribution is of, and how many buyers have each value."""
    if of not in DISTRIBUTIONS:
        raise ConfigError(f"of must be one of {', '.join(DISTRIBUTIONS)}, not {of!r}")
    frame = customers_frame(customers, ["number_of_orders", "sales_value"])
    currency_of(frame)
    table = gather(frame, numbers=[] if of == "number_of_orders" else ["sales_value"], min_orders=1)
    n, rows = table["number_of_orders"].to_numpy(), table["rows"].to_numpy()
    if of == "number_of_orders":
        return n, rows
    sales = table["sales_value"].to_numpy()
    return known(sales / n if of == "average_order_value" else sales, rows)
