"""What is wrong with the statistics themselves, counted, with the customers it is wrong with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd

from custlens.analysis import results
from custlens.analysis._frames import customers_frame, latest_as_of, native, same_kind
from custlens.errors import ArgumentError, DataError

__all__ = ["CHECKS", "quality"]


class Check(NamedTuple):
    """One thing that may be wrong."""

    meaning: str
    needs: tuple[str, ...]
    broken: Callable[..., nw.Expr]


_n, _s, _aov = nw.col("number_of_orders"), nw.col("sales_value"), nw.col("average_order_value")
_first, _last = nw.col("first_order_date"), nw.col("last_order_date")

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
        "has a sales value but no orders", ("number_of_orders", "sales_value"), lambda _: (_n == 0) & (_s != 0)
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
        "has one order, but two dates of it",
        ("number_of_orders", "first_order_date", "last_order_date"),
        lambda _: (_n == 1) & (_first != _last),
    ),
    "orders_at_one_moment": Check(
        "has several orders, all at the same second",
        ("number_of_orders", "first_order_date", "last_order_date"),
        lambda _: (_n > 1) & (_first == _last),
    ),
    "order_before_registration": Check(
        "ordered before the registration (a guest who registered later)",
        ("registered", "first_order_date"),
        lambda _: _first < nw.col("registered"),
    ),
    "order_after_observation": Check(
        "ordered after the time of the observation", ("last_order_date",), lambda now: _last > nw.lit(now)
    ),
    "other_order_count": Check(
        "total_order_count is not number_of_orders (cancelled or unpaid orders)",
        ("number_of_orders", "total_order_count"),
        lambda _: nw.col("total_order_count") != _n,
    ),
}


def quality(customers: Any, *, check: str | None = None, as_of: datetime | None = None) -> Any:
    """Count what is wrong with the order statistics; or, with `check`, give the customers it is wrong with.

    Parameters
    ----------
    customers
        A customers table. Checks whose columns it lacks are left out.
    check
        Name of one check, as the table without it has it under `check_name`.
    as_of
        Time of the observation; read from the table by default.

    Returns
    -------
    table of the same kind
        Without `check` `results.Quality`: one row a check, those that found most first: check_name, meaning, customers,
        share. With it: the rows of `customers`, all columns.

    Raises
    ------
    ArgumentError
        An unknown check, or one whose columns the table lacks.
    """
    frame = customers_frame(customers, [])
    have = set(frame.collect_schema().names())
    now = latest_as_of(frame, as_of)
    possible = {name: c for name, c in CHECKS.items() if have.issuperset(c.needs)}
    if now is None:
        possible.pop("order_after_observation", None)
    if check is not None:
        if check not in CHECKS:
            raise ArgumentError(f"check must be one of {', '.join(CHECKS)}, not {check!r}")
        if check not in possible:
            raise DataError(f"the check {check!r} needs the columns {', '.join(CHECKS[check].needs)}, and as_of")
        chosen = frame.filter(possible[check].broken(now).fill_null(False))
        eager = isinstance(native(customers), nw.DataFrame)
        return nw.maybe_reset_index(chosen.collect()).to_native() if eager else chosen.to_native()
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
