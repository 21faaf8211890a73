import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

import custlens as cl
from custlens.demo.population import api_seconds, cdnow, generated


def test_the_same_seed_makes_the_same_shop():
    assert generated(300, seed=1).customers == generated(300, seed=1).customers
    assert generated(300, seed=1).customers != generated(300, seed=2).customers


def test_a_generated_shop_has_what_shops_have():
    shop = generated(4_000)
    people = list(shop.customers.values())
    assert {person.accept_marketing for person in people} == {True, False, None}
    assert {person.b2b_b2c for person in people} == {"b2b", "b2c"}
    assert len({person.billing_person.country_code for person in people if person.billing_person}) >= 10
    assert 0.1 < np.mean([person.billing_person is None for person in people]) < 0.2
    orders = np.array([person.stats.number_of_orders for person in people])
    sales = np.array([person.stats.sales_value for person in people if person.stats.number_of_orders])
    assert 0.4 < np.mean(orders[orders > 0] == 1) < 0.7
    assert np.sort(sales)[::-1][: len(sales) // 10].sum() > 0.4 * sales.sum()  # a heavy tail
    years = [person.registered[:4] for person in people]
    assert years.count("2025") > years.count("2023")  # growth
    assert 5 <= len(shop.patches) <= 40


def test_nobody_has_a_first_order_after_the_last():
    stats = [person.stats for person in generated(50_000, seed=11).customers.values()]
    assert all(api_seconds(s.first_order_date) <= api_seconds(s.last_order_date) for s in stats if s.number_of_orders)


def test_december_is_busy():
    lasts = [p.stats.last_order_date for p in generated(20_000).customers.values() if p.stats.last_order_date]
    months = [date[5:7] for date in lasts if date.startswith(("2023", "2024"))]
    others = np.mean([months.count(f"{month:02d}") for month in range(6, 12)])
    assert months.count("12") > 1.3 * others


def test_cdnow_is_the_published_data():
    shop = cdnow()
    stats = [customer.stats for customer in shop.customers.values()]
    assert len(stats) == 2357
    assert sum(s.number_of_orders for s in stats) == 6919
    assert sum(s.sales_value for s in stats) == pytest.approx(244091.94)
    assert shop.customers[1].stats.number_of_orders == 4
    assert shop.customers[1].stats.sales_value == pytest.approx(29.33 + 29.73 + 14.96 + 26.48)
    assert (shop.customers[1].stats.first_order_date, shop.customers[1].stats.last_order_date) == (
        "1997-01-01 00:00:00 +0000",
        "1997-12-12 00:00:00 +0000",
    )


def test_cdnow_can_be_seen_as_it_stood_on_an_earlier_day():
    with cl.demo.serve("cdnow", until=dt.date(1997, 9, 30)) as shop:
        table = cl.fetch(shop.client(), progress=False).customers
    assert len(table) == 2357
    assert table["as_of"].unique().tolist() == [pd.Timestamp("1997-09-30 23:59:59", tz="UTC")]
    assert table["last_order_date"].max() <= pd.Timestamp("1997-09-30", tz="UTC")
    assert len(cdnow(dt.date(1997, 1, 31)).customers) == 781
    with pytest.raises(cl.ArgumentError, match="until must be a day from 1997-01-01 to 1998-06-30"):
        cl.demo.serve("cdnow", until=dt.date(1999, 1, 1))


def test_an_order_of_yesterday_that_is_paid_today_moves_no_date_forward():
    shop = cdnow()
    before = shop.customers[1].stats
    shop.order(1, 10.0, shop.now - dt.timedelta(days=400))
    after = shop.customers[1].stats
    assert (after.number_of_orders, after.sales_value) == (5, pytest.approx(before.sales_value + 10))
    assert after.average_order_value == pytest.approx(after.sales_value / 5, abs=0.005)
    assert (after.first_order_date, after.last_order_date) == (before.first_order_date, before.last_order_date)
    shop.order(1, 10.0, shop.now - dt.timedelta(days=1))
    assert shop.customers[1].stats.last_order_date == "1998-06-29 23:59:59 +0000"
    assert shop.customers[1].updated == "1997-01-01 00:00:00 +0000"


def test_an_order_can_move_updated():
    shop = cdnow()
    shop.orders_move_updated = True
    shop.order(1, 10.0, shop.now - dt.timedelta(days=1))
    assert shop.customers[1].updated == "1998-06-30 23:59:59 +0000"


def test_a_refund_moves_amounts_and_no_date():
    shop = cdnow()
    before, updated = shop.customers[1].stats, shop.customers[1].updated
    shop.refund(1, 20.5)
    after = shop.customers[1].stats
    assert (after.sales_value, after.average_order_value) == (pytest.approx(80.0), pytest.approx(20.0))
    assert (after.number_of_orders, after.last_order_date) == (before.number_of_orders, before.last_order_date)
    assert shop.customers[1].updated == updated


def test_an_edit_moves_updated():
    shop = cdnow()
    shop.edit(1, name="Another")
    assert (shop.customers[1].name, shop.customers[1].updated) == ("Another", "1998-06-30 23:59:59 +0000")


def test_a_new_customer_never_gets_the_id_of_a_deleted_one_unless_asked():
    shop = cdnow()
    newest = max(shop.customers)
    shop.delete(newest)
    assert shop.add() == newest + 1
    assert shop.add(customer_id=newest) == newest
    assert [event.kind for event in shop.log] == ["delete", "add", "order", "add", "order"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda shop: shop.edit(9_999), "customer_id must be the ID of a customer of this shop, not 9999"),
        (lambda shop: shop.order(9_999, 1.0), "customer_id must be"),
        (lambda shop: shop.refund(9_999, 1.0), "customer_id must be"),
        (lambda shop: shop.delete(9_999), "customer_id must be"),
        (
            lambda shop: shop.add(customer_id=1),
            "customer_id must be one that is not used yet, and there is a customer 1",
        ),
        (lambda shop: shop.advance(-1), "days must be a number above 0, and is -1"),
        (lambda shop: shop.edit(1, emial="x"), "a customer has no field 'emial'; did you mean 'email'?"),
        (lambda shop: shop.refund(shop.add_many(1)[0], 1.0), "customer_id must be that of a customer who has ordered"),
    ],
)
def test_what_cannot_happen_is_refused(change, message):
    with pytest.raises(cl.ArgumentError, match=re.escape(message)):
        change(cdnow())
