"""What could not be used, in a sentence for people."""

from __future__ import annotations

import html

import pandas as pd

from custlens._arguments import shown
from custlens.errors import ArgumentError, DataError

__all__ = ["SetAside"]


class SetAside:
    """A sentence on the values and rows that could not be used.

    Parameters
    ----------
    rejects : pandas.DataFrame
        The rejects of a fetch or of a store: ``tables.rejects`` or ``store.rejects()``.

    Raises
    ------
    ArgumentError
        If `rejects` is not a pandas table.
    DataError
        If it lacks the column ``dropped``.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> SetAside(tables.rejects)
    Every value could be used.
    """

    def __init__(self, rejects: pd.DataFrame) -> None:
        if not isinstance(rejects, pd.DataFrame):
            raise ArgumentError(f"rejects must be tables.rejects or store.rejects(), not {shown(rejects)}")
        if "dropped" not in rejects.columns:
            raise DataError("the table lacks the column dropped: pass tables.rejects or store.rejects()")
        rows = int(rejects["dropped"].sum())
        values = len(rejects) - rows
        parts = []
        if values:
            parts.append(
                f"{_many(values, 'value')} could not be used and {'counts' if values == 1 else 'count'} as missing"
            )
        if rows:
            parts.append(f"{_many(rows, 'row')} could not be used at all and {'was' if rows == 1 else 'were'} left out")
        self._sentence = f"{'; '.join(parts) or 'Every value could be used'}."

    def __repr__(self) -> str:
        return self._sentence

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self._sentence)}</p>"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
