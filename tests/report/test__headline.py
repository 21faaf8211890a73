import re

import pytest

import custlens as cl
from custlens.report import Headline


def test_the_figures_of_a_real_shop_are_written_for_people(cdnow):
    lines = [re.split("  +", line) for line in repr(Headline(cdnow.customers)).splitlines()]
    assert lines == [
        ["Buyers", "2,357"],
        ["Orders", "6,919"],
        ["Sales", "244,091.94 USD"],
        ["Mean order value", "35.28 USD"],
        ["Repeat rate", "48.9%"],
        ["As of 1998-06-30 23:59 UTC · amounts in USD · 2,357 customers · no earlier sync yet"],
    ]


def test_changes_are_those_between_two_syncs(data):
    now, then = (cl.orders.summary(table).iloc[0] for table in (data.customers, data.before))
    headline = Headline(data.customers, data.before, about=data.about)
    changes = {name: figure.change for name, figure in headline.figures.items()}
    assert changes["Buyers"] == f"{now['buyers'] - then['buyers']:+,}".replace("-", "−")
    assert changes["Orders"] == f"{now['orders'] - then['orders']:+,}".replace("-", "−")
    sales = now["sales_value"] - then["sales_value"]
    assert changes["Sales"] == f"{sales:+,.2f} EUR".replace("-", "−")
    points = 100 * (now["repeat_rate"] - then["repeat_rate"])
    assert changes["Repeat rate"] == f"{points:+.1f} points".replace("-", "−")
    assert headline.note.startswith("Shop 1003 · as of 2026-07-30")
    assert headline.note.endswith("changes since 2026-06-30 12:00 UTC")


def test_what_has_not_changed_is_said_to_be_so(data):
    headline = Headline(data.customers, data.customers)
    assert {figure.change for figure in headline.figures.values()} == {"unchanged"}


def test_a_table_without_buyers_currency_or_observation_has_dashes(generated):
    bare = generated.customers[["customer_id", "number_of_orders", "sales_value"]]
    headline = Headline(bare.query("number_of_orders == 0"))
    assert headline.figures["Buyers"].value == "0"
    assert headline.figures["Mean order value"].value == "–"
    assert headline.figures["Repeat rate"].value == "–"
    assert headline.note.startswith("As of an unknown time")
    assert Headline(bare).figures["Sales"].value.replace(",", "").replace(".", "").isdigit()
    first_buyers = Headline(bare, bare.query("number_of_orders == 0"))
    assert first_buyers.figures["Mean order value"].change == "–"


def test_html_shows_text_as_text(generated):
    page = Headline(generated.customers, about="<i>")._repr_html_()
    assert "&lt;i&gt;" in page
    assert "<i>" not in page


def test_what_is_not_a_table_is_named():
    with pytest.raises(cl.ArgumentError, match="customers"):
        Headline(None)


def test_the_figures_have_a_second_line_only_with_an_earlier_sync(data):
    assert 'class="change"' in Headline(data.customers, data.before)._repr_html_()
    assert 'class="change"' not in Headline(data.customers)._repr_html_()
