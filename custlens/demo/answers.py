"""How the demo shop answers: filters, sort orders, `responseFields`."""

from __future__ import annotations

import itertools
import math
import random
import re
import sys
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from custlens.api.query import FILTERS, SORT_ORDERS
from custlens.api.records import Customer, ShippingAddress, Stats
from custlens.demo.population import api_seconds

__all__ = ["BadQuery", "Catalogue", "Found", "cut", "parse_response_fields"]

PARAMETERS = {api_name for api_name, _ in FILTERS.values()} | {"sortBy", "offset", "limit", "responseFields"}
MOST_VIEWS = 16
EARLIEST = -sys.float_info.max
"""Less than any real value, but more than minus infinity, which stands for a missing one."""
_NO_STATS = Stats()
_TOKEN = re.compile(r"\w+|[(),]")

Row = tuple[Any, int]
"""What a customer is sorted by, and the ID, which decides between equals."""
Test = Callable[[Customer], bool]


class BadQuery(ValueError):
    """A parameter that the API answers with 400."""


class Found(NamedTuple):
    """The customers that a search finds: a stretch of sorted rows."""

    rows: list[Row]
    low: int
    high: int
    descending: bool

    @property
    def total(self) -> int:
        """Number of customers found."""
        return self.high - self.low

    def page(self, offset: int, limit: int, ties: random.Random | None = None) -> list[int]:
        """Return the IDs of a page; with `ties`, customers with the same sort value come in random order."""
        if self.descending:
            first, last = max(self.high - offset - limit, self.low), max(self.high - offset, self.low)
        else:
            first, last = min(self.low + offset, self.high), min(self.low + offset + limit, self.high)
        rows = self.rows[first:last]
        if ties is not None and rows:
            begin = max(self.low, bisect_left(self.rows, (rows[0][0],)))
            end = min(self.high, bisect_right(self.rows, (rows[-1][0], math.inf)))
            groups = itertools.groupby(self.rows[begin:end], key=lambda row: row[0])
            shuffled = [row for _, group in groups for row in sorted(group, key=lambda _: ties.random())]
            rows = shuffled[first - begin : last - begin]
        ids = [customer_id for _, customer_id in rows]
        return ids[::-1] if self.descending else ids


class _Range(NamedTuple):
    """Bounds of what customers can be sorted by, both included."""

    key: str
    low: float
    high: float

    def holds(self, customer: Customer) -> bool:
        return bool(self.low <= _SORT_KEYS[self.key](customer) <= self.high)


class _View:
    """The customers that pass some tests, sorted; kept so while they change."""

    def __init__(self, key: str, tests: list[Test], customers: Iterable[tuple[int, Customer]]) -> None:
        self._value, self._tests = _SORT_KEYS[key], tests
        self._values = {
            customer_id: self._value(customer) for customer_id, customer in customers if self._passes(customer)
        }
        self.rows: list[Row] = sorted((value, customer_id) for customer_id, value in self._values.items())

    def refresh(self, customer_id: int, customer: Customer | None) -> None:
        if customer_id in self._values:
            del self.rows[bisect_left(self.rows, (self._values.pop(customer_id), customer_id))]
        if customer is not None and self._passes(customer):
            self._values[customer_id] = self._value(customer)
            insort(self.rows, (self._values[customer_id], customer_id))

    def _passes(self, customer: Customer) -> bool:
        return all(test(customer) for test in self._tests)


class Catalogue:
    """The customers as searches find them: sorted once, then kept sorted while they change."""

    def __init__(self, customers: Mapping[int, Customer]) -> None:
        self._customers = customers
        self._views: dict[tuple[Any, ...], _View] = {}  # the one that was used last comes last

    def search(self, query: Mapping[str, str], sort: str | None = None) -> Found:
        """Return what a search finds.

        Parameters
        ----------
        query : mapping of str to str
            Parameters as the API names them.
        sort : str, optional
            Order to use instead of `sortBy`; it may be one that the API does not have.

        Raises
        ------
        BadQuery
            A parameter that the API does not have, or a value that it refuses.
        """
        if unknown := set(query) - PARAMETERS:
            raise BadQuery(f"Unknown parameter: {sorted(unknown)[0]}")
        asked = query.get("sortBy", "NAME_ASC")
        if asked not in SORT_ORDERS:
            raise BadQuery(f"Invalid sortBy: {asked}")
        key, _, direction = (sort or asked).rpartition("_")
        ranges = [_range(name, value) for name, value in query.items() if name in _BOUNDS]
        filters = {name: value for name, value in query.items() if name in _FILTERS}
        if query.get("useExactEmailMatch") == "true" and "email" in filters:
            filters["exact email"] = filters.pop("email")
        rows = self._view(key, [range_ for range_ in ranges if range_.key != key], filters).rows
        low, high = _stretch(rows, [range_ for range_ in ranges if range_.key == key])
        return Found(rows, low, high, direction == "DESC")

    def refresh(self, customer_ids: set[int]) -> None:
        """Update the catalogue after some customers were added, changed or deleted."""
        if len(customer_ids) > len(self._customers) // 20:
            self._views.clear()  # sorting anew is faster
        for view in self._views.values():
            for customer_id in customer_ids:
                view.refresh(customer_id, self._customers.get(customer_id))

    def clear(self) -> None:
        """Forget all views, since anything may have changed."""
        self._views.clear()

    def _view(self, key: str, ranges: list[_Range], filters: dict[str, str]) -> _View:
        name = (key, frozenset(ranges), frozenset(filters.items()))
        view = self._views.pop(name, None)
        if view is None:
            tests = [range_.holds for range_ in ranges] + [_test(*item) for item in filters.items()]
            pool: Iterable[int] = self._customers
            if ranges:
                rows = self._view(ranges[0].key, [], {}).rows
                low, high = _stretch(rows, ranges[:1])
                pool = [customer_id for _, customer_id in rows[low:high]]
            view = _View(key, tests, ((customer_id, self._customers[customer_id]) for customer_id in pool))
        self._views[name] = view
        if len(self._views) > MOST_VIEWS:
            del self._views[next(iter(self._views))]
        return view


def _stretch(rows: list[Row], ranges: list[_Range]) -> tuple[int, int]:
    """Return the positions between which the rows are within all ranges of their sort value."""
    if not ranges:
        return 0, len(rows)
    low = bisect_left(rows, (max(range_.low for range_ in ranges),))
    return low, max(low, bisect_right(rows, (min(range_.high for range_ in ranges), math.inf)))


def _time(value: str) -> float:
    """Read UNIX seconds, or a time such as ``2023-01-15 19:27:50``, in UTC."""
    if value.isdecimal():
        return float(value)
    return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


def _created(customer: Customer) -> float:
    """Return the time of registration or, for a guest, of the first order."""
    return api_seconds(customer.registered or _stats(customer).first_order_date)


def _stats(customer: Customer) -> Stats:
    return customer.stats or _NO_STATS


_SORT_KEYS: dict[str, Callable[[Customer], Any]] = {
    "NAME": lambda c: (c.name or "").casefold(),
    "EMAIL": lambda c: (c.email or "").casefold(),
    "ORDER_COUNT": lambda c: _stats(c).number_of_orders or 0,
    "REGISTERED_DATE": _created,
    "UPDATED_DATE": lambda c: api_seconds(c.updated),
    "SALES_VALUE": lambda c: _stats(c).sales_value or 0,
    "FIRST_ORDER_DATE": lambda c: api_seconds(_stats(c).first_order_date),
    "LAST_ORDER_DATE": lambda c: api_seconds(_stats(c).last_order_date),
    # Two orders that no request can ask for: see `custlens.demo.Lies`.
    "ID": lambda c: c.id,
    "NEVER_ORDERED": lambda c: api_seconds(_stats(c).last_order_date) if _stats(c).last_order_date else math.inf,
}
_BOUNDS: dict[str, tuple[str, Callable[[str], float]]] = {
    "minOrderCount": ("ORDER_COUNT", int),
    "maxOrderCount": ("ORDER_COUNT", int),
    "minSalesValue": ("SALES_VALUE", float),
    "maxSalesValue": ("SALES_VALUE", float),
    "createdFrom": ("REGISTERED_DATE", _time),
    "createdTo": ("REGISTERED_DATE", _time),
    "updatedFrom": ("UPDATED_DATE", _time),
    "updatedTo": ("UPDATED_DATE", _time),
}


def _range(name: str, value: str) -> _Range:
    key, read = _BOUNDS[name]
    try:
        bound = read(value)
    except ValueError:
        raise BadQuery(f"Invalid value of {name}: {value}") from None
    return (
        _Range(key, bound, math.inf)
        if name.startswith("min") or name.endswith("From")
        else _Range(key, EARLIEST, bound)
    )


def _addresses(customer: Customer) -> list[ShippingAddress]:
    return customer.shipping_addresses or []


def _phones(customer: Customer) -> list[str]:
    phones = [address.phone for address in _addresses(customer)]
    contacts = [contact.contact for contact in customer.contacts or [] if contact.type == "PHONE"]
    return [phone for phone in phones + contacts if phone]


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError(value)
    return value == "true"


def _numbers(value: str) -> set[int]:
    return {int(part) for part in value.split(",")}


def _with_text(texts: Callable[[Customer], Iterable[str | None]]) -> Callable[[str], Test]:
    """Return a filter that looks for a text in some fields, whatever its case."""

    def make(value: str) -> Test:
        low = value.casefold()
        return lambda c: any(low in (text or "").casefold() for text in texts(c))

    return make


def _equal_to(read: Callable[[str], Any], field: Callable[[Customer], Any]) -> Callable[[str], Test]:
    """Return a filter that compares a field with a value."""

    def make(value: str) -> Test:
        wanted = read(value)
        return lambda c: bool(field(c) == wanted)

    return make


def _among(read: Callable[[str], set[Any]], fields: Callable[[Customer], Iterable[Any]]) -> Callable[[str], Test]:
    """Return a filter that looks for one of several values in some fields."""

    def make(value: str) -> Test:
        wanted = read(value)
        return lambda c: not wanted.isdisjoint(fields(c))

    return make


_FILTERS: dict[str, Callable[[str], Test]] = {
    "keyword": _with_text(lambda c: (c.name, c.email)),
    "name": _with_text(lambda c: (c.name,)),
    "email": _with_text(lambda c: (c.email,)),
    "exact email": _equal_to(str.casefold, lambda c: (c.email or "").casefold()),
    "phone": _with_text(_phones),
    "city": _with_text(lambda c: (address.city for address in _addresses(c))),
    "postalCode": _with_text(lambda c: (address.postal_code for address in _addresses(c))),
    "stateOrProvinceCode": _with_text(lambda c: (address.state_or_province_code for address in _addresses(c))),
    "companyName": _with_text(lambda c: (address.company_name for address in _addresses(c))),
    "countryCodes": _among(lambda v: set(v.split(",")), lambda c: (address.country_code for address in _addresses(c))),
    "customerGroupIds": _among(_numbers, lambda c: (c.customer_group_id or 0,)),
    "acceptMarketing": _equal_to(_flag, lambda c: c.accept_marketing),
    "taxExempt": _equal_to(_flag, lambda c: bool(c.tax_exempt)),
    "lang": _equal_to(str, lambda c: c.lang),
    "b2b_b2c": _equal_to(str, lambda c: c.b2b_b2c),
    "purchasedProductIds": _among(_numbers, lambda c: ()),  # this shop keeps no order lines
}


def _test(name: str, value: str) -> Test:
    try:
        return _FILTERS[name](value)
    except ValueError:
        raise BadQuery(f"Invalid value of {name}: {value}") from None


Fields = dict[str, Any]
"""A tree of the fields asked for; an empty branch stands for all of it."""


def parse_response_fields(text: str) -> Fields:
    """Return the tree of a text such as ``id,stats(salesValue)``."""
    tokens = _TOKEN.findall(text)
    if not tokens or "".join(tokens) != text.replace(" ", ""):
        raise BadQuery(f"Invalid responseFields: {text}")
    stack: list[Fields] = [{}]
    name = ""
    for part in tokens:
        if part == "(":
            stack.append(stack[-1].setdefault(name, {}))
        elif part == ")":
            stack.pop()
        elif part != ",":
            name = part
            stack[-1].setdefault(name, {})
        if not stack:
            raise BadQuery(f"Invalid responseFields: {text}")
    if len(stack) != 1:
        raise BadQuery(f"Invalid responseFields: {text}")
    return stack[0]


def cut(document: Any, fields: Fields) -> Any:
    """Return a document with only the fields asked for."""
    if not fields:
        return document
    if isinstance(document, list):
        return [cut(item, fields) for item in document]
    if not isinstance(document, dict):
        return document
    return {name: cut(document[name], inner) for name, inner in fields.items() if name in document}
