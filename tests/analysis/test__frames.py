"""How the analyses read a table, on every engine but Spark, which test_engines.py runs in a process of its own."""

from datetime import UTC, datetime, timedelta

import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import custlens as cl
from custlens.analysis import _frames as frames

KINDS = {
    "pandas": (lambda table: table, pd.DataFrame),
    "polars": (pl.from_pandas, pl.DataFrame),
    "polars lazy": (lambda table: pl.from_pandas(table).lazy(), pl.LazyFrame),
    "pyarrow": (lambda table: pl.from_pandas(table).to_arrow(), pa.Table),
    "duckdb": (lambda table: duckdb.from_arrow(pl.from_pandas(table).to_arrow()), duckdb.DuckDBPyRelation),
    "dask": (lambda table: dd.from_pandas(table, npartitions=2), dd.DataFrame),
}
each_kind = pytest.mark.parametrize("make", [make for make, _ in KINDS.values()], ids=KINDS)
NOW = pd.Timestamp("2026-06-30 12:00", tz="UTC").as_unit("us")


def customers(**columns):
    """Return a sound table of four customers, with other columns or values where they are given."""
    sound = {
        "customer_id": [1, 2, 3, 4],
        "number_of_orders": pd.array([0, 1, 3, None], "Int64"),
        "sales_value": [0.0, 9.5, 30.25, np.nan],
        "last_order_date": pd.Series([pd.NaT, NOW - timedelta(days=9), NOW - timedelta(days=1), pd.NaT]),
        "lang": pd.array(["en", "de", None, "de"], "str"),
        "currency": pd.array(["EUR"] * 4, "str"),
        "as_of": [NOW] * 4,
    }
    return pd.DataFrame(sound | columns).drop(columns=[name for name, values in columns.items() if values is None])


def frame_of(table, columns=("customer_id",)):
    return frames.customers_frame(table, columns)


# Reading


@each_kind
def test_values_come_as_floats_microseconds_and_categories(make):
    found = frames.gather(
        frame_of(make(customers())),
        keys=["customer_id"],
        numbers=["number_of_orders", "sales_value"],
        times=["last_order_date"],
        texts=["lang"],
    ).sort_values("customer_id", ignore_index=True)
    assert found["customer_id"].tolist() == [1, 2, 3, 4]
    np.testing.assert_array_equal(found["number_of_orders"], [0.0, 1.0, 3.0, np.nan])
    np.testing.assert_array_equal(found["sales_value"], [0.0, 9.5, 30.25, np.nan])
    micros = NOW.value / 1_000
    np.testing.assert_array_equal(found["last_order_date"], [np.nan, micros - 9 * 86_400e6, micros - 86_400e6, np.nan])
    assert found["lang"].astype("object").where(found["lang"].notna(), None).tolist() == ["en", "de", None, "de"]
    assert found["rows"].tolist() == [1.0] * 4


@each_kind
def test_rows_count_how_many_customers_have_the_same_values(make):
    found = frames.gather(frame_of(make(customers())), texts=["lang"])
    counts = found.astype({"lang": "str"}).groupby("lang", dropna=False)["rows"].sum()
    assert counts["de"] == 2
    assert counts["en"] == 1
    assert counts.sum() == 4


@each_kind
@pytest.mark.parametrize(("least", "kept"), [(0, [1, 2, 3, 4]), (1, [2, 3]), (2, [3])])
def test_customers_with_too_few_or_unknown_orders_are_left_out(make, least, kept):
    found = frames.gather(frame_of(make(customers())), keys=["customer_id"], min_orders=least)
    assert sorted(found["customer_id"]) == kept


@each_kind
def test_a_column_that_is_missing_throughout_is_missing_and_no_error(make):
    empty = customers(sales_value=pd.array([None] * 4, "object"), last_order_date=pd.array([None] * 4, "object"))
    found = frames.gather(frame_of(make(empty)), numbers=["sales_value"], times=["last_order_date"])
    assert found[["sales_value", "last_order_date"]].isna().all(axis=None)
    assert found["rows"].sum() == 4


@each_kind
def test_a_table_without_rows_has_no_values(make):
    found = frames.gather(frame_of(make(customers().head(0))), numbers=["sales_value"], texts=["lang"])
    assert list(found.columns) == ["sales_value", "lang", "rows"]
    assert not len(found)


@pytest.mark.parametrize("kind", ["pandas", "dask"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("tz", ["UTC", "Europe/Berlin", "America/New_York", "Etc/GMT+3"])
def test_times_of_any_precision_and_zone_are_the_same_microseconds(kind, unit, tz):
    dates = customers()["last_order_date"]
    other = KINDS[kind][0](customers(last_order_date=dates.dt.tz_convert(tz).dt.as_unit(unit)))
    read = [
        frames.gather(frame_of(table), keys=["customer_id"], times=["last_order_date"]).sort_values("customer_id")
        for table in (customers(), other)
    ]
    np.testing.assert_array_equal(*(found["last_order_date"] for found in read))


@each_kind
def test_an_observation_may_be_in_any_zone(make):
    local = customers(as_of=pd.Series([NOW] * 4).dt.tz_convert("America/New_York"))
    late = pd.Series([pd.NaT, NOW, NOW + timedelta(hours=2), pd.NaT]).dt.tz_convert("America/New_York")
    assert frames.when_observed(frame_of(make(local))) == NOW
    with pytest.raises(cl.DataError, match="1 of 2 buyers ordered after as_of"):
        frames.when_observed(frame_of(make(local.assign(last_order_date=late))))


@pytest.mark.parametrize("year", [1677, 2262])
def test_a_time_whose_period_pandas_cannot_hold_is_refused(year):
    far = pd.Series([datetime(year, 1, 1, tzinfo=UTC)] * 4).astype("datetime64[us, UTC]")
    with pytest.raises(cl.DataError, match="last_order_date holds a time before 1678 or after 2261"):
        frames.gather(frame_of(customers(last_order_date=far)), times=["last_order_date"])


def test_numbers_kept_as_objects_are_numbers_and_booleans_are_not():
    decimals = customers(sales_value=pd.Series([0, 9.5, 30.25, None], dtype="object"))
    found = frames.gather(frame_of(decimals), numbers=["sales_value"])["sales_value"]
    np.testing.assert_array_equal(found, [0.0, 9.5, 30.25, np.nan])
    for wrong in ([True, False, True, None], [1, 2, 3, "4"]):
        with pytest.raises(cl.DataError, match="sales_value must hold numbers, not Object"):
            frames.gather(frame_of(customers(sales_value=pd.Series(wrong, dtype="object"))), numbers=["sales_value"])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("number_of_orders", -1.0, "customer 2 has a number_of_orders of -1, which must be a whole number from 0"),
        ("number_of_orders", 1.5, "customer 2 has a number_of_orders of 1.5"),
        ("number_of_orders", 2.0**53 + 2, "customer 2 has a number_of_orders of 9.0072e"),
        ("sales_value", np.inf, "customer 2 has a sales_value of inf, which must be between −2"),
        ("sales_value", -(2.0**54), "customer 2 has a sales_value of -1.80144e"),
    ],
)
@each_kind
def test_an_impossible_number_is_refused_with_its_customer(make, column, value, message):
    wrong = customers(**{column: [0.0, value, 3.0, np.nan]})
    with pytest.raises(cl.DataError) as caught:
        frames.gather(frame_of(make(wrong)), numbers=[column])
    assert message in str(caught.value)


@pytest.mark.parametrize(("column", "value"), [("number_of_orders", 2.0**51), ("sales_value", -9.5)])
def test_the_largest_counts_and_negative_amounts_are_numbers(column, value):
    found = frames.gather(frame_of(customers(**{column: [0.0, value, 3.0, np.nan]})), numbers=[column])
    assert found[column][1] == value


# Checks of the table


@each_kind
def test_a_missing_column_is_named_with_the_way_out(make):
    with pytest.raises(cl.DataError, match=r"the customers table lacks registered, billing_city: fetch or read it"):
        frame_of(make(customers()), ["customer_id", "registered", "billing_city"])


@each_kind
@pytest.mark.parametrize("ids", [[1, 2, 3, 3], [3, 1, 2, 3]], ids=["in order", "in any order"])
def test_a_customer_who_occurs_twice_is_named(make, ids):
    with pytest.raises(cl.DataError, match="customer 3 occurs twice in the customers table"):
        frame_of(make(customers(customer_id=ids)))


def test_a_table_of_several_rows_per_customer_is_taken_where_that_is_meant():
    twice = customers(customer_id=[1, 1, 2, 2])
    frame = frames.customers_frame(twice, ["customer_id"], one_row_per_customer=False)
    assert frames.gather(frame, keys=["customer_id"])["customer_id"].tolist() == [1, 1, 2, 2]


def test_a_table_without_customer_ids_can_be_counted():
    frame = frame_of(customers(customer_id=None), ["sales_value"])
    assert frames.gather(frame, numbers=["sales_value"])["rows"].sum() == 4


# When it was observed


@each_kind
def test_the_latest_as_of_of_the_rows_is_the_time_of_the_observation(make):
    times = [NOW - timedelta(days=1), NOW, NOW - timedelta(days=3), NOW]
    assert frames.latest_as_of(frame_of(make(customers(as_of=times)))) == NOW


@each_kind
def test_a_given_as_of_takes_the_place_of_the_column(make):
    frame = frame_of(make(customers(last_order_date=None)))
    assert frames.latest_as_of(frame, "2027-01-31 00:00+01:00") == datetime(2027, 1, 30, 23, tzinfo=UTC)
    assert frames.observed_at(customers(), "2026-06-30") == datetime(2026, 7, 1, tzinfo=UTC).timestamp() * 1e6 - 1


@each_kind
def test_a_table_that_does_not_say_when_it_was_observed_is_refused_where_that_is_needed(make):
    bare = frame_of(make(customers(as_of=None)))
    assert frames.latest_as_of(bare) is None
    with pytest.raises(cl.DataError, match="does not say when it was observed: pass as_of="):
        frames.need_as_of(bare)


@each_kind
def test_an_empty_table_needs_no_time_of_observation(make):
    assert frames.need_as_of(frame_of(make(customers(as_of=None).head(0)))) == datetime(1970, 1, 1, tzinfo=UTC)


def test_an_as_of_that_is_missing_in_some_rows_is_refused():
    with pytest.raises(cl.DataError, match="as_of is missing in 1 rows and known in others"):
        frames.latest_as_of(frame_of(customers(as_of=[NOW, NOW, NOW, pd.NaT])))


@each_kind
def test_an_order_within_the_hour_after_the_observation_is_a_clock_that_runs_fast(make):
    soon = customers(last_order_date=pd.Series([pd.NaT, NOW, NOW + timedelta(hours=1), pd.NaT]))
    assert frames.when_observed(frame_of(make(soon))) == NOW


@each_kind
def test_an_order_later_than_that_is_refused(make):
    late = customers(last_order_date=pd.Series([pd.NaT, NOW, NOW + timedelta(hours=1, seconds=1), pd.NaT]))
    with pytest.raises(cl.DataError, match="1 of 2 buyers ordered after as_of, 2026-06-30 12:00 UTC"):
        frames.when_observed(frame_of(make(late)))


@each_kind
def test_each_row_is_held_against_its_own_as_of(make):
    """Tables of two shops may be joined; the one that was read earlier has orders that are earlier still."""
    times = [NOW, NOW, NOW - timedelta(days=2), NOW]
    with pytest.raises(cl.DataError, match="1 of 2 buyers ordered after as_of"):
        frames.when_observed(frame_of(make(customers(as_of=times))))
    earlier = pd.Series([pd.NaT, NOW, NOW - timedelta(days=2), pd.NaT])
    assert frames.when_observed(frame_of(make(customers(as_of=times, last_order_date=earlier)))) == NOW


# Currency


@each_kind
def test_the_currency_is_the_table_s_own_or_the_one_given(make):
    assert frames.currency_of(frame_of(make(customers()))) == "EUR"
    assert frames.currency_of(frame_of(make(customers())), "EUR") == "EUR"
    assert frames.currency_of(frame_of(make(customers(currency=None))), "CHF") == "CHF"
    assert frames.currency_of(frame_of(make(customers(currency=None)))) is None
    assert frames.currency_of(frame_of(make(customers(currency=pd.array([None] * 4, "str")))), "CHF") == "CHF"


@each_kind
@pytest.mark.parametrize(
    ("values", "given", "message"),
    [
        (["EUR", "EUR", "USD", "EUR"], None, "amounts in EUR, USD cannot be added up"),
        (["EUR", "EUR", "USD", "EUR"], "EUR", "amounts in EUR, USD cannot be added up"),
        (["EUR", None, "EUR", "EUR"], None, "some amounts are in EUR, others in an unknown currency"),
        (["EUR"] * 4, "USD", "the amounts are in EUR, not in USD"),
        (["eur", "eur", "EUR", "EUR"], None, "the column currency has 'eur' in 2 rows"),
    ],
    ids=["two", "two, one of them given", "one and unknown", "another than given", "not a code"],
)
def test_amounts_that_cannot_be_added_up_are_refused(make, values, given, message):
    with pytest.raises(cl.DataError, match=message):
        frames.currency_of(frame_of(make(customers(currency=pd.array(values, "str")))), given)


@pytest.mark.parametrize("given", ["euro", "€", "eur", "", 978])
def test_a_currency_that_is_not_a_code_is_refused(given):
    with pytest.raises(cl.ArgumentError, match="currency must be an ISO 4217 code such as 'EUR', not "):
        frames.currency_of(frame_of(customers(currency=None)), given)


# Results


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_comes_back_as_the_kind_of_table_that_came_in(kind):
    make, expected = KINDS[kind]
    result = pd.DataFrame({"lang": pd.Categorical(["de", "en"]), "day": [NOW, NOW], "share": [0.25, np.nan]})
    back = frames.convert_like(result, make(customers()))
    assert isinstance(back, expected)
    assert frames.native(back).lazy().collect().to_arrow()["lang"].to_pylist() == ["de", "en"]


def test_only_categories_that_occur_are_labels():
    texts = pd.Series(pd.Categorical(["b", None, "a"], categories=["c", "b", "a"]))
    assert frames.labels(texts) == ["a", "b"]


def test_texts_take_the_place_of_categories_and_missing_stays_missing():
    plain = frames.uncategorised(pd.DataFrame({"lang": pd.Categorical(["de", None]), "n": [1, 2]}))
    assert isinstance(plain["lang"].dtype, pd.StringDtype)
    assert plain["lang"].isna().tolist() == [False, True]
    assert plain["n"].tolist() == [1, 2]
