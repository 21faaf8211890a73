"""custlens: who are this store's customers, what are they worth, and who is slipping away?

Fetching
    Client         reads one store's customers over its REST API
    fetch          customers → validated tables
    Customer, Person, ShippingAddress, Contact, Stats   the records, as the API has them
    CustomerTables customers, addresses, contacts, rejects and a report
    Store          the local store: sync in, tables out, as of any earlier sync
    schemas        the tables' declarations: columns, dtypes, checks, personal data

Understanding
    orders         summary, distributions, concentration, order dates, breakdowns, comparison, data quality
    segments       RFM scores, named segments, how they move, audiences that may be mailed
    cohorts        first-order cohorts: how many came back, and what they brought
    lifetime       who will order again, how often, for how much: BG/NBD, MBG/NBD and Gamma-Gamma
    plot           one function a chart

Using
    widgets        Lookup: find a customer and read the card
    report         a notebook with parameters → one HTML file
    mask           hide personal data in a table
    demo           a store on this machine, to try all of it without a token

Errors are listed in `custlens.errors`. Submodules are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custlens import demo as demo
    from custlens import plot as plot
    from custlens import report as report
    from custlens import widgets as widgets
    from custlens.analysis import cohorts as cohorts
    from custlens.analysis import lifetime as lifetime
    from custlens.analysis import orders as orders
    from custlens.analysis import segments as segments
    from custlens.api.client import Client as Client
    from custlens.api.records import Contact as Contact
    from custlens.api.records import Customer as Customer
    from custlens.api.records import Person as Person
    from custlens.api.records import ShippingAddress as ShippingAddress
    from custlens.api.records import Stats as Stats
    from custlens.errors import *  # noqa: F403
    from custlens.tables import schemas as schemas
    from custlens.tables.fetch import fetch as fetch
    from custlens.tables.frames import CustomerTables as CustomerTables
    from custlens.tables.frames import FetchReport as FetchReport
    from custlens.tables.privacy import mask as mask
    from custlens.tables.store import Store as Store
    from custlens.tables.sync import SyncReport as SyncReport

__version__ = "0.1.0"

_MODULES = {
    "cohorts": "custlens.analysis.cohorts",
    "demo": "custlens.demo",
    "errors": "custlens.errors",
    "lifetime": "custlens.analysis.lifetime",
    "orders": "custlens.analysis.orders",
    "plot": "custlens.plot",
    "report": "custlens.report",
    "schemas": "custlens.tables.schemas",
    "segments": "custlens.analysis.segments",
    "widgets": "custlens.widgets",
}
_NAMES = {
    "Client": "custlens.api.client",
    "Contact": "custlens.api.records",
    "Customer": "custlens.api.records",
    "CustomerTables": "custlens.tables.frames",
    "FetchReport": "custlens.tables.frames",
    "Person": "custlens.api.records",
    "ShippingAddress": "custlens.api.records",
    "Stats": "custlens.api.records",
    "Store": "custlens.tables.store",
    "SyncReport": "custlens.tables.sync",
    "fetch": "custlens.tables.fetch",
    "mask": "custlens.tables.privacy",
    **dict.fromkeys(
        (
            "APIError",
            "BadRequestError",
            "ConfigError",
            "CustlensError",
            "CustlensWarning",
            "DecodeError",
            "NotFoundError",
            "PermissionDeniedError",
            "PlanError",
            "RateLimitError",
            "ServerError",
            "StoreError",
            "SyncError",
            "TransportError",
            "ValidationError",
        ),
        "custlens.errors",
    ),
}

__all__ = ["__version__", *_MODULES, *_NAMES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
    else:
        raise AttributeError(f"module 'custlens' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
