import datetime as dt
import sqlite3

import pandas as pd
import pyarrow.parquet as pq
import pytest

import custlens as cl
from custlens.store._upkeep import CompactReport, ForgetReport


def every_byte(folder):
    """Return what all files hold, as it is and decompressed."""
    held = b""
    for file in folder.rglob("*"):
        if file.is_file():
            held += file.read_bytes()
        if file.suffix == ".parquet":
            held += str(pq.read_table(file).to_pylist()).encode() + str(pq.read_metadata(file).to_dict()).encode()
        if file.suffix == ".sqlite":
            with sqlite3.connect(file) as database:
                held += b"".join(body for (body,) in database.execute("SELECT body FROM pages"))
            database.close()
    return held


def of_person(document):
    """Return the texts of a customer's record that no other customer has."""
    person = document["billingPerson"]
    return [document["email"], document["name"], person["phone"], document["taxId"], document["privateAdminNotes"]]


@pytest.fixture
def known(shop):
    """A customer whose every text is their own, who has changed since the first sync, and was once rejected."""
    customer_id = shop.ids[30]
    shop.population.patches[customer_id] = {
        "name": "Zenobia Quetzal-Ruiz", "email": "zenobia@quetzal.example", "taxId": "QZ99887766",
        "privateAdminNotes": "likes vermilion umbrellas",
        "billingPerson": {"name": "Zenobia Quetzal-Ruiz", "phone": "+88 5550 123 987", "countryCode": "ZZ"},
    }  # fmt: skip
    shop.changed()
    return customer_id


def test_a_person_who_is_forgotten_is_in_no_byte_of_the_store(shop, client, store, folder, known):
    store.sync(client, progress=False)
    assert known in set(store.rejects()["customer_id"])
    shop.population.patches[known]["billingPerson"]["countryCode"] = "DE"
    shop.population.customers[known].updated = "2026-06-30 11:59:59 +0000"
    for _ in range(18):  # a checkpoint is written on the way
        shop.population.now += dt.timedelta(days=1)
        shop.population.order(known, 5.0)
        shop.changed()
        store.sync(client, progress=False)
    hasty = shop.client(retries=0)
    shop.fail_next("ok", "ok", "ok", "ok", 500)
    with pytest.raises(cl.ServerError):
        store.sync(hasty, "full", progress=False)  # leaves pages behind
    texts, held = [text.encode() for text in of_person(shop.document(known))], every_byte(folder)
    assert all(text in held for text in texts)
    others, history = store.customers(), store.history()
    report = store.forget(known)
    held = every_byte(folder)
    assert not [text for text in texts if text in held]
    assert report.customers == 1
    assert report.history == (history["customer_id"] == known).sum() >= 1
    left = others[others["customer_id"] != known]
    assert sorted(store.customers()["customer_id"]) == sorted(left["customer_id"])
    assert len(store.history()) == len(history) - report.history


@pytest.mark.parametrize("keep_out", [True, False])
def test_later_syncs_leave_a_forgotten_person_out_or_take_them_in_again(shop, client, store, folder, keep_out):
    shop.population.patches.clear()
    shop.changed()
    store.sync(client, progress=False)
    person = shop.ids[3]
    store.forget(person, keep_out=keep_out)
    for mode in ("auto", "auto", "full"):
        shop.population.now += dt.timedelta(days=1)
        shop.population.order(person, 5.0)
        shop.population.order(shop.ids[4], 5.0)
        shop.changed()
        store.sync(client, mode, progress=False)
        assert (person in set(store.customers()["customer_id"])) is not keep_out
        assert set(store.customers()["customer_id"]) | {person} == set(shop.ids)
    if keep_out:
        store.forget(person, keep_out=False)
        store.sync(client, progress=False)
        assert person in set(store.customers()["customer_id"])


def test_what_a_forgotten_person_does_in_the_shop_does_not_lead_to_a_full_sync(shop, client, store):
    store.sync(client, progress=False)
    person = shop.ids[3]
    store.forget(person)

    def sync():
        shop.changed()
        report = store.sync(client, full_every="30D", progress=False)
        assert (report.mode, report.verified) == ("incremental", True)
        assert person not in set(store.customers()["customer_id"])

    shop.population.now += dt.timedelta(days=1)
    shop.population.edit(person, name="Renamed")
    sync()
    sync()
    shop.population.now += dt.timedelta(days=1)
    shop.population.delete(person)
    sync()
    sync()  # which is told of the deletion again
    shop.population.now += dt.timedelta(days=1)
    shop.population.add(customer_id=person)  # the ID is used again, by somebody else
    shop.changed()
    report = store.sync(client, full_every="30D", progress=False)
    assert (report.mode, report.verified, report.added) == ("incremental", True, 1)
    assert person in set(store.customers()["customer_id"])


@pytest.mark.parametrize("then", ["nothing", "registered again", "let in again", "hidden again"])
def test_who_was_deleted_before_being_forgotten_does_not_lead_to_a_full_sync(shop, client, store, then):
    store.sync(client, progress=False)
    quiet = [number for number, one in shop.population.customers.items() if not one.stats.number_of_orders]
    gone, person = quiet[:2]  # an incremental sync does not come upon them
    shop.population.delete(gone)
    shop.population.now += dt.timedelta(days=then == "hidden again")  # else the next sync is told of the deletion again
    shop.changed()
    store.sync(client, progress=False)
    shop.population.now += dt.timedelta(days=1)
    store.forget(gone)
    store.forget(person)
    if then in ("registered again", "hidden again"):
        shop.population.add(customer_id=gone)
    if then == "hidden again":  # without a date of registration, nothing tells that it is somebody else
        shop.population.patches[gone] = {"registered": None}
    if then == "let in again":
        store.forget(gone, keep_out=False)
    for _ in range(2):
        shop.changed()
        report = store.sync(client, "incremental", full_every="30D", progress=False)
        assert (report.mode, report.verified) == ("incremental", True)
        shop.population.now += dt.timedelta(days=1)
    assert set(shop.ids) - set(store.customers()["customer_id"]) == (
        {gone, person} if then == "hidden again" else {person}
    )


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_whoever_gets_the_id_of_a_forgotten_person_between_two_syncs_is_somebody_else(shop, client, store, mode):
    person, undated, ahead = shop.ids[3], shop.ids[4], shop.ids[5]
    shop.population.patches.clear()
    shop.population.patches |= {undated: {"registered": None}, ahead: {"registered": "2099-01-01 00:00:00 +0000"}}
    shop.changed()
    store.sync(client, progress=False)
    for customer_id in (person, undated, ahead):
        store.forget(customer_id)
    shop.population.now += dt.timedelta(days=1)
    shop.population.delete(person)
    shop.population.now += dt.timedelta(hours=1)
    for customer_id in (undated, ahead):
        shop.population.order(customer_id, 5.0)
    shop.population.add(customer_id=person)
    shop.changed()
    report = store.sync(client, mode, full_every="30D", progress=False)
    assert (report.mode, report.verified, report.added) == (mode, True, 1)
    assert person in set(store.customers()["customer_id"])
    assert not {undated, ahead} & set(store.customers()["customer_id"])
    report = store.sync(client, full_every="30D", progress=False)
    assert (report.mode, report.verified, report.unchanged) == ("incremental", True, 118)


def test_who_was_never_here_cannot_be_forgotten_and_nothing_is_given_up(shop, client, store, folder):
    store.sync(client, progress=False)
    first = shop.population.now
    gone = shop.ids[0]
    shop.population.now += dt.timedelta(days=1)
    shop.population.delete(gone)
    shop.changed()
    store.sync(client, progress=False)
    newcomer = shop.population.add()
    email = shop.document(newcomer)["email"].encode()
    shop.fail_next(*["ok"] * 6, 500)
    with pytest.raises(cl.ServerError):
        store.sync(shop.client(retries=0), "full", progress=False)  # leaves a page with the newcomer behind
    assert email in every_byte(folder)
    with pytest.raises(cl.ArgumentError, match=f"customer_id: nobody with the ID {newcomer} is or was in "):
        store.forget(newcomer)
    assert email not in every_byte(folder)
    assert len(store.customers(as_of=first)) == 120
    report = store.forget(gone)  # only the history and an earlier state know of them
    assert (report.customers, report.history, report.syncs_given_up) == (0, 2, 1)
    store.forget(shop.ids[0])
    assert store.forget(shop.ids[0], keep_out=False).customers == 0


def test_a_record_without_an_id_is_erased_by_the_email_in_it(shop, client, store, folder):
    person, stray = shop.ids[0], shop.ids[5]
    email = shop.document(person)["email"]
    shop.population.patches[stray] = {"id": "unreadable", "email": email}
    shop.changed()
    store.sync(client, progress=False)
    assert store.rejects()["raw"].str.contains(email).any()
    store.forget(person)
    assert email.encode() not in every_byte(folder)


def test_forgetting_ends_the_way_back_and_says_so(shop, client, store):
    store.sync(client, progress=False)
    first = shop.population.now
    shop.advance(3)
    store.sync(client, progress=False)
    report = store.forget(shop.ids[0])
    assert report.syncs_given_up == 1
    assert store.syncs()["readable"].tolist() == [False, True]
    assert len(store.customers(as_of=shop.population.now)) == len(store.customers())
    with pytest.raises(cl.StoreError, match=r"was given up by store\.compact\(\) or store\.forget\(\); the earliest"):
        store.customers(as_of=first)
    for wrong in ("all", 2**63):
        with pytest.raises(cl.ArgumentError, match="customer_id must be "):
            store.forget(wrong)


def test_compact_gives_up_what_is_older_and_keeps_the_history_whole(shop, client, store, folder):
    states = {}
    for _ in range(20):
        shop.advance(1)
        store.sync(client, progress=False)
        states[shop.population.now] = store.customers()
    history, files = store.history(), len(list(folder.rglob("*")))
    report = store.compact("5D")
    assert (report.syncs_given_up, report.syncs_kept) == (14, 6)
    assert report.bytes_after < report.bytes_before
    assert report.bytes_after == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert len(list(folder.rglob("*"))) < files / 2
    assert store.syncs()["readable"].tolist() == [False] * 14 + [True] * 6
    pd.testing.assert_frame_equal(store.history(), history)
    for moment, held in list(states.items())[14:]:
        pd.testing.assert_frame_equal(store.customers(as_of=moment), held)
    with pytest.raises(cl.StoreError, match="was given up"):
        store.customers(as_of=list(states)[13])
    again = store.compact("5D")
    assert (again.syncs_given_up, again.syncs_kept) == (0, 6)
    shop.advance(1)
    store.sync(client, progress=False)
    assert store.syncs()["readable"].sum() == 7


@pytest.mark.parametrize("keep", ["90", 90, "3 months", None, "-1D"])
def test_a_span_that_is_none_is_refused(client, store, keep):
    store.sync(client, progress=False)
    with pytest.raises(cl.ArgumentError, match="keep must be a"):
        store.compact(keep)


def test_a_folder_that_is_not_a_store_is_left_as_it_is(folder, tmp_path):
    other = tmp_path / "papers"
    other.mkdir()
    (other / "letter.txt").write_text("Dear customer")
    for path, problem in (
        (folder, r"holds no customers yet: run store\.sync\(client\)"),
        (other, "not a custlens store"),
    ):
        for act in (cl.Store(path).compact, lambda path=path: cl.Store(path).forget(1)):
            with pytest.raises(cl.StoreError, match=problem):
                act()
    assert sorted(tmp_path.rglob("*")) == [other, other / "letter.txt"]


def test_the_reports_count_one_as_one_and_free_nothing_below_zero():
    assert str(CompactReport(1, 1, 1_000_000, 1_100_000)) == (
        "0.0 MB freed, 1.1 MB left; the states of 1 sync were given up, those of 1 can still be read"
    )
    assert str(ForgetReport(0, 2, 1, 1, True)).startswith(
        "Erased 0 customers, 2 rows of history and 1 reject; the states of 1 earlier sync were given up."
    )
