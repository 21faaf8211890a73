import numpy as np
import pandas as pd
import pytest
from helpers.tables import frame

import custlens as cl


def test_small_groups_are_folded_and_the_missing_are_unknown():
    codes = ["US"] * 12 + ["DE"] * 9 + ["FR"] + [None] * 10
    table = frame([(1, 10.0)] * 32, billing_country_code=pd.Categorical(codes))
    groups = cl.orders.breakdown(table).set_index("billing_country_code")
    assert groups["customers"].to_dict() == {"US": 12, "other": 10, "unknown": 10}
    assert groups["share"].sum() == pytest.approx(1)
    unfolded = cl.orders.breakdown(table, fold_below=1)
    assert set(unfolded["billing_country_code"]) == {"US", "DE", "FR", "unknown"}


def test_consent_has_three_states():
    table = frame([(1, 10.0)] * 36, accept_marketing=pd.array([True] * 12 + [False] * 12 + [None] * 12, "boolean"))
    assert set(cl.orders.breakdown(table, "accept_marketing")["accept_marketing"]) == {"true", "false", "unknown"}


def test_the_interval_of_a_median_holds_it():
    groups = cl.orders.breakdown(frame([(1, float(v)) for v in range(100)], lang="en"), "lang").iloc[0]
    assert (
        groups["median_buyer_value_ci_low"],
        groups["median_buyer_value"],
        groups["median_buyer_value_ci_high"],
    ) == (39, 49.5, 60)


@pytest.mark.parametrize("name", ["other", "unknown"])
def test_a_group_of_that_name_never_makes_two_rows_of_one_name(name):
    groups = [name] * 12 + ["DE"] * 3 + [None] * 20
    table = frame([(1, 10.0)] * 35, customer_group_name=groups)
    found = cl.orders.breakdown(table, "customer_group_name").set_index("customer_group_name")["customers"]
    assert found.to_dict() == ({"other": 15, "unknown": 20} if name == "other" else {"other": 3, "unknown": 32})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.breakdown(t, "shoe_size"), "by must be one of billing_country_code"),
        (lambda t: cl.orders.breakdown(t, ["lang"]), "by must be one of billing_country_code"),
        (lambda t: cl.orders.breakdown(t, "lang"), "the customers table lacks lang"),
        (lambda t: cl.orders.breakdown(t, "lang", fold_below="ten"), "fold_below must be a whole number"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(frame([(1, 10.0), (2, 10.0)]))
    assert message in str(caught.value)


def test_shares_are_missing_where_refunds_make_them_meaningless():
    table = pd.DataFrame({"number_of_orders": 1, "sales_value": [0.1, 0.2, -0.3] * 20, "lang": ["en", "de"] * 30})
    assert cl.orders.breakdown(table, "lang")["share"].isna().all()
    table["sales_value"] = [10.0, -4.0] * 30
    assert cl.orders.breakdown(table, "lang")["share"].isna().all()
    table["sales_value"] = [10.0, 0.0] * 30
    assert cl.orders.breakdown(table, "lang")["share"].tolist() == [1.0, 0.0]


def test_sales_of_a_group_without_a_known_amount_are_missing_and_last():
    table = pd.DataFrame(
        {"number_of_orders": [1] * 4, "sales_value": [np.nan, -3.0, 5.0, 1.0], "lang": ["en", "de", "fr", "fr"]}
    )
    found = cl.orders.breakdown(table, "lang", fold_below=1)
    assert found["lang"].tolist() == ["fr", "de", "en"]
    assert np.isnan(found["sales_value"].iloc[2])
