"""A table for people: words as headers, shares in percent, amounts with their currency, countries by their names."""

from __future__ import annotations

import html
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrame

from custlens._arguments import nearest, shown
from custlens._text import country_name, language_name, printable
from custlens.analysis import results
from custlens.errors import ArgumentError

__all__ = ["Table"]

_UNITS = {
    name: (column.metadata or {}).get("unit")
    for model in (getattr(results, model) for model in results.__all__)
    for name, column in model.to_schema().columns.items()
}
_INTERVAL = "_ci"
_ROOM = "clamp(.3em, 1.6vw, 1.6em)"
"""What is free between a number and a text on its right: less where the page is narrow."""
_COUNTRY, _LANGUAGE = "country_code", "lang"


class Table:
    """A result of custlens, written for people, as text and as HTML.

    Shares are shown in percent, whole numbers without decimals, other numbers with two, times in UTC (the date alone,
    where every time is midnight), countries and languages by their names, and what is missing as a dash. Nothing is masked: see
    `custlens.mask`.

    Parameters
    ----------
    table : table
        A result, or any other small table.
    columns : mapping of str to str, optional
        The columns to show, in order, each with its header. All of them by default, with their names as words. The two
        ends of an interval are one column by a name that ends in ``_ci``: ``repeat_rate_ci``.
    currency : str, optional
        Currency of the amounts; it is written into the headers of columns that hold amounts.
    link : str, optional
        Address that IDs lead to, with ``{customer_id}`` where the ID goes, if the shop's admin has a page per customer.
    names : mapping of int to str, optional
        Names of customers by their IDs, to show beside the IDs.

    Raises
    ------
    ArgumentError
        If an argument is of another kind, or `columns` names a column that the table does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> result = pd.DataFrame({"segment": ["Champions"], "customers": [1234], "share": [0.156], "sales_value": [99.5]})
    >>> Table(result, {"segment": "Segment", "share": "Share of buyers", "sales_value": "Sales"}, currency="EUR")
      Segment Share of buyers Sales (EUR)
    Champions           15.6%       99.50
    """

    def __init__(
        self,
        table: IntoFrame,
        columns: Mapping[str, str] | None = None,
        *,
        currency: str | None = None,
        link: str | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        try:
            frame: pd.DataFrame = nw.from_native(table).lazy().collect().to_pandas()
        except TypeError as error:
            raise ArgumentError(f"table must be a table, not {shown(table)}") from error
        if columns is None:
            columns = {name: str(name).replace("_", " ") for name in frame.columns}
        elif not isinstance(columns, Mapping):
            raise ArgumentError(f"columns must be a mapping of column names to headers, not {shown(columns)}")
        if not (link is None or (isinstance(link, str) and link.startswith(("https://", "http://")))):
            raise ArgumentError(f"link must be an address that begins with https://, not {shown(link)}")
        cells = {name: _written(frame, name) for name in columns}
        if names and "customer_id" in cells:
            known = [printable(names.get(number, "")) for number in frame["customer_id"]]
            cells["customer_id"] = [" ".join(pair) for pair in zip(cells["customer_id"], known, strict=True)]
        self._cells = pd.DataFrame(dict(enumerate(cells.values())), dtype="str")
        self._headers = [
            f"{header} ({currency})"
            if currency and _UNITS.get(str(name).removesuffix(_INTERVAL)) == "currency"
            else header
            for name, header in columns.items()
        ]
        styles = [_style(frame, name) for name in columns]
        for place in range(1, len(styles)):
            if styles[place] and not styles[place - 1]:  # the text would touch the number before it
                styles[place] += f"; padding-left: {_ROOM}"
        self._styles = {place: style for place, style in enumerate(styles) if style}
        self._links = {place: link for place, name in enumerate(columns) if link and name == "customer_id"}

    def __repr__(self) -> str:
        return self._cells.set_axis(self._headers, axis=1).to_string(index=False)

    def _repr_html_(self) -> str | None:
        try:
            from pandas.io.formats.style import Styler
        except ImportError:  # without Jinja2 pandas cannot write HTML of this kind: notebooks show the text
            return None
        # The style of each table is its own, by a name that is the same each time.
        name = f"{zlib.crc32(repr(self).encode()):08x}"
        styler = Styler(self._cells, uuid=name, cell_ids=False).hide(axis="index")
        styler.relabel_index([html.escape(header) for header in self._headers], axis="columns")
        styler.set_table_styles({place: [{"selector": "", "props": style}] for place, style in self._styles.items()})
        styler.format(escape="html")
        for place, link in self._links.items():
            styler.format(partial(_linked, link), subset=[place])
        return str(styler.to_html())


def _linked(link: str, text: str) -> str:
    """Return a customer's ID as a link, and the name after it."""
    number, _, name = text.partition(" ")
    address = html.escape(link.replace("{customer_id}", number))
    return f'<a href="{address}" rel="noreferrer">{number}</a> {html.escape(name)}'.strip()


def _columns_of(frame: pd.DataFrame, name: Any) -> list[pd.Series[Any]]:
    """Return the column of this name, or the two ends of the interval of this name."""
    for names in ([name], [f"{name}_low", f"{name}_high"] if str(name).endswith(_INTERVAL) else []):
        if names and all(part in frame.columns for part in names):
            return [frame[part] for part in names]
    there = [str(column) for column in frame.columns]
    raise ArgumentError(f"columns names {str(name)!r}, which the table lacks; {nearest(str(name), there)}")


def _style(frame: pd.DataFrame, name: Any) -> str:
    """Return how the cells of a column are set: numbers on the right, all else on the left, texts in several lines."""
    column = _columns_of(frame, name)[0]
    if pd.api.types.is_datetime64_any_dtype(column):
        return "text-align: left"
    number = pd.api.types.is_numeric_dtype(column) and name != "customer_id"
    return "" if number else "text-align: left; white-space: normal"


def _written(frame: pd.DataFrame, name: Any) -> list[str]:
    """Return the values of a column, or those of an interval, as texts."""
    columns = _columns_of(frame, name)
    if len(columns) == 1:
        return [*columns[0].map(_writer(columns[0]))]
    share = _UNITS.get(str(columns[0].name)) == "share"
    write = "{:.0%}".format if share else _writer(pd.concat(columns).rename(columns[0].name))
    ends = zip(*columns, strict=True)
    missing = columns[0].isna() | columns[1].isna()
    texts = [f"{write(low).removesuffix('%')}–{write(high)}" for low, high in ends]
    return ["–" if unknown else text for text, unknown in zip(texts, missing, strict=True)]


def _writer(column: pd.Series[Any]) -> Callable[[Any], str]:
    """Return the function that writes the values of a column."""
    known, name = column.dropna(), str(column.name)
    if pd.api.types.is_bool_dtype(column):
        write: Callable[[Any], str] = {True: "yes", False: "no"}.__getitem__
    elif pd.api.types.is_numeric_dtype(column):
        if _UNITS.get(name) == "share" and pd.api.types.is_float_dtype(column):
            write = "{:.1%}".format
        elif name.endswith("_id"):
            write = "{:.0f}".format
        else:
            write = f"{{:,.{_decimals(known, name)}f}}".format
    elif pd.api.types.is_datetime64_any_dtype(column):
        write = "{:%Y-%m-%d}".format if (known == known.dt.normalize()).all() else "{:%Y-%m-%d %H:%M}".format
    else:
        name_of = country_name if name.endswith(_COUNTRY) else language_name if name == _LANGUAGE else str

        def write(value: Any) -> str:
            return printable(name_of(value))

    return lambda value: "–" if pd.isna(value) else write(value)


def _decimals(known: pd.Series[Any], name: str) -> int:
    """Return how many decimals the numbers of a column need: none, or two for amounts, or at most two."""
    if (known == known.round()).all():
        return 0
    return 1 if _UNITS.get(name) != "currency" and (known == known.round(1)).all() else 2
