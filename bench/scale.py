"""Customers who do not fit into memory: the analyses with Dask over a store's Delta table, each in its own process.

    python -m bench.scale [ROWS]        default: 10000000, which takes about ten minutes; a multiple of a million

Writes a store of ROWS customers, a million at a time, then runs each analysis from opening the store to the answer, and
prints seconds and peak memory.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PART = 1_000_000
COLUMNS = ["number_of_orders", "sales_value", "first_order_date", "last_order_date", "billing_country_code"]


def make(path: Path, rows: int) -> None:
    """Write a store of this many customers, as a sync would leave it."""
    import pyarrow as pa

    from bench.analysis import NOW, shop
    from custlens.analysis._frames import uncategorised
    from custlens.store._lake import Lake
    from custlens.store._layout import SCHEMAS
    from custlens.store._snapshot import Snapshot

    lake, now = Lake(path, None), NOW.to_pydatetime()
    row = {"sync": 1, "version": rows // PART, "mode": "full", "as_of": now, "cursor": now, "last_full": now}
    synced = pa.Table.from_pylist([{**row, "store_id": 1003, "currency": "EUR"}], SCHEMAS["syncs"])
    version = Snapshot(lake, lake.create()).replace("syncs", synced)
    for part in range(rows // PART):
        table = shop(PART, seed=part + 1)
        table["customer_id"] += part * PART
        table = uncategorised(table)
        columns = [
            pa.array(table[field.name]).cast(field.type) if field.name in table else pa.nulls(PART, field.type)
            for field in SCHEMAS["customers"]
        ]
        Snapshot(lake, lake.create()).replace(
            "customers", pa.table(columns, schema=SCHEMAS["customers"]), marks={"syncs": version}
        )


def rfm(table: Any, folder: Path) -> None:
    """Score everybody, and leave the scores on the disk."""
    import custlens as cl

    cl.segments.rfm(table).to_parquet(str(folder / "rfm"))


def forecast(table: Any, folder: Path) -> None:
    """Fit, and leave a forecast of everybody on the disk."""
    import custlens as cl

    cl.lifetime.fit(table).predict(table).to_parquet(str(folder / "forecast"))


def calls() -> dict[str, Any]:
    """Return the analyses to run, by name."""
    import custlens as cl

    return {
        "orders.summary": lambda table, _: cl.orders.summary(table).compute(),
        "orders.breakdown": lambda table, _: cl.orders.breakdown(table).compute(),
        "cohorts.summary": lambda table, _: cl.cohorts.summary(table).compute(),
        "segments.rfm": rfm,
        "lifetime.fit": lambda table, _: cl.lifetime.fit(table),
        "lifetime.predict": forecast,
    }


def run(name: str, path: Path) -> None:
    """Run one analysis, and print what it took."""
    import custlens as cl

    started = time.perf_counter()
    calls()[name](cl.Store(path).dask(COLUMNS), path.parent)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {name:20} {time.perf_counter() - started:6.1f} s  peak {peak:6.0f} MB", flush=True)


def main() -> None:
    """Make the store, and run each analysis in a process of its own."""
    if sys.argv[1:2] == ["make"]:
        make(Path(sys.argv[2]), int(sys.argv[3]))
        return
    if len(sys.argv) == 3:
        run(sys.argv[1], Path(sys.argv[2]))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10 * PART
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "shop.lens"
        subprocess.run([sys.executable, "-m", "bench.scale", "make", str(store), str(rows)], check=True)
        size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file()) / 1e6
        print(f"scale: {rows:,} customers, {size:,.0f} MB on disk", flush=True)
        for name in calls():
            subprocess.run([sys.executable, "-W", "ignore", "-m", "bench.scale", name, str(store)], check=True)


if __name__ == "__main__":
    main()
