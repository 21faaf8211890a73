"""Read tables of any kind, bring the values that a statistic needs into memory, and return results as the same kind of table.

Engines differ in detail: some have only approximate medians, some know no weeks or time zones, and each breaks ties in
its own way. So an engine is asked only for what all of them do alike: which values of the needed columns occur, and how
many rows have them. Everything that follows from those values is computed here, once, exactly.

A table is also checked here, so that every analysis refuses the same things: something that is not a table, a missing
column, text where numbers are needed, times without a zone, a customer who occurs twice, impossible numbers, amounts in
several currencies, and a time of observation that lies before the orders.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pandera.pandas as pa
from narwhals.exceptions import DuplicateError
from narwhals.typing import IntoFrameT

from custlens._arguments import YEARS, Moment, is_currency, moment, shown
from custlens.analysis._time import microseconds
from custlens.errors import ArgumentError, DataError

__all__ = [
    "CLOCK_SKEW",
    "UNKNOWN",
    "Frame",
    "as_of_column",
    "check_types",
    "convert_like",
    "currency_of",
    "customers_frame",
    "gather",
    "has_zones",
    "in_memory",
    "labels",
    "latest_as_of",
    "native",
    "need_as_of",
    "observed_at",
    "same_kind",
    "uncategorised",
    "when_observed",
]

Frame = nw.LazyFrame[Any]
UNKNOWN = "unknown"

NUMBERS = ("number_of_orders", "sales_value", "average_order_value", "total_order_count")
TIMES = ("first_order_date", "last_order_date", "registered")
LARGEST = 2.0**53
"""Beyond this a float64 does not hold every whole number."""
CLOCK_SKEW = timedelta(hours=1)
"""How far the clocks of a shop and of an observation may be apart."""
TOLERATED_LATE = 1 / 1000
"""Share of buyers who may have ordered after the observation: statistics move on while a long sync reads them."""
FARTHEST = (YEARS[1] - 1970) * 365.2425 * 86_400e6
"""Microseconds from 1970 to the years that pandas can no longer hold."""
NO_TIME = np.iinfo("int64").min
"""What pandas keeps in the place of a missing time."""
EMPTY_AS_OF = datetime(1970, 1, 1, tzinfo=UTC)


def customers_frame(
    customers: Any,
    columns: Iterable[str],
    *,
    name: str = "customers",
    way_out: str = "fetch or read it with these columns",
    one_row_per_customer: bool = True,
) -> Frame:
    """Return a native table as a lazy frame, after checking that it can be used.

    Parameters
    ----------
    customers
        A native table.
    columns
        The columns needed.
    name
        Name of the argument, for errors.
    way_out
        What to do about a missing column, for errors.
    one_row_per_customer
        Whether to refuse a table, if it has the column customer_id, in which a customer occurs twice.

    Raises
    ------
    ArgumentError
        It is not a table.
    DataError
        It lacks a column, a column is of the wrong type, or a customer occurs twice.
    """
    frame: Frame = native(customers, name).lazy()
    have, needed = frame.collect_schema().names(), list(columns)
    if missing := [column for column in needed if column not in have]:
        raise DataError(f"the {name} table lacks {', '.join(missing)}: {way_out}")
    check_types(
        frame,
        numbers=[column for column in needed if column in NUMBERS],
        times=[column for column in needed if column in TIMES],
    )
    if one_row_per_customer and "customer_id" in have:
        _refuse_duplicates(frame, name)
    return frame


def native(customers: Any, name: str = "customers") -> Any:
    """Return a native table as a Narwhals frame, eager or lazy.

    Raises
    ------
    ArgumentError
        It is not a table.
    DataError
        Two columns have the same name.
    """
    with warnings.catch_warnings():  # Narwhals announces that its support of Dask will be a package of its own
        warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)
        try:
            frame = nw.from_native(customers)
            unknown = [name for name, kind in frame.collect_schema().items() if kind == nw.Unknown]
        except TypeError as error:
            kind = shown(customers) if customers is None or isinstance(customers, type) else type(customers).__name__
            inner = None if isinstance(customers, type) else getattr(customers, "customers", None)
            hint = "" if inner is None else f"; pass .customers{'()' if callable(inner) else ''} of it"
            raise ArgumentError(
                f"{name} must be a pandas, Polars, pyarrow, DuckDB, Dask or PySpark table, not {kind}{hint}"
            ) from error
        except DuplicateError as error:
            raise DataError(f"the {name} table has two columns of the same name") from error
        # Narwhals does not recognise every time zone of pandas, such as America/New_York.
        if zoned := [name for name in unknown if isinstance(customers[name].dtype, pd.DatetimeTZDtype)]:
            frame = nw.from_native(customers.assign(**{name: customers[name].dt.tz_convert("UTC") for name in zoned}))
    return frame


def check_types(
    frame: Frame, *, numbers: Iterable[str] = (), times: Iterable[str] = (), local_times: Iterable[str] = ()
) -> None:
    """Refuse columns whose type cannot hold what is needed, unless all their values are missing.

    Raises
    ------
    DataError
        Text where numbers are needed, something else where times are needed, or times without a zone on an engine that
        has zones.
    """
    schema = frame.collect_schema()
    for column in numbers:
        kind = schema[column]
        if not (kind.is_numeric() or _holds_numbers(frame, column)):
            raise DataError(f"{column} must hold numbers, not {kind}: convert the column first, for example to float64")
    zoned = has_zones(frame)
    local = set(local_times)
    for column in [*times, *local]:
        kind = schema[column]
        if not isinstance(kind, nw.Datetime):
            if not _is_missing(frame, column):
                raise DataError(f"{column} must hold times, not {kind}: convert the column to datetimes in UTC first")
        elif kind.time_zone is None and zoned and column not in local and not _is_missing(frame, column):
            raise DataError(
                f"{column} holds times without a time zone: add theirs, for example table['{column}'].dt.tz_localize('UTC')"
            )


def has_zones(frame: Frame) -> bool:
    """Return whether times have a time zone on the engine of a table; on DuckDB and Spark some have none and are in UTC."""
    return in_memory(frame) or frame.implementation.is_pyarrow() or frame.implementation.is_dask()


def latest_as_of(frame: Frame, as_of: Moment | None = None) -> datetime | None:
    """Return the given time of the observation, else the latest of the column as_of; None if there is neither.

    Raises
    ------
    ArgumentError
        `as_of` is not a point in time.
    DataError
        The column as_of is missing in some rows, or does not hold times.
    """
    return _observed(frame, as_of)[0]


def _observed(frame: Frame, as_of: Moment | None) -> tuple[datetime | None, float]:
    """Return what `latest_as_of` returns, and the earliest time of an observation in microseconds; NaN if unknown."""
    if as_of is not None:
        given = moment("as_of", as_of)
        return given, microseconds(given)
    if "as_of" not in frame.collect_schema().names():
        return None, np.nan
    first, last, missing = _ends(frame, "as_of")
    if np.isnan(last):
        return None, np.nan
    if missing:
        raise DataError(f"as_of is missing in {missing:,} rows and known in others: fill the column, or pass as_of=")
    return pd.Timestamp(int(last), unit="us", tz="UTC").to_pydatetime(), first


def when_observed(frame: Frame, as_of: Moment | None = None) -> datetime | None:
    """Return when the customers were observed, as `latest_as_of`, after checking it against their orders.

    Raises
    ------
    ArgumentError
        `as_of` is not a point in time.
    DataError
        More than one in a thousand buyers ordered after it.
    """
    observed, earliest = _observed(frame, as_of)
    have = frame.collect_schema().names()
    dates = [column for column in ("last_order_date", "first_order_date") if column in have]
    if observed is None or not dates:
        return observed
    date = dates[0]
    own, skew = as_of_column(as_of), CLOCK_SKEW / timedelta(microseconds=1)
    if not _latest(frame, date) > earliest + skew:
        return observed
    some = frame
    if not in_memory(frame):
        zoned = getattr(frame.collect_schema()[date], "time_zone", None)
        given = nw.lit(observed if zoned else observed.replace(tzinfo=None))
        some = frame.filter(nw.col(date) > (nw.col("as_of") if own else given))
    times = gather(some, times=[date, *own])
    late = times[date].to_numpy() > observed_at(times, as_of) + skew
    count = float(times["rows"].to_numpy() @ late)
    dated = frame.select(nw.col(date).count()).collect()[date].item()
    if count > dated * TOLERATED_LATE:
        raise DataError(
            f"{count:,.0f} of {dated:,} buyers ordered after as_of, {observed:%Y-%m-%d %H:%M} UTC: a table cannot be "
            "turned back. Read the shop as it was then with store.customers(as_of=…), or pass a later as_of"
        )
    return observed


def need_as_of(frame: Frame, as_of: Moment | None = None) -> datetime:
    """Return when the customers were observed; refuse to guess it.

    An empty table needs no such time: 1970 stands for it.
    """
    observed = when_observed(frame, as_of)
    if observed is not None:
        return observed
    if len(frame.head(1).collect()):
        raise DataError("the table does not say when it was observed: pass as_of=, the time of the fetch")
    return EMPTY_AS_OF


def currency_of(frame: Frame, currency: str | None = None) -> str | None:
    """Return the currency of the amounts: the one in the column currency, else the one given, else None.

    Raises
    ------
    ArgumentError
        `currency` is not a code of three letters.
    DataError
        A value that is not a code of three capital letters, or amounts in several currencies, in another one than is
        given, or partly in an unknown one.
    """
    if currency is not None and not is_currency(currency):
        raise ArgumentError(f"currency must be an ISO 4217 code such as 'EUR', not {shown(currency)}")
    if "currency" not in frame.collect_schema().names():
        return currency
    table = gather(frame, texts=["currency"])
    column, rows = table["currency"], table["rows"].to_numpy()
    found = labels(column)
    if strange := [name for name in found if not is_currency(name)]:
        count = rows @ (column.astype("str") == strange[0]).to_numpy()
        raise DataError(
            f"the column currency has {shown(strange[0])} in {count:,.0f} rows, which is not an ISO 4217 code such as "
            "'EUR': correct it first"
        )
    if len(found) > 1:
        raise DataError(f"amounts in {', '.join(found)} cannot be added up: choose the customers of one currency first")
    if not found:
        return currency
    if column.isna().any():
        raise DataError(
            f"some amounts are in {found[0]}, others in an unknown currency: fill the column currency first"
        )
    if currency not in (None, found[0]):
        raise DataError(f"the amounts are in {found[0]}, not in {currency}: currency= cannot overrule the table")
    return found[0]


def gather(
    frame: Frame,
    *,
    numbers: Iterable[str] = (),
    times: Iterable[str] = (),
    local_times: Iterable[str] = (),
    texts: Iterable[str] = (),
    keys: Iterable[str] = (),
    min_orders: int = 0,
) -> pd.DataFrame:
    """Bring the values of some columns into memory.

    Parameters
    ----------
    frame
        As `customers_frame` returns it.
    numbers
        Columns of numbers; they come as float64, NaN where missing.
    times
        Columns of times; they come as float64 microseconds since 1970 (UTC), NaN where missing.
    local_times
        Columns of local times, which have no zone; they come as `times` do, as though they were in UTC.
    texts
        Columns of texts; they come as categories.
    keys
        Columns of whole numbers that are never missing, such as customer_id; they come as int64.
    min_orders
        Leave out customers with fewer orders, or an unknown number of orders: 1 for buyers, 2 for repeat buyers. The
        column number_of_orders then comes too.

    Returns
    -------
    pandas.DataFrame
        The columns, and ``rows``: how many rows of the table have these values (1 where the table is in memory).

    Raises
    ------
    DataError
        A column is of the wrong type, or holds an impossible number.
    """
    names = list(dict.fromkeys(["number_of_orders", *numbers] if min_orders else numbers))
    times, local_times, texts, keys = list(times), list(local_times), list(texts), list(keys)
    if "as_of" in times and "as_of" not in frame.collect_schema().names():  # `need_as_of` lets only empty tables pass
        frame = frame.with_columns(as_of=nw.lit(None, nw.Datetime("us", "UTC")))
    check_types(frame, numbers=names, times=times, local_times=local_times)
    times = [*times, *local_times]
    held = in_memory(frame)
    as_numbers = names if frame.implementation.is_pandas() else [nw.col(name).cast(nw.Float64) for name in names]
    chosen = frame.select(*keys, *times, *texts, *as_numbers)
    if held:
        found = chosen.collect()
    else:
        if min_orders:  # leaves impossible numbers in, which are refused below
            chosen = chosen.filter(*(nw.col("number_of_orders") != count for count in range(min_orders)))
        if texts and frame.implementation.is_dask():  # its grouping multiplies categories
            chosen = chosen.with_columns(*(nw.col(name).cast(nw.String) for name in texts))
        found = chosen.group_by(*keys, *times, *texts, *names).agg(__rows=nw.len()).collect()
    columns: dict[str, Any] = {name: _integers(found[name]) for name in keys}
    columns |= {name: _floats(found[name]) for name in names}
    columns |= {name: _near_times(name, _micros(found[name])) for name in times}
    columns |= {name: _categories(found[name]) for name in texts}
    rows = np.ones(len(found)) if held else found["__rows"].to_numpy().astype("float64")
    for name in names:
        _refuse_impossible(frame, name, columns[name], rows)
    table = pd.DataFrame(columns | {"rows": rows}, copy=False)
    if min_orders:
        kept = columns["number_of_orders"] >= min_orders
        if not kept.all():
            where = np.flatnonzero(kept)
            table = pd.DataFrame({name: table[name].array.take(where) for name in table.columns}, copy=False)
    return table


def in_memory(frame: Frame) -> bool:
    """Return whether the rows are in this process already, or can be brought here at no cost."""
    return bool(frame.implementation.is_pandas_like() or frame.implementation.is_polars())


def as_of_column(as_of: Moment | None) -> list[str]:
    """Return the name of the column that `observed_at` needs: none if a time is given."""
    return ["as_of"] if as_of is None else []


def observed_at(table: pd.DataFrame, as_of: Moment | None) -> Any:
    """Return the time of each row's observation in microseconds: the given one, else the row's own (column as_of)."""
    return table["as_of"].to_numpy() if as_of is None else float(microseconds(moment("as_of", as_of)))


def labels(texts: pd.Series) -> list[str]:
    """Return the texts that occur in a column of categories, in order."""
    codes = texts.cat.codes.to_numpy()
    return sorted(str(name) for place, name in enumerate(texts.cat.categories) if (codes == place).any())


def uncategorised(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with texts instead of categories, as engines other than pandas hold them."""
    texts = [name for name in table.columns if isinstance(table[name].dtype, pd.CategoricalDtype)]
    return table.astype(dict.fromkeys(texts, "str"))


def same_kind(
    result: pd.DataFrame, schema: type[pa.DataFrameModel], like: IntoFrameT, rename: dict[str, str] | None = None
) -> IntoFrameT:
    """Return a result, checked against its schema, as the kind of table that came in."""
    checked = schema.validate(result)
    return convert_like(checked.rename(columns=rename or {}), like)


def convert_like(result: pd.DataFrame, like: IntoFrameT) -> IntoFrameT:
    """Return a pandas table as the same kind of table as `like`."""
    converted: Any = _converted(result, like)
    return converted  # type: ignore[no-any-return]


def _converted(result: pd.DataFrame, like: Any) -> Any:
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


def _is_missing(frame: Frame, column: str) -> bool:
    """Return whether no row has a value in a column."""
    return not frame.select(nw.col(column).count()).collect()[column].item()


def _holds_numbers(frame: Frame, column: str) -> bool:
    """Return whether a column that is not declared as numbers holds nothing else, as pandas objects may."""
    if frame.implementation.is_pandas():
        kind = pd.api.types.infer_dtype(frame.select(column).collect().to_native()[column], skipna=True)
        return kind in ("empty", "integer", "floating", "mixed-integer-float", "decimal")
    return _is_missing(frame, column)


def _refuse_duplicates(frame: Frame, name: str) -> None:
    """Refuse a table in which a customer occurs twice, or has no id."""
    column = nw.col("customer_id")
    if in_memory(frame):
        ids = frame.select(column).collect()["customer_id"]
        missing, values = ids.null_count(), ids.to_numpy()
        in_order = values.dtype.kind in "iu" and bool((values[1:] > values[:-1]).all())  # needs no hashing
        unique = in_order or pd.Index(values).is_unique
    else:
        counted = frame.select(
            missing=column.is_null().cast(nw.Int64).sum(), different=column.n_unique(), rows=nw.len()
        ).collect()
        missing, different, rows = (counted[part].item() for part in ("missing", "different", "rows"))
        unique = different == rows or not rows
    if missing:
        raise DataError(f"customer_id is missing in {missing:,} of the rows of the {name} table: leave them out")
    if not unique:
        twice = frame.group_by("customer_id").agg(__rows=nw.len()).filter(nw.col("__rows") > 1).head(1).collect()
        raise DataError(
            f"customer {twice['customer_id'].item()} occurs twice in the {name} table: keep one row per customer"
        )


def _refuse_impossible(frame: Frame, name: str, values: np.ndarray, rows: np.ndarray) -> None:
    """Refuse numbers that cannot be: infinite, too large to be exact, or of orders below zero or not whole."""
    if not len(values):
        return
    count = name == "number_of_orders"
    least, most = (np.nan, np.nan) if np.isnan(values).all() else (np.nanmin(values), np.nanmax(values))
    whole = (
        not count or frame.collect_schema()[name].is_integer() or bool((values == np.floor(values))[values > 0].all())
    )
    if not whole or most > LARGEST or least < (0 if count else -LARGEST):
        wrong = np.abs(values) > LARGEST
        if count:
            wrong |= (values < 0) | (values != np.floor(values)) & ~np.isnan(values)
        value = float(values[wrong][0])
        who = "a customer"
        if "customer_id" in frame.collect_schema().names():
            some = frame.filter(nw.col(name) == value).select("customer_id").head(1).collect()
            who = f"customer {some['customer_id'].item()}"
        allowed = "a whole number from 0 to 2**53" if count else "between −2**53 and 2**53"
        raise DataError(f"{who} has a {name} of {value:g}, which must be {allowed}: correct or remove it")
    if count and most * rows.sum() > LARGEST and float(rows @ np.nan_to_num(values)) > LARGEST:
        raise DataError("the numbers of orders add up to more than 2**53: correct them first")


def _integers(column: nw.Series[Any]) -> np.ndarray:
    if len(column) and not column.dtype.is_integer():
        raise DataError(f"{column.name} must hold whole numbers, not {column.dtype}: convert the column to int64 first")
    return np.asarray(column.to_numpy(), "int64")


def _floats(column: nw.Series[Any]) -> np.ndarray:
    native = column.to_native()
    if isinstance(native, pd.Series):
        return native.to_numpy("float64", na_value=np.nan)
    return np.asarray(column.to_numpy(), "float64")


def _whole_micros(column: nw.Series[Any]) -> np.ndarray | None:
    """Return times that pandas keeps in NumPy as whole microseconds, `NO_TIME` where missing; None of other columns."""
    native = column.to_native()
    if not (isinstance(native, pd.Series) and isinstance(native.dtype, pd.DatetimeTZDtype | np.dtype)):
        return None
    moments: Any = native.array
    return np.asarray(moments.as_unit("us").asi8) if native.dtype.kind == "M" else None


def _micros(column: nw.Series[Any]) -> np.ndarray:
    import pyarrow

    whole = _whole_micros(column)
    if whole is not None:
        floats = whole.astype("float64")
        floats[whole == NO_TIME] = np.nan
        return floats
    if not isinstance(column.dtype, nw.Datetime):  # all missing, as `check_types` made sure
        return np.full(len(column), np.nan)
    times = column.to_arrow()
    counted = times.cast(pyarrow.timestamp("us", times.type.tz), safe=False).cast(pyarrow.int64())
    return np.asarray(counted.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False), "float64")


def _ends(frame: Frame, column: str) -> tuple[float, float, int]:
    """Return the earliest and latest time in a column, in microseconds since 1970, and in how many rows it is missing.

    The times are NaN if all are missing.
    """
    check_types(frame, times=[column])
    whole = _whole_micros(frame.select(column).collect()[column]) if in_memory(frame) else None
    if whole is not None and whole.min(initial=0) > NO_TIME:  # several times quicker than pandas
        return (float(whole.min()), float(whole.max()), 0) if len(whole) else (np.nan, np.nan, 0)
    time = nw.col(column)
    found = gather(
        frame.select(first=time.min(), last=time.max(), missing=time.is_null().cast(nw.Int64).sum()),
        numbers=["missing"],
        times=["first", "last"],
    )
    return found["first"].max(), found["last"].max(), int(found["missing"].fillna(0).sum())


def _latest(frame: Frame, column: str) -> float:
    """Return the latest time in a column, in microseconds since 1970; NaN if all are missing."""
    check_types(frame, times=[column])
    whole = _whole_micros(frame.select(column).collect()[column]) if in_memory(frame) else None
    if whole is None:
        return float(gather(frame.select(nw.col(column).max()), times=[column])[column].max())
    last = whole.max(initial=NO_TIME)
    return float(last) if last > NO_TIME else np.nan


def _near_times(name: str, times: np.ndarray) -> np.ndarray:
    """Return times, after refusing those whose periods pandas cannot hold."""
    if (times > FARTHEST).any() or (times < -FARTHEST).any():
        raise DataError(f"{name} holds a time before {YEARS[0] + 1} or after {YEARS[1] - 1}: leave such customers out")
    return times


def _categories(column: nw.Series[Any]) -> Any:
    native = column.to_native()
    if isinstance(native, pd.Series):
        try:
            return pd.Categorical(native)
        except TypeError as error:  # of values such as lists
            raise DataError(f"{column.name} must hold texts, not {column.dtype}") from error
    values = column.cast(nw.String).to_arrow().dictionary_encode()
    if hasattr(values, "combine_chunks"):
        values = values.combine_chunks()
    codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, values.dictionary.to_pylist())
