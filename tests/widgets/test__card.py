"""The card's words, by the rows that they are made of."""

import numpy as np
import pandas as pd
import pytest

from custlens.widgets._card import BINS, Standing, as_html, card, changes

MIDNIGHT = pd.Timestamp("2026-06-30", tz="UTC")


@pytest.fixture(scope="module")
def shop():
    """Two hundred buyers, the first of whom spent 1, the second 2, and so on; each began a day after the one before."""
    ids = np.arange(1, 201)
    dates = (pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(ids, "D")).as_unit("us")
    table = {"customer_id": ids, "number_of_orders": 1, "sales_value": ids.astype(float)}
    return pd.DataFrame({**table, "first_order_date": dates, "last_order_date": dates, "as_of": MIDNIGHT})


def statistics(customer, customers):
    """Return the rows of a card's statistics by their label."""
    row = pd.DataFrame([{"customer_id": 7, "number_of_orders": 1, "sales_value": 5.0} | customer])
    return {row["label"]: row for row in card(row, Standing(customers))["statistics"]["rows"]}


def facts(said):
    """Return the facts of all sections as lines."""
    return [": ".join(filter(None, fact)) for section in said["sections"] for fact in section["facts"]]


@pytest.mark.parametrize(
    ("sales", "place"),
    [
        (1, "no buyer has less"),
        (2, "less than 1% of buyers have less"),
        (3, "more than 1% of buyers"),
        (100, "more than 49% of buyers"),
        (101, "top 50% of buyers"),
        (197, "top 2% of buyers"),
        (200, "top 1% of buyers"),
        (1e6, "top 1% of buyers"),
    ],
)
def test_where_a_buyer_stands_is_said_without_flattery(shop, sales, place):
    assert statistics({"sales_value": float(sales)}, shop)["Sales value"]["words"] == place


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2025-01-02", "earlier than for 99% of buyers", "for no buyer earlier"),
        ("2025-01-03", "earlier than for 99% of buyers", "for less than 1% of buyers earlier"),
        ("2025-04-11", "earlier than for 50% of buyers", "later than for 49% of buyers"),
        ("2025-07-20", "for no buyer later", "later than for 99% of buyers"),
    ],
)
def test_where_an_order_stands_among_those_of_others_is_said(shop, day, first, last):
    date = pd.Timestamp(day, tz="UTC")
    rows = statistics({"first_order_date": date, "last_order_date": date}, shop)
    assert (rows["First order"]["words"], rows["Last order"]["words"]) == (first, last)


@pytest.mark.parametrize("sales", [-5.0, 0.0, 1.0, 14.0, 200.0, 1e9])
def test_the_bars_hold_the_buyers_and_the_customer_has_one_of_them(shop, sales):
    row = statistics({"sales_value": sales}, shop)["Sales value"]
    assert len(row["bars"]) == BINS
    assert max(row["bars"]) == 1
    assert row["bar"] == {-5.0: 0, 0.0: 0, 1.0: 0, 14.0: 11, 200.0: BINS - 1, 1e9: BINS - 1}[sales]
    assert row["bars"][row["bar"]] > 0


@pytest.mark.parametrize("day", ["1960-01-01", "2026-01-01"])
def test_buyers_who_are_all_alike_have_bars_too(shop, day):
    alike = shop.assign(sales_value=5.0, first_order_date=pd.Timestamp(day, tz="UTC"))
    rows = statistics({"first_order_date": pd.Timestamp(day, tz="UTC")}, alike)
    assert all(rows[name]["bars"][rows[name]["bar"]] == 1 for name in ("Orders", "Sales value", "First order"))


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("2026-04-01", "1 Apr 2026 (90 days before 30 Jun 2026)"),
        ("2026-06-28 12:00", "28 Jun 2026 (1 day before 30 Jun 2026)"),
        ("2026-06-29 12:00", "29 Jun 2026 (less than a day before 30 Jun 2026)"),
        ("2026-07-03", "3 Jul 2026"),
        (None, "unknown"),
    ],
)
def test_how_long_ago_an_order_was_is_counted_from_the_observation(shop, last, said):
    rows = statistics({"as_of": MIDNIGHT, "last_order_date": pd.Timestamp(last, tz="UTC")}, shop)
    assert rows["Last order"]["value"] == said


def test_statistics_need_no_dates(shop):
    few = shop[["customer_id", "sales_value", "number_of_orders"]]
    said = card(few.iloc[[4]], Standing(few))
    assert facts(said)[0] == "ID: 5"
    assert [row["value"] for row in said["statistics"]["rows"]] == ["1", "5.00", "5.00", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("orders", "sales", "title"),
    [(0, 0.0, "No orders yet."), (None, None, "No order statistics"), (2, None, "No order statistics")],
)
def test_who_never_ordered_and_who_has_no_statistics_are_told_apart(shop, orders, sales, title):
    row = shop.head(1).assign(number_of_orders=pd.array([orders], "Int64"), sales_value=np.array([sales], float))
    said = card(row, Standing(shop))["statistics"]
    assert said["title"].startswith(title)
    assert said["rows"] == []


@pytest.mark.parametrize(("consent", "words"), [(True, "yes"), (False, "no: never mail"), (pd.NA, "unknown")])
def test_consent_has_three_states(shop, consent, words):
    row = shop.head(1).assign(accept_marketing=pd.array([consent], "boolean"))
    assert any(line.startswith(f"May be mailed: {words}") for line in facts(card(row, Standing(shop))))


def test_personal_data_is_hidden_until_it_is_revealed(generated):
    customers, standing = generated.customers, Standing(generated.customers)
    row = customers.dropna(subset=["name", "email", "billing_street"]).head(1)
    parts = {
        name: part[part["customer_id"] == row["customer_id"].item()]
        for name, part in (("contacts", generated.contacts), ("addresses", generated.addresses))
    }
    secrets = [row[name].item() for name in ("name", "email", "billing_street")] + parts["contacts"]["contact"].tolist()
    hidden, revealed = (str(card(row, standing, reveal=reveal, **parts)) for reveal in (False, True))
    assert [text for text in secrets if text in hidden] == []
    assert [text for text in secrets if text not in revealed] == []


def test_characters_that_turn_text_around_are_not_shown(shop):
    row = shop.head(1).assign(name="Ann\u202egnp.exe\x00 Lee")
    assert card(row, Standing(shop), reveal=True)["title"] == "Anngnp.exe Lee"


def test_long_lists_are_cut_and_say_so(shop):
    contacts = pd.DataFrame({"customer_id": 1, "type": "TELEGRAM", "contact": [f"@ann{n}" for n in range(12)]})
    said = facts(card(shop.head(1), Standing(shop), contacts=contacts, reveal=True))
    assert said[-2:] == ["Telegram: @ann9", "and 2 more"]
    assert facts(card(shop.head(1), Standing(shop), contacts=contacts.head(0)))[-1] == "none"


def test_what_the_syncs_saw_is_told_from_the_latest_to_the_first(shop):
    history = pd.DataFrame(
        {
            "as_of": [MIDNIGHT, MIDNIGHT + pd.Timedelta(1, "D"), MIDNIGHT + pd.Timedelta(2, "D")],
            "event": ["added", "changed", "deleted"],
            "number_of_orders": [0, 1, 1],
            "sales_value": [0.0, 9.5, 9.5],
        }
    )
    assert facts(card(shop.head(1), Standing(shop), history=history))[-3:] == [
        "2 Jul 2026: deleted from the shop",
        "1 Jul 2026: 0 orders → 1 order, 9.50",
        "30 Jun 2026: first seen, with 0 orders",
    ]


def test_changes_are_of_values_that_differ_and_hide_personal_data():
    before = pd.DataFrame(
        {"email": ["a@x.de"], "sales_value": [5.0], "tax_exempt": pd.array([None], "boolean"), "lang": ["en"]}
    )
    after = before.assign(email="b@x.de", sales_value=7.25, tax_exempt=pd.array([True], "boolean"))
    assert changes(before, after) == [
        ("Email", "•••", "•••"),
        ("Sales value", "5.00", "7.25"),
        ("Tax exempt", "none", "yes"),
    ]
    assert changes(before, after, reveal=True)[0] == ("Email", "a@x.de", "b@x.de")


def test_the_outlook_is_a_forecast_or_the_reason_why_there_is_none(generated, shop):
    customers = generated.customers
    standing = Standing(customers)
    buyer = dict(standing.outlook(customers[customers["number_of_orders"] > 2].head(1)))
    assert buyer.keys() == {"Segment", "Orders again within 90 days", "Expected sales in 90 days"}
    assert buyer["Expected sales in 90 days"].count("EUR") == 3
    prospect = dict(standing.outlook(customers[customers["number_of_orders"] == 0].head(1)))
    assert prospect == {"Segment": "Prospects", "Forecast": "none: it takes an order"}
    few = dict(Standing(shop).outlook(shop.head(1)))
    assert few["Forecast"].startswith("none: no buyer has a second order")
    without = shop[["customer_id", "number_of_orders", "sales_value"]]
    said = dict(Standing(without).outlook(without.head(1)))
    assert "last_order_date" in said["Segment"]
    assert "first_order_date" in said["Forecast"]


def test_a_table_for_a_page_without_a_kernel_escapes_its_texts():
    assert "<td><bdi>&lt;b&gt;</bdi></td>" in as_html([["<b>"]], ["Name"], "Found")
