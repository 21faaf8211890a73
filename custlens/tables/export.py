"""Writes a table as CSV, Parquet or Excel: personal data masked, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from custlens.errors import ArgumentError, ConfigError
from custlens.tables import schemas

__all__ = ["export", "mask"]

SHOWN = "•••"
FORMATS = (".csv", ".parquet", ".xlsx")
EXCEL_ROWS = 1_048_575
_FORMULA = r"^(?=[=+\-@\t\r\n|%＝＋－＠])"


def export(table: pd.DataFrame, path: str | Path, *, reveal: bool = False) -> Path:
    """Write a table to a file.

    Text that a spreadsheet would take for a formula (it begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break)
    gets an apostrophe before it in CSV and Excel; Parquet keeps every text as it is. Excel knows no time zones: its
    times are UTC.

    Parameters
    ----------
    table
        Any table of custlens.
    path
        The file; its ending says the format: ``.csv``, ``.parquet`` or ``.xlsx``.
    reveal
        Whether to write personal data; masked by default.

    Returns
    -------
    pathlib.Path
        The absolute path of the file.

    Raises
    ------
    ArgumentError
        Another ending, a folder that is not there, or more rows than Excel can hold.
    """
    target = Path(path).absolute()
    if target.suffix not in FORMATS:
        raise ArgumentError(f"the file's ending must be one of {', '.join(FORMATS)}, not {target.suffix!r}")
    if not target.parent.is_dir():
        raise ArgumentError(f"there is no folder {target.parent} to write into")
    if target.suffix == ".xlsx" and len(table) > EXCEL_ROWS:
        raise ArgumentError(
            f"Excel holds {EXCEL_ROWS:,} rows and this table has {len(table):,}: export to .parquet or .csv"
        )
    shown = mask(table, reveal=reveal)
    draft = target.with_name(f".{target.stem}.part{target.suffix}")
    try:
        if target.suffix == ".parquet":
            shown.to_parquet(draft, index=False)
        elif target.suffix == ".csv":
            _tame(shown).to_csv(draft, index=False, encoding="utf-8-sig", quoting=csv.QUOTE_NONNUMERIC)
        else:
            _tame(shown, zoneless=True).to_excel(draft, index=False)
    except ModuleNotFoundError as error:
        problem = f"Excel files need {error.name}: pip install 'custlens[excel]'"
    else:
        draft.replace(target)
        return target
    finally:
        draft.unlink(missing_ok=True)
    raise ConfigError(problem)


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


def _tame(table: pd.DataFrame, *, zoneless: bool = False) -> pd.DataFrame:
    """Let no text be taken for a formula."""
    tamed = {}
    for name, column in table.items():
        if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column):
            tamed[name] = column.astype("str").str.replace(_FORMULA, "'", regex=True)
        elif zoneless and isinstance(column.dtype, pd.DatetimeTZDtype):
            tamed[name] = column.dt.tz_localize(None)
    return table.assign(**{str(name): column for name, column in tamed.items()})
