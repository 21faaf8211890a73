"""Brings a store up to date: everything, or what changed; resumed where a killed sync stopped."""

from __future__ import annotations

import html
import os
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

import filelock
import pandas as pd
from tqdm.auto import tqdm

from custlens.api.client import Client
from custlens.errors import ArgumentError, StoreError, SyncError
from custlens.store._commit import commit
from custlens.store._crawler import Crawler, Read
from custlens.store._journal import Journal
from custlens.store._lake import explained
from custlens.tables import Built, TableBuilder

if TYPE_CHECKING:
    from custlens.store.store import Store

__all__ = ["Mode", "SyncReport", "sync"]

Mode = Literal["auto", "full", "incremental"]
OVERLAP = timedelta(hours=1)
"""What an incremental sync reads again, in case the store's lists lag behind its clock."""
DELETIONS_REACH = timedelta(days=170)
"""The API remembers deletions for six months; a little less is relied on."""
JOURNAL_KEEPS = timedelta(days=1)
QUEUE_PAGES = 64


@dataclass
class SyncReport:
    """What a sync did.

    Attributes
    ----------
    store_id : int
        The store.
    mode : str
        ``"full"`` or ``"incremental"``.
    why : str
        Why this mode.
    resumed : bool
        Whether it went on with the pages of a sync that was stopped.
    added, changed, deleted, unchanged : int
        Customers, against what the store held before.
    stats_changed : int
        Customers whose five statistics changed.
    hidden : int
        Those of them whose `updated` did not move: what a sync by `updated` alone would have missed.
    rejects : int
        Failures now held in `rejects`.
    requests, retries : int
        Requests sent, and how many of them were further attempts.
    seconds, seconds_waited : float
        Time it took, and the part of it spent waiting for the limit or between attempts.
    bytes : int
        Bytes received, after decompression.
    as_of, last_full : datetime
        Time of this sync and of the last full one, by the store's clock. What neither `updated` nor a new order shows
        (a refund, a cancelled order) only a full sync finds.
    """

    store_id: int
    mode: str
    why: str
    resumed: bool = False
    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    stats_changed: int = 0
    hidden: int = 0
    rejects: int = 0
    requests: int = 0
    retries: int = 0
    seconds: float = 0.0
    seconds_waited: float = 0.0
    bytes: int = 0
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))
    last_full: datetime = field(default_factory=lambda: datetime.now(UTC))

    def lines(self) -> list[tuple[str, str]]:
        """Give the report as pairs of a heading and a text."""
        return [
            ("Store", str(self.store_id)),
            ("Mode", f"{self.mode}{', resumed' if self.resumed else ''}: {self.why}"),
            (
                "Customers",
                f"{self.added:,} added, {self.changed:,} changed, {self.deleted:,} deleted, {self.unchanged:,} unchanged",
            ),
            ("Statistics", f"{self.stats_changed:,} changed, {self.hidden:,} of them without a move of `updated`"),
            ("Rejects", f"{self.rejects:,}"),
            ("Requests", f"{self.requests:,} ({self.retries:,} retries), {self.bytes / 1e6:,.1f} MB"),
            ("Time", f"{self.seconds:.1f} s, {self.seconds_waited:.1f} s of it waiting"),
            ("As of", f"{self.as_of:%Y-%m-%d %H:%M} UTC; last full sync {self.last_full:%Y-%m-%d %H:%M} UTC"),
        ]

    def __str__(self) -> str:
        return "\n".join(f"{name:<11}{text}" for name, text in self.lines())

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left">{name}</th><td style="text-align:left">{html.escape(text)}</td></tr>'
            for name, text in self.lines()
        )
        return f"<table>{rows}</table>"


def sync(store: Store, clients: list[Client], mode: Mode, *, threads: int, progress: bool) -> list[SyncReport]:
    """Bring a store up to date with one or several shops, as `Store.sync` says."""
    if mode not in get_args(Mode):
        raise ArgumentError(f"mode must be one of {', '.join(get_args(Mode))}, not {mode!r}")
    if threads < 1:
        raise ArgumentError(f"threads must be at least 1, not {threads}")
    if not clients or len({client.store_id for client in clients}) < len(clients):
        raise ArgumentError("give one client a store")
    store.opened()  # refuses a folder that is something else before anything is put into it
    commits = threading.Lock()
    with _claimed(store):
        if len(clients) == 1:
            return [_Sync(store, clients[0], mode, threads, progress, commits).run()]
        with ThreadPoolExecutor(len(clients), thread_name_prefix="custlens-store") as pool:
            runs = [pool.submit(_Sync(store, c, mode, threads, progress, commits).run) for c in clients]
            return [run.result() for run in runs]


class _Sync:
    """One sync of one shop."""

    def __init__(
        self, store: Store, client: Client, mode: Mode, threads: int, progress: bool, commits: threading.Lock
    ) -> None:
        self._store, self._client, self._threads, self._commits = store, client, threads, commits
        self._asked: Mode = mode
        self._progress = progress
        self._journal = Journal(store.journal_folder() / str(client.store_id))

    def run(self) -> SyncReport:
        started, before = time.monotonic(), self._client.metrics
        try:
            with explained(self._store.path):
                report = self._run()
        finally:
            self._journal.close()
        vars(report).update(self._client.metrics.since(before))
        report.seconds = time.monotonic() - started
        return report

    def _run(self) -> SyncReport:
        last = self._store.last_sync(self._client.store_id)
        currency = self._client.currency(again=True)  # and with the answer comes the time that it is in the shop
        began = self._client.metrics.server_time or datetime.now(UTC)
        mode, why = self._decide(last, began)
        plan = self._journal.open()
        fresh = plan is not None and began - _time(plan["began"]) < JOURNAL_KEEPS and len(self._journal) > 0
        if plan is not None and fresh and self._asked == "auto" and plan["mode"] == "full" != mode:
            mode, why = "full", "it goes on with a full sync that was stopped"
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
                    mode, why = "full", "the shop has another number of customers than what changed would give"
                    self._journal.begin({"mode": mode, "began": began.isoformat()})
                    built, deleted = self._read(mode, last, began, False, bar)
                if built is None:
                    raise SyncError("the number of customers kept changing while they were read; sync again")
            except KeyboardInterrupt:
                bar.write(f"Stopped. {len(self._journal):,} pages are kept; the next sync goes on from them.")
                raise
        as_of = max(self._client.metrics.server_time or began, began)
        last_full = began if mode == "full" or last is None else last["last_full"]
        facts = {"mode": mode, "as_of": as_of, "cursor": began, "last_full": last_full, "currency": currency}
        with self._commits:
            counts = commit(
                self._store, self._client.store_id, built, deleted if mode == "incremental" else None, facts
            )
        self._journal.clear()
        rejects = len(self._store.rejects(store_id=self._client.store_id))
        return SyncReport(
            self._client.store_id,
            mode,
            why,
            resumed,
            **counts._asdict(),
            rejects=rejects,
            as_of=as_of,
            last_full=last_full,
        )

    def _decide(self, last: dict[str, Any] | None, now: datetime) -> tuple[Mode, str]:
        """Choose the mode, and say why."""
        if last is None:
            return "full", "the store holds nothing of this shop yet"
        age = now - last["cursor"]
        if age > DELETIONS_REACH:
            return "full", f"the last sync was {age.days} days ago, longer than the shop remembers deletions"
        if self._asked == "full":
            return "full", "asked for"
        why = (
            "asked for" if self._asked == "incremental" else f"the last sync was on {last['as_of']:%Y-%m-%d %H:%M} UTC"
        )
        return "incremental", why

    def _read(
        self, mode: Mode, last: dict[str, Any] | None, began: datetime, resumed: bool, bar: tqdm[Any]
    ) -> tuple[Built | None, set[int]]:
        """Read what is needed into tables; give None for them where the numbers do not agree with the shop's."""
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
        """Read what is needed; give who was deleted, and whether the numbers agree with the shop's."""
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
        if mode == "incremental":
            held, rejects = self._store.held(self._client.store_id)
            keys.update(held["customer_id"].to_pylist())
            keys.update(rejects["customer_id"].dropna().astype(int).tolist())
            unread = rejects.loc[rejects["customer_id"].isna(), "raw"]
            keys.update(hash(raw.encode()) for raw in unread)
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
        """Take in a page; waits while too many are waiting already."""
        self._pages.put(page)

    def finish(self, deleted: set[int]) -> Built:
        """Give the tables: of a customer that came several times only what came last, and nobody who is deleted."""
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


@contextmanager
def _claimed(store: Store) -> Iterator[None]:
    """Claim a store for one sync; the claim of a process that died is free by itself."""
    folder = store.journal_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "claim.lock")
        lock.acquire(timeout=0)
        (folder / "claim.pid").write_text(str(os.getpid()))
    except filelock.Timeout:
        problem: tuple[type[Exception], str] = (
            SyncError,
            f"another sync of {store.path} is running{_holder(folder)}; wait for it",
        )
    except OSError as error:
        problem = (StoreError, f"{store.path} cannot be written: {error.strerror}")
    else:
        try:
            yield
        finally:
            lock.release()
        return
    raise problem[0](problem[1])


def _holder(folder: Any) -> str:
    try:
        return f" (process {(folder / 'claim.pid').read_text()})"
    except OSError:
        return ""


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
