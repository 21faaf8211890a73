import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
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


def test_the_cumulative_curve_of_few_buyers_has_a_step_for_each(data):
    customers = data["tiny"].customers
    amounts, shares = cl.plot.sales_value(customers, cumulative=True).lines[0].get_data()
    assert amounts.tolist() == pytest.approx(sorted(customers["sales_value"]))
    assert shares.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    counts, shares = cl.plot.number_of_orders(customers, cumulative=True).lines[0].get_data()
    assert counts.tolist() == sorted(customers["number_of_orders"])
    assert shares.tolist() == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("cumulative", [False, True])
def test_refunds_alone_can_be_drawn(cumulative, data):
    customers = data["generated"].customers.query("number_of_orders > 0").head(40)
    spent = -np.arange(len(customers)) * 1.0
    ax = cl.plot.sales_value(customers.assign(sales_value=spent), cumulative=cumulative)
    ax.figure.canvas.draw()
    assert "Half of 40 buyers have spent less than -19.50 EUR" in cl.plot.describe(ax)


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
    assert cl.plot.describe(ax).startswith("1 buyer has spent ")


def test_orders_in_classes_that_double(data):
    ax = cl.plot.number_of_orders(data["generated"].customers, scale="log")
    n = data["generated"].customers["number_of_orders"]
    heights = {tick.get_text(): bar.get_height() for tick, bar in zip(ax.get_xticklabels(), bars_of(ax), strict=True)}
    assert heights["1"] == (n == 1).sum()
    assert heights["4–7"] == n.between(4, 7).sum()
    few = cl.plot.number_of_orders(data["tiny"].customers, scale="log")
    assert [tick.get_text() for tick in few.get_xticklabels()] == ["1", "2–3"]


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


@pytest.mark.parametrize("inches", [3, 5.2, 8])
@pytest.mark.parametrize("spread", [(500, 6_000), (120, 900), (0.02, 4e6)])
def test_labels_of_a_log_axis_do_not_touch(inches, spread, data):
    buyers = data["generated"].customers.query("number_of_orders > 0").head(300)
    spent = np.geomspace(*spread, len(buyers))
    spent[:2] = 0, -3
    figure, ax = plt.subplots(figsize=(inches, 3.5), layout="constrained")
    cl.plot.average_order_value(buyers.assign(sales_value=spent * buyers["number_of_orders"].astype("float64")), ax=ax)
    for present in (inches, 3):
        figure.set_size_inches(present, 3.5)
        figure.canvas.draw()
        labels = [tick.label1 for tick in ax.xaxis._update_ticks() if tick.label1.get_text()]
        boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
        assert len(labels) > (3 if present == inches else 2), [label.get_text() for label in labels]
        assert all(a.x1 + 1 < b.x0 for a, b in itertools.pairwise(boxes)), [label.get_text() for label in labels]


@pytest.mark.parametrize("chart", [cl.plot.sales_value, cl.plot.average_order_value])
def test_refunds_alone_are_drawn_on_an_axis_of_refunds(chart, data):
    customers = data["generated"].customers
    refunds = customers.assign(sales_value=-customers["sales_value"])
    ax = chart(refunds, cumulative=True)
    assert "not drawn" not in ax.texts[0].get_text()
    bars = chart(refunds)
    assert bars.get_xscale() == "linear"
    assert bars.get_xlim()[0] < -300
    assert len(bars.patches) > 5
    assert bars.get_xlim()[0] < -10 * bars.get_xlim()[1]
    total = (customers["number_of_orders"] > 0).sum()
    assert sum(bar.get_height() for bar in bars.containers[0]) == total


def test_the_concentration_counts_buyers_with_amounts(data):
    customers = data["generated"].customers
    lost = customers["billing_country_code"] == "US"
    some = cl.plot.concentration(customers.assign(sales_value=customers["sales_value"].mask(lost)))
    note = some.texts[0].get_text().replace("\n", " ")
    assert f"{(lost & (customers['number_of_orders'] > 0)).sum():,} without an amount" in note
    none = cl.plot.concentration(customers.assign(sales_value=np.nan))
    assert "none of them with a known amount" in cl.plot.describe(none)
