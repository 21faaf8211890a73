"""What would give a silently wrong number, by name: each is refused, and the message says what is wrong and what to do."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest

import custlens as cl

NOW = pd.Timestamp("2026-06-30 12:00", tz="UTC").as_unit("us")


@pytest.fixture(scope="module")
def shop(generated):
    """A sound table of 2,000 customers in pandas, of whom number 0 is a buyer."""
    table = generated.customers.query("number_of_orders > 0 and last_order_date <= as_of").head(2_000)
    return table.reset_index(drop=True)


def with_value(column, value):
    """Return a change of a table: the first customer has another value."""

    def change(table):
        values = table[column].astype("float64")
        values[0] = value
        return table.assign(customer_id=[12, *range(100, 99 + len(table))], **{column: values})

    return change


def ordered_after(buyers):
    """Return a change of a table: so many buyers ordered a day after it was observed."""

    def change(table):
        late = table["as_of"] + pd.Timedelta(days=1)
        return table.assign(last_order_date=table["last_order_date"].where(table.index >= buyers, late))

    return change


ON_STATISTICS = {
    "summary": cl.orders.summary,
    "distribution": cl.orders.distribution,
    "concentration": cl.orders.concentration,
    "breakdown": cl.orders.breakdown,
    "rfm": cl.segments.rfm,
    "fit": cl.lifetime.fit,
}
ON_TIMES = {
    "summary": cl.orders.summary,
    "order_dates": cl.orders.order_dates,
    "seasonality": cl.orders.seasonality,
    "recency": cl.orders.recency,
    "tenure": cl.orders.tenure,
    "second_order": cl.orders.second_order,
    "rfm": cl.segments.rfm,
    "cohorts": cl.cohorts.summary,
    "survival": cl.cohorts.survival,
    "fit": cl.lifetime.fit,
}
WRONG_STATISTICS = {
    "a customer twice": (lambda t: pd.concat([t, t.head(1)]), "occurs twice in the customers table"),
    "a row without a customer": (
        lambda t: t.assign(customer_id=t["customer_id"].astype("Int64").where(t.index > 0)),
        "customer_id is missing in 1 of the rows of the customers table",
    ),
    "infinite sales": (with_value("sales_value", np.inf), "customer 12 has a sales_value of inf"),
    "sales whose sum overflows": (with_value("sales_value", 1e308), "customer 12 has a sales_value of 1e+308"),
    "orders that no float holds": (
        with_value("number_of_orders", 2.0**60),
        "customer 12 has a number_of_orders of 1.15292e+18",
    ),
    "fewer orders than none": (with_value("number_of_orders", -1), "customer 12 has a number_of_orders of -1"),
    "half an order": (with_value("number_of_orders", 1.5), "customer 12 has a number_of_orders of 1.5"),
    "orders whose sum overflows": (
        lambda t: t.assign(number_of_orders=2**52),
        "numbers of orders add up to more than 2**53",
    ),
    "amounts as text": (
        lambda t: t.assign(sales_value="1.234,50 €"),
        "sales_value must hold numbers, not ",
    ),
    "amounts partly as text": (
        lambda t: t.assign(sales_value=t["sales_value"].astype("object").where(t.index > 0, "12")),
        "sales_value must hold numbers, not Object",
    ),
    "no sales": (lambda t: t.drop(columns="sales_value"), "the customers table lacks sales_value: fetch or read it"),
}
WRONG_TIMES = {
    "times without a zone": (
        lambda t: t.assign(last_order_date=t["last_order_date"].dt.tz_localize(None)),
        "order_date holds times without a time zone: add theirs",
    ),
    "times as text": (
        lambda t: t.assign(last_order_date=t["last_order_date"].astype("str")),
        "order_date must hold times, not ",
    ),
    "buyers who ordered after the observation": (
        ordered_after(3),
        "3 of 2,000 buyers ordered after as_of, ",
    ),
    "an observation of some rows": (
        lambda t: t.assign(as_of=t["as_of"].where(t.index > 0)),
        "as_of is missing in 1 rows and known in others",
    ),
}
WRONG_CURRENCY = {
    "two currencies": (
        lambda t: t.assign(currency=["USD", *["EUR"] * (len(t) - 1)]),
        "amounts in EUR, USD cannot be added up",
    ),
    "a currency and an unknown one": (
        lambda t: t.assign(currency=[None, *["EUR"] * (len(t) - 1)]),
        "some amounts are in EUR, others in an unknown currency",
    ),
}
WRONG_CURRENCY |= {
    f"the currency {wrong!r}": (
        lambda t, wrong=wrong: t.assign(currency=[wrong, wrong, *["EUR"] * (len(t) - 2)]),
        f"the column currency has '{wrong}' in 2 rows, which is not an ISO 4217 code",
    )
    for wrong in ("978", "", "eur")
}
IN = {
    "pandas": lambda table: table,
    "polars": lambda table: pl.from_pandas(table).lazy(),
    "duckdb": lambda table: __import__("duckdb").from_arrow(pl.from_pandas(table).to_arrow()),
    "dask": lambda table: __import__("dask.dataframe").dataframe.from_pandas(table, npartitions=2),
}
NEEDED = [
    "customer_id",
    "number_of_orders",
    "sales_value",
    "first_order_date",
    "last_order_date",
    "billing_country_code",
    "currency",
    "as_of",
]


def refused(call, table, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(table)
    assert message in str(caught.value)


@pytest.mark.parametrize("call", ON_STATISTICS)
@pytest.mark.parametrize("wrong", WRONG_STATISTICS)
def test_impossible_statistics_are_refused(shop, call, wrong):
    change, message = WRONG_STATISTICS[wrong]
    refused(ON_STATISTICS[call], change(shop), message)


@pytest.mark.parametrize("call", ON_TIMES)
@pytest.mark.parametrize("wrong", WRONG_TIMES)
def test_impossible_times_are_refused(shop, call, wrong):
    change, message = WRONG_TIMES[wrong]
    if call == "tenure":  # looks at the first order
        change = lambda t, change=change: change(t).assign(first_order_date=lambda s: s["last_order_date"])  # noqa: E731
    refused(ON_TIMES[call], change(shop), message)


@pytest.mark.parametrize("call", ON_STATISTICS)
@pytest.mark.parametrize("wrong", WRONG_CURRENCY)
def test_amounts_of_several_currencies_are_refused(shop, call, wrong):
    change, message = WRONG_CURRENCY[wrong]
    refused(ON_STATISTICS[call], change(shop), message)


@pytest.mark.parametrize("kind", IN)
@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        *((cl.orders.summary, wrong) for wrong in [*WRONG_STATISTICS, *WRONG_TIMES, *WRONG_CURRENCY]),
        *((cl.segments.rfm, wrong) for wrong in [*WRONG_STATISTICS, *WRONG_TIMES, *WRONG_CURRENCY]),
    ],
)
def test_every_engine_refuses_the_same(shop, kind, call, wrong):
    if wrong == "amounts partly as text" and kind != "pandas":
        pytest.skip("a column has one type on this engine")
    if wrong == "times without a zone" and kind == "duckdb":
        pytest.skip("times without a zone are in UTC on this engine")
    change, message = (WRONG_STATISTICS | WRONG_TIMES | WRONG_CURRENCY)[wrong]
    table = change(shop)[[name for name in NEEDED if name in change(shop).columns]]
    table = table.assign(billing_country_code=table["billing_country_code"].astype("str"))
    refused(lambda t: call(IN[kind](t)), table, message)


def test_one_order_in_a_thousand_after_the_observation_is_a_shop_that_goes_on(shop):
    assert cl.orders.recency(ordered_after(2)(shop)).query("group == 'all'")["buyers"].sum() == 2_000


def test_an_hour_between_two_clocks_is_no_order_after_the_observation(shop):
    table = shop.assign(last_order_date=shop["as_of"] + pd.Timedelta(minutes=59))
    assert cl.orders.recency(table).query("group == 'all'")["days"].tolist() == [0]


def test_a_table_cannot_be_turned_back(shop):
    past = "2020-01-01"
    for call in (cl.orders.summary, cl.orders.recency, cl.segments.rfm, cl.cohorts.summary, cl.lifetime.fit):
        refused(
            lambda t, call=call: call(t, as_of=past), shop, "Read the shop as it was then with store.customers(as_of=…)"
        )
    model = cl.lifetime.fit(shop)
    refused(lambda t: model.predict(t, as_of=past), shop, "buyers ordered after as_of, 2020-01-01 23:59")


def test_a_given_currency_never_overrules_the_table(shop):
    euro = shop.assign(currency="EUR")
    assert cl.orders.summary(euro, currency="EUR")["currency"].item() == "EUR"
    assert cl.orders.summary(shop.drop(columns="currency"), currency="USD")["currency"].item() == "USD"
    refused(lambda t: cl.orders.summary(t, currency="USD"), euro, "the amounts are in EUR, not in USD")
    mixed = WRONG_CURRENCY["two currencies"][0](shop)
    refused(lambda t: cl.orders.summary(t, currency="EUR"), mixed, "amounts in EUR, USD cannot be added up")
    refused(lambda t: cl.orders.summary(t, currency=5), euro, "currency must be an ISO 4217 code")


@pytest.mark.parametrize("as_of", ["2027-06-30", dt.date(2027, 6, 30), NOW + pd.Timedelta(days=365)])
def test_a_time_of_observation_may_be_written_in_several_ways(shop, as_of):
    assert cl.orders.summary(shop, as_of=as_of)["as_of"].item().year == 2027


@pytest.mark.parametrize("empty", ["rows of none", "a table without types"])
def test_an_empty_table_has_an_empty_result(shop, empty):
    none = shop.head(0) if empty == "rows of none" else pd.DataFrame(columns=shop.columns)
    for name, call in {**ON_STATISTICS, **ON_TIMES}.items():
        if name not in ("fit", "summary", "seasonality", "concentration"):
            assert len(call(none)) == 0, name
    summary = cl.orders.summary(none).iloc[0]
    assert (summary["customers"], summary["buyers"], summary["sales_value"]) == (0, 0, 0)
    assert summary[["as_of", "median_buyer_value", "repeat_rate"]].isna().all()
    refused(cl.lifetime.fit, none, "")


@pytest.mark.parametrize("horizon", [90, "90", "3m", "90ns", 0, "-3D", pd.Timedelta(minutes=5)])
def test_a_horizon_without_days_or_weeks_is_never_a_horizon_of_nanoseconds(shop, horizon):
    model = cl.lifetime.fit(shop)
    refused(lambda t: model.predict(t, horizon), shop, "horizon must be a time span of a day or more in days or weeks")


def test_a_forecast_never_sums_to_nothing_where_the_parameters_run_away(shop):
    nobody_stops = shop.assign(last_order_date=shop["as_of"] - pd.Timedelta(hours=1))
    refused(cl.lifetime.fit, nobody_stops, "the model of orders ")  # runs away, or has a vast standard error
    with pytest.warns(cl.CustlensWarning, match="is unreliable"):
        model = cl.lifetime.fit(nobody_stops, force=True)
    predicted = model.predict(nobody_stops)
    assert np.isfinite(predicted[["expected_orders", "expected_revenue"]]).all(axis=None)
    assert predicted["expected_orders"].sum() > 100
    assert model.problems


def test_a_fit_on_few_repeat_buyers_is_refused(shop):
    few = shop.assign(number_of_orders=shop["number_of_orders"].where(shop.index < 60, 1))
    few["last_order_date"] = few["last_order_date"].where(few["number_of_orders"] > 1, few["first_order_date"])
    refused(cl.lifetime.fit, few, ", and with fewer than 100 a fit is often wrong")


def test_buyers_without_sales_stay_in_the_expected_revenue(shop):
    table = shop.assign(sales_value=shop["sales_value"].where(shop.index >= 100, [0.0, -5.0] * (len(shop) // 2)))
    predicted = cl.lifetime.fit(table).predict(table)
    assert predicted["population_value"].sum() == 100
    assert predicted["expected_revenue"].notna().all()


def test_customers_who_are_no_longer_there_are_gone_and_no_prospects(shop):
    scored = cl.segments.rfm(shop)
    moved = cl.segments.migration(scored, scored.iloc[:0])
    assert set(moved["after"]) == {"Gone"}
    assert moved["customers"].sum() == len(shop)


def test_no_buyer_falls_between_the_segments(shop):
    assert "Other" not in set(cl.segments.rfm(shop)["segment"])
    assert cl.segments.rules()["scores"].sum() == 125


def test_a_time_beyond_what_pandas_holds_is_refused_by_its_column(shop):
    far = shop.assign(
        first_order_date=shop["first_order_date"].where(shop.index > 0, pd.Timestamp("2263-01-01", tz="UTC"))
    )
    with pytest.raises(cl.DataError, match="first_order_date holds a time before 1678 or after 2261"):
        cl.orders.order_dates(far)
