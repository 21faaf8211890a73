"""The table of bad answers: what the shop or the network does → the error and its message."""

import contextlib
import datetime as dt
import email.utils
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable

import pytest

import custlens as cl
from custlens.api._limiter import Stopped


@pytest.mark.parametrize(
    ("status", "kind", "words", "attempts"),
    [
        (400, cl.BadRequestError, "400: Wrong parameter", 1),
        (401, cl.PermissionDeniedError, "check ECWID_TOKEN", 1),
        (402, cl.PlanError, "plan does not include this API", 1),
        (403, cl.PermissionDeniedError, "read_customers", 1),
        (404, cl.NotFoundError, "404: Customer is not found", 1),
        (405, cl.BadRequestError, "405", 1),
        (408, cl.ServerError, "408: Request timeout", 3),
        (409, cl.BadRequestError, "409", 1),
        (415, cl.BadRequestError, "415", 1),
        (418, cl.APIError, "418", 1),
        (422, cl.BadRequestError, "422", 1),
        (429, cl.RateLimitError, "asks to wait 0 s", 3),
        (500, cl.ServerError, "500: Cannot retrieve the customer info", 3),
        (501, cl.APIError, "501", 1),
        (502, cl.ServerError, "502", 3),
        (503, cl.ServerError, "503", 3),
        (504, cl.ServerError, "504", 3),
    ],
)
def test_each_status_has_its_error(shop, status, kind, words, attempts):
    shop.faults.retry_after = "0"
    shop.fail_next(*[status] * 3)
    client = shop.client(retries=2, backoff=0.01)
    with pytest.raises(cl.APIError) as caught:
        client.customer(shop.ids[0])
    error = caught.value
    assert type(error) is kind
    assert words in str(error)
    assert error.status == status
    assert error.request == f"GET /customers/{shop.ids[0]}"
    assert error.retryable == (attempts > 1)
    assert len(shop.requests) == attempts
    assert client.metrics.retries == attempts - 1


@pytest.mark.parametrize(
    ("fault", "kind", "words", "attempts"),
    [
        ("drop", cl.TransportError, "refused or dropped", 3),
        ("cut", cl.TransportError, "cut off", 3),
        ("truncated", cl.DecodeError, "is not JSON: Input data was truncated", 3),
        ("html", cl.DecodeError, "begins '<html><body></body></html>'", 3),
        ("malformed", cl.DecodeError, "is not JSON", 3),
        ("empty", cl.DecodeError, "is 0 bytes", 3),
        ("badshape", cl.DecodeError, "JSON of another shape", 1),
        ("redirect", cl.APIError, "custlens follows no redirects", 1),
    ],
)
def test_each_broken_answer_has_its_error(shop, fault, kind, words, attempts):
    shop.fail_next(*[fault] * 3)
    with pytest.raises(kind) as caught:
        shop.client(retries=2, backoff=0.01).customer(shop.ids[0])
    assert words in str(caught.value)
    assert len(shop.requests) == attempts


@pytest.mark.parametrize(
    "fault", ["drop", "cut", "truncated", "html", "malformed", "empty", 408, 429, 500, 502, 503, 504]
)
def test_what_passes_is_survived(shop, fault):
    shop.faults.retry_after = "0"
    shop.fail_next(fault, fault, "ok")
    client = shop.client(backoff=0.01)
    assert client.customer(shop.ids[0]).id == shop.ids[0]
    assert client.metrics.retries == 2


def test_an_error_body_may_be_absent_empty_or_html():
    bodies = [b"", b"<html>down</html>", b"[]", b'{"errorMessage": 5}', b"\xff"]
    for body in bodies:
        with _answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as url:
            client = cl.Client(1, "secret", base_url=url)
            with pytest.raises(cl.NotFoundError) as caught:
                client.customer(5)
            client.close()
        assert caught.value.error_message is None
        assert "was answered with 404" in str(caught.value)


@pytest.mark.parametrize("offset", [-5, 0, 1])
def test_retry_after_may_be_seconds_or_a_date_and_over_already(shop, offset):
    when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=offset)
    for value in (str(offset), email.utils.format_datetime(when, usegmt=True)):
        shop.faults.retry_after = value
        shop.fail_next(429, "ok")
        assert shop.client(backoff=0.01).customer(shop.ids[0]).id == shop.ids[0]


def test_a_retry_after_is_waited_for_by_every_thread(shop):
    shop.faults.retry_after = "1"
    client = shop.client(backoff=0.01)
    shop.fail_next(429)
    started = time.monotonic()
    tables = cl.fetch(client, shop.ids[:20], progress=False)
    assert len(tables.customers) + tables.report.rejects >= 20
    assert time.monotonic() - started >= 1.0
    assert shop.statuses.count(429) == 1


def test_a_wait_that_is_too_long_is_an_error_that_says_how_long(shop):
    shop.faults.retry_after = "3600"
    shop.fail_next(429)
    with pytest.raises(cl.RateLimitError, match="wait 3600 s") as caught:
        shop.client(max_wait=5).customer(shop.ids[0])
    assert caught.value.retry_after == 3600
    assert len(shop.requests) == 1


def test_the_limit_is_never_run_into(generated):
    with cl.demo.serve(customers=40, rate_limit=10, rate_window=0.5) as shop:
        client = shop.client(rate_limit=10, rate_window=0.5)
        tables = cl.fetch(client, shop.ids, progress=False, threads=8)
        assert 429 not in shop.statuses
        assert tables.report.seconds_waited > 0
        assert len(shop.requests) == 41


def test_two_clients_with_one_token_share_the_window(shop):
    one, two = shop.client(rate_limit=50), shop.client(rate_limit=50)
    one.customer(shop.ids[0])
    assert two.requests_left == 49
    assert shop.client(shop.grant("read_customers"), rate_limit=50).requests_left == 50


def test_a_bad_token_stops_every_thread_at_once(shop):
    with pytest.raises(cl.PermissionDeniedError, match="token is invalid"):
        cl.fetch(shop.client("wrong"), list(range(1000)), progress=False, threads=4)
    assert len(shop.requests) <= 8


def test_a_missing_scope_is_named(shop):
    client = shop.client(shop.grant("read_store_profile"))
    with pytest.raises(cl.PermissionDeniedError, match="lacks the scope read_customers") as caught:
        client.customer(shop.ids[0])
    assert caught.value.code == "INSUFFICIENT_APP_SCOPE"
    client = shop.client(shop.grant("read_customers"))
    with pytest.raises(cl.PermissionDeniedError, match="lacks the scope read_store_profile"):
        client.profile()
    with pytest.raises(cl.PermissionDeniedError, match="lacks the scope read_customers or read_store_profile"):
        list(client.deleted())


def test_nobody_listening_is_a_transport_error_without_the_query():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = cl.Client(1, "secret", base_url=f"http://127.0.0.1:{port}/api/v3", retries=1, backoff=0.01)
    with pytest.raises(cl.TransportError) as caught:
        list(client.search(email="ann@example.com", min_order_count=2))
    assert "email=***&minOrderCount=2" in str(caught.value)
    assert "ann@" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("status", [b"204 No Content", b"206 Partial Content"])
def test_a_status_without_a_complete_answer_is_not_called_a_redirect(status):
    with (
        _answering(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status) as url,
        cl.Client(1, "secret", base_url=url, retries=0) as client,
        pytest.raises(cl.TransportError, match=r"answered with 20[46], which carries no complete answer"),
    ):
        client.customer(5)


def test_personal_data_is_masked_in_the_head_of_an_answer_that_is_not_json():
    body = '{"email": "ann@example.com", "phone": "+49 171 555", "name": "Ärmel"'.encode()
    with (
        _answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as url,
        cl.Client(1, "secret", base_url=url, retries=0) as client,
        pytest.raises(cl.DecodeError) as caught,
    ):
        client.customer(5)
    assert caught.value.head == '{"aaaaa": "aaa@aaaaaaa.aaa", "aaaaa": "+00 000 000", "aaaa": "aaaaa"'
    assert caught.value.head in str(caught.value)


def test_bytes_that_are_not_text_are_not_shown():
    body = b'{"email": "ann\xff@example.com"}'
    with (
        _answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as url,
        cl.Client(1, "secret", base_url=url, retries=0) as client,
        pytest.raises(cl.DecodeError) as caught,
    ):
        client.customer(5)
    assert "ann" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "ask", [lambda client: client.customer(5), lambda client: next(client.search()), lambda client: client.profile()]
)
def test_json_that_is_nested_too_deeply_is_a_decode_error_and_not_asked_for_again(ask):
    body = b'{"id": 5, "favorites": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    with (
        _answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as url,
        cl.Client(1, "secret", base_url=url, backoff=0.01) as client,
    ):
        with pytest.raises(cl.DecodeError, match="nested too deeply"):
            ask(client)
        assert client.metrics.retries == 0


def test_a_body_that_expands_beyond_any_answer_is_refused_before_it_fills_the_memory():
    bomb = gzip.compress(bytes(400 * 2**20), 9)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(bomb), bomb)
    with _answering(answer) as url, cl.Client(1, "secret", base_url=url) as client:
        tracemalloc.start()
        with pytest.raises(cl.DecodeError, match="longer than 32 MiB"):
            client.customer(5)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 100 * 2**20


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 "],
    ids=["body", "headers", "status"],
)
def test_an_answer_that_drips_ends_at_the_deadline_of_the_attempt(beginning):
    def drip(connection: socket.socket) -> None:
        connection.sendall(beginning)
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)

    with _answering(drip) as url, cl.Client(1, "secret", base_url=url, timeout=(1, 0.2), retries=0) as client:
        started = time.monotonic()
        with pytest.raises(cl.TransportError, match="timed out"):
            client.customer(5)
        assert 0.7 < time.monotonic() - started < 2


def test_a_connection_that_was_used_before_has_the_whole_time_again():
    """Three answers over one connection, each within the time of an attempt, and all of them beyond it."""

    def slowly(connection: socket.socket) -> None:
        for _ in range(3):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
            for byte in b'{"id":5}':
                time.sleep(0.14)
                connection.sendall(bytes([byte]))
            connection.recv(4096)

    with _answering(slowly) as url, cl.Client(1, "secret", base_url=url, timeout=(1, 0.5), retries=0) as client:
        assert [client.customer(5).id for _ in range(3)] == [5, 5, 5]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (b"Tue, 30 Jun 2026 12:00:00 GMT", dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)),
        (b"Tue, 30 Jun 2026 14:00:00 +0200", dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)),
        (b"Fri, 31 Dec 9999 23:59:59 -0200", None),
        (b"Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        (b"yesterday", None),
        (b"", None),
    ],
)
def test_the_time_of_the_shop_is_that_of_the_last_answer(shop, date, expected):
    answer = b'HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Length: 9\r\n\r\n{"id": 5}' % date
    with _answering(answer) as url, cl.Client(1, "secret", base_url=url) as client:
        client._transport.metrics.server_time = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)  # of an earlier answer
        client.customer(5)
        assert client.metrics.server_time == expected


def test_a_pause_between_attempts_ends_when_the_work_is_stopped(shop):
    shop.faults.retry_after = "60"
    shop.fail_next(429)
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        shop.client()._transport.get("/profile", {}, len, stop=stop)
    assert time.monotonic() - started < 1
    assert len(shop.requests) == 1


def test_silence_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = cl.Client(1, "secret", base_url=url, timeout=(1, 0.2), retries=0)
        with pytest.raises(cl.TransportError, match="timed out"):
            client.customer(1)
        client.close()


def test_a_redirect_never_carries_the_token_to_another_host():
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.5)
        target = b"http://127.0.0.1:%d/steal" % other.getsockname()[1]
        with _answering(b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % target) as url:
            client = cl.Client(1, "secret", base_url=url)
            with pytest.raises(cl.APIError, match="sent to 127"):
                client.customer(5)
            client.close()
        with pytest.raises(TimeoutError):
            other.accept()


def test_the_connection_is_asked_for_gzip_and_json_with_the_token_in_the_header_only(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password pw\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[bytes] = []
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{"id": 5}'
    with _answering(answer, seen) as url:
        client = cl.Client(1, "secret_t0ken", base_url=url)
        client.customer(5, fields="id")
        client.close()
    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"GET /1/customers/5?responseFields=id HTTP/1.1"
    assert b"Authorization: Bearer secret_t0ken" in lines
    assert b"Accept-Encoding: gzip" in lines


class _answering:
    """A server of one connection, which sends a fixed answer, or what a function sends: what no sound server does."""

    def __init__(self, answer: bytes | Callable[[socket.socket], None], seen: list[bytes] | None = None) -> None:
        self._answer = answer
        self._seen = [] if seen is None else seen
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(5)
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        connection.settimeout(5)
        with connection, contextlib.suppress(OSError):  # the client hangs up when it has had enough
            self._seen.append(connection.recv(65536))
            if isinstance(self._answer, bytes):
                connection.sendall(self._answer)
            else:
                self._answer(connection)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._server.close()
