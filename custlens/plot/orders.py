"""Charts of the order statistics, drawn from the results of `custlens.orders`."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from narwhals.typing import IntoFrame

from custlens._arguments import one_of, whole_number
from custlens.analysis import orders
from custlens.analysis.orders.breakdown import OTHER, UNKNOWN
from custlens.analysis.orders.distribution import BINS_A_DECADE
from custlens.plot import _style as look

__all__ = ["average_order_value", "first_orders", "last_orders", "number_of_orders", "sales_by", "sales_value"]

NOBODY = "No buyers yet: nobody in this table has ordered."
BY_LABELS = {
    "billing_country_code": "billing country",
    "billing_state_or_province_name": "billing state or province",
    "customer_group_name": "customer group",
    "b2b_b2c": "kind of customer",
    "lang": "language",
    "accept_marketing": "consent to marketing",
}
PERIODS = {"D": "day", "W": "week", "MS": "month", "QS": "quarter", "YS": "year"}
ALIASES = {name: alias for alias, name in PERIODS.items()} | {"week": "W-MON"}
"""Aliases of pandas, by the name of the period; a week begins on Monday."""


def sales_value(customers: IntoFrame, *, ax: Axes | None = None, currency: str | None = None, **style: Any) -> Axes:
    """Show how much buyers have spent in all, on a log axis.

    The shaded band holds the middle half of the buyers; amounts of zero and refunds stand beside the log axis.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders`` and ``sales_value``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table does not say it.
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
        If the table lacks a column, or its amounts are of several currencies.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> cl.plot.sales_value(tables.customers).get_xlabel()
    'Sales value per buyer (USD, log scale)'
    """
    return _amounts(customers, "sales_value", "What buyers have spent", "Sales value per buyer", ax, currency, style)


def average_order_value(
    customers: IntoFrame, *, ax: Axes | None = None, currency: str | None = None, **style: Any
) -> Axes:
    """Show how much buyers spend per order (sales value ÷ number of orders), on a log axis.

    Parameters, return value and errors are those of `sales_value`.
    """
    text = "What buyers spend per order"
    return _amounts(customers, "average_order_value", text, "Average order value per buyer", ax, currency, style)


def number_of_orders(customers: IntoFrame, *, ax: Axes | None = None, **style: Any) -> Axes:
    """Show how often buyers have ordered.

    Parameters, return value and errors are those of `sales_value`.
    """
    look.check_axes(ax)
    counts, bins = _counts(customers), _pandas(orders.distribution(customers, "number_of_orders"))
    ax = look.axes(ax)
    look.title(ax, "How often buyers have ordered", *_notes(counts))
    if not len(bins):
        return look.empty(ax, NOBODY)
    edges = zip(bins["lower"], bins["upper"], strict=True)
    labels = [f"{lower:.0f}" if np.isfinite(upper) else f"{lower:.0f}+" for lower, upper in edges]
    bars = look.bars(ax.bar, labels, bins["buyers"], style={"color": look.BASE, "width": 0.8, **style})
    shares = [f"{share:.0%}" if share >= 0.01 else "<1%" for share in bins["share"]]
    ax.bar_label(bars, shares, fontsize="small", padding=2)
    ax.margins(y=0.12)
    ax.set_xlabel("Orders per buyer")
    return _count_axis(ax, "Buyers")


def first_orders(
    customers: IntoFrame, *, freq: str = "MS", tz: str = "UTC", ax: Axes | None = None, **style: Any
) -> Axes:
    """Show when buyers ordered for the first time, up to the time of the observation.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders``, ``sales_value``, ``first_order_date`` and ``last_order_date``.
    freq : str
        Length of a period: ``"D"``, ``"W"`` (from Monday), ``"MS"``, ``"QS"`` or ``"YS"``, or ``"day"``, ``"week"``,
        ``"month"``, ``"quarter"`` or ``"year"``.
    tz : str
        IANA name of the time zone in which periods begin.
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
    return _dates(customers, "first_orders", "New buyers by {} of the first order", "New buyers", freq, tz, ax, style)


def last_orders(
    customers: IntoFrame, *, freq: str = "MS", tz: str = "UTC", ax: Axes | None = None, **style: Any
) -> Axes:
    """Show when buyers were last seen ordering, up to the time of the observation.

    Parameters, return value and errors are those of `first_orders`.
    """
    text = "Buyers by {} of the last order so far"
    return _dates(customers, "last_orders", text, "Buyers last seen", freq, tz, ax, style)


def sales_by(
    customers: IntoFrame,
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
    customers : table
        A customers table with ``number_of_orders``, ``sales_value`` and the column `by`.
    by : str
        The column to group by, as for `custlens.orders.breakdown`.
    top : int
        Number of groups to show; the note says how many more there are.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table does not say it.
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
        If the table lacks a column, or its amounts are of several currencies.
    """
    look.check_axes(ax)
    top = whole_number("top", top, least=1)
    counts, groups = _counts(customers, currency), _pandas(orders.breakdown(customers, by))
    ax = look.axes(ax)
    groups = groups[groups["buyers"] > 0]
    shown = groups.head(top)
    rest = f"smaller groups not shown: {len(groups) - top}" if len(groups) > top else ""
    look.title(ax, f"Sales by {BY_LABELS[by]}", *_notes(counts), rest)
    if not len(groups):
        return look.empty(ax, NOBODY)
    names = [look.literal(name, 28) for name in shown[by]]
    places = np.arange(len(shown))
    colours = [look.MUTED if name in (UNKNOWN, OTHER) else look.BASE for name in shown[by]]
    bars = look.bars(ax.barh, places, shown["sales_value"], style={"color": colours, "height": 0.75, **style})
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
    customers: IntoFrame,
    column: str,
    text: str,
    label: str,
    ax: Axes | None,
    currency: str | None,
    style: dict[str, Any],
) -> Axes:
    """Draw a distribution of amounts on a log axis, with zero and refunds in bars of their own."""
    look.check_axes(ax)
    counts, bins = _counts(customers, currency), _pandas(orders.distribution(customers, column))
    low, middle, high = (float(value) for value in _pandas(orders.quantiles(customers, column)).iloc[0])
    ax = look.axes(ax)
    look.title(ax, text, *_notes(counts))
    if not len(bins):
        return look.empty(ax, NOBODY)
    above = bins[bins["upper"] > 0]
    ratio = 10 ** (1 / BINS_A_DECADE)
    smallest = float(above["lower"].min()) if len(above) else 1.0
    largest = float(above["upper"].max()) if len(above) else 10.0
    aside = [("0", bins[(bins["upper"] <= 0) & np.isfinite(bins["lower"])]), ("< 0", bins[~np.isfinite(bins["lower"])])]
    look_of_bars = {"align": "edge", "color": look.BASE, "edgecolor": "white", "linewidth": 0.6, **style}
    ticks = {value: look.amount(value) for value in _decades(smallest, largest)}
    place = smallest / ratio**2
    for name, part in aside:
        if len(part):
            place /= ratio
            muted = {**look_of_bars, "color": look.MUTED}
            look.bars(ax.bar, place, part["buyers"], place * (ratio - 1), style=muted)
            ticks[place * ratio**0.5] = name
            place /= ratio**2
    look.bars(ax.bar, above["lower"], above["buyers"], above["upper"] - above["lower"], style=look_of_bars)
    ax.set_xscale("log")
    ax.set_xlim(place * ratio, largest * ratio)
    ax.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: ticks.get(value, "")))
    ax.set_xlabel(f"{label} ({_currency(counts)}, log scale)")
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
    customers: IntoFrame,
    kind: str,
    text: str,
    label: str,
    freq: str,
    tz: str,
    ax: Axes | None,
    style: dict[str, Any],
) -> Axes:
    """Draw one bar per period, also where it is zero; the bar of a period that was not over yet is pale."""
    look.check_axes(ax)
    freq = one_of("freq", freq, [*PERIODS, *PERIODS.values()])
    period = PERIODS.get(freq, freq)
    table, counts = _pandas(orders.order_dates(customers, freq=freq, tz=tz)), _counts(customers)
    ax = look.axes(ax)
    undated = int(counts["buyers"]) - int(table[kind].sum())
    table = _every_period(table[table[kind] > 0], counts["as_of"], period, tz)
    over = table["complete"].fillna(value=True).astype(bool)
    look.title(
        ax,
        text.format(period),
        *_notes(counts),
        f"{undated:,} undated left out" if undated else "",
        "pale: not over yet" if (~over & (table[kind] > 0)).any() else "",
    )
    if not len(table):
        return look.empty(ax, NOBODY)
    days = {"day": 1, "week": 7, "month": 28, "quarter": 90, "year": 365}[period]
    width = {"width": pd.Timedelta(days=days * 0.9), "align": "edge", "color": look.BASE}
    bars = look.bars(ax.bar, table["period"], table[kind], style={**width, **style})
    for bar, done in zip(bars, over, strict=True):
        bar.set_alpha(None if done else 0.4)
    locator = AutoDateLocator(minticks=2, maxticks=10)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel(f"{period.capitalize()} ({tz})")
    return _count_axis(ax, label)


def _every_period(table: pd.DataFrame, as_of: Any, period: str, tz: str) -> pd.DataFrame:
    """Add the periods without orders, up to the observation: a shop that has dried up must look like one."""
    if not len(table) or pd.isna(as_of):
        return table
    now = as_of.tz_convert(tz).tz_localize(None)
    every = pd.date_range(table["period"].iloc[0], max(now, table["period"].iloc[-1]), freq=ALIASES[period])
    whole = table.set_index("period").reindex(every.as_unit("us"))
    whole["complete"] = whole["complete"].fillna(pd.Series(every < every[-1], index=whole.index))
    return whole.fillna({"first_orders": 0, "last_orders": 0}).rename_axis("period").reset_index()


def _count_axis(ax: Axes, label: str) -> Axes:
    ax.set_ylabel(label)
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
    ax.grid(axis="y", color="#e6e6e6")
    return ax


def _counts(customers: IntoFrame, currency: str | None = None) -> pd.Series[Any]:
    return _pandas(orders.summary(customers, currency=currency)).iloc[0]


def _notes(counts: pd.Series[Any]) -> list[str]:
    """Return how many buyers are shown, who is left out, and when the table was observed."""
    left_out = {"without orders": int(counts["prospects"]), "without statistics": int(counts["no_stats"])}
    when = "an unknown time" if pd.isna(counts["as_of"]) else f"{counts['as_of']:%d %b %Y}".lstrip("0")
    return [
        f"n = {int(counts['buyers']):,} buyers",
        *(f"{count:,} {name} left out" for name, count in left_out.items() if count),
        f"as of {when}",
    ]


def _currency(counts: pd.Series[Any]) -> str:
    return "currency unknown" if pd.isna(counts["currency"]) else str(counts["currency"])


def _decades(smallest: float, largest: float) -> list[float]:
    """Return the powers of ten in a range; if there are few of them, twos and fives too."""
    low, high = int(np.floor(np.log10(smallest))), int(np.ceil(np.log10(largest)))
    steps = (1, 2, 5) if high - low <= 3 else (1,)
    values = [step * 10.0**power for power in range(low, high + 1) for step in steps]
    return [value for value in values if smallest <= value <= largest * 1.001]


def _pandas(table: Any) -> pd.DataFrame:
    """Return a small result as a pandas table, whatever kind it is of."""
    frame: pd.DataFrame = nw.from_native(table).lazy().collect().to_pandas()
    return frame
