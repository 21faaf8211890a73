"""Pages on disk as they arrive, so that a sync that is killed goes on where it was.

One file, appended to: each entry is a key and a page with their lengths and a checksum. What a kill leaves half
written at the end is cut off when the file is opened again.
"""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Journal"]

HEADER = struct.Struct("<III")
FLUSH_SECONDS = 1.0


class Journal:
    """The pages of one sync.

    Parameters
    ----------
    folder
        Where the plan and the pages are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan = folder / "plan.json"
        self._pages = folder / "pages.bin"
        self._index: dict[str, tuple[int, int]] = {}
        self._lock = threading.Lock()
        self._end = 0
        self._flushed = time.monotonic()
        self._file: Any = None

    def open(self) -> dict[str, Any] | None:
        """Open the journal; give the plan that an earlier sync left, if there is one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        plan = None
        if self._plan.exists():
            try:
                plan = msgspec.json.decode(self._plan.read_bytes())
            except msgspec.DecodeError:
                self._plan.unlink()
        self._file = self._pages.open("r+b" if plan is not None and self._pages.exists() else "w+b")
        self._load()
        return plan

    def begin(self, plan: dict[str, Any]) -> None:
        """Forget the pages, and keep the plan of a new sync."""
        self._index.clear()
        self._end = 0
        self._file.truncate(0)
        draft = self._plan.with_suffix(".part")
        draft.write_bytes(msgspec.json.encode(plan))
        draft.replace(self._plan)

    def get(self, key: str) -> bytes | None:
        """Give a page that was kept, or None."""
        with self._lock:
            place = self._index.get(key)
            if place is None:
                return None
            self._file.seek(place[0])
            body: bytes = self._file.read(place[1])
            return body

    def put(self, key: str, body: bytes) -> None:
        """Keep a page: a kill of this process does not lose it, a power cut at most the last second."""
        name = key.encode()
        entry = HEADER.pack(len(name), len(body), zlib.crc32(body, zlib.crc32(name))) + name + body
        with self._lock:
            self._file.seek(self._end)
            self._file.write(entry)
            self._file.flush()
            self._index[key] = (self._end + HEADER.size + len(name), len(body))
            self._end += len(entry)
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                os.fsync(self._file.fileno())
                self._flushed = time.monotonic()

    def __len__(self) -> int:
        return len(self._index)

    def clear(self) -> None:
        """Remove plan and pages: the sync is done."""
        self._plan.unlink(missing_ok=True)
        self.close()
        self._pages.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file, keeping what is in it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _load(self) -> None:
        """Find the whole entries, and cut off what is none."""
        self._file.seek(0)
        while len(head := self._file.read(HEADER.size)) == HEADER.size:
            names, bodies, checksum = HEADER.unpack(head)
            name, body = self._file.read(names), self._file.read(bodies)
            if len(body) < bodies or zlib.crc32(body, zlib.crc32(name)) != checksum:
                break
            self._index[name.decode()] = (self._end + HEADER.size + names, bodies)
            self._end += HEADER.size + names + bodies
        self._file.truncate(self._end)
