import numpy as np
import pytest

import custlens as cl


def test_the_cells_hold_every_buyer_with_scores(data):
    customers = data["generated"].customers
    scored = cl.segments.rfm(customers)
    cells = np.asarray(cl.plot.rfm_grid(customers).collections[0].get_array())
    assert cells.sum() == scored["r"].notna().sum()
    assert cells[0, 4] == ((scored["r"] == 5) & (scored["f"] == 5)).sum()
    sales = np.asarray(cl.plot.rfm_grid(customers, "sales_value").collections[0].get_array())
    best = scored.loc[(scored["r"] == 5) & (scored["f"] == 5), "monetary"].sum()
    assert sales.sum() == pytest.approx(1)
    assert sales[0, 4] == pytest.approx(best / scored.loc[scored["r"].notna(), "monetary"].sum())


def test_scores_can_be_given(data):
    customers = data["generated"].customers
    scored = cl.segments.rfm(customers, scores="fixed")
    cells = np.asarray(cl.plot.rfm_grid(customers, scored=scored).collections[0].get_array())
    assert cells[4, 0] == ((scored["r"] == 1) & (scored["f"] == 1)).sum()


def test_shares_of_buyers_and_sales_each_add_up(data):
    ax = cl.plot.segment_sizes(data["generated"].customers)
    for container in ax.containers:
        assert sum(bar.get_width() for bar in container) == pytest.approx(1)
    sizes = cl.segments.sizes(cl.segments.rfm(data["generated"].customers))
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        name for name in sizes["segment"] if name not in ("Prospects", "Unknown")
    ]


def test_each_row_of_the_moves_adds_up(data):
    ax = cl.plot.migration(data["generated"].before, data["generated"].after)
    rows = ax.collections[0].get_array().filled(0).sum(axis=1)
    assert rows.tolist() == pytest.approx([1] * len(rows))
    moves = cl.segments.migration(data["generated"].before, data["generated"].after)
    assert f"n = {moves['customers'].sum():,} customers" in ax.texts[0].get_text()


def test_a_column_that_cannot_be_shown_is_named(data):
    with pytest.raises(cl.ArgumentError, match="column must be one of buyers, sales_value"):
        cl.plot.rfm_grid(data["generated"].customers, "orders")


@pytest.fixture(params=[(10.0, -10.0), (0.1, 0.2, -0.3)])
def cancelled(request, data):
    """Return buyers whose refunds are as high as their sales."""
    buyers = data["generated"].customers.query("number_of_orders > 0").head(996)
    return buyers.assign(sales_value=np.resize(request.param, len(buyers)))


def test_segments_whose_sales_are_cancelled_have_no_shares_of_sales(cancelled):
    assert cl.segments.sizes(cl.segments.rfm(cancelled))["share_of_sales"].isna().all()
    ax = cl.plot.segment_sizes(cancelled)
    assert len(ax.containers) == 1
    assert "% of 0.00" not in cl.plot.describe(ax)
    assert "of 0.00 EUR of sales in all" in cl.plot.describe(ax)
    assert "sales as amounts" in ax.texts[0].get_text().replace("\n", " ")


def test_the_cells_of_sales_that_are_cancelled_are_amounts(cancelled):
    ax = cl.plot.rfm_grid(cancelled, "sales_value")
    assert "%" not in cl.plot.describe(ax)
    assert "cells: sales (EUR)" in ax.texts[0].get_text().replace("\n", " ")


def test_refunds_alone_are_no_shares_of_sales(data):
    customers = data["generated"].customers
    ax = cl.plot.segment_sizes(customers.assign(sales_value=-customers["sales_value"]))
    assert len(ax.containers) == 1
