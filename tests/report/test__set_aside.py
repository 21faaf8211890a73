import pandas as pd
import pytest

import custlens as cl
from custlens.report import SetAside


def fetched(shop, **patches):
    for place, patch in zip(shop.ids, patches.values(), strict=False):
        shop.population.patches[place] = patch
    shop.changed()
    return cl.fetch(shop.client(), progress=False)


@pytest.fixture
def sound(shop):
    """A shop whose every record can be used."""
    shop.population.patches.clear()
    return shop


def test_nothing_set_aside_is_said(sound):
    assert repr(SetAside(fetched(sound).rejects)) == "Every value could be used."


def test_values_are_counted_while_their_customers_stay(sound):
    tables = fetched(sound, one={"registered": "soon"}, other={"billingPerson": {"countryCode": "XX"}})
    assert len(tables.customers) == len(sound.ids)
    assert repr(SetAside(tables.rejects)) == "2 values could not be used and count as missing."


def test_rows_that_were_left_out_are_counted_apart(sound):
    tables = fetched(sound, one={"registered": "soon"}, other={"id": "none"})
    assert len(tables.customers) == len(sound.ids) - 1
    assert repr(SetAside(tables.rejects)) == (
        "1 value could not be used and counts as missing; 1 row could not be used at all and was left out."
    )


@pytest.mark.parametrize(
    ("rejects", "error", "message"),
    [
        (None, cl.ArgumentError, "rejects must be tables.rejects or store.rejects"),
        (pd.DataFrame({"reason": ["x"]}), cl.DataError, "lacks the column dropped"),
    ],
)
def test_what_is_not_a_table_of_rejects_is_named(rejects, error, message):
    with pytest.raises(error, match=message):
        SetAside(rejects)
