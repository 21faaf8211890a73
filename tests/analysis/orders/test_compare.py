import numpy as np
import pandas as pd
import pytest
from helpers import cdnow
from helpers.tables import frame

import custlens as cl
from custlens.analysis.orders.compare import _interval, _point, _strata


def compared(*tables, **options):
    return cl.orders.compare(*tables, **options).set_index("measure")


def test_groups_that_differ_are_told_apart():
    table = cdnow.customers()
    loyal = table[table["number_of_orders"] > 3].assign(customer_id=lambda t: t["customer_id"] + 10**6)
    other = compared(table, loyal, resamples=400)
    assert (other["difference_ci_low"] > 0).drop("mean_order_value").all()
    assert other.loc["repeat_rate", "b"] == 1
    pd.testing.assert_frame_equal(other, compared(table, loyal, resamples=400))


@pytest.mark.parametrize(
    "population",
    ["the real shop", "log-normal amounts of one order each", "the real shop against it with amounts a third higher"],
)
def test_intervals_hold_the_true_difference_at_twenty_buyers_per_side(population):
    random = np.random.default_rng(8)
    n, s = cdnow.customers()[["number_of_orders", "sales_value"]].to_numpy("float64").T
    if population == "log-normal amounts of one order each":
        n, s = np.ones(100_000), np.random.default_rng(0).lognormal(4, 1, 100_000)
    factor = 4 / 3 if "higher" in population else 1.0
    truth = np.array([0.0, 0.0, *((factor - 1) * np.array([s.sum() / n.sum(), s.mean(), np.median(s)]))])
    held = []
    for _ in range(400):
        sides = [
            pd.DataFrame(
                {"number_of_orders": n[chosen], "sales_value": s[chosen] * times, "repeat": (n[chosen] > 1) * 1.0}
            )
            for chosen, times in ((random.integers(0, len(n), 20), 1.0), (random.integers(0, len(n), 20), factor))
        ]
        point = _point(sides[1]) - _point(sides[0])
        low, high = _interval(_strata(*sides), point, 0.95, 400, random)
        held.append(np.where(np.isnan(low), np.nan, (low <= truth) & (truth <= high)))
    shares = np.nanmean(np.array(held)[:, ~np.isnan(held).all(axis=0)], axis=0)
    assert len(shares) >= 3
    assert (shares > 0.92).all(), shares


def test_few_buyers_are_warned_of():
    table = cdnow.customers().assign(customer_id=lambda t: t["customer_id"] + 10**6)
    with pytest.warns(cl.CustlensWarning, match="2,357 and 49 buyers"):
        compared(cdnow.customers(), table.head(49), resamples=100)
    compared(cdnow.customers(), table.head(50), resamples=100)


def test_the_interval_of_a_mean_is_about_two_standard_errors():
    random = np.random.default_rng(0)
    a, b = (frame([(1, v) for v in random.normal(100, 10, 500)]) for _ in range(2))
    row = compared(a, b).loc["mean_buyer_value"]
    width = row["difference_ci_high"] - row["difference_ci_low"]
    assert width == pytest.approx(2 * 1.96 * 10 * np.sqrt(2 / 500), rel=0.1)
    large = [frame([(1, v) for v in random.normal(100, 10, 50_000)]) for _ in range(2)]
    narrow = compared(*large).loc[["mean_buyer_value", "median_buyer_value"]]
    widths = narrow["difference_ci_high"] - narrow["difference_ci_low"]
    assert widths["mean_buyer_value"] == pytest.approx(width / 10, rel=0.1)
    assert widths["median_buyer_value"] == pytest.approx(np.sqrt(np.pi / 2) * width / 10, rel=0.3)


def test_the_same_customers_at_two_times_are_compared_in_pairs():
    random = np.random.default_rng(1)
    sales = random.lognormal(4, 1, 300)
    before = frame([(1, v) for v in sales], customer_id=range(300))
    after = frame([(1, v + g) for v, g in zip(sales, random.uniform(4, 6, 300), strict=True)], customer_id=range(300))
    pairs = compared(before, after.sample(frac=1, random_state=2)).loc["mean_buyer_value"]
    assert pairs["difference_ci_low"] < 5 < pairs["difference_ci_high"]
    assert pairs["difference_ci_high"] - pairs["difference_ci_low"] == pytest.approx(
        2 * 1.96 * 2 / np.sqrt(12) / np.sqrt(300), rel=0.15
    )
    apart = compared(before, after.assign(customer_id=range(1_000, 1_300))).loc["mean_buyer_value"]
    assert apart["difference_ci_low"] < 0 < apart["difference_ci_high"]
    without = compared(before.drop(columns="customer_id"), after).loc["mean_buyer_value"]
    assert without["difference_ci_high"] == pytest.approx(apart["difference_ci_high"], rel=0.2)


def test_pairs_and_others_together_are_drawn_each_in_their_way():
    random = np.random.default_rng(3)
    sales = random.lognormal(4, 1, 400)
    before = frame([(1, v) for v in sales[:300]], customer_id=range(300))
    after = frame([(1, v) for v in sales], customer_id=range(400))
    width = (lambda row: row["difference_ci_high"] - row["difference_ci_low"])(
        compared(before, after).loc["mean_buyer_value"]
    )
    spread = sales.std() * np.sqrt(1 / 300 - 1 / 400)  # of a mean over all against a mean over a part of them
    assert width == pytest.approx(2 * 1.96 * spread, rel=0.2)


def test_an_interval_is_missing_where_nothing_differs_or_nobody_is_there():
    table = cdnow.customers()
    same = compared(table, table, resamples=100)
    assert (same["difference"] == 0).all()
    assert same[["difference_ci_low", "difference_ci_high"]].isna().all(axis=None)
    with pytest.warns(cl.CustlensWarning, match="2,357 and 0 buyers"):
        nobody = compared(table, table.head(0), resamples=100)
    assert nobody[["b", "difference", "difference_ci_low"]].isna().all(axis=None)
    assert nobody["buyers_b"].tolist() == [0] * 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.compare(t, t, level=2), "level must be a number above 0 and below 1"),
        (lambda t: cl.orders.compare(t, t, level="95%"), "level must be a number above 0 and below 1"),
        (lambda t: cl.orders.compare(t, t, resamples=10), "resamples must be at least 100"),
        (lambda t: cl.orders.compare(t, t, seed=-1), "seed must be at least 0"),
        (
            lambda t: cl.orders.compare(t, None),
            "b must be a pandas, Polars, pyarrow, DuckDB, Dask or PySpark table, not None",
        ),
        (lambda t: cl.orders.compare(t.drop(columns="sales_value"), t), "the a table lacks sales_value"),
        (
            lambda t: cl.orders.compare(t.assign(currency="EUR"), t.assign(currency="USD")),
            "amounts in EUR, USD cannot be compared",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(frame([(1, 10.0), (2, 10.0)]))
    assert message in str(caught.value)
