import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

import custlens as cl
from custlens.plot import _style as look


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


@pytest.mark.filterwarnings("ignore::custlens.CustlensWarning")
def test_the_overdue_with_refunds_alone_are_drawn_as_bubbles_of_one_size(data):
    customers = data["generated"].customers.query("number_of_orders > 1").head(5)
    ax = cl.plot.overdue(customers.assign(sales_value=-1.0))
    assert len(set(ax.collections[0].get_sizes())) == 1
    assert ax.collections[0].get_sizes()[0] > 20
    assert "no value at risk" in ax.texts[0].get_text().replace("\n", " ")


@pytest.mark.filterwarnings("ignore::custlens.CustlensWarning")
def test_labels_of_gaps_of_one_length_do_not_touch(data):
    customers = data["generated"].customers.query("number_of_orders > 1").head(50)
    first = customers["as_of"].iloc[0] - pd.Timedelta(days=5)
    same = customers.assign(first_order_date=first, last_order_date=first + pd.Timedelta(days=1))
    ax = cl.plot.overdue(same)
    assert len(ax.get_yticks()) == 1
    gaps = cl.plot.inter_purchase(same)
    assert gaps.get_ylim()[1] > 1
