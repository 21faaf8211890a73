"""One customer as a card. All text that comes from customers is escaped: it is shown as text, whatever it holds."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import orders as order_statistics

__all__ = ["Standing", "card"]

CONSENT = {True: "yes", False: "no: never mail", None: "unknown: not asked, or not answered"}
PERSON = ("name", "company_name", "street", "postal_code", "city", "state_or_province_name", "country_name", "phone")
_LABEL = "padding:.15rem .8rem .15rem 0;opacity:.7;vertical-align:top;white-space:nowrap"


class Standing:
    """Where a customer stands among the buyers of a customers table."""

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
        self.as_of = None if pd.isna(whole["as_of"]) else whole["as_of"]
        self.currency = None if pd.isna(whole["currency"]) else whole["currency"]
        self.buyers = len(buyers)

    def share_below(self, statistic: str, value: float) -> float | None:
        """Share of the buyers who have less; None where there are no buyers."""
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
    """Draw one customer.

    Parameters
    ----------
    customer
        A row of a customers table.
    standing
        The buyers to compare with.
    contacts, addresses
        The customer's rows of these tables; None where they are not known.
    note
        Where the data comes from.

    Returns
    -------
    str
        HTML.
    """
    name = _text(customer.get("name")) or _text(customer.get("billing_name")) or "(no name)"
    facts = [
        ("ID", _text(customer["customer_id"])),
        ("Email", _text(customer.get("email"))),
        ("Group", _text(customer.get("customer_group_name"))),
        ("Kind", {"b2b": "a business", "b2c": "a consumer"}.get(_text(customer.get("b2b_b2c")), "")),
        ("May be mailed", CONSENT[_flag(customer.get("accept_marketing"))]),
        ("Registered", _date(customer.get("registered"))),
        ("Billing", _person(customer, "billing_")),
    ]
    sections = [
        _list("Contacts", contacts, lambda row: _contact(row)),
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
    if pd.isna(orders):
        return "<p><b>No statistics</b>: the store gave none for this customer.</p>"
    if orders == 0:
        return "<p><b>No orders yet.</b></p>"
    money = f" {standing.currency}" if standing.currency else ""
    average = float(sales) / float(orders)
    rows = [
        _bar("Orders", f"{int(orders):,}", standing.share_below("number_of_orders", float(orders))),
        _bar("Sales value", f"{sales:,.2f}{money}", standing.share_below("sales_value", float(sales))),
        _bar("Average order", f"{average:,.2f}{money}", standing.share_below("average_order_value", average)),
        _bar("First order", _date(customer.get("first_order_date"), standing.as_of), None),
        _bar("Last order", _date(customer.get("last_order_date"), standing.as_of), None),
    ]
    head = f"Order statistics, against {standing.buyers:,} buyers"
    return f'<h4 style="margin:.8rem 0 .2rem">{head}</h4><table>{"".join(rows)}</table>'


def _bar(label: str, value: str, below: float | None) -> str:
    picture = ""
    if below is not None:
        words = f"more than {below:.0%} of buyers" if below > 0 else "none has less"
        picture = (
            f'<div role="img" aria-label="{words}" style="display:inline-block;width:5rem;height:.55rem;'
            'background:rgba(128,128,128,.25);border-radius:3px"><div style="height:100%;border-radius:3px;'
            f'background:#0072B2;width:{below:.1%}"></div></div> <span style="opacity:.75;white-space:nowrap">{words}</span>'
        )
    second = f"<b>{value}</b></td><td>{picture}" if picture else f"{value}"
    span = "" if picture else ' colspan="2"'
    cell = f'<td{span} style="padding-right:.8rem;white-space:nowrap">{second}</td>'
    return f'<tr><td style="{_LABEL}">{label}</td>{cell}</tr>'


def _table(facts: list[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr><td style="{_LABEL}">{label}</td><td><bdi>{html.escape(value)}</bdi></td></tr>'
        for label, value in facts
        if value
    )
    return f"<table>{rows}</table>"


def _list(title: str, rows: pd.DataFrame | None, show: Any) -> str:
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
    return "" if value is None or pd.isna(value) else str(value)


def _date(value: Any, as_of: Any = None) -> str:
    if value is None or pd.isna(value):
        return ""
    ago = f" ({(as_of - value).days:,} days before {as_of:%d %b %Y})" if as_of is not None else ""
    return f"{value:%d %b %Y}{ago}"
