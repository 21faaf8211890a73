"""Decides which page of a list to ask for next, so that nobody is missed while the list changes.

One answer is one moment, so a page cannot be torn; only a row of pages can. No page is therefore asked for by its
offset in a list that moves: each begins at the time at which the page before it ended, so a deletion shifts nothing,
and nobody registers in the past.

The walks are generators: they yield an `Ask` and are sent the `Answer`, and know nothing of connections and threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from typing import Any, NamedTuple, TypeVar

from custlens.api._pages import Answer
from custlens.api.query import PAGE_SIZE
from custlens.errors import SyncError

__all__ = [
    "LAST_SECOND",
    "LATE",
    "REGISTERED",
    "UPDATED",
    "Ask",
    "Timeline",
    "Walk",
    "Walks",
    "is_rest",
    "stretches",
    "untimed",
]

T = TypeVar("T")
SHARED = 20
"""Customers by which two pages of a list that is read by offset overlap."""
SHARED_TIES = 10
"""Customers of one second by which two pages overlap."""
SHIFTS = 2
"""How often customers of one second may come in another order before that order is no longer relied on."""
ATTEMPTS = 3
"""How often a page is asked for that is empty, damaged, or not what was asked for."""
LOOKS_AT_ORDERS = 8
"""How often the latest orders are looked at, at most, while more of them arrive than a page holds."""
TIE_ORDERS = ("EMAIL_ASC", "NAME_ASC", "SALES_VALUE_ASC", "UPDATED_DATE_ASC")
"""Orders, by turns, in which customers are read whose order by time cannot be relied on."""
TURNS, IDLE_TURNS = 20, 6
"""How often they are read at most, and how often in a row without anybody new."""
NEAR = 3_600
"""Seconds within which two seconds that fill pages are taken for one import, of which more is to follow."""
TOGETHER = 4 * PAGE_SIZE
"""About how many customers of such an import are read together."""
OPEN_PAGES, ROUNDS = 8, 2
"""Pages after which a walk into the present looks where that is, and how often it goes on to what has changed meanwhile."""
LATE = 60
"""Seconds after which nobody is expected to appear in a list with an earlier time."""
LAST_SECOND = 2**33
"""The end of a window that has none, in the year 2242."""


class Ask(NamedTuple):
    """One request for a page."""

    sort_by: str
    filters: dict[str, Any]
    offset: int = 0
    limit: int = PAGE_SIZE
    attempt: int = 0

    @property
    def key(self) -> str:
        """The name of this request in a journal."""
        filters = "&".join(f"{name}={value}" for name, value in sorted(self.filters.items()))
        return f"{self.sort_by}|{filters}|{self.offset}|{self.limit}|{self.attempt}"


Walk = Generator[Ask, Answer, T]


class Timeline(NamedTuple):
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

    def tied(self, answer: Answer) -> int:
        """Return how many customers at the end of a page share its last time."""
        column = getattr(answer, self.field)
        return sum(1 for _ in itertools.takewhile(lambda time: time == column[-1] is not None, reversed(column)))


REGISTERED = Timeline("REGISTERED_DATE_ASC", "created", "created_from", "created_to")
UPDATED = Timeline("UPDATED_DATE_ASC", "updated", "updated_from", "updated_to")


class _Unfiltered(Exception):
    """The shop ignores the times that are asked for."""


class Walks:
    """The ways in which a list of customers can be read.

    Parameters
    ----------
    filters : dict
        Filters of the search.
    accept : callable
        Called with each page that a walk has read.
    now : callable, optional
        Returns the shop's time in UNIX seconds; by default no second is known to be over.

    Attributes
    ----------
    listed : bool
        Whether the whole list has been read by offset.
    """

    def __init__(
        self, filters: dict[str, Any], accept: Callable[[Answer], None], now: Callable[[], int] = lambda: 0
    ) -> None:
        self.listed = False
        self._filters, self._accept, self._now = filters, accept, now
        self._shifts = 0

    def ask(self, sort_by: str, offset: int = 0, *, limit: int = PAGE_SIZE, **filters: Any) -> Ask:
        """Return the request for a page of the search."""
        return Ask(sort_by, {**self._filters, **filters}, offset, limit)

    def page(self, ask: Ask, sound: Callable[[Answer], bool] = lambda answer: True) -> Walk[Answer]:
        """Ask for a page, a few times if it is empty or not sound; accept the last answer and return it."""
        answer = yield from self.look(ask, sound)
        self._accept(answer)
        return answer

    def look(self, ask: Ask, sound: Callable[[Answer], bool] = lambda answer: True) -> Walk[Answer]:
        """Ask for a page as `page` does, without accepting it."""
        for attempt in range(ATTEMPTS):
            answer = yield ask._replace(attempt=attempt)
            if (answer.keys or answer.total <= ask.offset) and answer.sound and sound(answer):
                break
        return answer

    def read(self, by: Timeline, low: int, high: int | None = None) -> Walk[int]:
        """Read a window of time by whatever way the shop allows; return the latest time seen."""
        try:
            return (yield from self._walk(by, low, high))
        except _Unfiltered:
            yield from self.whole()
            return low

    def _walk(self, by: Timeline, low: int, high: int | None) -> Walk[int]:
        """Read a window, each page from the time at which the one before it ended.

        Of the customers of that second only the last few come again: the rest is skipped. If these few do not come
        first and in the same order, the second is read from its beginning; and after the order could not be relied
        on, a second that fills a page is read in another one.

        Where customers change as fast as they can be read, a walk into the present never sees the end. So it ends after
        it has gone on a few times to what was the present; the next sync reads the rest.
        """
        offset, crowd, rounds = 0, -NEAR, 0
        end: int | None = None
        ties: list[int] = []
        for pages in itertools.count(1):
            if high is not None and low > high:
                break
            start = low

            def sound(answer: Answer, start: int = start) -> bool:
                return by.in_order(answer, start, high)

            answer = yield from self.page(self._window(by, low, high)._replace(offset=offset), sound)
            if offset and not _goes_on(ties, answer.keys):
                self._shifts += 1
                offset = 0
                continue
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
            if is_rest(answer, offset):
                break
            tied = by.tied(answer)
            seen = tied + (offset if low == start else 0)
            ties = answer.keys[len(answer.keys) - min(SHARED_TIES, tied) :]
            ordered = self._shifts < SHIFTS
            skipped = seen - len(ties) if ordered else 0
            crowded = (low == start and skipped <= offset) or (not ordered and tied == len(answer.keys))
            if by is UPDATED and high is None and (crowded or pages % OPEN_PAGES == 0) and (end is None or low > end):
                rounds += end is not None
                if rounds == ROUNDS:
                    break
                end = yield from self._end(by, low)
            if crowded:
                low, crowd = (yield from self._crowd(by, low, end if high is None else high, low - crowd)), low
                skipped = 0
            offset = skipped
        return low

    def _end(self, by: Timeline, low: int) -> Walk[int | None]:
        """Return the latest time in the list; None if the list does not show one that is later than `low`."""
        ask = self._window(by, low, None)._replace(sort_by=by.sort_by.replace("_ASC", "_DESC"))
        times = by.times((yield from self.look(ask)))
        return times[0] if times == sorted(times, reverse=True) and times[:1] > [low] else None

    def _over(self) -> int:
        """Return the last second into which nobody can come any more."""
        return self._now() - LATE

    def _crowd(self, by: Timeline, low: int, high: int | None, width: int) -> Walk[int]:
        """Read a second that fills a page, and what follows it as long as pages are filled; return the second after.

        Several seconds are read together, as many as the distance of the last two such seconds lets expect, if that is
        short and all of them are over: nobody can come into them any more.
        """
        if width > NEAR:
            yield from self._together(by, low, low)
            return low + 1
        high = max(low, self._over()) if high is None else high
        found = PAGE_SIZE
        while found >= PAGE_SIZE and low <= high:
            last = max(low, min(low + width - 1, self._over(), high))
            found = yield from self._together(by, low, last)
            width = max(1, min(2 * width, NEAR, (last - low + 1) * TOGETHER // max(found, 1)))
            low = last + 1
        return low

    def _together(self, by: Timeline, low: int, high: int) -> Walk[int]:
        """Read the customers of one or more seconds in orders other than time; return how many were found.

        They are read again while fewer came than the shop says there are: ties have no order. While a second goes on,
        more of them come: it is read twice, and the next sync, which begins a minute before, reads the others.
        """
        found: set[int] = set()
        idle = 0
        for turn in range(TURNS):
            keys, totals = yield from self._tied(by, low, high, TIE_ORDERS[turn % len(TIE_ORDERS)])
            idle = idle + 1 if keys <= found else 0
            found |= keys
            if set(totals) == {len(found)} or (idle and len(found) >= totals[-1]) or idle == IDLE_TURNS:
                break
            if turn and max(totals) > totals[0] and high > self._over():
                break
        return len(found)

    def _tied(self, by: Timeline, low: int, high: int, sort_by: str) -> Walk[tuple[set[int], list[int]]]:
        """Read the customers of one or more seconds once; return their keys and each total that the shop gave.

        The first page gives the total. The others are read from the last to the second, so that after a deletion
        customers come twice, never go missing. The first page is read again if there was one.
        """
        ask = self._window(by, low, high)._replace(sort_by=sort_by)
        first = yield from self.page(ask, lambda answer: by.within(answer, low, high))
        if not by.within(first, low, high):
            raise _Unfiltered
        keys, totals, step = set(first.keys), [first.total], max(len(first.keys), 1)
        offsets = [*range((first.total - 1) // step * step, 0, -step), 0]
        for offset in offsets:
            if offset or len(set(totals)) > 1:
                answer = yield from self.page(ask._replace(offset=offset))
                keys.update(answer.keys)
                totals.append(answer.total)
        return keys, totals

    def _halves(self, by: Timeline, low: int, high: int, answer: Answer) -> Walk[None]:
        """Halve a window, whose first page is at hand, until each part fits one page: for lists in another order."""
        if is_rest(answer) or not answer.keys:
            return
        if not by.within(answer, low, high):
            raise _Unfiltered
        if low == high:
            yield from self._together(by, low, low)
            return
        middle = (low + high) // 2
        left = yield from self.page(self._window(by, low, middle))
        right = yield from self.page(self._window(by, middle + 1, high))
        if min(left.total, right.total) >= answer.total:
            raise _Unfiltered
        yield from self._halves(by, low, middle, left)
        yield from self._halves(by, middle + 1, high, right)

    def whole(self) -> Walk[None]:
        """Read the whole list by offset, once: for a shop that ignores the times that are asked for."""
        if self.listed:
            return
        self.listed = True
        if not (yield from self._by_offset("REGISTERED_DATE_ASC", {}, lambda answer: True)):
            raise SyncError("the shop's list of customers has an empty page before its end")

    def ends(self) -> Walk[None]:
        """Read the customers whom no time of registration finds: they stand at either end of the list."""
        for sort_by in ("REGISTERED_DATE_ASC", "REGISTERED_DATE_DESC"):
            yield from self._by_offset(sort_by, {}, untimed)

    def orders(self, since: int) -> Walk[None]:
        """Read from the latest order back to a moment; everybody, if the list is not in the order that it claims.

        Whoever orders meanwhile moves to the head of the list. So the head is looked at again, until one page shows
        all of what is new, or orders keep coming faster than they can be read.
        """
        try:
            for _ in range(LOOKS_AT_ORDERS):
                pages: list[list[int]] = []
                yield from self._latest_orders(since, pages)
                if len(pages) <= 1:
                    return
                since = pages[0][0]
        except _Unfiltered:
            yield from self.whole()

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
            answer = yield from self.page(self.ask(sort_by, offset, **filters))
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

    def _window(self, by: Timeline, low: int, high: int | None) -> Ask:
        return self.ask(by.sort_by, **({by.low: low} if high is None else {by.low: low, by.high: high}))


def is_rest(answer: Answer, offset: int = 0) -> bool:
    """Return whether a page holds all that remains; a full page may be followed by more than the shop says."""
    return len(answer.keys) < PAGE_SIZE and offset + len(answer.keys) >= answer.total


def untimed(answer: Answer) -> bool:
    """Return whether somebody on a page is not found by a time of registration, which begins in 1970."""
    return any(time is None or time < 0 for time in answer.created)


def stretches(low: int, high: int | None, answers: Iterable[Answer]) -> list[tuple[int, int | None]]:
    """Cut a window into stretches, given the page at its beginning and some from its middle.

    Each page is one moment: whoever lies between its first and its last time is on it.
    """
    first, *middles = answers
    times = REGISTERED.times(first)
    if times and REGISTERED.in_order(first, low, high):
        low = times[-1]
    found: list[tuple[int, int | None]] = []
    for answer in middles:
        times = REGISTERED.times(answer)
        if times and REGISTERED.in_order(answer, low, high):
            found.append((low, times[0]))
            low = max(times[-1], times[0] + 1)
    return [*found, (low, high)]


def _goes_on(ties: list[int], keys: list[int]) -> bool:
    """Return whether a page goes on where the one before it ended, although a few may have been deleted meanwhile."""
    again = set(keys)
    left = [key for key in ties if key in again]
    return len(left) > len(ties) // 2 and keys[: len(left)] == left
