"""`CustomerTables`, the result of a fetch, and its `FetchReport`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from custlens._lines import Lines, as_html, as_text
from custlens.errors import DataError
from custlens.tables import schemas
from custlens.tables._arrow import to_frame
from custlens.tables._builder import Built

__all__ = ["CustomerTables", "FetchReport", "assemble"]


@dataclass(repr=False)
class FetchReport:
    """What a fetch did.

    Attributes
    ----------
    requests, retries : int
        Requests sent, and how many of them were retries.
    seconds, seconds_waited : float
        Duration, and how much of it was spent waiting for the rate limit or between attempts.
    bytes : int
        Bytes received, after decompression.
    rows : dict of str to int
        Rows of each table.
    rejects : int
        Values and rows that could not be used, whether `rejects` lists them or they were only counted.
    dropped : int
        How many of those are whole rows that are missing from their table.
    duplicates : int
        Customers who were received more than once; the last version is kept.
    flagged : int
        Customers whose sales_value is not number_of_orders × average_order_value.
    unknown_fields : list of str
        API fields that custlens does not know; their values are in `extra`.
    unknown_values : dict of str to list of str
        Contact types and languages that custlens does not know, by API path; the tables have them unchanged. Values that
        do not look like a code are shown as ``…``.
    as_of : datetime or None
        Time of the observation, by the shop's clock.
    currency : str or None
        ISO 4217 currency of the amounts, where it is known.
    """

    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    seconds_waited: float = 0.0
    bytes: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    rejects: int = 0
    dropped: int = 0
    duplicates: int = 0
    flagged: int = 0
    unknown_fields: list[str] = field(default_factory=list)
    unknown_values: dict[str, list[str]] = field(default_factory=dict)
    as_of: datetime | None = None
    currency: str | None = None

    def lines(self) -> Lines:
        """Return the report as pairs of a heading and a text."""
        aside = f"{self.rejects - self.dropped:,} values left missing, {self.dropped:,} rows left out"
        values = "; ".join(f"{api}: {', '.join(names)}" for api, names in self.unknown_values.items())
        optional = [
            ("Duplicates", f"{self.duplicates:,}; the last of each is kept", self.duplicates),
            ("Statistics", f"{self.flagged:,} customers with sales ≠ orders × average", self.flagged),
            (
                "New fields",
                f"{', '.join(self.unknown_fields)}: not known to custlens, kept in `extra`",
                self.unknown_fields,
            ),
            ("New values", f"{values}: not known to custlens, kept as they came", values),
        ]
        as_of = "unknown" if self.as_of is None else f"{self.as_of:%Y-%m-%d %H:%M} UTC"
        return [
            ("Rows", self._rows()),
            ("Set aside", aside if self.rejects else "nothing"),
            *((heading, text) for heading, text, holds in optional if holds),
            ("Requests", f"{self.requests:,} ({self.retries:,} retries), {self.bytes / 1e6:,.1f} MB"),
            ("Time", f"{self.seconds:.1f} s, {self.seconds_waited:.1f} s of it waiting"),
            ("As of", f"{as_of}; amounts in {self.currency or 'an unknown currency'}"),
        ]

    def _rows(self) -> str:
        return ", ".join(f"{count:,} {table}" for table, count in self.rows.items())

    def __str__(self) -> str:
        return as_text(self.lines())

    def __repr__(self) -> str:
        return f"<FetchReport: {self._rows()}; {self.requests:,} requests>"

    def _repr_html_(self) -> str:
        return as_html(self.lines())


@dataclass(frozen=True, repr=False)
class CustomerTables:
    """Validated tables of customers, addresses and contacts, and a table of the values that could not be used.

    Attributes
    ----------
    customers, addresses, contacts, rejects : pandas.DataFrame
        As declared in `custlens.schemas`; with only the `columns` of the fetch, if it named any.
    report : FetchReport
        What the fetch did.
    """

    customers: pd.DataFrame
    rejects: pd.DataFrame
    report: FetchReport
    _parts: dict[str, pd.DataFrame]

    @property
    def addresses(self) -> pd.DataFrame:
        """Address book entries, one row each; a `DataError` if they were not fetched."""
        return self._fetched("addresses", "shippingAddresses")

    @property
    def contacts(self) -> pd.DataFrame:
        """Contacts, one row each; a `DataError` if they were not fetched."""
        return self._fetched("contacts", "contacts")

    def _fetched(self, table: str, api_field: str) -> pd.DataFrame:
        if table not in self._parts:
            raise DataError(f"{table} were not fetched: add {api_field!r} to columns")
        return self._parts[table]

    def __repr__(self) -> str:
        return f"<CustomerTables: {self.report._rows()}>"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def assemble(
    built: Built, *, store_id: int | None = None, currency: str | None = None, as_of: datetime | None = None
) -> CustomerTables:
    """Return built tables with the derived columns and with store_id, currency and as_of."""
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
        rejects=built.rejects,
        dropped=built.dropped,
        duplicates=built.duplicates,
        flagged=int((~customers["stats_consistent"]).sum()) if "stats_consistent" in customers else 0,
        unknown_fields=built.unknown_fields,
        unknown_values=built.unknown_values,
        as_of=as_of,
        currency=currency,
    )
    return CustomerTables(customers, frames["rejects"], report, parts)
