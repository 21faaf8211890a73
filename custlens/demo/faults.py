"""How the demo shop misbehaves: a network that fails (`Faults`), and a server whose answers are untrue (`Lies`)."""

from __future__ import annotations

import functools
import math
import random
import time
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

import msgspec
from werkzeug.wrappers import Response

from custlens._arguments import one_of
from custlens.api.query import SORT_ORDERS
from custlens.errors import ArgumentError

__all__ = ["FLAWS", "HONEST", "Faults", "Lies", "broken_answer", "broken_off", "ok", "refuse"]

_MESSAGES = {
    400: "Wrong parameter",
    402: "The functionality is not available on the current plan",
    403: "Access denied",
    404: "Customer is not found",
    405: "Method is not allowed",
    408: "Request timeout",
    409: "Conflict",
    415: "Unsupported content type",
    422: "Unprocessable entity",
    429: "Too many requests",
    500: "Cannot retrieve the customer info",
    501: "Not implemented",
    502: "",
    503: "",
    504: "",
}
DRIP_PAUSE = 0.5
"""Seconds between two bytes of a body that drips."""

FLAWS: dict[str, dict[str, object] | bytes] = {
    "deep nesting": b'"extrafields":' + b"[" * 200_000 + b"]" * 200_000,
    "infinite amount": b'"totalOrderCount":1e999',
    "lone surrogate": rb'"externalReferenceId":"\ud800"',
    "not UTF-8": b'"externalReferenceId":"\xff"',
    "year 0": {"registered": "0000-01-01 00:00:00 +0000"},
    "year 9999": {"registered": "9999-12-31 23:59:59 -0400"},
}
"""What can be wrong with one record of a page, for `Population.patches`."""


@dataclass
class Faults:
    """How often requests fail; each attribute but `latency` is a share of the requests, from 0 to 1.

    Attributes
    ----------
    latency : float
        Seconds before each answer.
    error_429, error_500 : float
        Answers with that status.
    cut : float
        Bodies cut off in the middle.
    html : float
        200 with HTML, as a proxy does.
    drop : float
        Connections dropped without an answer.
    retry_after : str
        The Retry-After header of the 429s.
    seed : int
        Seed of the random choice.
    """

    latency: float = 0.0
    error_429: float = 0.0
    error_500: float = 0.0
    cut: float = 0.0
    html: float = 0.0
    drop: float = 0.0
    retry_after: str = "1"
    seed: int = 7
    _rng: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shares = {kind: getattr(self, kind) for kind in ("error_429", "error_500", "cut", "html", "drop")}
        if any(not 0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1 or self.latency < 0:
            raise ArgumentError(
                f"faults are shares from 0 to 1, together at most 1, and latency is seconds; not {self}"
            )
        self._shares = {kind.removeprefix("error_"): share for kind, share in shares.items()}
        self._rng = random.Random(self.seed)

    def draw(self) -> str | None:
        """Return the fault of one request, or None."""
        at = self._rng.random()
        for kind, share in self._shares.items():
            if at < share:
                return kind
            at -= share
        return None


@dataclass(kw_only=True)
class Lies:
    """What is untrue or odd in the answers to some requests. The defaults are honest.

    Attributes
    ----------
    when : str
        Text that the path and query of a request must contain; every request by default.
    skip : int
        How many of these requests get an honest answer first.
    times : int, optional
        How many of them are lied to after that; all by default.
    ignores : collection of str
        Query parameters that are ignored, such as ``("createdFrom",)``.
    sort : str, optional
        The order that a search uses whatever it is asked for: one of the API's, ``"ID_ASC"``, or
        ``"NEVER_ORDERED_DESC"``, which is LAST_ORDER_DATE_DESC with those who never ordered first.
    unstable_ties : bool
        Whether customers with the same sort value come in another order each time, as databases may give them.
    total : int
        What is added to the `total` of a search.
    limit : int
        Most rows of a page, whatever limit was asked for.
    page : str, optional
        ``"empty"``: a page without rows; ``"repeated"``: the page of the search before.
    another_customer : bool
        Whether a request for one customer is answered with another.
    status : int, optional
        Status of the answer, which is then an error.
    date : timedelta, str or None
        How far the Date header is ahead of the shop's clock; text is sent as it is; None sends no such header.

    Examples
    --------
    The second page of the orders is empty, and every answer is three hours ahead:

    >>> from datetime import timedelta
    >>> ahead = timedelta(hours=3)
    >>> lies = [Lies(when="sortBy=LAST_ORDER", skip=1, times=1, page="empty", date=ahead), Lies(date=ahead)]

    The first one that concerns a request is told.
    """

    when: str = ""
    skip: int = 0
    times: int | None = None
    ignores: Collection[str] = ()
    sort: str | None = None
    unstable_ties: bool = False
    total: int = 0
    limit: int = 100
    page: str | None = None
    another_customer: bool = False
    status: int | None = None
    date: timedelta | str | None = timedelta()
    _met: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        if self.sort is not None:
            one_of("sort", self.sort, (*SORT_ORDERS, "ID_ASC", "NEVER_ORDERED_DESC"))
        if self.page is not None:
            one_of("page", self.page, ("empty", "repeated"))
        if isinstance(self.ignores, str):
            raise ArgumentError(f"ignores must be a collection of parameters, not {self.ignores!r}")

    def concerns(self, request: str) -> bool:
        """Count a request that matches `when`, and return whether it is lied to."""
        if self.when not in request:
            return False
        self._met += 1
        return 0 < self._met - self.skip <= (math.inf if self.times is None else self.times)

    def misread(self, query: dict[str, str]) -> dict[str, str]:
        """Return the parameters that are not ignored."""
        return {name: value for name, value in query.items() if name not in self.ignores}

    def clock(self, now: datetime) -> str | None:
        """Return the Date header."""
        return format_datetime(now + self.date, usegmt=True) if isinstance(self.date, timedelta) else self.date


HONEST = Lies()


def broken_answer(fault: str | None, retry_after: str) -> Response | None:
    """Return the answer that a fault sends instead of the valid one; None if the fault is not of this kind."""
    match fault:
        case "html":
            return Response("<html><body>Sign in to the network</body></html>", mimetype="text/html")
        case "malformed":
            return ok(b'{"total": 3, "items": [{"id": 1,}]}')
        case "badshape":
            return ok(b'["neither a customer nor a page"]')
        case "empty":
            return ok(b"")
        case "bomb":
            response = ok(_bomb())
            response.headers["Content-Encoding"] = "gzip"
            return response
        case "redirect":
            return Response(status=302, headers={"Location": "http://127.0.0.2:9/elsewhere"})
        case "204":
            return Response(status=204)
        case "429":
            response = refuse(429, "RATE_LIMITED")
            response.headers["Retry-After"] = retry_after
            return response
        case str() if fault.isdecimal() and fault != "206":
            return refuse(int(fault))
    return None


@functools.cache
def _bomb() -> bytes:
    """Return a gzip stream of about 1 MiB that unpacks to 1 GiB of spaces."""
    blocks, spaces = 2**10, b" " * 2**20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(spaces) + packer.flush(zlib.Z_FULL_FLUSH)  # after which it may come again
    checksum = 0
    for _ in range(blocks):
        checksum = zlib.crc32(spaces, checksum)
    head, end = b"\x1f\x8b\x08" + bytes(6) + b"\xff", b"\x03\x00"
    return head + blocks * block + end + checksum.to_bytes(4, "little") + (blocks * 2**20).to_bytes(4, "little")


def broken_off(fault: str | None, response: Response) -> bool:
    """Damage a valid answer on its way; return False if the fault is not of this kind."""
    body = response.get_data()
    half = body[: len(body) // 2]
    match fault:
        case "cut":
            response.set_data(half)
            response.headers["Content-Length"] = str(len(body))
        case "truncated":
            response.set_data(half)
        case "206":
            response.set_data(half)
            response.status_code = 206
            response.headers["Content-Range"] = f"bytes 0-{len(half) - 1}/{len(body)}"
        case "drip":
            response.response = _drops(body)
        case _:
            return False
    return True


def _drops(body: bytes) -> Iterator[bytes]:
    for number in range(len(body)):
        yield body[number : number + 1]
        time.sleep(DRIP_PAUSE)


def ok(body: bytes) -> Response:
    """Return an answer with a JSON body."""
    return Response(body, mimetype="application/json")


def refuse(status: int, code: str | None = None, message: str | None = None) -> Response:
    """Return an error, its body as the API documents it."""
    text = _MESSAGES.get(status, "Error") if message is None else message
    body = {"errorMessage": text, **({"errorCode": code} if code else {})}
    return Response(msgspec.json.encode(body) if text else b"", status=status, mimetype="application/json")
