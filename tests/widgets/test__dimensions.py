"""The pieces of a column: every value is in one, and a filter chooses the same customers as its condition in pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from custlens._text import language_name
from custlens.errors import ArgumentError, DataError
from custlens.widgets._dimensions import Categories, Numbers, Times

MICROS = st.datetimes(min_value=pd.Timestamp("1990-01-01"), max_value=pd.Timestamp("2060-01-01"))
AMOUNTS = st.one_of(
    st.floats(-1e4, 1e6).map(lambda x: round(x, 2)), st.sampled_from([0.0, 0.01, 1.0, 10.0, 99.99, 100.0, np.nan])
)


def selected(condition, customers):
    """The rows that the conditions of a dimension choose in pandas."""
    return eval(" & ".join(condition), {"customers": customers, "pd": pd}).fillna(False).to_numpy(bool)


def check_pieces(dimension, customers, rng):
    """Choose a few runs of pieces: the mask and pandas agree, and the same filter set by hand gives the same mask."""
    for _ in range(4):
        first, last = sorted(rng.integers(0, dimension.pieces, 2).tolist())
        dimension.choose(list(range(first, last + 1)) if first else [0])
        mask = dimension.mask()
        assert (mask == selected(dimension.condition(), customers)).all()
        found = dimension.filter
        dimension.clear()
        dimension.restrict(found)
        assert (dimension.mask() == mask).all()
        assert dimension.words()


@given(
    st.lists(AMOUNTS, min_size=1, max_size=60),
    st.sampled_from(["linear", "log"]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_pieces_of_numbers_choose_what_pandas_chooses(values, axis, whole, seed):
    numbers = np.array([float(round(v)) if whole and v == v else v for v in values])
    dimension = Numbers("x", "X", numbers, whole=whole, axis=axis)
    check_pieces(dimension, pd.DataFrame({"x": numbers}), np.random.default_rng(seed))


@given(st.lists(st.one_of(MICROS, st.none()), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_pieces_of_times_choose_what_pandas_chooses(times, seed):
    column = pd.Series(pd.DatetimeIndex(times)).astype("datetime64[us]").dt.tz_localize("UTC")
    dimension = Times("x", "X", column.dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64"))
    check_pieces(dimension, pd.DataFrame({"x": column}), np.random.default_rng(seed))


@given(st.lists(st.sampled_from([f"c{i}" for i in range(30)] + [None]), min_size=1), st.data())
def test_pieces_of_names_choose_what_pandas_chooses(names, data):
    column = pd.Series(names, dtype="str").astype("category")
    dimension = Categories("x", "X", column)
    values = [*dict.fromkeys(name for name in names if name), None]
    dimension.restrict(data.draw(st.lists(st.sampled_from(values), min_size=1, unique=True)))
    mask = dimension.mask()
    assert (mask == selected(dimension.condition(), pd.DataFrame({"x": column}))).all()
    pieces = np.flatnonzero(dimension.chosen).tolist()
    dimension.choose(pieces)
    assert (dimension.mask() == mask).all()


@given(st.lists(AMOUNTS, min_size=1, max_size=60), AMOUNTS, AMOUNTS, st.sampled_from(["linear", "log"]))
def test_a_range_between_pieces_is_exact_too_and_survives_another_scale(values, low, high, axis):
    numbers = np.array(values)
    dimension = Numbers("x", "X", numbers, axis=axis)
    if not low < high:
        return
    dimension.restrict((low, high))
    expected = (numbers >= low) & (numbers < high)
    assert (dimension.mask() == expected).all()
    dimension.rescale("log" if axis == "linear" else "linear")
    assert (dimension.mask() == expected).all()
    assert dimension.filter == (low, high)


@given(st.lists(AMOUNTS, min_size=1), st.sampled_from(["linear", "log"]))
def test_every_value_is_in_the_bar_that_says_so(values, axis):
    numbers = np.array(values)
    dimension = Numbers("x", "X", numbers, axis=axis)
    assert dimension.bar_count <= 43
    assert dimension.pieces <= 420
    edges = dimension.bar_edges
    for value, bar in zip(numbers, dimension.bars, strict=True):
        if bar == 0:
            assert np.isnan(value)
        else:
            low, high = edges[bar - 1], edges[bar]
            assert low is None or value >= low
            assert high is None or value < high
    bars = dimension.spec()["bars"]
    assert len(bars) == dimension.bar_count
    if axis == "log":
        assert ("0 or less" in bars) == bool((numbers <= 0).any() and (numbers > 0).any())


def test_the_bars_of_times_are_as_long_as_their_span_asks():
    def bars(first, last):
        micros = pd.DatetimeIndex([first, last]).as_unit("us").asi8
        return Times("x", "X", micros).spec()["bars"][1:]

    assert bars("2026-06-01", "2026-06-30 23:00")[0] == "1 Jun 2026"
    assert bars("2026-01-07", "2026-12-30")[0] == "week of 5 Jan 2026"
    assert bars("2022-01-31", "2026-06-30")[0] == "January 2022"
    assert bars("2014-02-01", "2026-06-30")[0] == "Q1 2014"
    assert bars("2000-02-01", "2026-06-30")[0] == "2000"
    assert bars("1970-01-01", "2026-06-30")[:2] == ["before 1 Jan 1994", "1994"]


def test_values_far_out_share_one_bar_on_a_linear_axis():
    values = np.append(np.arange(1000.0) / 10, 1e6)
    bars = Numbers("x", "X", values).spec()["bars"]
    assert bars[1] == "0 to below 5"
    assert bars[-1] == "100 or more"
    counted = Numbers("n", "N", np.append(np.full(1000, 1.0), 7), whole=True).spec()["bars"]
    assert counted[1] == "1"


def test_the_most_frequent_names_have_bars_and_the_others_share_one():
    column = pd.Series([f"c{i:02}" for i in range(20) for _ in range(40 - i)] + [None] * 3, dtype="str")
    dimension = Categories("x", "X", column)
    assert dimension.spec()["bars"] == ["missing", *(f"c{i:02}" for i in range(12)), "8 others"]
    dimension.restrict(["c00", "c15"])
    assert dimension.spec()["bar_of"] == [*range(14), 13]
    assert np.flatnonzero(dimension.chosen).tolist() == [1, 14]
    dimension.choose([13])
    assert dimension.filter == [f"c{i}" for i in (12, 13, 14, 16, 17, 18, 19)]


def test_a_filter_of_the_wrong_kind_is_refused_by_name():
    numbers = Numbers("sales_value", "Sales", np.array([1.0, 2.0]))
    times = Times("first_order_date", "First order", np.array([0]))
    names = Categories("lang", "Language", pd.Series(["de", "en"], dtype="str"), label=language_name)
    flags = Categories("accept_marketing", "Consent", pd.Series([True, None], dtype="boolean"))
    for dimension, bad, words in [
        (numbers, (5, 1), "must rise"),
        (numbers, (1, 1), "must rise"),
        (numbers, 5, "must be a range"),
        (numbers, [1, 2], "must be a range"),
        (numbers, ("1", 2), "must be a number"),
        (numbers, (float("nan"), 2), "must be a number"),
        (times, ("2026-06-30 14:00", None), "needs a time zone"),
        (times, ("yesterday", None), "must be a date"),
        (names, "de", "must be a list"),
        (names, [], "must be a list"),
        (names, ["fr"], "which no customer has"),
        (names, [["de"]], "which no customer has"),
        (flags, [1], "which no customer has"),
        (flags, ["True"], "have 'True', which no customer has: did you mean True\\?"),
        (names, ["English"], "did you mean 'en'\\?"),
        (names, ["DE"], "did you mean 'de'\\?"),
        (names, ["dk"], "choose from de, en"),
    ]:
        with pytest.raises(ArgumentError, match=f"{dimension.name}.*{words}"):
            dimension.restrict(bad)
        assert dimension.filter is None


def test_infinite_values_are_refused():
    with pytest.raises(DataError, match="sales_value has values beyond"):
        Numbers("sales_value", "Sales", np.array([1.0, np.inf]))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ((5.0004, None), "from 5.0004"),
        ((0.1 + 0.2, 1234.5), "from 0.3 to below 1,234.5"),
        ((-0.0, 1), "from 0 to below 1"),
        ((-1e-5, 2e20), "from -1e-05 to below 2e+20"),
    ],
)
def test_the_ends_of_a_range_are_said_as_a_person_writes_them(limits, words):
    dimension = Numbers("x", "X", np.array([1.0, 2.0]))
    dimension.restrict(limits)
    assert dimension.words() == words


def test_names_that_show_nothing_are_called_so():
    names = Categories("x", "X", pd.Series(["", "", "", " ", " ", "\u202e"], dtype="str"))
    assert names.spec()["bars"] == ["missing", "(empty)", "(blank)", "(blank)"]
    names.restrict(["", " "])
    assert names.words() == "(empty), (blank)"


def test_a_logarithmic_axis_needs_a_value_above_zero():
    refunds = Numbers("x", "X", np.array([-250.0, -20.0, 0.0, np.nan]), axis="log")
    assert refunds.axis == "linear"
    assert refunds.bars[1] < refunds.bars[2]
    assert len(refunds.spec()["ticks"]) > 1
