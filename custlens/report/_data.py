"""What a report is about: a shop's customers at one sync of its store, and at an earlier one to compare with."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from custlens._arguments import Moment, moment, one_of, shown, time_zone
from custlens.analysis import lifetime, orders, segments
from custlens.errors import ArgumentError, CustlensWarning, DataError
from custlens.store.store import Store

__all__ = ["HORIZON", "ReportData", "check_choices", "check_data", "read"]

EARLIER = pd.Timedelta(days=28)
"""How long before the sync reported on the earlier one is at least, unless one is chosen: less is mostly chance."""
HORIZON = "90D"
SEGMENTS = [*(rule.segment for rule in segments.RULES["grid"]), "Prospects", "Unknown"]


@dataclass(frozen=True)
class ReportData:
    """What a report is about, as `read` returns it.

    Attributes
    ----------
    everyone : pandas.DataFrame
        All customers of the shop at the sync reported on.
    everyone_before : pandas.DataFrame or None
        All customers at the earlier sync; None if there is no earlier one.
    rejects : pandas.DataFrame
        The values and records that could not be used.
    store_id : int
        The shop.
    as_of, since : pandas.Timestamp
        Time of the sync and of the earlier one, in UTC; `since` is None if there is no earlier one.
    currency : str or None
        Currency of the amounts.
    segment : str or None
        The segment, if only one is reported on.
    tz : str
        Time zone in which months and quarters begin.
    """

    everyone: pd.DataFrame
    everyone_before: pd.DataFrame | None
    rejects: pd.DataFrame
    store_id: int
    as_of: pd.Timestamp
    since: pd.Timestamp | None
    currency: str | None
    segment: str | None
    tz: str = "UTC"

    @property
    def about(self) -> str:
        """The shop, and the segment and the time zone if they were chosen, in words."""
        segment = "" if self.segment is None else f", only the segment {self.segment}"
        return f"Shop {self.store_id}{segment}" + ("" if self.tz == "UTC" else f", months in {self.tz}")

    @cached_property
    def customers(self) -> pd.DataFrame:
        """The customers reported on: all, or those who are in the segment."""
        return _only(self.everyone, self.segment)

    @cached_property
    def before(self) -> pd.DataFrame | None:
        """The customers at the earlier sync: all, or those who were in the segment then; None if there was none."""
        return None if self.everyone_before is None else _only(self.everyone_before, self.segment)

    @cached_property
    def summary(self) -> pd.Series[Any]:
        """The row of `custlens.orders.summary` for the customers reported on."""
        return orders.summary(self.customers).iloc[0]

    @cached_property
    def _fit(self) -> lifetime.LifetimeModel | str:
        try:
            return lifetime.fit(self.everyone, as_of=self.as_of)
        except DataError as error:
            return str(error).removesuffix(". force=True fits it anyway")

    @property
    def model(self) -> lifetime.LifetimeModel | None:
        """The lifetime model of the whole shop; None where the data cannot support one."""
        return None if isinstance(self._fit, str) else self._fit

    @property
    def refusal(self) -> str | None:
        """Why there is no lifetime model; None where there is one."""
        return self._fit if isinstance(self._fit, str) else None

    @cached_property
    def overdue(self) -> pd.DataFrame:
        """The result of `custlens.lifetime.overdue` for the next 90 days, those with a usual gap between orders."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CustlensWarning)  # `refusal` says the same
            ranked = lifetime.overdue(self.customers, self.model, HORIZON, as_of=self.as_of)
        return ranked.dropna(subset="usual_gap_days").reset_index(drop=True)


def read(
    store: Store | str | os.PathLike[str],
    *,
    as_of: Moment | None = None,
    since: Moment | None = None,
    segment: str | None = None,
    tz: str = "UTC",
) -> ReportData:
    """Read from a store what a report is about.

    Parameters
    ----------
    store : Store or path
        The store of the shop.
    as_of : str, date or datetime, optional
        Report on the shop as it stood after the last sync before this moment; by default after the last sync.
    since : str, date or datetime, optional
        Compare with the last sync before this moment; by default with the last one at least 28 days before the sync
        reported on.
    segment : str, optional
        Report only on the customers of this segment of `custlens.segments.rfm`, and compare with those who were in it at
        the earlier sync.
    tz : str
        IANA name of the time zone in which months and quarters begin.

    Returns
    -------
    ReportData

    Raises
    ------
    ArgumentError
        If an argument is of another kind, there is no such segment or time zone, or `since` is not before the sync reported on.
    StoreError
        If the store holds no sync from before `as_of` or `since`, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop, tempfile.TemporaryDirectory() as folder:
    ...     store = cl.Store(folder + "/shop.lens")
    ...     report = store.sync(shop.client(), progress=False)
    ...     data = read(store, segment="Champions")
    >>> len(data.customers), data.since
    (269, None)
    """
    check_choices(segment, tz)
    source = store if isinstance(store, Store) else Store(store)
    syncs = source.syncs()
    if as_of is not None:
        upto = syncs[syncs["as_of"] <= moment("as_of", as_of)]
        if upto.empty:
            source.customers(as_of=as_of)  # refuses
        syncs = upto
    now = syncs.iloc[-1]
    earlier = syncs[syncs["readable"] & (syncs["as_of"] <= now["as_of"] - EARLIER)]
    if since is not None:
        chosen = moment("since", since)
        earlier = syncs[syncs["as_of"] <= chosen]
        if len(earlier) == len(syncs):
            raise ArgumentError(
                f"since must be before the sync reported on, {now['as_of']:%Y-%m-%d %H:%M} UTC, and is {shown(since)}"
            )
        source.customers("customer_id", as_of=chosen)  # refuses what is before the first sync
    then = None if earlier.empty else earlier.iloc[-1]["as_of"]
    return ReportData(
        everyone=source.customers(as_of=now["as_of"]),
        everyone_before=None if then is None else source.customers(as_of=then),
        rejects=source.rejects(as_of=now["as_of"]),
        store_id=int(now["store_id"]),
        as_of=now["as_of"],
        since=then,
        currency=None if pd.isna(now["currency"]) else str(now["currency"]),
        segment=segment,
        tz=tz,
    )


def check_choices(segment: str | None, tz: str) -> None:
    """Refuse a segment or a time zone that does not exist.

    Raises
    ------
    ArgumentError
        If there is no such segment or time zone.
    """
    time_zone("tz", tz)
    if segment is not None:
        one_of("segment", segment, SEGMENTS)


def check_data(data: object) -> None:
    """Refuse what is not the data of a report.

    Raises
    ------
    ArgumentError
        If it is something else.
    """
    if not isinstance(data, ReportData):
        raise ArgumentError(f"data must be what custlens.report.read returns, not {shown(data)}")


def _only(customers: pd.DataFrame, segment: str | None) -> pd.DataFrame:
    """Return the customers of a segment, or all."""
    if segment is None:
        return customers
    return customers[(segments.rfm(customers)["segment"] == segment).to_numpy()].reset_index(drop=True)
