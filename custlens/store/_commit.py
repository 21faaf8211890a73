"""Writes one sync into the store: beside first, the customers last and at once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import deltalake
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from custlens.store._lake import MOST_FILES, SCHEMAS, SMALL_FILE, STATS, dtypes_of, explained, nested, plain
from custlens.tables import Built, frame_of

if TYPE_CHECKING:
    from custlens.store.store import Store

__all__ = ["Commit", "commit"]


class Commit(NamedTuple):
    """What one commit changed: numbers of customers."""

    added: int
    changed: int
    deleted: int
    unchanged: int
    stats_changed: int
    hidden: int
    """Customers whose statistics changed though `updated` did not move."""


def commit(store: Store, store_id: int, built: Built, deleted: set[int] | None, facts: dict[str, Any]) -> Commit:
    """Write what a sync found; for `custlens.store.sync`, under its claim.

    Parameters
    ----------
    store_id
        The store.
    built
        What was fetched, with fingerprints.
    deleted
        Customers known to be gone; None where what was fetched is all there is.
    facts
        mode, as_of, cursor, last_full, currency.
    """
    new = nested(store_id, built, facts["currency"])
    rejects = built.tables["rejects"]
    with explained(store.path):
        store.create()
        held, old_rejects = store.held(store_id)
        change = _compare(held, new, rejects, deleted)
        number = 1 + int((store.last_sync(store_id) or {"sync": 0})["sync"])
        customers = store.table("customers")
        row = {**facts, "store_id": store_id, "sync": number, "version": customers.version() + 1}
        keep = old_rejects.iloc[:0] if deleted is None else _untouched(old_rejects, new, rejects, deleted)
        all_rejects = pa.concat_tables([_stamp(rows, store_id, number) for rows in (rejects, keep)])
        _replace(store, "order_stats_history", store_id, number, change.history(store_id, number, facts["as_of"]))
        _replace(store, "rejects", store_id, number, all_rejects)
        _replace(store, "syncs", store_id, number, pa.Table.from_pylist([row], SCHEMAS["syncs"]))
        _write(store, customers, store_id, number, new, change)
    return change.counts


def _write(
    store: Store, table: deltalake.DeltaTable, store_id: int, number: int, new: pa.Table, change: _Change
) -> None:
    """Commit the customers: the one moment in which a sync becomes true."""
    mark = deltalake.CommitProperties(app_transactions=[deltalake.Transaction(f"custlens-{store_id}", number)])
    touched = pc.is_in(new["customer_id"], pa.array(change.touched))
    if change.is_first or not len(change.touched) + len(change.gone):
        rows = new if change.is_first else new.slice(0, 0)
        deltalake.write_deltalake(table, rows, mode="append", commit_properties=mark)
    elif len(change.touched) + len(change.gone) > max(1_000, change.size // 3):
        kept = store.dataset(table).to_table(filter=pc.field("store_id") == store_id)
        out = pa.array(np.concatenate([change.touched, change.gone]))
        kept = kept.filter(pc.invert(pc.is_in(kept["customer_id"], out))).cast(SCHEMAS["customers"])
        rows = pa.concat_tables([kept, new.filter(touched)])
        deltalake.write_deltalake(
            table, rows, mode="overwrite", predicate=f"store_id = {store_id}", commit_properties=mark
        )
    else:
        gone = pa.table({"customer_id": pa.array(change.gone, pa.int64())})
        blanks = [gone["customer_id"] if f.name == "customer_id" else pa.nulls(len(gone), f.type) for f in new.schema]
        rows = pa.concat_tables([new.filter(touched), pa.table(blanks, schema=new.schema)])
        rows = rows.append_column("_gone", pa.array([False] * len(change.touched) + [True] * len(change.gone)))
        merge = table.merge(
            rows,
            f"held.store_id = {store_id} AND held.customer_id = new.customer_id",
            source_alias="new",
            target_alias="held",
            commit_properties=mark,
        )
        merge = merge.when_matched_delete("new._gone").when_matched_update_all(except_cols=["_gone"])
        merge.when_not_matched_insert_all("NOT new._gone", except_cols=["_gone"]).execute()


def _replace(store: Store, name: str, store_id: int, number: int, rows: pa.Table) -> None:
    """Write the rows of one sync over what a killed attempt may have left of it."""
    table = store.table(name)
    if len(table.file_uris()) > MOST_FILES:
        table.optimize.compact(target_size=SMALL_FILE)
    left = store.dataset(table).count_rows(filter=(pc.field("store_id") == store_id) & (pc.field("sync") >= number))
    if left:
        table.delete(f"store_id = {store_id} AND sync >= {number}")
    if len(rows):
        deltalake.write_deltalake(table, rows, mode="append")


class _Change:
    """What differs between what is held and what was fetched."""

    def __init__(
        self, held: pa.Table, new: pa.Table, touched: np.ndarray, gone: np.ndarray, counts: Commit, moved: pd.DataFrame
    ) -> None:
        self.touched, self.gone, self.counts = touched, gone, counts
        self.is_first = not len(held)
        self.size = len(held)
        self._moved = moved

    def history(self, store_id: int, number: int, as_of: datetime) -> pa.Table:
        """Write the history rows of this sync."""
        rows = self._moved.assign(store_id=store_id, sync=number, as_of=as_of)
        return pa.Table.from_pandas(rows, SCHEMAS["order_stats_history"], preserve_index=False)


def _compare(held: pa.Table, new: pa.Table, rejects: pa.Table, deleted: set[int] | None) -> _Change:
    """Compare by fingerprint and by the five statistics."""
    dtypes = {"customer_id": "int64", "fingerprint": "int64", "updated": "datetime64[us, UTC]"}
    dtypes |= {name: dtypes_of("customers")[name] for name in STATS}
    old, now = (frame_of(table, dtypes).set_index("customer_id") for table in (held, new))
    gone = old.index.difference(now.index)
    if deleted is not None:
        rejected = rejects["customer_id"].drop_null().to_pylist()
        gone = gone.intersection(pd.Index([*deleted, *rejected], dtype="int64"))
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
    counts = Commit(
        len(added),
        len(changed),
        len(gone),
        len(old) - len(changed) - len(gone),
        int(differs.sum()),
        int((differs & still).sum()),
    )
    return _Change(held, new, added.union(changed).to_numpy("int64"), gone.to_numpy("int64"), counts, moved)


def _untouched(rejects: pd.DataFrame, new: pa.Table, now: pa.Table, deleted: set[int]) -> pd.DataFrame:
    """Keep the earlier rejects of customers that this sync has not seen."""
    seen = {*new["customer_id"].to_pylist(), *now["customer_id"].to_pylist(), *deleted}
    again = set(now["raw"].to_pylist())
    return rejects[~rejects["customer_id"].isin(seen - {None}) & ~rejects["raw"].isin(again)]


def _stamp(rejects: pa.Table | pd.DataFrame, store_id: int, number: int) -> pa.Table:
    """Put store and sync before the columns of the rejects."""
    if isinstance(rejects, pd.DataFrame):
        rejects = pa.Table.from_pandas(rejects, preserve_index=False)
    stamps = {"store_id": pa.array(np.full(len(rejects), store_id)), "sync": pa.array(np.full(len(rejects), number))}
    columns = {**stamps, **{name: rejects[name] for name in rejects.column_names}}
    schema = SCHEMAS["rejects"]
    return pa.table([plain(columns[field.name], field.type) for field in schema], schema=schema)
