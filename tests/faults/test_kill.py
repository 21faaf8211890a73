"""A sync that is killed, at any moment, goes on where it was; and no reader ever sees half of anything."""

import os
import random
import signal
import time

import pytest
from helpers.killable import FORKS, read_in_a_loop, start

import custlens as cl

THREADS = 6  # as a sync has by default


@pytest.fixture(scope="module")
def shop():
    with cl.demo.serve(customers=1_500, seed=5, rate_limit=None, faults={"latency": 0.02}) as shop:
        yield shop


def wait_for(shop, requests, process):
    """Wait until the shop has had so many requests."""
    deadline = time.monotonic() + 30
    while len(shop.requests) < requests and process.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize("part", range(4))
def test_a_sync_that_is_killed_anywhere_goes_on_and_asks_for_little_again(shop, tmp_path, holds_the_truth, part):
    """Twenty random points, in four runs of five."""
    rng = random.Random(part)
    before = len(shop.requests)
    cl.Store(tmp_path / "whole.lens").sync(shop.client(rate_limit=100_000), progress=False)
    requests_of_one_sync = len(shop.requests) - before
    for number in range(5):
        store = cl.Store(tmp_path / f"{number}.lens")
        before = len(shop.requests)
        process, _ = start(store, shop)
        # Anywhere in the reading, and in a quarter of the cases in the writing that follows it.
        asked = rng.randrange(0, int(1.3 * requests_of_one_sync))
        wait_for(shop, before + min(asked, requests_of_one_sync), process)
        time.sleep(rng.uniform(0, 0.02) if asked < requests_of_one_sync else rng.uniform(0, 0.4))
        process.kill()
        process.join()
        time.sleep(0.1)  # the server still answers what was under way
        killed_after = shop.requests[before:]
        resumed_from = len(shop.requests)
        process, words = start(store, shop)
        process.join()
        assert (process.exitcode, words.recv()) == (0, "ended")
        again = [r for r in shop.requests[resumed_from:] if "createdFrom" in r and r in killed_after]
        finished = store.syncs()["mode"].tolist()
        assert len(again) <= THREADS or finished == ["full", "incremental"], again
        holds_the_truth(store, shop)


def test_the_second_of_two_syncs_is_refused_and_a_dead_one_s_claim_is_not(shop, tmp_path, holds_the_truth):
    store = cl.Store(tmp_path / "shop.lens")
    before = len(shop.requests)
    process, _ = start(store, shop)
    wait_for(shop, before + 1, process)
    with pytest.raises(cl.SyncError, match=f"written by another sync, compact or forget .process {process.pid}."):
        store.sync(shop.client(), progress=False)
    process.kill()
    process.join()
    store.sync(shop.client(rate_limit=100_000), progress=False)
    holds_the_truth(store, shop)


def test_readers_are_never_blocked_and_see_whole_commits(tmp_path):
    with cl.demo.serve(customers=400, seed=5, rate_limit=None) as shop:
        shop.population.patches.clear()
        shop.population.traits.clear()
        store = cl.Store(tmp_path / "shop.lens")
        client = shop.client(rate_limit=1_000_000)
        store.sync(client, progress=False)
        stop, results = FORKS.Event(), FORKS.Queue()
        readers = [
            FORKS.Process(target=read_in_a_loop, args=(store.path, stop, results), daemon=True) for _ in range(3)
        ]
        for reader in readers:
            reader.start()
        time.sleep(0.5)
        for number in range(6):  # every customer changes at once: a reader sees all of it or nothing
            for customer in shop.population.customers.values():
                customer.private_admin_notes = f"round {number}"
                customer.updated = cl.demo.population.api_time(shop.population.now, 0)
            shop.changed()
            store.sync(client, progress=False)
        time.sleep(0.5)
        stop.set()
        seen = [results.get(timeout=30) for _ in readers]
        for reader in readers:
            reader.join()
            assert reader.exitcode == 0
    for reads, counts in seen:
        assert reads >= 5
        assert counts == {(400, False)}


def test_stop_is_clean_and_everything_so_far_is_kept(shop, tmp_path, holds_the_truth):
    store = cl.Store(tmp_path / "shop.lens")
    before = len(shop.requests)
    process, _ = start(store, shop)
    wait_for(shop, before + 12, process)
    os.kill(process.pid, signal.SIGINT)
    process.join(timeout=10)
    assert process.exitcode
    resumed_from = len(shop.requests)
    report = store.sync(shop.client(rate_limit=100_000), progress=False)
    assert report.resumed
    asked = [request for request in shop.requests[resumed_from:] if "/customers?" in request]
    assert len(asked) < 16
    holds_the_truth(store, shop)
