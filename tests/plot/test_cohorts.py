import numpy as np
import pytest

import custlens as cl


def test_the_cells_are_the_shares_of_the_analysis(data):
    customers = data["generated"].customers
    cells = cl.plot.cohort_heatmap(customers, freq="QS").collections[0].get_array()
    shares = cl.cohorts.matrix(cl.cohorts.survival(customers, freq="QS")).drop(columns=0)
    shares = shares.dropna(how="all")
    np.testing.assert_allclose(cells.filled(np.nan), shares.to_numpy())


def test_repeat_rates_have_their_intervals_and_young_cohorts_are_grey(data):
    customers = data["generated"].customers
    ax = cl.plot.repeat_rate(customers)
    table = cl.cohorts.summary(customers)
    old, young = ax.containers
    for container, part in ((old, table[table["mature"]]), (young, table[~table["mature"]])):
        assert container.lines[0].get_ydata().tolist() == part["repeat_rate"].tolist()
        ends = np.array([segment[:, 1] for segment in container.lines[2][0].get_segments()])
        assert ends[:, 0].tolist() == pytest.approx(part["repeat_rate_ci_low"].tolist())
        assert ends[:, 1].tolist() == pytest.approx(part["repeat_rate_ci_high"].tolist())
    assert young.lines[0].get_color() == cl.plot._style.MUTED


def test_lines_of_survival_are_those_of_the_analysis(data):
    customers = data["generated"].customers
    ax = cl.plot.survival(customers)
    tidy = cl.cohorts.survival(customers, freq="QS")
    parts = [part for _, part in tidy.groupby("cohort") if len(part) > 1]
    assert len(ax.lines) == len(parts) + 1
    for line, part in zip(ax.lines, parts, strict=False):
        assert line.get_ydata().tolist() == part["share"].tolist()


def test_a_shop_too_young_for_a_cohort_says_so(data):
    customers = data["tiny"].customers
    young = customers.assign(
        first_order_date=customers["as_of"], last_order_date=customers["as_of"], number_of_orders=1
    )
    assert cl.plot.describe(cl.plot.cohort_heatmap(young)) == "No cohort has been seen for a whole month yet."
    assert cl.plot.describe(cl.plot.survival(young)) == "No cohort has been seen for a whole quarter yet."


@pytest.mark.parametrize("chart", [cl.plot.cohort_heatmap, cl.plot.repeat_rate, cl.plot.survival])
@pytest.mark.parametrize(("arguments", "message"), [({"freq": "months"}, "freq must be"), ({"tz": "Berlin"}, "Berlin")])
def test_a_period_or_a_time_zone_that_does_not_exist_is_named(chart, arguments, message, data):
    with pytest.raises(cl.ArgumentError, match=message):
        chart(data["generated"].customers, **arguments)


def test_a_cohort_of_whom_all_have_come_back_is_not_cut_in_half(data):
    customers = data["cdnow"].customers.query("number_of_orders > 4")
    ax = cl.plot.repeat_rate(customers)
    assert ax.get_ylim()[1] > 1.02


def test_a_cohort_of_whom_nobody_has_come_back_is_not_cut_in_half_and_goes_with_the_view(data):
    customers = data["cdnow"].customers.query("number_of_orders == 1")
    ax = cl.plot.repeat_rate(customers, linestyle="", ecolor="none")
    ax.get_xaxis().set_visible(False)
    ax.grid(False)
    ax.spines["bottom"].set_visible(False)

    def ink():
        """The rows of pixels below the axes, next to them, that hold any colour."""
        picture = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3]
        left, bottom, right, _ = (round(end) for end in ax.bbox.extents)
        below = picture[len(picture) - bottom + 1 : len(picture) - bottom + 4, left:right]
        return int((below < 200).any(axis=2).sum())

    ax.figure.canvas.draw()
    assert ink()
    ax.set_ylim(0.2, 1)
    ax.figure.canvas.draw()
    assert not ink()


def test_cells_that_are_all_zero_are_at_the_low_end_of_the_colours(data):
    customers = data["generated"].customers
    mesh = cl.plot.cohort_heatmap(customers[customers["number_of_orders"] == 1]).collections[0]
    assert mesh.get_clim() == (0, 1)
