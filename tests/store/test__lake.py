"""The folder itself: what it holds, who may read it, what is refused, and what is said when the disk does not play along."""

import contextlib
import json
import random
import shutil
import subprocess

import deltalake
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import custlens as cl
from custlens.store import _lake

TABLES = ("customers", "order_stats_history", "rejects", "syncs", "forgotten")


def data_file(folder, table="customers"):
    [file] = (folder / table).glob("*.parquet")
    return file


def log_of(folder, table="customers"):
    return sorted((folder / table / "_delta_log").glob("*.json"))


def test_only_the_owner_can_read_anything(shop, client, synced, folder):
    for _ in range(17):  # a checkpoint is written on the way
        shop.advance(1)
        synced.sync(client, progress=False)
    synced.compact("5D")
    synced.forget(shop.ids[0])
    modes = {path: path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert any("checkpoint" in path.name for path in modes)


def test_no_value_of_a_column_is_in_the_log(synced, folder):
    for table in TABLES:
        for entry in log_of(folder, table):
            added = [json.loads(line)["add"] for line in entry.read_text().splitlines() if '"add"' in line]
            assert all(json.loads(add["stats"]).keys() == {"numRecords"} for add in added)
    log = b"".join(path.read_bytes() for path in folder.glob("*/_delta_log/*"))
    customers = synced.customers()
    for column in ("email", "billing_phone", "billing_street", "tax_id"):
        assert not [value for value in customers[column].dropna() if len(value) > 5 and value.encode() in log]


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
    with monkeypatch.context() as newer:
        newer.setattr(_lake, "FORMAT", 2)
        store.sync(client, progress=False)
        store.customers()
    with pytest.raises(cl.StoreError, match=r"written by a newer custlens \(format 2\): update custlens"):
        store.customers()


@pytest.mark.parametrize("description", ["", "format x", "format -1"])
def test_a_format_that_is_not_a_number_is_refused(synced, folder, description):
    first = log_of(folder)[0]
    first.write_text(first.read_text().replace("format 1", description))
    with pytest.raises(cl.StoreError, match="Delta tables that custlens has not written"):
        synced.customers()


@pytest.mark.parametrize(
    "place", ["customers", "customers/_delta_log/00000000000000000009.json", "customers/x.parquet"]
)
def test_a_link_in_a_store_is_refused(synced, folder, tmp_path, place):
    target = tmp_path / "elsewhere"
    if place == "customers":
        (folder / place).rename(target)
    else:
        target.write_text("secret")
    (folder / place).symlink_to(target)
    with pytest.raises(cl.StoreError, match="in it is a link"):
        synced.customers()


@pytest.mark.parametrize("file", ["../../secret.parquet", "/etc/passwd", "file:///etc/passwd", "x%2F..%2Fy.parquet"])
def test_a_log_that_names_a_file_elsewhere_is_refused(synced, folder, file):
    add = {"path": file, "size": 9, "partitionValues": {}, "modificationTime": 1, "dataChange": True, "stats": None}
    entry = folder / "customers" / "_delta_log" / f"{len(log_of(folder)):020}.json"
    entry.write_text(json.dumps({"add": add}))
    with pytest.raises(cl.StoreError, match="is not a file of the store"):
        synced.customers()


def test_a_table_with_another_schema_is_refused(synced, folder):
    first = log_of(folder)[0]
    first.write_text(first.read_text().replace("sales_value", "sale_values"))
    with pytest.raises(cl.StoreError, match=r"the customers table of .* has another schema"):
        synced.customers()


def test_a_data_file_with_other_types_is_refused(synced, folder):
    file = data_file(folder)
    rows = pq.read_table(file)
    place = rows.schema.get_field_index("sales_value")
    pq.write_table(rows.set_column(place, "sales_value", rows["sales_value"].cast(pa.string())), file)
    with pytest.raises(cl.StoreError, match="has other columns than custlens writes"):
        synced.customers(["customer_id"])


def test_a_flipped_bit_is_noticed_or_harmless(synced, folder):
    whole, truth, rng, noticed = data_file(folder).read_bytes(), synced.customers(), random.Random(1), 0
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        data_file(folder).write_bytes(damaged)
        try:
            pd.testing.assert_frame_equal(synced.customers(), truth)
        except cl.StoreError:
            noticed += 1
    assert noticed > 30


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: data_file(folder).unlink(), "a file of the store is missing; restore"),
        (lambda folder: data_file(folder).write_bytes(data_file(folder).read_bytes()[:100]), "the store is damaged"),
        (lambda folder: log_of(folder)[-1].write_text(log_of(folder)[-1].read_text()[:300]), "the store is damaged"),
        (lambda folder: shutil.rmtree(folder / "syncs"), "a file of the store is missing|the store is damaged"),
        (lambda folder: folder.rename(folder.with_name("moved")), "holds no customers yet"),
    ],
    ids=["lost file", "cut file", "torn log", "lost table", "moved"],
)
def test_damage_is_named(synced, folder, harm, message):
    harm(folder)
    with pytest.raises(cl.StoreError, match=rf"shop\.lens.*({message})"):
        synced.customers()


def test_an_earlier_state_opens_though_a_file_of_the_last_is_lost(shop, client, synced, folder):
    first = synced.customers()
    shop.advance(5)
    synced.sync(client, progress=False)
    max((folder / "customers").glob("*.parquet")).unlink()
    with pytest.raises(cl.StoreError, match="a file of the store is missing"):
        synced.customers()
    pd.testing.assert_frame_equal(synced.customers(as_of=synced.syncs()["as_of"][0]), first)


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


def test_a_place_where_no_folder_can_be_made_is_named_as_such(client):
    with pytest.raises(cl.StoreError, match=r"/proc/shop\.lens: the folder cannot be written there"):
        cl.Store("/proc/shop.lens").sync(client, progress=False)


def test_a_path_under_the_home_folder_is_found_there(client, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    cl.Store("~/shop.lens").sync(client, progress=False)
    assert len(cl.Store(tmp_path / "shop.lens").customers()) == 120


@pytest.mark.parametrize("path", ["shop\0.lens", "~nobody-of-that-name/shop.lens"])
def test_a_path_that_cannot_be_one_is_refused(path):
    with pytest.raises(cl.ArgumentError, match="path must be a folder or a URL, not "):
        cl.Store(path)


def test_a_name_that_is_too_long_is_not_said_to_be_a_damaged_store(tmp_path):
    with pytest.raises(cl.StoreError, match="the folder cannot be used there; choose another place"):
        cl.Store(tmp_path / ("x" * 300)).customers()


def test_a_url_that_delta_lake_does_not_know_is_refused_before_the_shop_is_asked(shop, client):
    for act in (lambda store: store.sync(client, progress=False), lambda store: store.customers()):
        with pytest.raises(cl.StoreError, match="nosuch://shop: this kind of URL is not known"):
            act(cl.Store("nosuch://shop"))
    assert not shop.requests


def test_an_object_store_that_cannot_be_reached_is_not_said_to_be_damaged():
    options = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ALLOW_HTTP": "true", "AWS_REGION": "x"}
    options |= {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    with pytest.raises(cl.StoreError, match="check the URL and storage_options"):
        cl.Store("s3://shops/one.lens", storage_options=options).customers()
