"""Charts of the named segments, drawn from the results of `custlens.segments`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
from matplotlib.axes import Axes
from narwhals.typing import IntoFrame

from custlens._arguments import Moment, one_of
from custlens.analysis import segments
from custlens.analysis.observation import native, parts_of_sales, to_pandas
from custlens.errors import DataError
from custlens.plot import _style as look
from custlens.plot._data import facts_with_currency

__all__ = ["migration", "rfm_grid", "segment_sizes"]

SCORES = [1, 2, 3, 4, 5]
NOT_BUYERS = ("Prospects", "Unknown")
SCORED_BY, UNSCORED = "date and sales value", "without a score"


def rfm_grid(
    customers: IntoFrame,
    column: str = "buyers",
    *,
    scored: IntoFrame | None = None,
    as_of: Moment | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show how many buyers, or what share of the sales, each pair of recency and frequency scores has.

    Parameters
    ----------
    customers : table
        A customers table with ``customer_id``, ``number_of_orders``, ``sales_value`` and ``last_order_date``.
    column : {"buyers", "sales_value"}
        What the colours show.
    scored : table, optional
        The scores of these customers, as `custlens.segments.rfm` returns them; by default they are computed.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table does not have it.
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
        If the table lacks a column or does not say when it was observed, or its amounts are in several currencies.
    """
    column = one_of("column", column, ["buyers", "sales_value"])
    known = facts_with_currency(customers, as_of, currency)
    if scored is None:
        scored = segments.rfm(customers, as_of=as_of)
    segments.sizes(scored)  # refuses what is not a table of scores
    frame = native(scored, "scored").lazy()
    if missing := [name for name in ("r", "f") if name not in frame.collect_schema().names()]:
        raise DataError(f"the scored table lacks {', '.join(missing)}: pass what segments.rfm returns")
    cells = (
        frame.filter(~nw.col("r").is_null())
        .with_columns(turnover=nw.col("monetary").abs())
        .group_by("r", "f")
        .agg(buyers=nw.len(), sales_value=nw.col("monetary").sum(), turnover=nw.col("turnover").sum())
        .collect()
        .to_pandas()
        .astype("float64")
    )
    title = f"{'Buyers' if column == 'buyers' else 'Sales'} by recency × frequency"
    if not len(cells):
        return look.say(ax, title, known.notes(0, UNSCORED), known.nothing(SCORED_BY))
    buyers, total = cells["buyers"].sum(), cells[column].sum()
    best = cells.iloc[int(np.argmax(cells[column]))]
    notes = [*known.notes(buyers, UNSCORED), "5 is best"]
    write: Callable[[float], str] = look.amount
    tick, shown = write, cells[column]
    most = f"{look.percent(best['buyers'] / buyers)} of {look.count(buyers, 'buyer')} have"
    if column == "sales_value":
        sales, parts = look.money(total, known.currency), parts_of_sales(cells[column], cells["turnover"].sum())
        if np.isnan(parts).any():
            notes.append(f"cells: sales ({known.unit})")
            most = f"{look.money(best[column], known.currency)}, of {sales} in all, come from buyers with"
        else:
            notes.append(f"cells: share of sales ({known.unit})")
            write, tick, shown = look.percent, look.exact_percent, parts
            most = f"{look.percent(parts.max())} of {sales} come from buyers with"
    finding = f"{most} recency score {best['r']:.0f} and frequency score {best['f']:.0f} (5 is best): more than any other pair."
    ax = look.begin(ax, title, notes, finding)
    values = np.zeros((5, 5))
    values[5 - cells["r"].astype("int64"), cells["f"].astype("int64") - 1] = shown
    scores = [str(score) for score in SCORES]
    look.cells(ax, values, scores[::-1], scores, write, style, tick=tick)
    ax.set_xlabel("Frequency score")
    ax.set_ylabel("Recency score")
    return ax


def segment_sizes(
    customers: IntoFrame,
    *,
    scored: IntoFrame | None = None,
    as_of: Moment | None = None,
    currency: str | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Show each segment's share of the buyers next to its share of the sales.

    Parameters
    ----------
    customers : table
        A customers table with ``customer_id``, ``number_of_orders``, ``sales_value`` and ``last_order_date``.
    scored, as_of, currency, ax
        As for `rfm_grid`.
    **style
        Passed to `matplotlib.axes.Axes.barh`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ArgumentError, DataError
        As `rfm_grid`.
    """
    known = facts_with_currency(customers, as_of, currency)
    table = to_pandas(segments.sizes(segments.rfm(customers, as_of=as_of) if scored is None else scored))
    table = table[~table["segment"].isin(NOT_BUYERS)]
    title = "Segments: buyers and sales"
    if not len(table):
        return look.say(ax, title, known.notes(0, UNSCORED), known.nothing(SCORED_BY))
    buyers, sales = table["customers"].astype("float64"), table["sales_value"].astype("float64")
    shares = {"buyers": buyers / buyers.sum()}
    if buyers.sum() == 1:
        sentence = f"1 buyer, in the segment {table['segment'].iloc[0]}, with sales of {look.money(sales.sum(), known.currency)}."
        return look.say(ax, title, known.notes(1, UNSCORED), sentence)
    best = int(np.argmax(sales))
    total = look.money(sales.sum(), known.currency)
    amounts = [look.money(value, known.currency) for value in sales]
    brings, kinds = f"{amounts[best]}, of {total} of sales in all", "sales as amounts: shares would mean nothing"
    if table["share_of_sales"].notna().all():
        shares["sales"] = sales / sales.sum()
        brings, kinds = f"{look.percent(shares['sales'].iloc[best])} of {total} of sales", ""
    finding = (
        f"The segment {table['segment'].iloc[best]} is {look.percent(shares['buyers'].iloc[best])} of "
        f"{look.count(buyers.sum(), 'buyer')} and brings {brings}."
    )
    ax = look.begin(ax, title, [*known.notes(buyers.sum(), UNSCORED), kinds], finding)
    places, size = np.arange(len(table)), "xx-small" if look.small(ax) else "x-small"
    both = len(shares) == 2
    sides = (-0.19, 0.19) if both else (0.0,)
    for offset, (name, share), colour in zip(sides, shares.items(), (look.BASE, look.ACCENT), strict=False):
        bars = look.draw(ax.barh, places + offset, share, **{"height": 0.38, "color": colour, **style})
        labels = [look.percent(value) for value in share]
        labels[0] += f" of {name}"
        if not both:
            labels = [f"{label}, {amount}" for label, amount in zip(labels, amounts, strict=True)]
        look.label_bars(ax, bars, labels, size)
    ax.set_yticks(places, [look.literal(name, 28) for name in table["segment"]])
    ax.set_ylim(len(table) - 0.5, -0.5)
    look.percent_axis(ax.xaxis, f"Share (sales in {known.unit})" if both else "Share of buyers")
    look.grid(ax, "x")
    return ax


def migration(before: IntoFrame, after: IntoFrame, *, ax: Axes | None = None, **style: Any) -> Axes:
    """Show what share of each segment moved to each other segment between two times.

    Parameters
    ----------
    before, after : table
        The scores of one shop's customers at two times, as `custlens.segments.rfm` returns them. Score both with
        ``scores="fixed"``, since quantile scores change with the other buyers.
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
        If a table lacks a column, or holds a customer twice.
    """
    moves = to_pandas(segments.migration(before, after))
    order = [to_pandas(segments.sizes(side))["segment"].to_list() for side in (before, after)]
    rows = [name for name in [*order[0], "New"] if name in set(moves["before"])]
    columns = [name for name in [*order[1], "Gone"] if name in set(moves["after"])]
    total = int(moves["customers"].sum())
    title, notes = "Moves between segments", [f"n = {look.count(total, 'customer')}", "cells: share of the row"]
    if not total:
        return look.say(ax, title, notes, "No customers: there is nobody who could have moved.")
    there = moves["before"] != "New"
    stayed = moves.loc[there & (moves["before"] == moves["after"]), "customers"].sum()
    known = moves.loc[there, "customers"].sum()
    moved = moves[there & (moves["before"] != moves["after"])]
    finding = (
        f"{look.percent(stayed / known if known else 0.0)} of {look.count(known, 'customer')} stayed in their segment"
    )
    if len(moved):
        most = moved.iloc[0]
        finding += f"; the greatest move is from {most['before']} to {most['after']} ({most['customers']:,})"
    ax = look.begin(ax, title, notes, f"{finding}.")
    shares = moves.pivot(index="before", columns="after", values="share").reindex(index=rows, columns=columns)
    look.cells(
        ax,
        shares.to_numpy("float64"),
        rows,
        columns,
        look.percent,
        {"vmin": 0, "vmax": 1, **style},
        tick=look.exact_percent,
        turned=True,
    )
    ax.set_ylabel("Before")
    ax.set_xlabel("After")
    return ax
