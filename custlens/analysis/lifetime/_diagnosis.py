"""Comparisons of a lifetime model with what was observed: in the table it was fitted on, and afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from custlens.analysis.lifetime._gamma_gamma import share_below

__all__ = ["COUNTS_SHOWN", "Diagnosis", "holdout", "repeat_counts", "spending", "values"]

COUNTS_SHOWN = 7
BINS_PER_DECADE = 8
HOLDOUT = {
    "buyers": "sum",
    "p_order": "mean",
    "ordered": "mean",
    "expected_orders": "sum",
    "orders": "sum",
    "expected_revenue": "sum",
    "revenue": "sum",
}


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """How well a lifetime model fits.

    Attributes
    ----------
    repeat_counts : pandas.DataFrame
        repeat_orders ("0" … "6", "7+"), observed and expected (buyers).
    value : pandas.DataFrame
        orders ("1", "2+"), buyers, observed and expected (mean over buyers of S/n, and of E[M]). The model takes order
        values as independent of the number of orders; where the two groups differ, the forecast of revenue is off.
    spending : pandas.DataFrame
        One row per bin of S/n, eight per power of ten: lower, upper (currency), observed and expected (buyers).
    correlation : float
        Correlation of the number of orders and log(S/n).
    holdout : pandas.DataFrame or None
        One row per decile of p_order ("1" is the most likely tenth; last row "all"): buyers, p_order and ordered
        (shares), expected_orders and orders, expected_revenue (not discounted) and revenue.
    """

    repeat_counts: pd.DataFrame
    value: pd.DataFrame
    spending: pd.DataFrame
    correlation: float
    holdout: pd.DataFrame | None

    def __repr__(self) -> str:
        text = f"correlation of orders and their value {self.correlation:+.2f}"
        if self.holdout is not None and len(self.holdout):
            everyone = self.holdout.iloc[-1]
            text += f"; {everyone['orders']:,.0f} orders in the holdout, {everyone['expected_orders']:,.0f} expected"
        return f"<Diagnosis: {text}>"

    def _repr_html_(self) -> str:
        parts = [("Repeat orders", self.repeat_counts), ("Value of an order", self.value)]
        if self.holdout is not None:
            parts.append(("Forecast and outcome", self.holdout))
        tables = "".join(
            f"<h4>{title}</h4>{table.to_html(index=False, float_format='{:,.3f}'.format)}" for title, table in parts
        )
        return f"{tables}<p>Correlation of the number of orders and log(S/n): {self.correlation:+.2f}</p>"


def repeat_counts(x: np.ndarray, rows: np.ndarray, expected: np.ndarray) -> pd.DataFrame:
    """Build the table of buyers by number of repeat orders, observed and expected."""
    names = [*map(str, range(COUNTS_SHOWN)), f"{COUNTS_SHOWN}+"]
    observed = np.bincount(np.minimum(x, COUNTS_SHOWN).astype("int64"), rows, COUNTS_SHOWN + 1)
    return pd.DataFrame({"repeat_orders": names, "observed": observed, "expected": expected})


def values(n: np.ndarray, mean: np.ndarray, rows: np.ndarray, expected: np.ndarray) -> pd.DataFrame:
    """Build the table of the mean value of an order, observed and expected, of one-time and of repeat buyers."""
    lines = []
    for name, chosen in (("1", n == 1), ("2+", n > 1)):
        weights = rows[chosen]
        observed, modelled = (
            np.average(column[chosen], weights=weights) if chosen.any() else np.nan for column in (mean, expected)
        )
        lines.append({"orders": name, "buyers": weights.sum(), "observed": observed, "expected": modelled})
    return pd.DataFrame(lines)


def spending(n: np.ndarray, mean: np.ndarray, rows: np.ndarray, params: np.ndarray) -> pd.DataFrame:
    """Build the table of buyers by the mean value of their orders, observed and expected by the model of values."""
    steps = np.floor(np.log10(mean) * BINS_PER_DECADE).astype("int64")
    first, last = int(steps.min()), int(steps.max())
    edges = 10 ** (np.arange(first, last + 2) / BINS_PER_DECADE)
    counts, place = np.unique(n, return_inverse=True)
    below = np.bincount(place, rows, len(counts)) @ share_below(params, counts[:, None], edges[None, :])
    observed = np.bincount(steps - first, rows, last - first + 1)
    return pd.DataFrame({"lower": edges[:-1], "upper": edges[1:], "observed": observed, "expected": np.diff(below)})


def holdout(predicted: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Build the table of what was predicted and what happened, by decile of the prediction.

    Parameters
    ----------
    predicted
        Predictions for the time between, as in `results.Prediction`.
    before, after
        number_of_orders and sales_value of the same rows at both times; rows without later statistics are left out.
    """
    orders = after["number_of_orders"] - before["number_of_orders"]
    revenue = after["sales_value"] - before["sales_value"]
    whole = predicted.assign(buyers=1, orders=orders, ordered=(orders > 0).astype(float), revenue=revenue)
    whole = whole[orders.notna()].sort_values(["p_order", "customer_id"], ascending=[False, True])
    whole["decile"] = [str(1 + 10 * place // len(whole)) for place in range(len(whole))]
    deciles: pd.DataFrame = whole.groupby("decile", sort=False).agg(HOLDOUT).reset_index()
    everyone: pd.DataFrame = whole.assign(decile="all").groupby("decile").agg(HOLDOUT).reset_index()
    return pd.concat([deciles, everyone], ignore_index=True)
