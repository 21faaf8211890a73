"""A store in an object store: an S3-compatible server on loopback."""

import re
import subprocess
import sys
import threading
from urllib.request import Request, urlopen

import pandas as pd
import pytest
from click.testing import CliRunner

import custlens as cl
from custlens.cli import main
from custlens.store._lake import Lake
from custlens.store._snapshot import Snapshot

pytest.importorskip("moto")
pytestmark = pytest.mark.filterwarnings("ignore:the API sent fields")


@pytest.fixture(scope="module")
def server():
    """Serve S3 from a process of its own: Delta Lake may hold this one while it waits for an answer."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        address = next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        drain = threading.Thread(target=lambda: [None for _ in process.stderr])
        drain.start()
        yield address
        process.terminate()
        drain.join()


@pytest.fixture
def bucket(server, tmp_path, monkeypatch):
    """Empty the bucket, and return the options that reach it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for method, path in (("POST", "/moto-api/reset"), ("PUT", "/shops")):
        urlopen(Request(server + path, method=method), timeout=30).close()
    return {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def test_a_store_in_a_bucket_does_what_a_folder_does(shop, client, bucket, tmp_path):
    store, folder = cl.Store("s3://shops/one.lens", storage_options=bucket), cl.Store(tmp_path / "one.lens")
    first = shop.population.now
    for _ in range(3):
        for each in (store, folder):
            each.sync(client, progress=False)
        pd.testing.assert_frame_equal(store.customers(), folder.customers())
        shop.advance(3)
    pd.testing.assert_frame_equal(store.history(), folder.history())
    pd.testing.assert_frame_equal(store.customers(as_of=first), folder.customers(as_of=first))
    store.forget(shop.ids[0])
    assert shop.ids[0] not in set(store.customers()["customer_id"])
    assert store.syncs()["readable"].tolist() == [False, False, True]
    assert not list((tmp_path / "home").rglob("pages*"))


def test_of_two_writers_in_a_bucket_one_is_refused(shop, client, bucket):
    cl.Store("s3://shops/one.lens", storage_options=bucket).sync(client, progress=False)
    one, two = (Snapshot.latest(Lake("s3://shops/one.lens", bucket)) for _ in range(2))
    one.replace("customers", one.rows("customers").slice(0, 0))
    with pytest.raises(cl.StoreError, match="another sync finished meanwhile"):
        two.replace("customers", two.rows("customers").slice(0, 0))


def test_a_bucket_that_does_not_answer_is_an_error_of_the_store(bucket):
    lost = {**bucket, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "max_retries": "0", "timeout": "1s"}
    with pytest.raises(cl.StoreError, match=r"s3://shops/one\.lens"):
        cl.Store("s3://shops/one.lens", storage_options=lost).customers()


def test_the_commands_read_a_store_at_an_address(client, bucket, monkeypatch):
    cl.Store("s3://shops/one.lens", storage_options=bucket).sync(client, progress=False)
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(main, ["lookup", "@", "--store", "s3://shops/one.lens"])
    assert done.exit_code == 0, done.output
    assert "Showing 20 of" in done.output
