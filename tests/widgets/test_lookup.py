"""The lookup, by its methods and by the messages of its page."""

import asyncio
import gc
import re
import threading
import weakref

import pandas as pd
import pytest
from helpers.panels import send, told

import custlens as cl


@pytest.fixture
def lookup(generated):
    return cl.widgets.Lookup(generated)


def said(lookup):
    return told(lookup, "status")["sentence"]


def opened(lookup):
    return told(lookup, "card")["card"]


def names(lookup):
    """Return the list as it is shown, with the marks in brackets."""
    hits = told(lookup, "hits")["hits"]
    return [
        ["".join(f"[{text}]" if found else text for text, found in value) for value in hit["values"]] for hit in hits
    ]


def test_it_finds_by_id_email_name_and_phone(generated, lookup):
    row = generated.customers.dropna(subset="billing_phone").iloc[10]
    digits = re.sub(r"\D", "", row["billing_phone"])
    for query in (str(row["customer_id"]), row["email"].upper(), row["name"], row["billing_phone"], digits):
        lookup.search(query)
        assert row["customer_id"] in set(lookup.matches["customer_id"]), query
    lookup.search(str(row["customer_id"]))
    assert lookup.matches["customer_id"].iloc[0] == row["customer_id"]


def test_accents_and_case_do_not_matter_and_every_word_must_match(lookup):
    lookup.search("zoe  GARCIA")
    found = lookup.matches["name"]
    assert len(found) > 0
    assert all("Zoë" in name and "García" in name for name in found)
    assert names(lookup)[0][0] == "[Zoë] [García]"


def test_the_list_is_capped_and_says_so(lookup):
    lookup.search("mail.example")
    assert len(names(lookup)) == 20
    assert said(lookup) == f"20 of {len(lookup.matches):,} customers"
    assert lookup.matches["sales_value"].iloc[:20].is_monotonic_decreasing


def test_what_was_found_elsewhere_than_in_the_name_is_in_the_list(generated):
    rows = generated.customers.head(1).assign(billing_company_name="Studio Nord", billing_phone="+49 (0)30 77 66")
    customer_id = rows["customer_id"].item()
    contacts = generated.contacts.head(1).assign(customer_id=customer_id, contact="@nordlicht")
    tables = cl.CustomerTables(rows, generated.rejects, generated.report, {"contacts": contacts})
    lookup = cl.widgets.Lookup(tables)
    for text, value in (("studio", "[Studio] Nord"), ("0307766", "+49 (0)[30 77 66]"), ("lich", "@nord[lich]t")):
        lookup.search(text)
        assert names(lookup)[0][-1] == value


def test_nothing_typed_and_nothing_found_are_said(lookup):
    lookup.search("no such person")
    assert said(lookup) == "No customer here matches “no such person”."
    lookup.search("   ")
    assert said(lookup) == "3,000 customers. Type two letters or a digit."
    assert len(lookup.matches) == 0


def test_the_card_shows_the_person_and_the_statistics_against_the_shop(generated, lookup):
    row = generated.customers.query("number_of_orders > 3").dropna(subset="billing_city").iloc[0]
    lookup.pick(row["customer_id"])
    lookup.reveal()
    shown = str(opened(lookup))
    for part in (row["name"], row["email"], row["billing_city"], f"{row['sales_value']:,.2f} EUR"):
        assert part in shown
    for contact in generated.contacts.query("customer_id == @row.customer_id")["contact"]:
        assert contact in shown
    days = (row["as_of"] - row["last_order_date"]).days
    assert f"({days:,} days before 30 Jun 2026)" in shown
    assert "within 90 days" in shown
    assert lookup.customer["customer_id"].tolist() == [row["customer_id"]]


def test_the_kernel_answers_while_the_first_outlook_is_computed(generated, lookup):
    first, second = (int(number) for number in generated.customers["customer_id"].iloc[:2])

    async def pick_two():
        lookup.pick(first)
        assert opened(lookup)["outlook"] is None
        lookup.pick(second)
        while opened(lookup)["outlook"] is None:
            await asyncio.sleep(0.01)
        assert opened(lookup)["id"] == second
        lookup.pick(first)
        assert opened(lookup)["outlook"] is not None

    asyncio.run(asyncio.wait_for(pick_two(), 60))


def test_the_card_hides_personal_data_until_a_button_reveals_it(generated, lookup):
    row = generated.customers.dropna(subset="email").iloc[0]
    send(lookup, "pick", customer_id=int(row["customer_id"]))
    assert row["email"] not in str(opened(lookup))
    assert opened(lookup)["email"] is None
    send(lookup, "reveal", reveal=True)
    assert opened(lookup)["email"] == row["email"]
    send(lookup, "reveal", reveal=False)
    assert row["email"] not in str(opened(lookup))


def test_no_customers_data_is_in_the_state_that_a_notebook_saves(generated, lookup):
    row = generated.customers.dropna(subset="email").iloc[0]
    for panel, kept in ((lookup, False), (cl.widgets.Lookup(generated, save_personal_data=True), True)):
        panel.search(row["email"])
        panel.pick(row["customer_id"])
        panel.reveal()
        assert (row["email"] in str(panel.get_state())) is kept


def test_a_page_without_a_kernel_shows_a_picture_and_a_table_without_personal_data(generated, lookup):
    row = generated.customers.dropna(subset="email").nlargest(1, "sales_value").iloc[0]
    for pick in (False, True):
        if pick:
            lookup.pick(row["customer_id"])
            lookup.reveal()
        bundle = lookup.still()
        still = bundle["text/html"]
        assert "buyers have spent less than" in still.split('alt="')[1].split('"')[0]
        assert bundle["image/png"] in still
        assert len(still) < 80_000
        assert str(row["customer_id"]) in still
        assert f"{row['sales_value']:,.2f} EUR" in still
        assert row["email"] not in still
        assert row["name"] not in still
    assert f"Dashed line: customer {row['customer_id']}, {row['sales_value']:,.2f} EUR, top 1% of buyers." in still


def test_amounts_in_several_currencies_have_no_picture(generated):
    currencies = ["EUR", "USD", "USD"] * (len(generated.customers) // 3)
    bundle = cl.widgets.Lookup(generated.customers.assign(currency=currencies)).still()
    assert list(bundle) == ["text/html"]
    assert "The greatest sales" in bundle["text/html"]


def test_fetching_now_shows_what_the_shop_says_now_and_what_changed(shop, client):
    shop.population.patches.clear()
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    customer_id = shop.ids[0]
    lookup.pick(customer_id)
    before = lookup.customer
    shop.population.order(customer_id, 12_345.67)
    shop.changed()
    send(lookup, "fetch", text="")
    assert lookup.last_error is None
    assert lookup.customer["sales_value"].item() == shop.document(customer_id)["stats"]["salesValue"]
    assert opened(lookup)["note"] == "Fetched now, as of 30 Jun 2026 12:00 UTC."
    count = int(before["number_of_orders"].item())
    assert ("Orders", str(count), str(count + 1)) in opened(lookup)["changes"]
    assert said(lookup) == f"Fetched customer {customer_id} from the shop."


def test_fetching_now_asks_for_the_customer_on_the_card_and_not_for_the_digits_typed(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.search("1770")
    chosen = told(lookup, "hits")["hits"][3]["id"]
    lookup.pick(chosen)
    send(lookup, "fetch", text="1770")
    assert lookup.customer["customer_id"].tolist() == [chosen]
    assert opened(lookup)["note"].startswith("Fetched now")
    assert opened(lookup)["changes"] == []


def test_typing_closes_the_card_so_that_fetching_now_asks_for_what_is_typed(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.pick(shop.ids[0])
    send(lookup, "search", text=str(shop.ids[1]))
    assert opened(lookup) is None
    assert lookup.customer.empty
    send(lookup, "fetch", text=str(shop.ids[2]))  # typed meanwhile
    assert lookup.customer["customer_id"].tolist() == [shop.ids[2]]


def test_who_registered_after_the_sync_is_fetched_by_id(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    customer_id = shop.population.add()
    shop.changed()
    lookup.search(str(customer_id))
    assert said(lookup).endswith(f"“Fetch now” asks the shop for ID {customer_id}.")
    lookup.fetch_now()
    assert lookup.customer["customer_id"].tolist() == [customer_id]
    assert opened(lookup)["changes"] is None
    assert opened(lookup)["outlook"][0] == ("Segment", "none: not in the table that was loaded")


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (404, cl.ArgumentError, "The shop has no customer 999. Its answer: Customer with ID 999 is not found"),
        (500, cl.ServerError, "500: Cannot retrieve the customer info"),
        (403, cl.PermissionDeniedError, "403"),
        (429, cl.RateLimitError, "429"),
    ],
)
def test_an_error_is_told_in_the_words_of_the_shop_and_no_card_stands_beside_it(shop, fault, error, words):
    client = shop.client(retries=1, backoff=0.01, max_wait=0)
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.pick(shop.ids[0])
    if fault != 404:
        shop.fail_next(fault, fault)
    send(lookup, "search", text="999")
    send(lookup, "fetch", text="999")
    assert isinstance(lookup.last_error, error)
    assert words in said(lookup)
    assert told(lookup, "status")["kind"] == "error"
    assert opened(lookup) is None


def in_kernel(steps):
    """Run steps of a test where an event loop runs, as in a kernel."""
    asyncio.run(asyncio.wait_for(steps(), 60))


async def until(true):
    while not true():
        await asyncio.sleep(0.01)


async def ended():
    """Wait until the threads of panels have ended, and what they asked the event loop for is done."""
    await until(lambda: not any(thread.name == "custlens-panel" for thread in threading.enumerate()))
    await asyncio.sleep(0)


@pytest.fixture
def asking(shop, client):
    """A lookup whose shop lets it wait: for a second, as after too many requests."""
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.pick(shop.ids[0])  # so that the outlook is there
    shop.faults.retry_after = "1"
    shop.fail_next(429)
    return lookup


def test_the_kernel_is_free_while_the_button_fetches(shop, asking):
    async def fetch():
        send(asking, "fetch", text="")
        assert said(asking) == f"Asking the shop for customer {shop.ids[0]} …"
        assert told(asking, "status")["kind"] == "busy"
        assert told(asking, "asking")["asking"] is True
        send(asking, "fetch", text="")  # pressed twice
        asking.reveal()
        await until(lambda: not told(asking, "asking")["asking"])
        assert len(shop.requests) - before == 2  # the one refused, and the one sent again
        assert said(asking) == f"Fetched customer {shop.ids[0]} from the shop."
        assert opened(asking)["note"].startswith("Fetched now")

    before = len(shop.requests)
    in_kernel(fetch)


def test_an_error_of_a_fetch_in_the_background_is_shown(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)

    async def fetch():
        send(lookup, "fetch", text="999")
        await until(lambda: not told(lookup, "asking")["asking"])
        assert isinstance(lookup.last_error, cl.ArgumentError)
        assert "Customer with ID 999 is not found" in said(lookup)
        assert told(lookup, "status")["kind"] == "error"

    in_kernel(fetch)


@pytest.mark.parametrize("kind", ["pick", "search"])
def test_an_answer_that_comes_after_another_choice_is_not_shown(shop, asking, kind):
    content = {"pick": {"customer_id": shop.ids[1]}, "search": {"text": "rossi"}}[kind]

    async def fetch():
        send(asking, "fetch", text="")
        send(asking, kind, **content)
        assert told(asking, "asking")["asking"] is False
        assert "Asking" not in said(asking)
        chosen, status = opened(asking), said(asking)
        await ended()
        assert (opened(asking), said(asking)) == (chosen, status)

    in_kernel(fetch)


def test_a_lookup_that_is_closed_while_it_fetches_is_freed(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    alive, index = weakref.ref(lookup), weakref.ref(lookup._shop.index)
    shop.faults.retry_after = "1"
    shop.fail_next(429)

    async def fetch(lookup):
        send(lookup, "fetch", text=str(shop.ids[0]))
        lookup.close()
        assert told_nothing(lookup)
        await ended()
        assert lookup.last_error is None
        assert told_nothing(lookup)

    asyncio.run(asyncio.wait_for(fetch(lookup), 60))
    del lookup
    gc.collect()
    assert (alive(), index()) == (None, None)


def test_a_value_that_breaks_a_rule_is_told_with_the_rule(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    shop.population.patches[shop.ids[0]] = {"registered": "soon"}
    shop.changed()
    lookup.search(str(shop.ids[0]))
    lookup.fetch_now()
    assert "Left missing, because it breaks a rule: registered: is not a time" in said(lookup)


def test_without_a_client_nothing_is_fetched(lookup):
    lookup.search("1770")
    assert told(lookup, "hits")["can_fetch"] is False
    with pytest.raises(cl.ArgumentError, match="create it with a client"):
        lookup.fetch_now()
    send(lookup, "fetch", text="")
    assert "create it with a client" in said(lookup)


def test_without_an_id_there_is_nobody_to_fetch(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.search("rossi")
    with pytest.raises(cl.ArgumentError, match="there is no customer to fetch"):
        lookup.fetch_now()


def test_any_source_that_can_be_looked_up_in_is_taken(generated):
    customer_id = generated.customers["customer_id"].iloc[0]
    alone = cl.widgets.Lookup(generated.customers)
    alone.pick(customer_id)
    assert "Contacts" not in str(opened(alone))
    few = cl.widgets.Lookup(generated.customers[["customer_id", "number_of_orders", "sales_value"]])
    few.search(str(customer_id))
    few.pick(customer_id)
    few.reveal()
    assert opened(few)["title"] == "(no name)"
    empty = cl.widgets.Lookup(generated.customers.head(0))
    empty.search("an")
    assert said(empty) == "No customer here matches “an”."
    assert "A lookup of 0 customers" in empty.still_table()


def test_a_store_can_be_looked_up_in_and_shows_what_its_syncs_saw(shop, client, tmp_path):
    store = cl.Store(tmp_path / "shop.lens")
    store.sync(client, progress=False)
    customer_id = shop.ids[0]
    shop.advance(1)
    shop.population.order(customer_id, 10.0)
    shop.changed()
    store.sync(client, progress=False)
    lookup = cl.widgets.Lookup(store)
    lookup.pick(customer_id)
    lookup.reveal()
    assert shop.document(customer_id)["contacts"][0]["contact"] in str(opened(lookup))
    seen = next(section for section in opened(lookup)["sections"] if section["title"] == "Seen by the syncs")
    assert " → " in seen["facts"][0][1]
    assert seen["facts"][-1][1].startswith("first seen")


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
        ({"save_personal_data": 1}, "save_personal_data must be True or False"),
    ],
)
def test_an_argument_of_another_kind_is_named(generated, arguments, message):
    with pytest.raises(cl.ArgumentError, match=message):
        cl.widgets.Lookup(generated.customers.head(2), **arguments)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda lookup: lookup.search(None), "text must be"),
        (lambda lookup: lookup.pick([1]), "customer_id must be"),
        (lambda lookup: lookup.pick(5), "customer 5 is not in this table"),
        (lambda lookup: lookup.reveal("yes"), "reveal must be"),
    ],
)
def test_a_search_or_a_pick_of_something_else_is_refused(lookup, act, message):
    with pytest.raises(cl.ArgumentError, match=message):
        act(lookup)


def test_characters_that_turn_text_around_are_not_shown(generated):
    rows = generated.customers.head(1).assign(name="Ann\u202egnp.exe\x00 Lee")
    lookup = cl.widgets.Lookup(rows)
    lookup.search("ann")
    assert names(lookup)[0][0] == "[Ann]gnp.exe Lee"


def test_its_repr_shows_nobody(lookup):
    lookup.search("rossi")
    assert repr(lookup) == "<custlens.widgets.Lookup>"


def test_a_closed_lookup_holds_nothing_and_says_so(generated):
    customers = generated.customers.copy()
    lookup, held = cl.widgets.Lookup(customers), weakref.ref(customers)
    lookup.pick(customers["customer_id"].iloc[0])
    index = weakref.ref(lookup._shop.index)
    lookup.close()
    del customers
    gc.collect()
    assert (held(), index()) == (None, None)
    with pytest.raises(cl.ArgumentError, match="this Lookup is closed"):
        lookup.search("rossi")
    with pytest.raises(cl.ArgumentError, match="this Lookup is closed"):
        lookup.reveal()
    assert told_nothing(lookup)


def test_a_closed_lookup_does_not_ask_the_shop(shop, client):
    lookup = cl.widgets.Lookup(cl.fetch(client, progress=False), client=client)
    lookup.search(str(shop.ids[0]))
    lookup.close()
    asked = len(shop.requests)
    with pytest.raises(cl.ArgumentError, match="this Lookup is closed"):
        lookup.fetch_now()
    assert len(shop.requests) == asked


def test_a_pick_that_is_refused_leaves_the_card_open(generated, lookup):
    customer_id = int(generated.customers["customer_id"].iloc[0])
    lookup.pick(customer_id)
    with pytest.raises(cl.ArgumentError, match="customer 5 is not in this table"):
        lookup.pick(5)
    assert lookup.customer["customer_id"].tolist() == [customer_id]
    assert opened(lookup)["id"] == customer_id


def told_nothing(lookup):
    return not lookup.told and lookup.get_state()["saved"] == {}
