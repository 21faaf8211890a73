"""An Ecwid-compatible shop on this machine, over real HTTP, for trying, teaching and testing.

It knows the customers API as it is documented: one customer, search, deletions, profile, responseFields, scopes and
the limit of requests. It can fail (`Faults`, `Shop.fail_next`), lie (`Lies`), let time pass (`Shop.advance`) and change
while it is read (`Churn`).
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import msgspec
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from custlens._arguments import Moment, number, one_of, whole_number
from custlens.api.client import Client
from custlens.demo.answers import BadQuery, Catalogue, Fields, cut, parse_response_fields
from custlens.demo.churn import Churn
from custlens.demo.faults import HONEST, Faults, Lies, broken_answer, broken_off, ok, refuse
from custlens.demo.population import Event, Population, api_seconds, api_time, cdnow, generated
from custlens.errors import ArgumentError

__all__ = ["DATA_SETS", "SCOPES", "Shop", "serve"]

DATA_SETS = {"generated": 1003, "cdnow": 1997}
"""The demo shops, each with its store ID."""
SCOPES = ("read_customers", "read_store_profile")
_SCOPES_NEEDED = {
    "search": ("read_customers",),
    "customer": ("read_customers",),
    "deleted": ("read_customers", "read_store_profile"),
    "profile": ("read_store_profile",),
}
BACKLOG = 128
"""Connections that may wait to be accepted."""
HISTORY = timedelta(days=182)
_ROUTES = Map(
    [
        Rule("/api/v3/<store>/customers", endpoint="search"),
        Rule("/api/v3/<store>/customers/deleted", endpoint="deleted"),
        Rule("/api/v3/<store>/customers/<customer>", endpoint="customer"),
        Rule("/api/v3/<store>/profile", endpoint="profile"),
    ]
).bind("127.0.0.1")


class Shop:
    """A running demo shop; use it as a context manager.

    Attributes
    ----------
    store_id : int
        The shop's ID.
    token : str
        A token with all scopes.
    url : str
        Base address for a client.
    population : Population
        The shop's own truth. Its methods may be called between requests, or from `on_request`; after changing its
        records by hand call `changed`.
    churn : Churn or None
        What happens between two requests. None lets the shop rest.
    faults : Faults
        How often requests fail.
    lies : list of Lies
        What is untrue in the answers: the first one that concerns a request is told.
    requests : list of str
        Path and query of every request so far.
    statuses : list of int
        Status of every answer so far; 0 for a dropped connection.
    on_request : callable or None
        Called with each request before it is answered.
    """

    def __init__(
        self,
        population: Population,
        *,
        store_id: int = DATA_SETS["generated"],
        churn: Churn | None = None,
        faults: Faults | None = None,
        lies: Iterable[Lies] = (),
        rate_limit: int | None = 600,
        rate_window: float = 60.0,
        port: int = 0,
    ) -> None:
        self.store_id = store_id
        self.token = f"secret_{secrets.token_hex(16)}"
        self.population = population
        # Copies, since each counts what it has done: one that is passed to two shops begins anew in both.
        self.churn = None if churn is None else replace(churn)
        self.faults = replace(faults or Faults())
        self.lies = [replace(lie) for lie in lies]
        self.requests: list[str] = []
        self.on_request: Callable[[str], None] | None = None
        self.statuses: list[int] = []
        self._tokens: dict[str, tuple[str, ...]] = {self.token: SCOPES}
        self._limit, self._window = rate_limit, rate_window
        self._recent: deque[float] = deque()
        self._script: deque[str] = deque()
        self._lock = threading.RLock()
        self._catalogue = Catalogue(population.customers)
        self._bytes: dict[str, dict[int, bytes]] = {}  # by the fields asked for
        self._seen = len(population.log)
        self._ties = random.Random(7)
        self._last_page: bytes | None = None
        self._clients: list[Client] = []
        try:
            listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)  # werkzeug would print and exit
        except OSError as error:
            raise ArgumentError(
                f"port {port} of this machine cannot be used: {os.strerror(error.errno or 0)}; leave port out to take a free one"
            ) from None
        with listener:
            self._server: BaseWSGIServer = make_server(
                "127.0.0.1",
                port,
                self._answer,
                threaded=True,
                request_handler=_QuietHandler,
                fd=listener.fileno(),  # which it copies
            )
        self.url = f"http://127.0.0.1:{self._server.port}/api/v3"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="custlens-demo", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Shop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<demo shop {self.store_id}: {len(self.population.customers):,} customers at {self.url}>"

    @property
    def ids(self) -> list[int]:
        """IDs of the customers there are now."""
        return list(self.population.customers)

    @property
    def log(self) -> list[Event]:
        """Everything that has happened, in order: (time, kind, customer_id)."""
        return self.population.log

    def client(self, token: str | None = None, **options: Any) -> Client:
        """Return a client of this shop; options as for `custlens.Client`."""
        client = Client(self.store_id, token or self.token, base_url=self.url, **options)
        self._clients.append(client)
        return client

    def grant(self, *scopes: str) -> str:
        """Return a further token, which has only these scopes."""
        token = f"secret_{secrets.token_hex(16)}"
        self._tokens[token] = scopes
        return token

    def fail_next(self, *faults: str | int) -> None:
        """Let the next requests fail, one each.

        Parameters
        ----------
        *faults : str or int
            A status such as 500, 429 or 206; ``"drop"`` (no answer), ``"cut"`` (off in the middle), ``"truncated"``
            (half a body that seems whole), ``"drip"`` (a byte each half second), ``"bomb"`` (1 MiB that unpacks to
            1 GiB), ``"html"``, ``"malformed"``, ``"badshape"``, ``"empty"``, ``"redirect"``; ``"ok"`` for a valid
            answer.
        """
        self._script.extend(str(fault) for fault in faults)

    def advance(self, days: float) -> None:
        """Let time pass: new customers, orders, edits, deletions."""
        with self._lock:
            self.population.advance(days)

    def changed(self) -> None:
        """Read `population` again, after its records were changed by hand."""
        with self._lock:
            self._catalogue.clear()
            self._bytes.clear()

    def document(self, customer_id: int) -> dict[str, Any]:
        """Return one customer as the shop has it: the truth that a fetch is measured against."""
        with self._lock:
            self._catch_up()
            document: dict[str, Any] = msgspec.json.decode(self._json(customer_id, {}))
        return document

    def wait(self) -> None:
        """Serve until interrupted."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """Stop the server, and close the clients that it made."""
        for client in self._clients:
            client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _catch_up(self) -> None:
        """Update the catalogue with what has happened in the population since the last look."""
        log = self.population.log
        if self._seen < len(log):
            touched = {event.customer_id for event in log[self._seen :]}
            self._seen = len(log)
            self._catalogue.refresh(touched)
            for texts in self._bytes.values():
                for customer_id in touched:
                    texts.pop(customer_id, None)

    def _json(self, customer_id: int, fields: Fields) -> bytes:
        """Return the JSON of a customer, which is kept until something changes."""
        texts = self._bytes.setdefault(repr(fields), {})
        text = texts.get(customer_id)
        if text is None:
            text = texts[customer_id] = _cut_json(self._whole_json(customer_id), fields)
        return text

    def _whole_json(self, customer_id: int) -> bytes:
        population = self.population
        patch = population.patches.get(customer_id)
        text = msgspec.json.encode(population.customers[customer_id])
        if isinstance(patch, bytes):
            return text[:-1] + b"," + patch + b"}"
        if patch:
            document = {**msgspec.json.decode(text), **patch}
            text = msgspec.json.encode({key: value for key, value in document.items() if value is not None})
        return text

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        fault = self._script.popleft() if self._script else self.faults.draw()
        if self.faults.latency:
            time.sleep(self.faults.latency)
        with self._lock:
            self.requests.append(unquote(request.full_path).rstrip("?"))
            if self.churn is not None:
                self.churn.pass_time(self.population)
            if self.on_request is not None:
                self.on_request(self.requests[-1])
            self._catch_up()
            lie = next((lie for lie in self.lies if lie.concerns(self.requests[-1])), HONEST)
            response = broken_answer(fault, self.faults.retry_after) or self._respond(request, lie)
            if date := lie.clock(self.population.now):
                response.headers["Date"] = date
            self.statuses.append(0 if fault == "drop" else response.status_code)
        if fault == "drop":
            _hang_up(environ)
        elif not broken_off(fault, response) and _wants_gzip(request, response):
            response.set_data(_gzip(response.get_data()))
            response.headers["Content-Encoding"] = "gzip"
        return response(environ, start_response)

    def _respond(self, request: Request, lie: Lies) -> Response:
        if lie.status is not None:
            return refuse(lie.status)
        if request.method != "GET":
            return refuse(405)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        scopes = self._tokens.get(token)
        if scopes is None:
            return refuse(403, "INVALID_API_TOKEN", "The token is invalid")
        if (wait := self._over_limit()) is not None:
            response = refuse(429, "RATE_LIMITED")
            response.headers["Retry-After"] = str(wait)
            return response
        try:
            endpoint, values = _ROUTES.match(request.path)
        except NotFound:
            return refuse(404, message="Not found")
        if values["store"] != str(self.store_id):
            return refuse(404, message="Store is not found")
        for scope in _SCOPES_NEEDED[endpoint]:
            if scope not in scopes:
                return refuse(403, "INSUFFICIENT_APP_SCOPE", f"The app lacks the scope {scope}")
        try:
            return getattr(self, f"_{endpoint}")(lie, lie.misread(request.args.to_dict()), **values)  # type: ignore[no-any-return]
        except BadQuery as error:
            return refuse(400, "WRONG_PARAMETER", str(error))

    def _over_limit(self) -> int | None:
        """Count this request; return the seconds to wait if it is one too many in the window."""
        if self._limit is None:
            return None
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - self._window:
            self._recent.popleft()
        if len(self._recent) >= self._limit:
            return int(self._recent[0] + self._window - now) + 1
        self._recent.append(now)
        return None

    def _customer(self, lie: Lies, query: dict[str, str], store: str, customer: str) -> Response:
        if not customer.isdecimal():
            raise BadQuery(f"Invalid customer ID: {customer}")
        if int(customer) not in self.population.customers:
            return refuse(404, message=f"Customer with ID {customer} is not found")
        if lie.another_customer:
            customer = next((str(other) for other in self.population.customers if other != int(customer)), customer)
        return ok(self._json(int(customer), _fields(query)))

    def _search(self, lie: Lies, query: dict[str, str], store: str) -> Response:
        offset, limit = _paging(query, lie.limit)
        found = self._catalogue.search(query, lie.sort)
        if lie.page == "repeated" and self._last_page is not None:
            return ok(self._last_page)
        page = [] if lie.page == "empty" else found.page(offset, limit, self._ties if lie.unstable_ties else None)
        head = {
            "total": found.total + lie.total,
            "count": len(page),
            "offset": offset,
            "limit": limit,
            "allCustomerCount": len(self.population.customers),
        }
        fields = _fields(query)
        parts = [msgspec.json.encode({name: value})[1:-1] for name, value in cut(head, fields).items()]
        if not fields or "items" in fields:
            items = b",".join(self._json(customer_id, fields.get("items", {})) for customer_id in page)
            parts.append(b'"items":[' + items + b"]")
        self._last_page = b"{" + b",".join(parts) + b"}"
        return ok(self._last_page)

    def _deleted(self, lie: Lies, query: dict[str, str], store: str) -> Response:
        offset, limit = _paging(query, lie.limit)
        earliest = max(_bound(query, "from_date", 0.0), (self.population.now - HISTORY).timestamp())
        latest = _bound(query, "to_date", float("inf"))
        found = [
            (customer_id, when)
            for customer_id, when in self.population.deleted
            if earliest <= when.timestamp() <= latest
        ]
        page = [{"id": customer_id, "date": api_time(when, 0)} for customer_id, when in found[offset : offset + limit]]
        document = {"total": len(found), "count": len(page), "offset": offset, "limit": limit, "items": page}
        return ok(msgspec.json.encode(document))

    def _profile(self, lie: Lies, query: dict[str, str], store: str) -> Response:
        document = {
            "generalInfo": {"storeId": self.store_id, "storeUrl": "https://shop.example"},
            "formatsAndUnits": {"currency": self.population.currency, "timezone": "UTC"},
        }
        return ok(msgspec.json.encode(document))


def serve(
    data: str = "generated",
    *,
    customers: int = 5_000,
    seed: int = 7,
    until: Moment | None = None,
    churn: Churn | None = None,
    faults: Faults | dict[str, Any] | None = None,
    lies: Iterable[Lies] = (),
    orders_move_updated: bool = False,
    rate_limit: int | None = 600,
    rate_window: float = 60.0,
    store_id: int | None = None,
    port: int = 0,
) -> Shop:
    """Start a demo shop on this machine.

    Parameters
    ----------
    data : str
        ``"generated"``: a seeded shop; ``"cdnow"``: a real one, 2,357 customers of an online music shop in 1997–98.
    customers, seed : int
        Size and seed of the generated shop.
    until : str or date, optional
        The day at whose end the real shop is shown, from 1997-01-01 to 1998-06-30 (the default).
    churn : Churn, optional
        What happens between two requests; nothing by default.
    faults : Faults or dict, optional
        How often requests fail: `Faults`, or a dict of its attributes such as ``{"latency": 0.05, "error_500": 0.1}``.
    lies : sequence of Lies, optional
        What is untrue in the answers: the first one that concerns a request is told.
    orders_move_updated : bool
        Whether an order moves a customer's `updated`.
    rate_limit : int or None
        Requests allowed per `rate_window`; None for no limit.
    rate_window : float
        Seconds.
    store_id : int, optional
        The shop's ID; 1003 for the generated shop and 1997 for the real one by default.
    port : int
        Port on 127.0.0.1; a free one by default.

    Returns
    -------
    Shop
        Running; end it with `close`, or use it as a context manager.

    Raises
    ------
    ArgumentError
        An argument that cannot work.

    Examples
    --------
    >>> with serve("cdnow") as shop:
    ...     shop.client().customer(1).stats.number_of_orders
    4
    """
    one_of("data", data, DATA_SETS)
    whole_number("customers", customers)
    whole_number("seed", seed)
    whole_number("port", port, most=65_535)
    number("rate_window", rate_window, above=0)
    if rate_limit is not None:
        whole_number("rate_limit", rate_limit, least=1)
    if isinstance(lies, Lies):
        raise ArgumentError("lies must be a list: put this Lies in brackets")
    if isinstance(faults, dict):
        try:
            faults = Faults(**faults)
        except TypeError as error:
            raise ArgumentError(f"faults: {error}") from None
    population = generated(customers, seed) if data == "generated" else cdnow(until)
    population.orders_move_updated = orders_move_updated
    return Shop(
        population,
        store_id=DATA_SETS[data] if store_id is None else store_id,
        churn=churn,
        faults=faults,
        lies=lies,
        rate_limit=rate_limit,
        rate_window=rate_window,
        port=port,
    )


class _QuietHandler(WSGIRequestHandler):
    """Serves HTTP/1.1, prints nothing, and leaves the Date header to the shop, whose time it is."""

    protocol_version = "HTTP/1.1"

    def send_response(self, code: int, message: str | None = None) -> None:
        """Send only the status line."""
        self.send_response_only(code, message)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return nothing, for an answer without a Date header."""
        return ""

    def send_header(self, keyword: str, value: str) -> None:
        """Send a header that says something."""
        if value:
            super().send_header(keyword, value)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""


def _paging(query: dict[str, str], most: int) -> tuple[int, int]:
    numbers = []
    for name, default in (("offset", "0"), ("limit", "100")):
        text = query.get(name, default)
        if not text.isdecimal():
            raise BadQuery(f"Invalid {name}: {text}")
        numbers.append(int(text))
    return numbers[0], min(numbers[1], most)


def _bound(query: dict[str, str], name: str, default: float) -> float:
    if name not in query:
        return default
    text = query[name]
    try:
        return float(text) if text.isdecimal() else api_seconds(text)
    except ValueError:
        raise BadQuery(f"Invalid {name}: {text}") from None


def _fields(query: dict[str, str]) -> Fields:
    return parse_response_fields(query["responseFields"]) if "responseFields" in query else {}


def _cut_json(text: bytes, fields: Fields) -> bytes:
    if not fields:
        return text
    try:
        return msgspec.json.encode(cut(msgspec.json.decode(text), fields))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a flaw that is meant to arrive
        return text


def _wants_gzip(request: Request, response: Response) -> bool:
    packed = "Content-Encoding" in response.headers
    return not packed and bool(request.accept_encodings.quality("gzip")) and len(response.get_data()) > 1_000


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def _hang_up(environ: dict[str, Any]) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
