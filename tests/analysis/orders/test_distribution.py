import math

import numpy as np
import pytest
from helpers.tables import frame
from hypothesis import given, settings
from hypothesis import strategies as st

import custlens as cl


def test_zero_and_refunds_have_bins_of_their_own():
    table = frame([(1, -5.0), (2, -0.5), (1, 0.0), (1, 1.0), (1, 99.999), (1, 100.0), (1, 101.0)])
    bins = cl.orders.distribution(table)
    assert bins["lower"].tolist()[:2] == [-math.inf, 0]
    assert bins["buyers"].tolist() == [2, 1, 1, 1, 2]
    assert bins["upper"].tolist()[:2] == [0, 0]
    assert bins["lower"].tolist()[2] == pytest.approx(1)
    assert bins["lower"].tolist()[4] == pytest.approx(100)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.01, 1e7)), min_size=1, max_size=30))
def test_every_buyer_falls_into_the_bin_that_holds_the_value(rows):
    table = frame(rows)
    for column in cl.orders.DISTRIBUTIONS:
        bins = cl.orders.distribution(table, column)
        assert bins["buyers"].sum() == len(rows)
        assert bins["share"].sum() == pytest.approx(1)
        values = {
            "sales_value": lambda n, s: s,
            "average_order_value": lambda n, s: s / n,
            "number_of_orders": lambda n, s: n,
        }
        for lower, upper, buyers in zip(bins["lower"], bins["upper"], bins["buyers"], strict=True):
            slack = 1e-8
            inside = [lower * (1 - slack) <= values[column](n, s) < upper * (1 + slack) for n, s in rows]
            strictly = [lower * (1 + slack) <= values[column](n, s) < upper * (1 - slack) for n, s in rows]
            assert sum(strictly) <= buyers <= sum(inside)


def test_quantiles_are_of_buyers():
    table = frame([(1, 10.0), (1, 20.0), (1, 30.0), (0, 0.0)])
    assert cl.orders.quantiles(table, q=[0, 0.5, 1]).iloc[0].to_dict() == {"q0": 10, "q50": 20, "q100": 30}


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
    found = cl.orders.quantiles(table, q=shares).iloc[0]
    assert found.tolist() == pytest.approx(np.quantile(values, shares), rel=1e-12)
    assert cl.orders.summary(table)["median_buyer_value"].item() == pytest.approx(np.median(values), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.distribution(t, "sales"), "column must be one of sales_value"),
        (lambda t: cl.orders.distribution(t, ["sales_value"]), "column must be one of sales_value"),
        (lambda t: cl.orders.quantiles(t, q=[2]), "q must be shares from 0 and up to 1, and one is 2"),
        (lambda t: cl.orders.quantiles(t, q="median"), "each of q must be a number, not 'median'"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(frame([(1, 10.0), (2, 10.0)]))
    assert message in str(caught.value)


def test_bins_can_be_given_by_their_edges():
    table = frame([(1, -5.0), (2, 0.0), (1, 9.99), (1, 10.0), (1, 35.0)])
    bins = cl.orders.distribution(table, edges=[-math.inf, 0, 10, 20, 30])
    assert bins["lower"].tolist() == [-math.inf, 0, 10]
    assert bins["upper"].tolist() == [0, 10, 20]
    assert bins["buyers"].tolist() == [1, 2, 1]
    assert bins["share"].sum() == pytest.approx(4 / 5)  # the buyer beyond the edges is left out


@pytest.mark.parametrize("edges", [3, "0, 10", [], [1], [1, 1], [2, 1], [0, math.nan], [0, "10"]])
def test_edges_that_do_not_rise_are_named(edges):
    with pytest.raises(cl.ArgumentError, match="edges must be two numbers or more that rise"):
        cl.orders.distribution(frame([(1, 5.0)]), edges=edges)
