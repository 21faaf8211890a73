"""Stores to report on: shops as they were, and as they are 30 days later."""

from __future__ import annotations

from pathlib import Path

import custlens as cl


def store_of(shop: cl.demo.Shop, folder: Path, days: float = 30) -> cl.Store:
    """Sync a shop twice, so many days apart."""
    store = cl.Store(folder / "shop.lens")
    store.sync(shop.client(), progress=False)
    if days:
        shop.advance(days=days)
        store.sync(shop.client(), progress=False)
    return store


def demo_store(folder: Path, customers: int = 900, seed: int = 11) -> cl.Store:
    """Return the store of a generated shop that has lived for 30 days between two syncs."""
    with cl.demo.serve(customers=customers, seed=seed) as shop:
        return store_of(shop, folder)


def cdnow_store(folder: Path) -> cl.Store:
    """Return the store of the real shop at the end of May and of June 1998."""
    store = cl.Store(folder / "cdnow.lens")
    for day in ("1998-05-31", "1998-06-30"):
        with cl.demo.serve("cdnow", until=day) as shop:
            store.sync(shop.client(), progress=False)
    return store
