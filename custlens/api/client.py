"""The client: one customer, a search, deletions and the store's profile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self, SupportsIndex

import msgspec

from custlens.api._transport import Metrics, Secret, Transport
from custlens.api.query import PAGE_SIZE, parse_fields, query_value, response_fields, search_params
from custlens.api.records import Customer, DeletedCustomer, Page, Profile, read_customer
from custlens.errors import APIError, ArgumentError, ConfigError, DecodeError

__all__ = ["BASE_URL", "Client"]

BASE_URL = "https://app.ecwid.com/api/v3"


class Client:
    """Reads the customers of one store.

    Parameters
    ----------
    store_id
        Ecwid store ID.
    token
        Access token with the scope ``read_customers`` (and ``read_store_profile``, to learn the currency). It is
        sent in the Authorization header only and never shown.
    base_url
        Address of the API, without the store ID. HTTPS, except on this machine.
    rate_limit
        Requests a minute that the token may make.
    rate_window
        Length in seconds of the window that `rate_limit` counts in.
    timeout
        Seconds to connect, and seconds without a byte before an attempt counts as failed.
    retries
        Further attempts for failures that may pass: 408, 429, 5xx, dropped connections, cut-off bodies.
    max_wait
        Longest wait in seconds that the store may ask for before a `RateLimitError` is raised.
    backoff
        Longest first pause in seconds between attempts; it doubles with each.

    Raises
    ------
    ArgumentError
        An argument that cannot work.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve(customers=50, seed=7) as shop, shop.client() as client:
    ...     client.customer(shop.ids[0], fields=["id", "stats(numberOfOrders)"]).id == shop.ids[0]
    True
    """

    def __init__(
        self,
        store_id: int | str,
        token: str,
        *,
        base_url: str = BASE_URL,
        rate_limit: int = 600,
        rate_window: float = 60.0,
        timeout: tuple[float, float] = (5.0, 30.0),
        retries: int = 5,
        max_wait: float = 120.0,
        backoff: float = 0.5,
    ) -> None:
        secret = _secret(token)
        token = "***"  # noqa: S105 from here on no local of this frame holds it, whatever a traceback shows
        self.store_id = _store_id(store_id)
        self.base_url = base_url.rstrip("/")
        if rate_limit < 1 or rate_window <= 0 or retries < 0 or max_wait < 0 or backoff < 0 or min(timeout) <= 0:
            raise ArgumentError(
                "rate_limit, rate_window and timeout must be above 0; retries, max_wait and backoff not below"
            )
        self._currency: tuple[str | None, ...] = ()
        self._transport = Transport(
            f"{self.base_url}/{self.store_id}",
            secret,
            limit=rate_limit,
            window=rate_window,
            timeout=timeout,
            retries=retries,
            max_wait=max_wait,
            backoff=backoff,
        )

    @classmethod
    def from_env(cls, **options: Any) -> Client:
        """Make a client from ECWID_STORE_ID and ECWID_TOKEN (and ECWID_BASE_URL, where it is set).

        Raises
        ------
        ArgumentError
            A variable that is missing or empty.
        """
        missing = [name for name in ("ECWID_STORE_ID", "ECWID_TOKEN") if not os.environ.get(name)]
        if missing:
            raise ConfigError(f"set {' and '.join(missing)} in the environment: the store's ID and its API token")
        if url := os.environ.get("ECWID_BASE_URL"):
            options.setdefault("base_url", url)
        return cls(os.environ["ECWID_STORE_ID"], os.environ["ECWID_TOKEN"], **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"Client(store_id={self.__dict__.get('store_id')}, token=***, base_url={self.__dict__.get('base_url')!r})"
        )

    def __reduce__(self) -> str:
        raise ArgumentError("a client holds a token and is never pickled; make it anew with Client.from_env()")

    @property
    def metrics(self) -> Metrics:
        """What this client has done so far: requests, retries, bytes, seconds waited, the store's clock."""
        metrics = msgspec.structs.replace(self._transport.metrics)
        metrics.seconds_waited += self._transport.limiter.waited
        return metrics

    @property
    def requests_left(self) -> int:
        """Requests that may be sent now without waiting."""
        return self._transport.limiter.left

    @property
    def seconds_to_wait(self) -> float:
        """Seconds until the next request may be sent; 0 if it may be sent now."""
        return self._transport.limiter.seconds_to_wait

    def customer(self, customer_id: int, *, fields: str | Iterable[str] | None = None) -> Customer:
        """Get one customer (``GET /customers/{customerId}``).

        Parameters
        ----------
        customer_id
            The customer's internal ID.
        fields
            What to ask for, such as ``["id", "email", "stats(salesValue)"]``; everything by default. API and
            snake_case spelling are both understood, and checked before anything is sent.

        Raises
        ------
        NotFoundError
            No such customer.
        ServerError
            The API could not retrieve the customer, also after the retries.
        """
        return self._transport.get(*_customer_request(customer_id, fields), read_customer)

    def _raw_customer(self, customer_id: int, *, fields: str | Iterable[str] | None = None) -> bytes:
        """Return one customer's JSON as it came, checked to be an object; otherwise as `customer`."""
        return self._transport.get(*_customer_request(customer_id, fields), _json_object)

    def search(
        self, *, sort_by: str = "REGISTERED_DATE_ASC", fields: str | Iterable[str] | None = None, **filters: Any
    ) -> Iterator[Customer]:
        """Search customers (``GET /customers``), page by page as they are needed.

        A customer that comes twice, because the list shifted between two pages, is given once. One that cannot be
        read is a `DecodeError`; `custlens.fetch` keeps such a one aside instead.

        Parameters
        ----------
        sort_by
            One of `SORT_ORDERS`. The default shifts least while pages are read.
        fields
            As for `customer`.
        **filters
            keyword, name, email, use_exact_email_match, phone, city, postal_code, state_or_province_code,
            country_codes, company_name, accept_marketing, lang, customer_group_ids, min_order_count,
            max_order_count, min_sales_value, max_sales_value, purchased_product_ids, b2b_b2c, tax_exempt,
            created_from, created_to, updated_from, updated_to. Lists may be given as lists; times as aware
            datetimes or UNIX seconds.

        Raises
        ------
        ArgumentError
            An unknown filter or sort order (with the nearest name), or a value of the wrong kind.
        """
        if fields is not None:
            fields = ["id", *([fields] if isinstance(fields, str) else fields)]
        pages = self._pages(sort_by=sort_by, fields=fields, **filters)
        return self._customers(pages)

    def _customers(self, pages: Iterator[Page]) -> Iterator[Customer]:
        seen: set[int | None] = set()
        for page in pages:
            for raw in page.items:
                try:
                    customer = read_customer(raw)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    problem = f"a customer of {self!r} cannot be read: {error}"
                else:
                    if customer.id is None or customer.id not in seen:
                        seen.add(customer.id)
                        yield customer
                    continue
                raise DecodeError(problem, request="GET /customers")

    def _pages(
        self,
        *,
        sort_by: str = "REGISTERED_DATE_ASC",
        fields: str | Iterable[str] | None = None,
        limit: int = PAGE_SIZE,
        **filters: Any,
    ) -> Iterator[Page]:
        """Return an iterator of whole pages whose items are still raw JSON; arguments as for `search`.

        A page shorter than asked for is not taken for the end: reading goes on from where it stopped until `total`
        is reached or an empty page comes.
        """
        params = search_params(sort_by=sort_by, fields=fields, limit=limit, **filters)
        return self._read_pages(params)

    def _read_pages(self, params: dict[str, str]) -> Iterator[Page]:
        offset = 0
        while True:
            page = self._transport.get("/customers", {**params, "offset": str(offset)}, _page.decode)
            yield page
            offset += len(page.items)
            if not page.items or offset >= page.total:
                return

    def _raw_page(
        self, *, sort_by: str = "REGISTERED_DATE_ASC", offset: int = 0, limit: int = PAGE_SIZE, **filters: Any
    ) -> bytes:
        """Return one page of a search as it came, checked to be a page; arguments as for `search`."""
        params = search_params(sort_by=sort_by, limit=limit, **filters)
        return self._transport.get("/customers", {**params, "offset": str(offset)}, _checked_page)

    def deleted(
        self, since: datetime | int | None = None, until: datetime | int | None = None
    ) -> Iterator[DeletedCustomer]:
        """List deleted customers (``GET /customers/deleted``); the API remembers six months.

        Parameters
        ----------
        since, until
            Aware datetimes or UNIX seconds.
        """
        params = {"limit": str(PAGE_SIZE)}
        if since is not None:
            params["from_date"] = query_value("since", since, "time")
        if until is not None:
            params["to_date"] = query_value("until", until, "time")
        return self._deleted(params)

    def _deleted(self, params: dict[str, str]) -> Iterator[DeletedCustomer]:
        offset = 0
        while True:
            page = self._transport.get("/customers/deleted", {**params, "offset": str(offset)}, _deleted_page.decode)
            yield from page.items
            offset += len(page.items)
            if not page.items or offset >= page.total:
                return

    def profile(self) -> Profile:
        """Get the store's profile (``GET /profile``); needs the scope ``read_store_profile``."""
        return self._transport.get("/profile", {}, _profile.decode)

    def currency(self, *, again: bool = False) -> str | None:
        """Give the store's currency (ISO 4217), or None where the profile cannot be had; asked once, or `again`.

        The token may lack the scope ``read_store_profile``: then the amounts are of an unknown currency.
        """
        if again or not self._currency:
            try:
                self._currency = (self.profile().formats_and_units.currency,)
            except (APIError, DecodeError) as error:
                if isinstance(error, APIError) and error.code == "INVALID_API_TOKEN":
                    raise
                self._currency = (None,)
        return self._currency[0]

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _customer_request(customer_id: SupportsIndex, fields: str | Iterable[str] | None) -> tuple[str, dict[str, str]]:
    if isinstance(customer_id, bool) or not hasattr(customer_id, "__index__"):
        raise ArgumentError(f"customer_id must be a whole number, not {customer_id!r}")
    if (number := int(customer_id)) < 0:
        raise ArgumentError(f"customer_id must not be negative, and is {number}")
    params = {} if fields is None else {"responseFields": response_fields(parse_fields(fields))}
    return f"/customers/{number}", params


def _store_id(store_id: int | str) -> int:
    if not str(store_id).isdecimal():  # its value is not shown: it may be a token in the wrong place
        raise ArgumentError("store_id must be the store's number, such as 1003")
    return int(store_id)


def _secret(token: Any) -> Secret:
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ArgumentError("token must be the app's access token: printable characters without spaces")
    return Secret(token)


class _DeletedPage(msgspec.Struct, rename="camel"):
    total: int
    items: list[DeletedCustomer]


_page = msgspec.json.Decoder(Page)
_deleted_page = msgspec.json.Decoder(_DeletedPage)
_profile = msgspec.json.Decoder(Profile)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _checked_page(body: bytes) -> bytes:
    """Check that a body is a page, and leave it as it is."""
    _page.decode(body)
    return body


def _json_object(body: bytes) -> bytes:
    """Check that a body is one whole JSON object, and leave it as it is."""
    _object.decode(body)
    return body
