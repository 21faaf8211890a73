"""Charts of groups of customers, of two tables side by side, and of the checks, from the results of `custlens.orders`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from narwhals.typing import IntoFrame

from custlens._arguments import Moment, one_of, shown, whole_number
from custlens._text import KINDS, country_name, language_name
from custlens.analysis import orders
from custlens.analysis.observation import to_pandas, with_amounts
from custlens.analysis.orders.breakdown import OTHER, UNKNOWN
from custlens.errors import ArgumentError
from custlens.plot import _style as look
from custlens.plot._data import facts, facts_with_currency

__all__ = ["comparison", "quality", "sales_by"]

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
        As for `custlens.plot.sales_value`.
    **style
        Passed to `matplotlib.axes.Axes.barh`, or to `errorbar` for medians.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column, or its amounts are in several currencies.
    """
    top = whole_number("top", top, least=1)
    column = one_of("column", column, ["sales_value", "median_buyer_value"])
    known = facts_with_currency(customers, as_of, currency)
    groups = to_pandas(orders.breakdown(with_amounts(customers), by))
    groups = groups[groups["buyers"] > 0]
    table = groups.head(top)
    medians = column == "median_buyer_value"
    title = f"{'Median value of buyers' if medians else 'Sales'} by {BY_LABELS[by]}"
    rest = f"{look.count(len(groups) - top, 'smaller group')} not shown" if len(groups) > top else ""
    notes = [*known.notes(groups["buyers"].sum(), "without an amount"), rest, "95% intervals" if medians else ""]
    if not len(groups):
        return look.say(ax, title, notes, known.nothing("amount"))
    names = [_group_name(name, by) for name in table[by]]
    if len(groups) == 1:
        names = ["only groups too small to be shown one by one" if table[by].iloc[0] == OTHER else f"{names[0]} only"]
    best, sales = table.iloc[0], look.money(groups["sales_value"].sum(), known.currency)
    parts = [look.money(value, known.currency) for value in table["sales_value"]]
    most, whole = f"Sales by {BY_LABELS[by]}: highest {names[0]}, {parts[0]}", f", of {sales} in all"
    if table["share"].notna().all():
        parts = [look.percent(share) for share in table["share"]]
        most, whole = f"Most sales by {BY_LABELS[by]}: {names[0]}, {parts[0]} of {sales}", ""
    finding = (
        f"{most}, from {look.count(best['buyers'], 'buyer')}{whole}; half of these have spent less than "
        f"{look.money(best['median_buyer_value'], known.currency)}."
    )
    if len(groups) == 1:
        finding = f"Sales by {BY_LABELS[by]}: {names[0]}, {sales} from {look.count(best['buyers'], 'buyer')}."
    if medians:
        which = f", of the {len(table)} groups with most sales" if rest and len(table) > 1 else ""
        finding = f"Median value of buyers by {BY_LABELS[by]}{which}: {_of_medians(table, names, by, known.currency)}."
    if len(table) == 1:
        return look.say(ax, title, notes, finding)
    ax = look.begin(ax, title, notes, finding)
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
        labels = [f"{part}, {look.count(number, 'buyer')}" for part, number in zip(parts, table["buyers"], strict=True)]
        look.label_bars(ax, bars, labels, size)
    ax.set_yticks(places, [look.literal(name, 28) for name in names])
    ax.set_ylim(len(table) - 0.5, -0.5)
    look.amount_axis(ax.xaxis, f"{'Median sales value' if medians else 'Sales value'} ({known.unit})")
    look.grid(ax, "x")
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
    """Show how much the buyers of one table differ from those of another, with intervals.

    Parameters
    ----------
    a, b : table
        Customers tables with ``number_of_orders`` and ``sales_value``, in one currency.
    names : pair of str
        Names of the two tables.
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
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If a table lacks a column, or the amounts are in several currencies.
    """
    if not isinstance(names, list | tuple) or len(names) != 2 or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"names must be two texts, such as ('2024', '2025'), not {shown(names)}")
    table = to_pandas(orders.compare(a, b, level=level))
    title, buyers = f"{names[1]} against {names[0]}", [int(table[f"buyers_{side}"].iloc[0]) for side in "ab"]
    counts = [f"{name}: {look.count(number, 'buyer')}" for name, number in zip(names, buyers, strict=True)]
    table = table[(table["a"] > 0) & table["b"].notna()]
    if not len(table):
        return look.say(ax, title, counts, "No buyers in one of the tables: there is nothing to compare.")
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
    ax = look.begin(ax, title, [*counts, f"{100 * level:.3g}% intervals"], f"{finding}.")
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
    """Show how many customers have doubtful statistics, by check.

    Parameters
    ----------
    customers : table
        A customers table.
    as_of, ax
        As for `custlens.plot.sales_value`.
    **style
        Passed to `matplotlib.axes.Axes.barh`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column.
    """
    known, table = facts(customers, as_of), to_pandas(orders.quality(customers, as_of=as_of))
    found = table[table["customers"] > 0]
    found = found.assign(meaning=found["meaning"].str.replace("_", " "))
    title, everyone = "Checks of the statistics", look.count(known.customers, "customer")
    notes = [f"n = {everyone}", known.when]
    if not len(found):
        return look.say(ax, title, notes, f"Nothing found: {len(table)} checks of {everyone}.")
    worst = found.iloc[0]
    finding = (
        f"{len(found)} of {len(table)} checks of {everyone} found something; most often: {worst['meaning']} "
        f"({look.count(worst['customers'], 'customer')}, {look.percent(worst['share'])})."
    )
    notes.append(f"{len(table) - len(found)} of {len(table)} checks found nothing")
    if len(found) == 1:
        return look.say(ax, title, notes, finding)
    ax = look.begin(ax, title, notes, finding)
    places = np.arange(len(found))
    bars = look.draw(ax.barh, places, found["customers"], **{"color": look.BASE, "height": 0.7, **style})
    labels = [
        f"{number:,} ({look.percent(share)})" for number, share in zip(found["customers"], found["share"], strict=True)
    ]
    look.label_bars(ax, bars, labels, "x-small")
    size = "x-small" if look.small(ax) else "small"
    ax.set_yticks(places, [textwrap.fill(meaning, 32) for meaning in found["meaning"]], fontsize=size)
    ax.set_ylim(len(found) - 0.5, -0.5)
    look.amount_axis(ax.xaxis, "Customers", whole=True)
    look.grid(ax, "x")
    return ax


def _of_medians(table: pd.DataFrame, names: Sequence[str], by: str, currency: str | None) -> str:
    """Return the groups of the highest and of the lowest median as the end of a sentence."""
    medians = pd.Series(table["median_buyer_value"].to_numpy("float64"))
    real = medians[~table[by].isin([UNKNOWN, OTHER]).to_numpy()]
    ranked = (real if len(real) else medians).sort_values()
    told = []
    for place in (ranked.index[-1], ranked.index[0]):
        ends = table[["median_buyer_value_ci_low", "median_buyer_value_ci_high"]].iloc[place]
        interval = " to ".join(look.money(end, None) for end in ends if not np.isnan(end))
        told.append(
            f"{names[place]}, {look.money(medians[place], currency)}{f' (95% interval {interval})' if interval else ''}"
        )
    return told[0] if len(ranked) == 1 else f"highest {told[0]}; lowest {told[1]}"


def _group_name(name: Any, by: str) -> str:
    """Return the name of a group to display; for a country or a language its name, not its code."""
    if by == "billing_country_code":
        return country_name(name)
    if by == "lang":
        return language_name(name)
    names = {"accept_marketing": {"true": "yes", "false": "no"}, "b2b_b2c": KINDS}.get(by, {})
    return names.get(str(name), str(name))
