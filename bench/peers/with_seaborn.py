"""What `bench.plot` times: the charts that seaborn can draw of raw values, from the table to the pixels."""

import json
import statistics
import sys
import time

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

matplotlib.use("agg")


def calls(table: pd.DataFrame) -> dict:
    buyers = table[table["number_of_orders"] >= 1]

    def recency(ax):
        days = (buyers["as_of"] - buyers["last_order_date"]).dt.total_seconds() / 86_400
        group = (buyers["number_of_orders"] > 1).astype(str)
        sns.ecdfplot(x=days, hue=group, ax=ax)

    def gaps(ax):
        repeat = buyers[buyers["number_of_orders"] > 1]
        span = (repeat["last_order_date"] - repeat["first_order_date"]).dt.total_seconds() / 86_400
        gap = span / (repeat["number_of_orders"] - 1).astype("float64")
        orders = repeat["number_of_orders"].clip(upper=10).astype("int64")
        sns.boxplot(x=orders, y=gap, showfliers=False, ax=ax)

    def months(ax):
        first = buyers["first_order_date"].dt.tz_localize(None)
        edges = pd.date_range(first.min().to_period("M").start_time, first.max() + pd.offsets.MonthBegin(), freq="MS")
        sns.histplot(x=first, bins=matplotlib.dates.date2num(edges), ax=ax)

    top = buyers.groupby("billing_country_code", observed=True)["sales_value"].sum().nlargest(12).index.to_list()
    largest = buyers[buyers["billing_country_code"].isin(top)].astype({"billing_country_code": str})
    by = {"data": largest, "x": "sales_value", "y": "billing_country_code", "order": top}
    positive = buyers[buyers["sales_value"] > 0]
    return {
        "histogram of sales_value, log scale": lambda ax: sns.histplot(
            positive, x="sales_value", log_scale=True, ax=ax
        ),
        "histogram of sales_value": lambda ax: sns.histplot(buyers, x="sales_value", bins=30, ax=ax),
        "ECDF of sales_value": lambda ax: sns.ecdfplot(buyers, x="sales_value", log_scale=True, ax=ax),
        "count of number_of_orders": lambda ax: sns.countplot(x=buyers["number_of_orders"].clip(upper=10), ax=ax),
        "ECDF of number_of_orders": lambda ax: sns.ecdfplot(x=buyers["number_of_orders"].astype("int64"), ax=ax),
        "histogram of first_order_date by month": months,
        "ECDF of recency_days by group": recency,
        "bars of the sum of sales_value by country": lambda ax: sns.barplot(
            **by, estimator="sum", errorbar=None, ax=ax
        ),
        "points of the median by country": lambda ax: sns.pointplot(
            **by, estimator="median", errorbar=("ci", 95), n_boot=100, linestyle="none", ax=ax
        ),
        "boxes of the gap by number of orders": gaps,
    }


def seconds(call) -> float:
    started = time.perf_counter()
    figure, ax = plt.subplots(layout="constrained")
    call(ax)
    figure.canvas.draw()
    plt.close(figure)
    return time.perf_counter() - started


if __name__ == "__main__":
    table = pd.read_parquet(sys.argv[1])
    times = {}
    for name, call in calls(table).items():
        seconds(call)
        times[name] = statistics.median(seconds(call) for _ in range(int(sys.argv[2])))
    print(json.dumps(times))
