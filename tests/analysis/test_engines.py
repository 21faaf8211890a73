"""The same numbers, whatever holds the table."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import dask.dataframe as dd
import duckdb
import pandas as pd
import polars as pl
import pytest
from helpers import engines

import custlens as cl
from custlens.analysis._frames import uncategorised

SPARK = Path(sys.prefix) / "spark"


@pytest.fixture(scope="module")
def table(generated):
    return generated.customers.drop(columns=["extra", "extrafields"])


@pytest.fixture(scope="module")
def wanted(table):
    return {name: call(table) for name, call in engines.CALLS.items()}


def in_polars(table):
    return pl.from_pandas(uncategorised(table))


KINDS = {
    "polars": (in_polars, pl.DataFrame),
    "polars lazy": (lambda table: in_polars(table).lazy(), pl.LazyFrame),
    "pyarrow": (lambda table: in_polars(table).to_arrow(), None),
    "duckdb": (lambda table: duckdb.from_arrow(in_polars(table).to_arrow()), duckdb.DuckDBPyRelation),
    "dask": (lambda table: dd.from_pandas(table, npartitions=3), dd.DataFrame),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", engines.CALLS)
def test_every_kind_of_table_gives_the_same_numbers(table, wanted, name, kind):
    make, result_kind = KINDS[kind]
    result = engines.CALLS[name](make(table))
    if result_kind is not None:
        assert isinstance(result, result_kind)
    engines.same(result, wanted[name])


@pytest.mark.parametrize("name", engines.CALLS)
def test_neither_the_order_of_the_rows_nor_how_they_are_split_matters(table, wanted, name):
    shuffled = table.sample(frac=1, random_state=3, ignore_index=True)
    engines.same(engines.CALLS[name](shuffled), wanted[name])
    engines.same(engines.CALLS[name](dd.from_pandas(shuffled, npartitions=7)), wanted[name])


def test_dask_reads_the_store_s_delta_table(tmp_path):
    with cl.demo.serve(customers=1_200, rate_limit=None) as shop:
        shop.population.patches.clear()
        store = cl.Store(tmp_path / "shop.lens")
        store.sync(shop.client(rate_limit=100_000), progress=False)
    held = cl.Store(tmp_path / "shop.lens").customers()
    frame = store.dask(
        ["number_of_orders", "sales_value", "first_order_date", "last_order_date", "billing_country_code"]
    )
    assert isinstance(frame, dd.DataFrame)
    for call in (
        cl.orders.summary,
        cl.orders.breakdown,
        cl.segments.rfm,
        cl.cohorts.summary,
        cl.orders.second_order,
    ):
        engines.same(call(frame), call(held))


@pytest.mark.timeout(400)
def test_spark_gives_the_same_numbers(table, wanted, tmp_path):
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none")
    if not SPARK.exists():
        pytest.skip("PySpark is not there: make test installs it")
    uncategorised(table).to_parquet(tmp_path / "customers.parquet")
    paths = [str(SPARK), str(Path(engines.__file__).parents[1])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYSPARK_PYTHON": sys.executable}
    command = [sys.executable, "-W", "ignore", engines.__file__, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kinds = json.loads((tmp_path / "kinds.json").read_text())
    assert set(kinds.values()) == {"DataFrame"}, {name: kind for name, kind in kinds.items() if kind != "DataFrame"}
    for number, name in enumerate(engines.CALLS):
        engines.same(pd.read_parquet(tmp_path / f"{number}.parquet"), wanted[name])
