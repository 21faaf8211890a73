import numpy as np
import pytest
from helpers import cdnow
from scipy import integrate, stats

from custlens.analysis.lifetime._gamma_gamma import expected_value, fit_spending, population_value, share_below


def test_the_published_parameters_are_found_in_any_unit_of_money():
    merged = cdnow.orders("1997-09-30", merged=True).sort_values(["customer", "date"])
    repeat = merged[merged.groupby("customer").cumcount() > 0].groupby("customer")["amount_usd"].agg(["size", "mean"])
    assert len(repeat) == 946
    n, mean = repeat["size"].to_numpy("float64"), repeat["mean"].to_numpy()
    fitted = fit_spending(n, mean, np.ones(946))
    assert fitted.params == pytest.approx([6.25, 3.74, 15.44], abs=6e-3)
    assert fitted.log_likelihood == pytest.approx(-4055.923, abs=6e-3)
    assert population_value(fitted.params) == pytest.approx(35.17, abs=6e-3)
    in_cents = fit_spending(n, 100 * mean, np.ones(946))
    assert in_cents.params / fitted.params == pytest.approx([1, 1, 100], rel=1e-6)


def test_a_mean_that_does_not_exist_is_missing():
    params = np.array([0.1, 0.8, 15.0])
    assert np.isnan(population_value(params))
    assert np.isnan(expected_value(params, np.array([1.0, 5.0]), np.array([10.0, 50.0]))).tolist() == [True, False]


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_share_below_an_amount_is_that_of_gammas_mixed_over_customers(n):
    p, q, v = 6.25, 3.74, 15.44

    def of_a_customer(rate):  # orders of Gamma(p, rate); rates over customers of Gamma(q, v)
        return stats.gamma.cdf(20.0, p * n, scale=1 / (rate * n)) * stats.gamma.pdf(rate, q, scale=1 / v)

    share, _ = integrate.quad(of_a_customer, 0, np.inf)
    assert share_below(np.array([p, q, v]), np.array([n]), np.array([20.0])) == pytest.approx(share)
