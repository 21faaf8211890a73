"""The local store: the customers of a shop on disk, refreshed by a sync and read at any time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from custlens._arguments import Moment, moment, name_list, nearest, whole_number
from custlens.api.client import Client
from custlens.errors import ArgumentError, StoreError
from custlens.store._lake import Lake
from custlens.store._layout import NESTED, SCHEMAS, STAMPED, STATS, dtypes_of
from custlens.store._snapshot import Snapshot, Stamps
from custlens.tables import frame_of

if TYPE_CHECKING:
    from custlens.store._upkeep import CompactReport, ForgetReport
    from custlens.store.sync import Mode, SyncProgress, SyncReport

__all__ = ["Store"]

FILES_PER_PARTITION = 100


class Store:
    """The customers of one shop, kept on disk (or in an object store) and refreshed by `sync`.

    A folder of Delta Lake tables, which Polars, DuckDB, Dask and Spark read as they are. Readers take no lock: they see
    the last sync, whole, even while another one runs. A store belongs to the shop and the currency of its first sync.

    Parameters
    ----------
    path : str or path
        Folder, or a URL that Delta Lake knows (``s3://…``). It is made by the first sync.
    storage_options : dict, optional
        Credentials and the like for a URL, as `deltalake` takes them.

    Raises
    ------
    ArgumentError
        `path` is not a path.

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

    def __init__(self, path: str | os.PathLike[str], *, storage_options: dict[str, str] | None = None) -> None:
        self._lake = Lake(path, storage_options)

    @property
    def path(self) -> str:
        """Absolute path of the folder, or the URL."""
        return self._lake.path

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    def sync(
        self,
        client: Client,
        mode: Mode = "auto",
        *,
        full_every: str | timedelta = "7D",
        orders_overlap: str | timedelta = "2D",
        threads: int = 6,
        progress: bool | Callable[[SyncProgress], object] = True,
    ) -> SyncReport:
        """Bring the store up to date with the shop.

        A **full** sync reads every customer. An **incremental** one reads whoever registered, was edited or ordered
        since the last sync, and who was deleted. Both end by comparing the number of customers with the shop's. The
        shop may change meanwhile: everybody who was there all through is in the store, with statistics no older than
        the beginning of the sync. The pages of a full sync are kept on disk as they come: one that is killed goes on
        where it was, asking again for the pages that were under way.

        Parameters
        ----------
        client : Client
            The shop.
        mode : {"auto", "full", "incremental"}
            ``"auto"`` is incremental where that can be trusted, else full.
        full_every : str or timedelta
            Age of the last full sync from which ``"auto"`` makes another one: only that finds a refund or a cancelled
            order.
        orders_overlap : str or timedelta
            How far before the last sync an incremental one reads orders again, since an order can appear later than it
            was placed. It costs a page per hundred customers who ordered in that time.
        threads : int
            Requests under way at once, from 1 to 8.
        progress : bool or callable
            Whether to show a progress bar. A function is called with a `SyncProgress` after each page and twice a
            second while waiting, in the thread that syncs; what it raises ends the sync, and the pages are kept.

        Returns
        -------
        SyncReport
            What changed, and what it took.

        Raises
        ------
        ArgumentError
            An argument that cannot work.
        SyncError
            A sync, compact or forget of this store is running, the shop's clock runs backwards, or its list contradicts itself.
        StoreError
            The store belongs to another shop or currency, or cannot be read or written.
        APIError, TransportError, DecodeError
            The shop could not be read. What was fetched is kept for the next sync.
        """
        from custlens.store.sync import sync

        return sync(
            self._lake,
            client,
            mode,
            full_every=full_every,
            orders_overlap=orders_overlap,
            threads=threads,
            progress=progress,
        )

    def customers(self, columns: str | Iterable[str] | None = None, *, as_of: Moment | None = None) -> pd.DataFrame:
        """Read the customers.

        Parameters
        ----------
        columns : str or list of str, optional
            Columns to read, all by default; store_id, customer_id, currency and as_of always come along.
        as_of : str, date or datetime, optional
            Go back to how the store stood at this moment: after the last sync before it. A date means the end of that
            day, UTC.

        Returns
        -------
        pandas.DataFrame
            One row per customer, as `custlens.schemas.Customers` declares it.

        Raises
        ------
        ArgumentError
            An unknown column, or an `as_of` that is not a point in time.
        StoreError
            There was no sync yet (or none before `as_of`), or the folder cannot be read.
        """
        wanted = _wanted(columns)
        state = self._state(as_of)
        return _stamped(frame_of(state.rows("customers", wanted), wanted), state.stamps)

    def dask(self, columns: str | Iterable[str] | None = None, *, as_of: Moment | None = None) -> Any:
        """Return the customers as a Dask table, of which nothing is read yet.

        For stores that do not fit into memory: the analyses take the result as they take a pandas table. Needs Dask
        (``pip install 'dask[dataframe]'``). Texts are plain texts, not categories.

        Parameters
        ----------
        columns, as_of
            As for `customers`.

        Returns
        -------
        dask.dataframe.DataFrame
            The columns of `customers`.

        Raises
        ------
        ArgumentError, StoreError
            As `customers`.
        """
        from dask import dataframe

        wanted = {name: "str" if dtype == "category" else dtype for name, dtype in _wanted(columns).items()}
        state = self._state(as_of)
        lake, stamps, files = self._lake, state.stamps, list(state.files("customers"))
        parts = [files[start : start + FILES_PER_PARTITION] for start in range(0, len(files), FILES_PER_PARTITION)]

        def read(files: list[str]) -> pd.DataFrame:
            return _stamped(frame_of(lake.read("customers", files, wanted), wanted), stamps)

        empty = _stamped(frame_of(SCHEMAS["customers"].empty_table(), wanted), stamps)
        return dataframe.from_map(read, parts, meta=empty)  # type: ignore[no-untyped-call]

    def addresses(self, *, as_of: Moment | None = None) -> pd.DataFrame:
        """Read the addresses, one row per entry of an address book; `as_of` and errors as for `customers`."""
        return self._part("addresses", as_of)

    def contacts(self, *, as_of: Moment | None = None) -> pd.DataFrame:
        """Read the contacts, one row per contact; `as_of` and errors as for `customers`."""
        return self._part("contacts", as_of)

    def rejects(self, *, as_of: Moment | None = None) -> pd.DataFrame:
        """Read what could not be used, one row per value or record; `as_of` and errors as for `customers`."""
        return frame_of(self._state(as_of).rows("rejects"), dtypes_of("rejects"))

    def history(self) -> pd.DataFrame:
        """Read each change of a customer's five statistics, with the sync that saw it.

        The API shows only the present; this is what the store remembers.

        Returns
        -------
        pandas.DataFrame
            One row per change, in order: sync (number), as_of (time of that sync), customer_id, event ("added": first
            seen; "changed"; "deleted"), and the five statistics after it (for "deleted", before it).

        Raises
        ------
        StoreError
            There was no sync yet, or the folder cannot be read.
        """
        dtypes = {"sync": "int64", "as_of": "datetime64[us, UTC]", "customer_id": "int64", "event": "category"}
        dtypes |= {name: dtypes_of("customers")[name] for name in STATS}
        frame = frame_of(self._state(None).rows("order_stats_history"), dtypes)
        return frame.sort_values(["sync", "customer_id"], ignore_index=True)

    def syncs(self) -> pd.DataFrame:
        """List the syncs so far.

        Returns
        -------
        pandas.DataFrame
            One row per sync, in order: sync (number), version (of the customers table), mode, as_of (its time by the
            shop's clock), cursor (where the next incremental sync begins), last_full, store_id, currency, and readable
            (whether ``as_of=`` can still go back to it).

        Raises
        ------
        StoreError
            There was no sync yet, or the folder cannot be read.
        """
        state = self._state(None)
        return state.syncs.assign(readable=state.readable)

    def compact(self, keep: str | timedelta = "90D") -> CompactReport:
        """Delete earlier states of the store, and the files that only they need.

        The tables stay as they are, and so does `history`: each change of the statistics since the first sync. Small
        files need no attention, since each sync puts them together.

        Parameters
        ----------
        keep : str or timedelta
            How far back from the last sync `as_of` is to reach, in days or weeks.

        Returns
        -------
        CompactReport
            Which states were given up, and what that freed.

        Raises
        ------
        ArgumentError
            `keep` is not a span of time.
        SyncError
            A sync, compact or forget of this store is running.
        StoreError
            There was no sync yet, or the folder cannot be read or written.
        """
        from custlens.store._upkeep import compact

        return compact(self._lake, keep)

    def forget(self, customer_id: int, *, keep_out: bool = True) -> ForgetReport:
        """Erase a person from the store: from every table, the history, the rejects and what a stopped sync has kept.

        Earlier states held the person, so all of them are given up. Files of your own making (exports, reports,
        backups) are not touched.

        Parameters
        ----------
        customer_id : int
            The customer.
        keep_out : bool
            Whether later syncs are to leave the person out, though the shop still has them. A salted hash of the ID is
            kept for that. Whoever registers later under the same ID, after the person was deleted in the shop, is
            somebody else and is taken in. With False a later sync takes the person in again.

        Returns
        -------
        ForgetReport
            How many rows were erased.

        Raises
        ------
        ArgumentError
            `customer_id` is not a whole number, or nobody with this ID is or was in the store.
        SyncError
            A sync, compact or forget of this store is running.
        StoreError
            There was no sync yet, or the folder cannot be read or written.
        """
        from custlens.store._upkeep import forget

        return forget(self._lake, whole_number("customer_id", customer_id, most=2**63 - 1), keep_out)

    def _part(self, part: str, as_of: Moment | None) -> pd.DataFrame:
        rows = self._state(as_of).rows("customers", ["customer_id", part])
        lists = rows[part].combine_chunks()
        owners = rows["customer_id"].combine_chunks().take(pc.list_parent_indices(lists))
        flat = pc.list_flatten(lists)
        columns = {"customer_id": owners}
        columns |= {field.name: pc.struct_field(flat, field.name) for field in NESTED[part].value_type}
        return frame_of(columns, dtypes_of(part))

    def _state(self, as_of: Moment | None) -> Snapshot:
        """Return the store as it stands, or as it stood after the last sync before a moment."""
        until = None if as_of is None else moment("as_of", as_of)
        state = Snapshot.latest(self._lake)
        if state is None:
            raise StoreError(f"{self.path} holds no customers yet: run store.sync(client), or custlens sync, first")
        if until is None:
            return state
        before = state.syncs[state.syncs["as_of"] <= until]
        if before.empty:
            first = state.syncs["as_of"].iloc[0]
            raise StoreError(
                f"{self.path} knows nothing from before {until:%Y-%m-%d %H:%M} UTC: its first sync was at "
                f"{first:%Y-%m-%d %H:%M} UTC"
            )
        found = before.iloc[-1]
        if found["sync"] == state.syncs["sync"].iloc[-1]:
            return state
        if not state.readable.loc[before.index[-1]]:
            first = state.syncs.loc[state.readable, "as_of"].iloc[0]
            raise StoreError(
                f"what {self.path} held at {until:%Y-%m-%d %H:%M} UTC was given up by store.compact() or store.forget(); "
                f"the earliest state that can be read is that of {first:%Y-%m-%d %H:%M} UTC"
            )
        return state.at(int(found["version"]))


def _stamped(frame: pd.DataFrame, stamps: Stamps) -> pd.DataFrame:
    """Add the shop, the currency and the time of the sync, in the places of the schema."""
    currencies = [] if stamps.currency is None else [stamps.currency]
    codes = np.full(len(frame), len(currencies) - 1, "int8")
    frame.insert(0, "store_id", pd.Series(stamps.store_id, index=frame.index, dtype="Int64"))
    frame["currency"] = pd.Categorical.from_codes(codes, pd.Index(currencies, dtype="str"))
    frame["as_of"] = pd.Series(stamps.as_of, index=frame.index, dtype=pd.DatetimeTZDtype("us", "UTC"))
    return frame


def _wanted(columns: str | Iterable[str] | None) -> dict[str, str]:
    """Return the columns to read from the disk, with their dtypes."""
    dtypes = dtypes_of("customers")
    asked = list(dtypes) if columns is None else name_list("columns", columns)
    for name in asked:
        if name not in dtypes:
            raise ArgumentError(f"columns: the customers table has no column {name!r}; {nearest(name, dtypes)}")
    wanted = {"customer_id", *asked}.difference(STAMPED)
    return {name: dtype for name, dtype in dtypes.items() if name in wanted}
