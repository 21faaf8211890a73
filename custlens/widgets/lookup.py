"""Find a customer by part of a name, an email address, a phone number or an ID, and read their card."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pandas as pd

from custlens._arguments import number, shown, whole_number
from custlens._text import printable
from custlens.api.client import Client
from custlens.errors import ArgumentError, DataError
from custlens.store.store import Store
from custlens.tables.customer_tables import CustomerTables
from custlens.tables.fetch import fetch
from custlens.tables.search import SearchIndex
from custlens.widgets._box import Debounced, Panel, guarded
from custlens.widgets._card import Standing, card

__all__ = ["Lookup"]

NEEDED = ("customer_id", "number_of_orders", "sales_value")


class Lookup(Panel):
    """A search box, a short list, and the card of the customer picked from it.

    Every word typed must occur in the ID, email, name, company or phone number; case and accents do not matter. What
    the widget shows is personal data, and JupyterLab saves it with the notebook: clear the outputs before you share one.

    Parameters
    ----------
    source : Store, CustomerTables or pandas.DataFrame
        Where to search. A table needs the columns ``customer_id``, ``number_of_orders`` and ``sales_value``; from a
        table alone the card shows no contacts and addresses.
    client : Client, optional
        The shop to ask when "Fetch now" is pressed; without it there is no such button.
    limit : int
        Longest list to show.
    delay : float
        Seconds without typing after which the search begins.

    Attributes
    ----------
    matches : pandas.DataFrame
        All customers found, the best match first.
    selected : pandas.DataFrame
        The customer on the card, as one row; no row while no card is open.
    last_error : Exception or None
        The error in the status line, if there is one.

    Raises
    ------
    ArgumentError
        If an argument is of another kind or out of bounds.
    DataError
        If the customers table lacks a column.

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
        if not (client is None or isinstance(client, Client)):
            raise ArgumentError(f"client must be a Client or None, not {shown(client)}")
        self._limit = whole_number("limit", limit, least=1)
        self._customers, self._contacts, self._addresses = _open(source)
        self._client = client
        self._index = SearchIndex(self._customers, self._contacts)
        self._standing = Standing(self._customers)
        self.matches = self.selected = self._customers.iloc[:0]
        self.box = ipywidgets.Text(
            placeholder="Name, email, phone or ID", layout=ipywidgets.Layout(width="20rem"), continuous_update=True
        )
        self.list = ipywidgets.Select(options=[], rows=10, layout=ipywidgets.Layout(width="20rem"))
        self.button = ipywidgets.Button(description="Fetch now", icon="refresh", disabled=True)
        self.button.tooltip = "Ask the shop for this customer"
        self.card = ipywidgets.HTML()
        for widget, label in ((self.box, "Search customers"), (self.list, "Customers found")):
            widget.tooltip = label
        self.box.observe(self._typed, "value")
        self._later = Debounced(self.search, number("delay", delay, above=0))
        self.list.observe(self._chosen, "value")
        self.button.on_click(lambda _: self.fetch_now())
        left = [self.box, self.status, self.list] + ([self.button] if client is not None else [])
        row = ipywidgets.Layout(flex_flow="row wrap", grid_gap="1rem")
        self.children = [ipywidgets.HBox([ipywidgets.VBox(left), self.card], layout=row)]
        self.say(f"{len(self._customers):,} customers. Type to search.")

    @guarded
    def search(self, text: str) -> None:
        """List the customers that match, and close the card; called when somebody types.

        Parameters
        ----------
        text : str
            Words to search for.
        """
        if not isinstance(text, str):
            raise ArgumentError(f"text must be the words to search for, not {shown(text)}")
        self._close_card()
        found = self._index.find(text)
        self.matches, exact = found.frame(), found.exact
        count, words = len(self.matches), printable(text)
        if not words:
            sentence = f"{len(self._customers):,} customers. Type to search."
        elif count:
            sentence = f"Showing {min(count, self._limit):,} of {count:,}."
        else:
            sentence = f"No customer here matches “{words}”."
        customer_id = _digits(text)
        self.button.disabled = customer_id is None
        if self._client is not None and customer_id is not None and not exact:
            sentence += f" “Fetch now” asks the shop for ID {customer_id}."
        self._show_list(sentence)

    @guarded
    def pick(self, customer_id: int) -> None:
        """Show a customer's card; called when somebody chooses from the list.

        Parameters
        ----------
        customer_id : int
            Their ID. If the table has no such customer, the status line says so and `last_error` is an
            `ArgumentError`.
        """
        found = self._customers["customer_id"] == whole_number("customer_id", customer_id, least=1)
        if not found.any():
            raise ArgumentError(f"customer {customer_id} is not in this table: pick one that it holds")
        row = self._customers[found]
        self._show_card(row, self._contacts, self._addresses, "From the table that was loaded.")

    @guarded
    def fetch_now(self) -> None:
        """Ask the shop for the customer on the card or, while none is open, for the ID in the search box.

        Called when somebody presses the button.
        """
        customer_id = int(self.selected["customer_id"].iloc[0]) if len(self.selected) else _digits(self.box.value)
        if self._client is None:
            raise ArgumentError("this Lookup cannot fetch: create it with a client, Lookup(source, client=client)")
        if customer_id is None:
            raise ArgumentError("there is no customer to fetch: pick one, or type an ID")
        self.say(f"Asking the shop for customer {customer_id} …")
        now = fetch(self._client, [customer_id], progress=False)
        problems = "; ".join(f"{row['api_path']}: {row['reason']}" for _, row in now.rejects.iterrows())
        if len(now.customers):
            note = f"Fetched now, as of {now.report.as_of:%d %b %Y %H:%M} UTC."
            self._show_card(now.customers, now.contacts, now.addresses, note)
            left_out = f" Left missing, because it breaks a rule: {problems}." if problems else ""
            self.say(f"Fetched customer {customer_id} from the shop.{left_out}")
        elif problems.startswith("id: 404: "):
            said = problems.removeprefix("id: 404: ")
            raise ArgumentError(f"The shop has no customer {customer_id}. Its answer: {said}")
        else:
            raise DataError(f"The shop's record of customer {customer_id} breaks a rule at {problems}")

    def _typed(self, change: dict[str, Any]) -> None:
        self._later(change["new"])

    def _chosen(self, change: dict[str, Any]) -> None:
        if change["new"] is not None:
            self.pick(change["new"])

    def _show_list(self, sentence: str) -> None:
        best = self.matches.head(self._limit)
        options = [(_label(row), int(row["customer_id"])) for _, row in best.iterrows()]
        self.list.unobserve(self._chosen, "value")
        try:
            self.list.options = options
            self.list.value = None
        finally:
            self.list.observe(self._chosen, "value")
        self.say(sentence)

    def _show_card(
        self, row: pd.DataFrame, contacts: pd.DataFrame | None, addresses: pd.DataFrame | None, note: str
    ) -> None:
        customer_id = row["customer_id"].iloc[0]
        parts = [None if part is None else part[part["customer_id"] == customer_id] for part in (contacts, addresses)]
        self.card.value = card(row.iloc[0], self._standing, contacts=parts[0], addresses=parts[1], note=note)
        self.selected = row
        self.button.disabled = False

    def _close_card(self) -> None:
        self.card.value = ""
        self.selected = self._customers.iloc[:0]


def _open(source: Any) -> tuple[pd.DataFrame, pd.DataFrame | None, pd.DataFrame | None]:
    """Return the customers, contacts and addresses of a source."""
    if isinstance(source, CustomerTables):
        customers = source.customers
        contacts, addresses = (_part(source, name) for name in ("contacts", "addresses"))
    elif isinstance(source, Store):
        customers, contacts, addresses = source.customers(), source.contacts(), source.addresses()
    elif isinstance(source, pd.DataFrame):
        customers, contacts, addresses = source, None, None
    else:
        raise ArgumentError(f"source must be a Store, CustomerTables or a pandas customers table, not {shown(source)}")
    if missing := [name for name in NEEDED if name not in customers]:
        raise DataError(f"the customers table lacks {', '.join(missing)}: fetch it with these among `columns`")
    return customers.reset_index(drop=True), contacts, addresses


def _digits(text: str) -> int | None:
    """Return the ID that a text spells (at most 18 digits, which 64 bits hold), or None."""
    digits = text.strip()
    return int(digits) if digits.isdecimal() and len(digits) <= 18 else None


def _part(tables: CustomerTables, name: str) -> pd.DataFrame | None:
    """Return addresses or contacts, or None if they were not fetched."""
    try:
        found: pd.DataFrame = getattr(tables, name)
    except DataError:
        return None
    return found


def _label(row: pd.Series) -> str:
    parts = [row.get("name"), f"#{int(row['customer_id'])}", row.get("email")]
    return " · ".join(printable(part) for part in parts if part is not None and not pd.isna(part) and part != "")
