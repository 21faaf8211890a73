"""The first figures of a report, written for people."""

from __future__ import annotations

import html
from typing import Any, NamedTuple

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.analysis import orders

__all__ = ["Headline"]

_FIGURES = {
    "Buyers": ("buyers", "count"),
    "Orders": ("orders", "count"),
    "Sales": ("sales_value", "money"),
    "Mean order value": ("mean_order_value", "money"),
    "Repeat rate": ("repeat_rate", "share"),
}


class Figure(NamedTuple):
    """A figure and its change, as texts; the change is empty where there is nothing to compare with."""

    value: str
    change: str


class Headline:
    """The five figures of `custlens.orders.summary` that say most, with their changes, as text and as HTML.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders`` and ``sales_value``.
    before : table, optional
        The same shop's customers at an earlier time, to compare with.
    about : str
        What the table is about, for the beginning of the note, such as the name of the shop.
    as_of, since : str, date or datetime, optional
        Times of the two observations; read from the tables by default.

    Attributes
    ----------
    figures : dict of str to (str, str)
        Value and change of each figure by its name: buyers, orders, sales, mean order value, repeat rate.
    note : str
        When and in what currency the table was observed, how many customers it has, and what it is compared with.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> Headline(tables.customers)
    Buyers            2,357
    Orders            6,919
    Sales             244,091.94 USD
    Mean order value  35.28 USD
    Repeat rate       48.9%
    As of 1998-06-30 23:59 UTC · amounts in USD · 2,357 customers · no earlier sync yet
    """

    def __init__(
        self,
        customers: IntoFrame,
        before: IntoFrame | None = None,
        *,
        about: str = "",
        as_of: Moment | None = None,
        since: Moment | None = None,
    ) -> None:
        now = _summary(customers, as_of)
        then = None if before is None else _summary(before, since)
        currency = now["currency"] if isinstance(now["currency"], str) else ""
        self.figures: dict[str, Figure] = {}
        for name, (column, kind) in _FIGURES.items():
            change = None if then is None else now[column] - then[column]
            self.figures[name] = Figure(
                _value(now[column], kind, currency), "" if change is None else _change(change, kind, currency)
            )
        people = int(now["customers"])
        parts = [
            about,
            f"{'as' if about else 'As'} of {_time(now['as_of'])}",
            f"amounts in {currency}" if currency else "",
            f"{people:,} customer{'' if people == 1 else 's'}",
            "no earlier sync yet" if then is None else f"changes since {_time(then['as_of'])}",
        ]
        self.note = " · ".join(part for part in parts if part)

    def __repr__(self) -> str:
        width = max(map(len, self.figures))
        value = max(len(figure.value) for figure in self.figures.values())
        lines = [f"{name:<{width}}  {f.value:<{value}}  {f.change}".rstrip() for name, f in self.figures.items()]
        return "\n".join([*lines, self.note])

    def _repr_html_(self) -> str:
        box = "padding:.7rem 1rem;border:1px solid #8888;border-radius:8px;flex:1 1 8rem"
        term = "float:none;width:auto;font-size:.85rem;font-weight:400"  # JupyterLab lets terms float
        cards = "".join(
            f'<div class="figure" style="{box}"><dt style="{term}">{html.escape(name)}</dt>'
            f'<dd style="margin:0;padding:0"><b style="font-size:1.3rem;white-space:nowrap">{html.escape(figure.value)}</b> '
            f"{_change_html(figure.change)}</dd></div>"
            for name, figure in self.figures.items()
        )
        row = f'<dl class="figures" style="display:flex;flex-wrap:wrap;gap:.7rem;margin:.6rem 0">{cards}</dl>'
        return f'{row}<p class="note" style="font-size:.85rem">{html.escape(self.note)}</p>'


def _change_html(change: str) -> str:
    return f'<span class="change" style="display:block">{html.escape(change)}</span>' if change else ""


def _summary(customers: IntoFrame, as_of: Moment | None) -> dict[str, Any]:
    return nw.from_native(orders.summary(customers, as_of=as_of)).lazy().collect().rows(named=True)[0]


def _value(value: Any, kind: str, currency: str) -> str:
    if pd.isna(value):
        return "–"
    if kind == "count":
        return f"{value:,.0f}"
    return f"{value:.1%}" if kind == "share" else f"{value:,.2f} {currency}".strip()


def _change(change: Any, kind: str, currency: str) -> str:
    """Return a change as text, with its sign; that of a share in percentage points."""
    if pd.isna(change):
        return "–"
    if kind == "share":
        text = f"{100 * change:+.1f} points"
    else:
        text = f"{change:+,.0f}" if kind == "count" else f"{change:+,.2f} {currency}".strip()
    unchanged = not any(digit in text for digit in "123456789")
    return "unchanged" if unchanged else text.replace("-", "−")


def _time(when: Any) -> str:
    return "an unknown time" if pd.isna(when) else f"{when:%Y-%m-%d %H:%M} UTC"
