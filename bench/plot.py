"""The charts of a million customers, each against the seaborn call that draws the same.

A chart is timed from the table to the pixels (agg, 6.4 × 4.8 inches). seaborn draws what it draws of the raw values: a
histogram, an empirical distribution, bars of group sums; it has no call for the other charts, which have to take less
than a second. seaborn runs in an environment of its own (bench/.peers/).

    python -m bench.plot [ROWS] [ROUNDS]       default: 1000000 5
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

import custlens as cl
from bench.analysis import shop, timed
from bench.sync import python_of

TARGET_SECONDS, TARGET_RATIO = 1.0, 0.3
SEABORN = {
    "sales_value": "histogram of sales_value, log scale",
    "sales_value, linear": "histogram of sales_value",
    "sales_value, cumulative": "ECDF of sales_value",
    "number_of_orders": "count of number_of_orders",
    "number_of_orders, cumulative": "ECDF of number_of_orders",
    "first_orders": "histogram of first_order_date by month",
    "recency": "ECDF of recency_days by group",
    "sales_by": "bars of the sum of sales_value by country",
    "sales_by, medians": "points of the median by country",
    "inter_purchase": "boxes of the gap by number of orders",
}
"""The charts that seaborn can draw, and how bench/peers/with_seaborn.py names them."""


def charts(table: pd.DataFrame) -> dict[str, Callable[[Axes], Any]]:
    """Return the charts by name, each a function of the axes."""
    plot = cl.plot
    model = cl.lifetime.fit(table)
    scored = cl.segments.rfm(table)
    halves = table[::2], table[1::2]
    return {
        "sales_value": lambda ax: plot.sales_value(table, ax=ax),
        "sales_value, linear": lambda ax: plot.sales_value(table, scale="linear", ax=ax),
        "sales_value, cumulative": lambda ax: plot.sales_value(table, cumulative=True, ax=ax),
        "average_order_value": lambda ax: plot.average_order_value(table, ax=ax),
        "number_of_orders": lambda ax: plot.number_of_orders(table, ax=ax),
        "number_of_orders, cumulative": lambda ax: plot.number_of_orders(table, cumulative=True, ax=ax),
        "first_orders": lambda ax: plot.first_orders(table, ax=ax),
        "last_orders": lambda ax: plot.last_orders(table, ax=ax),
        "recency": lambda ax: plot.recency(table, ax=ax),
        "inter_purchase": lambda ax: plot.inter_purchase(table, ax=ax),
        "seasonality": lambda ax: plot.seasonality(table, ax=ax),
        "second_order": lambda ax: plot.second_order(table, ax=ax),
        "sales_by": lambda ax: plot.sales_by(table, ax=ax),
        "sales_by, medians": lambda ax: plot.sales_by(table, column="median_buyer_value", ax=ax),
        "concentration": lambda ax: plot.concentration(table, ax=ax),
        "quality": lambda ax: plot.quality(table, ax=ax),
        "comparison": lambda ax: plot.comparison(*halves, ax=ax),
        "rfm_grid": lambda ax: plot.rfm_grid(table, ax=ax),
        "segment_sizes": lambda ax: plot.segment_sizes(table, ax=ax),
        "migration": lambda ax: plot.migration(scored, scored, ax=ax),
        "cohort_heatmap": lambda ax: plot.cohort_heatmap(table, ax=ax),
        "repeat_rate": lambda ax: plot.repeat_rate(table, ax=ax),
        "survival": lambda ax: plot.survival(table, ax=ax),
        "frequency_recency": lambda ax: plot.frequency_recency(model, ax=ax),
        "repeat_counts": lambda ax: plot.repeat_counts(model, ax=ax),
        "spending": lambda ax: plot.spending(model, ax=ax),
        "overdue": lambda ax: plot.overdue(table, model, ax=ax),
    }


def drawn(chart: Callable[[Axes], Any]) -> None:
    """Draw a chart to its pixels."""
    figure, ax = plt.subplots(layout="constrained")
    chart(ax)
    figure.canvas.draw()
    plt.close(figure)


def with_seaborn(table: pd.DataFrame, rounds: int) -> dict[str, float]:
    """Return the seconds that seaborn takes, by its names; none where it cannot be had."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.parquet"
        table.drop(columns=["email", "accept_marketing"]).to_parquet(path)
        script = str(Path(__file__).parent / "peers" / "with_seaborn.py")
        try:
            command = [python_of("seaborn"), script, str(path), str(rounds)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True)
        except subprocess.CalledProcessError as error:
            print(f"  seaborn failed: {str(error.stderr or error).strip().splitlines()[-1][:120]}")
            return {}
    found: dict[str, float] = json.loads(answer.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Draw everything and print seconds and ratios."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    matplotlib.use("agg")
    warnings.simplefilter("ignore", cl.CustlensWarning)
    table = shop(rows)
    print(f"plot: {rows:,} customers, medians of {rounds} rounds")
    theirs = with_seaborn(table, rounds)
    for name, chart in charts(table).items():
        drawn(chart)  # fonts and imports are loaded by the first one
        mine = statistics.median(timed(lambda chart=chart: drawn(chart)) for _ in range(rounds))
        other = theirs.get(SEABORN.get(name, ""))
        ratio = f"   seaborn {other:6.2f} s   custlens / seaborn = {mine / other:.2f}" if other else ""
        met = mine < TARGET_SECONDS or (other is not None and mine < TARGET_RATIO * other)
        print(f"  {name:30} {mine:6.2f} s{ratio}{'' if met else '   over the target'}", flush=True)


if __name__ == "__main__":
    main()
