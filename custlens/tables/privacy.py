"""Hides personal data in whatever is saved: notebook outputs, reports, exports."""

from __future__ import annotations

import pandas as pd

from custlens.tables import schemas

__all__ = ["mask"]

SHOWN = "•••"


def mask(table: pd.DataFrame, *, reveal: bool = False) -> pd.DataFrame:
    """Hide personal data, as the schemas mark it.

    What is missing stays missing, so counts do not change; the customer ID stays, so that rows can be found again.

    Parameters
    ----------
    table
        Any table of custlens, or a part of one. A column counts as personal if any table's column of this name is.
    reveal
        Give the table as it is.

    Returns
    -------
    pandas.DataFrame
        A new table; the given one is not touched.

    Examples
    --------
    >>> import pandas as pd
    >>> mask(pd.DataFrame({"customer_id": [1], "email": ["ann@example.com"]}))["email"].item()
    '•••'
    """
    if reveal:
        return table
    personal = {info.name for name in schemas.TABLES for info in schemas.columns(name) if info.pii}
    hidden = {
        name: pd.Series(SHOWN, index=table.index, dtype="str").where(table[name].notna())
        for name in table.columns
        if name in personal
    }
    return table.assign(**hidden)
