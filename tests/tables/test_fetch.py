import pandas as pd
import pytest

import custlens as cl
from custlens.tables import schemas


def test_a_fetch_gets_every_customer_of_the_shop(shop, client):
    tables = cl.fetch(client, progress=False)
    assert sorted(tables.customers["customer_id"]) == sorted(shop.ids)
    spoilt = set(tables.rejects["customer_id"])
    assert len(spoilt) < 20
    for row in tables.customers.itertuples():
        document = shop.document(row.customer_id)
        assert row.email == document["email"]
        if row.customer_id not in spoilt:
            assert row.sales_value == document["stats"]["salesValue"]
            assert row.number_of_orders == document["stats"]["numberOfOrders"]
    assert (tables.customers["store_id"] == shop.store_id).all()
    assert (tables.customers["currency"] == "EUR").all()
    assert (tables.customers["as_of"] == pd.Timestamp(shop.population.now)).all()


def test_the_clock_of_a_shop_of_long_ago_is_believed_though_few_customers_have_ordered_lately():
    with cl.demo.serve("cdnow") as shop:
        tables = cl.fetch(shop.client(), progress=False)
        assert set(tables.customers["as_of"]) == {pd.Timestamp(shop.population.now)}


def test_the_report_tells_what_the_fetch_did(shop, client):
    shop.faults.retry_after = "0"
    shop.fail_next("ok", 500)
    report = cl.fetch(client, progress=False).report
    assert (
        report.requests == len(shop.requests) == 5
    )  # the profile, a page, again, the end of the list, the second page
    assert report.retries == 1
    assert report.rows["customers"] == 120
    assert report.bytes > 100_000
    assert report.seconds > 0
    assert "5 (1 retries)" in str(report)


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


def test_columns_may_be_named_as_the_table_or_as_the_api_has_them(shop, client):
    wanted = [
        "sales_value",
        "stats(numberOfOrders)",
        "stats.lastOrderDate",
        "taxId",
        "billing_country_code",
        "currency",
    ]
    tables = cl.fetch(client, columns=wanted, progress=False)
    assert list(tables.customers.columns) == [
        "store_id", "customer_id", "number_of_orders", "sales_value", "last_order_date", "billing_country_code",
        "tax_id", "extra", "currency", "as_of",
    ]  # fmt: skip
    # the other times are for reading a list that changes
    stats = "stats(salesValue,numberOfOrders,lastOrderDate,firstOrderDate)"
    sent = f"items(id,{stats},taxId,billingPerson(countryCode),registered,updated)"
    assert f"responseFields=total,count,offset,limit,{sent}" in shop.requests[1]


def test_each_column_of_the_table_can_be_fetched_alone(client, generated):
    for column in generated.customers:
        assert column in cl.fetch(client, columns=column, head=1, progress=False).customers


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
        ({"columns": []}, "columns is empty"),
        ({"columns": 5}, "columns must be a name or a list of names, not 5"),
        ({"columns": [5]}, "columns must be names, not 5"),
        ({"columns": ["stats(sales_valeu)"]}, "stats has no field 'sales_valeu'"),
        ({"ids": [1], "min_order_count": 2}, "pass either ids or min_order_count, not both"),
        ({"ids": ["1"]}, "each of ids must be a whole number, at least 0, not '1'"),
        ({"limit": 100}, "fetch takes no limit=: it reads every page; did you mean head=?"),
        ({"offset": 100}, "did you mean head=?"),
        ({"fields": ["email"]}, "did you mean columns=?"),
        ({"head": "10"}, "head must be a whole number"),
        ({"head": -1}, "head must be at least 0"),
        ({"ids": [1], "head": 1}, "pass either ids or head, not both"),
        ({"ids": [1], "threads": 0}, "threads must be at least 1, and is 0"),
        ({"ids": 5}, "ids must be a list of customer IDs, or a column of them, not 5"),
        ({"ids": "12"}, "ids must be a list of customer IDs"),
        (
            {"ids": pd.DataFrame({"customer_id": [1]})},
            "ids must be a list of customer IDs, or a column of them, not a DataFrame",
        ),
        ({"progress": "no"}, "progress must be True or False, not 'no'"),
        ({"currency": "euro"}, "currency must be an ISO 4217 code such as 'EUR', not 'euro'"),
        ({"on_invalid": "maybe"}, "on_invalid must be one of"),
        ({"min_orders": 2}, "there is no filter 'min_orders'"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(shop, client, arguments, message):
    with pytest.raises(cl.ArgumentError) as caught:
        cl.fetch(client, **{"progress": False, **arguments})
    assert message in str(caught.value)
    assert shop.requests == []


def test_filters_reach_the_store(shop, client):
    tables = cl.fetch(client, min_order_count=3, country_codes=["US"], progress=False)
    assert (tables.customers["number_of_orders"] >= 3).all()
    assert (tables.customers["billing_country_code"] == "US").all()
    assert "minOrderCount=3" in shop.requests[1]


@pytest.mark.parametrize("head", [0, 1, 100, 101, 500])
def test_a_first_look_has_the_customers_that_registered_first(shop, client, head):
    shop.population.patches.clear()
    first = [customer.id for customer in client.search()][:head]
    shop.requests.clear()
    assert cl.fetch(client, head=head, progress=False).customers["customer_id"].tolist() == first
    assert len(shop.requests) <= 3


def test_unknown_fields_are_kept_and_named_once(shop, client):
    shop.population.patches = {
        customer_id: {"loyaltyTier": {"name": "gold"}, "stats": None} for customer_id in shop.ids[:3]
    }
    shop.changed()
    tables = cl.fetch(client, progress=False)
    assert tables.report.unknown_fields == ["loyaltyTier"]
    assert "New fields loyaltyTier: not known to custlens, kept in `extra`" in str(tables.report)
    extra = tables.customers.set_index("customer_id").loc[shop.ids[0], "extra"]
    assert extra == '{"loyaltyTier":{"name":"gold"}}'


def test_a_token_without_the_profile_leaves_the_currency_unknown(shop):
    client = shop.client(shop.grant("read_customers"))
    tables = cl.fetch(client, progress=False)
    assert tables.report.currency is None
    assert tables.customers["currency"].isna().all()
    assert cl.fetch(client, progress=False, currency="CHF").customers["currency"].eq("CHF").all()


def test_a_currency_that_is_not_the_shops_is_refused(shop, client):
    with pytest.raises(cl.ArgumentError, match="currency is 'USD', and the shop's profile says 'EUR'"):
        cl.fetch(client, progress=False, currency="USD")
    assert len(shop.requests) == 1
    assert cl.fetch(client, head=1, progress=False, currency="EUR").report.currency == "EUR"


def test_a_profile_that_fails_ends_a_fetch(shop):
    shop.fail_next(500)
    with pytest.raises(cl.ServerError):
        cl.fetch(shop.client(retries=0), progress=False)


@pytest.mark.parametrize("wrong", [None, 5, "client", cl.Client, pd.DataFrame()])
def test_what_is_not_a_client_is_refused(wrong):
    with pytest.raises(cl.ArgumentError, match="client must be a Client"):
        cl.fetch(wrong)


@pytest.mark.parametrize("columns", [None, ["sales_value"]])
def test_a_shop_that_changes_while_it_is_read_loses_nobody(columns):
    churn = cl.demo.Churn(add=5, delete=5, edit=5, order=5, seconds_per_request=0.3)
    with cl.demo.serve(customers=2_000, rate_limit=None, churn=churn) as shop:
        there_before = set(shop.ids)
        tables = cl.fetch(shop.client(), columns=columns, progress=False)
        there_all_through = there_before & set(shop.ids)
        assert len(there_before) - len(there_all_through) > 10
        assert there_all_through <= set(tables.customers["customer_id"])
        assert tables.customers["customer_id"].is_unique
        assert tables.report.requests <= 20 * 1.2 + 3


def test_the_rows_come_in_the_order_of_registration(shop, client):
    registered = cl.fetch(client, columns="registered", progress=False).customers["registered"].dropna()
    assert registered.is_monotonic_increasing


def test_an_order_is_not_asked_for(shop, client):
    with pytest.raises(cl.ArgumentError, match="fetch takes no sort_by="):
        cl.fetch(client, sort_by="NAME_ASC")
    assert shop.requests == []


def test_filters_of_time_bound_what_is_read(shop, client):
    registered = cl.fetch(client, columns="registered", progress=False).customers["registered"].dropna()
    middle = registered.sort_values().iloc[60]
    tables = cl.fetch(client, created_from=middle, min_order_count=1, progress=False)
    assert (tables.customers["registered"].dropna() >= middle.floor("s")).all()
    assert len(tables.customers) == sum(1 for _ in client.search(created_from=middle, min_order_count=1, fields="id"))


def test_progress_shows_the_requests_left(shop, client, capsys):
    cl.fetch(client, shop.ids[:3], progress=True)
    assert "requests left" in capsys.readouterr().err


def test_a_fetch_survives_a_bad_network(shop):
    shop.faults.error_500 = shop.faults.cut = shop.faults.drop = shop.faults.html = 0.1
    shop.faults.__post_init__()
    client = shop.client(backoff=0.01, retries=12)
    tables = cl.fetch(client, shop.ids, progress=False, threads=8)
    assert set(tables.customers["customer_id"]) == set(shop.ids)
    assert tables.report.retries > 10


def test_the_tables_carry_the_columns_of_the_schemas(generated):
    for name in ("customers", "addresses", "contacts", "rejects"):
        assert list(getattr(generated, name).columns) == [info.name for info in schemas.columns(name)]
