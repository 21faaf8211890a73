"""Dask's part; test_engines.py runs the same functions on Spark."""

import dask.dataframe as dd
import duckdb
import pandas as pd
import pandera.pandas as pa
import polars as pl
import pytest

from custlens.analysis._frames import uncategorised
from custlens.analysis._partitions import is_partitioned, on_partitions


class Lengths(pa.DataFrameModel):
    customer_id: int
    lang: pd.StringDtype = pa.Field(nullable=True)
    rows: int


def lengths(part):
    return part.assign(rows=len(part))[["customer_id", "lang", "rows"]]


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4, 5],
            "lang": pd.Categorical(["de", "en", None, "de", "fr"]),
            "as_of": pd.Timestamp("2026-06-30", tz="UTC"),
        }
    )


def test_only_tables_that_are_spread_over_processes_are_partitioned(table):
    plain = uncategorised(table)
    assert is_partitioned(dd.from_pandas(table, npartitions=2))
    for held in (plain, pl.from_pandas(plain), pl.from_pandas(plain).lazy(), pl.from_pandas(plain).to_arrow()):
        assert not is_partitioned(held)
    assert not is_partitioned(duckdb.from_arrow(pl.from_pandas(plain).to_arrow()))


def test_each_partition_is_computed_where_it_is(table):
    result = on_partitions(dd.from_pandas(table, npartitions=2), ["customer_id", "lang"], lengths, Lengths)
    assert isinstance(result, dd.DataFrame)
    assert result.npartitions == 2
    assert result.compute()["rows"].tolist() == [3, 3, 3, 2, 2]


def test_nothing_is_computed_before_it_is_asked_for(table):
    def fails(part):
        raise RuntimeError("computed")

    result = on_partitions(dd.from_pandas(table, npartitions=2), ["customer_id", "lang"], fails, Lengths)
    assert list(result.columns) == ["customer_id", "lang", "rows"]
    with pytest.raises(RuntimeError, match="computed"):
        result.compute()


def test_partitions_with_different_categories_come_together_as_texts(table):
    whole = on_partitions(dd.from_pandas(table, npartitions=5), ["customer_id", "lang"], lengths, Lengths).compute()
    assert whole["lang"].dropna().tolist() == ["de", "en", "de", "fr"]
    assert isinstance(whole["lang"].dtype, pd.StringDtype)


def test_only_the_columns_needed_reach_a_partition(table):
    seen = []

    def look(part):
        seen.append(list(part.columns))
        return lengths(part)

    on_partitions(dd.from_pandas(table, npartitions=1), ["customer_id", "lang"], look, Lengths).compute(
        scheduler="synchronous"
    )
    assert seen == [["customer_id", "lang"]]
