"""The tables of a report, at most seven columns each, and the sentence and the charts of its forecast."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from custlens import plot
from custlens._arguments import flag, whole_number
from custlens.analysis import cohorts, lifetime, orders, segments
from custlens.errors import DataError
from custlens.report._charts import Text
from custlens.report._data import HORIZON, ReportData, check_data
from custlens.report._table import Table

__all__ = [
    "best_list",
    "cohorts_table",
    "forecast_charts",
    "forecast_list",
    "forecast_sentence",
    "groups_table",
    "overdue_list",
    "rejects_table",
    "segments_table",
]

NOT_BUYERS = ("Prospects", "Unknown")
GROUPS = {"billing_country_code": "Country", "accept_marketing": "May be mailed", "lang": "Language"}
MAY_BE_MAILED = {"true": "yes", "false": "no"}
CONSENT = {True: "yes", False: "no"}
DECIMALS = {"recency_days": 0, "usual_gap_days": 1, "expected_orders": 1, "sales_value": 0, "value_at_risk": 0}
DECIMALS |= dict.fromkeys(("expected_revenue", "expected_revenue_ci_low", "expected_revenue_ci_high"), 0)


def overdue_list(data: ReportData, rows: int = 10, *, reveal: bool = False, link: str | None = None) -> Table | None:
    """Return the buyers whose silence puts most at risk, of those who have been silent for longer than usual.

    Parameters
    ----------
    data : ReportData
        As `read` returns it.
    rows : int
        Number of buyers.
    reveal : bool
        Whether to show names; hidden by default.
    link : str, optional
        Address that IDs lead to, with ``{store_id}`` and ``{customer_id}`` where these go.

    Returns
    -------
    Table or None
        One row per buyer: ID, orders, days silent, usual gap, chance of an order in 90 days (with a model), value at risk,
        consent. None if nobody is overdue.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    late = data.overdue[data.overdue["recency_days"] > data.overdue["usual_gap_days"]]
    columns = {
        "customer_id": "Customer",
        "number_of_orders": "Orders",
        "recency_days": "Days silent",
        "usual_gap_days": "Usual gap, days",
        **({} if data.model is None else {"p_order": f"Chance of an order, {HORIZON[:-1]} days"}),
        "value_at_risk": "Value at risk" if data.model is not None else "Silence ÷ gap × value",
        "may_be_mailed": "May be mailed",
    }
    return _list(late, data, columns, rows, reveal, link)


def best_list(data: ReportData, rows: int = 10, *, reveal: bool = False, link: str | None = None) -> Table | None:
    """Return the buyers with the highest sales.

    Parameters
    ----------
    data, rows, reveal, link
        As for `overdue_list`.

    Returns
    -------
    Table or None
        One row per buyer: ID, orders, sales, sales per order, last order, consent. None if there are no buyers.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    customers = data.customers
    buyers = customers[(customers["number_of_orders"] > 0).fillna(False).to_numpy(bool)].assign(
        last_order=lambda table: table["last_order_date"].dt.normalize(),
        mean_order_value=lambda table: table["sales_value"] / table["number_of_orders"].astype("float64"),
    )
    columns = {
        "customer_id": "Customer",
        "number_of_orders": "Orders",
        "sales_value": "Sales",
        "mean_order_value": "Sales per order",
        "last_order": "Last order",
        "may_be_mailed": "May be mailed",
    }
    best = buyers.sort_values(["sales_value", "customer_id"], ascending=[False, True])
    return _list(best, data, columns, rows, reveal, link)


def forecast_list(data: ReportData, rows: int = 10, *, reveal: bool = False, link: str | None = None) -> Table | None:
    """Return the buyers of whom most revenue is expected in the next 90 days.

    Parameters
    ----------
    data, rows, reveal, link
        As for `overdue_list`.

    Returns
    -------
    Table or None
        One row per buyer: ID, chance of an order, expected orders, expected revenue with its interval, consent. None
        without a lifetime model.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    if data.model is None:
        return None
    predicted = data.model.predict(data.customers, HORIZON, as_of=data.as_of).dropna(subset="expected_revenue")
    columns = {
        "customer_id": "Customer",
        "p_order": "Chance of an order",
        "expected_orders": "Expected orders",
        "expected_revenue": "Expected revenue",
        "expected_revenue_ci": "95% interval",
        "may_be_mailed": "May be mailed",
    }
    best = predicted.sort_values(["expected_revenue", "customer_id"], ascending=[False, True])
    return _list(best, data, columns, rows, reveal, link)


def segments_table(data: ReportData) -> Table | None:
    """Return the size and the sales of each segment of buyers.

    Parameters
    ----------
    data : ReportData
        As `read` returns it.

    Returns
    -------
    Table or None
        One row per segment; None if there are no buyers.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    sizes = segments.sizes(segments.rfm(data.customers, as_of=data.as_of))
    sizes = sizes[~sizes["segment"].isin(NOT_BUYERS)]
    columns = {
        "segment": "Segment",
        "customers": "Buyers",
        "share": "Share of buyers",
        "sales_value": "Sales",
        "share_of_sales": "Share of sales",
        "median_recency_days": "Median days silent",
        "median_frequency": "Median orders",
    }
    sizes["share"] = sizes["customers"] / sizes["customers"].sum()
    sizes["share_of_sales"] /= sizes["share_of_sales"].sum()
    return _table(sizes.round({"median_recency_days": 0, "sales_value": 0}), columns, data)


def cohorts_table(data: ReportData, rows: int = 8) -> Table | None:
    """Return the last quarters of new buyers, and how many of each have ordered again.

    Parameters
    ----------
    data : ReportData
        As `read` returns it.
    rows : int
        Number of quarters.

    Returns
    -------
    Table or None
        One row per quarter; None if there are no buyers.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    table = cohorts.summary(data.customers, freq="QS", tz=data.tz, as_of=data.as_of)
    table = table.tail(whole_number("rows", rows, least=1))
    table["quarter"] = table["cohort"].dt.to_period("Q").astype("str")
    columns = {
        "quarter": "First order",
        "buyers": "Buyers",
        "repeat_rate": "Ordered again",
        "repeat_rate_ci": "95% interval",
        "orders_per_buyer": "Orders per buyer",
        "value_per_buyer": "Sales per buyer",
    }
    return _table(table, columns, data)


def groups_table(data: ReportData, by: str = "billing_country_code", rows: int = 12) -> Table | None:
    """Return what groups of customers have bought, those with the highest sales first.

    Parameters
    ----------
    data : ReportData
        As `read` returns it.
    by : str
        The column to group by, as for `custlens.orders.breakdown`.
    rows : int
        Number of groups.

    Returns
    -------
    Table or None
        One row per group; None if there is only one, or none.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    table = orders.breakdown(data.customers, by)
    if by == "accept_marketing":
        table[by] = table[by].replace(MAY_BE_MAILED)
    columns = {
        by: GROUPS.get(by, "Group"),
        "buyers": "Buyers",
        "sales_value": "Sales",
        "share": "Share of sales",
        "repeat_rate": "Repeat rate",
        "median_buyer_value": "Median per buyer",
        "median_buyer_value_ci": "95% interval",
    }
    amounts = dict.fromkeys(("sales_value", "median_buyer_value", "median_buyer_value_ci_low"), 0)
    table = (
        table[table["buyers"] > 0]
        .head(whole_number("rows", rows, least=1))
        .round({**amounts, "median_buyer_value_ci_high": 0})
    )
    return _table(table, columns, data) if len(table) > 1 else None


def rejects_table(data: ReportData, rows: int = 10) -> Table | None:
    """Return how many values could not be used, by field and reason, most frequent first.

    Parameters
    ----------
    data : ReportData
        As `read` returns it.
    rows : int
        Number of reasons.

    Returns
    -------
    Table or None
        One row per field and reason; None if every value could be used.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    rejects = data.rejects.assign(
        api_path=data.rejects["api_path"].astype("str").replace("$", "the whole record"),
        reason=data.rejects["reason"].astype("str").str.replace(r" \(byte \d+\)$", "", regex=True),
    )
    reasons = rejects.groupby(["api_path", "reason"]).size().rename("values").reset_index()
    reasons = reasons.sort_values(["values", "api_path", "reason"], ascending=[False, True, True])
    reasons = reasons.head(whole_number("rows", rows, least=1))
    return _table(reasons, {"api_path": "Field", "reason": "Reason", "values": "Values"}, data)


def forecast_sentence(data: ReportData) -> Text:
    """Return what is expected of all buyers in the next 90 days, or why nothing can be said about it.

    Parameters
    ----------
    data : ReportData
        As `read` returns it.

    Returns
    -------
    Text
        A sentence or two.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    if data.model is None:
        return Text(f"There is no forecast: {data.refusal}.")
    predicted = data.model.predict(data.customers, HORIZON, as_of=data.as_of).dropna(subset="expected_revenue")
    revenue = f"{predicted['expected_revenue'].sum():,.0f} {data.currency or ''}".strip()
    return Text(
        f"**{predicted['expected_orders'].sum():,.0f} orders and {revenue} are expected in {HORIZON[:-1]} days from the "
        f"{len(predicted):,} buyers of today**, if they go on as the model says. New buyers come on top."
    )


def forecast_charts(data: ReportData) -> list[Callable[..., Axes]]:
    """Return the charts of the lifetime model, for `show`.

    The last one sets what a model of the earlier sync promised against what has happened since.

    Parameters
    ----------
    data : ReportData
        As `read` returns it.

    Returns
    -------
    list of callable
        Empty without a lifetime model.

    Raises
    ------
    ArgumentError
        If an argument is of another kind.
    """
    check_data(data)
    if data.model is None:
        return []
    charts: list[Callable[..., Axes]] = [
        partial(plot.frequency_recency, data.model, cmap="Blues"),
        partial(plot.repeat_counts, data.model),
        partial(plot.spending, data.model),
    ]
    if data.everyone_before is not None:
        with suppress(DataError):  # there were too few buyers then
            earlier = lifetime.fit(data.everyone_before, as_of=data.since)
            charts.append(partial(plot.calibration, earlier, data.everyone))
    return charts


def _table(table: pd.DataFrame, columns: dict[str, str], data: ReportData) -> Table | None:
    return Table(table, columns, currency=data.currency) if len(table) else None


def _list(
    ranked: pd.DataFrame, data: ReportData, columns: dict[str, str], rows: int, reveal: bool, link: str | None
) -> Table | None:
    """Return the first rows of a ranked table, with names if they may be shown, and with consent."""
    first = ranked.head(whole_number("rows", rows, least=1))
    if not len(first):
        return None
    people = data.customers.set_index("customer_id").loc[first["customer_id"]]
    consent = people["accept_marketing"].map(CONSENT).fillna("unknown")
    names: dict[Any, str] | None = people["name"].dropna().to_dict() if flag("reveal", reveal) else None
    address = link if not isinstance(link, str) else link.replace("{store_id}", str(data.store_id))
    shown = first.assign(may_be_mailed=consent.to_numpy()).round(DECIMALS)
    return Table(shown, columns, currency=data.currency, link=address, names=names)
