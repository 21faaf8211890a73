import numpy as np
import pandas as pd
import pytest

import custlens as cl


def test_the_matrix_is_what_the_model_predicts(models):
    model = models.model
    ax = cl.plot.frequency_recency(model, horizon="30D")
    cells = np.asarray(ax.collections[0].get_array())
    last = model.as_of - pd.Timedelta(days=3.5)
    one = pd.DataFrame({"customer_id": [1], "number_of_orders": [5], "sales_value": [50.0], "last_order_date": [last]})
    one["first_order_date"] = pd.Timestamp(model.as_of) - pd.Timedelta(days=364)
    predicted = model.predict(one, "30D", as_of=model.as_of)["p_order"].item()
    assert cells[0, 3] == pytest.approx(predicted)
    assert f"{predicted:.0%} with five orders, the last this week" in cl.plot.describe(ax)


def test_the_bars_hold_every_buyer_and_the_points_too(models):
    model = models.model
    ax = cl.plot.repeat_counts(model)
    assert sum(bar.get_height() for bar in ax.patches) == model.buyers
    assert sum(ax.lines[0].get_ydata()) == pytest.approx(model.buyers)


def test_models_of_different_customers_are_not_compared(models, data):
    other = cl.lifetime.fit(data["cdnow"].customers)
    with pytest.raises(cl.ArgumentError, match="models must be fitted on the same customers"):
        cl.plot.repeat_counts([models.model, other])


def test_the_points_of_calibration_are_the_tenths(models):
    ax = cl.plot.calibration([models.model, models.other], models.later)
    for line, model in zip(ax.lines[1:], [models.model, models.other], strict=True):
        tenths = model.diagnose(models.later).holdout.iloc[:-1]
        assert line.get_xdata().tolist() == tenths["p_order"].tolist()
        assert line.get_ydata().tolist() == tenths["ordered"].tolist()


def test_bars_and_line_of_spending_are_those_of_the_diagnosis(models):
    ax = cl.plot.spending(models.model)
    table = models.model.diagnose().spending
    assert [bar.get_height() for bar in ax.patches] == table["observed"].tolist()
    assert ax.lines[0].get_ydata().tolist() == table["expected"].tolist()


@pytest.mark.parametrize("chart", [cl.plot.frequency_recency, cl.plot.repeat_counts, cl.plot.spending])
@pytest.mark.parametrize("given", [None, 3, "bg_nbd", [], [3], cl.lifetime.LifetimeModel])
def test_what_is_not_a_model_is_named(chart, given):
    with pytest.raises(cl.ArgumentError, match=r"models? must be"):
        chart(given)


def test_a_later_time_is_needed_for_calibration(models):
    with pytest.raises(cl.ArgumentError, match="later must be"):
        cl.plot.calibration([models.model, models.other], None)
