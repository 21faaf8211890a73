"""A table for people: words as headers, shares in percent, counts with separators, nothing hidden behind an ellipsis."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrame

from custlens._arguments import nearest, shown
from custlens._text import printable
from custlens.analysis import results
from custlens.errors import ArgumentError

__all__ = ["Table"]

SHARES = {
    name
    for model in (getattr(results, model) for model in results.__all__)
    for name, column in model.to_schema().columns.items()
    if (column.metadata or {}).get("unit") == "share"
}
_LEFT, _RIGHT = ' style="text-align:left"', ' style="text-align:right"'


class Table:
    """A result of custlens, written for people, as text and as HTML.

    Shares are shown in percent, whole numbers without decimals, other numbers with two, times in UTC (the date alone,
    where every time is midnight), and what is missing as a dash. Nothing is masked: see `custlens.mask`.

    Parameters
    ----------
    table : table
        A result, or any other small table.
    columns : mapping of str to str, optional
        The columns to show, in order, each with its header. All of them by default, with their names as words.

    Raises
    ------
    ArgumentError
        If `columns` is of another kind or names a column that the table does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> result = pd.DataFrame({"segment": ["Champions"], "customers": [1234], "share": [0.156]})
    >>> Table(result, {"segment": "Segment", "share": "Share of buyers"})
      Segment Share of buyers
    Champions           15.6%
    """

    def __init__(self, table: IntoFrame, columns: Mapping[str, str] | None = None) -> None:
        try:
            frame: pd.DataFrame = nw.from_native(table).lazy().collect().to_pandas()
        except TypeError as error:
            raise ArgumentError(f"table must be a table, not {shown(table)}") from error
        if columns is None:
            columns = {name: name.replace("_", " ") for name in frame.columns}
        elif not isinstance(columns, Mapping):
            raise ArgumentError(f"columns must be a mapping of column names to headers, not {shown(columns)}")
        there = [str(name) for name in frame.columns]
        if missing := [str(name) for name in columns if name not in there]:
            raise ArgumentError(f"columns names {missing[0]!r}, which the table lacks; {nearest(missing[0], there)}")
        self._numeric = [pd.api.types.is_numeric_dtype(frame[name]) for name in columns]
        cells = {name: frame[name].map(_writer(frame[name])) for name in columns}
        self._cells = pd.DataFrame(cells, dtype="str").set_axis(list(columns.values()), axis=1)

    def __repr__(self) -> str:
        return self._cells.to_string(index=False)

    def _repr_html_(self) -> str:
        sides = [_RIGHT if numeric else _LEFT for numeric in self._numeric]
        head = "".join(map(_cell, repeat("th"), sides, self._cells.columns.astype("str")))
        rows = "".join(f"<tr>{''.join(map(_cell, repeat('td'), sides, row))}</tr>" for row in self._cells.to_numpy())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(tag: str, side: str, text: str) -> str:
    return f"<{tag}{side}>{html.escape(text)}</{tag}>"


def _writer(column: pd.Series) -> Callable[[Any], str]:
    """Return the function that writes the values of a column."""
    known = column.dropna()
    if pd.api.types.is_bool_dtype(column):
        write: Callable[[Any], str] = {True: "yes", False: "no"}.__getitem__
    elif pd.api.types.is_numeric_dtype(column):
        if column.name in SHARES and pd.api.types.is_float_dtype(column):
            write = "{:.1%}".format
        elif str(column.name).endswith("_id"):
            write = "{:.0f}".format
        else:
            write = "{:,.0f}".format if (known == known.round()).all() else "{:,.2f}".format
    elif pd.api.types.is_datetime64_any_dtype(column):
        write = "{:%Y-%m-%d}".format if (known == known.dt.normalize()).all() else "{:%Y-%m-%d %H:%M}".format
    else:
        write = printable
    return lambda value: "–" if pd.isna(value) else write(value)
