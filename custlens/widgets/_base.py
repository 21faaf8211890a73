"""What the widgets have in common: messages to and from the browser, a status line, and a still for pages without a kernel.

A panel is an `anywidget` with a Python class and a plain ES module in ``static/``. The contract between them:

- Python sends with ``panel.tell("rows", rows=[…])``; the module's handler ``rows({rows}, buffers)`` draws it.
  The last message of each type is sent again when a view opens: a second view, a reloaded page, a Voilà page.
- The browser sends with ``send("search", {text})``; Python's method ``_on_search(text=…)`` runs under `Panel.guarded`.
- No customer's data is ever in a synced trait, since notebooks save those: it goes by messages alone.
- ``panel.say(sentence, kind)`` writes the status line. A `CustlensError` becomes a sentence there, any other exception
  a sentence with the traceback folded below it; both are kept in `last_error`.
- A method that is called from Python raises as usual; only what the browser, a timer or a thread calls is guarded.
- ``still_table()`` and ``still_picture()`` return what a page without a kernel shows, with personal data hidden; the
  live widget, which is empty until the kernel has answered, takes its place.
- ``panel.in_background(work, then)`` runs what takes long in a thread, so that the kernel answers meanwhile.
- ``close()`` frees the panel. Whatever calls it later (threads, timers) holds it by a weak reference.
"""

from __future__ import annotations

import asyncio
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import anywidget
import pandas as pd
from IPython.display import display

from custlens._arguments import shown
from custlens.errors import ArgumentError, CustlensError, DataError
from custlens.plot.picture import Picture
from custlens.store.store import Store
from custlens.tables import CustomerTables

__all__ = ["Kind", "Panel", "customers_of", "static"]

Kind = Literal["info", "busy", "error"]
T = TypeVar("T")
P = TypeVar("P", bound="Panel")
STATIC = Path(__file__).with_name("static")
NEEDED = ("customer_id", "number_of_orders", "sales_value")


def static(*names: str) -> str:
    """Return the text of files in ``static/``, one after the other: a browser gets a panel's module as one text."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def customers_of(source: Any) -> pd.DataFrame:
    """Return the customers of a Store, CustomerTables or a pandas table.

    Raises
    ------
    ArgumentError
        `source` is something else.
    DataError
        A column is missing that every widget needs.
    """
    if isinstance(source, CustomerTables):
        customers = source.customers
    elif isinstance(source, Store):
        customers = source.customers()
    elif isinstance(source, pd.DataFrame):
        customers = source
    else:
        hint = ": convert it with to_pandas()" if hasattr(source, "to_pandas") else ""
        given = f"a {type(source).__module__.partition('.')[0]} {type(source).__name__}" if hint else shown(source)
        raise ArgumentError(f"source must be a Store, CustomerTables or a pandas customers table, not {given}{hint}")
    if missing := [name for name in NEEDED if name not in customers]:
        raise DataError(f"the customers table lacks {', '.join(missing)}: fetch it with these among `columns`")
    return customers


class Panel(anywidget.AnyWidget):
    """A widget with a status line. A subclass sets ``_esm`` and ``_css`` and defines an ``_on_…`` method per message.

    Attributes
    ----------
    last_error : Exception or None
        The error of the last handler that ran, if it failed.
    told : dict
        The last message of each type, with its binary data.
    """

    _esm = static("base.js")
    _css = static("base.css")

    def __init__(self) -> None:
        self.last_error: Exception | None = None
        self.told: dict[str, tuple[dict[str, Any], list[bytes]]] = {}
        super().__init__()
        self.on_msg(_receive)

    def __repr__(self) -> str:
        return f"<custlens.widgets.{type(self).__name__}>"

    def tell(self, kind: str, /, *, buffers: Sequence[bytes] = (), **content: Any) -> None:
        """Send a message to every view, and again to each view that opens later.

        Parameters
        ----------
        kind : str
            The type of the message, which names the handler in the panel's module.
        buffers : sequence of bytes
            Binary data, which the handler gets as a list of DataViews.
        **content
            What the handler gets as an object; values that JSON can carry.
        """
        self.told[kind] = {"type": kind, **content}, list(buffers)
        self.send(*self.told[kind])

    def say(self, sentence: str, kind: Kind = "info", *, details: str = "") -> None:
        """Show a sentence in the status line, with the details folded below it."""
        self.tell("status", sentence=sentence, kind=kind, details=details)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Show an error of the block in the status line and keep it in `last_error`.

        An exception in a widget's callback is invisible on the page, so no handler may let one through.
        """
        self.last_error = None
        try:
            yield
        except CustlensError as error:
            self.last_error = error
            self.say(str(error), "error")
        except Exception as error:
            self.last_error = error
            trace = "".join(traceback.format_exception(error))
            self.say(f"This is a bug in custlens: {type(error).__name__}.", "error", details=trace)

    def in_background(self, work: Callable[[], T], then: Callable[[Self, Future[T]], None]) -> None:
        """Run work in a thread and then, back in the thread of the kernel, do something with its outcome.

        Parameters
        ----------
        work : callable
            What takes long. It must not hold the panel, which may be closed meanwhile.
        then : callable
            What to do with the panel and the outcome, whose ``result()`` returns the value or raises the error. It is
            not called once the panel is closed. Without an event loop, as in a script, it is called before this returns.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            then(self, _outcome(work))
        else:
            arguments = (weakref.ref(self), loop, work, then)
            threading.Thread(target=_work, args=arguments, name="custlens-panel", daemon=True).start()

    def still(self) -> dict[str, str]:
        """Return what a page without a kernel shows, by MIME type: the picture above the table.

        The picture is there twice, because a page shows one type only: HTML in JupyterLab and in a page that nbconvert
        makes, the picture alone in LaTeX and PDF.
        """
        bundle, shown = {}, ""
        if (picture := self.still_picture()) is not None:
            kinds, _ = picture._repr_mimebundle_()
            bundle, shown = {"image/png": kinds["image/png"]}, kinds["text/html"]
        bundle["text/html"] = f'<div data-custlens="{self.model_id}">{shown}{self.still_table()}</div>'
        return bundle

    def still_table(self) -> str:
        """Return the HTML that a page without a kernel shows; personal data must be hidden in it."""
        raise NotImplementedError

    def still_picture(self) -> Picture | None:
        """Return the picture that a page without a kernel shows, or None; personal data must be hidden in it."""
        return None

    def close(self) -> None:
        """Remove the panel from every page and free what it holds."""
        super().close()
        if hasattr(self, "told"):  # a panel that has refused its arguments has told nothing
            self.told.clear()

    def _refuse_if_closed(self) -> None:
        """Raise an error if the panel is closed."""
        if self.comm is None:
            raise ArgumentError(f"this {type(self).__name__} is closed: make a new one")

    def _on_ready(self) -> None:
        self.send({"type": "live", "still": self.model_id})
        for content, buffers in list(self.told.values()):
            self.send(content, buffers)

    def _ipython_display_(self) -> None:
        """Show the still, which a page without a kernel keeps, and the live widget, which hides it once it answers.

        They are two outputs, because JupyterLab shows nothing but an error for a widget whose kernel is gone, whatever
        else the same output holds.
        """
        display(self.still(), raw=True)
        if (live := self._repr_mimebundle_()) is not None:  # None once the panel is closed
            display(live[0], raw=True)


def _receive(panel: Panel, message: dict[str, Any], buffers: list[memoryview]) -> None:
    """Call the handler of a message from the browser, and send "done" when it has run."""
    with panel.guarded():
        content = dict(message)
        getattr(panel, f"_on_{content.pop('type')}")(**content)
    if panel.comm is not None:
        panel.send({"type": "done"})


def _outcome(work: Callable[[], T]) -> Future[T]:
    """Return the value or the error of a call."""
    outcome: Future[T] = Future()
    try:
        outcome.set_result(work())
    except Exception as error:
        outcome.set_exception(error)
    return outcome


def _work(
    panel: weakref.ref[P],
    loop: asyncio.AbstractEventLoop,
    work: Callable[[], T],
    then: Callable[[P, Future[T]], None],
) -> None:
    """Run work, and have the event loop handle its outcome if the panel is still open."""
    outcome = _outcome(work)

    def finish() -> None:
        alive = panel()
        if alive is None or alive.comm is None:
            return
        try:
            then(alive, outcome)
        except Exception:
            with alive.guarded():
                raise

    with suppress(RuntimeError):  # the loop is closed: the kernel has ended meanwhile
        loop.call_soon_threadsafe(finish)
