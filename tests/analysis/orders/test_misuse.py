"""Each analysis of orders with each thing that is not a sound table of customers."""

import warnings

import numpy as np
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
    "observed_revenue": cl.orders.observed_revenue,
}
NAMES = {"compare": "a", "observed_revenue": "history"}
MONEY = ["summary", "distribution", "quantiles", "concentration", "lorenz", "breakdown", "compare"]
DATED = ["order_dates", "seasonality", "inter_purchase", "second_order"]
OBSERVED = ["seasonality", "recency", "tenure", "second_order"]
NO_TABLES = [None, pd.DataFrame, 5, "customers.csv", [1, 2], {"customer_id": [1]}, np.zeros((3, 3)), pd.Series([1.0])]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("value", NO_TABLES, ids=lambda value: type(value).__name__)
def test_what_is_not_a_table_is_refused_by_name(call, value):
    name = NAMES.get(call, "customers")
    with pytest.raises(cl.ArgumentError, match=f"^{name} must be a pandas, Polars, pyarrow, DuckDB, Dask or PySpark"):
        CALLS[call](value)


@pytest.mark.parametrize("call", CALLS)
def test_a_source_of_tables_is_refused_with_the_way_to_its_table(generated, tmp_path, call):
    with pytest.raises(cl.ArgumentError, match=r"not CustomerTables; pass \.customers of it"):
        CALLS[call](generated)
    with pytest.raises(cl.ArgumentError, match=r"not Store; pass \.customers\(\) of it"):
        CALLS[call](cl.Store(tmp_path))


@pytest.mark.parametrize("call", [call for call in CALLS if call != "quality"])
def test_a_missing_column_is_named(call):
    with pytest.raises(cl.DataError, match=f"the {NAMES.get(call, 'customers')} table lacks "):
        CALLS[call](pd.DataFrame({"customer_id": [1, 2]}))


@pytest.mark.parametrize("call", [call for call in CALLS if call != "observed_revenue"])
def test_a_customer_who_occurs_twice_is_named(generated, call):
    twice = pd.concat([generated.customers, generated.customers.head(1)])
    with pytest.raises(cl.DataError, match=r"customer \d+ occurs twice"):
        CALLS[call](twice)


@pytest.mark.parametrize("call", [*MONEY, "quality", "quality_rows"])
@pytest.mark.parametrize("value", ["1.234,50 €", True, [1.0], pd.Timestamp("2026-01-01")], ids=str)
def test_sales_that_are_no_numbers_are_refused(generated, call, value):
    wrong = generated.customers.assign(sales_value=[value] * len(generated.customers))
    with pytest.raises(cl.DataError, match="sales_value must hold numbers, not "):
        CALLS[call](wrong)


@pytest.mark.parametrize("call", [*DATED, "tenure", "quality"])
@pytest.mark.parametrize(
    "value", ["2026-06-30", 5, pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-01").date()], ids=str
)
def test_dates_that_are_no_times_with_a_zone_are_refused(generated, call, value):
    wrong = generated.customers.assign(first_order_date=[value] * len(generated.customers))
    with pytest.raises(cl.DataError, match=r"first_order_date (must hold times, not|holds times without a time zone)"):
        CALLS[call](wrong)


@pytest.mark.parametrize("call", OBSERVED)
def test_an_unknown_time_of_observation_is_asked_for(generated, call):
    with pytest.raises(cl.DataError, match="does not say when it was observed: pass as_of="):
        CALLS[call](generated.customers.drop(columns="as_of"))
    with pytest.raises(
        cl.ArgumentError, match="as_of must be a date such as '2026-06-30' or a time with its zone, not 5"
    ):
        getattr(cl.orders, call)(generated.customers, as_of=5)


@pytest.mark.parametrize("call", MONEY)
def test_amounts_in_two_currencies_are_refused(generated, call):
    mixed = generated.customers.assign(currency=["EUR", *["USD"] * (len(generated.customers) - 1)])
    with pytest.raises(cl.DataError, match="amounts in EUR, USD cannot be added up"):
        CALLS[call](mixed)


@pytest.mark.parametrize("value", [["EUR"], 5, {"a": 1}], ids=str)
def test_texts_that_are_no_texts_are_refused_or_taken_as_their_text(generated, value):
    wrong = generated.customers.assign(lang=[value] * len(generated.customers))
    if value == 5:
        assert cl.orders.breakdown(wrong, "lang")["lang"].tolist() == ["5"]
    else:
        with pytest.raises(cl.DataError, match="lang must hold texts, not "):
            cl.orders.breakdown(wrong, "lang")


@pytest.mark.filterwarnings("ignore:there are 0 and 0 buyers")
@pytest.mark.parametrize("call", [call for call in CALLS if call != "observed_revenue"])
@pytest.mark.parametrize("typed", [True, False])
def test_an_empty_table_has_an_empty_result(generated, call, typed):
    columns = generated.customers.columns
    result = CALLS[call](generated.customers.head(0) if typed else pd.DataFrame(columns=columns))
    assert list(result.columns) == list(CALLS[call](generated.customers).columns)
    counts = [name for name in ("customers", "buyers", "buyers_a", "first_orders", "days") if name in result]
    if len(result) and call != "concentration":
        assert (result[counts] == 0).all(axis=None)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.datetimes(timezones=st.none() | st.just(__import__("datetime").UTC)),
    st.lists(st.integers(), max_size=2),
)
COLUMNS = [
    "customer_id", "number_of_orders", "sales_value", "average_order_value", "first_order_date", "last_order_date",
    "registered", "billing_country_code", "currency", "as_of",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
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
        for call in (call for call in CALLS if call != "observed_revenue"):
            try:
                CALLS[call](table)
            except (cl.DataError, cl.ArgumentError):
                continue
