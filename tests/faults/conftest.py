"""What a store on disk is measured against: the shop's own truth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import custlens as cl


@pytest.fixture
def store(tmp_path: Path) -> cl.Store:
    return cl.Store(tmp_path / "shop.lens")


@pytest.fixture
def holds_the_truth() -> Callable[[cl.Store, cl.demo.Shop], None]:
    """Assert that a store equals what the shop has: every customer, every statistic, no duplicate and no loss."""

    def check(store: cl.Store, shop: cl.demo.Shop) -> None:
        held, rejects = store.customers(), store.rejects()
        assert held["customer_id"].is_unique
        rejected = set(rejects["customer_id"].dropna()) - set(held["customer_id"])
        assert set(held["customer_id"]) | rejected == set(shop.ids)
        truth = {customer_id: shop.document(customer_id) for customer_id in held["customer_id"]}
        unusable = set(rejects.loc[rejects["api_path"].str.startswith("stats"), "customer_id"])
        stats = [{} if i in unusable else document.get("stats", {}) for i, document in truth.items()]
        assert held["email"].tolist() == [document.get("email") for document in truth.values()]
        for column, name in (
            ("number_of_orders", "numberOfOrders"),
            ("sales_value", "salesValue"),
            ("first_order_date", "firstOrderDate"),
            ("last_order_date", "lastOrderDate"),
        ):
            wanted = pd.Series([s.get(name) for s in stats], dtype="object")
            if column.endswith("date"):
                wanted = pd.to_datetime(wanted, format="%Y-%m-%d %H:%M:%S %z", utc=True)
            pd.testing.assert_series_equal(held[column], wanted.astype(held[column].dtype), check_names=False)
        notes = [document.get("privateAdminNotes") for document in truth.values()]
        assert (
            held["private_admin_notes"].astype("object").where(held["private_admin_notes"].notna(), None).tolist()
            == notes
        )
        bad_contacts = rejects["api_path"].str.startswith("contacts").sum()
        assert len(store.contacts()) + bad_contacts == sum(
            len(document.get("contacts") or []) for document in truth.values()
        )
        assert len(store.addresses()) == sum(
            len(document.get("shippingAddresses") or []) for document in truth.values()
        )

    return check
