"""Groups of customers side by side: countries, customer groups, languages, consent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import one_of, whole_number
from custlens.analysis import results
from custlens.analysis._frames import UNKNOWN, currency_of, customers_frame, gather, same_kind
from custlens.analysis._stats import Groups, median_ranks, parts_of_sales, ratio

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


def breakdown(customers: IntoFrameT, by: str = "billing_country_code", *, fold_below: int = 10) -> IntoFrameT:
    """Compare groups of customers.

    Parameters
    ----------
    customers : table
        A customers table with number_of_orders, sales_value and the column `by`.
    by : str
        ``"billing_country_code"``, ``"billing_state_or_province_name"``, ``"customer_group_name"``, ``"b2b_b2c"``,
        ``"lang"`` or ``"accept_marketing"`` (consent: true, false and unknown are three states).
    fold_below : int
        Groups of fewer customers are folded into "other": their means say little and may identify a person.

    Returns
    -------
    table of the same kind
        `results.Breakdown`: one row per group, by sales value from high to low. The column of groups has the name of
        `by`; customers without a value (guests have no address) are "unknown". A group that the shop itself calls "other"
        or "unknown" is in the row of that name. The sales of a group are missing if no amount of its buyers is known, and
        all shares are missing if a group has negative sales (refunds) or there are none to share.

    Raises
    ------
    ArgumentError
        An unknown `by`, a `fold_below` that is not a whole number, or `customers` is not a table.
    DataError
        A missing column, impossible values, a customer who occurs twice, or amounts in several currencies.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"number_of_orders": [1, 3], "sales_value": [10.0, 90.0], "lang": ["en", None]})
    >>> breakdown(table, "lang", fold_below=1)[["lang", "customers", "sales_value", "share"]]
          lang  customers  sales_value  share
    0  unknown          1         90.0    0.9
    1       en          1         10.0    0.1
    """
    one_of("by", by, BREAKDOWNS)
    whole_number("fold_below", fold_below)
    frame = customers_frame(customers, ["number_of_orders", "sales_value", by])
    currency_of(frame)
    table = gather(frame, numbers=["number_of_orders", "sales_value"], texts=[by])
    n, s, rows = (table[name].to_numpy() for name in ("number_of_orders", "sales_value", "rows"))
    occurring = [str(name).lower() if by == "accept_marketing" else str(name) for name in table[by].cat.categories]
    names = list(dict.fromkeys([*occurring, UNKNOWN, OTHER]))
    place_of = np.array([names.index(name) for name in [*occurring, UNKNOWN]])
    codes = place_of[table[by].cat.codes.to_numpy()]  # the code −1 of a missing value takes the last place: unknown
    sizes = np.bincount(codes, rows, len(names))
    codes = np.where(sizes >= fold_below, np.arange(len(names)), names.index(OTHER))[codes]
    buys = n >= 1
    nb, sb = n[buys], s[buys]
    groups = Groups(codes[buys], rows[buys], len(names))
    ordered, spent = groups.ranked(nb), groups.ranked(sb)
    repeat, valued_orders = groups.ranked(nb > 1).sums, groups.ranked(np.where(np.isnan(sb), np.nan, nb)).sums
    low, high = median_ranks(spent.totals)
    sales = np.where((groups.sizes > 0) & (spent.totals == 0), np.nan, spent.sums)
    result = pd.DataFrame(
        {
            "group": names,
            "customers": np.bincount(codes, rows, len(names)),
            "buyers": groups.sizes,
            "orders": ordered.sums,
            "sales_value": sales,
            "share": parts_of_sales(sales, float(np.nansum(np.abs(sb) * rows[buys]))),
            "repeat_rate": ratio(repeat, groups.sizes),
            "mean_order_value": ratio(spent.sums, valued_orders),
            "mean_buyer_value": ratio(spent.sums, spent.totals),
            "median_buyer_value": spent.quantile(0.5),
            "median_buyer_value_ci_low": spent.at(low),
            "median_buyer_value_ci_high": spent.at(high),
        }
    )
    result = result[result["customers"] > 0].sort_values(
        ["sales_value", "group"], ascending=[False, True], ignore_index=True
    )
    return same_kind(result, results.Breakdown, customers, rename={"group": by})
