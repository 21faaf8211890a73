"""A customers table summed up in one row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import currency_of, customers_frame, gather, same_kind, when_observed
from custlens.analysis._stats import quantiles, ratio

__all__ = ["summary"]


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
    ArgumentError
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
        "median_customer_aov": quantiles(aov, wb, [0.5])[0],
        "mean_buyer_value": ratio(sales, of_valued),
        "median_buyer_value": quantiles(sb, wb, [0.5])[0],
        "one_time_share": ratio(once, count),
        "repeat_rate": ratio(count - once, count),
    }
    row = pd.DataFrame({name: [value] for name, value in result.items()})
    row["as_of"] = pd.to_datetime(row["as_of"], utc=True)
    return same_kind(row, results.Summary, customers)
