"""The card's words, by the rows that they are made of."""

import re

import numpy as np
import pandas as pd
import pytest

from custlens.widgets._card import Standing, card

MIDNIGHT = pd.Timestamp("2026-06-30", tz="UTC")


@pytest.fixture(scope="module")
def shop():
    """Two hundred buyers, the first of whom spent 1, the second 2, and so on."""
    ids = np.arange(1, 201)
    return pd.DataFrame({"customer_id": ids, "number_of_orders": 1, "sales_value": ids.astype(float)})


def words(customer, customers):
    """Return the text of a card, one cell of its tables per line."""
    return [line for line in re.split(r"(?:<[^>]+>)+", card(customer, Standing(customers))) if line.strip()]


@pytest.mark.parametrize(
    ("sales", "place"),
    [
        (1, "no buyer has less"),
        (2, "less than 1% of buyers have less"),
        (3, "more than 1% of buyers"),
        (100, "more than 49% of buyers"),
        (101, "top 50% of buyers"),
        (197, "top 2% of buyers"),
        (200, "top 1% of buyers"),
        (1e6, "top 1% of buyers"),
    ],
)
def test_where_a_buyer_stands_is_said_without_flattery(shop, sales, place):
    lines = words(pd.Series({"customer_id": 7, "number_of_orders": 1, "sales_value": float(sales)}), shop)
    assert lines[lines.index("Sales value") + 2].strip() == place


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("2026-04-01", "1 Apr 2026 (90 days before 30 Jun 2026)"),
        ("2026-06-28 12:00", "28 Jun 2026 (1 day before 30 Jun 2026)"),
        ("2026-06-29 12:00", "29 Jun 2026 (less than a day before 30 Jun 2026)"),
        ("2026-07-03", "3 Jul 2026"),
        (None, "unknown"),
    ],
)
def test_how_long_ago_an_order_was_is_counted_from_the_observation(shop, last, said):
    customer = {"customer_id": 7, "number_of_orders": 1, "sales_value": 5.0, "as_of": MIDNIGHT}
    lines = words(pd.Series(customer | {"last_order_date": pd.Timestamp(last, tz="UTC")}), shop)
    assert lines[lines.index("Last order") + 1] == said


def test_an_id_is_whole_whatever_stands_beside_it(shop):
    lines = words(shop[["customer_id", "sales_value", "number_of_orders"]].iloc[4], shop)
    assert lines[lines.index("ID") + 1] == "5"
