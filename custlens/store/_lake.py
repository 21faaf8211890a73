"""The folder of Delta tables in which a store is kept: how it is opened, read and written.

Data files are small and the log keeps no values of columns: a sync rewrites only the files in which a row changed, and
nothing personal stays where it cannot be removed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import deltalake
import deltalake.exceptions
import deltalake.fs
import filelock
import pyarrow as pa
import pyarrow.parquet
from deltalake.transaction import AddAction, RemoveAction
from pyarrow.dataset import FileSystemDataset, ParquetFileFormat, ParquetFragmentScanOptions
from pyarrow.fs import FileSelector, FileSystem, LocalFileSystem, PyFileSystem, SubTreeFileSystem

from custlens._arguments import shown
from custlens.errors import ArgumentError, StoreError, SyncError
from custlens.store._layout import SCHEMAS

__all__ = ["DATA_FILE", "FORMAT", "JOURNAL", "Lake"]

FORMAT = 1
JOURNAL = "_journal"
SETTINGS = {
    "delta.dataSkippingStatsColumns": "customer_id",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.enableExpiredLogCleanup": "false",
    "delta.deletedFileRetentionDuration": "interval 1 days",
    "delta.checkpointInterval": "16",
}
"""No earlier state disappears by itself. Other tools that write must not put personal data into the log either."""
DATA_FILE = re.compile(r"(\d{8})-[0-9a-f]{32}\.parquet")
"""A data file; its name begins with the version of the table that it was written for."""
LOG_ENTRY = re.compile(r"(\d{20})\..+")


class Lake:
    """The Delta tables of one store, in a folder or in an object store.

    Parameters
    ----------
    path : str or path
        A folder, in which ``~`` is the home folder, or a URL that `deltalake` knows.
    storage_options : dict, optional
        Credentials and the like for a URL.
    """

    def __init__(self, path: str | os.PathLike[str], storage_options: dict[str, str] | None) -> None:
        if not isinstance(path, str | os.PathLike) or not os.fspath(path):
            raise ArgumentError(f"path must be a folder or a URL, not {shown(path)}")
        text = os.fspath(path)
        if text.startswith("file://"):
            text = unquote(urlsplit(text).path)
        try:
            self.folder = None if "://" in text else Path(text).expanduser().resolve()
        except (ValueError, RuntimeError) as error:  # a zero byte, or ~somebody who has no account here
            raise ArgumentError(f"path must be a folder or a URL, not {shown(path)}") from error
        self.path = text.rstrip("/") if self.folder is None else str(self.folder)
        self._options = storage_options

    def current(self) -> deltalake.DeltaTable | None:
        """Return the customers table as the last sync left it, or None if there was none yet.

        Raises
        ------
        StoreError
            The folder holds something else, was written by a newer custlens, or cannot be read.
        """
        with self.explained():
            if self.folder is not None:
                self._refuse_foreign(self.folder)
            try:
                customers = self.open("customers")
            except deltalake.exceptions.TableNotFoundError as error:
                if "Unknown scheme" in str(error):
                    raise StoreError(
                        f"{self.path}: this kind of URL is not known; use a folder, or s3://, gs:// or az://"
                    ) from error
                return None
        return customers if customers.transaction_version("syncs") is not None else None

    @contextmanager
    def claimed(self) -> Iterator[Path]:
        """Claim the store for writing, and yield the folder of this machine for what is not finished.

        The claim of a process that died is free again.

        Raises
        ------
        SyncError
            Another process writes to the store.
        """
        folder = Path.home() / ".cache" / "custlens" / hashlib.sha256(self.path.encode()).hexdigest()[:24]
        if self.folder is not None:
            folder = self.folder / JOURNAL
        lock = filelock.FileLock(folder / "claim.lock", mode=0o600)
        holder = folder / "claim.pid"
        with self.explained():
            for place in (folder.parent, folder):
                place.mkdir(0o700, parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout as error:
                number = holder.read_text() if holder.exists() else ""
                process = f" (process {number})" if number else ""
                raise SyncError(
                    f"{self.path} is being written by another sync, compact or forget{process}; wait until it has ended"
                ) from error
            holder.write_text(str(os.getpid()))
            holder.chmod(0o600)
        try:
            yield folder
        finally:
            lock.release()

    def create(self) -> deltalake.DeltaTable:
        """Make the tables that are not there yet, and return that of the customers."""
        with self.explained():
            if self.folder is not None:
                self.folder.mkdir(0o700, parents=True, exist_ok=True)
            for name, schema in SCHEMAS.items():
                address = self.address(name)
                if deltalake.DeltaTable.is_deltatable(address, self._options):
                    continue
                if self.folder is not None:
                    (self.folder / name).mkdir(0o700, exist_ok=True)
                    (self.folder / name / "_delta_log").mkdir(0o700, exist_ok=True)
                deltalake.DeltaTable.create(
                    address,
                    deltalake.Schema.from_arrow(schema),
                    name=f"custlens {name}",
                    description=f"format {FORMAT}",
                    configuration=SETTINGS,
                    storage_options=self._options,
                )
                self.close_to_others(name)
            return self.open("customers")

    def open(self, name: str, version: int | None = None) -> deltalake.DeltaTable:
        """Open a Delta table, and refuse one that custlens has not written."""
        table = deltalake.DeltaTable(self.address(name), version, storage_options=self._options)
        metadata = table.metadata()
        described = re.fullmatch(r"format (\d+)", metadata.description or "")
        if metadata.name != f"custlens {name}" or described is None:
            raise StoreError(f"{self.path} holds Delta tables that custlens has not written")
        if int(described[1]) > FORMAT:
            raise StoreError(f"{self.path} was written by a newer custlens ({described[0]}): update custlens")
        if table.schema() != deltalake.Schema.from_arrow(SCHEMAS[name]) or table.protocol().min_reader_version > 1:
            raise StoreError(f"the {name} table of {self.path} has another schema than custlens writes")
        return table

    def address(self, name: str) -> str:
        """Return the path or URL of a table."""
        return f"{self.path}/{name}"

    @cached_property
    def files(self) -> FileSystem:
        """The files of this store, as Arrow sees them.

        What is on this machine is read by Arrow itself: Delta's own reader calls back into Python from Arrow's threads,
        which brings the process down if it ends at that moment.
        """
        if self.folder is not None:
            return SubTreeFileSystem(self.path, LocalFileSystem())
        return PyFileSystem(deltalake.fs.DeltaStorageHandler(self.path, self._options))

    def read(self, name: str, files: Iterable[str], columns: Iterable[str] | None = None) -> pa.Table:
        """Read some files of a table.

        Parameters
        ----------
        name
            Name of the table.
        files
            The files, in the order in which their rows are to come.
        columns
            Columns to read; all by default.
        """
        schema = SCHEMAS[name]
        form = ParquetFileFormat(
            default_fragment_scan_options=ParquetFragmentScanOptions(page_checksum_verification=True)
        )
        with self.explained():
            fragments = [form.make_fragment(f"{name}/{file}", self.files) for file in files]
            for fragment in fragments:
                if not fragment.physical_schema.equals(schema):
                    raise StoreError(f"{fragment.path} in {self.path} has other columns than custlens writes")
            dataset = FileSystemDataset(fragments, schema, form, self.files)
            return dataset.to_table(None if columns is None else list(columns))

    def commit(
        self,
        table: deltalake.DeltaTable,
        name: str,
        rows: Iterable[pa.Table],
        removed: Iterable[str] = (),
        marks: Mapping[str, int] | None = None,
    ) -> int:
        """Replace some files of a table by new rows, in one commit, and return its version.

        Parameters
        ----------
        table
            The table at its last version.
        name
            Its name.
        rows
            Tables, each of which becomes a file.
        removed
            Files that are no longer part of the table; they stay on disk for earlier versions.
        marks
            Application transactions of this commit.
        """
        now = int(time.time() * 1000)
        version = table.version() + 1
        written: list[str] = []
        with self.explained():
            for file, made_for in self.listed(name, DATA_FILE).items():
                if made_for > table.version():  # by a commit that never happened
                    self.remove(f"{name}/{file}")
            try:
                actions: list[AddAction | RemoveAction] = []
                for piece in rows:
                    written.append(f"{version:08}-{uuid.uuid4().hex}.parquet")
                    size = self._write(f"{name}/{written[-1]}", piece)
                    # Of its columns the log keeps no least and greatest values: those may be personal.
                    actions.append(AddAction(written[-1], size, {}, now, True, json.dumps({"numRecords": len(piece)})))
                actions += [RemoveAction(file, True, now) for file in removed]
                transactions = [deltalake.Transaction(mark, number) for mark, number in (marks or {}).items()]
                table.create_write_transaction(
                    actions,
                    "append",
                    deltalake.Schema.from_arrow(SCHEMAS[name]),
                    commit_properties=deltalake.CommitProperties(max_commit_retries=0, app_transactions=transactions),
                )
            except BaseException:
                for file in written:
                    self.remove(f"{name}/{file}")
                raise
            table.update_incremental()
            self.close_to_others(name)
        return version

    def prune(self, name: str, oldest: deltalake.DeltaTable, needed: set[str]) -> None:
        """Delete what only versions before `oldest` need: data files, and entries of the log."""
        with self.explained():
            for file, made_for in self.listed(name, DATA_FILE).items():
                if file not in needed and made_for <= oldest.version():
                    self.remove(f"{name}/{file}")
            oldest.create_checkpoint()
            for entry, version in self.listed(f"{name}/_delta_log", LOG_ENTRY).items():
                if version < oldest.version():
                    self.remove(f"{name}/_delta_log/{entry}")
            self.close_to_others(name)

    def size(self) -> int:
        """Return the size of all files of the store, in bytes."""
        return sum(info.size or 0 for info in self.files.get_file_info(FileSelector("", recursive=True)))

    def listed(self, folder: str, pattern: re.Pattern[str]) -> dict[str, int]:
        """Return the files of a folder whose names match, and the version that each name begins with."""
        names = [info.base_name for info in self.files.get_file_info(FileSelector(folder)) if info.is_file]
        return {found[0]: int(found[1]) for found in map(pattern.fullmatch, names) if found}

    def remove(self, file: str) -> None:
        """Delete a file, if it is there."""
        with suppress(FileNotFoundError):
            self.files.delete_file(file)

    def _write(self, file: str, rows: pa.Table) -> int:
        """Write rows into a new file that only its owner can read; return its size in bytes."""
        options = {
            "compression": "zstd",
            "write_page_checksum": True,
            "write_statistics": ["customer_id"],
            "store_schema": False,  # several kilobytes per file, and the types follow from the Parquet schema
        }
        if self.folder is None:
            with self.files.open_output_stream(file) as stream:
                pa.parquet.write_table(rows, stream, **options)
            return int(self.files.get_file_info(file).size)
        handle = os.open(self.folder / file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as stream:
            pa.parquet.write_table(rows, stream, **options)
            return stream.tell()

    def close_to_others(self, name: str) -> None:
        """Make the log of a table readable by its owner alone; Delta Lake writes it as the process is set."""
        if self.folder is not None:
            with os.scandir(self.folder / name / "_delta_log") as entries:
                for entry in entries:
                    if entry.stat().st_mode & 0o077:
                        Path(entry.path).chmod(0o600)

    def _refuse_foreign(self, folder: Path) -> None:
        """Refuse a folder that is something else, or that leads out of itself."""
        if folder.exists() and not folder.is_dir():
            raise StoreError(f"{self.path} is a file: a store is a folder of its own")
        inside = [folder, *(folder / name for name in SCHEMAS), *(folder / name / "_delta_log" for name in SCHEMAS)]
        for place in inside:
            if not place.is_dir():
                continue
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        raise StoreError(f"{self.path} is not a custlens store: {entry.name} in it is a link")
                    if place == folder and entry.name not in (*SCHEMAS, JOURNAL):
                        raise StoreError(
                            f"{self.path} is not a custlens store (it holds {entry.name}): choose a folder of its own"
                        )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raise a `StoreError` that says what keeps the store from being read or written."""
        try:
            yield
        except (deltalake.exceptions.DeltaError, OSError, pa.ArrowException) as error:
            detail = " ".join(str(error).split())[:200]
            problem = _problem(error)
            if isinstance(error, FileNotFoundError) and self.folder is not None and not self.folder.exists():
                problem = "the folder cannot be written there; choose another place"
            elif self.folder is None and type(error) is OSError:
                problem = "the object store cannot be used; check the URL and storage_options"
            raise StoreError(f"{self.path}: {problem} ({detail})") from error


def _problem(error: Exception) -> str:
    """Return in words what an error of the disk, of Arrow or of Delta Lake means."""
    number = error.errno if isinstance(error, OSError) else None
    text = str(error)
    if number == errno.ENOSPC or "No space left" in text or "StorageFull" in text:
        return "the disk is full; the last good state is untouched"
    if number == errno.EROFS or "Read-only file system" in text:
        return "the folder is read-only"
    if isinstance(error, PermissionError) or "Permission denied" in text:
        return "the folder may not be read or written"
    if isinstance(error, FileNotFoundError) or "No such file" in text:
        return "a file of the store is missing; restore the folder from a backup, or sync into a new store"
    if isinstance(error, deltalake.exceptions.CommitFailedError):
        return "another sync finished meanwhile, and nothing was written; sync again"
    if number == errno.ENAMETOOLONG:
        return "the folder cannot be used there; choose another place"
    return "the store is damaged; restore the folder from a backup, or sync into a new store"
