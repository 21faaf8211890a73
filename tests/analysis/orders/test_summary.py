import datetime as dt
import math

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import custlens as cl

NEEDED = [
    "customer_id", "number_of_orders", "sales_value", "first_order_date", "last_order_date", "billing_country_code",
    "customer_group_name", "b2b_b2c", "lang", "currency", "as_of",
]  # fmt: skip


def frame(rows, **columns):
    table = pd.DataFrame(rows, columns=["number_of_orders", "sales_value"])
    return table.astype({"number_of_orders": "Int64", "sales_value": "float64"}).assign(**columns)


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


def test_currencies_are_never_added_up():
    table = frame([(1, 10.0), (1, 10.0)], currency=["EUR", "USD"])
    for call in (cl.orders.summary, cl.orders.distribution, lambda t: cl.orders.breakdown(t.assign(lang="en"), "lang")):
        with pytest.raises(cl.DataError, match="amounts in EUR, USD cannot be added up"):
            call(table)


def test_zero_and_refunds_have_bins_of_their_own():
    table = frame([(1, -5.0), (2, -0.5), (1, 0.0), (1, 1.0), (1, 99.999), (1, 100.0), (1, 101.0)])
    bins = cl.orders.distribution(table)
    assert bins["lower"].tolist()[:2] == [-math.inf, 0]
    assert bins["buyers"].tolist() == [2, 1, 1, 1, 2]
    assert bins["upper"].tolist()[:2] == [0, 0]
    assert bins["lower"].tolist()[2] == pytest.approx(1)
    assert bins["lower"].tolist()[4] == pytest.approx(100)


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.01, 1e7)), min_size=1, max_size=30))
def test_every_buyer_falls_into_the_bin_that_holds_the_value(rows):
    table = frame(rows)
    for of in cl.orders.DISTRIBUTIONS:
        bins = cl.orders.distribution(table, of)
        assert bins["buyers"].sum() == len(rows)
        assert bins["share"].sum() == pytest.approx(1)
        values = {
            "sales_value": lambda n, s: s,
            "average_order_value": lambda n, s: s / n,
            "number_of_orders": lambda n, s: n,
        }
        for lower, upper, buyers in zip(bins["lower"], bins["upper"], bins["buyers"], strict=True):
            slack = 1e-8
            inside = [lower * (1 - slack) <= values[of](n, s) < upper * (1 + slack) for n, s in rows]
            strictly = [lower * (1 + slack) <= values[of](n, s) < upper * (1 - slack) for n, s in rows]
            assert sum(strictly) <= buyers <= sum(inside)


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


def test_a_period_begins_in_the_named_time_zone():
    when = pd.to_datetime(["2025-12-31 23:30:00+00:00", "2026-01-15 12:00:00+00:00"])
    table = frame([(1, 1.0), (2, 2.0)], first_order_date=when, last_order_date=when)
    as_of = dt.datetime(2026, 1, 20, tzinfo=dt.UTC)
    utc = cl.orders.order_dates(table, as_of=as_of)
    assert utc["period"].tolist() == [pd.Timestamp("2025-12-01"), pd.Timestamp("2026-01-01")]
    assert utc["complete"].tolist() == [True, False]
    berlin = cl.orders.order_dates(table, time_zone="Europe/Berlin", as_of=as_of)
    assert berlin["period"].tolist() == [pd.Timestamp("2026-01-01")]
    assert berlin[["first_orders", "last_orders"]].values.tolist() == [[2, 2]]


def test_a_week_begins_on_monday():
    when = pd.to_datetime(["2026-11-22 23:59:59+00:00", "2026-11-23 00:00:00+00:00", "2026-11-29 12:00:00+00:00"])
    table = frame([(1, 1.0)] * 3, first_order_date=when, last_order_date=when)
    periods = [pd.Timestamp("2026-11-16"), pd.Timestamp("2026-11-23")]
    assert cl.orders.order_dates(table, every="week")["period"].tolist() == periods
    assert cl.orders.order_dates(pl.from_pandas(table), every="week")["period"].to_list() == periods


@pytest.mark.parametrize("every", ["day", "week", "month", "quarter", "year"])
def test_every_buyer_is_in_one_period(generated, every):
    dates = cl.orders.order_dates(generated.customers, every=every)
    buyers = cl.orders.summary(generated.customers)["buyers"].item()
    undated = generated.customers.query("number_of_orders > 0")["first_order_date"].isna().sum()
    assert dates["first_orders"].sum() == dates["last_orders"].sum() == buyers - undated
    assert dates["period"].is_monotonic_increasing


def test_small_groups_are_folded_and_the_missing_are_unknown():
    codes = ["US"] * 12 + ["DE"] * 9 + ["FR"] + [None] * 10
    table = frame([(1, 10.0)] * 32, billing_country_code=pd.Categorical(codes))
    groups = cl.orders.breakdown(table).set_index("billing_country_code")
    assert groups["customers"].to_dict() == {"US": 12, "other": 10, "unknown": 10}
    assert groups["share"].sum() == pytest.approx(1)
    unfolded = cl.orders.breakdown(table, fold_below=1)
    assert set(unfolded["billing_country_code"]) == {"US", "DE", "FR", "unknown"}


def test_quantiles_are_of_buyers():
    table = frame([(1, 10.0), (1, 20.0), (1, 30.0), (0, 0.0)])
    assert cl.orders.quantiles(table, at=[0, 0.5, 1]).iloc[0].to_dict() == {"q0": 10, "q50": 20, "q100": 30}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda t: cl.orders.summary([1, 2]),
            "customers must be a pandas, Polars, pyarrow, DuckDB, Dask or PySpark table, not list",
        ),
        (lambda t: cl.orders.summary(t.drop(columns="sales_value")), "the customers table lacks sales_value"),
        (lambda t: cl.orders.summary(t, as_of=dt.datetime(2026, 1, 1)), "as_of needs a time zone"),
        (lambda t: cl.orders.distribution(t, "sales"), "of must be one of sales_value"),
        (lambda t: cl.orders.quantiles(t, at=[2]), "at must be shares from 0 to 1"),
        (lambda t: cl.orders.order_dates(t, every="fortnight"), "every must be one of day, week, month"),
        (lambda t: cl.orders.order_dates(t, time_zone="Mars/Olympus"), "there is no time zone 'Mars/Olympus'"),
        (lambda t: cl.orders.breakdown(t, "shoe_size"), "by must be one of billing_country_code"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(frame([(1, 1.0)]))
    assert message in str(caught.value)
