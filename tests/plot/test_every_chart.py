import itertools
import re

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import custlens as cl
from custlens import plot
from docs import gallery
from docs.gallery import CASES, OF_CUSTOMERS, OF_MODELS, OF_SEVERAL, Data

FILLED = ["generated", "cdnow"]
SMALL = ["tiny", "one", "empty"]
DRAWN = [(name, shop) for name in [*OF_CUSTOMERS, *OF_SEVERAL] for shop in FILLED] + [(n, "models") for n in OF_MODELS]
FEW = [(name, shop) for name in [*OF_CUSTOMERS, *OF_SEVERAL] for shop in SMALL]
WITHOUT_MONEY = [
    name
    for name in OF_CUSTOMERS
    if not name.startswith(("sales", "average", "concentration", "rfm", "segment", "overdue"))
]
DATED = [
    name for name in OF_CUSTOMERS if name.startswith(("first", "last", "season", "recency", "cohort", "repeat", "surv"))
]
BY_DATE = [*DATED, "second_order", *(name for name in OF_CUSTOMERS if name.startswith(("rfm", "segment")))]
CHARTS = [name for name in plot.__all__ if name not in ("Picture", "describe", "overview", "picture")]


def texts_of(figure):
    """Return each text that can be seen, but for the tick labels beyond the ends of an axis."""
    figure.canvas.draw()
    seen = []
    for ax in figure.axes:
        labels = [tick.label1 for axis in (ax.xaxis, ax.yaxis) for tick in axis._update_ticks()]
        others = [artist for artist in ax.findobj(Text) if artist not in ax.get_xticklabels() + ax.get_yticklabels()]
        seen += [text for text in [*labels, *others] if text.get_visible() and text.get_text().strip()]
    return seen


def note_of(ax):
    return " ".join(text.get_text() for text in ax.texts).replace("\n", " ")


def inside(box, frame, slack=1.5):
    return (
        box.x0 >= frame.x0 - slack
        and box.x1 <= frame.x1 + slack
        and box.y0 >= frame.y0 - slack
        and box.y1 <= frame.y1 + slack
    )


def test_every_function_of_the_module_has_a_case():
    assert {re.match(r"cl\.plot\.(\w+)\(", code)[1] for code in CASES.values()} == set(CHARTS)


@pytest.mark.parametrize(("name", "shop"), DRAWN + FEW)
def test_no_text_is_cut_off_or_a_column_name_and_no_tick_labels_overlap(name, shop, draw):
    settings = dict(matplotlib.rcParams)
    figure, ax = plt.subplots(layout="constrained")
    assert draw(name, shop, ax) is ax
    for text in texts_of(figure):
        assert inside(text.get_window_extent(), figure.bbox), text
        assert "_" not in text.get_text()
    for axis, low, high in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
        labels = [tick.label1 for tick in axis._update_ticks() if tick.label1.get_text()]
        if not any(label.get_rotation() for label in labels):
            boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: getattr(box, low))
            assert all(getattr(a, high) <= getattr(b, low) + 1 for a, b in itertools.pairwise(boxes))
    sentence = plot.describe(ax)
    assert sentence.endswith(".")
    assert "nan" not in sentence
    assert "_" not in sentence
    assert " 1 buyers" not in sentence
    assert dict(matplotlib.rcParams) == settings


@pytest.mark.parametrize(("name", "shop"), [(name, shop) for name, shop in DRAWN if shop != "cdnow"])
def test_a_chart_can_be_read_in_a_dark_style(name, shop, draw):
    with plt.style.context("dark_background"):
        ax = draw(name, shop)
        on_paper = [text for text in ax.texts if "n = " in text.get_text() or "median" in text.get_text()]
        for text in [*on_paper, ax._left_title, ax.xaxis.label, *ax.get_yticklabels()]:
            assert sum(matplotlib.colors.to_rgb(text.get_color())) > 1.5, text


@pytest.mark.parametrize("first", range(0, len(CASES), 4))
@pytest.mark.parametrize("shop", FILLED)
def test_charts_in_a_grid_stay_in_their_places(first, shop, draw):
    figure, places = plt.subplots(2, 2, layout="constrained")
    names = list(CASES)[first : first + 4]
    for ax, name in zip(places.flat, names, strict=False):
        draw(name, "models" if name in OF_MODELS else shop, ax)
    for text in texts_of(figure):
        assert inside(text.get_window_extent(), figure.bbox), text
    titles = [ax._left_title.get_window_extent() for ax in places.flat]
    for ax, title in zip(places.flat, titles, strict=True):
        for other in places.flat:
            if other is not ax and title.width:
                assert not title.overlaps(other.xaxis.label.get_window_extent()), names
                assert not title.overlaps(other.bbox), names


@pytest.mark.parametrize(("name", "shop"), [(name, shop) for name in OF_CUSTOMERS for shop in FILLED])
def test_a_chart_says_how_many_when_and_who_is_left_out(name, shop, draw, data):
    note = note_of(draw(name, shop))
    row = cl.orders.summary(data[shop].customers).iloc[0]
    assert f"as of 30 Jun {row['as_of'].year}" in note
    if name == "quality":
        assert f"n = {row['customers']:,} customers" in note
    elif name not in ("inter_purchase", "overdue"):
        buyers = data[shop].customers.query("number_of_orders > 0")
        undated = buyers["first_order_date"].isna().sum() if name in BY_DATE else 0
        assert f"n = {row['buyers'] - undated:,} buyers" in note
        assert (f", {undated} {'undated' if name in DATED else 'without'}" in note) == (undated > 0)
        assert (f"not shown: {row['prospects']:,} without orders" in note) == (row["prospects"] > 0)


@pytest.mark.parametrize("name", OF_CUSTOMERS)
@pytest.mark.parametrize("shop", ["prospects", "empty"])
def test_a_shop_without_buyers_is_said_and_not_drawn(name, shop, draw):
    ax = draw(name, shop)
    assert ("Nothing found" if name == "quality" else "No buyers yet") in note_of(ax)
    assert not ax.patches
    assert not ax.collections
    assert plot.describe(ax) in note_of(ax)


def without(customers, *columns):
    return customers.assign(**{column: customers[column].mask(customers["customer_id"] > 0) for column in columns})


@pytest.mark.parametrize("name", [*BY_DATE, "inter_purchase", "overdue"])
@pytest.mark.parametrize("buyers", [1, 3])
def test_buyers_without_dates_are_not_said_to_be_none(name, buyers, data):
    undated = without(
        data["generated"].customers.query("number_of_orders > 1").head(buyers), "first_order_date", "last_order_date"
    )
    ax = gallery.draw(name, Data(undated))
    expected = r"buyers?, .* a known date" if name in BY_DATE else r"buyers? with two orders or more, but no"
    assert re.match(f"{buyers} {expected}", plot.describe(ax))
    assert not ax.has_data()
    assert "nan" not in note_of(ax)


@pytest.mark.parametrize("name", [name for name in OF_CUSTOMERS if not name.startswith(("rfm", "cohort", "quality"))])
def test_one_buyer_is_told_of_and_not_drawn(name, draw):
    ax = draw(name, "one")
    assert not ax.has_data()
    assert not re.search(r"%|nan|1 buyers|1 buyer (have|were|order )", plot.describe(ax))


@pytest.mark.parametrize("name", [name for name in OF_CUSTOMERS if name != "quality"])
def test_customers_without_statistics_are_not_said_to_have_ordered_nothing(name, data):
    statistics = ["number_of_orders", "sales_value", "first_order_date", "last_order_date"]
    unknown = without(data["generated"].customers.head(2), *statistics)
    sentence = plot.describe(gallery.draw(name, Data(unknown)))
    assert sentence == "No buyers are known: 2 customers without statistics."


@pytest.mark.parametrize("name", OF_CUSTOMERS)
def test_a_chart_without_money_needs_no_amounts_and_a_chart_with_money_one_currency(name, draw, data):
    customers = data["generated"].customers
    mixed = customers.assign(currency=np.where(customers["customer_id"] % 2 == 1, "EUR", "USD"))
    if name in WITHOUT_MONEY:
        whole = plot.describe(gallery.draw(name, data["generated"]))
        assert plot.describe(gallery.draw(name, Data(mixed))) == whole
        bare = plot.describe(gallery.draw(name, Data(customers.drop(columns=["sales_value", "average_order_value"]))))
        assert bare == whole or name == "quality"  # some checks are of the amounts
    else:
        with pytest.raises(cl.DataError, match="amounts in EUR, USD cannot be added up"):
            gallery.draw(name, Data(mixed))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("ax", "message"),
    [
        ("figure", "ax must be matplotlib Axes or None, not a Figure: pass figure.subplots"),
        ("array", "ax must be matplotlib Axes or None, not a ndarray"),
        (3, "ax must be matplotlib Axes or None, not 3"),
    ],
)
def test_axes_of_another_kind_are_named(name, ax, message, draw):
    given = {"figure": plt.figure(), "array": np.array(plt.subplots(2)[1])}.get(ax, ax)
    with pytest.raises(cl.ArgumentError, match=message):
        draw(name, "models" if name in OF_MODELS else "generated", given)


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("style", [{"colour": "red"}, {"color": "no such colour"}])
def test_a_style_that_matplotlib_does_not_know_is_named(name, style, data, models):
    shop, chart = data["generated"], getattr(plot, name)
    arguments = {
        "comparison": [shop.odd, shop.even],
        "migration": [shop.before, shop.after],
        "observed_revenue": [shop.history],
        "frequency_recency": [models.model],
        "repeat_counts": [[models.model, models.other]],
        "spending": [models.model],
        "calibration": [[models.model, models.other], models.later],
    }.get(name, [shop.customers])
    with pytest.raises(cl.ArgumentError, match="cannot be drawn in this style"):
        chart(*arguments, **style)


@pytest.mark.parametrize("name", OF_CUSTOMERS)
def test_a_chart_that_cannot_be_drawn_leaves_no_figure_behind(name, data):
    broken = Data(data["generated"].customers.drop(columns="number_of_orders"))
    with pytest.raises(cl.DataError):
        gallery.draw(name, broken)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", OF_CUSTOMERS)
@pytest.mark.parametrize("given", [None, pd.DataFrame, 3, "customers", [1, 2]])
def test_what_is_not_a_table_is_named(name, given):
    with pytest.raises(cl.ArgumentError, match="customers"):
        gallery.draw(name, Data(given))
