"""Builds the tables from raw JSON as it comes, keeping aside what cannot be used.

Records are decoded a few hundred at a time, while they fit the processor's cache, and taken apart into Arrow columns.
Every ten thousand customers the columns are validated while their raw JSON is still at hand. So memory holds the
tables and little else.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Literal, NamedTuple, get_args

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from custlens.api.records import Contact, Customer, Person, ShippingAddress, Stats, api_names, read_customer
from custlens.errors import ArgumentError, ValidationError
from custlens.tables import schemas
from custlens.tables._arrow import as_json, convert, frame_of, gather, to_frame
from custlens.tables._validate import Failure, failures

__all__ = ["Built", "OnInvalid", "TableBuilder"]

OnInvalid = Literal["quarantine", "raise", "drop"]
Raw = bytes | msgspec.Raw
CHUNK_ROWS = 10_000
BATCH_ROWS = 500
DERIVED = ("store_id", "stats_consistent", "currency", "as_of")
PARTS = {"addresses": "shipping_addresses", "contacts": "contacts"}
NOT_A_TIME = "is no time as the API writes it, 2014-06-06 18:57:19 +0400"
_PATH = re.compile(r" - at `\$\.?(.*)`$")
_RECORDS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "": ("", Customer),
    "billingPerson": ("billing_person", Person),
    "stats": ("stats", Stats),
    "shippingAddresses": ("", ShippingAddress),
    "contacts": ("", Contact),
}
_NOBODY = {"billing_person": Person(), "stats": Stats()}
_AS_JSON = ("favorites", "extrafields", "extra")


class Built(NamedTuple):
    """What a builder has made: Arrow tables, rejects last, and what happened on the way."""

    tables: dict[str, pa.Table]
    owners: dict[str, np.ndarray]
    """For each part, the row of the customers table that each of its rows belongs to."""
    rejected: int
    duplicates: int
    unknown_fields: list[str]


class TableBuilder:
    """Builds the tables from raw customers.

    Parameters
    ----------
    on_invalid
        ``"quarantine"`` keeps rows that break the schema in `rejects`, ``"drop"`` only counts them, ``"raise"``
        raises a `ValidationError`.
    columns
        Columns of the customers table to build; all by default.
    parts
        Which of the tables addresses and contacts to build.
    fingerprints
        Whether to add a column ``fingerprint``, a hash of each customer's raw JSON, to the customers.
    """

    def __init__(
        self,
        *,
        on_invalid: OnInvalid = "quarantine",
        columns: Iterable[str] | None = None,
        parts: Iterable[str] = tuple(PARTS),
        fingerprints: bool = False,
    ) -> None:
        if on_invalid not in get_args(OnInvalid):
            raise ArgumentError(f"on_invalid must be one of {', '.join(get_args(OnInvalid))}, not {on_invalid!r}")
        self._on_invalid = on_invalid
        self._customers = _Table("customers", None if columns is None else {"customer_id", "extra", *columns})
        self._parts = {name: _Table(name) for name in parts}
        self._fingerprints = fingerprints
        self._waiting: list[Raw] = []
        self._failures: list[Failure] = []
        self._rejected = 0
        self._taken = 0
        self._place_of: dict[int, int] = {}
        self._superseded: list[int] = []
        self._duplicates = 0
        self._unknown: set[str] = set()

    def add(self, items: Iterable[Raw]) -> None:
        """Take in raw customers, each one JSON object."""
        self._waiting.extend(items)
        while len(self._waiting) >= CHUNK_ROWS:
            chunk, self._waiting = self._waiting[:CHUNK_ROWS], self._waiting[CHUNK_ROWS:]
            self._take_in(chunk)

    def reject(self, *failures: Failure) -> None:
        """Keep something aside that is no row."""
        if self._on_invalid == "raise":
            first = failures[0]
            raise ValidationError(
                f"{len(failures)} values break the schema; the first is of customer {first.customer_id} at "
                f"{first.api_path}: {first.reason}. See .failure_cases, or fetch with on_invalid='quarantine'",
                failure_cases=to_frame(_failures_arrow(failures), "rejects"),
            )
        self._rejected += len({(failure.customer_id, failure.raw) for failure in failures})
        if self._on_invalid == "quarantine":
            self._failures += failures

    def finish(self, keep: np.ndarray | None = None) -> Built:
        """Give the tables: customers, the parts, and rejects.

        Parameters
        ----------
        keep
            Of each customer added, in order, whether to keep it and what was rejected of it; all by default.
        """
        self._take_in(self._waiting)
        self._waiting = []
        superseded = np.array(self._superseded, "int64")
        if keep is not None:
            superseded = np.union1d(superseded, np.flatnonzero(~keep))
            self._failures = [failure for failure in self._failures if failure.place is None or keep[failure.place]]
        if self._fingerprints:
            self._customers.dtypes["fingerprint"] = "int64"
        finished = {table.name: table.finish(superseded) for table in (self._customers, *self._parts.values())}
        rows = finished["customers"][1]
        owners = {name: np.searchsorted(rows, finished[name][1]) for name in self._parts}
        tables = {name: table for name, (table, _) in finished.items()}
        tables["rejects"] = _failures_arrow(self._failures)
        return Built(tables, owners, self._rejected, self._duplicates, sorted(self._unknown))

    def _take_in(self, raws: list[Raw]) -> None:
        """Turn one chunk of raw customers into validated columns."""
        kept: list[Raw] = []
        places: list[int] = []
        with _collector_held():
            for start in range(0, len(raws), BATCH_ROWS):
                records = self._read(raws[start : start + BATCH_ROWS], self._taken + start, kept, places)
                first = len(kept) - len(records)
                self._customers.take(records, range(first, len(kept)))
                for table in self._parts.values():
                    table.take_items(records, first)
            self._taken += len(raws)
            if kept:
                where = np.array(places)
                customer_ids, good = self._close(self._customers, kept, where, np.ones(len(kept), bool))
                self._remember(customer_ids[good], where[good])
                for table in self._parts.values():
                    self._close(table, kept, where, good)

    def _close(
        self, table: _Table, raws: list[Raw], places: np.ndarray, good: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Validate a table's part of the chunk; keep the sound rows, and tell which they are."""
        arrays, owners, unreadable = table.close_chunk()
        ids = arrays["customer_id"].to_numpy()
        sound = good[owners]
        if table.name == "customers":
            again = pd.Series(ids).duplicated(keep="last").to_numpy()
            self._duplicates += int(again.sum())
            sound = sound & ~again
        rows = np.flatnonzero(sound)
        whole = len(rows) == len(ids)
        checked = arrays if whole else {name: array.take(pa.array(rows)) for name, array in arrays.items()}
        found = [
            (int(rows[row]), column, reason)
            for row, column, reason in failures(frame_of(checked, table.dtypes), table.name)
        ]
        found += [(row, column, NOT_A_TIME) for row, column in unreadable if sound[row]]
        if found:
            self.reject(
                *(
                    table.failure(row, column, reason, ids, owners, raws)._replace(place=int(places[owners[row]]))
                    for row, column, reason in found
                )
            )
            sound[[row for row, _, _ in found]] = False
            rows = np.flatnonzero(sound)
            checked = {name: array.take(pa.array(rows)) for name, array in arrays.items()}
        if self._fingerprints and table.name == "customers":
            checked["fingerprint"] = pa.array([_fingerprint(raws[row]) for row in rows.tolist()], pa.int64())
        table.store({**checked, "_place": pa.array(places[owners[rows]])})
        return ids, sound

    def _remember(self, customer_ids: np.ndarray, places: np.ndarray) -> None:
        """Remember where each customer is; one that came in an earlier chunk is superseded there."""
        for customer_id, place in zip(customer_ids.tolist(), places.tolist(), strict=True):
            if (earlier := self._place_of.get(customer_id)) is not None:
                self._superseded.append(earlier)
                self._duplicates += 1
            self._place_of[customer_id] = place

    def _read(self, raws: list[Raw], first: int, kept: list[Raw], places: list[int]) -> list[Customer]:
        """Read the records of a batch, the first of which has this place; keep aside what is none."""
        records = []
        bad_items: list[tuple[str, Any, str]] = []
        for place, raw in enumerate(raws, first):
            try:
                record = read_customer(raw, lambda *item: bad_items.append(item))
                if record.id is None:
                    raise msgspec.ValidationError("a customer needs an id - at `$.id`")
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                bad_items.clear()  # they stay in the raw JSON of the whole
                self.reject(_unread(raw, error)._replace(place=place))
                continue
            for path, value, reason in bad_items:
                inner = f"{path}.{detail[1]}" if (detail := _PATH.search(reason)) else path
                self.reject(Failure(record.id, inner, as_json(value), _PATH.sub("", reason), as_json(value), place))
            bad_items.clear()
            if record.extra:
                self._unknown.update(re.sub(r"\[\d+\]", "", path) for path in record.extra)
            records.append(record)
            kept.append(raw)
            places.append(place)
        return records


class _Table:
    """One table under construction: how to take its columns from records, and the chunks so far."""

    def __init__(self, name: str, wanted: set[str] | None = None) -> None:
        infos = [info for info in schemas.columns(name) if info.name not in DERIVED]
        infos = [info for info in infos if wanted is None or info.name in wanted]
        self.name = name
        self.dtypes = {info.name: info.dtype for info in infos}
        self._apis = {info.name: info.api for info in infos}
        own = [column for column in self.dtypes if column != "customer_id" or name == "customers"]
        self._getters = {column: _getter(column, self._apis[column]) for column in own}
        self._batches: dict[str, list[pa.Array]] = {column: [] for column in self.dtypes}
        self._owners: list[int] = []
        self._places: list[int] = []
        self._chunks: list[pa.RecordBatch] = []

    def take(self, records: list[Any], owners: Iterable[int]) -> None:
        """Take the columns from a batch of records, whose customers are these rows of the chunk."""
        self._owners += owners
        sources: dict[str, list[Any]] = {"": records}
        for column, (part, get) in self._getters.items():
            if part not in sources:
                nobody = _NOBODY[part]
                sources[part] = [value or nobody for value in map(attrgetter(part), records)]
            values = list(map(get, sources[part]))
            if column in _AS_JSON:
                values = [as_json(value) for value in values]
            self._batches[column].append(gather(values, self.dtypes[column]))

    def take_items(self, customers: list[Customer], first: int) -> None:
        """Take the columns from the addresses or contacts of a batch of customers."""
        items: list[Any] = []
        owners: list[int] = []
        ids: list[int | None] = []
        for row, (customer, found) in enumerate(
            zip(customers, map(attrgetter(PARTS[self.name]), customers), strict=True), first
        ):
            if found:
                items += found
                count = len(found)
                owners += (row,) * count
                ids += (customer.id,) * count
                self._places += range(count)
        self.take(items, owners)
        self._batches["customer_id"].append(gather(ids, "int64"))

    def close_chunk(self) -> tuple[dict[str, pa.Array], np.ndarray, list[tuple[int, str]]]:
        """Join and convert the batches; give the columns, each row's customer, and the times that cannot be read."""
        arrays, unreadable = {}, []
        for column, batches in self._batches.items():
            arrays[column], bad = convert(pa.concat_arrays(batches), self.dtypes[column])
            unreadable += [] if bad is None else [(int(row), column) for row in np.flatnonzero(bad)]
            batches.clear()
        owners, self._owners = np.array(self._owners, "int64"), []
        return arrays, owners, unreadable

    def store(self, arrays: dict[str, pa.Array]) -> None:
        """Keep a chunk of sound rows."""
        self._places = []
        self._chunks.append(pa.RecordBatch.from_pydict(arrays))

    def finish(self, superseded: np.ndarray) -> tuple[pa.Table, np.ndarray]:
        """Join the chunks, without the customers at these places; give the place of each row's customer too."""
        if not self._chunks:
            columns = {name: convert(gather([], dtype), dtype)[0] for name, dtype in self.dtypes.items()}
            return pa.table(columns), np.empty(0, "int64")
        table = pa.Table.from_batches(self._chunks)
        self._chunks = []
        if len(superseded):
            table = table.filter(pa.array(~np.isin(table["_place"].to_numpy(), superseded)))
        return table.drop_columns("_place"), table["_place"].to_numpy()

    def failure(
        self, row: int, column: str | None, reason: str, ids: np.ndarray, owners: np.ndarray, raws: list[Raw]
    ) -> Failure:
        """Describe a row that breaks the schema, from the raw JSON it came in."""
        raw = raws[owners[row]]
        unreadable: set[str] = set()
        customer = read_customer(raw, lambda path, *_: unreadable.add(path))
        api = (
            self._apis[column]
            if column
            else ("stats" if self.name == "customers" else self._apis["type"].split(".")[0])
        )
        if self.name == "customers":
            return Failure(int(ids[row]), api, as_json(self._value(customer, column)), reason, _text(raw))
        item = getattr(customer, PARTS[self.name])[self._places[row]]
        items, _, field = api.partition(".")
        readable = (number for number in itertools.count() if f"{items}[{number}]" not in unreadable)
        number = next(itertools.islice(readable, self._places[row], None))
        path = f"{items}[{number}]" + (f".{field}" if field else "")
        return Failure(int(ids[row]), path, as_json(self._value(item, column)), reason, as_json(item))

    def _value(self, record: Any, column: str | None) -> Any:
        if column is None:
            return record.stats if self.name == "customers" else record
        part, get = self._getters[column]
        return get((getattr(record, part) or _NOBODY[part]) if part else record)


def _getter(column: str, api: str) -> tuple[str, Callable[[Any], Any]]:
    """Say where a column is found in a record: in which part of it, and how to take it from there."""
    part, _, name = api.rpartition(".")
    attribute, record = _RECORDS[part]
    fields = {api_name: snake for snake, api_name in api_names(record).items()}
    return attribute, attrgetter(fields[name] if name else column)


def _failures_arrow(rows: Iterable[Failure]) -> pa.Table:
    """Make the rejects table."""
    rows = list(rows)
    infos = schemas.columns("rejects")
    return pa.table({info.name: gather([getattr(row, info.name) for row in rows], info.dtype) for info in infos})


def _unread(raw: Raw, error: Exception) -> Failure:
    """Describe a record that could not be read at all."""
    reason = str(error)
    path = match[1] if (match := _PATH.search(reason)) else ""
    try:
        document = json.loads(bytes(raw))  # more lenient than msgspec: what can be told of a damaged record is told
    except ValueError:
        return Failure(None, "$", None, f"is not JSON: {reason}", _text(raw))
    value = document
    for key in path.split(".") if path else []:
        value = value.get(key) if isinstance(value, dict) else None
    customer_id = document.get("id") if isinstance(document, dict) else None
    known = type(customer_id) is int and 0 <= customer_id < 2**63
    return Failure(customer_id if known else None, path or "$", json.dumps(value), _PATH.sub("", reason), _text(raw))


def _fingerprint(raw: Raw) -> int:
    """Hash a raw record to a signed 64-bit number."""
    return int.from_bytes(hashlib.blake2b(bytes(raw), digest_size=8).digest(), "little", signed=True)


def _text(raw: Raw) -> str:
    return bytes(raw).decode("utf-8", "backslashreplace")


@contextmanager
def _collector_held() -> Iterator[None]:
    """Hold the garbage collector: the records hold no cycles, and there are many of them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
