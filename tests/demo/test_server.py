"""The demo shop answers as the API is documented, seen from outside: over plain HTTP."""

import datetime as dt
import time

import pytest
import requests

import custlens as cl


@pytest.mark.parametrize(
    ("path", "headers", "status", "body"),
    [
        ("/customers/404", {}, 404, {"errorMessage": "Customer with ID 404 is not found"}),
        ("/customers/x", {}, 400, {"errorMessage": "Invalid customer ID: x", "errorCode": "WRONG_PARAMETER"}),
        ("/customers?nonsense=1", {}, 400, {"errorMessage": "Unknown parameter: nonsense", "errorCode": "WRONG_PARAMETER"}),
        ("/customers?sortBy=X", {}, 400, {"errorMessage": "Invalid sortBy: X", "errorCode": "WRONG_PARAMETER"}),
        ("/customers?minOrderCount=x", {}, 400, {"errorMessage": "Invalid value of minOrderCount: x", "errorCode": "WRONG_PARAMETER"}),
        ("/customers?offset=-1", {}, 400, {"errorMessage": "Invalid offset: -1", "errorCode": "WRONG_PARAMETER"}),
        ("/customers?responseFields=a(b", {}, 400, {"errorMessage": "Invalid responseFields: a(b", "errorCode": "WRONG_PARAMETER"}),
        ("/customers?responseFields=a)b(", {}, 400, {"errorMessage": "Invalid responseFields: a)b(", "errorCode": "WRONG_PARAMETER"}),
        ("/customers/deleted?from_date=x", {}, 400, {"errorMessage": "Invalid from_date: x", "errorCode": "WRONG_PARAMETER"}),
        ("/nothing", {}, 404, {"errorMessage": "Not found"}),
        ("/customers", {"Authorization": "Bearer no"}, 403, {"errorMessage": "The token is invalid", "errorCode": "INVALID_API_TOKEN"}),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_as_documented(get, path, headers, status, body):
    answer = get(path, headers=headers)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_only_get_is_answered(shop, method):
    headers = {"Authorization": f"Bearer {shop.token}"}
    answer = requests.request(method, f"{shop.url}/{shop.store_id}/customers/{shop.ids[0]}", headers=headers, timeout=5)
    assert answer.status_code == 405


@pytest.mark.parametrize(
    ("path", "scopes"),
    [
        ("/customers", {"read_customers"}),
        ("/customers/177000001", {"read_customers"}),
        ("/customers/deleted", {"read_customers", "read_store_profile"}),
        ("/profile", {"read_store_profile"}),
    ],
)
def test_a_token_needs_all_scopes_of_a_path(shop, get, path, scopes):
    def ask(*granted):
        return get(path, headers={"Authorization": f"Bearer {shop.grant(*granted)}"})

    assert ask(*scopes).status_code == 200
    for missing in scopes:
        answer = ask(*({"read_customers", "read_store_profile"} - {missing}))
        assert (answer.status_code, answer.json()["errorCode"]) == (403, "INSUFFICIENT_APP_SCOPE")
        assert missing in answer.json()["errorMessage"]


def test_each_demo_shop_has_a_store_id_of_its_own():
    with cl.demo.serve(customers=1) as generated, cl.demo.serve("cdnow") as real:
        assert generated.store_id != real.store_id
        assert [shop.client().profile().general_info.store_id for shop in (generated, real)] == [1003, 1997]


def test_another_store_is_not_found(shop, get):
    answer = requests.get(f"{shop.url}/7/customers", headers={"Authorization": f"Bearer {shop.token}"}, timeout=5)
    assert (answer.status_code, answer.json()["errorMessage"]) == (404, "Store is not found")


def test_a_search_is_a_page_with_its_place(shop, get):
    answer = get("/customers?offset=100&limit=500").json()
    assert {key: answer[key] for key in ("total", "count", "offset", "limit", "allCustomerCount")} == {
        "total": 120, "count": 20, "offset": 100, "limit": 100, "allCustomerCount": 120,
    }  # fmt: skip
    assert get("/customers?minOrderCount=5").json()["allCustomerCount"] == 120
    names = [item["name"].casefold() for item in get("/customers").json()["items"]]
    assert names == sorted(names)


def test_response_fields_reach_into_lists(get):
    answer = get("/customers?responseFields=total,items(id,contacts(type))").json()
    assert set(answer) == {"total", "items"}
    assert all(set(item) <= {"id", "contacts"} for item in answer["items"])
    assert {key for item in answer["items"] for contact in item["contacts"] for key in contact} == {"type"}


def test_past_the_limit_comes_a_429_that_says_how_long_to_wait():
    with cl.demo.serve(customers=5, rate_limit=3, rate_window=1.0) as shop:
        url, headers = f"{shop.url}/{shop.store_id}/customers", {"Authorization": f"Bearer {shop.token}"}
        statuses = [requests.get(url, headers=headers, timeout=5) for _ in range(4)]
        assert [answer.status_code for answer in statuses] == [200, 200, 200, 429]
        assert statuses[3].json()["errorCode"] == "RATE_LIMITED"
        assert 1 <= int(statuses[3].headers["Retry-After"]) <= 2
        time.sleep(1.05)
        assert requests.get(url, headers=headers, timeout=5).status_code == 200


def test_the_shop_sends_its_own_time(shop, get):
    assert get("/profile").headers["Date"] == "Tue, 30 Jun 2026 12:00:00 GMT"


def test_bodies_are_packed_for_those_who_ask(get):
    assert get("/customers").headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in get("/customers", headers={"Accept-Encoding": "identity"}).headers


def test_an_order_moves_the_statistics_and_not_updated(shop):
    before = shop.document(shop.ids[4])
    shop.population.order(shop.ids[4], 25.0)
    after = shop.document(shop.ids[4])
    assert after["stats"]["numberOfOrders"] == before["stats"]["numberOfOrders"] + 1
    assert after["stats"]["salesValue"] == pytest.approx(before["stats"]["salesValue"] + 25)
    assert after["updated"] == before["updated"]


def test_time_brings_customers_orders_edits_and_deletions(shop, client):
    before = {customer_id: shop.document(customer_id) for customer_id in shop.ids}
    shop.advance(120)
    after = {customer_id: shop.document(customer_id) for customer_id in shop.ids}
    stayed = before.keys() & after.keys()
    assert after.keys() - before.keys()
    assert {gone.id for gone in client.deleted()} == before.keys() - after.keys() != set()
    ordered = [i for i in stayed if after[i]["stats"] != before[i]["stats"]]
    edited = [i for i in stayed if after[i]["updated"] != before[i]["updated"]]
    assert ordered
    assert edited
    assert any(after[i]["updated"] == before[i]["updated"] for i in ordered)


def test_time_can_pass_where_somebody_almost_never_orders(shop):
    shop.population.traits[shop.ids[0]] = (0.0, 0.5, 20.0, True)
    shop.advance(400)
    assert shop.population.now.year == 2027


def test_deletions_are_forgotten_after_half_a_year(shop, client):
    gone = shop.ids[0]
    shop.population.delete(gone)
    assert gone in {entry.id for entry in client.deleted()}
    shop.population.now += shop.population.now - shop.population.now.replace(year=2025)
    assert gone not in {entry.id for entry in client.deleted()}


def test_deletions_are_listed_between_two_times(shop, get):
    for customer_id in shop.ids[:3]:
        shop.population.delete(customer_id)
        shop.population.now += dt.timedelta(days=1)
    first = int(shop.population.deleted[0][1].timestamp())

    def listed(**query):
        return [gone["id"] for gone in get("/customers/deleted", params=query).json()["items"]]

    gone = [customer_id for customer_id, _ in shop.population.deleted]
    assert listed() == gone
    assert listed(from_date=first + 86_400) == gone[1:]
    assert listed(to_date=first + 86_400) == gone[:2]
    assert listed(from_date=first + 1, to_date=first + 86_400, limit=1) == gone[1:2]
    assert listed(offset=2) == gone[2:]


def test_a_patch_replaces_fields_and_none_removes_one(shop):
    before = shop.document(shop.ids[0])
    shop.population.patches[shop.ids[0]] = {"email": None, "name": 7}
    shop.changed()
    assert shop.document(shop.ids[0]) == {**{key: before[key] for key in before if key != "email"}, "name": 7}


def test_faults_come_as_often_as_asked_for():
    with cl.demo.serve(customers=3, faults={"error_500": 0.5, "latency": 0.01}, rate_limit=None) as shop:
        client = shop.client(retries=30, backoff=0.001)
        for _ in range(40):
            client.customer(shop.ids[0])
        assert 20 <= shop.statuses.count(500) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": "real"}, "data must be one of generated, cdnow"),
        ({"customers": -1}, "customers must be at least 0, and is -1"),
        ({"customers": 2.5}, "customers must be a whole number, at least 0, not 2.5"),
        ({"seed": -1}, "seed must be at least 0, and is -1"),
        ({"port": 70_000}, "port must be from 0 to 65535, and is 70000"),
        ({"rate_limit": 0}, "rate_limit must be at least 1, and is 0"),
        ({"rate_window": 0}, "rate_window must be a number above 0, and is 0"),
        ({"lies": cl.demo.Lies()}, "lies must be a list"),
        ({"data": "cdnow", "until": 1997}, "until must be"),
        (
            {"data": "cdnow", "until": "1999-01-01"},
            "until must be a day from 1997-01-01 to 1998-06-30, not '1999-01-01'",
        ),
        ({"faults": {"eror_500": 1}}, "eror_500"),
        ({"faults": {"drop": 2}}, "shares from 0 to 1"),
        ({"faults": {"drop": 0.6, "cut": 0.6}}, "together at most 1"),
    ],
)
def test_a_shop_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(cl.ArgumentError, match=message):
        cl.demo.serve(**arguments)


def test_a_port_in_use_is_named(shop):
    port = int(shop.url.split(":")[2].split("/")[0])
    with pytest.raises(cl.ArgumentError, match=f"port {port} of this machine cannot be used"):
        cl.demo.serve(customers=1, port=port)
