import re

import pytest

import custlens as cl
from custlens.report import Headline


def test_the_figures_of_a_real_shop_are_written_for_people(cdnow):
    lines = [re.split("  +", line) for line in repr(Headline(cdnow.customers)).splitlines()]
    assert lines == [
        ["Customers", "2,357"],
        ["Buyers", "2,357"],
        ["Orders", "6,919"],
        ["Sales", "244,091.94 USD"],
        ["Mean order value", "35.28 USD"],
        ["Median order value per buyer", "24.99 USD"],
        ["Mean sales per buyer", "103.56 USD"],
        ["Bought once", "51.1%"],
        ["Repeat rate", "48.9%"],
        ["As of", "1998-06-30 23:59 UTC"],
    ]


def test_a_table_without_buyers_currency_or_observation_has_dashes(generated):
    bare = generated.customers[["customer_id", "number_of_orders", "sales_value"]]
    headline = Headline(bare.query("number_of_orders == 0"))
    assert headline.facts["Buyers"] == "0"
    assert headline.facts["Mean order value"] == "–"
    assert headline.facts["Repeat rate"] == "–"
    assert headline.as_of == "unknown"
    assert Headline(bare).facts["Sales"].replace(",", "").replace(".", "").isdigit()


def test_html_shows_text_as_text(generated):
    evil = generated.customers.head(3).assign(currency="<b>")
    page = Headline(evil)._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page


def test_what_is_not_a_table_is_named():
    with pytest.raises(cl.ArgumentError, match="customers"):
        Headline(None)
