import re

import pandas as pd
import pytest

import custlens as cl
from custlens.report import Table

RESULT = pd.DataFrame(
    {
        "group": ["<b>US</b>", None, "DE"],
        "customers": [1234, 5, 0],
        "orders": [2.0, 1e6, None],
        "share": [0.305, 1.0, None],
        "sales_value": [1234.5, 0.0, float("nan")],
        "mature": [True, False, True],
        "cohort": pd.to_datetime(["2026-01-01", None, "2026-03-01"]),
        "as_of": pd.to_datetime(["2026-01-01 12:30", None, "2026-03-01 00:00"], utc=True),
        "customer_id": [177000001, 1, 2],
    }
)


def test_each_kind_of_value_is_written_for_people():
    lines = [line.split() for line in repr(Table(RESULT.drop(columns="group"))).splitlines()]
    assert lines[0] == [
        "customers",
        "orders",
        "share",
        "sales",
        "value",
        "mature",
        "cohort",
        "as",
        "of",
        "customer",
        "id",
    ]
    assert lines[1] == ["1,234", "2", "30.5%", "1,234.50", "yes", "2026-01-01", "2026-01-01", "12:30", "177000001"]
    assert lines[2] == ["5", "1,000,000", "100.0%", "0.00", "no", "–", "–", "1"]
    assert lines[3] == ["0", "–", "–", "–", "yes", "2026-03-01", "2026-03-01", "00:00", "2"]


def test_columns_are_picked_ordered_and_named():
    assert repr(Table(RESULT, {"share": "Share", "customers": "Customers"})).split()[:4] == [
        "Share",
        "Customers",
        "30.5%",
        "1,234",
    ]


def test_columns_that_are_numbered_are_shown_too():
    assert repr(Table(pd.DataFrame({0: [1.5], 1: ["a"]}), currency="EUR")).split() == ["0", "1", "1.5", "a"]


def test_two_columns_may_have_one_header():
    table = Table(RESULT, {"customers": "from", "customer_id": "from"})
    assert repr(table).split()[:4] == ["from", "from", "1,234", "177000001"]
    assert table._repr_html_().count("177000001") == 1


def test_text_is_shown_as_text_in_html():
    page = Table(RESULT, {"group": "<i>", "customers": "Customers"}, currency="<u>")._repr_html_()
    assert "&lt;b&gt;US&lt;/b&gt;" in page
    assert "&lt;i&gt;" in page
    assert "<b>" not in page
    assert page.count("<tr>") == 4


def test_the_html_is_the_same_each_time():
    assert Table(RESULT)._repr_html_() == Table(RESULT)._repr_html_()


def test_amounts_have_two_decimals_and_other_numbers_no_more_than_they_need():
    table = pd.DataFrame({"sales_value": [97.5, 3.0], "usual_gap_days": [16.3, 0.6], "median_frequency": [2.0, 3.0]})
    assert [line.split() for line in repr(Table(table)).splitlines()[1:]] == [
        ["97.50", "16.3", "2"],
        ["3.00", "0.6", "3"],
    ]


def test_an_interval_is_one_column(cdnow):
    cohorts = cl.cohorts.summary(cdnow.customers, freq="QS")
    columns = {"buyers": "Buyers", "repeat_rate": "Ordered again", "repeat_rate_ci": "95% interval"}
    low, high = cohorts.loc[0, ["repeat_rate_ci_low", "repeat_rate_ci_high"]]
    assert repr(Table(cohorts, columns)).split()[-1] == f"{low:.0%}".removesuffix("%") + f"–{high:.0%}"
    groups = cl.orders.breakdown(cdnow.customers).round({"median_buyer_value_ci_high": 0})
    assert "–" in repr(Table(groups, {"median_buyer_value_ci": "95% interval"}))
    missing = groups.assign(median_buyer_value_ci_low=None).astype({"median_buyer_value_ci_low": "float64"})
    assert repr(Table(missing, {"median_buyer_value_ci": "95% interval"})).split()[-1] == "–"


def test_headers_of_amounts_have_the_currency(cdnow):
    groups = cl.orders.breakdown(cdnow.customers)
    columns = {"buyers": "Buyers", "sales_value": "Sales", "median_buyer_value_ci": "95% interval"}
    assert repr(Table(groups, columns, currency="USD")).splitlines()[0].split() == [
        "Buyers", "Sales", "(USD)", "95%", "interval", "(USD)",
    ]  # fmt: skip


def test_countries_have_names_and_what_is_not_a_country_stays():
    table = pd.DataFrame({"billing_country_code": ["GB", "XK", "NA", "unknown", "other", None]})
    assert [line.strip() for line in repr(Table(table)).splitlines()[1:]] == [
        "United Kingdom", "Kosovo", "Namibia", "unknown", "other", "–",
    ]  # fmt: skip


def test_customers_are_linked_by_their_ids_and_named_where_names_are_given():
    link = "https://my.example/store/1#id={customer_id}&x=1"
    table = Table(RESULT, {"customer_id": "Customer"}, link=link, names={1: "Ann <b>Lee</b>"})
    page = table._repr_html_()
    assert '<a href="https://my.example/store/1#id=177000001&amp;x=1" rel="noreferrer">177000001</a></td>' in page
    assert ">1</a> Ann &lt;b&gt;Lee&lt;/b&gt;</td>" in page
    assert "1 Ann <b>Lee</b>" in repr(table)


def test_a_result_of_an_analysis_and_an_empty_one_are_shown(generated):
    shown = repr(Table(cl.orders.breakdown(generated.customers)))
    assert "median buyer value" in shown
    assert "%" in shown
    assert "customers" in Table(cl.orders.breakdown(generated.customers).head(0))._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "table must be a table, not None"),
        (([1, 2],), r"table must be a table, not \[1, 2\]"),
        ((RESULT, ["share"]), "columns must be a mapping"),
        ((RESULT, {"shares": "Share"}), "columns names 'shares', which the table lacks; did you mean 'share'"),
        ((RESULT, {"share_ci": "Share"}), "columns names 'share_ci', which the table lacks"),
    ],
)
def test_what_is_not_a_table_or_column_is_named(arguments, message):
    with pytest.raises(cl.ArgumentError, match=message):
        Table(*arguments)


@pytest.mark.parametrize("link", [5, "my.example/{customer_id}"])
def test_a_link_that_is_not_an_address_is_refused(link):
    with pytest.raises(cl.ArgumentError, match="link must be an address that begins with https"):
        Table(RESULT, link=link)


def test_a_text_stays_clear_of_the_number_on_its_left():
    page = Table(RESULT, {"customers": "Customers", "cohort": "Cohort", "group": "Group"})._repr_html_()
    styles = dict(re.findall(r"\.col(\d) \{(.*?)\}", page, re.DOTALL))
    assert "padding-left" in styles["1"]
    assert "padding-left" not in styles["2"]
