"""Small customers tables, written down row by row."""

import pandas as pd

NOW = pd.Timestamp("2026-03-01 12:00", tz="UTC").as_unit("us")


def frame(rows, **columns):
    """Rows of (orders, sales), or columns of them."""
    table = pd.DataFrame(rows, columns=["number_of_orders", "sales_value"])
    return table.astype({"number_of_orders": "Int64", "sales_value": "float64"}).assign(**columns)


def buyers(rows):
    """Rows of (orders, days ago of the first, days ago of the last)."""
    table = pd.DataFrame(rows, columns=["number_of_orders", "first", "last"])
    for name in ("first", "last"):
        table[f"{name}_order_date"] = (NOW - pd.to_timedelta(table.pop(name), unit="D")).astype("datetime64[us, UTC]")
    return table.assign(as_of=NOW)
