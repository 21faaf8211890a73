"""Whatever a shop does while it is read: nobody who was there all through is missed, and reading always ends."""

import datetime as dt
import itertools
import math
import time
from types import SimpleNamespace

import msgspec
import pytest

import custlens as cl
from custlens.api.crawler import Crawler
from custlens.demo import Churn, Lies


def orders_of(text):
    return (msgspec.json.decode(text).get("stats") or {}).get("numberOfOrders", 0)


def crawl(shop, *, threads=4, journal=None, known=(), since=None, **filters):
    """Read everyone, or with `since` what has changed; return what came, by key, and what the shop did meanwhile."""
    client = shop.client(rate_limit=1_000_000, retries=3, backoff=0.01)
    found, told = {}, []
    asked, log_at_deletions = len(shop.requests), []

    def note_deletions(request):
        if "/customers/deleted" in request:
            log_at_deletions.append(len(shop.log))

    shop.on_request = note_deletions
    before = {customer_id: shop.document(customer_id)["stats"]["numberOfOrders"] for customer_id in shop.ids}
    log_before = len(shop.log)
    with Crawler(
        client,
        take=lambda items, keys: found.update(zip(keys, map(bytes, items), strict=True)),
        threads=threads,
        tell=lambda read, expected: told.append(read),
        filters=filters,
    ) as crawler:
        if since is None:
            since, orders_since = crawler.start()
            crawler.everyone(journal)
        else:
            orders_since = since - 2 * 86_400
        changes = crawler.changes(since, orders_since, set(known))
    shop.on_request = None
    gone = changes.deleted or set()
    events = shop.log[log_before:]
    last_event = {event.customer_id: event.kind for event in shop.log[log_before : log_at_deletions[-1]]}
    return SimpleNamespace(
        found={key: text for key, text in found.items() if key not in gone},
        changes=changes,
        requests=len(shop.requests) - asked,
        before=before,
        there_all_through=set(before) & set(shop.ids) - {event.customer_id for event in events if event.kind == "add"},
        known_deleted={customer_id for customer_id, kind in last_event.items() if kind == "delete"},
        events=events,
        told=told,
    )


def pages(customers):
    return max(1, math.ceil(customers / 100))


def least_requests(shop, events, moves_updated):
    """The fewest requests that can read a list and what changes meanwhile: full pages, each of them once."""
    kinds = {
        kind: {event.customer_id for event in events if event.kind == kind}
        for kind in ("add", "delete", "edit", "order")
    }
    updated = kinds["add"] | kinds["edit"] | (kinds["order"] if moves_updated else set())
    return pages(len(shop.ids)) + pages(len(updated)) + pages(len(kinds["order"])) + pages(len(kinds["delete"])) + 1


def assert_nobody_missed(result):
    missed = result.there_all_through - set(result.found)
    assert not missed, f"{len(missed)} of {len(result.there_all_through)} missed"
    older = [i for i in result.there_all_through if orders_of(result.found[i]) < result.before[i]]
    assert not older
    assert not result.known_deleted & set(result.found)


def serve(customers, **options):
    shop = cl.demo.serve(customers=customers, seed=5, rate_limit=None, **options)
    shop.population.patches.clear()
    shop.changed()
    return shop


@pytest.mark.parametrize("customers", [0, 1, 99, 100, 101, 900, 5_000])
def test_a_shop_that_rests_is_read_exactly(customers):
    with serve(customers) as shop:
        result = crawl(shop)
        assert set(result.found) == set(shop.ids)
        assert result.changes.verified
        assert (result.changes.in_motion, result.changes.missing, result.changes.deleted) == (0, 0, set())
        assert result.requests <= 1.2 * math.ceil(customers / 100) + 8


@pytest.mark.parametrize("threads", [1, 4, 8])
@pytest.mark.parametrize("rate", [0.1, 1, 10])
@pytest.mark.parametrize("moved", [True, False], ids=["orders move updated", "orders do not"])
def test_a_shop_that_changes_while_it_is_read_loses_nobody(rate, threads, moved):
    churn = Churn(add=rate, delete=rate, edit=rate, order=rate, seconds_per_request=0.3 / threads)
    with serve(5_000, churn=churn, orders_move_updated=moved) as shop:
        result = crawl(shop, threads=threads)
        assert_nobody_missed(result)
        assert result.requests <= 1.2 * least_requests(shop, result.events, moved)


@pytest.mark.parametrize("stable", [True, False], ids=["in one order", "in any order"])
@pytest.mark.parametrize("together", [60, 150, 700])
def test_customers_who_registered_in_one_second_are_all_read(together, stable):
    with serve(5_000, churn=Churn(delete=1, seconds_per_request=0.1)) as shop:
        for number, customer in enumerate(shop.population.customers.values()):
            second = dt.datetime(2025, 3, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=number // together)
            customer.registered = second.strftime("%Y-%m-%d %H:%M:%S +0000")
        shop.changed()
        if not stable:
            shop.lies = [Lies(unstable_ties=True)]
        result = crawl(shop)
        assert_nobody_missed(result)
        assert result.requests <= 50 * (1.2 if stable else 2) + 12


@pytest.mark.parametrize(("rate", "stable"), [(300, False), (1_000, True)])
def test_edits_that_come_as_fast_as_they_can_be_read_are_not_followed_for_ever(rate, stable):
    with serve(3_000, churn=Churn(edit=rate, seconds_per_request=0.09)) as shop:
        if not stable:
            shop.lies = [Lies(unstable_ties=True)]
        since = int(shop.population.now.timestamp())
        early = set(shop.ids[:500])
        for customer_id in early:
            shop.population.edit(customer_id, name="Edited before")
        shop.population.now += dt.timedelta(seconds=2)
        shop.changed()
        result = crawl(shop, since=since, known=shop.ids)
        assert rate == 1_000 or early <= set(result.found)
        assert result.requests <= 2 * least_requests(shop, result.events, False) + 8


@pytest.mark.parametrize("delete", [1, 10, 100])
def test_deletions_among_those_of_one_second_hide_nobody(delete):
    with serve(3_000, churn=Churn(delete=delete, seconds_per_request=0.1)) as shop:
        for customer in shop.population.customers.values():
            customer.registered = "2025-03-01 10:00:00 +0000"
        shop.changed()
        result = crawl(shop)
        assert_nobody_missed(result)
        assert result.requests <= 30 * {1: 1.2, 10: 1.2, 100: 4}[delete] + 12


def test_three_thousand_customers_of_one_second_without_emails_come_in_the_order_of_their_names():
    with serve(3_000) as shop:
        for customer in shop.population.customers.values():
            customer.registered, customer.email = "2025-03-01 10:00:00 +0000", None
        shop.changed()
        shop.lies = [Lies(unstable_ties=True)]
        result = crawl(shop)
        assert_nobody_missed(result)
        assert result.changes.verified
        assert result.requests <= 120


@pytest.mark.parametrize(
    "registered", [None, "1960-01-01 00:00:00 +0000", "1970-01-01 00:00:00 +0400", "2099-01-01 00:00:00 +0000"]
)
@pytest.mark.parametrize("count", [1, 130])
def test_a_time_of_registration_that_is_missing_or_absurd_hides_nobody(registered, count):
    with serve(1_500) as shop:
        for customer in [*shop.population.customers.values()][::5][:count]:
            customer.registered = registered
            customer.stats = cl.Stats(number_of_orders=0, sales_value=0)
        shop.changed()
        result = crawl(shop)
        assert set(result.found) == set(shop.ids)
        assert result.changes.verified
        assert result.requests <= 15 * 1.2 + 10


def test_an_id_that_is_used_again_is_somebody_else():
    churn = Churn(add=3, delete=3, reuse_ids=True, seconds_per_request=0.3)
    with serve(2_000, churn=churn) as shop:
        result = crawl(shop)
        assert_nobody_missed(result)
        again = {e.customer_id for e in shop.log if e.kind == "delete"} & set(shop.ids)
        assert again
        shop.churn = None
        later = crawl(shop, known=set(result.found), since=int(result.changes.cursor.timestamp()))
        assert later.changes.verified
        assert set(shop.ids) <= set(result.found) | set(later.found)


@pytest.mark.parametrize("pages", [0, 7, 20])
def test_a_crawl_that_was_cut_short_goes_on_from_its_journal(pages):
    class Journal(dict):
        put = dict.__setitem__

    with serve(2_500) as shop:
        journal = Journal()
        crawl(shop, journal=journal)
        kept = Journal(itertools.islice(journal.items(), pages))
        again = crawl(shop, journal=kept)
        assert set(again.found) == set(shop.ids)
        assert again.changes.verified
        assert again.requests == 6 + len(journal) - pages


def test_an_error_in_any_thread_ends_the_crawl():
    with serve(5_000) as shop:
        shop.fail_next(*["ok"] * 12, 402)
        with pytest.raises(cl.PlanError):
            crawl(shop)
        assert len(shop.requests) < 25


def test_an_interrupt_is_not_kept_waiting_by_a_shop_that_does_not_answer():
    def interrupt(read, expected):
        raise KeyboardInterrupt

    with serve(100, faults={"latency": 5.0}) as shop:
        started = time.monotonic()
        with (
            pytest.raises(KeyboardInterrupt),
            Crawler(shop.client(), take=lambda items, keys: None, tell=interrupt) as crawler,
        ):
            crawler.start()
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("clock", "newest", "believed"),
    [
        (-400, -500, True),  # an old shop, or a clock here that is ahead
        (400, -60, False),  # a Date header that is ahead
        (400, 380, True),  # a clock here that is behind what the shop has seen
        (-400, -60, False),  # a Date header that is behind what the shop has seen
        (30, -500, True),  # within a month, as clocks may differ
    ],
)
def test_a_clock_far_from_ours_is_believed_unless_the_shop_is_against_it(clock, newest, believed):
    """Days from this machine's clock; nothing has happened in the shop for more than 45 days."""
    now = dt.datetime.now(dt.UTC)
    with serve(250) as shop:
        when = (now + dt.timedelta(days=newest)).strftime("%Y-%m-%d %H:%M:%S +0000")
        for customer in shop.population.customers.values():
            customer.registered = customer.updated = when
            customer.stats = cl.Stats(number_of_orders=0, sales_value=0)
        shop.population.now = now + dt.timedelta(days=clock)
        shop.changed()
        as_of = cl.fetch(shop.client(), progress=False).customers["as_of"].iloc[0]
        expected = shop.population.now if believed else now
        assert abs(as_of - expected) < dt.timedelta(minutes=2)
