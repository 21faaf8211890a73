"""The state of a store after one sync: its tables, each at the version that belongs to it.

The tables beside the customers are written first, and the commit of the customers names the version of each that
belongs to it (as Delta application transactions). So a reader never sees what a killed sync left in them, and the next
sync undoes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import deltalake
import numpy as np
import pandas as pd
import pyarrow as pa

from custlens.errors import StoreError
from custlens.store._lake import DATA_FILE, Lake
from custlens.store._layout import BESIDE, SCHEMAS
from custlens.tables import frame_of

__all__ = ["Snapshot", "Stamps"]

FILE_ROWS = {"customers": 1_500, "rejects": 1_500, "order_stats_history": 10_000, "syncs": 10_000, "forgotten": 10_000}
"""Rows per data file. Few, since a file is rewritten when one of its rows changes."""


class Stamps(NamedTuple):
    """What is true of all customers of a store at one time."""

    store_id: int
    currency: str | None
    as_of: pd.Timestamp


class Snapshot:
    """The tables of a store as one commit of the customers left them.

    Parameters
    ----------
    lake
        The store.
    customers
        The customers table, at the version of that commit.
    """

    def __init__(self, lake: Lake, customers: deltalake.DeltaTable) -> None:
        self.lake = lake
        self._tables = {"customers": customers}

    @classmethod
    def latest(cls, lake: Lake) -> Snapshot | None:
        """Return the store as the last sync left it, or None if there was none yet; errors as for `Lake.current`."""
        customers = lake.current()
        return None if customers is None else cls(lake, customers)

    @property
    def version(self) -> int:
        """Version of the customers table."""
        return self._tables["customers"].version()

    def table(self, name: str) -> deltalake.DeltaTable:
        """Return a table at the version that belongs to this state; it is opened once."""
        if name not in self._tables:
            with self.lake.explained():
                self._tables[name] = self.lake.open(name, self.version_of(name))
        return self._tables[name]

    def files(self, name: str) -> dict[str, int]:
        """Return the data files of a table and the rows in each."""
        actions = pa.table(self.table(name).get_add_actions(flatten=True))
        files = dict(zip(actions["path"].to_pylist(), actions["num_records"].to_pylist(), strict=True))
        for file in files:
            if not DATA_FILE.fullmatch(file):
                raise StoreError(f"the log of {self.lake.path} names {file!r}, which is not a file of the store")
        return files

    def rows(self, name: str, columns: Iterable[str] | None = None) -> pa.Table:
        """Read a table: some columns of it, or all."""
        return self.lake.read(name, self.files(name), columns)

    @cached_property
    def syncs(self) -> pd.DataFrame:
        """The syncs up to this state, in order."""
        dtypes = {"sync": "int64", "version": "int64", "mode": "str", "store_id": "int64", "currency": "str"}
        dtypes |= dict.fromkeys(("as_of", "cursor", "last_full"), "datetime64[us, UTC]")
        names = SCHEMAS["syncs"].names
        frame = frame_of(self.rows("syncs"), {name: dtypes[name] for name in names})
        return frame.sort_values("sync", ignore_index=True)

    @property
    def last(self) -> dict[str, Any] | None:
        """The last sync, or None if there was none."""
        return None if self.syncs.empty else {str(name): value for name, value in self.syncs.iloc[-1].items()}

    @cached_property
    def stamps(self) -> Stamps:
        """What is true of all customers of this state. The currency is what the last sync that knew it says."""
        known = self.syncs["currency"].dropna()
        last = self.syncs.iloc[-1]
        return Stamps(int(last["store_id"]), None if known.empty else str(known.iloc[-1]), last["as_of"])

    @property
    def oldest(self) -> int:
        """The earliest version of the customers that has not been given up."""
        return self.version_of("oldest")

    @property
    def readable(self) -> pd.Series:
        """Of each sync, whether its state can still be read."""
        versions = self.syncs["version"]
        return (versions >= self.oldest) | (versions.index == len(versions) - 1)

    def give_up_before(self, version: int) -> None:
        """Delete every file that only states before this version of the customers need."""
        customers = self._tables["customers"]
        self.lake.commit(customers, "customers", [], marks={"oldest": version})
        oldest = self.at(version)
        for name in SCHEMAS:
            self.lake.prune(name, oldest.table(name), set(oldest.files(name)))

    def at(self, version: int) -> Snapshot:
        """Return an earlier state; what was not yet known of the currency then is known now."""
        with self.lake.explained():
            earlier = Snapshot(self.lake, self.lake.open("customers", version))
        earlier.stamps = earlier.stamps._replace(currency=self.stamps.currency)
        return earlier

    def undo_unfinished(self) -> None:
        """Bring the tables beside the customers back to this state, if a killed sync has written to them since."""
        with self.lake.explained():
            for name in BESIDE:
                table = self.table(name)
                table.update_incremental()
                if table.version() != (wanted := self.version_of(name)):
                    table.restore(wanted)
                    self.lake.close_to_others(name)

    def replace(
        self, name: str, new: pa.Table, out: np.ndarray | None = None, marks: Mapping[str, int] | None = None
    ) -> int:
        """Take some rows out of a table and put new ones in, in one commit; return its version.

        Only files that lose a row are written again, and those that are small.

        Parameters
        ----------
        name
            Name of the table.
        new
            Rows to put in.
        out : array of bool, optional
            Of each row that `rows` reads, whether it goes.
        marks
            Application transactions of this commit.
        """
        table, files = self.table(name), self.files(name)
        ends = np.cumsum([0, *files.values()])
        gone = np.zeros(ends[-1], bool) if out is None else out
        losing = np.add.reduceat(gone, ends[:-1]) * (np.diff(ends) > 0) if len(files) else np.zeros(0)
        again = [
            (file, ~gone[start:end])
            for file, start, end, lost in zip(files, ends[:-1], ends[1:], losing, strict=True)
            if lost or (len(new) and end - start < FILE_ROWS[name] // 2)
        ]
        kept = (self.lake.read(name, [file]).filter(pa.array(keep)) for file, keep in again)
        pieces = _cut(itertools.chain(kept, [new]), FILE_ROWS[name])
        return self.lake.commit(table, name, pieces, [file for file, _ in again], marks)

    def version_of(self, name: str) -> int:
        """Return the version of a table beside the customers that belongs to this state."""
        found = self._tables["customers"].transaction_version(name)
        return 0 if found is None else int(found)


def _cut(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Join tables and cut them into pieces of this many rows; the last may have fewer."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(map(len, waiting)) >= rows:
            joined = pa.concat_tables(waiting)
            whole = len(joined) // rows * rows
            yield from (joined.slice(start, rows) for start in range(0, whole, rows))
            waiting = [joined.slice(whole)]
    if any(map(len, waiting)):
        yield pa.concat_tables(waiting)
