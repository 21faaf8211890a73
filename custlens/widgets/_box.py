"""What the widgets share: a status line, handlers whose errors are shown, and a pause before work begins."""

from __future__ import annotations

import asyncio
import functools
import html
import traceback
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import ipywidgets

from custlens.errors import CustlensError

__all__ = ["Debounced", "Panel", "guarded"]

P = ParamSpec("P")
PanelT = TypeVar("PanelT", bound="Panel")


class Panel(ipywidgets.VBox):
    """A box with a status line.

    Attributes
    ----------
    status : ipywidgets.HTML
        One sentence: what is going on, or what went wrong.
    last_error : Exception or None
        The error of the last handler that ran, if it failed.
    """

    def __init__(self) -> None:
        self.status = ipywidgets.HTML(layout=ipywidgets.Layout(max_width="20rem"))
        self.last_error: Exception | None = None
        super().__init__()

    def __repr__(self) -> str:
        return f"<custlens.widgets.{type(self).__name__}>"

    def say(self, sentence: str, *, error: bool = False, details: str = "") -> None:
        """Show a sentence in the status line, with the details folded below it."""
        role = 'role="alert"' if error else 'role="status"'
        mark = '<b style="color:#d55e00">⚠</b> ' if error else ""
        folded = f"<details><summary>Details</summary><pre>{html.escape(details)}</pre></details>" if details else ""
        self.status.value = f'<div {role} style="line-height:1.4">{mark}{html.escape(sentence)}{folded}</div>'


def guarded(handler: Callable[Concatenate[PanelT, P], None]) -> Callable[Concatenate[PanelT, P], None]:
    """Show a handler's error in the status line and keep it in `last_error`.

    An exception in a widget's callback is invisible on the page, so no handler may let one through.
    """

    @functools.wraps(handler)
    def safe(panel: PanelT, *args: P.args, **kwargs: P.kwargs) -> None:
        panel.last_error = None
        try:
            handler(panel, *args, **kwargs)
        except CustlensError as error:
            panel.last_error = error
            panel.say(str(error), error=True)
        except Exception as error:
            panel.last_error = error
            trace = "".join(traceback.format_exception(error))
            panel.say(f"This is a bug in custlens: {type(error).__name__}.", error=True, details=trace)

    return safe  # type: ignore[return-value]  # wraps() hides that the names of the arguments do not matter


class Debounced:
    """Calls a function once no further call has come for a while; immediately if no event loop is running.

    Parameters
    ----------
    function : callable
        Called with the last arguments.
    delay : float
        Seconds without a call to wait for.
    """

    def __init__(self, function: Callable[..., None], delay: float) -> None:
        self._function = function
        self._delay = delay
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self, *args: Any) -> None:
        """Schedule the call, in place of an earlier one that is still waiting."""
        if self._waiting is not None:
            self._waiting.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._function(*args)
        else:
            self._waiting = loop.call_later(self._delay, self._function, *args)
