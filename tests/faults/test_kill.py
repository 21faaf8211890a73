"""A sync that is killed, at any moment, goes on where it was; and no reader ever sees half of anything."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import custlens as cl

SCRIPT = Path(__file__).with_name("kill_me.py")
THREADS = 6  # as a sync has by default


@pytest.fixture(scope="module")
def shop():
    with cl.demo.serve(customers=1_500, seed=5, rate_limit=None, faults={"latency": 0.02}) as shop:
        yield shop


def start(store, shop):
    command = [sys.executable, str(SCRIPT), store.path, shop.url, str(shop.store_id), shop.token]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "began\n"
    return process


def wait_for(shop, requests, process):
    """Wait until the shop has had so many requests."""
    deadline = time.monotonic() + 30
    while len(shop.requests) < requests and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("part", [0, 1, *(pytest.param(part, marks=pytest.mark.soak) for part in (2, 3))])
def test_a_sync_that_is_killed_anywhere_goes_on_and_asks_for_little_again(shop, tmp_path, holds_the_truth, part):
    """Twenty random points, in four runs of five."""
    rng = random.Random(part)
    before = len(shop.requests)
    cl.Store(tmp_path / "whole.lens").sync(shop.client(rate_limit=100_000), progress=False)
    requests_of_one_sync = len(shop.requests) - before
    for number in range(5):
        store = cl.Store(tmp_path / f"{number}.lens")
        before = len(shop.requests)
        process = start(store, shop)
        # Anywhere in the reading, and in a quarter of the cases in the writing that follows it.
        asked = rng.randrange(0, int(1.3 * requests_of_one_sync))
        wait_for(shop, before + min(asked, requests_of_one_sync), process)
        time.sleep(rng.uniform(0, 0.02) if asked < requests_of_one_sync else rng.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        time.sleep(0.1)  # the server still answers what was under way
        killed_after = shop.requests[before:]
        resumed_from = len(shop.requests)
        process = start(store, shop)
        assert process.stdout.read() == "ended\n"
        process.stdout.close()
        assert process.wait() == 0
        again = [r for r in shop.requests[resumed_from:] if "createdFrom" in r and r in killed_after]
        finished = store.syncs()["mode"].tolist()
        assert len(again) <= THREADS or finished == ["full", "incremental"], again
        holds_the_truth(store, shop)


def test_the_second_of_two_syncs_is_refused_and_a_dead_one_s_claim_is_not(shop, tmp_path, holds_the_truth):
    store = cl.Store(tmp_path / "shop.lens")
    before = len(shop.requests)
    process = start(store, shop)
    wait_for(shop, before + 1, process)
    with pytest.raises(cl.SyncError, match=f"another sync of .* is running .process {process.pid}."):
        store.sync(shop.client(), progress=False)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    store.sync(shop.client(rate_limit=100_000), progress=False)
    holds_the_truth(store, shop)


def read_in_a_loop(path, stop, results):
    counts = set()
    reads = 0
    while not stop.is_set():
        customers = cl.Store(path).customers(columns=["sales_value", "private_admin_notes"])
        counts.add((len(customers), customers["private_admin_notes"].fillna("").nunique() > 1 and "mixed"))
        assert customers["customer_id"].is_unique
        reads += 1
    results.put((reads, counts))


def test_readers_are_never_blocked_and_see_whole_commits(tmp_path):
    with cl.demo.serve(customers=400, seed=5, rate_limit=None) as shop:
        shop.population.patches.clear()
        shop.population.traits.clear()
        store = cl.Store(tmp_path / "shop.lens")
        client = shop.client(rate_limit=1_000_000)
        store.sync(client, progress=False)
        context = multiprocessing.get_context("spawn")
        stop, results = context.Event(), context.Queue()
        readers = [
            context.Process(target=read_in_a_loop, args=(store.path, stop, results), daemon=True) for _ in range(3)
        ]
        for reader in readers:
            reader.start()
        time.sleep(2.5)
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
    process = start(store, shop)
    wait_for(shop, before + 12, process)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=10) != 0
    process.stdout.close()
    resumed_from = len(shop.requests)
    report = store.sync(shop.client(rate_limit=100_000), progress=False)
    assert report.resumed
    asked = [request for request in shop.requests[resumed_from:] if "/customers?" in request]
    assert len(asked) < 16
    holds_the_truth(store, shop)
