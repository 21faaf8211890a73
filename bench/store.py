"""Opening a store of a million customers as a DataFrame, compared with pyarrow reading the same columns from Parquet.

Both end with a pandas DataFrame of the same columns and dtypes; each run is a process, and they take turns. Then it
prints what eight changed customers of the million write, and what 200 incremental syncs of a shop of 20,000 take.

    python -m bench.store           all of it
    python -m bench.store often     the 200 syncs
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROWS = 1_000_000
ROUNDS = 5
SYNCS = 200
COLUMNS = [
    "customer_id", "number_of_orders", "sales_value", "average_order_value", "first_order_date", "last_order_date",
    "registered", "email", "billing_country_code", "customer_group_name", "accept_marketing",
]  # fmt: skip


def make(folder: Path) -> None:
    """Write the store, by syncing twenty thousand customers and repeating them under other IDs, and the plain file."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    import custlens as cl
    from custlens.store._lake import Lake
    from custlens.store._snapshot import Snapshot

    path = folder / "shop.lens"
    with cl.demo.serve(customers=20_000, rate_limit=None) as shop:
        shop.population.patches.clear()
        cl.Store(path).sync(shop.client(rate_limit=10_000_000), progress=False)
    state = Snapshot.latest(Lake(path, None))
    rows = state.rows("customers")
    many = pa.concat_tables([rows] * (ROWS // len(rows)))
    ids = pa.array(np.arange(ROWS) + 177_000_001)
    many = many.set_column(many.schema.get_field_index("customer_id"), "customer_id", ids)
    state.replace("customers", many, np.ones(len(rows), bool))
    pq.write_table(many, folder / "plain.parquet")


def run(peer: str, folder: Path) -> None:
    """Open the store, and print what that took."""
    import pandas as pd
    import pyarrow.parquet as pq

    import custlens as cl
    from custlens.store._layout import dtypes_of
    from custlens.tables import _arrow as convert

    kinds = {name: dtypes_of("customers")[name] for name in COLUMNS}
    texts = [name for name, kind in kinds.items() if kind == "category"]
    for _ in range(2):  # the second counts: by then both libraries are loaded
        started = time.perf_counter()
        if peer == "custlens":
            frame = cl.Store(folder / "shop.lens").customers(columns=COLUMNS)
        else:
            plain = pq.read_table(folder / "plain.parquet", columns=COLUMNS, read_dictionary=texts)
            frame = convert.frame_of(plain, kinds)
        seconds = time.perf_counter() - started
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == ROWS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "sales": float(frame["sales_value"].sum())}))


def change(folder: Path) -> None:
    """Replace eight customers of the million, and print what that writes."""
    import numpy as np
    import pyarrow as pa

    from custlens.store._lake import Lake
    from custlens.store._snapshot import Snapshot

    lake = Lake(folder / "shop.lens", None)
    state, before = Snapshot.latest(lake), lake.size()
    out = np.zeros(ROWS, bool)
    out[np.random.default_rng(1).choice(ROWS, 8, replace=False)] = True
    rows = state.rows("customers").filter(pa.array(out))
    started = time.perf_counter()
    state.replace("customers", rows, out)
    seconds = time.perf_counter() - started
    written = (lake.size() - before) / 1e6
    print(f"store: 8 changed customers of {ROWS:,} write {written:.2f} MB in {seconds:.2f} s", flush=True)


def often() -> None:
    """Sync a shop 200 times, with eight orders between two syncs, and print how time, disk and memory grow."""
    import custlens as cl

    with cl.demo.serve(customers=20_000, rate_limit=None) as shop, tempfile.TemporaryDirectory() as name:
        shop.population.patches.clear()
        client, store, folder = shop.client(rate_limit=10_000_000), cl.Store(Path(name) / "shop.lens"), Path(name)
        store.sync(client, progress=False)
        ids, seconds = shop.ids, []
        for number in range(SYNCS):
            for customer_id in ids[number * 8 : number * 8 + 8]:
                shop.population.order(customer_id, 10.0)
            shop.population.now += timedelta(days=1)
            shop.changed()
            started = time.perf_counter()
            report = store.sync(client, "incremental", progress=False)
            seconds.append(time.perf_counter() - started)
            assert (report.mode, report.stats_changed) == ("incremental", 8)
            if number in (9, SYNCS - 1):
                size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
                memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
                middle = statistics.median(seconds[-5:])
                print(
                    f"store: sync {number + 1}: {middle:.2f} s, {size:.1f} MB on disk, {memory:.0f} MB of memory",
                    flush=True,
                )
        ratio = statistics.median(seconds[-5:]) / statistics.median(seconds[5:10])
        print(f"store: the last of {SYNCS} syncs / the tenth = {ratio:.2f} (medians of five); {store.compact('30D')}")


def main() -> None:
    """Run everything, and print it."""
    if sys.argv[1:] == ["often"]:
        often()
        return
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, "-m", "bench.store", "make", name], check=True)
        rounds = []
        for _ in range(ROUNDS):
            pair = []
            for peer in ("custlens", "pyarrow"):
                answer = subprocess.run(
                    [sys.executable, "-m", "bench.store", peer, name], check=True, capture_output=True, text=True
                )
                pair.append(json.loads(answer.stdout))
            rounds.append(pair)
        change(Path(name))
    assert all(abs(ours["sales"] - theirs["sales"]) < 1 for ours, theirs in rounds)
    for place, peer in enumerate(("custlens", "pyarrow")):
        seconds = statistics.median(pair[place]["seconds"] for pair in rounds)
        print(f"store: {peer:9} opens {ROWS:,} customers, {len(COLUMNS)} columns, in {seconds:.2f} s")
    ratio = statistics.median(ours["seconds"] / theirs["seconds"] for ours, theirs in rounds)
    print(f"store: custlens / pyarrow = {ratio:.2f} (median of the ratios of {ROUNDS} rounds)")
    often()


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    elif len(sys.argv) == 3:
        run(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
