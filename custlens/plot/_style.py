"""What the charts share: colours, titles with a note, money, and what is drawn where there is nothing to draw."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

__all__ = ["ACCENT", "BASE", "MUTED", "amount", "axes", "empty", "literal", "title"]

BASE, ACCENT, MUTED = "#0072B2", "#D55E00", "#999999"
"""Blue and vermillion of the palette of Okabe and Ito (2008), told apart with every kind of colour vision; grey."""
SIZE = (7.2, 3.9)


def axes(ax: Axes | None) -> Axes:
    """Give the axes to draw on: the caller's, or those of a new figure."""
    if ax is None:
        _, ax = plt.subplots(figsize=SIZE, layout="constrained")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.set_axisbelow(True)
    return ax


def title(ax: Axes, text: str, *notes: str) -> None:
    """Write a title, and below it in small print what must be known to read the chart."""
    ax.set_title(literal(text), loc="left", fontsize="large", fontweight="bold", pad=22)
    note = " · ".join(literal(part) for part in notes if part)
    ax.annotate(note, (0, 1), (0, 7), "axes fraction", "offset points", fontsize="small", color="#555555")


def empty(ax: Axes, reason: str) -> Axes:
    """Draw an empty state that says why."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.text(0.5, 0.5, literal(reason), ha="center", va="center", color="#555555", transform=ax.transAxes, wrap=True)
    return ax


def amount(value: float) -> str:
    """Write a number for an axis: no more digits than it needs.

    Examples
    --------
    >>> amount(1250.0), amount(0.5), amount(2_500_000)
    ('1,250', '0.5', '2.5M')
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.3g}M"
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"


def literal(text: Any, longest: int = 200) -> str:
    """Show somebody's text as it is: a dollar sign starts no formula, and a long text is cut."""
    shown = " ".join(str(text).split())
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return shown.replace("$", r"\$")
