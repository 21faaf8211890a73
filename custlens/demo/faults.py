"""How the demo store misbehaves, and how it refuses."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import msgspec
from werkzeug.wrappers import Response

from custlens.errors import ArgumentError

__all__ = ["Faults", "faulty_answer", "ok", "refuse"]

_MESSAGES = {
    400: "Wrong parameter",
    402: "The functionality is not available on the current plan",
    403: "Access denied",
    404: "Customer is not found",
    408: "Request timeout",
    415: "Unsupported content type",
    422: "Unprocessable entity",
    429: "Too many requests",
    500: "Cannot retrieve the customer info",
    502: "",
    503: "",
    504: "",
}


@dataclass
class Faults:
    """How the store misbehaves: each a share of the requests from 0 to 1, but for `latency`.

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
        Seed of the choice.
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
        """Choose the fault of one request, or none."""
        at = self._rng.random()
        for kind, share in self._shares.items():
            if at < share:
                return kind
            at -= share
        return None


def faulty_answer(fault: str | None, retry_after: str) -> Response | None:
    """Make the answer of a fault that does not need the sound one; None where there is no such fault."""
    match fault:
        case "html":
            return Response("<html><body>Sign in to the network</body></html>", mimetype="text/html")
        case "malformed":
            return ok(b'{"total": 3, "items": [{"id": 1,}]}')
        case "badshape":
            return ok(b'["neither a customer nor a page"]')
        case "empty":
            return ok(b"")
        case "redirect":
            return Response(status=302, headers={"Location": "http://127.0.0.2:9/elsewhere"})
        case "429":
            response = refuse(429)
            response.headers["Retry-After"] = retry_after
            return response
        case str() if fault.isdecimal():
            return refuse(int(fault))
    return None


def ok(body: bytes) -> Response:
    """Answer with a JSON body."""
    return Response(body, mimetype="application/json")


def refuse(status: int, code: str | None = None, message: str | None = None) -> Response:
    """Answer with an error, its body as the API documents it."""
    text = _MESSAGES.get(status, "Error") if message is None else message
    body = {"errorMessage": text, **({"errorCode": code} if code else {})}
    return Response(msgspec.json.encode(body) if text else b"", status=status, mimetype="application/json")
