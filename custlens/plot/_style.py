"""What the charts share: colours, titles with a note, bars, numbers, and a picture that says it has nothing to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import FigureBase

from custlens._arguments import shown
from custlens._text import printable
from custlens.errors import ArgumentError

__all__ = ["ACCENT", "BASE", "MUTED", "amount", "axes", "bars", "check_axes", "empty", "literal", "title"]

BASE, ACCENT, MUTED = "#0072B2", "#D55E00", "#999999"
"""Blue and vermillion of the palette of Okabe and Ito (2008), which people with any colour vision can tell apart; grey."""
SIZE = (7.2, 3.9)


def check_axes(ax: Any) -> None:
    """Raise an ArgumentError unless `ax` is None or Axes."""
    if not (ax is None or isinstance(ax, Axes)):
        hint = ": pass figure.subplots() or one of figure.axes" if isinstance(ax, FigureBase) else ""
        raise ArgumentError(f"ax must be matplotlib Axes or None, not {shown(ax)}{hint}")


def axes(ax: Axes | None) -> Axes:
    """Return the axes to draw on: the caller's, or those of a new figure."""
    if ax is None:
        _, ax = plt.subplots(figsize=SIZE, layout="constrained")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.set_axisbelow(True)
    return ax


def bars(draw: Callable[..., BarContainer], *data: Any, style: dict[str, Any]) -> BarContainer:
    """Draw bars with `Axes.bar` or `Axes.barh`; a style that matplotlib does not know is an ArgumentError."""
    try:
        return draw(*data, **style)
    except (AttributeError, TypeError, ValueError) as error:
        raise ArgumentError(f"the bars cannot be drawn in this style: {error}") from error


def title(ax: Axes, text: str, *notes: str) -> None:
    """Write a title, and below it in small print what a reader must know to read the chart."""
    ax.set_title(literal(text), loc="left", fontsize="large", fontweight="bold", pad=22)
    note = " · ".join(literal(part) for part in notes if part)
    ax.annotate(note, (0, 1), (0, 7), "axes fraction", "offset points", fontsize="small", color="#555555")


def empty(ax: Axes, reason: str) -> Axes:
    """Write into an empty picture why it is empty."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.text(0.5, 0.5, literal(reason), ha="center", va="center", color="#555555", transform=ax.transAxes, wrap=True)
    return ax


def amount(value: float) -> str:
    """Return a number as text for an axis, with no more digits than it needs.

    Examples
    --------
    >>> amount(1250.0), amount(0.5), amount(2_500_000)
    ('1,250', '0.5', '2.5M')
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.3g}M"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"


def literal(text: Any, longest: int = 200) -> str:
    """Return a text that matplotlib shows as it is: a dollar sign starts no formula, and a long text is cut."""
    line = printable(text)
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    return line.replace("$", r"\$")
