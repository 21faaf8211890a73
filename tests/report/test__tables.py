from dataclasses import replace

import pandas as pd
import pytest

import custlens as cl
from custlens import report


def rows(table):
    """Return the rows of a table as lists of texts."""
    return table._cells.to_numpy().tolist()


def test_the_list_of_the_overdue_is_of_those_silent_for_longer_than_usual(cdnow_data):
    found = rows(report.overdue_list(cdnow_data))
    late = cdnow_data.overdue.query("recency_days > usual_gap_days").head(10)
    assert [int(row[0]) for row in found] == [*late["customer_id"]]
    assert [row[5] for row in found] == [f"{value:,.0f}" for value in late["value_at_risk"]]
    assert {row[6] for row in found} == {"unknown"}
    assert len(rows(report.overdue_list(cdnow_data, rows=3))) == 3


def test_consent_is_told_in_three_states(data):
    customers = data.customers.set_index("customer_id")
    words = {True: "yes", False: "no"}
    for row in rows(report.best_list(data, rows=40)):
        consent = customers.loc[int(row[0]), "accept_marketing"]
        assert row[-1] == ("unknown" if pd.isna(consent) else words[consent])


def test_the_best_are_buyers_alone(data):
    best = data.customers.query("number_of_orders > 0").sort_values("sales_value", ascending=False)
    assert [int(row[0]) for row in rows(report.best_list(data))] == [*best["customer_id"].head(10)]
    buyers = len(rows(report.best_list(data, rows=5_000)))
    assert buyers == len(best)


def test_names_are_hidden_unless_they_are_asked_for(data):
    hidden, revealed = (report.best_list(data, reveal=reveal) for reveal in (False, True))
    names = data.customers.set_index("customer_id")["name"]
    number = int(rows(hidden)[0][0])
    assert rows(revealed)[0][0] == f"{number} {names[number]}".strip()
    with pytest.raises(cl.ArgumentError, match="reveal must be True or False"):
        report.best_list(data, reveal="yes")


def test_ids_are_linked_to_the_page_of_the_customer_in_the_shop(data):
    page = report.best_list(data, link="https://admin.example/{store_id}?c={customer_id}")._repr_html_()
    assert page.count('<a href="https://admin.example/1003?c=1770') == 10


def test_the_forecast_adds_up_what_is_expected_of_each_buyer(cdnow_data):
    predicted = cdnow_data.model.predict(cdnow_data.customers, "90D")
    text = repr(report.forecast_sentence(cdnow_data))
    assert (
        f"{predicted['expected_orders'].sum():,.0f} orders and {predicted['expected_revenue'].sum():,.0f} USD" in text
    )
    best = predicted.nlargest(10, "expected_revenue")
    assert [int(row[0]) for row in rows(report.forecast_list(cdnow_data))] == [*best["customer_id"]]


def test_the_last_chart_of_the_forecast_is_the_promise_of_the_earlier_sync(cdnow_data):
    ax = report.forecast_charts(cdnow_data)[-1]()
    assert ax.get_xlabel() == "Promised chance of an order"


def test_tables_agree_with_the_analyses(cdnow_data):
    customers = cdnow_data.customers
    sizes = cl.segments.sizes(cl.segments.rfm(customers))
    assert [row[0] for row in rows(report.segments_table(cdnow_data))] == [*sizes["segment"]]
    assert sum(int(row[1].replace(",", "")) for row in rows(report.segments_table(cdnow_data))) == 2_357
    cohorts = cl.cohorts.summary(customers, freq="QS")
    assert [row[1] for row in rows(report.cohorts_table(cdnow_data))] == [f"{n:,}" for n in cohorts["buyers"].tail(8)]
    assert report.groups_table(cdnow_data) is None  # all in one country


def test_languages_are_named_in_the_table_of_groups(data):
    table = report.groups_table(data, "lang")
    assert table._headers[0] == "Language"
    assert {"English", "German"} <= {row[0] for row in rows(table)}


def test_consent_is_named_in_the_table_of_groups(data):
    groups = cl.orders.breakdown(data.customers, "accept_marketing")
    found = {row[0]: int(row[1]) for row in rows(report.groups_table(data, "accept_marketing"))}
    words = groups["accept_marketing"].replace({"true": "yes", "false": "no"})
    assert found == dict(zip(words, groups["buyers"], strict=True))


def test_what_could_not_be_used_is_counted_by_field_and_reason(data):
    found = rows(report.rejects_table(data))
    assert sum(int(row[2]) for row in found) == len(data.rejects)
    assert {row[0] for row in found} == set(data.rejects["api_path"])


def test_records_that_cannot_be_read_are_one_row_wherever_they_break(data):
    broken = data.rejects.head(2).assign(api_path="$", reason=["not JSON (byte 12)", "not JSON (byte 345)"])
    assert rows(report.rejects_table(replace(data, rejects=broken))) == [["the whole record", "not JSON", "2"]]


def test_shares_of_segments_are_of_the_sales_shown(data):
    shares = [float(row[4].rstrip("%")) for row in rows(report.segments_table(data))]
    assert sum(shares) == pytest.approx(100, abs=0.5)


def test_without_buyers_or_rejects_there_are_no_tables(tmp_path):
    with cl.demo.serve(customers=0) as shop:
        store = cl.Store(tmp_path / "empty.lens")
        store.sync(shop.client(), progress=False)
    data = report.read(store)
    tables = (
        report.overdue_list, report.best_list, report.forecast_list, report.segments_table, report.cohorts_table,
        report.groups_table, report.rejects_table,
    )  # fmt: skip
    assert [table(data) for table in tables] == [None] * len(tables)
    assert report.forecast_charts(data) == []
    assert repr(report.forecast_sentence(data)).startswith("There is no forecast: no buyer has a second order")


OF_DATA = (
    report.Findings, report.overdue_list, report.best_list, report.forecast_list, report.segments_table,
    report.cohorts_table, report.groups_table, report.rejects_table, report.forecast_sentence, report.forecast_charts,
)  # fmt: skip


@pytest.mark.parametrize("function", OF_DATA, ids=lambda function: function.__name__)
def test_what_is_not_the_data_of_a_report_is_named(function, data):
    with pytest.raises(cl.ArgumentError, match=r"data must be what custlens\.report\.read returns, not a DataFrame"):
        function(data.customers)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (report.overdue_list, {"rows": 0}, "rows must be at least 1"),
        (report.best_list, {"link": 5}, "link must be an address"),
        (report.cohorts_table, {"rows": "all"}, "rows must be a whole number"),
        (report.groups_table, {"rows": -1}, "rows must be at least 1"),
        (report.groups_table, {"by": "email"}, "by"),
        (report.rejects_table, {"rows": 0}, "rows must be at least 1"),
    ],
)
def test_an_argument_of_another_kind_is_named(function, options, message, data):
    with pytest.raises(cl.ArgumentError, match=message):
        function(data, **options)
