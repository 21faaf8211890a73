"""A page is read in such a way that a record which is not even JSON harms only itself."""

import msgspec
import pytest

from custlens.api._pages import key_of, read_answer, read_page, seconds

SOUND = (
    b'{"id":1,"registered":"2026-01-01 00:00:00 +0000","updated":"2026-01-02 00:00:00 +0000","name":"a \\"]},{ b",'
    b'"stats":{"firstOrderDate":"2026-01-03 00:00:00 +0000","lastOrderDate":"2026-01-04 00:00:00 +0000"}}'
)
GUEST = b'{"id":2,"stats":{"firstOrderDate":"2026-01-03 00:00:00 +0000"}}'
BROKEN = {
    "nested too deeply": b'{"id":3,"extrafields":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a lone surrogate": b'{"id":3,"name":"\\ud800"}',
    "a line break in a text": b'{"id":3,"name":"a\nb"}',
    "no number": b'{"id":3,"taxId":-}',
    "a bare word": b'{"id":3,"taxId":None}',
    "not an object": b"[1,{}]",
    "an id that is a text": b'{"id":"3"}',
    "a time that is a number": b'{"id":3,"registered":5,"stats":[]}',
}


def page(*items):
    return b'{"total": 3, "count": 3, "items": [' + b" , ".join(items) + b'], "limit": 100}'


@pytest.mark.parametrize("record", BROKEN.values(), ids=BROKEN)
def test_a_broken_record_harms_only_itself(record):
    answer = read_answer(page(SOUND, record, GUEST))
    assert answer.total == 3
    assert [bytes(item) for item in answer.items] == [SOUND, record, GUEST]
    assert (answer.keys[0], answer.keys[2]) == (1, 2)
    assert answer.keys[1] == key_of(record)
    assert answer.created == [1767225600, None, 1767398400]
    assert answer.updated == [1767312000, None, None]
    assert answer.ordered == [1767484800, None, None]


def test_an_empty_page_has_nobody():
    assert read_answer(b'{"total": 0, "items": [ ]}').keys == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"total": 1, "items": [{"id": 1,}',
        b'{"items": []}',
        b'{"total": 1}',
        b'{"total": "a", "items": []}',
    ],
)
def test_what_is_not_a_page_is_refused(body):
    with pytest.raises(msgspec.DecodeError):
        read_page(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2014-06-06 18:57:19 +0400", 1402066639),
        ("1970-01-01 00:00:00 +0400", -14400),
        ("9999-12-31 23:59:59 -0400", 253402315199),
        ("0000-01-01 00:00:00 +0000", None),
        ("2014-06-06 18:57:19", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_in_seconds(text, expected):
    assert seconds(text) == expected
