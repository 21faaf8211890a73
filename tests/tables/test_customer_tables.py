"""Any JSON of the documented shape → valid tables; any damaged one → a reject, never an exception, never a lost row."""

import datetime as dt
import json

import msgspec
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import custlens as cl
from custlens.tables import _builder as build
from custlens.tables import schemas
from custlens.tables.customer_tables import from_pages


def page(*customers) -> bytes:
    return json.dumps(
        {"total": len(customers), "count": len(customers), "offset": 0, "limit": 100, "items": customers}
    ).encode()


def tables(*customers, **options):
    return from_pages([page(*customers)], **options)


def maybe(strategy):
    return st.none() | strategy


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "🦊", "\u202eabc", "NA", "nan", "null"]
)
INT64 = st.integers(-(2**63), 2**63 - 1)
COUNTRY = st.sampled_from(["US", "NA", "GB", "XK", "AN", ""])
AMOUNT = st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9, allow_nan=False)
TIME = st.builds(
    lambda when, hours: when.astimezone(dt.timezone(dt.timedelta(hours=hours))).strftime("%Y-%m-%d %H:%M:%S %z"),
    st.datetimes(dt.datetime(1990, 1, 3), dt.datetime(2099, 1, 1), timezones=st.just(dt.UTC)),
    st.integers(-12, 14),
)
PERSON_FIELDS = {
    name: maybe(COUNTRY if name == "countryCode" else TEXT)
    for name in (
        "name", "firstName", "lastName", "companyName", "street", "city", "countryCode", "countryName", "postalCode",
        "stateOrProvinceCode", "stateOrProvinceName", "phone",
    )
}  # fmt: skip


def some(fields):
    return st.fixed_dictionaries({}, optional=fields)


ADDRESS = some(
    {
        **PERSON_FIELDS,
        "id": maybe(INT64),
        "note": maybe(TEXT),
        "createdDate": maybe(TIME),
        "defaultAddress": maybe(st.booleans()),
        "orderBy": maybe(INT64),
        "addressFormatted": maybe(TEXT),
    }
)
CONTACT = some(
    {
        "id": maybe(INT64),
        "contact": maybe(TEXT),
        "type": maybe(st.sampled_from(schemas.CONTACT_TYPES)),
        "handle": maybe(TEXT),
        "default": st.sampled_from([None, False]),
        "note": maybe(TEXT),
        "orderBy": maybe(INT64),
        "timestamp": maybe(TIME),
    }
)


@st.composite
def stats(draw):
    orders = draw(st.integers(0, 10**6))
    if not orders:
        return {"numberOfOrders": 0, "salesValue": 0, "averageOrderValue": 0}
    dates = sorted(draw(st.tuples(TIME, TIME)), key=lambda text: dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z"))
    full = {
        "numberOfOrders": orders,
        "salesValue": draw(AMOUNT),
        "averageOrderValue": draw(AMOUNT),
        "firstOrderDate": dates[0],
        "lastOrderDate": dates[1],
    }
    absent = draw(st.sets(st.sampled_from(sorted(full))))
    return {key: value for key, value in full.items() if key not in absent}


CUSTOMER_FIELDS = {
    "name": maybe(TEXT), "email": maybe(TEXT), "registered": maybe(TIME), "updated": maybe(TIME),
    "customerGroupId": maybe(INT64), "customerGroupName": maybe(TEXT), "billingPerson": maybe(some(PERSON_FIELDS)),
    "shippingAddresses": maybe(st.lists(ADDRESS, max_size=3)), "contacts": maybe(st.lists(CONTACT, max_size=3)),
    "taxId": maybe(TEXT), "taxIdValid": maybe(st.booleans()), "b2b_b2c": st.sampled_from([None, "b2b", "b2c"]),
    "fiscalCode": maybe(TEXT), "electronicInvoicePecEmail": maybe(TEXT), "electronicInvoiceSdiCode": maybe(TEXT),
    "taxExempt": maybe(st.booleans()), "acceptMarketing": maybe(st.booleans()), "lang": maybe(TEXT),
    "stats": maybe(stats()), "totalOrderCount": maybe(st.integers(0, 10**6)), "externalReferenceId": maybe(TEXT),
    "privateAdminNotes": maybe(TEXT), "favorites": maybe(st.lists(st.integers(0, 9), max_size=2)),
    "extrafields": maybe(st.dictionaries(TEXT, TEXT, max_size=2)),
}  # fmt: skip
CUSTOMER = st.builds(
    lambda key, fields, unknown: {**unknown, **fields, "id": key},
    st.integers(0, 2**63 - 1),
    some(CUSTOMER_FIELDS),
    st.dictionaries(st.sampled_from(["tier", "birthday"]), st.integers() | TEXT, max_size=2),
)
CUSTOMERS = st.lists(CUSTOMER, max_size=6, unique_by=lambda customer: customer["id"])
quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@quick
@given(CUSTOMERS)
def test_any_documented_json_becomes_valid_tables(customers):
    found = tables(*customers)
    assert found.rejects.empty
    assert found.customers["customer_id"].tolist() == [customer["id"] for customer in customers]
    assert len(found.addresses) == sum(len(customer.get("shippingAddresses") or []) for customer in customers)
    assert len(found.contacts) == sum(len(customer.get("contacts") or []) for customer in customers)
    for name, model in schemas.TABLES.items():
        model.validate(getattr(found, name))
        dtypes = {info.name: info.dtype for info in schemas.columns(name)}
        assert {column: str(dtype) for column, dtype in getattr(found, name).dtypes.items()} == dtypes
    for customer, email, extra in zip(customers, found.customers["email"], found.customers["extra"], strict=True):
        assert (None if pd.isna(email) else email) == customer.get("email")
        unknown = {key: value for key, value in customer.items() if key in ("tier", "birthday")}
        assert (None if pd.isna(extra) else json.loads(extra)) == (unknown or None)


@st.composite
def damaged(draw):
    customer = draw(CUSTOMER)
    broken = draw(
        st.sampled_from(
            [
                {"id": None}, {"id": "7"}, {"id": 2**63}, {"id": -1}, {"id": 1.5}, {"id": True}, {"email": 5},
                {"registered": "06/06/2014"}, {"registered": "2014-13-06 18:57:19 +0400"}, {"updated": ""},
                {"updated": "2014-06-06T18:57:19Z"}, {"stats": []}, {"stats": {"salesValue": "97.5"}},
                {"stats": {"numberOfOrders": -1}}, {"stats": {"numberOfOrders": 1.5}}, {"b2b_b2c": "b2x"},
                {"billingPerson": {"countryCode": "ZZ"}}, {"billingPerson": {"countryCode": "us"}}, {"acceptMarketing": "no"},
                {"totalOrderCount": -4}, {"contacts": {}}, {"customerGroupId": 2**64},
                {"stats": {"numberOfOrders": 0, "lastOrderDate": "2025-01-01 00:00:00 +0000"}},
                {"stats": {"numberOfOrders": 2, "firstOrderDate": "2025-01-02 00:00:00 +0000",
                           "lastOrderDate": "2025-01-01 23:59:59 +0000"}},
            ]
        )
    )  # fmt: skip
    return {**customer, **broken}


@quick
@given(CUSTOMERS, st.lists(damaged(), min_size=1, max_size=3))
def test_any_damaged_json_is_rejected_alone_and_whole(sound, broken):
    taken = {customer["id"] for customer in sound}
    broken = [customer for customer in broken if customer["id"] not in taken]
    by_id = {repr(customer["id"]): customer for customer in broken}
    found = tables(*sound, *by_id.values())
    assert set(found.customers["customer_id"]) == taken
    raws = [json.loads(raw) for raw in found.rejects["raw"]]
    assert all(customer in raws for customer in by_id.values())
    assert found.report.rejects == len(by_id)
    for owner in (*found.addresses["customer_id"], *found.contacts["customer_id"]):
        assert owner in taken


@quick
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | TEXT, lambda x: st.lists(x) | st.dictionaries(TEXT, x)
    )
)
def test_any_other_json_is_rejected_and_kept(thing):
    raw = json.dumps(thing).encode()
    builder = build.TableBuilder()
    builder.add([raw])
    built = builder.finish()
    assert len(built.tables["customers"]) == 0
    assert built.tables["rejects"]["raw"].to_pylist() == [raw.decode()]


@pytest.mark.parametrize("raw", [b'{"id": 1, "email": "\xff"}', b'{"id": 1, "email": "\\ud800"}', b'{"id": 1'])
def test_bytes_that_are_no_json_are_rejected_and_kept(raw):
    builder = build.TableBuilder()
    builder.add([raw])
    assert builder.finish().tables["rejects"]["raw"].to_pylist() == [raw.decode("utf-8", "backslashreplace")]


def test_types_are_declared_and_never_inferred():
    found = tables(
        {"id": 1, "stats": {"numberOfOrders": 0, "salesValue": 0, "averageOrderValue": 0}},
        {"id": 2**53 + 1, "stats": {"numberOfOrders": 1, "salesValue": 97.5, "averageOrderValue": 97.5}},
        {"id": 3},
    ).customers
    assert found["sales_value"].dtype == "float64"
    assert found["sales_value"].sum() == 97.5
    assert found["customer_id"].tolist() == [1, 2**53 + 1, 3]
    assert found["number_of_orders"].tolist() == [0, 1, pd.NA]
    assert found["first_order_date"].isna().all()


def test_offsets_become_utc():
    found = tables(
        {"id": 1, "registered": "2014-06-06 18:57:19 +0400"}, {"id": 2, "registered": "2014-06-06 09:57:19 -0500"}
    ).customers["registered"]
    assert found.tolist() == [pd.Timestamp("2014-06-06 14:57:19", tz="UTC")] * 2


def test_null_consent_is_not_false():
    found = tables({"id": 1, "acceptMarketing": False}, {"id": 2, "acceptMarketing": None}, {"id": 3}).customers
    assert found["accept_marketing"].tolist() == [False, pd.NA, pd.NA]


def test_namibia_is_a_country_and_not_a_missing_value():
    found = tables({"id": 1, "billingPerson": {"countryCode": "NA"}}, {"id": 2, "billingPerson": {"countryCode": ""}})
    assert found.customers["billing_country_code"].tolist()[0] == "NA"
    assert found.customers["billing_country_code"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("customer", "path", "value", "reason"),
    [
        (
            {"id": 7, "stats": {"salesValue": "97.50"}},
            "stats.salesValue",
            '"97.50"',
            "Expected `float | null`, got `str`",
        ),
        ({"id": 7, "stats": {"numberOfOrders": -1}}, "stats.numberOfOrders", "-1", "must not be below 0"),
        ({"id": 7, "registered": "soon"}, "registered", '"soon"', build.NOT_A_TIME),
        (
            {"id": 7, "billingPerson": {"countryCode": "ZZ"}},
            "billingPerson.countryCode",
            '"ZZ"',
            "is no ISO 3166-1 country code",
        ),
        ({"id": 7, "b2b_b2c": "b2x"}, "b2b_b2c", '"b2x"', "must be b2b or b2c"),
        (
            {"id": 7, "contacts": [{"id": 1, "type": "URL"}, {"id": 2, "type": "FAX"}]},
            "contacts[1].type",
            '"FAX"',
            f"is no contact type ({', '.join(schemas.CONTACT_TYPES)})",
        ),
        ({"id": 7, "contacts": [{"id": "x"}]}, "contacts[0].id", '{"id":"x"}', "Expected `int | null`, got `str`"),
        (
            {"id": 7, "shippingAddresses": [{"createdDate": "x"}]},
            "shippingAddresses[0].createdDate",
            '"x"',
            build.NOT_A_TIME,
        ),
        (
            {
                "id": 7,
                "contacts": [{"id": 1, "type": "EMAIL", "default": True}, {"id": 2, "type": "EMAIL", "default": True}],
            },
            "contacts[1]",
            '{"id":2,"type":"EMAIL","default":true}',
            "a customer has at most one default EMAIL and PHONE",
        ),
    ],
)
def test_a_reject_says_who_where_what_and_why(customer, path, value, reason):
    rejects = tables(customer, {"id": 8}).rejects
    assert rejects[["customer_id", "api_path", "value", "reason"]].values.tolist() == [[7, path, value, reason]]


def test_a_reject_names_the_place_that_the_contact_has_in_the_answer():
    contacts = [{"id": "x"}, {"id": 1, "type": "URL"}, {"id": "y"}, {"id": 2, "type": "FAX"}]
    rejects = tables({"id": 7, "contacts": contacts}).rejects
    assert sorted(rejects["api_path"]) == ["contacts[0].id", "contacts[2].id", "contacts[3].type"]


def test_a_bad_contact_leaves_its_customer_in():
    found = tables({"id": 7, "contacts": [{"id": 1, "type": "FAX"}, {"id": 2, "type": "URL"}]})
    assert found.customers["customer_id"].tolist() == [7]
    assert found.contacts["contact_id"].tolist() == [2]


def test_inconsistent_statistics_are_kept_and_flagged():
    stats = [(2, 100, 50), (3, 100, 33.33), (3, 100, 33.3), (3, 90, 45), (2, -10, -5)]
    found = tables(
        *(
            {"id": i, "stats": {"numberOfOrders": n, "salesValue": s, "averageOrderValue": a}}
            for i, (n, s, a) in enumerate(stats)
        ),
        {"id": 9},
    )
    assert found.customers["stats_consistent"].tolist() == [True, True, False, False, True, pd.NA]
    assert found.report.flagged == 2
    assert found.rejects.empty


def test_a_customer_that_comes_twice_is_kept_once_as_it_came_last(monkeypatch):
    first = [{"id": i, "email": "old", "contacts": [{"id": i}]} for i in range(5)]
    again = [{"id": 3, "email": "new", "contacts": []}, {"id": 3, "email": "newer"}, {"id": 9, "email": "x"}]
    for rows in (10_000, 2):
        monkeypatch.setattr(build, "CHUNK_ROWS", rows)
        found = from_pages([page(*first), page(*again)])
        emails = dict(zip(found.customers["customer_id"], found.customers["email"], strict=True))
        assert emails == {0: "old", 1: "old", 2: "old", 3: "newer", 4: "old", 9: "x"}
        assert sorted(found.contacts["customer_id"]) == [0, 1, 2, 4]
        assert found.report.duplicates == 2
        assert found.rejects.empty


def test_chunks_and_batches_change_nothing(generated, monkeypatch):
    with cl.demo.serve(customers=700, seed=7) as shop:
        pages = [bytes(msgspec.json.encode(p)) for p in shop.client()._pages()]
    whole = from_pages(pages)
    monkeypatch.setattr(build, "CHUNK_ROWS", 64)
    monkeypatch.setattr(build, "BATCH_ROWS", 10)
    parts = from_pages(pages)
    for name in ("customers", "addresses", "contacts"):
        left, right = getattr(whole, name), getattr(parts, name)
        text = {column: "str" for column, dtype in left.dtypes.items() if dtype == "category"}
        pd.testing.assert_frame_equal(left.astype(text), right.astype(text))
    assert sorted(whole.rejects["raw"]) == sorted(parts.rejects["raw"])


def test_on_invalid_may_raise_without_printing_anybodys_data():
    bad = {"id": 7, "email": "ann@example.com", "registered": "soon"}
    with pytest.raises(cl.ValidationError, match="customer 7 at registered") as caught:
        tables(bad, on_invalid="raise")
    assert "ann@" not in str(caught.value)
    assert json.loads(caught.value.failure_cases["raw"].item()) == bad
    dropped = tables(bad, {"id": 8}, on_invalid="drop")
    assert (len(dropped.customers), len(dropped.rejects), dropped.report.rejects) == (1, 0, 1)
    with pytest.raises(cl.ArgumentError, match="on_invalid must be one of quarantine, raise, drop"):
        tables(on_invalid="ignore")


def test_no_customers_make_empty_tables_of_the_same_shape():
    empty, full = tables(), tables({"id": 1, "contacts": [{}], "shippingAddresses": [{}]})
    for name in schemas.TABLES:
        assert getattr(empty, name).dtypes.astype("str").to_dict() == getattr(full, name).dtypes.astype("str").to_dict()
        assert len(getattr(empty, name)) == 0
