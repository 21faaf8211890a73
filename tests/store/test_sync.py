import datetime as dt
import re
from pathlib import Path

import pandas as pd
import pytest

import custlens as cl
from custlens.store._journal import Journal


def stats(store, customer_id):
    row = store.customers().set_index("customer_id").loc[customer_id]
    return int(row["number_of_orders"]), row["sales_value"]


def test_an_order_that_does_not_move_updated_is_found(shop, client, store):
    shop.population.patches.clear()
    store.sync(client, progress=False)
    customer_id = shop.ids[40]
    before = stats(store, customer_id)
    shop.population.now += dt.timedelta(days=2)
    shop.population.order(customer_id, 42.5)
    shop.changed()
    report = store.sync(client, progress=False)
    assert (report.mode, report.changed, report.stats_changed, report.changed_without_update) == (
        "incremental",
        1,
        1,
        1,
    )
    assert stats(store, customer_id) == (before[0] + 1, pytest.approx(before[1] + 42.5))


def test_an_order_that_appears_later_than_it_was_placed_is_found_within_the_overlap(store):
    with cl.demo.serve(customers=400, seed=3) as shop:
        client, now = shop.client(), shop.population.now
        shop.population.patches.clear()
        shop.population.order(shop.ids[0], 5.0)
        for customer_id in shop.ids[1:200]:  # more than fit on the page at which the shorter overlap ends
            shop.population.order(customer_id, 5.0, when=now - dt.timedelta(hours=26))
        shop.changed()
        store.sync(client, progress=False)
        customer_id = min(shop.ids, key=lambda i: shop.document(i)["stats"].get("lastOrderDate", ""))
        shop.population.order(customer_id, 42.5, when=now - dt.timedelta(hours=30))  # paid for only now
        shop.changed()
        assert store.sync(client, orders_overlap="1D", progress=False).stats_changed == 0
        assert store.sync(client, progress=False).stats_changed == 1
        assert store.customers().set_index("customer_id").loc[customer_id, "sales_value"] >= 42.5


def test_a_deletion_an_edit_and_a_newcomer_are_found(shop, client, store):
    store.sync(client, progress=False)
    gone, edited = shop.ids[3], shop.ids[4]
    shop.population.now += dt.timedelta(days=2)
    shop.population.delete(gone)
    shop.population.customers[edited].private_admin_notes = "prefers green"
    shop.population.customers[edited].updated = "2026-07-02 12:00:00 +0000"
    shop.population.add()
    shop.changed()
    report = store.sync(client, progress=False)
    assert (report.added, report.changed, report.deleted) == (1, 1, 1)
    held = store.customers().set_index("customer_id")
    assert gone not in held.index
    assert held.loc[edited, "private_admin_notes"] == "prefers green"
    assert max(shop.ids) in held.index


def test_an_unchanged_shop_costs_at_most_five_requests(shop, client, store):
    store.sync(client, progress=False)
    before = len(shop.requests)
    report = store.sync(client, progress=False)
    assert len(shop.requests) - before == report.requests <= 5
    assert (report.added, report.changed, report.deleted) == (0, 0, 0)


def test_a_shop_without_orders_in_the_overlap_costs_at_most_five_requests_too(store):
    with cl.demo.serve(customers=3_000, seed=3) as shop:
        shop.population.now += dt.timedelta(days=61)
        shop.changed()
        store.sync(shop.client(), progress=False)
        report = store.sync(shop.client(), orders_overlap="60D", progress=False)
        assert report.mode == "incremental"
        assert report.requests <= 5


def test_what_nothing_shows_is_found_by_a_full_sync(store):
    with cl.demo.serve(customers=400, seed=3) as shop:
        client = shop.client()
        shop.population.patches.clear()
        store.sync(client, progress=False)
        repeat = [i for i in shop.ids if shop.document(i)["stats"]["numberOfOrders"] > 1]
        customer_id = min(repeat, key=lambda i: shop.document(i)["stats"]["lastOrderDate"])
        refunded = shop.population.customers[customer_id].stats
        refunded.sales_value = round(refunded.sales_value - 5, 2)
        shop.changed()
        shop.population.now += dt.timedelta(days=30)
        incremental = store.sync(client, full_every="31D", progress=False)
        assert (incremental.mode, incremental.stats_changed) == ("incremental", 0)
        assert incremental.last_full == dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
        full = store.sync(client, progress=False)
        assert (full.mode, full.stats_changed, full.changed_without_update) == ("full", 1, 1)
        assert full.reason == "the last full sync was on 2026-06-30, more than 7 days ago"
        assert stats(store, customer_id)[1] == refunded.sales_value


def test_auto_says_why_and_falls_back_to_full(shop, client, store):
    assert store.sync(client, progress=False).reason == "the store is new"
    assert store.sync(client, progress=False).reason == "the last sync was on 2026-06-30 12:00 UTC"
    shop.advance(200)
    report = store.sync(client, "incremental", progress=False)
    assert (report.mode, report.reason) == (
        "full",
        "the last sync was 200 days ago, longer than the shop remembers deletions",
    )


def test_a_deletion_that_the_shop_forgot_leads_to_a_full_sync(shop, client, store):
    shop.population.patches.clear()
    shop.changed()
    store.sync(client, progress=False)
    gone = shop.ids[0]
    shop.population.delete(gone)
    shop.population.deleted.clear()
    shop.changed()
    with pytest.raises(cl.SyncError, match="a full sync is due"):
        store.sync(client, "incremental", progress=False)
    report = store.sync(client, progress=False)
    assert (report.mode, report.deleted) == ("full", 1)
    assert "another number of customers" in report.reason


def test_a_full_sync_that_was_stopped_is_gone_on_with(shop, client, store):
    store.sync(client, progress=False)
    hasty = shop.client(retries=0)
    shop.fail_next("ok", "ok", "ok", "ok", 500)
    with pytest.raises(cl.ServerError):
        store.sync(hasty, "full", progress=False)
    report = store.sync(client, progress=False)
    assert (report.mode, report.resumed, report.reason) == (
        "full",
        True,
        "it continues a full sync that was stopped",
    )
    assert store.sync(client, progress=False).mode == "incremental"


def test_pages_that_were_kept_for_more_than_a_day_are_not_gone_on_with(shop, client, store):
    shop.fail_next(*["ok"] * 4, 500)
    with pytest.raises(cl.ServerError):
        store.sync(shop.client(retries=0), progress=False)
    journal = Journal(Path(store.path) / "_journal" / "pages.sqlite")
    plan = journal.open()
    body = journal.get("REGISTERED_DATE_ASC||0|100|0")
    journal.begin({**plan, "opened": plan["opened"] - 86_500})
    journal.put("REGISTERED_DATE_ASC||0|100|0", body)
    journal.close()
    shop.population.edit(shop.ids[0], name="Renamed")
    shop.changed()
    assert not store.sync(client, progress=False).resumed
    assert store.customers().set_index("customer_id").loc[shop.ids[0], "name"] == "Renamed"


def test_a_value_that_breaks_is_missing_and_comes_back(shop, client, store):
    shop.population.patches.clear()
    shop.changed()
    store.sync(client, progress=False)
    customer_id = shop.ids[7]

    def touch():
        shop.population.now += dt.timedelta(days=1)
        shop.population.customers[customer_id].updated = shop.population.now.strftime("%Y-%m-%d %H:%M:%S +0000")
        shop.changed()

    shop.population.patches[customer_id] = {"billingPerson": {"countryCode": "ZZ"}}
    touch()
    report = store.sync(client, progress=False)
    assert (report.rejects, report.changed, report.deleted) == (1, 1, 0)
    assert store.rejects()[["customer_id", "dropped"]].values.tolist() == [[customer_id, False]]
    row = store.customers().set_index("customer_id").loc[customer_id]
    assert pd.isna(row["billing_country_code"])
    assert row["email"] == shop.document(customer_id)["email"]
    assert store.sync(client, progress=False).mode == "incremental"
    shop.population.patches.clear()
    touch()
    report = store.sync(client, progress=False)
    assert (report.rejects, report.changed, report.added) == (0, 1, 0)


def test_the_report_reads_well(shop, client, store):
    report = store.sync(client, progress=False)
    text = str(report)
    assert re.search(r"^Mode +full: the store is new$", text, re.MULTILINE)
    assert re.search(r"^Requests +\d+ \(0 retries\), \d\.\d MB$", text, re.MULTILINE)
    assert re.search(r"^Set aside  1 value could not be used and is kept in store\.rejects\(\)", text, re.MULTILINE)
    assert re.search(r"^Verified +as many as the shop says it has$", text, re.MULTILINE)
    assert text.count("\n") == 8
    assert report._repr_html_().count("<tr>") == 9
    assert repr(report) == "<SyncReport: full, 120 added, 0 changed, 0 deleted, 0 unchanged>"


def test_fields_that_the_api_has_added_are_named_in_the_report(shop, client, store):
    shop.population.patches[shop.ids[0]] = {"loyaltyTier": "gold"}
    shop.changed()
    report = store.sync(client, progress=False)
    assert report.unknown_fields == ["loyaltyTier"]
    assert "New fields loyaltyTier: not known to custlens, kept in `extra`" in str(report)


def test_a_profile_that_fails_ends_a_first_sync(shop, store):
    shop.fail_next(500)
    with pytest.raises(cl.ServerError):
        store.sync(shop.client(retries=0), progress=False)
    with pytest.raises(cl.StoreError, match="holds no customers yet"):
        store.customers()


def test_a_clock_that_runs_backwards_is_refused_unless_everything_is_read_again(shop, client, store):
    store.sync(client, progress=False)
    first = shop.population.now
    shop.population.now -= dt.timedelta(days=2)
    shop.changed()
    with pytest.raises(cl.SyncError, match="the shop's clock says 2026-06-28 12:00 UTC, earlier than the last sync"):
        store.sync(client, progress=False)
    store.sync(client, "full", progress=False)
    assert (store.customers()["as_of"] == shop.population.now).all()
    assert len(store.syncs()) == 2
    assert store.customers(as_of=first)["as_of"].iloc[0] == shop.population.now  # the last sync counts


def test_progress_is_shown(client, store, capsys):
    store.sync(client, progress=True)
    assert re.search(r"full sync: +\d+%.*requests left", capsys.readouterr().err)


def test_waiting_for_the_limit_is_shown_and_no_429_comes(store, capsys):
    with cl.demo.serve(customers=900, rate_limit=6, rate_window=2.0) as shop:
        report = store.sync(shop.client(rate_limit=6, rate_window=2.0))
        assert 429 not in shop.statuses
        assert report.requests > 6
    assert re.search(r"waiting [12] s for the rate limit", capsys.readouterr().err)


def test_an_empty_shop_can_be_synced(store):
    with cl.demo.serve(customers=0) as shop:
        store.sync(shop.client(), progress=False)
        assert len(store.customers()) == 0
        shop.population.add()
        shop.changed()
        assert store.sync(shop.client(), progress=False).added == 1
    assert len(store.customers()) == 1
    revenue = cl.orders.observed_revenue(store.history())  # all of it came after the first sync
    assert revenue["revenue"].sum() == pytest.approx(store.customers()["sales_value"].sum())


def test_a_missing_scope_ends_a_sync_at_once(shop, store):
    with pytest.raises(cl.PermissionDeniedError, match="read_customers"):
        store.sync(shop.client(shop.grant("read_store_profile")), progress=False)
    assert len(shop.requests) <= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "half"}, "mode must be one of auto, full, incremental, not 'half'"),
        ({"full_every": 7}, "full_every must be a time span .*did you mean '7D'"),
        ({"orders_overlap": "2"}, "orders_overlap must be a time span .*did you mean '2D'"),
        ({"threads": 0}, "threads must be from 1 to 8, and is 0"),
        ({"threads": "4"}, "threads must be a whole number, from 1 to 8, not '4'"),
        ({"client": None}, "client must be a custlens.Client, not None"),
    ],
)
def test_bad_arguments_are_refused(client, store, arguments, message):
    with pytest.raises(cl.ArgumentError, match=message):
        store.sync(**{"client": client, "progress": False, **arguments})


def test_a_function_given_as_progress_is_told_how_far_the_sync_is(store):
    with cl.demo.serve(customers=400, seed=3) as shop:
        seen = []
        store.sync(shop.client(), progress=seen.append)
    assert {now.mode for now in seen} == {"full"}
    assert [now.phase for now in seen] == ["reading"] * (len(seen) - 1) + ["writing"]
    assert [now.read for now in seen] == sorted(now.read for now in seen)
    assert (seen[-1].read, seen[-1].expected) == (400, 400)
    assert seen[-1].requests_left < seen[0].requests_left


def test_what_that_function_raises_ends_the_sync_and_keeps_the_pages(store):
    def stop(now):
        if now.read >= 200:
            raise InterruptedError("enough")

    with cl.demo.serve(customers=400, seed=3) as shop:
        with pytest.raises(InterruptedError, match="enough"):
            store.sync(shop.client(), threads=1, progress=stop)
        report = store.sync(shop.client(), progress=False)
    assert (report.resumed, report.added, report.verified) == (True, 400, True)


@pytest.mark.parametrize("progress", ["yes", 1, None])
def test_progress_is_a_switch_or_a_function(store, client, progress):
    with pytest.raises(cl.ArgumentError, match="progress must be True, False or a function"):
        store.sync(client, progress=progress)
