"""One customer as a card. Text from customers is escaped, so it is shown as text, whatever it holds."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from custlens._text import printable
from custlens.analysis import orders as order_statistics

__all__ = ["Standing", "card"]

CONSENT = {True: "yes", False: "no: never mail", None: "unknown: not asked, or not answered"}
PERSON = ("name", "company_name", "street", "postal_code", "city", "state_or_province_name", "country_name", "phone")
_LABEL = "padding:.15rem .8rem .15rem 0;opacity:.7;vertical-align:top;white-space:nowrap"


class Standing:
    """The buyers of a customers table, for a customer to be compared with.

    Parameters
    ----------
    customers : pandas.DataFrame
        A customers table with ``number_of_orders`` and ``sales_value``.

    Attributes
    ----------
    buyers : int
        Customers with at least one order.
    as_of : pandas.Timestamp or None
        When the table was observed.
    currency : str or None
        ISO 4217 currency of the amounts.
    """

    def __init__(self, customers: pd.DataFrame) -> None:
        buyers = customers[customers["number_of_orders"].fillna(0) >= 1]
        orders = buyers["number_of_orders"].astype("float64")
        values = {
            "number_of_orders": orders,
            "sales_value": buyers["sales_value"],
            "average_order_value": buyers["sales_value"] / orders,
        }
        self._sorted = {name: np.sort(column.dropna().to_numpy()) for name, column in values.items()}
        whole = order_statistics.summary(customers).iloc[0]
        self.as_of: datetime | None = None if pd.isna(whole["as_of"]) else whole["as_of"]
        self.currency: str | None = None if pd.isna(whole["currency"]) else whole["currency"]
        self.buyers = len(buyers)

    def share_below(self, statistic: str, value: float) -> float | None:
        """Return the share of buyers with a smaller value, or None if there are no buyers."""
        known = self._sorted[statistic]
        return float(np.searchsorted(known, value, "left") / len(known)) if len(known) else None


def card(
    customer: pd.Series,
    standing: Standing,
    *,
    contacts: pd.DataFrame | None = None,
    addresses: pd.DataFrame | None = None,
    note: str = "",
) -> str:
    """Return a customer's card as HTML.

    Parameters
    ----------
    customer : pandas.Series
        A row of a customers table.
    standing : Standing
        The buyers to compare with.
    contacts, addresses : pandas.DataFrame, optional
        The customer's rows of these tables; a table that is not known is not shown.
    note : str
        Where the data comes from.

    Returns
    -------
    str
        HTML.
    """
    name = _text(customer.get("name")) or _text(customer.get("billing_name")) or "(no name)"
    facts = [
        ("ID", str(int(customer["customer_id"]))),  # a row of numbers alone would show it as 5.0
        ("Email", _text(customer.get("email"))),
        ("Group", _text(customer.get("customer_group_name"))),
        ("Kind", {"b2b": "business", "b2c": "consumer"}.get(_text(customer.get("b2b_b2c")), "")),
        ("May be mailed", CONSENT[_flag(customer.get("accept_marketing"))]),
        ("Registered", _date(customer.get("registered"))),
        ("Billing", _person(customer, "billing_")),
    ]
    sections = [
        _list("Contacts", contacts, _contact),
        _list("Addresses", addresses, lambda row: _person(row, "") + _default(row.get("default_address"))),
    ]
    return (
        '<article aria-label="Customer" style="border:1px solid rgba(128,128,128,.4);border-radius:8px;'
        'padding:.8rem 1.1rem;max-width:31rem;line-height:1.4">'
        f'<h3 style="margin:0 0 .4rem"><bdi>{html.escape(name)}</bdi></h3>{_table(facts)}'
        f"{_statistics(customer, standing)}{''.join(sections)}"
        f'<p style="font-size:.85em;opacity:.7;margin:.6rem 0 0">{html.escape(note)}</p></article>'
    )


def _statistics(customer: pd.Series, standing: Standing) -> str:
    orders, sales = customer["number_of_orders"], customer["sales_value"]
    if pd.isna(orders) or pd.isna(sales):
        return "<p><b>No order statistics</b>: the shop sent none for this customer, or none that can be used.</p>"
    if orders == 0:
        return "<p><b>No orders yet.</b></p>"
    money = f" {standing.currency}" if standing.currency else ""
    average = float(sales) / float(orders)
    observed = customer.get("as_of")
    as_of = standing.as_of if observed is None or pd.isna(observed) else observed
    rows = [
        _row("Orders", f"{int(orders):,}", standing.share_below("number_of_orders", float(orders))),
        _row("Sales value", f"{sales:,.2f}{money}", standing.share_below("sales_value", float(sales))),
        _row("Average order", f"{average:,.2f}{money}", standing.share_below("average_order_value", average)),
        _row("First order", _date(customer.get("first_order_date"), as_of), None),
        _row("Last order", _date(customer.get("last_order_date"), as_of), None),
    ]
    head = f"Order statistics, compared with {standing.buyers:,} buyers"
    return f'<h4 style="margin:.8rem 0 .2rem">{head}</h4><table>{"".join(rows)}</table>'


def _row(label: str, value: str, below: float | None) -> str:
    if below is None:
        return f'<tr><td style="{_LABEL}">{label}</td><td colspan="2">{value or "unknown"}</td></tr>'
    words = _rank(below)
    bar = (
        f'<div role="img" aria-label="{words}" style="display:inline-block;width:5rem;height:.55rem;'
        'background:rgba(128,128,128,.25);border-radius:3px"><div style="height:100%;border-radius:3px;'
        f'background:#0072B2;width:{below:.1%}"></div></div>'
    )
    return (
        f'<tr><td style="{_LABEL}">{label}</td><td style="padding-right:.8rem;white-space:nowrap"><b>{value}</b></td>'
        f'<td>{bar} <span style="opacity:.75;white-space:nowrap">{words}</span></td></tr>'
    )


def _rank(below: float) -> str:
    """Return where a buyer stands, in words, rounded so that the buyer never seems better than they are."""
    if below == 0:
        return "no buyer has less"
    if below < 0.01:
        return "less than 1% of buyers have less"
    if below < 0.5:
        return f"more than {math.floor(below * 100)}% of buyers"
    return f"top {max(1, math.ceil(round((1 - below) * 100, 9)))}% of buyers"


def _table(facts: list[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr><td style="{_LABEL}">{label}</td><td><bdi>{html.escape(value)}</bdi></td></tr>'
        for label, value in facts
        if value
    )
    return f"<table>{rows}</table>"


def _list(title: str, rows: pd.DataFrame | None, show: Callable[[pd.Series], str]) -> str:
    if rows is None:
        return ""
    items = "".join(f"<li><bdi>{html.escape(show(row))}</bdi></li>" for _, row in rows.head(10).iterrows())
    more = f"<li>and {len(rows) - 10:,} more</li>" if len(rows) > 10 else ""
    body = f'<ul style="margin:0;padding-left:1.2rem">{items}{more}</ul>' if len(rows) else "<p>none</p>"
    return f'<h4 style="margin:.8rem 0 .2rem">{title}</h4>{body}'


def _contact(row: pd.Series) -> str:
    kind = _text(row.get("type")).lower() or "contact"
    return f"{kind}: {_text(row.get('contact')) or _text(row.get('handle'))}{_default(row.get('default'))}"


def _default(value: Any) -> str:
    return " (default)" if _flag(value) else ""


def _person(row: pd.Series, prefix: str) -> str:
    return ", ".join(text for part in PERSON if (text := _text(row.get(prefix + part))))


def _flag(value: Any) -> bool | None:
    return None if value is None or pd.isna(value) else bool(value)


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else printable(value)


def _date(value: Any, as_of: datetime | None = None) -> str:
    """Write a day, and how long before the observation it was; an order after it (clocks differ) has no such span."""
    if value is None or pd.isna(value):
        return ""
    day = f"{value:%d %b %Y}".lstrip("0")
    if as_of is None or value > as_of:
        return day
    days = (as_of - value).days
    span = "less than a day" if days == 0 else "1 day" if days == 1 else f"{days:,} days"
    return f"{day} ({span} before {f'{as_of:%d %b %Y}'.lstrip('0')})"
