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
    assert repr(SetAside(fetched(sound))) == "Every value could be used."


def test_values_are_counted_while_their_customers_stay(sound):
    tables = fetched(sound, one={"registered": "soon"}, other={"billingPerson": {"countryCode": "XX"}})
    assert len(tables.customers) == len(sound.ids)
    assert repr(SetAside(tables)) == "2 values could not be used and count as missing."


def test_rows_that_were_left_out_are_counted_apart(sound):
    tables = fetched(sound, one={"registered": "soon"}, other={"id": "none"})
    assert len(tables.customers) == len(sound.ids) - 1
    assert repr(SetAside(tables)) == (
        "1 value could not be used and counts as missing; 1 row could not be used at all and was left out."
    )


def test_unknown_fields_are_named_as_text(sound):
    said = SetAside(fetched(sound, one={"<b>tier</b>": 1, "badge": 2}))
    assert repr(said) == (
        "Every value could be used. The shop also sent 2 fields that custlens does not know, "
        "kept in the column extra: <b>tier</b>, badge."
    )
    assert "<b>" not in said._repr_html_()


def test_only_what_a_fetch_returned_has_something_set_aside(generated):
    with pytest.raises(cl.ArgumentError, match=r"tables must be CustomerTables.*not a DataFrame"):
        SetAside(generated.customers)
