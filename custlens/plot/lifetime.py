"""Charts of the lifetime models, drawn from their predictions and diagnoses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from narwhals.typing import IntoFrame

from custlens._arguments import Moment, one_of, shown
from custlens.analysis import lifetime
from custlens.analysis.lifetime import LifetimeModel
from custlens.errors import ArgumentError
from custlens.plot import _style as look
from custlens.plot._data import NOBODY, facts, pandas

__all__ = ["calibration", "frequency_recency", "overdue", "repeat_counts", "spending"]

NAMES = {"bg_nbd": "BG/NBD", "mbg_nbd": "MBG/NBD"}
MARKERS = [("o", look.ACCENT), ("^", look.GREEN), ("s", look.MUTED)]
TENURE_DAYS = 364
MOST_ORDERS = 12
BUBBLES_PER_DECADE = 12
LARGEST_BUBBLE, SMALLEST_BUBBLE = 0.08, 2.2
"""Diameters: of the largest as a share of the axes, of the smallest in points."""
DAYS = [0.1, 1, 7, 30, 90, 365, 1825]
"""Where an axis of days has ticks."""


def frequency_recency(
    model: LifetimeModel,
    column: str = "p_order",
    *,
    horizon: Any = "90D",
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show what a model predicts by number of orders and by time since the last one.

    The buyers shown first ordered 52 weeks before the observation and have ordered 2 to 12 times since.

    Parameters
    ----------
    model : LifetimeModel
        As `custlens.lifetime.fit` returns it.
    column : {"p_order", "expected_orders"}
        The chance of an order in the horizon, or the number of orders to expect in it.
    horizon : str or timedelta
        How far to look ahead, such as ``"90D"``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **style
        Passed to `matplotlib.axes.Axes.pcolormesh`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or matplotlib does not know the style.
    """
    (model,) = _models(model)
    column = one_of("column", column, ["p_order", "expected_orders"])
    now = pd.Timestamp(model.as_of)
    gone, counts = np.arange(3.5, TENURE_DAYS, 7), np.arange(2, MOST_ORDERS + 1)
    days, n = (side.ravel() for side in np.meshgrid(np.append(gone, TENURE_DAYS), np.append(counts, 1), indexing="ij"))
    buyers = pd.DataFrame(
        {
            "customer_id": np.arange(1, len(n) + 1),
            "number_of_orders": n,
            "sales_value": n * 1.0,
            "first_order_date": now - pd.Timedelta(days=TENURE_DAYS),
            "last_order_date": now - pd.to_timedelta(np.where(n == 1, TENURE_DAYS, days), unit="D"),
        }
    )
    predicted = model.predict(buyers, horizon, as_of=model.as_of)[column].to_numpy("float64")
    whole = predicted.reshape(len(gone) + 1, len(counts) + 1)
    values, once = whole[:-1, :-1], whole[0, -1]
    ax = look.axes(ax)
    write = look.percent if column == "p_order" else lambda value: f"{value:.2g}"
    ahead = look.count(pd.Timedelta(horizon) / pd.Timedelta(days=1), "day")
    what = "chance of an order" if column == "p_order" else "number of orders to expect"
    title = f"{'P(order)' if column == 'p_order' else 'Expected orders'} in {ahead}"
    notes = [f"{NAMES[model.model]}, {look.count(model.buyers, 'buyer')}", f"as of {now.day} {now:%b %Y}"]
    five, lately, later = int(np.flatnonzero(counts == 5)[0]), 0, int(np.flatnonzero(gone > 180)[0])
    look.head(
        ax,
        title,
        [*notes, "first order 52 weeks ago"],
        f"The {what} in {ahead}, 52 weeks after the first order: {write(values[lately, five])} with five orders, the last "
        f"this week; {write(values[later, five])} if the last was half a year ago; {write(once)} with one order.",
    )
    look.cells(ax, values, [str(week) for week in range(len(gone))], [str(c) for c in counts], write, style)
    ax.yaxis.set_major_locator(FixedLocator(list(range(0, 53, 13))))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda week, _: f"{week:.0f}"))
    ax.set_xlabel("Orders so far")
    ax.set_ylabel("Weeks since the last order")
    return ax


def repeat_counts(models: LifetimeModel | Iterable[LifetimeModel], *, ax: Axes | None = None, **style: Any) -> Axes:
    """Show how many buyers have ordered again how often, and how many a model expects.

    Parameters
    ----------
    models : LifetimeModel or iterable of LifetimeModel
        Models fitted on the same customers, as `custlens.lifetime.fit` returns them.
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
        If an argument is of another kind, models were fitted on different customers, or matplotlib does not know the
        style.
    """
    chosen = _models(models)
    tables = [model.diagnose().repeat_counts for model in chosen]
    observed = tables[0]["observed"]
    if any(not table["observed"].equals(observed) for table in tables):
        raise ArgumentError("models must be fitted on the same customers to be compared")
    ax = look.axes(ax)
    model = chosen[0]
    misses = [(table["expected"] - observed).abs().sum() / 2 / observed.sum() for table in tables]
    best = int(np.argmin(misses))
    look.head(
        ax,
        "Repeat orders, seen and expected",
        [f"n = {look.count(model.buyers, 'buyer')}", f"as of {model.as_of.day} {model.as_of:%b %Y}"],
        f"{NAMES[chosen[best].model]} puts {misses[best]:.1%} of {look.count(model.buyers, 'buyer')} at a wrong number of "
        "repeat orders.",
    )
    names = tables[0]["repeat_orders"]
    look.draw(ax.bar, names, observed, **{"color": look.BASE, "width": 0.8, "label": "seen", **style})
    for place, (table, each, (marker, colour)) in enumerate(zip(tables, chosen, MARKERS, strict=False)):
        shift = (place - (len(tables) - 1) / 2) * 0.25
        ax.plot(
            np.arange(len(names)) + shift, table["expected"], marker, color=colour,
            markeredgecolor=look.paper(), label=f"expected by {NAMES[each.model]}",
        )  # fmt: skip
    ax.set_xlabel("Repeat orders")
    look.amount_axis(ax.yaxis, "Buyers", whole=True)
    look.grid(ax)
    ax.legend(frameon=False, fontsize="small")
    return ax


def calibration(
    models: LifetimeModel | Iterable[LifetimeModel],
    later: IntoFrame,
    *,
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show by tenths of the buyers the chance of an order that a model promised against the share who ordered.

    Parameters
    ----------
    models : LifetimeModel or iterable of LifetimeModel
        Models fitted on the shop's customers at an earlier time.
    later : table
        The shop's customers at a later time, with ``customer_id``, ``number_of_orders`` and ``sales_value``.
    as_of : str, date or datetime, optional
        The later time; read from the table by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **style
        Passed to `matplotlib.axes.Axes.plot`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or matplotlib does not know the style.
    DataError
        If the later table lacks a column, or was not observed after the model's.
    """
    chosen = _models(models)
    tables = []
    for model in chosen:
        holdout = model.diagnose(later, as_of=as_of).holdout
        if holdout is None:
            raise ArgumentError("later must be a customers table of a later time, not None")
        tables.append(holdout)
    ax = look.axes(ax)
    every = tables[0].iloc[-1]
    buyers = look.count(every["buyers"], "buyer")
    look.head(
        ax,
        "Promised and happened",
        [f"n = {buyers}", f"predicted on {chosen[0].as_of:%Y-%m-%d}", "each point: a tenth of the buyers"],
        f"{NAMES[chosen[0].model]} promised that {look.percent(every['p_order'])} of {buyers} would order; "
        f"{look.percent(every['ordered'])} did.",
    )
    top = max(float(table[["p_order", "ordered"]].to_numpy().max()) for table in tables) * 1.08
    ax.plot([0, top], [0, top], color=look.grey(0.4), linewidth=1, linestyle="--")
    ax.annotate(
        "as promised", (0.7 * top, 0.7 * top), (8, -6), textcoords="offset points", va="top", fontsize="x-small"
    )
    colours = [("o", look.BASE), *MARKERS]
    for table, model, (marker, colour) in zip(tables, chosen, colours, strict=False):
        tenths = table.iloc[:-1]
        line = {"marker": marker, "color": colour, "linewidth": 1.2, "label": NAMES[model.model]}
        look.draw(ax.plot, tenths["p_order"], tenths["ordered"], **{**line, **style})
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    look.percent_axis(ax.xaxis, "Promised chance of an order")
    look.percent_axis(ax.yaxis, "Share who ordered")
    look.grid(ax, "both")
    if len(chosen) > 1:
        ax.legend(frameon=False, fontsize="small", loc="lower right")
    return ax


def spending(model: LifetimeModel, *, ax: Axes | None = None, **style: Any) -> Axes:
    """Show how buyers' mean order values are spread, and how the model of values expects them to be.

    Parameters
    ----------
    model : LifetimeModel
        As `custlens.lifetime.fit` returns it.
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
    """
    (model,) = _models(model)
    table = model.diagnose().spending
    ax = look.axes(ax)
    buyers = table["observed"].sum()
    miss = (table["expected"] - table["observed"]).abs().sum() / 2 / buyers
    look.head(
        ax,
        "Order values, seen and expected",
        [f"n = {look.count(buyers, 'buyer')} with sales above 0", f"as of {model.as_of.day} {model.as_of:%b %Y}"],
        f"The Gamma-Gamma model puts {miss:.1%} of {look.count(buyers, 'buyer')} into another bin of order values than "
        "they are in.",
    )
    bars = {"align": "edge", "color": look.BASE, "edgecolor": look.paper(), "label": "seen", **style}
    look.draw(ax.bar, table["lower"], table["observed"], table["upper"] - table["lower"], **bars)
    middles = np.sqrt(table["lower"] * table["upper"])
    ax.plot(middles, table["expected"], color=look.ACCENT, linewidth=2, label="expected by Gamma-Gamma")
    ax.set_xscale("log")
    look.log_axis(ax, float(table["lower"].iloc[0]), float(table["upper"].iloc[-1]))
    ax.set_xlabel(f"Mean value of an order ({model.currency or 'currency unknown'})")
    look.amount_axis(ax.yaxis, "Buyers", whole=True)
    ax.margins(y=0.25)
    ax.set_ylim(0)
    look.grid(ax)
    ax.legend(frameon=False, fontsize="x-small" if look.small(ax) else "small", loc="upper right")
    return ax


def overdue(
    customers: IntoFrame,
    model: LifetimeModel | None = None,
    *,
    horizon: str | timedelta = "90D",
    as_of: Moment | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show how long buyers have been silent against their usual gap between orders, and the value that this puts at risk.

    Each bubble stands for the buyers of about the same gap and silence; its area is their value at risk, see
    `custlens.lifetime.overdue`. Above the line they have been silent for longer than is usual for them.

    Parameters
    ----------
    customers : table
        A customers table with ``customer_id``, ``number_of_orders``, ``sales_value``, ``first_order_date`` and
        ``last_order_date``.
    model : LifetimeModel, optional
        As `custlens.lifetime.fit` returns it; by default one is fitted on the customers.
    horizon : str or timedelta
        How far to look ahead, such as ``"90D"``.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table does not say it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.
    **style
        Passed to `matplotlib.axes.Axes.scatter`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or matplotlib does not know the style.
    DataError
        If the table lacks a column or does not say when it was observed, or its amounts are of several currencies.
    """
    known = facts(customers, as_of, currency)
    ranked = pandas(lifetime.overdue(customers, model, horizon, as_of=as_of))
    table = ranked.dropna(subset="usual_gap_days")
    ax = look.axes(ax)
    title, buyers = "Silence against the usual gap", look.count(len(table), "buyer")
    if not len(table):
        text = "No buyer has ordered on two days yet." if known.buyers else NOBODY
        look.head(ax, title, [known.when], text)
        return look.message(ax, text)
    late = table["recency_days"] > table["usual_gap_days"]
    at_risk = float(table["value_at_risk"].sum())
    silent = int(late.sum())
    finding = (
        f"{silent:,} of {buyers} with two orders or more {'has' if silent == 1 else 'have'} been silent for longer than "
        "their usual gap"
    )
    if (method := table["method"].iloc[0]) == "silence":
        finding += "; no lifetime model can be fitted that says what this puts at risk."
        area = "area: silence ÷ usual gap × value of an order"
    else:
        ahead = look.count(pd.Timedelta(horizon) / pd.Timedelta(days=1), "day")
        most = float(table["value_at_risk"].head(10).sum()) / at_risk if at_risk else 0.0
        finding += (
            f"; silence puts {look.money(at_risk, known.currency)} of the next {ahead} at risk, {look.percent(most)} of it "
            "with the first ten."
        )
        area = f"area: value at risk in {ahead}, {NAMES[method]}"
    hidden = len(ranked) - len(table)
    notes = [f"n = {buyers} with two orders or more", known.when, area]
    look.head(ax, title, [*notes, f"not shown: {hidden:,} without a usual gap" if hidden else ""], finding)
    if len(table) == 1:
        one = table.iloc[0]
        gone, usual = (look.count(round(one[name]), "day") for name in ("recency_days", "usual_gap_days"))
        return look.message(
            ax, f"1 buyer with two orders or more: the usual gap is {usual}, and the last order was {gone} ago."
        )
    gap = np.log10(table["usual_gap_days"].to_numpy())
    silence = np.log10(np.maximum(table["recency_days"].to_numpy(), 1.0))
    cells = np.floor(BUBBLES_PER_DECADE * np.column_stack([gap, silence])).astype("int64")
    place = pd.factorize(2 * (10_000 * cells[:, 0] + cells[:, 1]) + late.to_numpy())[0]
    count, summed = np.bincount(place), {"gap": gap, "silence": silence, "late": late.to_numpy()}
    bubbles = pd.DataFrame({name: np.bincount(place, values) / count for name, values in summed.items()})
    bubbles["value"] = np.bincount(place, table["value_at_risk"].fillna(0.0))
    bubbles = bubbles.sort_values("value", ascending=False)  # small ones lie on large ones
    largest = float(bubbles["value"].max()) or 1.0
    width = LARGEST_BUBBLE * min(ax.bbox.width, ax.bbox.height) * 72 / ax.figure.dpi
    bubble: dict[str, Any] = {"alpha": 0.7, "edgecolors": look.paper(), "linewidths": 0.3}
    x, y = 10 ** bubbles["gap"], 10 ** bubbles["silence"]
    sizes = np.maximum(width**2 * bubbles["value"] / largest, SMALLEST_BUBBLE**2)
    colours = np.where(bubbles["late"] > 0, look.ACCENT, look.BASE)
    look.draw(ax.scatter, x, y, **{"s": sizes, "color": colours, **bubble, **style})
    _days_axis(ax, "x", x, "Usual gap between orders (days)")
    _days_axis(ax, "y", y, "Days since the last order")
    ends = max(ax.get_xlim()[0], ax.get_ylim()[0]), min(ax.get_xlim()[1], ax.get_ylim()[1])
    if ends[0] < ends[1]:
        ax.plot(ends, ends, color=look.grey(0.4), linewidth=1, linestyle="--", label="as long as usual")
    if method != "silence":
        step = 10.0 ** np.floor(np.log10(largest))
        ax.scatter([], [], s=width**2 * step / largest, color=look.MUTED, label=look.money(step, known.currency))
    ax.legend(edgecolor="none", fontsize="x-small" if look.small(ax) else "small", loc="lower right")
    look.grid(ax, "both")
    return ax


def _days_axis(ax: Axes, which: str, values: pd.Series[float], label: str) -> None:
    """Make an axis of days logarithmic, from the least value to the greatest, with some room for the bubbles."""
    low, high = float(values.min()), float(values.max())
    ticks = [day for day in DAYS if low <= day <= high]
    axis = getattr(ax, f"{which}axis")
    getattr(ax, f"set_{which}scale")("log")
    getattr(ax, f"set_{which}lim")(low / 1.3, high * 1.3)
    axis.set_major_locator(FixedLocator(ticks if len(ticks) > 1 else sorted({low, high})))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
    axis.set_label_text(label)


def _models(models: Any) -> list[LifetimeModel]:
    """Return one or several models as a list; at most as many as there are markers."""
    chosen = [models] if isinstance(models, LifetimeModel) else models
    if not isinstance(chosen, Iterable) or isinstance(chosen, str):
        raise ArgumentError(f"models must be what lifetime.fit returns, or several of them, not {shown(models)}")
    chosen = list(chosen)
    for model in chosen:
        if not isinstance(model, LifetimeModel):
            raise ArgumentError(f"models must be what lifetime.fit returns, or several of them, not {shown(model)}")
    if not 0 < len(chosen) <= len(MARKERS):
        raise ArgumentError(f"models must be 1 to {len(MARKERS)} models, not {len(chosen)}")
    return chosen
