"""Each function of lifetime, segments and cohorts with each thing that is not a sound table of customers."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import custlens as cl

LATER = dt.timedelta(days=90)


@pytest.fixture(scope="module")
def shop(generated):
    """Sound inputs for every function."""
    customers = generated.customers
    scored = cl.segments.rfm(customers)
    return {
        "customers": customers,
        "scored": scored,
        "before": scored,
        "after": scored,
        "later": customers,
        "survival": cl.cohorts.survival(customers),
        "model": cl.lifetime.fit(customers),
    }


CALLS = {
    "lifetime.fit": ("customers", lambda s, t: cl.lifetime.fit(t)),
    "predict": ("customers", lambda s, t: s["model"].predict(t)),
    "diagnose": ("later", lambda s, t: s["model"].diagnose(t, as_of=s["model"].as_of + LATER)),
    "rfm": ("customers", lambda s, t: cl.segments.rfm(t)),
    "rfm, fixed": ("customers", lambda s, t: cl.segments.rfm(t, scores="fixed")),
    "sizes": ("scored", lambda s, t: cl.segments.sizes(t)),
    "migration, before": ("before", lambda s, t: cl.segments.migration(t, s["scored"])),
    "migration, after": ("after", lambda s, t: cl.segments.migration(s["scored"], t)),
    "audience": ("customers", lambda s, t: cl.segments.audience(t)),
    "audience, scored": ("scored", lambda s, t: cl.segments.audience(s["customers"], scored=t)),
    "cohorts.summary": ("customers", lambda s, t: cl.cohorts.summary(t)),
    "cohorts.survival": ("customers", lambda s, t: cl.cohorts.survival(t)),
    "matrix": ("survival", lambda s, t: cl.cohorts.matrix(t)),
}
OPTIONAL = {"diagnose", "audience, scored"}
NO_TABLES = [None, pd.DataFrame, 5, "customers.csv", [1, 2], {"customer_id": [1]}, np.zeros((3, 3)), pd.Series([1.0])]
STATISTICS = {"lifetime.fit", "predict", "rfm", "rfm, fixed", "cohorts.summary", "cohorts.survival"}
BY_CUSTOMER = sorted(set(CALLS) - {"matrix"})


@pytest.mark.parametrize(
    ("call", "value"),
    [(call, value) for call in CALLS for value in NO_TABLES if not (value is None and call in OPTIONAL)],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_what_is_not_a_table_is_refused_by_name(shop, call, value):
    name, function = CALLS[call]
    with pytest.raises(cl.ArgumentError, match=f"^{name} must be a pandas, Polars, pyarrow, DuckDB, Dask or PySpark"):
        function(shop, value)


@pytest.mark.parametrize("call", CALLS)
def test_a_source_of_tables_is_refused_with_the_way_to_its_table(shop, generated, tmp_path, call):
    name, function = CALLS[call]
    with pytest.raises(cl.ArgumentError, match=f"^{name} must be .* not CustomerTables; pass .customers of it"):
        function(shop, generated)
    with pytest.raises(cl.ArgumentError, match=rf"^{name} must be .* not Store; pass .customers\(\) of it"):
        function(shop, cl.Store(tmp_path))


@pytest.mark.parametrize("call", CALLS)
def test_a_missing_column_is_named(shop, call):
    name, function = CALLS[call]
    with pytest.raises(cl.DataError, match=f"the {name} table lacks .*: (fetch or read it|pass the result of)"):
        function(shop, pd.DataFrame({"customer_id": [1, 2]}))


@pytest.mark.parametrize("call", BY_CUSTOMER)
def test_a_customer_who_occurs_twice_is_named(shop, call):
    name, function = CALLS[call]
    with pytest.raises(cl.DataError, match=f"customer [0-9]+ occurs twice in the {name} table"):
        function(shop, pd.concat([shop[name], shop[name].head(1)]))


@pytest.mark.parametrize("call", sorted(STATISTICS))
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(sales_value="1.234,50 €"), "sales_value must hold numbers"),
        (lambda t: t.assign(number_of_orders=[[1]] * len(t)), "number_of_orders must hold numbers"),
        (lambda t: t.assign(last_order_date="2026-06-30"), "last_order_date must hold times"),
        (
            lambda t: t.assign(last_order_date=t["last_order_date"].dt.tz_localize(None)),
            "last_order_date holds times without a time zone",
        ),
        (lambda t: t.drop(columns="as_of"), "does not say when it was observed: pass as_of="),
    ],
    ids=["text amounts", "lists", "text dates", "naive times", "no time of observation"],
)
def test_a_column_that_cannot_be_used_is_named(shop, call, change, message):
    with pytest.raises(cl.DataError, match=message):
        CALLS[call][1](shop, change(shop["customers"]))


@pytest.mark.parametrize("call", sorted(STATISTICS - {"cohorts.survival"}))
def test_amounts_in_two_currencies_are_named(shop, call):
    mixed = shop["customers"].assign(currency=["EUR", *["USD"] * (len(shop["customers"]) - 1)])
    with pytest.raises(cl.DataError, match="amounts in EUR, USD cannot be added up"):
        CALLS[call][1](shop, mixed)


@pytest.mark.parametrize(
    "call", ["predict", "rfm", "rfm, fixed", "sizes", "audience", "cohorts.summary", "cohorts.survival", "matrix"]
)
@pytest.mark.parametrize(
    "change", [lambda t: t.iloc[:0], lambda t: pd.DataFrame(columns=t.columns)], ids=["", "untyped"]
)
def test_an_empty_table_is_an_empty_result(shop, call, change):
    name, function = CALLS[call]
    sound, empty = function(shop, shop[name]), function(shop, change(shop[name]))
    assert len(empty) == 0
    if call != "matrix":
        assert list(empty.columns) == list(sound.columns)
