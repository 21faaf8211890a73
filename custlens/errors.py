"""Every error and warning that custlens raises.

CustlensError
├── ArgumentError            an argument that cannot work (also a ValueError)
├── DataError                data that cannot carry what was asked of it (also a ValueError)
├── ConfigError              a setting, the environment or a missing package
├── TransportError           no answer: refused, timed out, dropped, cut off
├── APIError                 the store answered with an error status
│   ├── BadRequestError          400, 415, 422
│   ├── PlanError                402
│   ├── PermissionDeniedError    401, 403
│   ├── NotFoundError            404
│   ├── RateLimitError           429
│   └── ServerError              5xx
├── DecodeError              an answer that is not the API's JSON
├── ValidationError          rows that break the schema, with their failure cases
├── StoreError               the store on disk cannot be read or written
└── SyncError                a sync that cannot begin, or cannot come to a true end

CustlensWarning              something was kept, and you should know about it
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
    """Data that cannot carry what was asked of it: a missing column, two currencies, too few orders for a fit."""


class ConfigError(CustlensError):
    """A setting that cannot work: the environment, an installation without a needed package."""


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
    """The store answered with an error status.

    Attributes
    ----------
    status : int
        HTTP status.
    code : str or None
        The API's ``errorCode``, where it gave one.
    error_message : str or None
        The API's own ``errorMessage``, where it gave one.
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
    """A parameter that the API refuses (400, 415, 422)."""


class PlanError(APIError):
    """The store's plan does not include this API, or the store is suspended (402)."""


class PermissionDeniedError(APIError):
    """The token is wrong, or lacks a scope (401, 403)."""


class NotFoundError(APIError):
    """No such customer, or no such store (404)."""


class RateLimitError(APIError):
    """Too many requests, for longer than custlens is allowed to wait (429).

    Attributes
    ----------
    retry_after : float or None
        Seconds that the API asked to wait.
    """

    retryable = True
    retry_after: float | None = None


class ServerError(APIError):
    """The API failed (5xx, 408), also after the retries."""

    retryable = True


class DecodeError(CustlensError):
    """An answer that is not the API's JSON.

    Attributes
    ----------
    request : str
        Method, path and parameters, without the token and without personal data.
    head : str
        The first bytes of the answer, as text.
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
        One row a failure: customer_id, api_path, value, reason, raw. It holds personal data, so the message does not.
    """

    def __init__(self, message: str, *, failure_cases: pd.DataFrame) -> None:
        super().__init__(message)
        self.failure_cases = failure_cases


class StoreError(CustlensError):
    """The store on disk cannot be read or written: missing, foreign, damaged, read-only, or the disk is full."""


class SyncError(CustlensError):
    """A sync that cannot begin, or cannot come to a true end; what was fetched is kept for the next one."""


class CustlensWarning(UserWarning):
    """Something was kept that you should know about."""


for _name in __all__:
    globals()[_name].__module__ = "custlens"
del _name
