import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import cdnow
from helpers.tables import NOW, buyers

import custlens as cl


@pytest.fixture(scope="module")
def weeks():
    return cdnow.in_weeks()


@pytest.fixture(scope="module")
def model(weeks):
    return cl.lifetime.fit(weeks)


BY_HAND = [
    (325, 66.99, 7.64, 0.0410, 0.7497, 17.7550, 38.66, 657.45),
    (6, 66.01, 29.43, 0.6357, 3.3372, 4.7526, 17.16, 24.29),
    (21, 168.98, 51.00, 0.3110, 0.6886, 1.3741, 30.39, 20.83),
    (1000, 63.98, 42.75, 0.6464, 2.3529, 3.0175, 13.48, 8.96),
    (2, 260.05, 11.97, 0.1167, 0.2032, 0.7218, 16.80, 8.71),
    (7, 237.02, 35.00, 0.1732, 0.3016, 0.7218, 20.32, 8.54),
    (1516, 0.98, 8.31, 0.9689, 20.7505, 20.8144, 45.46, 2.90),
    (157, 2.03, 9.10, 0.9691, 20.0536, 20.1668, 19.25, 2.18),
    (1, 59.01, 106.50, 0.5546, 1.2259, 1.3701, 14.77, 2.13),
    (59, 0.00, 269.01, 0.4165, 0.7281, 0.7281, 30.88, 0.00),
]
"""Customers of the published data of CDNOW, and 39 weeks to come, in order of the value at risk: days of silence and usual
gap; P(order), expected orders, and those had the last order been just now, all three by numerical integration over
customers' chances to stop with the published parameters; p(v + S)/(p·n + q − 1); and the value at risk."""


def test_ten_customers_are_ranked_as_by_hand(weeks, model):
    ten = weeks[weeks["customer_id"].isin([row[0] for row in BY_HAND])]
    ranked = cl.lifetime.overdue(ten, model, "39W")
    assert ranked["customer_id"].tolist() == [row[0] for row in BY_HAND]
    columns = [
        "recency_days", "usual_gap_days", "p_order", "expected_orders", "expected_orders_if_recent",
        "expected_order_value", "value_at_risk",
    ]  # fmt: skip
    for place, name in enumerate(columns, start=1):
        wanted = [row[place] for row in BY_HAND]
        assert ranked[name].tolist() == pytest.approx(wanted, rel=3e-4, abs=0.006), name
    assert set(ranked["method"]) == {"bg_nbd"}


def ten_buyers():
    table = buyers(
        [
            (2, 130, 100), (3, 120, 60), (5, 100, 20), (2, 50, 0), (11, 110, 10),
            (2, 90, 90), (4, 70, 40), (1, 80, 80), (0, None, None), (3, None, None),
        ]
    )  # fmt: skip
    sales = [40.0, 90.0, 50.0, 80.0, 110.0, 500.0, 0.0, 30.0, 0.0, 110.0]
    return table.assign(customer_id=range(1, 11), sales_value=sales)


def test_where_no_model_fits_ten_customers_are_ranked_by_silence_over_gap_and_value():
    with pytest.warns(
        cl.CustlensWarning, match="ranked by their silence alone, since lifetime.fit refused: .* number of buyers is 8,"
    ):
        ranked = cl.lifetime.overdue(ten_buyers()).set_index("customer_id")
    # 7 brought nothing, and has the mean order value of the others, 980/28; 6 has no gap; 10 has no dates
    assert ranked.index.tolist() == [7, 1, 2, 3, 5, 4, 6, 10]
    assert ranked["value_at_risk"].tolist()[:6] == pytest.approx(
        [40 / 10 * 35, 100 / 30 * 20, 60 / 30 * 30, 20 / 20 * 10, 10 / 10 * 10, 0]
    )
    assert ranked.loc[[6, 10], "value_at_risk"].isna().all()
    assert ranked.loc[6, ["recency_days", "usual_gap_days"]].tolist() == pytest.approx([90, np.nan], nan_ok=True)
    assert ranked.index[ranked["population_value"]].tolist() == [7]
    assert ranked[["p_order", "expected_orders"]].isna().all(axis=None)
    assert set(ranked["method"]) == {"silence"}


def test_what_is_expected_is_what_the_model_predicts(weeks, model):
    table = weeks.assign(sales_value=weeks["sales_value"].where(weeks["customer_id"] % 5 > 0, 0.0))
    predicted = model.predict(table).set_index("customer_id")
    ranked = cl.lifetime.overdue(table, model).set_index("customer_id")
    assert set(ranked.index) == set(weeks.loc[weeks["number_of_orders"] > 1, "customer_id"])
    for name in ("p_order", "expected_orders", "expected_order_value", "population_value"):
        assert ranked[name].to_numpy("float64") == pytest.approx(predicted.loc[ranked.index, name].to_numpy("float64"))
    assert ranked["value_at_risk"].is_monotonic_decreasing
    assert (ranked["value_at_risk"] >= 0).all()


def test_by_default_the_model_is_fitted_on_the_table(weeks, model):
    pd.testing.assert_frame_equal(cl.lifetime.overdue(weeks), cl.lifetime.overdue(weeks, model))
    later = pd.Timestamp("1997-12-31", tz="UTC")
    assert cl.lifetime.overdue(weeks, as_of=later)["recency_days"].min() == 91


def test_few_orders_after_the_observation_are_a_silence_of_nothing(weeks, model):
    late = weeks.loc[weeks["customer_id"] == 6, "as_of"] + pd.Timedelta(hours=5)
    table = weeks.assign(last_order_date=weeks["last_order_date"].mask(weeks["customer_id"] == 6, late))
    row = cl.lifetime.overdue(table, model).set_index("customer_id").loc[6]
    assert row[["recency_days", "value_at_risk"]].tolist() == [0, 0]


def test_buyers_without_dates_come_last_and_nobody_is_dropped(weeks, model):
    unknown = weeks["customer_id"].isin([1, 325])
    table = weeks.assign(last_order_date=weeks["last_order_date"].mask(unknown))
    last = cl.lifetime.overdue(table, model).tail(2)
    assert last["customer_id"].tolist() == [1, 325]
    assert (
        last[["recency_days", "usual_gap_days", "p_order", "population_value", "value_at_risk"]].isna().all(axis=None)
    )


def test_consent_has_three_states_and_an_audience_is_found_among_the_overdue(weeks, model):
    consent = pd.array(weeks["customer_id"].map({325: True, 6: False}), "boolean")
    table = weeks.assign(accept_marketing=consent, email=weeks["customer_id"].map("c{}@x.example".format))
    ranked = cl.lifetime.overdue(table, model)
    consent_of = ranked.set_index("customer_id")["accept_marketing"]
    assert (consent_of[325], consent_of[6]) == (True, False)
    assert consent_of[7] is pd.NA
    assert cl.segments.audience(table, among=ranked.head(20))["customer_id"].tolist() == [325]
    reached = cl.segments.audience(table, among=ranked.head(20), include_unknown=True)
    assert set(reached["customer_id"]) == set(ranked["customer_id"].head(20)) - {6}
    in_polars = pl.from_pandas(ranked.head(20))
    assert cl.segments.audience(table, among=in_polars, include_unknown=True).equals(reached)
    assert cl.lifetime.overdue(weeks, model)["accept_marketing"].isna().all()


def test_a_shop_without_repeat_buyers_has_nobody_overdue_and_no_model_is_asked_for():
    table = buyers([(1, 80, 80), (0, None, None)]).assign(customer_id=[1, 2], sales_value=[30.0, 0.0])
    assert cl.lifetime.overdue(table).empty
    assert cl.lifetime.overdue(pd.DataFrame(columns=table.columns)).empty


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"accept_marketing": "yes"}, {}, "accept_marketing must hold true, false or nothing: convert the column"),
        ({"currency": "EUR"}, {"model": "usd"}, "the model was fitted on amounts in USD, and the table is in EUR"),
        ({"as_of": NOW - pd.Timedelta(days=99)}, {}, "buyers ordered after as_of"),
        ({}, {"model": "bg_nbd"}, "model must be what lifetime.fit returns, or None, not 'bg_nbd'"),
        ({}, {"model": cl.lifetime.LifetimeModel}, "model must be .* not the class LifetimeModel"),
        ({}, {"horizon": 90}, "horizon must be a time span .* did you mean '90D'"),
    ],
)
@pytest.mark.filterwarnings("ignore:buyers are ranked")
def test_what_cannot_be_used_is_named(change, arguments, message, weeks):
    if arguments.get("model") == "usd":
        arguments = {"model": cl.lifetime.fit(weeks.assign(currency="USD"))}
    with pytest.raises((cl.ArgumentError, cl.DataError), match=message):
        cl.lifetime.overdue(ten_buyers().assign(**change), **arguments)
