"""What is wrong with the statistics themselves: how many customers, and which."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from custlens._arguments import Moment, one_of
from custlens.analysis import results
from custlens.analysis._frames import Frame, check_types, customers_frame, has_zones, latest_as_of, native, same_kind
from custlens.errors import DataError

__all__ = ["CHECKS", "quality", "quality_rows"]


class Check(NamedTuple):
    """A check: what it finds, the columns it needs, and an expression for the rows that fail it."""

    meaning: str
    needs: tuple[str, ...]
    broken: Callable[[datetime | None], nw.Expr]


_n, _s, _aov = nw.col("number_of_orders"), nw.col("sales_value"), nw.col("average_order_value")
_first, _last = nw.col("first_order_date"), nw.col("last_order_date")


def _differ(left: nw.Expr, right: nw.Expr) -> nw.Expr:
    """Return whether two known values differ; pandas says of two missing ones that they do."""
    return (left != right) & ~left.is_null() & ~right.is_null()


CHECKS = {
    "no_stats": Check("number of orders is missing", ("number_of_orders",), lambda _: _n.is_null()),
    "orders_without_dates": Check(
        "has orders but no first or last order date",
        ("number_of_orders", "first_order_date", "last_order_date"),
        lambda _: (_n >= 1) & (_first.is_null() | _last.is_null()),
    ),
    "orders_without_sales_value": Check(
        "has orders but no sales value", ("number_of_orders", "sales_value"), lambda _: (_n >= 1) & _s.is_null()
    ),
    "sales_without_orders": Check(
        "has a sales value but no orders",
        ("number_of_orders", "sales_value"),
        lambda _: (_n == 0) & _differ(_s, nw.lit(0.0)),
    ),
    "zero_sales": Check(
        "has orders that brought nothing", ("number_of_orders", "sales_value"), lambda _: (_n >= 1) & (_s == 0)
    ),
    "negative_sales": Check("sales value is below zero (refunds)", ("sales_value",), lambda _: _s < 0),
    "average_disagrees": Check(
        "average_order_value × number_of_orders is not sales_value, beyond rounding",
        ("number_of_orders", "sales_value", "average_order_value"),
        lambda _: (
            (_n >= 1) & ((_s - _n.cast(nw.Float64) * _aov).abs() > 0.005 * (_n.cast(nw.Float64) + 1) + 1e-9 * _s.abs())
        ),
    ),
    "one_order_two_dates": Check(
        "has one order, but its first and last order dates differ",
        ("number_of_orders", "first_order_date", "last_order_date"),
        lambda _: (_n == 1) & _differ(_first, _last),
    ),
    "orders_at_one_moment": Check(
        "has several orders, all at the same second",
        ("number_of_orders", "first_order_date", "last_order_date"),
        lambda _: (_n > 1) & (_first == _last),
    ),
    "last_before_first": Check(
        "last order is dated before the first order",
        ("first_order_date", "last_order_date"),
        lambda _: _last < _first,
    ),
    "order_before_registration": Check(
        "ordered before registering (a guest who registered later)",
        ("registered", "first_order_date"),
        lambda _: _first < nw.col("registered"),
    ),
    "order_after_observation": Check(
        "ordered after the time of the observation", ("last_order_date",), lambda now: _last > nw.lit(now)
    ),
    "other_order_count": Check(
        "total_order_count is not number_of_orders (cancelled or unpaid orders)",
        ("number_of_orders", "total_order_count"),
        lambda _: _differ(nw.col("total_order_count"), _n),
    ),
}
TIMES = ("first_order_date", "last_order_date", "registered")


def quality(customers: IntoFrameT, *, as_of: Moment | None = None) -> IntoFrameT:
    """Count the customers whose order statistics are doubtful, check by check.

    Parameters
    ----------
    customers : table
        A customers table. Checks whose columns it lacks are left out.
    as_of : str, date or datetime, optional
        Time of the observation; by default the latest of the table's column as_of. If neither is known, the check for
        orders after the observation is left out.

    Returns
    -------
    table of the same kind
        `results.Quality`: one row per check, by number of customers from high to low. `quality_rows` returns the
        customers who fail one.

    Raises
    ------
    ArgumentError
        An `as_of` that is not a point in time, or `customers` is not a table.
    DataError
        Text where numbers are needed, times without a zone, or a customer who occurs twice.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"number_of_orders": [0, 1, None], "sales_value": [5.0, -3.0, None]})
    >>> quality(table).query("customers > 0")[["check_name", "customers"]]
                 check_name  customers
    0              no_stats          1
    1  sales_without_orders          1
    2        negative_sales          1
    """
    frame = customers_frame(customers, [])
    now = latest_as_of(frame, as_of)
    possible = _possible(frame, now)
    frame = _typed(frame, possible)
    counted = frame.select(
        __rows=nw.len(), **{name: c.broken(now).fill_null(False).cast(nw.Int64).sum() for name, c in possible.items()}
    ).collect()
    rows, counts = counted["__rows"].item(), [int(counted[name].item() or 0) for name in possible]
    result = pd.DataFrame(
        {
            "check_name": list(possible),
            "meaning": [c.meaning for c in possible.values()],
            "customers": counts,
            "share": [count / rows if rows else np.nan for count in counts],
        }
    )
    return same_kind(
        result.sort_values("customers", ascending=False, kind="stable", ignore_index=True), results.Quality, customers
    )


def quality_rows(customers: IntoFrameT, check: str, *, as_of: Moment | None = None) -> IntoFrameT:
    """Return the customers whose order statistics fail one check.

    Parameters
    ----------
    customers : table
        A customers table with the columns that the check needs.
    check : str
        Name of the check, from the column check_name of `quality`.
    as_of : str, date or datetime, optional
        As for `quality`.

    Returns
    -------
    table of the same kind
        The rows of `customers`, with all columns.

    Raises
    ------
    ArgumentError
        An unknown check, an `as_of` that is not a point in time, or `customers` is not a table.
    DataError
        The table lacks a column that the check needs, or as for `quality`.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"number_of_orders": [0, 1], "sales_value": [0.0, -3.0]})
    >>> quality_rows(table, "negative_sales")
       number_of_orders  sales_value
    0                 1         -3.0
    """
    one_of("check", check, CHECKS)
    frame = customers_frame(customers, CHECKS[check].needs)
    now = latest_as_of(frame, as_of)
    possible = _possible(frame, now)
    if check not in possible:
        raise DataError(f"the check {check!r} needs the time of the observation: pass as_of=")
    rows = _typed(frame, possible).filter(possible[check].broken(now).fill_null(False))
    found: Any = rows.to_native()
    if isinstance(native(customers), nw.DataFrame):
        found = nw.maybe_reset_index(rows.collect()).to_native()
    return found  # type: ignore[no-any-return]


def _possible(frame: Frame, now: datetime | None) -> dict[str, Check]:
    """Return the checks for which the table has the columns."""
    have = set(frame.collect_schema().names())
    possible = {name: check for name, check in CHECKS.items() if have.issuperset(check.needs)}
    if now is None:
        possible.pop("order_after_observation", None)
    return possible


def _typed(frame: Frame, possible: dict[str, Check]) -> Frame:
    """Return the table with numbers and times in all columns that the checks need, where pandas may hold objects."""
    used = {column for check in possible.values() for column in check.needs}
    numbers, times = sorted(used.difference(TIMES)), sorted(used.intersection(TIMES))
    check_types(frame, numbers=numbers, times=times)
    schema = frame.collect_schema()
    casts = [nw.col(name).cast(nw.Float64) for name in numbers if not schema[name].is_numeric()]
    casts += [
        nw.col(name).cast(nw.Datetime("us", "UTC")) for name in times if not isinstance(schema[name], nw.Datetime)
    ]
    if has_zones(frame):  # a column of missing times may have no zone
        casts += [
            nw.col(name).dt.replace_time_zone("UTC")
            for name in times
            if isinstance(kind := schema[name], nw.Datetime) and kind.time_zone is None
        ]
    return frame.with_columns(casts) if casts else frame
