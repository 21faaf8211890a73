"""Lists of values → pandas columns of the declared dtype. Types are declared, never inferred."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from custlens.tables import schemas

__all__ = ["as_json", "convert", "frame_of", "gather", "parse_times", "to_frame", "to_pandas"]

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
_API_TIME = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-](?:0\d|1[0-4])[0-5]\d$"


def gather(values: list[Any], dtype: str) -> pa.Array:
    """Make an Arrow array from Python values; times and categories stay text until `convert`."""
    return pa.array(values, _ARROW_TYPES.get(dtype, pa.large_string()))


def convert(array: pa.Array, dtype: str) -> tuple[pa.Array, np.ndarray | None]:
    """Bring an array to a declared dtype.

    Parameters
    ----------
    array
        As `gather` made it.
    dtype
        As the schema declares it. For ``category`` an empty text counts as missing: it names no category.

    Returns
    -------
    array : pyarrow.Array
        Missing where a value is missing or cannot be read.
    bad : numpy.ndarray of bool, or None
        Where a value was there but could not be read (only times can fail); None if there is no such place.
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
    except pa.ArrowInvalid:  # the right shape, but no such day or hour: find which
        times = pa.array([_one_time(text) for text in iso.to_pylist()], _TIMESTAMP)
    bad = texts.is_valid().to_numpy(zero_copy_only=False) & ~times.is_valid().to_numpy(zero_copy_only=False)
    return times, bad if bad.any() else None


def _one_time(text: str | None) -> Any:
    try:
        return pa.scalar(text, pa.large_string()).cast(_TIMESTAMP).as_py()
    except pa.ArrowInvalid:
        return None


def to_pandas(column: pa.Array | pa.ChunkedArray, dtype: str) -> Any:
    """Show a converted Arrow column as a pandas array of the declared dtype, without a copy where there is a way."""
    if isinstance(column, pa.Array):
        column = pa.chunked_array([column])
    if dtype == "category":
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        elif any(chunk.dictionary.null_count for chunk in column.chunks):  # as Parquet may have it; not to be unified
            column = column.cast(column.type.value_type).dictionary_encode()
        encoded = column.unify_dictionaries().combine_chunks()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return pd.Categorical.from_codes(codes, pd.Index(encoded.dictionary.to_pylist(), dtype="str"))
    if dtype.startswith("datetime64"):
        return pd.DatetimeIndex(column.cast(pa.timestamp("us")).to_numpy()).tz_localize("UTC").array
    if dtype in _EXTENSION_DTYPES:
        return _EXTENSION_DTYPES[dtype].__from_arrow__(column)
    return column.to_numpy()


def frame_of(columns: Any, dtypes: dict[str, str]) -> pd.DataFrame:
    """Show Arrow columns as a pandas table with these columns and dtypes."""
    return pd.DataFrame({name: to_pandas(columns[name], dtype) for name, dtype in dtypes.items()}, copy=False)


def to_frame(table: pa.Table, name: str) -> pd.DataFrame:
    """Show an Arrow table as the pandas table that its schema declares, with the columns that it has."""
    dtypes = {info.name: info.dtype for info in schemas.columns(name) if info.name in table.column_names}
    return frame_of(table, dtypes)


def as_json(value: Any) -> str | None:
    """Write a value as JSON text; nothing for nothing."""
    return None if value is None else msgspec.json.encode(value).decode()
