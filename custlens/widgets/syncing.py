"""Bring a store up to date from a notebook, with the kernel free for other work meanwhile."""

from __future__ import annotations

import threading
import time
import weakref
from pathlib import PurePath
from typing import get_args

from custlens._arguments import number, one_of, shown
from custlens._lines import Lines, as_html
from custlens.api.client import Client
from custlens.errors import ArgumentError, StoreError
from custlens.store.store import Store
from custlens.store.sync import Mode, SyncProgress, SyncReport
from custlens.widgets._base import Panel, static

__all__ = ["Sync"]

EVERY = 0.2
"""Seconds between two messages about the progress."""


class Sync(Panel):
    """Start a sync, watch it, cancel it, and read its report.

    The sync runs in a thread of its own: the kernel is free for other cells, and the store can be read, as it was
    before. A sync that is cancelled or fails leaves the store untouched; the pages of a full one are kept, and the
    next sync goes on from them.

    Parameters
    ----------
    store : Store
        The store to bring up to date.
    client : Client
        The shop to read.

    Attributes
    ----------
    report : SyncReport or None
        What the last sync did.
    running : bool
        Whether a sync is running.
    last_error : Exception or None
        The error of the last sync, if it failed.

    Raises
    ------
    ArgumentError
        An argument is of another kind.
    StoreError
        The store cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop, tempfile.TemporaryDirectory() as folder:
    ...     sync = Sync(cl.Store(folder + "/shop.lens"), shop.client())
    ...     sync.start()
    ...     sync.wait()
    True
    >>> sync.report
    <SyncReport: full, 2,357 added, 0 changed, 0 deleted, 0 unchanged>
    """

    _esm = static("base.js", "sync.js")
    _css = static("base.css", "sync.css")

    def __init__(self, store: Store, client: Client) -> None:
        self._cancelled = threading.Event()  # first, for even a widget that was refused is closed
        if not isinstance(store, Store):
            raise ArgumentError(f"store must be a custlens.Store, not {shown(store)}")
        if not isinstance(client, Client):
            raise ArgumentError(f"client must be a custlens.Client, not {shown(client)}")
        self.report: SyncReport | None = None
        self._store, self._client = store, client
        self.running = False
        self._thread: threading.Thread | None = None
        self._last = _last_sync(store)
        super().__init__()
        self._tell_state()
        self.say("Ready.")

    def start(self, mode: Mode = "auto") -> None:
        """Start a sync, and return at once.

        Parameters
        ----------
        mode : {"auto", "full", "incremental"}
            As for `Store.sync`.

        Raises
        ------
        ArgumentError
            `mode` is another one, a sync of this widget is running already, or the widget is closed.
        """
        self._refuse_if_closed()
        one_of("mode", mode, get_args(Mode))
        if self.running:
            raise ArgumentError("this sync is still running: wait for it, or cancel it")
        self._cancelled = threading.Event()
        self.running, self.report, self.last_error = True, None, None
        self._tell_state()
        self.tell("progress", phase="reading", share=None, done="", quota="")
        self.say("Asking the shop …", "busy")
        self._thread = threading.Thread(
            target=_run,
            args=(weakref.ref(self), self._store, self._client, mode, self._cancelled),
            name="custlens-sync",
            daemon=True,
        )
        self._thread.start()

    def cancel(self) -> None:
        """Ask the sync that is running to stop. It does so within a second, unless it is writing already."""
        self._cancelled.set()
        if self.running:
            self.say("Cancelling …", "busy")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the sync has ended.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; without it as long as it takes.

        Returns
        -------
        bool
            Whether it has ended.

        Raises
        ------
        ArgumentError
            `timeout` is not a number of at least 0.
        """
        seconds = None if timeout is None else min(number("timeout", timeout, least=0), threading.TIMEOUT_MAX)
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.running

    def close(self) -> None:
        """Cancel the sync that is running, and remove the widget from every page."""
        self._cancelled.set()
        super().close()

    def still_table(self) -> str:
        """Return the report of the last sync, or the state of the store."""
        return as_html(self._facts() if self.report is None else self.report.lines())

    def _on_start(self, mode: str) -> None:
        self.start(mode)  # type: ignore[arg-type]  # start checks what the page sends

    def _on_cancel(self) -> None:
        self.cancel()

    def _facts(self) -> Lines:
        name = PurePath(self._store.path).name
        return [("Store", name), ("Shop", str(self._client.store_id)), ("Last sync", self._last)]

    def _tell_state(self) -> None:
        lines = [] if self.report is None else self.report.lines()
        self.tell("state", running=self.running, facts=self._facts(), report=lines)

    def _ended(self, outcome: SyncReport | Exception, keeps: bool) -> None:
        """Show how the sync ended: with a report, because it was cancelled, or with an error, which is raised."""
        if isinstance(outcome, SyncReport):
            self.report, self._last = outcome, _last_sync(self._store)
        self.running = False  # only now, for whoever waits for that reads the report next
        if isinstance(outcome, SyncReport):
            self.say("The store is up to date.")
        elif isinstance(outcome, _Cancelled):
            kept = "what was read is kept, and the next sync goes on from there" if keeps else "nothing changed"
            self.say(f"Cancelled: {kept}.")
        self._tell_state()
        if isinstance(outcome, Exception) and not isinstance(outcome, _Cancelled):
            raise outcome


class _Cancelled(Exception):
    """Ends a sync from within its progress."""


class _Progress:
    """Tells a panel how far its sync is, at most every so often, and ends a sync that nobody wants any more."""

    def __init__(self, panel: weakref.ref[Sync], cancelled: threading.Event) -> None:
        self.keeps = False
        """Whether what was read so far is kept for the next sync."""
        self._mode = ""
        self._panel, self._cancelled = panel, cancelled
        self._first: tuple[float, int] | None = None
        self._told = 0.0
        self._waiting = False

    def __call__(self, now: SyncProgress) -> None:
        panel, clock = self._panel(), time.monotonic()
        if panel is None or self._cancelled.is_set():
            raise _Cancelled
        self._first = self._first or (clock, now.read)
        self.keeps = now.mode == "full" and now.read > 0
        changed = now.mode != self._mode or now.phase == "writing"
        if not changed and clock - self._told < EVERY:
            return
        self._told, self._mode = clock, now.mode
        waiting = now.seconds_to_wait > 1
        if changed or waiting != self._waiting:  # what a screen reader is told: not every number
            self._waiting = waiting
            panel.say(_doing(now), "busy")
        panel.tell(
            "progress",
            phase=now.phase,
            share=min(now.read / now.expected, 1) if now.expected else None,
            done=_done(now, self._seconds_left(now, clock)),
            quota=_quota(now),
        )

    def _seconds_left(self, now: SyncProgress, clock: float) -> float | None:
        """Return the seconds to go at the speed so far, once that can be judged."""
        assert self._first is not None
        started, before = self._first
        if clock - started < 1 or now.read <= before or now.read >= now.expected:
            return None
        return (clock - started) * (now.expected - now.read) / (now.read - before)


def _run(panel: weakref.ref[Sync], store: Store, client: Client, mode: Mode, cancelled: threading.Event) -> None:
    """Sync, in a thread, and leave the outcome with the panel if it still exists."""
    progress = _Progress(panel, cancelled)
    outcome: SyncReport | Exception
    try:
        outcome = store.sync(client, mode, progress=progress)
    except Exception as error:
        outcome = error
    if (live := panel()) is not None:
        with live.guarded():
            live._ended(outcome, progress.keeps)


def _doing(now: SyncProgress) -> str:
    """Return what a sync is doing, as a sentence for the status line."""
    if now.phase == "writing":
        return "Writing the store …"
    if now.seconds_to_wait > 1:
        return f"Waiting {now.seconds_to_wait:.0f} s for the rate limit …"
    if now.mode == "auto":
        return "Asking the shop …"
    return "Reading every customer …" if now.mode == "full" else "Reading what changed …"


def _done(now: SyncProgress, seconds_left: float | None) -> str:
    """Return how far a sync is, and how long it may still take."""
    if now.mode == "auto":
        return ""
    read = f"{now.read:,} of {now.expected:,} customers" if now.expected else f"{now.read:,} customers"
    if seconds_left is None:
        return read
    left = f"{seconds_left:.0f} s" if seconds_left < 90 else f"{seconds_left / 60:.0f} min"
    return f"{read}, about {left} left"


def _quota(now: SyncProgress) -> str:
    """Return what is left of the shop's rate limit, and how often a request had to be sent again."""
    wait = now.seconds_to_wait
    left = f"waiting {wait:.0f} s for the rate limit" if wait > 1 else f"{now.requests_left:,} requests left"
    return f"{left}, {now.retries:,} retries" if now.retries else left


def _last_sync(store: Store) -> str:
    """Return when the store was brought up to date last."""
    try:
        last = store.syncs().iloc[-1]
    except StoreError as error:
        return str(error)
    return (
        f"{last['mode']}, as of {last['as_of']:%Y-%m-%d %H:%M} UTC; full as of {last['last_full']:%Y-%m-%d %H:%M} UTC"
    )
