"""Reads a list of customers that changes while it is read, so that nobody is missed.

One answer is one moment, so a page cannot be torn; only a row of pages can. No page is therefore asked for by its
offset in a list that moves: each begins at the time of registration at which the page before it ended. A deletion then
shifts nothing, and nobody registers in the past. What changes meanwhile is caught at the end, by the time of the last
change, by the time of the last order, and by the list of deletions.

What to ask next, given what came, is written as generators: they yield an `Ask` and are sent the `Answer`. The crawler
sends what they ask, several side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Sequence, Set
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeVar

from custlens.api._pages import Answer, Raw, read_answer, seconds
from custlens.api.client import Client
from custlens.api.query import PAGE_SIZE, query_value, search_params
from custlens.errors import APIError, NotFoundError, SyncError

__all__ = ["Changes", "Crawler", "Journal", "Raw"]

T = TypeVar("T")
STRETCHES = 8
"""Stretches of the list that are walked side by side."""
STRETCH_ROWS = 1_200
"""Fewest customers that make a stretch of their own worth its page that is only partly full."""
SHARED = 20
"""Customers by which two pages of a list that is read by offset overlap."""
ATTEMPTS = 3
"""How often a page is asked for that is empty or not what was asked for."""
LOOKS = 4
"""How often the numbers of customers are compared."""
TIE_ORDERS = ("EMAIL_ASC", "NAME_ASC", "SALES_VALUE_ASC", "UPDATED_DATE_ASC")
"""Orders, by turns, in which the customers of one second are read."""
TURNS, IDLE_TURNS = 20, 6
"""How often they are read at most, and how often in a row without anybody new."""
LAST_SECOND = 2**33
"""The end of a window that has none, in the year 2242."""
LAG = 60
"""Seconds by which the shop's lists may lag behind its clock."""
FAR = timedelta(days=45)
"""A clock that is further than this from all other evidence is not believed."""
TIMES = "id,registered,updated,stats(firstOrderDate,lastOrderDate)"


class Journal(Protocol):
    """Keeps pages, so that a crawl that was cut short goes on from them."""

    def get(self, key: str) -> bytes | None:
        """Return a page, or None if it was not kept."""

    def put(self, key: str, body: bytes) -> None:
        """Keep a page."""


class Ask(NamedTuple):
    """One request for a page."""

    sort_by: str
    filters: dict[str, Any]
    offset: int = 0
    limit: int = PAGE_SIZE
    attempt: int = 0

    @property
    def key(self) -> str:
        """What it is called in a journal."""
        filters = "&".join(f"{name}={value}" for name, value in sorted(self.filters.items()))
        return f"{self.sort_by}|{filters}|{self.offset}|{self.limit}|{self.attempt}"


Walk = Generator[Ask, Answer, T]


class Changes(NamedTuple):
    """What came of the last look at a list.

    Attributes
    ----------
    deleted : set of int, or None
        Customers known to be deleted; None if the shop does not tell.
    cursor : datetime
        Whatever was changed before this moment of the shop's time has been read.
    as_of : datetime
        The shop's time at the end.
    verified : bool
        Whether as many customers were found as the shop says it has.
    in_motion : int
        Customers who came or went during the last look, which explains a difference; 0 if there was none.
    missing : int
        The difference that nothing explains: how many more customers the shop says it has.
    """

    deleted: set[int] | None
    cursor: datetime
    as_of: datetime
    verified: bool
    in_motion: int
    missing: int


class _Timeline(NamedTuple):
    """A time by which a list can be walked."""

    sort_by: str
    field: str
    low: str
    high: str

    def times(self, answer: Answer) -> list[int]:
        """Return the known times of a page, in its order."""
        return [time for time in getattr(answer, self.field) if time is not None]

    def in_order(self, answer: Answer, low: int, high: int | None) -> bool:
        """Return whether a page is what was asked for: within the window, and in ascending order."""
        times = self.times(answer)
        return times == sorted(times) and self.within(answer, low, high)

    def within(self, answer: Answer, low: int, high: int | None) -> bool:
        """Return whether no customer of a page lies outside a window."""
        times = self.times(answer)
        return not times or (min(times) >= low and (high is None or max(times) <= high))


REGISTERED = _Timeline("REGISTERED_DATE_ASC", "created", "created_from", "created_to")
UPDATED = _Timeline("UPDATED_DATE_ASC", "updated", "updated_from", "updated_to")


class _Unfiltered(Exception):
    """The shop does not heed the times that are asked for."""


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
        Called after each page, and now and then while waiting, with the numbers of customers read and expected.

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
        self._journal: Journal | None = None
        self._expected = 0
        self._listed = self._everyone = self._looking = False
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

    def start(self) -> int:
        """Return the moment from which changes are to be read at the end, in UNIX seconds of the shop's time.

        It is the time of the latest change in the shop's list, whatever its clock says; or that of its clock, if the
        list shows a later time or none.
        """
        [answer] = self._run([self._page(Ask("UPDATED_DATE_DESC", self._filters))])
        times = UPDATED.times(answer)
        now = int(self.now().timestamp())
        return min(now, times[0]) if times and times == sorted(times, reverse=True) else now

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
        [first] = self._run([self._page(Ask(REGISTERED.sort_by, self._filters))])
        self._expected = first.total
        if _is_rest(first):
            return
        parts = 1 if self._threads == 1 else max(1, min(STRETCHES, first.total // STRETCH_ROWS))
        offsets = [first.total * part // parts for part in range(1, parts)]
        asks = [Ask(REGISTERED.sort_by, self._filters, offset) for offset in offsets]
        end = Ask("REGISTERED_DATE_DESC", self._filters, limit=1)
        last, *middles = self._run([self._look(end), *map(self._page, asks)])
        stretches = _stretches(low or 0, high, [first, *middles])
        self._run([self._read(REGISTERED, *stretch) for stretch in stretches])
        if low is None and high is None and (_untimed(first) or _untimed(last)):
            self._run([self._ends()])
        if len(self.keys) < min(first.total, last.total):  # deletions, or a list in another order than it claims
            [count] = self._run([self._look(self._count())])
            if len(self.keys) < count.total:
                self._run([self._whole()])

    def changes(self, since: int, orders_since: int, known: Set[int] = frozenset()) -> Changes:
        """Read who was changed or ordered since a moment, ask who was deleted, and compare the number of customers.

        Parameters
        ----------
        since, orders_since : int
            UNIX seconds from which changes and deletions, and from which orders are read.
        known : set of int
            Keys of customers who are held already.
        """
        self._looking, self._journal = True, None  # this is about what is there now
        gone: set[int] | None = set()
        cursor = since
        difference = moved = 0
        for look in range(LOOKS):
            came, went = len(self.keys - known), len(gone or ())
            from_then = max(cursor - LAG, 0)
            [latest] = self._run([self._read(UPDATED, from_then)])
            if not look:
                self._run([self._orders(orders_since)])
            gone = self._gone(from_then)
            [count] = self._run([self._look(self._count())])
            cursor = max(cursor, min(latest, int(self.now().timestamp())))
            held = len((self.keys | known) - (gone or set()))
            moved = len(self.keys - known) - came + len(gone or ()) - went
            if count.total == held:
                return self._ended(gone, cursor, True, 0, 0)
            if look and abs(difference) <= moved:  # that of the look before
                return self._ended(gone, cursor, False, moved, 0)
            difference = count.total - held
            if look and not moved:
                if difference < 0 or not self._everyone or self._listed:
                    break
                self._run([self._whole()])
        return self._ended(gone, cursor, False, moved, difference)

    def _ended(self, gone: set[int] | None, cursor: int, verified: bool, moved: int, missing: int) -> Changes:
        now = self.now()
        return Changes(gone, min(datetime.fromtimestamp(cursor, UTC), now), now, verified, moved, missing)

    def now(self) -> datetime:
        """Return the shop's time: its Date, unless all other evidence is against it."""
        clock, newest = datetime.now(UTC), datetime.fromtimestamp(min(self._newest, LAST_SECOND), UTC)
        for date in (self._date, self._began):
            if date is not None and (not self._newest or min(abs(date - clock), abs(date - newest)) <= FAR):
                return date
        return clock

    # What to ask next, given what came.

    def _page(self, ask: Ask, sound: Callable[[Answer], bool] = lambda answer: True) -> Walk[Answer]:
        """Ask for a page, a few times if it is empty or not sound; take the last answer and return it."""
        answer = yield from self._look(ask, sound)
        self._accept(answer)
        return answer

    def _look(self, ask: Ask, sound: Callable[[Answer], bool] = lambda answer: True) -> Walk[Answer]:
        """Ask for a page as `_page` does, without taking it."""
        for attempt in range(ATTEMPTS):
            answer = yield ask._replace(attempt=attempt)
            if (answer.keys or answer.total <= ask.offset) and sound(answer):
                break
        return answer

    def _read(self, by: _Timeline, low: int, high: int | None = None) -> Walk[int]:
        """Read a window of time by whatever way the shop allows; return the latest time seen."""
        try:
            return (yield from self._walk(by, low, high))
        except _Unfiltered:
            yield from self._whole()
            return low

    def _walk(self, by: _Timeline, low: int, high: int | None) -> Walk[int]:
        """Read a window, each page from the time at which the one before it ended."""
        while high is None or low <= high:
            start = low

            def sound(answer: Answer, start: int = start) -> bool:
                return by.in_order(answer, start, high)

            answer = yield from self._page(self._window(by, low, high), sound)
            times = by.times(answer)
            if not answer.keys:
                if answer.total > SHARED:
                    raise SyncError(
                        f"the shop says that {answer.total:,} more customers follow, and sends none of them"
                    )
                break
            if not times or not sound(answer):
                yield from self._halves(by, low, LAST_SECOND if high is None else high, answer)
                break
            low = times[-1]
            if _is_rest(answer):
                break
            if low == start:
                yield from self._second(by, low)
                low += 1
        return low

    def _second(self, by: _Timeline, second: int) -> Walk[None]:
        """Read the customers of one second, again while fewer came than the shop says there are: ties have no order."""
        found: set[int] = set()
        idle = 0
        for turn in range(TURNS):
            keys, totals = yield from self._tied(by, second, TIE_ORDERS[turn % len(TIE_ORDERS)])
            idle = idle + 1 if keys <= found else 0
            found |= keys
            if set(totals) == {len(found)} or (idle and len(found) >= totals[-1]) or idle == IDLE_TURNS:
                return

    def _tied(self, by: _Timeline, second: int, sort_by: str) -> Walk[tuple[set[int], list[int]]]:
        """Read the customers of one second once; return their keys and each total that the shop gave.

        The first page tells how many there are, the others are read from the last one on: a deletion then makes
        customers come twice, never go missing. The first page is read again if there was one.
        """
        ask = self._window(by, second, second)._replace(sort_by=sort_by)
        first = yield from self._page(ask, lambda answer: by.within(answer, second, second))
        if not by.within(first, second, second):
            raise _Unfiltered
        keys, totals, step = set(first.keys), [first.total], max(len(first.keys), 1)
        offsets = [*range((first.total - 1) // step * step, 0, -step), 0]
        for offset in offsets:
            if offset or len(set(totals)) > 1:
                answer = yield from self._page(ask._replace(offset=offset))
                keys.update(answer.keys)
                totals.append(answer.total)
        return keys, totals

    def _halves(self, by: _Timeline, low: int, high: int, answer: Answer) -> Walk[None]:
        """Halve a window, whose first page is at hand, until each part fits one page: for lists in another order."""
        if _is_rest(answer) or not answer.keys:
            return
        if not by.within(answer, low, high):
            raise _Unfiltered
        if low == high:
            yield from self._second(by, low)
            return
        middle = (low + high) // 2
        left = yield from self._page(self._window(by, low, middle))
        right = yield from self._page(self._window(by, middle + 1, high))
        if min(left.total, right.total) >= answer.total:
            raise _Unfiltered
        yield from self._halves(by, low, middle, left)
        yield from self._halves(by, middle + 1, high, right)

    def _whole(self) -> Walk[None]:
        """Read the whole list by offset, once: for a shop that heeds no times."""
        if self._listed:
            return
        self._listed = True
        if not (yield from self._by_offset("REGISTERED_DATE_ASC", {}, lambda answer: True)):
            raise SyncError(
                f"the shop's list of customers, of whom it says there are {self._expected:,}, has empty pages"
            )

    def _ends(self) -> Walk[None]:
        """Read customers whom no time of registration finds: they stand at either end of the list."""
        for sort_by in ("REGISTERED_DATE_ASC", "REGISTERED_DATE_DESC"):
            yield from self._by_offset(sort_by, {}, _untimed)

    def _orders(self, since: int) -> Walk[None]:
        """Read from the latest order back to a moment; everybody, if the list is not in the order that it claims.

        Who orders meanwhile moves to the head of the list. So the head is looked at again, until one page shows all of
        what is new.
        """
        try:
            pages: list[list[int]] = []
            while len(pages) != 1:
                since, pages = pages[0][0] if pages else since, []
                yield from self._latest_orders(since, pages)
                if not pages:
                    return
        except _Unfiltered:
            yield from self._whole()

    def _latest_orders(self, since: int, pages: list[list[int]]) -> Walk[None]:
        """Read from the latest order back to a moment once, adding the times of each page to `pages`."""

        def goes_on(answer: Answer) -> bool:
            times = [time for time in answer.ordered if time is not None]
            if times != sorted(times, reverse=True):
                raise _Unfiltered
            if times:
                pages.append(times)
                return times[-1] >= since
            return not pages  # who never ordered may stand at the head of the list, or at its end

        if not (yield from self._by_offset("LAST_ORDER_DATE_DESC", {"min_order_count": 1}, goes_on)):
            raise _Unfiltered

    def _by_offset(self, sort_by: str, filters: dict[str, Any], goes_on: Callable[[Answer], bool]) -> Walk[bool]:
        """Read a list from its head; return whether nothing kept it from being read as far as wanted.

        A page overlaps with the one before. Where it shares nobody with it, the list has moved by more than that, and
        it is read again from further up.
        """
        offset = back = 0
        before: set[int] = set()
        while True:
            answer = yield from self._page(Ask(sort_by, {**self._filters, **filters}, offset))
            keys = answer.keys
            if not keys:
                return offset >= answer.total
            if before.isdisjoint(keys) and before and back < ATTEMPTS:
                back += 1
                offset = max(0, offset - len(keys) // 2)
                continue
            is_end = len(keys) < PAGE_SIZE and (offset + len(keys) >= answer.total or before.issuperset(keys))
            if not goes_on(answer) or is_end:
                return True
            offset += len(keys) - min(SHARED, len(keys) // 5)
            before, back = set(keys), 0

    # Asking.

    def _window(self, by: _Timeline, low: int, high: int | None, limit: int = PAGE_SIZE) -> Ask:
        times = {by.low: low} if high is None else {by.low: low, by.high: high}
        return Ask(by.sort_by, {**self._filters, **times}, limit=limit)

    def _count(self) -> Ask:
        return Ask("REGISTERED_DATE_ASC", self._filters, limit=1)

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
        """Ask who was deleted since a moment; return who is known to be gone, or None if the shop does not tell.

        IDs are used again: who registered after a deletion is somebody else. Where both happened within one second the
        customer is asked for.
        """
        try:
            deleted = list(self._client.deleted(since=since))
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
            self._client.customer(customer_id, fields="id")
        except NotFoundError:
            return False
        return True

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
                number, outcome = self._answered.get(timeout=0.5)
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
            sort_by=ask.sort_by, fields=self._fields, page_size=ask.limit - ask.attempt, **ask.filters
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


def _is_rest(answer: Answer) -> bool:
    """Return whether a page holds all that remains; a full page may be followed by more than the shop says."""
    return len(answer.keys) < PAGE_SIZE and len(answer.keys) >= answer.total


def _untimed(answer: Answer) -> bool:
    """Return whether somebody on a page is not found by a time of registration, which begins in 1970."""
    return any(time is None or time < 0 for time in answer.created)


def _stretches(low: int, high: int | None, answers: Iterable[Answer]) -> list[tuple[int, int | None]]:
    """Cut a window into stretches, given the page at its beginning and some from its middle.

    Each page is one moment: whoever lies between its first and its last time is on it.
    """
    first, *middles = answers
    times = REGISTERED.times(first)
    if times and REGISTERED.in_order(first, low, high):
        low = times[-1]
    stretches: list[tuple[int, int | None]] = []
    for answer in middles:
        times = REGISTERED.times(answer)
        if times and REGISTERED.in_order(answer, low, high):
            stretches.append((low, times[0]))
            low = max(times[-1], times[0] + 1)
    return [*stretches, (low, high)]
