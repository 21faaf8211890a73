"""Field names: checked, put into the API's spelling and written as ``responseFields``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec

from custlens.api.records import Contact, Customer, Person, ShippingAddress, Stats, api_names
from custlens.errors import ConfigError

__all__ = ["FieldTree", "nearest", "parse_fields", "response_fields"]

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
    ConfigError
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
            raise ConfigError(f"a field name must be text, not {text!r}")
        for name, inner in _split(text):
            api_name = _api_name(name, Customer, "customer")
            if inner is None:
                tree[api_name] = []
                continue
            if api_name not in _NESTED:
                raise ConfigError(f"field {api_name!r} has no fields of its own: write it without parentheses")
            names = [_api_name(part.strip(), _NESTED[api_name], api_name) for part in inner.split(",")]
            whole = tree.get(api_name) == []
            if not whole:
                tree[api_name] = list(dict.fromkeys([*tree.get(api_name, []), *names]))
    if not tree:
        raise ConfigError("no field was named; leave `fields` out to get every field")
    return tree


def response_fields(tree: FieldTree) -> str:
    """Write a tree of fields as the API's ``responseFields``.

    Examples
    --------
    >>> response_fields({"id": [], "stats": ["salesValue"]})
    'id,stats(salesValue)'
    """
    return ",".join(f"{name}({','.join(inner)})" if inner else name for name, inner in tree.items())


def nearest(name: str, choices: Iterable[str]) -> str:
    """Say which choice was probably meant, as the end of an error message."""
    names = list(choices)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(sorted(names))}"


def _split(text: str) -> list[tuple[str, str | None]]:
    """Split ``a,b(c,d)`` into names and what stands in their parentheses."""
    found, position = [], 0
    while position < len(text):
        match = _FIELD.match(text, position)
        if match is None:
            raise ConfigError(
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
    raise ConfigError(f"{where} has no field {name!r}; {nearest(name, [*names, *names.values()])}")
