"""Charts of the order statistics, fed by `custlens.orders`."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from custlens.analysis import orders
from custlens.analysis.orders.breakdown import OTHER, UNKNOWN
from custlens.analysis.orders.distribution import BINS_A_DECADE
from custlens.plot import _style as look

__all__ = ["average_order_value", "first_orders", "last_orders", "number_of_orders", "sales_by", "sales_value"]

NOBODY = "No buyers yet: nobody in this table has ordered."
BY_LABELS = {
    "billing_country_code": "billing country",
    "customer_group_name": "customer group",
    "b2b_b2c": "kind of customer",
    "lang": "language",
}


def sales_value(customers: Any, *, ax: Axes | None = None, currency: str | None = None, **style: Any) -> Axes:
    """Show how much buyers have spent in all, on a log axis.

    Parameters
    ----------
    customers
        A customers table.
    ax
        Where to draw; a new figure by default.
    currency
        ISO 4217 currency to write on the axis, where the table does not know it.
    **style
        Passed to `matplotlib.axes.Axes.bar`.

    Returns
    -------
    matplotlib.axes.Axes
    """
    return _amounts(customers, "sales_value", "What buyers have spent", "Sales value a buyer", ax, currency, style)


def average_order_value(customers: Any, *, ax: Axes | None = None, currency: str | None = None, **style: Any) -> Axes:
    """Show how much buyers spend an order (S/n), on a log axis; parameters as for `sales_value`."""
    text = "What buyers spend an order"
    return _amounts(customers, "average_order_value", text, "Average order value of a buyer", ax, currency, style)


def number_of_orders(customers: Any, *, ax: Axes | None = None, **style: Any) -> Axes:
    """Show how often buyers have ordered; parameters as for `sales_value`."""
    ax = look.axes(ax)
    counts = _counts(customers)
    bins = _pandas(orders.distribution(customers, "number_of_orders"))
    look.title(ax, "How often buyers have ordered", *_notes(counts))
    if not len(bins):
        return look.empty(ax, NOBODY)
    labels = [f"{lower:.0f}" if np.isfinite(upper) else f"{lower:.0f}+" for lower, upper in _edges(bins)]
    bars = ax.bar(labels, bins["buyers"], **{"color": look.BASE, "width": 0.8, **style})
    ax.bar_label(
        bars, [f"{share:.0%}" if share >= 0.01 else "<1%" for share in bins["share"]], fontsize="small", padding=2
    )
    ax.margins(y=0.12)
    ax.set_xlabel("Orders of a buyer")
    return _count_axis(ax, "Buyers")


def first_orders(
    customers: Any, *, every: str = "month", time_zone: str = "UTC", ax: Axes | None = None, **style: Any
) -> Axes:
    """Show when buyers ordered for the first time.

    Parameters
    ----------
    customers, ax, **style
        As for `sales_value`.
    every
        ``"day"``, ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``.
    time_zone
        IANA name of the time zone that a period begins in.

    Returns
    -------
    matplotlib.axes.Axes
    """
    text = f"New buyers by {every} of the first order"
    return _dates(customers, "first_orders", text, "New buyers", every, time_zone, ax, style)


def last_orders(
    customers: Any, *, every: str = "month", time_zone: str = "UTC", ax: Axes | None = None, **style: Any
) -> Axes:
    """Show when buyers were last seen ordering; parameters as for `first_orders`."""
    text = f"Buyers by {every} of the last order so far"
    return _dates(customers, "last_orders", text, "Buyers last seen", every, time_zone, ax, style)


def sales_by(
    customers: Any,
    by: str = "billing_country_code",
    *,
    top: int = 12,
    ax: Axes | None = None,
    currency: str | None = None,
    **style: Any,
) -> Axes:
    """Show what groups of customers have spent.

    Parameters
    ----------
    customers, ax, currency, **style
        As for `sales_value`; the style is passed to `matplotlib.axes.Axes.barh`.
    by
        As for `custlens.orders.breakdown`.
    top
        Groups to show; the note says how many are left out.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = look.axes(ax)
    counts = _counts(customers, currency)
    groups = _pandas(orders.breakdown(customers, by))
    groups = groups[groups["buyers"] > 0]
    shown = groups.head(top)
    rest = f"smaller groups not shown: {len(groups) - top}" if len(groups) > top else ""
    look.title(ax, f"Sales by {BY_LABELS[by]}", *_notes(counts), rest)
    if not len(groups):
        return look.empty(ax, NOBODY)
    names = [look.literal(name, 28) for name in shown[by]]
    places = np.arange(len(shown))
    colours = [look.MUTED if name in (UNKNOWN, OTHER) else look.BASE for name in shown[by]]
    bars = ax.barh(places, shown["sales_value"], **{"color": colours, "height": 0.75, **style})
    labels = [
        f"{look.amount(round(sales))} ({share:.0%}), {count:,} buyers"
        for sales, share, count in zip(shown["sales_value"], shown["share"].fillna(0), shown["buyers"], strict=True)
    ]
    ax.bar_label(bars, labels, fontsize="small", padding=4)
    ax.set_yticks(places, names)
    ax.set_xlim(min(0, shown["sales_value"].min() * 1.1), max(shown["sales_value"].max(), 1) * 1.6)
    ax.set_ylim(max(len(shown), 4) - 0.5, -0.5)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
    ax.set_xlabel(f"Sales value ({_currency(counts)})")
    return ax


def _amounts(
    customers: Any, of: str, text: str, label: str, ax: Axes | None, currency: str | None, style: dict[str, Any]
) -> Axes:
    """Draw a distribution of amounts on a log axis, with zero and refunds in bars of their own."""
    ax = look.axes(ax)
    counts = _counts(customers, currency)
    bins = _pandas(orders.distribution(customers, of))
    look.title(ax, text, *_notes(counts))
    if not len(bins):
        return look.empty(ax, NOBODY)
    above = bins[bins["upper"] > 0]
    ratio = 10 ** (1 / BINS_A_DECADE)
    smallest = float(above["lower"].min()) if len(above) else 1.0
    largest = float(above["upper"].max()) if len(above) else 10.0
    aside = [("0", bins[(bins["upper"] <= 0) & np.isfinite(bins["lower"])]), ("< 0", bins[~np.isfinite(bins["lower"])])]
    look_of_bars = {"color": look.BASE, "edgecolor": "white", "linewidth": 0.6, **style}
    ticks = {value: look.amount(value) for value in _decades(smallest, largest)}
    place = smallest / ratio**2
    for name, part in aside:
        if len(part):
            place /= ratio
            colours = {**look_of_bars, "color": look.MUTED}
            ax.bar(place, part["buyers"], place * (ratio - 1), align="edge", **colours)
            ticks[place * ratio**0.5] = name
            place /= ratio**2
    widths = above["upper"] - above["lower"]
    ax.bar(above["lower"], above["buyers"], widths, align="edge", **look_of_bars)
    ax.set_xscale("log")
    ax.set_xlim(place * ratio, largest * ratio)
    ax.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: ticks.get(value, "")))
    ax.set_xlabel(f"{label} ({_currency(counts)}, log scale)")
    low, middle, high = (float(value) for value in _pandas(orders.quantiles(customers, of)).iloc[0])
    if low > 0:
        ax.axvspan(low, high, color=look.ACCENT, alpha=0.12, linewidth=0, zorder=0)
        ax.axvline(middle, color=look.ACCENT, linewidth=1.6)
        words = f" median {middle:,.2f}\n middle half {low:,.2f} – {high:,.2f}"
        left = np.log(middle / smallest) < 0.55 * np.log(largest / smallest)
        words = words if left else words.replace("\n ", "\n").strip() + " "
        ax.margins(y=0.22)
        ax.annotate(
            words, (middle, 1), (4 if left else -4, -2), ("data", "axes fraction"), "offset points",
            ha="left" if left else "right", va="top", fontsize="small", color="#8a3d00",
        )  # fmt: skip
    return _count_axis(ax, "Buyers")


def _dates(
    customers: Any,
    kind: str,
    text: str,
    label: str,
    every: str,
    time_zone: str,
    ax: Axes | None,
    style: dict[str, Any],
) -> Axes:
    """Draw one bar a period; the period that was not over yet is pale."""
    ax = look.axes(ax)
    table = _pandas(orders.order_dates(customers, every=every, time_zone=time_zone))
    table = table[table[kind] > 0]
    counts = _counts(customers)
    over = table["complete"].fillna(True).astype(bool)
    unfinished = "" if over.all() else "pale: not over yet"
    undated = int(counts["buyers"]) - int(table[kind].sum())
    look.title(
        ax,
        text,
        *_notes(counts),
        f"{undated:,} undated left out" if undated else "",
        unfinished,
    )
    if not len(table):
        return look.empty(ax, NOBODY)
    days = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}[every]
    bars = ax.bar(
        table["period"],
        table[kind],
        **{"width": pd.Timedelta(days=days * 0.9), "align": "edge", "color": look.BASE, **style},
    )
    for bar, done in zip(bars, over, strict=True):
        bar.set_alpha(None if done else 0.4)
    locator = AutoDateLocator(minticks=2, maxticks=10)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel(f"{every.capitalize()} ({time_zone})")
    return _count_axis(ax, label)


def _count_axis(ax: Axes, label: str) -> Axes:
    ax.set_ylabel(label)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
    ax.grid(axis="y", color="#e6e6e6")
    return ax


def _counts(customers: Any, currency: str | None = None) -> pd.Series[Any]:
    return _pandas(orders.summary(customers, currency=currency)).iloc[0]


def _notes(counts: pd.Series[Any]) -> list[str]:
    """Say how many are shown, who is left out, and when it was."""
    left_out = {"without orders": int(counts["prospects"]), "without statistics": int(counts["no_stats"])}
    when = "an unknown time" if pd.isna(counts["as_of"]) else f"{counts['as_of']:%d %b %Y}".lstrip("0")
    return [
        f"n = {int(counts['buyers']):,} buyers",
        *(f"{count:,} {name} left out" for name, count in left_out.items() if count),
        f"as of {when}",
    ]


def _currency(counts: pd.Series[Any]) -> str:
    return "currency unknown" if pd.isna(counts["currency"]) else str(counts["currency"])


def _edges(bins: pd.DataFrame) -> list[tuple[float, float]]:
    return list(zip(bins["lower"], bins["upper"], strict=True))


def _decades(smallest: float, largest: float) -> list[float]:
    """Give the powers of ten in a range; where there are few of them, twos and fives too."""
    low, high = int(np.floor(np.log10(smallest))), int(np.ceil(np.log10(largest)))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    values = [step * 10.0**power for power in range(low, high + 1) for step in steps]
    return [value for value in values if smallest <= value <= largest * 1.001]


def _pandas(table: Any) -> pd.DataFrame:
    """Give a small result as pandas, whatever kind it is."""
    frame: pd.DataFrame = nw.from_native(table).lazy().collect().to_pandas()
    return frame
