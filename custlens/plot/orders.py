"""Charts of how orders and sales are spread over buyers, drawn from the results of `custlens.orders`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from narwhals.typing import IntoFrame

from custlens._arguments import Moment, flag, one_of
from custlens.analysis import orders
from custlens.analysis.observation import to_pandas, without_amounts
from custlens.plot import _style as look
from custlens.plot._data import facts, facts_with_currency

__all__ = ["average_order_value", "concentration", "number_of_orders", "sales_value"]

SCALES = ("log", "linear")
MARKS = (0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
"""Shares of the buyers whose amounts the chart marks or its finding names."""
MOST_POINTS = 501
"""A cumulative curve has one point per buyer, but at most this many."""
ONE_DID = {"have spent": "has spent", "spend": "spends"}
"""What one buyer does, by what several do."""
NAME_INCHES = 0.43
"""How far apart the names of two separate bars are."""
TOP = (0.01, 0.1, 0.2)


def sales_value(
    customers: IntoFrame,
    *,
    scale: str = "log",
    cumulative: bool = False,
    as_of: Moment | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show how much buyers have spent in all.

    The shaded band holds the middle half of the buyers. On a log axis, zero and negative amounts (refunds) have separate bars at the left.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders`` and ``sales_value``.
    scale : {"log", "linear"}
        Scale of the amounts; a linear one ends at the 99th percentile, and what is beyond is one bar. Where all
        amounts are refunds or zero, it is linear and begins at the first percentile.
    cumulative : bool
        Whether to show the share of buyers up to each amount instead of bars.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table does not have it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **style
        Passed to `matplotlib.axes.Axes.bar`, or to `plot` if cumulative.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column, or its amounts are in several currencies.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> cl.plot.sales_value(tables.customers).get_xlabel()
    'Sales value per buyer (USD)'
    """
    words = "What buyers have spent", "Sales value per buyer", "have spent", ""
    return _amounts(customers, "sales_value", words, scale, cumulative, as_of, currency, ax, style)


def average_order_value(
    customers: IntoFrame,
    *,
    scale: str = "log",
    cumulative: bool = False,
    as_of: Moment | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show how much buyers spend per order (sales value ÷ number of orders).

    Parameters, return value and errors are those of `sales_value`.
    """
    words = "What buyers spend per order", "Average order value", "spend", " per order"
    return _amounts(customers, "average_order_value", words, scale, cumulative, as_of, currency, ax, style)


def number_of_orders(
    customers: IntoFrame,
    *,
    scale: str = "linear",
    cumulative: bool = False,
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show how often buyers have ordered.

    Parameters
    ----------
    customers, cumulative, as_of, ax, **style
        As for `sales_value`.
    scale : {"linear", "log"}
        Whether each number of orders up to nine has a bar, or bars are classes that double: 1, 2–3, 4–7 and so on.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError, DataError
        As `sales_value`.
    """
    scale, cumulative = one_of("scale", scale, SCALES), flag("cumulative", cumulative)
    known, counted = facts(customers, as_of), without_amounts(customers)
    least, *_, most_tenth, _, most = _quantiles(counted, "number_of_orders", MARKS)
    doubling = 2.0 ** np.arange(np.ceil(np.log2(most + 1)) + 1) if scale == "log" and known.buyers else None
    bins = to_pandas(orders.distribution(counted, "number_of_orders", edges=doubling))
    title, notes = "How often buyers have ordered", known.notes()
    if not known.buyers:
        return look.say(ax, title, notes, known.nothing())
    buyers, once = look.count(known.buyers, "buyer"), bins.loc[bins["lower"] == 1, "share"].sum()
    if least == most:
        each = "" if known.buyers == 1 else ", each"
        return look.say(ax, title, notes, f"{buyers}{each} with {look.count(most, 'order')}.")
    finding = f"{look.percent(once)} of {buyers} have ordered once; the tenth that orders most, {most_tenth:,.0f} times or more."
    ax = look.begin(ax, title, notes, finding)
    ax.set_xlabel("Orders per buyer")
    if cumulative:
        values, shares = _curve(counted, "number_of_orders", known.buyers)
        _cumulative(ax, np.floor(values), shares, style)
        if scale == "log":
            ax.set_xscale("log", base=2)
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
        else:
            look.amount_axis(ax.xaxis, ax.get_xlabel(), whole=True)
        ax.set_xlim(1, most)
        return ax
    names = [_bin_name(lower, upper) for lower, upper in zip(bins["lower"], bins["upper"], strict=True)]
    bars = look.draw(ax.bar, names, bins["buyers"], **{"color": look.BASE, "width": 0.8, **style})
    size = "xx-small" if look.small(ax) else "small"
    ax.bar_label(bars, [look.percent(share) for share in bins["share"]], fontsize=size, padding=2)
    ax.margins(x=0.02, y=0.12)
    look.amount_axis(ax.yaxis, "Buyers", whole=True)
    look.grid(ax)
    return ax


def concentration(
    customers: IntoFrame,
    *,
    as_of: Moment | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show how unequally sales are spread over buyers: the Lorenz curve, with what the top buyers bring.

    Parameters
    ----------
    customers, as_of, currency, ax
        As for `sales_value`.
    **style
        Passed to `matplotlib.axes.Axes.plot`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError, DataError
        As `sales_value`.
    """
    known, curve = facts_with_currency(customers, as_of, currency), to_pandas(orders.lorenz(customers))
    tops = to_pandas(orders.concentration(customers, top=[*TOP, 1.0]))
    clipped = int(tops["clipped"].iloc[0]) if len(tops) else 0
    title = "Concentration of sales"
    whole, tenth = tops.iloc[-1], tops[tops["top"] == 0.1].iloc[0]
    counted = known.notes(whole["customers"], "without an amount")
    notes = [*counted, f"{clipped:,} with negative sales counted as 0" if clipped else ""]
    if not len(curve):
        nothing = "There are no sales to share." if whole["customers"] else known.nothing("amount")
        return look.say(ax, title, notes, nothing)
    sales = look.money(whole["sales_value"], known.currency)
    if whole["customers"] == 1:
        return look.say(ax, title, notes, f"1 buyer, with sales of {sales}.")
    finding = (
        f"The top {look.percent(tenth['customers'] / whole['customers'])} of {look.count(known.buyers, 'buyer')} bring "
        f"{look.percent(tenth['share_of_sales'])} of {sales} of sales (Gini {whole['gini']:.2f})."
    )
    ax = look.begin(ax, title, notes, finding)
    ax.plot([0, 1], [0, 1], color=look.grey(0.4), linewidth=1, linestyle="--")
    look.draw(ax.plot, curve["customers"], curve["sales"], **{"color": look.BASE, "linewidth": 2, **style})
    for people, share in tops.iloc[:-1].groupby("customers")["share_of_sales"].first().items():
        top = people / whole["customers"]
        ax.plot([1 - top], [1 - share], "o", color=look.ACCENT, clip_on=False)
        ax.annotate(
            f"top {look.percent(top)}: {look.percent(share)}", (1 - top, 1 - share), (-6, 3),
            textcoords="offset points", ha="right", fontsize="x-small" if look.small(ax) else "small",
            color=look.grey(0.85), bbox={"facecolor": look.paper(), "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    look.percent_axis(ax.xaxis, "Buyers, lowest sales first")
    look.percent_axis(ax.yaxis, "Share of sales")
    look.grid(ax, "both")
    return ax


def _amounts(
    customers: IntoFrame,
    column: str,
    words: tuple[str, str, str, str],
    scale: str,
    cumulative: bool,
    as_of: Moment | None,
    currency: str | None,
    ax: Axes | None,
    style: dict[str, Any],
) -> Axes:
    """Draw a distribution of amounts."""
    title, label, verb, per = words
    logs, cumulative = one_of("scale", scale, SCALES) == "log", flag("cumulative", cumulative)
    known = facts_with_currency(customers, as_of, currency)
    least, q01, q25, median, q75, q90, q99, most = _quantiles(customers, column, MARKS)
    if most <= 0:  # refunds alone, which no log axis has
        logs, low, high = False, q01, 0.0
    else:
        low, high = 0.0, q99
    edges = None if logs or np.isnan(most) else _even_edges(low, high)
    bins = to_pandas(orders.distribution(customers, column, edges=edges))
    if not len(bins):
        return look.say(ax, title, known.notes(0, "without an amount"), known.nothing("amount"))
    drawn = int(bins["buyers"].sum())
    buyers, notes = look.count(drawn, "buyer"), known.notes(drawn, "without an amount")
    if least == most:
        did, each = (ONE_DID[verb], "") if drawn == 1 else (verb, ", each")
        return look.say(ax, title, notes, f"{buyers} {did} {look.money(most, known.currency)}{per}{each}.")
    finding = (
        f"Half of {buyers} {verb} less than {look.money(median, known.currency)}{per}; the top tenth "
        f"{look.money(q90, known.currency)} or more."
    )
    hidden = int(bins.loc[bins["upper"] <= 0, "buyers"].sum()) if logs and cumulative else 0
    ax = look.begin(ax, title, [*notes, f"{hidden:,} at 0 or less not drawn" if hidden else ""], finding)
    ax.set_xlabel(f"{label} ({known.unit})")
    if cumulative:
        values, shares = _curve(customers, column, drawn)
        _cumulative(ax, values, shares, style)
        if logs:
            look.log_axis(ax, float(values[values > 0][0]), most)
        else:
            ax.set_xlim(*((low, most) if most <= 0 else (min(least, 0), q99)))
            ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
        return ax
    if logs:
        _log_bars(ax, bins, style)
    else:
        _even_bars(ax, bins, style)
    if q25 > 0:
        _mark_middle(ax, q25, median, q75)
    look.amount_axis(ax.yaxis, "Buyers", whole=True)
    ax.set_ylim(bottom=0)
    look.grid(ax)
    return ax


def _curve(customers: IntoFrame, column: str, buyers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return some values in order, with the least and the greatest, and the share of buyers up to each."""
    ranks = np.linspace(0, 1, min(buyers, MOST_POINTS))
    return _quantiles(customers, column, ranks), (ranks * (buyers - 1) + 1) / buyers


def _cumulative(ax: Axes, values: np.ndarray, shares: np.ndarray, style: dict[str, Any]) -> None:
    """Draw the share of buyers up to each value."""
    look.draw(ax.plot, values, shares, **{"color": look.BASE, "linewidth": 1.8, "drawstyle": "steps-post", **style})
    ax.set_ylim(0, 1)
    look.percent_axis(ax.yaxis, "Buyers, cumulative")
    look.grid(ax, "both")


def _log_bars(ax: Axes, bins: pd.DataFrame, style: dict[str, Any]) -> None:
    """Draw bins of equal ratio on a log axis, with separate bars for zero and refunds to its left."""
    above = bins[bins["upper"] > 0]
    ratio = float((above["upper"] / above["lower"]).iloc[0]) if len(above) else 10.0
    smallest = float(above["lower"].min()) if len(above) else 1.0
    largest = float(above["upper"].max()) if len(above) else 10.0
    others: dict[float, str] = {}
    bars = {"align": "edge", "color": look.BASE, "edgecolor": look.paper(), "linewidth": 0.6, **style}
    # Bars of one width across the axes, and how many of them the names of the separate bars need between them.
    across = np.log(largest / smallest) / np.log(ratio)
    between = max(2, int(np.ceil(across * NAME_INCHES * ax.figure.dpi / ax.bbox.width)))
    place = smallest / ratio
    for name, part in (("0", bins[bins["lower"] == 0]), ("< 0", bins[bins["lower"] == -np.inf])):
        if len(part):
            place /= ratio ** (between if others else 2)
            look.draw(ax.bar, place, part["buyers"], place * (ratio - 1), **{**bars, "color": look.MUTED})
            others[place * ratio**0.5] = name
    look.draw(ax.bar, above["lower"], above["buyers"], above["upper"] - above["lower"], **bars)
    look.log_axis(ax, smallest, largest, others)
    ax.set_xlim(place if others else smallest, largest)


def _even_edges(low: float, high: float) -> list[float]:
    """Return edges of bins of one width, one end of them zero, with a bin below and one beyond."""
    steps = MaxNLocator(24).tick_values(low, max(high, low + 0.01))
    return [-np.inf, *(float(step) for step in steps if low == 0 <= step or step <= 0 == high), np.inf]


def _even_bars(ax: Axes, bins: pd.DataFrame, style: dict[str, Any]) -> None:
    """Draw bins of one width; what is below zero or beyond the last edge has a grey bar."""
    inside = bins[np.isfinite(bins["lower"]) & np.isfinite(bins["upper"])]
    width = float((inside["upper"] - inside["lower"]).iloc[0]) if len(inside) else 1.0
    low, high = bins["lower"].mask(bins["lower"] == -np.inf, bins["upper"] - width), bins["upper"]
    high = high.mask(high == np.inf, bins["lower"] + width)
    colours = [look.BASE if known else look.MUTED for known in bins.index.isin(inside.index)]
    bars = {"align": "edge", "color": colours, "edgecolor": look.paper(), "linewidth": 0.6, **style}
    look.draw(ax.bar, low, bins["buyers"], width, **bars)
    ax.set_xlim(low.iloc[0], high.iloc[-1])
    look.amount_axis(ax.xaxis, ax.get_xlabel())
    beyond = f"{look.amount(bins['lower'].iloc[-1])} or more" if bins["upper"].iloc[-1] == np.inf else ""
    below = f"less than {look.amount(bins['upper'].iloc[0])}" if bins["upper"].iloc[0] < 0 else ""
    for place, text in ((0, below), (1, beyond)):
        if text:
            ax.annotate(
                f"grey: {text}", (place, 0.04), (0, 0), "axes fraction", "offset points", fontsize="x-small",
                ha="right" if place else "left", color=look.grey(0.75), rotation=90,
            )  # fmt: skip


def _mark_middle(ax: Axes, low: float, middle: float, high: float) -> None:
    """Mark the median and the middle half of the buyers."""
    ax.axvspan(low, high, color=look.ACCENT, alpha=0.15, linewidth=0, zorder=0)
    ax.axvline(middle, color=look.ACCENT, linewidth=1.6)
    ax.margins(y=0.25)
    start, end = ax.get_xlim()
    across = np.log if ax.get_xscale() == "log" else np.asarray
    left = across(middle) - across(start) < 0.5 * (across(end) - across(start))
    ax.annotate(
        f"median {middle:,.2f}\nmiddle half {low:,.2f} – {high:,.2f}", (middle, 1), (5 if left else -5, -3),
        ("data", "axes fraction"), "offset points", ha="left" if left else "right", va="top",
        fontsize="x-small" if look.small(ax) else "small", color=look.grey(0.85),
    )  # fmt: skip


def _bin_name(lower: float, upper: float) -> str:
    """Return a class of whole numbers as text."""
    if np.isinf(upper):
        return f"{lower:,.0f}+"
    return f"{lower:,.0f}" if upper == lower + 1 else f"{lower:,.0f}–{upper - 1:,.0f}"


def _quantiles(customers: IntoFrame, column: str, shares: Iterable[float]) -> np.ndarray:
    return to_pandas(orders.quantiles(customers, column, q=list(shares))).iloc[0].to_numpy("float64")
