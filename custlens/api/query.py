"""A search, written as query parameters: every filter, sort order and value is checked before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from custlens.api.fields import nearest, parse_fields, response_fields
from custlens.errors import ConfigError

__all__ = ["FILTERS", "PAGE_SIZE", "SORT_ORDERS", "query_value", "search_params"]

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
        raise ConfigError(f"there is no sort order {sort_by!r}; {nearest(str(sort_by), SORT_ORDERS)}")
    if not 1 <= limit <= PAGE_SIZE:
        raise ConfigError(f"limit must be from 1 to {PAGE_SIZE}, not {limit}")
    params = {}
    for name, value in filters.items():
        if name not in FILTERS:
            raise ConfigError(f"there is no filter {name!r}; {nearest(name, FILTERS)}")
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
    raise ConfigError(f"{name} must be {wanted}, not {value!r}")
