"""Find a customer by part of a name, an email address, a phone number or an ID, and read their card."""

from __future__ import annotations

from concurrent.futures import Future
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import traitlets

from custlens._arguments import flag, shown, whole_number
from custlens._text import printable
from custlens.api.client import Client, admin_url
from custlens.errors import ArgumentError, CustlensError, DataError
from custlens.plot.orders import sales_value
from custlens.plot.picture import Picture, picture
from custlens.store.store import Store
from custlens.tables import CustomerTables, SearchIndex, fetch, marked
from custlens.widgets._base import Panel, customers_of, static
from custlens.widgets._card import Standing, as_html, card, changes

__all__ = ["Lookup"]

SHOWN_IN_A_HIT = ("name", "email")
SEARCHED_TOO = ("billing_name", "billing_company_name", "billing_phone")
STILL_ROWS = 10


class Lookup(Panel):
    """A search box, the list of customers found, and the card of the one picked from it.

    Every word typed must occur in the ID, email, name, company, phone number or a contact; case, accents and the format
    of phone numbers do not matter. A value that equals the text comes first, then the customer with the greater sales
    value. The card hides personal data until "Reveal" is pressed, and no customer's data is saved with the notebook.

    Parameters
    ----------
    source : Store, CustomerTables or pandas.DataFrame
        Where to search. A table needs the columns ``customer_id``, ``number_of_orders`` and ``sales_value``; from a
        table alone the card shows no contacts and addresses, and only from a store how the statistics changed.
    client : Client, optional
        The shop to ask when "Fetch now" is pressed; without it there is no such button.
    limit : int, default 20
        Most customers to list.
    save_personal_data : bool, default False
        Whether to keep the list and the card in the state that JupyterLab saves with the notebook, so that they are
        there when it is opened again, before any cell has run.

    Attributes
    ----------
    last_error : Exception or None
        The error in the status line, if there is one.

    Raises
    ------
    ArgumentError
        `source`, `client` or `save_personal_data` is of another kind, or `limit` is not a whole number from 1.
    DataError
        The customers table lacks a column.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     lookup = Lookup(cl.fetch(shop.client(), progress=False))
    >>> lookup.search("customer12@")
    >>> lookup.matches["customer_id"].tolist()
    [12]
    """

    _esm = static("base.js", "lookup.js")
    _css = static("base.css", "lookup.css")
    saved = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        source: Store | CustomerTables | pd.DataFrame,
        *,
        client: Client | None = None,
        limit: int = 20,
        save_personal_data: bool = False,
    ) -> None:
        if not (client is None or isinstance(client, Client)):
            raise ArgumentError(f"client must be a Client or None, not {shown(client)}")
        self._client = client
        self._limit = whole_number("limit", limit, least=1)
        self._save_personal_data = flag("save_personal_data", save_personal_data)
        self._open: _Shop | None = _Shop(source)
        self._text = ""
        self._card: dict[str, Any] | None = None
        self._reveal = False
        self._preparing = False
        self._asked: int | None = None
        super().__init__()
        self.search("")

    @property
    def matches(self) -> pd.DataFrame:
        """All customers found, the best match first, as a customers table; it is built when it is asked for."""
        return self._shop.found.frame()

    @property
    def customer(self) -> pd.DataFrame:
        """The customer on the card, as a table of one row; of no row while no card is open."""
        found: pd.DataFrame = self._shop.customers.iloc[:0] if self._card is None else self._card["row"]
        return found

    def search(self, text: str) -> None:
        """List the customers that match, and close the card; what typing does.

        Parameters
        ----------
        text : str
            Words to search for.

        Raises
        ------
        ArgumentError
            `text` is not a text.
        """
        shop = self._shop
        shop.found = shop.index.find(text)
        self._text = text
        self._close_card()
        count, words = len(shop.found), printable(text)
        hits = [self._hit(row) for _, row in shop.found.head(self._limit).iterrows()]
        self.tell("hits", hits=hits, text=text, can_fetch=self._client is not None)
        if not words:
            self.say(f"{len(shop.customers):,} customers. Type two letters or a digit.")
        elif count:
            self.say(f"{len(hits):,} of {count:,} customer{'' if count == 1 else 's'}")
        else:
            asks = f" “Fetch now” asks the shop for ID {_digits(text)}." if self._client and _digits(text) else ""
            self.say(f"No customer here matches “{words}”.{asks}")

    def pick(self, customer_id: int) -> None:
        """Show a customer's card; what choosing from the list does.

        Parameters
        ----------
        customer_id : int
            Their ID.

        Raises
        ------
        ArgumentError
            `customer_id` is not a whole number, or the table has no such customer. The card that is open stays.
        """
        row = self._shop.row(whole_number("customer_id", customer_id, least=1))
        if row is None:
            raise ArgumentError(f"customer {customer_id} is not in this table: pick one that it holds")
        self._close_card()
        self._open_card(row, self._shop.contacts, self._shop.addresses, "From the table that was loaded.")

    def reveal(self, reveal: bool = True) -> None:
        """Show personal data on the card, or hide it again; what the button "Reveal" does.

        Parameters
        ----------
        reveal : bool, default True
            Whether to show it.

        Raises
        ------
        ArgumentError
            `reveal` is not True or False, or this lookup is closed.
        """
        self._refuse_if_closed()
        self._reveal = flag("reveal", reveal)
        self._tell_card()

    def fetch_now(self) -> None:
        """Ask the shop for the customer on the card or, while none is open, for the ID that was searched for.

        The card then shows the shop's answer, and what differs from the table; the table stays as it was. This waits for
        the answer; the button "Fetch now" does not, and leaves the kernel free.

        Raises
        ------
        ArgumentError
            This lookup is closed or has no client, there is nobody to ask for, or the shop has no such customer.
        DataError
            The shop's record of the customer cannot be used.
        APIError, TransportError, DecodeError
            The shop did not answer as it should.
        """
        client, customer_id = self._whom_to_ask()
        self._show_fetched(customer_id, fetch(client, [customer_id], progress=False))

    def close(self) -> None:
        """Remove the lookup from every page and free what it holds."""
        super().close()
        self._open = self._card = None

    def tell(self, kind: str, /, **content: Any) -> None:
        """Send a message to every view, and keep it in the saved state if personal data may be saved."""
        super().tell(kind, **content)
        if self._save_personal_data:
            live = {"type": "live", "still": self.model_id}  # without a kernel, what is saved takes the still's place
            self.saved = {"live": live} | {name: message for name, (message, _) in self.told.items()}

    def still_table(self) -> str:
        """Return the card or, while none is open, the customers with the greatest sales, without personal data."""
        if self._card is not None:
            said = self._said(reveal=False)
            facts = [fact for section in said["sections"] for fact in section["facts"]]
            facts += [(row["label"], row["value"]) for row in said["statistics"]["rows"]]
            return as_html(facts, ("", ""), f"{said['title']}. {said['note']}")
        best = self._shop.customers.nlargest(STILL_ROWS, "sales_value")
        rows = [(str(row["customer_id"]), *self._worth(row)) for _, row in best.iterrows()]
        caption = (
            f"A lookup of {len(self._shop.customers):,} customers; run the notebook to search. The greatest sales:"
        )
        return as_html(rows, ("ID", "Orders", "Sales"), caption)

    def still_picture(self) -> Picture | None:
        """Return what the buyers have spent and, while a card is open, where its customer stands among them."""
        try:
            ax = sales_value(self._shop.customers)
        except CustlensError:  # such as amounts in several currencies: the table says what there is
            return None
        caption = None
        if self._card is not None:
            row = self._card["row"].iloc[0]
            orders, sales = row["number_of_orders"], row["sales_value"]
            if pd.notna(orders) and orders and pd.notna(sales) and sales > 0:
                ax.axvline(sales, color="black", linestyle="--")
                standing = self._shop.standing
                place = standing.place("sales_value", sales)["words"]
                caption = f"Dashed line: customer {row['customer_id']}, {standing.amount(sales)}, {place}."
        return picture(ax, caption=caption)

    @property
    def _shop(self) -> _Shop:
        self._refuse_if_closed()
        assert self._open is not None
        return self._open

    def _on_search(self, text: str) -> None:
        self.search(text)

    def _on_pick(self, customer_id: int) -> None:
        self.pick(customer_id)

    def _on_reveal(self, reveal: bool) -> None:
        self.reveal(reveal)

    def _on_fetch(self, text: str) -> None:
        if text != self._text:  # typed, and sent before the pause that begins a search was over
            self.search(text)
        if self._asked is not None:  # the button was pressed twice
            return
        client, customer_id = self._whom_to_ask()
        self._ask(customer_id)
        self.say(f"Asking the shop for customer {customer_id} …", "busy")
        work = partial(fetch, client, [customer_id], progress=False)
        self.in_background(work, partial(Lookup._answered, customer_id=customer_id))

    def _whom_to_ask(self) -> tuple[Client, int]:
        """Return the client, and the ID of the customer on the card or else the one that was searched for."""
        self._refuse_if_closed()
        if self._client is None:
            raise ArgumentError("this Lookup cannot fetch: create it with a client, Lookup(source, client=client)")
        customer_id = _digits(self._text) if self._card is None else int(self.customer["customer_id"].iloc[0])
        if customer_id is None:
            raise ArgumentError("there is no customer to fetch: pick one, or search for an ID")
        return self._client, customer_id

    def _ask(self, customer_id: int | None) -> None:
        """Note whom the shop is being asked for; None if nobody."""
        self._asked = customer_id
        self.tell("asking", asking=customer_id is not None)

    def _answered(self, outcome: Future[CustomerTables], customer_id: int) -> None:
        if self._asked == customer_id:  # and no other was picked or searched for meanwhile
            self._ask(None)
            self._show_fetched(customer_id, outcome.result())

    def _show_fetched(self, customer_id: int, now: CustomerTables) -> None:
        """Show the shop's answer on the card, and what differs from the table."""
        problems = "; ".join(f"{row['api_path']}: {row['reason']}" for _, row in now.rejects.iterrows())
        if now.customers.empty:
            if problems.startswith("id: 404: "):
                said = problems.removeprefix("id: 404: ")
                raise ArgumentError(f"The shop has no customer {customer_id}. Its answer: {said}")
            raise DataError(f"The shop's record of customer {customer_id} breaks a rule at {problems}")
        note = f"Fetched now, as of {now.report.as_of:%d %b %Y %H:%M} UTC."
        self._open_card(now.customers, now.contacts, now.addresses, note, before=self._shop.row(customer_id))
        left_out = f" Left missing, because it breaks a rule: {problems}." if problems else ""
        self.say(f"Fetched customer {customer_id} from the shop.{left_out}")

    def _open_card(
        self,
        row: pd.DataFrame,
        contacts: pd.DataFrame | None,
        addresses: pd.DataFrame | None,
        note: str,
        *,
        before: pd.DataFrame | None = None,
    ) -> None:
        customer_id = int(row["customer_id"].iloc[0])
        history = self._shop.history
        parts = {"contacts": contacts, "addresses": addresses, "history": history}
        owned = {name: None if part is None else _owned(part, customer_id) for name, part in parts.items()}
        self._card = {"row": row, "parts": owned, "note": note, "before": before}
        self._tell_card()
        if self._shop.standing.ready:
            self._add_outlook()
        elif not self._preparing:  # the first outlook takes a fit of the whole table
            self._preparing = True
            self.in_background(self._shop.standing.prepare, Lookup._prepared)

    def _prepared(self, outcome: Future[None]) -> None:
        self._preparing = False
        outcome.result()
        self._add_outlook()

    def _add_outlook(self) -> None:
        if self._card is not None:
            self._card["outlook"] = self._shop.standing.outlook(self._card["row"])
            self._tell_card()

    def _close_card(self) -> None:
        if self._asked is not None:  # the answer is of no interest any more
            self._ask(None)
            self.say("")
        self._card = None
        self._tell_card()

    def _tell_card(self) -> None:
        self.tell("card", card=None if self._card is None else self._said(self._reveal), revealed=self._reveal)

    def _said(self, reveal: bool) -> dict[str, Any]:
        """Return what the open card says."""
        opened: dict[str, Any] = self._card or {}
        row, before = opened["row"], opened["before"]
        said = card(row, self._shop.standing, note=opened["note"], reveal=reveal, **opened["parts"])
        said["outlook"] = opened.get("outlook")
        said["changes"] = None if before is None else changes(before, row, reveal=reveal)
        said["admin"] = self._admin(row)
        return said

    def _admin(self, row: pd.DataFrame) -> str | None:
        """Return the address of the shop's customers in the vendor's admin, unless the shop is not the vendor's."""
        store_id = row["store_id"].iloc[0] if "store_id" in row else None
        address = None if self._client is None else admin_url(self._client.base_url)
        return None if address is None or pd.isna(store_id) else address.format(store_id=int(store_id))

    def _hit(self, row: pd.Series) -> dict[str, Any]:
        """Return one customer of the list: their values in pieces, and what they are worth."""
        customer_id = int(row["customer_id"])
        values = [printable(row[name]) for name in SHOWN_IN_A_HIT if name in row and pd.notna(row[name])]
        pieces = [marked(value, self._text) for value in (*values, f"#{customer_id}")]
        others = [printable(row[name]) for name in SEARCHED_TOO if name in row and pd.notna(row[name])]
        if self._shop.contacts is not None and not any(found for value in pieces for _, found in value):
            others += [printable(text) for text in self._shop.contacts_of(customer_id)["contact"].dropna()]
        more = [marked(value, self._text) for value in dict.fromkeys(others) if value not in values]
        pieces += [value for value in more if any(found for _, found in value)]
        return {"id": customer_id, "values": pieces, "worth": ", ".join(filter(None, self._worth(row)))}

    def _worth(self, row: pd.Series) -> tuple[str, str]:
        """Return a customer's orders and sales as texts."""
        orders, sales = row["number_of_orders"], row["sales_value"]
        if pd.isna(orders) or pd.isna(sales):
            return "no statistics", ""
        return f"{int(orders):,} order{'' if orders == 1 else 's'}", self._shop.standing.amount(sales)


class _Shop:
    """The tables of a source, and what is computed of them once."""

    def __init__(self, source: Any) -> None:
        self.customers = customers_of(source).reset_index(drop=True)
        self.contacts: pd.DataFrame | None = None
        self.addresses: pd.DataFrame | None = None
        self._store = source if isinstance(source, Store) else None
        if self._store is not None:
            self.contacts, self.addresses = self._store.contacts(), self._store.addresses()
        elif isinstance(source, CustomerTables):
            self.contacts, self.addresses = (_part(source, name) for name in ("contacts", "addresses"))
        self.index = SearchIndex(self.customers, self.contacts)
        self.found = self.index.find("")
        self.standing = Standing(self.customers)

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """Each change that the syncs of a store saw; None without a store."""
        return None if self._store is None else self._store.history()

    @cached_property
    def _owners(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the contacts in the order of their customers: their places in the table, and whose they are."""
        assert self.contacts is not None
        owners = self.contacts["customer_id"].to_numpy()
        order = np.argsort(owners, kind="stable")
        return order, owners[order]

    def contacts_of(self, customer_id: int) -> pd.DataFrame:
        """Return a customer's contacts."""
        assert self.contacts is not None
        order, owners = self._owners
        return self.contacts.iloc[order[slice(*np.searchsorted(owners, [customer_id, customer_id + 1]))]]

    def row(self, customer_id: int) -> pd.DataFrame | None:
        """Return a customer as a table of one row, or None."""
        at = np.flatnonzero(self.customers["customer_id"].to_numpy() == customer_id)
        return self.customers.iloc[at[:1]] if len(at) else None


def _owned(part: pd.DataFrame, customer_id: int) -> pd.DataFrame:
    """Return a customer's rows of a table."""
    found: pd.DataFrame = part[part["customer_id"].to_numpy() == customer_id]
    return found


def _part(tables: CustomerTables, name: str) -> pd.DataFrame | None:
    """Return addresses or contacts, or None if they were not fetched."""
    try:
        found: pd.DataFrame = getattr(tables, name)
    except DataError:
        return None
    return found


def _digits(text: str) -> int | None:
    """Return the ID that a text spells (at most 18 digits, which 64 bits hold), or None."""
    digits = text.strip()
    return int(digits) if digits.isdecimal() and len(digits) <= 18 else None
