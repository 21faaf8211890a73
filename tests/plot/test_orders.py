import matplotlib
import numpy as np
import pandas as pd
import pytest

import custlens as cl


def bars_of(ax):
    return [bar for container in ax.containers for bar in container]


def test_the_bars_hold_every_buyer(data):
    for shop in ("generated", "cdnow"):
        customers = data[shop].customers
        buyers = cl.orders.summary(customers)["buyers"].item()
        for chart in (cl.plot.sales_value, cl.plot.average_order_value, cl.plot.number_of_orders):
            for scale in ("log", "linear"):
                assert sum(bar.get_height() for bar in bars_of(chart(customers, scale=scale))) == buyers


def test_the_bars_stand_where_the_amounts_are(data):
    customers = data["generated"].customers
    spent = customers.loc[customers["number_of_orders"] > 0, "sales_value"]
    for bar in bars_of(cl.plot.sales_value(customers, scale="linear"))[1:-1]:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        assert bar.get_height() == ((spent >= low - 1e-9) & (spent < high - 1e-9)).sum()


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_cumulative_curve_is_exact_at_its_points(scale, data):
    customers = data["cdnow"].customers
    amounts, shares = cl.plot.sales_value(customers, scale=scale, cumulative=True).lines[0].get_data()
    spent = customers["sales_value"].to_numpy()
    assert len(amounts) == 501
    for amount, share in zip(amounts[::50], shares[::50], strict=True):
        assert (spent <= amount + 1e-9).mean() >= share - 1 / len(spent)
        assert (spent < amount - 1e-9).mean() <= share + 1 / len(spent)


def test_amounts_of_zero_stand_beside_the_log_axis(data):
    ax = cl.plot.sales_value(data["cdnow"].customers)
    assert ax.get_xscale() == "log"
    ax.figure.canvas.draw()
    assert "0" in [label.get_text() for label in ax.get_xticklabels()]


def test_the_finding_is_made_from_the_numbers(data):
    buyers = data["generated"].customers.query("number_of_orders > 0")["sales_value"]
    median, tenth = buyers.quantile([0.5, 0.9])
    sentence = cl.plot.describe(cl.plot.sales_value(data["generated"].customers))
    assert sentence == (
        f"Half of {len(buyers):,} buyers have spent less than {median:.2f} EUR; the top tenth {tenth:,.0f} EUR or more."
    )


def test_one_amount_is_said_and_not_drawn(data):
    ax = cl.plot.sales_value(data["one"].customers)
    assert not ax.patches
    assert cl.plot.describe(ax).startswith("1 buyer: ")


def test_orders_in_classes_that_double(data):
    ax = cl.plot.number_of_orders(data["generated"].customers, scale="log")
    n = data["generated"].customers["number_of_orders"]
    heights = {tick.get_text(): bar.get_height() for tick, bar in zip(ax.get_xticklabels(), bars_of(ax), strict=True)}
    assert heights["1"] == (n == 1).sum()
    assert heights["4–7"] == n.between(4, 7).sum()


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


@pytest.mark.parametrize("chart", [cl.plot.sales_value, cl.plot.average_order_value, cl.plot.number_of_orders])
def test_a_scale_that_does_not_exist_is_named(chart, data):
    with pytest.raises(cl.ArgumentError, match="scale must be one of log, linear"):
        chart(data["generated"].customers, scale="logarithmic")


def test_a_style_and_a_currency_can_be_given(data):
    ax = cl.plot.sales_value(data["generated"].customers.drop(columns="currency"), currency="CHF", color="black")
    assert "CHF" in ax.get_xlabel()
    assert matplotlib.colors.to_hex(ax.containers[-1][0].get_facecolor()) == "#000000"


def test_an_unknown_currency_is_said(data):
    customers = data["generated"].customers.drop(columns="currency")
    assert "currency unknown" in cl.plot.sales_by(customers).get_xlabel()
    assert "unknown" not in cl.plot.describe(cl.plot.concentration(customers))


def test_the_curve_of_concentration_is_that_of_the_analysis(data):
    customers = data["cdnow"].customers
    ax = cl.plot.concentration(customers)
    people, sales = ax.lines[1].get_data()
    curve = cl.orders.lorenz(customers)
    assert people.tolist() == curve["customers"].tolist()
    assert sales.tolist() == curve["sales"].tolist()
    assert "top 20%: 67%" in [text.get_text() for text in ax.texts]
    assert "The top 10% of 2,357 buyers bring 51%" in cl.plot.describe(ax)


def test_a_comparison_shows_differences_in_percent(data):
    a, b = data["generated"].halves
    ax = cl.plot.comparison(a, b, names=("odd", "even"))
    table = cl.orders.compare(a, b)
    shown = ax.containers[0].lines[0].get_xdata()
    assert shown.tolist() == pytest.approx((table["difference"] / table["a"]).tolist())
    assert ax.get_title(loc="left") == "even against odd"


@pytest.mark.parametrize("names", ["ab", ["a"], ("a", 2), None])
def test_names_that_are_not_two_texts_are_named(names, data):
    with pytest.raises(cl.ArgumentError, match="names must be two texts"):
        cl.plot.comparison(*data["generated"].halves, names=names)


def test_checks_that_found_something_are_drawn(data):
    customers = data["generated"].customers
    ax = cl.plot.quality(customers)
    found = cl.orders.quality(customers).query("customers > 0")
    assert [bar.get_width() for bar in bars_of(ax)] == found["customers"].tolist()


def test_observed_revenue_is_that_of_the_analysis(data):
    history = data["generated"].history
    ax = cl.plot.observed_revenue(history, currency="EUR")
    table = cl.orders.observed_revenue(history)
    assert [bar.get_height() for bar in bars_of(ax)] == pytest.approx(table["revenue"].tolist())
    assert ax.get_ylabel() == "Revenue (EUR)"


def test_the_history_of_a_store_can_be_drawn(tmp_path, shop, client):
    store = cl.Store(tmp_path / "shop.lens")
    store.sync(client, progress=False)
    ax = cl.plot.observed_revenue(store.history())
    assert cl.plot.describe(ax) == "No orders have come in between two syncs yet."


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
