"""Checks whether everything is in order that a sync needs: the settings, the token's scopes, the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from custlens.api.client import Client
from custlens.errors import CustlensError
from custlens.store.store import Store

__all__ = ["Finding", "check"]


class Finding(NamedTuple):
    """What one check found."""

    name: str
    sound: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok' if self.sound else 'FAILED':<7} {self.name}: {self.text}"


def check(path: str | Path) -> Iterator[Finding]:
    """Check the settings, the token's scopes and a store, one after the other.

    Parameters
    ----------
    path : str or path
        The store; one that was not synced yet is in order.

    Yields
    ------
    Finding
    """
    client: Client | None = None
    try:
        client = Client.from_env()
    except CustlensError as error:
        yield Finding("settings", False, str(error))
    if client is not None:
        yield Finding("settings", True, f"shop {client.store_id}")
        with client:
            yield from _scopes(client)
    yield _store(path, client)


def _scopes(client: Client) -> Iterator[Finding]:
    try:
        currency = client.profile().formats_and_units.currency
        yield Finding("read_store_profile", True, f"amounts are in {currency}" if currency else "no currency is named")
    except CustlensError as error:
        yield Finding("read_store_profile", False, str(error))
    try:
        some = next(client.search(fields=["id"]), None)
        yield Finding("read_customers", True, "the shop has no customers" if some is None else "customers can be read")
    except CustlensError as error:
        yield Finding("read_customers", False, str(error))
    try:
        next(client.deleted(), None)
        yield Finding("deletions", True, "deleted customers can be listed")
    except CustlensError as error:
        yield Finding("deletions", False, str(error))


def _store(path: str | Path, client: Client | None) -> Finding:
    try:
        store = Store(path)
        if "://" not in store.path and not Path(store.path).exists():
            return Finding("store", True, f"{store.path} will be made by the first sync")
        last = store.syncs().iloc[-1]
    except CustlensError as error:
        return Finding("store", False, str(error))
    if client is not None and last["store_id"] != client.store_id:
        return Finding("store", False, f"{store.path} belongs to the shop {last['store_id']}")
    return Finding("store", True, f"{store.path}, as of {last['as_of']:%Y-%m-%d %H:%M} UTC")
