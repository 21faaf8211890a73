"""Each analysis of orders with tables that hold anything."""

import warnings
from datetime import UTC

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import custlens as cl

CALLS = {
    "summary": cl.orders.summary,
    "distribution": cl.orders.distribution,
    "quantiles": cl.orders.quantiles,
    "concentration": cl.orders.concentration,
    "lorenz": cl.orders.lorenz,
    "breakdown": cl.orders.breakdown,
    "order_dates": cl.orders.order_dates,
    "seasonality": cl.orders.seasonality,
    "recency": cl.orders.recency,
    "tenure": cl.orders.tenure,
    "inter_purchase": cl.orders.inter_purchase,
    "second_order": cl.orders.second_order,
    "quality": cl.orders.quality,
    "quality_rows": lambda t: cl.orders.quality_rows(t, "negative_sales"),
    "compare": lambda t: cl.orders.compare(t, t, resamples=100),
}


@pytest.mark.parametrize("value", [["EUR"], 5, {"a": 1}], ids=str)
def test_texts_that_are_no_texts_are_refused_or_taken_as_their_text(generated, value):
    wrong = generated.customers.assign(lang=[value] * len(generated.customers))
    if value == 5:
        assert cl.orders.breakdown(wrong, "lang")["lang"].tolist() == ["5"]
    else:
        with pytest.raises(cl.DataError, match="lang must hold texts, not "):
            cl.orders.breakdown(wrong, "lang")


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.lists(st.integers(), max_size=2),
)
COLUMNS = [
    "customer_id", "number_of_orders", "sales_value", "average_order_value", "first_order_date", "last_order_date",
    "registered", "billing_country_code", "currency", "as_of",
]  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_table_has_a_result_or_an_error_that_says_why(data):
    rows = data.draw(st.integers(0, 4))
    table = pd.DataFrame({name: data.draw(st.lists(VALUES, min_size=rows, max_size=rows)) for name in COLUMNS[1:]})
    sound = pd.DataFrame(
        {
            "customer_id": range(rows),
            "number_of_orders": [2] * rows,
            "sales_value": [9.5] * rows,
            "average_order_value": [4.75] * rows,
            **dict.fromkeys(
                ("first_order_date", "last_order_date", "registered", "as_of"), pd.Timestamp("2026-01-05", tz="UTC")
            ),
            "billing_country_code": ["DE"] * rows,
            "currency": ["EUR"] * rows,
        }
    )
    wild = data.draw(st.sets(st.sampled_from(COLUMNS[1:]), min_size=1, max_size=2))
    table = sound.assign(**{name: table[name] for name in wild})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CustlensWarning)
        for call in CALLS.values():
            try:
                call(table)
            except (cl.DataError, cl.ArgumentError):
                continue
