"""Writes one sync into the store: the tables beside the customers first, the customers last and at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from custlens.store._layout import NESTED, SCHEMAS, STATS, dtypes_of
from custlens.store._snapshot import Snapshot
from custlens.store._upkeep import left_out, newcomers, note_left_out, readmit
from custlens.tables import Built, frame_of, schemas

__all__ = ["Commit", "commit"]

COMPARED = ("customer_id", "fingerprint", "updated", *STATS)


class Commit(NamedTuple):
    """What one commit changed, in customers, and how many rows `rejects` holds after it."""

    added: int
    changed: int
    deleted: int
    unchanged: int
    stats_changed: int
    changed_without_update: int
    """Customers whose statistics changed though `updated` did not move."""
    rejects: int


def commit(state: Snapshot, built: Built, deleted: set[int], facts: dict[str, Any], *, everyone: bool) -> Commit:
    """Write what a sync found, under its claim.

    Parameters
    ----------
    state
        The store as the last sync left it.
    built
        What was fetched, with fingerprints.
    deleted
        Customers known to be gone.
    facts
        mode, as_of, cursor, last_full, store_id and currency of this sync.
    everyone
        Whether whoever was not fetched is gone too.
    """
    state.undo_unfinished()
    found_rejects = built.tables["rejects"].cast(SCHEMAS["rejects"])
    new = _nested(built)
    # After somebody was deleted in the shop, whoever has that ID is somebody else.
    versions = readmit(state, [*deleted, *newcomers(state, new)])
    hidden = left_out(state, new["customer_id"])
    versions |= note_left_out(state, new["customer_id"].filter(pa.array(hidden)).to_pylist(), everyone)
    new = _only(new, ~hidden)
    found_rejects = _only(found_rejects, ~left_out(state, found_rejects["customer_id"]))
    held = state.rows("customers", COMPARED)
    changes = _compare(held, new, None if everyone else deleted)
    number = 1 + int(state.last["sync"]) if state.last else 1

    old_rejects = state.rows("rejects")
    kept = np.zeros(len(old_rejects), bool) if everyone else _unseen(old_rejects, new, found_rejects, deleted)
    replaced = old_rejects.filter(pa.array(~kept))
    if _sorted(replaced) != _sorted(found_rejects):
        versions["rejects"] = state.replace("rejects", found_rejects, ~kept)
    if len(changes.moved):
        moved = changes.moved.assign(sync=number, as_of=facts["as_of"])
        history = pa.Table.from_pandas(moved, SCHEMAS["order_stats_history"], preserve_index=False)
        versions["order_stats_history"] = state.replace("order_stats_history", history)
    row = {**facts, "sync": number, "version": state.version + 1}
    versions["syncs"] = state.replace("syncs", pa.Table.from_pylist([row], SCHEMAS["syncs"]))

    out = np.isin(held["customer_id"].to_numpy(), np.concatenate([changes.touched, changes.gone]))
    rows = _only(new, np.isin(new["customer_id"].to_numpy(), changes.touched))
    state.replace("customers", rows, out, versions)  # the one moment in which the sync becomes true
    return Commit(*changes.counts, rejects=int(kept.sum()) + len(found_rejects))


class _Changes(NamedTuple):
    """What differs between what is held and what was fetched."""

    touched: np.ndarray
    """IDs of the customers that were added or changed."""
    gone: np.ndarray
    moved: pd.DataFrame
    """One row per customer whose statistics changed: customer_id, the statistics, event."""
    counts: tuple[int, int, int, int, int, int]


def _compare(held: pa.Table, new: pa.Table, deleted: set[int] | None) -> _Changes:
    """Compare by fingerprint and by the five statistics."""
    dtypes = {"customer_id": "int64", "fingerprint": "int64", "updated": "datetime64[us, UTC]"}
    dtypes |= {name: dtypes_of("customers")[name] for name in STATS}
    old, now = (frame_of(table, dtypes).set_index("customer_id") for table in (held, new))
    gone = old.index.difference(now.index)
    if deleted is not None:
        gone = gone.intersection(pd.Index([*deleted], dtype="int64"))
    added = now.index.difference(old.index)
    both = now.index.intersection(old.index)
    before, after = old.loc[both], now.loc[both]
    changed = both[(before["fingerprint"] != after["fingerprint"]).to_numpy()]
    differs = np.zeros(len(both), bool)
    for name in STATS:
        x, y = before[name], after[name]
        differs |= ~((x == y).fillna(False).to_numpy(bool) | (x.isna() & y.isna()).to_numpy(bool))
    still = (before["updated"] == after["updated"]).fillna(False).to_numpy(bool)
    moved = pd.concat(
        [
            now.loc[added, list(STATS)].assign(event="added"),
            after.loc[differs, list(STATS)].assign(event="changed"),
            old.loc[gone, list(STATS)].assign(event="deleted"),
        ]
    ).reset_index()
    unchanged = len(old) - len(changed) - len(gone)
    counts = (len(added), len(changed), len(gone), unchanged, int(differs.sum()), int((differs & still).sum()))
    return _Changes(added.union(changed).to_numpy("int64"), gone.to_numpy("int64"), moved, counts)


def _unseen(old: pa.Table, new: pa.Table, found: pa.Table, deleted: set[int]) -> np.ndarray:
    """Return which of the earlier rejects are of customers that this sync has not seen."""
    seen = pa.array({*new["customer_id"].to_pylist(), *found["customer_id"].drop_null().to_pylist(), *deleted})
    again = pc.or_(
        pc.is_in(old["customer_id"], seen.cast(pa.int64())), pc.is_in(old["raw"], found["raw"].drop_null().unique())
    )
    unseen: np.ndarray = ~again.to_numpy()
    return unseen


def _sorted(rejects: pa.Table) -> pa.Table:
    return rejects.sort_by([(name, "ascending") for name in ("customer_id", "api_path", "raw")]).combine_chunks()


def _only(table: pa.Table, wanted: np.ndarray) -> pa.Table:
    """Return some rows of a table, without a copy of it if they are all of them."""
    return table if wanted.all() else table.filter(pa.array(wanted))


def _nested(built: Built) -> pa.Table:
    """Put the addresses and contacts of each customer into its row; this empties `built`."""
    customers, parts = built.tables.pop("customers"), {part: built.tables.pop(part) for part in NESTED}
    derived_from = ("number_of_orders", "sales_value", "average_order_value")
    frame = frame_of(customers, {name: dtypes_of("customers")[name] for name in derived_from})
    consistent = pa.array(schemas.stats_consistent(frame), pa.bool_())
    customers = customers.append_column("stats_consistent", consistent)
    schema, batches, start = SCHEMAS["customers"], [], 0
    for batch in customers.to_batches():  # piece by piece, since whole columns would be further copies
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        for part, kind in NESTED.items():
            owners = built.owners[part]
            first, end = np.searchsorted(owners, [start, start + len(batch)])
            counts = np.bincount(owners[first:end] - start, minlength=len(batch))
            offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype("int32"))
            rows = parts[part].slice(first, end - first)
            flat = [_plain(rows[field.name], field.type) for field in kind.value_type]
            items = pa.StructArray.from_arrays(flat, fields=list(kind.value_type))
            columns[part] = pa.ListArray.from_arrays(offsets, items)
        batches.append(pa.record_batch([_plain(columns[field.name], field.type) for field in schema], schema))
        start += len(batch)
    return pa.Table.from_batches(batches, schema)


def _plain(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """Bring a column to the type that the store keeps, in one piece."""
    plain = column.cast(kind)
    return plain.combine_chunks() if isinstance(plain, pa.ChunkedArray) else plain
