"""Reads all customers of a shop, or what has changed, while the shop goes on changing.

The list is walked by the time of registration (see `_walks`), several stretches of it side by side. What changes
meanwhile is caught at the end, by the time of the last change, by the time of the last order, and by the list of
deletions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence, Set
from concurrent.futures import Future, wait
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeVar

from custlens.api._pages import Answer, Raw, read_answer, seconds
from custlens.api._walks import LAST_SECOND, REGISTERED, UPDATED, Ask, Walk, Walks, is_rest, stretches, untimed
from custlens.api.client import Client
from custlens.api.query import query_value, search_params
from custlens.errors import APIError, NotFoundError

__all__ = ["Changes", "Crawler", "Journal", "Raw", "attended"]

T = TypeVar("T")
STRETCHES = 8
"""Stretches of the list that are walked side by side."""
STRETCH_ROWS = 1_200
"""Fewest customers that make a stretch of their own worth its page that is only partly full."""
LAGS = (60, 0, 60, 60)
"""Each look for what has changed begins so many seconds before the end of the one before.

A shop's lists may lag behind its clock. The second look begins where the first one ended, since it only bounds what is
in motion; what it misses the next sync reads.
"""
GLANCE = 0.5
"""Seconds of waiting after which the caller is told how far it has come, and may end it."""
FAR = timedelta(days=45)
"""A clock that is further than this from all other evidence is not believed."""
TIMES = "id,registered,updated,stats(firstOrderDate,lastOrderDate)"


class Journal(Protocol):
    """Keeps pages, so that a crawl that was cut short goes on from them."""

    def get(self, key: str) -> bytes | None:
        """Return a page, or None if it was not kept."""

    def put(self, key: str, body: bytes) -> None:
        """Keep a page."""


class Changes(NamedTuple):
    """What the last look at the list brought.

    Attributes
    ----------
    deleted : set of int, or None
        Customers known to be deleted; None if the shop does not say.
    cursor : datetime
        Whatever was changed before this moment of the shop's time has been read.
    as_of : datetime
        The shop's time at the end.
    verified : bool
        Whether as many customers were found as the shop says it has.
    in_motion : int
        Customers who came or went during the last look, which explains a difference; 0 if there was none.
    missing : int
        How many more customers the shop says it has, where nothing explains the difference.
    """

    deleted: set[int] | None
    cursor: datetime
    as_of: datetime
    verified: bool
    in_motion: int
    missing: int


class Crawler:
    """Reads all customers of a shop, or what has changed.

    Parameters
    ----------
    client : Client
        The shop to ask.
    take : callable
        Called with the raw JSON and the keys of each page, in the thread that reads; what comes later is newer.
    fields : str, optional
        What to ask for, as for `Client.search`; everything by default. What the crawler needs is added.
    filters : dict, optional
        Filters of the search.
    threads : int
        Requests under way at once.
    tell : callable, optional
        Called after each page, and twice a second while waiting, with the numbers of customers read and expected.

    Attributes
    ----------
    keys : set of int
        Keys of the customers read so far.
    """

    def __init__(
        self,
        client: Client,
        *,
        take: Callable[[Sequence[Raw], list[int]], None],
        fields: str | None = None,
        filters: dict[str, Any] | None = None,
        threads: int = 4,
        tell: Callable[[int, int], None] = lambda read, expected: None,
    ) -> None:
        self.keys: set[int] = set()
        self._client, self._take, self._tell, self._threads = client, take, tell, threads
        self._fields = None if fields is None else [fields, TIMES]
        self._filters = filters or {}
        self._walks = Walks(self._filters, self._accept, lambda: int(self.now().timestamp()))
        self._journal: Journal | None = None
        self._expected = 0
        self._everyone = self._looking = False
        self._began: datetime | None = None
        self._date: datetime | None = None
        self._newest = 0
        self._registered: dict[int, int] = {}
        self._deletions: dict[int, int] = {}
        self._stop = threading.Event()
        self._asked: SimpleQueue[tuple[int, Ask] | None] = SimpleQueue()
        self._answered: SimpleQueue[tuple[int, Answer | BaseException]] = SimpleQueue()

    def __enter__(self) -> Crawler:
        for _ in range(self._threads):
            threading.Thread(target=self._work, name="custlens-crawl", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        """End the threads; a request that is under way is not waited for."""
        self._stop.set()
        for _ in range(self._threads):
            self._asked.put(None)

    def start(self) -> tuple[int, int]:
        """Return the moments from which changes and orders are to be read at the end, in UNIX seconds.

        They are the times of the latest change and of the latest order in the shop's lists, whatever its clock says;
        or that of its clock, if a list shows a later time or none.
        """
        walks = self._walks
        updated, ordered = self._run(
            [
                walks.page(walks.ask("UPDATED_DATE_DESC")),
                walks.page(walks.ask("LAST_ORDER_DATE_DESC", min_order_count=1)),
            ]
        )
        now = int(self.now().timestamp())
        since = min(now, _latest(updated.updated) or now)
        return since, min(now, _latest(ordered.ordered) or since)

    def everyone(self, journal: Journal | None = None) -> None:
        """Read every customer who is there from now on until the end.

        The list is walked by the time of registration, in several stretches. Customers without such a time are read
        from either end of the list.

        Parameters
        ----------
        journal : Journal, optional
            Where the pages are kept as they come; a page that is there already is not asked for again.
        """
        self._everyone, self._journal = True, journal
        low, high = (self._bound(name) for name in (REGISTERED.low, REGISTERED.high))
        walks = self._walks
        [first] = self._run([walks.page(walks.ask(REGISTERED.sort_by))])
        self._expected = first.total
        if is_rest(first):
            return
        parts = 1 if self._threads == 1 else max(1, min(STRETCHES, first.total // STRETCH_ROWS))
        offsets = [first.total * part // parts for part in range(1, parts)]
        middles = [walks.page(walks.ask(REGISTERED.sort_by, offset)) for offset in offsets]
        last, *answers = self._run([walks.look(walks.ask("REGISTERED_DATE_DESC", limit=1)), *middles])
        cut = stretches(low or 0, high, [first, *answers])
        self._run([walks.read(REGISTERED, *stretch) for stretch in cut])
        if low is None and high is None and (untimed(first) or untimed(last)):
            self._run([walks.ends()])
        # Deletions, or a list in another order than it claims.
        if len(self.keys) < min(first.total, last.total) and len(self.keys) < self._total():
            self._run([walks.whole()])

    def changes(
        self,
        since: int,
        orders_since: int,
        known: Set[int] = frozenset(),
        left_out: Callable[[Set[int]], int] = lambda seen: 0,
    ) -> Changes:
        """Read who was changed or ordered since a moment, ask who was deleted, and compare the number of customers.

        Parameters
        ----------
        since, orders_since : int
            UNIX seconds from which changes and deletions, and from which orders are read.
        known : set of int
            Keys of customers who are held already.
        left_out : callable, optional
            Called with the keys of customers who were read or deleted; returns how many others the shop has who are
            not held on purpose.
        """
        self._looking, self._journal = True, None  # this is about what is there now
        gone: set[int] | None = set()
        cursor = since
        difference = moved = 0
        for look, lag in enumerate(LAGS):
            came, went = len(self.keys - known), len(gone or ())
            from_then = max(cursor - lag, 0)
            [latest] = self._run([self._walks.read(UPDATED, from_then)])
            if not look:
                self._run([self._walks.orders(orders_since)])
            gone = self._gone(from_then)
            total = self._total()
            cursor = max(cursor, min(latest, int(self.now().timestamp())))
            deleted = gone or set()
            held = len((self.keys | known) - deleted) + left_out(self.keys | deleted)
            moved = len(self.keys - known) - came + len(deleted) - went
            if total == held:
                return self._ended(gone, cursor, True, 0, 0)
            if look and abs(difference) <= moved:  # that of the look before
                return self._ended(gone, cursor, False, moved, 0)
            difference = total - held
            if look > 1 and not moved:
                if difference < 0 or not self._everyone or self._walks.listed:
                    break
                self._run([self._walks.whole()])
        return self._ended(gone, cursor, False, moved, difference)

    def _ended(self, gone: set[int] | None, cursor: int, verified: bool, moved: int, missing: int) -> Changes:
        now = self.now()
        return Changes(gone, min(datetime.fromtimestamp(cursor, UTC), now), now, verified, moved, missing)

    def now(self) -> datetime:
        """Return the shop's time: its Date, unless all other evidence is against it.

        A Date that is far from this machine's clock and from the newest time in the shop may still be right, if the
        shop has been quiet for long and it is this clock that is wrong. It is, if the Date is the earlier of the two,
        or this clock is behind what is known of the shop.
        """
        clock, newest = datetime.now(UTC), datetime.fromtimestamp(min(self._newest, LAST_SECOND), UTC)
        for date in (self._date, self._began):
            if date is not None and (
                not self._newest
                or min(abs(date - clock), abs(date - newest)) <= FAR
                or (newest <= date and not newest <= clock <= date)
            ):
                return date
        return clock

    def _total(self) -> int:
        """Ask how many customers there are."""
        [answer] = self._run([self._walks.look(self._walks.ask(REGISTERED.sort_by, limit=1))])
        return answer.total

    def _bound(self, name: str) -> int | None:
        """Return the time of a filter in UNIX seconds."""
        value = self._filters.get(name)
        return None if value is None else int(query_value(name, value, "time"))

    def _accept(self, answer: Answer) -> None:
        self.keys.update(answer.keys)
        customers = zip(answer.created, answer.updated, answer.ordered, strict=True)
        latest = sorted(max(time for time in times if time) for times in customers if any(times))
        if latest:  # not the very latest: a few may lie in the year 9999
            self._newest = max(self._newest, latest[9 * len(latest) // 10])
        if self._looking:
            self._registered.update((key, time) for key, time in zip(answer.keys, answer.created, strict=True) if time)
        self._take(answer.items, answer.keys)
        self._tell(len(self.keys), self._expected)

    def _gone(self, since: int) -> set[int] | None:
        """Ask who was deleted since a moment; return who is known to be gone, or None if the shop does not say.

        IDs are used again: who registered after a deletion is somebody else. Where both happened within one second the
        customer is asked for.
        """
        try:
            deleted = self._attended(lambda client: list(client.deleted(since=since)))
        except APIError as error:
            if error.status not in (403, 404, 405, 501):
                raise
            return None
        for one in deleted:
            self._deletions[one.id] = max(self._deletions.get(one.id, 0), seconds(one.date) or LAST_SECOND)
        return {
            key
            for key, time in self._deletions.items()
            if (registered := self._registered.get(key, 0)) < time or (registered == time and not self._exists(key))
        }

    def _exists(self, customer_id: int) -> bool:
        try:
            self._attended(lambda client: client.customer(customer_id, fields="id"))
        except NotFoundError:
            return False
        return True

    def _attended(self, work: Callable[[Client], T]) -> T:
        return attended(self._client, work, lambda: self._tell(len(self.keys), self._expected))

    def _run(self, walks: Iterable[Walk[T]]) -> list[T]:
        """Send what the walks ask, side by side, until all have ended; return what they return."""
        running = dict(enumerate(walks))
        results: dict[int, T] = {}

        def advance(number: int, answer: Answer | None) -> None:
            try:
                ask = next(running[number]) if answer is None else running[number].send(answer)
            except StopIteration as end:
                results[number] = end.value
                del running[number]
            else:
                self._asked.put((number, ask))

        for number in list(running):
            advance(number, None)
        while running:
            try:
                number, outcome = self._answered.get(timeout=GLANCE)
            except Empty:
                self._tell(len(self.keys), self._expected)
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            advance(number, outcome)
        return [results[number] for number in sorted(results)]

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            number, ask = asked
            try:
                outcome: Answer | BaseException = self._send(ask)
            except BaseException as error:
                outcome = error
            self._answered.put((number, outcome))

    def _send(self, ask: Ask) -> Answer:
        """Return a page from the journal, or from the shop."""
        journal = self._journal
        if journal is not None and (kept := journal.get(ask.key)) is not None:
            return read_answer(kept)
        params = search_params(
            sort_by=ask.sort_by, fields=self._fields, page_size=max(1, ask.limit - ask.attempt), **ask.filters
        )
        body, answer = self._client._transport.get(
            "/customers",
            {**params, "offset": str(ask.offset)},
            lambda body: (body, read_answer(body)),
            stop=self._stop,
        )
        self._date = self._client.metrics.server_time
        self._began = self._began or self._date
        if journal is not None and not self._stop.is_set():
            journal.put(ask.key, body)
        return answer


def attended(client: Client, work: Callable[[Client], T], glance: Callable[[], object]) -> T:
    """Let a client work in a thread of its own, and call `glance` twice a second until the work has ended.

    Parameters
    ----------
    client : Client
        The client.
    work : callable
        Called with the client, whose waits end once `attended` does.
    glance : callable
        It may raise an error, which ends the work.

    Returns
    -------
    object
        What `work` returns; an error that it raises is raised here.
    """
    stop = threading.Event()
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work(client._stopped_by(stop)))
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="custlens-ask", daemon=True).start()
    try:
        while not wait([outcome], GLANCE).done:
            glance()
        return outcome.result()
    finally:
        stop.set()


def _latest(times: list[int | None]) -> int | None:
    """Return the latest time of a list that claims to begin with it; None if it does not, or has no times."""
    known = [time for time in times if time is not None]
    return known[0] if known and known == sorted(known, reverse=True) else None
