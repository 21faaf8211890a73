import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from custlens.analysis.lifetime._beta_geometric import Histories, log_likelihood
from custlens.analysis.lifetime._bg_nbd import BG_NBD
from custlens.analysis.lifetime._fitting import LOG_BOUND
from custlens.analysis.lifetime._mbg_nbd import MBG_NBD

BOTH = pytest.mark.parametrize("model", [BG_NBD, MBG_NBD], ids=["BG/NBD", "MBG/NBD"])
PARAMS = np.array([0.24259, 4.41353, 0.79289, 2.42575])
BOUND = np.exp(LOG_BOUND)


def at(model, params, x, t_x, t, horizon=39.0):
    history = [np.array([float(value)]) for value in (x, t_x, t)]
    return model.p_alive(params, *history)[0], model.expected_orders(params, *history, horizon)[0]


def integrated(model, params, x, t, horizon):
    """Integrate the expected orders of a customer who is still one over the chance to stop, by its quantiles."""
    r, alpha, a, b = params
    stop = stats.beta(a, b + x + (model is MBG_NBD))
    reach, power = horizon / (alpha + t), r + x

    def orders(quantile):
        p = max(stop.ppf(quantile), 1e-290)
        return -np.expm1(-power * np.log1p(p * reach)) / p

    parts = itertools.pairwise([0, 1e-6, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.999, 1])
    return sum(integrate.quad(orders, low, high, epsabs=0, epsrel=1e-9)[0] for low, high in parts)


@BOTH
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.8, 2.4),
        (1.0, 2.4),
        (1 + 1e-7, 2.4),
        (30, 1),
        (0.8, 2_400),
        (800, 2.4),
        (800, 2_400),
        (5_000, 1e5),
        (BOUND, BOUND),
        (BOUND, 2.4),
        (0.8, BOUND),
        (BOUND, 1 / BOUND),
    ],
)
@pytest.mark.parametrize(("x", "t", "horizon"), [(0, 38.86, 39), (2, 38.86, 39), (50, 38.86, 390), (0, 0, 390)])
def test_expected_orders_are_those_of_a_numerical_integration(model, a, b, x, t, horizon):
    params = np.array([0.24259, 4.41353, a, b])
    alive, orders = at(model, params, x, t, t, horizon)
    assert orders == pytest.approx(alive * integrated(model, params, x, t, horizon), rel=1e-7)


@BOTH
@pytest.mark.parametrize("logs", list(itertools.product([-LOG_BOUND, 0.0, LOG_BOUND], repeat=4)))
def test_every_number_is_finite_up_to_the_bounds(model, logs):
    params = np.exp(np.array(logs))
    x, t_x, t = np.array([0.0, 1, 2, 200]), np.array([0, 0.3, 0.7, 0.9]), np.array([1.0, 0.9, 0.8, 1.0])
    for found in (
        model.p_alive(params, x, t_x, t),
        model.p_order(params, x, t_x, t, 0.5),
        model.expected_orders(params, x, t_x, t, 0.5),
        model.repeat_count_probabilities(params, t, 5),
    ):
        assert np.isfinite(found).all()
        assert (found >= 0).all()


@BOTH
def test_probabilities_of_counts_sum_to_one_and_have_the_expected_mean(model):
    table = model.repeat_count_probabilities(PARAMS, np.array([5.0, 39.0]), 400)
    assert (table >= 0).all()
    assert table.sum(axis=1) == pytest.approx([1, 1])
    mean = (table[:, :-1] * np.arange(400)).sum(axis=1)
    assert mean == pytest.approx([at(model, PARAMS, 0, 0, 0, t)[1] for t in (5.0, 39.0)], rel=1e-6)


@BOTH
def test_the_unit_of_time_changes_alpha_alone(histories, model):
    weeks = model.fit(histories)
    days = model.fit(histories._replace(t_x=7 * histories.t_x, t=7 * histories.t))
    assert days.params / weeks.params == pytest.approx([1, 7, 1, 1], rel=1e-6)
    assert days.log_likelihood == pytest.approx(weeks.log_likelihood - histories.x.sum() * np.log(7), abs=1e-6)


@BOTH
def test_repeated_rows_change_nothing_but_the_standard_errors(histories, model):
    once = model.fit(histories)
    order = np.random.default_rng(1).permutation(len(histories.x))
    shuffled = Histories(*(column[order] for column in histories))
    thrice = Histories(*(np.tile(column, 3) for column in histories))
    weighted = histories._replace(rows=3 * histories.rows)
    assert model.fit(shuffled).params == pytest.approx(once.params, rel=1e-7)
    for fitted in (model.fit(thrice), model.fit(weighted)):
        assert fitted.params == pytest.approx(once.params, rel=1e-6)
        assert fitted.log_likelihood == pytest.approx(3 * once.log_likelihood, rel=1e-10)
        assert fitted.covariance == pytest.approx(once.covariance / 3, rel=1e-3)


@BOTH
@settings(max_examples=30, deadline=None)
@given(logs=st.lists(st.floats(-3, 3), min_size=4, max_size=4))
def test_the_gradient_is_that_of_the_likelihood(histories, model, logs):
    data = model.prepare(histories, 38.86)
    params = np.exp(np.array(logs))
    _, gradient = log_likelihood(params, data)
    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6 * params[place]
        up, down = (log_likelihood(params + sign * step, data)[0] for sign in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / (2 * step[place]), rel=1e-3, abs=1e-2)


@BOTH
@pytest.mark.parametrize("x", [0, 1, 50, 1_000, 20_000])
def test_long_histories_neither_overflow_nor_become_nan(model, x):
    for last in (38.8, 1.0):
        alive, orders = at(model, PARAMS, x, last, 38.86)
        assert 0 <= alive <= 1
        assert 0 <= orders <= 39 * (x + 1) / 38
