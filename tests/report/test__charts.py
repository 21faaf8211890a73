from functools import partial

import matplotlib.pyplot as plt
import pytest

import custlens as cl
from custlens.report import show


def test_charts_are_pictures_with_their_findings_and_leave_no_figure_open(cdnow, capsys):
    charts = [partial(cl.plot.sales_value, cdnow.customers), partial(cl.plot.recency, cdnow.customers)]
    show(*charts, text="Some words.")
    assert plt.get_fignums() == []
    words, *pictures = capsys.readouterr().out.splitlines()
    assert words == "Some words."
    assert len(pictures) == 2
    for picture, chart in zip(pictures, charts, strict=True):
        assert picture.startswith(f"Picture(alt={cl.plot.describe(chart())!r}")


def test_what_cannot_be_drawn_is_a_sentence_that_stands_once(generated, capsys):
    prospects = generated.customers.query("number_of_orders == 0")
    charts = [partial(chart, prospects) for chart in (cl.plot.sales_value, cl.plot.recency, cl.plot.concentration)]
    show(*charts, text="Words on charts that are not there.")
    assert capsys.readouterr().out == "No buyers yet: nobody in this table has ordered.\n"
    assert plt.get_fignums() == []


def test_a_chart_that_fails_leaves_no_figure_open(generated):
    with pytest.raises(cl.DataError):
        show(partial(cl.plot.sales_value, generated.customers[["customer_id"]]))
    assert plt.get_fignums() == []


def test_what_is_not_a_function_is_named(generated):
    with pytest.raises(cl.ArgumentError, match="charts must be functions, such as partial"):
        show(cl.plot.sales_value(generated.customers))
