"""What is asked of the API: filters, sort orders and ``responseFields``, checked before anything is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from custlens._arguments import nearest
from custlens.api.records import Contact, Customer, Person, ShippingAddress, Stats, api_names
from custlens.errors import ArgumentError

__all__ = [
    "FILTERS",
    "PAGE_SIZE",
    "SORT_ORDERS",
    "FieldTree",
    "parse_fields",
    "query_value",
    "response_fields",
    "search_params",
]

PAGE_SIZE = 100
SORT_ORDERS = tuple(
    f"{key}_{direction}"
    for key in (
        "NAME",
        "EMAIL",
        "ORDER_COUNT",
        "REGISTERED_DATE",
        "UPDATED_DATE",
        "SALES_VALUE",
        "FIRST_ORDER_DATE",
        "LAST_ORDER_DATE",
    )
    for direction in ("ASC", "DESC")
)

FILTERS: dict[str, tuple[str, str]] = {
    "keyword": ("keyword", "text"),
    "name": ("name", "text"),
    "email": ("email", "text"),
    "use_exact_email_match": ("useExactEmailMatch", "flag"),
    "phone": ("phone", "text"),
    "city": ("city", "text"),
    "postal_code": ("postalCode", "text"),
    "state_or_province_code": ("stateOrProvinceCode", "text"),
    "country_codes": ("countryCodes", "list"),
    "company_name": ("companyName", "text"),
    "accept_marketing": ("acceptMarketing", "flag"),
    "lang": ("lang", "text"),
    "customer_group_ids": ("customerGroupIds", "list"),
    "min_order_count": ("minOrderCount", "count"),
    "max_order_count": ("maxOrderCount", "count"),
    "min_sales_value": ("minSalesValue", "amount"),
    "max_sales_value": ("maxSalesValue", "amount"),
    "purchased_product_ids": ("purchasedProductIds", "list"),
    "b2b_b2c": ("b2b_b2c", "text"),
    "tax_exempt": ("taxExempt", "flag"),
    "created_from": ("createdFrom", "time"),
    "created_to": ("createdTo", "time"),
    "updated_from": ("updatedFrom", "time"),
    "updated_to": ("updatedTo", "time"),
}
"""Each search filter: its API name and the kind of value it takes."""


def search_params(
    *, sort_by: str, fields: str | Iterable[str] | None = None, limit: int = PAGE_SIZE, **filters: Any
) -> dict[str, str]:
    """Write a search as query parameters, checking every name and value."""
    if sort_by not in SORT_ORDERS:
        raise ArgumentError(f"there is no sort order {sort_by!r}; {nearest(str(sort_by), SORT_ORDERS)}")
    if not 1 <= limit <= PAGE_SIZE:
        raise ArgumentError(f"limit must be from 1 to {PAGE_SIZE}, not {limit}")
    params = {}
    for name, value in filters.items():
        if name not in FILTERS:
            raise ArgumentError(f"there is no filter {name!r}; {nearest(name, FILTERS)}")
        if value is not None:
            api_name, kind = FILTERS[name]
            params[api_name] = query_value(name, value, kind)
    if fields is not None:
        params["responseFields"] = f"total,count,offset,limit,items({response_fields(parse_fields(fields))})"
    return {**params, "sortBy": sort_by, "limit": str(limit)}


def query_value(name: str, value: Any, kind: str) -> str:
    """Write one filter's value, or say what it should have been."""
    match kind, value:
        case "flag", bool():
            return "true" if value else "false"
        case "text", str() if value:
            return value
        case "count", int() if not isinstance(value, bool) and value >= 0:
            return str(value)
        case "amount", int() | float() if not isinstance(value, bool) and math.isfinite(value):
            return str(value)
        case "time", datetime() if value.tzinfo is not None:
            return str(math.floor(value.astimezone(UTC).timestamp()))
        case "time", int() if not isinstance(value, bool) and value >= 0:
            return str(value)
        case "list", str() | int() if not isinstance(value, bool) and value != "":
            return str(value)
        case "list", list() | tuple() | set() | frozenset() if value and all(
            isinstance(item, str | int) and not isinstance(item, bool) and item != "" for item in value
        ):
            return ",".join(str(item) for item in value)
    wanted = {
        "flag": "True or False",
        "text": "text",
        "count": "a whole number from 0",
        "amount": "a finite number",
        "time": "a datetime with a time zone, or UNIX seconds",
        "list": "a value or a list of values",
    }[kind]
    raise ArgumentError(f"{name} must be {wanted}, not {value!r}")


FieldTree = dict[str, list[str]]
"""API field names in the order asked for, each with the nested names asked for (empty: all of it)."""

_NESTED: dict[str, type[msgspec.Struct]] = {
    "billingPerson": Person,
    "shippingAddresses": ShippingAddress,
    "contacts": Contact,
    "stats": Stats,
}
_FIELD = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\)\s*)?(?:,|$)")


def parse_fields(fields: str | Iterable[str]) -> FieldTree:
    """Check field names, in API or snake_case spelling.

    Parameters
    ----------
    fields
        Names such as ``["id", "email", "stats(salesValue)"]``, or one comma-separated string.

    Raises
    ------
    ArgumentError
        A name that the API does not have (with the nearest one), or text that cannot be read.

    Examples
    --------
    >>> parse_fields(["customer_group_id", "stats(sales_value,numberOfOrders)"])
    {'customerGroupId': [], 'stats': ['salesValue', 'numberOfOrders']}
    """
    texts = [fields] if isinstance(fields, str) else list(fields)
    tree: FieldTree = {}
    for text in texts:
        if not isinstance(text, str):
            raise ArgumentError(f"a field name must be text, not {text!r}")
        for name, inner in _split(text):
            api_name = _api_name(name, Customer, "customer")
            if inner is None:
                tree[api_name] = []
                continue
            if api_name not in _NESTED:
                raise ArgumentError(f"field {api_name!r} has no fields of its own: write it without parentheses")
            names = [_api_name(part.strip(), _NESTED[api_name], api_name) for part in inner.split(",")]
            whole = tree.get(api_name) == []
            if not whole:
                tree[api_name] = list(dict.fromkeys([*tree.get(api_name, []), *names]))
    if not tree:
        raise ArgumentError("no field was named; leave `fields` out to get every field")
    return tree


def response_fields(tree: FieldTree) -> str:
    """Write a tree of fields as the API's ``responseFields``.

    Examples
    --------
    >>> response_fields({"id": [], "stats": ["salesValue"]})
    'id,stats(salesValue)'
    """
    return ",".join(f"{name}({','.join(inner)})" if inner else name for name, inner in tree.items())


def _split(text: str) -> list[tuple[str, str | None]]:
    """Split ``a,b(c,d)`` into names and what stands in their parentheses."""
    found, position = [], 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise ArgumentError(
                f"cannot read the field list {text!r} from {text[position:]!r} on: write name or name(a,b)"
            )
        found.append((match[1], match[2]))
        position = match.end()
    return found


def _api_name(name: str, record: type[msgspec.Struct], where: str) -> str:
    names = api_names(record)
    names.pop("extra", None)
    if name in names:
        return names[name]
    if name in names.values():
        return name
    raise ArgumentError(f"{where} has no field {name!r}; {nearest(name, [*names, *names.values()])}")
