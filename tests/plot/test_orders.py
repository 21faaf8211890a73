import itertools

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import custlens as cl

CHARTS = [getattr(cl.plot, name) for name in cl.plot.__all__]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("data", ["generated", "cdnow"])
def test_a_chart_gives_its_axes_and_leaves_the_settings_alone(chart, data, request):
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
