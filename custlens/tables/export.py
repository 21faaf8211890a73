"""Writes tables as CSV, Parquet or Excel files: without personal data by default, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pandas as pd

from custlens._arguments import flag, shown
from custlens.api.records import HIDDEN
from custlens.errors import ArgumentError, ConfigError
from custlens.tables import schemas

__all__ = ["export", "mask"]

FORMATS = (".csv", ".parquet", ".xlsx")
EXCEL_ROWS = 1_048_575
EXCEL_LETTERS = 32_767
_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"
_FORMULA = r"^(?=\s*[=+\-@|%;＝＋－＠]|[\t\r\n])"


def export(table: pd.DataFrame, path: str | Path, *, reveal: bool = False) -> Path:
    """Write a table to a file.

    In CSV and Excel files, an apostrophe is put before text that a spreadsheet would take for a formula: text that begins
    with ``=``, ``+``, ``-``, ``@``, ``|``, ``%`` or ``;``, even after blanks, or with a tab or a line break. Parquet files
    keep every text as it is. Excel has no time zones, so its times are in UTC, and control characters are left out.

    Parameters
    ----------
    table : pandas.DataFrame
        Any table of custlens. Its index is not written.
    path : str or pathlib.Path
        The file; its extension sets the format: ``.csv``, ``.parquet`` or ``.xlsx``.
    reveal : bool, default False
        Whether to write personal data, which is hidden by default.

    Returns
    -------
    pathlib.Path
        The absolute path of the file.

    Raises
    ------
    ArgumentError
        `table` is not a pandas table, `path` has another extension or its folder does not exist, or the table does not
        fit into an Excel sheet.
    ConfigError
        Excel files need a package that is not installed.
    """
    if not isinstance(path, str | Path):
        raise ArgumentError(f"path must be the name of a file, not {shown(path)}")
    target = Path(path).absolute()
    if target.suffix not in FORMATS:
        raise ArgumentError(f"the ending of path must be one of {', '.join(FORMATS)}, not {target.suffix!r}")
    if not target.parent.is_dir():
        raise ArgumentError(f"path: there is no folder {target.parent} to write into")
    safe = mask(table, reveal=reveal)
    draft = target.with_name(f".{target.stem}.part{target.suffix}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY, 0o600))
        if target.suffix == ".parquet":
            safe.to_parquet(draft, index=False)
        elif target.suffix == ".csv":
            _tame(safe).to_csv(draft, index=False, encoding="utf-8-sig", quoting=csv.QUOTE_NONNUMERIC)
        else:
            _for_excel(_tame(safe)).to_excel(draft, index=False)
        draft.replace(target)
    except ModuleNotFoundError as error:
        raise ConfigError(f"Excel files need {error.name}: pip install 'custlens[excel]'") from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def mask(table: pd.DataFrame, *, reveal: bool = False) -> pd.DataFrame:
    """Return a table in which personal data is replaced by ``•••``.

    The schemas declare which columns are personal data. Missing values stay missing, so counts do not change, and the
    customer ID stays, so that rows can be found again.

    Parameters
    ----------
    table : pandas.DataFrame
        Any table of custlens, or a part of one. A column is hidden if any schema declares a column
        of that name as personal data.
    reveal : bool, default False
        Whether to return the table unchanged.

    Returns
    -------
    pandas.DataFrame
        A new table; the given one is not changed.

    Raises
    ------
    ArgumentError
        `table` is not a pandas table, or its index holds personal data.

    Examples
    --------
    >>> import pandas as pd
    >>> mask(pd.DataFrame({"customer_id": [1], "email": ["ann@example.com"]}))["email"].item()
    '•••'
    """
    _check_table(table)
    if flag("reveal", reveal):
        return table
    personal = {info.name for name in schemas.TABLES for info in schemas.columns(name) if info.pii}
    if indexed := personal & set(table.index.names):
        raise ArgumentError(f"table has personal data in its index ({', '.join(indexed)}): reset_index() first")
    hidden = {
        name: pd.Series(HIDDEN, index=table.index, dtype="str").where(table[name].notna())
        for name in table.columns
        if name in personal
    }
    return table.assign(**hidden)


def _check_table(table: Any) -> None:
    if not isinstance(table, pd.DataFrame):
        inner = None if isinstance(table, type) else getattr(table, "customers", None)
        hint = "" if inner is None else f"; pass .customers{'()' if callable(inner) else ''} of it"
        raise ArgumentError(f"table must be a pandas table, not {shown(table)}{hint}")


def _tame(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which no text is a formula to a spreadsheet."""
    tamed = {
        name: column.astype("str").str.replace(_FORMULA, "'", regex=True)
        for name, column in table.items()
        if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_string_dtype(column)
    }
    return table.assign(**{str(name): column for name, column in tamed.items()})


def _for_excel(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that an Excel sheet can hold."""
    if len(table) > EXCEL_ROWS:
        raise ArgumentError(
            f"Excel holds {EXCEL_ROWS:,} rows and this table has {len(table):,}: export to .parquet or .csv"
        )
    fitted: dict[str, pd.Series] = {}
    for name, column in table.items():
        if pd.api.types.is_string_dtype(column):
            fitted[str(name)] = column.str.replace(_CONTROLS, "", regex=True)
            if fitted[str(name)].str.len().max() > EXCEL_LETTERS:
                raise ArgumentError(
                    f"Excel holds {EXCEL_LETTERS:,} letters in a cell and {name} has more: export to .parquet or .csv"
                )
        elif isinstance(column.dtype, pd.DatetimeTZDtype):
            fitted[str(name)] = column.dt.tz_localize(None)
    return table.assign(**fitted)
