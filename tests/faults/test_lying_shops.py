"""The table of servers that lie or limp: each sync ends in the truth, or in an error that names the lie."""

from datetime import timedelta

import pytest

import custlens as cl
from custlens.demo.faults import FLAWS, Lies

HOURS, YEARS = timedelta(hours=3), timedelta(days=365)
SORTED_BY_ID = Lies(ignores=("createdFrom", "createdTo", "updatedFrom", "updatedTo", "minOrderCount"), sort="ID_ASC")
LIES = {
    "no Date header": [Lies(date=None)],
    "Date three hours ahead": [Lies(date=HOURS)],
    "Date three hours behind": [Lies(date=-HOURS)],
    "Date a year ahead": [Lies(date=YEARS)],
    "Date a year ahead once": [Lies(when="sortBy=UPDATED", times=1, date=YEARS)],
    "Date overflows": [Lies(date="Fri, 31 Dec 99999999999999999999 23:59:59 GMT")],
    "total two too many": [Lies(total=2)],
    "total three too few": [Lies(total=-3)],
    "ignores createdFrom": [Lies(ignores=("createdFrom",))],
    "ignores every time": [Lies(ignores=("createdFrom", "createdTo", "updatedFrom", "updatedTo"))],
    "ignores minOrderCount": [Lies(ignores=("minOrderCount",))],
    "ignores sortBy": [Lies(sort="ID_ASC")],
    "sorts by name": [Lies(sort="NAME_ASC")],
    "sorts by id and ignores every filter": [SORTED_BY_ID],
    "caps limit": [Lies(limit=25)],
    "never ordered first": [Lies(when="LAST_ORDER", sort="NEVER_ORDERED_DESC")],
    "never ordered first, ignores minOrderCount": [
        Lies(when="LAST_ORDER", sort="NEVER_ORDERED_DESC", ignores=("minOrderCount",))
    ],
    "unstable ties": [Lies(unstable_ties=True)],
    "a page is repeated": [Lies(when="createdFrom", skip=3, times=1, page="repeated")],
    "a page of orders is repeated": [Lies(when="LAST_ORDER", skip=1, times=1, page="repeated")],
    "an empty page in the walk": [Lies(when="createdFrom", skip=3, times=2, page="empty")],
    "an empty page in the orders": [Lies(when="LAST_ORDER", skip=1, times=2, page="empty")],
    "an empty page in the changes": [Lies(when="updatedFrom", times=1, page="empty")],
    **{
        f"deletions answer {status}": [Lies(when="/customers/deleted", status=status)]
        for status in (403, 404, 405, 501)
    },
}
CANNOT_DELETE = {name for name in LIES if name.startswith("deletions")}


@pytest.fixture
def shop():
    with cl.demo.serve(customers=900, seed=5, rate_limit=None, orders_move_updated=False) as shop:
        shop.population.patches.clear()
        shop.changed()
        yield shop


def client_of(shop):
    return shop.client(rate_limit=1_000_000, backoff=0.01, retries=2)


@pytest.mark.parametrize("name", LIES)
def test_a_sync_of_a_lying_shop_ends_in_the_truth(shop, store, holds_the_truth, name):
    shop.lies = LIES[name]
    report = store.sync(client_of(shop), progress=False)
    assert report.mode == "full"
    assert report.verified == ("total" not in name)
    assert report.deletions_known == (name not in CANNOT_DELETE)
    holds_the_truth(store, shop)

    shop.population.advance(0.5)
    if name in CANNOT_DELETE:
        assert "they stay in the store until the next full sync" in str(report)
        assert store.sync(client_of(shop), progress=False).mode == "incremental"
        store.sync(client_of(shop), "full", progress=False)
    else:
        store.sync(client_of(shop), progress=False)
    holds_the_truth(store, shop)


def test_a_list_with_an_empty_page_for_good_is_an_error_that_names_it_and_the_next_sync_succeeds(
    shop, store, holds_the_truth
):
    shop.lies = [Lies(when="createdFrom", skip=2, page="empty")]
    with pytest.raises(cl.SyncError, match=r"the shop says that .* more customers follow, and sends none of them"):
        store.sync(client_of(shop), progress=False)
    shop.lies = []
    assert not store.sync(client_of(shop), progress=False).resumed
    holds_the_truth(store, shop)


def test_a_list_without_times_that_has_an_empty_page_is_an_error_and_the_next_sync_succeeds(
    shop, store, holds_the_truth
):
    ignores = SORTED_BY_ID.ignores
    shop.lies = [Lies(when="offset=160", page="empty", ignores=ignores, sort="ID_ASC"), SORTED_BY_ID]
    with pytest.raises(cl.SyncError, match="the shop's list of customers has an empty page before its end"):
        store.sync(client_of(shop), progress=False)
    shop.lies = []
    assert not store.sync(client_of(shop), progress=False).resumed
    holds_the_truth(store, shop)


@pytest.mark.parametrize("name", FLAWS)
def test_one_broken_record_harms_only_itself(shop, store, name):
    customer_id = shop.ids[450]
    shop.population.patches[customer_id] = FLAWS[name]
    shop.changed()
    report = store.sync(client_of(shop), progress=False)
    held = set(store.customers(["customer_id"])["customer_id"])
    assert set(shop.ids) - {customer_id} <= held
    rejects = store.rejects()
    assert len(rejects) >= 1
    assert report.verified
    assert store.sync(client_of(shop), progress=False).mode == "incremental"


def test_who_is_not_found_stays_while_the_shop_says_it_has_more_customers_than_it_shows(shop, store, holds_the_truth):
    store.sync(client_of(shop), progress=False)
    shop.population.delete(shop.ids[450])
    shop.lies = [Lies(when="/customers/deleted", status=403), Lies(total=2)]
    report = store.sync(client_of(shop), "full", progress=False)
    assert (report.missing, report.deleted) == (2, 0)
    assert "the shop says it has 2 more; whoever was not found stays in the store" in str(report)
    shop.lies = []
    assert store.sync(client_of(shop), "full", progress=False).deleted == 1
    holds_the_truth(store, shop)
