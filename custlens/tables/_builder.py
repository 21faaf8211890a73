"""Builds the tables from raw JSON, and collects the values that cannot be used.

Records are decoded a few hundred at a time, so that they fit into the processor's cache, and split into Arrow columns.
After every ten thousand customers the columns are validated, while their raw JSON is still in memory. So memory holds
little more than the tables.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, Literal, NamedTuple, get_args

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from custlens._arguments import one_of
from custlens.api.records import (
    UNREADABLE,
    Contact,
    Customer,
    Person,
    ShippingAddress,
    Stats,
    api_names,
    read_customer,
)
from custlens.errors import ValidationError
from custlens.tables import schemas
from custlens.tables._arrow import as_json, convert, frame_of, gather, to_frame, without
from custlens.tables._validate import Failure, failures

__all__ = ["Built", "OnInvalid", "TableBuilder"]

OnInvalid = Literal["quarantine", "raise", "drop"]
Raw = bytes | msgspec.Raw
CHUNK_ROWS = 10_000
BATCH_ROWS = 500
DERIVED = ("store_id", "stats_consistent", "currency", "as_of")
PARTS = {"addresses": "shipping_addresses", "contacts": "contacts"}
NOT_A_TIME = "is not a time as the API writes it, such as 2014-06-06 18:57:19 +0400"
_CODE = re.compile(r"[A-Za-z][\w-]{0,19}")
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
    """The result of a builder: Arrow tables, rejects last, and counts for the report."""

    tables: dict[str, pa.Table]
    owners: dict[str, np.ndarray]
    """For each part, the row of the customers table that each of its rows belongs to."""
    rejects: int
    """Values and rows that could not be used, whether `tables` lists them or not."""
    dropped: int
    """How many of those are whole rows that are missing from their table."""
    duplicates: int
    unknown_fields: list[str]
    unknown_values: dict[str, list[str]]


class TableBuilder:
    """Builds the tables from raw customers.

    A value that cannot be used becomes missing; its row stays. If one of the five order statistics cannot be used, all
    five become missing. Only a record without a usable ID, and an item that is not a JSON object, are left out.

    Parameters
    ----------
    on_invalid : {"quarantine", "raise", "drop"}
        ``"quarantine"`` lists what cannot be used in `rejects`, ``"drop"`` only counts it, ``"raise"`` raises a
        `ValidationError`.
    columns : iterable of str, optional
        Columns of the customers table to build; all by default.
    parts : iterable of str
        Which of the tables addresses and contacts to build.
    fingerprints : bool
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
        self._on_invalid = one_of("on_invalid", on_invalid, get_args(OnInvalid))
        self._customers = _Table("customers", None if columns is None else {"customer_id", "extra", *columns})
        self._parts = {name: _Table(name) for name in parts}
        self._fingerprints = fingerprints
        self._waiting: list[Raw] = []
        self._failures: list[Failure] = []
        self._taken = 0
        self._chunk: list[tuple[Raw, int, int]] = []
        self._ids: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._unknown_fields: set[str] = set()
        self._unknown_values: dict[str, set[str]] = defaultdict(set)

    def add(self, items: Iterable[Raw]) -> None:
        """Add raw customers, each one JSON object."""
        waiting = [*self._waiting, *items]
        whole = len(waiting) // BATCH_ROWS * BATCH_ROWS
        for start in range(0, whole, BATCH_ROWS):
            self._take(waiting[start : start + BATCH_ROWS])
        self._waiting = waiting[whole:]

    def reject(self, *failures: Failure) -> None:
        """Record values or rows that cannot be used.

        Raises
        ------
        ValidationError
            `on_invalid` is ``"raise"``.
        """
        if self._on_invalid == "raise":
            first = failures[0]
            whose = "" if first.customer_id is None else f" of customer {first.customer_id}"
            raise ValidationError(
                f"{len(failures):,} {'value breaks' if len(failures) == 1 else 'values break'} the schema; the first is "
                f"{first.api_path}{whose}: {first.reason}. "
                "See .failure_cases, or fetch with on_invalid='quarantine'",
                failure_cases=to_frame(_failures_arrow(failures), "rejects"),
            )
        if self._on_invalid == "drop":
            failures = tuple(failure._replace(value=None, raw=None) for failure in failures)
        self._failures += failures

    def finish(self, keep: np.ndarray | None = None) -> Built:
        """Return the tables: customers, the parts, and rejects.

        Parameters
        ----------
        keep : numpy.ndarray of bool, optional
            For each customer added, in order, whether to keep it and its rejects; all by default.
        """
        self._take(self._waiting)
        self._close_chunk()
        ids, where = (np.concatenate([np.empty(0, "int64"), *arrays]) for arrays in (self._ids, self._places))
        superseded = gone = where[pd.Series(ids).duplicated(keep="last")]
        if keep is not None:
            gone = np.union1d(gone, np.flatnonzero(~keep))
        places = set(gone.tolist())
        rejects = [failure for failure in self._failures if failure.place not in places]
        if self._fingerprints:
            self._customers.dtypes["fingerprint"] = "int64"
        finished = {table.name: table.finish(gone) for table in (self._customers, *self._parts.values())}
        rows = finished["customers"][1]
        tables = {name: table for name, (table, _) in finished.items()}
        tables["rejects"] = _failures_arrow([] if self._on_invalid == "drop" else rejects)
        return Built(
            tables,
            owners={name: np.searchsorted(rows, finished[name][1]) for name in self._parts},
            rejects=len(rejects),
            dropped=sum(failure.dropped for failure in rejects),
            duplicates=len(superseded),
            unknown_fields=sorted(self._unknown_fields),
            unknown_values={api: sorted(values) for api, values in sorted(self._unknown_values.items())},
        )

    def _take(self, raws: list[Raw]) -> None:
        """Decode a batch of raw customers and append them to the current chunk."""
        with _collector_held():
            first = len(self._chunk)
            records = self._read(raws)
            self._customers.take(records, range(first, len(self._chunk)))
            for table in self._parts.values():
                table.take_items(records, first)
        if len(self._chunk) >= CHUNK_ROWS:
            self._close_chunk()

    def _close_chunk(self) -> None:
        """Turn the chunk into validated columns."""
        if not self._chunk:
            return
        raws, ids, places = zip(*self._chunk, strict=True)
        self._chunk = []
        self._ids.append(np.array(ids, "int64"))
        self._places.append(np.array(places, "int64"))
        latest = ~pd.Series(self._ids[-1]).duplicated(keep="last").to_numpy()
        for table in (self._customers, *self._parts.values()):
            self._close(table, raws, self._places[-1], latest)

    def _close(self, table: _Table, raws: Sequence[Raw], places: np.ndarray, latest: np.ndarray) -> None:
        """Validate the latest records of a chunk for one table, and set what breaks the schema to missing."""
        arrays, found = table.close_chunk(latest)
        found += failures(frame_of(arrays, table.dtypes), table.name)
        if found:
            self.reject(*(table.failure(row, column, reason, raws, places) for row, column, reason in found))
            broken: dict[str, set[int]] = defaultdict(set)
            for row, column, _ in found:
                for name in schemas.STATS if column in ("stats", *schemas.STATS) else [column]:
                    broken[name].add(row)
            for name in broken.keys() & arrays.keys():
                arrays[name] = without(arrays[name], broken[name])
        for name, known in schemas.KNOWN_VALUES.items():
            if name in arrays:
                self._name_unknown(table.apis[name], arrays[name].dictionary.to_pylist(), known)
        if self._fingerprints and table.name == "customers":
            hashes = [_fingerprint(raws[row]) for row in table.owners.tolist()]
            arrays["fingerprint"] = pa.array(hashes, pa.int64())
        table.store({**arrays, "_place": pa.array(places[table.owners])})

    def _name_unknown(self, api: str, values: list[str], known: re.Pattern[str]) -> None:
        """Collect the unknown values of an open list, with … for those that do not look like a code."""
        unknown = {value for value in values if not known.fullmatch(value)}
        if unknown:
            self._unknown_values[api] |= {value if _CODE.fullmatch(value) else "…" for value in unknown}

    def _read(self, raws: list[Raw]) -> list[Customer]:
        """Read the records of a batch, and reject those without a usable ID."""
        records = []
        bad: list[tuple[str, Any, str, bool]] = []

        def on_bad(path: str, value: Any, reason: str, dropped: bool) -> None:
            bad.append((path, value, reason, dropped))

        first, self._taken = self._taken, self._taken + len(raws)
        for place, raw in enumerate(raws, first):
            try:
                record = read_customer(raw, on_bad)
            except UNREADABLE as error:
                self.reject(Failure(None, "$", None, _unreadable(error), _text(raw), True, place))
                continue
            if record.id is None:
                _, value, reason, _ = next((one for one in bad if one[0] == "id"), ("id", None, "is missing", True))
                self.reject(Failure(None, "id", as_json(value), reason, _text(raw), True, place))
                bad.clear()
                continue
            if bad:
                text = _text(raw)
                self.reject(
                    *(
                        Failure(record.id, path, as_json(value), reason, text, dropped, place)
                        for path, value, reason, dropped in bad
                    )
                )
                if any(path.partition(".")[0] == "stats" for path, *_ in bad):
                    record.stats = None
                bad.clear()
            if record.extra:
                self._unknown_fields.update(re.sub(r"\[\d+\]", "", path) for path in record.extra)
            records.append(record)
            self._chunk.append((raw, record.id, place))
        return records


class _Table:
    """One table being built: how to read its columns from records, and the chunks so far."""

    def __init__(self, name: str, wanted: set[str] | None = None) -> None:
        infos = [info for info in schemas.columns(name) if info.name not in DERIVED]
        infos = [info for info in infos if wanted is None or info.name in wanted]
        self.name = name
        self.dtypes = {info.name: info.dtype for info in infos}
        self.apis = {info.name: info.api for info in infos}
        self.owners = np.empty(0, "int64")
        own = [column for column in self.dtypes if column != "customer_id" or name == "customers"]
        self._getters = {column: _getter(column, self.apis[column]) for column in own}
        self._batches: dict[str, list[pa.Array]] = {column: [] for column in self.dtypes}
        self._owners: list[int] = []
        self._numbers: list[int] = []
        self._chunks: list[pa.RecordBatch] = []

    def take(self, records: list[Any], owners: Iterable[int]) -> None:
        """Append the columns of a batch of records, whose customers are these rows of the chunk."""
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
        """Append the columns of the addresses or contacts of a batch of customers."""
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
                self._numbers += range(count)
        self.take(items, owners)
        self._batches["customer_id"].append(gather(ids, "int64"))

    def close_chunk(self, latest: np.ndarray) -> tuple[dict[str, pa.Array], list[tuple[int, str, str]]]:
        """Join and convert the batches of the latest customers; return the columns, and (row, column, reason) of bad times."""
        arrays, found = {}, []
        owners, self._owners = np.array(self._owners, "int64"), []
        rows = np.flatnonzero(latest[owners])
        self.owners = owners[rows]
        for column, batches in self._batches.items():
            array = pa.concat_arrays(batches)
            array = array if len(rows) == len(owners) else array.take(pa.array(rows))
            arrays[column], bad = convert(array, self.dtypes[column])
            found += [] if bad is None else [(int(row), column, NOT_A_TIME) for row in np.flatnonzero(bad)]
            batches.clear()
        if self._numbers:
            self._numbers = [self._numbers[row] for row in rows.tolist()] if len(rows) < len(owners) else self._numbers
        return arrays, found

    def store(self, arrays: dict[str, pa.Array]) -> None:
        """Keep a chunk of valid rows."""
        self._numbers = []
        self._chunks.append(pa.RecordBatch.from_pydict(arrays))

    def finish(self, superseded: np.ndarray) -> tuple[pa.Table, np.ndarray]:
        """Join the chunks without the customers at these places; return the place of each row's customer too."""
        if not self._chunks:
            columns = {name: convert(gather([], dtype), dtype)[0] for name, dtype in self.dtypes.items()}
            return pa.table(columns), np.empty(0, "int64")
        for number, chunk in enumerate(self._chunks):  # one by one, so that there are never two copies of the table
            gone = np.isin(chunk["_place"].to_numpy(), superseded)
            if gone.any():
                self._chunks[number] = chunk.filter(pa.array(~gone))
        table = pa.Table.from_batches(self._chunks)
        self._chunks = []
        return table.drop_columns("_place"), table["_place"].to_numpy()

    def failure(self, row: int, column: str, reason: str, raws: Sequence[Raw], places: np.ndarray) -> Failure:
        """Describe a value that breaks the schema, from the raw JSON it came in."""
        owner = int(self.owners[row])
        dropped: set[str] = set()
        customer = read_customer(raws[owner], lambda path, *_: dropped.add(path))
        path = self.apis.get(column, column)
        record: Any = customer
        if self.name != "customers":
            record = getattr(customer, PARTS[self.name])[self._numbers[row]]
            items, _, field = path.partition(".")
            numbers = (number for number in itertools.count() if f"{items}[{number}]" not in dropped)
            path = f"{items}[{next(itertools.islice(numbers, self._numbers[row], None))}].{field}"
        part, get = ("", attrgetter("stats")) if column == "stats" else self._getters[column]
        value = get((getattr(record, part) or _NOBODY[part]) if part else record)
        return Failure(customer.id, path, as_json(value), reason, _text(raws[owner]), False, int(places[owner]))


def _getter(column: str, api: str) -> tuple[str, Callable[[Any], Any]]:
    """Return which part of a record holds a column, and a function that reads it from that part."""
    part, _, name = api.rpartition(".")
    attribute, record = _RECORDS[part]
    fields = {api_name: snake for snake, api_name in api_names(record).items()}
    return attribute, attrgetter(fields[name] if name else column)


def _failures_arrow(rows: Iterable[Failure]) -> pa.Table:
    """Return the rejects table."""
    rows = list(rows)
    infos = schemas.columns("rejects")
    return pa.table({info.name: gather([getattr(row, info.name) for row in rows], info.dtype) for info in infos})


def _unreadable(error: Exception) -> str:
    """Return why a record could not be read at all."""
    return str(error) if isinstance(error, msgspec.ValidationError) else f"cannot be read as JSON: {error}"


def _fingerprint(raw: Raw) -> int:
    """Hash a raw record to a signed 64-bit number."""
    return int.from_bytes(hashlib.blake2b(bytes(raw), digest_size=8).digest(), "little", signed=True)


def _text(raw: Raw) -> str:
    return bytes(raw).decode("utf-8", "backslashreplace")


@contextmanager
def _collector_held() -> Iterator[None]:
    """Suspend the garbage collector: there are many records, and none is part of a cycle."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
