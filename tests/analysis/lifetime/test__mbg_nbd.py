import pytest

from custlens.analysis.lifetime._mbg_nbd import MBG_NBD


@pytest.fixture(scope="module")
def fitted(histories):
    return MBG_NBD.fit(histories)


def test_the_published_parameters_are_found(fitted):
    assert fitted.params == pytest.approx([0.525, 6.183, 0.891, 1.614], abs=6e-4)
    assert fitted.log_likelihood == pytest.approx(-9582.1327, abs=5e-5)


def test_fewer_are_alive_than_in_the_bg_nbd_and_as_many_will_order(histories, fitted):
    x, t_x, t, _ = histories
    assert MBG_NBD.p_alive(fitted.params, x, t_x, t).mean() == pytest.approx(0.449, abs=5e-4)
    assert MBG_NBD.p_order(fitted.params, x, t_x, t, 13.0).mean() == pytest.approx(0.147, abs=5e-4)
