"""Every error and warning that custlens raises.

CustlensError
├── ArgumentError            an argument that cannot work (also a ValueError)
├── DataError                data that do not allow what was asked (also a ValueError)
├── ConfigError              the environment, a setting or a missing package
├── TransportError           no answer: refused, timed out, dropped, cut off
├── APIError                 the shop answered with an error status
│   ├── BadRequestError          400, 405, 409, 415, 422
│   ├── PlanError                402
│   ├── PermissionDeniedError    401, 403
│   ├── NotFoundError            404
│   ├── RateLimitError           429
│   └── ServerError              408, 5xx
├── DecodeError              an answer that is not the API's JSON
├── ValidationError          rows that break the schema, with their failure cases
├── StoreError               the store on disk cannot be read or written
└── SyncError                a sync that could not begin, or found that its result cannot be right

CustlensWarning              a result that you should not rely on without reading the message
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "APIError",
    "ArgumentError",
    "BadRequestError",
    "ConfigError",
    "CustlensError",
    "CustlensWarning",
    "DataError",
    "DecodeError",
    "NotFoundError",
    "PermissionDeniedError",
    "PlanError",
    "RateLimitError",
    "ServerError",
    "StoreError",
    "SyncError",
    "TransportError",
    "ValidationError",
]


class CustlensError(Exception):
    """Base of every error that custlens raises."""


class ArgumentError(CustlensError, ValueError):
    """An argument that cannot work. The message names it, says what came and what to pass instead."""


class DataError(CustlensError, ValueError):
    """Data that do not allow what was asked: a missing column, two currencies, too few orders for a fit."""


class ConfigError(CustlensError):
    """The environment or an installation that cannot work: a variable that is not set, a package that is missing."""


class TransportError(CustlensError):
    """No answer came: the connection was refused, timed out, dropped or cut off.

    Attributes
    ----------
    request : str
        Method, path and parameters, without the token and without personal data.
    """

    def __init__(self, message: str, *, request: str = "") -> None:
        super().__init__(message)
        self.request = request


class APIError(CustlensError):
    """The shop answered with an error status.

    Attributes
    ----------
    status : int
        HTTP status.
    code : str or None
        The API's ``errorCode``, if the answer has one.
    error_message : str or None
        The API's own ``errorMessage``, if the answer has one.
    request : str
        Method, path and parameters, without the token and without personal data.
    retryable : bool
        Whether the same request may succeed later.
    """

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str | None = None,
        error_message: str | None = None,
        request: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error_message = error_message
        self.request = request


class BadRequestError(APIError):
    """The API refuses the request as it was sent (400, 405, 409, 415, 422)."""


class PlanError(APIError):
    """The shop's plan does not include this API, or the shop is suspended (402)."""


class PermissionDeniedError(APIError):
    """The token is wrong, or lacks a scope (401, 403)."""


class NotFoundError(APIError):
    """There is no such customer or shop (404)."""


class RateLimitError(APIError):
    """Too many requests, and the shop asks to wait longer than `max_wait` (429).

    Attributes
    ----------
    retry_after : float or None
        Seconds that the API asks to wait.
    """

    retryable = True
    retry_after: float | None = None


class ServerError(APIError):
    """The API failed (408, 5xx), and still did after the retries."""

    retryable = True


class DecodeError(CustlensError):
    """An answer that is not the API's JSON.

    Attributes
    ----------
    request : str
        Method, path and parameters, without the token and without personal data.
    head : str
        The first bytes of the answer as text, without personal data.
    """

    def __init__(self, message: str, *, request: str = "", head: str = "") -> None:
        super().__init__(message)
        self.request = request
        self.head = head


class ValidationError(CustlensError):
    """Rows that break the schema.

    Attributes
    ----------
    failure_cases : pandas.DataFrame
        One row per failure: customer_id, api_path, value, reason, raw, dropped. It holds personal data; the message
        does not.
    """

    def __init__(self, message: str, *, failure_cases: pd.DataFrame) -> None:
        super().__init__(message)
        self.failure_cases = failure_cases


class StoreError(CustlensError):
    """The store cannot be read or written: it is missing, foreign, damaged or read-only, or the disk is full."""


class SyncError(CustlensError):
    """A sync that could not begin, or found that its result cannot be right. What was fetched is kept for the next sync."""


class CustlensWarning(UserWarning):
    """A result that you should not rely on without reading the message."""


for _name in __all__:
    globals()[_name].__module__ = "custlens"
del _name
