"""The customers API's tables, one to one, as msgspec structs.

The bytes of an answer become records here, before anything else. Names are the API's in snake_case; every field can
be absent or null, both of which are read as ``None``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec

from custlens._lines import Lines, as_html

__all__ = [
    "Contact",
    "Customer",
    "DeletedCustomer",
    "Page",
    "Person",
    "Profile",
    "ShippingAddress",
    "Stats",
    "api_names",
    "read_customer",
]

OPEN = frozenset(
    [
        "id",
        "registered",
        "updated",
        "customer_group_id",
        "customer_group_name",
        "tax_id_valid",
        "b2b_b2c",
        "tax_exempt",
        "accept_marketing",
        "lang",
        "total_order_count",
        "favorites",
    ]
)
"""Fields of a customer that are not personal data; `custlens.schemas` says the same of their columns."""
HIDDEN = "•••"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec may raise: not JSON or not of the right shape, not UTF-8, nested too deeply."""
T = TypeVar("T", bound=msgspec.Struct)
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Record(
    msgspec.Struct,
    rename="camel",
    omit_defaults=True,
    repr_omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
    kw_only=True,
):
    """Base of the records: names in camelCase in JSON, absent fields are None and not shown, unknown fields are noticed."""


class Person(_Record):
    """Billing name and address (API table ``Person``)."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    street: str | None = None
    city: str | None = None
    country_code: str | None = None
    country_name: str | None = None
    postal_code: str | None = None
    state_or_province_code: str | None = None
    state_or_province_name: str | None = None
    phone: str | None = None


class ShippingAddress(Person):
    """One entry of the address book (API table ``ShippingAddress``)."""

    id: Int64 | None = None
    note: str | None = None
    created_date: str | None = None
    default_address: bool | None = None
    order_by: Int64 | None = None
    address_formatted: str | None = None


class Contact(_Record):
    """One way to reach the customer (API table ``Contact``)."""

    id: Int64 | None = None
    contact: str | None = None
    type: str | None = None
    handle: str | None = None
    default: bool | None = None
    note: str | None = None
    order_by: Int64 | None = None
    timestamp: str | None = None


class Stats(_Record):
    """The five order statistics (API table ``Stats``); without orders the dates are absent."""

    number_of_orders: Int64 | None = None
    sales_value: float | None = None
    average_order_value: float | None = None
    first_order_date: str | None = None
    last_order_date: str | None = None


class Customer(_Record):
    """One customer (API table ``Customer``).

    Shown as text or in a notebook it names the fields that it holds and hides personal data; the attributes have
    everything. ``extra`` is not a field of the API: it holds, by API path, what the API sent and custlens does not
    know.

    Examples
    --------
    >>> ann = Customer(id=7, email="ann@example.com", stats=Stats(number_of_orders=2, sales_value=97.5))
    >>> ann
    <Customer 7: 2 orders, sales value 97.5; holds id, email, stats>
    >>> ann.email
    'ann@example.com'
    """

    id: Id | None = None
    name: str | None = None
    email: str | None = None
    registered: str | None = None
    updated: str | None = None
    customer_group_id: Int64 | None = None
    customer_group_name: str | None = None
    billing_person: Person | None = None
    shipping_addresses: list[ShippingAddress] | None = None
    contacts: list[Contact] | None = None
    tax_id: str | None = None
    tax_id_valid: bool | None = None
    b2b_b2c: str | None = msgspec.field(default=None, name="b2b_b2c")
    fiscal_code: str | None = None
    electronic_invoice_pec_email: str | None = None
    electronic_invoice_sdi_code: str | None = None
    tax_exempt: bool | None = None
    accept_marketing: bool | None = None
    lang: str | None = None
    stats: Stats | None = None
    total_order_count: Int64 | None = None
    external_reference_id: str | None = None
    private_admin_notes: str | None = None
    favorites: Any = None
    extrafields: Any = None
    extra: dict[str, Any] | None = msgspec.field(default=None, name="$extra")

    def lines(self) -> Lines:
        """Return the fields that it holds as pairs of a name and a text, personal data hidden."""
        lines = []
        for name, value in self._held().items():
            if isinstance(value, Stats):
                held = ((inner, getattr(value, inner)) for inner in value.__struct_fields__)
                lines += [(inner, str(number)) for inner, number in held if number is not None]
            elif isinstance(value, list):
                lines.append((name, "1 entry" if len(value) == 1 else f"{len(value)} entries"))
            else:
                lines.append((name, str(value) if name in OPEN else HIDDEN))
        return lines

    def _held(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None}

    def __repr__(self) -> str:
        names = list(self._held())
        stats = self.stats or Stats()
        facts = "" if stats.number_of_orders is None else f"{stats.number_of_orders:,} orders, "
        facts += "" if stats.sales_value is None else f"sales value {stats.sales_value:,}; "
        return f"<Customer {self.id}: {facts}holds {', '.join(names) if len(names) < 8 else f'{len(names)} fields'}>"

    def _repr_html_(self) -> str:
        return as_html(self.lines())


class DeletedCustomer(_Record):
    """One entry of ``GET /customers/deleted``."""

    id: Id
    date: str | None = None


class Page(msgspec.Struct, rename="camel", gc=False, kw_only=True):
    """One page of a search; the items stay raw, so that one bad record harms only itself."""

    total: Int64
    count: Int64 = 0
    offset: Int64 = 0
    limit: Int64 = 0
    items: list[msgspec.Raw]


class _FormatsAndUnits(msgspec.Struct, rename="camel"):
    currency: str | None = None


class _GeneralInfo(msgspec.Struct, rename="camel"):
    store_id: Id | None = None


class Profile(msgspec.Struct, rename="camel"):
    """What custlens reads of ``GET /profile``."""

    general_info: _GeneralInfo = msgspec.field(default_factory=_GeneralInfo)
    formats_and_units: _FormatsAndUnits = msgspec.field(default_factory=_FormatsAndUnits)


def api_names(record: type[msgspec.Struct]) -> dict[str, str]:
    """Return the API name of each field of a record, by its snake_case name.

    Examples
    --------
    >>> api_names(Stats)["sales_value"]
    'salesValue'
    """
    names = zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)
    return {field: name for field, name in names if name != "$extra"}


_customer = msgspec.json.Decoder(Customer)
_PARTS: dict[str, type[msgspec.Struct]] = {"billingPerson": Person, "stats": Stats}
_LISTS: dict[str, type[msgspec.Struct]] = {"shippingAddresses": ShippingAddress, "contacts": Contact}
_RECORDS: list[type[msgspec.Struct]] = [Customer, *_PARTS.values(), *_LISTS.values()]
_FIELDS = {
    record: {field.encode_name: field for field in msgspec.structs.fields(record) if field.encode_name != "$extra"}
    for record in _RECORDS
}
LONGEST_NUMBER = 1_000
"""Digits of a whole number that Python may be asked to read; it refuses very long ones."""

OnBad = Callable[[str, Any, str, bool], None]
"""Called with the API path of a value that cannot be used, the value, the reason, and whether the whole item was dropped."""


def read_customer(raw: bytes | msgspec.Raw, on_bad: OnBad | None = None) -> Customer:
    """Read one customer's JSON.

    The documented shape is read in one pass. Only if that fails is the JSON read again field by field: fields that
    are not documented go to ``extra``, and a value that cannot be used is reported and left missing.

    Parameters
    ----------
    raw : bytes or msgspec.Raw
        One JSON object, as the API sends it.
    on_bad : callable, optional
        Called for each value that cannot be used, the ``id`` included. An address or contact that is not an object
        is left out of its list. Without `on_bad` the first such value is an error.

    Returns
    -------
    Customer
        Its ``id`` is None if there is none that can be used.

    Raises
    ------
    msgspec.ValidationError
        JSON that is not a customer (the message names the path) or is nested too deeply.
    msgspec.DecodeError, UnicodeDecodeError
        Not valid JSON.
    """
    try:
        return _customer.decode(raw)
    except UNREADABLE:
        document, sound = _parsed(raw)
        if not isinstance(document, dict) or (on_bad is None and not sound):
            raise
    extra: dict[str, Any] = {}
    known = _known(document, Customer, "", extra)
    try:
        customer = msgspec.convert(known, Customer) if sound else None
    except msgspec.ValidationError:
        if on_bad is None:
            raise
        customer = None
    if customer is None:
        assert on_bad is not None
        customer = _salvage(known, Customer, "", on_bad)
    customer.extra = extra or None
    return customer


def _parsed(raw: bytes | msgspec.Raw) -> tuple[Any, bool]:
    """Parse JSON, with Python's lenient parser if need be; return also whether it was valid."""
    try:
        return msgspec.json.decode(raw), True
    except UNREADABLE as error:
        try:
            return json.loads(bytes(raw).decode("utf-8", "surrogateescape"), parse_int=_whole), False
        except RecursionError:
            raise msgspec.ValidationError("cannot be read as JSON: it is nested too deeply") from None
        except ValueError:
            raise error from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < LONGEST_NUMBER else float(digits)


def _known(
    document: dict[str, Any], record: type[msgspec.Struct], prefix: str, extra: dict[str, Any]
) -> dict[str, Any]:
    """Return the fields that are documented; put all others into `extra`, by API path."""
    known: dict[str, Any] = {}
    for key, value in document.items():
        path = prefix + key
        if key not in _FIELDS[record]:
            extra[path] = value
        elif path in _PARTS and isinstance(value, dict):
            known[key] = _known(value, _PARTS[path], f"{path}.", extra)
        elif path in _LISTS and isinstance(value, list):
            known[key] = [
                _known(item, _LISTS[path], f"{path}[{number}].", extra) if isinstance(item, dict) else item
                for number, item in enumerate(value)
            ]
        else:
            known[key] = value
    return known


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "missing",
}
"""The types of JSON, as msgspec names them, in words."""


def _in_words(problem: str) -> str:
    """Return msgspec's report of a value of the wrong type in plain words."""
    found = re.fullmatch(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`", problem)
    return problem if found is None else f"should be {_KINDS[found[1]]}, and is {_KINDS[found[2]]}"


def _salvage(document: dict[str, Any], record: type[T], prefix: str, on_bad: OnBad) -> T:
    """Build a record from the values that can be used."""
    values: dict[str, Any] = {}
    for key, value in document.items():
        path = prefix + key
        field = _FIELDS[record][key]
        if path in _PARTS and isinstance(value, dict):
            values[field.name] = _salvage(value, _PARTS[path], f"{path}.", on_bad)
        elif path in _LISTS and isinstance(value, list):
            items = values[field.name] = []
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    items.append(_salvage(item, _LISTS[path], f"{path}[{number}].", on_bad))
                else:
                    on_bad(f"{path}[{number}]", item, "must be an object", True)
        else:
            try:
                converted = msgspec.convert(value, field.type)
                if isinstance(value, str):
                    value.encode()
                if isinstance(value, float) and math.isnan(value):
                    raise msgspec.ValidationError("is not a number")
            except msgspec.ValidationError as error:
                on_bad(path, value, _in_words(str(error)), False)
            except UnicodeEncodeError:
                on_bad(path, value, "is not valid Unicode text", False)
            else:
                values[field.name] = converted
    return record(**values)
