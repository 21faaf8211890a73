import datetime as dt

import numpy as np
import pandas as pd
import pytest
from helpers import cdnow

import custlens as cl

AS_OF = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)


def buyers(rows):
    """Rows of (orders, sales, first, last)."""
    table = pd.DataFrame(rows, columns=["number_of_orders", "sales_value", "first_order_date", "last_order_date"])
    for name in ("first_order_date", "last_order_date"):
        table[name] = pd.to_datetime(table[name], utc=True).astype("datetime64[us, UTC]")
    return table


def test_a_cohort_is_summed_up_and_says_how_long_it_was_seen():
    table = buyers(
        [
            (1, 10.0, "2026-01-05", "2026-01-05"),
            (3, 50.0, "2026-01-31", "2026-05-01"),
            (2, 20.0, "2026-06-02", "2026-06-20"),
        ]
    )
    cohorts = cl.cohorts.summary(table, as_of=AS_OF, mature_days=90)
    assert cohorts["cohort"].tolist() == [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-06-01")]
    january = cohorts.iloc[0]
    assert january[["buyers", "repeat_buyers", "orders"]].tolist() == [2, 1, 4]
    assert (january["repeat_rate"], january["value_per_buyer"], january["orders_per_buyer"]) == (0.5, 30, 2)
    assert january["observed_days"] == 149
    assert cohorts["mature"].tolist() == [True, False]
    assert 0 < january["repeat_rate_ci_low"] < 0.5 < january["repeat_rate_ci_high"] < 1


def test_the_cohorts_of_the_real_shop_add_up():
    cohorts = cl.cohorts.summary(cdnow.customers())
    orders = cdnow.orders()
    first = orders.groupby("customer")["date"].min().dt.to_period("M")
    assert cohorts["buyers"].tolist() == first.value_counts().sort_index().tolist()
    assert cohorts["orders"].sum() == len(orders)
    assert cohorts["sales_value"].sum() == pytest.approx(orders["amount_usd"].sum())


def test_what_is_not_known_yet_stays_empty():
    table = buyers(
        [
            (2, 10.0, "2026-01-05", "2026-04-20"),
            (1, 10.0, "2026-01-05", "2026-01-05"),
            (1, 5.0, "2026-06-02", "2026-06-02"),
        ]
    )
    tidy = cl.cohorts.survival(table, as_of=AS_OF)
    matrix = cl.cohorts.matrix(tidy)
    assert matrix.loc["2026-01-01"].tolist()[:5] == [1.0, 0.5, 0.5, 0.5, 0.0]
    june = matrix.loc["2026-06-01"]
    assert june[0] == 1.0
    assert june[1:].isna().all()
    counts = cl.cohorts.matrix(tidy, "still_ordering")
    assert counts.loc["2026-01-01", 3] == 1


def test_survival_never_rises_with_age(generated):
    matrix = cl.cohorts.matrix(cl.cohorts.survival(generated.customers, freq="QS"))
    steps = np.diff(matrix.to_numpy(), axis=1)
    assert (steps[~np.isnan(steps)] <= 0).all()
    assert (matrix[0] == 1).all()


def test_a_cohort_begins_in_the_named_time_zone():
    table = buyers([(1, 1.0, "2026-01-31 23:30", "2026-01-31 23:30")])
    for zone, month in (("UTC", 1), ("Europe/Berlin", 2)):
        assert cl.cohorts.summary(table, tz=zone, as_of=AS_OF)["cohort"].dt.month.tolist() == [month]


def test_a_shop_without_buyers_has_no_cohorts():
    table = buyers([(0, 0.0, None, None)])
    assert cl.cohorts.summary(table, as_of=AS_OF).empty
    assert cl.cohorts.survival(table, as_of=AS_OF).empty


@pytest.mark.parametrize(
    ("alias", "name"), [("D", "day"), ("W", "week"), ("MS", "month"), ("QS", "quarter"), ("YS", "year")]
)
def test_a_period_has_an_alias_and_a_name(generated, alias, name):
    for call in (cl.cohorts.summary, cl.cohorts.survival):
        pd.testing.assert_frame_equal(call(generated.customers, freq=alias), call(generated.customers, freq=name))


def test_a_cohort_counts_as_observed_as_long_as_its_buyer_who_was_observed_least():
    table = buyers([(1, 1.0, "2026-01-05", "2026-01-05"), (1, 1.0, "2026-01-05", "2026-01-05")])
    table["as_of"] = [AS_OF, AS_OF - dt.timedelta(days=60)]
    assert cl.cohorts.summary(table)["observed_days"].tolist() == [89]
    assert cl.cohorts.survival(table)["age"].tolist() == [0, 1, 2]


def test_an_empty_table_has_no_cohorts():
    table = buyers([(1, 1.0, "2026-01-05", "2026-01-05")]).iloc[:0]
    assert cl.cohorts.summary(table).empty
    survival = cl.cohorts.survival(table)
    assert survival.empty
    assert cl.cohorts.matrix(survival).empty


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.cohorts.summary(t), "pass as_of="),
        (lambda t: cl.cohorts.summary(t, as_of="2026-06-30 12:00"), "as_of needs a time zone"),
        (lambda t: cl.cohorts.survival(t, as_of=2026), "as_of must be a date"),
        (lambda t: cl.cohorts.summary(t, as_of="2025-06-30"), "ordered after as_of"),
        (lambda t: cl.cohorts.summary(t, freq="moon", as_of=AS_OF), "freq must be one of D, W, MS, .*, not 'moon'"),
        (lambda t: cl.cohorts.survival(t, freq=30, as_of=AS_OF), "freq must be one of D, W, MS, .*, not 30"),
        (lambda t: cl.cohorts.summary(t, tz="Moon/Sea", as_of=AS_OF), "tz must be .* not 'Moon/Sea'"),
        (lambda t: cl.cohorts.survival(t, tz=2, as_of=AS_OF), "tz must be .* not 2"),
        (lambda t: cl.cohorts.summary(t, mature_days="90D", as_of=AS_OF), "mature_days must be a number"),
        (lambda t: cl.cohorts.summary(t, mature_days=-5, as_of=AS_OF), "mature_days must be a number"),
        (lambda t: cl.cohorts.summary([1], as_of=AS_OF), "customers must be a pandas"),
        (lambda t: cl.cohorts.survival(cl.Store, as_of=AS_OF), "customers must be a pandas"),
        (lambda t: cl.cohorts.matrix(t), "the survival table lacks cohort, age, share"),
        (lambda t: cl.cohorts.matrix(None), "survival must be a pandas"),
        (lambda t: cl.cohorts.matrix(cl.cohorts.survival(t, as_of=AS_OF), "cohort"), "value must be one of share"),
        (lambda t: cl.cohorts.matrix(pd.concat([cl.cohorts.survival(t, as_of=AS_OF)] * 2)), "a cohort occurs twice"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError), match=message):
        call(buyers([(1, 1.0, "2026-01-05", "2026-01-05")]))


def test_survival_needs_no_amounts(generated):
    without = generated.customers.drop(columns=["sales_value", "currency"])
    pd.testing.assert_frame_equal(cl.cohorts.survival(without), cl.cohorts.survival(generated.customers))
