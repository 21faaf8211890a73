"""Reads a store's customers so that none is missed, whatever moves while they are read.

The list is cut into windows of the time of registration, each read in pages of its own. A window is only believed when
all its pages named the same total and as many customers came; else it alone is read again, in another order. What
changes meanwhile is caught by asking, at the end, for what changed since the beginning.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import msgspec

from custlens.api.client import Client
from custlens.api.query import PAGE_SIZE
from custlens.api.records import Page, customer_keys
from custlens.errors import SyncError
from custlens.store._journal import Journal

__all__ = ["Changes", "Crawler", "Read", "Stopped"]

WINDOW_ROWS = 4_000
LARGEST_WINDOW = 3 * WINDOW_ROWS
ROUNDS = 8
ORDERS = ("REGISTERED_DATE_ASC", "EMAIL_ASC")
"""Sort orders by turns: customers of the same second may come in any order, different emails do not."""
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
_page = msgspec.json.Decoder(Page)


class Stopped(Exception):
    """Inside the sync: another thread failed, or somebody pressed stop."""


class Read(NamedTuple):
    """A page as it was read."""

    total: int
    items: list[msgspec.Raw]
    keys: list[int]


class Changes(NamedTuple):
    """What changed since a moment: who was deleted, and how many customers the store has now."""

    deleted: set[int]
    total: int


class _Reading:
    """A window while its pages come in."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.filters = {"created_from": low, "created_to": high}
        self.left: int | None = None
        self.totals: set[int] = set()
        self.seen: set[int] = set()

    def take(self, page: Read) -> bool:
        """Take in a page; tell whether it was the last one."""
        self.totals.add(page.total)
        self.seen.update(page.keys)
        self.left = (self.left or 0) - 1
        return self.left == 0

    @property
    def held_still(self) -> bool:
        """Whether every page named the same total, and as many customers came."""
        return self.totals == {len(self.seen)}


class _LastOrder(msgspec.Struct, rename="camel", gc=False):
    last_order_date: str | None = None


class _Ordered(msgspec.Struct, gc=False):
    stats: _LastOrder | None = None


class _Registered(msgspec.Struct, gc=False):
    registered: str | None = None


_ordered, _registered = msgspec.json.Decoder(_Ordered), msgspec.json.Decoder(_Registered)


class Crawler:
    """Asks for pages, keeping each in a journal; a page that the journal has is not asked for again.

    Parameters
    ----------
    client
        The store to ask.
    journal
        Where pages are kept as they come.
    threads
        Requests under way at once.
    take
        Called with each page, from any thread.
    tell
        Called after each page, and now and then while waiting, with the number of pages expected (0 if unknown).
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        *,
        threads: int,
        take: Callable[[Read], None],
        tell: Callable[[int], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._threads = threads
        self._take = take
        self._tell = tell
        self._stop = threading.Event()
        self.keys: set[int] = set()
        self.expected = 0

    def everyone(self, until: datetime) -> None:
        """Read every customer registered until a moment."""
        first = self.page("all", ORDERS[0], 0, {"created_to": until})
        self.expected = math.ceil(first.total / PAGE_SIZE)
        if not first.items:
            return
        earliest = min((when for raw in first.items if (when := _time(_registered, raw))), default=BEGINNING)
        self._windows(_split(math.floor(earliest.timestamp()) - 1, math.ceil(until.timestamp()) + 1, first.total))

    def everyone_unwindowed(self) -> None:
        """Read the whole list as one window: for customers that no time of registration finds."""
        self._window("whole", {})

    def since(self, moment: datetime, name: str) -> Changes:
        """Read whoever registered, was edited, or ordered since a moment; tell who was deleted.

        `updated` does not move with an order, so both lists are read: by the time of the edit, and by the time of the
        last order, newest first, until it gets older than the moment.
        """
        self._window(name, {"updated_from": moment})
        total = self._recent_orders(moment, name)
        deleted = {entry.id for entry in self._client.deleted(since=moment)}
        return Changes(deleted, total)

    def page(self, name: str, sort_by: str, offset: int, filters: dict[str, Any]) -> Read:
        """Get one page, from the journal or from the store."""
        key = f"{name}|{sort_by}|{offset}|" + "&".join(f"{key}={value}" for key, value in sorted(filters.items()))
        body = self._journal.get(key)
        if body is None:
            while (seconds := self._client.seconds_to_wait) > 0:
                if self._stop.wait(min(seconds, 0.2)):
                    raise Stopped
            if self._stop.is_set():
                raise Stopped
            body = self._client._raw_page(sort_by=sort_by, offset=offset, **filters)
            self._journal.put(key, body)
        page = _page.decode(body)
        read = Read(page.total, page.items, customer_keys(body, page.items))
        self.keys.update(read.keys)
        self._take(read)
        self._tell(self.expected)
        return read

    def _windows(self, windows: list[tuple[int, int]]) -> None:
        """Read windows side by side, page by page; one that turns out large is cut again."""
        running: dict[Future[Any], _Reading] = {}
        done: SimpleQueue[Future[Any]] = SimpleQueue()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="custlens-sync")

        def start(reading: _Reading, work: Callable[..., Any], *arguments: Any) -> None:
            future = pool.submit(work, *arguments)
            running[future] = reading
            future.add_done_callback(done.put)

        def ask(reading: _Reading, offset: int) -> None:
            start(reading, self.page, "window", ORDERS[0], offset, reading.filters)

        try:
            for low, high in windows:
                ask(_Reading(low, high), 0)
            while running:
                try:
                    future = done.get(timeout=0.5)
                except Empty:
                    self._tell(self.expected)
                    continue
                reading, page = running.pop(future), future.result()
                if page is None:
                    continue
                if reading.left is None:
                    if page.total > LARGEST_WINDOW and reading.high - reading.low > 1:
                        for low, high in _split(reading.low, reading.high, page.total):
                            ask(_Reading(low, high), 0)
                        continue
                    offsets = range(PAGE_SIZE, page.total, PAGE_SIZE)
                    reading.left = len(offsets) + 1
                    for offset in offsets:
                        ask(reading, offset)
                if reading.take(page) and not reading.held_still:
                    start(reading, self._again, reading)
        except BaseException:
            self._stop.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _again(self, reading: _Reading) -> None:
        """Read a window once more, page after page, since it moved."""
        self._window("window", reading.filters, reading.seen, 1)

    def _window(self, name: str, filters: dict[str, Any], found: set[int] | None = None, first: int = 0) -> None:
        """Read a window until it holds still; customers found in any round count."""
        found = set() if found is None else found
        for number in range(first, ROUNDS):
            sort_by, label = ORDERS[number % len(ORDERS)], name if number == 0 else f"{name}-{number}"
            seen: set[int] = set()
            totals: set[int] = set()
            offset = 0
            while True:
                page = self.page(label, sort_by, offset, filters)
                totals.add(page.total)
                seen.update(page.keys)
                offset += len(page.items)
                if not page.items or offset >= page.total:
                    break
            found |= seen
            if len(totals) == 1 and totals & {len(seen), len(found)}:
                return
        where = ", ".join(f"{key} {value}" for key, value in filters.items()) or "the whole list"
        raise SyncError(
            f"the store's list ({where}) did not hold still in {ROUNDS} readings; sync again when the shop is quieter. "
            "What was fetched is kept"
        )

    def _recent_orders(self, moment: datetime, name: str) -> int:
        """Read from the latest order back to a moment; give the number of customers the store has."""
        for number in range(ROUNDS):
            label = f"{name}-orders-{number}"
            keys: list[int] = []
            totals: list[int] = []
            offset = 0
            while True:
                page = self.page(label, "LAST_ORDER_DATE_DESC", offset, {})
                totals.append(page.total)
                keys += page.keys
                offset += len(page.items)
                times = [when for raw in page.items if (when := _ordered_at(raw)) is not None]
                if not times or min(times) < moment or offset >= page.total:  # who never ordered comes last
                    break
            if min(totals) == totals[0] and len(set(keys)) == len(keys):
                return totals[-1]
        return totals[-1]


def _split(low: int, high: int, rows: int) -> list[tuple[int, int]]:
    """Cut a window of seconds so that each part has about `WINDOW_ROWS` customers; the borders belong to both sides."""
    parts = max(1, min(high - low, math.ceil(rows / WINDOW_ROWS)))
    borders = [low + (high - low) * part // parts for part in range(parts + 1)]
    return [(borders[part], borders[part + 1]) for part in range(parts)]


def _ordered_at(raw: msgspec.Raw) -> datetime | None:
    try:
        stats = _ordered.decode(raw).stats
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _parse(stats.last_order_date if stats else None)


def _time(decoder: msgspec.json.Decoder[_Registered], raw: msgspec.Raw) -> datetime | None:
    try:
        return _parse(decoder.decode(raw).registered)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _parse(text: str | None) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z") if text else None
    except ValueError:
        return None
