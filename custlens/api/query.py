"""Requests to the API: filters, sort orders and ``responseFields``, checked before anything is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from custlens._arguments import moment, nearest, number, one_of, shown, whole_number
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
    "country_codes": ("countryCodes", "countries"),
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
"""Each search filter: its API name and the kind of value that it takes."""
RANGES = (
    ("min_order_count", "max_order_count"),
    ("min_sales_value", "max_sales_value"),
    ("created_from", "created_to"),
    ("updated_from", "updated_to"),
)
"""The filters that are the two ends of a range."""


def search_params(
    *, sort_by: str, fields: str | Iterable[str] | None = None, page_size: int = PAGE_SIZE, **filters: Any
) -> dict[str, str]:
    """Return a search as query parameters; every name and value is checked."""
    params = {}
    for name, value in filters.items():
        if name not in FILTERS:
            raise ArgumentError(f"there is no filter {name!r}; {nearest(name, FILTERS)}")
        if value is not None:
            api_name, kind = FILTERS[name]
            params[api_name] = query_value(name, value, kind)
    for low, high in RANGES:
        least, most = (params.get(FILTERS[name][0]) for name in (low, high))
        if least is not None and most is not None and float(least) > float(most):
            raise ArgumentError(
                f"{low} is beyond {high}, so that no customer can be found: {shown(filters[low])}, {shown(filters[high])}"
            )
    if fields is not None:
        params["responseFields"] = f"total,count,offset,limit,items({response_fields(parse_fields(fields))})"
    params["sortBy"] = one_of("sort_by", sort_by, SORT_ORDERS)
    return {**params, "limit": str(whole_number("page_size", page_size, least=1, most=PAGE_SIZE))}


def query_value(name: str, value: Any, kind: str) -> str:
    """Return a filter's value as text for the query.

    Raises
    ------
    ArgumentError
        A value of the wrong kind; the message says what is accepted.
    """
    match kind, value:
        case "flag", bool():
            return "true" if value else "false"
        case "text", str() if value:
            return value
        case "count", _:
            return str(whole_number(name, value))
        case "amount", _:
            number(name, value)
            return str(value)
        case "time", _:
            return str(_seconds(name, value))
        case "countries", _:
            return ",".join(_country(name, code) for code in query_value(name, value, "list").split(","))
        case "list", str() | int() if not isinstance(value, bool) and value != "":
            return str(value)
        case "list", list() | tuple() | set() | frozenset() if value and all(
            isinstance(item, str | int) and not isinstance(item, bool) and item != "" for item in value
        ):
            return ",".join(str(item) for item in value)
        case "text", _:  # not shown: it may be personal data
            came = "and is empty" if value == "" else f"not a value of the type {type(value).__name__}"
            raise ArgumentError(f"{name} must be text that is not empty, {came}")
    wanted = {"flag": "True or False", "list": "a value or a list of values"}[kind]
    raise ArgumentError(f"{name} must be {wanted}, not {shown(value)}")


def _country(name: str, code: str) -> str:
    """Return a country code of two letters."""
    if re.fullmatch("[A-Z]{2}", code):
        return code
    import pycountry

    try:
        meant = pycountry.countries.lookup(code.strip()).alpha_2
    except LookupError:
        meant = None
    hint = f"; did you mean {meant!r}?" if meant else ""
    raise ArgumentError(f"{name} must be ISO 3166-1 codes of two letters such as 'DE', not {shown(code)}{hint}")


def _seconds(name: str, value: Any) -> int:
    """Return a time as UNIX seconds; a date means its first second where a window begins, else its last."""
    if hasattr(value, "__index__"):
        return whole_number(name, value)
    if isinstance(value, str) and (parts := _API_TIME.fullmatch(value)):
        value = f"{parts[1]}{parts[2] or '+0000'}"
    found = moment(name, value)
    is_day = not isinstance(value, datetime) and len(str(value)) == len("2026-06-30")
    if is_day and name in ("created_from", "updated_from", "since"):
        found = datetime.combine(found.date(), datetime.min.time(), UTC)
    return math.floor(found.timestamp())


FieldTree = dict[str, list[str]]
"""API field names in the order asked for, each with the nested names asked for (an empty list means all of them)."""

_NESTED: dict[str, type[msgspec.Struct]] = {
    "billingPerson": Person,
    "shippingAddresses": ShippingAddress,
    "contacts": Contact,
    "stats": Stats,
}
_API_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?: ([+-]\d{4}))?")
_FIELD = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\)\s*)?(?:,|$)")


def parse_fields(fields: Any, argument: str = "fields") -> FieldTree:
    """Return field names, in API or snake_case spelling, as a tree of API names.

    Parameters
    ----------
    fields : str or list of str
        Names such as ``["id", "email", "stats(salesValue)"]``, or one comma-separated string.
    argument : str
        Name of the argument, for errors.

    Returns
    -------
    dict of str to list of str

    Raises
    ------
    ArgumentError
        A name that the API does not have (with the nearest one), or text that cannot be read.

    Examples
    --------
    >>> parse_fields(["customer_group_id", "stats(sales_value,numberOfOrders)"])
    {'customerGroupId': [], 'stats': ['salesValue', 'numberOfOrders']}
    """
    if not isinstance(fields, str | Iterable):
        raise ArgumentError(f"{argument} must be a name or a list of names, not {shown(fields)}")
    tree: FieldTree = {}
    for text in [fields] if isinstance(fields, str) else fields:
        if not isinstance(text, str):
            raise ArgumentError(f"{argument} must be names, not {shown(text)}")
        for name, inner in _split(text, argument):
            api_name = _api_name(name, Customer, "a customer")
            if inner is None:
                tree[api_name] = []
                continue
            if api_name not in _NESTED:
                raise ArgumentError(f"{argument}: {api_name!r} has no fields of its own: write it without parentheses")
            names = [_api_name(part.strip(), _NESTED[api_name], api_name) for part in inner.split(",")]
            whole = tree.get(api_name) == []
            if not whole:
                tree[api_name] = list(dict.fromkeys([*tree.get(api_name, []), *names]))
    if not tree:
        raise ArgumentError(f"{argument} is empty; leave it out to get every field")
    return tree


def response_fields(tree: FieldTree) -> str:
    """Return a tree of fields as the API's ``responseFields``.

    Examples
    --------
    >>> response_fields({"id": [], "stats": ["salesValue"]})
    'id,stats(salesValue)'
    """
    return ",".join(f"{name}({','.join(inner)})" if inner else name for name, inner in tree.items())


def _split(text: str, argument: str) -> list[tuple[str, str | None]]:
    """Split ``a,b(c,d)`` into names and what stands in their parentheses."""
    found, position = [], 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise ArgumentError(
                f"{argument}: {text!r} cannot be read from {text[position:]!r} on: write name or name(a,b)"
            )
        found.append((match[1], match[2]))
        position = match.end()
    return found


def _api_name(name: str, record: type[msgspec.Struct], where: str) -> str:
    names = api_names(record)
    if name in names:
        return names[name]
    if name in names.values():
        return name
    raise ArgumentError(f"{where} has no field {name!r}; {nearest(name, [*names, *names.values()])}")
