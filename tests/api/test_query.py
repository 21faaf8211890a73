import pytest

import custlens as cl
from custlens.api.query import parse_fields, response_fields


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
        (["email(x)"], "field 'email' has no fields of its own"),
        (["stats(salesValue"], "cannot read the field list"),
        (["id;email"], "cannot read the field list"),
        ([], "no field was named"),
        ([5], "a field name must be text, not 5"),
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
