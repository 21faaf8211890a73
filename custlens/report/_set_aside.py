"""What a fetch could not use, in a sentence for people."""

from __future__ import annotations

import html

from custlens._arguments import shown
from custlens._text import printable
from custlens.errors import ArgumentError
from custlens.tables.customer_tables import CustomerTables

__all__ = ["SetAside"]


class SetAside:
    """A sentence on the values and rows that a fetch could not use, and on fields that custlens does not know.

    Parameters
    ----------
    tables : CustomerTables
        What `custlens.fetch` returned.

    Raises
    ------
    ArgumentError
        If `tables` is of another kind.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> SetAside(tables)
    Every value could be used.
    """

    def __init__(self, tables: CustomerTables) -> None:
        if not isinstance(tables, CustomerTables):
            raise ArgumentError(f"tables must be CustomerTables, as custlens.fetch returns them, not {shown(tables)}")
        report = tables.report
        values, rows = report.rejects - report.dropped, report.dropped
        parts = []
        if values:
            parts.append(
                f"{_many(values, 'value')} could not be used and {'counts' if values == 1 else 'count'} as missing"
            )
        if rows:
            parts.append(f"{_many(rows, 'row')} could not be used at all and {'was' if rows == 1 else 'were'} left out")
        sentence = "; ".join(parts) or "Every value could be used"
        if report.unknown_fields:
            names = ", ".join(map(printable, report.unknown_fields))
            fields = _many(len(report.unknown_fields), "field")
            sentence += f". The shop also sent {fields} that custlens does not know, kept in the column extra: {names}"
        self._sentence = f"{sentence}."

    def __repr__(self) -> str:
        return self._sentence

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._sentence)}</p>"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
