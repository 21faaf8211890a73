import numpy as np
import pandas as pd
import pytest

import custlens as cl
from custlens.report import read


def moments(store):
    return [*store.syncs()["as_of"]]


def test_the_last_sync_is_compared_with_one_at_least_28_days_before(store, data):
    first, last = moments(store)
    assert (data.as_of, data.since) == (last, first)
    assert data.everyone.equals(store.customers())
    assert data.before.equals(store.customers(as_of=first))
    assert data.customers is data.everyone
    assert data.rejects.equals(store.rejects())
    assert (data.store_id, data.currency, data.about) == (1003, "EUR", "Shop 1003")


def test_without_a_sync_that_is_old_enough_there_is_nothing_to_compare_with(tmp_path, shop):
    store = cl.Store(tmp_path / "young.lens")
    for _ in range(2):
        store.sync(shop.client(), progress=False)
        shop.advance(days=27)
    assert read(store).before is None
    assert read(store).since is None
    chosen = read(store, since=moments(store)[0])
    assert chosen.since == moments(store)[0]
    assert len(chosen.before)


def test_a_past_is_reported_on_as_the_store_knew_it(store):
    first, last = moments(store)
    then = read(str(store.path), as_of=last - pd.Timedelta(days=1))
    assert then.as_of == first
    assert then.everyone.equals(store.customers(as_of=first))
    assert then.before is None


def test_a_segment_is_of_those_who_are_in_it_at_each_time(store):
    first, _ = moments(store)
    chosen = read(store, segment="Loyal")
    for found, everyone in ((chosen.customers, store.customers()), (chosen.before, store.customers(as_of=first))):
        scored = cl.segments.rfm(everyone)
        assert set(found["customer_id"]) == set(scored.loc[scored["segment"] == "Loyal", "customer_id"])
        assert 0 < len(found) < len(everyone)
    assert chosen.everyone.equals(store.customers())
    assert chosen.about == "Shop 1003, only the segment Loyal"


def test_the_model_of_a_segment_is_that_of_the_shop(cdnow_of_june, cdnow_data):
    champions = read(cdnow_of_june, segment="Champions")
    assert champions.model.params.equals(cdnow_data.model.params)
    whole = cdnow_data.overdue.set_index("customer_id")["value_at_risk"]
    assert np.allclose(champions.overdue["value_at_risk"], whole.loc[champions.overdue["customer_id"]])


def test_where_a_model_is_refused_the_reason_is_kept_and_silence_ranks(tmp_path, shop):
    store = cl.Store(tmp_path / "small.lens")
    store.sync(shop.client(), progress=False)
    data = read(store)
    assert data.model is None
    assert "buyers" in data.refusal
    assert "force" not in data.refusal
    assert set(data.overdue["method"]) == {"silence"}


def test_what_cannot_be_reported_on_is_named(store, tmp_path):
    last = moments(store)[-1]
    for arguments, error, message in (
        ({"since": last}, cl.ArgumentError, "since must be before the sync reported on"),
        ({"since": "2020-01-01"}, cl.errors.StoreError, "its first sync was at 2026-06-30 12:00 UTC"),
        ({"as_of": "2020-01-01"}, cl.errors.StoreError, "its first sync was at 2026-06-30 12:00 UTC"),
        ({"as_of": "soon"}, cl.ArgumentError, "as_of must be a date"),
        ({"since": 5}, cl.ArgumentError, "since must be a date"),
        ({"segment": "Champion"}, cl.ArgumentError, "did you mean 'Champions'"),
        ({"segment": 5}, cl.ArgumentError, "segment must be one of"),
        ({"tz": "Mars"}, cl.ArgumentError, "tz"),
    ):
        with pytest.raises(error, match=message):
            read(store, **arguments)
    with pytest.raises(cl.errors.StoreError, match="holds no customers yet"):
        read(tmp_path / "nothing.lens")
    with pytest.raises(cl.ArgumentError, match="path"):
        read(None)
