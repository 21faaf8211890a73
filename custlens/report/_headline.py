"""The first figures of a report, written for people."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

import narwhals as nw
from narwhals.typing import IntoFrame

from custlens.analysis import orders

__all__ = ["Headline"]


class Headline:
    """The result of `custlens.orders.summary`, written for people, as text and as HTML.

    Parameters
    ----------
    customers : table
        A customers table with ``number_of_orders`` and ``sales_value``.

    Attributes
    ----------
    facts : dict of str to str
        Each figure by its name.
    as_of : str
        When the table was observed, in UTC, or "unknown".
    """

    def __init__(self, customers: IntoFrame) -> None:
        row = nw.from_native(orders.summary(customers)).lazy().collect().rows(named=True)[0]
        money = row["currency"] if isinstance(row["currency"], str) else ""
        when = row["as_of"]
        self.as_of = f"{when:%Y-%m-%d %H:%M} UTC" if isinstance(when, datetime) and when == when else "unknown"
        self.facts: dict[str, str] = {
            "Customers": _count(row["customers"]),
            "Buyers": _count(row["buyers"]),
            "Orders": _count(row["orders"]),
            "Sales": _money(row["sales_value"], money),
            "Mean order value": _money(row["mean_order_value"], money),
            "Median order value per buyer": _money(row["median_customer_aov"], money),
            "Mean sales per buyer": _money(row["mean_buyer_value"], money),
            "Bought once": _share(row["one_time_share"]),
            "Repeat rate": _share(row["repeat_rate"]),
        }

    def __repr__(self) -> str:
        width = max(map(len, self.facts))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in [*self.facts.items(), ("As of", self.as_of)])

    def _repr_html_(self) -> str:
        box = "padding:.7rem 1rem;border:1px solid #d5dbe1;border-radius:8px;min-width:9.5rem"
        cards = "".join(
            f'<div style="{box}"><div style="font-size:1.35rem;font-weight:600">{html.escape(value)}</div>'
            f'<div style="font-size:.85rem;opacity:.75">{html.escape(name)}</div></div>'
            for name, value in self.facts.items()
        )
        note = f'<p style="font-size:.85rem;opacity:.75">As of {html.escape(self.as_of)}, by the shop\'s clock.</p>'
        return f'<div style="display:flex;flex-wrap:wrap;gap:.7rem;margin:.6rem 0">{cards}</div>{note}'


def _count(value: Any) -> str:
    return f"{int(value):,}"


def _money(value: Any, currency: str) -> str:
    return f"{value:,.2f} {currency}".strip() if _known(value) else "–"


def _share(value: Any) -> str:
    return f"{value:.1%}" if _known(value) else "–"


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and value == value
