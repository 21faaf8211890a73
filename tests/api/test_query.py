import datetime as dt

import pandas as pd
import pytest

import custlens as cl
from custlens.api.query import parse_fields, query_value, response_fields


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        (["id", "email", "taxId"], "id,email,taxId"),
        ("id,email", "id,email"),
        (["tax_id", "customer_group_id", "b2b_b2c"], "taxId,customerGroupId,b2b_b2c"),
        (["stats(salesValue)"], "stats(salesValue)"),
        (["stats( sales_value , number_of_orders )"], "stats(salesValue,numberOfOrders)"),
        (["stats(salesValue)", "stats(number_of_orders)"], "stats(salesValue,numberOfOrders)"),
        (["stats(salesValue)", "stats"], "stats"),
        (["stats", "stats(salesValue)"], "stats"),
        (
            ["billingPerson(country_code)", "contacts(type,default)"],
            "billingPerson(countryCode),contacts(type,default)",
        ),
    ],
)
def test_fields_are_written_in_the_spelling_of_the_api(fields, sent):
    assert response_fields(parse_fields(fields)) == sent


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["emial"], "customer has no field 'emial'; did you mean 'email'?"),
        (["stats(salesValu)"], "stats has no field 'salesValu'; did you mean 'salesValue'?"),
        (["email(x)"], "fields: 'email' has no fields of its own"),
        (["stats(salesValue"], "fields: 'stats(salesValue' cannot be read from"),
        (["id;email"], "fields: 'id;email' cannot be read from"),
        ([], "fields is empty"),
        ([5], "fields must be names, not 5"),
        (5, "fields must be a name or a list of names, not 5"),
        (["extra"], "customer has no field 'extra'"),
    ],
)
def test_a_wrong_field_is_refused_with_what_to_write_instead(fields, message):
    with pytest.raises(cl.ArgumentError) as caught:
        parse_fields(fields)
    assert message in str(caught.value)


def test_a_wrong_field_sends_nothing(shop, client):
    with pytest.raises(cl.ArgumentError):
        client.customer(shop.ids[0], fields=["emial"])
    assert shop.requests == []


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2023-01-15 19:27:50", 1673810870),
        ("2023-01-15 23:27:50 +0400", 1673810870),
        ("2023-01-15T19:27:50Z", 1673810870),
        (dt.datetime(2023, 1, 15, 19, 27, 50, 900_000, tzinfo=dt.UTC), 1673810870),
        (pd.Timestamp("2023-01-15 20:27:50", tz="Europe/Berlin"), 1673810870),
        (1673810870, 1673810870),
    ],
)
def test_a_time_is_taken_in_each_form(value, sent):
    for name in ("created_from", "updated_to"):
        assert query_value(name, value, "time") == str(sent)


@pytest.mark.parametrize("day", ["2023-01-15", dt.date(2023, 1, 15)])
def test_a_window_of_dates_contains_its_first_and_its_last_day(day):
    midnight = int(dt.datetime(2023, 1, 15, tzinfo=dt.UTC).timestamp())
    assert query_value("created_from", day, "time") == query_value("since", day, "time") == str(midnight)
    assert query_value("created_to", day, "time") == query_value("until", day, "time") == str(midnight + 86_399)


@pytest.mark.parametrize("value", ["yesterday", dt.datetime(2023, 1, 15), 1.5, None, True, pd.NaT, -1, ["2023-01-15"]])
def test_what_is_not_a_time_is_named(value):
    with pytest.raises(cl.ArgumentError, match=r"^created_from "):
        query_value("created_from", value, "time")


@pytest.mark.parametrize("value", [["ann@example.com"], {"ann@example.com"}, ("ann@example.com",)])
def test_personal_data_of_a_wrong_kind_is_not_shown(value):
    with pytest.raises(cl.ArgumentError, match="email must be text that is not empty") as caught:
        query_value("email", value, "text")
    assert "ann@" not in str(caught.value)
