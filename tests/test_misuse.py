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

FUNCTIONS = {
    f"{room.__name__.rpartition('.')[2]}.{name}": getattr(room, name)
    for room in (cl.orders, cl.segments, cl.cohorts, cl.lifetime, cl.plot)
    for name in room.__all__
    if isinstance(getattr(room, name), types.FunctionType)
} | {"model.predict": cl.lifetime.LifetimeModel.predict, "model.diagnose": cl.lifetime.LifetimeModel.diagnose}
TABLES = {"customers", "later", "a", "b", "scored", "before", "after", "survival", "history"}
"""The arguments that are tables."""
NAIVE = dt.datetime(2026, 6, 30)

WRONG = {
    "among": [5, "RFM", [1], pd.DataFrame, pd.DataFrame({"nothing": [1]})],
    "as_of": ["yesterday", 5, NAIVE, pd.NaT, [NAIVE], pd.DataFrame, pd.DataFrame()],
    "at_risk": ["x"],
    "ax": [plt.Figure(), plt, 5, "ax", [1, 2], pd.DataFrame()],
    "by": ["nothing", 5, None, ["lang"], pd.DataFrame()],
    "caption": [5, ["a"], pd.DataFrame, pd.DataFrame()],
    "check": ["nothing", 5, None, ["lang"], pd.DataFrame()],
    "column": ["nothing", 5, None, ["sales_value"], pd.DataFrame()],
    "currency": ["", 5, ["EUR"], pd.DataFrame, pd.DataFrame()],
    "cuts": [5, "abc", [1, 2], {"nothing": (1, 2, 3, 4)}, {"recency": 5}, pd.DataFrame()],
    "cumulative": ["yes", 2, None, [True], pd.DataFrame()],
    "discount_rate": ["10%", 10, -0.1, None, [0.1], float("nan"), pd.DataFrame()],
    "edges": [5, "abc", [1], [2, 1], [1, 1], [None, 1], ["a", "b"], [float("nan"), 1], pd.DataFrame()],
    "fold_below": ["10", -1, 2.5, None, [10], pd.DataFrame()],
    "force": ["yes", 2, None, [True], pd.DataFrame()],
    "freq": ["fortnight", 5, None, ["MS"], pd.DataFrame()],
    "horizon": [90, "90", "3m", None, ["90D"], "-90D", pd.NaT, pd.DataFrame()],
    "include_prospects": ["yes", 2, None, [True], pd.DataFrame()],
    "include_unknown": ["yes", 2, None, [True], pd.DataFrame()],
    "level": ["95%", 0, 1, 95, None, [0.95], pd.DataFrame()],
    "mature_days": ["180", -1, None, [180], float("nan"), pd.DataFrame()],
    "chart": ["nothing", 5, None, [1], plt, pd.DataFrame()],
    "models": ["nothing", 5, None, [], ["bg_nbd"], pd.DataFrame()],
    "names": ["ab", 5, None, ["a"], [1, 2], pd.DataFrame()],
    "model": ["nothing", 5, None, ["bg_nbd"], pd.DataFrame()],
    "points": ["201", 1, 2.5, None, [201], pd.DataFrame()],
    "q": ["50%", 2, -0.1, [], ["a"], [None], None, pd.DataFrame()],
    "resamples": ["2000", 1, 2.5, None, [2000], pd.DataFrame()],
    "rules": ["nothing", 5, None, [5], pd.DataFrame()],
    "scale": ["nothing", 5, None, ["log"], pd.DataFrame()],
    "scored": [5, "RFM", [1], pd.DataFrame, pd.DataFrame({"nothing": [1]})],
    "scores": ["nothing", 5, None, ["quantile"], pd.DataFrame()],
    "seed": ["a", 2.5, None, [1], -1, pd.DataFrame()],
    "segments": ["nothing", 5, ["nothing"], [5], pd.DataFrame()],
    "top": ["ten", -1, None, ["a"], [2.0], pd.DataFrame()],
    "value": ["nothing", 5, None, ["share"], pd.DataFrame()],
    "tz": ["Mars/Base", 5, None, ["UTC"], "", pd.DataFrame()],
}
"""For each argument values that no function takes."""


@pytest.fixture(scope="module")
def tables():
    with cl.demo.serve(customers=600, seed=7) as shop:
        return cl.fetch(shop.client(), progress=False)


@pytest.fixture(scope="module")
def sound(tables, tmp_path_factory):
    """Return for each argument that has no default a value that can be used."""
    customers = tables.customers
    scored = cl.segments.rfm(customers)
    model = cl.lifetime.fit(customers)
    store = cl.Store(tmp_path_factory.mktemp("misuse") / "shop.lens")
    with cl.demo.serve(customers=120, seed=3) as shop:
        store.sync(shop.client(), progress=False)
    return {
        "a": customers,
        "after": scored,
        "b": customers,
        "before": scored,
        "chart": plt.figure(),
        "check": "zero_sales",
        "customers": customers,
        "history": store.history(),
        "later": customers.assign(as_of=customers["as_of"] + pd.Timedelta(days=90)),
        "model": model,
        "models": model,
        "scored": scored,
        "self": model,
        "survival": cl.cohorts.survival(customers),
    }


def called(function, sound, **given):
    """Call a function with sound values for what it needs beside the given ones."""
    needed = [
        name
        for name, argument in inspect.signature(function).parameters.items()
        if argument.default is argument.empty and argument.kind is not argument.VAR_KEYWORD
    ]
    return function(**{name: sound[name] for name in needed} | given)


def arguments(*, tables):
    for name, function in FUNCTIONS.items():
        for argument in inspect.signature(function).parameters.values():
            skipped = argument.name == "self" or argument.kind is argument.VAR_KEYWORD
            if not skipped and (argument.name in TABLES) == tables:
                case = f"{name}({argument.name}=…)"
                yield pytest.param(function, argument, id=case)


each_table = pytest.mark.parametrize(("function", "argument"), list(arguments(tables=True)))
each_statistic_of_customers = pytest.mark.parametrize(
    "function", [case for case in FUNCTIONS.values() if "customers" in inspect.signature(case).parameters]
)
NO_TABLES = {
    "None": None,
    "a class": pd.DataFrame,
    "a text": "customers.csv",
    "a number": 5,
    "a list": [1, 2],
    "a dict": {"customer_id": [1]},
    "a series": pd.Series([1.0]),
    "an array": np.zeros((2, 2)),
}


@each_table
@pytest.mark.parametrize("value", NO_TABLES.values(), ids=NO_TABLES)
def test_what_is_not_a_table_is_refused_by_name(function, argument, value, sound):
    if value is None and argument.default is None:
        pytest.skip("may be left out")
    with pytest.raises(cl.ArgumentError, match=f"^{argument.name} must be a .*, not "):
        called(function, sound, **{argument.name: value})


@each_table
def test_a_source_of_tables_is_refused_with_the_way_to_its_table(function, argument, sound, tables, tmp_path):
    for source, way in (
        (tables, "CustomerTables; pass .customers"),
        (cl.Store(tmp_path), r"Store; pass .customers\(\)"),
    ):
        with pytest.raises(cl.ArgumentError, match=f"^{argument.name} must be .* not {way} of it"):
            called(function, sound, **{argument.name: source})


@each_table
def test_a_table_of_something_else_is_refused_with_what_it_lacks(function, argument, sound):
    if function is cl.orders.quality:
        pytest.skip("makes the checks that the columns allow")
    with pytest.raises(cl.DataError, match=f"the {argument.name} table lacks .*: (fetch or read it|pass )"):
        called(function, sound, **{argument.name: pd.DataFrame({"customer_id": [1, 2]})})


@each_table
def test_two_columns_of_one_name_are_refused(function, argument, sound):
    with pytest.raises(cl.DataError, match=f"the {argument.name} table has two columns of the same name"):
        called(function, sound, **{argument.name: pd.DataFrame([[1, 2]], columns=["customer_id", "customer_id"])})


@each_statistic_of_customers
@pytest.mark.parametrize("column", ["number_of_orders", "sales_value", "first_order_date", "last_order_date"])
def test_a_missing_column_is_named(function, column, sound):
    try:
        called(function, sound, customers=sound["customers"].drop(columns=column))
    except cl.DataError as error:
        assert column in str(error)  # noqa: PT017  a function that does not need the column has a right result


@each_table
def test_a_customer_who_occurs_twice_is_named(function, argument, sound):
    if argument.name in ("history", "survival"):
        pytest.skip("has several rows per customer, or none")
    table = sound[argument.name]
    with pytest.raises(cl.DataError, match=f"customer [0-9]+ occurs twice in the {argument.name} table"):
        called(function, sound, **{argument.name: pd.concat([table, table.head(1)], ignore_index=True)})


OTHER_KINDS = {
    ("sales_value", "number_of_orders"): {
        "texts": lambda values: values.map("{:.2f} €".format),
        "booleans": lambda values: values.fillna(0).astype("bool"),
        "lists": lambda values: [[1]] * len(values),
        "times": lambda values: [pd.Timestamp("2026-01-01", tz="UTC")] * len(values),
    },
    ("first_order_date", "last_order_date"): {
        "texts": lambda values: values.astype("str"),
        "numbers": lambda values: [5] * len(values),
        "dates": lambda values: values.dt.date,
        "naive times": lambda values: values.dt.tz_localize(None),
    },
}
"""What the columns may not hold, made from what they hold."""


@each_statistic_of_customers
@pytest.mark.parametrize(
    ("column", "spoilt"),
    [
        pytest.param(column, spoilt, id=f"{kind} as {column}")
        for columns, kinds in OTHER_KINDS.items()
        for column in columns
        for kind, spoilt in kinds.items()
    ],
)
def test_a_column_of_another_kind_is_named(function, column, spoilt, sound):
    customers = sound["customers"]
    try:
        called(function, sound, customers=customers.assign(**{column: spoilt(customers[column])}))
    except cl.DataError as error:
        assert column in str(error)  # noqa: PT017
    else:  # then the result cannot depend on that column
        if function.__module__.startswith("custlens.plot"):
            return
        reversed_ = customers.assign(**{column: customers[column].iloc[::-1].to_numpy()})
        try:
            other = called(function, sound, customers=reversed_)
        except cl.DataError:
            pytest.fail(f"{column} matters, and another kind of it was taken")
        pd.testing.assert_frame_equal(called(function, sound), other)


@each_table
@pytest.mark.parametrize("untyped", [False, True], ids=["no rows", "no rows, no types"])
@pytest.mark.filterwarnings("ignore:there are .* buyers to compare")
def test_an_empty_table_has_an_empty_result(function, argument, untyped, sound):
    if function is cl.lifetime.fit or argument.name == "later":
        pytest.skip("needs buyers")
    table = sound[argument.name]
    empty = pd.DataFrame(columns=table.columns) if untyped else table.iloc[:0]
    result = called(function, sound, **{argument.name: empty})
    if isinstance(result, pd.DataFrame) and function is not cl.cohorts.matrix:
        assert list(result.columns) == list(called(function, sound, **{argument.name: table}).columns)
    else:
        assert result is not None


def test_no_model_is_fitted_on_nobody(sound):
    with pytest.raises(cl.DataError, match="buyer"):
        cl.lifetime.fit(sound["customers"].iloc[:0])


@pytest.mark.parametrize(("function", "argument"), list(arguments(tables=False)))
def test_a_wrong_argument_is_named(function, argument, sound):
    assert argument.name in WRONG, "write down what this argument does not take"
    for value in WRONG[argument.name]:
        if value is None and argument.default is None:
            continue
        with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
            called(function, sound, **{argument.name: value})
        assert argument.name in str(caught.value), f"{value!r}: {caught.value}"


@pytest.mark.parametrize("value", NO_TABLES.values(), ids=NO_TABLES)
@pytest.mark.parametrize("call", [cl.mask, cl.widgets.Explorer, cl.widgets.Lookup], ids=["mask", "Explorer", "Lookup"])
def test_mask_and_lookup_refuse_what_is_not_a_table(call, value):
    with pytest.raises(cl.ArgumentError, match=r"must be .*, not "):
        call(value)


def test_mask_names_the_way_from_a_source_to_its_table(tables, tmp_path):
    for source in (tables, cl.Store(tmp_path)):
        with pytest.raises(cl.ArgumentError, match="pass "):
            cl.mask(source)


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
    "fetch(created_from after created_to)": (
        lambda client, _: cl.fetch(client, created_from="2026-02-01", created_to="2026-01-01"),
        "created_from is beyond created_to",
    ),
    "fetch(country_codes=name)": (
        lambda client, _: cl.fetch(client, country_codes="Germany"),
        "country_codes must be .* did you mean 'DE'",
    ),
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
    "Lookup(client=5)": (lambda client, _: cl.widgets.Lookup(cl.fetch(client, progress=False), client=5), "client"),
    "Lookup(limit=text)": (lambda client, _: cl.widgets.Lookup(cl.fetch(client, progress=False), limit="20"), "limit"),
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
    store = cl.Store(tmp_path)
    store.sync(client, progress=False)
    with pytest.raises(cl.ArgumentError, match=named):
        call(store)


@pytest.mark.parametrize("horizon", [90, "90"])
def test_a_horizon_without_a_unit_is_refused_with_the_one_meant(horizon, sound):
    with pytest.raises(cl.ArgumentError, match="did you mean '90D'"):
        sound["model"].predict(sound["customers"], horizon=horizon)
