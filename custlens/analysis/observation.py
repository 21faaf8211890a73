"""What charts need to know of a table besides its statistics: how many customers, when observed, and in what currency."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.analysis._frames import Frame, currency_of, customers_frame, gather, native, when_observed
from custlens.analysis._stats import parts_of_sales

__all__ = [
    "Observation",
    "buyers_dated",
    "currency_of_amounts",
    "native",
    "observe",
    "parts_of_sales",
    "to_pandas",
    "with_amounts",
    "without_amounts",
]


class Observation(NamedTuple):
    """How many customers a table has, and when they were observed."""

    customers: int
    buyers: int
    prospects: int
    no_stats: int
    as_of: pd.Timestamp | None
    repeat_buyers: int


def observe(customers: IntoFrame, as_of: Moment | None = None) -> Observation:
    """Count the customers of a table in one pass that needs no amounts.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders.
    as_of : str, date or datetime, optional
        Time of the observation; by default the latest of the table's column as_of.

    Returns
    -------
    Observation
        Counts of customers, buyers (n ≥ 1), prospects (n = 0), customers without statistics and repeat buyers (n ≥ 2),
        and the time.

    Raises
    ------
    ArgumentError
        `customers` is not a table, or `as_of` is not a point in time.
    DataError
        A missing column, impossible values, a customer who occurs twice, or orders after `as_of`.
    """
    frame = customers_frame(customers, ["number_of_orders"])
    observed = when_observed(frame, as_of)
    table = gather(frame, numbers=["number_of_orders"])
    n, rows = table["number_of_orders"].to_numpy(), table["rows"].to_numpy()
    return Observation(
        customers=int(rows.sum()),
        buyers=int(rows[n >= 1].sum()),
        prospects=int(rows[n == 0].sum()),
        no_stats=int(rows[np.isnan(n)].sum()),
        as_of=None if observed is None else pd.Timestamp(observed),
        repeat_buyers=int(rows[n >= 2].sum()),
    )


def buyers_dated(customers: IntoFrame) -> int:
    """Count the buyers whose first and last orders are dated, the last one no earlier than the first."""
    columns = ["first_order_date", "last_order_date"]
    table = gather(customers_frame(customers, ["number_of_orders", *columns]), times=columns, min_orders=1)
    return int(table["rows"].to_numpy() @ (table["last_order_date"] >= table["first_order_date"]).to_numpy())


def currency_of_amounts(table: Any, currency: str | None = None, *, name: str = "customers") -> str | None:
    """Return the currency of a table's amounts: the one that the table says, else the one given, else None.

    Raises
    ------
    ArgumentError
        `currency` is not a code of three letters, or `table` is not a table.
    DataError
        Amounts in several currencies, in another one than is given, or partly in an unknown one.
    """
    frame: Frame = native(table, name).lazy()
    return currency_of(frame, currency)


def with_amounts(customers: Any) -> Any:
    """Return a customers table without the buyers whose sales value is missing."""
    checked, sales = customers_frame(customers, ["number_of_orders", "sales_value"]), nw.col("sales_value")
    known = ~sales.is_null()
    if not checked.implementation.is_pandas():  # for which NaN is missing too
        known &= ~sales.cast(nw.Float64).is_nan()
    return native(customers).filter((nw.col("number_of_orders") == 0) | known).to_native()


def without_amounts(customers: Any) -> Any:
    """Return a customers table whose amounts are all zero, for a chart that shows none, whatever their currencies."""
    return native(customers).drop("currency", strict=False).with_columns(sales_value=nw.lit(0.0)).to_native()


def to_pandas(result: Any) -> pd.DataFrame:
    """Return the result of an analysis as a pandas table, whatever its kind."""
    frame: pd.DataFrame = native(result, "result").lazy().collect().to_pandas()
    return frame
