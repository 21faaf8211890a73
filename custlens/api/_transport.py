"""The HTTP session: bearer token, rate limit, deadlines, retries, and errors without secrets or personal data."""

from __future__ import annotations

import email.utils
import hashlib
import http.client
import io
import ipaddress
import logging
import math
import random
import re
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import requests.adapters
import requests.auth
import urllib3
import urllib3.connection
import urllib3.exceptions

from custlens import errors
from custlens.api._limiter import Limiter, Stopped

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Metrics", "Secret", "Stopped", "Transport"]

T = TypeVar("T")
Params = Mapping[str, str]
logger = logging.getLogger("custlens")

HEAD_BYTES = 80
MOST_BYTES = 32 * 2**20
"""Longest body, after decompression: many times a page of customers with full address books."""
READ_BYTES = 2**16
PATIENCE = 4
"""An attempt may take this many times the seconds allowed without a byte."""
PERSONAL = {"keyword", "name", "email", "phone", "city", "postalCode", "companyName"}
"""Parameters whose values are personal data: never shown in an error."""
KINDS: dict[int, type[errors.APIError]] = {
    400: errors.BadRequestError,
    401: errors.PermissionDeniedError,
    402: errors.PlanError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.BadRequestError,
    408: errors.ServerError,
    409: errors.BadRequestError,
    415: errors.BadRequestError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    501: errors.APIError,  # what is not implemented is not asked for again
}
SCOPES = {"/profile": "read_store_profile", "/customers/deleted": "read_customers or read_store_profile"}
_limiters: weakref.WeakValueDictionary[tuple[str, str, float], Limiter] = weakref.WeakValueDictionary()
_limiters_lock = threading.Lock()


class Secret:
    """A token that is shown neither in a repr nor among the local variables of a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the token itself."""
        return self._value

    def redact(self, text: str) -> str:
        """Replace the token in a text that came from elsewhere."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "***"


class Metrics(msgspec.Struct):
    """What a transport has done so far.

    Attributes
    ----------
    requests, retries : int
        Requests sent, and how many of them were further attempts.
    bytes : int
        Bytes received, after decompression.
    seconds_waited : float
        Seconds spent waiting for the rate limit or between attempts.
    server_time : datetime or None
        The shop's time as the last answer gave it (its Date header); None if that answer gave none.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    seconds_waited: float = 0.0
    server_time: datetime | None = None

    def since(self, before: Metrics) -> dict[str, Any]:
        """Return by how much each count has grown since an earlier moment, by name."""
        names = ("requests", "retries", "bytes", "seconds_waited")
        return {name: getattr(self, name) - getattr(before, name) for name in names}


class _BearerAuth(requests.auth.AuthBase):
    """Set the header, in such a way that no netrc file can replace it."""

    def __init__(self, token: Secret) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token.reveal()}"
        return request


class _TimedReader(io.RawIOBase):
    """Reads an answer from a connection, and gives up at the deadline even if bytes keep coming."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase) -> None:
        self._connection, self._raw = connection, raw
        self._pause = connection.gettimeout() or 0.0
        self._deadline = time.monotonic() + PATIENCE * self._pause

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read what has come, or wait for it."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(min(left, self._pause))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let go of the connection."""
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer whose status, headers and body come before one deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach()))


class _HTTPConnection(urllib3.connection.HTTPConnection):
    response_class = _TimedResponse


class _HTTPSConnection(urllib3.connection.HTTPSConnection):
    response_class = _TimedResponse


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(requests.adapters.HTTPAdapter):
    """Opens connections that keep the deadline, through a proxy too."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Open connections without a proxy."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> urllib3.ProxyManager:
        """Return the manager of the connections through a proxy."""
        manager: urllib3.ProxyManager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class _Retry(Exception):
    """Within this module: an attempt failed, and another one may succeed."""

    def __init__(self, error: errors.CustlensError, wait: float | None = None) -> None:
        self.error = error
        self.wait = wait


class Transport:
    """Sends GET requests below one address and decodes the answers.

    Parameters
    ----------
    url : str
        Address of the shop, ``…/api/v3/{storeId}``. HTTPS, except on loopback.
    token : Secret
        The access token; sent in the Authorization header only.
    limit, window : int, float
        Requests allowed per window of so many seconds, over all transports of this process with this token.
    timeout : tuple of float
        Seconds to connect, and seconds without a byte; the whole of an attempt may take four times the latter.
    retries : int
        Further attempts after the first, for failures that may pass.
    max_wait : float
        Longest wait in seconds that the shop may ask for; beyond it a `RateLimitError` says how long.
    backoff : float
        Upper bound in seconds of the first random pause between attempts; it doubles with each attempt.
    """

    def __init__(
        self,
        url: str,
        token: Secret,
        *,
        limit: int = 600,
        window: float = 60.0,
        timeout: tuple[float, float] = (5.0, 30.0),
        retries: int = 5,
        max_wait: float = 120.0,
        backoff: float = 0.5,
    ) -> None:
        loopback = check_url(url)
        self.url = url.rstrip("/")
        self.metrics = Metrics()
        self.limiter = _shared_limiter(self.url, token, limit, window)
        self._token = token
        self._timeout = timeout
        self._retries = retries
        self._max_wait = max_wait
        self._backoff = backoff
        self._lock = threading.Lock()
        self._session = requests.Session()
        self._session.auth = _BearerAuth(token)
        self._session.trust_env = not loopback
        self._session.headers.update(
            {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "custlens"}
        )
        adapter = _Adapter(pool_maxsize=32)
        self._session.mount("https://", adapter)
        if loopback:
            self._session.mount("http://", adapter)

    def get(self, path: str, params: Params, decode: Callable[[bytes], T], *, stop: threading.Event | None = None) -> T:
        """Return one decoded answer, after further attempts where they may help.

        Parameters
        ----------
        path : str
            Path below the address of the shop.
        params : mapping of str to str
            The query.
        decode : callable
            Turns the body into what is returned; it raises msgspec's errors if it cannot.
        stop : threading.Event, optional
            Ends every wait when it is set.

        Raises
        ------
        APIError
            The shop answered with an error status.
        TransportError
            No complete answer came.
        DecodeError
            The answer was not the API's JSON.
        Stopped
            `stop` was set before the request was sent.
        """
        stop = stop or threading.Event()
        shown = describe(path, params)
        started = time.monotonic()
        attempt = 0
        while True:
            try:
                return self._attempt(path, params, decode, shown, stop)
            except _Retry as retry:
                failure = retry
            if attempt == self._retries or (failure.wait or 0.0) > self._max_wait:
                break
            self._wait(failure, attempt, shown, stop)
            attempt += 1
        tried = f" (tried {attempt + 1} times in {time.monotonic() - started:.0f} s)" if attempt else ""
        error = failure.error
        error.args = (f"{error.args[0]}{tried}", *error.args[1:])
        raise error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _attempt(self, path: str, params: Params, decode: Callable[[bytes], T], shown: str, stop: threading.Event) -> T:
        reason = None
        body = b""
        with self.limiter.slot(stop):
            try:
                answer = self._session.get(
                    self.url + path, params=dict(params), timeout=self._timeout, allow_redirects=False, stream=True
                )
                with answer:
                    body = _body(answer)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                reason = _reason(error)
            with self._lock:
                self.metrics.requests += 1
                self.metrics.bytes += len(body)
        # Raised only here, outside of the handler: the library's own error holds the whole address with its query.
        if reason is not None:
            host = urlsplit(self.url).netloc
            raise _Retry(errors.TransportError(f"no complete answer from {host} to {shown}: {reason}", request=shown))
        with self._lock:
            self.metrics.server_time = _http_date(answer.headers.get("Date"))
        if answer.status_code != 200:
            raise self._refused(answer, body, shown)
        if len(body) > MOST_BYTES:
            message = (
                f"the answer to {shown} is longer than {MOST_BYTES >> 20} MiB; answers of the API are much shorter"
            )
            raise errors.DecodeError(message, request=shown)
        return self._decode(body, decode, shown)

    def _decode(self, body: bytes, decode: Callable[[bytes], T], shown: str) -> T:
        head = _masked(body[:HEAD_BYTES].decode("utf-8", "replace"))
        try:
            return decode(body)
        except msgspec.ValidationError as error:
            problem, may_pass = f"is JSON of another shape: {error}", False
        except msgspec.DecodeError as error:
            problem, may_pass = f"is not JSON: {error}", True
        except UnicodeDecodeError as error:
            problem, may_pass = f"is not JSON: {error.reason} at byte {error.start}", True
        except RecursionError:
            problem, may_pass = "is JSON that is nested too deeply", False
        message = f"the answer to {shown} {self._token.redact(problem)}; it is {len(body)} bytes and begins {head!r}"
        failure = errors.DecodeError(message, request=shown, head=head)
        raise _Retry(failure) if may_pass else failure

    def _refused(self, answer: requests.Response, body: bytes, shown: str) -> Exception:
        """Turn a status other than 200 into the error to raise."""
        status = answer.status_code
        if status < 300:
            message = f"{shown} was answered with {status}, which carries no complete answer"
            return _Retry(errors.TransportError(message, request=shown))
        if status < 400:
            where = urlsplit(answer.headers.get("Location", "")).netloc or "elsewhere"
            message = (
                f"{shown} was answered with {status} and sent to {where}; custlens follows no redirects: check base_url"
            )
            return errors.APIError(self._token.redact(message), status=status, request=shown)
        code, error_message = self._error_body(body)
        kind = KINDS.get(status, errors.ServerError if status >= 500 else errors.APIError)
        says = f": {error_message}" if error_message else ""
        wait = _retry_after(answer.headers.get("Retry-After")) if status in (429, 503) else None
        advice = _advice(kind, code, shown, wait)
        error = kind(
            f"{shown} was answered with {status}{says}{advice}",
            status=status,
            code=code,
            error_message=error_message,
            request=shown,
        )
        if isinstance(error, errors.RateLimitError):
            error.retry_after = wait
            if wait is not None and wait <= self._max_wait:
                self.limiter.pause(wait)
        return _Retry(error, wait) if error.retryable else error

    def _error_body(self, body: bytes) -> tuple[str | None, str | None]:
        """Return errorCode and errorMessage, from a body that may be absent, empty, HTML or anything else."""
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None, None
        if not isinstance(document, dict):
            return None, None
        code, message = document.get("errorCode"), document.get("errorMessage")
        return (
            self._token.redact(code) if isinstance(code, str) else None,
            self._token.redact(message) if isinstance(message, str) and message else None,
        )

    def _wait(self, failure: _Retry, attempt: int, shown: str, stop: threading.Event) -> None:
        pause = failure.wait or random.uniform(0, min(self._backoff * 2**attempt, 30.0))
        logger.info("%s failed (%s); trying again in %.1f s", shown, type(failure.error).__name__, pause)
        started = time.monotonic()
        stopped = stop.wait(pause)
        with self._lock:
            self.metrics.retries += not stopped
            self.metrics.seconds_waited += time.monotonic() - started


def check_url(url: str) -> bool:
    """Return whether an address is on loopback.

    Raises
    ------
    ArgumentError
        It is not an address, or would send the token unencrypted.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise errors.ArgumentError(f"base_url must be an https:// address, not {url!r}")
    if parts.username or parts.password or parts.query:
        raise errors.ArgumentError("base_url must hold neither a user nor a query: the token has its own argument")
    try:
        loopback = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        loopback = False
    if parts.scheme == "http" and not loopback:
        raise errors.ArgumentError(f"base_url must begin with https:// ({parts.hostname} is not on this machine)")
    return loopback


def describe(path: str, params: Params) -> str:
    """Return a request as text, without personal data."""
    query = "&".join(f"{name}={'***' if name in PERSONAL else value}" for name, value in params.items())
    return f"GET {path}" + (f"?{query}" if query else "")


def _shared_limiter(url: str, token: Secret, limit: int, window: float) -> Limiter:
    key = (url, hashlib.sha256(token.reveal().encode()).hexdigest(), window)
    with _limiters_lock:
        limiter = _limiters.get(key)
        if limiter is None:
            limiter = _limiters[key] = Limiter(limit, window)
        limiter.limit = min(limiter.limit, limit)
    return limiter


def _reason(error: Exception) -> str:
    """Return what a library's error means in words of our own, since its text may hold the whole address."""
    if isinstance(error, requests.ConnectTimeout):
        return "could not connect in time"
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "timed out"
    if isinstance(error, urllib3.exceptions.ProtocolError | urllib3.exceptions.DecodeError):
        return "the body was cut off or damaged on the way"
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return "no secure connection (certificate or TLS)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy did not let it through"
    return "the connection was refused or dropped"


def _body(answer: requests.Response) -> bytes:
    """Read a body as it comes, until its end or its longest length."""
    body = bytearray()
    while len(body) <= MOST_BYTES and (part := answer.raw.read1(READ_BYTES, decode_content=True)):
        body += part
    return bytes(body)


def _masked(text: str) -> str:
    """Return the head of an answer without its words and numbers, which may be personal data; HTML keeps its tags."""
    if text.lstrip().startswith("<"):
        return "".join(re.findall(r"</?\w+>?|<!\w+", text))
    return re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "a", text))


def _http_date(value: str | None) -> datetime | None:
    """Return the time that an HTTP header names; None if it is absent, malformed or out of range."""
    try:
        when = email.utils.parsedate_to_datetime(value or "")
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that Retry-After asks for, whether as a number or as a date; a past date means 0."""
    try:
        seconds = float(value or "")
    except ValueError:
        when = _http_date(value)
        seconds = math.nan if when is None else (when - datetime.now(UTC)).total_seconds()
    return None if math.isnan(seconds) else max(0.0, seconds)


def _advice(kind: type[errors.APIError], code: str | None, shown: str, wait: float | None) -> str:
    """Return the end of an error message: what to do about it."""
    if kind is errors.PermissionDeniedError:
        scope = next((scope for path, scope in SCOPES.items() if path in shown), "read_customers")
        if code == "INSUFFICIENT_APP_SCOPE":
            return f". The token lacks the scope {scope}: add it to the app and use its new token"
        return f". The token is wrong or lacks the scope {scope}: check ECWID_TOKEN and ECWID_STORE_ID"
    if kind is errors.PlanError:
        return ". The shop's plan does not include this API, or the shop is suspended: see its billing page"
    if kind is errors.RateLimitError and wait is not None:
        return f". The shop asks to wait {wait:.0f} s"
    return ""
