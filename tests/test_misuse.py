"""What happens when a public function is given something else than it takes: an error for people, or a right result.

The parameters are read from the signatures, so that a new function or argument cannot be forgotten.
"""

from __future__ import annotations

import datetime as dt
import inspect
import types

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import custlens as cl

TAKES_CUSTOMERS = {
    f"{room.__name__.rpartition('.')[2]}.{name}": getattr(room, name)
    for room in (cl.orders, cl.segments, cl.cohorts, cl.lifetime, cl.plot)
    for name in room.__all__
    if isinstance(getattr(room, name), types.FunctionType)
    and next(iter(inspect.signature(getattr(room, name)).parameters)) == "customers"
}
NAIVE = dt.datetime(2026, 6, 30)

WRONG = {
    "among": [5, "RFM", [1], pd.DataFrame, pd.DataFrame({"nothing": [1]})],
    "as_of": ["yesterday", 5, NAIVE, pd.NaT, [NAIVE], pd.DataFrame, pd.DataFrame()],
    "at_risk": ["x"],
    "ax": [plt.Figure(), plt, 5, "ax", [1, 2], pd.DataFrame()],
    "by": ["nothing", 5, None, ["lang"], pd.DataFrame()],
    "check": ["nothing", 5, None, ["lang"], pd.DataFrame()],
    "column": ["nothing", 5, None, ["sales_value"], pd.DataFrame()],
    "currency": ["", 5, ["EUR"], pd.DataFrame, pd.DataFrame()],
    "cuts": [5, "abc", [1, 2], {"nothing": (1, 2, 3, 4)}, {"recency": 5}, pd.DataFrame()],
    "fold_below": ["10", -1, 2.5, None, [10], pd.DataFrame()],
    "force": ["yes", 2, None, [True], pd.DataFrame()],
    "freq": ["fortnight", 5, None, ["MS"], pd.DataFrame()],
    "horizon": [90, "90", "3m", "-90D", None, ["90D"], pd.DataFrame()],
    "include_prospects": ["yes", 2, None, [True], pd.DataFrame()],
    "include_unknown": ["yes", 2, None, [True], pd.DataFrame()],
    "level": ["95%", 0, 1, 95, None, [0.95], pd.DataFrame()],
    "mature_days": ["180", -1, None, [180], float("nan"), pd.DataFrame()],
    "model": ["nothing", 5, None, ["bg_nbd"], pd.DataFrame()],
    "points": ["201", 1, 2.5, None, [201], pd.DataFrame()],
    "q": ["50%", 2, -0.1, [], ["a"], [None], None, pd.DataFrame()],
    "resamples": ["2000", 1, 2.5, None, [2000], pd.DataFrame()],
    "rules": ["nothing", 5, None, [5], pd.DataFrame()],
    "scored": [5, "RFM", [1], pd.DataFrame, pd.DataFrame({"nothing": [1]})],
    "scores": ["nothing", 5, None, ["quantile"], pd.DataFrame()],
    "seed": ["a", 2.5, None, [1], -1, pd.DataFrame()],
    "segments": ["nothing", 5, ["nothing"], [5], pd.DataFrame()],
    "top": ["ten", -1, None, ["a"], [2.0], pd.DataFrame()],
    "tz": ["Mars/Base", 5, None, ["UTC"], "", pd.DataFrame()],
}
"""For each argument values that no function takes."""


@pytest.fixture(scope="module")
def customers():
    with cl.demo.serve(customers=1_500, seed=7) as shop:
        return cl.fetch(shop.client(), progress=False).customers


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def a_store(tmp_path):
    return cl.Store(tmp_path / "shop.lens")


def some_tables(tmp_path):
    with cl.demo.serve(customers=3, seed=7) as shop:
        return cl.fetch(shop.client(), progress=False)


NO_TABLE = {
    "None": None,
    "a class": pd.DataFrame,
    "an object": object(),
    "a text": "customers.csv",
    "a number": 5,
    "a list": [1, 2],
    "a dict": {"customer_id": [1]},
    "a series": pd.Series([1.0]),
    "an array": np.zeros((2, 2)),
    "a module": cl,
    "the class Store": cl.Store,
}
MADE = {"a store": a_store, "tables": some_tables}


def made(name, tmp_path):
    """Return what is not a table, made now if it needs a folder or a shop."""
    return MADE[name](tmp_path) if name in MADE else NO_TABLE[name]


@pytest.mark.parametrize("name", [*NO_TABLE, *MADE])
@pytest.mark.parametrize("function", TAKES_CUSTOMERS.values(), ids=TAKES_CUSTOMERS)
def test_what_is_not_a_table_is_refused(function, name, tmp_path):
    given = made(name, tmp_path)
    with pytest.raises(cl.ArgumentError) as caught:
        function(given, **required(function))
    message = str(caught.value)
    assert "customers" in message
    if name in MADE:
        assert "pass .customers" in message or "pass store.customers()" in message
    else:
        assert "not" in message


def required(function):
    """Fill in what a function needs beside the customers."""
    return {"check": "zero_sales"} if "check" in inspect.signature(function).parameters else {}


@pytest.mark.parametrize("function", TAKES_CUSTOMERS.values(), ids=TAKES_CUSTOMERS)
def test_a_missing_column_is_named(function, customers):
    for column in ("number_of_orders", "sales_value", "first_order_date", "last_order_date", "customer_id"):
        try:
            function(customers.drop(columns=column), **required(function))
        except cl.DataError as error:
            assert column in str(error)  # noqa: PT017  a function that does not need the column has a right result


@pytest.mark.parametrize("function", TAKES_CUSTOMERS.values(), ids=TAKES_CUSTOMERS)
@pytest.mark.parametrize(
    ("column", "spoilt"),
    [
        ("sales_value", lambda values: values.map("{:.2f} €".format)),
        ("number_of_orders", lambda values: values.astype("str")),
        ("first_order_date", lambda values: values.dt.tz_localize(None)),
        ("last_order_date", lambda values: values.astype("str")),
    ],
    ids=["text amounts", "text counts", "naive times", "text times"],
)
def test_a_column_of_another_kind_is_named(function, column, spoilt, customers):
    wrong = customers.assign(**{column: spoilt(customers[column])})
    try:
        function(wrong, **required(function))
    except cl.DataError as error:
        assert column in str(error)  # noqa: PT017
    else:  # then the result cannot depend on that column
        needed = customers.assign(**{column: customers[column].iloc[::-1].to_numpy()})
        if function.__module__.startswith("custlens.plot"):
            return
        try:
            other = function(needed, **required(function))
        except cl.DataError:
            pytest.fail(f"{column} matters, and another kind of it was taken")
        pd.testing.assert_frame_equal(function(customers, **required(function)), other)


@pytest.mark.parametrize("function", TAKES_CUSTOMERS.values(), ids=TAKES_CUSTOMERS)
def test_an_empty_table_has_an_empty_result(function, customers):
    if function is cl.lifetime.fit:
        with pytest.raises(cl.DataError, match="buyer"):
            function(customers.iloc[:0])
        return
    assert function(customers.iloc[:0], **required(function)) is not None


@pytest.mark.parametrize("function", TAKES_CUSTOMERS.values(), ids=TAKES_CUSTOMERS)
def test_customers_that_occur_twice_are_refused(function, customers):
    with pytest.raises(cl.DataError, match=r"twice|duplicate"):
        function(pd.concat([customers, customers.head(1)], ignore_index=True), **required(function))


def misuses():
    for name, function in TAKES_CUSTOMERS.items():
        for argument in list(inspect.signature(function).parameters.values())[1:]:
            if argument.kind is not argument.VAR_KEYWORD:
                yield pytest.param(function, argument, id=f"{name}({argument.name}=…)")


@pytest.mark.parametrize(("function", "argument"), list(misuses()))
def test_a_wrong_argument_is_named(function, argument, customers):
    assert argument.name in WRONG, "write down what this argument does not take"
    for value in WRONG[argument.name]:
        if value is None and argument.default is None:
            continue
        with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
            function(customers, **{**required(function), argument.name: value})
        assert argument.name in str(caught.value), f"{value!r}: {caught.value}"


@pytest.mark.parametrize("name", [*NO_TABLE, *MADE])
@pytest.mark.parametrize(
    "call",
    [
        cl.orders.observed_revenue,
        cl.segments.sizes,
        cl.cohorts.matrix,
        cl.mask,
        cl.widgets.Lookup,
    ],
    ids=lambda call: call.__name__,
)
def test_other_functions_refuse_what_is_not_a_table(call, name, tmp_path):
    if call is cl.widgets.Lookup and name in MADE:
        pytest.skip("a Lookup takes these")
    given = made(name, tmp_path)
    with pytest.raises(cl.ArgumentError, match=r"not|pass \.customers|pass store"):
        call(given)


PAIRS = {"orders.compare": cl.orders.compare, "segments.migration": cl.segments.migration}


@pytest.mark.parametrize("name", [*NO_TABLE, *MADE])
@pytest.mark.parametrize("function", PAIRS.values(), ids=PAIRS)
def test_each_of_two_tables_is_checked(function, name, customers, tmp_path):
    given = made(name, tmp_path)
    right = customers if function is cl.orders.compare else cl.segments.rfm(customers)
    for pair in ((given, right), (right, given)):
        with pytest.raises(cl.ArgumentError, match=r"not|pass \.customers|pass store"):
            function(*pair)


CLIENT = {
    "fetch(None)": (lambda client, _: cl.fetch(None), "client"),
    "fetch(Client)": (lambda client, _: cl.fetch(cl.Client), "client"),
    "fetch(store)": (lambda client, path: cl.fetch(cl.Store(path)), "client"),
    "fetch(limit=)": (lambda client, _: cl.fetch(client, limit=100), "head"),
    "fetch(offset=)": (lambda client, _: cl.fetch(client, offset=100), "offset"),
    "fetch(head=text)": (lambda client, _: cl.fetch(client, head="10"), "head"),
    "fetch(ids=5)": (lambda client, _: cl.fetch(client, 5), "ids"),
    "fetch(ids=text)": (lambda client, _: cl.fetch(client, "12"), "ids"),
    "fetch(ids=[text])": (lambda client, _: cl.fetch(client, ["a"]), "ids|customer_id"),
    "fetch(ids=table)": (lambda client, _: cl.fetch(client, pd.DataFrame({"customer_id": [1]})), "ids"),
    "fetch(columns=5)": (lambda client, _: cl.fetch(client, columns=5), "columns"),
    "fetch(columns=[5])": (lambda client, _: cl.fetch(client, columns=[5]), "columns"),
    "fetch(columns=[])": (lambda client, _: cl.fetch(client, columns=[]), "columns"),
    "fetch(threads=0)": (lambda client, _: cl.fetch(client, threads=0), "threads"),
    "fetch(threads=text)": (lambda client, _: cl.fetch(client, threads="4"), "threads"),
    "fetch(on_invalid=)": (lambda client, _: cl.fetch(client, on_invalid="ignore"), "on_invalid"),
    "fetch(progress=)": (lambda client, _: cl.fetch(client, progress="no"), "progress"),
    "fetch(currency=5)": (lambda client, _: cl.fetch(client, currency=5), "currency"),
    "fetch(email=5)": (lambda client, _: cl.fetch(client, email=5), "email"),
    "fetch(created_from=naive)": (lambda client, _: cl.fetch(client, created_from=NAIVE), "created_from"),
    "customer(text)": (lambda client, _: client.customer("12"), "customer_id"),
    "customer(None)": (lambda client, _: client.customer(None), "customer_id"),
    "customer(fields=5)": (lambda client, _: client.customer(1, fields=5), "fields"),
    "search(sort_by=5)": (lambda client, _: next(client.search(sort_by=5)), "sort_by|sort order"),
    "search(nothing=)": (lambda client, _: next(client.search(nothing=1)), "nothing"),
    "deleted(text)": (lambda client, _: next(client.deleted(since="yesterday")), "since"),
    "Client(None)": (lambda client, _: cl.Client(None, "x"), "store_id"),
    "Client(token=None)": (lambda client, _: cl.Client(1, None), "token"),
    "Client(base_url=5)": (lambda client, _: cl.Client(1, "x", base_url=5), "base_url"),
    "Client(rate_limit=text)": (lambda client, _: cl.Client(1, "x", rate_limit="600"), "rate_limit"),
    "Client(timeout=None)": (lambda client, _: cl.Client(1, "x", timeout=None), "timeout"),
    "Store(None)": (lambda client, _: cl.Store(None), "path"),
    "Store(5)": (lambda client, _: cl.Store(5), "path"),
    "Store(Store)": (lambda client, _: cl.Store(cl.Store), "path"),
    "sync(None)": (lambda client, path: cl.Store(path).sync(None), "client"),
    "sync(Client)": (lambda client, path: cl.Store(path).sync(cl.Client), "client"),
    "sync(mode=)": (lambda client, path: cl.Store(path).sync(client, "everything"), "mode"),
    "sync(threads=)": (lambda client, path: cl.Store(path).sync(client, threads="4"), "threads"),
    "report.write(None)": (lambda client, _: cl.report.write(None), "output"),
    "report.Headline(None)": (lambda client, _: cl.report.Headline(None), "customers"),
    "Lookup(client=5)": (lambda client, _: cl.widgets.Lookup(some_tables(None), client=5), "client"),
    "Lookup(limit=text)": (lambda client, _: cl.widgets.Lookup(some_tables(None), limit="20"), "limit"),
    "Lookup(delay=text)": (lambda client, _: cl.widgets.Lookup(some_tables(None), delay="1"), "delay"),
    "demo.serve(customers=text)": (lambda client, _: cl.demo.serve(customers="10"), "customers"),
    "demo.serve(data=)": (lambda client, _: cl.demo.serve("nothing"), "data"),
    "demo.serve(seed=)": (lambda client, _: cl.demo.serve(customers=10, seed="a"), "seed"),
}


@pytest.mark.parametrize(("call", "named"), CLIENT.values(), ids=CLIENT)
def test_calls_that_read_a_shop_or_a_store_check_what_they_are_given(call, named, client, tmp_path):
    with pytest.raises(cl.ArgumentError, match=named):
        call(client, tmp_path / "shop.lens")


STORE = {
    "columns=5": (lambda store: store.customers(columns=5), "columns"),
    "columns=[unknown]": (lambda store: store.customers(columns=["salesvalue"]), "did you mean 'sales_value'"),
    "as_of=naive": (lambda store: store.customers(as_of=NAIVE), "as_of"),
    "as_of=text": (lambda store: store.contacts(as_of="yesterday"), "as_of"),
    "as_of=number": (lambda store: store.rejects(as_of=5), "as_of"),
}


@pytest.mark.parametrize(("call", "named"), STORE.values(), ids=STORE)
def test_a_store_checks_what_is_asked_of_it(call, named, client, tmp_path):
    store = a_store(tmp_path)
    store.sync(client, progress=False)
    with pytest.raises(cl.ArgumentError, match=named):
        call(store)


MODEL = {
    "horizon=90": ({"horizon": 90}, "did you mean '90D'"),
    "horizon='90'": ({"horizon": "90"}, "did you mean '90D'"),
    "horizon='3m'": ({"horizon": "3m"}, "horizon"),
    "horizon=None": ({"horizon": None}, "horizon"),
    "horizon=list": ({"horizon": ["90D"]}, "horizon"),
    "horizon='-90D'": ({"horizon": "-90D"}, "horizon"),
    "discount_rate=text": ({"discount_rate": "10%"}, "discount_rate"),
    "discount_rate=10": ({"discount_rate": 10}, "discount_rate"),
    "as_of=naive": ({"as_of": NAIVE}, "as_of"),
}


@pytest.fixture(scope="module")
def model():
    with cl.demo.serve("cdnow") as shop:
        return cl.lifetime.fit(cl.fetch(shop.client(), progress=False).customers)


@pytest.mark.parametrize(("arguments", "named"), MODEL.values(), ids=MODEL)
def test_a_model_checks_what_it_is_asked(model, arguments, named, cdnow):
    with pytest.raises(cl.ArgumentError, match=named):
        model.predict(cdnow.customers, **arguments)


@pytest.mark.parametrize("name", [*NO_TABLE, *MADE])
def test_a_model_predicts_for_tables_alone(model, name, tmp_path):
    given = made(name, tmp_path)
    with pytest.raises(cl.ArgumentError, match="customers"):
        model.predict(given)
