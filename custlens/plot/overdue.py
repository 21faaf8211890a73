"""The chart of the buyers who are overdue, drawn from the result of `custlens.lifetime.overdue`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.analysis import lifetime
from custlens.analysis.lifetime import LifetimeModel
from custlens.analysis.observation import to_pandas
from custlens.plot import _style as look
from custlens.plot._data import MODEL_NAMES, Facts, facts_with_currency

__all__ = ["overdue"]

BUBBLES_PER_DECADE = 12
LARGEST_BUBBLE, SMALLEST_BUBBLE = 0.08, 2.2
"""Diameters: of the largest as a share of the axes, of the smallest in points."""
LIKE_BUBBLE = 0.1
"""Area of all bubbles where there is no value at risk, as a share of the largest."""
APART = 1.15
"""Ratio of two numbers of days whose labels have room beside each other."""
DAYS = [0.1, 1, 7, 30, 90, 365, 1825]
"""Where an axis of days has ticks."""


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

    Each bubble represents the buyers of about the same gap and silence; its area is their value at risk, see
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
        ISO 4217 currency of the amounts, if the table does not have it.
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
        If an argument is of the wrong type, or matplotlib does not know the style.
    DataError
        If the table lacks a column or does not say when it was observed, or its amounts are in several currencies.
    """
    known = facts_with_currency(customers, as_of, currency)
    ranked = to_pandas(lifetime.overdue(customers, model, horizon, as_of=as_of))
    table = ranked.dropna(subset="usual_gap_days")
    title, shown = "Silence against the usual gap", f"{look.count(len(table), 'buyer')} with two orders or more"
    if not len(table):
        return look.say(ax, title, [known.when], _no_gaps(known))
    if len(table) == 1:
        one = table.iloc[0]
        gone, usual = (look.count(round(one[name]), "day") for name in ("recency_days", "usual_gap_days"))
        text = f"{shown}: the usual gap is {usual}, and the last order was {gone} ago."
        return look.say(ax, title, [f"n = {shown}", known.when], text)
    late = table["recency_days"] > table["usual_gap_days"]
    at_risk = float(table["value_at_risk"].sum())
    silent = int(late.sum())
    finding = f"{silent:,} of {shown} {'has' if silent == 1 else 'have'} been silent for longer than their usual gap"
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
        area = f"area: value at risk in {ahead}, {MODEL_NAMES[method]}"
    if not (table["value_at_risk"] > 0).any():  # with refunds alone, or none of it at risk
        area = "no value at risk"
    hidden = len(ranked) - len(table)
    notes = [f"n = {shown}", known.when, area, f"not shown: {hidden:,} without a usual gap" if hidden else ""]
    ax = look.begin(ax, title, notes, finding)
    gap = np.log10(table["usual_gap_days"].to_numpy())
    silence = np.log10(np.maximum(table["recency_days"].to_numpy(), 1.0))
    cells = np.floor(BUBBLES_PER_DECADE * np.column_stack([gap, silence])).astype("int64")
    place = pd.factorize(2 * (10_000 * cells[:, 0] + cells[:, 1]) + late.to_numpy())[0]
    count, summed = np.bincount(place), {"gap": gap, "silence": silence, "late": late.to_numpy()}
    bubbles = pd.DataFrame({name: np.bincount(place, values) / count for name, values in summed.items()})
    bubbles["value"] = np.bincount(place, table["value_at_risk"].fillna(0.0))
    bubbles = bubbles.sort_values("value", ascending=False)  # small bubbles on top of large ones
    largest = float(bubbles["value"].max())
    width = LARGEST_BUBBLE * min(ax.bbox.width, ax.bbox.height) * 72 / ax.figure.dpi
    bubble: dict[str, Any] = {"alpha": 0.7, "edgecolors": look.paper(), "linewidths": 0.3}
    x, y = 10 ** bubbles["gap"], 10 ** bubbles["silence"]
    parts = bubbles["value"] / largest if largest > 0 else LIKE_BUBBLE
    sizes = np.maximum(width**2 * parts, SMALLEST_BUBBLE**2)
    colours = np.where(bubbles["late"] > 0, look.ACCENT, look.BASE)
    look.draw(ax.scatter, x, y, **{"s": sizes, "color": colours, **bubble, **style})
    _days_axis(ax, "x", x, "Usual gap between orders (days)")
    _days_axis(ax, "y", y, "Days since the last order")
    ends = max(ax.get_xlim()[0], ax.get_ylim()[0]), min(ax.get_xlim()[1], ax.get_ylim()[1])
    if ends[0] < ends[1]:
        ax.plot(ends, ends, color=look.grey(0.4), linewidth=1, linestyle="--", label="as long as usual")
    if method != "silence" and largest > 0:
        step = 10.0 ** np.floor(np.log10(largest))
        ax.scatter([], [], s=width**2 * step / largest, color=look.MUTED, label=look.money(step, known.currency))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(edgecolor="none", fontsize="x-small" if look.small(ax) else "small", loc="lower right")
    look.grid(ax, "both")
    return ax


def _no_gaps(known: Facts) -> str:
    """Return why no buyer has a usual gap, as a sentence."""
    if known.repeat_buyers:
        return f"{look.count(known.repeat_buyers, 'buyer')} with two orders or more, but not known to be on two days."
    return "No buyer has a second order yet." if known.buyers else known.nothing()


def _days_axis(ax: Axes, which: str, values: pd.Series[float], label: str) -> None:
    """Make an axis of days logarithmic, from the least value to the greatest, with some room for the bubbles."""
    low, high = float(values.min()), float(values.max())
    ticks = [day for day in DAYS if low <= day <= high]
    axis = getattr(ax, f"{which}axis")
    getattr(ax, f"set_{which}scale")("log")
    getattr(ax, f"set_{which}lim")(low / 1.3, high * 1.3)
    if len(ticks) < 2:
        ticks = [low, high] if high > APART * low else [float(np.sqrt(low * high))]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: look.amount(value)))
    axis.set_label_text(label)
