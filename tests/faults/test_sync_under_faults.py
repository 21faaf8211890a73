"""Whatever the network, the server and the list do: after a sync the store equals the shop's truth."""

import pytest

import custlens as cl

CUSTOMERS = 900


@pytest.fixture
def busy_shop():
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


@pytest.mark.parametrize("number", range(0, 14, 2))
def test_an_answer_that_is_broken_once_is_asked_for_again(busy_shop, store, holds_the_truth, number):
    shop = busy_shop
    shop.population.patches.clear()
    shop.changed()
    shop.fail_next(*["ok"] * number, "malformed")
    assert store.sync(patient(shop), progress=False).verified
    assert not len(store.rejects())
    holds_the_truth(store, shop)
