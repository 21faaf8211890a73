"""A customers table summed up in one row."""

from __future__ import annotations

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import Moment
from custlens.analysis import results
from custlens.analysis._frames import currency_of, customers_frame, gather, same_kind, when_observed
from custlens.analysis._stats import quantiles, ratio

__all__ = ["summary"]


def summary(customers: IntoFrameT, *, as_of: Moment | None = None, currency: str | None = None) -> IntoFrameT:
    """Sum up a customers table in one row.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders and sales_value: pandas, Polars, pyarrow, DuckDB, Dask or PySpark.
    as_of : str, date or datetime, optional
        Time of the observation; by default the latest of the table's column as_of.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table has no column currency. It cannot overrule the table.

    Returns
    -------
    table of the same kind, one row
        `results.Summary`: counts of customers, buyers (n ≥ 1), prospects (n = 0) and orders; sales, and means and medians
        per order and per buyer, in the currency; shares of one-time and repeat buyers. A share or mean over nobody is
        missing.

    Raises
    ------
    ArgumentError
        An argument that is not what it should be; the message says what to pass.
    DataError
        A missing column, impossible values, a customer who occurs twice, amounts in several currencies, or orders after
        `as_of`.

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
    orders, count, once = float(wb @ nb), wb.sum(), wb @ (nb == 1)
    valued = ~np.isnan(sb)
    if not valued.all():  # orders of unknown value do not thin out the means
        nb, sb, wb = nb[valued], sb[valued], wb[valued]
    aov = sb / nb
    sales, of_valued = float(wb @ sb), wb.sum()
    result = {
        "as_of": observed,
        "currency": currency,
        "customers": rows.sum(),
        "buyers": count,
        "prospects": rows @ (n == 0),
        "no_stats": rows @ np.isnan(n),
        "orders": orders,
        "sales_value": sales,
        "mean_order_value": ratio(sales, float(wb @ nb)),
        "mean_customer_aov": ratio(float(wb @ aov), of_valued),
        "median_customer_aov": quantiles(aov, wb, [0.5])[0],
        "mean_buyer_value": ratio(sales, of_valued),
        "median_buyer_value": quantiles(sb, wb, [0.5])[0],
        "one_time_share": ratio(once, count),
        "repeat_rate": ratio(count - once, count),
    }
    row = pd.DataFrame({name: [value] for name, value in result.items()})
    row["as_of"] = pd.to_datetime(row["as_of"], utc=True)
    return same_kind(row, results.Summary, customers)
