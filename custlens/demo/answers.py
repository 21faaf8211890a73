"""How the demo store answers: filters, sort orders, `responseFields`."""

from __future__ import annotations

import functools
import itertools
import operator
import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from custlens.api.query import FILTERS, SORT_ORDERS
from custlens.api.records import Customer, Person, Stats

__all__ = ["BadQuery", "cut", "parse_response_fields", "search", "seconds", "shuffled_ties"]

OTHERS = {"sortBy", "offset", "limit", "responseFields"}
_NOBODY, _NO_STATS = Person(), Stats()
_TOKEN = re.compile(r"\w+|[(),]")


class BadQuery(ValueError):
    """A parameter that the API answers with 400."""


def search(customers: Mapping[int, Customer], query: Mapping[str, str]) -> list[int]:
    """Give the IDs that a search finds, in its order."""
    known = {api_name for api_name, _ in FILTERS.values()} | OTHERS
    if unknown := set(query) - known:
        raise BadQuery(f"Unknown parameter: {sorted(unknown)[0]}")
    exact = query.get("useExactEmailMatch") == "true"
    tests = [
        _test(name, value, exact)
        for name, value in query.items()
        if name not in OTHERS and name != "useExactEmailMatch"
    ]
    found = [customer for customer in customers.values() if all(test(customer) for test in tests)]
    sort_by = query.get("sortBy", "NAME_ASC")
    if sort_by not in SORT_ORDERS:
        raise BadQuery(f"Invalid sortBy: {sort_by}")
    key, _, direction = sort_by.rpartition("_")
    found.sort(key=_SORT_KEYS[key], reverse=direction == "DESC")
    return [customer.id for customer in found if customer.id is not None]


def shuffled_ties(customers: Mapping[int, Customer], found: list[int], sort_by: str) -> list[int]:
    """Put customers with the same sort value into a random order."""
    key = _SORT_KEYS[sort_by.rpartition("_")[0]]
    result: list[int] = []
    for _, ties in itertools.groupby(found, key=lambda customer_id: key(customers[customer_id])[0]):
        group = list(ties)
        random.shuffle(group)
        result += group
    return result


@functools.lru_cache(maxsize=1_000_000)
def seconds(text: str | None) -> float:
    """Read an API time as UNIX seconds; a missing one comes before all others."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp() if text else float("-inf")


def _stats(customer: Customer) -> Stats:
    return customer.stats or _NO_STATS


_SORT_KEYS: dict[str, Callable[[Customer], Any]] = {
    "NAME": lambda c: ((c.name or "").casefold(), c.id),
    "EMAIL": lambda c: ((c.email or "").casefold(), c.id),
    "ORDER_COUNT": lambda c: (_order_count(c), c.id),
    "REGISTERED_DATE": lambda c: (seconds(c.registered), c.id),
    "UPDATED_DATE": lambda c: (seconds(c.updated), c.id),
    "SALES_VALUE": lambda c: (_sales(c), c.id),
    "FIRST_ORDER_DATE": lambda c: (seconds(_stats(c).first_order_date), c.id),
    "LAST_ORDER_DATE": lambda c: (seconds(_stats(c).last_order_date), c.id),
}


def _time(value: str) -> float:
    return float(value) if value.isdecimal() else datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()


def _order_count(customer: Customer) -> float:
    return _stats(customer).number_of_orders or 0


def _sales(customer: Customer) -> float:
    return _stats(customer).sales_value or 0


_BOUNDS: dict[str, tuple[Callable[[Customer], float], Callable[[str], float], Callable[[float, float], bool]]] = {
    "minOrderCount": (_order_count, int, operator.ge),
    "maxOrderCount": (_order_count, int, operator.le),
    "minSalesValue": (_sales, float, operator.ge),
    "maxSalesValue": (_sales, float, operator.le),
    "createdFrom": (lambda c: seconds(c.registered), _time, operator.ge),
    "createdTo": (lambda c: seconds(c.registered), _time, operator.le),
    "updatedFrom": (lambda c: seconds(c.updated), _time, operator.ge),
    "updatedTo": (lambda c: seconds(c.updated), _time, operator.le),
}


def _test(name: str, value: str, exact: bool) -> Callable[[Customer], bool]:
    """Make the test of one filter."""
    low = value.casefold()
    try:
        if name in _BOUNDS:
            measure, read, compare = _BOUNDS[name]
            bound = read(value)
            return lambda c: compare(measure(c), bound)
        match name:
            case "keyword":
                return lambda c: any(low in (text or "").casefold() for text in (c.name, c.email))
            case "email":
                return lambda c: low == (c.email or "").casefold() if exact else low in (c.email or "").casefold()
            case "name":
                return lambda c: low in (c.name or "").casefold()
            case "phone":
                return lambda c: any(value in (text or "") for text in _phones(c))
            case "city" | "postalCode" | "stateOrProvinceCode" | "companyName":
                attribute = re.sub(r"([A-Z])", r"_\1", name).lower()
                return lambda c: low in (getattr(c.billing_person or _NOBODY, attribute) or "").casefold()
            case "countryCodes":
                codes = set(value.split(","))
                return lambda c: (c.billing_person or _NOBODY).country_code in codes
            case "customerGroupIds":
                groups = {int(part) for part in value.split(",")}
                return lambda c: (c.customer_group_id or 0) in groups
            case "acceptMarketing":
                wanted = _flag(value)
                return lambda c: c.accept_marketing is wanted
            case "taxExempt":
                wanted = _flag(value)
                return lambda c: bool(c.tax_exempt) is wanted
            case "lang":
                return lambda c: c.lang == value
            case "b2b_b2c":
                return lambda c: c.b2b_b2c == value
            case "purchasedProductIds":
                {int(part) for part in value.split(",")}
                return lambda c: False  # this store keeps no order lines
    except ValueError:
        pass
    raise BadQuery(f"Invalid value of {name}: {value}")


def _phones(customer: Customer) -> list[str | None]:
    phones = [contact.contact for contact in customer.contacts or [] if contact.type == "PHONE"]
    return [(customer.billing_person or _NOBODY).phone, *phones]


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise ValueError(value)
    return value == "true"


Fields = dict[str, Any]


def parse_response_fields(text: str) -> Fields:
    """Read ``id,stats(salesValue)`` as a tree; an empty branch stands for all of it."""
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
    """Leave only the fields asked for."""
    if not fields:
        return document
    if isinstance(document, list):
        return [cut(item, fields) for item in document]
    if not isinstance(document, dict):
        return document
    return {name: cut(document[name], inner) for name, inner in fields.items() if name in document}
