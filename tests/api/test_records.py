from pathlib import Path

import msgspec
import pytest

from custlens.api.records import Contact, Customer, Page, Stats, read_customer


def test_every_table_of_the_api_is_read_one_to_one():
    raw = b"""{"id": 177737165, "email": "a@b.example", "registered": "2014-06-06 18:57:19 +0400",
        "updated": "2014-06-06 18:57:19 +0400", "customerGroupId": 5, "customerGroupName": "VIP",
        "billingPerson": {"name": "Ann", "companyName": "Co", "street": "S", "city": "C", "countryCode": "US",
            "countryName": "United States", "postalCode": "1", "stateOrProvinceCode": "NY",
            "stateOrProvinceName": "New York", "phone": "+1", "firstName": "Ann", "lastName": "B"},
        "shippingAddresses": [{"id": 7, "name": "Ann", "note": "n", "createdDate": "2014-06-06 18:57:19 +0400",
            "defaultAddress": true, "orderBy": 0, "addressFormatted": "S, C"}],
        "contacts": [{"id": 9, "contact": "a@b.example", "type": "EMAIL", "handle": "h", "default": true, "note": "n",
            "orderBy": 1, "timestamp": "2014-06-06 18:57:19 +0400"}],
        "taxId": "t", "taxIdValid": true, "b2b_b2c": "b2c", "fiscalCode": "f", "electronicInvoicePecEmail": "p",
        "electronicInvoiceSdiCode": "s", "taxExempt": false, "acceptMarketing": true, "lang": "en",
        "stats": {"numberOfOrders": 2, "salesValue": 195, "averageOrderValue": 97.5,
            "firstOrderDate": "2014-06-06 18:57:19 +0400", "lastOrderDate": "2014-06-07 18:57:19 +0400"},
        "name": "Ann", "totalOrderCount": 3, "externalReferenceId": "x", "privateAdminNotes": "", "favorites": [],
        "extrafields": {}}"""
    customer = read_customer(raw)
    assert customer.extra is None
    assert msgspec.json.decode(msgspec.json.encode(customer)) == msgspec.json.decode(raw)
    assert customer.stats == Stats(
        number_of_orders=2,
        sales_value=195.0,
        average_order_value=97.5,
        first_order_date="2014-06-06 18:57:19 +0400",
        last_order_date="2014-06-07 18:57:19 +0400",
    )
    assert type(customer.stats.sales_value) is float


ANSWERS = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("name", ["search", "search_of_some_fields"])
def test_pages_as_the_vendor_documents_them_are_read_without_a_remainder(name):
    body = (ANSWERS / f"{name}.json").read_bytes()
    page = msgspec.json.decode(body, type=Page)
    assert page.total == len(page.items) == 2
    for raw, document in zip(page.items, msgspec.json.decode(body)["items"], strict=True):
        assert read_customer(raw).extra is None
        assert msgspec.json.decode(msgspec.json.encode(read_customer(raw))) == document


def test_a_customer_as_the_vendor_documents_it_is_read_without_a_remainder():
    body = (ANSWERS / "customer.json").read_bytes()
    assert read_customer(body).extra is None
    assert msgspec.json.decode(msgspec.json.encode(read_customer(body))) == msgspec.json.decode(body)


def test_absent_and_null_read_alike():
    names = [name for name in Customer.__struct_encode_fields__ if name not in ("id", "$extra")]
    nulls = msgspec.json.encode({"id": 1, **dict.fromkeys(names)})
    assert read_customer(nulls) == read_customer(b'{"id": 1}') == Customer(id=1)


def test_unknown_fields_are_kept_by_path():
    raw = (
        b'{"id": 1, "tier": {"a": [1]}, "stats": {"refunds": 2}, "contacts": [{"id": 4}, {"id": 5, "verified": true}]}'
    )
    customer = read_customer(raw)
    assert customer.extra == {"tier": {"a": [1]}, "stats.refunds": 2, "contacts[1].verified": True}
    assert [contact.id for contact in customer.contacts] == [4, 5]


def test_a_bad_value_harms_only_itself_where_it_is_reported():
    bad = []
    raw = b'{"id": 1, "lang": 5, "contacts": [{"id": "x", "type": "URL"}, null, {"id": 5, "new": 1}], "new": 1}'
    customer = read_customer(raw, lambda *found: bad.append(found))
    assert customer == Customer(
        id=1, contacts=[Contact(type="URL"), Contact(id=5)], extra={"new": 1, "contacts[2].new": 1}
    )
    assert bad == [
        ("lang", 5, "should be text, and is a whole number", False),
        ("contacts[0].id", "x", "should be a whole number, and is text", False),
        ("contacts[1]", None, "must be an object", True),
    ]
    with pytest.raises(msgspec.ValidationError, match=r"lang"):
        read_customer(raw)


def test_a_customer_shows_what_it_holds_and_hides_personal_data():
    raw = b"""{"id": 7, "email": "ann@example.com", "lang": "en", "billingPerson": {"name": "Ann", "city": "Riga"},
        "contacts": [{"contact": "+371 123"}, {}], "acceptMarketing": false, "secret": 1,
        "stats": {"numberOfOrders": 1200, "salesValue": 1957.5}}"""
    customer = read_customer(raw)
    assert repr(customer) == "<Customer 7: 1,200 orders, sales value 1,957.5; holds 8 fields>"
    assert customer.lines() == [
        ("id", "7"), ("email", "•••"), ("billing_person", "•••"), ("contacts", "2 entries"),
        ("accept_marketing", "False"), ("lang", "en"), ("number_of_orders", "1200"), ("sales_value", "1957.5"),
        ("extra", "•••"),
    ]  # fmt: skip
    assert customer._repr_html_().count("<tr>") == 9
    assert repr(Customer(id=7)) == "<Customer 7: holds id>"
    assert repr(customer.stats) == "Stats(number_of_orders=1200, sales_value=1957.5)"


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b'{"id": "1"}', r"\$\.id"),
        (b'{"id": -1}', r"\$\.id"),
        (b'{"id": 9223372036854775808}', r"\$\.id"),
        (b'{"id": 1, "stats": {"salesValue": "97.5"}}', r"\$\.stats\.salesValue"),
        (b'{"id": 1, "stats": {"numberOfOrders": 1.5}}', r"\$\.stats\.numberOfOrders"),
        (b'{"id": 1, "stats": {"salesValue": 1e999}}', r"\$\.stats\.salesValue"),
        (b'{"id": 1, "acceptMarketing": "yes"}', r"\$\.acceptMarketing"),
        (b'{"id": 1, "stats": []}', r"\$\.stats"),
        (b"[]", "Expected `object`"),
    ],
)
def test_a_wrong_type_is_named_with_its_path(raw, path):
    with pytest.raises(msgspec.ValidationError, match=path):
        read_customer(raw)
