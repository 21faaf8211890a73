"""The one requests session: bearer token, limit, timeouts, retries, and errors that tell no secrets."""

from __future__ import annotations

import email.utils
import hashlib
import ipaddress
import logging
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import requests.adapters
import requests.auth

from custlens import errors
from custlens.api._limiter import Limiter

__all__ = ["Metrics", "Secret", "Transport"]

T = TypeVar("T")
Params = Mapping[str, str]
logger = logging.getLogger("custlens")

HEAD_BYTES = 80
PERSONAL = {"keyword", "name", "email", "phone", "city", "postalCode", "companyName"}
"""Parameters whose values are personal data: never shown in an error."""
KINDS: dict[int, type[errors.APIError]] = {
    400: errors.BadRequestError,
    401: errors.PermissionDeniedError,
    402: errors.PlanError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    415: errors.BadRequestError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
}
SCOPES = {"profile": "read_store_profile"}
_limiters: weakref.WeakValueDictionary[tuple[str, str, float], Limiter] = weakref.WeakValueDictionary()
_limiters_lock = threading.Lock()


class Secret:
    """A token that never shows itself: not in a repr, not among the locals of a traceback."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the token itself."""
        return self._value

    def redact(self, text: str) -> str:
        """Remove the token from somebody else's text."""
        return text.replace(self._value, "***")

    def __repr__(self) -> str:
        return "***"


class Metrics(msgspec.Struct):
    """What a transport has done so far: counts, bytes of bodies after decompression, seconds of waiting."""

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    seconds_waited: float = 0.0
    server_time: datetime | None = None

    def since(self, before: Metrics) -> dict[str, Any]:
        """Give the counts that have come since an earlier moment, by name."""
        names = ("requests", "retries", "bytes", "seconds_waited")
        return {name: getattr(self, name) - getattr(before, name) for name in names}


class _BearerAuth(requests.auth.AuthBase):
    """Sets the header itself, so that no netrc file can replace it."""

    def __init__(self, token: Secret) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token.reveal()}"
        return request


class _Retry(Exception):
    """Inside this module: an attempt failed in a way that another attempt may mend."""

    def __init__(self, error: errors.CustlensError, wait: float | None = None) -> None:
        self.error = error
        self.wait = wait


class Transport:
    """Sends GET requests below one address and decodes what comes back.

    Parameters
    ----------
    url
        Address of the store, ``…/api/v3/{storeId}``. HTTPS, except on loopback.
    token
        The access token; sent in the Authorization header only.
    limit, window
        Requests allowed in a window of so many seconds, over all transports of this process with this token.
    timeout
        Seconds to connect, and seconds without a byte.
    retries
        Further attempts after the first, for failures that may pass.
    max_wait
        Longest wait in seconds that the store may ask for; past it a `RateLimitError` tells how long.
    backoff
        Longest first pause in seconds between attempts; it doubles each time, and is drawn at random below that.
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
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=32)
        self._session.mount("https://", adapter)
        if loopback:
            self._session.mount("http://", adapter)

    def get(self, path: str, params: Params, decode: Callable[[bytes], T]) -> T:
        """Get one answer, trying again where that can help.

        Raises
        ------
        APIError
            The store answered with an error status.
        TransportError
            No whole answer came.
        DecodeError
            The answer was not the API's JSON.
        """
        shown = describe(path, params)
        started = time.monotonic()
        attempt = 0
        while True:
            try:
                return self._attempt(path, params, decode, shown)
            except _Retry as retry:
                failure = retry
            if attempt == self._retries or (failure.wait or 0.0) > self._max_wait:
                break
            self._wait(failure, attempt, shown)
            attempt += 1
        tried = f" (tried {attempt + 1} times in {time.monotonic() - started:.0f} s)" if attempt else ""
        error = failure.error
        error.args = (f"{error.args[0]}{tried}", *error.args[1:])
        raise error

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _attempt(self, path: str, params: Params, decode: Callable[[bytes], T], shown: str) -> T:
        reason = None
        body = b""
        with self.limiter.slot():
            try:
                answer = self._session.get(
                    self.url + path, params=dict(params), timeout=self._timeout, allow_redirects=False, stream=True
                )
                with answer:
                    body = answer.content
            except requests.RequestException as error:
                reason = _reason(error)
            with self._lock:
                self.metrics.requests += 1
                self.metrics.bytes += len(body)
        # Raised only here, outside of the handler: the library's own error holds the whole address with its query.
        if reason is not None:
            host = urlsplit(self.url).netloc
            raise _Retry(errors.TransportError(f"no answer from {host} to {shown}: {reason}", request=shown))
        self._read_clock(answer)
        if answer.status_code != 200:
            raise self._refused(answer, body, shown)
        return self._decode(body, decode, shown)

    def _decode(self, body: bytes, decode: Callable[[bytes], T], shown: str) -> T:
        head = self._token.redact(body[:HEAD_BYTES].decode("utf-8", "replace"))
        try:
            return decode(body)
        except msgspec.ValidationError as error:
            problem, may_pass = f"is JSON of another shape: {error}", False
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problem, may_pass = f"is not JSON: {error}", True
        message = f"the answer to {shown} {self._token.redact(problem)}; it is {len(body)} bytes and begins {head!r}"
        failure = errors.DecodeError(message, request=shown, head=head)
        raise _Retry(failure) if may_pass else failure

    def _refused(self, answer: requests.Response, body: bytes, shown: str) -> Exception:
        """Turn an error status into the error to raise."""
        status = answer.status_code
        if 200 <= status < 400:
            where = urlsplit(answer.headers.get("Location", "")).netloc or "elsewhere"
            message = (
                f"{shown} was answered with {status} and sent to {where}; custlens follows no redirects: check base_url"
            )
            return errors.APIError(self._token.redact(message), status=status, request=shown)
        code, error_message = self._error_body(body)
        kind = KINDS.get(status, errors.ServerError if status >= 500 or status == 408 else errors.APIError)
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
        """Read errorCode and errorMessage, from a body that may be absent, empty, HTML or anything else."""
        try:
            document = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None, None
        if not isinstance(document, dict):
            return None, None
        code, message = document.get("errorCode"), document.get("errorMessage")
        return (
            self._token.redact(code) if isinstance(code, str) else None,
            self._token.redact(message) if isinstance(message, str) and message else None,
        )

    def _wait(self, failure: _Retry, attempt: int, shown: str) -> None:
        pause = failure.wait or random.uniform(0, min(self._backoff * 2**attempt, 30.0))
        logger.info("%s failed (%s); trying again in %.1f s", shown, type(failure.error).__name__, pause)
        time.sleep(pause)
        with self._lock:
            self.metrics.retries += 1
            self.metrics.seconds_waited += pause

    def _read_clock(self, answer: requests.Response) -> None:
        """Keep the latest time that the store's own clock has shown (the Date header)."""
        try:
            now = email.utils.parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return
        now = now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)
        with self._lock:
            self.metrics.server_time = max(now, self.metrics.server_time or now)


def check_url(url: str) -> bool:
    """Refuse an address that would send the token in the clear; tell whether it is on loopback."""
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
    """Show a request as text, without personal data."""
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


def _reason(error: requests.RequestException) -> str:
    """Say in our own words what the library's error means; its text may hold the whole address."""
    if isinstance(error, requests.ConnectTimeout):
        return "could not connect in time"
    if isinstance(error, requests.Timeout):
        return "timed out"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "the body was cut off or damaged on the way"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection (certificate or TLS)"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy did not let it through"
    return "the connection was refused or dropped"


def _retry_after(value: str | None) -> float | None:
    """Read Retry-After, in seconds or as an HTTP date; a time that is over means now."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _advice(kind: type[errors.APIError], code: str | None, shown: str, wait: float | None) -> str:
    """Say what to do about an error."""
    if kind is errors.PermissionDeniedError:
        scope = next((scope for part, scope in SCOPES.items() if f"/{part}" in shown), "read_customers")
        if code == "INSUFFICIENT_APP_SCOPE":
            return f". The token lacks the scope {scope}: add it to the app and use its new token"
        return f". The token is wrong or lacks the scope {scope}: check ECWID_TOKEN and ECWID_STORE_ID"
    if kind is errors.PlanError:
        return ". The store's plan does not include this API, or the store is suspended: see the store's billing page"
    if kind is errors.RateLimitError and wait is not None:
        return f". The store asks to wait {wait:.0f} s"
    return ""
