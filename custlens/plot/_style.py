"""What the charts share: colours, the title with its note, numbers as text, and the finding as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, num2date
from matplotlib.figure import Figure, FigureBase
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox, offset_copy

from custlens._arguments import shown
from custlens._text import counted as count
from custlens._text import printable
from custlens.errors import ArgumentError

__all__ = [
    "ACCENT",
    "BASE",
    "GREEN",
    "MUTED",
    "RAMP",
    "amount",
    "amount_axis",
    "begin",
    "cells",
    "count",
    "date_axis",
    "describe",
    "draw",
    "exact_percent",
    "grey",
    "grid",
    "label_bars",
    "literal",
    "log_axis",
    "money",
    "paper",
    "percent",
    "percent_axis",
    "say",
    "small",
]

BASE, ACCENT, GREEN, MUTED = "#0072B2", "#D55E00", "#009E73", "#999999"
"""Blue, vermillion and green of the palette of Okabe and Ito (2008), which people with any colour vision can tell apart,
and a grey; each has a contrast of 3 or more with black and 2.8 or more with white."""
RAMP = "cividis"
SIZE = (7.2, 3.9)
SMALL_INCHES = 3.6
"""Axes narrower than this have smaller print."""
ROOM_INCHES = 0.16, 0.36
"""Height and width of a cell in which a number has room."""
LETTER_INCHES, LINE_INCHES = 0.085, 0.125
"""Width of a letter and height of a line of tick labels, at most."""
LABEL_GAP = 2.0
"""Points that stay free on each side of a tick label."""
DAYS_WITH_A_JANUARY = 550
"""In a span of this many days, a first of January is sure to have a tick."""
FEW_STEPS = (((1, 2, 5), 1), ((1, 3), 1))
"""Where an axis of few powers of ten may have ticks: multiples of every power."""
LEAST_WIDTH_LEFT = 0.7
"""Least share of the width of the axes that a layout leaves after making room for the labels of the y axis."""
SLACK = 0.06
"""How much wider or narrower than the axes a note may be, as a share of their width."""
MISSING_GLYPH = "\N{WHITE SQUARE}"
FINDINGS: WeakKeyDictionary[Axes, str] = WeakKeyDictionary()

T = TypeVar("T")


def begin(ax: Any, title: str, notes: Iterable[str], finding: str) -> Axes:
    """Return the axes to draw a chart on, with its title, the note below it, and the finding for `describe`.

    Parameters
    ----------
    ax
        The caller's axes, or None for those of a new figure.
    title
        What the chart is about.
    notes
        Parts of the note, such as how many buyers are shown; empty ones are left out.
    finding
        What the chart shows, as a sentence.

    Raises
    ------
    ArgumentError
        If `ax` is something else.
    """
    if not (ax is None or isinstance(ax, Axes)):
        hint = ": pass figure.subplots() or one of figure.axes" if isinstance(ax, FigureBase) else ""
        raise ArgumentError(f"ax must be matplotlib Axes or None, not {shown(ax)}{hint}")
    drawn: Axes = plt.subplots(figsize=SIZE, layout="constrained")[1] if ax is None else ax
    for side in ("top", "right"):
        drawn.spines[side].set_visible(False)
    drawn.set_axisbelow(True)
    if small(drawn):
        drawn.tick_params(labelsize="small")
        for axis in (drawn.xaxis, drawn.yaxis):
            axis.label.set_fontsize("small")
    FINDINGS[drawn] = finding
    note = _Note(drawn, literal(title), " · ".join(literal(note) for note in notes if note))
    drawn.add_artist(note)
    note.fit()
    return drawn


def say(ax: Any, title: str, notes: Iterable[str], sentence: str) -> Axes:
    """Return axes with a sentence in place of a chart, where there is nothing to draw; arguments as for `begin`."""
    drawn = begin(ax, title, notes, sentence)
    drawn.set_xticks([])
    drawn.set_yticks([])
    for spine in drawn.spines.values():
        spine.set_visible(False)
    drawn.add_artist(_Sentence(drawn, literal(sentence, 400)))
    return drawn


def draw(method: Callable[..., T], *data: Any, **style: Any) -> T:
    """Call a drawing method of matplotlib; a style that it does not know is an ArgumentError."""
    try:
        return method(*data, **style)
    except (AttributeError, TypeError, ValueError) as error:
        raise ArgumentError(f"the chart cannot be drawn in this style: {error}") from error


def describe(chart: Axes | Figure) -> str:
    """Return what a chart shows as a sentence made from its numbers, such as for the alternative text of a picture.

    Parameters
    ----------
    chart : matplotlib.axes.Axes or matplotlib.figure.Figure
        What a function of `custlens.plot` has returned, or a figure with such charts in it.

    Returns
    -------
    str
        One sentence or two; of a figure, those of all its charts.

    Raises
    ------
    ArgumentError
        If it does not contain a chart of custlens.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> describe(cl.plot.sales_value(tables.customers))
    'Half of 2,357 buyers have spent less than 43.06 USD; the top tenth 242 USD or more.'
    """
    parts = chart.axes if isinstance(chart, FigureBase) else [chart]
    findings = [FINDINGS[ax] for ax in parts if isinstance(ax, Axes) and ax in FINDINGS]
    if not findings:
        raise ArgumentError(f"chart must be what a function of custlens.plot has drawn, not {shown(chart)}")
    return " ".join(findings)


def small(ax: Axes) -> bool:
    """Return whether the axes are so narrow that they need smaller print, as in a grid of charts."""
    return bool(ax.bbox.width < SMALL_INCHES * ax.figure.dpi)


def grey(strength: float = 0.6) -> str:
    """Return a grey between the colour of the background (0) and the colour of text (1), so that dark styles work."""
    ink, background = np.array(to_rgb(rcParams["text.color"])), np.array(to_rgb(paper()))
    return to_hex(background + strength * (ink - background))


def paper() -> str:
    """Return the colour of the background."""
    return str(rcParams["axes.facecolor"])


def grid(ax: Axes, axis: str = "y") -> None:
    """Draw faint lines across the axes."""
    ax.grid(visible=True, axis=axis, color=grey(0.12), linewidth=0.8)  # type: ignore[arg-type]


def amount_axis(axis: Any, label: str, *, whole: bool = False) -> None:
    """Write amounts on an axis, or counts if they are whole."""
    axis.set_label_text(label)
    steps = [1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10]
    axis.set_major_locator(MaxNLocator(_most_ticks(axis), steps=steps, integer=whole, min_n_ticks=1 if whole else 2))
    axis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))


def percent_axis(axis: Any, label: str) -> None:
    """Write shares on an axis as percentages."""
    axis.set_label_text(label)
    axis.set_major_locator(MaxNLocator(_most_ticks(axis), steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: exact_percent(value)))


def date_axis(ax: Axes, label: str) -> None:
    """Write a few dates on the x axis; the years are in the label if no tick may show them."""
    first, last = (num2date(end) for end in ax.dataLim.intervalx)
    if (last - first).days < DAYS_WITH_A_JANUARY:
        years = f"{first.year}" if first.year == last.year else f"{first.year}–{last.year}"
        label = f"{label}, {years}"
    locator = AutoDateLocator(minticks=2, maxticks=4 if small(ax) else 7)
    ax.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator, show_offset=False)
    formatter.formats[2] = "%d %b"  # a day alone may be in any month
    ax.xaxis.set_major_formatter(formatter)
    ax.set_xlabel(label)


def log_axis(ax: Axes, smallest: float, largest: float, others: Mapping[float, str] | None = None) -> None:
    """Make the x axis logarithmic, with ticks at powers of ten, or more if there are few of them, and some others.

    Parameters
    ----------
    smallest, largest
        Ends of the axis.
    others
        Names of other places on the axis.
    """
    low, high = int(np.floor(np.log10(smallest))), int(np.ceil(np.log10(largest)))
    tens = sum(smallest <= 10.0**power <= largest for power in range(low, high + 1))
    few = tens < (2 if small(ax) else 4)
    choices = [
        [
            value
            for power in range(low, high + 1, every)
            for step in steps
            if smallest <= (value := step * 10.0**power) <= largest * 1.001
        ]
        for steps, every in [*FEW_STEPS * int(few), ((1,), 1), ((1,), 2), ((1,), 3)]
    ]
    names = {value: amount(value) for values in choices for value in values} | dict(others or {})
    ax.set_xscale("log")
    ax.set_xlim(smallest, largest)
    ax.xaxis.set_major_locator(_ApartLocator(ax, choices, list(others or {}), names))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(value, "")))


def cells(
    ax: Axes,
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    write: Callable[[float], str],
    style: dict[str, Any],
    *,
    tick: Callable[[float], str] | None = None,
    turned: bool = False,
) -> None:
    """Draw a matrix as coloured cells, the first row on top, with the number in each cell where there is room.

    Parameters
    ----------
    values
        One number per cell, NaN for a cell that stays empty.
    rows, columns
        Names of the rows and columns.
    write
        Returns a number as text.
    style
        Passed to `matplotlib.axes.Axes.pcolormesh`.
    tick
        Returns a number as text for the colour bar, which is drawn if the cells have no room for numbers; by default as in the cells.
    turned
        Whether to rotate the names of the columns, for long names.
    """
    height, width = ax.bbox.height / ax.figure.dpi, ax.bbox.width / ax.figure.dpi
    row, column = height / len(rows), width / len(columns)
    edges = {"edgecolors": paper(), "linewidth": 0.8} if min(row, column) > 0.15 else {}
    mesh = draw(ax.pcolormesh, np.ma.masked_invalid(values), **{"cmap": RAMP, **edges, **style})
    for side in ax.spines.values():
        side.set_visible(False)
    ax.tick_params(length=0, labelsize="x-small" if small(ax) else "medium")
    _few_ticks(ax.xaxis, columns, width / (LINE_INCHES if turned else LETTER_INCHES * (max(map(len, columns)) + 1)))
    _few_ticks(ax.yaxis, rows, height / LINE_INCHES)
    if turned:
        ax.tick_params(axis="x", labelrotation=40)
        for label in ax.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    ax.set_ylim(len(rows), 0)
    if row >= ROOM_INCHES[0] and column >= ROOM_INCHES[1]:
        size = "x-small" if column < 2 * ROOM_INCHES[1] else "small"
        for y, x in zip(*np.nonzero(np.isfinite(values)), strict=True):
            colour = mesh.to_rgba(values[y, x])
            luminance = np.dot(colour[:3], (0.2126, 0.7152, 0.0722))
            ink = "white" if luminance < 0.5 else "black"
            ax.text(x + 0.5, y + 0.5, write(values[y, x]), ha="center", va="center", fontsize=size, color=ink)
    else:
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize="x-small" if small(ax) else "small")
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: (tick or write)(value)))


def label_bars(ax: Axes, bars: Any, labels: Sequence[str], size: str) -> None:
    """Write a label at the end of each horizontal bar, and let the x axis end where the labels do."""
    texts = ax.bar_label(bars, list(labels), fontsize=size, padding=3)
    width = LEAST_WIDTH_LEFT * ax.bbox.width
    # An annotation outside of the axes, as they are so far, says that it has no extent.
    room = np.array([min((Text.get_window_extent(text).width + 8) / width, 0.7) for text in texts])
    values = np.asarray(bars.datavalues, dtype="float64")
    left = values < 0
    # An axis from low to high has room for labels on both sides if it is as long as each pair of bars needs it to be.
    high, low = (np.append(values[side], 0.0) for side in (~left, left))
    high_room, low_room = (np.append(room[side], 0.0) for side in (~left, left))
    length = ((high[:, None] - low) / np.maximum(1 - high_room[:, None] - low_room, 0.2)).max()
    ends = [float((low - low_room * length).min()), float((high + high_room * length).max())]
    if len(ax.containers) > 1:  # there are other bars
        ends += ax.get_xlim()
    ax.set_xlim(min(ends), max(ends) or (0 if min(ends) else 1))


def amount(value: float) -> str:
    """Return a number as text for an axis, with as few digits as possible.

    Examples
    --------
    >>> amount(1250.0), amount(0.5), amount(1.25), amount(2_500_000), amount(1e13)
    ('1,250', '0.5', '1.25', '2.5M', '10,000B')
    """
    if abs(value) >= 1e6:
        number, letter = (value / 1e6, "M") if abs(value) < 999.5e6 else (value / 1e9, "B")
        return (f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}") + letter
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.3g}"


def money(value: float, currency: str | None) -> str:
    """Return an amount of money as text for a sentence; without the currency if that is unknown.

    Examples
    --------
    >>> money(59.961, "EUR"), money(1312.4, "EUR")
    ('59.96 EUR', '1,312 EUR')
    """
    value = round(value, 2) + 0.0  # never -0.00
    number = f"{value:,.2f}" if abs(value) < 100 else amount(round(value))
    return f"{number} {currency}" if currency else number


def percent(share: float) -> str:
    """Return a share as text.

    Examples
    --------
    >>> percent(0.674), percent(0.0004), percent(0.0)
    ('67%', '<1%', '0%')
    """
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def exact_percent(share: float) -> str:
    """Return a share as text for an axis, whose ticks may lie between whole percentages.

    Examples
    --------
    >>> exact_percent(0.025), exact_percent(0.5)
    ('2.5%', '50%')
    """
    return f"{100 * share:.3g}%"


def literal(text: Any, longest: int = 200) -> str:
    """Return a text that matplotlib shows literally.

    A dollar sign starts no formula, a long text is cut, and a character that the font lacks becomes a square.
    """
    line = printable(text)
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    if not line.isascii():
        fonts = _fonts(tuple(FontProperties().get_family()), tuple(rcParams["font.sans-serif"]))
        line = "".join(c if _in_a_font(c, fonts) else MISSING_GLYPH for c in line)
    return line.replace("$", r"\$")


def _points(text: str, font: FontProperties) -> float:
    """Return the width of a text in points."""
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def _most_ticks(axis: Any) -> int:
    return 3 if axis.axis_name == "x" and small(axis.axes) else 5


@lru_cache(maxsize=8)
def _fonts(families: tuple[str, ...], _sans_serif: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the font files that text is drawn with, in the order in which they are tried."""
    return tuple(Path(findfont(FontProperties(family=[family]))) for family in families)


@lru_cache(maxsize=4096)
def _in_a_font(character: str, fonts: tuple[Path, ...]) -> bool:
    return any(get_font(str(font)).get_char_index(ord(character)) for font in fonts)


def _few_ticks(axis: Any, names: Sequence[str], room: float) -> None:
    """Name the cells along an axis, or every second, third, … cell if there is no room for all names."""
    step = int(np.ceil(len(names) / max(room, 1)))
    axis.set_ticks(np.arange(0, len(names), step) + 0.5, names[::step])


def _wrapped(artist: Text, text: str, width: float, renderer: Any) -> str:
    """Return a text with its words in lines that are not wider than `width` pixels, where that is possible."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and _width(artist, longer := f"{lines[-1]} {word}", renderer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def _width(artist: Text, text: str, renderer: Any) -> float:
    artist.set_text(text)
    return Text.get_window_extent(artist, renderer).width


class _ApartLocator(Locator):
    """Puts ticks on an x axis: of several choices the first whose labels do not touch at the present width of the axes."""

    def __init__(
        self, ax: Axes, choices: Sequence[Sequence[float]], others: Sequence[float], names: Mapping[float, str]
    ) -> None:
        self.ax, self.choices, self.others, self.names = ax, choices, others, names

    def __call__(self) -> list[float]:
        """Return where the ticks are."""
        size = self.ax.xaxis.get_tick_params().get("labelsize", rcParams["xtick.labelsize"])
        font = FontProperties(size=size)
        halves = {value: _points(name, font) / 2 + LABEL_GAP for value, name in self.names.items()}
        pixels = self.ax.transData.transform([(value, 1.0) for value in self.names])[:, 0]
        places = dict(zip(self.names, 72 / self.ax.figure.dpi * pixels, strict=True))

        def apart(a: float, b: float) -> bool:
            return bool(abs(places[a] - places[b]) >= halves[a] + halves[b])

        others: list[float] = []
        for value in self.others:
            others += [value] * all(apart(value, other) for other in others)
        kept = [[value for value in values if all(apart(value, other) for other in others)] for values in self.choices]
        fitting = [values for values in kept if all(apart(a, b) for a, b in pairwise(values))]
        best = next((values for values in fitting if len(values) > 1), max(fitting, key=len, default=[]))
        return sorted([*best, *others])

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return where the ticks are, whatever the ends of the axis."""
        return self()


class _Sentence(Text):
    """A text in the middle of the axes, wrapped to their width."""

    def __init__(self, ax: Axes, text: str) -> None:
        place: Any = {"ha": "center", "va": "center", "transform": ax.transAxes, "clip_on": False}
        super().__init__(0.5, 0.5, text, color=grey(0.75), **place)
        self.words = text

    def fit(self, renderer: Any = None) -> None:
        """Wrap the text to the present width of the axes, as the renderer measures it."""
        self.set_text(_wrapped(self, self.words, 0.9 * _axes_of(self).bbox.width, renderer))

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Bbox:
        """Return where the text will be drawn; a layout engine asks for it before anything is drawn."""
        self.fit(renderer)
        return super().get_window_extent(renderer, dpi)

    def draw(self, renderer: Any) -> None:
        """Draw the text, wrapped."""
        self.fit(renderer)
        super().draw(renderer)


class _Note(_Sentence):
    """The small print between the axes and their title.

    Both start at the left edge of the labels of the y axis, and are wrapped to the width of the axes and labels.
    """

    def __init__(self, ax: Axes, title: str, note: str) -> None:
        super().__init__(ax, note)
        above = offset_copy(ax.transAxes, ax.get_figure(root=True), 0, 5, "points")
        self.set(x=0, y=1, ha="left", va="bottom", transform=above)
        self.set(color=grey(0.65), linespacing=1.1, fontsize="x-small" if small(ax) else "small")
        self.title = ax.set_title(title, loc="left")
        self.title.set(fontsize="medium" if small(ax) else "large", fontweight="bold")
        self.heading = self.written = title
        self.inches = 0.0

    def fit(self, renderer: Any = None) -> None:
        """Wrap the note and the title to the present width of the axes and their labels."""
        ax = _axes_of(self)
        labels = ax.yaxis.get_tightbbox(renderer)
        left = min(ax.bbox.x0, labels.x0) if labels else ax.bbox.x0
        place, width = (left - ax.bbox.x0) / ax.bbox.width, ax.bbox.x1 - left
        inches = width / ax.figure.dpi
        if self.title.get_text() != self.written:  # somebody has set another title
            self.heading, self.inches = self.title.get_text(), 0.0
        if abs(inches - self.inches) > SLACK * inches:
            # A layout engine measures before it moves the axes one last time, which must not add a line.
            self.set_text(_wrapped(self, self.words, width, renderer))
            self.written = _wrapped(self.title, self.heading, width, renderer)
            self.inches = inches
        self.set_x(place)
        font: Any = {"fontsize": self.title.get_fontsize(), "fontweight": self.title.get_fontweight()}
        pad = 72 / ax.figure.dpi * Text.get_window_extent(self, renderer).height + 8
        ax.set_title(self.written, font, loc="left", pad=pad, x=place)

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Bbox:
        """Return where the note and the title will be drawn."""
        note, title = super().get_window_extent(renderer, dpi), self.title.get_window_extent(renderer, dpi)
        return Bbox.from_extents(note.x0, note.y0, note.x1, max(note.y1, title.y1))


def _axes_of(artist: Text) -> Axes:
    """Return the axes that a text has been added to."""
    if not isinstance(artist.axes, Axes):
        raise RuntimeError("the text has been removed from its axes")
    return artist.axes
