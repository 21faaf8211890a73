"""Brings a store up to date: everything, or what changed; resumed where a killed sync stopped."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
from tqdm.auto import tqdm

from custlens._arguments import one_of, shown, whole_number
from custlens._lines import Lines, as_html, as_text
from custlens.api.client import Client
from custlens.errors import ArgumentError, StoreError, SyncError
from custlens.store._commit import commit
from custlens.store._crawler import Crawler, Read
from custlens.store._journal import Journal
from custlens.store._lake import Lake
from custlens.tables import Built, TableBuilder

__all__ = ["Mode", "SyncReport", "sync"]

Mode = Literal["auto", "full", "incremental"]
OVERLAP = timedelta(hours=1)
"""What an incremental sync reads again, in case the shop's lists lag behind its clock."""
DELETIONS_REACH = timedelta(days=170)
"""The API remembers deletions for six months; a little less is relied on."""
CLOCK_SKEW = timedelta(minutes=5)
"""By how much the clocks of two of the shop's servers may differ."""
JOURNAL_KEEPS = timedelta(days=1)
QUEUE_PAGES = 64


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
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    seconds_waited: float = 0.0
    bytes: int = 0
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_full: datetime = field(default_factory=lambda: datetime.now(UTC))

    def lines(self) -> Lines:
        """Return the report as pairs of a heading and a text."""
        silent = f"{self.stats_changed:,} changed, {self.changed_without_update:,} of them without a move of `updated`"
        lines = [
            ("Shop", str(self.store_id)),
            ("Mode", f"{self.mode}{', resumed' if self.resumed else ''}: {self.reason}"),
            ("Customers", self._counts()),
            ("Statistics", silent),
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


def sync(lake: Lake, client: Client, mode: Mode, *, threads: int, progress: bool) -> SyncReport:
    """Bring a store up to date with its shop, as `Store.sync` says."""
    if not isinstance(client, Client):
        raise ArgumentError(f"client must be a custlens.Client, not {shown(client)}")
    one_of("mode", mode, get_args(Mode))
    whole_number("threads", threads, least=1)
    lake.snapshot()  # refuses a folder that is something else before anything is put into it
    with lake.claimed() as folder:
        return _Sync(lake, client, mode, threads, progress, folder).run()


class _Sync:
    """One sync of one shop."""

    def __init__(self, lake: Lake, client: Client, mode: Mode, threads: int, progress: bool, folder: Path) -> None:
        self._lake, self._client, self._threads, self._progress = lake, client, threads, progress
        self._asked: Mode = mode
        self._state = lake.snapshot()
        self._journal = Journal(folder / "pages.sqlite")

    def run(self) -> SyncReport:
        started, before = time.monotonic(), self._client.metrics
        last = None if self._state is None else self._state.last
        if last is not None and last["store_id"] != self._client.store_id:
            raise StoreError(
                f"{self._lake.path} belongs to the shop {last['store_id']}, and the client reads the shop "
                f"{self._client.store_id}: give each shop a store of its own"
            )
        currency = self._client.currency(again=True)  # and with the answer comes the time that it is in the shop
        self._refuse_other_currency(currency)
        began = self._client.metrics.server_time or datetime.now(UTC)
        mode, reason = self._decide(last, began)
        plan = self._journal.open()
        try:
            report = self._run(last, began, mode, reason, plan, currency)
        finally:
            self._journal.close()
        vars(report).update(self._client.metrics.since(before))
        report.seconds = time.monotonic() - started
        return report

    def _run(
        self,
        last: dict[str, Any] | None,
        began: datetime,
        mode: Mode,
        reason: str,
        plan: dict[str, Any] | None,
        currency: str | None,
    ) -> SyncReport:
        fresh = plan is not None and began - _time(plan["began"]) < JOURNAL_KEEPS and len(self._journal) > 0
        if plan is not None and fresh and self._asked == "auto" and plan["mode"] == "full" != mode:
            mode, reason = "full", "it goes on with a full sync that was stopped"
        resumed = plan is not None and fresh and plan["mode"] == mode
        if plan is not None and resumed:
            began = _time(plan["began"])
        else:
            self._journal.begin({"mode": mode, "began": began.isoformat()})
        with tqdm(desc=f"{mode} sync", unit=" pages", disable=not self._progress) as bar:
            try:
                built, deleted = self._read(mode, last, began, resumed, bar)
                if built is None and mode == "incremental":
                    if self._asked == "incremental":
                        raise SyncError(
                            "the shop has another number of customers than the store after this: a full sync is due "
                            "(mode='full' or 'auto')"
                        )
                    mode, reason = "full", "the shop has another number of customers than what changed would give"
                    self._journal.begin({"mode": mode, "began": began.isoformat()})
                    built, deleted = self._read(mode, last, began, False, bar)
                if built is None:
                    raise SyncError("the number of customers kept changing while they were read; sync again")
            except KeyboardInterrupt:
                bar.write(f"Stopped. {len(self._journal):,} pages are kept; the next sync goes on from them.")
                raise
        as_of = max(self._client.metrics.server_time or began, began)
        last_full = began if mode == "full" or last is None else last["last_full"]
        facts = {
            "mode": mode,
            "as_of": as_of,
            "cursor": began,
            "last_full": last_full,
            "store_id": self._client.store_id,
            "currency": currency,
        }
        unknown_fields = built.unknown_fields
        state = self._state or self._lake.create()
        counts = commit(state, built, deleted if mode == "incremental" else None, facts)
        self._journal.clear()
        return SyncReport(
            self._client.store_id,
            mode,
            reason,
            resumed,
            **counts._asdict(),
            unknown_fields=unknown_fields,
            as_of=as_of,
            last_full=last_full,
        )

    def _refuse_other_currency(self, currency: str | None) -> None:
        known = None if self._state is None else self._state.stamps.currency
        if None not in (known, currency) and known != currency:
            raise StoreError(
                f"{self._lake.path} holds amounts in {known}, and the shop now counts in {currency}: sync into a new "
                "store"
            )

    def _decide(self, last: dict[str, Any] | None, now: datetime) -> tuple[Mode, str]:
        """Choose the mode, and say why."""
        if last is None:
            return "full", "the store is new"
        if now < last["as_of"] - CLOCK_SKEW and self._asked != "full":
            raise SyncError(
                f"the shop's clock says {now:%Y-%m-%d %H:%M} UTC, earlier than the last sync at "
                f"{last['as_of']:%Y-%m-%d %H:%M} UTC: what changed since then cannot be asked for. If the clock is right "
                "now, sync once with mode='full'"
            )
        age = now - last["cursor"]
        if age > DELETIONS_REACH:
            return "full", f"the last sync was {age.days} days ago, longer than the shop remembers deletions"
        if self._asked == "full":
            return "full", "asked for"
        if self._asked == "incremental":
            return "incremental", "asked for"
        return "incremental", f"the last sync was on {last['as_of']:%Y-%m-%d %H:%M} UTC"

    def _read(
        self, mode: Mode, last: dict[str, Any] | None, began: datetime, resumed: bool, bar: tqdm[Any]
    ) -> tuple[Built | None, set[int]]:
        """Read what is needed into tables; return None instead if the numbers do not agree with the shop's."""
        with _Assembly() as assembly:
            crawler = Crawler(
                self._client,
                self._journal,
                threads=self._threads,
                take=assembly.take,
                tell=lambda pages: self._tell(bar, pages),
            )
            deleted, whole = self._crawl(crawler, mode, last, began, resumed)
            return (assembly.finish(deleted) if whole else None), deleted

    def _crawl(
        self, crawler: Crawler, mode: Mode, last: dict[str, Any] | None, began: datetime, resumed: bool
    ) -> tuple[set[int], bool]:
        """Read what is needed; return who was deleted, and whether the numbers agree with the shop's."""
        deleted: set[int] = set()
        total = -1
        if mode == "full":
            crawler.everyone(began)
        elif last is not None:
            deleted, total = crawler.since(last["cursor"] - OVERLAP, "since")
        for attempt in range(3):
            if mode == "full" or resumed or attempt:
                # The pages of this last look are never taken from an earlier attempt: it is about what is now.
                later, total = crawler.since(began - OVERLAP, f"tail-{time.time_ns()}")
                deleted |= later
            if self._held(crawler, mode, deleted) == total:
                return deleted, True
            if mode == "full" and attempt == 1:
                crawler.everyone_unwindowed()
        return deleted, False

    def _held(self, crawler: Crawler, mode: Mode, deleted: set[int]) -> int:
        """Count the customers that the store would hold, rejected ones included."""
        keys = set(crawler.keys)
        if mode == "incremental" and self._state is not None:
            rejects = self._state.rows("rejects", ["customer_id", "raw"]).to_pylist()
            keys.update(self._state.rows("customers", ["customer_id"])["customer_id"].to_pylist())
            keys.update(range(-self._state.version_of("left_out"), 0))  # forgotten here, and still in the shop
            keys.update(
                hash(row["raw"].encode()) if row["customer_id"] is None else row["customer_id"] for row in rejects
            )
        return len(keys - deleted)

    def _tell(self, bar: tqdm[Any], expected: int) -> None:
        bar.total = max(expected, len(self._journal)) or None
        bar.n = len(self._journal)
        wait = self._client.seconds_to_wait
        bar.set_postfix_str(
            f"waiting {wait:.0f} s for the rate limit" if wait > 1 else f"{self._client.requests_left} requests left",
            refresh=False,
        )
        bar.update(0)
        bar.refresh()


class _Assembly:
    """Builds the tables on a thread of its own, while the next pages are waited for."""

    def __init__(self) -> None:
        self._pages: queue.Queue[Read | None] = queue.Queue(QUEUE_PAGES)
        self._keys: list[int] = []
        self._builder = TableBuilder(fingerprints=True)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="custlens-build", daemon=True)

    def __enter__(self) -> _Assembly:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def take(self, page: Read) -> None:
        """Add a page; waits while too many are waiting already."""
        self._pages.put(page)

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
                    self._keys += page.keys
                    self._builder.add(page.items)
                except BaseException as failure:
                    self._failure = failure


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
