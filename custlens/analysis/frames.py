"""What the analyses share: columns that must be there, buyers, the time of the observation, one currency."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import narwhals as nw
import pandas as pd

from custlens.errors import ConfigError

__all__ = ["PERIODS", "Context", "begin_of", "buyers", "context", "customers_frame", "same_kind"]

Frame = nw.LazyFrame[Any]
PERIODS = {"day": "1d", "week": "7d", "month": "1mo", "quarter": "1q", "year": "1y"}


class Context(NamedTuple):
    """When and in what money a table was observed."""

    as_of: datetime | None
    currency: str | None


def customers_frame(customers: Any, columns: Iterable[str]) -> Frame:
    """Take a native table, and check that it has the columns needed.

    Raises
    ------
    ConfigError
        It is no table, or lacks a column.
    """
    try:
        table = nw.from_native(customers)
    except TypeError:
        raise ConfigError(f"a customers table is needed, not {type(customers).__name__}") from None
    if table.implementation.is_pyarrow():
        raise ConfigError(
            "a pyarrow table is not taken, since its medians are approximate: use polars.from_arrow(table)"
        )
    frame: Frame = table.lazy()
    have = frame.collect_schema().names()
    if missing := [name for name in columns if name not in have]:
        raise ConfigError(f"the customers table lacks {', '.join(missing)}: fetch with these among `fields`")
    return frame


def same_kind(frame: Frame, customers: Any) -> Any:
    """Give a result as the kind of table that came in: eager or lazy, of the same library."""
    if not isinstance(nw.from_native(customers), nw.DataFrame):
        return frame.to_native()
    native = nw.maybe_reset_index(frame.collect()).to_native()
    if isinstance(native, pd.DataFrame):  # one kind of float, whatever mix of dtypes it was computed from
        mixed = [name for name, dtype in native.dtypes.items() if dtype in ("Float64", "object")]
        native = native.astype(dict.fromkeys(mixed, "Float64")).astype(dict.fromkeys(mixed, "float64"))
    return native


def context(frame: Frame, as_of: datetime | None = None, currency: str | None = None) -> Context:
    """Find when the customers were observed, and in what money.

    Parameters
    ----------
    frame
        Customers, with or without the columns ``as_of`` and ``currency``.
    as_of, currency
        What is known better; taken as it is.

    Raises
    ------
    ConfigError
        Amounts of several currencies, or an `as_of` without a time zone.
    """
    have = frame.collect_schema().names()
    if as_of is not None and as_of.tzinfo is None:
        raise ConfigError("as_of must have a time zone")
    if as_of is None and "as_of" in have:
        latest = frame.select(nw.col("as_of").max()).collect().item()
        as_of = latest if latest is not None and latest == latest else None  # pandas has NaT, unequal to itself
    if currency is None and "currency" in have:
        found = frame.select(nw.col("currency").cast(nw.String)).unique().drop_nulls().collect()["currency"].to_list()
        if len(found) > 1:
            raise ConfigError(f"amounts in {', '.join(sorted(found))} are never added up: choose one currency first")
        currency = found[0] if found else None
    return Context(None if as_of is None else as_of.astimezone(UTC), currency)


def begin_of(local: nw.Expr, every: str) -> nw.Expr:
    """Give the first moment of a period; a week begins on Monday, and the epoch was a Thursday."""
    if every == "week":
        return local.dt.offset_by("3d").dt.truncate("7d").dt.offset_by("-3d")
    return local.dt.truncate(PERIODS[every])


def buyers(frame: Frame) -> Frame:
    """Keep the customers with at least one order."""
    return frame.filter(nw.col("number_of_orders") >= 1)
