"""How the store keeps its tables: Arrow schemas, nested rows, and what is said when the disk does not play along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import deltalake.exceptions
import numpy as np
import pyarrow as pa

from custlens.errors import StoreError
from custlens.tables import Built, frame_of, schemas

__all__ = [
    "FORMAT",
    "MARK",
    "NESTED",
    "SCHEMAS",
    "SETTINGS",
    "STATS",
    "dtypes_of",
    "explained",
    "nested",
    "plain",
]

FORMAT = 1
MARK = "custlens customers"
STATS = ("number_of_orders", "sales_value", "average_order_value", "first_order_date", "last_order_date")
PARTS = ("addresses", "contacts")
SETTINGS = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.checkpointInterval": "16",
}
"""Every earlier sync can be gone back to: nothing is ever cleaned away by itself. Checkpoints keep opening quick."""
MOST_FILES = 32
"""Of a table that each sync adds a small file to; when there are more, the small ones are put together."""
SMALL_FILE = 4_000_000
ARROW = {
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "str": pa.string(),
    "category": pa.string(),
    "datetime64[us, UTC]": pa.timestamp("us", "UTC"),
}
UTC = ARROW["datetime64[us, UTC]"]


def fields(table: str, without: Iterable[str] = ()) -> list[pa.Field]:
    return [pa.field(info.name, ARROW[info.dtype]) for info in schemas.columns(table) if info.name not in without]


NESTED = {part: pa.list_(pa.struct(fields(part, ["customer_id"]))) for part in PARTS}
SCHEMAS = {
    "customers": pa.schema(
        [
            *fields("customers", ["as_of"]),
            *(pa.field(part, kind) for part, kind in NESTED.items()),
            ("fingerprint", pa.int64()),
        ]
    ),
    "rejects": pa.schema([("store_id", pa.int64()), ("sync", pa.int64()), *fields("rejects")]),
    "order_stats_history": pa.schema(
        [
            *(("store_id", pa.int64()), ("sync", pa.int64()), ("as_of", UTC), ("customer_id", pa.int64())),
            *(("event", pa.string()), *(field for field in fields("customers") if field.name in STATS)),
        ]
    ),
    "syncs": pa.schema(
        [
            *(("store_id", pa.int64()), ("sync", pa.int64()), ("version", pa.int64()), ("mode", pa.string())),
            *(("as_of", UTC), ("cursor", UTC), ("last_full", UTC), ("currency", pa.string())),
        ]
    ),
}


def nested(store_id: int, built: Built, currency: str | None) -> pa.Table:
    """Put the addresses and contacts of each customer into its row; takes them out of what was built."""
    customers = built.tables.pop("customers")
    rows = len(customers)
    columns: dict[str, Any] = {name: customers[name] for name in customers.column_names}
    frame = frame_of(
        customers,
        {name: dtypes_of("customers")[name] for name in ("number_of_orders", "sales_value", "average_order_value")},
    )
    columns["stats_consistent"] = pa.array(schemas.stats_consistent(frame), pa.bool_())
    columns["store_id"] = pa.array(np.full(rows, store_id))
    columns["currency"] = pa.array([currency] * rows, pa.string())
    for part, kind in NESTED.items():
        counts = np.bincount(built.owners[part], minlength=rows)
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype("int32"))
        table = built.tables.pop(part).drop_columns("customer_id")
        flat = [plain(table[field.name], field.type) for field in kind.value_type]
        columns[part] = pa.ListArray.from_arrays(
            offsets, pa.StructArray.from_arrays(flat, fields=list(kind.value_type))
        )
    schema = SCHEMAS["customers"]
    del customers
    return pa.table([plain(columns.pop(field.name), field.type) for field in schema], schema=schema)


def plain(column: Any, kind: pa.DataType) -> pa.Array:
    """Bring a column to the type that the store keeps."""
    if isinstance(column, pa.ChunkedArray):
        column = (
            column.unify_dictionaries().combine_chunks()
            if pa.types.is_dictionary(column.type)
            else column.combine_chunks()
        )
    return column if column.type == kind else column.cast(kind)


def dtypes_of(table: str) -> dict[str, str]:
    """Give the pandas dtypes of a table, by column."""
    return {info.name: info.dtype for info in schemas.columns(table)}


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Say in a `StoreError` what keeps a store from being read or written."""
    try:
        yield
    except (deltalake.exceptions.DeltaError, OSError, pa.ArrowException) as error:
        text = str(error)
        problem = next((words for mark, words in _PROBLEMS.items() if mark in text), None)
        detail = " ".join(text.split())[:200]
    else:
        return
    raise StoreError(f"{path}: {problem or 'the store cannot be read or written'} ({detail})")


_PROBLEMS = {
    "No space left": "the disk is full; the last good state is untouched",
    "Read-only file system": "the folder is read-only",
    "Permission denied": "the folder may not be written or read",
    "StorageFull": "the disk is full; the last good state is untouched",
}
