"""The tables of a store and their columns.

``customers`` holds one row per customer, with addresses and contacts nested, so that one commit is one consistent
state. Beside it are ``syncs`` (one row per sync), ``rejects``, ``order_stats_history`` and ``forgotten`` (salted hashes
of the IDs that syncs are to leave out, until when, since whoever registered later under such an ID is somebody else, and
whether the shop has such a customer, as far as is known).
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from custlens.tables import schemas

__all__ = ["BESIDE", "NESTED", "SCHEMAS", "STAMPED", "STATS", "dtypes_of"]

STATS = schemas.STATS
STAMPED = ("store_id", "currency", "as_of")
"""Columns of the customers that `syncs` keeps once; they are added when the customers are read."""
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


def _fields(table: str, without: Iterable[str] = ()) -> list[pa.Field]:
    return [pa.field(info.name, ARROW[info.dtype]) for info in schemas.columns(table) if info.name not in without]


NESTED = {part: pa.list_(pa.struct(_fields(part, ["customer_id"]))) for part in ("addresses", "contacts")}
SCHEMAS = {
    "syncs": pa.schema(
        [
            *(("sync", pa.int64()), ("version", pa.int64()), ("mode", pa.string()), ("as_of", UTC), ("cursor", UTC)),
            *(("last_full", UTC), ("store_id", pa.int64()), ("currency", pa.string())),
        ]
    ),
    "rejects": pa.schema(_fields("rejects")),
    "order_stats_history": pa.schema(
        [
            *(("sync", pa.int64()), ("as_of", UTC), ("customer_id", pa.int64()), ("event", pa.string())),
            *(field for field in _fields("customers") if field.name in STATS),
        ]
    ),
    "forgotten": pa.schema([("salt", pa.string()), ("digest", pa.string()), ("until", UTC), ("in_shop", pa.bool_())]),
    "customers": pa.schema(
        [
            *_fields("customers", STAMPED),
            *(pa.field(part, kind) for part, kind in NESTED.items()),
            ("fingerprint", pa.int64()),
        ]
    ),
}
"""The customers come last: with them a store begins to exist."""
BESIDE = tuple(name for name in SCHEMAS if name != "customers")


def dtypes_of(table: str) -> dict[str, str]:
    """Return the pandas dtypes of a table, by column."""
    return {info.name: info.dtype for info in schemas.columns(table)}
