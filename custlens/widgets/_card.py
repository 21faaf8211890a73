"""One customer as a card: what the page draws, as values that JSON can carry. Personal data is hidden unless revealed."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from custlens._text import KINDS, language_name, printable
from custlens.analysis import segments
from custlens.analysis.lifetime import LifetimeModel, fit
from custlens.errors import CustlensError
from custlens.tables import mask

__all__ = ["Standing", "as_html", "card", "changes"]

Fact = tuple[str, str]

BINS = 24
MOST_LISTED = 10
HORIZON = "90D"
CONSENT = {True: "yes", False: "no: never mail", None: "unknown: not asked, or not answered"}
PERSON = ("name", "company_name", "street", "postal_code", "city", "state_or_province_name", "country_name", "phone")
LABELS = {
    "number_of_orders": "Orders",
    "sales_value": "Sales value",
    "average_order_value": "Average order",
    "first_order_date": "First order",
    "last_order_date": "Last order",
}
DERIVED = ("store_id", "customer_id", "as_of", "currency", "stats_consistent", "average_order_value")


class Standing:
    """The buyers of a customers table, for a customer to be compared with.

    Everything is computed when it is first asked for, and once.

    Parameters
    ----------
    customers : pandas.DataFrame
        A customers table with ``number_of_orders`` and ``sales_value``.
    """

    def __init__(self, customers: pd.DataFrame) -> None:
        self._customers = customers

    @cached_property
    def _sorted(self) -> dict[str, np.ndarray]:
        """Return the values of the buyers for each statistic, in order; dates as microseconds."""
        buyers = self._customers[self._customers["number_of_orders"].fillna(0) >= 1]
        found = {}
        for name in LABELS:
            if name == "average_order_value":
                values = buyers["sales_value"] / buyers["number_of_orders"].astype("float64")
            elif name in buyers:
                values = buyers[name]
            else:
                continue
            known = values.dropna()
            found[name] = np.sort(_number(known) if len(known) else np.empty(0))
        return found

    @property
    def buyers(self) -> int:
        """How many customers have an order."""
        return len(self._sorted["number_of_orders"])

    @cached_property
    def as_of(self) -> datetime | None:
        """When the table was observed."""
        latest = self._customers["as_of"].max() if "as_of" in self._customers else None
        return None if pd.isna(latest) else latest

    @cached_property
    def currency(self) -> str | None:
        """ISO 4217 currency of the amounts; None if there are several, or none."""
        if "currency" not in self._customers:
            return None
        found = self._customers["currency"].dropna().unique()
        return str(found[0]) if len(found) == 1 else None

    def place(self, statistic: str, value: Any) -> dict[str, Any]:
        """Return where a value stands among the buyers: in words, and as the bars of a small chart and the bar it is in."""
        known = self._sorted[statistic]
        if not len(known):
            return {}
        number = float(_number(pd.Series([value]))[0])
        below = float(np.searchsorted(known, number, "left") / len(known))
        above = float(1 - np.searchsorted(known, number, "right") / len(known))
        if statistic.endswith("date"):
            words = (
                _share(above, "earlier", "later")
                if statistic == "first_order_date"
                else _share(below, "later", "earlier")
            )
        else:
            words = _rank(below)
        edges = self._edges[statistic]
        counts = np.diff(np.searchsorted(known, edges))
        bar = int(np.clip(np.searchsorted(edges, number, "right") - 1, 0, BINS - 1))
        return {"words": words, "bars": (counts / max(counts.max(), 1)).round(3).tolist(), "bar": bar}

    @cached_property
    def _edges(self) -> dict[str, np.ndarray]:
        """Return the edges of the bars: equal ratios for amounts and counts, equal spans for dates."""
        found = {}
        for name, known in self._sorted.items():
            first, last = (known[0], known[-1]) if len(known) else (0.0, 1.0)
            if not name.endswith("date"):
                positive = known[known > 0]
                first, last = (positive[0], positive[-1]) if len(positive) else (1.0, 10.0)
            spread = np.linspace if name.endswith("date") else np.geomspace
            edges = spread(first, last if last > first else first + abs(first) + 1, BINS + 1)
            edges[0], edges[-1] = -np.inf, np.inf  # what is not above zero belongs to the first bar
            found[name] = edges
        return found

    @cached_property
    def _segments(self) -> pd.Series | str:
        """Return the segment of each customer, or why there is none."""
        try:
            return segments.rfm(self._customers).set_index("customer_id")["segment"]
        except CustlensError as error:
            return str(error)

    @cached_property
    def _model(self) -> LifetimeModel | str:
        """Return the model of the whole table, or why there is none."""
        try:
            return fit(self._customers)
        except CustlensError as error:
            return str(error)

    @property
    def ready(self) -> bool:
        """Whether the segments and the model are there, so that an outlook takes no time."""
        return {"_segments", "_model"} <= vars(self).keys()

    def prepare(self) -> None:
        """Compute the segments and the model, if they are not there."""
        _ = self._segments, self._model

    def outlook(self, row: pd.DataFrame) -> list[Fact]:
        """Return the customer's segment and forecast, or why there is none.

        Parameters
        ----------
        row : pandas.DataFrame
            The customer, as one row.
        """
        facts = [("Segment", self._segment(int(row["customer_id"].iloc[0])))]
        if not row["number_of_orders"].fillna(0).iloc[0]:
            return [*facts, ("Forecast", "none: it takes an order")]
        if isinstance(self._model, str):
            return [*facts, ("Forecast", f"none: {self._model.split('. force=True')[0]}")]
        try:
            found = self._model.predict(row, HORIZON).iloc[0]
        except CustlensError as error:
            return [*facts, ("Forecast", f"none: {error}")]
        if pd.isna(found["p_order"]):
            return [*facts, ("Forecast", "none: the order dates are missing or contradict each other")]
        low, high = (self.amount(found[f"expected_revenue_ci_{end}"]) for end in ("low", "high"))
        return [
            *facts,
            ("Orders again within 90 days", f"{found['p_order']:.0%} likely"),
            ("Expected sales in 90 days", f"{self.amount(found['expected_revenue'])} ({low} to {high})"),
        ]

    def _segment(self, customer_id: int) -> str:
        if isinstance(self._segments, str):
            return f"none: {self._segments}"
        return str(self._segments.get(customer_id, "none: not in the table that was loaded"))

    def amount(self, value: float) -> str:
        """Return an amount with its currency."""
        return f"{value:,.2f}{f' {self.currency}' if self.currency else ''}"


def card(
    row: pd.DataFrame,
    standing: Standing,
    *,
    contacts: pd.DataFrame | None = None,
    addresses: pd.DataFrame | None = None,
    history: pd.DataFrame | None = None,
    note: str = "",
    reveal: bool = False,
) -> dict[str, Any]:
    """Return what a customer's card says.

    Parameters
    ----------
    row : pandas.DataFrame
        The customer, as one row of a customers table.
    standing : Standing
        The buyers to compare with.
    contacts, addresses, history : pandas.DataFrame, optional
        The customer's rows of these tables; a table that is not known is not shown.
    note : str
        Where the data comes from.
    reveal : bool
        Whether to show personal data.

    Returns
    -------
    dict
        id, title, email (None unless revealed), sections (each a title and facts: pairs of a label and a value),
        statistics (a title, and rows of a label, a value, and the place among the buyers), note.
    """
    customer = mask(row, reveal=reveal).iloc[0]
    customer_id = int(customer["customer_id"])
    name = _text(customer.get("name")) or _text(customer.get("billing_name"))
    sections = [
        _section("", _person_facts(customer)),
        _section("Tax", _tax_facts(customer)),
        _listed("Contacts", contacts, _contact, reveal),
        _listed("Addresses", addresses, _address, reveal),
        _changes_seen(history, standing),
    ]
    return {
        "id": customer_id,
        "title": (name if reveal else f"Customer {customer_id}") or "(no name)",
        "email": (_text(customer.get("email")) or None) if reveal else None,
        "sections": [section for section in sections if section is not None],
        "statistics": _statistics(row.iloc[0], standing),
        "note": note,
    }


def changes(before: pd.DataFrame, after: pd.DataFrame, *, reveal: bool = False) -> list[tuple[str, str, str]]:
    """Return the values of a customer that differ between two rows: what each is called, before, and after.

    Parameters
    ----------
    before, after : pandas.DataFrame
        The customer, as one row each.
    reveal : bool
        Whether to show personal data.
    """
    names = [name for name in before.columns if name in after.columns and name not in DERIVED]
    old, new = before[names].iloc[0], after[names].iloc[0]
    differ = [name for name in names if not _same(old[name], new[name])]
    old, new = (mask(table[differ], reveal=reveal).iloc[0] for table in (before, after))
    return [(_label(name), _value(old[name]), _value(new[name])) for name in differ]


def as_html(rows: Iterable[Iterable[str]], headings: Iterable[str], caption: str) -> str:
    """Return a table of texts as HTML, for a page without a kernel."""
    head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in headings)
    body = "".join(f"<tr>{''.join(f'<td><bdi>{html.escape(text)}</bdi></td>' for text in row)}</tr>" for row in rows)
    return (
        f"<table><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _section(title: str, facts: list[Fact]) -> dict[str, Any] | None:
    shown = [fact for fact in facts if fact[1]]
    return {"title": title, "facts": shown} if shown else None


def _person_facts(customer: pd.Series) -> list[Fact]:
    return [
        ("ID", str(int(customer["customer_id"]))),  # a row of numbers alone would show it as 5.0
        ("Name", _text(customer.get("name"))),
        ("Email", _text(customer.get("email"))),
        ("May be mailed", CONSENT[_flag(customer.get("accept_marketing"))]),
        ("Group", _text(customer.get("customer_group_name"))),
        ("Kind", KINDS.get(_text(customer.get("b2b_b2c")), "")),
        ("Language", language_name(_text(customer.get("lang")))),
        ("Registered", _date(customer.get("registered"))),
        ("Last edited", _date(customer.get("updated"))),
        ("Billing", _person(customer, "billing_")),
        ("ID elsewhere", _text(customer.get("external_reference_id"))),
        ("Notes of the shop", _text(customer.get("private_admin_notes"))),
    ]


def _tax_facts(customer: pd.Series) -> list[Fact]:
    valid = {True: " (valid)", False: " (not valid)", None: ""}[_flag(customer.get("tax_id_valid"))]
    tax_id = _text(customer.get("tax_id"))
    return [
        ("Tax ID", tax_id + valid if tax_id else ""),
        ("Exempt", {True: "yes", False: "", None: ""}[_flag(customer.get("tax_exempt"))]),
        ("Fiscal code", _text(customer.get("fiscal_code"))),
        ("Certified email", _text(customer.get("electronic_invoice_pec_email"))),
        ("SDI code", _text(customer.get("electronic_invoice_sdi_code"))),
    ]


def _listed(title: str, rows: pd.DataFrame | None, show: Any, reveal: bool) -> dict[str, Any] | None:
    if rows is None:
        return None
    facts = [show(row) for _, row in mask(rows.head(MOST_LISTED), reveal=reveal).iterrows()]
    if len(rows) > MOST_LISTED:
        facts.append(("", f"and {len(rows) - MOST_LISTED:,} more"))
    return {"title": title, "facts": facts or [("", "none")]}


def _contact(row: pd.Series) -> Fact:
    kind = _text(row.get("type")) or "OTHER"
    text = _text(row.get("contact")) or _text(row.get("handle")) or "(empty)"
    return (kind.capitalize() if kind.isupper() else kind, text + _default(row.get("default")))


def _address(row: pd.Series) -> Fact:
    return ("Shipping", (_person(row, "") or "(empty)") + _default(row.get("default_address")))


def _changes_seen(history: pd.DataFrame | None, standing: Standing) -> dict[str, Any] | None:
    """Return what the syncs of a store saw of the customer's statistics, the latest first."""
    if history is None or history.empty:
        return None
    facts: list[Fact] = []
    before: pd.Series | None = None
    for _, row in history.iterrows():
        if row["event"] == "deleted":
            said = "deleted from the shop"
        elif row["event"] == "added" or before is None:
            said = f"first seen, with {_state(row, standing)}"
        else:
            said = f"{_state(before, standing)} → {_state(row, standing)}"
        facts.append((_date(row["as_of"]), said))
        before = row
    more = [("", f"and {len(facts) - MOST_LISTED:,} earlier")] if len(facts) > MOST_LISTED else []
    return {"title": "Seen by the syncs", "facts": [*facts[: -MOST_LISTED - 1 : -1], *more]}


def _state(row: pd.Series, standing: Standing) -> str:
    if pd.isna(row["number_of_orders"]):
        return "no statistics"
    count = int(row["number_of_orders"])
    text = f"{count:,} order{'' if count == 1 else 's'}"
    return text if count == 0 or pd.isna(row["sales_value"]) else f"{text}, {standing.amount(row['sales_value'])}"


def _statistics(customer: pd.Series, standing: Standing) -> dict[str, Any]:
    orders, sales = customer["number_of_orders"], customer["sales_value"]
    if pd.isna(orders) or pd.isna(sales):
        return {
            "title": "No order statistics: the shop sent none for this customer, or none that can be used.",
            "rows": [],
        }
    if orders == 0:
        return {"title": "No orders yet.", "rows": []}
    observed = customer.get("as_of")
    as_of = standing.as_of if observed is None or pd.isna(observed) else observed
    average = float(sales) / float(orders)
    shown: dict[str, tuple[Any, str]] = {
        "number_of_orders": (float(orders), f"{int(orders):,}"),
        "sales_value": (float(sales), standing.amount(sales)),
        "average_order_value": (average, standing.amount(average)),
    }
    for name in ("first_order_date", "last_order_date"):
        shown[name] = (customer.get(name), _date(customer.get(name), as_of) or "unknown")
    rows = [
        {
            "label": LABELS[name],
            "value": text,
            **(standing.place(name, value) if value is not None and pd.notna(value) else {}),
        }
        for name, (value, text) in shown.items()
    ]
    return {"title": f"Order statistics, compared with {standing.buyers:,} buyers", "rows": rows}


def _rank(below: float) -> str:
    """Return where a buyer stands, in words, rounded so that the buyer never seems better than they are."""
    if below == 0:
        return "no buyer has less"
    if below < 0.01:
        return "less than 1% of buyers have less"
    if below < 0.5:
        return f"more than {math.floor(below * 100)}% of buyers"
    return f"top {max(1, math.ceil(round((1 - below) * 100, 9)))}% of buyers"


def _share(part: float, this: str, others: str) -> str:
    """Return a share of the buyers whose date lies to one side, in words, rounded down."""
    percent = math.floor(round(part * 100, 9))
    if part == 0:
        return f"for no buyer {others}"
    return f"{this} than for {percent}% of buyers" if percent else f"for less than 1% of buyers {others}"


def _person(row: pd.Series, prefix: str) -> str:
    texts = [text for part in PERSON if (text := _text(row.get(prefix + part)))]
    return ", ".join(dict.fromkeys(texts))  # hidden parts are all the same


def _default(value: Any) -> str:
    return " (default)" if _flag(value) else ""


def _flag(value: Any) -> bool | None:
    return None if value is None or pd.isna(value) else bool(value)


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else printable(value)


def _same(value: Any, other: Any) -> bool:
    if pd.isna(value) or pd.isna(other):
        return bool(pd.isna(value) and pd.isna(other))
    return bool(value == other)


def _label(name: str) -> str:
    return LABELS.get(name) or name.replace("_", " ").capitalize()


def _value(value: Any) -> str:
    """Return any value of a customers table as a text."""
    if value is None or pd.isna(value):
        return "none"
    if isinstance(value, datetime):
        return f"{value:%d %b %Y %H:%M}".lstrip("0")
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return printable(value)


def _date(value: Any, as_of: datetime | None = None) -> str:
    """Return a day, and how long before the observation it was; an order after it (clocks differ) has no such span."""
    if value is None or pd.isna(value):
        return ""
    day = f"{value:%d %b %Y}".lstrip("0")
    if as_of is None or value > as_of:
        return day
    days = (as_of - value).days
    span = "less than a day" if days == 0 else "1 day" if days == 1 else f"{days:,} days"
    return f"{day} ({span} before {f'{as_of:%d %b %Y}'.lstrip('0')})"


def _number(values: pd.Series) -> np.ndarray:
    """Return amounts and counts as they are, and dates as microseconds."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        values = values.dt.as_unit("us").astype("int64")
    found: np.ndarray = values.to_numpy("float64")
    return found
