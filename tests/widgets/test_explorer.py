"""The Explorer, by its Python face and by the messages that a page sends."""

import gc
import json
import weakref

import numpy as np
import pandas as pd
import pytest
from helpers.panels import send, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import custlens as cl


@pytest.fixture
def explorer(generated):
    return cl.widgets.Explorer(generated)


@pytest.fixture(scope="module")
def shared(generated):
    """An Explorer that hypothesis may use again and again; each example sets its own filters."""
    return cl.widgets.Explorer(generated)


def run(code, customers):
    names = {"customers": customers}
    exec(code, names)
    return names["selected"]


def filters_of(customers):
    """Filters of every kind that the charts of these customers can have."""
    amounts = st.one_of(st.none(), st.floats(-10, 5_000), st.sampled_from(customers["sales_value"].dropna().tolist()))
    counts = st.one_of(st.none(), st.integers(0, 30))
    days = st.one_of(st.none(), st.dates(pd.Timestamp("2021-01-01").date(), pd.Timestamp("2026-12-31").date()))

    def ranges(ends):
        pairs = st.tuples(ends, ends).filter(lambda pair: None in pair or pair[0] < pair[1])
        return st.one_of(pairs, st.just([None]))

    def lists(values):
        return st.lists(st.sampled_from([*values, None]), min_size=1, unique=True)

    names = ["billing_country_code", "customer_group_name", "b2b_b2c", "lang"]
    return st.fixed_dictionaries(
        {},
        optional={
            "sales_value": ranges(amounts),
            "average_order_value": ranges(amounts),
            "number_of_orders": ranges(counts),
            "first_order_date": ranges(days),
            "last_order_date": ranges(days),
            "segment": st.lists(st.sampled_from(["Champions", "Lost", "Prospects"]), min_size=1, unique=True),
            "accept_marketing": lists([True, False]),
            **{name: lists(sorted(customers[name].dropna().unique())) for name in names},
        },
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(data=st.data())
def test_the_code_gives_the_rows_that_are_selected_and_counted(generated, shared, data):
    customers = generated.customers
    filters = data.draw(filters_of(customers))
    shared.filters = filters
    selected = shared.selected
    pd.testing.assert_frame_equal(run(shared.code, customers), selected)
    count, sales = told(shared, "selection")["totals"]
    assert count == len(selected)
    assert sales == pytest.approx(selected["sales_value"].sum())
    assert told(shared, "rows")["total"] == len(selected)
    again = cl.widgets.Explorer(customers)
    again.filters = shared.filters
    assert again.filters == shared.filters
    assert again.selected["customer_id"].tolist() == selected["customer_id"].tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(data=st.data())
def test_a_brush_gives_the_counts_of_its_cube_and_code_for_the_same_rows(generated, shared, data):
    shared.clear()
    charts = told(shared, "charts")["charts"]
    chart = data.draw(st.sampled_from(charts))
    pieces = len(chart["bar_of"])
    first = data.draw(st.integers(1, pieces - 1))
    last = data.draw(st.integers(first, pieces - 1))
    sent = []
    shared.send = lambda content, buffers=None: sent.append((content, buffers))  # what would go to the page
    try:
        send(shared, "touch", chart=chart["name"])
    finally:
        del shared.send
    (_, (bars, totals)), *_ = [message for message in sent if message[0]["type"] == "cube"]
    totals = np.frombuffer(totals).reshape(-1, 2)
    send(shared, "choose", chart=chart["name"], pieces=list(range(first, last + 1)))
    assert shared.last_error is None
    count, sales = totals[last + 1] - totals[first]
    selected = shared.selected
    assert count == len(selected)
    assert sales == pytest.approx(selected["sales_value"].sum())
    pd.testing.assert_frame_equal(run(shared.code, generated.customers), selected)
    cube = np.frombuffer(bars, "uint32").reshape(pieces + 1, -1)
    place = [other["name"] for other in charts].index(chart["name"])
    counts = told(shared, "selection")["counts"]
    others = np.concatenate([counts[i] for i in range(len(counts)) if i != place])
    assert (cube[last + 1] - cube[first] == others).all()


def test_there_are_eleven_charts(explorer):
    assert [chart["title"] for chart in told(explorer, "charts")["charts"]] == [
        "Sales value", "Average order value", "Orders", "First order", "Last order", "Country", "Segment", "Group",
        "Business or consumer", "Language", "Consent to marketing",
    ]  # fmt: skip


def test_filters_are_set_read_and_cleared(explorer):
    explorer.filters = {"last_order_date": ("2026-01-01", None), "number_of_orders": (2, 5), "lang": ["en", None]}
    assert explorer.filters == {
        "number_of_orders": (2, 5),
        "last_order_date": ("2026-01-01", None),
        "lang": ["en", None],
    }
    selected = explorer.selected
    assert selected["number_of_orders"].between(2, 4).all()
    assert selected["last_order_date"].min() >= pd.Timestamp("2026-01-01", tz="UTC")
    explorer.clear()
    assert explorer.filters == {}
    assert explorer.code == "selected = customers"
    assert len(explorer.selected) == len(explorer.customers)


def test_a_time_of_day_in_another_zone_is_exact(generated, explorer):
    explorer.filters = {"first_order_date": ("2025-03-01 14:30+02:00", None)}
    assert explorer.filters == {"first_order_date": ("2025-03-01T12:30:00+00:00", None)}
    pd.testing.assert_frame_equal(run(explorer.code, generated.customers), explorer.selected)


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"sales": (1, 2)}, "filters have 'sales', which is not the column of a chart: did you mean 'sales_value'"),
        ({"sales_value": (2, 1)}, "filters of sales_value must rise"),
        ({"billing_country_code": ["XX"]}, "filters of billing_country_code have 'XX', which no customer has"),
        (["sales_value"], "filters must be a dict"),
        ({"last_order_date": ("soon", None)}, "last_order_date must be a date"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_and_the_others_stay(explorer, filters, words):
    explorer.filters = {"lang": ["en"]}
    with pytest.raises(cl.ArgumentError, match=words):
        explorer.filters = filters
    assert explorer.filters == {"lang": ["en"]}


def test_rows_of_any_index_are_selected(generated):
    customers = generated.customers.set_index(np.repeat([3, 1, 2], len(generated.customers) // 3))
    explorer = cl.widgets.Explorer(customers)
    explorer.filters = {"segment": ["Champions"], "sales_value": (100, None)}
    assert 0 < len(explorer.selected) < len(customers)
    pd.testing.assert_frame_equal(run(explorer.code, customers), explorer.selected)


def test_the_rows_come_sorted_25_at_a_time_and_hidden_until_they_are_revealed(explorer):
    page = told(explorer, "rows")
    names = [column["name"] for column in page["columns"]]
    best = explorer.customers.sort_values("sales_value", ascending=False, kind="stable")
    assert len(page["rows"]) == 25
    assert (page["total"], page["pages"]) == (3000, 120)
    assert [row[0] for row in page["rows"]] == best["customer_id"].head(25).astype(str).tolist()
    assert {row[names.index("email")] for row in page["rows"]} <= {"•••", ""}

    send(explorer, "rows", page=119, sort="last_order_date", descending=False, reveal=True)
    page = told(explorer, "rows")
    assert page["first"] == 2975
    assert page["rows"][-1][names.index("last_order_date")] == ""  # missing values come last
    assert any("@" in row[names.index("email")] for row in page["rows"])

    explorer.filters = {"sales_value": (1e9, None)}
    assert told(explorer, "rows")["rows"] == []
    assert told(explorer, "rows")["total"] == 0


def test_a_page_beyond_the_end_is_the_last_one(explorer):
    send(explorer, "rows", page=10_000, sort="customer_id", descending=True, reveal=False)
    assert told(explorer, "rows")["page"] == 119


def test_nothing_personal_is_told_or_saved_before_it_is_revealed(explorer):
    everything = json.dumps([content for content, _ in explorer.told.values()]) + str(explorer.get_state())
    everything += explorer.still()["text/html"]
    personal = explorer.customers[["name", "email", "billing_phone", "billing_city"]].stack().dropna().unique()
    assert [text for text in personal if len(text) > 5 and text in everything] == []


def test_sales_are_shown_in_place_of_customers(explorer):
    send(explorer, "measure", measure="sales")
    counts = told(explorer, "selection")["counts"]
    total = explorer.customers["sales_value"].sum()
    assert [sum(bars) for bars in counts] == pytest.approx([total] * 11)
    assert "sales in EUR" in explorer.figure().texts[1].get_text()


def test_another_scale_keeps_the_filter(explorer):
    explorer.filters = {"sales_value": (12.34, 56.78)}
    before = explorer.selected
    send(explorer, "scale", chart="sales_value", axis="linear")
    assert told(explorer, "charts")["charts"][0]["axis"] == "linear"
    pd.testing.assert_frame_equal(explorer.selected, before)
    assert explorer.filters == {"sales_value": (12.34, 56.78)}


def test_the_audience_is_the_selection_that_may_be_mailed(generated, explorer):
    explorer.filters = {"segment": ["Champions"]}
    audience = explorer.audience()
    assert 0 < len(audience) < len(explorer.selected)
    assert set(audience["customer_id"]) <= set(explorer.selected["customer_id"])
    assert audience["accept_marketing"].all()
    assert set(audience["segment"]) == {"Champions"}
    assert len(explorer.audience(include_unknown=True)) > len(audience)


def test_the_figure_has_the_charts_and_the_counts(explorer):
    explorer.filters = {"segment": ["Champions", "Loyal"]}
    figure = explorer.figure()
    assert [ax.get_title(loc="left") for ax in figure.axes][:2] == ["Sales value", "Average order value"]
    assert len(figure.axes) == 11
    assert figure.texts[0].get_text().startswith(f"{len(explorer.selected):,} of 3,000 customers")
    assert "Segment, Champions, Loyal: the tallest bar is “" in cl.plot.describe(figure)


def test_a_page_without_a_kernel_has_a_table_and_a_picture(explorer):
    explorer.filters = {"sales_value": (100, None)}
    bundle = explorer.still()
    assert f"{len(explorer.selected):,}" in bundle["text/html"]
    assert "from 100" in bundle["text/html"]
    assert bundle["image/png"] in bundle["text/html"]
    assert 'alt="Sales value, from 100: the tallest bar is “' in bundle["text/html"]


def test_it_explores_a_store(tmp_path, client):
    store = cl.Store(tmp_path / "shop.lens")
    store.sync(client, progress=False)
    assert len(cl.widgets.Explorer(store).selected) == len(store.customers())


def test_tables_that_cannot_be_explored_are_refused(generated):
    customers = generated.customers
    with pytest.raises(cl.ArgumentError, match="source must be a Store"):
        cl.widgets.Explorer([1])
    with pytest.raises(cl.DataError, match="lacks sales_value"):
        cl.widgets.Explorer(customers.drop(columns="sales_value"))
    with pytest.raises(cl.DataError, match="occurs"):
        cl.widgets.Explorer(pd.concat([customers, customers.head(1)]))
    with pytest.raises(cl.DataError, match="currenc"):
        cl.widgets.Explorer(customers.assign(currency=["EUR", "USD", "USD"] * (len(customers) // 3)))
    naive = customers["first_order_date"].dt.tz_localize(None)
    with pytest.raises(cl.DataError, match="first_order_date"):
        cl.widgets.Explorer(customers.assign(first_order_date=naive))


def test_a_table_of_few_columns_has_the_charts_of_these_and_says_why_there_are_no_segments(generated):
    few = generated.customers[["customer_id", "number_of_orders", "sales_value", "lang"]]
    explorer = cl.widgets.Explorer(few)
    charts = told(explorer, "charts")
    assert [chart["name"] for chart in charts["charts"]] == ["sales_value", "number_of_orders", "lang"]
    assert "No segments: the customers table lacks last_order_date" in charts["note"]
    assert "As of an unknown time" in charts["note"]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_shop_of_few_customers_is_explored(generated, rows):
    explorer = cl.widgets.Explorer(generated.customers.head(rows))
    send(explorer, "touch", chart="sales_value")
    assert explorer.last_error is None
    assert len(explorer.selected) == rows
    assert explorer.still_picture()


def test_a_closed_explorer_is_freed(generated):
    explorers = [cl.widgets.Explorer(generated.customers.head(50)) for _ in range(10)]
    for explorer in explorers:
        send(explorer, "touch", chart="sales_value")
        explorer.close()
    alive = [weakref.ref(explorer) for explorer in explorers]
    del explorer, explorers
    gc.collect()
    assert [explorer for explorer in alive if explorer() is not None] == []


def test_two_explorers_of_one_table_do_not_disturb_each_other(generated, explorer):
    other = cl.widgets.Explorer(generated)
    other.filters = {"lang": ["de"]}
    assert explorer.filters == {}
    assert len(explorer.selected) == 3000


def test_countries_and_languages_are_shown_by_name_and_chosen_by_code(explorer):
    explorer.filters = {"billing_country_code": ["US"], "lang": ["en", None]}
    charts = {chart["name"]: chart["bars"] for chart in told(explorer, "charts")["charts"]}
    assert "United States" in charts["billing_country_code"]
    assert "English" in charts["lang"]
    assert told(explorer, "selection")["chosen"]["lang"]["words"] == "English, missing"
    assert "customers[\"billing_country_code\"].isin(['US'])" in explorer.code
    country = [column["name"] for column in told(explorer, "rows")["columns"]].index("billing_country_code")
    assert {row[country] for row in told(explorer, "rows")["rows"]} == {"United States"}


def test_a_table_that_is_changed_later_does_not_change_what_is_explored(generated):
    customers = generated.customers.copy()
    explorer = cl.widgets.Explorer(customers)
    customers["sales_value"] = 0.0
    del customers["lang"]
    explorer.filters = {"sales_value": (100, None)}
    pd.testing.assert_frame_equal(explorer.selected, generated.customers.query("sales_value >= 100"))


def test_sales_below_zero_are_drawn_and_chosen(generated):
    refunded = generated.customers.assign(sales_value=-generated.customers["sales_value"])
    explorer = cl.widgets.Explorer(refunded)
    send(explorer, "measure", measure="sales")
    assert explorer.figure().axes[0].get_ylim()[0] < 0
    explorer.filters = {"sales_value": (None, -100)}
    assert (explorer.selected["sales_value"] < -100).all()


def test_a_table_of_polars_and_names_that_cannot_be_compared_are_refused(generated):
    polars = pytest.importorskip("polars")
    with pytest.raises(cl.ArgumentError, match=r"not a polars DataFrame: convert it with to_pandas\(\)"):
        cl.widgets.Explorer(polars.DataFrame({"customer_id": [1]}))
    with pytest.raises(cl.DataError, match="lang must hold text"):
        cl.widgets.Explorer(generated.customers.assign(lang=[["en"]] * len(generated.customers)))


HOSTILE = [
    "<img src=x onerror=alert(1)>", "a\u202eb", "x\0y", "L" * 400, "it's", 'say "hi"', "back\\slash", "new\nline", "",
    "$x^2$", "'''", '"""', "pd.", "🙂",
]  # fmt: skip


@pytest.mark.parametrize("group", HOSTILE)
def test_the_code_of_a_hostile_name_is_python_that_gives_the_same_rows(hostile, group):
    hostile.filters = {"customer_group_name": [group]}
    assert len(hostile.selected) > 0
    assert hostile.code.replace("\n", "").isprintable()
    pd.testing.assert_frame_equal(run(hostile.code, hostile.customers), hostile.selected)
    with pytest.raises(cl.ArgumentError, match="which no customer has") as caught:
        hostile.filters = {"customer_group_name": ["zzzzzz"]}
    assert str(caught.value).isprintable()


@pytest.fixture(scope="module")
def hostile(generated):
    customers = generated.customers
    names = pd.Series((HOSTILE * len(customers))[: len(customers)], customers.index, dtype="str")
    return cl.widgets.Explorer(customers.assign(customer_group_name=names))
