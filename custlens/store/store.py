"""The local store: Delta Lake tables that a sync writes and that readers open at any time.

``customers`` holds one row a customer, with addresses and contacts nested, so that one commit is one consistent state.
Beside it, written before that commit and only shown after it: ``syncs`` (one row a sync), ``rejects`` and
``order_stats_history``. The commit carries the number of the sync as a Delta application transaction: whatever a killed
sync has left beside it has a higher number, is not shown, and is written over by the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import deltalake
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from pyarrow.dataset import ParquetReadOptions, field
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from custlens.api.client import Client
from custlens.errors import ArgumentError, StoreError
from custlens.store._lake import FORMAT, MARK, NESTED, SCHEMAS, SETTINGS, STATS, dtypes_of, explained
from custlens.tables import frame_of, schemas

if TYPE_CHECKING:
    from custlens.store.sync import Mode, SyncReport

__all__ = ["Store"]


class Store:
    """The customers of one or several stores, kept on disk (or an object store) and refreshed by `sync`.

    A folder of Delta Lake tables, which pandas, Polars, DuckDB, Dask and Spark read as they are. Readers take no lock:
    they see the last commit, whole, also while a sync runs.

    Parameters
    ----------
    path
        Folder, or a URL that Delta Lake knows (``s3://…``). Made by the first sync.
    storage_options
        Credentials and the like for a URL, as `deltalake` takes them.

    Examples
    --------
    >>> import tempfile
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop, tempfile.TemporaryDirectory() as folder:
    ...     store = cl.Store(folder + "/shop.lens")
    ...     report = store.sync(shop.client(), progress=False)
    ...     (report.added, len(store.customers(columns=["sales_value"])))
    (2357, 2357)
    """

    def __init__(self, path: str | Path, *, storage_options: dict[str, str] | None = None) -> None:
        self.path = str(path)
        self._options = storage_options
        self._is_url = "://" in self.path
        if not self._is_url:
            self.path = str(Path(path).absolute())

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    def sync(
        self, client: Client | Iterable[Client], mode: Mode = "auto", *, threads: int = 4, progress: bool = True
    ) -> SyncReport | list[SyncReport]:
        """Bring the store up to date with one or several shops.

        A **full** sync reads every customer. An **incremental** one reads whoever registered, was edited or ordered
        since the last sync, and who was deleted. Both end by comparing the number of customers with the shop's. Pages
        are kept on disk as they come: a sync that is killed goes on where it was, asking again for the pages that were
        under way.

        Parameters
        ----------
        client
            The shop, or several: they are read side by side, each under its own limit.
        mode
            ``"full"``, ``"incremental"``, or ``"auto"``: incremental where that can be trusted.
        threads
            Requests under way at once, for each client.
        progress
            Whether to show a progress bar.

        Returns
        -------
        SyncReport, or a list of them
            One a client.

        Raises
        ------
        SyncError
            Another sync of this store is running, or the shop did not hold still.
        StoreError
            The store cannot be read or written.
        APIError, TransportError, DecodeError
            The shop could not be read. What was fetched is kept for the next sync.
        """
        from custlens.store.sync import sync

        if isinstance(client, Client):
            return sync(self, [client], mode, threads=threads, progress=progress)[0]
        return sync(self, list(client), mode, threads=threads, progress=progress)

    def customers(
        self, columns: Iterable[str] | None = None, *, as_of: datetime | None = None, store_id: int | None = None
    ) -> pd.DataFrame:
        """Read the customers.

        Parameters
        ----------
        columns
            Columns to read, all by default; store_id, customer_id, currency and as_of always come along.
        as_of
            Go back to how the store stood at this moment (an aware datetime): after the last sync before it.
        store_id
            One store only.

        Returns
        -------
        pandas.DataFrame
            As `custlens.schemas.Customers` declares it.

        Raises
        ------
        StoreError
            No sync yet (or none before `as_of`), or the folder cannot be read.
        """
        wanted = _wanted(columns)
        syncs, table = self._open(as_of)
        read = list(wanted)
        arrow = self._read(table, read, store_id, [name for name in read if wanted[name] == "category"])
        return _stamped(frame_of(arrow, wanted), syncs)

    def dask(self, columns: Iterable[str] | None = None, *, as_of: datetime | None = None) -> Any:
        """Read the customers with Dask, a partition for each group of rows on disk; parameters as for `customers`.

        For stores that do not fit into memory: the analyses take the result as they take a pandas table. Needs Dask
        (``pip install 'dask[dataframe]'``). Texts are plain texts, not categories.

        Returns
        -------
        dask.dataframe.DataFrame
            The columns of `customers`, nothing read yet.
        """
        from dask import dataframe

        wanted = {name: "str" if dtype == "category" else dtype for name, dtype in _wanted(columns).items()}
        syncs, table = self._open(as_of)
        fragments = list(self.dataset(table).get_fragments())
        places = [(file, group.id) for file, fragment in enumerate(fragments) for group in fragment.row_groups]
        version = table.version()

        def read(place: tuple[int, int]) -> pd.DataFrame:
            with explained(self.path):
                opened = deltalake.DeltaTable(self._address("customers"), version, storage_options=self._options)
                dataset = self.dataset(opened)
                fragment = list(dataset.get_fragments())[place[0]].subset(row_group_ids=[place[1]])
                rows = fragment.to_table(schema=dataset.schema, columns=list(wanted))
            return _stamped(frame_of(rows, wanted), syncs)

        empty = _stamped(frame_of(SCHEMAS["customers"].empty_table(), wanted), syncs)
        return dataframe.from_map(read, places, meta=empty)  # type: ignore[no-untyped-call]

    def addresses(self, *, as_of: datetime | None = None, store_id: int | None = None) -> pd.DataFrame:
        """Read the addresses, one row each; parameters as for `customers`."""
        return self._part("addresses", as_of, store_id)

    def contacts(self, *, as_of: datetime | None = None, store_id: int | None = None) -> pd.DataFrame:
        """Read the contacts, one row each; parameters as for `customers`."""
        return self._part("contacts", as_of, store_id)

    def rejects(self, *, as_of: datetime | None = None, store_id: int | None = None) -> pd.DataFrame:
        """Read what is not in the tables because it breaks a rule; parameters as for `customers`."""
        syncs, _ = self._open(as_of)
        last = syncs.groupby("store_id")["sync"].max().reset_index()
        with explained(self.path):
            rows = self.dataset(self.table("rejects")).to_table()
        frame = frame_of(rows, {"store_id": "int64", "sync": "int64", **dtypes_of("rejects")})
        frame = frame.merge(last, on=["store_id", "sync"])
        if store_id is not None:
            frame = frame[frame["store_id"] == store_id]
        return frame[list(dtypes_of("rejects"))].reset_index(drop=True)

    def history(self, *, store_id: int | None = None) -> pd.DataFrame:
        """Read each change of a customer's five statistics, with the sync that saw it.

        The API shows only the present; this is what the store remembers.

        Returns
        -------
        pandas.DataFrame
            One row a change, in order: store_id, sync (number), as_of (time of that sync), customer_id, event
            ("added": first seen; "changed"; "deleted"), and the five statistics after it.
        """
        syncs, _ = self._open(None)
        with explained(self.path):
            rows = self.dataset(self.table("order_stats_history")).to_table()
        dtypes = {"store_id": "int64", "sync": "int64", "as_of": "datetime64[us, UTC]", "customer_id": "int64"}
        dtypes |= {
            "event": "category",
            **{name: dtype for name, dtype in dtypes_of("customers").items() if name in STATS},
        }
        frame = frame_of(rows, dtypes)
        frame = frame[frame["sync"] <= frame["store_id"].map(syncs.groupby("store_id")["sync"].max())]
        if store_id is not None:
            frame = frame[frame["store_id"] == store_id]
        return frame.sort_values(["as_of", "store_id", "sync", "customer_id"], ignore_index=True)

    def syncs(self) -> pd.DataFrame:
        """List the syncs so far: store_id, sync, version, mode, as_of, cursor, last_full, currency."""
        return self._open(None)[0]

    def last_sync(self, store_id: int) -> dict[str, Any] | None:
        """Give the last sync of one store, or None if there was none."""
        customers = self.opened()
        if customers is None:
            return None
        syncs = self._syncs(customers)
        mine = syncs[syncs["store_id"] == store_id]
        return None if mine.empty else {str(name): value for name, value in mine.iloc[-1].items()}

    def held(self, store_id: int) -> tuple[pa.Table, pd.DataFrame]:
        """Give what is held of one store, to compare with: keys, fingerprints and statistics; and its rejects."""
        columns = ["customer_id", "fingerprint", "updated", *STATS]
        if self.last_sync(store_id) is None:
            return SCHEMAS["customers"].empty_table().select(columns), frame_of(
                SCHEMAS["rejects"].empty_table(), dtypes_of("rejects")
            )
        return self._read(self.table("customers"), columns, store_id), self.rejects(store_id=store_id)

    def _part(self, part: str, as_of: datetime | None, store_id: int | None) -> pd.DataFrame:
        _, table = self._open(as_of)
        rows = self._read(table, ["customer_id", part], store_id)
        lists = rows[part].combine_chunks()
        owners = rows["customer_id"].combine_chunks().take(pc.list_parent_indices(lists))
        flat = pc.list_flatten(lists)
        columns = {"customer_id": owners}
        columns |= {field.name: pc.struct_field(flat, field.name) for field in NESTED[part].value_type}
        return frame_of(columns, dtypes_of(part))

    def _open(self, as_of: datetime | None) -> tuple[pd.DataFrame, deltalake.DeltaTable]:
        """Give the syncs up to a moment, and the customers as they stood after the last of them."""
        table = self.opened()
        if table is None:
            raise StoreError(f"{self.path} holds no customers yet: run store.sync(client) first")
        syncs = self._syncs(table)
        if as_of is None:
            return syncs, table
        if as_of.tzinfo is None:
            raise ArgumentError("as_of must have a time zone")
        syncs = syncs[syncs["as_of"] <= as_of]
        if syncs.empty:
            raise StoreError(f"{self.path} knows nothing from before {as_of}: its first sync was later")
        with explained(self.path):
            table.load_as_version(int(syncs["version"].max()))
        return syncs, table

    def _syncs(self, customers: deltalake.DeltaTable) -> pd.DataFrame:
        """Read the syncs that have become true."""
        with explained(self.path):
            rows = self.dataset(self.table("syncs")).to_table().sort_by("version")
            stores = rows["store_id"].unique().to_pylist()
            done = {store: customers.transaction_version(f"custlens-{store}") or 0 for store in stores}
        dtypes = {"store_id": "int64", "sync": "int64", "version": "int64", "mode": "str", "currency": "str"}
        dtypes |= dict.fromkeys(("as_of", "cursor", "last_full"), "datetime64[us, UTC]")
        frame = frame_of(rows, {name: dtypes[name] for name in rows.column_names})
        return frame[frame["sync"] <= frame["store_id"].map(done)].reset_index(drop=True)

    def _read(
        self, table: deltalake.DeltaTable, columns: list[str], store_id: int | None, categories: Iterable[str] = ()
    ) -> pa.Table:
        """Read some columns, categories as dictionaries."""
        with explained(self.path):
            dataset = self.dataset(table, categories)
            return dataset.to_table(columns, filter=None if store_id is None else field("store_id") == store_id)

    def _address(self, name: str) -> str:
        return f"{self.path.rstrip('/')}/{name}"

    def opened(self) -> deltalake.DeltaTable | None:
        """Open the customers, or give None where there is no store yet; refuse a folder that is something else."""
        with explained(self.path):
            if deltalake.DeltaTable.is_deltatable(self._address("customers"), self._options):
                table = self.table("customers")
                metadata = table.metadata()
                if metadata.name != MARK:
                    raise StoreError(f"{self.path} holds Delta tables that custlens has not written")
                if int((metadata.description or "format 0").removeprefix("format ")) > FORMAT:
                    raise StoreError(
                        f"{self.path} was written by a newer custlens ({metadata.description}): update custlens"
                    )
                return table
        folder = Path(self.path)
        if not self._is_url and folder.exists():
            if not folder.is_dir():
                raise StoreError(f"{self.path} is a file: a store is a folder of its own")
            if foreign := [child.name for child in folder.iterdir() if child.name not in (*SCHEMAS, "_journal")]:
                raise StoreError(
                    f"{self.path} is not a custlens store (it holds {foreign[0]}): choose a folder of its own"
                )
        return None

    def create(self) -> None:
        """Make the tables that are not there yet; customers last, for with it the store begins to exist."""
        for name in ("order_stats_history", "rejects", "syncs", "customers"):
            if not deltalake.DeltaTable.is_deltatable(self._address(name), self._options):
                deltalake.DeltaTable.create(
                    self._address(name),
                    deltalake.Schema.from_arrow(SCHEMAS[name]),
                    partition_by=["store_id"],
                    name=MARK if name == "customers" else f"custlens {name}",
                    description=f"format {FORMAT}",
                    configuration=SETTINGS,
                    storage_options=self._options,
                )

    def table(self, name: str) -> deltalake.DeltaTable:
        """Open one of the Delta tables."""
        with explained(self.path):
            return deltalake.DeltaTable(self._address(name), storage_options=self._options)

    def dataset(self, table: deltalake.DeltaTable, categories: Iterable[str] = ()) -> pyarrow.dataset.Dataset:
        """Open a Delta table as an Arrow dataset, some columns as dictionaries.

        What is on this machine is read by Arrow itself: Delta's own reader calls back into Python from Arrow's threads,
        which brings the process down if it ends at that moment.
        """
        disk = None if self._is_url else SubTreeFileSystem(unquote(urlsplit(table.table_uri).path), LocalFileSystem())
        options = ParquetReadOptions(dictionary_columns=set(categories))
        return table.to_pyarrow_dataset(filesystem=disk, parquet_read_options=options)

    def journal_folder(self) -> Path:
        """Give the folder of this machine where an unfinished sync keeps its pages."""
        if not self._is_url:
            return Path(self.path) / "_journal"
        return Path.home() / ".cache" / "custlens" / hashlib.sha256(self.path.encode()).hexdigest()[:24]


def _wanted(columns: Iterable[str] | None) -> dict[str, str]:
    """Give the columns to read from the disk, with their dtypes; those that say which customer and money come along."""
    dtypes = {info.name: info.dtype for info in schemas.columns("customers")}
    asked = list(dtypes) if columns is None else [*columns]
    if unknown := [name for name in asked if name not in dtypes]:
        raise ArgumentError(f"the customers table has no column {unknown[0]!r}")
    wanted = {"store_id", "customer_id", "currency", *asked} - {"as_of"}
    return {name: dtype for name, dtype in dtypes.items() if name in wanted}


def _stamped(frame: pd.DataFrame, syncs: pd.DataFrame) -> pd.DataFrame:
    """Add the time at which each customer's store was last synced."""
    last = syncs.groupby("store_id")["as_of"].max()
    stamps = frame["store_id"].map(last) if len(last) > 1 else last.iloc[0]
    frame["as_of"] = pd.Series(stamps, index=frame.index, dtype=pd.DatetimeTZDtype("us", "UTC"))
    return frame
