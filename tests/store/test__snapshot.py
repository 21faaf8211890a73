"""The state of a store after a sync: what a commit writes and what it leaves."""

import random
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import custlens as cl
from custlens.store import _snapshot
from custlens.store._lake import Lake
from custlens.store._layout import SCHEMAS
from custlens.store._snapshot import Snapshot


def _empty(folder):
    lake = Lake(folder, None)
    return Snapshot(lake, lake.create())


def test_a_few_changes_write_little(shop, client, store, folder, monkeypatch):
    monkeypatch.setitem(_snapshot.FILE_ROWS, "customers", 10)
    store.sync(client, progress=False)
    before = set((folder / "customers").glob("*.parquet"))
    assert len(before) == 12
    shop.population.order(shop.ids[40], 5.0)
    shop.changed()
    store.sync(client, progress=False)
    [written] = set((folder / "customers").glob("*.parquet")) - before
    assert pq.read_metadata(written).num_rows == 10


def test_each_row_is_kept_whichever_files_are_written_again(tmp_path, monkeypatch):
    monkeypatch.setitem(_snapshot.FILE_ROWS, "forgotten", 10)
    state, rng, truth = _empty(tmp_path / "x"), random.Random(1), {}
    for step in range(60):
        rows = state.rows("forgotten").to_pylist()
        assert {row["digest"]: row["salt"] for row in rows} == truth
        assert len(rows) == len(truth)
        out = np.array([rng.random() < rng.choice((0, 0.02, 0.5)) for _ in rows], bool)
        new = {f"{step}-{number}": str(rng.random()) for number in range(rng.choice((0, 1, 7, 10, 35)))}
        truth = {row["digest"]: row["salt"] for row, gone in zip(rows, out, strict=True) if not gone} | new
        columns = {
            "salt": list(new.values()),
            "digest": list(new),
            "until": [None] * len(new),
            "in_shop": [True] * len(new),
        }
        table = pa.table(columns, schema=SCHEMAS["forgotten"])
        state.replace("forgotten", table, out)
        if new:
            assert sum(rows < 5 for rows in state.files("forgotten").values()) <= 1


def test_what_a_killed_sync_left_is_not_seen_and_is_undone(shop, client, synced, folder):
    before = synced.customers(), synced.rejects(), synced.history(), synced.syncs()
    state = Snapshot.latest(Lake(folder, None))
    state.undo_unfinished()
    for name in ("rejects", "order_stats_history", "syncs"):  # all that comes before the one moment
        state.replace(name, state.rows(name))
    orphan = folder / "customers" / f"{2:08}-{uuid.uuid4().hex}.parquet"
    orphan.write_bytes(b"half a file")
    for frame, read in zip(before, (synced.customers, synced.rejects, synced.history, synced.syncs), strict=True):
        pd.testing.assert_frame_equal(read(), frame)
    shop.advance(3)
    synced.sync(client, progress=False)
    assert synced.syncs()["sync"].tolist() == [1, 2]
    assert not synced.history()[["sync", "customer_id"]].duplicated().any()
    assert not orphan.exists()


def test_a_store_whose_first_commit_was_killed_is_empty(client, store, folder):
    state = _empty(folder)
    state.replace("syncs", pa.Table.from_pylist([{"sync": 1, "version": 1}], SCHEMAS["syncs"]))
    with pytest.raises(
        cl.StoreError, match=r"holds no customers yet: run store\.sync\(client\), or custlens sync, first"
    ):
        store.customers()
    store.sync(client, progress=False)
    assert store.syncs()["mode"].tolist() == ["full"]


def test_a_commit_against_a_newer_version_is_refused_and_leaves_nothing(synced, folder):
    one, two = Snapshot.latest(Lake(folder, None)), Snapshot.latest(Lake(folder, None))
    one.replace("customers", SCHEMAS["customers"].empty_table())
    files = sorted((folder / "customers").glob("*.parquet"))
    with pytest.raises(cl.StoreError, match="another sync finished meanwhile, and nothing was written"):
        two.replace("customers", two.rows("customers"))
    assert sorted((folder / "customers").glob("*.parquet")) == files
