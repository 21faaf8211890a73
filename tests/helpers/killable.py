"""Work in processes of their own, which tests kill: forked from one that has everything imported, so they start at once."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import custlens as cl

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["custlens.store.sync"])


def sync(path: str, url: str, store_id: int, token: str, words: Connection) -> None:
    """Sync a store, saying when it begins and when it has ended."""
    words.send("began")
    cl.Store(path).sync(cl.Client(store_id, token, base_url=url, rate_limit=1_000_000), progress=False)
    words.send("ended")


def start(store: cl.Store, shop: Any) -> tuple[BaseProcess, Connection]:
    """Start a sync; return its process when it has begun, and what it says."""
    words, end = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=sync, args=(store.path, shop.url, shop.store_id, shop.token, end))
    process.start()
    end.close()
    assert words.poll(60)
    assert words.recv() == "began"
    return process, words


def read_in_a_loop(path: str, stop: Any, results: Any) -> None:
    """Read a store until told to stop; put the number of reads and what was seen into a queue."""
    counts: set[Any] = set()
    reads = 0
    while not stop.is_set():
        customers = cl.Store(path).customers(columns=["sales_value", "private_admin_notes"])
        counts.add((len(customers), customers["private_admin_notes"].fillna("").nunique() > 1 and "mixed"))
        assert customers["customer_id"].is_unique
        reads += 1
    results.put((reads, counts))
