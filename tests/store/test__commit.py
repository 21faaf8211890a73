"""What a commit finds changed, and what it writes; against tables built from records, without a shop."""

import datetime as dt
import json

import pandas as pd
import pytest

from custlens.store._commit import commit
from custlens.store._lake import Lake
from custlens.store._snapshot import Snapshot
from custlens.tables import TableBuilder

START = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)


def record(customer_id, **changes):
    orders = changes.pop("orders", 2)
    stats = {"numberOfOrders": orders, "salesValue": 10.0 * orders, "averageOrderValue": 10.0}
    updated = changes.pop("updated", "2026-06-01 12:00:00 +0000")
    return {"id": customer_id, "email": f"{customer_id}@a.example", "updated": updated, "stats": stats, **changes}


@pytest.fixture
def write(tmp_path):
    """Commit records to one store, a day apart each time."""
    lake, made = Lake(tmp_path / "shop.lens", None), []

    def write(*records, deleted=None):
        builder = TableBuilder(fingerprints=True)
        builder.add([json.dumps(record).encode() for record in records])
        made.append(START + dt.timedelta(days=len(made)))
        facts = {
            "mode": "full" if deleted is None else "incremental",
            "as_of": made[-1],
            "cursor": made[-1],
            "last_full": made[-1],
        }
        state = Snapshot.latest(lake) or Snapshot(lake, lake.create())
        facts |= {"store_id": 1, "currency": "EUR"}
        return commit(state, builder.finish(), deleted or set(), facts, everyone=deleted is None)

    write.lake = lake
    return write


def held(write):
    return Snapshot.latest(write.lake).rows("customers").to_pylist()


def history(write):
    rows = Snapshot.latest(write.lake).rows("order_stats_history").to_pylist()
    return [(row["sync"], row["customer_id"], row["event"], row["number_of_orders"]) for row in rows]


def test_what_is_new_changed_gone_and_unchanged_is_counted(write):
    assert write(record(1), record(2), record(3)) == (3, 0, 0, 0, 0, 0, 0)
    change = write(record(1), record(2, orders=3), record(4))
    assert change._asdict() == {
        "added": 1, "changed": 1, "deleted": 1, "unchanged": 1,
        "stats_changed": 1, "changed_without_update": 1, "rejects": 0,
    }  # fmt: skip
    assert {row["customer_id"]: row["number_of_orders"] for row in held(write)} == {1: 2, 2: 3, 4: 2}


def test_an_edit_that_moves_updated_is_not_a_change_without_update(write):
    write(record(1), record(2))
    change = write(record(1, orders=5, updated="2026-06-02 12:00:00 +0000"), record(2, email="new@a.example"))
    assert (change.changed, change.stats_changed, change.changed_without_update) == (2, 1, 0)


def test_who_was_not_read_by_an_incremental_sync_stays_unless_deleted(write):
    write(record(1), record(2), record(3))
    change = write(record(2, orders=9), deleted={3, 77})
    assert (change.changed, change.deleted, change.unchanged) == (1, 1, 1)
    assert sorted(row["customer_id"] for row in held(write)) == [1, 2]


def test_the_history_has_a_row_for_each_change_of_the_statistics_alone(write):
    write(record(1), record(2))
    write(record(1, name="Ada"), record(2, orders=4))
    write(record(1, name="Ada"))
    assert history(write) == [(1, 1, "added", 2), (1, 2, "added", 2), (2, 2, "changed", 4), (3, 2, "deleted", 4)]


def test_statistics_that_appear_or_vanish_are_changes(write):
    bare = {"id": 1, "updated": "2026-06-01 12:00:00 +0000"}
    write(bare)
    assert write(record(1)).stats_changed == 1
    assert write(bare).stats_changed == 1


def test_the_currency_and_the_time_are_kept_once_per_sync(write):
    write(record(1))
    write(record(1))
    state = Snapshot.latest(write.lake)
    assert state.syncs["as_of"].tolist() == [pd.Timestamp(START), pd.Timestamp(START + dt.timedelta(days=1))]
    assert state.syncs["currency"].tolist() == ["EUR", "EUR"]
    assert not {"store_id", "currency", "as_of"} & set(state.rows("customers").column_names)


def test_addresses_and_contacts_stay_with_their_customers(write):
    write(
        record(1, shippingAddresses=[{"id": 10, "city": "Oslo"}, {"id": 11, "city": "Bergen"}]),
        record(2),
        record(3, contacts=[{"id": 5, "type": "EMAIL", "contact": "c@a.example"}]),
    )
    rows = {row["customer_id"]: row for row in held(write)}
    assert [address["city"] for address in rows[1]["addresses"]] == ["Oslo", "Bergen"]
    assert [contact["contact"] for contact in rows[3]["contacts"]] == ["c@a.example"]
    assert rows[2]["addresses"] == rows[2]["contacts"] == []


def test_rejects_are_replaced_by_customer_and_written_only_when_they_differ(write):
    bad = {"billingPerson": {"countryCode": "ZZ"}}

    def rejected():
        return sorted(row["customer_id"] for row in Snapshot.latest(write.lake).rows("rejects").to_pylist())

    def version():
        return Snapshot.latest(write.lake).version_of("rejects")

    assert write(record(1, **bad), record(2, **bad), record(3)).rejects == 2
    assert rejected() == [1, 2]
    first = version()
    assert write(record(2, **bad), deleted=set()).rejects == 2  # the same again
    assert write(record(3, orders=4), deleted=set()).rejects == 2  # of others
    assert version() == first
    assert write(record(2), record(3, **bad), deleted=set()).rejects == 2
    assert rejected() == [1, 3]
    assert write(deleted={1}).rejects == 1
    assert write(record(1), record(2), record(3)).rejects == 0
    assert rejected() == []
    assert version() > first
