"""Concentration, comparison, breakdown and data quality."""

import numpy as np
import pandas as pd
import pytest
from helpers import cdnow
from hypothesis import given
from hypothesis import strategies as st

import custlens as cl
from custlens.analysis._stats import Groups, median_ranks, quantiles

NOW = pd.Timestamp("2026-03-01", tz="UTC").as_unit("us")


def frame(rows, **columns):
    return pd.DataFrame(rows, columns=["number_of_orders", "sales_value"]).assign(**columns)


def test_the_concentration_of_the_real_shop_is_as_published():
    table = cl.orders.concentration(cdnow.customers(), top=[0.01, 0.1, 0.2])
    assert table["gini"].iloc[0] == pytest.approx(0.6309, abs=5e-5)
    assert table["share_of_sales"].tolist() == pytest.approx([0.146, 0.508, 0.674], abs=5e-4)
    assert table["customers"].tolist() == [24, 236, 471]


@given(st.lists(st.floats(0, 1e5).map(lambda v: round(v, 2)), min_size=1, max_size=40).filter(lambda v: sum(v) > 0))
def test_the_gini_coefficient_is_the_mean_difference(values):
    table = cl.orders.concentration(frame([(1, v) for v in values]))
    v = np.array(values)
    assert table["gini"].iloc[0] == pytest.approx(np.abs(v[:, None] - v).mean() / (2 * v.mean()), abs=1e-9)
    scaled = cl.orders.concentration(frame([(1, 8 * v) for v in values] * 3))
    assert scaled["gini"].iloc[0] == pytest.approx(table["gini"].iloc[0], abs=1e-9)
    curve = cl.orders.lorenz(frame([(1, v) for v in values]), points=21)
    assert (curve["sales"] <= curve["customers"] + 1e-9).all()
    assert curve.iloc[[0, -1]].to_numpy().ravel().tolist() == pytest.approx([0, 0, 1, 1])


def test_prospects_and_refunds_are_counted_where_that_is_said():
    table = frame([(1, 50.0), (1, 50.0), (0, 0.0), (0, 0.0), (1, -20.0)])
    buyers, everyone = (cl.orders.concentration(table, top=[0.2], include_prospects=p).iloc[0] for p in (False, True))
    assert (buyers["clipped"], everyone["clipped"]) == (1, 1)
    assert everyone["gini"] == pytest.approx(0.6)
    assert buyers["gini"] == pytest.approx(1 / 3)
    nobody = cl.orders.concentration(frame([(0, 0.0)]), include_prospects=True)
    assert nobody[["share_of_sales", "gini"]].isna().all(axis=None)
    assert cl.orders.lorenz(frame([(0, 0.0)])).empty


def test_the_same_two_groups_do_not_differ_and_others_do():
    table = cdnow.customers()
    same = cl.orders.compare(table, table, resamples=400)
    assert (same["difference"] == 0).all()
    assert ((same["low"] < 0) & (same["high"] > 0)).all()
    loyal = table[table["number_of_orders"] > 3]
    other = cl.orders.compare(table, loyal, resamples=400).set_index("measure")
    assert (other["low"] > 0).drop("mean_order_value").all()
    assert other.loc["repeat_rate", "b"] == 1
    again = cl.orders.compare(table, loyal, resamples=400).set_index("measure")
    pd.testing.assert_frame_equal(other, again)


def test_the_interval_of_a_mean_is_about_two_standard_errors():
    random = np.random.default_rng(0)
    a, b = (frame([(1, v) for v in random.normal(100, 10, 500)]) for _ in range(2))
    row = cl.orders.compare(a, b).set_index("measure").loc["mean_buyer_value"]
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * 10 * np.sqrt(2 / 500), rel=0.1)
    large = [pd.concat([table] * 100) for table in (a, b)]
    narrow = cl.orders.compare(*large).set_index("measure").loc["mean_buyer_value"]
    assert narrow["high"] - narrow["low"] == pytest.approx((row["high"] - row["low"]) / 10, rel=0.1)


def test_consent_has_three_states():
    table = frame([(1, 10.0)] * 36, accept_marketing=pd.array([True] * 12 + [False] * 12 + [None] * 12, "boolean"))
    assert set(cl.orders.breakdown(table, "accept_marketing")["accept_marketing"]) == {"true", "false", "unknown"}


def test_the_interval_of_a_median_holds_it():
    lower, upper = median_ranks(np.array([5.0, 6.0, 10.0, 100.0]))
    assert lower.tolist() == [-1, 0, 1, 39]  # as in Conover's table
    assert upper.tolist() == [-1, 5, 8, 60]
    groups = cl.orders.breakdown(frame([(1, float(v)) for v in range(100)], lang="en"), "lang").iloc[0]
    assert (groups["median_low"], groups["median_buyer_value"], groups["median_high"]) == (39, 49.5, 60)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-100, 100), st.integers(1, 4)), min_size=1, max_size=30),
    st.floats(0, 1),
)
def test_quantiles_of_values_that_stand_for_several_rows_are_those_of_the_rows(entries, share):
    codes, values, rows = (np.array(column) for column in zip(*entries, strict=True))
    ordered = Groups(codes, rows.astype(float), 4).ranked(values)
    for group in range(4):
        expanded = np.repeat(values[codes == group], rows[codes == group])
        want = np.quantile(expanded, share) if len(expanded) else np.nan
        assert ordered.quantile(share)[group] == pytest.approx(want, abs=1e-9, nan_ok=True)
    assert quantiles(values, rows.astype(float), [share])[0] == pytest.approx(
        np.quantile(np.repeat(values, rows), share), abs=1e-9
    )


@pytest.mark.parametrize("lie", ["random", "in order", "in ties", "so that the sample misleads"])
def test_quantiles_of_many_buyers_are_exact_however_their_values_lie(lie):
    values = np.round(np.random.default_rng(3).lognormal(4, 1, 120_000), 2)
    if lie == "in order":
        values.sort()
    if lie == "in ties":
        values = np.floor(values / 50)
    if lie == "so that the sample misleads":
        values[::50] = -5.0
    table = frame({"number_of_orders": 1, "sales_value": values})
    shares = [0, 0.001, 0.25, 0.5, 0.75, 0.9999, 1]
    found = cl.orders.quantiles(table, at=shares).iloc[0]
    assert found.tolist() == pytest.approx(np.quantile(values, shares), rel=1e-12)
    assert cl.orders.summary(table)["median_buyer_value"].item() == pytest.approx(np.median(values), rel=1e-12)


@pytest.mark.parametrize("unit", [1.0, 0.01, 1 / 3, 1e6])
def test_concentration_does_not_depend_on_how_amounts_are_written(unit):
    values = np.random.default_rng(5).integers(-20, 50_000, 3_000).astype(float)
    table = cl.orders.concentration(frame({"number_of_orders": 1, "sales_value": values * unit}))
    best = np.sort(np.maximum(values, 0))[::-1]
    assert table["sales_value"].tolist() == pytest.approx([best[:k].sum() * unit for k in table["customers"]])
    ranks = np.arange(len(best), 0, -1)
    gini = ((2 * ranks - len(best) - 1) * best).sum() / (len(best) * best.sum())
    assert table["gini"].tolist() == pytest.approx([gini] * len(table))
    assert table["clipped"].tolist() == [(values < 0).sum()] * len(table)


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
    assert cl.orders.quality(table, check="average_disagrees")["customer_id"].tolist() == [3]
    assert cl.orders.quality(table, check="other_order_count").columns.tolist() == table.columns.tolist()
    assert "other_order_count" not in set(cl.orders.quality(table.drop(columns="total_order_count"))["check_name"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.concentration(t, top=[0]), "top must be shares above 0"),
        (lambda t: cl.orders.lorenz(t, points=1), "points must be at least 2"),
        (lambda t: cl.orders.compare(t, t, level=2), "level must be between 0 and 1"),
        (
            lambda t: cl.orders.compare(t.assign(currency="EUR"), t.assign(currency="USD")),
            "amounts in EUR, USD cannot be compared",
        ),
        (lambda t: cl.orders.quality(t, check="smell"), "check must be one of no_stats"),
        (lambda t: cl.orders.quality(t, check="average_disagrees"), "needs the columns"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError), match=message):
        call(frame([(1, 10.0), (2, 10.0)]))
