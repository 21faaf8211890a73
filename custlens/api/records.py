"""The customers API's tables, one to one, as msgspec structs.

First station on the way of the data: bytes of an answer become records here. Names are the API's in snake_case;
every field can be absent or null, both of which read as ``None``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

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
    "customer_key",
    "read_customer",
]

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Record(msgspec.Struct, rename="camel", omit_defaults=True, forbid_unknown_fields=True, gc=False, kw_only=True):
    """What the records share: camelCase in JSON, absent fields as None, unknown fields noticed."""


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

    ``extra`` holds what the API sent and this table does not know, by API path; it is no field of the API itself.
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
    """Give the API name of each field of a record, by its snake_case name.

    Examples
    --------
    >>> api_names(Stats)["sales_value"]
    'salesValue'
    """
    names = zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True)
    return {field: name for field, name in names if name != "$extra"}


class _Key(msgspec.Struct, gc=False):
    id: Id


def customer_key(raw: bytes | msgspec.Raw) -> int:
    """Give what tells one customer from another: the ID or, where it cannot be read, a hash of the whole JSON."""
    try:
        return _key.decode(raw).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return hash(bytes(raw))


def customer_keys(body: bytes, items: list[msgspec.Raw]) -> list[int]:
    """Give the key of each customer of a page, as `customer_key` does, reading the page once where it is sound."""
    try:
        return [customer.id for customer in _keys.decode(body).items]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [customer_key(item) for item in items]


class _Keys(msgspec.Struct, gc=False):
    items: list[_Key]


_key = msgspec.json.Decoder(_Key)
_keys = msgspec.json.Decoder(_Keys)
_customer = msgspec.json.Decoder(Customer)
_LISTS: dict[str, type[msgspec.Struct]] = {"shippingAddresses": ShippingAddress, "contacts": Contact}
_PARTS: dict[str, type[msgspec.Struct]] = {"billingPerson": Person, "stats": Stats}


def read_customer(raw: bytes | msgspec.Raw, on_bad_item: Callable[[str, Any, str], None] | None = None) -> Customer:
    """Read one customer's JSON.

    The documented shape is read in one pass. Only when that fails is it read again part by part, to keep unknown
    fields in ``extra`` and to let a bad address or contact harm only itself.

    Parameters
    ----------
    raw
        One JSON object, as the API sends it.
    on_bad_item
        Called with (API path, value, reason) for each address or contact that cannot be read, which is then left
        out. Without it such an item is an error like any other.

    Raises
    ------
    msgspec.ValidationError
        Valid JSON that is not a customer; its text names the path.
    msgspec.DecodeError, UnicodeDecodeError
        Not valid JSON.
    """
    try:
        return _customer.decode(raw)
    except msgspec.ValidationError:
        try:
            document = msgspec.json.decode(raw)
        except msgspec.ValidationError:  # a number out of range: the first error names its place
            document = None
        if not isinstance(document, dict):
            raise
    extra: dict[str, Any] = {}
    plain = _known(document, Customer, "", extra)
    for key, record in _PARTS.items():
        if isinstance(plain.get(key), dict):
            plain[key] = _known(plain[key], record, f"{key}.", extra)
    for key, record in _LISTS.items():
        if isinstance(plain.get(key), list):
            plain[key] = _read_items(plain[key], record, key, extra, on_bad_item)
    customer = msgspec.convert(plain, Customer)
    if extra:
        customer.extra = extra
    return customer


def _known(
    document: dict[str, Any], record: type[msgspec.Struct], prefix: str, extra: dict[str, Any]
) -> dict[str, Any]:
    """Take the fields that a record knows; put the others into extra, by path."""
    known = set(api_names(record).values())
    extra.update({prefix + key: value for key, value in document.items() if key not in known})
    return {key: value for key, value in document.items() if key in known}


def _read_items(
    items: list[Any],
    record: type[msgspec.Struct],
    key: str,
    extra: dict[str, Any],
    on_bad_item: Callable[[str, Any, str], None] | None,
) -> list[Any]:
    """Keep the items that can be read, as plain objects; report the others."""
    good = []
    for number, item in enumerate(items):
        path = f"{key}[{number}]"
        unknown: dict[str, Any] = {}
        plain = _known(item, record, f"{path}.", unknown) if isinstance(item, dict) else item
        if on_bad_item is not None:
            try:
                msgspec.convert(plain, record)
            except msgspec.ValidationError as error:
                on_bad_item(path, item, str(error))
                continue
        good.append(plain)
        extra.update(unknown)
    return good
