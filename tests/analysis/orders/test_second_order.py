import numpy as np
import pandas as pd
import pytest
from helpers import cdnow
from helpers.tables import buyers
from hypothesis import given, settings
from hypothesis import strategies as st

import custlens as cl
from custlens.analysis.orders.second_order import _turnbull


def true_shares(merged):
    """The share of buyers of the real shop who had really ordered again by each day, from all their orders."""
    orders = cdnow.orders(merged=merged).sort_values(["customer", "date"])
    second = orders.groupby("customer")["date"].apply(
        lambda dates: (dates.iloc[1] - dates.iloc[0]).days if len(dates) > 1 else np.inf
    )
    return lambda day: (second <= day).mean()


def test_the_truth_of_the_real_shop_lies_in_the_range():
    """The estimates see first and last orders only, the truth all orders."""
    curve = cl.orders.second_order(cdnow.customers()).set_index("days")
    truth = true_shares(merged=False)
    assert truth(7) == pytest.approx(0.0738, abs=1e-4)
    assert truth(28) == pytest.approx(0.1786, abs=1e-4)
    for day in (7, 14, 28, 56):
        assert curve.loc[day, "share_low"] < truth(day) < curve.loc[day, "share_high"]
    for day in (91, 182, 273, 400):
        assert curve.loc[day, "share_low"] - 0.002 < truth(day) < curve.loc[day, "share_high"] + 0.002


def test_the_estimates_of_the_real_shop_come_as_published():
    """Orders of one day count as one."""
    curve = cl.orders.second_order(cdnow.customers(merged=True)).set_index("days")
    for weeks, turnbull in ((4, 0.182), (13, 0.300), (26, 0.379), (39, 0.425)):
        assert curve.loc[7 * weeks, "turnbull"] == pytest.approx(turnbull, abs=0.001)
    assert cl.orders.second_order(cdnow.customers()).set_index("days").loc[28, "product_limit"] == pytest.approx(
        0.152, abs=0.001
    )
    assert curve["share_low"].is_monotonic_increasing
    assert curve["share_high"].is_monotonic_increasing


def test_a_last_order_dated_before_the_first_is_no_second_order_of_the_first_day():
    sound = [(1, 90, 90), (2, 90, 60)]
    curve = cl.orders.second_order(buyers([*sound, (2, 60, 90), (3, 60, 90)]))
    pd.testing.assert_frame_equal(curve, cl.orders.second_order(buyers(sound)))


def test_where_orders_come_at_random_the_product_limit_estimate_is_nearer_to_the_truth():
    random = np.random.default_rng(4)
    rows = []
    for age, rate in zip(random.uniform(30, 700, 3_000), random.gamma(0.6, 1 / 40, 3_000), strict=True):
        times = np.sort(random.uniform(0, age, random.poisson(rate * age)))
        rows.append((1 + len(times), age, age - times[-1] if len(times) else age, times[0] if len(times) else np.inf))
    table = pd.DataFrame(rows, columns=["n", "first", "last", "second"])
    curve = cl.orders.second_order(buyers(table[["n", "first", "last"]].to_numpy())).set_index("days")
    rate = random.gamma(0.6, 1 / 40, 200_000)
    for day in (7, 28, 90):
        truth = (1 - np.exp(-rate * (day + 1))).mean()
        off = (curve.loc[day, ["turnbull", "product_limit"]] - truth).abs()
        assert off["product_limit"] < off["turnbull"] / 3


def test_without_intervals_both_estimates_are_that_of_kaplan_and_meier():
    rows = [(2, 100, 90), (2, 100, 80), (1, 15, 15), (2, 60, 30), (1, 50, 50)]
    curve = cl.orders.second_order(buyers(rows)).set_index("days")
    share = {9: 0.0, 10: 1 / 5, 20: 1 - 4 / 5 * 2 / 3, 30: 1 - 4 / 5 * 2 / 3 / 2}
    for name in ("turnbull", "product_limit", "share_low", "share_high"):
        assert curve.loc[list(share), name].to_dict() == pytest.approx(share, abs=1e-6)
    assert curve.index.tolist() == list(range(101))
    assert curve.loc[[14, 15, 50], "at_risk"].tolist() == [5, 4, 3]


def test_everybody_who_has_ordered_again_makes_both_estimates_one():
    last = cl.orders.second_order(buyers([(2, 100, 90), (2, 100, 80)])).iloc[-1]
    assert last[["turnbull", "product_limit"]].tolist() == pytest.approx([1, 1], abs=1e-6)


def test_without_buyers_the_result_is_empty():
    columns = ["days", "share_low", "share_high", "turnbull", "product_limit", "at_risk"]
    for table in (buyers([(0, None, None)]), buyers([(1, 1, 1)]).head(0)):
        curve = cl.orders.second_order(table)
        assert curve.empty
        assert curve.columns.tolist() == columns


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["exact", "within", "beyond"]), st.integers(0, 25)), min_size=1, max_size=25),
    st.integers(0, 2**32),
)
def test_no_other_curve_is_likelier(rows, seed):
    kinds = {
        kind: np.bincount([day for k, day in rows if k == kind], minlength=27).astype(float)
        for kind in ("exact", "within", "beyond")
    }

    def log_likelihood(density):
        upto = np.cumsum(density)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [
                kinds["exact"] * np.log(density),
                kinds["within"] * np.log(upto),
                kinds["beyond"] * np.log(1 - upto),
            ]
        return sum(np.where(kind > 0, part, 0.0).sum() for kind, part in zip(kinds.values(), parts, strict=True))

    density = _turnbull(*kinds.values())
    best = log_likelihood(density)
    assert density.min() >= 0
    assert density.sum() <= 1 + 1e-9
    random = np.random.default_rng(seed)
    for _ in range(20):
        other = random.random(28) ** 3 + 1e-6
        mixed = 0.9 * np.append(density, 1 - density.sum()) + 0.1 * other / other.sum()
        assert log_likelihood(mixed[:-1]) <= best + 1e-4 * len(rows)
