import matplotlib.pyplot as plt
import pytest

import custlens as cl


@pytest.mark.parametrize("shop", ["generated", "tiny", "empty"])
def test_six_charts_make_a_page(shop, data):
    figure = cl.plot.overview(data[shop].customers)
    assert len(figure.axes) == 6
    assert cl.plot.describe(figure) == " ".join(cl.plot.describe(ax) for ax in figure.axes)


def test_a_page_that_cannot_be_drawn_leaves_no_figure_behind(data):
    with pytest.raises(cl.DataError):
        cl.plot.overview(data["generated"].customers.drop(columns="as_of"))
    assert plt.get_fignums() == []


def test_the_time_of_the_observation_can_be_given(data):
    figure = cl.plot.overview(data["generated"].customers.drop(columns="as_of"), as_of="2026-06-30")
    notes = [text.get_text().replace("\n", " ") for ax in figure.axes for text in ax.texts]
    assert sum("as of 30 Jun 2026" in note for note in notes) == 6
