"""Searches find whom the API's documentation says, in the order asked for."""

import operator

import pytest

from custlens.api.records import Contact, Customer, Person, ShippingAddress, Stats

HOME, PLACE = "Alma Alameda", "Zita Zarzuela"
PEOPLE = [
    Customer(
        id=1,
        name=HOME,
        email="first@one.example",
        registered="2023-01-15 22:27:50 +0300",
        updated="2024-05-01 00:00:00 +0000",
        accept_marketing=False,
        billing_person=Person(name="Billed", city="Billingen", postal_code="99", country_code="US", phone="0001",
                              state_or_province_code="BB", company_name="Bill Inc"),
        shipping_addresses=[
            ShippingAddress(city="Elsewhere", country_code="FR"),
            ShippingAddress(name="Shipped", city="Shipton", postal_code="11 22", country_code="GB", phone="+44 777",
                            state_or_province_code="SS", company_name="Ship & Co"),
        ],
        contacts=[Contact(type="PHONE", contact="+44 888"), Contact(type="EMAIL", contact="444@one.example")],
        stats=Stats(number_of_orders=2, sales_value=30, first_order_date="2024-01-01 00:00:00 +0000",
                    last_order_date="2024-02-01 00:30:00 +0100"),
    ),
    Customer(  # a guest: no account, so that the first order counts as the beginning
        id=2,
        name=PLACE,
        email="second@two.example",
        updated="2024-05-02 00:00:00 +0000",
        stats=Stats(number_of_orders=1, sales_value=70.5, first_order_date="2023-06-01 00:00:00 +0000",
                    last_order_date="2023-06-01 00:00:00 +0000"),
    ),
    Customer(id=3, updated="2024-05-02 00:00:00 +0000", stats=Stats(number_of_orders=0, sales_value=0)),
]  # fmt: skip


@pytest.fixture
def find(shop, get):
    shop.population.customers.clear()
    shop.population.customers.update({person.id: person for person in PEOPLE})
    shop.population.patches.clear()
    shop.changed()
    return lambda **query: [item["id"] for item in get("/customers", params=query).json()["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"keyword": "ALAMEDA"}, [1]),
        ({"keyword": "two.example"}, [2]),
        ({"keyword": "Shipton"}, []),
        ({"keyword": "Billed"}, []),
        ({"name": "zarz"}, [2]),
        ({"email": "SECOND@two"}, [2]),
        ({"email": "second@two", "useExactEmailMatch": "true"}, []),
        ({"email": "SECOND@two.example", "useExactEmailMatch": "true"}, [2]),
        ({"phone": "777"}, [1]),
        ({"phone": "888"}, [1]),
        ({"phone": "0001"}, []),
        ({"phone": "444"}, []),
        ({"city": "shipton"}, [1]),
        ({"city": "billingen"}, []),
        ({"postalCode": "11 2"}, [1]),
        ({"postalCode": "99"}, []),
        ({"stateOrProvinceCode": "SS"}, [1]),
        ({"stateOrProvinceCode": "BB"}, []),
        ({"countryCodes": "DE,GB"}, [1]),
        ({"countryCodes": "US"}, []),
        ({"companyName": "ship &"}, [1]),
        ({"companyName": "bill"}, []),
        ({"minOrderCount": "1", "maxOrderCount": "1"}, [2]),
        ({"acceptMarketing": "false"}, [1]),
        ({"acceptMarketing": "true"}, []),
        ({"minOrderCount": "1", "minSalesValue": "50"}, [2]),
    ],
)
def test_filters_look_where_the_documentation_says(find, query, found):
    assert find(**query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"createdFrom": "1673810870", "createdTo": "1673810870"}, [1]),
        ({"createdFrom": "2023-01-15 19:27:50", "createdTo": "2023-01-15 19:27:50"}, [1]),
        ({"createdFrom": "1673810870", "createdTo": "1673810870", "sortBy": "REGISTERED_DATE_ASC"}, [1]),
        ({"createdFrom": "1673810871", "sortBy": "REGISTERED_DATE_ASC"}, [2]),
        ({"createdFrom": "1673810871"}, [2]),
        ({"createdTo": "2023-01-15 19:27:49"}, []),
        ({"createdFrom": "2023-06-01 00:00:00", "createdTo": "2023-06-01 00:00:00"}, [2]),
        ({"createdTo": "2030-01-01 00:00:00"}, [1, 2]),
        ({"updatedFrom": "2024-05-01 00:00:00", "updatedTo": "2024-05-01 23:59:59"}, [1]),
        ({"updatedFrom": "2024-05-02 00:00:00", "sortBy": "UPDATED_DATE_ASC"}, [2, 3]),
    ],
)
def test_both_ends_of_a_time_window_belong_to_it_and_a_guest_begins_with_the_first_order(find, query, found):
    assert find(**query) == found


@pytest.mark.parametrize("value", ["2023-01-15", "2023-01-15T19:27:50", "soon", "-1", "2023-01-15 19:27:50 +0000"])
def test_a_time_written_in_another_way_is_refused(get, value):
    answer = get("/customers", params={"createdFrom": value})
    assert (answer.status_code, answer.json()["errorMessage"]) == (400, f"Invalid value of createdFrom: {value}")


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("NAME_ASC", [3, 1, 2]),
        ("EMAIL_ASC", [3, 1, 2]),
        ("ORDER_COUNT_ASC", [3, 2, 1]),
        ("REGISTERED_DATE_ASC", [3, 1, 2]),
        ("UPDATED_DATE_ASC", [1, 2, 3]),
        ("SALES_VALUE_ASC", [3, 1, 2]),
        ("FIRST_ORDER_DATE_ASC", [3, 2, 1]),
        ("LAST_ORDER_DATE_ASC", [3, 2, 1]),
    ],
)
def test_each_order_has_its_reverse(find, sort, found):
    assert find(sortBy=sort) == found
    assert find(sortBy=sort.replace("ASC", "DESC")) == found[::-1]


@pytest.mark.parametrize("sort", ["REGISTERED_DATE_ASC", "SALES_VALUE_DESC", "LAST_ORDER_DATE_DESC", "NAME_DESC"])
def test_pages_add_up_to_the_whole(shop, get, sort):
    whole = get(f"/customers?sortBy={sort}&limit=100").json()
    rest = get(f"/customers?sortBy={sort}&limit=100&offset=100").json()
    ids = [item["id"] for item in whole["items"] + rest["items"]]
    assert sorted(ids) == sorted(shop.ids)
    parts = [get(f"/customers?sortBy={sort}&limit=7&offset={offset}").json()["items"] for offset in range(0, 126, 7)]
    assert [item["id"] for part in parts for item in part] == ids
    assert all(operator.le(len(part), 7) for part in parts)
