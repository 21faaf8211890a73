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


def test_two_columns_may_have_one_header():
    table = Table(RESULT, {"customers": "from", "customer_id": "from"})
    assert repr(table).split()[:4] == ["from", "from", "1,234", "177000001"]
    assert table._repr_html_().count("177000001") == 1


def test_text_is_shown_as_text_in_html():
    page = Table(RESULT)._repr_html_()
    assert "&lt;b&gt;US&lt;/b&gt;" in page
    assert "<b>" not in page
    assert page.count("<tr>") == 4


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
    ],
)
def test_what_is_no_table_or_column_is_named(arguments, message):
    with pytest.raises(cl.ArgumentError, match=message):
        Table(*arguments)
