"""A shop that never rests: a sync ends, loses nobody, and one more makes the store equal the shop once it rests.

The shop's clock is simulated: it moves on by the latency with each request, and nobody waits.
"""

import math
from datetime import timedelta

import pytest

import custlens as cl
from custlens.api.crawler import LAGS
from custlens.demo import Churn
from custlens.demo.population import api_seconds

LATENCIES = (0.0, 0.1, 0.3)
RATES = (0, 0.1, 1, 10)
THREADS = 4
LAG = timedelta(minutes=1)
"""How far back a sync looks for changes that the list may show late."""
OVERLAP = timedelta(days=2)
"""How far back it looks for orders."""


def serve(customers, **options):
    shop = cl.demo.serve(customers=customers, seed=5, rate_limit=None, **options)
    shop.population.patches.clear()
    shop.changed()
    return shop


def orders_of(customer):
    return (customer.stats.number_of_orders or 0) if customer.stats else 0


def pages(customers):
    return max(1, math.ceil(customers / 100))


class Watch:
    """What happens in a shop while a sync runs, what it must read, and what the store must hold after it."""

    def __init__(self, shop, changes_since, orders_since):
        self.shop, self.changes_since, self.orders_since = shop, changes_since, orders_since
        self.log_before = len(shop.log)
        self.orders_before = {i: orders_of(customer) for i, customer in shop.population.customers.items()}
        self.last_change = max(api_seconds(customer.updated) for customer in shop.population.customers.values())
        self.deletions_asked = self.looks = 0
        shop.on_request = self.note

    def note(self, request):
        if "/customers/deleted" in request:
            self.deletions_asked = len(self.shop.log)
            self.looks += "offset=0" in request  # each look at what has changed asks once who was deleted

    def check(self, store, report):
        """Assert what holds after any sync."""
        shop, events = self.shop, self.shop.log[self.log_before :]
        held = store.customers(["number_of_orders"]).set_index("customer_id")["number_of_orders"]
        assert held.index.is_unique
        through = set(self.orders_before) & set(shop.ids) - {
            event.customer_id for event in events if event.kind == "add"
        }
        assert not through - set(held.index), "somebody who was there all through is missing"
        usable = held.dropna()
        older = [i for i in through & set(usable.index) if usable[i] < self.orders_before[i]]
        assert not older, "statistics are older than the sync's beginning"
        last = {e.customer_id: e.kind for e in shop.log[: self.deletions_asked]}
        assert not {i for i, kind in last.items() if kind == "delete"} & set(held.index), "somebody deleted is held"
        assert report.missing == 0
        assert self.looks <= len(LAGS)
        assert report.requests <= self.most_requests(report.mode)
        return len(events)

    def most_requests(self, mode):
        """Return how many requests a sync may take to read what it had to read.

        A full sync may take a fifth more than the fewest. Of an incremental one each page may share a fifth of its
        customers with the one before, the latest orders are looked at twice, and each further look reads again what
        changed in the minute before it.
        """
        everyone = pages(len(self.shop.population.customers)) if mode == "full" else 0
        fewest = 2 + everyone + self.pages_changed(self.changes_since.timestamp()) + self.pages_ordered()
        if mode == "full":
            return 1.2 * fewest
        further_look = 1 + self.pages_changed(self.last_change - LAG.total_seconds())
        return 1.25 * (fewest + 1 + (self.looks - 1) * further_look)

    def pages_changed(self, since):
        population = self.shop.population
        updated = sum(api_seconds(customer.updated) >= since for customer in population.customers.values())
        return pages(updated) + pages(sum(when.timestamp() >= since for _, when in population.deleted))

    def pages_ordered(self):
        customers, since = self.shop.population.customers.values(), self.orders_since.timestamp()
        return pages(sum(api_seconds(one.stats.last_order_date) >= since for one in customers if orders_of(one)))


def check_a_life(store, holds_the_truth, customers, rate, latency, moves_updated):
    """A full sync, an incremental one after a day, both while the shop changes; and one when it rests."""
    churn = Churn(add=rate, delete=rate, edit=rate, order=rate, seconds_per_request=latency / THREADS)
    with serve(customers, churn=churn, orders_move_updated=moves_updated) as shop:
        client = shop.client(rate_limit=1_000_000)
        watch = Watch(shop, shop.population.now, shop.population.now)
        report = store.sync(client, threads=THREADS, progress=False)
        assert report.mode == "full"
        happened = watch.check(store, report)
        assert happened or rate * latency < 1
        shop.on_request = None
        shop.advance(1)
        shop.population.now += timedelta(minutes=1)  # all orders of that day carry one second: let it be over
        last = store.syncs().iloc[-1]
        watch = Watch(shop, last["cursor"] - LAG, last["as_of"] - OVERLAP)
        report = store.sync(client, threads=THREADS, progress=False)
        assert report.mode == "incremental"
        watch.check(store, report)
        shop.churn = shop.on_request = None
        report = store.sync(client, threads=THREADS, progress=False)
        assert (report.mode, report.verified) == ("incremental", True)
        holds_the_truth(store, shop)


@pytest.mark.parametrize("moves_updated", [True, False], ids=["orders move updated", "orders do not"])
@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("rate", RATES)
def test_whatever_changes_while_it_is_read(store, holds_the_truth, rate, latency, moves_updated):
    check_a_life(store, holds_the_truth, 5_000, rate, latency, moves_updated)


@pytest.mark.soak
@pytest.mark.parametrize("moves_updated", [True, False], ids=["orders move updated", "orders do not"])
@pytest.mark.parametrize("latency", LATENCIES)
@pytest.mark.parametrize("rate", RATES)
def test_whatever_changes_while_a_large_shop_is_read(store, holds_the_truth, rate, latency, moves_updated):
    check_a_life(store, holds_the_truth, 50_000, rate, latency, moves_updated)


def test_who_moves_between_two_pages_is_not_lost_though_the_numbers_agree(store, holds_the_truth):
    """A deletion and an addition between two pages leave the totals equal."""
    with serve(900) as shop:

        def one_goes_one_comes(request):
            if "createdFrom" in request and len(shop.log) < 8:
                shop.population.delete(shop.ids[len(shop.log)])
                shop.population.add()

        shop.on_request = one_goes_one_comes
        store.sync(shop.client(), progress=False)
        shop.on_request = None
        assert len(shop.log) >= 8
        store.sync(shop.client(), progress=False)
        holds_the_truth(store, shop)
