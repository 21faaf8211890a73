"""What the shop can do wrong, seen from outside: each fault and each lie changes what it says, and nothing else."""

import datetime as dt
import socket
import time
import urllib.request

import pytest
import requests

import custlens as cl

LAST_ORDER = "/customers?sortBy=LAST_ORDER_DATE_DESC"


def ids(answer):
    return [item["id"] for item in answer.json()["items"]]


def test_each_fault_has_its_share():
    faults = cl.demo.Faults(error_429=0.5, cut=0.3)
    drawn = [faults.draw() for _ in range(1_000)]
    assert [round(drawn.count(kind) / 1_000, 1) for kind in ("429", "cut", None)] == [0.5, 0.3, 0.2]


def test_an_answer_can_take_its_time(shop, get):
    shop.faults.latency = 0.3
    began = time.monotonic()
    get("/profile")
    assert time.monotonic() - began > 0.3


@pytest.mark.parametrize("status", [400, 405, 409, 429, 500, 501, 503])
def test_a_status_can_be_asked_for(shop, get, status):
    shop.fail_next(status)
    answer = get("/customers")
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("1" if status == 429 else None)
    assert get("/customers").status_code == 200


def test_no_content_and_a_part_of_it(shop, get):
    shop.fail_next(204, 206)
    assert (lambda answer: (answer.status_code, answer.content))(get("/customers")) == (204, b"")
    part = get("/customers", headers={"Accept-Encoding": "identity"})
    whole = get("/customers", headers={"Accept-Encoding": "identity"})
    assert part.status_code == 206
    assert whole.content.startswith(part.content)
    assert len(part.content) == len(whole.content) // 2
    assert part.headers["Content-Range"] == f"bytes 0-{len(part.content) - 1}/{len(whole.content)}"


def test_a_small_body_can_unpack_to_a_gibibyte(shop, get):
    shop.fail_next("bomb")
    with get("/customers", stream=True) as answer:
        assert int(answer.headers["Content-Length"]) < 2 * 2**20
        chunks = answer.iter_content(2**20)
        assert sum(len(next(chunks)) for _ in range(40)) == 40 * 2**20


def test_a_body_can_drip(shop, get):
    shop.fail_next("drip")
    began = time.monotonic()
    with get("/customers", stream=True) as answer:
        assert next(answer.iter_content(1)) == b"{"
        assert next(answer.iter_content(1)) == b'"'
    assert 0.4 < time.monotonic() - began < 2


def test_a_lie_concerns_the_requests_that_it_names(shop, get):
    shop.lies = [cl.demo.Lies(when="sortBy=NAME", skip=1, times=2, total=5)]
    totals = [get(f"/customers?sortBy={key}_ASC").json()["total"] for key in ("NAME", "EMAIL", *["NAME"] * 3)]
    assert totals == [120, 120, 125, 125, 120]


def test_the_first_lie_that_concerns_a_request_is_told(shop, get):
    shop.lies = [cl.demo.Lies(when="offset=1", total=1), cl.demo.Lies(total=2)]
    assert [get(f"/customers?offset={offset}").json()["total"] for offset in (0, 1)] == [122, 121]


def test_parameters_can_be_ignored(shop, get):
    shop.lies = [cl.demo.Lies(ignores=("createdFrom",))]
    assert get("/customers?createdFrom=1900000000").json()["total"] == 120
    assert get("/customers?createdTo=1").json()["total"] == 0


def test_the_order_can_be_another(shop, get):
    shop.lies = [cl.demo.Lies(sort="ID_ASC")]
    assert ids(get("/customers?sortBy=EMAIL_DESC")) == sorted(shop.ids)[:100]
    with pytest.raises(cl.ArgumentError, match=r"sort must be one of .*did you mean 'NAME_ASC'"):
        cl.demo.Lies(sort="NAMES_ASC")


def test_who_never_ordered_can_come_first(shop, get):
    shop.lies = [cl.demo.Lies(sort="NEVER_ORDERED_DESC", when="LAST_ORDER_DATE_DESC")]
    shop.population.patches.clear()
    shop.changed()
    counts = [item["stats"]["numberOfOrders"] > 0 for item in get(LAST_ORDER).json()["items"]]
    never = counts.index(True)
    assert 3 < never < 50
    assert not any(counts[:never])
    assert all(counts[never:])
    shop.lies = []
    assert ids(get(LAST_ORDER + "&minOrderCount=1"))[0] == ids(get(LAST_ORDER))[0]


def test_ties_can_come_in_another_order_each_time(shop, get):
    for customer_id in shop.ids[:110]:
        shop.population.edit(customer_id, registered="2025-03-01 10:00:00 +0000")
    path = "/customers?sortBy=REGISTERED_DATE_DESC"
    assert ids(get(path)) == ids(get(path))
    shop.lies = [cl.demo.Lies(unstable_ties=True)]
    first, second = ids(get(path)), ids(get(path))
    assert first != second
    assert get(path).json()["total"] == 120
    alone = [customer_id for customer_id in first if customer_id not in shop.ids[:110]]
    assert alone == [customer_id for customer_id in second if customer_id not in shop.ids[:110]]
    assert len(set(first)) == 100
    page = ids(get("/customers?sortBy=REGISTERED_DATE_ASC&offset=100"))
    assert page[10:] == shop.ids[110:]
    assert set(page[:10]) <= set(shop.ids[:110])


def test_pages_can_be_small_empty_or_repeated(shop, get):
    shop.lies = [cl.demo.Lies(limit=30)]
    assert len(ids(get("/customers"))) == 30
    shop.lies = [cl.demo.Lies(page="repeated", skip=1, times=1), cl.demo.Lies(page="empty", skip=1, times=1)]
    pages = [get(f"/customers?limit=40&offset={offset}").json() for offset in (0, 40, 80)]
    assert pages[1] == pages[0]
    assert [page["count"] for page in pages] == [40, 40, 0]
    assert [page["total"] for page in pages] == [120] * 3


def test_another_customer_can_come_than_asked_for(shop, get):
    shop.lies = [cl.demo.Lies(another_customer=True)]
    assert get(f"/customers/{shop.ids[3]}").json()["id"] in set(shop.ids) - {shop.ids[3]}
    assert get(f"/customers/{shop.ids[0]}").json()["id"] in set(shop.ids) - {shop.ids[0]}


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_deletions_can_be_refused(shop, get, status):
    shop.lies = [cl.demo.Lies(status=status, when="/customers/deleted")]
    assert get("/customers/deleted").status_code == status
    assert get("/customers").status_code == 200


@pytest.mark.parametrize(
    ("date", "header"),
    [
        (dt.timedelta(hours=-3), "Tue, 30 Jun 2026 09:00:00 GMT"),
        (dt.timedelta(days=3653), "Mon, 30 Jun 2036 12:00:00 GMT"),
        ("Fri, 31 Dec 99999 23:59:59 GMT", "Fri, 31 Dec 99999 23:59:59 GMT"),
        (None, None),
    ],
)
def test_the_date_header_can_be_wrong_or_absent(shop, date, header):
    shop.lies = [cl.demo.Lies(date=date, times=1)]
    address = f"{shop.url}/{shop.store_id}/profile"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {shop.token}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for expected in (header, "Tue, 30 Jun 2026 12:00:00 GMT"):
        with opener.open(request, timeout=5) as answer:
            assert answer.headers.get_all("Date") == (None if expected is None else [expected])


@pytest.mark.parametrize("flaw", cl.demo.FLAWS)
@pytest.mark.parametrize("fields", ["", "&responseFields=total,items(id,registered,extrafields,totalOrderCount)"])
def test_a_flaw_spoils_one_record_and_leaves_the_page(shop, get, flaw, fields):
    shop.population.patches = {shop.ids[5]: cl.demo.FLAWS[flaw]}
    shop.changed()
    path = f"/customers?sortBy=REGISTERED_DATE_ASC{fields}"
    spoilt = get(path).content
    shop.population.patches = {}
    shop.changed()
    sound = get(path).content
    mark = str(shop.ids[5]).encode()
    assert spoilt.split(mark)[0] == sound.split(mark)[0]
    assert spoilt[-2_000:] == sound[-2_000:]
    assert spoilt != sound


def test_a_dropped_connection_has_no_answer(shop, get):
    shop.fail_next("drop")
    with pytest.raises(requests.ConnectionError):
        get("/customers")
    assert shop.statuses == [0]


def test_an_import_registers_many_in_one_second(shop, get):
    added = shop.population.add_many(250, without_email=0.2)
    page = get("/customers?createdFrom=2026-06-30 12:00:00&sortBy=EMAIL_ASC").json()
    assert page["total"] == len(added) == 250
    assert {item["registered"][14:19] for item in page["items"]} == {"00:00"}
    assert sum("email" not in item for item in page["items"]) == 50


def test_a_customer_without_a_time_of_registration_is_only_in_the_whole_list(shop, get):
    silent = next(i for i in shop.ids if not shop.document(i)["stats"].get("numberOfOrders"))
    shop.population.edit(silent, registered=None)
    assert get("/customers?createdFrom=0").json()["total"] == 119
    assert get("/customers?createdTo=4000000000").json()["total"] == 119
    assert get("/customers").json()["total"] == 120


def test_a_port_can_be_used_again_after_a_shop_that_dripped():
    with cl.demo.serve(customers=3) as shop:
        shop.fail_next("drip")
        with socket.create_connection(("127.0.0.1", int(shop.url.split(":")[2].split("/")[0])), timeout=5) as line:
            line.sendall(b"GET /api/v3/1003/customers HTTP/1.1\r\nHost: x\r\n\r\n")
            assert line.recv(20).startswith(b"HTTP/1.1")
        began = time.monotonic()
    assert time.monotonic() - began < 2
