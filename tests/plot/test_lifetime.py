import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import custlens as cl
from custlens.plot import _style as look


def test_the_matrix_is_what_the_model_predicts(models):
    model = models.fitted[0]
    ax = cl.plot.frequency_recency(model, horizon="30D")
    cells = np.asarray(ax.collections[0].get_array())
    last = model.as_of - pd.Timedelta(days=3.5)
    one = pd.DataFrame({"customer_id": [1], "number_of_orders": [5], "sales_value": [50.0], "last_order_date": [last]})
    one["first_order_date"] = pd.Timestamp(model.as_of) - pd.Timedelta(days=364)
    predicted = model.predict(one, "30D", as_of=model.as_of)["p_order"].item()
    assert cells[0, 3] == pytest.approx(predicted)
    assert f"{predicted:.0%} with five orders, the last this week" in cl.plot.describe(ax)


def test_the_bars_hold_every_buyer_and_the_points_too(models):
    model = models.fitted[0]
    ax = cl.plot.repeat_counts(model)
    assert sum(bar.get_height() for bar in ax.patches) == model.buyers
    assert sum(ax.lines[0].get_ydata()) == pytest.approx(model.buyers)


def test_models_of_different_customers_are_not_compared(models, data):
    other = cl.lifetime.fit(data["cdnow"].customers)
    with pytest.raises(cl.ArgumentError, match="models must be fitted on the same customers"):
        cl.plot.repeat_counts([models.fitted[0], other])


def test_the_points_of_calibration_are_the_tenths(models):
    ax = cl.plot.calibration(models.fitted, models.later)
    for line, model in zip(ax.lines[1:], models.fitted, strict=True):
        tenths = model.diagnose(models.later).holdout.iloc[:-1]
        assert line.get_xdata().tolist() == tenths["p_order"].tolist()
        assert line.get_ydata().tolist() == tenths["ordered"].tolist()


def test_bars_and_line_of_spending_are_those_of_the_diagnosis(models):
    ax = cl.plot.spending(models.fitted[0])
    table = models.fitted[0].diagnose().spending
    assert [bar.get_height() for bar in ax.patches] == table["observed"].tolist()
    assert ax.lines[0].get_ydata().tolist() == table["expected"].tolist()


def test_the_bubbles_of_the_overdue_are_as_large_as_their_value_and_on_their_side_of_the_line(data):
    customers = data["generated"].customers
    ranked = cl.lifetime.overdue(customers, horizon="30D")
    table = ranked.dropna(subset="usual_gap_days")
    ax = cl.plot.overdue(customers, horizon="30D")
    bubbles = ax.collections[0]
    (gap, silence), area = bubbles.get_offsets().T, bubbles.get_sizes()
    late = silence > gap
    assert {tuple(colour) for colour in bubbles.get_facecolor()[late]} == {to_rgba(look.ACCENT, 0.7)}
    assert {tuple(colour) for colour in bubbles.get_facecolor()[~late]} == {to_rgba(look.BASE, 0.7)}
    one = table.iloc[0]  # of the greatest value
    cell = np.floor(12 * np.log10(table[["usual_gap_days", "recency_days"]])).eq(
        np.floor(12 * np.log10(one[["usual_gap_days", "recency_days"]].astype("float64")))
    )
    there = table[cell.all(axis=1)]
    place = np.argmin(
        np.abs(gap / 10 ** np.log10(there["usual_gap_days"]).mean() - 1)
        + np.abs(silence / 10 ** np.log10(there["recency_days"]).mean() - 1)
    )
    drawn = area > area.min()
    money = ax.collections[1].get_sizes().item() / float(ax.get_legend().get_texts()[-1].get_text().split()[0])
    assert area[place] / money == pytest.approx(there["value_at_risk"].sum())
    assert area[drawn].sum() / money == pytest.approx(table["value_at_risk"].sum(), rel=0.1)
    assert len(area) < 1_500
    count = (table["recency_days"] > table["usual_gap_days"]).sum()
    assert cl.plot.describe(ax).startswith(
        f"{count:,} of {len(table):,} buyers with two orders or more have been silent"
    )
    assert "of the next 30 days at risk" in cl.plot.describe(ax)


def test_without_a_model_the_overdue_have_no_value_at_risk(data):
    with pytest.warns(cl.CustlensWarning, match="ranked by their silence alone"):
        ax = cl.plot.overdue(data["generated"].customers.head(300))
    assert "no lifetime model can be fitted" in cl.plot.describe(ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["as long as usual"]


@pytest.mark.parametrize("chart", [cl.plot.frequency_recency, cl.plot.repeat_counts, cl.plot.spending])
@pytest.mark.parametrize("given", [None, 3, "bg_nbd", [], [3], cl.lifetime.LifetimeModel])
def test_what_is_not_a_model_is_named(chart, given):
    with pytest.raises(cl.ArgumentError, match=r"models? must be"):
        chart(given)


def test_a_later_time_is_needed_for_calibration(models):
    with pytest.raises(cl.ArgumentError, match="later must be"):
        cl.plot.calibration(models.fitted, None)
