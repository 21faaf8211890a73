"""Tables that are spread over partitions (Dask, PySpark): functions of rows run where the rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd
import pandera.pandas as pa

from custlens.analysis._frames import native, uncategorised

__all__ = ["is_partitioned", "on_partitions"]

SPARK_TYPES = {"int64": "long", "Int64": "long", "float64": "double", "boolean": "boolean"}


def is_partitioned(customers: Any) -> bool:
    """Return whether a table is spread over partitions that are pandas tables, or can be read as such."""
    kind = native(customers).implementation
    return bool(kind.is_dask() or kind.is_pyspark())


def on_partitions(
    customers: Any,
    columns: Iterable[str],
    compute: Callable[[pd.DataFrame], pd.DataFrame],
    schema: type[pa.DataFrameModel],
) -> Any:
    """Return a lazy table of the same kind, with the result of each partition; nothing is computed yet.

    Parameters
    ----------
    customers
        A Dask or PySpark table.
    columns
        The columns needed; times come with their zone.
    compute
        Computes the result of one partition (a pandas table), with one row per row of the partition.
    schema
        Schema of the result.
    """
    chosen = customers[list(columns)]
    if native(customers).implementation.is_dask():  # no categories: not all partitions have the same ones
        return chosen.map_partitions(lambda part: uncategorised(compute(part)), meta=uncategorised(schema.empty()))
    declared = schema.to_schema().columns
    kinds = ", ".join(f"{name} {SPARK_TYPES.get(str(column.dtype), 'string')}" for name, column in declared.items())
    zone = customers.sparkSession.conf.get("spark.sql.session.timeZone")

    def each(tables: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for table in tables:
            for name in table.columns:  # Spark passes times as a clock in the session's time zone shows them
                if pd.api.types.is_datetime64_dtype(table[name]):
                    local = table[name].dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
                    table[name] = local.dt.tz_convert("UTC")
            yield uncategorised(compute(table))

    return chosen.mapInPandas(each, kinds)
