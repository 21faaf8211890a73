import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import custlens as cl

CHARTS = [getattr(cl.plot, name) for name in cl.plot.__all__]


MIDNIGHT = pd.Timestamp("1998-07-05", tz="UTC")


def buyers_on(*days):
    """Return a table of customers who have ordered once, one on each day."""
    when = pd.to_datetime(list(days), format="ISO8601").tz_localize("UTC").as_unit("us")
    return pd.DataFrame(
        {
            "customer_id": range(1, len(days) + 1),
            "number_of_orders": 1,
            "sales_value": 5.0,
            "first_order_date": when,
            "last_order_date": when,
        }
    )


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("data", ["generated", "cdnow"])
def test_a_chart_returns_its_axes_and_leaves_the_settings_alone(chart, data, request):
    customers = request.getfixturevalue(data).customers
    settings = dict(matplotlib.rcParams)
    _, ax = plt.subplots()
    assert chart(customers, ax=ax) is ax
    assert isinstance(chart(customers), Axes)
    assert dict(matplotlib.rcParams) == settings


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_says_how_many_when_and_who_is_left_out(chart, generated):
    ax = chart(generated.customers)
    row = cl.orders.summary(generated.customers).iloc[0]
    note = " ".join(text.get_text() for text in ax.texts)
    assert f"n = {row['buyers']:,} buyers" in note
    assert f"{row['prospects']:,} without orders left out" in note
    assert "as of 30 Jun 2026" in note
    if chart in (cl.plot.sales_value, cl.plot.average_order_value, cl.plot.sales_by):
        assert "EUR" in ax.get_xlabel()


@pytest.mark.parametrize("chart", CHARTS)
def test_an_empty_shop_is_said_and_not_drawn(chart, generated):
    for customers in (generated.customers.head(0), generated.customers.query("number_of_orders == 0")):
        ax = chart(customers)
        assert any("No buyers yet" in text.get_text() for text in ax.texts)
        assert not ax.patches


@pytest.mark.parametrize("chart", CHARTS)
def test_no_text_is_cut_off_and_no_ticks_overlap(chart, generated, cdnow):
    for customers in (generated.customers, cdnow.customers, generated.customers.head(1), cdnow.customers.head(3)):
        ax = chart(customers)
        figure = ax.figure
        figure.canvas.draw()
        renderer, frame = figure.canvas.get_renderer(), figure.bbox
        ticks = [tick.label1 for axis in (ax.xaxis, ax.yaxis) for tick in axis._update_ticks()]
        for text in [ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.texts, *ticks]:
            if text.get_text() and text.get_visible():
                box = text.get_window_extent(renderer)
                assert box.x0 >= frame.x0 - 1, text
                assert box.x1 <= frame.x1 + 1, text
                assert box.y0 >= frame.y0 - 1, text
                assert box.y1 <= frame.y1 + 1, text
        for axis, low, high in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
            labels = [tick.label1 for tick in axis._update_ticks() if tick.label1.get_text()]
            boxes = sorted((label.get_window_extent(renderer) for label in labels), key=lambda box: getattr(box, low))
            assert all(getattr(a, high) <= getattr(b, low) for a, b in itertools.pairwise(boxes))
        plt.close(figure)


def test_the_bars_hold_every_buyer(generated):
    buyers = cl.orders.summary(generated.customers)["buyers"].item()
    for chart in (cl.plot.sales_value, cl.plot.average_order_value, cl.plot.number_of_orders, cl.plot.first_orders):
        ax = chart(generated.customers)
        bars = [bar for container in ax.containers for bar in container]
        undated = 0
        if chart is cl.plot.first_orders:
            undated = generated.customers.query("number_of_orders > 0")["first_order_date"].isna().sum()
            assert f"{undated} undated left out" in ax.texts[0].get_text()
        assert sum(bar.get_height() for bar in bars) == buyers - undated


def test_amounts_of_zero_stand_beside_the_log_axis(cdnow):
    ax = cl.plot.sales_value(cdnow.customers)
    assert ax.get_xscale() == "log"
    ax.figure.canvas.draw()
    assert "0" in [label.get_text() for label in ax.get_xticklabels()]


def test_an_unfinished_month_is_pale(generated):
    bars = cl.plot.first_orders(generated.customers).patches
    assert bars[-1].get_alpha() == 0.4
    assert bars[0].get_alpha() is None


@pytest.mark.parametrize("chart", [cl.plot.first_orders, cl.plot.last_orders])
@pytest.mark.parametrize(("freq", "periods"), [("MS", 15), ("month", 15), ("QS", 6), ("W", 59), ("year", 2)])
def test_a_shop_that_has_dried_up_looks_like_one(chart, freq, periods):
    customers = buyers_on("1997-05-20", "1997-05-31", "1997-07-02").assign(as_of=MIDNIGHT)
    bars = chart(customers, freq=freq).patches
    assert len(bars) == periods
    assert sum(bar.get_height() for bar in bars) == 3
    assert bars[-1].get_height() == 0
    assert [bar.get_alpha() for bar in bars] == [None] * (periods - 1) + [0.4]


def test_periods_begin_in_the_time_zone(generated):
    customers = buyers_on("1997-05-31 23:00").assign(as_of=pd.Timestamp("1997-06-01", tz="UTC"))
    assert [bar.get_height() for bar in cl.plot.first_orders(customers).patches] == [1, 0]
    assert [bar.get_height() for bar in cl.plot.first_orders(customers, tz="Europe/Berlin").patches] == [1]


def test_a_table_that_does_not_say_when_it_was_observed_is_drawn_up_to_its_last_order():
    ax = cl.plot.first_orders(buyers_on("1997-05-20", "1997-08-20"))
    assert sum(bar.get_height() for bar in ax.patches) == 2
    assert "as of an unknown time" in ax.texts[0].get_text()


def test_a_groups_name_is_shown_as_text_whatever_it_holds(generated):
    names = ["$x_1^$ & <b>gold</b>", "a very long name " * 9]
    customers = generated.customers.assign(
        customer_group_name=pd.Categorical(np.resize(names, len(generated.customers)))
    )
    ax = cl.plot.sales_by(customers, "customer_group_name")
    ax.figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert r"\$x_1^\$ & <b>gold</b>" in shown
    assert all(len(name) <= 30 for name in shown)


def test_a_style_and_a_currency_can_be_given(generated):
    ax = cl.plot.sales_value(generated.customers.drop(columns="currency"), currency="CHF", color="black")
    assert "CHF" in ax.get_xlabel()
    assert matplotlib.colors.to_hex(ax.containers[-1][0].get_facecolor()) == "#000000"


def test_an_unknown_currency_is_said(generated):
    assert "currency unknown" in cl.plot.sales_by(generated.customers.drop(columns="currency")).get_xlabel()


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ax": "figure"}, "ax must be matplotlib Axes or None, not a Figure: pass figure.subplots"),
        ({"ax": "array"}, "ax must be matplotlib Axes or None, not a ndarray"),
        ({"ax": 3}, "ax must be matplotlib Axes or None, not 3"),
        ({"colour": "red"}, "the bars cannot be drawn in this style: .*colour"),
        ({"color": "no such colour"}, "the bars cannot be drawn in this style"),
    ],
)
def test_axes_or_a_style_of_another_kind_are_named(chart, arguments, message, generated):
    things = {"figure": plt.figure(), "array": np.array(plt.subplots(2)[1])}
    given = {name: things.get(value, value) if name == "ax" else value for name, value in arguments.items()}
    with pytest.raises(cl.ArgumentError, match=message):
        chart(generated.customers, **given)


@pytest.mark.parametrize("chart", [cl.plot.first_orders, cl.plot.last_orders])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"freq": "months"}, "freq must be .*'month'"), ({"freq": 3}, "freq must be"), ({"tz": "Berlin"}, "'Berlin'")],
)
def test_a_period_or_a_time_zone_that_does_not_exist_is_named(chart, arguments, message, generated):
    with pytest.raises(cl.ArgumentError, match=message):
        chart(generated.customers, **arguments)


@pytest.mark.parametrize(("arguments", "message"), [({"top": 0}, "top must be"), ({"by": "city"}, "by must be one of")])
def test_groups_that_cannot_be_shown_are_named(arguments, message, generated):
    with pytest.raises(cl.ArgumentError, match=message):
        cl.plot.sales_by(generated.customers, **arguments)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_that_cannot_be_drawn_leaves_no_figure_behind(chart, generated):
    with pytest.raises(cl.DataError):
        chart(generated.customers.drop(columns="number_of_orders"))
    assert plt.get_fignums() == []


@pytest.mark.parametrize("by", ["billing_state_or_province_name", "accept_marketing", "lang", "b2b_b2c"])
def test_every_breakdown_can_be_drawn(by, generated):
    assert cl.plot.sales_by(generated.customers, by).patches
