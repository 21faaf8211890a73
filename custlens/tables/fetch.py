"""`fetch`: customers over the API, into validated tables."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from tqdm.auto import tqdm

from custlens._arguments import nearest, whole_number
from custlens.api.client import Client
from custlens.api.query import FieldTree, parse_fields, response_fields
from custlens.api.records import Customer, Page, api_names, customer_key
from custlens.errors import ArgumentError, CustlensWarning, NotFoundError
from custlens.tables import schemas
from custlens.tables._builder import OnInvalid, TableBuilder
from custlens.tables._validate import Failure
from custlens.tables.customer_tables import CustomerTables, assemble

__all__ = ["fetch"]

MAX_PASSES = 3
PARTS = {"addresses": "shippingAddresses", "contacts": "contacts"}


def fetch(
    client: Client,
    ids: Iterable[int] | None = None,
    *,
    columns: str | Iterable[str] | None = None,
    head: int | None = None,
    progress: bool = True,
    on_invalid: OnInvalid = "quarantine",
    threads: int = 4,
    currency: str | None = None,
    **filters: Any,
) -> CustomerTables:
    """Fetch customers into validated tables.

    Parameters
    ----------
    client
        The store to ask.
    ids
        Customer IDs to ask for one by one, side by side. The rows keep this order; an ID that the store does not
        know becomes a row of `rejects`. Without it the customers are searched.
    columns : str or list of str, optional
        What to fetch: columns of the customers table (``"sales_value"``), API paths (``"stats(salesValue)"``) or
        their snake_case spelling. The tables then have these columns only. Everything by default.
    head : int, optional
        Fetch only so many customers, those who registered first: a first look at a big shop.
    progress
        Whether to show a progress bar with the requests left in the minute.
    on_invalid
        What to do with a row that breaks the schema: ``"quarantine"`` it in `rejects`, ``"raise"``, or ``"drop"`` it.
    threads
        Requests under way at once when fetching `ids`.
    currency
        ISO 4217 currency of the amounts, where the token may not read the store's profile.
    **filters
        Filters of the search, as for `Client.search`.

    Returns
    -------
    CustomerTables
        ``customers``, ``addresses``, ``contacts``, ``rejects`` and ``report``.

    Raises
    ------
    ArgumentError
        An unknown field or filter, or both `ids` and filters; nothing was sent.
    APIError, TransportError, DecodeError
        The fetch could not be finished. There is no partial result that looks like a whole one.
    ValidationError
        With ``on_invalid="raise"``.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve(customers=250, seed=7) as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> len(tables.customers) + tables.report.rejects >= 250
    True
    """
    for name in {"limit", "offset", "fields"} & filters.keys():
        meant = "columns" if name == "fields" else "head"
        raise ArgumentError(f"fetch takes no {name}=: it reads every page; did you mean {meant}=?")
    wanted = None if columns is None else _wanted([columns] if isinstance(columns, str) else list(columns))

    def new_builder() -> TableBuilder:
        return TableBuilder(
            on_invalid=on_invalid,
            columns=None if wanted is None else _columns(wanted),
            parts=[part for part, field in PARTS.items() if wanted is None or field in wanted],
        )

    asked = None if wanted is None else [response_fields(wanted)]
    if head is not None:
        head = whole_number("head", head)
        if ids is not None:
            raise ArgumentError("give either ids or head, not both")
    if ids is not None and filters:
        raise ArgumentError(f"give either ids or filters ({', '.join(filters)}), not both")
    if threads < 1:
        raise ArgumentError(f"threads must be at least 1, not {threads}")
    started, before = time.monotonic(), client.metrics
    if ids is None:
        builder = _fetch_search(client, new_builder, asked, head, progress, filters)
    else:
        builder = _fetch_ids(client, new_builder(), ids, asked, progress, threads)
    currency = currency or client.currency()
    after = client.metrics
    as_of = after.server_time or datetime.now(UTC)
    tables = assemble(builder.finish(), store_id=client.store_id, currency=currency, as_of=as_of)
    report = tables.report
    report.seconds = time.monotonic() - started
    vars(report).update(after.since(before))
    if report.unknown_fields:
        names = ", ".join(report.unknown_fields)
        warnings.warn(
            f"the API sent fields that custlens does not know; see `extra`: {names}", CustlensWarning, stacklevel=2
        )
    return tables


def _fetch_search(
    client: Client,
    new_builder: Callable[[], TableBuilder],
    asked: list[str] | None,
    head: int | None,
    progress: bool,
    filters: dict[str, Any],
) -> TableBuilder:
    """Read all pages, and read them again if the list moved under the reading.

    Customers are listed by their time of registration, so new ones only lengthen the list. If it gets shorter, or
    fewer customers came than it says it has, some may have slipped from a page not yet read to one already read.
    """
    with tqdm(desc="customers", unit="", disable=not progress) as bar:
        for _ in range(MAX_PASSES):
            builder, seen, longest, shrank = new_builder(), set[int](), 0, False
            bar.reset()
            for page in _shown(client._pages(fields=asked, **filters), bar, client):
                if head is not None and len(seen) + len(page.items) >= head:
                    builder.add(page.items[: head - len(seen)])
                    return builder
                shrank = shrank or page.total < longest
                longest = max(longest, page.total)
                seen.update(map(customer_key, page.items))
                builder.add(page.items)
            if not shrank and len(seen) >= longest:
                return builder
    warnings.warn(
        f"the store changed each of the {MAX_PASSES} times it was read; customers that moved meanwhile may be missing",
        CustlensWarning,
        stacklevel=3,
    )
    return builder


def _shown(pages: Iterator[Page], bar: tqdm[Any], client: Client) -> Iterator[Page]:
    for page in pages:
        bar.total = page.total
        bar.update(len(page.items))
        bar.set_postfix_str(f"{client.requests_left} requests left")
        yield page


def _fetch_ids(
    client: Client, builder: TableBuilder, ids: Iterable[int], asked: list[str] | None, progress: bool, threads: int
) -> TableBuilder:
    """Ask for each ID, side by side; keep the order. An error other than 404 stops every thread."""
    wanted = list(dict.fromkeys(ids))
    stop = threading.Event()

    def one(customer_id: int) -> bytes | NotFoundError | None:
        if stop.is_set():
            return None
        try:
            return client._raw_customer(customer_id, fields=asked)
        except NotFoundError as error:
            return error
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(threads, thread_name_prefix="custlens") as pool:
        try:
            answers = pool.map(one, wanted)
            with tqdm(total=len(wanted), desc="customers", unit="", disable=not progress) as bar:
                for customer_id, answer in zip(wanted, answers, strict=True):
                    if isinstance(answer, bytes):
                        builder.add([answer])
                    else:
                        builder.reject(_not_found(customer_id, answer))
                    bar.update()
                    bar.set_postfix_str(f"{client.requests_left} requests left")
        except BaseException:
            stop.set()
            raise
    return builder


def _not_found(customer_id: int, error: NotFoundError | None) -> Failure:
    said = error.error_message if error is not None and error.error_message else "no such customer"
    return Failure(int(customer_id), "id", str(customer_id), f"404: {said}", None)


def _wanted(fields: list[str]) -> FieldTree:
    """Read field names, where a column of the customers table may stand for its API path."""
    paths = {info.name: info.api for info in schemas.columns("customers") if info.api}
    names = api_names(Customer)
    texts = ["id"] if fields else []
    for text in fields:
        if isinstance(text, str) and text.isidentifier() and text not in (*paths, *names, *names.values()):
            raise ArgumentError(
                f"columns: there is no column or field {text!r}; {nearest(text, [*paths, *names.values()])}"
            )
        part, _, name = paths.get(text, "").rpartition(".")
        texts.append(f"{part}({name})" if part else name or text)
    return parse_fields(texts)


def _columns(wanted: FieldTree) -> list[str]:
    """Name the columns of the customers table that a tree of fields fills."""
    found = []
    for info in schemas.columns("customers"):
        part, _, name = info.api.rpartition(".")
        top = part or name
        if info.api and top in wanted and (not part or not wanted[top] or name in wanted[top]):
            found.append(info.name)
    return found
