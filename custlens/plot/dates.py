"""Charts of when buyers order, drawn from the results of `custlens.orders`."""

from __future__ import annotations

import calendar
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.analysis import orders
from custlens.analysis.observation import buyers_dated, currency_of_amounts, to_pandas
from custlens.plot import _style as look
from custlens.plot._data import Facts, facts, period_name, period_text

__all__ = [
    "first_orders",
    "inter_purchase",
    "last_orders",
    "observed_revenue",
    "recency",
    "seasonality",
    "second_order",
]

ALIASES = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS", "year": "YS"}
"""Aliases of pandas, by the name of the period; a week begins on Monday."""
LEAST_GAP_INCHES = 0.04
"""Bars of periods have gaps between them if they have more room than this."""
DAYS_TOLD = 90
"""The finding about second orders is about this many days."""
FEWEST_SEEN = 0.01
"""The curve of second orders ends where a smaller share of the buyers has been seen for longer."""
DAYS_IN_A_WEEK = 7


def first_orders(
    customers: IntoFrame,
    *,
    freq: str = "MS",
    tz: str = "UTC",
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show when buyers ordered for the first time, up to the time of the observation.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders``, ``first_order_date`` and ``last_order_date``.
    freq : str
        Length of a period: ``"D"``, ``"W"`` (from Monday), ``"MS"``, ``"QS"`` or ``"YS"``, or ``"day"``, ``"week"``,
        ``"month"``, ``"quarter"`` or ``"year"``.
    tz : str
        IANA name of the time zone in which periods begin.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
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
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column.
    """
    return _by_period(customers, "first_orders", "New buyers by {}", "ordered first", freq, tz, as_of, ax, style)


def last_orders(
    customers: IntoFrame,
    *,
    freq: str = "MS",
    tz: str = "UTC",
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show when buyers were last seen ordering, up to the time of the observation.

    Parameters, return value and errors are those of `first_orders`.
    """
    title = "Last orders so far by {}"
    return _by_period(customers, "last_orders", title, "were last seen ordering", freq, tz, as_of, ax, style)


def recency(customers: IntoFrame, *, as_of: Moment | None = None, ax: Axes | None = None, **style: Any) -> Axes:
    """Show how long ago buyers last ordered, as cumulative shares: one-time and repeat buyers separately.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders`` and ``last_order_date``.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **style
        Passed to `matplotlib.axes.Axes.step`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column or does not say when it was observed.
    """
    known, table = facts(customers, as_of), to_pandas(orders.recency(customers, as_of=as_of))
    title, everyone = "Time since the last order", table[table["group"] == "all"]
    notes, buyers = known.notes(everyone["buyers"].sum()), look.count(everyone["buyers"].sum(), "buyer")
    if not len(everyone):
        return look.say(ax, title, notes, known.nothing())
    medians = {group: _median_days(part) for group, part in table.groupby("group")}
    if len(everyone) == 1:
        return look.say(ax, title, notes, f"{buyers} last ordered {medians['all']} ago.")
    finding = f"Half of {buyers} last ordered {medians['all']} or less ago"
    if len(medians) == 3:
        finding += f": {medians['one_time']} if they have one order, {medians['repeat']} if they have more"
    ax = look.begin(ax, title, notes, f"{finding}.")
    end = int(everyone["days"].iloc[-1])
    names = {"repeat": ("two orders or more", look.BASE), "one_time": ("one order", look.ACCENT)}
    for group, (name, colour) in names.items():
        part = table[table["group"] == group]
        if len(part):
            days, share = [0, *part["days"], end], [0.0, *part["share"], 1.0]
            line = {"where": "post", "color": colour, "linewidth": 1.8, "label": name}
            look.draw(ax.step, days, share, **{**line, **style})
    ax.set_xlim(0, max(end, 1))
    ax.set_ylim(0, 1)
    look.amount_axis(ax.xaxis, "Days since the last order", whole=True)
    look.percent_axis(ax.yaxis, "Buyers, cumulative")
    look.grid(ax)
    ax.legend(frameon=False, fontsize="small", loc="best")
    return ax


def inter_purchase(customers: IntoFrame, *, as_of: Moment | None = None, ax: Axes | None = None, **style: Any) -> Axes:
    """Show the usual time between the orders of a buyer, by number of orders: median and middle half.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders``, ``first_order_date`` and ``last_order_date``.
    as_of, ax
        As for `recency`.
    **style
        Passed to `matplotlib.axes.Axes.bar`.

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
    known, table = facts(customers, as_of), to_pandas(orders.inter_purchase(customers))
    title, table = "Days between orders", table[table["buyers"] > 0]
    groups = table[table["orders"] != "all"]
    buyers = int(groups["buyers"].sum())
    if not buyers:
        return look.say(ax, title, [known.when], _no_gaps(known))
    shown, hidden = f"{look.count(buyers, 'buyer')} with two orders or more", known.repeat_buyers - buyers
    notes = [f"n = {shown}", known.when, f"not shown: {hidden:,} without usable dates" if hidden else ""]
    every = table[table["orders"] == "all"].iloc[0]
    if buyers == 1:
        return look.say(ax, title, notes, f"{shown}: one order every {look.count(every['median'], 'day')}.")
    finding = (
        f"Half of {shown} have ordered every {every['median']:,.0f} days or more often; the middle half every "
        f"{every['q25']:,.0f} to {every['q75']:,.0f} days."
    )
    if len(groups) == 1:
        return look.say(ax, title, notes, finding)
    ax = look.begin(ax, title, [*notes, "box: middle half, line: median"], finding)
    places = np.arange(len(groups))
    boxes = {"color": look.BASE, "alpha": 0.45, "width": 0.6, "bottom": groups["q25"], **style}
    look.draw(ax.bar, places, groups["q75"] - groups["q25"], **boxes)
    ax.hlines(groups["median"], places - 0.3, places + 0.3, color=look.ACCENT, linewidth=2)
    labels = [f"{name}\n({number:,})" for name, number in zip(groups["orders"], groups["buyers"], strict=True)]
    ax.set_xticks(places, labels)
    ax.set_xlabel("Orders so far (buyers)")
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.04 * groups["median"].max()))  # no line is cut in half
    look.amount_axis(ax.yaxis, "Days between orders")
    look.grid(ax)
    return ax


def seasonality(
    customers: IntoFrame,
    *,
    tz: str = "UTC",
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show how many buyers order for the first time on a day, by weekday and month.

    This is not the seasonality of the shop's sales, which first and last orders cannot show.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders``, ``first_order_date`` and ``last_order_date``.
    tz : str
        IANA name of the time zone in which days begin.
    as_of, ax
        As for `recency`.
    **style
        Passed to `matplotlib.axes.Axes.pcolormesh`.

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
    known = facts(customers, as_of)
    found = to_pandas(orders.order_dates(customers, freq="D", tz=tz, as_of=as_of))
    table = _every_period(found[found["first_orders"] > 0], known, "day", tz)
    title, notes = "New buyers per day", [*known.notes(table["first_orders"].sum()), f"days in {tz}"]
    if not len(table):
        return look.say(ax, title, notes, known.nothing())
    if table["first_orders"].sum() == 1:
        return look.say(ax, title, notes, "1 buyer has ordered: too few for a rhythm.")
    if len(table) < DAYS_IN_A_WEEK:
        return look.say(ax, title, notes, "The first orders span less than a week: too short for a rhythm.")
    day = table["period"].dt
    rates = table.groupby([day.day_of_week, day.month])["first_orders"].mean()
    by_weekday = table.groupby(day.day_of_week)["first_orders"].mean().to_numpy()
    best = int(np.argmax(by_weekday))
    finding = (
        f"{calendar.day_name[best]}s bring most new buyers: {by_weekday[best]:.2g} each, against "
        f"{table['first_orders'].mean():.2g} on an average day."
    )
    ax = look.begin(ax, title, notes, finding)
    values = np.full((7, 12), np.nan)
    values[rates.index.get_level_values(0), rates.index.get_level_values(1) - 1] = rates
    digits = next((digits for digits in (1, 2) if rates.max() >= 10.0 ** (1 - digits)), 3)
    write = lambda rate: f"{rate:.{digits}f}" if rate else "0"  # noqa: E731
    look.cells(ax, values, list(calendar.day_abbr), list(calendar.month_abbr)[1:], write, style)
    return ax


def second_order(customers: IntoFrame, *, as_of: Moment | None = None, ax: Axes | None = None, **style: Any) -> Axes:
    """Show the share of buyers who have ordered again, by days since their first order, as a range.

    It ends where fewer than one in a hundred buyers have been seen for longer. The range is between two estimates, see `custlens.orders.second_order`; it is not a confidence interval.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders``, ``first_order_date`` and ``last_order_date``.
    as_of, ax
        As for `recency`.
    **style
        Passed to `matplotlib.axes.Axes.fill_between`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column or does not say when it was observed.
    """
    known, table = facts(customers, as_of), to_pandas(orders.second_order(customers, as_of=as_of))
    buyers = buyers_dated(customers)
    title, notes = "Time to the second order", known.notes(buyers, "without usable dates")
    if not len(table):
        return look.say(ax, title, notes, known.nothing())
    table = table[: max(2, int((table["at_risk"] >= FEWEST_SEEN * buyers).sum()))]
    low, high = table["share_low"], table["share_high"]
    end = int(table["days"].iloc[-1])
    if end == 0 or high.iloc[-1] == 0:
        return look.say(ax, title, notes, f"No second order within {look.count(end, 'day')}.")
    if buyers == 1:
        return look.say(ax, title, notes, "1 buyer has ordered, and ordered again.")
    after = table[table["days"] <= DAYS_TOLD].iloc[-1]
    ends = [look.percent(after[name]) for name in ("share_low", "share_high")]
    share = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
    finding = f"{share} of {look.count(buyers, 'buyer')} order again within {look.count(after['days'], 'day')}."
    ax = look.begin(ax, title, [*notes, "band: range of two estimates"], finding)
    band = {"step": "post", "color": look.BASE, "alpha": 0.35, "linewidth": 0, **style}
    look.draw(ax.fill_between, table["days"], low, high, **band)
    for side in (low, high):
        ax.step(table["days"], side, where="post", color=look.BASE, linewidth=1.2)
    ax.set_xlim(0, end)
    ax.set_ylim(0)
    look.amount_axis(ax.xaxis, "Days since the first order", whole=True)
    look.percent_axis(ax.yaxis, "Ordered again")
    look.grid(ax)
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
        ISO 4217 currency of the amounts, which a history does not name: ``store.syncs()["currency"].iloc[-1]``.
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
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column.
    """
    table, period = to_pandas(orders.observed_revenue(history, freq=freq)), period_name(freq)
    currency = currency_of_amounts(history, currency, name="history")
    title = f"Revenue seen by {period} of the sync"
    if not len(table):
        text = "No orders have come in between two syncs yet."
        return look.say(ax, title, ["what the first sync found is left out"], text)
    count, revenue = int(table["orders"].sum()), table["revenue"].astype("float64")
    last = table.iloc[-1]
    finding = (
        f"{look.money(revenue.sum(), currency)} from {look.count(count, 'order')} in {look.count(len(table), period)} with "
        f"changes; {look.money(last['revenue'], currency)} in the latest, {_when(last['period'], period)}."
    )
    corrected = table["corrections"].sum()
    hidden = f"corrections of {look.money(corrected, currency)} not drawn" if corrected else ""
    notes = [f"n = {look.count(count, 'order')}", "days in UTC", hidden]
    if len(table) == 1:
        return look.say(ax, title, notes, finding)
    ax = look.begin(ax, title, notes, finding)
    starts = table["period"]
    after = starts.iloc[-1] + pd.tseries.frequencies.to_offset(ALIASES[period])
    widths = [begin + pd.tseries.frequencies.to_offset(ALIASES[period]) - begin for begin in starts]
    bars = {"width": [0.9 * width for width in widths], "align": "edge", "color": look.BASE, **style}
    look.draw(ax.bar, starts, revenue, **bars)
    ax.set_xlim(starts.iloc[0], after)
    ax.axhline(0, color=look.grey(0.6), linewidth=0.8)
    look.date_axis(ax, f"{period.capitalize()} of the sync")
    look.amount_axis(ax.yaxis, f"Revenue ({currency or 'currency unknown'})")
    look.grid(ax)
    return ax


def _by_period(
    customers: IntoFrame,
    kind: str,
    title: str,
    did: str,
    freq: str,
    tz: str,
    as_of: Moment | None,
    ax: Axes | None,
    style: dict[str, Any],
) -> Axes:
    """Draw one bar per period, even if it is zero; the bar of a period that is not over yet is hatched."""
    known = facts(customers, as_of)
    found, period = to_pandas(orders.order_dates(customers, freq=freq, tz=tz, as_of=as_of)), period_name(freq)
    title = title.format(period)
    table = _every_period(found[found[kind] > 0], known, period, tz)
    over = table["complete"].fillna(value=True).astype(bool)
    running = (~over & (table[kind] > 0)).any()
    notes = known.notes(table[kind].sum())
    if not len(table):
        return look.say(ax, title, notes, known.nothing())
    if table[kind].sum() == 1:
        when = _when(table["period"][int(np.argmax(table[kind]))], period)
        return look.say(ax, title, notes, f"1 buyer {did.replace('were', 'was')} in {when}.")
    whole = table[over] if over.any() else table
    best = whole.iloc[int(np.argmax(whole[kind]))]
    finding = f"{look.count(table[kind].sum(), 'buyer')} {did} in {look.count(len(table), period)}"
    if len(table) > 1:
        finding += f", most in {_when(best['period'], period)} ({best[kind]:,})"
    if len(table) == 1:
        return look.say(ax, title, notes, f"{finding}.")
    ax = look.begin(ax, title, notes, f"{finding}.")
    starts = table["period"]
    ends = pd.Series([*starts.iloc[1:], starts.iloc[-1] + pd.tseries.frequencies.to_offset(ALIASES[period])])
    room = (
        ax.bbox.width / ax.figure.dpi / len(table) > LEAST_GAP_INCHES
    )  # without this, thin bars disappear in the gaps
    widths = (ends - starts.reset_index(drop=True)) * (0.9 if room else 1.0)
    bars = look.draw(ax.bar, starts, table[kind], **{"width": widths, "align": "edge", "color": look.BASE, **style})
    for bar, done in zip(bars, over, strict=True):
        if not done:
            bar.set(hatch="////", facecolor=look.paper(), edgecolor=bar.get_facecolor(), linewidth=0)
    ax.set_xlim(starts.iloc[0], ends.iloc[-1])
    look.date_axis(ax, f"{period.capitalize()} ({tz}{'; hatched: not over yet' if running else ''})")
    look.amount_axis(ax.yaxis, "Buyers", whole=True)
    look.grid(ax)
    return ax


def _no_gaps(known: Facts) -> str:
    """Return why there are no gaps between orders, as a sentence."""
    if known.repeat_buyers:
        buyers = look.count(known.repeat_buyers, "buyer")
        return f"{buyers} with two orders or more, but no usable dates: there is nothing to draw."
    return "No buyer has a second order yet." if known.buyers else known.nothing()


def _when(begin: pd.Timestamp, period: str) -> str:
    """Return a period as text for a sentence."""
    return f"{'the week from ' if period == 'week' else ''}{period_text(begin, period)}"


def _every_period(table: pd.DataFrame, known: Facts, period: str, tz: str) -> pd.DataFrame:
    """Add the periods without orders, up to the observation, so that a shop without new orders looks like one."""
    if not len(table):
        return table
    end = table["period"].iloc[-1]
    if known.as_of is not None:
        end = max(end, known.as_of.tz_convert(tz).tz_localize(None))
    every = pd.date_range(table["period"].iloc[0], end, freq=ALIASES[period])
    whole = table.set_index("period").reindex(every.as_unit("us"))
    whole["complete"] = whole["complete"].fillna(pd.Series(every < every[-1], index=whole.index))
    counts = {"first_orders": 0, "last_orders": 0}
    return whole.fillna(counts).astype(dict.fromkeys(counts, "int64")).rename_axis("period").reset_index()


def _median_days(part: pd.DataFrame) -> str:
    """Return the least number of days by which half of a group is reached."""
    return look.count(part.loc[part["share"] >= 0.5, "days"].iloc[0], "day")
