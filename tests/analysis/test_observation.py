import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import custlens as cl
from custlens.analysis._frames import uncategorised
from custlens.analysis.observation import currency_of_amounts, observe

KINDS = {
    "pandas": lambda table: table,
    "polars": pl.from_pandas,
    "polars lazy": lambda table: pl.from_pandas(table).lazy(),
    "pyarrow": lambda table: pl.from_pandas(table).to_arrow(),
    "duckdb": lambda table: duckdb.from_arrow(pl.from_pandas(table).to_arrow()),
    "dask": lambda table: dd.from_pandas(table, npartitions=3),
}


@pytest.fixture
def table(generated):
    columns = ["customer_id", "number_of_orders", "last_order_date", "as_of", "currency"]
    table = uncategorised(generated.customers[columns])
    unknown = table["customer_id"] % 50 == 0
    return table.assign(number_of_orders=table["number_of_orders"].mask(unknown))


@pytest.mark.parametrize("kind", KINDS)
def test_customers_are_counted_in_every_kind_of_table(kind, table):
    n, found = table["number_of_orders"], observe(KINDS[kind](table))
    assert found[:4] == (len(table), (n > 0).sum(), (n == 0).sum(), n.isna().sum())
    assert found.customers == found.buyers + found.prospects + found.no_stats
    assert found.as_of == table["as_of"].max()
    assert found.repeat_buyers == (n > 1).sum()


def test_the_time_can_be_given(table):
    bare = table.drop(columns="as_of")
    assert observe(bare).as_of is None
    assert observe(bare, "2026-07-01T00:00Z").as_of == pd.Timestamp("2026-07-01", tz="UTC")
    with pytest.raises(cl.DataError, match="ordered after as_of"):
        observe(bare, "2020-01-01")


@pytest.mark.parametrize("kind", KINDS)
def test_the_currency_is_that_of_the_table_or_the_given_one(kind, table):
    make = KINDS[kind]
    assert currency_of_amounts(make(table)) == "EUR"
    assert currency_of_amounts(make(table.drop(columns="currency")), "CHF") == "CHF"
    assert currency_of_amounts(make(table.drop(columns="currency"))) is None
    with pytest.raises(cl.DataError, match="cannot overrule the table"):
        currency_of_amounts(make(table), "CHF")
    mixed = table.assign(currency=np.where(table["customer_id"] % 2 == 1, "EUR", "USD"))
    with pytest.raises(cl.DataError, match="amounts in EUR, USD cannot be added up"):
        currency_of_amounts(make(mixed))
    assert observe(make(mixed)).customers == len(table)
