"""The limit of requests per minute, kept by the client so that the shop never has to refuse."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Limiter", "Stopped"]

GLANCE = 0.1
"""Seconds after which a wait checks whether it has been stopped."""


class Stopped(Exception):
    """The work was stopped while it waited."""


class Limiter:
    """A sliding window of requests, shared by all threads that use one token.

    A request takes its place when it is sent and gives it back one window after its answer came. The shop counts
    a request somewhere between these two moments, so it can never see more than `limit` in any window, whatever
    the latency. Up to `limit` requests go out at once; only then does anyone wait.

    Parameters
    ----------
    limit : int
        Requests per window.
    window : float
        Length of the window in seconds.
    """

    def __init__(self, limit: int, window: float = 60.0) -> None:
        self.limit = limit
        self.window = window
        self.waited = 0.0
        self._free_at: deque[float] = deque()
        self._in_flight = 0
        self._paused_until = 0.0
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, stop: threading.Event | None = None) -> Iterator[None]:
        """Wait for a place in the window and hold it while the request is under way.

        Parameters
        ----------
        stop : threading.Event, optional
            Ends the wait when it is set.

        Raises
        ------
        Stopped
            `stop` was set before there was a place.
        """
        stop = stop or threading.Event()
        with self._changed:
            while not stop.is_set() and (wait := self._seconds_to_wait()) > 0:
                started = time.monotonic()
                self._changed.wait(min(wait, GLANCE))
                self.waited += time.monotonic() - started
            if stop.is_set():
                raise Stopped
            self._in_flight += 1
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= 1
                self._free_at.append(time.monotonic() + self.window)
                self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """Hold every request back for so many seconds, as the shop has asked."""
        with self._changed:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    @property
    def left(self) -> int:
        """Requests that may be sent now without waiting."""
        with self._changed:
            self._forget()
            return max(0, self.limit - self._in_flight - len(self._free_at))

    @property
    def seconds_to_wait(self) -> float:
        """Seconds until the next request may be sent; 0 if it may be sent now."""
        with self._changed:
            return self._seconds_to_wait()

    def _forget(self) -> None:
        now = time.monotonic()
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()

    def _seconds_to_wait(self) -> float:
        self._forget()
        now = time.monotonic()
        if self._paused_until > now:
            return self._paused_until - now
        if self._in_flight + len(self._free_at) < self.limit:
            return 0.0
        return max(self._free_at[0] - now, 1e-3) if self._free_at else self.window
