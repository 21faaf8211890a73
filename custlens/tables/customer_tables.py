"""Records → `CustomerTables`: customers, addresses, contacts, and what was rejected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import numpy as np
import pandas as pd

from custlens.api.records import Page
from custlens.errors import DataError
from custlens.tables import schemas
from custlens.tables._arrow import to_frame
from custlens.tables._builder import Built, OnInvalid, TableBuilder

__all__ = ["CustomerTables", "FetchReport", "assemble", "from_pages"]


@dataclass
class FetchReport:
    """What a fetch did.

    Attributes
    ----------
    requests, retries : int
        Requests sent, and how many of them were further attempts.
    seconds, seconds_waited : float
        Time it took, and the part of it spent waiting for the limit or between attempts.
    bytes : int
        Bytes received, after decompression.
    rows : dict of str to int
        Rows of each table.
    rejects : int
        Rows left out, whether they were kept aside or dropped.
    duplicates : int
        Customers that came more than once; the last is kept.
    flagged : int
        Customers whose sales_value is not number_of_orders × average_order_value.
    unknown_fields : list of str
        API fields that custlens does not know; their values are in `extra`.
    as_of : datetime or None
        Time of the observation, by the store's clock.
    currency : str or None
        ISO 4217 currency of the amounts, where the profile could be read.
    """

    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    seconds_waited: float = 0.0
    bytes: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    rejects: int = 0
    duplicates: int = 0
    flagged: int = 0
    unknown_fields: list[str] = field(default_factory=list)
    as_of: datetime | None = None
    currency: str | None = None

    def __str__(self) -> str:
        rows = ", ".join(f"{count:,} {table}" for table, count in self.rows.items())
        text = f"{rows}; {self.requests:,} requests ({self.retries:,} retries) in {self.seconds:.1f} s"
        if self.seconds_waited:
            text += f", {self.seconds_waited:.1f} s of it waiting"
        if self.flagged:
            text += f"; {self.flagged:,} with inconsistent statistics"
        return text


@dataclass(frozen=True)
class CustomerTables:
    """Customers, addresses and contacts, each validated, and what was rejected.

    Attributes
    ----------
    customers, addresses, contacts, rejects : pandas.DataFrame
        As `custlens.schemas` declares them; a fetch of some `columns` has their columns only.
    report : FetchReport
        What the fetch did.
    """

    customers: pd.DataFrame
    rejects: pd.DataFrame
    report: FetchReport
    _parts: dict[str, pd.DataFrame] = field(repr=False)

    @property
    def addresses(self) -> pd.DataFrame:
        """Address book entries, one row each; a `ConfigError` if they were not asked for."""
        return self._asked_for("addresses", "shippingAddresses")

    @property
    def contacts(self) -> pd.DataFrame:
        """Contacts, one row each; a `ConfigError` if they were not asked for."""
        return self._asked_for("contacts", "contacts")

    def part(self, table: str) -> pd.DataFrame | None:
        """Give addresses or contacts, or None if they were not asked for."""
        return self._parts.get(table)

    def _asked_for(self, table: str, api_field: str) -> pd.DataFrame:
        found = self.part(table)
        if found is None:
            raise DataError(f"{table} were not fetched: add {api_field!r} to columns")
        return found

    def __repr__(self) -> str:
        return f"<CustomerTables: {self.report}>"


def from_pages(
    pages: Iterable[bytes | Page],
    *,
    on_invalid: OnInvalid = "quarantine",
    store_id: int | None = None,
    currency: str | None = None,
    as_of: datetime | None = None,
) -> CustomerTables:
    """Turn search answers into tables.

    Parameters
    ----------
    pages
        Answers of ``GET /customers``, as JSON bytes or as `Page`.
    on_invalid
        What to do with rows that break the schema: ``"quarantine"``, ``"raise"`` or ``"drop"``.
    store_id, currency, as_of
        Where, in what money and when this was observed; they become columns of the customers table.

    Raises
    ------
    ValidationError
        With ``on_invalid="raise"``, at the first rows that break the schema.
    """
    builder = TableBuilder(on_invalid=on_invalid)
    decoder = msgspec.json.Decoder(Page)
    for page in pages:
        builder.add((decoder.decode(page) if isinstance(page, bytes) else page).items)
    return assemble(builder.finish(), store_id=store_id, currency=currency, as_of=as_of)


def assemble(built: Built, *, store_id: int | None, currency: str | None, as_of: datetime | None) -> CustomerTables:
    """Complete built tables with what is derived, and with where, in what money and when it was observed."""
    frames = {name: to_frame(table, name) for name, table in built.tables.items()}
    customers = frames["customers"]
    rows = len(customers)
    customers.insert(0, "store_id", pd.Series(store_id, index=customers.index, dtype="Int64"))
    if {"number_of_orders", "sales_value", "average_order_value"} <= set(customers.columns):
        customers["stats_consistent"] = schemas.stats_consistent(customers)
    customers["currency"] = pd.Categorical.from_codes(
        np.full(rows, -1 if currency is None else 0, "int8"), pd.Index([currency] if currency else [], dtype="str")
    )
    stamp = pd.NaT if as_of is None else pd.Timestamp(as_of).tz_convert("UTC")
    customers["as_of"] = pd.Series(stamp, index=customers.index, dtype=pd.DatetimeTZDtype("us", "UTC"))
    parts = {name: table for name, table in frames.items() if name not in ("customers", "rejects")}
    report = FetchReport(
        rows={name: len(table) for name, table in frames.items()},
        rejects=built.rejected,
        duplicates=built.duplicates,
        flagged=int((~customers["stats_consistent"]).sum()) if "stats_consistent" in customers else 0,
        unknown_fields=built.unknown_fields,
        as_of=as_of,
        currency=currency,
    )
    return CustomerTables(customers, frames["rejects"], report, parts)
