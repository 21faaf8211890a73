"""The findings of a report: sentences made from its numbers by rules, those of the first three rules that apply.

A rule is a function that returns a finding, or None where it has nothing to say. `RULES` is their order: first what calls
for something to be done, then what has changed, then what is so. docs/report.md explains each of them.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from custlens.analysis import orders, segments
from custlens.report._data import HORIZON, ReportData, check_data

__all__ = ["RULES", "Finding", "Findings"]

MOST = 3
NOTHING = "No buyers yet: nobody has ordered."
UNKNOWN = "No buyers are known: there are customers whose orders are unknown."
TOO_FEW = "There are too few buyers to say more about them."
GOOD, SLIPPED = ("Champions", "Loyal"), ("At risk", "Can't lose")
FEW_BUYERS = 10
"""With fewer buyers, a share of them says nothing."""
BEYOND_CHANCE = 1.96
"""Standard errors by which two counts must differ to be told apart, for a level of 95 %."""


class Finding(NamedTuple):
    """What was found, in two words and in a sentence or two."""

    title: str
    text: str


class Findings:
    """Up to three sentences on what the numbers of a report say, as text and as HTML.

    Parameters
    ----------
    data : ReportData
        As `custlens.report.read` returns it.

    Attributes
    ----------
    found : list of Finding
        At most three, in the order of `RULES`.

    Raises
    ------
    ArgumentError
        If `data` is something else.
    """

    def __init__(self, data: ReportData) -> None:
        check_data(data)
        found = (rule(data) for rule in RULES)
        self.found = [finding for finding in found if finding is not None][:MOST]
        nobody = UNKNOWN if data.summary["no_stats"] else NOTHING
        self._without = TOO_FEW if data.summary["buyers"] else nobody

    def __repr__(self) -> str:
        return "\n".join(f"{title}: {text}" for title, text in self.found) or self._without

    def _repr_html_(self) -> str:
        if not self.found:
            return f"<p>{self._without}</p>"
        items = "".join(f"<li><b>{html.escape(title)}.</b> {html.escape(text)}</li>" for title, text in self.found)
        return f'<ul class="findings">{items}</ul>'


def slipping_away(data: ReportData) -> Finding | None:
    """Return how many have been silent for longer than usual, if anybody has, and what that puts at risk."""
    ranked = data.overdue
    late = ranked[ranked["recency_days"] > ranked["usual_gap_days"]]
    if not len(late):
        return None
    text = (
        f"{len(late):,} of {_many(len(ranked), 'buyer')} with two orders or more {_have(len(late))} been silent for "
        "longer than is usual for them"
    )
    at_risk = ranked["value_at_risk"].sum()
    if data.model is None or not at_risk > 0:
        return Finding("Slipping away", f"{text}.")
    first = late.head(10)
    return Finding(
        "Slipping away",
        f"{text}. Silence puts {_money(at_risk, data)} of the next {HORIZON[:-1]} days at risk, "
        f"{_share(first['value_at_risk'].sum() / at_risk)} of it with the {_first(len(first))} listed below; "
        f"{_may_be_mailed(first['accept_marketing'])}.",
    )


def slid(data: ReportData) -> Finding | None:
    """Return how many of the best customers have slid into a segment at risk since the earlier sync."""
    if data.before is None or data.since is None:
        return None
    then, now = (segments.rfm(table, scores="fixed") for table in (data.before, data.everyone))
    good = then[then["segment"].isin(GOOD)]
    moved = now[now["customer_id"].isin(good["customer_id"]) & now["segment"].isin(SLIPPED)]
    if not len(moved):
        return None
    return Finding(
        "Sliding",
        f"{len(moved):,} of {len(good):,} who were {' or '.join(GOOD)} on {_day(data.since)} {_are(len(moved))} now "
        f"{' or '.join(SLIPPED)}; they have spent {_money(moved['monetary'].sum(), data)} so far.",
    )


def ordered_since(data: ReportData) -> Finding | None:
    """Return what the orders since the earlier sync have brought, and how much of it came from earlier buyers."""
    if data.everyone_before is None or data.before is None or data.since is None:
        return None
    columns = ["number_of_orders", "sales_value"]
    now = data.customers.set_index("customer_id")[columns].dropna().astype("float64")
    known = data.everyone_before.set_index("customer_id")[columns].astype("float64")
    then = known.reindex(now.index)
    # Who was not there had not ordered; whose statistics were unknown may have, and stays out.
    then[~now.index.isin(known.index)] = 0.0
    more = now - then
    more = more[more["number_of_orders"] > 0]
    brought = more["sales_value"].sum()
    if not brought > 0:
        return None
    again = more.loc[then.loc[more.index, "number_of_orders"] > 0, "sales_value"].sum()
    number = int(more["number_of_orders"].sum())
    text = (
        f"{_many(number, 'order')} brought {_money(brought, data)}, {_share(again / brought)} of it from customers who "
        "had ordered before."
    )
    gone = data.before[~data.before["customer_id"].isin(data.everyone["customer_id"])]
    if len(gone):
        text += (
            f" {_many(len(gone), 'customer')} {_have(len(gone))} been deleted, and {_money(gone['sales_value'].sum(), data)} "
            "of earlier sales with them."
        )
    return Finding(f"Since {_day(data.since)}", text)


def new_buyers(data: ReportData) -> Finding | None:
    """Return whether the last three whole months brought more new buyers than a year before, or fewer, beyond chance."""
    if data.segment is not None:  # who is in a segment depends on when they ordered
        return None
    table = orders.order_dates(data.customers, freq="MS", tz=data.tz, as_of=data.as_of)
    monthly = table[table["complete"].fillna(False)].set_index("period")["first_orders"]
    if not len(monthly):
        return None
    months = pd.date_range(end=data.as_of.tz_convert(data.tz).tz_localize(None).normalize(), periods=16, freq="MS")[:-1]
    by_month = monthly.reindex(months, fill_value=0)
    now, then = int(by_month.iloc[-3:].sum()), int(by_month.iloc[:3].sum())
    if not then or months[0] < monthly.index[0] or abs(now - then) < BEYOND_CHANCE * np.sqrt(now + then):
        return None
    return Finding(
        "More new buyers" if now > then else "Fewer new buyers",
        f"{now:,} in {months[-3]:%B} to {months[-1]:%B %Y}, {_share(abs(now / then - 1))} "
        f"{'more' if now > then else 'fewer'} than in the same months a year before ({then:,}).",
    )


def concentrated(data: ReportData) -> Finding | None:
    """Return what share of the sales the best tenth of the buyers bring, if there are ten buyers or more."""
    top = orders.concentration(data.customers, top=[0.1])
    if not len(top) or top["share_of_sales"].isna().iloc[0]:
        return None
    best = top.iloc[0]
    if data.summary["buyers"] < FEW_BUYERS:
        return None
    return Finding(
        "Concentration",
        f"The best tenth of the buyers ({best['customers']:,.0f}) bring {_share(best['share_of_sales'])} of the sales.",
    )


def bought_once(data: ReportData) -> Finding | None:
    """Return what share of the buyers have ordered once, if there are ten buyers or more."""
    buyers = data.summary["buyers"]
    if buyers < FEW_BUYERS:
        return None
    return Finding(
        "Bought once", f"{_share(data.summary['one_time_share'])} of {buyers:,} buyers have ordered once so far."
    )


RULES: tuple[Callable[[ReportData], Finding | None], ...] = (
    slipping_away,
    slid,
    ordered_since,
    new_buyers,
    concentrated,
    bought_once,
)


def _may_be_mailed(consent: pd.Series[Any]) -> str:
    """Return how many have agreed to be mailed, and of how many that is unknown."""
    agreed, unknown = int(consent.eq(True).fillna(False).sum()), int(consent.isna().sum())
    if unknown == len(consent):
        return "whether they may be mailed is unknown"
    told = f"{agreed or 'none'} of them may be mailed"
    return f"{told}, and of {unknown} it is unknown" if unknown else told


def _money(amount: float, data: ReportData) -> str:
    return f"{amount:,.0f} {data.currency or ''}".strip()


def _share(share: float) -> str:
    return f"{share:.0%}"


def _day(when: pd.Timestamp) -> str:
    return f"{when.day} {when:%B %Y}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _first(count: int) -> str:
    return "one" if count == 1 else "ten" if count == 10 else f"{count}"
