import datetime as dt
from pathlib import Path

import deltalake
import duckdb
import pandas as pd
import polars as pl
import pytest

import custlens as cl
from custlens.store._lake import Lake
from custlens.tables import schemas


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
    assert "currency" in store.customers("name").columns
    with pytest.raises(cl.ArgumentError, match="no column 'salesValue'; did you mean 'sales_value'"):
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
            assert set(then["customer_id"]) == set(truth)
            known = then.dropna(subset="number_of_orders")
            assert len(known) >= len(then) - 2  # statistics that cannot be used are missing
            assert known["number_of_orders"].tolist() == [truth[i]["numberOfOrders"] for i in known["customer_id"]]
    with pytest.raises(cl.StoreError, match="knows nothing from before"):
        store.customers(as_of=states[0][0] - dt.timedelta(days=1))
    by_date = store.customers(as_of=states[1][0].date())
    pd.testing.assert_frame_equal(by_date, store.customers(as_of=states[1][0]))
    pd.testing.assert_frame_equal(by_date, store.customers(as_of=f"{states[1][0]:%Y-%m-%d}"))
    with pytest.raises(cl.ArgumentError, match="as_of needs a time zone"):
        store.customers(as_of=dt.datetime(2026, 7, 1))


def test_a_store_synced_often_keeps_few_files_and_all_that_it_saw(shop, client, store):
    states = {}
    for _ in range(12):
        shop.population.now += dt.timedelta(days=1)
        shop.population.order(shop.ids[0], 5.0)
        shop.changed()
        store.sync(client, progress=False)
        states[shop.population.now] = store.customers(["sales_value"])["sales_value"].sum(), store.rejects()
    for name in ("customers", "order_stats_history", "rejects", "syncs"):
        assert len(deltalake.DeltaTable(f"{store.path}/{name}").file_uris()) == 1
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


def test_other_engines_read_the_store_as_it_is(client, store):
    store.sync(client, progress=False)
    wanted = store.customers()["sales_value"].sum()
    table = deltalake.DeltaTable(store.path + "/customers")
    assert duckdb.from_arrow(table.to_pyarrow_dataset()).sum("sales_value").fetchall()[0][0] == pytest.approx(wanted)
    files = pl.read_parquet(list(table.file_uris()))
    assert files["sales_value"].sum() == pytest.approx(wanted)
    assert cl.orders.summary(files)["sales_value"].item() > 0


def test_a_store_belongs_to_one_shop_and_one_currency(shop, client, store):
    store.sync(client, progress=False)
    with (
        cl.demo.serve(customers=20, seed=1, store_id=22) as other,
        pytest.raises(cl.StoreError, match=r"belongs to the shop 1003, .* the shop 22: give each shop a store"),
    ):
        store.sync(other.client(), progress=False)
    with (
        cl.demo.serve("cdnow", store_id=1003) as dollars,
        pytest.raises(cl.StoreError, match="holds amounts in EUR, and the shop now counts in USD"),
    ):
        store.sync(dollars.client(), progress=False)
    assert len(store.syncs()) == 1


def test_a_currency_that_is_known_later_holds_for_all_rows_and_times(shop, client, store):
    store.sync(shop.client(shop.grant("read_customers")), progress=False)
    assert store.customers()["currency"].isna().all()
    first = shop.population.now
    shop.advance(3)
    assert store.sync(client, progress=False).unchanged > 0
    assert (store.customers()["currency"] == "EUR").all()
    assert (store.customers(as_of=first)["currency"] == "EUR").all()
    shop.advance(3)
    store.sync(shop.client(shop.grant("read_customers")), progress=False)
    assert (store.customers()["currency"] == "EUR").all()


def test_a_store_may_be_a_file_url(shop, client, tmp_path):
    store = cl.Store(f"file://{tmp_path}/bucket/shop%20one.lens")
    store.sync(client, progress=False)
    assert store.path == str(tmp_path / "bucket" / "shop one.lens")
    assert len(store.customers()) == len(cl.Store(tmp_path / "bucket" / "shop one.lens").customers())


def test_a_folder_has_one_claim_however_it_is_named(client, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    with Lake(tmp_path / "shop.lens", None).claimed():
        for name in ((tmp_path / "shop.lens").as_uri(), tmp_path / "link" / "shop.lens"):
            with pytest.raises(cl.SyncError, match="written by another sync, compact or forget"):
                cl.Store(name).sync(client, progress=False)


def test_a_store_can_be_moved(shop, client, store, tmp_path):
    store.sync(client, progress=False)
    before = store.customers()
    moved = cl.Store(Path(store.path).rename(tmp_path / "elsewhere"))
    pd.testing.assert_frame_equal(moved.customers(), before)
    shop.advance(1)
    assert moved.sync(client, progress=False).mode == "incremental"
    with pytest.raises(cl.StoreError, match="holds no customers yet"):
        store.customers()


@pytest.mark.parametrize("path", [None, "", 7, cl.Store])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(cl.ArgumentError, match="path must be a folder or a URL, not"):
        cl.Store(path)


def test_a_store_without_a_sync_says_what_to_do(store, tmp_path):
    with pytest.raises(
        cl.StoreError, match=r"holds no customers yet: run store\.sync\(client\), or custlens sync, first"
    ):
        store.customers()
    (tmp_path / "a file").write_text("x")
    for path, message in ((tmp_path / "a file", "is a file"), (tmp_path, "is not a custlens store")):
        with pytest.raises(cl.StoreError, match=message):
            cl.Store(path).customers()
