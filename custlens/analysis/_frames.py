"""Takes tables of any kind in, brings the few numbers that a statistic needs here, and gives the result back in kind.

Engines differ where it hurts: some only have approximate medians, some know no weeks or time zones, each breaks ties in
its own way. So an engine is asked for one thing that all do alike: which values of the needed columns there are, and
how many rows have them. What follows from those is computed here, once, exactly.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pandera.pandas as pa

from custlens.errors import ArgumentError, DataError

__all__ = [
    "UNKNOWN",
    "Frame",
    "as_of_column",
    "currency_of",
    "customers_frame",
    "gather",
    "in_kind",
    "in_memory",
    "index_of",
    "labels",
    "native",
    "need_as_of",
    "observed_at",
    "same_kind",
    "uncategorised",
    "when_observed",
]

Frame = nw.LazyFrame[Any]
UNKNOWN = "unknown"


def customers_frame(customers: Any, columns: Iterable[str]) -> Frame:
    """Take a native table, and check that it has the columns needed.

    Raises
    ------
    ArgumentError
        It is no table, or lacks a column.
    """
    frame: Frame = native(customers).lazy()
    have = frame.collect_schema().names()
    if missing := [name for name in columns if name not in have]:
        raise DataError(f"the customers table lacks {', '.join(missing)}: fetch with these among `fields`")
    return frame


def native(customers: Any) -> Any:
    """Take a native table as it is, eager or lazy.

    Raises
    ------
    ArgumentError
        It is no table.
    """
    with warnings.catch_warnings():  # Narwhals announces that its support of Dask will be a package of its own
        warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
        try:
            return nw.from_native(customers)
        except TypeError:
            raise ArgumentError(f"a customers table is needed, not {type(customers).__name__}") from None


def when_observed(frame: Frame, as_of: datetime | None = None) -> datetime | None:
    """Find when the customers were observed: as is said, else the latest of the column as_of; None if neither is there.

    Raises
    ------
    ArgumentError
        An `as_of` without a time zone.
    """
    if as_of is not None:
        if as_of.tzinfo is None:
            raise ArgumentError("as_of must have a time zone")
        return as_of.astimezone(UTC)
    if "as_of" not in frame.collect_schema().names():
        return None
    latest = gather(frame.select(nw.col("as_of").max()), times=["as_of"])["as_of"].max()
    return None if np.isnan(latest) else pd.Timestamp(int(latest), unit="us", tz="UTC").to_pydatetime()


def need_as_of(frame: Frame, as_of: datetime | None = None) -> datetime:
    """Give the time of the observation; refuse to guess it."""
    observed = when_observed(frame, as_of)
    if observed is None:
        raise DataError("the table does not say when it was observed: give as_of, the time of the fetch")
    return observed


def currency_of(frame: Frame, currency: str | None = None) -> str | None:
    """Find in what money the amounts are: as is said, else as the column currency has it; None if neither is there.

    Raises
    ------
    ArgumentError
        Amounts of several currencies.
    """
    if currency is not None or "currency" not in frame.collect_schema().names():
        return currency
    found = [name for name in labels(gather(frame, texts=["currency"])["currency"]) if name]
    if len(found) > 1:
        raise DataError(f"amounts in {', '.join(sorted(found))} are never added up: choose one currency first")
    return found[0] if found else None


def gather(
    frame: Frame,
    *,
    numbers: Iterable[str] = (),
    times: Iterable[str] = (),
    texts: Iterable[str] = (),
    keys: Iterable[str] = (),
    min_orders: int = 0,
) -> pd.DataFrame:
    """Bring the values of some columns here.

    Parameters
    ----------
    frame
        As `customers_frame` gives it.
    numbers
        Columns of numbers; they come as float64, NaN where missing.
    times
        Columns of times; they come as float64 microseconds since 1970 (UTC), NaN where missing. A time without a zone
        is taken as UTC.
    texts
        Columns of texts; they come as categories, missing where missing.
    keys
        Columns of whole numbers that are never missing, such as customer_id; they come as int64.
    min_orders
        Leave out who has fewer orders (or no known number of orders): 1 for buyers, 2 for repeat buyers. The column
        number_of_orders then comes too.

    Returns
    -------
    pandas.DataFrame
        The columns, and ``rows``: how many rows of the table have these values (1 where the table is in memory).
    """
    names = list(dict.fromkeys(["number_of_orders", *numbers] if min_orders else numbers))
    times, texts, keys = list(times), list(texts), list(keys)
    held = in_memory(frame)
    as_numbers = names if frame.implementation.is_pandas() else [nw.col(name).cast(nw.Float64) for name in names]
    chosen = frame.select(*keys, *times, *texts, *as_numbers)
    if held:
        found = chosen.collect()
    else:
        if min_orders:
            chosen = chosen.filter(nw.col("number_of_orders") >= min_orders)
        if texts and frame.implementation.is_dask():  # its grouping multiplies categories
            chosen = chosen.with_columns(*(nw.col(name).cast(nw.String) for name in texts))
        found = chosen.group_by(*keys, *times, *texts, *names).agg(__rows=nw.len()).collect()
    columns: dict[str, Any] = {name: np.asarray(found[name].to_numpy(), "int64") for name in keys}
    columns |= {name: _floats(found[name]) for name in names}
    columns |= {name: _micros(found[name]) for name in times}
    columns |= {name: _categories(found[name]) for name in texts}
    if min_orders and held:
        kept = columns["number_of_orders"] >= min_orders
        if not kept.all():
            where = np.flatnonzero(kept)
            columns = {name: values.take(where) for name, values in columns.items()}
    table = pd.DataFrame(columns, copy=False)
    table["rows"] = 1.0 if held else found["__rows"].to_numpy().astype("float64")
    return table


def index_of(customer_ids: Any) -> pd.Index[int]:
    """Make an index of customers.

    Raises
    ------
    ArgumentError
        A customer occurs twice, as may be where several stores are in one table.
    """
    index: pd.Index[int] = pd.Index(customer_ids)
    if not index.is_unique:
        raise DataError("a customer occurs twice: take one store at a time")
    return index


def in_memory(frame: Frame) -> bool:
    """Whether the rows are in this process already, or can be brought here at no cost."""
    return bool(frame.implementation.is_pandas_like() or frame.implementation.is_polars())


def as_of_column(as_of: datetime | None) -> list[str]:
    """Name the column that `observed_at` needs where no time is said."""
    return ["as_of"] if as_of is None else []


def observed_at(table: pd.DataFrame, as_of: datetime | None) -> Any:
    """Give the time of each row's observation in microseconds: what is said, or what the row says (column as_of)."""
    return table["as_of"].to_numpy() if as_of is None else as_of.timestamp() * 1e6


def labels(texts: pd.Series) -> list[str]:
    """Give the few texts that occur, in order."""
    codes = texts.cat.codes.to_numpy()
    return sorted(str(name) for place, name in enumerate(texts.cat.categories) if (codes == place).any())


def uncategorised(table: pd.DataFrame) -> pd.DataFrame:
    """Turn categories into texts, as engines other than pandas hold them."""
    texts = [name for name in table.columns if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(texts, "str"))


def same_kind(
    result: pd.DataFrame, schema: type[pa.DataFrameModel], customers: Any, rename: dict[str, str] | None = None
) -> Any:
    """Check a result against what is declared of it, and give it as the kind of table that came in."""
    checked = schema.validate(result)
    return in_kind(checked.rename(columns=rename or {}), customers)


def in_kind(result: pd.DataFrame, like: Any) -> Any:
    """Give a pandas table as another kind: the one of `like`."""
    like_frame = native(like)
    kind = like_frame.implementation
    if kind.is_pandas():
        return result
    if kind.is_dask():
        from dask import dataframe

        return dataframe.from_pandas(result, npartitions=1)  # type: ignore[no-untyped-call]
    table = nw.from_native(uncategorised(result), eager_only=True).to_arrow()
    if kind.is_pyspark():
        from pyspark.sql.pandas.types import from_arrow_schema

        return like.sparkSession.createDataFrame(table, from_arrow_schema(table.schema, prefer_timestamp_ntz=True))
    if kind.is_duckdb():
        import duckdb

        return duckdb.from_arrow(table)
    if kind.is_polars():
        import polars

        frame = polars.DataFrame(table)
        return frame.lazy() if isinstance(like_frame, nw.LazyFrame) else frame
    return nw.DataFrame.from_arrow(table, backend=kind).to_native()


def _floats(column: nw.Series[Any]) -> np.ndarray:
    native = column.to_native()
    if isinstance(native, pd.Series):
        return native.to_numpy("float64", na_value=np.nan)
    return np.asarray(column.to_numpy(), "float64")


def _micros(column: nw.Series[Any]) -> np.ndarray:
    import pyarrow

    native = column.to_native()
    if (
        isinstance(native, pd.Series)
        and isinstance(native.dtype, pd.DatetimeTZDtype | np.dtype)
        and native.dtype.kind == "M"
    ):
        moments: Any = native.array
        whole = np.asarray(moments.as_unit("us").asi8)
        return np.where(whole == np.iinfo("int64").min, np.nan, whole.astype("float64"))

    if not isinstance(column.dtype, nw.Datetime):
        if column.null_count() == len(column):
            return np.full(len(column), np.nan)
        raise DataError(f"{column.name} must hold times, not {column.dtype}")
    times = column.to_arrow()
    counted = times.cast(pyarrow.timestamp("us", times.type.tz), safe=False).cast(pyarrow.int64())
    return np.asarray(counted.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False), "float64")


def _categories(column: nw.Series[Any]) -> Any:
    native = column.to_native()
    if isinstance(native, pd.Series):
        return pd.Categorical(native)
    values = column.cast(nw.String).to_arrow().dictionary_encode()
    if hasattr(values, "combine_chunks"):
        values = values.combine_chunks()
    codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, values.dictionary.to_pylist())
