"""An Ecwid-compatible store on this machine, over real HTTP, for trying, teaching and testing.

It knows the customers API as it is documented: one customer, search, deletions, profile, responseFields, scopes and
the limit of requests. It can be told to misbehave (`Faults`, `Shop.fail_next`) and to live on (`Shop.advance`).
"""

from __future__ import annotations

import secrets
import socket
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from email.utils import format_datetime
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import msgspec
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from custlens.api.client import Client
from custlens.demo.answers import BadQuery, cut, parse_response_fields, search, seconds, shuffled_ties
from custlens.demo.faults import Faults, faulty_answer, ok, refuse
from custlens.demo.population import Population, api_time, cdnow, generated
from custlens.errors import ArgumentError

__all__ = ["DATA_SETS", "SCOPES", "Shop", "serve"]

DATA_SETS = ("generated", "cdnow")
SCOPES = ("read_customers", "read_store_profile")
HISTORY = timedelta(days=182)
_ROUTES = Map(
    [
        Rule("/api/v3/<store>/customers", endpoint="search"),
        Rule("/api/v3/<store>/customers/deleted", endpoint="deleted"),
        Rule("/api/v3/<store>/customers/<customer>", endpoint="customer"),
        Rule("/api/v3/<store>/profile", endpoint="profile"),
    ]
)


class Shop:
    """A running demo store; use it as a context manager.

    Attributes
    ----------
    store_id : int
        The store's ID.
    token : str
        A token with all scopes.
    url : str
        Base address for a client.
    population : Population
        The store's own truth.
    requests : list of str
        Path and query of every request so far.
    on_request : callable or None
        Called with each request before it is answered; it may change `population`, and then calls `changed`.
    shuffle_ties : bool
        Whether customers with the same sort value come in another order each time, as databases may give them.
    statuses : list of int
        Status of every answer so far; 0 for a dropped connection.
    """

    def __init__(
        self,
        population: Population,
        *,
        store_id: int = 1003,
        faults: Faults | None = None,
        rate_limit: int | None = 600,
        rate_window: float = 60.0,
        port: int = 0,
    ) -> None:
        self.store_id = store_id
        self.token = f"secret_{secrets.token_hex(16)}"
        self.population = population
        self.faults = faults or Faults()
        self.requests: list[str] = []
        self.on_request: Callable[[str], None] | None = None
        self.shuffle_ties = False
        self.statuses: list[int] = []
        self._tokens: dict[str, tuple[str, ...]] = {self.token: SCOPES}
        self._limit, self._window = rate_limit, rate_window
        self._recent: deque[float] = deque()
        self._script: deque[str] = deque()
        self._lock = threading.RLock()
        self._found: dict[tuple[tuple[str, str], ...], list[int]] = {}
        self._bytes: dict[int, bytes] = {}
        self._clients: list[Client] = []

        class Handler(_QuietHandler):
            """Tells the shop's time, not this machine's."""

            def date_time_string(self, timestamp: float | None = None) -> str:
                return format_datetime(population.now, usegmt=True)

        try:
            self._server: BaseWSGIServer = make_server(
                "127.0.0.1", port, self._answer, threaded=True, request_handler=Handler
            )
        except (OSError, SystemExit) as error:
            raise ArgumentError(
                f"port {port} of this machine cannot be used: {error}; leave port out to take a free one"
            ) from None
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/v3"
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
        return f"<demo store {self.store_id}: {len(self.population.customers):,} customers at {self.url}>"

    @property
    def ids(self) -> list[int]:
        """IDs of the customers there are now."""
        return list(self.population.customers)

    def client(self, token: str | None = None, **options: Any) -> Client:
        """Make a client of this store; options as for `custlens.Client`."""
        client = Client(self.store_id, token or self.token, base_url=self.url, **options)
        self._clients.append(client)
        return client

    def grant(self, *scopes: str) -> str:
        """Make a further token, with these scopes only."""
        token = f"secret_{secrets.token_hex(16)}"
        self._tokens[token] = scopes
        return token

    def fail_next(self, *faults: str | int) -> None:
        """Let the next requests fail, one each: a status such as 500 or 429, ``cut``, ``html``, ``drop``, ``malformed``,
        ``empty``, ``redirect``, ``badshape``, or ``ok`` for a sound answer.
        """
        self._script.extend(str(fault) for fault in faults)

    def advance(self, days: float) -> None:
        """Let time pass: new customers, orders that do not move `updated`, edits, deletions."""
        with self._lock:
            self.population.advance(days)
            self.changed()

    def changed(self) -> None:
        """Say that `population` was changed by hand."""
        with self._lock:
            self._found.clear()
            self._bytes.clear()

    def document(self, customer_id: int) -> dict[str, Any]:
        """Give one customer as the store has it: the truth that a fetch is measured against."""
        document: dict[str, Any] = msgspec.json.decode(self._json(customer_id))
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

    def _json(self, customer_id: int) -> bytes:
        """Write a customer as JSON; kept until something changes."""
        known = self._bytes.get(customer_id)
        if known is None:
            population = self.population
            known = msgspec.json.encode(population.customers[customer_id])
            if patch := population.patches.get(customer_id):
                document = {**msgspec.json.decode(known), **patch}
                known = msgspec.json.encode({key: value for key, value in document.items() if value is not None})
            self._bytes[customer_id] = known
        return known

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        fault = self._script.popleft() if self._script else self.faults.draw()
        if self.faults.latency:
            time.sleep(self.faults.latency)
        with self._lock:
            self.requests.append(unquote(request.full_path).rstrip("?"))
            if self.on_request is not None:
                self.on_request(self.requests[-1])
            response = faulty_answer(fault, self.faults.retry_after) or self._respond(request)
            self.statuses.append(0 if fault == "drop" else response.status_code)
        if fault == "drop":
            _hang_up(environ)
        body = response.get_data()
        if fault in ("cut", "truncated"):
            body = body[: len(body) // 2]
            if fault == "cut":
                response.set_data(b"")
                response.headers["Content-Length"] = str(2 * len(body) + 2)
                response(environ, start_response)
                return [body]
            response.set_data(body)
        elif request.accept_encodings.quality("gzip") and len(body) > 1_000:
            response.set_data(_gzip(body))
            response.headers["Content-Encoding"] = "gzip"
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        scopes = self._tokens.get(token)
        if scopes is None:
            return refuse(403, "INVALID_API_TOKEN", "The token is invalid")
        if (wait := self._over_limit()) is not None:
            response = refuse(429)
            response.headers["Retry-After"] = str(wait)
            return response
        try:
            endpoint, values = _ROUTES.bind("127.0.0.1").match(request.path)
        except NotFound:
            return refuse(404, message="Not found")
        if values["store"] != str(self.store_id):
            return refuse(404, message="Store is not found")
        needed = "read_store_profile" if endpoint == "profile" else "read_customers"
        if needed not in scopes:
            return refuse(403, "INSUFFICIENT_APP_SCOPE", f"The app lacks the scope {needed}")
        try:
            return getattr(self, f"_{endpoint}")(request.args.to_dict(), **values)  # type: ignore[no-any-return]
        except BadQuery as error:
            return refuse(400, "WRONG_PARAMETER", str(error))

    def _over_limit(self) -> int | None:
        """Count this request; give the seconds to wait if it is one too many in the window."""
        if self._limit is None:
            return None
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - self._window:
            self._recent.popleft()
        if len(self._recent) >= self._limit:
            return int(self._recent[0] + self._window - now) + 1
        self._recent.append(now)
        return None

    def _customer(self, query: dict[str, str], store: str, customer: str) -> Response:
        if not customer.isdecimal():
            raise BadQuery(f"Invalid customer ID: {customer}")
        if int(customer) not in self.population.customers:
            return refuse(404, message=f"Customer with ID {customer} is not found")
        body = self._json(int(customer))
        if "responseFields" in query:
            fields = parse_response_fields(query["responseFields"])
            body = msgspec.json.encode(cut(msgspec.json.decode(body), fields))
        return ok(body)

    def _search(self, query: dict[str, str], store: str) -> Response:
        offset, limit = _paging(query)
        key = tuple(sorted(item for item in query.items() if item[0] not in ("offset", "limit", "responseFields")))
        if key not in self._found:
            self._found[key] = search(self.population.customers, query)
        found = self._found[key]
        if self.shuffle_ties:
            found = shuffled_ties(self.population.customers, found, query.get("sortBy", "NAME_ASC"))
        page = found[offset : offset + limit]
        head = {
            "total": len(found),
            "count": len(page),
            "offset": offset,
            "limit": limit,
            "allCustomerCount": len(self.population.customers),
        }
        items = b'"items":[' + b",".join(self._json(customer_id) for customer_id in page) + b"]}"
        body = msgspec.json.encode(head)[:-1] + b"," + items
        if "responseFields" in query:
            body = msgspec.json.encode(cut(msgspec.json.decode(body), parse_response_fields(query["responseFields"])))
        return ok(body)

    def _deleted(self, query: dict[str, str], store: str) -> Response:
        offset, limit = _paging(query)
        earliest = max(_bound(query, "from_date", 0.0), (self.population.now - HISTORY).timestamp())
        latest = _bound(query, "to_date", float("inf"))
        found = [
            {"id": customer_id, "date": api_time(when, 0)}
            for customer_id, when in self.population.deleted
            if earliest <= when.timestamp() <= latest
        ]
        page = found[offset : offset + limit]
        document = {"total": len(found), "count": len(page), "offset": offset, "limit": limit, "items": page}
        return ok(msgspec.json.encode(document))

    def _profile(self, query: dict[str, str], store: str) -> Response:
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
    until: date | None = None,
    faults: Faults | dict[str, Any] | None = None,
    rate_limit: int | None = 600,
    rate_window: float = 60.0,
    store_id: int = 1003,
    port: int = 0,
) -> Shop:
    """Start a demo store on this machine.

    Parameters
    ----------
    data
        ``"generated"``: a seeded shop; ``"cdnow"``: a real one, 2,357 customers of an online music shop in 1997–98.
    customers, seed
        Size and seed of the generated shop.
    until
        The day to show the real shop at the end of, from 1997-01-01 to 1998-06-30 (the default).
    faults
        How it misbehaves: `Faults`, or a dict of its attributes such as ``{"latency": 0.05, "error_500": 0.1}``.
    rate_limit, rate_window
        Requests allowed in so many seconds; no limit if None.
    store_id
        The store's ID.
    port
        Port on 127.0.0.1; a free one by default.

    Returns
    -------
    Shop
        Running; end it with `close`, or use it as a context manager.

    Examples
    --------
    >>> with serve("cdnow") as shop:
    ...     shop.client().customer(1).stats.number_of_orders
    4
    """
    if data not in DATA_SETS:
        raise ArgumentError(f"data must be one of {', '.join(DATA_SETS)}, not {data!r}")
    if customers < 0:
        raise ArgumentError(f"customers must not be negative, and is {customers}")
    if isinstance(faults, dict):
        try:
            faults = Faults(**faults)
        except TypeError as error:
            raise ArgumentError(f"faults: {error}") from None
    population = generated(customers, seed) if data == "generated" else cdnow(until)
    return Shop(population, store_id=store_id, faults=faults, rate_limit=rate_limit, rate_window=rate_window, port=port)


class _QuietHandler(WSGIRequestHandler):
    """Serves HTTP/1.1 without a word on the terminal."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


def _paging(query: dict[str, str]) -> tuple[int, int]:
    numbers = []
    for name, default in (("offset", "0"), ("limit", "100")):
        text = query.get(name, default)
        if not text.isdecimal():
            raise BadQuery(f"Invalid {name}: {text}")
        numbers.append(int(text))
    return numbers[0], min(numbers[1], 100)


def _bound(query: dict[str, str], name: str, default: float) -> float:
    if name not in query:
        return default
    text = query[name]
    try:
        return float(text) if text.isdecimal() else seconds(text)
    except ValueError:
        raise BadQuery(f"Invalid {name}: {text}") from None


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def _hang_up(environ: dict[str, Any]) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
