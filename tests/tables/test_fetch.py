import warnings

import pandas as pd
import pytest

import custlens as cl
from custlens.tables import schemas

pytestmark = pytest.mark.filterwarnings("ignore:the API sent fields")


def truth(shop, customer_id):
    return shop.document(customer_id)


def test_a_fetch_gets_every_customer_of_the_store(shop, client):
    tables = cl.fetch(client, progress=False)
    sound = set(tables.customers["customer_id"])
    assert sound | set(tables.rejects["customer_id"]) == set(shop.ids)
    for row in tables.customers.itertuples():
        document = truth(shop, row.customer_id)
        assert row.email == document["email"]
        assert row.sales_value == document["stats"]["salesValue"]
        assert row.number_of_orders == document["stats"]["numberOfOrders"]
    assert (tables.customers["store_id"] == shop.store_id).all()
    assert (tables.customers["currency"] == "EUR").all()
    assert (tables.customers["as_of"] == pd.Timestamp(shop.population.now)).all()


def test_the_report_tells_what_the_fetch_did(shop, client):
    shop.faults.retry_after = "0"
    shop.fail_next(500)
    report = cl.fetch(client, progress=False).report
    assert report.requests == len(shop.requests) == 4  # a page, again, the second page, the profile
    assert report.retries == 1
    assert report.rows["customers"] + report.rejects >= 120
    assert report.bytes > 100_000
    assert report.seconds > 0
    assert "4 requests (1 retries)" in str(report)


def test_ids_keep_their_order_and_a_404_becomes_a_reject(shop, client):
    shop.population.patches.clear()
    shop.changed()
    asked = [*reversed(shop.ids[:30]), 5, shop.ids[50], shop.ids[0]]
    tables = cl.fetch(client, asked, progress=False)
    assert tables.customers["customer_id"].tolist() == [*reversed(shop.ids[:30]), shop.ids[50]]
    reject = tables.rejects.iloc[0]
    assert reject["customer_id"] == 5
    assert reject["reason"] == "404: Customer with ID 5 is not found"
    assert sum("/customers/177" in request or "/customers/5" in request for request in shop.requests) == 32


def test_ids_may_come_from_a_table(shop, client, generated):
    ids = pd.Series(shop.ids[:3])
    assert len(cl.fetch(client, ids, progress=False).customers) == 3


def test_an_error_that_is_no_404_ends_a_fetch_by_ids(shop, client):
    shop.fail_next("ok", "ok", 402)
    with pytest.raises(cl.PlanError):
        cl.fetch(client, shop.ids, progress=False)
    assert len(shop.requests) < 30


def test_fields_may_be_columns_or_api_names(shop, client):
    tables = cl.fetch(
        client, columns=["sales_value", "stats(numberOfOrders)", "taxId", "billing_country_code"], progress=False
    )
    assert list(tables.customers.columns) == [
        "store_id", "customer_id", "number_of_orders", "sales_value", "billing_country_code", "tax_id", "extra",
        "currency", "as_of",
    ]  # fmt: skip
    sent = "items(id,stats(salesValue,numberOfOrders),taxId,billingPerson(countryCode))"
    assert f"responseFields=total,count,offset,limit,{sent}" in shop.requests[0]


def test_a_table_that_was_not_asked_for_is_an_error_and_not_empty(client):
    tables = cl.fetch(client, columns=["email"], progress=False)
    with pytest.raises(cl.DataError, match="contacts were not fetched: add 'contacts' to columns"):
        _ = tables.contacts
    with pytest.raises(cl.DataError, match="add 'shippingAddresses' to columns"):
        _ = tables.addresses
    assert len(cl.fetch(client, columns=["contacts"], progress=False).contacts) > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ["sales_valeu"]}, "there is no column or field 'sales_valeu'; did you mean 'sales_value'?"),
        ({"columns": []}, "no field"),
        ({"ids": [1], "min_order_count": 2}, "give either ids or filters (min_order_count), not both"),
        ({"ids": ["1"]}, "customer_id must be a whole number, not '1'"),
        ({"limit": 100}, "fetch takes no limit=: it reads every page; did you mean head=?"),
        ({"offset": 100}, "did you mean head=?"),
        ({"fields": ["email"]}, "did you mean columns=?"),
        ({"head": "10"}, "head must be a whole number"),
        ({"head": -1}, "head must be from 0"),
        ({"ids": [1], "head": 1}, "give either ids or head, not both"),
        ({"ids": [1], "threads": 0}, "threads must be at least 1"),
        ({"on_invalid": "maybe"}, "on_invalid must be one of"),
        ({"min_orders": 2}, "there is no filter 'min_orders'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(shop, client, arguments, message):
    with pytest.raises(cl.ArgumentError) as caught:
        cl.fetch(client, progress=False, **arguments)
    assert message in str(caught.value)
    assert shop.requests == []


def test_filters_reach_the_store(shop, client):
    tables = cl.fetch(client, min_order_count=3, country_codes=["US"], progress=False)
    assert (tables.customers["number_of_orders"] >= 3).all()
    assert (tables.customers["billing_country_code"] == "US").all()
    assert "minOrderCount=3" in shop.requests[0]


@pytest.mark.parametrize("head", [0, 1, 100, 101, 500])
def test_a_first_look_has_the_customers_that_registered_first(shop, client, head):
    shop.population.patches.clear()
    first = [customer.id for customer in client.search()][:head]
    shop.requests.clear()
    assert cl.fetch(client, head=head, progress=False).customers["customer_id"].tolist() == first
    assert len(shop.requests) <= 3


def test_unknown_fields_are_kept_and_named_once(shop, client):
    for customer_id in shop.ids[:3]:
        shop.population.patches[customer_id] = {"loyaltyTier": {"name": "gold"}, "stats": None}
    shop.changed()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tables = cl.fetch(client, progress=False)
    assert [str(warning.message) for warning in caught] == [
        "the API sent fields that custlens does not know; see `extra`: loyaltyTier"
    ]
    extra = tables.customers.set_index("customer_id").loc[shop.ids[0], "extra"]
    assert extra == '{"loyaltyTier":{"name":"gold"}}'


def test_a_token_without_the_profile_leaves_the_currency_unknown(shop):
    client = shop.client(shop.grant("read_customers"))
    tables = cl.fetch(client, progress=False)
    assert tables.report.currency is None
    assert tables.customers["currency"].isna().all()
    assert cl.fetch(client, progress=False, currency="CHF").customers["currency"].eq("CHF").all()


def test_a_shop_that_changes_while_it_is_read_is_read_again(shop, client):
    shop.population.patches.clear()

    def delete_once(request):
        if "offset=100" in request and len(shop.ids) == 120:
            shop.population.delete(shop.ids[0])
            shop.changed()

    shop.on_request = delete_once
    tables = cl.fetch(client, progress=False)
    assert len(shop.ids) == 119
    assert sorted(tables.customers["customer_id"]) == sorted(shop.ids)


def test_a_shop_that_never_holds_still_is_named(shop, client):
    def delete_one(request):
        if "offset=100" in request:
            shop.population.delete(shop.ids[0])
            shop.changed()

    shop.on_request = delete_one
    with pytest.warns(cl.CustlensWarning, match="the store changed each of the 3 times"):
        cl.fetch(client, progress=False)


def test_progress_shows_the_requests_left(shop, client, capsys):
    cl.fetch(client, shop.ids[:3], progress=True)
    assert "requests left" in capsys.readouterr().err


def test_a_fetch_survives_a_bad_network(shop):
    shop.faults.error_500 = shop.faults.cut = shop.faults.drop = shop.faults.html = 0.1
    shop.faults.__post_init__()
    client = shop.client(backoff=0.01, retries=12)
    tables = cl.fetch(client, shop.ids, progress=False, threads=8)
    assert set(tables.customers["customer_id"]) | set(tables.rejects["customer_id"]) == set(shop.ids)
    assert tables.report.retries > 10


def test_the_tables_carry_the_columns_of_the_schemas(generated):
    for name in ("customers", "addresses", "contacts", "rejects"):
        assert list(getattr(generated, name).columns) == [info.name for info in schemas.columns(name)]
