"""The published data of CDNOW, as customers tables."""

from pathlib import Path

import pandas as pd

import custlens as cl

WEEKS = Path(__file__).parents[1] / "data" / "cdnow_sample_rfm_weeks.csv"
ORDERS = Path(cl.demo.__file__).parent / "data" / "cdnow_sample_orders.csv"
END_OF_CALIBRATION = pd.Timestamp("1997-10-01", tz="UTC")


def in_weeks(days_a_week=7.0):
    """The calibration data of Fader, Hardie and Lee (2005): frequency, recency and T in weeks, in a chosen length of a week."""
    weeks = pd.read_csv(WEEKS)
    week = pd.Timedelta(days=days_a_week)
    first = END_OF_CALIBRATION - weeks["T"] * week
    table = pd.DataFrame(
        {
            "customer_id": weeks["ID"],
            "number_of_orders": weeks["frequency"] + 1,
            "sales_value": (10.0 + weeks["ID"] % 37) * (weeks["frequency"] + 1),
            "first_order_date": first,
            "last_order_date": first + weeks["recency"] * week,
        }
    )
    times = dict.fromkeys(("first_order_date", "last_order_date"), "datetime64[us, UTC]")
    return table.astype(times).assign(as_of=END_OF_CALIBRATION.as_unit("us"))


def orders(until="1998-06-30", merged=False):
    """Each order: customer, date, amount_usd; with `merged` those of one day as one."""
    table = pd.read_csv(ORDERS, parse_dates=["date"])
    table = table[table["date"] <= until]
    return table.groupby(["customer", "date"], as_index=False)["amount_usd"].sum() if merged else table


def customers(until="1998-06-30", merged=False):
    """The customers table as it stood at the end of a day."""
    grouped = orders(until, merged).groupby("customer")
    table = grouped.agg(
        number_of_orders=("date", "size"),
        sales_value=("amount_usd", "sum"),
        first_order_date=("date", "min"),
        last_order_date=("date", "max"),
    ).reset_index(names="customer_id")
    for name in ("first_order_date", "last_order_date"):
        table[name] = table[name].dt.tz_localize("UTC").astype("datetime64[us, UTC]")
    return table.assign(as_of=pd.Timestamp(until, tz="UTC").as_unit("us"), currency="USD")
