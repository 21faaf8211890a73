import datetime as dt

import numpy as np
import pandas as pd
import pytest
from helpers import cdnow
from hypothesis import given, settings
from hypothesis import strategies as st

import custlens as cl
from custlens.analysis.orders.second_order import _turnbull

NOW = pd.Timestamp("2026-03-01 12:00", tz="UTC").as_unit("us")


def buyers(rows):
    """Rows of (orders, days ago of the first, days ago of the last)."""
    table = pd.DataFrame(rows, columns=["number_of_orders", "first", "last"])
    for name in ("first", "last"):
        table[f"{name}_order_date"] = (NOW - pd.to_timedelta(table.pop(name), unit="D")).astype("datetime64[us, UTC]")
    return table.assign(as_of=NOW)


def test_one_time_and_repeat_buyers_have_distributions_of_their_own():
    table = cl.orders.recency(buyers([(1, 10, 10), (1, 30.5, 30.5), (3, 90, 5), (0, None, None)]))
    assert table.groupby("group", sort=False)["buyers"].sum().to_dict() == {"one_time": 2, "repeat": 1, "all": 3}
    assert table.query("group == 'one_time'")[["days", "share"]].values.tolist() == [[10, 0.5], [30, 1.0]]
    tenure = cl.orders.tenure(buyers([(3, 90, 5)]))
    assert tenure["days"].tolist() == [90, 90]


def test_gaps_are_means_over_the_orders_of_a_buyer():
    table = cl.orders.inter_purchase(buyers([(2, 50, 10), (3, 50, 10), (6, 60, 10), (1, 5, 5)])).set_index("orders")
    assert table.loc["2", ["buyers", "mean"]].tolist() == [1, 40]
    assert table.loc["3", "median"] == 20
    assert table.loc["5–9", "mean"] == 10
    assert table.loc["all", "buyers"] == 3
    assert table.loc["10+", ["mean", "median"]].isna().all()


def test_weekdays_are_those_of_the_named_time_zone():
    late = pd.DataFrame({"number_of_orders": [2], "as_of": [NOW]})
    late["first_order_date"] = pd.to_datetime(["2026-02-01 23:30+00:00"]).astype("datetime64[us, UTC]")  # a Sunday
    late["last_order_date"] = late["first_order_date"]
    for zone, day in (("UTC", "Sunday"), ("Europe/Berlin", "Monday")):
        table = cl.orders.seasonality(late, time_zone=zone)
        assert table["name"].tolist()[0] == "Monday"
        assert table.query("first_orders > 0")["name"].tolist() == [day]
    assert table["days"].sum() == 28  # from 2 February to 1 March, in Berlin
    months = cl.orders.seasonality(late, "month")
    assert months.set_index("name").loc[["February", "March"], "days"].tolist() == [28, 1]


def test_the_second_order_of_the_real_shop_comes_as_published():
    """Orders of one day as one; the estimate sees first and last orders only, the truth all of them."""
    curve = cl.orders.second_order(cdnow.customers(merged=True))
    merged = cdnow.orders(merged=True).sort_values(["customer", "date"])
    second = merged.groupby("customer")["date"].apply(
        lambda dates: (dates.iloc[1] - dates.iloc[0]).days if len(dates) > 1 else np.inf
    )
    for weeks, published, tolerance in ((4, 0.178, 0.005), (13, 0.300, 0.001), (26, 0.379, 0.001), (39, 0.425, 0.001)):
        row = curve[curve["days"] <= 7 * weeks].iloc[-1]
        truth = (second <= 7 * weeks).mean()
        assert row["share"] == pytest.approx(published, abs=tolerance)
        assert row["share"] == pytest.approx(truth, abs=0.016)
        assert row["low"] <= truth <= row["high"]
    assert curve["share"].is_monotonic_increasing


def test_without_intervals_the_estimate_is_that_of_kaplan_and_meier():
    rows = [(2, 100, 90), (2, 100, 80), (1, 15, 15), (2, 60, 30), (1, 50, 50)]
    curve = cl.orders.second_order(buyers(rows)).set_index("days")
    share = {10: 1 / 5, 20: 1 - 4 / 5 * 2 / 3, 30: 1 - 4 / 5 * 2 / 3 / 2}
    assert curve["share"].to_dict() == pytest.approx(share, abs=1e-6)
    greenwood = np.cumsum([1 / (5 * 4), 1 / (3 * 2), 1 / (2 * 1)])
    half = 1.959964 * np.sqrt(greenwood) / np.abs(np.log(1 - curve["share"]))
    assert curve["low"].to_numpy() == pytest.approx(1 - (1 - curve["share"]) ** np.exp(-half), abs=1e-5)
    assert curve["high"].to_numpy() == pytest.approx(1 - (1 - curve["share"]) ** np.exp(half), abs=1e-5)


def test_the_interval_of_the_second_order_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(11)
    held = []
    for _ in range(100):
        wait, seen, known_from = random.exponential(120, 600), random.uniform(30, 400, 600), random.uniform(0, 400, 600)
        # Some second orders are only known to lie before another one.
        n = np.where(wait > seen, 1, np.where((wait < known_from) & (known_from < seen), 3, 2))
        last = np.where(n == 1, 0.0, np.where(n == 3, known_from, wait))
        curve = cl.orders.second_order(buyers(zip(n, seen, seen - last, strict=True)))
        for day in (20, 60, 150):
            row = curve[curve["days"] <= day].iloc[-1]
            held.append(row["low"] <= 1 - np.exp(-(day + 1) / 120) <= row["high"])
    assert 0.92 < np.mean(held) < 0.98


def test_the_interval_is_a_point_where_all_are_known_to_have_ordered_again():
    last = cl.orders.second_order(buyers([(2, 100, 90), (2, 100, 80)])).iloc[-1]
    assert last[["share", "low", "high"]].tolist() == pytest.approx([1, 1, 1], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["exact", "within", "beyond"]), st.integers(0, 25)), min_size=1, max_size=25),
    st.integers(0, 2**32),
)
def test_no_other_curve_is_likelier(rows, seed):
    kinds = {
        kind: np.bincount([day for k, day in rows if k == kind], minlength=27).astype(float)
        for kind in ("exact", "within", "beyond")
    }

    def log_likelihood(density):
        upto = np.cumsum(density)
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [
                kinds["exact"] * np.log(density),
                kinds["within"] * np.log(upto),
                kinds["beyond"] * np.log(1 - upto),
            ]
        return sum(np.where(kind > 0, part, 0.0).sum() for kind, part in zip(kinds.values(), parts, strict=True))

    density = _turnbull(*kinds.values())
    best = log_likelihood(density)
    assert density.min() >= 0
    assert density.sum() <= 1 + 1e-9
    random = np.random.default_rng(seed)
    for _ in range(20):
        other = random.random(28) ** 3 + 1e-6
        mixed = 0.9 * np.append(density, 1 - density.sum()) + 0.1 * other / other.sum()
        assert log_likelihood(mixed[:-1]) <= best + 1e-4 * len(rows)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.recency(t.drop(columns="as_of")), "pass as_of="),
        (lambda t: cl.orders.seasonality(t, "year"), "by must be one of weekday, month"),
        (lambda t: cl.orders.seasonality(t, time_zone="Nowhere"), "there is no time zone"),
        (lambda t: cl.orders.tenure(t.assign(first_order_date=5)), "first_order_date must hold times"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError), match=message):
        call(buyers([(1, 10, 10)]))


def test_as_of_given_counts_before_the_table_s_own():
    table = cl.orders.recency(buyers([(1, 10, 10)]), as_of=(NOW + dt.timedelta(days=5)).to_pydatetime())
    assert table["days"].tolist() == [15, 15]


def test_each_store_has_a_time_of_its_own():
    two = pd.concat([buyers([(1, 10, 10)]), buyers([(1, 10, 10)]).assign(as_of=NOW + dt.timedelta(days=7))])
    assert cl.orders.recency(two).query("group == 'all'")["days"].tolist() == [10, 17]
