"""Holds a lifetime model against what was seen: when it was fitted, and afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from custlens.analysis._frames import customers_frame, gather, index_of, need_as_of
from custlens.analysis.lifetime._bg_nbd import repeat_count_probabilities
from custlens.analysis.lifetime._gamma_gamma import correlation, expected_value
from custlens.errors import DataError

if TYPE_CHECKING:
    from custlens.analysis.lifetime import LifetimeModel

__all__ = ["Diagnosis", "diagnose"]

COUNTS_SHOWN = 7


@dataclass(frozen=True)
class Diagnosis:
    """How well a lifetime model fits.

    Attributes
    ----------
    repeat_counts : pandas.DataFrame
        repeat_orders ("0" … "6", "7+"), observed and expected (buyers).
    value : pandas.DataFrame
        orders ("1", "2+"), buyers, observed and expected (mean over buyers of S/n, and of E[M]). In the model the two
        groups spend alike; where they do not, the value of one-time buyers pulls the forecast.
    correlation : float
        Of the number of orders and log(S/n); the value model takes them as independent.
    holdout : pandas.DataFrame or None
        By decile of p_order ("1" the best tenth, last row "all"): buyers, p_order and ordered (shares), expected_orders
        and orders, expected_revenue (not discounted) and revenue.
    """

    repeat_counts: pd.DataFrame
    value: pd.DataFrame
    correlation: float
    holdout: pd.DataFrame | None

    def _repr_html_(self) -> str:
        parts = [("Repeat orders", self.repeat_counts), ("Value of an order", self.value)]
        parts += [("Predicted against what happened", self.holdout)] if self.holdout is not None else []
        shown = "".join(
            f"<h4>{title}</h4>{table.to_html(index=False, float_format='{:,.3f}'.format)}" for title, table in parts
        )
        return f"{shown}<p>Correlation of the number of orders and log(S/n): {self.correlation:+.2f}</p>"


def diagnose(model: LifetimeModel, table: pd.DataFrame, later: Any, as_of: datetime | None) -> Diagnosis:
    """Diagnose a model by the buyers it was fitted on and, if given, by a later state of them."""
    n, s, rows = (table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
    ages, place = np.unique(table["t"].to_numpy(), return_inverse=True)
    weights = np.bincount(place, rows, len(ages))
    expected = weights @ repeat_count_probabilities(model.params.to_numpy(), ages, COUNTS_SHOWN, model.model)
    x = np.minimum(table["x"].to_numpy(), COUNTS_SHOWN).astype("int64")
    names = [*map(str, range(COUNTS_SHOWN)), f"{COUNTS_SHOWN}+"]
    counts = pd.DataFrame(
        {"repeat_orders": names, "observed": np.bincount(x, rows, COUNTS_SHOWN + 1), "expected": expected}
    )
    paid = s > 0
    values = []
    for name, chosen in (("1", paid & (n == 1)), ("2+", paid & (n > 1))):
        some, w = chosen.any(), rows[chosen]
        modelled = expected_value(model.value_params.to_numpy(), n[chosen], s[chosen])
        values.append(
            {
                "orders": name,
                "buyers": w.sum(),
                "observed": np.average(s[chosen] / n[chosen], weights=w) if some else np.nan,
                "expected": np.average(modelled, weights=w) if some else np.nan,
            }
        )
    holdout = None if later is None else _holdout(model, table, later, as_of)
    tied = correlation(n[paid], s[paid] / n[paid], rows[paid])
    return Diagnosis(counts, pd.DataFrame(values), tied, holdout)


def _holdout(model: LifetimeModel, table: pd.DataFrame, later: Any, as_of: datetime | None) -> pd.DataFrame:
    """Compare what was predicted for the time until `later` with what happened in it."""
    if "customer_id" not in table:
        raise DataError("to compare with a later time, fit on a table that has customer_id")
    frame = customers_frame(later, ["customer_id", "number_of_orders", "sales_value"])
    now = need_as_of(frame, as_of)
    if now <= model.as_of:
        raise DataError(f"the later table was observed on {now:%Y-%m-%d %H:%M} UTC, not after the model's")
    span = now - model.as_of
    index_of(table["customer_id"])
    before = pd.DataFrame(
        {
            "customer_id": table["customer_id"],
            "number_of_orders": table["number_of_orders"],
            "sales_value": table["sales_value"],
            **{
                name: pd.to_datetime(table[name].astype("Int64"), unit="us", utc=True)
                for name in ("first_order_date", "last_order_date")
            },
        }
    )
    predicted = model.predict(before, pd.Timedelta(span), discount_rate=0.0, as_of=model.as_of)
    after = gather(frame, numbers=["number_of_orders", "sales_value"], keys=["customer_id"])
    after = after.set_index(index_of(after["customer_id"]))
    both = before[["customer_id", "number_of_orders", "sales_value"]].join(
        after[["number_of_orders", "sales_value"]].add_suffix("_after"), on="customer_id"
    )
    there = both["number_of_orders_after"].notna()
    orders = both["number_of_orders_after"] - both["number_of_orders"]
    whole = predicted.assign(
        orders=orders, ordered=(orders > 0).astype(float), revenue=both["sales_value_after"] - both["sales_value"]
    )[there].sort_values(["p_order", "customer_id"], ascending=[False, True])
    whole["decile"] = [str(1 + 10 * place // len(whole)) for place in range(len(whole))]
    whole["buyers"] = 1
    how = {
        "buyers": "sum",
        "p_order": "mean",
        "ordered": "mean",
        "expected_orders": "sum",
        "orders": "sum",
        "expected_revenue": "sum",
        "revenue": "sum",
    }
    deciles: pd.DataFrame = whole.groupby("decile", sort=False).agg(how).reset_index()
    everyone: pd.DataFrame = whole.assign(decile="all").groupby("decile").agg(how).reset_index()
    return pd.concat([deciles, everyone], ignore_index=True)
