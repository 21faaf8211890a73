import contextlib
import datetime as dt
import shutil
import subprocess

import deltalake
import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import custlens as cl
from custlens.store import _commit as commit
from custlens.tables import schemas

pytestmark = pytest.mark.filterwarnings("ignore:the API sent fields")


@pytest.fixture
def store(tmp_path):
    return cl.Store(tmp_path / "shop.lens")


def test_a_store_gives_the_tables_that_a_fetch_gives(shop, client, store):
    store.sync(client, progress=False)
    fetched = cl.fetch(client, progress=False)
    for name in ("customers", "addresses", "contacts", "rejects"):
        stored, wanted = getattr(store, name)(), getattr(fetched, name)
        assert {c: str(t) for c, t in stored.dtypes.items()} == {c: str(t) for c, t in wanted.dtypes.items()}
        text = {column: "str" for column, dtype in wanted.dtypes.items() if dtype == "category"}
        key = [wanted.columns[1] if name == "customers" else wanted.columns[0], *wanted.columns[1:3]]
        stored, wanted = (t.astype(text).sort_values(key, ignore_index=True) for t in (stored, wanted))
        pd.testing.assert_frame_equal(stored, wanted)
        schemas.TABLES[name].validate(getattr(store, name)())


def test_columns_are_pruned(client, store):
    store.sync(client, progress=False)
    assert list(store.customers(columns=["sales_value"]).columns) == [
        "store_id", "customer_id", "sales_value", "currency", "as_of",
    ]  # fmt: skip
    with pytest.raises(cl.ArgumentError, match="no column 'salesValue'"):
        store.customers(columns=["salesValue"])


def test_every_earlier_sync_can_be_gone_back_to(shop, client, store):
    states = []
    for _ in range(4):
        store.sync(client, progress=False)
        states.append((shop.population.now, {i: shop.document(i)["stats"] for i in shop.ids}))
        shop.advance(30)
    for now, truth in states:
        for moment in (now, now + dt.timedelta(days=29)):
            then = store.customers(as_of=moment)
            assert (then["as_of"] == pd.Timestamp(now)).all()
            assert set(then["customer_id"]) <= set(truth)
            assert then["number_of_orders"].tolist() == [truth[i]["numberOfOrders"] for i in then["customer_id"]]
    with pytest.raises(cl.StoreError, match="knows nothing from before"):
        store.customers(as_of=states[0][0] - dt.timedelta(days=1))
    with pytest.raises(cl.ArgumentError, match="as_of must have a time zone"):
        store.customers(as_of=dt.datetime(2026, 7, 1))


def test_a_store_synced_often_keeps_few_files_and_all_that_it_saw(shop, client, store, monkeypatch):
    monkeypatch.setattr(commit, "MOST_FILES", 4)
    states = {}
    for _ in range(12):
        shop.population.now += dt.timedelta(days=1)
        shop.population.order(shop.ids[0], 5.0)
        shop.changed()
        store.sync(client, progress=False)
        states[shop.population.now] = store.customers(["sales_value"])["sales_value"].sum(), store.rejects()
    for name in ("order_stats_history", "rejects", "syncs"):
        assert len(store.table(name).file_uris()) <= 5
    assert store.syncs()["sync"].tolist() == [*range(1, 13)]
    assert store.history()["sync"].nunique() == 12
    for now, (sales, rejects) in states.items():
        assert store.customers(["sales_value"], as_of=now)["sales_value"].sum() == pytest.approx(sales)
        pd.testing.assert_frame_equal(store.rejects(as_of=now), rejects)


def test_the_history_holds_each_change_of_the_statistics(shop, client, store):
    shop.population.patches.clear()
    shop.population.traits.clear()
    store.sync(client, progress=False)
    one, two, gone = shop.ids[:3]
    shop.population.order(one, 10.0)
    shop.population.delete(gone)
    shop.changed()
    store.sync(client, progress=False)
    shop.population.order(one, 5.5)
    shop.population.order(two, 7.0)
    shop.changed()
    store.sync(client, progress=False)
    history = store.history()
    assert (history["sync"] == 1).sum() == 120
    later = history[history["sync"] > 1]
    assert later[["sync", "customer_id", "event"]].values.tolist() == [
        [2, one, "changed"], [2, gone, "deleted"], [3, one, "changed"], [3, two, "changed"],
    ]  # fmt: skip
    assert later["sales_value"].tolist()[2] == shop.document(one)["stats"]["salesValue"]
    revenue = cl.orders.observed_revenue(history, freq="W")
    assert revenue[["store_id", "revenue", "orders", "customers"]].values.tolist() == [[1003, 22.5, 3, 2]]
    assert revenue["period"].tolist() == [pd.Timestamp("2026-06-29")]


def test_observed_revenue_is_what_the_shop_sold_between_syncs(shop, client, store):
    shop.population.patches.clear()
    shop.changed()
    store.sync(client, progress=False)
    start = sum(shop.document(i)["stats"]["salesValue"] for i in shop.ids)
    for _ in range(3):
        shop.advance(20)
        store.sync(client, progress=False)
    history = store.history()
    gone = history[history["event"] == "deleted"]["sales_value"].sum()
    revenue = cl.orders.observed_revenue(history, freq="M")
    end = sum(shop.document(i)["stats"]["salesValue"] for i in shop.ids)
    assert revenue["revenue"].sum() == pytest.approx(end + gone - start)
    plain = pl.from_pandas(history.assign(event=history["event"].astype("str")))
    assert cl.orders.observed_revenue(plain, freq="M")["revenue"].to_list() == pytest.approx(
        revenue["revenue"].tolist()
    )
    with pytest.raises(cl.ArgumentError, match="freq must be one of D, W, M, Q, Y"):
        cl.orders.observed_revenue(history, freq="fortnight")


def test_other_engines_read_the_store_as_it_is(client, store):
    store.sync(client, progress=False)
    wanted = store.customers()["sales_value"].sum()
    table = deltalake.DeltaTable(store.path + "/customers")
    assert duckdb.from_arrow(table.to_pyarrow_dataset()).sum("sales_value").fetchall()[0][0] == pytest.approx(wanted)
    files = pl.read_parquet(list(table.file_uris()))
    assert files["sales_value"].sum() == pytest.approx(wanted)
    assert cl.orders.summary(files)["sales_value"].item() > 0


def test_a_store_may_hold_several_shops(tmp_path):
    store = cl.Store(tmp_path / "both.lens")
    with cl.demo.serve(customers=80, seed=1, store_id=11) as one, cl.demo.serve("cdnow", store_id=22) as two:
        reports = store.sync([one.client(), two.client()], progress=False)
        assert [(report.store_id, report.mode) for report in reports] == [(11, "full"), (22, "full")]
        both = store.customers()
        assert (
            both.groupby("store_id")["customer_id"].nunique().to_dict() == {11: len(one.ids), 22: 2357}
            or len(both) > 2400
        )
        assert both.groupby("store_id", observed=True)["currency"].unique().map(list).to_dict() == {
            11: ["EUR"],
            22: ["USD"],
        }
        assert both.groupby("store_id")["as_of"].max().dt.year.to_dict() == {11: 2026, 22: 1998}
        assert set(store.customers(store_id=11)["customer_id"]) <= set(one.ids)
        with pytest.raises(cl.DataError, match="amounts in EUR, USD are never added up"):
            cl.orders.summary(both)
        assert cl.orders.summary(store.customers(store_id=22))["orders"].item() == 6919
        one.advance(3)
        store.sync([one.client(), two.client()], progress=False)
        assert set(store.customers(store_id=11)["customer_id"]) | set(
            store.rejects(store_id=11)["customer_id"].dropna()
        ) == set(one.ids)
        with pytest.raises(cl.ArgumentError, match="one client a store"):
            store.sync([one.client(), one.client()], progress=False)


def test_a_store_may_be_a_url(shop, client, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store = cl.Store(f"file://{tmp_path}/bucket/shop.lens")
    store.sync(client, progress=False)
    shop.advance(3)
    store.sync(client, progress=False)
    rejected = set(store.rejects()["customer_id"].dropna())
    assert set(store.customers()["customer_id"]) | rejected == set(shop.ids)
    assert not (
        tmp_path / "bucket" / "shop.lens" / "_journal"
    ).exists()  # pages wait on this machine, not in the bucket


def test_a_store_without_a_sync_says_what_to_do(store, tmp_path):
    with pytest.raises(cl.StoreError, match=r"holds no customers yet: run store\.sync\(client\) first"):
        store.customers()
    (tmp_path / "a file").write_text("x")
    for path, message in ((tmp_path / "a file", "is a file"), (tmp_path, "is not a custlens store")):
        with pytest.raises(cl.StoreError, match=message):
            cl.Store(path).customers()


def test_nothing_is_put_into_a_foreign_folder(client, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mother.txt").write_text("dear")
    with pytest.raises(cl.StoreError, match=r"it holds mother\.txt"):
        cl.Store(tmp_path / "letters").sync(client, progress=False)
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["mother.txt"]
    deltalake.write_deltalake(tmp_path / "delta" / "customers", pd.DataFrame({"a": [1]}))
    with pytest.raises(cl.StoreError, match="Delta tables that custlens has not written"):
        cl.Store(tmp_path / "delta").sync(client, progress=False)


def test_a_store_of_a_newer_custlens_is_refused(client, store, monkeypatch):
    from custlens.store import store as module

    with monkeypatch.context() as newer:
        newer.setattr(module, "FORMAT", 2)
        store.sync(client, progress=False)
        store.customers()
    with pytest.raises(cl.StoreError, match=r"written by a newer custlens \(format 2\): update custlens"):
        store.customers()


def test_a_damaged_store_is_named_and_not_read(client, store, tmp_path):
    store.sync(client, progress=False)
    log = tmp_path / "shop.lens" / "customers" / "_delta_log"
    last = sorted(log.glob("*.json"))[-1]
    whole = last.read_text()
    last.write_text(whole[: len(whole) // 2])
    with pytest.raises(cl.StoreError, match=r"shop\.lens"):
        store.customers()
    last.write_text(whole)
    data = next((tmp_path / "shop.lens" / "customers").glob("store_id=*/*.parquet"))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(cl.StoreError, match=r"shop\.lens"):
        store.customers()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True)
    if not done or done.returncode:
        pytest.skip("a disk of a given size needs the right to mount one")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_said_and_the_last_good_state_still_opens(client, shop, small_disk):
    store = cl.Store(small_disk / "shop.lens")
    store.sync(client, progress=False)
    before = store.customers()
    filler = small_disk / "filler"
    for size in (65_536, 512, 1):  # until not a byte is free
        with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
            while file.write(b"x" * size):
                pass
    shop.advance(3)
    with pytest.raises(cl.StoreError, match="the disk is full; the last good state is untouched"):
        store.sync(client, progress=False)
    pd.testing.assert_frame_equal(store.customers(), before)
    filler.unlink()
    store.sync(client, progress=False)
    assert len(store.syncs()) == 2


def test_a_read_only_disk_is_said_and_can_be_read(client, small_disk):
    store = cl.Store(small_disk / "shop.lens")
    store.sync(client, progress=False)
    before = store.customers()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        with pytest.raises(cl.StoreError, match="Read-only file system"):
            store.sync(client, progress=False)
        pd.testing.assert_frame_equal(store.customers(), before)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


def test_amounts_have_one_column_whatever_the_pages_hold(client, store, tmp_path):
    store.sync(client, progress=False)
    data = next((tmp_path / "shop.lens" / "customers").glob("store_id=*/*.parquet"))
    schema = pq.read_schema(data)
    assert str(schema.field("sales_value").type) == "double"
    assert [name for name in schema.names if name.startswith("sales_value")] == ["sales_value"]
