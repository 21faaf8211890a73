"""The client: one customer, a search, deletions and the shop's profile."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import msgspec

from custlens._arguments import Moment, number, shown, whole_number
from custlens.api._pages import read_page
from custlens.api._transport import Metrics, Secret, Transport, check_url
from custlens.api.query import PAGE_SIZE, parse_fields, query_value, response_fields, search_params
from custlens.api.records import UNREADABLE, Customer, DeletedCustomer, Page, Profile, read_customer
from custlens.errors import ArgumentError, ConfigError, DecodeError, PermissionDeniedError

__all__ = ["BASE_URL", "Client", "admin_url"]

BASE_URL = "https://app.ecwid.com/api/v3"


def admin_url(base_url: str) -> str | None:
    """Return the page of a shop's customers in the vendor's admin, with ``{store_id}`` in it; None for another API.

    The vendor documents no address of one customer.
    """
    return "https://my.ecwid.com/store/{store_id}#customers" if base_url.rstrip("/") == BASE_URL else None


class Client:
    """Reads the customers of one shop.

    Use it as a context manager, or call `close` when done.

    Parameters
    ----------
    store_id : int or str
        Ecwid store ID.
    token : str
        Access token with the scope ``read_customers`` (and ``read_store_profile``, to learn the currency). It is
        sent in the Authorization header only and never shown.
    base_url : str
        Address of the API, without the store ID. HTTPS, except on this machine.
    rate_limit : int
        Requests that the token may make in `rate_window`.
    rate_window : float
        Seconds.
    timeout : tuple of float
        Seconds to connect, and seconds without a byte before an attempt counts as failed.
    retries : int
        Further attempts for failures that may pass: 408, 429, 5xx, dropped connections, cut-off bodies.
    max_wait : float
        Longest wait in seconds that the shop may ask for before a `RateLimitError` is raised.
    backoff : float
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
        if not isinstance(base_url, str):
            raise ArgumentError(f"base_url must be an https:// address, not {shown(base_url)}")
        check_url(base_url)
        self.base_url = base_url.rstrip("/")
        self._currency: list[str | None] = []
        self._stop: threading.Event | None = None
        self._transport = Transport(
            f"{self.base_url}/{self.store_id}",
            secret,
            limit=whole_number("rate_limit", rate_limit, least=1),
            window=number("rate_window", rate_window, above=0),
            timeout=_timeout(timeout),
            retries=whole_number("retries", retries),
            max_wait=number("max_wait", max_wait, least=0),
            backoff=number("backoff", backoff, least=0),
        )

    @classmethod
    def from_env(cls, **options: Any) -> Client:
        """Return a client made from ECWID_STORE_ID and ECWID_TOKEN (and ECWID_BASE_URL, if it is set).

        Parameters
        ----------
        **options
            As for `Client`.

        Returns
        -------
        Client

        Raises
        ------
        ConfigError
            A variable is missing or empty.
        """
        needed = {"ECWID_STORE_ID": "the shop's ID", "ECWID_TOKEN": "the shop's API token"}
        missing = {name: meaning for name, meaning in needed.items() if not os.environ.get(name)}
        if missing:
            raise ConfigError(f"set {' and '.join(missing)} in the environment: {' and '.join(missing.values())}")
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
        raise ArgumentError("a client holds a token and cannot be pickled; make a new one with Client.from_env()")

    @property
    def metrics(self) -> Metrics:
        """Counts of what this client has done so far (requests, retries, bytes, seconds waited), and the shop's time."""
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
        """Return one customer (``GET /customers/{customerId}``).

        Parameters
        ----------
        customer_id : int
            The customer's internal ID.
        fields : str or list of str, optional
            What to ask for, such as ``["id", "email", "stats(salesValue)"]``; everything by default. API and
            snake_case spelling are both understood, and checked before anything is sent.

        Returns
        -------
        Customer
            Fields that were not asked for, or that the shop does not have, are None.

        Raises
        ------
        NotFoundError
            No such customer.
        ServerError
            The API could not retrieve the customer, also after the retries.
        DecodeError
            The answer is not a customer that can be read.
        """
        request = _customer_request(customer_id, fields)
        customer = self._transport.get(*request, read_customer, stop=self._stop)
        _check_id(request[0], customer.id)
        return customer

    def _raw_customer(self, customer_id: int, *, fields: str | Iterable[str] | None = None) -> bytes:
        """Return one customer's JSON as it came, checked to be an object; otherwise as `customer`."""
        request = _customer_request(customer_id, fields)
        body = self._transport.get(*request, _json_object, stop=self._stop)
        found = bytes(_object.decode(body).get("id", b""))
        _check_id(request[0], int(found) if found.isdigit() else None)
        return body

    def search(
        self, *, sort_by: str = "REGISTERED_DATE_ASC", fields: str | Iterable[str] | None = None, **filters: Any
    ) -> Iterator[Customer]:
        """Search customers (``GET /customers``); pages are fetched as they are needed.

        A customer that comes twice, because the list shifted between two pages, is yielded once. One that cannot be
        read is a `DecodeError`; `custlens.fetch` sets aside what cannot be read and goes on.

        Parameters
        ----------
        sort_by : str
            NAME, EMAIL, ORDER_COUNT, REGISTERED_DATE, UPDATED_DATE, SALES_VALUE, FIRST_ORDER_DATE or LAST_ORDER_DATE,
            with ``_ASC`` or ``_DESC``. With the default the list shifts least while its pages are read.
        fields : str or list of str, optional
            As for `customer`.
        **filters
            keyword, name, email, use_exact_email_match, phone, city, postal_code, state_or_province_code,
            country_codes, company_name, accept_marketing, lang, customer_group_ids, min_order_count,
            max_order_count, min_sales_value, max_sales_value, purchased_product_ids, b2b_b2c, tax_exempt,
            created_from, created_to, updated_from, updated_to. Lists may be given as lists. Times are aware
            datetimes, UNIX seconds, texts as the API writes them (``"2023-01-15 19:27:50"`` is UTC), or dates: a
            window of dates contains its first and its last day.

        Yields
        ------
        Customer

        Raises
        ------
        ArgumentError
            An unknown filter or sort order (with the nearest name), or a value of the wrong kind.
        """
        if fields is not None:
            fields = f"id,{response_fields(parse_fields(fields))}"
        return self._customers(self._read_pages(search_params(sort_by=sort_by, fields=fields, **filters)))

    def _customers(self, pages: Iterator[Page]) -> Iterator[Customer]:
        seen: set[int | None] = set()
        for page in pages:
            for raw in page.items:
                try:
                    customer = read_customer(raw)
                except UNREADABLE as error:
                    raise DecodeError(f"a customer cannot be read: {error}", request="GET /customers") from error
                if customer.id is None or customer.id not in seen:
                    seen.add(customer.id)
                    yield customer

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
        params = search_params(sort_by=sort_by, fields=fields, page_size=limit, **filters)
        return self._read_pages(params)

    def _read_pages(self, params: dict[str, str]) -> Iterator[Page]:
        offset = 0
        while True:
            page = self._transport.get("/customers", {**params, "offset": str(offset)}, read_page, stop=self._stop)
            yield page
            offset += len(page.items)
            if not page.items or offset >= page.total:
                return

    def deleted(
        self, since: Moment | int | None = None, until: Moment | int | None = None
    ) -> Iterator[DeletedCustomer]:
        """List deleted customers (``GET /customers/deleted``); the API remembers them for six months.

        Parameters
        ----------
        since, until : datetime, date, str or int, optional
            As for the times of `search`.

        Yields
        ------
        DeletedCustomer
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
            query = {**params, "offset": str(offset)}
            page = self._transport.get("/customers/deleted", query, _deleted_page.decode, stop=self._stop)
            yield from page.items
            offset += len(page.items)
            if not page.items or offset >= page.total:
                return

    def profile(self) -> Profile:
        """Return the shop's profile (``GET /profile``).

        Returns
        -------
        Profile

        Raises
        ------
        PermissionDeniedError
            The token lacks the scope ``read_store_profile``.
        """
        return self._transport.get("/profile", {}, _profile.decode, stop=self._stop)

    def currency(self, *, again: bool = False) -> str | None:
        """Return the shop's currency, from its profile.

        Parameters
        ----------
        again : bool
            Whether to ask even if the answer is known already.

        Returns
        -------
        str or None
            ISO 4217 code; None if the token lacks the scope ``read_store_profile``, or the profile does not say.
        """
        if again or not self._currency:
            try:
                self._currency[:] = [self.profile().formats_and_units.currency]
            except PermissionDeniedError as error:
                if error.status != 403 or error.code == "INVALID_API_TOKEN":
                    raise
                self._currency[:] = [None]
        return self._currency[0]

    def _stopped_by(self, stop: threading.Event) -> Client:
        """Return this client, with the same connections and counts, for requests that wait no longer once it is set."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), _stop=stop)
        return twin

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _customer_request(customer_id: Any, fields: str | Iterable[str] | None) -> tuple[str, dict[str, str]]:
    params = {} if fields is None else {"responseFields": response_fields(parse_fields(fields))}
    return f"/customers/{whole_number('customer_id', customer_id)}", params


def _check_id(path: str, found: int | None) -> None:
    """Raise an error if the customer that came is another one; an ID that is missing or unreadable proves nothing."""
    if found is not None and path != f"/customers/{found}":
        raise DecodeError(f"GET {path} was answered with customer {found}", request=f"GET {path}")


def _store_id(store_id: int | str) -> int:
    if not str(store_id).isdecimal():  # its value is not shown: it may be a token in the wrong place
        raise ArgumentError("store_id must be the shop's number, such as 1003")
    return int(store_id)


def _secret(token: Any) -> Secret:
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ArgumentError("token must be the app's access token: printable characters without spaces")
    return Secret(token)


def _timeout(timeout: Any) -> tuple[float, float]:
    if not isinstance(timeout, tuple | list) or len(timeout) != 2:
        raise ArgumentError(
            f"timeout must be two numbers of seconds, to connect and between bytes, not {shown(timeout)}"
        )
    connect, read = (number("timeout", seconds, above=0) for seconds in timeout)
    return connect, read


class _DeletedPage(msgspec.Struct, rename="camel"):
    total: int
    items: list[DeletedCustomer]


_deleted_page = msgspec.json.Decoder(_DeletedPage)
_profile = msgspec.json.Decoder(Profile)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _json_object(body: bytes) -> bytes:
    """Return a body as it is if it is one whole JSON object."""
    _object.decode(body)
    return body
