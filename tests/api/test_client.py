import datetime as dt

import pytest

import custlens as cl
from custlens.api.query import FILTERS, SORT_ORDERS
from custlens.api.records import read_customer


def test_one_customer_comes_whole(shop, client):
    import msgspec

    customer_id = shop.ids[5]
    assert client.customer(customer_id) == read_customer(msgspec.json.encode(shop.document(customer_id)))


def test_response_fields_limit_the_answer(shop, client):
    customer = client.customer(shop.ids[0], fields=["id", "email", "stats(salesValue)"])
    assert customer == cl.Customer(
        id=shop.ids[0],
        email=shop.document(shop.ids[0])["email"],
        stats=cl.Stats(sales_value=shop.document(shop.ids[0])["stats"]["salesValue"]),
    )
    assert shop.requests[-1].endswith("?responseFields=id,email,stats(salesValue)")


def test_a_missing_customer_says_so_in_the_words_of_the_store(client):
    with pytest.raises(cl.NotFoundError) as caught:
        client.customer(404)
    assert caught.value.error_message == "Customer with ID 404 is not found"


def test_an_answer_about_another_customer_is_refused():
    with (
        cl.demo.serve(customers=5, seed=3, lies=[cl.demo.Lies(another_customer=True)]) as shop,
        shop.client() as client,
    ):
        for ask in (lambda: client.customer(shop.ids[0]), lambda: cl.fetch(client, shop.ids[:1], progress=False)):
            with pytest.raises(cl.DecodeError, match=f"GET /customers/{shop.ids[0]} was answered with customer"):
                ask()


def test_an_id_beyond_32_bits_is_asked_for_as_it_is(shop, client):
    big = 2**53 + 1
    shop.population.patches.clear()
    shop.population.customers[big] = cl.Customer(id=big)
    shop.changed()
    assert client.customer(big).id == big
    assert big in {customer.id for customer in client.search()}


@pytest.mark.parametrize("bad", [True, "5", 5.0, None, -1])
def test_a_customer_id_must_be_a_whole_number(client, bad):
    with pytest.raises(cl.ArgumentError, match="customer_id"):
        client.customer(bad)


def test_search_reads_every_page_and_gives_each_customer_once(shop, client):
    found = list(client.search(fields=["email"]))
    assert sorted(customer.id for customer in found) == sorted(shop.ids)
    assert len(shop.requests) == 2


def test_a_short_page_is_not_taken_for_the_end(shop, client):
    pages = list(client._pages(limit=7))
    assert sum(len(page.items) for page in pages) == len(shop.ids)


VALUES = {
    "keyword": "b",
    "name": "a",
    "email": "17700001",
    "use_exact_email_match": True,
    "phone": "1",
    "city": "o",
    "postal_code": "1",
    "state_or_province_code": "NY",
    "country_codes": ["US", "DE"],
    "company_name": "Co",
    "accept_marketing": True,
    "lang": "en",
    "customer_group_ids": [0, 4201],
    "min_order_count": 2,
    "max_order_count": 3,
    "min_sales_value": 50,
    "max_sales_value": 99.5,
    "purchased_product_ids": [1],
    "b2b_b2c": "b2b",
    "tax_exempt": False,
    "created_from": dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    "created_to": 1_750_000_000,
    "updated_from": dt.datetime(2024, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=4))),
    "updated_to": dt.datetime(2025, 1, 1, tzinfo=dt.UTC),
}


def time(text):
    return dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")


def expected(customer, name):
    stats, addresses = customer.stats, customer.shipping_addresses or []
    registered, updated = time(customer.registered), time(customer.updated)
    phones = [a.phone for a in addresses] + [c.contact for c in customer.contacts if c.type == "PHONE"]
    return {
        "keyword": "b" in (customer.name + customer.email).casefold(),
        "name": "a" in customer.name.casefold(),
        "email": "17700001" in customer.email,
        "use_exact_email_match": True,
        "phone": any("1" in phone for phone in phones),
        "city": any("o" in a.city.casefold() for a in addresses),
        "postal_code": any("1" in a.postal_code for a in addresses),
        "state_or_province_code": any(a.state_or_province_code == "NY" for a in addresses),
        "country_codes": any(a.country_code in ("US", "DE") for a in addresses),
        "company_name": any("co" in (a.company_name or "").casefold() for a in addresses),
        "accept_marketing": customer.accept_marketing is True,
        "lang": customer.lang == "en",
        "customer_group_ids": customer.customer_group_id in (0, 4201),
        "min_order_count": stats.number_of_orders >= 2,
        "max_order_count": stats.number_of_orders <= 3,
        "min_sales_value": stats.sales_value >= 50,
        "max_sales_value": stats.sales_value <= 99.5,
        "purchased_product_ids": False,
        "b2b_b2c": customer.b2b_b2c == "b2b",
        "tax_exempt": not customer.tax_exempt,
        "created_from": registered >= VALUES["created_from"],
        "created_to": registered.timestamp() <= VALUES["created_to"],
        "updated_from": updated >= VALUES["updated_from"],
        "updated_to": updated <= VALUES["updated_to"],
    }[name]


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_finds_who_it_should(shop, client, name):
    shop.population.patches.clear()
    shop.changed()
    found = {customer.id for customer in client.search(**{name: VALUES[name]})}
    assert found == {customer.id for customer in shop.population.customers.values() if expected(customer, name)}
    if name not in (
        "use_exact_email_match",
        "purchased_product_ids",
    ):  # alone the one finds everybody, the other nobody
        assert 0 < len(found) < len(shop.ids)


def test_an_exact_email_is_matched_exactly(shop, client):
    email = shop.document(shop.ids[3])["email"]
    assert [c.id for c in client.search(email=email.upper(), use_exact_email_match=True)] == [shop.ids[3]]
    assert not list(client.search(email=email[:-1], use_exact_email_match=True))


@pytest.mark.parametrize("sort_by", SORT_ORDERS)
def test_each_sort_order_sorts(shop, client, sort_by):
    shop.population.patches.clear()
    shop.changed()
    found = list(client.search(sort_by=sort_by))
    key, _, direction = sort_by.rpartition("_")
    read = {
        "NAME": lambda c: c.name.casefold(),
        "EMAIL": lambda c: c.email,
        "ORDER_COUNT": lambda c: c.stats.number_of_orders,
        "REGISTERED_DATE": lambda c: time(c.registered),
        "UPDATED_DATE": lambda c: time(c.updated),
        "SALES_VALUE": lambda c: c.stats.sales_value,
        "FIRST_ORDER_DATE": lambda c: c.stats.first_order_date and time(c.stats.first_order_date),
        "LAST_ORDER_DATE": lambda c: c.stats.last_order_date and time(c.stats.last_order_date),
    }[key]
    values = [read(customer) for customer in found]
    if direction == "DESC":
        values.reverse()
    never = values.count(None)  # who never ordered comes before everybody else
    assert values[:never] == [None] * never
    assert values[never:] == sorted(values[never:])
    assert (never > 0) == key.endswith("ORDER_DATE")
    assert len(set(values)) > 2
    assert len(found) == len(shop.ids)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_order_cuont": 2}, "there is no filter 'min_order_cuont'; did you mean 'min_order_count'?"),
        ({"minOrderCount": 2}, "there is no filter 'minOrderCount'; did you mean 'min_order_count'?"),
        ({"sort_by": "SALES"}, "sort_by must be one of NAME_ASC, NAME_DESC"),
        ({"min_order_count": -1}, "min_order_count must be at least 0, and is -1"),
        ({"min_order_count": True}, "min_order_count must be a whole number"),
        ({"min_sales_value": float("nan")}, "min_sales_value must be a number, and is nan"),
        ({"accept_marketing": "yes"}, "accept_marketing must be True or False"),
        ({"created_from": dt.datetime(2024, 1, 1)}, "created_from needs a time zone"),
        ({"created_from": "last year"}, "created_from must be a date such as"),
        ({"email": ""}, "email must be text that is not empty, and is empty"),
        ({"limit": 5}, "there is no filter 'limit'"),
        ({"fields": 5}, "fields must be a name or a list of names"),
        ({"country_codes": []}, "country_codes must be a value or a list of values"),
    ],
)
def test_a_bad_search_is_refused_before_anything_is_sent(shop, client, arguments, message):
    with pytest.raises(cl.ArgumentError) as caught:
        client.search(**arguments)
    assert message in str(caught.value)
    assert shop.requests == []


def test_an_unreadable_customer_in_a_search_is_an_error_not_a_gap(shop, client):
    shop.population.patches[shop.ids[1]] = {"stats": {"salesValue": "97.5"}}
    shop.changed()
    with pytest.raises(cl.DecodeError, match=r"stats\.salesValue"):
        list(client.search())


def test_deletions_are_listed_since_a_time(shop, client):
    first, second = shop.ids[:2]
    shop.population.delete(first)
    shop.advance(1)
    middle = shop.population.now
    shop.advance(1)
    shop.population.delete(second)
    assert first in {gone.id for gone in client.deleted()}
    assert second in {gone.id for gone in client.deleted(since=middle)}
    assert first not in {gone.id for gone in client.deleted(since=middle)}


def test_a_shop_whose_profile_may_not_be_read_has_an_unknown_currency(shop):
    assert shop.client(shop.grant("read_customers")).currency() is None


@pytest.mark.parametrize(
    ("fault", "kind"), [(500, cl.ServerError), (402, cl.PlanError), (401, cl.PermissionDeniedError)]
)
def test_a_profile_that_fails_is_an_error_and_not_an_unknown_currency(shop, fault, kind):
    client = shop.client(retries=0)
    shop.fail_next(fault)
    with pytest.raises(kind):
        client.currency()
    assert client.currency() == "EUR"
    with pytest.raises(cl.PermissionDeniedError):
        shop.client("wrong").currency()


def test_a_client_closes_its_connections_at_the_end_of_the_block(shop):
    with shop.client() as client:
        assert client.customer(shop.ids[0]).id == shop.ids[0]
        pools = client._transport._session.get_adapter(shop.url).poolmanager.pools
        assert len(pools) == 1
    assert len(pools) == 0


def test_the_profile_gives_store_and_currency(shop, client):
    profile = client.profile()
    assert (profile.general_info.store_id, profile.formats_and_units.currency) == (shop.store_id, "EUR")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"token": ""}, "token must be"),
        ({"token": "with space"}, "token must be"),
        ({"token": "line\nbreak"}, "token must be"),
        ({"token": None}, "token must be"),
        ({"store_id": "my-shop"}, "store_id must be the shop's number"),
        ({"base_url": "http://app.ecwid.com/api/v3"}, "must begin with https://"),
        ({"base_url": "ftp://127.0.0.1"}, "must be an https:// address, not 'ftp://127.0.0.1'"),
        ({"base_url": "shop"}, "base_url must be an https:// address, not 'shop'"),
        ({"base_url": "https://user:pw@host.example"}, "neither a user nor a query"),
        ({"rate_limit": 0}, "rate_limit"),
        ({"rate_limit": "600"}, "rate_limit must be a whole number"),
        ({"rate_window": 0}, "rate_window must be a number above 0"),
        ({"retries": -1}, "retries must be at least 0"),
        ({"max_wait": -1}, "max_wait must be a number of at least 0"),
        ({"backoff": None}, "backoff must be a number of at least 0"),
        ({"timeout": (0, 1)}, "timeout must be a number above 0"),
        ({"timeout": None}, "timeout must be two numbers of seconds"),
        ({"base_url": 5}, "base_url must be an https:// address"),
    ],
)
def test_a_client_that_cannot_work_is_refused(arguments, message):
    with pytest.raises(cl.ArgumentError) as caught:
        cl.Client(**{"store_id": 1, "token": "secret", **arguments})
    assert message in str(caught.value)


def test_the_environment_makes_a_client(shop, monkeypatch):
    for name in ("ECWID_STORE_ID", "ECWID_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    both = "set ECWID_STORE_ID and ECWID_TOKEN in the environment: the shop's ID and the shop's API token"
    with pytest.raises(cl.ConfigError, match=both):
        cl.Client.from_env()
    monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
    monkeypatch.setenv("ECWID_TOKEN", shop.token)
    monkeypatch.setenv("ECWID_BASE_URL", shop.url)
    with cl.Client.from_env() as client:
        assert client.customer(shop.ids[0]).id == shop.ids[0]
