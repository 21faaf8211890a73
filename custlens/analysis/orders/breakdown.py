"""Groups of customers side by side: countries, customer groups, languages, consent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import UNKNOWN, currency_of, customers_frame, gather, same_kind
from custlens.analysis._stats import Groups, median_ranks, ratio
from custlens.errors import ArgumentError

__all__ = ["BREAKDOWNS", "OTHER", "UNKNOWN", "breakdown"]

BREAKDOWNS = (
    "billing_country_code",
    "billing_state_or_province_name",
    "customer_group_name",
    "b2b_b2c",
    "lang",
    "accept_marketing",
)
OTHER = "other"


def breakdown(customers: Any, by: str = "billing_country_code", *, fold_below: int = 10) -> Any:
    """Compare groups of customers.

    Parameters
    ----------
    customers
        A customers table with number_of_orders, sales_value and the column `by`.
    by
        ``"billing_country_code"``, ``"billing_state_or_province_name"``, ``"customer_group_name"``, ``"b2b_b2c"``,
        ``"lang"`` or ``"accept_marketing"`` (consent: true, false and unknown are three states).
    fold_below
        Groups of fewer customers are folded into "other": their means say little and may give a person away.

    Returns
    -------
    table of the same kind
        `results.Breakdown`: one row a group, by sales value from high to low: the group under the name of `by`
        ("unknown" where it is missing; guests have no address), customers, buyers, orders, sales_value, share (of all
        sales), repeat_rate, mean_order_value (ΣS/Σn), mean_buyer_value, median_buyer_value with its 95 % interval
        median_low to median_high (by order statistics; missing under six buyers). A mean over nobody is missing.

    Raises
    ------
    ArgumentError
        An unknown `by`, a missing column, or amounts of several currencies.
    """
    if by not in BREAKDOWNS:
        raise ArgumentError(f"by must be one of {', '.join(BREAKDOWNS)}, not {by!r}")
    frame = customers_frame(customers, ["number_of_orders", "sales_value", by])
    currency_of(frame)
    table = gather(frame, numbers=["number_of_orders", "sales_value"], texts=[by])
    n, s, rows = (table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
    names = [str(name).lower() if by == "accept_marketing" else str(name) for name in table[by].cat.categories]
    codes = table[by].cat.codes.to_numpy().astype("int64")
    codes[codes < 0] = len(names)
    names.append(UNKNOWN)
    sizes = np.bincount(codes, rows, len(names))
    target = np.where(sizes >= fold_below, np.arange(len(names)), len(names))
    codes = target[codes]
    names.append(OTHER)
    buys = n >= 1
    nb, sb = n[buys], s[buys]
    groups = Groups(codes[buys], rows[buys], len(names))
    ordered, spent = groups.ranked(nb), groups.ranked(sb)
    repeat, valued_orders = groups.ranked(nb > 1).sums, groups.ranked(np.where(np.isnan(sb), np.nan, nb)).sums
    low, high = median_ranks(spent.totals)
    total = spent.sums.sum()
    result = pd.DataFrame(
        {
            "group": names,
            "customers": np.bincount(codes, rows, len(names)),
            "buyers": groups.sizes,
            "orders": ordered.sums,
            "sales_value": spent.sums,
            "share": spent.sums / total if total else np.nan,
            "repeat_rate": ratio(repeat, groups.sizes),
            "mean_order_value": ratio(spent.sums, valued_orders),
            "mean_buyer_value": ratio(spent.sums, spent.totals),
            "median_buyer_value": spent.quantile(0.5),
            "median_low": spent.at(low),
            "median_high": spent.at(high),
        }
    )
    result = result[result["customers"] > 0].sort_values(
        ["sales_value", "group"], ascending=[False, True], ignore_index=True
    )
    return same_kind(result, results.Breakdown, customers, rename={"group": by})
