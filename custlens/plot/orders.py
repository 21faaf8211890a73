"""Charts of what buyers have ordered and spent, drawn from the results of `custlens.orders`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from narwhals.typing import IntoFrame

from custlens._arguments import Moment, flag, one_of, shown, whole_number
from custlens.analysis import orders
from custlens.analysis.orders.breakdown import OTHER, UNKNOWN
from custlens.errors import ArgumentError
from custlens.plot import _style as look
from custlens.plot._data import NOBODY, facts, pandas, period_name

__all__ = [
    "average_order_value",
    "comparison",
    "concentration",
    "number_of_orders",
    "observed_revenue",
    "quality",
    "sales_by",
    "sales_value",
]

SCALES = ("log", "linear")
BY_LABELS = {
    "billing_country_code": "billing country",
    "billing_state_or_province_name": "billing state or province",
    "customer_group_name": "customer group",
    "b2b_b2c": "kind of customer",
    "lang": "language",
    "accept_marketing": "consent to marketing",
}
MEASURES = {
    "repeat_rate": "Repeat rate",
    "orders_per_buyer": "Orders per buyer",
    "mean_order_value": "Mean order value",
    "mean_buyer_value": "Mean value of a buyer",
    "median_buyer_value": "Median value of a buyer",
}
MARKS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
"""Shares of the buyers whose amounts are marked or told."""
POINTS = np.linspace(0, 1, 501)
"""Shares of the buyers at which a cumulative curve is exact."""
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

    The shaded band holds the middle half of the buyers. On a log axis amounts of zero and refunds stand beside it.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders`` and ``sales_value``.
    scale : {"log", "linear"}
        Scale of the amounts; a linear one ends at the 99th percentile, and what is beyond is one bar.
    cumulative : bool
        Whether to show the share of buyers up to each amount instead of bars.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table does not say it.
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
        If an argument is of another kind, or matplotlib does not know the style.
    DataError
        If the table lacks a column, or its amounts are of several currencies.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> cl.plot.sales_value(tables.customers).get_xlabel()
    'Sales value per buyer (USD)'
    """
    words = "What buyers have spent", "Sales value per buyer", "have spent"
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
    words = "What buyers spend per order", "Average order value", "spend per order"
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
    known, (least, *_, most_tenth, _, most) = facts(customers, as_of), _quantiles(customers, "number_of_orders", MARKS)
    doubling = [*2.0 ** np.arange(np.log2(most) + 1), np.inf] if scale == "log" and known.buyers else None
    bins = pandas(orders.distribution(customers, "number_of_orders", edges=doubling))
    curve = _quantiles(customers, "number_of_orders", POINTS) if cumulative else np.array([])
    ax = look.axes(ax)
    title = "How often buyers have ordered"
    if not known.buyers:
        look.head(ax, title, known.notes(), NOBODY)
        return look.message(ax, NOBODY)
    buyers, once = look.count(known.buyers, "buyer"), bins.loc[bins["lower"] == 1, "share"].sum()
    finding = f"{look.percent(once)} of {buyers} have ordered once; the tenth that orders most, {most_tenth:,.0f} times or more."
    if least == most:
        finding = f"{buyers}{'' if known.buyers == 1 else ', each'} with {look.count(most, 'order')}."
        look.head(ax, title, known.notes(), finding)
        return look.message(ax, finding)
    look.head(ax, title, known.notes(), finding)
    ax.set_xlabel("Orders per buyer")
    if cumulative:
        _cumulative(ax, curve, style)
        if scale == "log":
            ax.set_xscale("log", base=2)
        ax.set_xlim(1, most)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
        return ax
    names = [_bin_name(lower, upper) for lower, upper in zip(bins["lower"], bins["upper"], strict=True)]
    bars = look.draw(ax.bar, names, bins["buyers"], **{"color": look.BASE, "width": 0.8, **style})
    size = "xx-small" if look.small(ax) else "small"
    ax.bar_label(bars, [look.percent(share) for share in bins["share"]], fontsize=size, padding=2)
    ax.margins(x=0.02, y=0.12)
    look.amount_axis(ax.yaxis, "Buyers", whole=True)
    look.grid(ax)
    return ax


def sales_by(
    customers: IntoFrame,
    by: str = "billing_country_code",
    column: str = "sales_value",
    *,
    top: int = 12,
    as_of: Moment | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show what groups of customers have spent.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders``, ``sales_value`` and the column `by`.
    by : str
        The column to group by, as for `custlens.orders.breakdown`.
    column : {"sales_value", "median_buyer_value"}
        What to show of each group: its sales, or the median of its buyers with a 95 % interval.
    top : int
        Number of groups to show; the note says how many more there are.
    as_of, currency, ax
        As for `sales_value`.
    **style
        Passed to `matplotlib.axes.Axes.barh`, or to `errorbar` for medians.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or matplotlib does not know the style.
    DataError
        If the table lacks a column, or its amounts are of several currencies.
    """
    top = whole_number("top", top, least=1)
    column = one_of("column", column, ["sales_value", "median_buyer_value"])
    known, groups = facts(customers, as_of, currency), pandas(orders.breakdown(customers, by))
    ax = look.axes(ax)
    groups = groups[groups["buyers"] > 0]
    table = groups.head(top)
    rest = f"{look.count(len(groups) - top, 'smaller group')} not shown" if len(groups) > top else ""
    medians = column == "median_buyer_value"
    title = f"{'Median value of buyers' if medians else 'Sales'} by {BY_LABELS[by]}"
    notes = [*known.notes(), rest, "95% intervals" if medians else ""]
    if not len(groups):
        look.head(ax, title, notes, NOBODY)
        return look.message(ax, NOBODY)
    names = [_group_name(name, by) for name in table[by]]
    shares, best = table["share"].fillna(0), table.iloc[0]
    finding = (
        f"{names[0]}: {look.percent(shares.iloc[0])} of {look.money(groups['sales_value'].sum(), known.currency)} of "
        f"sales, from {look.count(best['buyers'], 'buyer')}; half of them have spent less than "
        f"{look.money(best['median_buyer_value'], known.currency)}."
    )
    look.head(ax, title, notes, finding)
    if len(table) == 1:
        return look.message(ax, finding)
    places = np.arange(len(table))
    colours = [look.MUTED if name in (UNKNOWN, OTHER) else look.BASE for name in table[by]]
    if medians:
        middle = table[column].to_numpy()
        ends = table[[f"{column}_ci_low", f"{column}_ci_high"]].to_numpy().T
        errors = np.nan_to_num(np.abs(ends - middle))
        look.draw(ax.errorbar, middle, places, xerr=errors, **{"fmt": "o", "color": look.BASE, **style})
        names = [f"{name} ({number:,})" for name, number in zip(names, table["buyers"], strict=True)]
        ax.set_xlim(min(0, np.nanmin(middle - errors[0])), np.nanmax(middle + errors[1]) * 1.05)
    else:
        bars = look.draw(ax.barh, places, table[column], **{"color": colours, "height": 0.75, **style})
        size = "xx-small" if look.small(ax) else "small"
        pairs = zip(shares, table["buyers"], strict=True)
        labels = [f"{look.percent(share)}, {look.count(number, 'buyer')}" for share, number in pairs]
        ax.bar_label(bars, labels, fontsize=size, padding=3)
        ax.set_xlim(min(0, table[column].min() * 1.1), max(table[column].max(), 1) * 1.45)
    ax.set_yticks(places, [look.literal(name, 28) for name in names])
    ax.set_ylim(len(table) - 0.5, -0.5)
    look.amount_axis(ax.xaxis, f"{'Median sales value' if medians else 'Sales value'} ({known.unit})")
    look.grid(ax, "x")
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
    known, curve = facts(customers, as_of, currency), pandas(orders.lorenz(customers))
    tops = pandas(orders.concentration(customers, top=[*TOP, 1.0]))
    ax = look.axes(ax)
    title = "Concentration of sales"
    clipped = int(tops["clipped"].iloc[0]) if len(tops) else 0
    notes = [*known.notes(), f"{clipped:,} with negative sales counted as 0" if clipped else ""]
    if not len(curve):
        text = NOBODY if not known.buyers else "There are no sales to share."
        look.head(ax, title, notes, text)
        return look.message(ax, text)
    whole, tenth = tops.iloc[-1], tops[tops["top"] == 0.1].iloc[0]
    finding = (
        f"The top {look.percent(tenth['customers'] / whole['customers'])} of {look.count(known.buyers, 'buyer')} bring {look.percent(tenth['share_of_sales'])} of "
        f"{look.money(whole['sales_value'], known.currency)} of sales (Gini {whole['gini']:.2f})."
    )
    look.head(ax, title, notes, finding)
    if known.buyers == 1:
        return look.message(ax, f"1 buyer, with sales of {look.money(whole['sales_value'], known.currency)}.")
    ax.plot([0, 1], [0, 1], color=look.grey(0.4), linewidth=1, linestyle="--")
    look.draw(ax.plot, curve["customers"], curve["sales"], **{"color": look.BASE, "linewidth": 2, **style})
    for people, share in tops.iloc[:-1].groupby("customers")["share_of_sales"].first().items():
        top = people / whole["customers"]
        ax.plot([1 - top], [1 - share], "o", color=look.ACCENT, clip_on=False)
        ax.annotate(
            f"top {look.percent(top)}: {look.percent(share)}", (1 - top, 1 - share), (-6, 3),
            textcoords="offset points", ha="right", fontsize="x-small" if look.small(ax) else "small",
            color=look.grey(0.85),
        )  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    look.percent_axis(ax.xaxis, "Buyers, lowest sales first")
    look.percent_axis(ax.yaxis, "Share of sales")
    look.grid(ax, "both")
    return ax


def comparison(
    a: IntoFrame,
    b: IntoFrame,
    *,
    names: Sequence[str] = ("a", "b"),
    level: float = 0.95,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show by how much the buyers of one table differ from those of another, with intervals.

    Parameters
    ----------
    a, b : table
        Customers tables with ``number_of_orders`` and ``sales_value``, in one currency.
    names : pair of str
        What to call them.
    level : float
        Coverage of the intervals.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **style
        Passed to `matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or matplotlib does not know the style.
    DataError
        If a table lacks a column, or there are amounts of several currencies.
    """
    if not isinstance(names, list | tuple) or len(names) != 2 or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"names must be two texts, such as ('2024', '2025'), not {shown(names)}")
    table = pandas(orders.compare(a, b, level=level))
    ax = look.axes(ax)
    title, buyers = f"{names[1]} against {names[0]}", [int(table[f"buyers_{side}"].iloc[0]) for side in "ab"]
    notes = [f"{name}: {look.count(number, 'buyer')}" for name, number in zip(names, buyers, strict=True)]
    table = table[(table["a"] > 0) & table["b"].notna()]
    if not len(table):
        text = "No buyers in one of the tables: there is nothing to compare."
        look.head(ax, title, notes, text)
        return look.message(ax, text)
    unit = table["a"].to_numpy()
    change, low, high = (table[f"difference{end}"].to_numpy() / unit for end in ("", "_ci_low", "_ci_high"))
    sure = [place for place in range(len(table)) if low[place] > 0 or high[place] < 0]
    most = max(sure, key=lambda place: abs(change[place]), default=None)
    finding = f"Between {names[0]} and {names[1]} no measure differs by more than chance explains"
    if most is not None:
        finding = (
            f"{MEASURES[table['measure'].iloc[most]]}: {change[most]:+.0%} in {names[1]} against {names[0]} "
            f"({low[most]:+.0%} to {high[most]:+.0%})"
        )
    look.head(ax, title, [*notes, f"{100 * level:.3g}% intervals"], f"{finding}.")
    places = np.arange(len(table))
    ax.axvline(0, color=look.grey(0.4), linewidth=1)
    errors = np.nan_to_num(np.maximum([change - low, high - change], 0))
    look.draw(ax.errorbar, change, places, xerr=errors, **{"fmt": "o", "color": look.BASE, **style})
    values = [
        f"{look.percent(before)} → {look.percent(after)}"
        if measure == "repeat_rate"
        else f"{look.amount(round(before, 2))} → {look.amount(round(after, 2))}"
        for measure, before, after in table[["measure", "a", "b"]].itertuples(index=False)
    ]
    labels = [f"{MEASURES[name]}\n{text}" for name, text in zip(table["measure"], values, strict=True)]
    ax.set_yticks(places, labels, fontsize="x-small" if look.small(ax) else "medium", linespacing=1)
    ax.set_ylim(len(table) - 0.5, -0.5)
    look.percent_axis(ax.xaxis, "Relative difference")
    look.grid(ax, "x")
    return ax


def quality(customers: IntoFrame, *, as_of: Moment | None = None, ax: Axes | None = None, **style: Any) -> Axes:
    """Show how many customers have statistics with something wrong, by check.

    Parameters
    ----------
    customers : table
        A customers table.
    as_of, ax
        As for `sales_value`.
    **style
        Passed to `matplotlib.axes.Axes.barh`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or matplotlib does not know the style.
    DataError
        If the table lacks a column.
    """
    known, table = facts(customers, as_of), pandas(orders.quality(customers, as_of=as_of))
    ax = look.axes(ax)
    found = table[table["customers"] > 0]
    found = found.assign(meaning=found["meaning"].str.replace("_", " "))
    title, everyone = "Checks of the statistics", look.count(known.customers, "customer")
    notes = [f"n = {everyone}", known.when, f"{len(table) - len(found)} of {len(table)} checks found nothing"]
    if not len(found):
        text = f"Nothing found: {len(table)} checks of {everyone}."
        look.head(ax, title, notes[:2], text)
        return look.message(ax, text)
    worst = found.iloc[0]
    finding = (
        f"{len(found)} of {len(table)} checks of {everyone} found something; most often: {worst['meaning']} "
        f"({look.count(worst['customers'], 'customer')}, {look.percent(worst['share'])})."
    )
    look.head(ax, title, notes, finding)
    if len(found) == 1:
        return look.message(ax, finding)
    places = np.arange(len(found))
    bars = look.draw(ax.barh, places, found["customers"], **{"color": look.BASE, "height": 0.7, **style})
    labels = [
        f"{number:,} ({look.percent(share)})" for number, share in zip(found["customers"], found["share"], strict=True)
    ]
    ax.bar_label(bars, labels, fontsize="x-small", padding=3)
    size = "x-small" if look.small(ax) else "small"
    ax.set_yticks(places, [textwrap.fill(meaning, 32) for meaning in found["meaning"]], fontsize=size)
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.margins(x=0.3)
    look.amount_axis(ax.xaxis, "Customers", whole=True)
    look.grid(ax, "x")
    return ax


def observed_revenue(
    history: IntoFrame,
    *,
    freq: str = "W",
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show the revenue that came in between syncs, by when a sync saw it.

    Parameters
    ----------
    history : table
        As `custlens.Store.history` returns it.
    freq : str
        Length of a period: ``"D"``, ``"W"`` (from Monday), ``"MS"``, ``"QS"`` or ``"YS"``, or ``"day"``, ``"week"``,
        ``"month"``, ``"quarter"`` or ``"year"``.
    currency : str, optional
        ISO 4217 currency of the amounts, if the history does not say it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **style
        Passed to `matplotlib.axes.Axes.bar`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or matplotlib does not know the style.
    DataError
        If the table lacks a column.
    """
    if currency is not None and not (isinstance(currency, str) and currency):
        raise ArgumentError(f"currency must be an ISO 4217 code such as 'EUR', not {shown(currency)}")
    table, period = pandas(orders.observed_revenue(history, freq=freq)), period_name(freq)
    ax = look.axes(ax)
    title = f"Revenue seen by {period} of the sync"
    if not len(table):
        text = "No orders have come in between two syncs yet."
        look.head(ax, title, ["what the first sync found is left out"], text)
        return look.message(ax, text)
    count, revenue = int(table["orders"].sum()), table["revenue"].astype("float64")
    last = table.iloc[-1]
    finding = (
        f"{look.money(revenue.sum(), currency)} from {look.count(count, 'order')} in {look.count(len(table), period)} with "
        f"changes; in the latest, from {last['period']:%Y-%m-%d}, {look.money(last['revenue'], currency)}."
    )
    corrected = table["corrections"].sum()
    notes = [f"n = {look.count(count, 'order')}", "days in UTC"]
    look.head(
        ax, title, [*notes, f"corrections of {look.money(corrected, currency)} not drawn" if corrected else ""], finding
    )
    if len(table) == 1:
        return look.message(ax, finding)
    width = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}[period]
    bars = {"width": pd.Timedelta(days=0.9 * width), "align": "edge", "color": look.BASE, **style}
    look.draw(ax.bar, table["period"], revenue, **bars)
    ax.axhline(0, color=look.grey(0.6), linewidth=0.8)
    look.date_axis(ax, f"{period.capitalize()} of the sync")
    look.amount_axis(ax.yaxis, f"Revenue ({currency or 'currency unknown'})")
    look.grid(ax)
    return ax


def _amounts(
    customers: IntoFrame,
    column: str,
    words: tuple[str, str, str],
    scale: str,
    cumulative: bool,
    as_of: Moment | None,
    currency: str | None,
    ax: Axes | None,
    style: dict[str, Any],
) -> Axes:
    """Draw a distribution of amounts."""
    title, label, verb = words
    logs, cumulative = one_of("scale", scale, SCALES) == "log", flag("cumulative", cumulative)
    known, marks = facts(customers, as_of, currency), _quantiles(customers, column, MARKS)
    least, q25, median, q75, q90, q99, most = marks
    edges = None if logs or np.isnan(most) else _even_edges(q99)
    bins = pandas(orders.distribution(customers, column, edges=edges))
    curve = _quantiles(customers, column, POINTS) if cumulative else np.array([])
    ax = look.axes(ax)
    if not len(bins):
        look.head(ax, title, known.notes(), NOBODY)
        return look.message(ax, NOBODY)
    buyers = look.count(known.buyers, "buyer")
    if least == most:
        finding = f"{buyers}: {look.money(most, known.currency)}{'' if known.buyers == 1 else ' each'}."
        look.head(ax, title, known.notes(), finding)
        return look.message(ax, finding)
    finding = (
        f"Half of {buyers} {verb} less than {look.money(median, known.currency)}; the top tenth "
        f"{look.money(q90, known.currency)} or more."
    )
    hidden = int(bins.loc[bins["upper"] <= 0, "buyers"].sum()) if logs and cumulative else 0
    look.head(ax, title, [*known.notes(), f"{hidden:,} at 0 or less not drawn" if hidden else ""], finding)
    ax.set_xlabel(f"{label} ({known.unit})")
    if cumulative:
        _cumulative(ax, curve, style)
        if logs:
            look.log_axis(ax, float(curve[curve > 0][0]), most)
        else:
            ax.set_xlim(min(least, 0), q99)
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


def _cumulative(ax: Axes, curve: np.ndarray, style: dict[str, Any]) -> None:
    """Draw the share of buyers up to each amount, from the quantiles at `POINTS`."""
    look.draw(ax.plot, curve, POINTS, **{"color": look.BASE, "linewidth": 1.8, "drawstyle": "steps-post", **style})
    ax.set_ylim(0, 1)
    look.percent_axis(ax.yaxis, "Buyers, cumulative")
    look.grid(ax, "both")


def _log_bars(ax: Axes, bins: pd.DataFrame, style: dict[str, Any]) -> None:
    """Draw bins of equal ratio on a log axis; zero and refunds have bars of their own, left of it."""
    above = bins[bins["upper"] > 0]
    ratio = float((above["upper"] / above["lower"]).iloc[0]) if len(above) else 10.0
    smallest = float(above["lower"].min()) if len(above) else 1.0
    largest = float(above["upper"].max()) if len(above) else 10.0
    others = {}
    bars = {"align": "edge", "color": look.BASE, "edgecolor": look.paper(), "linewidth": 0.6, **style}
    place = smallest / ratio
    for name, part in (("0", bins[bins["lower"] == 0]), ("< 0", bins[bins["lower"] == -np.inf])):
        if len(part):
            place /= ratio**2
            look.draw(ax.bar, place, part["buyers"], place * (ratio - 1), **{**bars, "color": look.MUTED})
            others[place * ratio**0.5] = name
    look.draw(ax.bar, above["lower"], above["buyers"], above["upper"] - above["lower"], **bars)
    look.log_axis(ax, smallest, largest, others)
    ax.set_xlim(place if others else smallest, largest)


def _even_edges(most: float) -> list[float]:
    """Return edges of bins of one width from zero to an amount, with a bin below and one beyond."""
    steps = MaxNLocator(24).tick_values(0, max(most, 0.01))
    return [-np.inf, *(float(step) for step in steps if step >= 0), np.inf]


def _even_bars(ax: Axes, bins: pd.DataFrame, style: dict[str, Any]) -> None:
    """Draw bins of one width; what is below zero or beyond the last edge has a grey bar."""
    inside = bins[np.isfinite(bins["lower"]) & np.isfinite(bins["upper"])]
    width = float((inside["upper"] - inside["lower"]).iloc[0])
    low, high = bins["lower"].replace(-np.inf, -width), bins["upper"]
    high = high.mask(high == np.inf, bins["lower"] + width)
    colours = [look.BASE if known else look.MUTED for known in bins.index.isin(inside.index)]
    bars = {"align": "edge", "color": colours, "edgecolor": look.paper(), "linewidth": 0.6, **style}
    look.draw(ax.bar, low, bins["buyers"], width, **bars)
    ax.set_xlim(low.iloc[0], high.iloc[-1])
    look.amount_axis(ax.xaxis, ax.get_xlabel())
    if bins["upper"].iloc[-1] == np.inf:
        text = f"grey: {look.amount(bins['lower'].iloc[-1])} or more"
        ax.annotate(
            text, (1, 0.04), (0, 0), "axes fraction", "offset points", ha="right", fontsize="x-small",
            color=look.grey(0.75), rotation=90,
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


def _group_name(name: Any, by: str) -> str:
    """Return the name of a group as people know it: of a country, not its code."""
    if by == "billing_country_code":
        import pycountry

        country = pycountry.countries.get(alpha_2=str(name))
        if country is not None:
            return str(getattr(country, "common_name", country.name))
    names = {"true": "yes", "false": "no"} if by == "accept_marketing" else {}
    return names.get(str(name), str(name))


def _quantiles(customers: IntoFrame, column: str, shares: Iterable[float]) -> np.ndarray:
    return pandas(orders.quantiles(customers, column, q=list(shares))).iloc[0].to_numpy("float64")
