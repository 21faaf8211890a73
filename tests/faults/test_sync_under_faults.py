"""Whatever the network, the server and the list do: after a sync the store equals the shop's truth."""

import random
import threading

import pytest

import custlens as cl
from custlens.store import _crawler as crawl

CUSTOMERS = 900


@pytest.fixture
def small_windows(monkeypatch):
    """Windows so small that a small shop has many."""
    monkeypatch.setattr(crawl, "WINDOW_ROWS", 60)
    monkeypatch.setattr(crawl, "LARGEST_WINDOW", 180)


@pytest.fixture
def busy_shop(small_windows):
    with cl.demo.serve(customers=CUSTOMERS, seed=5, rate_limit=None) as shop:
        yield shop


def patient(shop):
    return shop.client(backoff=0.002, retries=40, rate_limit=1_000_000)


@pytest.mark.parametrize(
    "faults",
    [
        {"latency": 0.02},
        {"error_429": 0.3, "retry_after": "0"},
        {"error_500": 0.3},
        {"cut": 0.3},
        {"html": 0.3},
        {"drop": 0.3},
        {"error_429": 0.1, "error_500": 0.1, "cut": 0.1, "html": 0.1, "drop": 0.1, "retry_after": "0"},
    ],
    ids=lambda faults: "-".join(faults),
)
def test_a_sync_survives_a_bad_server(busy_shop, store, holds_the_truth, faults):
    shop = busy_shop
    shop.faults = cl.demo.Faults(**faults)
    report = store.sync(patient(shop), progress=False)
    assert report.mode == "full"
    holds_the_truth(store, shop)
    shop.advance(5)
    assert store.sync(patient(shop), progress=False).mode == "incremental"
    holds_the_truth(store, shop)


def move(shop, rng, kind):
    """Change something in the shop, as its owner or its customers would."""
    population = shop.population
    customer_id = rng.choice(list(population.customers))
    match kind:
        case "delete":
            population.delete(customer_id)
        case "add":
            population.add()
        case "rename":
            population.customers[customer_id].name = f"AAA {rng.random()}"
            population.customers[customer_id].updated = cl.demo.population.api_time(population.now, 0)
        case "order":
            population.order(customer_id, 12.5)
    shop.changed()


@pytest.mark.parametrize("kinds", [["delete"], ["add"], ["rename"], ["order"], ["delete", "add", "rename", "order"]])
def test_a_list_that_moves_while_it_is_read_loses_nobody(busy_shop, store, holds_the_truth, kinds):
    shop, rng = busy_shop, random.Random(1)
    shop.population.patches.clear()
    moves = [0]

    def every_third_request(request: str) -> None:
        if len(shop.requests) % 3 == 0 and moves[0] < 40:
            moves[0] += 1
            move(shop, rng, rng.choice(kinds))

    shop.on_request = every_third_request
    store.sync(patient(shop), progress=False)
    shop.on_request = None
    assert moves[0] > 5
    store.sync(patient(shop), progress=False)  # what moved after its own last look
    holds_the_truth(store, shop)


def test_an_unstable_order_of_ties_loses_nobody(busy_shop, store, holds_the_truth):
    shop = busy_shop
    shop.population.patches.clear()
    for customer in shop.population.customers.values():  # half of the shop registered in one second
        if customer.id % 2:
            customer.registered = "2025-03-01 10:00:00 +0000"
    shop.changed()
    shop.lies = [cl.demo.Lies(unstable_ties=True)]
    report = store.sync(patient(shop), progress=False)
    assert report.added == CUSTOMERS
    holds_the_truth(store, shop)


def test_only_the_window_that_moved_is_read_again(busy_shop, store, holds_the_truth, monkeypatch):
    monkeypatch.setattr(crawl, "WINDOW_ROWS", 200)
    monkeypatch.setattr(crawl, "LARGEST_WINDOW", 600)
    shop = busy_shop
    shop.population.patches.clear()
    done = threading.Event()

    def delete_once(request: str) -> None:
        if "createdFrom" in request and "offset=100" in request and not done.is_set():
            done.set()
            query = dict(part.split("=") for part in request.split("?")[1].split("&"))
            victim = next(
                c.id
                for c in shop.population.customers.values()
                if int(query["createdFrom"]) <= cl.demo.population.api_seconds(c.registered) < int(query["createdTo"])
            )
            shop.population.delete(victim)
            shop.changed()

    shop.on_request = delete_once
    store.sync(patient(shop), progress=False)
    assert done.is_set()
    again = {
        request.split("createdTo=")[1]
        for request in shop.requests
        if "createdFrom" in request and "EMAIL_ASC" in request
    }
    assert len({tail.split("&")[0] for tail in again}) == 1
    holds_the_truth(store, shop)


def test_no_offset_grows_large(busy_shop, store):
    store.sync(patient(busy_shop), progress=False)
    offsets = [
        int(request.split("offset=")[1].split("&")[0]) for request in busy_shop.requests if "/customers?" in request
    ]
    assert max(offsets) < 180


def test_a_shop_that_never_holds_still_is_an_error_that_keeps_what_came(busy_shop, store, monkeypatch):
    monkeypatch.setattr(crawl, "ROUNDS", 2)
    shop, rng = busy_shop, random.Random(1)
    shop.on_request = lambda request: move(shop, rng, "delete")
    with pytest.raises(cl.SyncError, match=r"did not hold still|kept changing"):
        store.sync(patient(shop), progress=False)
    with pytest.raises(cl.StoreError, match="holds no customers yet"):
        store.customers()
