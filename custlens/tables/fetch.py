"""`fetch`: reads customers over the API into validated tables."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from tqdm.auto import tqdm

from custlens._arguments import flag, nearest, one_of, shown, whole_number
from custlens.api.client import Client
from custlens.api.crawler import Crawler, Raw
from custlens.api.query import FieldTree, parse_fields, response_fields, search_params
from custlens.api.records import Customer, api_names
from custlens.errors import ArgumentError, NotFoundError
from custlens.tables import schemas
from custlens.tables._builder import OnInvalid, TableBuilder
from custlens.tables._validate import Failure
from custlens.tables.customer_tables import CustomerTables, assemble

__all__ = ["fetch"]

PARTS = {"addresses": "shippingAddresses", "contacts": "contacts"}
MEANT = {"limit": "head", "offset": "head", "fields": "columns"}
"""Arguments that `fetch` does not have, and which one was probably meant."""


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

    A value that cannot be used becomes missing and is listed in `rejects`; its row stays. If one of the five order
    statistics cannot be used, all five become missing. Only a record without a usable ID, and an address or contact that
    is not a JSON object, are left out.

    Parameters
    ----------
    client : Client
        A client of the shop.
    ids : list of int, optional
        IDs of the customers to fetch, with one request each. The rows keep this order; an ID that the shop does not know
        becomes a row of `rejects`. By default all customers that match the filters are fetched.
    columns : str or list of str, optional
        What to fetch: columns of the customers table (``"sales_value"``), API paths (``"stats.salesValue"``) or whole
        API fields (``"contacts"``). By default everything is fetched.
    head : int, optional
        Fetch at most this many customers, those who registered first: a first look at a big shop.
    progress : bool, default True
        Whether to show a progress bar with the requests left in the minute.
    on_invalid : {"quarantine", "raise", "drop"}, default "quarantine"
        Whether values that cannot be used are listed in `rejects`, raise a `ValidationError`, or are only counted.
    threads : int, default 4
        Number of simultaneous requests when fetching `ids`.
    currency : str, optional
        ISO 4217 currency of the amounts, if the token may not read the shop's profile.
    **filters
        Filters of the search, as for `Client.search`.

    Returns
    -------
    CustomerTables
        ``customers``, ``addresses``, ``contacts``, ``rejects`` and ``report``.

    Raises
    ------
    ArgumentError
        An argument cannot work, such as an unknown column or filter, and nothing was sent; or `currency` is not the
        shop's.
    APIError, TransportError, DecodeError
        The fetch could not be finished; there is no partial result.
    ValidationError
        A value cannot be used, and `on_invalid` is ``"raise"``.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve(customers=250, seed=7) as shop, shop.client() as client:
    ...     tables = cl.fetch(client, progress=False)
    >>> len(tables.customers)
    250
    """
    if not isinstance(client, Client):
        raise ArgumentError(f"client must be a Client, such as cl.Client.from_env(), not {shown(client)}")
    for name in MEANT.keys() & filters.keys():
        raise ArgumentError(f"fetch takes no {name}=: it reads every page; did you mean {MEANT[name]}=?")
    if "sort_by" in filters:
        raise ArgumentError(
            "fetch takes no sort_by=: the rows come in the order of registration; sort the table instead"
        )
    flag("progress", progress)
    threads = whole_number("threads", threads, least=1)
    one_of("on_invalid", on_invalid, ("quarantine", "raise", "drop"))
    if currency is not None and not (isinstance(currency, str) and re.fullmatch("[A-Z]{3}", currency)):
        raise ArgumentError(f"currency must be an ISO 4217 code such as 'EUR', not {shown(currency)}")
    wanted = None if columns is None else _wanted(columns)
    asked = None if wanted is None else response_fields(wanted)
    if ids is None:
        head = None if head is None else whole_number("head", head)
        search_params(sort_by="REGISTERED_DATE_ASC", fields=asked, **filters)
    else:
        if head is not None or filters:
            raise ArgumentError(f"pass either ids or {', '.join(filters) or 'head'}, not both")
        ids = _checked(ids)
    builder = TableBuilder(
        on_invalid=on_invalid,
        columns=None if wanted is None else _filled(wanted),
        parts=[part for part, field in PARTS.items() if wanted is None or field in wanted],
    )
    started, before = time.monotonic(), client.metrics
    known = client.currency()
    if currency is not None and known is not None and currency != known:
        raise ArgumentError(f"currency is {currency!r}, and the shop's profile says {known!r}: leave currency out")
    as_of = None
    if ids is not None:
        _fetch_ids(client, builder, ids, asked, progress, threads)
    elif head is not None:
        _fetch_head(client, builder, asked, head, progress, filters)
    else:
        as_of = _fetch_all(client, builder, asked, progress, filters)
    after = client.metrics
    as_of = as_of or after.server_time or datetime.now(UTC)
    tables = assemble(builder.finish(), store_id=client.store_id, currency=known or currency, as_of=as_of)
    report = tables.report
    report.seconds = time.monotonic() - started
    vars(report).update(after.since(before))
    return tables


def _fetch_all(
    client: Client, builder: TableBuilder, asked: str | None, progress: bool, filters: dict[str, Any]
) -> datetime:
    """Read all customers that a search finds, even while the shop changes; return the shop's time at the end."""
    seen: set[int] = set()

    def take(items: Sequence[Raw], keys: list[int]) -> None:
        builder.add(item for item, key in zip(items, keys, strict=True) if key not in seen)
        seen.update(keys)

    with tqdm(desc="customers", unit="", disable=not progress) as bar:

        def tell(read: int, expected: int) -> None:
            bar.total = max(read, expected)
            bar.set_postfix_str(f"{client.requests_left} requests left", refresh=False)
            bar.update(read - bar.n)

        # With one thread the rows come in the order of registration.
        with Crawler(client, take=take, fields=asked, filters=filters, threads=1, tell=tell) as crawler:
            crawler.everyone()
            return crawler.now()


def _fetch_head(
    client: Client, builder: TableBuilder, asked: str | None, head: int, progress: bool, filters: dict[str, Any]
) -> None:
    """Read the first customers that a search finds."""
    left = head
    with tqdm(total=head, desc="customers", unit="", disable=not progress) as bar:
        for page in client._pages(fields=asked, **filters):
            builder.add(page.items[:left])
            bar.update(min(left, len(page.items)))
            bar.set_postfix_str(f"{client.requests_left} requests left", refresh=False)
            left -= len(page.items)
            if left <= 0:
                return


def _fetch_ids(
    client: Client, builder: TableBuilder, ids: list[int], asked: str | None, progress: bool, threads: int
) -> None:
    """Request each ID, several at once, and keep the order. An error other than 404 stops every thread."""
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
            answers = pool.map(one, ids)
            with tqdm(total=len(ids), desc="customers", unit="", disable=not progress) as bar:
                for customer_id, answer in zip(ids, answers, strict=True):
                    if isinstance(answer, bytes):
                        builder.add([answer])
                    else:
                        builder.reject(_not_found(customer_id, answer))
                    bar.update()
                    bar.set_postfix_str(f"{client.requests_left} requests left", refresh=False)
        except BaseException:
            stop.set()
            raise


def _not_found(customer_id: int, error: NotFoundError | None) -> Failure:
    said = error.error_message if error is not None and error.error_message else "no such customer"
    return Failure(customer_id, "id", str(customer_id), f"404: {said}", None, dropped=True)


def _checked(ids: Any) -> list[int]:
    """Return customer IDs, each once, in the order given."""
    if isinstance(ids, str | bytes) or hasattr(ids, "columns") or not isinstance(ids, Iterable):
        raise ArgumentError(f"ids must be a list of customer IDs, or a column of them, not {shown(ids)}")
    return list(dict.fromkeys(whole_number("each of ids", customer_id) for customer_id in ids))


def _wanted(columns: Any) -> FieldTree:
    """Return the fields of the API that fill these columns."""
    if not isinstance(columns, str | Iterable):
        raise ArgumentError(f"columns must be a name or a list of names, not {shown(columns)}")
    names = [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise ArgumentError("columns is empty; leave it out to fetch everything")
    paths = {info.name: info.api for info in schemas.columns("customers")}
    fields = api_names(Customer)
    texts = ["id"]
    for name in names:
        if not isinstance(name, str):
            raise ArgumentError(f"columns must be names, not {shown(name)}")
        if name.isidentifier() and name not in (*paths, *fields, *fields.values()):
            hint = nearest(name, [*paths, *fields.values()])
            raise ArgumentError(f"columns: there is no column or field {name!r}; {hint}")
        part, _, field = paths.get(name, name).rpartition(".")
        texts.append(f"{part}({field})" if part else field)
        if name == "stats_consistent":
            texts.append("stats(numberOfOrders,salesValue,averageOrderValue)")
    return parse_fields([text for text in texts if text], "columns")


def _filled(wanted: FieldTree) -> list[str]:
    """Return the columns of the customers table that a tree of fields fills."""
    found = []
    for info in schemas.columns("customers"):
        part, _, name = info.api.rpartition(".")
        top = part or name
        if info.api and top in wanted and (not part or not wanted[top] or name in wanted[top]):
            found.append(info.name)
    return found
