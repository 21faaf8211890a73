import sqlite3

import pytest

from custlens.store._journal import Journal


@pytest.fixture
def file(tmp_path):
    return tmp_path / "journal" / "pages.sqlite"


@pytest.fixture
def filled(file):
    journal = Journal(file)
    assert journal.open() is None
    journal.begin({"mode": "full"})
    for number in range(5):
        journal.put(f"page {number}", b"x" * 1000 * number)
    journal.close()
    return file


def test_what_was_put_is_there_again(filled):
    journal = Journal(filled)
    assert journal.open() == {"mode": "full"}
    assert [len(journal.get(f"page {number}")) for number in range(5)] == [0, 1000, 2000, 3000, 4000]
    assert journal.get("page 9") is None
    assert len(journal) == 5
    journal.put("page 9", b"more")
    journal.close()
    again = Journal(filled)
    again.open()
    assert again.get("page 9") == b"more"
    again.close()


def test_beginning_anew_forgets_the_pages(filled):
    journal = Journal(filled)
    journal.open()
    journal.begin({"mode": "incremental"})
    assert journal.get("page 3") is None
    assert len(journal) == 0
    journal.close()
    assert b"xxx" not in filled.read_bytes()


def test_a_damaged_page_is_not_believed(filled):
    with sqlite3.connect(filled) as database:
        database.execute("UPDATE pages SET body = ? WHERE key = 'page 2'", (b"y" * 2000,))
    database.close()
    journal = Journal(filled)
    journal.open()
    assert journal.get("page 2") is None
    assert journal.get("page 3") == b"x" * 3000
    journal.close()


@pytest.mark.parametrize("damage", ["all of it", "the middle"])
def test_a_damaged_journal_begins_anew(filled, damage):
    if damage == "all of it":
        filled.write_bytes(b"no database" * 1000)
    else:
        body = bytearray(filled.read_bytes())
        body[4096:8192] = b"\xff" * 4096
        filled.write_bytes(body)
    journal = Journal(filled)
    assert journal.open() is None
    assert len(journal) == 0
    journal.put("page 0", b"new")
    assert journal.get("page 0") == b"new"
    journal.close()


def test_clearing_leaves_nothing(filled):
    journal = Journal(filled)
    journal.open()
    journal.clear()
    assert list(filled.parent.iterdir()) == []


def test_only_the_owner_can_read_it(filled):
    journal = Journal(filled)
    journal.open()
    journal.put("page 9", b"more")
    assert filled.parent.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in filled.parent.iterdir()} == {
        "pages.sqlite": 0o600, "pages.sqlite-wal": 0o600, "pages.sqlite-shm": 0o600,
    }  # fmt: skip
    journal.close()
