"""Linked charts as a figure: for each column, all customers as an outline and the chosen ones filled in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from custlens.plot import _style as look

__all__ = ["LinkedChart", "linked"]

COLUMNS = 4
INCHES = 3.5, 2.5
HEAD = 0.6
"""Inches above the charts."""


class LinkedChart(NamedTuple):
    """One of the charts.

    Attributes
    ----------
    title : str
        Name of the chart.
    bars : sequence of str
        Names of the bars; the first is that of missing values.
    whole, counts : numpy.ndarray
        One number per bar: all customers, and those who pass the filters of the other charts.
    chosen : numpy.ndarray
        For each bar, whether the filter of this chart selects any of it.
    filtered : str
        The filter of this chart, in words; empty if there is none.
    ticks : sequence of (int, str) or None
        For a histogram, names of positions between the bars, counted from the left; None for a chart of names.
    """

    title: str
    bars: Sequence[str]
    whole: np.ndarray
    counts: np.ndarray
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
    tall = rows * height + HEAD
    figure = Figure(figsize=(COLUMNS * width, tall))
    # Fixed places: a layout engine would draw everything twice to find them.
    figure.subplots_adjust(0.075, 0.4 / tall, 0.985, 1 - (HEAD + 0.5) / tall, wspace=0.5, hspace=0.55)
    figure.text(0.01, 1 - 0.1 / tall, look.literal(words), va="top", fontweight="bold", fontsize="large")
    about = f"Bars: {unit}. Outline: all customers. {look.literal(note)}"
    figure.text(0.01, 1 - 0.38 / tall, about, va="top", fontsize="small", color=look.grey(0.65))
    places = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for ax, chart in zip(places, charts, strict=False):
        _draw(ax, chart)
    for ax in places[len(charts) :]:
        ax.remove()
    return figure


def _draw(ax: Axes, chart: LinkedChart) -> None:
    chosen = f", {chart.filtered}" if chart.filtered else ""
    finding = f"{chart.title}{chosen}: the tallest bar is “{chart.bars[int(np.argmax(chart.counts))]}”."
    if not chart.whole.any():
        look.say(ax, chart.title, [chart.filtered], "All bars are zero.")
        return
    look.begin(ax, chart.title, [chart.filtered], finding)
    missing = bool(chart.whole[0])
    inside = np.where(chart.chosen, chart.counts, 0)
    layers: list[tuple[np.ndarray, dict[str, Any]]] = [
        (chart.counts, {"fill": True, "color": look.grey(0.3), "linewidth": 0}),
        (inside, {"fill": True, "color": look.BASE, "linewidth": 0}),
        (chart.whole, {"color": look.grey(0.6), "linewidth": 0.7}),
    ]
    if chart.ticks is not None:
        edges = np.arange(len(chart.bars), dtype=float)
        ticks: list[tuple[float, str]] = [*chart.ticks]
        if missing:  # missing values are separate
            edges = np.concatenate(([-3, -2], edges))
            ticks = [(-2.5, "missing"), *((place, name) for place, name in ticks if place > 1)]
        for values, style in layers:
            ax.stairs([*([values[0], 0] if missing else []), *values[1:]], edges, **style)
        ax.set_xticks([place for place, _ in ticks], [name for _, name in ticks])
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))  # sales may be negative
        look.amount_axis(ax.yaxis, "")
    else:
        bars = [*range(1, len(chart.bars)), *([0] if missing else [])]
        edges = np.repeat(np.arange(len(bars)), 2) + np.tile([0.1, 0.9], len(bars))
        for values, style in layers:
            spread = np.zeros(2 * len(bars) - 1)
            spread[::2] = values[bars]
            ax.stairs(spread, edges, orientation="horizontal", **style)
        names = [look.literal(chart.bars[bar], 16) for bar in bars]
        ax.set_yticks(np.arange(len(bars)) + 0.5, names, fontsize="x-small")
        ax.set_ylim(len(bars), 0)
        ax.set_xlim(left=min(0, ax.get_xlim()[0]))
        look.amount_axis(ax.xaxis, "")
