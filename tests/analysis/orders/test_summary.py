import pandas as pd
import pytest
from helpers.tables import frame
from hypothesis import given, settings
from hypothesis import strategies as st

import custlens as cl


def test_the_summary_of_the_real_shop(cdnow):
    row = cl.orders.summary(cdnow.customers).iloc[0]
    assert (row["customers"], row["buyers"], row["orders"]) == (2357, 2357, 6919)
    assert row["sales_value"] == pytest.approx(244091.94)
    assert row["mean_order_value"] == pytest.approx(244091.94 / 6919)
    assert row["one_time_share"] == pytest.approx(1205 / 2357)
    assert row["repeat_rate"] == pytest.approx(1152 / 2357)
    assert row["as_of"] == pd.Timestamp("1998-06-30 23:59:59", tz="UTC")
    assert row["currency"] == "USD"


def test_prospects_are_counted_and_never_averaged():
    table = frame([(1, 10.0), (3, 90.0), (0, 0.0), (0, 0.0), (None, None)], currency="EUR")
    row = cl.orders.summary(table).iloc[0]
    assert row[["customers", "buyers", "prospects", "no_stats", "orders"]].tolist() == [5, 2, 2, 1, 4]
    assert row["sales_value"] == 100
    assert row["mean_order_value"] == 25  # 100 / 4
    assert row["mean_customer_aov"] == 20  # (10 + 30) / 2
    assert row["mean_buyer_value"] == 50
    assert row["repeat_rate"] == 0.5


def test_a_mean_over_nobody_is_missing_and_not_zero():
    row = cl.orders.summary(frame([(0, 0.0)])).iloc[0]
    assert row["buyers"] == 0
    assert pd.isna(row["mean_order_value"])
    assert pd.isna(row["repeat_rate"])


def test_orders_of_unknown_value_do_not_thin_out_the_mean():
    table = frame([(1, 10.0), (4, None)], lang="en")
    assert cl.orders.summary(table)["mean_order_value"].item() == 10
    assert cl.orders.breakdown(table, "lang", fold_below=1)["mean_order_value"].item() == 10
    assert cl.orders.summary(table)["orders"].item() == 5


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1e5)), min_size=1, max_size=20), st.randoms())
def test_neither_the_order_of_the_rows_nor_the_unit_of_money_matters(rows, random):
    table = frame(rows)
    shuffled = frame(random.sample(rows, len(rows)))
    scaled = table.assign(sales_value=table["sales_value"] * 4)
    one, two, four = (cl.orders.summary(t).iloc[0] for t in (table, shuffled, scaled))
    for name in ("sales_value", "mean_order_value", "median_customer_aov", "mean_buyer_value"):
        assert two[name] == pytest.approx(one[name], nan_ok=True)
        assert four[name] == pytest.approx(4 * one[name], nan_ok=True)
    for name in ("buyers", "orders", "repeat_rate"):
        assert two[name] == pytest.approx(one[name], nan_ok=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t: cl.orders.summary([1, 2]),
            "customers must be a pandas, Polars, pyarrow, DuckDB, Dask or PySpark table",
        ),
        (lambda t: cl.orders.summary(t.drop(columns="sales_value")), "the customers table lacks sales_value"),
        (lambda t: cl.orders.summary(t, as_of="yesterday"), "as_of must be a date such as '2026-06-30'"),
        (lambda t: cl.orders.summary(t, as_of="2026-06-30 12:00"), "as_of needs a time zone"),
        (
            lambda t: cl.orders.summary(t, currency="euro"),
            "currency must be an ISO 4217 code such as 'EUR', not 'euro'",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(frame([(1, 1.0)]))
    assert message in str(caught.value)
