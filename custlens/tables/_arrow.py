"""Converts lists of values to pandas columns of the declared dtype; types are never inferred."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from custlens.tables import schemas

__all__ = ["as_json", "convert", "frame_of", "gather", "parse_times", "to_frame", "to_pandas", "without"]

_EXTENSION_DTYPES: dict[str, Any] = {
    "Int64": pd.Int64Dtype(),
    "boolean": pd.BooleanDtype(),
    "str": pd.StringDtype(na_value=np.nan),
}
_ARROW_TYPES = {
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
}
_TIMESTAMP = pa.timestamp("us", "UTC")
_EARLIEST, _LATEST = (pa.scalar(moment.replace(tzinfo=UTC), _TIMESTAMP) for moment in (datetime.min, datetime.max))
"""The limits of Python's datetime."""
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_API_TIME = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-](?:0\d|1[0-4])[0-5]\d$"


def gather(values: list[Any], dtype: str) -> pa.Array:
    """Return an Arrow array of Python values; times and categories stay text until `convert`."""
    return pa.array(values, _ARROW_TYPES.get(dtype, pa.string()))


def convert(array: pa.Array, dtype: str) -> tuple[pa.Array, np.ndarray | None]:
    """Convert an array to a declared dtype.

    Parameters
    ----------
    array : pyarrow.Array
        As `gather` made it.
    dtype : str
        As the schema declares it. For ``category`` an empty text counts as missing: it names no category.

    Returns
    -------
    array : pyarrow.Array
        Missing where a value is missing or cannot be read.
    bad : numpy.ndarray of bool, or None
        Where a value could not be read (only times can fail); None if all could.
    """
    if dtype.startswith("datetime64"):
        return parse_times(array)
    if dtype == "category":
        if pc.any(pc.equal(array, "")).as_py():
            array = pc.if_else(pc.equal(array, ""), pa.scalar(None, array.type), array)
        array = array.dictionary_encode()
    return array, None


def parse_times(texts: pa.Array) -> tuple[pa.Array, np.ndarray | None]:
    """Read the API's times, ``2014-06-06 18:57:19 +0400`` with any UTC offset, into UTC microseconds."""
    shaped = pc.match_substring_regex(texts, _API_TIME)
    good = texts
    if pc.all(shaped).as_py() is False:
        good = pc.if_else(shaped, texts, pa.scalar(None, texts.type))
    iso = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(good, 0, 19), pc.utf8_slice_codeunits(good, 20, 25), pa.scalar("", good.type)
    )
    try:
        times = iso.cast(_TIMESTAMP)
    except pa.ArrowInvalid:  # the right form, but a day or an hour that does not exist: find which
        times = pa.array([_one_time(text) for text in iso.to_pylist()], pa.int64()).cast(_TIMESTAMP)
    inside = pc.and_(pc.greater_equal(times, _EARLIEST), pc.less_equal(times, _LATEST))
    if pc.all(inside).as_py() is False:
        times = pc.if_else(inside, times, pa.scalar(None, _TIMESTAMP))
    bad = texts.is_valid().to_numpy(zero_copy_only=False) & ~times.is_valid().to_numpy(zero_copy_only=False)
    return times, bad if bad.any() else None


def _one_time(text: str | None) -> int | None:
    try:
        time: int | None = pa.scalar(text, pa.string()).cast(_TIMESTAMP).value
    except pa.ArrowInvalid:
        return None
    return time


def without(array: pa.Array, rows: Iterable[int]) -> pa.Array:
    """Return an array whose values in these rows are missing."""
    gone = np.zeros(len(array), bool)
    gone[list(rows)] = True
    return array.take(pa.array(np.arange(len(array)), mask=gone))


def to_pandas(column: pa.Array | pa.ChunkedArray, dtype: str) -> Any:
    """Return a converted Arrow column as a pandas array of the declared dtype, without a copy where possible."""
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    if dtype == "category":
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        elif any(
            chunk.dictionary.null_count for chunk in column.chunks
        ):  # as Parquet may have them; they cannot be unified
            column = column.cast(column.type.value_type).dictionary_encode()
        encoded = column.unify_dictionaries().combine_chunks()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return pd.Categorical.from_codes(codes, pd.Index(encoded.dictionary.to_pylist(), dtype="str"))
    if dtype.startswith("datetime64"):
        return pd.DatetimeIndex(_writable(column.cast(pa.timestamp("us")))).tz_localize("UTC").array
    if dtype in _EXTENSION_DTYPES:
        return _EXTENSION_DTYPES[dtype].__from_arrow__(column)
    return _writable(column)


def _writable(column: pa.ChunkedArray) -> np.ndarray:
    values: np.ndarray = column.to_numpy()
    return values if values.flags.writeable else values.copy()


def frame_of(columns: Any, dtypes: dict[str, str]) -> pd.DataFrame:
    """Return Arrow columns as a pandas table with these columns and dtypes."""
    return pd.DataFrame({name: to_pandas(columns[name], dtype) for name, dtype in dtypes.items()}, copy=False)


def to_frame(table: pa.Table, name: str) -> pd.DataFrame:
    """Return an Arrow table as the pandas table that its schema declares, with the columns that it has."""
    dtypes = {info.name: info.dtype for info in schemas.columns(name) if info.name in table.column_names}
    return frame_of(table, dtypes)


def as_json(value: Any) -> str | None:
    """Return a value as JSON text, or None for None; NaN, infinity and lone surrogates, which JSON lacks, as Python does."""
    if value is None:
        return None
    try:
        text = msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):
        text = b"null"
    if b"null" in text:  # perhaps NaN, infinity or what was caught above: slower, but lossless
        text = _JSON.encode(msgspec.to_builtins(value)).encode("utf-8", "backslashreplace")
    return text.decode()
