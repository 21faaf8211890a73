"""Charts of the lifetime models, drawn from their predictions and diagnoses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter
from narwhals.typing import IntoFrame

from custlens._arguments import Moment, one_of, shown
from custlens.analysis.lifetime import LifetimeModel
from custlens.errors import ArgumentError
from custlens.plot import _style as look
from custlens.plot._data import MODEL_NAMES

__all__ = ["calibration", "frequency_recency", "repeat_counts", "spending"]

MARKERS = [("o", look.ACCENT), ("^", look.GREEN), ("s", look.MUTED)]
TENURE_DAYS = 364
MOST_ORDERS = 12


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
        The probability of an order in the horizon, or the expected number of orders in it.
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
        If an argument is of the wrong type, or matplotlib does not know the style.
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
    write, tick = (look.percent, look.exact_percent) if column == "p_order" else (lambda v: f"{v:.2g}", look.amount)
    ahead = look.count(pd.Timedelta(horizon) / pd.Timedelta(days=1), "day")
    what = "chance of an order" if column == "p_order" else "number of orders to expect"
    title = f"{'P(order)' if column == 'p_order' else 'Expected orders'} in {ahead}"
    notes = [f"{MODEL_NAMES[model.model]}, {look.count(model.buyers, 'buyer')}", f"as of {now.day} {now:%b %Y}"]
    five, lately, later = int(np.flatnonzero(counts == 5)[0]), 0, int(np.flatnonzero(gone > 180)[0])
    finding = (
        f"The {what} in {ahead}, 52 weeks after the first order: {write(values[lately, five])} with five orders, the last "
        f"this week; {write(values[later, five])} if the last was half a year ago; {write(once)} with one order."
    )
    ax = look.begin(ax, title, [*notes, "first order 52 weeks ago"], finding)
    look.cells(ax, values, [str(week) for week in range(len(gone))], [str(c) for c in counts], write, style, tick=tick)
    ax.yaxis.set_major_locator(FixedLocator(list(range(0, 53, 13))))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda week, _: f"{week:.0f}"))
    ax.set_xlabel("Orders so far")
    ax.set_ylabel("Weeks since the last order")
    return ax


def repeat_counts(models: LifetimeModel | Iterable[LifetimeModel], *, ax: Axes | None = None, **style: Any) -> Axes:
    """Show the number of buyers by number of repeat orders, observed and as a model expects it.

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
        If an argument is of the wrong type, models were fitted on different customers, or matplotlib does not know the
        style.
    """
    chosen = _models(models)
    tables = [model.diagnose().repeat_counts for model in chosen]
    observed = tables[0]["observed"]
    if any(not table["observed"].equals(observed) for table in tables):
        raise ArgumentError("models must be fitted on the same customers to be compared")
    misses = [(table["expected"] - observed).abs().sum() / 2 / observed.sum() for table in tables]
    best = int(np.argmin(misses))
    buyers, now = look.count(chosen[0].buyers, "buyer"), chosen[0].as_of
    finding = (
        f"{MODEL_NAMES[chosen[best].model]} puts {misses[best]:.1%} of {buyers} at a wrong number of repeat orders."
    )
    ax = look.begin(ax, "Repeat orders, seen and expected", [f"n = {buyers}", f"as of {now.day} {now:%b %Y}"], finding)
    names = tables[0]["repeat_orders"]
    look.draw(ax.bar, names, observed, **{"color": look.BASE, "width": 0.8, "label": "seen", **style})
    for place, (table, each, (marker, colour)) in enumerate(zip(tables, chosen, MARKERS, strict=False)):
        shift = (place - (len(tables) - 1) / 2) * 0.25
        ax.plot(
            np.arange(len(names)) + shift, table["expected"], marker, color=colour, markersize=8,
            markeredgecolor=look.paper(), label=f"expected by {MODEL_NAMES[each.model]}",
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
    """Show, by tenth of the buyers, the predicted probability of an order against the share who ordered.

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
        If an argument is of the wrong type, or matplotlib does not know the style.
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
    every = tables[0].iloc[-1]
    buyers = look.count(every["buyers"], "buyer")
    finding = (
        f"{MODEL_NAMES[chosen[0].model]} promised that {look.percent(every['p_order'])} of {buyers} would order; "
        f"{look.percent(every['ordered'])} did."
    )
    notes = [f"n = {buyers}", f"predicted on {chosen[0].as_of:%Y-%m-%d}", "each point: a tenth of the buyers"]
    ax = look.begin(ax, "Promised and happened", notes, finding)
    top = max(float(table[["p_order", "ordered"]].to_numpy().max()) for table in tables) * 1.08
    ax.plot([0, top], [0, top], color=look.grey(0.4), linewidth=1, linestyle="--")
    ax.annotate(
        "as promised", (0.7 * top, 0.7 * top), (8, -6), textcoords="offset points", va="top", fontsize="x-small"
    )
    colours = [("o", look.BASE), *MARKERS]
    for table, model, (marker, colour) in zip(tables, chosen, colours, strict=False):
        tenths = table.iloc[:-1]
        line = {"marker": marker, "color": colour, "linewidth": 1.2, "label": MODEL_NAMES[model.model]}
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
    """Show the distribution of buyers' mean order values, observed and as the model of values expects it.

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
        If an argument is of the wrong type, or matplotlib does not know the style.
    """
    (model,) = _models(model)
    table = model.diagnose().spending
    miss = (table["expected"] - table["observed"]).abs().sum() / 2 / table["observed"].sum()
    buyers, now = look.count(table["observed"].sum(), "buyer"), model.as_of
    finding = f"The Gamma-Gamma model puts {miss:.1%} of {buyers} into another bin of order values than they are in."
    notes = [f"n = {buyers} with sales above 0", f"as of {now.day} {now:%b %Y}"]
    ax = look.begin(ax, "Order values, seen and expected", notes, finding)
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
