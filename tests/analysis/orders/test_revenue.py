import pandas as pd
import pytest

import custlens as cl

FIRST_SYNC, SECOND_SYNC, THIRD_SYNC = "2026-03-02 12:00Z", "2026-03-12 12:00Z", "2026-04-02 12:00Z"
SYNCS = {1: FIRST_SYNC, 2: SECOND_SYNC, 3: THIRD_SYNC}


def history(*rows):
    """Rows of (sync, customer, orders, sales, first order, last order)."""
    columns = ["sync", "customer_id", "number_of_orders", "sales_value", "first_order_date", "last_order_date"]
    table = pd.DataFrame(rows, columns=columns)
    times = ["first_order_date", "last_order_date", "as_of"]
    table = table.assign(as_of=table["sync"].map(SYNCS), event="changed")
    return table.assign(**{name: pd.to_datetime(table[name], utc=True, format="ISO8601") for name in times})


def months(*rows, freq="MS"):
    return cl.orders.observed_revenue(history(*rows), freq=freq).set_index("period")


OLD, NEW, LATER = "2026-02-01 09:00Z", "2026-03-05 09:00Z", "2026-03-20 09:00Z"


def test_what_new_orders_brought_is_revenue_of_the_period_of_the_sync():
    table = months((1, 7, 1, 20.0, OLD, OLD), (2, 7, 2, 50.0, OLD, NEW), (3, 7, 4, 90.0, OLD, LATER))
    assert table.to_dict("index") == {
        pd.Timestamp("2026-03-01"): {"revenue": 30.0, "orders": 1, "customers": 1, "corrections": 0.0},
        pd.Timestamp("2026-04-01"): {"revenue": 40.0, "orders": 2, "customers": 1, "corrections": 0.0},
    }


def test_a_customer_first_seen_later_counts_from_nothing():
    row = months((1, 7, 1, 20.0, OLD, OLD), (2, 8, 2, 50.0, NEW, NEW)).iloc[0]
    assert row.tolist() == [50.0, 2, 1, 0.0]


@pytest.mark.parametrize(
    ("rows", "correction"),
    [
        (((1, 7, 2, 50.0, OLD, OLD), (2, 7, 2, 30.0, OLD, OLD)), -20.0),  # refunded
        (((1, 7, 1, 20.0, OLD, OLD), (2, 7, 0, 0.0, None, None)), -20.0),  # cancelled
        (((1, 9, 0, 0.0, None, None), (2, 7, 3, 80.0, OLD, OLD)), 80.0),  # a mended record, seen late
        (((1, 9, 0, 0.0, None, None), (2, 7, 3, 80.0, OLD, NEW)), 80.0),  # and ordered since: how much is not known
        (((1, 7, None, None, None, None), (2, 7, 3, 80.0, OLD, NEW)), 80.0),  # statistics missing at the first sync
    ],
)
def test_a_change_that_no_new_order_explains_is_a_correction(rows, correction):
    row = months(*rows).iloc[0]
    assert row.tolist() == [0.0, 0, 0, correction]


def test_statistics_missing_for_one_sync_are_unknown_and_not_zero():
    table = months((1, 7, 2, 50.0, OLD, OLD), (2, 7, None, None, None, None), (3, 7, 3, 60.0, OLD, LATER))
    assert table["revenue"].to_dict() == {pd.Timestamp("2026-04-01"): 10.0}
    unchanged = months((1, 7, 2, 50.0, OLD, OLD), (2, 7, None, None, None, None), (3, 7, 2, 50.0, OLD, OLD))
    assert unchanged.empty


def test_a_customer_who_was_deleted_and_comes_back_is_compared_with_the_last_known_statistics():
    table = history((1, 7, 2, 50.0, OLD, OLD), (2, 7, None, None, None, None), (3, 7, 3, 60.0, OLD, LATER))
    table.loc[1, "event"] = "deleted"
    assert cl.orders.observed_revenue(table, freq="YS")[["revenue", "orders"]].values.tolist() == [[10.0, 1]]


def test_what_the_first_sync_found_is_left_out_and_an_empty_history_is_an_empty_result():
    assert months((1, 7, 2, 50.0, OLD, OLD)).empty
    empty = cl.orders.observed_revenue(history((1, 7, 2, 50.0, OLD, OLD)).head(0))
    assert empty.columns.tolist() == ["period", "revenue", "orders", "customers", "corrections"]


def test_revenue_and_corrections_are_all_that_the_shop_sold_between_syncs(shop, client, tmp_path):
    store = cl.Store(tmp_path / "shop.lens")
    shop.population.patches.clear()
    shop.changed()
    store.sync(client, progress=False)
    start = sum(shop.document(i)["stats"]["salesValue"] for i in shop.ids)
    for _ in range(3):
        shop.advance(20)
        store.sync(client, progress=False)
    history = store.history()
    gone = history.query("event == 'deleted'")["sales_value"].sum()
    found = cl.orders.observed_revenue(history, freq="month")
    end = sum(shop.document(i)["stats"]["salesValue"] for i in shop.ids)
    assert found[["revenue", "corrections"]].sum().sum() == pytest.approx(end + gone - start)
    assert found["revenue"].sum() > 10 * found["corrections"].abs().sum()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: cl.orders.observed_revenue(t, freq="fortnight"), "freq must be one of D, W, MS"),
        (lambda t: cl.orders.observed_revenue(t.drop(columns="sync")), "the history table lacks sync"),
        (lambda t: cl.orders.observed_revenue(None), "history must be a pandas, Polars"),
        (lambda t: cl.orders.observed_revenue(pd.concat([t, t])), "a customer occurs twice in one sync"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises((cl.ArgumentError, cl.DataError)) as caught:
        call(history((1, 7, 2, 50.0, OLD, OLD)))
    assert message in str(caught.value)
