"""A shop that lives while it is read: what happens, when, and that the answers follow it."""

import datetime as dt

import pytest

import custlens as cl
from custlens.demo.population import api_seconds


def read_through(shop, requests):
    """Ask for the first page so many times."""
    client = shop.client(rate_limit=1_000_000)
    pages = [client._transport.get("/customers", {"limit": "100"}, lambda body: body) for _ in range(requests)]
    client.close()
    return pages


def test_nothing_happens_without_churn(shop):
    now = shop.population.now
    pages = read_through(shop, 3)
    assert pages[0] == pages[2]
    assert (shop.population.now, shop.log) == (now, [])


def test_events_come_at_their_rates_and_the_shop_s_clock_moves_without_waiting():
    churn = cl.demo.Churn(add=10, delete=5, edit=2, order=20, seconds_per_request=0.3)
    with cl.demo.serve(customers=500, rate_limit=None, churn=churn) as shop:
        start = shop.population.now
        read_through(shop, 200)
        assert shop.population.now - start == dt.timedelta(seconds=60)
        times = [event.time for event in shop.log]
        assert times == sorted(times)
        assert start <= times[0] < times[-1] <= shop.population.now
        kinds = [event.kind for event in shop.log]
        for kind, expected in {
            "add": 600,
            "delete": 300,
            "edit": 120,
            "order": 1200 + 600,
        }.items():  # who is added orders
            assert expected * 0.75 < kinds.count(kind) < expected * 1.25


def test_the_same_seed_brings_the_same_events():
    logs = []
    for seed in (1, 1, 2):
        with cl.demo.serve("cdnow", rate_limit=None, churn=cl.demo.Churn(add=1, delete=1, edit=1, seed=seed)) as shop:
            read_through(shop, 30)
            logs.append(shop.log)
    assert logs[0] == logs[1] != logs[2]


def test_what_happens_concerns_everybody_alike():
    churn = cl.demo.Churn(add=4, delete=4, edit=4, order=4)
    with cl.demo.serve("cdnow", rate_limit=None, churn=churn) as shop:
        first = shop.ids
        read_through(shop, 50)
        for kind in ("delete", "edit", "order"):
            old = [event.customer_id for event in shop.log if event.kind == kind and event.customer_id in first]
            places = {first.index(customer_id) * 4 // len(first) for customer_id in old}
            assert len(old) > 100
            assert places == {0, 1, 2, 3}


def test_a_churn_begins_anew_in_each_shop():
    churn, logs = cl.demo.Churn(delete=2), []
    for _ in range(2):
        with cl.demo.serve("cdnow", rate_limit=None, churn=churn) as shop:
            read_through(shop, 10)
            logs.append(shop.log)
    assert logs[0] == logs[1] != []


def test_the_log_says_who_is_there():
    churn = cl.demo.Churn(add=3, delete=3, edit=1, order=1)
    with cl.demo.serve(customers=150, rate_limit=None, churn=churn) as shop:
        alive = set(shop.ids)
        read_through(shop, 60)
        for event in shop.log:
            match event.kind:
                case "add":
                    alive.add(event.customer_id)
                case "delete":
                    alive.remove(event.customer_id)
                case _:
                    assert event.customer_id in alive
        assert alive == set(shop.ids)


@pytest.mark.parametrize("orders_move_updated", [False, True])
def test_an_order_moves_updated_only_where_it_is_said_to(orders_move_updated):
    churn = cl.demo.Churn(order=2)
    with cl.demo.serve("cdnow", rate_limit=None, churn=churn, orders_move_updated=orders_move_updated) as shop:
        before = {customer_id: shop.document(customer_id) for customer_id in shop.ids}
        start = shop.population.now.timestamp()
        read_through(shop, 20)
        ordered = {event.customer_id for event in shop.log}
        assert len(ordered) > 20
        for customer_id in ordered:
            after = shop.document(customer_id)
            assert after["stats"]["numberOfOrders"] > before[customer_id]["stats"]["numberOfOrders"]
            assert api_seconds(after["stats"]["lastOrderDate"]) >= start
            assert (after["updated"] != before[customer_id]["updated"]) == orders_move_updated


def test_an_id_is_used_again_only_where_it_is_said_to_be():
    with cl.demo.serve("cdnow", rate_limit=None, churn=cl.demo.Churn(add=2, delete=2)) as shop:
        first = set(shop.ids)
        read_through(shop, 20)
        assert first.isdisjoint(event.customer_id for event in shop.log if event.kind == "add")
    with cl.demo.serve("cdnow", rate_limit=None, churn=cl.demo.Churn(add=2, delete=2, reuse_ids=True)) as shop:
        first = set(shop.ids)
        read_through(shop, 60)
        added = [event.customer_id for event in shop.log if event.kind == "add"]
        assert len(first.intersection(added)) > len(added) / 2


def test_searches_find_the_same_as_a_fresh_look_after_any_churn():
    """The catalogue is kept sorted event by event: sorting anew must give the same."""
    churn = cl.demo.Churn(add=3, delete=3, edit=4, order=5)
    queries = [
        {},
        {"sort_by": "LAST_ORDER_DATE_DESC", "min_order_count": 1},
        {"sort_by": "UPDATED_DATE_ASC", "updated_from": 1_700_000_000},
        {"sort_by": "SALES_VALUE_DESC", "max_sales_value": 100},
        {"sort_by": "EMAIL_ASC", "created_from": 1_700_000_000, "created_to": 1_800_000_000},
        {"name": "renamed", "sort_by": "NAME_ASC"},
    ]
    with cl.demo.serve(customers=800, rate_limit=None, churn=churn) as shop:
        shop.population.patches.clear()
        client = shop.client(rate_limit=1_000_000)
        for _ in range(5):
            for query in queries:
                list(client.search(**query))
        shop.churn = None
        kept = [[customer.id for customer in client.search(**query)] for query in queries]
        shop.changed()
        assert kept == [[customer.id for customer in client.search(**query)] for query in queries]
        assert len(shop.log) > 200
        assert all(kept)


def test_bad_rates_are_refused():
    with pytest.raises(cl.ArgumentError, match=r"churn must be rates and seconds from 0, not Churn\(add=-1"):
        cl.demo.Churn(add=-1)
