"""The few facts about a table that every chart states, and results as pandas tables."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.analysis import orders
from custlens.plot import _style as look

__all__ = ["NOBODY", "PERIODS", "Facts", "facts", "pandas", "period_name"]

NOBODY = "No buyers yet: nobody in this table has ordered."
PERIODS = {"D": "day", "W": "week", "MS": "month", "QS": "quarter", "YS": "year"}


class Facts(NamedTuple):
    """How many customers a table has, and when and in what currency it was observed."""

    customers: int
    buyers: int
    prospects: int
    no_stats: int
    as_of: pd.Timestamp | None
    currency: str | None

    @property
    def unit(self) -> str:
        """The currency, for the label of an axis."""
        return self.currency or "currency unknown"

    @property
    def when(self) -> str:
        """The time of the observation, for a note."""
        return "as of an unknown time" if self.as_of is None else f"as of {self.as_of.day} {self.as_of:%b %Y}"

    def notes(self, dated: float | None = None) -> list[str]:
        """Return how many buyers are shown, when the table was observed, and who is not shown.

        Parameters
        ----------
        dated
            Of a chart by dates, the number of buyers whose dates are known.
        """
        hidden = {
            "without orders": self.prospects,
            "without statistics": self.no_stats,
            "undated": 0 if dated is None else self.buyers - int(dated),
        }
        left_out = ", ".join(f"{number:,} {name}" for name, number in hidden.items() if number > 0)
        return [f"n = {look.count(self.buyers, 'buyer')}", self.when, f"not shown: {left_out}" if left_out else ""]


def facts(customers: IntoFrame, as_of: Moment | None = None, currency: str | None = None) -> Facts:
    """Return the facts about a customers table."""
    row = pandas(orders.summary(customers, as_of=as_of, currency=currency)).iloc[0]
    return Facts(
        customers=int(row["customers"]),
        buyers=int(row["buyers"]),
        prospects=int(row["prospects"]),
        no_stats=int(row["no_stats"]),
        as_of=None if pd.isna(row["as_of"]) else row["as_of"],
        currency=None if pd.isna(row["currency"]) else str(row["currency"]),
    )


def period_name(freq: str) -> str:
    """Return the name of a period: ``"month"`` for ``"MS"`` and for ``"month"``."""
    return PERIODS.get(freq, freq)


def pandas(table: Any) -> pd.DataFrame:
    """Return a small result as a pandas table, whatever kind it is of."""
    frame: pd.DataFrame = nw.from_native(table).lazy().collect().to_pandas()
    return frame
