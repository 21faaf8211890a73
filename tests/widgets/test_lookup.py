"""The lookup, by its plain methods and by the traits that a browser would set."""

import re

import pandas as pd
import pytest

import custlens as cl


@pytest.fixture
def lookup(generated):
    return cl.widgets.Lookup(generated)


def text(html):
    return re.sub(r"<[^>]+>", "", html)


def test_it_finds_by_id_email_name_and_phone(generated, lookup):
    row = generated.customers.dropna(subset="billing_phone").iloc[10]
    digits = re.sub(r"\D", "", row["billing_phone"])
    for query in (
        str(row["customer_id"]),
        row["email"],
        row["email"].upper(),
        row["name"],
        row["billing_phone"],
        digits,
    ):
        lookup.search(query)
        assert row["customer_id"] in set(lookup.matches["customer_id"]), query
    lookup.search(str(row["customer_id"]))
    assert lookup.matches["customer_id"].iloc[0] == row["customer_id"]


def test_accents_and_case_do_not_matter_and_every_word_must_match(generated, lookup):
    lookup.search("zoe  GARCIA")
    found = lookup.matches["name"]
    assert len(found) > 0
    assert all("Zoë" in name and "García" in name for name in found)


def test_the_list_is_capped_and_says_so(lookup):
    lookup.search("mail.example")
    assert len(lookup.list.options) == 20
    assert text(lookup.status.value) == f"Showing 20 of {len(lookup.matches):,}."
    assert lookup.matches["sales_value"].iloc[:20].is_monotonic_decreasing


def test_nothing_typed_and_nothing_found_are_said(lookup):
    lookup.search("no such person")
    assert "No customer here matches “no such person”." in text(lookup.status.value)
    lookup.search("   ")
    assert "Type to search" in text(lookup.status.value)
    assert len(lookup.matches) == 0


def test_the_card_shows_the_person_and_the_statistics_against_the_shop(generated, lookup):
    row = generated.customers.query("number_of_orders > 3").dropna(subset="billing_city").iloc[0]
    lookup.pick(row["customer_id"])
    shown = text(lookup.card.value)
    for part in (row["name"], row["email"], row["billing_city"], f"{row['sales_value']:,.2f} EUR"):
        assert part in shown
    for contact in generated.contacts.query("customer_id == @row.customer_id")["contact"]:
        assert contact in shown
    days = (row["as_of"] - row["last_order_date"]).days
    assert f"({days:,} days before 30 Jun 2026)" in shown
    assert lookup.selected["customer_id"].tolist() == [row["customer_id"]]
    assert lookup.last_error is None


@pytest.mark.parametrize(("consent", "words"), [(True, "yes"), (False, "no: never mail"), (pd.NA, "unknown")])
def test_consent_has_three_states(generated, consent, words):
    row = generated.customers.head(1).copy()
    row["accept_marketing"] = pd.array([consent], "boolean")
    lookup = cl.widgets.Lookup(row)
    lookup.pick(row["customer_id"].iloc[0])
    assert f"May be mailed{words}" in text(lookup.card.value)


def test_who_never_ordered_and_who_has_no_statistics_are_told_apart(generated):
    rows = generated.customers.head(2).copy()
    rows["number_of_orders"] = pd.array([0, None], "Int64")
    lookup = cl.widgets.Lookup(rows)
    lookup.pick(rows["customer_id"].iloc[0])
    assert "No orders yet." in text(lookup.card.value)
    lookup.pick(rows["customer_id"].iloc[1])
    assert "No order statistics" in text(lookup.card.value)


def test_orders_without_a_sales_value_are_missing_statistics_and_not_nan(generated):
    rows = generated.customers.query("number_of_orders > 0").head(1).assign(sales_value=float("nan"))
    lookup = cl.widgets.Lookup(rows)
    lookup.pick(rows["customer_id"].iloc[0])
    assert "No order statistics" in text(lookup.card.value)
    assert "nan" not in text(lookup.card.value)


def test_customers_text_is_shown_as_text(generated):
    evil = '<img src=x onerror="alert(1)"> </bdi><script>&'
    rows = generated.customers.head(1).assign(name=evil, email=evil, billing_name=evil, customer_group_name=evil)
    lookup = cl.widgets.Lookup(rows)
    lookup.search("onerror")
    lookup.pick(rows["customer_id"].iloc[0])
    assert "<img" not in lookup.card.value
    assert "<script" not in lookup.card.value
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in lookup.card.value
    lookup.search("<script>nobody")
    assert "<script" not in lookup.status.value


def test_choosing_in_the_list_shows_the_card(lookup):
    lookup.search("rossi")
    lookup.list.value = lookup.list.options[1][1]
    assert lookup.selected["customer_id"].tolist() == [lookup.list.options[1][1]]
    assert "<article" in lookup.card.value


def test_fetching_now_shows_what_the_store_says_now(shop, client):
    shop.population.patches.clear()
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    customer_id = shop.ids[0]
    lookup.pick(customer_id)
    shop.population.order(customer_id, 12_345.67)
    shop.changed()
    lookup.button.click()
    assert lookup.last_error is None
    assert lookup.selected["sales_value"].item() == shop.document(customer_id)["stats"]["salesValue"]
    assert "Fetched now, as of 30 Jun 2026 12:00 UTC." in text(lookup.card.value)
    assert f"Fetched customer {customer_id}" in text(lookup.status.value)


def test_fetching_now_asks_for_the_customer_on_the_card_and_not_for_the_digits_typed(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.box.value = "1770"
    lookup.list.value = lookup.list.options[3][1]
    lookup.button.click()
    assert lookup.last_error is None
    assert lookup.selected["customer_id"].tolist() == [lookup.list.options[3][1]]
    assert "Fetched now" in text(lookup.card.value)


def test_typing_closes_the_card_so_that_fetching_now_asks_for_what_is_typed(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.pick(shop.ids[0])
    lookup.box.value = str(shop.ids[1])
    assert lookup.card.value == ""
    lookup.button.click()
    assert lookup.selected["customer_id"].tolist() == [shop.ids[1]]


def test_a_404_and_a_500_are_told_in_the_words_of_the_shop(shop):
    client = shop.client(retries=1, backoff=0.01)
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.box.value = "999"
    assert "“Fetch now” asks the shop for ID 999." in text(lookup.status.value)
    lookup.button.click()
    assert text(lookup.status.value).endswith(
        "The shop has no customer 999. Its answer: Customer with ID 999 is not found"
    )
    assert isinstance(lookup.last_error, cl.ArgumentError)
    shop.fail_next(500, 500)
    lookup.button.click()
    assert "500: Cannot retrieve the customer info" in text(lookup.status.value)
    assert isinstance(lookup.last_error, cl.ServerError)


def test_a_value_that_breaks_a_rule_is_told_with_the_rule(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    shop.population.patches[shop.ids[0]] = {"registered": "soon"}
    shop.changed()
    lookup.box.value = str(shop.ids[0])
    lookup.button.click()
    assert "Left missing, because it breaks a rule: registered: is not a time" in text(lookup.status.value)


def test_without_a_client_there_is_no_button(lookup, client):
    assert lookup.button not in lookup.children[0].children[0].children
    lookup.fetch_now()
    assert "create it with a client" in text(lookup.status.value)


def test_any_source_that_can_be_looked_up_in_is_taken(generated):
    alone = cl.widgets.Lookup(generated.customers)
    alone.pick(generated.customers["customer_id"].iloc[0])
    assert "Contacts" not in alone.card.value
    few = cl.widgets.Lookup(generated.customers[["customer_id", "number_of_orders", "sales_value"]])
    few.search(str(generated.customers["customer_id"].iloc[0]))
    few.pick(generated.customers["customer_id"].iloc[0])
    assert few.last_error is None
    assert "(no name)" in few.card.value
    empty = cl.widgets.Lookup(generated.customers.head(0))
    empty.search("a")
    assert empty.last_error is None


def test_a_store_can_be_looked_up_in(shop, client, tmp_path):
    store = cl.Store(tmp_path / "shop.lens")
    store.sync(client, progress=False)
    lookup = cl.widgets.Lookup(store)
    customer_id = int(store.customers(columns=[])["customer_id"].iloc[0])
    lookup.search(str(customer_id))
    lookup.pick(customer_id)
    assert lookup.last_error is None
    assert shop.document(customer_id)["contacts"][0]["contact"] in text(lookup.card.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([1], r"source must be a Store, CustomerTables or a pandas customers table, not \[1\]"),
        (None, "source must be .*, not None"),
        (cl.Store, "source must be .*, not the class Store"),
        (pd.DataFrame({"a": [1]}), "lacks customer_id"),
    ],
)
def test_any_other_source_is_refused(source, message):
    with pytest.raises((cl.ArgumentError, cl.DataError), match=message):
        cl.widgets.Lookup(source)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"client": "secret"}, "client must be a Client or None"),
        ({"limit": 0}, "limit must be at least 1"),
        ({"limit": [20]}, "limit must be a whole number"),
        ({"delay": "soon"}, "delay must be a number"),
    ],
)
def test_an_argument_of_another_kind_is_named(generated, arguments, message):
    with pytest.raises(cl.ArgumentError, match=message):
        cl.widgets.Lookup(generated.customers.head(2), **arguments)


def test_a_search_or_a_pick_of_something_else_is_named_in_the_status_line(lookup):
    for act, word in ((lambda: lookup.search(None), "text must be"), (lambda: lookup.pick([1]), "customer_id must be")):
        act()
        assert isinstance(lookup.last_error, cl.ArgumentError)
        assert word in text(lookup.status.value)


def test_characters_that_turn_text_around_are_not_shown(generated):
    rows = generated.customers.head(1).assign(name="Ann\u202egnp.exe\x00 Lee")
    lookup = cl.widgets.Lookup(rows)
    lookup.search("ann")
    lookup.pick(rows["customer_id"].item())
    assert "Anngnp.exe Lee" in lookup.card.value
    assert "\u202e" not in lookup.card.value + lookup.list.options[0][0]


def test_its_repr_shows_nobody(lookup):
    lookup.search("rossi")
    assert repr(lookup) == "<custlens.widgets.Lookup>"


def test_a_customer_who_is_not_there_is_said(lookup):
    lookup.pick(5)
    assert "customer 5 is not in this table" in text(lookup.status.value)
