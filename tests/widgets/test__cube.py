"""The counts of linked charts, against counts by pandas of the customers that each filter leaves."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custlens.widgets._cube import Crossfilter
from custlens.widgets._dimensions import Categories, Numbers


def crossfilter(rng, customers=300):
    sales = np.round(rng.lognormal(3, 1, customers), 2)
    orders = np.where(rng.random(customers) < 0.1, np.nan, rng.integers(0, 6, customers).astype(float))
    lang = pd.Series(rng.choice(["de", "en", "it", None], customers), dtype="str")
    country = pd.Series(rng.choice([f"C{i}" for i in range(25)], customers), dtype="str")
    dimensions = [
        Numbers("sales_value", "Sales", sales, axis="log"),
        Numbers("number_of_orders", "Orders", orders, whole=True),
        Categories("lang", "Language", lang),
        Categories("country", "Country", country),
    ]
    return Crossfilter(dimensions, sales)


@pytest.mark.parametrize("measure", ["customers", "sales"])
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_a_cube_has_the_counts_that_the_kernel_makes_for_each_brush(measure, seed, data):
    cross = crossfilter(np.random.default_rng(seed))
    if data.draw(st.booleans()):
        cross.dimensions["lang"].restrict(["de", None])
    if data.draw(st.booleans()):
        cross.dimensions["sales_value"].restrict((5.5, 61.23))
    name = data.draw(st.sampled_from(list(cross.dimensions)))
    active = cross.dimensions[name]
    cube = cross.cube(name, measure)
    first = data.draw(st.integers(1, active.pieces - 1))
    last = data.draw(st.integers(first, active.pieces - 1))
    active.choose(list(range(first, last + 1)))
    others = [counts for other, counts in zip(cross.dimensions, cross.counts(measure), strict=True) if other != name]
    assert cube.bars[last + 1] - cube.bars[first] == pytest.approx(np.concatenate(others))
    customers, sales = cube.totals[last + 1] - cube.totals[first]
    assert (customers, pytest.approx(sales)) == cross.totals()


def test_a_chart_is_not_narrowed_by_its_own_filter():
    cross = crossfilter(np.random.default_rng(1))
    whole = cross.whole("customers")
    cross.dimensions["lang"].restrict(["de"])
    counts = cross.counts("customers")
    assert (counts[2] == whole[2]).all()
    assert counts[0].sum() == whole[2][cross.dimensions["lang"].spec()["bars"].index("de")]
    assert cross.totals()[0] == counts[0].sum()
