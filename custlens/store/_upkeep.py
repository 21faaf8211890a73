"""What a store needs to be kept for years: giving up earlier states, and erasing a person."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from custlens._arguments import span
from custlens._text import counted
from custlens.errors import ArgumentError, StoreError
from custlens.store._lake import Lake
from custlens.store._layout import SCHEMAS
from custlens.store._snapshot import Snapshot

__all__ = [
    "CompactReport", "ForgetReport", "compact", "count_left_out", "forget", "left_out", "newcomers", "note_left_out", "readmit",
]  # fmt: skip

UNIQUE_TO_A_PERSON = ("email", "billing_phone", "tax_id", "fiscal_code", "electronic_invoice_pec_email")
SHORTEST_TRACE = 6


@dataclass(frozen=True)
class CompactReport:
    """What `Store.compact` did.

    Attributes
    ----------
    syncs_kept, syncs_given_up : int
        Syncs whose state can still be read with ``as_of=``, and those that were given up just now.
    bytes_before, bytes_after : int
        Size of the store.
    """

    syncs_kept: int
    syncs_given_up: int
    bytes_before: int
    bytes_after: int

    def __str__(self) -> str:
        freed = max(self.bytes_before - self.bytes_after, 0) / 1e6  # its own notes take a little space
        return (
            f"{freed:,.1f} MB freed, {self.bytes_after / 1e6:,.1f} MB left; the states of "
            f"{counted(self.syncs_given_up, 'sync')} were given up, those of {self.syncs_kept:,} can still be read"
        )


@dataclass(frozen=True)
class ForgetReport:
    """What `Store.forget` did.

    Attributes
    ----------
    customers, history, rejects : int
        Rows that were erased from each table.
    syncs_given_up : int
        Syncs whose state can no longer be read with ``as_of=``, since it held the person.
    keep_out : bool
        Whether later syncs leave the person out.
    """

    customers: int
    history: int
    rejects: int
    syncs_given_up: int
    keep_out: bool

    def __str__(self) -> str:
        later = "leave the person out" if self.keep_out else "take the person in again, if the shop still has them"
        return (
            f"Erased {counted(self.customers, 'customer')}, {counted(self.history, 'row')} of history and "
            f"{counted(self.rejects, 'reject')}; the states of {counted(self.syncs_given_up, 'earlier sync')} were given up. Later syncs {later}"
        )


def compact(lake: Lake, keep: str | timedelta) -> CompactReport:
    """Delete the states before a span of time, as `Store.compact` says."""
    kept_for = span("keep", keep)
    _held(lake)  # refuses a folder that is not a store before anything is put into it
    with lake.claimed():
        state = _held(lake)
        before, syncs = lake.size(), state.syncs
        first = syncs.loc[syncs["as_of"] >= state.stamps.as_of - kept_for, "version"].iloc[0]
        oldest = max(int(first), state.oldest)
        given_up = int((state.readable & (syncs["version"] < oldest)).sum())
        state.give_up_before(oldest)
        return CompactReport(int(state.readable.sum()), given_up, before, lake.size())


def forget(lake: Lake, customer_id: int, keep_out: bool) -> ForgetReport:
    """Erase a person, as `Store.forget` says."""
    _held(lake)  # refuses a folder that is not a store before anything is put into it
    with lake.claimed() as folder:
        state = _held(lake)
        for file in folder.glob("pages.sqlite*"):
            file.unlink()
        state.undo_unfinished()
        out = {
            name: pc.equal(state.rows(name, ["customer_id"])["customer_id"], customer_id).to_numpy()
            for name in ("order_stats_history", "customers")
        }
        out["rejects"] = _about(state, customer_id, out["customers"])
        known = left_out(state, pa.array([customer_id])).any()
        if not known and not any(rows.any() for rows in out.values()):
            raise ArgumentError(
                f"customer_id: nobody with the ID {customer_id} is or was in {lake.path}. Nothing was erased but the "
                "pages of a stopped sync, if there were any"
            )
        marks: dict[str, int] = {}
        if keep_out and not known:
            digests = state.rows("forgotten")
            salt = digests["salt"][0].as_py() if len(digests) else secrets.token_hex(16)
            row = {"salt": salt, "digest": _digest(salt, customer_id), "until": _until(state, out["customers"])}
            row["in_shop"] = bool(out["customers"].any())
            marks["forgotten"] = state.replace("forgotten", pa.Table.from_pylist([row], SCHEMAS["forgotten"]))
        elif not keep_out:
            marks |= readmit(state, [customer_id])  # then the numbers differ, and the next sync is a full one
        for name in ("order_stats_history", "rejects", "customers"):  # the customers last: see `commit`
            marks[name] = state.replace(name, SCHEMAS[name].empty_table(), out[name], marks)
        given_up = int(state.readable.sum()) - 1
        state.give_up_before(marks["customers"])
        counts = {name: int(rows.sum()) for name, rows in out.items()}
        return ForgetReport(counts["customers"], counts["order_stats_history"], counts["rejects"], given_up, keep_out)


def left_out(state: Snapshot, customer_ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return which of some customers were forgotten and are to be left out."""
    digests = state.rows("forgotten")
    if not len(digests):
        return np.zeros(len(customer_ids), bool)
    salt, known = digests["salt"][0].as_py(), set(digests["digest"].to_pylist())
    return np.array(
        [number is not None and _digest(salt, number) in known for number in customer_ids.to_pylist()], bool
    )


def newcomers(state: Snapshot, customers: pa.Table) -> list[int]:
    """Return the IDs of forgotten persons under which somebody else has registered since."""
    digests = state.rows("forgotten")
    if not len(digests):
        return []
    salt = digests["salt"][0].as_py()
    until = dict(zip(digests["digest"].to_pylist(), digests["until"].to_pylist(), strict=True))
    registered = zip(customers["customer_id"].to_pylist(), customers["registered"].to_pylist(), strict=True)
    return [
        number
        for number, time in registered
        if time is not None and (last := until.get(_digest(salt, number))) is not None and time > last
    ]


def readmit(state: Snapshot, customer_ids: Iterable[int]) -> dict[str, int]:
    """Let syncs take customers in again who were forgotten, and return the versions that belong to that."""
    digests = state.rows("forgotten")
    if not len(digests):
        return {}
    out = _among(digests, customer_ids)
    return {"forgotten": state.replace("forgotten", digests.slice(0, 0), out)} if out.any() else {}


def note_left_out(state: Snapshot, customer_ids: Iterable[int], everyone: bool) -> dict[str, int]:
    """Note that the shop has forgotten persons, and if this is everyone no others; return the versions as `readmit`."""
    digests = state.rows("forgotten")
    if not len(digests):
        return {}
    before = digests["in_shop"].to_numpy()
    now = _among(digests, customer_ids) | (before & (not everyone))
    if (now == before).all():
        return {}
    place = digests.schema.get_field_index("in_shop")
    rows = digests.set_column(place, digests.field(place), pa.array(now)).filter(pa.array(now != before))
    return {"forgotten": state.replace("forgotten", rows, now != before)}


def count_left_out(state: Snapshot, seen: Set[int]) -> int:
    """Count the forgotten persons whom the shop has, beside customers who were seen."""
    digests = state.rows("forgotten")
    return int((digests["in_shop"].to_numpy() & ~_among(digests, seen)).sum()) if len(digests) else 0


def _among(digests: pa.Table, customer_ids: Iterable[int]) -> np.ndarray:
    """Return which of the forgotten persons are among some customers."""
    salt = digests["salt"][0].as_py()
    found: np.ndarray = pc.is_in(
        digests["digest"], pa.array([_digest(salt, number) for number in customer_ids], pa.string())
    ).to_numpy()
    return found


def _about(state: Snapshot, customer_id: int, held: np.ndarray) -> np.ndarray:
    """Return which rejects are about a person: by ID, or by an email, phone or tax ID in the raw record."""
    rejects = state.rows("rejects", ["customer_id", "raw"])
    traces = set()
    if held.any():
        person = state.rows("customers", [*UNIQUE_TO_A_PERSON, "contacts"]).filter(pa.array(held)).to_pylist()[0]
        contacts = [contact["contact"] for contact in person.pop("contacts") or []]
        traces = {trace for trace in [*person.values(), *contacts] if trace and len(trace) >= SHORTEST_TRACE}
    return np.array(
        [
            row["customer_id"] == customer_id or any(trace in (row["raw"] or "") for trace in traces)
            for row in rejects.to_pylist()
        ],
        bool,
    )


def _until(state: Snapshot, held: np.ndarray) -> datetime:
    """Return the last moment at which a person can have registered: that of the last sync, or a time ahead of it."""
    registered: list[datetime] = (
        state.rows("customers", ["registered"])["registered"].filter(pa.array(held)).to_pylist()
    )
    return max([state.stamps.as_of.to_pydatetime(), *filter(None, registered)])


def _digest(salt: str, customer_id: int) -> str:
    return hashlib.blake2b(str(customer_id).encode(), salt=bytes.fromhex(salt), digest_size=16).hexdigest()


def _held(lake: Lake) -> Snapshot:
    state = Snapshot.latest(lake)
    if state is None:
        raise StoreError(f"{lake.path} holds no customers yet: run store.sync(client), or custlens sync, first")
    return state
