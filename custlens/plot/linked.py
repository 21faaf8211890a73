"""Linked charts as a figure: of each column, all customers as an outline and the chosen ones filled in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from custlens.plot import _style as look

__all__ = ["LinkedChart", "linked"]

COLUMNS = 4
INCHES = 3.6, 2.6


class LinkedChart(NamedTuple):
    """One of the charts.

    Attributes
    ----------
    title : str
        Name of the chart.
    bars : sequence of str
        Names of the bars; the first is that of missing values.
    whole, chosen : numpy.ndarray
        One number per bar: of all customers, and of the chosen ones.
    filtered : str
        What is chosen in this chart, in words; empty if nothing is.
    ticks : sequence of (int, str) or None
        Of a histogram, names of places between the bars, counted from the left; None for a chart of names.
    """

    title: str
    bars: Sequence[str]
    whole: np.ndarray
    chosen: np.ndarray
    filtered: str
    ticks: Sequence[tuple[int, str]] | None


def linked(charts: Sequence[LinkedChart], words: str, note: str, unit: str) -> Figure:
    """Draw linked charts on one page.

    Parameters
    ----------
    charts : sequence of LinkedChart
        The charts, in order.
    words : str
        How much is chosen.
    note : str
        When the customers were observed.
    unit : str
        What the bars count.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know, so that it needs no closing.
    """
    rows = math.ceil(len(charts) / COLUMNS)
    width, height = INCHES
    figure = Figure(figsize=(COLUMNS * width, rows * height + 0.5), layout="constrained")
    figure.suptitle(f"{look.literal(words)}\n", fontweight="bold", x=0.01, ha="left")
    figure.text(0.01, 0.99, f"\n\nBars: {unit}. Outline: all. {look.literal(note)}", va="top", fontsize="small")
    places = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for ax, chart in zip(places, charts, strict=False):
        _draw(look.axes(ax), chart)
    for ax in places[len(charts) :]:
        ax.remove()
    return figure


def _draw(ax: Axes, chart: LinkedChart) -> None:
    finding = f"{chart.title}: {chart.filtered or 'nothing chosen here'}."
    bars = [*range(1, len(chart.bars)), *([0] if chart.whole[0] else [])]
    places = np.arange(len(bars))
    if chart.ticks is not None and chart.whole[0]:
        places[-1] = -2  # the missing values stand apart
    look.head(ax, chart.title, [chart.filtered], finding)
    draw, outline = (ax.barh, {"height": 0.8}) if chart.ticks is None else (ax.bar, {"width": 1.0})
    look.draw(draw, places, chart.whole[bars], **outline, fill=False, edgecolor=look.grey(0.45), linewidth=0.6)
    look.draw(draw, places, chart.chosen[bars], **outline, color=look.BASE)
    if chart.ticks is None:
        ax.set_yticks(places, [look.literal(chart.bars[bar], 16) for bar in bars])
        ax.invert_yaxis()
        look.amount_axis(ax.xaxis, "")
    else:
        ticks = [(place - 0.5, name) for place, name in chart.ticks]
        ticks += [(-2, "missing")] if chart.whole[0] else []
        ax.set_xticks([place for place, _ in ticks], [name for _, name in ticks])
        look.amount_axis(ax.yaxis, "")
