import io

import matplotlib.pyplot as plt
import pytest

import custlens as cl
from custlens.plot._style import amount


def test_a_figure_is_described_by_its_charts(data):
    customers = data["cdnow"].customers
    figure, (left, right) = plt.subplots(1, 2)
    cl.plot.sales_value(customers, ax=left)
    cl.plot.recency(customers, ax=right)
    assert cl.plot.describe(figure) == f"{cl.plot.describe(left)} {cl.plot.describe(right)}"


@pytest.mark.parametrize("given", [None, 3, "chart", plt.Axes])
def test_what_is_not_a_chart_is_named(given):
    with pytest.raises(cl.ArgumentError, match=r"chart must be what a function of custlens\.plot has drawn"):
        cl.plot.describe(given)


def test_axes_without_a_chart_are_named():
    with pytest.raises(cl.ArgumentError, match="chart must be"):
        cl.plot.describe(plt.subplots()[1])


def test_the_note_takes_little_room_from_axes_in_a_grid(data):
    def height(chart):
        figure, places = plt.subplots(2, 2, layout="constrained")
        for ax in places.flat:
            chart(ax)
        figure.canvas.draw()
        return places[0, 0].bbox.height

    def plain(ax):
        ax.bar([1, 2], [1_000, 2_000])
        ax.set_title("New buyers by month", loc="left")
        ax.set_xlabel("Month (UTC)")
        ax.set_ylabel("Buyers")

    with_note = height(lambda ax: cl.plot.first_orders(data["generated"].customers, ax=ax))
    assert with_note >= 0.85 * height(plain)


def test_a_title_set_afterwards_stays(data):
    figure, ax = plt.subplots(layout="constrained")
    cl.plot.sales_value(data["cdnow"].customers, ax=ax)
    ax.set_title("Mine", loc="left")
    figure.canvas.draw()
    assert ax.get_title(loc="left") == "Mine"


def test_the_note_is_wrapped_again_when_the_figure_is_resized(data):
    figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    cl.plot.sales_value(data["generated"].customers, ax=ax)
    figure.canvas.draw()
    note = ax.texts[0] if "n = " in ax.texts[0].get_text() else ax.texts[1]
    wide = note.get_text().count("\n")
    figure.set_size_inches(3, 4)
    figure.canvas.draw()
    assert note.get_text().count("\n") > wide


def test_the_note_has_the_same_lines_at_every_resolution(data):
    figure, ax = plt.subplots(layout="constrained")
    cl.plot.sales_by(data["generated"].customers, ax=ax)
    note, lines = next(text for text in ax.texts if "n = " in text.get_text()), set()
    for dpi in (100, 50, 200):
        figure.savefig(io.BytesIO(), dpi=dpi)
        lines.add(note.get_text())
    assert len(lines) == 1


def test_a_dark_style_has_light_text_and_a_dark_paper(data):
    with plt.style.context("dark_background"):
        ax = cl.plot.sales_value(data["cdnow"].customers)
        note = next(text for text in ax.texts if "n = " in text.get_text())
        assert sum(plt.matplotlib.colors.to_rgb(note.get_color())) > 1.5


def test_numbers_of_any_size_are_written_without_an_exponent():
    numbers = [999_499_999, 999_999_999, 12_345_678_901, 1e13]
    assert [amount(number) for number in numbers] == ["999M", "1B", "12.3B", "10,000B"]
