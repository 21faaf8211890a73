"""Brings a store up to date: everything, or what changed; resumed where a killed sync stopped."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import pyarrow.compute as pc
from tqdm.auto import tqdm

from custlens._arguments import one_of, shown, span, whole_number
from custlens._lines import Lines, as_html, as_text
from custlens.api.client import Client
from custlens.api.crawler import Changes, Crawler, Raw, attended
from custlens.errors import ArgumentError, StoreError, SyncError
from custlens.store._commit import commit
from custlens.store._journal import Journal
from custlens.store._lake import Lake
from custlens.store._snapshot import Snapshot
from custlens.store._upkeep import count_left_out
from custlens.tables import Built, TableBuilder

__all__ = ["Mode", "SyncProgress", "SyncReport", "sync"]

Mode = Literal["auto", "full", "incremental"]
DELETIONS_REACH = timedelta(days=170)
"""The API remembers deletions for six months; a little less is relied on."""
CLOCK_SKEW = timedelta(days=1)
"""By how much the shop's clock may be behind what it was: nothing is read by it, but a copy of an older shop is refused."""
JOURNAL_KEEPS = timedelta(days=1)
QUEUE_PAGES = 64
MOST_THREADS = 8


@dataclass(frozen=True)
class SyncProgress:
    """How far a sync has come.

    Attributes
    ----------
    mode : str
        ``"full"`` or ``"incremental"``; ``"auto"`` until the shop's first answer, by which it is decided.
    phase : str
        ``"reading"`` the shop, or ``"writing"`` the store.
    read, expected : int
        Customers read so far, and how many there are to read; 0 as long as that is not known.
    requests_left : int
        Requests that may be sent now without waiting for the rate limit.
    seconds_to_wait : float
        Seconds until the next request may be sent.
    retries : int
        Requests of this sync that were further attempts.
    """

    mode: str
    phase: Literal["reading", "writing"]
    read: int
    expected: int
    requests_left: int
    seconds_to_wait: float
    retries: int


@dataclass(repr=False)
class SyncReport:
    """What a sync did.

    Attributes
    ----------
    store_id : int
        The shop.
    mode : str
        ``"full"`` or ``"incremental"``.
    reason : str
        Why this mode.
    resumed : bool
        Whether it went on with the pages of a sync that was stopped.
    added, changed, deleted, unchanged : int
        Customers, compared with what the store held before.
    stats_changed : int
        Customers whose five statistics changed.
    changed_without_update : int
        Those of them whose `updated` did not move: what a sync by `updated` alone would have missed.
    rejects : int
        Rows that `rejects` holds after it: values and records that could not be used.
    unknown_fields : list of str
        API fields that custlens does not know; their values are in `extra`.
    verified : bool
        Whether as many customers were found as the shop says it has.
    in_motion : int
        Customers who came or went while that was checked, if they explain the difference. The next sync reads them.
    missing : int
        How many more customers the shop says it has, where nothing explains the difference.
    deletions_known : bool
        Whether the shop's list of deleted customers could be read. If not, only a full sync removes them.
    requests, retries : int
        Requests sent, and how many of them were further attempts.
    seconds, seconds_waited : float
        Time it took, and the part of it spent waiting for the limit or between attempts.
    bytes : int
        Bytes received, after decompression.
    as_of, last_full : datetime
        Time of this sync and of the last full one, by the shop's clock. What neither `updated` nor a new order shows
        (a refund, a cancelled order) only a full sync finds.
    """

    store_id: int
    mode: str
    reason: str
    resumed: bool = False
    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    stats_changed: int = 0
    changed_without_update: int = 0
    rejects: int = 0
    unknown_fields: list[str] = field(default_factory=list)
    verified: bool = True
    in_motion: int = 0
    missing: int = 0
    deletions_known: bool = True
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    seconds_waited: float = 0.0
    bytes: int = 0
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_full: datetime = field(default_factory=lambda: datetime.now(UTC))

    def lines(self) -> Lines:
        """Return the report as pairs of a heading and a text."""
        silent = f"{self.changed_without_update:,} of them while `updated` stayed the same"
        lines = [
            ("Shop", str(self.store_id)),
            ("Mode", f"{self.mode}{', resumed' if self.resumed else ''}: {self.reason}"),
            ("Customers", self._counts()),
            ("Verified", self._verified()),
            ("Statistics", f"{self.stats_changed:,} changed, {silent}"),
            ("Set aside", self._set_aside()),
        ]
        if self.unknown_fields:
            lines.append(("New fields", f"{', '.join(self.unknown_fields)}: not known to custlens, kept in `extra`"))
        return [
            *lines,
            ("Requests", f"{self.requests:,} ({self.retries:,} retries), {self.bytes / 1e6:,.1f} MB"),
            ("Time", f"{self.seconds:.1f} s, {self.seconds_waited:.1f} s of it waiting"),
            ("As of", f"{self.as_of:%Y-%m-%d %H:%M} UTC; last full sync {self.last_full:%Y-%m-%d %H:%M} UTC"),
        ]

    def _counts(self) -> str:
        counts = {name: getattr(self, name) for name in ("added", "changed", "deleted", "unchanged")}
        return ", ".join(f"{count:,} {name}" for name, count in counts.items())

    def _verified(self) -> str:
        unread = "; the list of deleted customers could not be read: they stay in the store until the next full sync"
        deletions = "" if self.deletions_known else unread
        if self.verified:
            return f"as many as the shop says it has{deletions}"
        if not self.missing:
            return f"except for {self.in_motion:,} who came or went meanwhile: the next sync reads them{deletions}"
        more = "more; whoever was not found stays in the store" if self.missing > 0 else "fewer"
        return f"no: the shop says it has {abs(self.missing):,} {more}{deletions}"

    def _set_aside(self) -> str:
        if not self.rejects:
            return "nothing: every value could be used"
        values = (
            "1 value could not be used and is"
            if self.rejects == 1
            else f"{self.rejects:,} values could not be used and are"
        )
        return f"{values} kept in store.rejects(); everything else of these customers is in the tables"

    def __repr__(self) -> str:
        return f"<SyncReport: {self.mode}, {self._counts()}>"

    def __str__(self) -> str:
        return as_text(self.lines())

    def _repr_html_(self) -> str:
        return as_html(self.lines())


def sync(
    lake: Lake,
    client: Client,
    mode: Mode,
    *,
    full_every: str | timedelta,
    orders_overlap: str | timedelta,
    threads: int,
    progress: bool | Callable[[SyncProgress], object],
) -> SyncReport:
    """Bring a store up to date with its shop, as `Store.sync` says."""
    if not isinstance(client, Client):
        raise ArgumentError(f"client must be a custlens.Client, not {shown(client)}")
    one_of("mode", mode, get_args(Mode))
    whole_number("threads", threads, least=1, most=MOST_THREADS)
    if not (isinstance(progress, bool) or callable(progress)):
        raise ArgumentError(f"progress must be True, False or a function of a SyncProgress, not {shown(progress)}")
    every, overlap = span("full_every", full_every, default="7D"), span("orders_overlap", orders_overlap, default="2D")
    lake.current()  # refuses a folder that is something else before anything is put into it
    with lake.claimed() as folder:
        return _Sync(lake, client, mode, every, overlap, threads, progress, folder).run()


class _Sync:
    """One sync of one shop."""

    def __init__(
        self,
        lake: Lake,
        client: Client,
        mode: Mode,
        full_every: timedelta,
        orders_overlap: timedelta,
        threads: int,
        progress: bool | Callable[[SyncProgress], object],
        folder: Path,
    ) -> None:
        self._lake, self._client, self._threads, self._progress = lake, client, threads, progress
        self._before = client.metrics
        self._full_every, self._orders_overlap = full_every, orders_overlap
        self._asked: Mode = mode
        self._state = Snapshot.latest(lake)
        self._last = None if self._state is None else self._state.last
        self._journal = Journal(folder / "pages.sqlite")

    def run(self) -> SyncReport:
        started = time.monotonic()
        last = self._last
        if last is not None and last["store_id"] != self._client.store_id:
            raise StoreError(
                f"{self._lake.path} belongs to the shop {last['store_id']}, and the client reads the shop "
                f"{self._client.store_id}: give each shop a store of its own"
            )
        # With the answer comes the time that it is in the shop.
        currency = attended(self._client, lambda client: client.currency(again=True), self._tell_asking)
        self._refuse_other_currency(currency)
        mode, reason = self._decide(self._client.metrics.server_time or datetime.now(UTC))
        try:
            report = self._run(mode, reason, currency)
        except SyncError:
            self._journal.clear()  # whatever was wrong with these pages, the next sync asks for its own
            raise
        finally:
            self._journal.close()
        vars(report).update(self._client.metrics.since(self._before))
        report.seconds = time.monotonic() - started
        return report

    def _run(self, mode: Mode, reason: str, currency: str | None) -> SyncReport:
        plan = self._journal.open()
        if plan is not None and (
            time.time() - plan["opened"] > JOURNAL_KEEPS.total_seconds() or not len(self._journal)
        ):
            plan = None
        if plan is not None and mode == "incremental":
            if self._asked == "auto":
                mode, reason = "full", "it continues a full sync that was stopped"
            else:
                plan = None
        resumed = plan is not None
        with tqdm(desc=f"{mode} sync", unit="", disable=self._progress is not True) as bar:
            try:
                built, changes, began = self._read(mode, plan, bar)
                if mode == "incremental" and changes.missing and (changes.missing > 0 or changes.deleted is not None):
                    if self._asked == "incremental":
                        raise SyncError(
                            "the shop has another number of customers than the store after this: a full sync is due "
                            "(mode='full' or 'auto')"
                        )
                    mode, reason = "full", "the shop has another number of customers than what changed would give"
                    built, changes, began = self._read(mode, None, bar)
                rows = len(built.tables["customers"])
                self._tell(bar, self._now(mode, "writing", rows, rows))
            except KeyboardInterrupt:
                bar.write(f"Stopped. {len(self._journal):,} pages are kept; the next sync goes on from them.")
                raise
        last_full = began if mode == "full" or self._last is None else self._last["last_full"]
        facts = {
            "mode": mode,
            "as_of": changes.as_of,
            "cursor": changes.cursor,
            "last_full": last_full,
            "store_id": self._client.store_id,
            "currency": currency,
        }
        unknown_fields = built.unknown_fields
        state = self._state or Snapshot(self._lake, self._lake.create())
        everyone = mode == "full" and changes.missing <= 0  # else who was not found is not taken to be gone
        counts = commit(state, built, changes.deleted or set(), facts, everyone=everyone)
        self._journal.clear()
        return SyncReport(
            self._client.store_id,
            mode,
            reason,
            resumed,
            **counts._asdict(),
            unknown_fields=unknown_fields,
            verified=changes.verified,
            in_motion=changes.in_motion,
            missing=changes.missing,
            deletions_known=changes.deleted is not None,
            as_of=changes.as_of,
            last_full=last_full,
        )

    def _refuse_other_currency(self, currency: str | None) -> None:
        known = None if self._state is None else self._state.stamps.currency
        if None not in (known, currency) and known != currency:
            raise StoreError(
                f"{self._lake.path} holds amounts in {known}, and the shop now counts in {currency}: sync into a new "
                "store"
            )

    def _decide(self, now: datetime) -> tuple[Mode, str]:
        """Choose the mode, and say why."""
        last = self._last
        if last is None:
            return "full", "the store is new"
        if now < last["as_of"] - CLOCK_SKEW and self._asked != "full":
            raise SyncError(
                f"the shop's clock says {now:%Y-%m-%d %H:%M} UTC, earlier than the last sync at "
                f"{last['as_of']:%Y-%m-%d %H:%M} UTC: what changed since then cannot be asked for. If the clock is right "
                "now, sync once with mode='full'"
            )
        age = now - last["as_of"]
        if age > DELETIONS_REACH:
            return "full", f"the last sync was {age.days} days ago, longer than the shop remembers deletions"
        if self._asked != "auto":
            return self._asked, "asked for"
        if now - last["last_full"] > self._full_every:
            days = self._full_every / timedelta(days=1)
            return "full", f"the last full sync was on {last['last_full']:%Y-%m-%d}, more than {days:g} days ago"
        return "incremental", f"the last sync was on {last['as_of']:%Y-%m-%d %H:%M} UTC"

    def _read(self, mode: Mode, plan: dict[str, Any] | None, bar: tqdm[Any]) -> tuple[Built, Changes, datetime]:
        """Read what is needed into tables; return also what the last look brought, and when reading began."""
        with (
            _Assembly() as assembly,
            Crawler(
                self._client,
                take=assembly.take,
                threads=self._threads,
                tell=lambda read, expected: self._tell(bar, self._now(mode, "reading", read, expected)),
            ) as crawler,
        ):
            if mode == "full":
                if plan is None:
                    since, orders_since = crawler.start()
                    plan = {"since": since, "orders_since": orders_since}
                    plan |= {"began": crawler.now().isoformat(), "opened": time.time()}
                    self._journal.begin(plan)
                began = datetime.fromisoformat(plan["began"])
                crawler.everyone(self._journal)
                changes = crawler.changes(plan["since"], plan["orders_since"])
            else:
                began = crawler.now()
                assert self._state is not None
                changes = crawler.changes(*self._held(), left_out=partial(count_left_out, self._state))
            return assembly.finish(changes.deleted or set()), changes, began

    def _held(self) -> tuple[int, int, set[int]]:
        """Return from when on changes and orders are to be read, and the keys of the customers held."""
        assert self._state is not None
        assert self._last is not None
        held = self._state.rows("customers", ["customer_id", "last_order_date"])
        known = set(held["customer_id"].to_pylist())
        for row in self._state.rows("rejects", ["customer_id", "raw"]).to_pylist():
            known.add(hash(row["raw"].encode()) if row["customer_id"] is None else row["customer_id"])
        newest = pc.max(held["last_order_date"]).as_py() or self._last["as_of"]
        # Back to the newest order held, in case the last sync took the time from a clock that was ahead.
        orders_since = min(newest, self._last["as_of"] - self._orders_overlap)
        return int(self._last["cursor"].timestamp()), int(orders_since.timestamp()), known

    def _now(self, mode: Mode, phase: Literal["reading", "writing"], read: int, expected: int) -> SyncProgress:
        client = self._client
        retries = client.metrics.since(self._before)["retries"]
        return SyncProgress(mode, phase, read, expected, client.requests_left, client.seconds_to_wait, retries)

    def _tell_asking(self) -> None:
        if callable(self._progress):
            self._progress(self._now("auto", "reading", 0, 0))

    def _tell(self, bar: tqdm[Any], now: SyncProgress) -> None:
        if callable(self._progress):
            self._progress(now)
        bar.total = max(now.read, now.expected) or None
        wait = now.seconds_to_wait
        bar.set_postfix_str(
            f"waiting {wait:.0f} s for the rate limit" if wait > 1 else f"{now.requests_left} requests left",
            refresh=False,
        )
        if now.read > bar.n:
            bar.update(now.read - bar.n)
        else:
            bar.refresh()


class _Assembly:
    """Builds the tables on a thread of its own, while the next pages are waited for."""

    def __init__(self) -> None:
        self._pages: queue.Queue[tuple[Sequence[Raw], list[int]] | None] = queue.Queue(QUEUE_PAGES)
        self._keys: list[int] = []
        self._builder = TableBuilder(fingerprints=True)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="custlens-build", daemon=True)

    def __enter__(self) -> _Assembly:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def take(self, items: Sequence[Raw], keys: list[int]) -> None:
        """Add a page; wait while too many are waiting already."""
        self._pages.put((items, keys))

    def finish(self, deleted: set[int]) -> Built:
        """Return the tables: of a customer that came several times only what came last, and nobody who was deleted."""
        self._end()
        if self._failure is not None:
            raise self._failure
        keys = pd.Series(self._keys, dtype="int64")
        return self._builder.finish(keep=~(keys.duplicated(keep="last") | keys.isin(deleted)).to_numpy())

    def _end(self) -> None:
        if self._thread.is_alive():
            self._pages.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (page := self._pages.get()) is not None:
            if self._failure is None:  # after a failure pages are still taken, so that nobody waits for ever
                try:
                    self._keys += page[1]
                    self._builder.add(page[0])
                except BaseException as failure:
                    self._failure = failure
