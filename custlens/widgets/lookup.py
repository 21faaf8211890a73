"""Find a customer by a part of a name, an email address, a phone number or an ID, and read the card."""

from __future__ import annotations

import warnings
from typing import Any

import ipywidgets
import pandas as pd

from custlens.api.client import Client
from custlens.errors import ArgumentError, CustlensWarning, DataError
from custlens.store.store import Store
from custlens.tables.customer_tables import CustomerTables
from custlens.tables.fetch import fetch
from custlens.tables.search import SearchIndex
from custlens.widgets._base import Debounced, Panel, guarded
from custlens.widgets._card import Standing, card

__all__ = ["Lookup"]

NEEDED = ("customer_id", "number_of_orders", "sales_value")


class Lookup(Panel):
    """A search box, a short list, and a card.

    Every word typed must be found in the ID, email, name, company or phone number; case and accents do not matter. What
    a widget shows is personal data, and JupyterLab saves it with the notebook: clear the outputs before you share one.

    Parameters
    ----------
    source
        A `Store`, `CustomerTables`, or a customers table alone (then the card shows no contacts and addresses).
    client
        The store to ask when "Fetch now" is pressed; without it there is no such button.
    limit
        Longest list to show.
    delay
        Seconds without typing after which the search begins.

    Attributes
    ----------
    matches : pandas.DataFrame
        All customers found, the best first.
    selected : pandas.DataFrame
        The customer on the card, one row; no row where there is none.
    last_error : Exception or None
        The last error shown in the status line.

    Raises
    ------
    ArgumentError
        A source that is no customers table, or lacks a column.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     lookup = Lookup(cl.fetch(shop.client(), progress=False))
    >>> lookup.search("customer12@")
    >>> lookup.matches["customer_id"].tolist()
    [12]
    """

    def __init__(
        self,
        source: Store | CustomerTables | pd.DataFrame,
        *,
        client: Client | None = None,
        limit: int = 20,
        delay: float = 0.25,
    ) -> None:
        super().__init__()
        if limit < 1:
            raise ArgumentError(f"limit must be at least 1, not {limit}")
        self._customers, self._contacts, self._addresses = _open(source)
        self._client = client
        self._limit = limit
        self._index = SearchIndex(self._customers, self._contacts)
        self._standing = Standing(self._customers)
        self.matches = self.selected = self._customers.iloc[:0]
        self.box = ipywidgets.Text(
            placeholder="Name, email, phone or ID", layout=ipywidgets.Layout(width="20rem"), continuous_update=True
        )
        self.list = ipywidgets.Select(options=[], rows=10, layout=ipywidgets.Layout(width="20rem"))
        self.button = ipywidgets.Button(description="Fetch now", icon="refresh", disabled=True)
        self.button.tooltip = "Ask the store for this customer"
        self.card = ipywidgets.HTML()
        for widget, label in ((self.box, "Search customers"), (self.list, "Customers found")):
            widget.tooltip = label
        self.box.observe(self._typed, "value")
        self._later = Debounced(self.search, delay)
        self.list.observe(self._chosen, "value")
        self.button.on_click(lambda _: self.fetch_now())
        left = [self.box, self.status, self.list] + ([self.button] if client is not None else [])
        row = ipywidgets.Layout(flex_flow="row wrap", grid_gap="1rem")
        self.children = [ipywidgets.HBox([ipywidgets.VBox(left), self.card], layout=row)]
        self.say(f"{len(self._customers):,} customers. Type to search.")

    @guarded
    def search(self, text: str) -> None:
        """Find customers; what typing does."""
        self.button.disabled = self._id_to_fetch(text) is None
        if not text.strip():
            self.matches = self._customers.iloc[:0]
            self._show_list(f"{len(self._customers):,} customers. Type to search.")
            return
        self.matches, exact = self._index.find(text)
        count = len(self.matches)
        said = (
            f"Showing {min(count, self._limit):,} of {count:,}." if count else f"Nobody here matches “{text.strip()}”."
        )
        asked = text.strip() if self._client is not None and text.strip().isdecimal() and not exact else ""
        self._show_list(f"{said} “Fetch now” asks the store for ID {asked}." if asked else said)

    @guarded
    def pick(self, customer_id: int) -> None:
        """Show a customer's card; what choosing from the list does.

        A customer who is not in the table is a `ConfigError` in the status line.
        """
        row = self._customers[self._customers["customer_id"] == customer_id]
        if not len(row):
            raise ArgumentError(f"customer {customer_id} is not in this table")
        self._show(row, self._contacts, self._addresses, "From the table that was loaded.")
        self.button.disabled = False

    @guarded
    def fetch_now(self) -> None:
        """Ask the store for the ID in the search box or on the card; what the button does."""
        customer_id = self._id_to_fetch(self.box.value)
        if self._client is None or customer_id is None:
            raise ArgumentError("there is nobody to fetch: pick a customer or type an ID, and give Lookup a client")
        self.say(f"Asking the store for customer {customer_id} …")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CustlensWarning)
            now = fetch(self._client, [customer_id], progress=False)
        if len(now.customers):
            self._show(
                now.customers, now.contacts, now.addresses, f"Fetched now, as of {now.report.as_of:%d %b %Y %H:%M} UTC."
            )
            self.say(f"Fetched customer {customer_id} from the store.")
            return
        reject = now.rejects.iloc[0]
        if reject["reason"].startswith("404"):
            raise ArgumentError(
                f"The store has no customer {customer_id}. It says: {reject['reason'].removeprefix('404: ')}"
            )
        raise ArgumentError(
            f"The store's record of customer {customer_id} breaks a rule at {reject['api_path']}: {reject['reason']}"
        )

    def _typed(self, change: dict[str, Any]) -> None:
        self._later(change["new"])

    def _chosen(self, change: dict[str, Any]) -> None:
        if change["new"] is not None:
            self.pick(change["new"])

    def _id_to_fetch(self, text: str) -> int | None:
        if text.strip().isdecimal():
            return int(text.strip())
        return int(self.selected["customer_id"].iloc[0]) if len(self.selected) else None

    def _show_list(self, sentence: str) -> None:
        shown = self.matches.head(self._limit)
        options = [(_label(row), int(row["customer_id"])) for _, row in shown.iterrows()]
        self.list.unobserve(self._chosen, "value")
        try:
            self.list.options = options
            self.list.value = None
        finally:
            self.list.observe(self._chosen, "value")
        self.say(sentence)

    def _show(
        self, row: pd.DataFrame, contacts: pd.DataFrame | None, addresses: pd.DataFrame | None, note: str
    ) -> None:
        customer_id = row["customer_id"].iloc[0]
        parts = [None if part is None else part[part["customer_id"] == customer_id] for part in (contacts, addresses)]
        self.card.value = card(row.iloc[0], self._standing, contacts=parts[0], addresses=parts[1], note=note)
        self.selected = row


def _open(source: Any) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame | None]:
    """Take what can be looked up in from a source."""
    if isinstance(source, CustomerTables):
        customers = source.customers
        contacts, addresses = (source.part(name) for name in ("contacts", "addresses"))
    elif isinstance(source, Store):
        customers, contacts, addresses = source.customers(), source.contacts(), source.addresses()
    elif isinstance(source, pd.DataFrame):
        customers, contacts, addresses = source, None, None
    else:
        raise ArgumentError(f"Lookup takes a Store, CustomerTables or a customers table, not {type(source).__name__}")
    if missing := [name for name in NEEDED if name not in customers]:
        raise DataError(f"the customers table lacks {', '.join(missing)}: fetch with these among `fields`")
    return customers.reset_index(drop=True), contacts, addresses


def _label(row: pd.Series) -> str:
    parts = [row.get("name"), f"#{row['customer_id']}", row.get("email")]
    return " · ".join(str(part) for part in parts if part is not None and not pd.isna(part) and part != "")
