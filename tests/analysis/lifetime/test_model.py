import datetime as dt

import numpy as np
import pandas as pd
import pytest
from helpers import cdnow

import custlens as cl
from custlens.analysis.lifetime._bg_nbd import BG_NBD
from custlens.analysis.lifetime._gamma_gamma import expected_value, population_value

LATER = dt.datetime(1998, 6, 30, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def weeks():
    return cdnow.in_weeks()


@pytest.fixture(scope="module")
def calibration():
    return cdnow.customers("1997-09-30")


@pytest.fixture(scope="module")
def model(calibration):
    return cl.lifetime.fit(calibration)


def shop_like(buyers, seed=0, value_by_order=0.0, prospects=0, stops=1.0):
    """Draw buyers from the BG/NBD and Gamma-Gamma models themselves."""
    random = np.random.default_rng(seed)
    rate, drop = random.gamma(0.8, 1 / 30, buyers), stops * random.beta(0.8, 2.4, buyers)
    age = random.uniform(200, 700, buyers)
    n, last = np.ones(buyers), np.zeros(buyers)
    for row in range(buyers):
        clock = 0.0
        while (clock := clock + random.exponential(1 / rate[row])) < age[row]:
            n[row] += 1
            last[row] = clock
            if random.random() < drop[row]:
                break
    sales = random.gamma(6.0 * n, 1 / random.gamma(4.0, 1 / 15.0, buyers)) * np.exp(value_by_order * (n - n.mean()))
    now = pd.Timestamp("2026-01-01", tz="UTC").as_unit("us")
    first = now - pd.to_timedelta(age, unit="D")
    table = pd.DataFrame(
        {
            "customer_id": np.arange(buyers) + 1,
            "number_of_orders": n.astype("int64"),
            "sales_value": sales,
            "first_order_date": pd.Series(first).astype("datetime64[us, UTC]"),
            "last_order_date": pd.Series(first + pd.to_timedelta(last, unit="D")).astype("datetime64[us, UTC]"),
            "as_of": now,
        }
    )
    nobody = pd.DataFrame(
        {"customer_id": -np.arange(prospects) - 1, "number_of_orders": 0, "sales_value": 0.0, "as_of": now}
    )
    return pd.concat([table, nobody], ignore_index=True) if prospects else table


def test_fitted_on_the_published_data_it_gives_the_published_numbers_in_days(weeks):
    model = cl.lifetime.fit(weeks)
    assert model.params.to_dict() == pytest.approx(
        {"r": 0.24259, "alpha": 30.8947, "a": 0.79289, "b": 2.42575}, rel=2e-4
    )
    assert model.log_likelihood == pytest.approx(-14363.5268, abs=0.01)
    assert model.standard_errors["alpha"] == pytest.approx(7 * 0.378, rel=2e-3)
    predicted = model.predict(weeks, pd.Timedelta(days=39 * 7), discount_rate=0.0).set_index("customer_id")
    assert predicted.loc[1, ["p_alive", "expected_orders"]].tolist() == pytest.approx([0.7266, 1.2259], abs=2e-4)


def test_orders_of_one_day_count_one_by_one(calibration):
    merged = cl.lifetime.fit(cdnow.customers("1997-09-30", merged=True))
    apart = cl.lifetime.fit(calibration)
    assert merged.params["alpha"] / 7 == pytest.approx(4.41, abs=0.06)
    assert apart.params["alpha"] / 7 == pytest.approx(3.27, abs=0.06)


def test_another_unit_of_money_changes_the_money_alone(calibration, model):
    cents = cl.lifetime.fit(calibration.assign(sales_value=100 * calibration["sales_value"]))
    assert cents.params.to_numpy() == pytest.approx(model.params.to_numpy(), rel=1e-9)
    one, hundred = (
        m.predict(t)
        for m, t in ((model, calibration), (cents, calibration.assign(sales_value=100 * calibration["sales_value"])))
    )
    for name in ("expected_revenue", "expected_revenue_ci_low", "expected_revenue_ci_high", "expected_order_value"):
        assert hundred[name].to_numpy() == pytest.approx(100 * one[name].to_numpy(), rel=1e-5, nan_ok=True)
    assert hundred["p_order"].to_numpy() == pytest.approx(one["p_order"].to_numpy(), rel=1e-9)


def test_a_prediction_is_of_the_right_size_against_what_happened(calibration, model):
    later = cdnow.customers("1998-06-30")
    holdout = model.diagnose(later).holdout
    everyone = holdout.iloc[-1]
    assert everyone["buyers"] == 2357
    real = cdnow.orders("1998-06-30").query("date > '1997-09-30'")
    assert everyone["orders"] == len(real)
    assert everyone["revenue"] == pytest.approx(real["amount_usd"].sum())
    assert everyone["expected_revenue"] / everyone["revenue"] == pytest.approx(0.83, abs=0.03)
    deciles = holdout.iloc[:-1]
    assert deciles["buyers"].sum() == 2357
    assert deciles["p_order"].is_monotonic_decreasing
    assert deciles["ordered"].iloc[0] > 3 * deciles["ordered"].iloc[-1]


def test_a_diagnosis_compares_observed_counts_with_expected_ones(model):
    diagnosis = model.diagnose()
    counts = diagnosis.repeat_counts
    assert counts["observed"].sum() == 2357
    assert counts["expected"].sum() == pytest.approx(2357)
    assert (counts["observed"] - counts["expected"]).abs().max() < 80
    assert diagnosis.value["buyers"].sum() == 2357 - model.left_out.iloc[-1]
    assert diagnosis.spending["observed"].sum() == diagnosis.value["buyers"].sum()
    assert diagnosis.spending["expected"].sum() == pytest.approx(diagnosis.value["buyers"].sum(), rel=0.01)
    assert diagnosis.holdout is None
    assert repr(model).startswith("<LifetimeModel bg_nbd: r=0.2")
    assert repr(diagnosis).startswith("<Diagnosis: correlation of orders and their value +0.")
    assert "<table" in diagnosis._repr_html_()


def test_models_and_diagnoses_can_be_compared_and_hashed(calibration, model):
    again = cl.lifetime.fit(calibration)
    assert len({model, again, model}) == 2
    assert len({model.diagnose(), model.diagnose()}) == 2


def test_a_quarter_is_worth_less_than_a_year_and_more_than_a_discounted_one(calibration, model):
    quarter, year = (model.predict(calibration, span)["expected_revenue"].sum() for span in ("90D", "365D"))
    dear = model.predict(calibration, "365D", discount_rate=1.0)["expected_revenue"].sum()
    assert quarter < dear < year
    free = model.predict(calibration, "365D", discount_rate=0.0)
    assert free["expected_revenue"].to_numpy() == pytest.approx(
        (free["expected_orders"] * free["expected_order_value"]).to_numpy(), nan_ok=True
    )


def test_intervals_hold_the_expectation_and_are_narrower_with_more_buyers(calibration, model):
    predicted = model.predict(calibration).dropna()
    assert (predicted["expected_revenue_ci_low"] < predicted["expected_revenue"]).all()
    assert (predicted["expected_revenue"] < predicted["expected_revenue_ci_high"]).all()
    four = pd.concat([calibration] * 4, ignore_index=True)
    many = cl.lifetime.fit(four.assign(customer_id=range(len(four)))).predict(calibration).dropna()
    ratio = np.log(predicted["expected_revenue_ci_high"] / predicted["expected_revenue_ci_low"]) / np.log(
        many["expected_revenue_ci_high"] / many["expected_revenue_ci_low"]
    )
    assert ratio.median() == pytest.approx(2, rel=0.02)


def test_the_parameters_that_made_the_data_are_found_again():
    model = cl.lifetime.fit(shop_like(6_000, seed=5))
    truth = pd.Series({"r": 0.8, "alpha": 30.0, "a": 0.8, "b": 2.4})
    assert ((model.params - truth).abs() < 3 * model.standard_errors).all()


def test_an_interval_holds_the_true_expectation_as_often_as_its_level_says():
    some = shop_like(50, seed=1)
    n, sales = some["number_of_orders"].to_numpy("float64"), some["sales_value"].to_numpy()
    t_x, t = (
        (some[name] - some["first_order_date"]).dt.total_seconds() / 86_400 for name in ("last_order_date", "as_of")
    )
    orders = BG_NBD.expected_orders(np.array([0.8, 30, 0.8, 2.4]), n - 1, t_x.to_numpy(), t.to_numpy(), 90.0)
    true = orders * expected_value(np.array([6.0, 4.0, 15.0]), n, sales)
    held = []
    for seed in range(60):
        predicted = cl.lifetime.fit(shop_like(1_000, seed=100 + seed)).predict(
            some, "90D", discount_rate=0.0, level=0.8
        )
        held.append(predicted["expected_revenue_ci_low"].le(true) & predicted["expected_revenue_ci_high"].ge(true))
    assert 0.72 < np.mean(held) < 0.88


def test_prospects_have_no_prediction_and_are_counted():
    table = shop_like(600, prospects=5)
    model = cl.lifetime.fit(table)
    assert model.left_out["prospects"] == 5
    assert model.buyers == 600
    predicted = model.predict(table).set_index("customer_id")
    assert predicted.loc[[-1, -5]].isna().all(axis=None)
    assert predicted.loc[1:600, "p_order"].notna().all()


def test_buyers_without_sales_get_the_mean_of_the_population_and_stay_in_every_sum():
    table = shop_like(1_000, prospects=3)
    table["sales_value"] = table["sales_value"].where(table["customer_id"] > 40, [0.0, -5.0] * 501 + [0.0])
    model = cl.lifetime.fit(table)
    assert model.left_out.iloc[-1] == 40
    predicted = model.predict(table).set_index("customer_id")
    assert predicted.loc[1:40, "expected_order_value"].tolist() == pytest.approx(
        [population_value(model.value_params.to_numpy())] * 40
    )
    assert predicted["population_value"].sum() == 40
    assert predicted.loc[-1, "population_value"] is pd.NA
    buyers = predicted[predicted.index > 0]
    assert buyers.notna().all(axis=None)
    undiscounted = model.predict(table, discount_rate=0).query("customer_id > 0")
    assert undiscounted["expected_revenue"].sum() == pytest.approx(
        (undiscounted["expected_orders"] * undiscounted["expected_order_value"]).sum()
    )


def test_a_small_shop_is_refused_and_force_warns():
    table = shop_like(200)
    with pytest.raises(
        cl.DataError, match=r"the number of buyers is 200, and with fewer than 500 a fit is often wrong.*force"
    ):
        cl.lifetime.fit(table)
    with pytest.warns(cl.CustlensWarning, match="is unreliable"):
        model = cl.lifetime.fit(table, force=True)
    assert model.problems
    assert "unreliable: " in model._repr_html_()


def test_a_shop_with_few_repeat_buyers_is_refused():
    table = shop_like(800)
    kept = table["number_of_orders"].eq(1) | table["number_of_orders"].gt(1).cumsum().le(60)
    some = table[kept | (table["number_of_orders"] == 1)]
    more = some.assign(customer_id=some["customer_id"] + 1_000)
    with pytest.raises(cl.DataError, match="the number of repeat buyers is 60, and with fewer than 100"):
        cl.lifetime.fit(pd.concat([some, more[more["number_of_orders"] == 1]], ignore_index=True))


def test_a_parameter_that_the_data_hardly_determine_is_refused():
    nobody_stops = shop_like(700, stops=0.0)
    with pytest.raises(
        cl.DataError, match=r"diverge: the data do not determine them|standard error of [ab] in the model"
    ):
        cl.lifetime.fit(nobody_stops)


def test_a_forced_fit_whose_parameters_run_away_has_finite_forecasts():
    with pytest.warns(cl.CustlensWarning, match="is unreliable"):
        model = cl.lifetime.fit(shop_like(700, stops=0.0), force=True)
    predicted = model.predict(shop_like(700, stops=0.0))
    assert np.isfinite(predicted[["p_alive", "p_order", "expected_orders", "expected_revenue"]]).all(axis=None)
    assert (predicted["expected_orders"] > 0).all()


def test_a_value_tied_to_the_number_of_orders_is_refused():
    with pytest.raises(cl.DataError, match=r"the value of an order depends on the number of orders .correlation \+0"):
        cl.lifetime.fit(shop_like(1_500, value_by_order=0.3))


def test_without_repeat_orders_or_sales_there_is_no_model():
    table = shop_like(600)
    once = table.assign(number_of_orders=1, last_order_date=table["first_order_date"])
    with pytest.raises(cl.DataError, match="no buyer has a second order"):
        cl.lifetime.fit(once, force=True)
    with pytest.raises(cl.DataError, match="no buyer has a sales value above zero"):
        cl.lifetime.fit(table.assign(sales_value=0.0), force=True)


def test_clocks_that_differ_by_an_hour_do_no_harm(calibration):
    early = calibration["last_order_date"].max().to_pydatetime() - dt.timedelta(hours=1)
    assert cl.lifetime.fit(calibration, as_of=early).params["r"] == pytest.approx(0.2, abs=0.1)


def test_an_order_after_the_observation_is_weighed_against_the_whole_table_not_its_partition(calibration, model):
    from dask import dataframe

    late = calibration["as_of"] + pd.Timedelta(days=1)
    table = calibration.assign(last_order_date=calibration["last_order_date"].where(calibration.index > 1, late))
    whole = model.predict(table)
    spread = model.predict(dataframe.from_pandas(table, npartitions=20)).compute()
    assert spread["expected_orders"].to_numpy() == pytest.approx(whole["expected_orders"].to_numpy())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t, m: cl.lifetime.fit(t, model="pareto"), "model must be one of bg_nbd, mbg_nbd, not 'pareto'"),
        (lambda t, m: cl.lifetime.fit(t, model=["bg_nbd"]), "model must be one of bg_nbd, mbg_nbd, not \\['bg_nbd'\\]"),
        (lambda t, m: cl.lifetime.fit(t, as_of=90), "as_of must be a date such as"),
        (lambda t, m: cl.lifetime.fit(t, as_of="1997-09-30 12:00"), "as_of needs a time zone"),
        (lambda t, m: cl.lifetime.fit(t, as_of="1997-06-30"), r"ordered after as_of.*store.customers\(as_of=…\)"),
        (lambda t, m: cl.lifetime.fit(t.drop(columns="as_of")), "does not say when it was observed"),
        (lambda t, m: cl.lifetime.fit(t.drop(columns="sales_value")), "lacks sales_value"),
        (lambda t, m: m.predict(t, 90), "horizon must be a time span.*did you mean '90D'"),
        (lambda t, m: m.predict(t, discount_rate=12), "discount_rate must be a number below 10, and is 12"),
        (lambda t, m: m.predict(t, discount_rate=-0.1), "discount_rate must be a rate per year from 0"),
        (lambda t, m: m.predict(t, discount_rate="10%"), "discount_rate must be a number below 10, not '10%'"),
        (lambda t, m: m.predict(t, level=95), "level must be a number above 0 and below 1, and is 95"),
        (lambda t, m: m.predict(t, as_of="1997-06-30"), "ordered after as_of"),
        (lambda t, m: m.predict(t.assign(currency="EUR")), "fitted on amounts in USD, and the table is in EUR"),
        (lambda t, m: m.predict(pd.concat([t, t])), "occurs twice"),
        (lambda t, m: m.diagnose(t), "not after the model's"),
        (lambda t, m: m.diagnose(t.iloc[:0]), "the later table is empty"),
        (lambda t, m: m.diagnose(t.assign(currency="EUR"), as_of=LATER), "the table is in EUR"),
        (lambda t, m: m.diagnose(pd.concat([t, t]), as_of=LATER), "occurs twice"),
        (lambda t, m: cl.lifetime.fit(t.drop(columns="customer_id")).diagnose(t, as_of=LATER), "that has customer_id"),
        (lambda t, m: cl.lifetime.fit(pd.concat([t, t])), "occurs twice"),
    ],
)
def test_bad_arguments_are_refused(calibration, model, call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError), match=message):
        call(calibration, model)


def test_buyers_whose_last_order_is_dated_before_the_first_are_left_out(calibration, model):
    swapped = calibration.assign(
        customer_id=-calibration["customer_id"],
        first_order_date=calibration["last_order_date"],
        last_order_date=calibration["first_order_date"],
    ).query("first_order_date > last_order_date")
    table = pd.concat([calibration, swapped])
    fitted = cl.lifetime.fit(table)
    assert fitted.left_out["no usable order dates"] == len(swapped)
    pd.testing.assert_series_equal(fitted.params, model.params)
    predicted = model.predict(table)
    assert predicted.loc[predicted["customer_id"] < 0, "expected_orders"].isna().all()


def test_a_date_as_text_is_the_end_of_that_day(calibration, model):
    dated = model.predict(calibration.drop(columns="as_of"), as_of="1997-12-31")
    timed = model.predict(calibration, as_of=pd.Timestamp("1997-12-31 23:59:59.999999", tz="UTC"))
    pd.testing.assert_frame_equal(dated, timed)


def test_an_empty_table_has_an_empty_prediction(calibration, model):
    empty = model.predict(calibration.iloc[:0])
    assert empty.empty
    assert empty.dtypes.equals(model.predict(calibration).dtypes)
