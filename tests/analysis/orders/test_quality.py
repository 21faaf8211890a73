from functools import partial

import dask.dataframe as dd
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from helpers import engines
from helpers.tables import NOW, frame

import custlens as cl


def test_what_is_wrong_is_counted_and_its_rows_are_given():
    day = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")
    table = pd.DataFrame(
        {
            "customer_id": range(1, 9),
            "number_of_orders": pd.array([1, 0, 2, None, 1, 3, 2, 1], "Int64"),
            "sales_value": [10.0, 5.0, 30.0, None, -3.0, 30.0, 0.0, 9.0],
            "average_order_value": [10.0, 0.0, 20.0, None, -3.0, 10.0, 0.0, 9.0],
            "first_order_date": [day, None, day, None, day, day, day, day],
            "last_order_date": [
                day,
                None,
                day + pd.Timedelta(days=1),
                None,
                day,
                day,
                day + pd.Timedelta(days=2),
                day + pd.Timedelta(days=90),
            ],
            "total_order_count": pd.array([1, 0, 5, None, 1, 3, 2, 1], "Int64"),
            "as_of": NOW,
        }
    )
    for name in ("first_order_date", "last_order_date"):
        table[name] = table[name].astype("datetime64[us, UTC]")
    found = cl.orders.quality(table).set_index("check_name")["customers"]
    assert found[found > 0].to_dict() == {
        "no_stats": 1,
        "sales_without_orders": 1,
        "negative_sales": 1,
        "average_disagrees": 1,
        "zero_sales": 1,
        "orders_at_one_moment": 1,
        "one_order_two_dates": 1,
        "other_order_count": 1,
        "order_after_observation": 1,
    }
    assert cl.orders.quality_rows(table, "average_disagrees")["customer_id"].tolist() == [3]
    assert cl.orders.quality_rows(table, "other_order_count").columns.tolist() == table.columns.tolist()
    assert "other_order_count" not in set(cl.orders.quality(table.drop(columns="total_order_count"))["check_name"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.quality_rows(t, "smell"), "check must be one of no_stats"),
        (lambda t: cl.orders.quality_rows(t, "average_disagrees"), "the customers table lacks average_order_value"),
        (lambda t: cl.orders.quality_rows(t.assign(last_order_date=NOW), "order_after_observation"), "pass as_of="),
        (lambda t: cl.orders.quality(t.assign(sales_value="1.234,50 €")), "sales_value must hold numbers"),
        (
            lambda t: cl.orders.quality(t.assign(first_order_date=NOW, registered=NOW.tz_localize(None))),
            "registered holds times without",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(frame([(1, 10.0), (2, 10.0)]))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "convert", [lambda t: t, pl.from_pandas, pa.Table.from_pandas, partial(dd.from_pandas, npartitions=2)]
)
def test_a_column_of_missing_times_may_have_no_zone(convert):
    day = pd.Series([pd.Timestamp("2026-01-01", tz="UTC")] * 2).astype("datetime64[us, UTC]")
    table = pd.DataFrame({"registered": day, "number_of_orders": [1, 0], "as_of": NOW})
    for name in ("first_order_date", "last_order_date"):
        table[name] = pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us]")
    found = cl.orders.quality(convert(table))
    counts = engines.plain(found).set_index("check_name")["customers"]
    assert counts[counts > 0].to_dict() == {"orders_without_dates": 1}


def test_what_is_missing_does_not_differ():
    table = pd.DataFrame(
        {
            "number_of_orders": [0.0, 1.0, float("nan")],
            "sales_value": [float("nan"), 5.0, float("nan")],
            "total_order_count": [0.0, float("nan"), 3.0],
        }
    )
    found = cl.orders.quality(table).set_index("check_name")["customers"]
    assert found[found > 0].to_dict() == {"no_stats": 1}
