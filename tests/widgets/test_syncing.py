"""The Sync widget against a shop that answers, refuses, fails, and asks to wait."""

import gc
import re
import threading
import time
import weakref

import pytest
from helpers.panels import send, told

import custlens as cl
from custlens.demo import Faults, Lies
from custlens.widgets import Sync


@pytest.fixture
def store(tmp_path):
    return cl.Store(tmp_path / "shop.lens")


@pytest.fixture
def slow_shop():
    """A shop of twelve pages, each of which takes a tenth of a second."""
    with cl.demo.serve(customers=1_200, seed=3, faults=Faults(latency=0.1)) as shop:
        yield shop


def until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_sync_ends_with_its_report(store, client):
    sync = Sync(store, client)
    assert told(sync, "state")["running"] is False
    assert "holds no customers yet" in dict(told(sync, "state")["facts"])["Last sync"]
    send(sync, "start", mode="full")
    assert sync.wait(60)
    assert sync.last_error is None
    assert (sync.report.mode, sync.report.added) == ("full", 120)
    assert told(sync, "status") == {"sentence": "The store is up to date.", "kind": "info", "details": ""}
    state = told(sync, "state")
    assert state["running"] is False
    assert dict(state["report"])["Customers"].startswith("120 added")
    assert dict(state["facts"])["Last sync"].startswith("full, as of 2026-06-30 12:00 UTC")
    assert told(sync, "progress")["done"] == "120 of 120 customers"
    assert len(store.customers()) == 120


def test_the_thread_that_starts_it_is_free_and_a_second_sync_is_refused(store, slow_shop):
    sync = Sync(store, slow_shop.client())
    sync.start()
    assert sync.running
    with pytest.raises(cl.ArgumentError, match="still running"):
        sync.start()
    send(sync, "start", mode="auto")
    assert isinstance(sync.last_error, cl.ArgumentError)
    assert sync.wait(60)
    assert sync.report.added == 1_200


def test_a_cancelled_full_sync_keeps_its_pages_and_the_next_one_goes_on(store, slow_shop):
    sync = Sync(store, slow_shop.client())
    sync.start()
    until(lambda: told(sync, "progress")["share"])
    send(sync, "cancel")
    assert sync.wait(20)
    assert sync.report is sync.last_error is None
    assert told(sync, "status")["sentence"] == (
        "Cancelled: what was read is kept, and the next sync goes on from there."
    )
    assert told(sync, "state")["running"] is False
    with pytest.raises(cl.StoreError, match="holds no customers yet"):
        store.customers()
    sync.start()
    assert sync.wait(60)
    assert (sync.report.resumed, sync.report.added, sync.report.verified) == (True, 1_200, True)


def test_a_cancelled_incremental_sync_changes_nothing(store, shop, client):
    store.sync(client, progress=False)
    shop.advance(days=30)
    shop.faults.latency = 0.2
    sync = Sync(store, client)
    sync.start("incremental")
    until(lambda: told(sync, "progress")["done"])
    sync.cancel()
    assert sync.wait(20)
    assert told(sync, "status")["sentence"] == "Cancelled: nothing changed."
    assert len(store.syncs()) == 1


@pytest.mark.parametrize("path", ["/profile", "/customers/deleted"])
def test_a_cancel_ends_the_wait_between_the_attempts_of_any_request(store, shop, path):
    shop.lies = [Lies(when=path, status=503)]
    sync = Sync(store, shop.client(backoff=30, retries=10))
    sync.start()
    until(lambda: any(path in asked for asked in shop.requests))
    sync.cancel()
    assert sync.wait(2)
    kept = "what was read is kept, and the next sync goes on from there"
    kept = kept if path == "/customers/deleted" else "nothing changed"
    assert told(sync, "status")["sentence"] == f"Cancelled: {kept}."


def test_a_slow_first_answer_is_asking_the_shop_and_can_be_cancelled(store, shop, client):
    shop.faults.latency = 1.5
    sync = Sync(store, client)
    sync.start()
    time.sleep(0.7)
    assert told(sync, "status")["sentence"] == "Asking the shop …"
    assert told(sync, "progress")["done"] == ""
    sync.cancel()
    assert sync.wait(0.7)


def test_waiting_for_the_rate_limit_is_said(store):
    with cl.demo.serve(customers=1_200, seed=3, rate_limit=8, rate_window=3) as shop:
        sync = Sync(store, shop.client(rate_limit=8, rate_window=3))
        seen = set()
        sync.start()
        while not sync.wait(0.05):
            seen |= {told(sync, "status")["sentence"], told(sync, "progress")["quota"]}
    assert any(re.fullmatch(r"Waiting \d s for the rate limit …", words) for words in seen)
    assert any(re.fullmatch(r"waiting \d s for the rate limit", words) for words in seen)
    assert sync.report.added == 1_200
    assert 429 not in shop.statuses


def test_a_shop_that_asks_to_wait_is_waited_for_and_retries_are_counted(store, shop, client):
    shop.faults.retry_after = "1"
    shop.fail_next("ok", 429, 500)
    sync = Sync(store, client)
    sync.start()
    assert sync.wait(60)
    assert sync.report.retries == 2
    assert told(sync, "progress")["quota"].endswith("2 retries")


def test_a_shop_that_fails_is_an_error_in_its_words(store, shop):
    sync = Sync(store, shop.client(backoff=0.01, retries=1))
    shop.fail_next("ok", *[500] * 20)
    sync.start()
    assert sync.wait(60)
    assert isinstance(sync.last_error, cl.ServerError)
    assert told(sync, "status")["kind"] == "error"
    assert "answered with 500" in told(sync, "status")["sentence"]
    assert told(sync, "state")["running"] is False


def test_a_token_without_the_scope_is_an_error_that_names_it(store, shop):
    sync = Sync(store, cl.Client(shop.store_id, shop.grant("read_store_profile"), base_url=shop.url))
    sync.start()
    assert sync.wait(60)
    assert isinstance(sync.last_error, cl.PermissionDeniedError)
    assert "read_customers" in told(sync, "status")["sentence"]


def test_closing_it_ends_its_sync_and_frees_it(store, slow_shop):
    sync = Sync(store, slow_shop.client())
    sync.start()
    while not told(sync, "progress")["share"]:
        time.sleep(0.01)
    thread = next(thread for thread in threading.enumerate() if thread.name == "custlens-sync")
    alive = weakref.ref(sync)
    sync.close()
    del sync
    thread.join(20)
    assert not thread.is_alive()
    gc.collect()
    assert alive() is None


def test_a_page_without_a_kernel_shows_the_store_or_the_last_report(store, client):
    sync = Sync(store, client)
    assert "holds no customers yet" in sync.still_table()
    sync.start()
    assert sync.wait(60)
    assert "120 added" in sync.still_table()


def test_a_closed_sync_starts_nothing(store, shop, client):
    sync = Sync(store, client)
    sync.close()
    with pytest.raises(cl.ArgumentError, match="this Sync is closed: make a new one"):
        sync.start()
    assert sync.wait(20)
    assert shop.requests == []


@pytest.mark.parametrize("timeout", ["a", -1, True, float("nan")])
def test_seconds_to_wait_are_a_number(store, client, timeout):
    with pytest.raises(cl.ArgumentError, match="timeout must be a number of at least 0"):
        Sync(store, client).wait(timeout)


def test_it_waits_for_as_long_as_can_be_asked(store, client):
    sync = Sync(store, client)
    sync.start()
    assert sync.wait(1e300)


@pytest.mark.parametrize("arguments", [(None, None), ("shop.lens", None)])
def test_a_store_and_a_client_are_needed(arguments):
    with pytest.raises(cl.ArgumentError, match="store must be a"):
        Sync(*arguments)


def test_a_client_is_needed_and_a_mode_that_exists(store, client):
    with pytest.raises(cl.ArgumentError, match="client must be a"):
        Sync(store, None)
    with pytest.raises(cl.ArgumentError, match="mode"):
        Sync(store, client).start("everything")
