import re

import numpy as np
import pandas as pd
import pytest

import custlens as cl

MIDNIGHT = pd.Timestamp("1998-07-05", tz="UTC")


def buyers_on(*days):
    """Return a table of customers who have ordered once, one on each day."""
    when = pd.to_datetime(list(days), format="ISO8601").tz_localize("UTC").as_unit("us")
    return pd.DataFrame(
        {
            "customer_id": range(1, len(days) + 1),
            "number_of_orders": 1,
            "sales_value": 5.0,
            "first_order_date": when,
            "last_order_date": when,
        }
    )


def test_the_bars_hold_every_buyer_whose_dates_are_known(data):
    customers = data["generated"].customers
    buyers = customers[customers["number_of_orders"] > 0]
    for chart, column in ((cl.plot.first_orders, "first_order_date"), (cl.plot.last_orders, "last_order_date")):
        ax = chart(customers)
        undated = buyers[column].isna().sum()
        assert sum(bar.get_height() for bar in ax.patches) == len(buyers) - undated
        assert f"{undated} undated" in ax.texts[0].get_text().replace("\n", " ")


def test_an_unfinished_month_is_hatched(data):
    bars = cl.plot.first_orders(data["generated"].customers).patches
    assert bars[-1].get_hatch()
    assert not any(bar.get_hatch() for bar in bars[:-1])


@pytest.mark.parametrize("chart", [cl.plot.first_orders, cl.plot.last_orders])
@pytest.mark.parametrize(("freq", "periods"), [("MS", 15), ("month", 15), ("QS", 6), ("W", 59), ("year", 2)])
def test_a_shop_that_has_dried_up_looks_like_one(chart, freq, periods):
    ax = chart(buyers_on("1997-05-20", "1997-05-31", "1997-07-02").assign(as_of=MIDNIGHT), freq=freq)
    assert len(ax.patches) == periods
    assert sum(bar.get_height() for bar in ax.patches) == 3
    assert ax.patches[-1].get_height() == 0
    assert bool(ax.patches[-1].get_hatch())


def test_the_axis_ends_where_the_periods_end():
    ax = cl.plot.first_orders(buyers_on("1997-05-20", "1997-07-02").assign(as_of=MIDNIGHT))
    begin, end = (pd.Timestamp(day, unit="D") for day in ax.get_xlim())
    assert (begin, end) == (pd.Timestamp("1997-05-01"), pd.Timestamp("1998-08-01"))


def test_periods_begin_in_the_time_zone():
    customers = buyers_on("1997-05-31 23:00", "1997-05-01 12:00").assign(as_of=pd.Timestamp("1997-06-01", tz="UTC"))
    assert [bar.get_height() for bar in cl.plot.first_orders(customers).patches] == [2, 0]
    assert [bar.get_height() for bar in cl.plot.first_orders(customers, tz="Europe/Berlin").patches] == [1, 1]


def test_a_table_that_does_not_say_when_it_was_observed_is_drawn_up_to_its_last_order():
    ax = cl.plot.first_orders(buyers_on("1997-05-20", "1997-08-20"))
    assert sum(bar.get_height() for bar in ax.patches) == 2
    assert "as of an unknown time" in ax.texts[0].get_text()


def test_one_period_is_said_and_not_drawn():
    ax = cl.plot.first_orders(buyers_on("1997-05-20", "1997-05-21").assign(as_of=pd.Timestamp("1997-05-22", tz="UTC")))
    assert not ax.patches
    assert cl.plot.describe(ax) == "2 buyers ordered first in 1 month."


@pytest.mark.parametrize("chart", [cl.plot.first_orders, cl.plot.last_orders])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"freq": "months"}, "freq must be .*month"), ({"freq": 3}, "freq must be"), ({"tz": "Berlin"}, "'Berlin'")],
)
def test_a_period_or_a_time_zone_that_does_not_exist_is_named(chart, arguments, message, data):
    with pytest.raises(cl.ArgumentError, match=message):
        chart(data["generated"].customers, **arguments)


def test_recency_is_that_of_the_analysis(data):
    ax = cl.plot.recency(data["cdnow"].customers)
    table = cl.orders.recency(data["cdnow"].customers)
    for line, group in zip(ax.lines, ("repeat", "one_time"), strict=True):
        part = table[table["group"] == group]
        days, share = line.get_data()
        assert list(days[1:-1]) == part["days"].tolist()
        assert list(share[1:-1]) == part["share"].tolist()
    assert ax.get_xlim()[1] == table["days"].max()


def test_the_boxes_between_orders_are_the_middle_half(data):
    ax = cl.plot.inter_purchase(data["generated"].customers)
    table = cl.orders.inter_purchase(data["generated"].customers).query("orders != 'all'")
    assert [bar.get_y() for bar in ax.patches] == pytest.approx(table["q25"].tolist())
    assert [bar.get_y() + bar.get_height() for bar in ax.patches] == pytest.approx(table["q75"].tolist())
    medians = [segment[0, 1] for segment in ax.collections[0].get_segments()]
    assert medians == pytest.approx(table["median"].tolist())


def test_new_buyers_per_day_add_up(data):
    customers = data["cdnow"].customers
    cells = cl.plot.seasonality(customers).collections[0].get_array()
    days = pd.date_range(customers["first_order_date"].min().date(), customers["as_of"].max().date(), freq="D")
    counts = np.zeros((7, 12))
    np.add.at(counts, (days.day_of_week, days.month - 1), 1)
    assert (cells.filled(0) * counts).sum() == pytest.approx(len(customers))


def test_rates_far_below_one_a_day_have_digits_enough():
    customers = buyers_on("1995-01-01", "1996-02-01", "1997-03-01", "1998-04-01").assign(as_of=MIDNIGHT)
    ax = cl.plot.seasonality(customers)
    shown = {text.get_text() for text in ax.texts if re.fullmatch(r"[\d.]+", text.get_text())}
    assert shown == {"0", "0.056", "0.059"}


def test_the_band_of_the_second_order_is_the_range(data):
    customers = data["cdnow"].customers
    ax = cl.plot.second_order(customers)
    table = cl.orders.second_order(customers)
    table = table[table["at_risk"] >= 0.01 * len(customers)]
    low, high = (line.get_ydata() for line in ax.lines)
    assert low.tolist() == table["share_low"].tolist()
    assert high.tolist() == table["share_high"].tolist()
    told = table[table["days"] == 90].iloc[0]
    ends = f"{told['share_low']:.0%} to {told['share_high']:.0%}"
    assert cl.plot.describe(ax).startswith(f"{ends} of 2,357 buyers")


def test_observed_revenue_is_that_of_the_analysis(data):
    history = data["generated"].history
    ax = cl.plot.observed_revenue(history, currency="EUR")
    table = cl.orders.observed_revenue(history)
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(table["revenue"].tolist())
    assert ax.get_ylabel() == "Revenue (EUR)"


@pytest.mark.parametrize("currency", ["eur", "Euro", 5, ["EUR"]])
def test_a_currency_that_is_no_code_is_named(currency, data):
    with pytest.raises(cl.ArgumentError, match="currency must be an ISO 4217 code such as 'EUR', not "):
        cl.plot.observed_revenue(data["generated"].history, currency=currency)


def test_the_history_of_a_store_can_be_drawn(tmp_path, shop, client):
    store = cl.Store(tmp_path / "shop.lens")
    store.sync(client, progress=False)
    ax = cl.plot.observed_revenue(store.history(), currency=store.syncs()["currency"].iloc[-1])
    assert cl.plot.describe(ax) == "No orders have come in between two syncs yet."
