"""Charts of the cohorts of first orders, drawn from the results of `custlens.cohorts`."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.analysis import cohorts
from custlens.analysis.observation import to_pandas, without_amounts
from custlens.plot import _style as look
from custlens.plot._data import facts, period_name, period_text

__all__ = ["cohort_heatmap", "repeat_rate", "survival"]

LINES_NAMED = 6
MARGIN = 0.03
"""Share of the axes around them into which a point may reach."""


def cohort_heatmap(
    customers: IntoFrame,
    *,
    freq: str = "MS",
    tz: str = "UTC",
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show, for each cohort and age, the share of buyers who are known to have ordered at that age or later.

    Cells that not all buyers of a cohort have reached stay empty.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders``, ``first_order_date`` and ``last_order_date``.
    freq : str
        Period of the first order that makes a cohort, and unit of the age: ``"W"``, ``"MS"``, ``"QS"``, ``"YS"``, or
        ``"week"``, ``"month"``, ``"quarter"``, ``"year"``.
    tz : str
        IANA name of the time zone in which periods begin.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
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
    DataError
        If the table lacks a column or does not say when it was observed.
    """
    known, tidy = facts(customers, as_of), _survival(customers, freq, tz, as_of)
    title, notes, unit = "Ordered at that age or later", known.notes(_sizes(tidy).sum()), period_name(freq)
    if not len(tidy):
        return look.say(ax, title, notes, known.nothing())
    later = tidy[tidy["age"] > 0]
    if not len(later):
        return look.say(ax, title, notes, f"No cohort has been seen for a whole {unit} yet.")
    first = later[later["age"] == 1]
    buyers = first["buyers"].sum()
    finding = (
        f"Of {look.count(buyers, 'buyer')} in cohorts that have been seen for a {unit}, at least "
        f"{look.percent(first['still_ordering'].sum() / buyers)} ordered again a {unit} or more after the first order."
    )
    ax = look.begin(ax, title, notes, finding)
    shares = later.pivot(index="cohort", columns="age", values="share")
    names = [period_text(cohort, unit) for cohort in shares.index]
    ages = [str(age) for age in shares.columns]
    ends = {"vmin": 0, "vmax": later["share"].max() or 1.0}
    look.cells(ax, shares.to_numpy("float64"), names, ages, look.percent, {**ends, **style}, tick=look.exact_percent)
    ax.set_xlabel(f"{unit.capitalize()}s since the first order")
    ax.set_ylabel(f"First order ({unit}, {tz})")
    return ax


def repeat_rate(
    customers: IntoFrame,
    *,
    freq: str = "MS",
    tz: str = "UTC",
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show the share of each cohort's buyers who have ordered again, with its 95 % interval.

    Cohorts that have not had 180 days to come back are grey.

    Parameters
    ----------
    customers, freq, tz, as_of, ax
        As for `cohort_heatmap`.
    **style
        Passed to `matplotlib.axes.Axes.errorbar`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError, DataError
        As `cohort_heatmap`.
    """
    known = facts(customers, as_of)
    table = to_pandas(cohorts.summary(without_amounts(customers), freq=freq, tz=tz, as_of=as_of))
    title, unit = "Buyers who ordered again", period_name(freq)
    young = "" if table["mature"].all() else "grey: seen for less than 180 days"
    notes = [*known.notes(table["buyers"].sum()), young]
    if not len(table):
        return look.say(ax, title, notes, known.nothing())
    if table["buyers"].sum() == 1:
        again = ", and ordered again" if table["repeat_buyers"].sum() else ", and not again so far"
        return look.say(ax, title, notes, f"1 buyer has ordered{again}.")
    mature = table[table["mature"]]
    whole = mature if len(mature) else table
    share = look.percent(whole["repeat_buyers"].sum() / whole["buyers"].sum())
    seen = " seen for 180 days or longer" if len(mature) else ""
    finding = f"{share} of {look.count(whole['buyers'].sum(), 'buyer')}{seen} have ordered again"
    if len(mature) > 1:
        best = mature.iloc[int(np.argmax(mature["repeat_rate"]))]
        finding += f"; most of the cohort of {period_text(best['cohort'], unit)}, {look.percent(best['repeat_rate'])}"
    if len(table) == 1:
        return look.say(ax, title, notes, f"{finding}; all first ordered in one {unit}.")
    ax = look.begin(ax, title, notes, f"{finding}.")
    for part, colour in ((mature, look.BASE), (table[~table["mature"]], look.MUTED)):
        rate = part["repeat_rate"]
        error = np.maximum([rate - part["repeat_rate_ci_low"], part["repeat_rate_ci_high"] - rate], 0)
        points, *_ = look.draw(
            ax.errorbar, part["cohort"], rate, error,
            **{"fmt": "o", "color": colour, "markersize": 4, "linewidth": 1.2, **style},
        )  # fmt: skip
        if points is not None:  # a point at 0 % is drawn whole, over the axis; one out of view stays out of it
            points.set_zorder(max(points.get_zorder(), 2.6))
            points.set_clip_path(Rectangle((-MARGIN, -MARGIN), 1 + 2 * MARGIN, 1 + 2 * MARGIN, transform=ax.transAxes))
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.04 * table["repeat_rate"].max()))  # no point is cut in half
    look.date_axis(ax, f"First order ({unit}, {tz})")
    look.percent_axis(ax.yaxis, "Ordered again (95% interval)")
    look.grid(ax)
    return ax


def survival(
    customers: IntoFrame,
    *,
    freq: str = "QS",
    tz: str = "UTC",
    as_of: Moment | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show by age the share of buyers who are known to have ordered at that age or later: a line per cohort.

    The thick line is of all cohorts together, as far as half of the buyers have been seen.

    Parameters
    ----------
    customers, freq, tz, as_of, ax
        As for `cohort_heatmap`.
    **style
        Passed to `matplotlib.axes.Axes.plot`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError, DataError
        As `cohort_heatmap`.
    """
    known, tidy = facts(customers, as_of), _survival(customers, freq, tz, as_of)
    title, unit = "Still ordering, by cohort", period_name(freq)
    notes = known.notes(_sizes(tidy).sum())
    if not len(tidy):
        return look.say(ax, title, notes, known.nothing())
    if tidy["age"].max() == 0:
        return look.say(ax, title, notes, f"No cohort has been seen for a whole {unit} yet.")
    if _sizes(tidy).sum() == 1:
        last = tidy.loc[tidy["still_ordering"] > 0, "age"].max()
        when = f"in the {unit} of the first" if last == 0 else f"{look.count(last, unit)} after the first"
        return look.say(ax, title, notes, f"1 buyer has ordered; the last order was {when}.")
    pooled = tidy.groupby("age")[["still_ordering", "buyers"]].sum()
    enough = pooled["buyers"] >= pooled["buyers"].iloc[0] / 2
    end = max(1, int(pooled.index[enough][-1]))
    together = (pooled["still_ordering"] / pooled["buyers"]).loc[:end]
    finding = (
        f"Of {look.count(pooled['buyers'][end], 'buyer')} seen that long, at least {look.percent(together[end])} ordered "
        f"{look.count(end, unit)} or more after their first order."
    )
    groups = [(cohort, part) for cohort, part in tidy.groupby("cohort") if len(part) > 1]
    ax = look.begin(ax, title, [*notes, "thick: all cohorts together" if len(groups) > 1 else ""], finding)
    colours = plt.get_cmap(look.RAMP)(np.linspace(0.3, 0.9, len(groups)))
    step = max(1, -(-len(groups) // LINES_NAMED))
    for place, ((cohort, part), colour) in enumerate(zip(groups, colours, strict=True)):
        label = {"label": period_text(cohort, unit)} if place % step == 0 else {}
        look.draw(ax.plot, part["age"], part["share"], **{"color": colour, "linewidth": 1, **label, **style})
    ax.plot(together.index, together, color=look.ACCENT, linewidth=2.4)
    ax.set_xlim(0, tidy["age"].max())
    ax.set_ylim(0, 1)
    look.amount_axis(ax.xaxis, f"{unit.capitalize()}s since the first order", whole=True)
    look.percent_axis(ax.yaxis, "Ordered then or later")
    look.grid(ax)
    if len(groups) > 1:
        ax.legend(frameon=False, fontsize="x-small", title="First order", title_fontsize="x-small")
    return ax


def _survival(customers: IntoFrame, freq: str, tz: str, as_of: Moment | None) -> pd.DataFrame:
    table = to_pandas(cohorts.survival(customers, freq=freq, tz=tz, as_of=as_of))
    return table.astype({"share": "float64"})


def _sizes(tidy: pd.DataFrame) -> pd.Series[Any]:
    """Return the number of buyers of each cohort."""
    return tidy.loc[tidy["age"] == 0, "buyers"]
