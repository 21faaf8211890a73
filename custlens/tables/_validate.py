"""Validates tables with the pandera schemas, without ever printing a customer's data."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import pandera.errors

from custlens.errors import ValidationError
from custlens.tables import schemas

__all__ = ["Failure", "failures"]


_NOT_ALLOWED = {
    "billing_country_code": "is not an ISO 3166-1 country code",
    "country_code": "is not an ISO 3166-1 country code",
    "b2b_b2c": "must be b2b or b2c",
}
_REASONS = {
    "field_uniqueness": "must be unique",
    "not_nullable": "must not be missing",
    "greater_than_or_equal_to(0)": "must not be below 0",
    f"less_than_or_equal_to({schemas.MOST_ORDERS})": f"must not be above {schemas.MOST_ORDERS:,}",
}


class Failure(NamedTuple):
    """One row of the rejects, and the position of its customer among those that were read."""

    customer_id: int | None
    api_path: str
    value: str | None
    reason: str
    raw: str | None
    dropped: bool
    place: int | None = None


def failures(frame: pd.DataFrame, table: str) -> list[tuple[int, str, str]]:
    """Validate some columns of a table.

    Returns
    -------
    list of (row, column, reason)
        The values that break the schema; the column is ``"stats"`` where a rule is about several of the statistics.
    """
    schema = schemas.TABLES[table].to_schema()
    if len(frame.columns) != len(schema.columns):
        schema = schema.select_columns([name for name in schema.columns if name in frame.columns])
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
    else:
        return []
    if cases["index"].isna().any():
        broken = cases.loc[cases["index"].isna(), ["column", "check"]].astype(str).agg(": ".join, axis=1)
        raise ValidationError(f"the {table} table has the wrong shape: {'; '.join(broken)}", failure_cases=cases)
    found: dict[tuple[int, str, str], None] = {}
    for context, column, rule, row in zip(
        cases["schema_context"], cases["column"], cases["check"], cases["index"], strict=True
    ):
        reason = _NOT_ALLOWED[column] if str(rule).startswith("isin(") else _REASONS.get(str(rule), str(rule))
        found[int(row), schemas.ROW_RULES[reason] if context == "DataFrameSchema" else str(column), reason] = None
    return list(found)
