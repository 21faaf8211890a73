import numpy as np
import pytest
from helpers import cdnow
from helpers.tables import frame
from hypothesis import given, settings
from hypothesis import strategies as st

import custlens as cl


def test_the_concentration_of_the_real_shop_is_as_published():
    table = cl.orders.concentration(cdnow.customers(), top=[0.01, 0.1, 0.2])
    assert table["gini"].iloc[0] == pytest.approx(0.6309, abs=5e-5)
    assert table["share_of_sales"].tolist() == pytest.approx([0.146, 0.508, 0.674], abs=5e-4)
    assert table["customers"].tolist() == [24, 236, 471]


@settings(max_examples=40, deadline=None)
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.concentration(t, top=[0]), "top must be shares above 0 and up to 1, and one is 0"),
        (lambda t: cl.orders.concentration(t, top=[]), "top must be shares above 0 and up to 1, and is empty"),
        (lambda t: cl.orders.concentration(t, top="all"), "each of top must be a number, not 'all'"),
        (lambda t: cl.orders.lorenz(t, points=1), "points must be at least 2, and is 1"),
        (lambda t: cl.orders.lorenz(t, points=[2]), "points must be a whole number, at least 2, not [2]"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(frame([(1, 10.0), (2, 10.0)]))
    assert message in str(caught.value)
