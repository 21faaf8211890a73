import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custlens.analysis._stats import Groups, median_ranks, quantiles


def test_the_ranks_of_a_median_are_those_of_the_binomial_law():
    lower, upper = median_ranks(np.array([5.0, 6.0, 10.0, 100.0]))
    assert lower.tolist() == [-1, 0, 1, 39]  # as in Conover's table
    assert upper.tolist() == [-1, 5, 8, 60]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-100, 100), st.integers(1, 4)), min_size=1, max_size=30),
    st.floats(0, 1),
)
def test_quantiles_of_values_that_stand_for_several_rows_are_those_of_the_rows(entries, share):
    codes, values, rows = (np.array(column) for column in zip(*entries, strict=True))
    ordered = Groups(codes, rows.astype(float), 4).ranked(values)
    for group in range(4):
        expanded = np.repeat(values[codes == group], rows[codes == group])
        want = np.quantile(expanded, share) if len(expanded) else np.nan
        assert ordered.quantile(share)[group] == pytest.approx(want, abs=1e-9, nan_ok=True)
    assert quantiles(values, rows.astype(float), [share])[0] == pytest.approx(
        np.quantile(np.repeat(values, rows), share), abs=1e-9
    )
