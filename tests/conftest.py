"""Fixtures: a running demo store, a client of it, and tables fetched from it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import pytest

import custlens as cl

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def shop() -> Iterator[cl.demo.Shop]:
    with cl.demo.serve(customers=120, seed=3) as shop:
        yield shop


@pytest.fixture
def client(shop: cl.demo.Shop) -> cl.Client:
    return shop.client(backoff=0.01)


@pytest.fixture(scope="session")
def generated() -> cl.CustomerTables:
    with cl.demo.serve(customers=3_000, seed=7) as shop:
        return cl.fetch(shop.client(), progress=False)


@pytest.fixture(scope="session")
def cdnow() -> cl.CustomerTables:
    with cl.demo.serve("cdnow") as shop:
        return cl.fetch(shop.client(), progress=False)
