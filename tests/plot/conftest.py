"""Fixtures: what charts are drawn of."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest
from plot.cases import Data, Models

import custlens as cl


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def data(cdnow: cl.CustomerTables) -> dict[str, Data]:
    """Customers of three shops and of one that is empty; "tiny" has three buyers and "one" has one."""
    with cl.demo.serve(customers=5_000, seed=7) as shop, warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CustlensWarning)
        customers = cl.fetch(shop.client(), progress=False).customers
    buyers = customers[customers["number_of_orders"] > 0].reset_index(drop=True)
    tables = {
        "generated": customers,
        "cdnow": cdnow.customers,
        "tiny": buyers.head(3),
        "one": buyers.head(1),
        "prospects": customers[customers["number_of_orders"] == 0].head(5),
        "empty": customers.head(0),
    }
    return {name: Data(table) for name, table in tables.items()}


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()
