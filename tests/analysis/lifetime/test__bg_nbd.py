"""The numbers published for CDNOW: 2,357 customers, times in weeks."""

import numpy as np
import pandas as pd
import pytest
from helpers import cdnow
from hypothesis import given, settings
from hypothesis import strategies as st

from custlens.analysis.lifetime._bg_nbd import (
    Histories,
    _log_likelihood,
    _prepare,
    expected_orders,
    fit_transactions,
    p_alive,
    p_order,
    repeat_count_probabilities,
)
from custlens.analysis.lifetime._gamma_gamma import expected_value, fit_spending

BOTH = pytest.mark.parametrize("model", ["bg_nbd", "mbg_nbd"])


@pytest.fixture(scope="module")
def histories():
    weeks = pd.read_csv(cdnow.WEEKS).astype(float)
    return Histories(*(weeks[name].to_numpy() for name in ("frequency", "recency", "T")), np.ones(len(weeks)))


@pytest.fixture(scope="module")
def bg(histories):
    return fit_transactions(histories, "bg_nbd")


def at(params, x, t_x, t, horizon=39.0, model="bg_nbd"):
    history = (np.array([float(value)]) for value in (x, t_x, t))
    x, t_x, t = history
    return p_alive(params, x, t_x, t, model)[0], expected_orders(params, x, t_x, t, horizon, model)[0]


def test_bg_nbd_gives_the_published_parameters(bg):
    assert bg.params == pytest.approx([0.24259, 4.41353, 0.79289, 2.42575], abs=6e-6)
    assert bg.log_likelihood == pytest.approx(-9582.4256, abs=5e-5)
    assert bg.params * np.sqrt(np.diag(bg.covariance)) == pytest.approx([0.0126, 0.378, 0.186, 0.705], abs=6e-4)


def test_mbg_nbd_gives_the_published_parameters(histories):
    fitted = fit_transactions(histories, "mbg_nbd")
    assert fitted.params == pytest.approx([0.525, 6.183, 0.891, 1.614], abs=6e-4)
    assert fitted.log_likelihood == pytest.approx(-9582.1327, abs=5e-5)


def test_two_models_that_disagree_on_who_is_alive_agree_on_who_will_order(histories, bg):
    mbg = fit_transactions(histories, "mbg_nbd")
    x, t_x, t, _ = histories
    assert p_alive(bg.params, x, t_x, t, "bg_nbd").mean() == pytest.approx(0.813, abs=5e-4)
    assert p_alive(mbg.params, x, t_x, t, "mbg_nbd").mean() == pytest.approx(0.449, abs=5e-4)
    assert p_order(bg.params, x, t_x, t, 13.0, "bg_nbd").mean() == pytest.approx(0.154, abs=5e-4)
    assert p_order(mbg.params, x, t_x, t, 13.0, "mbg_nbd").mean() == pytest.approx(0.147, abs=5e-4)


@pytest.mark.parametrize(
    ("history", "alive", "orders"),
    [
        ((2, 30.43, 38.86), 0.7266, 1.22591),
        ((1, 1.71, 38.86), 0.2122, 0.2033),
        ((7, 29.43, 38.86), 0.6418, 3.3372),
        ((1, 5.0, 38.86), 0.3149, 0.3016),
        ((0, 0.0, 38.86), 1.0, 0.1948),
    ],
)
def test_the_published_customers_get_the_published_forecasts(bg, history, alive, orders):
    assert at(bg.params, *history) == (pytest.approx(alive, abs=5.1e-5), pytest.approx(orders, abs=5.1e-5))


@pytest.mark.parametrize(
    ("t", "orders"), [(0.1429, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.8576)]
)
def test_a_new_customer_is_expected_to_order_as_published(bg, t, orders):
    assert at(bg.params, 0, 0, 0, horizon=t)[1] == pytest.approx(orders, rel=3e-4, abs=6e-5)


def test_the_share_without_a_repeat_order_is_as_published():
    params = np.array([0.243, 4.414, 0.793, 2.426])
    assert repeat_count_probabilities(params, np.array([39.0]), 3, "bg_nbd")[0, 0] == pytest.approx(0.5737864, abs=1e-7)


@BOTH
def test_probabilities_of_counts_sum_to_one_and_have_the_expected_mean(bg, model):
    table = repeat_count_probabilities(bg.params, np.array([5.0, 39.0]), 400, model)
    assert (table >= 0).all()
    assert table.sum(axis=1) == pytest.approx([1, 1])
    mean = (table[:, :-1] * np.arange(400)).sum(axis=1)
    assert mean == pytest.approx([at(bg.params, 0, 0, 0, t, model)[1] for t in (5.0, 39.0)], rel=1e-6)


@BOTH
def test_the_unit_of_time_moves_alpha_alone(histories, model):
    weeks = fit_transactions(histories, model)
    days = fit_transactions(histories._replace(t_x=7 * histories.t_x, t=7 * histories.t), model)
    assert days.params / weeks.params == pytest.approx([1, 7, 1, 1], rel=1e-6)
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - histories.x.sum() * np.log(7), abs=1e-6)
    if model == "bg_nbd":
        assert days.params[1] == pytest.approx(30.89472, abs=5e-5)
        assert days.log_likelihood == pytest.approx(-14363.5268, abs=5e-5)


@BOTH
def test_blocks_that_come_again_change_nothing_but_the_certainty(histories, model):
    once = fit_transactions(histories, model)
    order = np.random.default_rng(1).permutation(len(histories.x))
    shuffled = Histories(*(column[order] for column in histories))
    thrice = Histories(*(np.tile(column, 3) for column in histories))
    weighted = histories._replace(rows=3 * histories.rows)
    assert fit_transactions(shuffled, model).params == pytest.approx(once.params, rel=1e-7)
    for fitted in (fit_transactions(thrice, model), fit_transactions(weighted, model)):
        assert fitted.params == pytest.approx(once.params, rel=1e-6)
        assert fitted.log_likelihood == pytest.approx(3 * once.log_likelihood, rel=1e-10)
        assert fitted.covariance == pytest.approx(once.covariance / 3, rel=1e-3)


@BOTH
@settings(max_examples=30, deadline=None)
@given(logs=st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_the_gradient_is_that_of_the_likelihood(histories, model, logs):
    data = _prepare(histories, 38.86, model)
    params = np.exp(np.array(logs))
    _, gradient = _log_likelihood(params, data, model)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6 * params[place]
        up, down = (_log_likelihood(params + sign * step, data, model)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / (2 * step[place]), rel=1e-3, abs=1e-2)


@BOTH
@pytest.mark.parametrize("x", [0, 1, 50, 1_000, 20_000])
def test_long_histories_neither_overflow_nor_turn_to_nan(bg, model, x):
    alive, orders = at(bg.params, x, 38.8, 38.86, model=model)
    assert 0 <= alive <= 1
    assert 0 <= orders <= 39 * (x + 1) / 38
    alive, orders = at(bg.params, x, 1.0, 38.86, model=model)
    assert 0 <= alive <= 1
    assert orders >= 0


@BOTH
def test_nothing_happens_where_a_is_one(model):
    near = [at(np.array([0.25, 4.4, a, 2.4]), 3, 20, 38, model=model)[1] for a in (0.9999, 1.0, 1.0001)]
    assert near[1] == pytest.approx((near[0] + near[2]) / 2, rel=1e-6)


def test_gamma_gamma_gives_the_published_parameters():
    merged = cdnow.orders("1997-09-30", merged=True).sort_values(["customer", "date"])
    repeat = merged[merged.groupby("customer").cumcount() > 0].groupby("customer")["amount_usd"].agg(["size", "mean"])
    assert len(repeat) == 946
    n, mean = repeat["size"].to_numpy("float64"), repeat["mean"].to_numpy()
    fitted = fit_spending(n, mean, np.ones(946))
    assert fitted.params == pytest.approx([6.25, 3.74, 15.44], abs=6e-3)
    assert fitted.log_likelihood == pytest.approx(-4055.923, abs=6e-3)
    assert expected_value(fitted.params, np.zeros(1), np.zeros(1))[0] == pytest.approx(35.17, abs=6e-3)
    in_cents = fit_spending(n, 100 * mean, np.ones(946))
    assert in_cents.params / fitted.params == pytest.approx([1, 1, 100], rel=1e-6)
