"""The pages of an unfinished sync, kept on disk as they arrive, so that a sync that is killed goes on where it was."""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from pathlib import Path
from typing import Any

import msgspec

from custlens.errors import StoreError

__all__ = ["Journal"]

PLAN = "plan"


class Journal:
    """The plan and the pages of one sync, in an SQLite database.

    A page that was put survives a kill of this process; a power cut may lose the last ones.

    Parameters
    ----------
    file : path
        The database.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._pages = 0

    def open(self) -> dict[str, Any] | None:
        """Open the journal, and return the plan that an earlier sync left, if there is one."""
        try:
            self._connect()
            if self._database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")
            plan = self.get(PLAN)
            self._pages = self._database.execute("SELECT count(*) FROM pages WHERE key != ?", (PLAN,)).fetchone()[0]
            return None if plan is None else msgspec.json.decode(plan)
        except sqlite3.OperationalError as error:
            raise self._unusable(error) from error
        except (sqlite3.DatabaseError, msgspec.DecodeError):  # what it held is fetched again
            self._renew()
            return None

    def begin(self, plan: dict[str, Any]) -> None:
        """Forget the pages, and keep the plan of a new sync."""
        self._renew()
        self._put(PLAN, msgspec.json.encode(plan))

    def get(self, key: str) -> bytes | None:
        """Return a page that was kept, or None; one that was damaged on disk is not returned."""
        with self._lock:
            found = self._database.execute("SELECT body, checksum FROM pages WHERE key = ?", (key,)).fetchone()
        return found[0] if found is not None and zlib.crc32(found[0]) == found[1] else None

    def put(self, key: str, body: bytes) -> None:
        """Keep a page."""
        self._put(key, body)
        self._pages += 1

    def __len__(self) -> int:
        return self._pages

    def clear(self) -> None:
        """Delete the journal: the sync is done."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the database, keeping what is in it."""
        self._database.close()

    def _connect(self) -> None:
        self._file.parent.mkdir(0o700, parents=True, exist_ok=True)
        os.close(os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600))  # its log takes over the mode
        self._database = sqlite3.connect(self._file, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS pages (key TEXT PRIMARY KEY, body BLOB NOT NULL, checksum INTEGER NOT NULL)"
        )

    def _renew(self) -> None:
        self.clear()
        self._connect()
        self._pages = 0

    def _put(self, key: str, body: bytes) -> None:
        try:
            with self._lock, self._database:
                self._database.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?)", (key, body, zlib.crc32(body)))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error) -> StoreError:
        problem = "the disk is full" if "disk is full" in str(error) else f"pages cannot be kept ({error})"
        return StoreError(f"{self._file}: {problem}; the last good state is untouched")
