import datetime as dt

import pandas as pd
import polars as pl
import pytest
from helpers.tables import NOW, buyers, frame

import custlens as cl


def test_a_period_begins_in_the_named_time_zone():
    when = pd.to_datetime(["2025-12-31 23:30:00+00:00", "2026-01-15 12:00:00+00:00"])
    table = frame([(1, 1.0), (2, 2.0)], first_order_date=when, last_order_date=when)
    as_of = dt.datetime(2026, 1, 20, tzinfo=dt.UTC)
    utc = cl.orders.order_dates(table, as_of=as_of)
    assert utc["period"].tolist() == [pd.Timestamp("2025-12-01"), pd.Timestamp("2026-01-01")]
    assert utc["complete"].tolist() == [True, False]
    berlin = cl.orders.order_dates(table, tz="Europe/Berlin", as_of=as_of)
    assert berlin["period"].tolist() == [pd.Timestamp("2026-01-01")]
    assert berlin[["first_orders", "last_orders"]].values.tolist() == [[2, 2]]


def test_a_week_begins_on_monday():
    when = pd.to_datetime(["2026-11-22 23:59:59+00:00", "2026-11-23 00:00:00+00:00", "2026-11-29 12:00:00+00:00"])
    table = frame([(1, 1.0)] * 3, first_order_date=when, last_order_date=when)
    periods = [pd.Timestamp("2026-11-16"), pd.Timestamp("2026-11-23")]
    assert cl.orders.order_dates(table, freq="W")["period"].tolist() == periods
    assert cl.orders.order_dates(pl.from_pandas(table), freq="W")["period"].to_list() == periods


@pytest.mark.parametrize("freq", ["D", "W", "MS", "QS", "YS"])
def test_every_buyer_is_in_one_period(generated, freq):
    dates = cl.orders.order_dates(generated.customers, freq=freq)
    buyers = cl.orders.summary(generated.customers)["buyers"].item()
    undated = generated.customers.query("number_of_orders > 0")["first_order_date"].isna().sum()
    assert dates["first_orders"].sum() == dates["last_orders"].sum() == buyers - undated
    assert dates["period"].is_monotonic_increasing


def test_a_period_is_over_from_its_last_moment_on():
    when = pd.to_datetime(["2026-05-31 12:00Z"])
    table = frame([(1, 1.0)], first_order_date=when, last_order_date=when)
    for as_of, over in (("2026-05-31", False), ("2026-05-31 23:59:59.7+00:00", False), ("2026-06-01 00:00Z", True)):
        assert cl.orders.order_dates(table, as_of=as_of)["complete"].tolist() == [over]


def test_an_empty_table_has_no_days():
    assert cl.orders.seasonality(buyers([(1, 1, 1)]).head(0))["days"].sum() == 0


def test_one_time_and_repeat_buyers_have_distributions_of_their_own():
    table = cl.orders.recency(buyers([(1, 10, 10), (1, 30.5, 30.5), (3, 90, 5), (0, None, None)]))
    assert table.groupby("group", sort=False)["buyers"].sum().to_dict() == {"one_time": 2, "repeat": 1, "all": 3}
    assert table.query("group == 'one_time'")[["days", "share"]].values.tolist() == [[10, 0.5], [30, 1.0]]
    tenure = cl.orders.tenure(buyers([(3, 90, 5)]))
    assert tenure["days"].tolist() == [90, 90]


def test_a_gap_is_the_mean_time_between_the_orders_of_one_buyer():
    table = cl.orders.inter_purchase(buyers([(2, 50, 10), (3, 50, 10), (6, 60, 10), (1, 5, 5)])).set_index("orders")
    assert table.loc["2", ["buyers", "mean"]].tolist() == [1, 40]
    assert table.loc["3", "median"] == 20
    assert table.loc["5–9", "mean"] == 10
    assert table.loc["all", "buyers"] == 3
    assert table.loc["10+", ["mean", "median"]].isna().all()


def test_a_last_order_dated_before_the_first_has_no_gap():
    table = cl.orders.inter_purchase(buyers([(2, 50, 10), (2, 10, 50), (3, 10, 50)])).set_index("orders")
    assert table.loc["2", ["buyers", "mean"]].tolist() == [1, 40]
    assert table.loc["all", ["buyers", "mean"]].tolist() == [1, 40]


def test_weekdays_are_those_of_the_named_time_zone():
    late = pd.DataFrame({"number_of_orders": [2], "as_of": [NOW]})
    late["first_order_date"] = pd.to_datetime(["2026-02-01 23:30+00:00"]).astype("datetime64[us, UTC]")  # a Sunday
    late["last_order_date"] = late["first_order_date"]
    for zone, day in (("UTC", "Sunday"), ("Europe/Berlin", "Monday")):
        table = cl.orders.seasonality(late, tz=zone)
        assert table["name"].tolist()[0] == "Monday"
        assert table.query("first_orders > 0")["name"].tolist() == [day]
    assert table["days"].sum() == 28  # from 2 February to 1 March, in Berlin
    months = cl.orders.seasonality(late, "month")
    assert months.set_index("name").loc[["February", "March"], "days"].tolist() == [28, 1]


def test_as_of_given_counts_before_the_table_s_own():
    table = cl.orders.recency(buyers([(1, 10, 10)]), as_of=(NOW + dt.timedelta(days=5)).to_pydatetime())
    assert table["days"].tolist() == [15, 15]


def test_each_store_has_a_time_of_its_own():
    two = pd.concat([buyers([(1, 10, 10)]), buyers([(1, 10, 10)]).assign(as_of=NOW + dt.timedelta(days=7))])
    assert cl.orders.recency(two).query("group == 'all'")["days"].tolist() == [10, 17]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.recency(t.drop(columns="as_of")), "pass as_of="),
        (lambda t: cl.orders.seasonality(t, "year"), "by must be one of weekday, month"),
        (lambda t: cl.orders.seasonality(t, tz="Nowhere"), "tz must be the IANA name of a time zone"),
        (lambda t: cl.orders.order_dates(t, freq="fortnight"), "freq must be one of D, W, MS"),
        (lambda t: cl.orders.order_dates(t, freq=7), "freq must be one of D, W, MS"),
        (lambda t: cl.orders.order_dates(t, tz="Mars/Olympus"), "such as 'Europe/Berlin', not 'Mars/Olympus'"),
        (lambda t: cl.orders.order_dates(t, tz=None), "such as 'Europe/Berlin', not None"),
        (lambda t: cl.orders.tenure(t.assign(first_order_date=5)), "first_order_date must hold times"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(buyers([(1, 10, 10)]))
    assert message in str(caught.value)
