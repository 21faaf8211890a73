import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers import cdnow
from hypothesis import given, settings
from hypothesis import strategies as st

import custlens as cl

NOW = pd.Timestamp("2026-03-01", tz="UTC").as_unit("us")


def customers(rows, **columns):
    """Rows of (orders, sales, days since the last order)."""
    table = pd.DataFrame(rows, columns=["number_of_orders", "sales_value", "gone"]).astype({"sales_value": "float64"})
    last = (NOW - pd.to_timedelta(table.pop("gone"), unit="D")).astype("datetime64[us, UTC]")
    return table.assign(customer_id=np.arange(len(table)) + 1, last_order_date=last, as_of=NOW, **columns)


def test_quintiles_are_of_buyers_and_frequency_has_bands():
    table = cl.segments.rfm(customers([(n, 10.0 * n, 100 - n) for n in range(1, 11)] + [(0, 0.0, None)] * 50))
    assert table["r"].dropna().tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert table["m"].dropna().tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert table["f"].dropna().tolist() == [1, 2, 3, 3, 4, 4, 4, 4, 4, 5]
    assert table["segment"].tolist()[10:] == ["Prospects"] * 50


def test_a_customer_without_a_number_is_unknown_and_nobody_is_dropped():
    table = cl.segments.rfm(customers([(1, 5.0, 3), (None, 5.0, 3), (2, None, 3), (2, 5.0, None)]))
    assert table["segment"].tolist()[1:] == ["Unknown"] * 3
    assert table["customer_id"].tolist() == [1, 2, 3, 4]


CUTS = cl.segments.Cuts((400, 300, 200, 100), (1, 2, 3, 4), (10, 20, 30, 40))


def with_scores(r, f, m):
    """Return a row of `customers` that has these scores by `CUTS`."""
    return (f, 10.0 * m - 5, 550 - 100 * r)


def test_each_pair_of_recency_and_frequency_has_one_segment_whatever_the_monetary_score():
    triples = list(itertools.product(range(1, 6), repeat=3))
    table = cl.segments.rfm(customers([with_scores(*scores) for scores in triples]), scores="fixed", cuts=CUTS)
    assert [tuple(row) for row in table[["r", "f", "m"]].to_numpy().tolist()] == triples
    assert table.groupby(["r", "f"])["segment"].nunique().eq(1).all()
    assert set(table["segment"]) == {rule.segment for rule in cl.segments.RULES["grid"]}
    assert len(set(table["segment"])) == 11


def test_nobody_is_in_other_by_default(generated):
    for table in (generated.customers, cdnow.customers()):
        assert "Other" not in set(cl.segments.rfm(table)["segment"])
        assert "Other" not in set(cl.segments.rfm(table, scores="fixed")["segment"])
        assert "Other" in set(cl.segments.rfm(table, rules="rfm")["segment"])


@pytest.mark.parametrize(
    ("scores", "grid", "published"),
    [
        ((5, 5, 5), "Champions", "Champions"),
        ((4, 4, 4), "Loyal", "Champions"),
        ((2, 3, 4), "At risk", "Loyal"),
        ((3, 1, 2), "About to sleep", "Potential loyalist"),
        ((2, 2, 2), "Hibernating", "Needs attention"),
        ((2, 1, 1), "Hibernating", "About to sleep"),
        ((1, 5, 5), "Can't lose", "At risk"),
        ((1, 1, 1), "Lost", "Lost"),
        ((5, 1, 5), "New customers", "Other"),
        ((4, 1, 1), "Promising", "Potential loyalist"),
        ((3, 3, 1), "Needs attention", "Potential loyalist"),
    ],
)
def test_the_grid_and_the_published_rules_name_the_segment(scores, grid, published):
    for rules, segment in (("grid", grid), ("rfm", published)):
        row = cl.segments.rfm(customers([with_scores(*scores)]), scores="fixed", cuts=CUTS, rules=rules).iloc[0]
        assert (row["r"], row["f"], row["m"]) == scores
        assert row["segment"] == segment


def test_long_ids_stay_what_they_are():
    table = customers([(1, 5.0, 3), (2, 9.0, 3)]).assign(customer_id=[2**62 + 1, 2**62 + 2])
    scored = cl.segments.rfm(table)
    assert scored["customer_id"].tolist() == [2**62 + 1, 2**62 + 2]
    assert cl.segments.migration(scored, scored)["customers"].sum() == 2


def test_own_rules_are_used_and_shown():
    own = [cl.segments.Rule("Big", (1, 5), (3, 5), (3, 5)), cl.segments.Rule("Small", f=(1, 2), m=(1, 2))]
    assert cl.segments.rules(own)["scores"].tolist() == [45, 20]
    table = cl.segments.rfm(customers([(9, 900.0, 5), (1, 5.0, 5)]), scores="fixed", rules=own)
    assert table["segment"].tolist() == ["Big", "Small"]
    two_parts = [cl.segments.Rule("Edge", (5, 5)), cl.segments.Rule("Middle", (2, 4)), cl.segments.Rule("Edge", (1, 1))]
    assert cl.segments.rules(two_parts)["scores"].tolist() == [25, 75, 25]
    rows = [with_scores(5, 1, 1), with_scores(1, 1, 1)]
    assert (
        cl.segments.rfm(customers(rows), scores="fixed", cuts=CUTS, rules=two_parts)["segment"].tolist() == ["Edge"] * 2
    )


def test_the_published_rules_leave_three_segments_unreachable_and_the_grid_none():
    unreachable = cl.segments.rules("rfm").query("scores == 0")["segment"].tolist()
    assert unreachable == ["New customers", "Promising", "Can't lose"]
    assert cl.segments.rules()["scores"].gt(0).all()
    assert cl.segments.rules()["scores"].sum() == 125


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40).map(float), st.integers(0, 30)), min_size=1, max_size=40),
    st.randoms(),
)
def test_scores_depend_on_values_alone(rows, random):
    table = customers(rows)
    scored = cl.segments.rfm(table).set_index("customer_id")
    order = list(range(len(rows)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(cl.segments.rfm(table.iloc[order]).set_index("customer_id").sort_index(), scored)
    in_cents = cl.segments.rfm(table.assign(sales_value=128 * table["sales_value"])).set_index("customer_id")
    assert in_cents[["r", "f", "m", "segment"]].equals(scored[["r", "f", "m", "segment"]])
    doubled = cl.segments.rfm(pd.concat([table, table.assign(customer_id=table["customer_id"] + 1000)]))
    for name, column in (("r", "recency_days"), ("m", "monetary"), ("f", "frequency")):
        assert (scored.groupby(column, dropna=True)[name].nunique() <= 1).all()  # ties
        buyers = scored[scored["frequency"] > 0].sort_values(column)
        ordered = buyers[name].dropna()
        assert ordered.is_monotonic_decreasing if name == "r" else ordered.is_monotonic_increasing
    assert len(doubled) == 2 * len(table)


def test_the_segments_add_up_to_the_shop(generated):
    scored = cl.segments.rfm(generated.customers)
    sizes = cl.segments.sizes(scored)
    summary = cl.orders.summary(generated.customers).iloc[0]
    assert sizes["customers"].sum() == summary["customers"]
    assert sizes["sales_value"].sum() == pytest.approx(summary["sales_value"])
    assert sizes["orders"].sum() == summary["orders"]
    assert sizes["segment"].tolist()[-2:] == ["Prospects", "Unknown"]


def test_an_empty_table_has_empty_results():
    table = cl.segments.rfm(customers([(1, 10.0, 5)]).iloc[:0])
    assert table.empty
    assert cl.segments.sizes(table).empty
    assert cl.segments.audience(people([])).empty


def test_migration_follows_each_customer():
    before = pd.DataFrame({"customer_id": [1, 2, 3], "segment": ["Lost", "Lost", "Champions"]})
    after = pd.DataFrame({"customer_id": [2, 3, 4], "segment": ["Loyal", "Champions", "Promising"]})
    moved = cl.segments.migration(before, after)
    assert {(b, a): (n, s) for b, a, n, s in moved.values.tolist()} == {
        ("Champions", "Champions"): (1, 1.0),
        ("Lost", "Gone"): (1, 0.5),
        ("Lost", "Loyal"): (1, 0.5),
        ("New", "Promising"): (1, 1.0),
    }
    with pytest.raises(cl.DataError, match="occurs twice in the before table"):
        cl.segments.migration(pd.concat([before, before]), after)
    with pytest.raises(cl.DataError, match="1 rows of the after table have no segment"):
        cl.segments.migration(before, after.assign(segment=["Loyal", None, "Loyal"]))


def test_a_shop_that_is_empty_later_has_lost_everybody(generated):
    scored = cl.segments.rfm(generated.customers)
    moved = cl.segments.migration(scored, scored.iloc[:0])
    assert set(moved["after"]) == {"Gone"}
    assert moved["customers"].sum() == len(scored)
    came = cl.segments.migration(scored.iloc[:0], scored)
    assert set(came["before"]) == {"New"}
    assert came["customers"].sum() == len(scored)
    assert cl.segments.migration(scored.iloc[:0], scored.iloc[:0]).empty


def people(consents, emails=None):
    emails = emails or [f"p{number}@x.example" for number in range(len(consents))]
    return customers([(1, 10.0, 5)] * len(consents), email=emails, accept_marketing=pd.array(consents, "boolean"))


def test_a_customer_who_refused_is_never_mailed():
    table = people([True, False, None])
    assert cl.segments.audience(table)["customer_id"].tolist() == [1]
    assert cl.segments.audience(table, include_unknown=True)["customer_id"].tolist() == [1, 3]


def test_one_refusal_holds_for_the_address():
    table = people([True, False, True, True, True], ["a@x.example", "A@X.example ", "b@x.example", "B@x.example", None])
    assert cl.segments.audience(table)["customer_id"].tolist() == [3]


def test_an_audience_can_be_a_segment():
    table = people([True] * 3).assign(number_of_orders=[9, 1, 0])
    scored = cl.segments.rfm(table)
    assert cl.segments.audience(table, segments="Prospects", scored=scored)["customer_id"].tolist() == [3]
    assert cl.segments.audience(table, scored=scored)["segment"].tolist() == scored["segment"].tolist()
    with pytest.raises(
        cl.ArgumentError, match="segments has 'Champion', which is not a segment: did you mean 'Champions'"
    ):
        cl.segments.audience(table, segments=["Champion"])
    with pytest.raises(cl.DataError, match="occurs twice"):
        cl.segments.audience(table, segments="Lost", scored=pd.concat([scored, scored]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.segments.rfm(t, scores="deciles"), "scores must be one of quantile, fixed, not 'deciles'"),
        (lambda t: cl.segments.rfm(t, rules="RFM"), "rules must be one of grid, rfm, not 'RFM'"),
        (lambda t: cl.segments.rfm(t, rules=5), "rules must be one of grid, rfm, or segments.Rule tuples, not 5"),
        (
            lambda t: cl.segments.rfm(t, rules=[]),
            "rules must be one of grid, rfm, or segments.Rule tuples, and are empty",
        ),
        (lambda t: cl.segments.rfm(t, rules=[("Big", (1, 5))]), "rules must hold segments.Rule tuples, not a tuple"),
        (
            lambda t: cl.segments.rfm(t, rules=[cl.segments.Rule("Big", (0, 5))]),
            r"ranges of scores from 1 to 5.*Big has \(0, 5\)",
        ),
        (lambda t: cl.segments.rfm(t, rules=[cl.segments.Rule("Big", 5)]), "Big has 5"),
        (lambda t: cl.segments.rfm(t, rules=[cl.segments.Rule("Gone")]), "names of segments other than .*, not 'Gone'"),
        (lambda t: cl.segments.rfm(t, cuts=[1, 2, 3, 4]), r"cuts must be segments.Cuts\(…\), not \[1, 2, 3, 4\]"),
        (
            lambda t: cl.segments.rfm(t, cuts=cl.segments.Cuts(monetary=(1, 1, 2, 3))),
            "cuts of monetary must be four numbers that rise",
        ),
        (
            lambda t: cl.segments.rfm(t, cuts=cl.segments.Cuts(monetary="high")),
            "cuts of monetary must be four numbers that rise, not 'high'",
        ),
        (
            lambda t: cl.segments.rfm(t, cuts=cl.segments.Cuts(recency_days=(1, 2, 3, 4))),
            "recency_days must be four numbers that fall",
        ),
        (lambda t: cl.segments.rfm(t, as_of=5), "as_of must be a date such as"),
        (lambda t: cl.segments.rfm(None), "customers must be a pandas, .* not None"),
        (lambda t: cl.segments.sizes(t), "the scored table lacks segment"),
        (lambda t: cl.segments.sizes("scored"), "scored must be a pandas"),
        (lambda t: cl.segments.migration(t, t), "the before table lacks segment"),
        (lambda t: cl.segments.migration(cl.segments.rfm(t), {}), "after must be a pandas"),
        (
            lambda t: cl.segments.audience(t.assign(email="a@x.example", accept_marketing="yes")),
            "accept_marketing must hold",
        ),
        (
            lambda t: cl.segments.audience(people([True]), segments=5),
            "segments must be a name or a list of names, not 5",
        ),
        (lambda t: cl.segments.audience(people([True]), include_unknown="no"), "include_unknown must be True or False"),
        (lambda t: cl.segments.audience(people([True]), scored=t), "the scored table lacks segment"),
        (lambda t: cl.segments.audience(pl.from_pandas(people([True])).lazy()), "customers must be a table in memory"),
        (lambda t: cl.segments.rfm(t.drop(columns="as_of")), "pass as_of="),
        (lambda t: cl.segments.rfm(t.assign(currency=["EUR", "USD"])), "cannot be added up"),
        (lambda t: cl.segments.audience(t), "lacks email, accept_marketing"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError), match=message):
        call(customers([(1, 10.0, 5), (2, 10.0, 5)]))


def test_customers_without_a_segment_are_refused_by_sizes_and_migration(generated):
    scored = cl.segments.rfm(generated.customers)
    holed = scored.assign(segment=scored["segment"].where(scored.index > 2))
    with pytest.raises(cl.DataError, match="3 rows of the scored table have no segment"):
        cl.segments.sizes(holed)
    with pytest.raises(cl.DataError, match="3 rows of the before table have no segment"):
        cl.segments.migration(holed, scored)
