import numpy as np
import pandas as pd
import pytest

import custlens as cl
from custlens.plot import _style as look


def bars_of(ax):
    return [bar for container in ax.containers for bar in container]


def test_a_country_has_its_name(data):
    ax = cl.plot.sales_by(data["generated"].customers)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert "United States" in names
    groups = cl.orders.breakdown(data["generated"].customers).head(12)
    assert [bar.get_width() for bar in bars_of(ax)] == pytest.approx(groups["sales_value"].tolist())


def test_medians_have_their_intervals(data):
    customers = data["generated"].customers
    container = cl.plot.sales_by(customers, column="median_buyer_value").containers[0]
    groups = cl.orders.breakdown(customers).head(12)
    assert container.lines[0].get_xdata().tolist() == pytest.approx(groups["median_buyer_value"].tolist())
    ends = np.array([segment[:, 0] for segment in container.lines[2][0].get_segments()])
    assert ends[:, 0].tolist() == pytest.approx(groups["median_buyer_value_ci_low"].tolist())
    assert ends[:, 1].tolist() == pytest.approx(groups["median_buyer_value_ci_high"].tolist())


def test_the_finding_of_medians_is_of_medians(data):
    customers = data["generated"].customers
    ax = cl.plot.sales_by(customers, column="median_buyer_value", top=5)
    groups = cl.orders.breakdown(customers).head(5).query("billing_country_code not in ['unknown', 'other']")
    best = groups.loc[groups["median_buyer_value"].idxmax()]
    low, high = best["median_buyer_value_ci_low"], best["median_buyer_value_ci_high"]
    sentence = cl.plot.describe(ax)
    assert sentence.startswith("Median value of buyers by billing country, of the 5 groups with most sales: highest ")
    amounts = f"{look.money(best['median_buyer_value'], 'EUR')} (95% interval {look.money(low, None)} to {look.money(high, None)})"
    assert amounts in sentence
    one = cl.plot.sales_by(customers, column="median_buyer_value", top=1)
    assert "highest" not in cl.plot.describe(one)


def test_a_language_has_its_name(data):
    ax = cl.plot.sales_by(data["generated"].customers, "lang")
    assert {"English", "German"} <= {label.get_text() for label in ax.get_yticklabels()}
    assert "language: English, " in cl.plot.describe(ax)


@pytest.mark.parametrize("sales", [(100.0, -30.0), (5.0, -300.0), (-5.0, -300.0)])
def test_the_label_of_a_bar_stays_clear_of_the_names(sales, data):
    customers = data["generated"].customers.query("number_of_orders > 0").head(40)
    where = np.arange(len(customers)) < 20
    customers = customers.assign(
        customer_group_name=np.where(where, "a", "b"), sales_value=np.where(where, *sales) * 1.0
    )
    ax = cl.plot.sales_by(customers, "customer_group_name")
    ax.figure.canvas.draw()
    for text in ax.texts:
        if "buyers" in text.get_text() and "n = " not in text.get_text():
            box = text.get_window_extent()
            assert ax.bbox.x0 <= box.x0
            assert box.x1 <= ax.bbox.x1


@pytest.mark.parametrize("by", ["billing_state_or_province_name", "customer_group_name", "accept_marketing", "lang"])
def test_every_breakdown_can_be_drawn(by, data):
    assert cl.plot.sales_by(data["generated"].customers, by).patches


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top": 0}, "top must be"),
        ({"by": "city"}, "by must be one of"),
        ({"column": "sales"}, "column must be .*'sales_value'"),
    ],
)
def test_groups_that_cannot_be_shown_are_named(arguments, message, data):
    with pytest.raises(cl.ArgumentError, match=message):
        cl.plot.sales_by(data["generated"].customers, **arguments)


def test_a_comparison_shows_differences_in_percent(data):
    a, b = data["generated"].odd, data["generated"].even
    ax = cl.plot.comparison(a, b, names=("odd", "even"))
    table = cl.orders.compare(a, b)
    shown = ax.containers[0].lines[0].get_xdata()
    assert shown.tolist() == pytest.approx((table["difference"] / table["a"]).tolist())
    assert ax.get_title(loc="left") == "even against odd"


@pytest.mark.parametrize("names", ["ab", ["a"], ("a", 2), None])
def test_names_that_are_not_two_texts_are_named(names, data):
    with pytest.raises(cl.ArgumentError, match="names must be two texts"):
        cl.plot.comparison(data["generated"].odd, data["generated"].even, names=names)


def test_checks_that_found_something_are_drawn(data):
    customers = data["generated"].customers
    ax = cl.plot.quality(customers)
    found = cl.orders.quality(customers).query("customers > 0")
    assert [bar.get_width() for bar in bars_of(ax)] == found["customers"].tolist()


def test_a_groups_name_is_shown_as_text_whatever_it_holds(data):
    names = ["$x_1^$ & <b>gold</b>", "a very long name " * 9, "日本 group"]
    customers = data["generated"].customers
    groups = pd.Categorical(np.resize(names, len(customers)))
    ax = cl.plot.sales_by(customers.assign(customer_group_name=groups), "customer_group_name")
    ax.figure.canvas.draw()  # a glyph that the font lacks would warn, and a warning is an error here
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert r"\$x_1^\$ & <b>gold</b>" in shown
    assert "□□ group" in shown
    assert all(len(name) <= 30 for name in shown)


@pytest.mark.parametrize("column", ["sales_value", "median_buyer_value"])
def test_buyers_whose_amounts_are_unknown_are_said_and_not_drawn(column, data):
    customers = data["generated"].customers
    lost = customers["billing_country_code"] == "US"
    ax = cl.plot.sales_by(customers.assign(sales_value=customers["sales_value"].mask(lost)), column=column)
    buyers = customers["number_of_orders"] > 0
    note = ax.texts[0].get_text().replace("\n", " ")
    assert f"n = {(buyers & ~lost).sum():,} buyers" in note
    assert f"{(buyers & lost).sum():,} without an amount" in note
    assert "United States" not in " ".join(label.get_text() for label in ax.get_yticklabels())


@pytest.mark.parametrize("column", ["sales_value", "median_buyer_value"])
@pytest.mark.parametrize("by", ["billing_country_code", "lang"])
def test_no_amount_at_all_is_said(column, by, data):
    ax = cl.plot.sales_by(data["generated"].customers.assign(sales_value=np.nan), by, column)
    assert "none of them with a known amount" in cl.plot.describe(ax)
    assert "n = 0 buyers" in ax.texts[0].get_text()


@pytest.mark.parametrize("amounts", [(10.0, -10.0), (0.1, 0.2, -0.3)])
def test_sales_that_refunds_cancel_are_amounts_and_not_shares(amounts, data):
    customers = data["generated"].customers.query("number_of_orders > 0").head(999)
    ax = cl.plot.sales_by(customers.assign(sales_value=np.resize(amounts, len(customers))))
    assert "%" not in cl.plot.describe(ax)
    assert "Sales by billing country: highest " in cl.plot.describe(ax)
    labels = [text.get_text() for text in ax.texts if "buyer" in text.get_text() and "n = " not in text.get_text()]
    assert labels
    assert all("EUR, " in label and "%" not in label and "-0.00" not in label for label in labels)


def test_kinds_of_customers_are_named(data):
    ax = cl.plot.sales_by(data["generated"].customers, "b2b_b2c")
    assert {label.get_text() for label in ax.get_yticklabels()} == {"business", "consumer"}
