"""Any JSON of the documented shape becomes valid tables; a value that cannot be used harms only itself."""

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import custlens as cl
from custlens.tables import _builder as build
from custlens.tables import schemas
from custlens.tables.customer_tables import assemble


def tables(*customers, **options):
    """Build the tables from customers, given as JSON or as what can be written as JSON."""
    builder = build.TableBuilder(**options)
    builder.add([one if isinstance(one, bytes) else json.dumps(one).encode() for one in customers])
    return assemble(builder.finish())


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
        "type": maybe(st.sampled_from(["EMAIL", "VK", "FAX"])),
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
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
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


BAD_TIMES = ["06/06/2014", "2014-13-06 18:57:19 +0400", "", "2014-06-06T18:57:19Z", "0000-01-01 00:00:00 +0000",
             "9999-12-31 23:59:59 -0100", 1_400_000_000]  # fmt: skip
BAD_TEXTS = [5, True, {"a": 1}, ["a"], "\ud800"]
BAD_WHOLE = ["7", 1.5, True, 2**63, -(2**63) - 1, 2**70, 10**4000, [], float("nan")]
BAD_COUNTS = [*BAD_WHOLE, -1]
BAD_AMOUNTS = ["97.5", True, [], float("inf"), float("-inf"), float("nan")]
BAD_FLAGS = ["no", 0, [], {}]
BAD_COUNTRIES = ["ZZ", "us", "USA", 1]
BAD_STATS = {
    "numberOfOrders": [*BAD_COUNTS, 2**53 + 1, 0], "salesValue": BAD_AMOUNTS, "averageOrderValue": BAD_AMOUNTS,
    "firstOrderDate": [*BAD_TIMES, "2090-01-01 00:00:00 +0000"],
    "lastOrderDate": [*BAD_TIMES, "1990-01-01 00:00:00 +0000"],
}  # fmt: skip
BAD_PERSON = {name: BAD_COUNTRIES if name == "countryCode" else BAD_TEXTS for name in PERSON_FIELDS}
BAD_ADDRESS = {**BAD_PERSON, "id": BAD_WHOLE, "note": BAD_TEXTS, "createdDate": BAD_TIMES, "defaultAddress": BAD_FLAGS,
               "orderBy": BAD_WHOLE, "addressFormatted": BAD_TEXTS}  # fmt: skip
BAD_CONTACT = {"id": BAD_WHOLE, "contact": BAD_TEXTS, "type": BAD_TEXTS, "handle": BAD_TEXTS, "default": BAD_FLAGS,
               "note": BAD_TEXTS, "orderBy": BAD_WHOLE, "timestamp": BAD_TIMES}  # fmt: skip
BAD_CUSTOMER = {
    **{info.api: BAD_TEXTS for info in schemas.columns("customers") if info.dtype == "str" and "." not in info.api},
    **{info.api: BAD_FLAGS for info in schemas.columns("customers") if info.dtype == "boolean"},
    "registered": BAD_TIMES, "updated": BAD_TIMES, "customerGroupId": BAD_WHOLE, "customerGroupName": BAD_TEXTS,
    "b2b_b2c": [*BAD_TEXTS, "b2x"], "lang": BAD_TEXTS, "totalOrderCount": BAD_COUNTS,
    "billingPerson": [[], "x", 1], "stats": [[], "x", 1], "shippingAddresses": [{}, "x", 1], "contacts": [{}, "x", 1],
}  # fmt: skip
for without_wrong_values in ("", "favorites", "extrafields"):
    BAD_CUSTOMER.pop(without_wrong_values, None)
WHOLE = {
    "id": 7, "name": "Ann", "email": "ann@example.com", "registered": "2014-06-06 18:57:19 +0400",
    "updated": "2014-06-07 18:57:19 +0400", "customerGroupId": 5, "customerGroupName": "VIP",
    "billingPerson": {**{name: f"{name}!" for name in PERSON_FIELDS}, "countryCode": "NA"},
    "shippingAddresses": [
        {**{name: f"{name}{number}" for name in PERSON_FIELDS}, "countryCode": "DE", "id": number, "note": "n",
         "createdDate": "2014-06-06 18:57:19 +0400", "defaultAddress": True, "orderBy": number, "addressFormatted": "S"}
        for number in range(3)
    ],
    "contacts": [
        {"id": number, "contact": "+1", "type": "PHONE", "handle": "h", "default": number == 0, "note": "n",
         "orderBy": number, "timestamp": "2014-06-06 18:57:19 +0400"}
        for number in range(3)
    ],
    "taxId": "t", "taxIdValid": True, "b2b_b2c": "b2c", "fiscalCode": "f", "electronicInvoicePecEmail": "p",
    "electronicInvoiceSdiCode": "s", "taxExempt": False, "acceptMarketing": True, "lang": "en",
    "stats": {"numberOfOrders": 2, "salesValue": 195, "averageOrderValue": 97.5,
              "firstOrderDate": "2014-06-06 18:57:19 +0400", "lastOrderDate": "2014-06-07 18:57:19 +0400"},
    "totalOrderCount": 3, "externalReferenceId": "x", "privateAdminNotes": "y", "favorites": [1], "extrafields": {"a": 1},
    "tier": "gold",
}  # fmt: skip
DAMAGES = [
    *(((key,), bad) for key, wrong in BAD_CUSTOMER.items() for bad in wrong),
    *(((part, key), bad) for part, fields in (("billingPerson", BAD_PERSON), ("stats", BAD_STATS))
      for key, wrong in fields.items() for bad in wrong),
    *(((part, number, key), bad) for part, fields in (("shippingAddresses", BAD_ADDRESS), ("contacts", BAD_CONTACT))
      for number in (0, 2) for key, wrong in fields.items() for bad in wrong),
    *(((part, 1), bad) for part in ("shippingAddresses", "contacts") for bad in (None, 5, "x", [])),
]  # fmt: skip
ROWS = {"shippingAddresses": ("addresses", 3), "contacts": ("contacts", 3)}


def spoil(customer_id, path, bad):
    record = {**json.loads(json.dumps(WHOLE)), "id": customer_id}
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = bad
    return record


def blank(frames, dropped, number, path):
    """Take the value at this path of this record from the tables of sound records; note the rows that have to go."""
    table, rows_each = ROWS.get(path[0], ("customers", 1))
    key = ".".join(part for part in path if isinstance(part, str))
    if table != "customers" and len(path) < 3:
        gone = range(rows_each) if len(path) == 1 else [path[1]]
        dropped[table] += [number * rows_each + item for item in gone]
        return
    row = number * rows_each + (path[1] if table != "customers" else 0)
    for info in schemas.columns(table):
        of_stats = path[0] == "stats" and info.api.startswith("stats.")
        if info.api and (info.api == key or info.api.startswith(f"{key}.") or of_stats):
            frames[table].loc[row, info.name] = None
    if path[0] == "stats":
        frames["customers"].loc[row, "stats_consistent"] = None


def test_a_bad_value_is_missing_and_harms_nothing_else():
    spoilt = [spoil(number, path, bad) for number, (path, bad) in enumerate(DAMAGES)]
    sound = tables(*({**WHOLE, "id": number} for number in range(len(DAMAGES))))
    frames = {name: getattr(sound, name) for name in ("customers", "addresses", "contacts")}
    dropped = {name: [] for name in frames}
    for number, (path, _) in enumerate(DAMAGES):
        blank(frames, dropped, number, path)
    found = tables(*spoilt)
    for name, frame in frames.items():
        expected = frame.drop(index=dropped[name]).reset_index(drop=True)
        pd.testing.assert_frame_equal(plain(getattr(found, name)), plain(expected), obj=name)
    rejects = found.rejects.sort_values("customer_id", ignore_index=True)
    assert rejects["customer_id"].tolist() == list(range(len(DAMAGES)))  # one each
    for (path, bad), record, reject in zip(DAMAGES, spoilt, rejects.itertuples(), strict=True):
        written = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")
        assert reject.api_path in ((written, "stats") if path[0] == "stats" else (written,)), bad
        assert reject.raw == json.dumps(record)
        assert reject.dropped == isinstance(path[-1], int)
    assert found.report.rejects == len(DAMAGES)
    assert found.report.dropped == 8


def plain(frame):
    """Return a table whose categories are texts, since which categories there are depends on the other rows."""
    return frame.astype({column: "str" for column, dtype in frame.dtypes.items() if dtype == "category"})


@st.composite
def damaged(draw):
    """Draw customers that are sound but for one value, which is drawn too."""
    customer = draw(CUSTOMER)
    path, bad = draw(st.sampled_from([(path, bad) for path, bad in DAMAGES if len(path) == 1]))
    return customer, path[0], bad


@quick
@given(CUSTOMERS, damaged())
def test_one_damaged_value_of_any_record_changes_no_other(sound, damage):
    customer, key, bad = damage
    sound = [one for one in sound if one["id"] != customer["id"]]
    without = {name: value for name, value in customer.items() if name != key}
    spoilt = {**customer, key: bad}
    expected, found = tables(*sound, without), tables(*sound, spoilt)
    for name in ("customers", "addresses", "contacts"):
        pd.testing.assert_frame_equal(plain(getattr(found, name)), plain(getattr(expected, name)))
        schemas.TABLES[name].validate(getattr(found, name))
    assert found.rejects["api_path"].tolist() == [key]
    assert found.rejects["raw"].tolist() == [json.dumps(spoilt)]


@pytest.mark.parametrize("bad", [None, "7", 2**63, -1, 1.5, True, [7], float("nan")])
def test_a_record_without_a_usable_id_has_no_row_and_is_kept_whole(bad):
    record = {**WHOLE, "id": bad}
    found = tables(record, {"id": 8})
    assert found.customers["customer_id"].tolist() == [8]
    assert found.addresses.empty
    assert found.contacts.empty
    assert found.rejects[["api_path", "raw", "dropped"]].values.tolist() == [["id", json.dumps(record), True]]
    assert found.rejects["customer_id"].isna().all()
    assert (found.report.rejects, found.report.dropped) == (1, 1)


@quick
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | TEXT, lambda x: st.lists(x) | st.dictionaries(TEXT, x)
    )
)
def test_any_other_json_is_set_aside_and_kept(thing):
    raw = json.dumps(thing).encode()
    found = tables(raw)
    assert len(found.customers) == 0
    assert found.rejects[["raw", "dropped"]].values.tolist() == [[raw.decode(), True]]


@pytest.mark.parametrize("raw", [b'{"id": 1', b"{'id': 1}", b"", b'{"id": 1} x', b'{"id": 1, "a": ' + b"[" * 100_000])
def test_bytes_that_are_not_json_are_set_aside_and_kept(raw):
    found = tables(raw, {"id": 8})
    assert found.customers["customer_id"].tolist() == [8]
    assert found.rejects["raw"].tolist() == [raw.decode()]
    assert "cannot be read as JSON" in found.rejects["reason"].item()


def test_json_nested_too_deeply_to_read_is_set_aside_and_kept():
    raw = b'{"id": 1, "favorites": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    found = tables(raw, {"id": 8})
    assert found.rejects[["raw", "reason", "dropped"]].values.tolist() == [
        [raw.decode(), "cannot be read as JSON: it is nested too deeply", True]
    ]


@pytest.mark.parametrize("email", [b"\xff", b"\\ud800"])
def test_text_that_is_not_unicode_harms_only_itself(email):
    raw = b'{"id": 1, "email": "' + email + b'", "name": "Ann", "tier": "' + email + b'"}'
    found = tables(raw)
    assert found.customers[["name", "email"]].fillna("").values.tolist() == [["Ann", ""]]
    assert found.rejects[["api_path", "reason"]].values.tolist() == [["email", "is not valid Unicode text"]]
    assert found.rejects["raw"].item() == raw.decode("utf-8", "backslashreplace")


def test_the_five_statistics_are_used_together_or_not_at_all():
    times = {"firstOrderDate": "2025-01-02 00:00:00 +0000", "lastOrderDate": "2025-01-01 23:59:59 +0000"}
    found = tables(
        {"id": 1, "stats": {"numberOfOrders": 2, "salesValue": 10, "averageOrderValue": 5, **times}},
        {"id": 2, "stats": {"numberOfOrders": 0, "lastOrderDate": "2025-01-01 00:00:00 +0000"}},
        {"id": 3, "stats": {"numberOfOrders": -1, "salesValue": float("inf")}},
        {"id": 4, "stats": {"numberOfOrders": 1, "salesValue": 5}},
    )
    assert found.customers[list(schemas.STATS)].isna().all(axis=1).tolist() == [True, True, True, False]
    assert found.rejects["reason"].tolist() == [
        schemas.DATES_REVERSED,
        schemas.DATES_WITHOUT_ORDERS,
        "must not be below 0",
        "must be finite",
    ]
    assert not found.rejects["dropped"].any()


def test_answers_as_the_vendor_documents_them_become_tables_without_rejects():
    answers = Path(__file__).parents[1] / "data"
    items = json.loads((answers / "search.json").read_bytes())["items"]
    found = tables(items[1], json.loads((answers / "customer.json").read_bytes()))
    assert found.rejects.empty
    assert found.report.unknown_fields == []
    assert found.report.unknown_values == {}
    bo = found.customers.iloc[0]
    assert (bo["number_of_orders"], bo["total_order_count"], bo["sales_value"]) == (1, 0, 58.0)
    assert bo["favorites"] == '[{"productId":701000001,"addedTimestamp":"2024-09-11 06:43:02 +0000"}]'
    assert pd.isna(bo["accept_marketing"])
    assert pd.isna(bo["billing_name"])
    assert found.addresses["country_code"].tolist() == ["LV"]
    assert found.contacts["type"].tolist() == ["PHONE", "EMAIL", "FB_MESSENGER"]


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
        ({"stats": {"salesValue": "97.50"}}, "stats.salesValue", '"97.50"', "should be a number, and is text"),
        ({"stats": {"numberOfOrders": -1}}, "stats.numberOfOrders", "-1", "must not be below 0"),
        ({"stats": {"numberOfOrders": 2**60}}, "stats.numberOfOrders", f"{2**60}", f"must not be above {2**53:,}"),
        ({"registered": "soon"}, "registered", '"soon"', build.NOT_A_TIME),
        ({"billingPerson": {"countryCode": "ZZ"}}, "billingPerson.countryCode", '"ZZ"', "is not an ISO 3166-1 country code"),
        ({"b2b_b2c": "b2x"}, "b2b_b2c", '"b2x"', "must be b2b or b2c"),
        ({"contacts": [{"id": 1}, {"id": "x"}]}, "contacts[1].id", '"x"', "should be a whole number, and is text"),
        ({"shippingAddresses": [{"createdDate": "x"}]}, "shippingAddresses[0].createdDate", '"x"', build.NOT_A_TIME),
        ({"contacts": {"id": 1}}, "contacts", '{"id":1}', "should be a list, and is an object"),
        (
            {"stats": {"numberOfOrders": 0, "firstOrderDate": "2025-01-01 00:00:00 +0000"}},
            "stats",
            '{"numberOfOrders":0,"firstOrderDate":"2025-01-01 00:00:00 +0000"}',
            "order dates without orders",
        ),
        (
            {"contacts": [{"type": "EMAIL", "default": True}, {"type": "EMAIL", "default": True}]},
            "contacts[1].default",
            "true",
            "a customer has at most one default EMAIL and PHONE",
        ),
    ],
)  # fmt: skip
def test_a_reject_says_who_where_what_and_why(customer, path, value, reason):
    rejects = tables({"id": 7, **customer}, {"id": 8}).rejects
    assert rejects[["customer_id", "api_path", "value", "reason"]].values.tolist() == [[7, path, value, reason]]


def test_a_reject_names_the_place_that_the_contact_has_in_the_answer():
    contacts = [5, {"id": 1, "type": "URL"}, {"id": "y"}, None, {"id": 2, "timestamp": "x"}]
    rejects = tables({"id": 7, "contacts": contacts}).rejects
    assert sorted(rejects["api_path"]) == ["contacts[0]", "contacts[2].id", "contacts[3]", "contacts[4].timestamp"]


def test_values_of_open_lists_are_kept_as_they_come_and_named_once():
    customers = [
        {"id": 1, "lang": "en", "contacts": [{"type": "FAX"}, {"type": "EMAIL"}, {"type": "VK"}]},
        {"id": 2, "lang": "pt_BR", "contacts": [{"type": "FAX"}, {"type": "ann@example.com"}]},
        {"id": 3, "lang": "Klingon", "customerGroupName": "anything"},
    ]
    found = tables(*customers)
    assert found.contacts["type"].tolist() == ["FAX", "EMAIL", "VK", "FAX", "ann@example.com"]
    assert found.rejects.empty
    assert found.report.unknown_values == {"contacts.type": ["FAX", "…"], "lang": ["Klingon"]}
    assert "contacts.type: FAX, …; lang: Klingon: not known to custlens" in str(found.report)


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
    first = [{"id": i, "email": "old", "contacts": [{"id": i, "type": "EMAIL", "default": True}]} for i in range(5)]
    again = [{"id": 3, "email": "new", "lang": 5}, {"id": 3, "email": "newer", "contacts": first[3]["contacts"]}]
    for rows in (10_000, 2):
        monkeypatch.setattr(build, "CHUNK_ROWS", rows)
        found = tables({"id": 3, "registered": "soon"}, *first, *again, {"id": 9, "email": "x"})
        emails = dict(zip(found.customers["customer_id"], found.customers["email"], strict=True))
        assert emails == {0: "old", 1: "old", 2: "old", 3: "newer", 4: "old", 9: "x"}
        assert sorted(found.contacts["customer_id"]) == [0, 1, 2, 3, 4]
        assert found.report.duplicates == 3
        assert found.rejects.empty  # what was wrong with an earlier record does not matter any more
        assert found.report.rejects == 0


def test_chunks_and_batches_change_nothing(monkeypatch):
    with cl.demo.serve(customers=700, seed=7) as shop:
        raws = [bytes(raw) for page in shop.client()._pages() for raw in page.items]
    whole = tables(*raws)
    monkeypatch.setattr(build, "CHUNK_ROWS", 64)
    monkeypatch.setattr(build, "BATCH_ROWS", 10)
    parts = tables(*raws)
    assert len(whole.rejects) > 3
    for name in ("customers", "addresses", "contacts"):
        pd.testing.assert_frame_equal(plain(getattr(whole, name)), plain(getattr(parts, name)))
    order = ["customer_id", "api_path"]
    pd.testing.assert_frame_equal(*(one.rejects.sort_values(order, ignore_index=True) for one in (whole, parts)))


def test_on_invalid_may_raise_without_printing_anybodys_data():
    bad = {"id": 7, "email": "ann@example.com", "registered": "soon"}
    with pytest.raises(cl.ValidationError, match="the first is registered of customer 7") as caught:
        tables(bad, on_invalid="raise")
    assert "ann@" not in str(caught.value)
    assert json.loads(caught.value.failure_cases["raw"].item()) == bad
    dropped = tables(bad, {"id": None}, {"id": 8}, on_invalid="drop")
    assert (len(dropped.customers), len(dropped.rejects)) == (2, 0)
    assert (dropped.report.rejects, dropped.report.dropped) == (2, 1)
    with pytest.raises(cl.ArgumentError, match="on_invalid must be one of quarantine, raise, drop"):
        tables(on_invalid="ignore")


def test_a_report_reads_well_and_its_repr_is_short():
    bad = {
        "id": 7,
        "lang": 5,
        "contacts": [1],
        "tier": 2,
        "stats": {"numberOfOrders": 3, "salesValue": 100, "averageOrderValue": 20},
    }
    found = tables(bad, {"id": 8}, {"id": 8})
    assert str(found.report).splitlines() == [
        "Rows       2 customers, 0 addresses, 0 contacts, 2 rejects",
        "Set aside  1 values left missing, 1 rows left out",
        "Duplicates 1; the last of each is kept",
        "Statistics 1 customers with sales ≠ orders × average",
        "New fields tier: not known to custlens, kept in `extra`",
        "Requests   0 (0 retries), 0.0 MB",
        "Time       0.0 s, 0.0 s of it waiting",
        "As of      unknown; amounts in an unknown currency",
    ]
    assert found.report._repr_html_().count("<tr>") == 8
    assert found._repr_html_() == found.report._repr_html_()
    assert repr(found) == "<CustomerTables: 2 customers, 0 addresses, 0 contacts, 2 rejects>"
    assert repr(found.report) == "<FetchReport: 2 customers, 0 addresses, 0 contacts, 2 rejects; 0 requests>"


def test_the_tables_can_be_changed():
    found = tables(WHOLE)
    for name in ("customers", "addresses", "contacts"):
        frame = getattr(found, name)
        for column in frame:
            frame.loc[0, column] = frame.loc[0, column]


def test_no_customers_make_empty_tables_of_the_same_shape():
    empty, full = tables(), tables({"id": 1, "contacts": [{}], "shippingAddresses": [{}]})
    for name in schemas.TABLES:
        assert getattr(empty, name).dtypes.astype("str").to_dict() == getattr(full, name).dtypes.astype("str").to_dict()
        assert len(getattr(empty, name)) == 0
