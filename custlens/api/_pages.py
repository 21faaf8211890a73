"""Pages of a search, read in such a way that a record which is not even JSON harms only itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from custlens.api.records import UNREADABLE, Id, Page

__all__ = ["Answer", "key_of", "read_answer", "read_page", "seconds"]

Raw = bytes | msgspec.Raw
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


class Answer(NamedTuple):
    """A page, and the ID and the times of each of its customers, by which the list can be walked.

    Attributes
    ----------
    total : int
        Customers whom the search finds, as the shop says.
    items : list of raw JSON
        The customers.
    keys : list of int
        Their IDs, or a hash of the JSON where there is no usable ID.
    created, updated, ordered : list of int or None
        Times in UNIX seconds: registration (of a guest the first order), last change, last order.
    sound : bool
        Whether all of it is JSON; if not, it may have been damaged on the way.
    """

    total: int
    items: Sequence[Raw]
    keys: list[int]
    created: list[int | None]
    updated: list[int | None]
    ordered: list[int | None]
    sound: bool


class _Stats(msgspec.Struct, rename="camel", gc=False):
    first_order_date: str | None = None
    last_order_date: str | None = None


class _Row(msgspec.Struct, gc=False):
    id: Id
    registered: str | None = None
    updated: str | None = None
    stats: _Stats | None = None


class _Rows(msgspec.Struct, gc=False):
    items: list[_Row]


_page, _rows, _object = msgspec.json.Decoder(Page), msgspec.json.Decoder(_Rows), msgspec.json.Decoder(dict[str, Any])
_any = msgspec.json.Decoder(msgspec.Raw)
_NO_STATS = _Stats()


def read_page(body: bytes) -> Page:
    """Read a page whose items stay raw JSON.

    Raises
    ------
    msgspec.DecodeError, UnicodeDecodeError, RecursionError
        It is not a page, whatever its items are.
    """
    try:
        return _page.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        head, items = _split(body)
        if head is None:
            raise
        page = _page.decode(head)
        page.items = [msgspec.Raw(item) for item in items]
        return page


def read_answer(body: bytes) -> Answer:
    """Read a page, with keys and times; raises as `read_page` does."""
    page = read_page(body)
    try:
        rows = _rows.decode(body).items
        keys, sound = [row.id for row in rows], True
    except UNREADABLE:
        sound = all(map(_is_json, page.items))
        rows, keys = [_row(item) for item in page.items], [key_of(item) for item in page.items]
    stats = [row.stats or _NO_STATS for row in rows]
    return Answer(
        page.total,
        page.items,
        keys,
        [seconds(row.registered or stat.first_order_date) for row, stat in zip(rows, stats, strict=True)],
        [seconds(row.updated) for row in rows],
        [seconds(stat.last_order_date) for stat in stats],
        sound,
    )


def key_of(raw: Raw) -> int:
    """Return the ID of a customer, or a hash of the JSON where there is no usable ID."""
    try:
        return msgspec.convert(_object.decode(raw).get("id"), Id)
    except UNREADABLE:
        return hash(bytes(raw))


def seconds(text: str | None) -> int | None:
    """Return a time of the API in UNIX seconds, or None if it cannot be read.

    Examples
    --------
    >>> seconds("2014-06-06 18:57:19 +0400")
    1402066639
    """
    try:
        return int(datetime.fromisoformat(text[:19] + text[20:]).timestamp()) if text and len(text) == 25 else None
    except (ValueError, OverflowError):
        return None


def _is_json(raw: Raw) -> bool:
    try:
        _any.decode(raw)
    except UNREADABLE:
        return False
    return True


def _row(raw: Raw) -> _Row:
    """Read what can be read of one customer's times."""
    try:
        found = _object.decode(raw)
    except UNREADABLE:
        return _Row(0)
    stats = found["stats"] if isinstance(found.get("stats"), dict) else {}
    texts = [found.get("registered"), found.get("updated"), stats.get("firstOrderDate"), stats.get("lastOrderDate")]
    registered, updated, first, last = (text if isinstance(text, str) else None for text in texts)
    return _Row(0, registered, updated, _Stats(first, last))


def _split(body: bytes) -> tuple[bytes | None, list[bytes]]:
    """Cut a page into what surrounds its items, and the items, by nothing but brackets, commas and quotes.

    The former is None if there is no complete list of items.
    """
    depth, name, items = 0, b"", list[bytes]()
    begin = start = -1
    for match in _TOKEN.finditer(body):
        token = match[0]
        if token in (b"[", b"{"):
            if token == b"[" and depth == 1 and name == b'"items"' and begin < 0:
                begin = start = match.end()
            depth += 1
        elif token in (b"]", b"}", b","):
            depth -= token != b","
            closes = depth == 1 and token == b"]"
            if begin >= 0 and (closes or (depth == 2 and token == b",")):
                if item := body[start : match.start()].strip():
                    items.append(item)
                start = match.end()
                if closes:
                    return body[:begin] + body[match.start() :], items
        else:
            name = token
    return None, []
