"""Every analysis, and every kind of table that they take: who calls this compares the numbers."""

import datetime as dt
import warnings
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd

import custlens as cl

AS_OF = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
BERLIN = "Europe/Berlin"


def ordering_again(table):
    """Return the buyers with two orders or more, on any engine."""
    with warnings.catch_warnings():  # Narwhals announces that its support of Dask will be a package of its own
        warnings.simplefilter("ignore", FutureWarning)
        return nw.from_native(table).filter(nw.col("number_of_orders") > 1).to_native()


CALLS = {
    "summary": cl.orders.summary,
    "summary as of": lambda table: cl.orders.summary(table, as_of=AS_OF),
    "distribution of sales": cl.orders.distribution,
    "distribution of averages": lambda table: cl.orders.distribution(table, "average_order_value"),
    "distribution of orders": lambda table: cl.orders.distribution(table, "number_of_orders"),
    "quantiles": lambda table: cl.orders.quantiles(table, q=[0, 0.1, 0.5, 0.9, 1]),
    "order dates by month": lambda table: cl.orders.order_dates(table, tz=BERLIN),
    "order dates by week": lambda table: cl.orders.order_dates(table, freq="week", tz=BERLIN),
    "seasonality": lambda table: cl.orders.seasonality(table, tz=BERLIN),
    "recency": cl.orders.recency,
    "tenure": lambda table: cl.orders.tenure(table, as_of=AS_OF),
    "inter-purchase": cl.orders.inter_purchase,
    "second order": cl.orders.second_order,
    "concentration": cl.orders.concentration,
    "concentration of all": lambda table: cl.orders.concentration(table, include_prospects=True),
    "lorenz": lambda table: cl.orders.lorenz(table, points=11),
    "breakdown by country": cl.orders.breakdown,
    "breakdown by consent": lambda table: cl.orders.breakdown(table, "accept_marketing"),
    "compare": lambda table: cl.orders.compare(table, ordering_again(table), resamples=100),
    "quality": cl.orders.quality,
    "quality rows": lambda table: cl.orders.quality_rows(table, "orders_without_dates"),
    "rfm": cl.segments.rfm,
    "rfm fixed": lambda table: cl.segments.rfm(table, scores="fixed", as_of=AS_OF),
    "sizes": lambda table: cl.segments.sizes(cl.segments.rfm(table)),
    "migration": lambda table: cl.segments.migration(cl.segments.rfm(table), cl.segments.rfm(table, scores="fixed")),
    "cohorts": lambda table: cl.cohorts.summary(table, tz=BERLIN),
    "survival": lambda table: cl.cohorts.survival(table, freq="QS"),
    "predict": lambda table: cl.lifetime.fit(table).predict(table),
    "overdue": cl.lifetime.overdue,
}


def plain(result):
    """Return any result as a pandas table."""
    for method in ("compute", "toPandas", "collect", "pl", "to_pandas"):
        if not isinstance(result, pd.DataFrame) and hasattr(result, method):
            result = getattr(result, method)()
    return result.reset_index(drop=True)


def same(got, want):
    """Compare two results; rows of customers may come in any order."""
    got, want = plain(got), plain(want)
    assert list(got.columns) == list(want.columns)
    if "customer_id" in want:
        got, want = (side.sort_values("customer_id", ignore_index=True) for side in (got, want))
    assert len(got) == len(want)
    for name in want.columns:
        ours, theirs = got[name], want[name]
        if isinstance(theirs.dtype, pd.DatetimeTZDtype) or pd.api.types.is_datetime64_any_dtype(theirs):
            naive = [pd.Series(pd.to_datetime(side, utc=True)).dt.tz_localize(None) for side in (ours, theirs)]
            assert naive[0].astype("datetime64[us]").equals(naive[1].astype("datetime64[us]")), name
        elif pd.api.types.is_numeric_dtype(theirs):
            numbers = [side.astype("Float64").to_numpy("float64", na_value=np.nan) for side in (ours, theirs)]
            np.testing.assert_allclose(*numbers, rtol=1e-9, atol=1e-12, err_msg=name)
        else:
            texts = [side.astype("object").where(side.notna(), None).map(str).tolist() for side in (ours, theirs)]
            assert texts[0] == texts[1], name


def spark(folder):
    """Run every analysis on Spark, on the table in a folder, and leave the results there."""
    import json
    import traceback

    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "America/New_York")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.codegen.wholeStage", "false")  # and without compiling each query
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")  # quick to start, for little work
        .getOrCreate()
    )
    table = session.read.parquet(str(folder / "customers.parquet"))
    kinds = {}
    for number, (name, call) in enumerate(CALLS.items()):
        try:
            result = call(table)
            kinds[name] = type(result).__name__
            collected = result.toPandas()
            for name_of, kind in result.dtypes:  # Spark shows a moment as a clock in the session's time zone
                if kind == "timestamp":
                    collected[name_of] = collected[name_of].dt.tz_localize("America/New_York").dt.tz_convert("UTC")
            collected.to_parquet(folder / f"{number}.parquet")
        except Exception:
            kinds[name] = traceback.format_exc()
    (folder / "kinds.json").write_text(json.dumps(kinds))
    session.stop()


if __name__ == "__main__":
    import sys

    spark(Path(sys.argv[1]))
