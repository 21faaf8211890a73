"""The few facts about a table that every chart states."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.analysis.observation import currency_of_amounts, observe
from custlens.plot import _style as look

__all__ = ["MODEL_NAMES", "PERIODS", "Facts", "facts", "facts_with_currency", "period_name", "period_text"]

MODEL_NAMES = {"bg_nbd": "BG/NBD", "mbg_nbd": "MBG/NBD"}
PERIODS = {"D": "day", "W": "week", "MS": "month", "QS": "quarter", "YS": "year"}


class Facts(NamedTuple):
    """How many customers a table has, and when and in what currency it was observed."""

    customers: int
    buyers: int
    prospects: int
    no_stats: int
    as_of: pd.Timestamp | None
    repeat_buyers: int
    currency: str | None = None

    @property
    def unit(self) -> str:
        """The currency, for the label of an axis."""
        return self.currency or "currency unknown"

    @property
    def when(self) -> str:
        """The time of the observation, for a note."""
        return "as of an unknown time" if self.as_of is None else f"as of {self.as_of.day} {self.as_of:%b %Y}"

    def notes(self, drawn: float | None = None, lack: str = "undated") -> list[str]:
        """Return how many buyers are shown, when the table was observed, and who is not shown.

        Parameters
        ----------
        drawn
            The number of buyers whom the chart shows; all by default.
        lack
            Why the chart does not show the others.
        """
        shown = self.buyers if drawn is None else int(drawn)
        hidden = {
            "without orders": self.prospects,
            "without statistics": self.no_stats,
            lack: self.buyers - shown,
        }
        left_out = ", ".join(f"{number:,} {name}" for name, number in hidden.items() if number > 0)
        return [f"n = {look.count(shown, 'buyer')}", self.when, f"not shown: {left_out}" if left_out else ""]

    def nothing(self, lack: str = "date") -> str:
        """Return why there is nothing to draw, as a sentence.

        Parameters
        ----------
        lack
            What buyers need to be drawn.
        """
        if self.buyers:
            none = "without" if self.buyers == 1 else "none of them with"
            return f"{look.count(self.buyers, 'buyer')}, {none} a known {lack}: there is nothing to draw."
        if self.no_stats:
            return f"No buyers are known: {look.count(self.no_stats, 'customer')} without statistics."
        return "No buyers yet: nobody in this table has ordered."


def facts(customers: IntoFrame, as_of: Moment | None = None) -> Facts:
    """Return the facts about a customers table for a chart without amounts of money."""
    return Facts(*observe(customers, as_of))


def facts_with_currency(customers: IntoFrame, as_of: Moment | None = None, currency: str | None = None) -> Facts:
    """Return the facts about a customers table whose amounts must be in one currency."""
    return facts(customers, as_of)._replace(currency=currency_of_amounts(customers, currency))


def period_text(begin: Any, period: str) -> str:
    """Return a period as text: ``"Mar 2026"`` for a month, ``"Q1 2026"`` for a quarter, the first day for a week."""
    if period == "quarter":
        return f"Q{begin.quarter} {begin.year}"
    return f"{begin:{ {'month': '%b %Y', 'year': '%Y'}.get(period, '%Y-%m-%d') }}"


def period_name(freq: str) -> str:
    """Return the name of a period: ``"month"`` for ``"MS"`` and for ``"month"``."""
    return PERIODS.get(freq, freq)
