import numpy as np
import pytest

from custlens.analysis.lifetime._bg_nbd import BG_NBD


@pytest.fixture(scope="module")
def fitted(histories):
    return BG_NBD.fit(histories)


def at(params, x, t_x, t, horizon=39.0):
    history = [np.array([float(value)]) for value in (x, t_x, t)]
    return BG_NBD.p_alive(params, *history)[0], BG_NBD.expected_orders(params, *history, horizon)[0]


def test_the_published_parameters_are_found(fitted):
    assert fitted.params == pytest.approx([0.24259, 4.41353, 0.79289, 2.42575], abs=6e-6)
    assert fitted.log_likelihood == pytest.approx(-9582.4256, abs=5e-5)
    assert fitted.params * fitted.relative_errors == pytest.approx([0.0126, 0.378, 0.186, 0.705], abs=6e-4)


def test_the_published_parameters_are_found_in_days(histories):
    days = BG_NBD.fit(histories._replace(t_x=7 * histories.t_x, t=7 * histories.t))
    assert days.params[1] == pytest.approx(30.89472, abs=5e-5)
    assert days.log_likelihood == pytest.approx(-14363.5268, abs=5e-5)


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
def test_the_published_customers_get_the_published_forecasts(fitted, history, alive, orders):
    assert at(fitted.params, *history) == (pytest.approx(alive, abs=5.1e-5), pytest.approx(orders, abs=5.1e-5))


@pytest.mark.parametrize(
    ("t", "orders"), [(0.1429, 0.0078), (1, 0.0532), (3, 0.1506), (31.8571, 1.0405), (32, 1.0437), (78, 1.8576)]
)
def test_a_new_customer_is_expected_to_order_as_published(fitted, t, orders):
    assert at(fitted.params, 0, 0, 0, horizon=t)[1] == pytest.approx(orders, rel=3e-4, abs=6e-5)


def test_the_share_without_a_repeat_order_is_as_published():
    params = np.array([0.243, 4.414, 0.793, 2.426])
    assert BG_NBD.repeat_count_probabilities(params, np.array([39.0]), 3)[0, 0] == pytest.approx(0.5737864, abs=1e-7)


def test_each_one_time_buyer_is_alive_with_certainty(histories, fitted):
    x, t_x, t, _ = histories
    alive = BG_NBD.p_alive(fitted.params, x, t_x, t)
    assert (alive[x == 0] == 1).all()
    assert (alive[x > 0] < 1).all()
    assert alive.mean() == pytest.approx(0.813, abs=5e-4)
    assert BG_NBD.p_order(fitted.params, x, t_x, t, 13.0).mean() == pytest.approx(0.154, abs=5e-4)
