"""JSON pages → validated tables, against orjson + pandas.json_normalize + to_datetime.

Both read the same 100,000 customers from the same pages on disk and end with the same three tables in the same
dtypes, which is checked; custlens also validates them. Each run is a process of its own, in turns, so that peak
memory is the process's own and a change of the machine's speed meets both. Ratios are medians over the rounds.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CUSTOMERS = 100_000
ROUNDS = 5
PEERS = ("custlens", "json_normalize")


def write_pages(folder: Path, customers: int) -> None:
    """Write the pages that a demo shop of sound customers would answer with."""
    import msgspec

    from custlens.demo.population import generated

    population = generated(customers)
    documents = [msgspec.json.encode(customer) for customer in population.customers.values()]
    for start in range(0, customers, 100):
        items = documents[start : start + 100]
        head = f'{{"total":{customers},"count":{len(items)},"offset":{start},"limit":100,"items":['
        (folder / f"{start:09d}.json").write_bytes(head.encode() + b",".join(items) + b"]}")


def pages(folder: Path) -> Iterator[bytes]:
    """Read the pages one after the other, as they would come over HTTP."""
    for path in sorted(folder.iterdir()):
        yield path.read_bytes()


def with_custlens(folder: Path) -> dict[str, object]:
    """Build the tables with custlens."""
    import msgspec

    from custlens.api.records import Page
    from custlens.tables import TableBuilder
    from custlens.tables.customer_tables import assemble

    builder, decoder = TableBuilder(on_invalid="raise"), msgspec.json.Decoder(Page)
    for page in pages(folder):
        builder.add(decoder.decode(page).items)
    tables = assemble(builder.finish())
    derived = ["store_id", "stats_consistent", "currency", "as_of", "extra", "favorites", "extrafields"]
    customers = tables.customers.drop(columns=derived)
    return {"customers": customers, "addresses": tables.addresses, "contacts": tables.contacts}


def with_json_normalize(folder: Path) -> dict[str, object]:
    """Build the same tables as the usual recipe does."""
    import orjson
    import pandas as pd

    from custlens.tables import schemas  # for names and dtypes alone

    items = [item for page in pages(folder) for item in orjson.loads(page)["items"]]
    lists = {"addresses": "shippingAddresses", "contacts": "contacts"}
    flat = {"customers": pd.json_normalize(items)}
    for table, key in lists.items():
        owners = [item for item in items if item.get(key)]
        part = pd.json_normalize(owners, record_path=key, meta="id", record_prefix=f"{key}.")
        flat[table] = part
    finished = {}
    for table, frame in flat.items():
        columns = {}
        for info in schemas.columns(table):
            if not info.api or info.name in ("favorites", "extrafields"):
                continue
            column = frame[info.api] if info.api in frame else pd.Series(None, index=frame.index, dtype="object")
            if info.dtype.startswith("datetime64"):
                column = pd.to_datetime(column, format="%Y-%m-%d %H:%M:%S %z", utc=True)
            elif info.dtype == "category":
                column = column.replace("", None).astype("str")
            columns[info.name] = column.astype(info.dtype)
        finished[table] = pd.DataFrame(columns)
    return finished


def run_one(peer: str, folder: Path) -> None:
    """Run one peer in this process and print what it took."""
    import orjson  # noqa: F401  (imports are not what is measured)
    import pandas as pd

    import custlens.tables.customer_tables  # noqa: F401

    started = time.perf_counter()
    tables = with_custlens(folder) if peer == "custlens" else with_json_normalize(folder)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    digest = {}
    for name, frame in tables.items():
        assert isinstance(frame, pd.DataFrame)
        plain = frame.astype({column: "str" for column, dtype in frame.dtypes.items() if dtype == "category"})
        digest[name] = [int(pd.util.hash_pandas_object(plain, index=False).sum()), [str(t) for t in frame.dtypes]]
    print(json.dumps({"seconds": seconds, "peak": peak, "digest": digest}))


def main() -> None:
    """Run the peers in turns and print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: a child's peak memory counts what its parent held when it began.
        subprocess.run([sys.executable, "-m", "bench.frames", "pages", name], check=True)
        size = sum(path.stat().st_size for path in folder.iterdir())
        print(f"frames: {CUSTOMERS:,} customers, {size / 1e6:.0f} MB of JSON, {ROUNDS} rounds in turns")
        results: dict[str, list[dict]] = {peer: [] for peer in PEERS}
        for _ in range(ROUNDS):
            for peer in PEERS:
                answer = subprocess.run(
                    [sys.executable, "-m", "bench.frames", peer, name], check=True, capture_output=True, text=True
                )
                results[peer].append(json.loads(answer.stdout))
    if any(result["digest"] != results["custlens"][0]["digest"] for runs in results.values() for result in runs):
        raise SystemExit("the peers did not make the same tables")
    for peer, runs in results.items():
        seconds = sorted(run["seconds"] for run in runs)
        peaks = sorted(run["peak"] for run in runs)
        print(
            f"  {peer:15} {statistics.median(seconds):6.2f} s (from {seconds[0]:.2f} to {seconds[-1]:.2f})"
            f"  peak {statistics.median(peaks):6.0f} MB"
        )
    ours, theirs = results["custlens"], results["json_normalize"]
    for figure in ("seconds", "peak"):
        ratios = sorted(b[figure] / a[figure] for a, b in zip(ours, theirs, strict=True))
        print(
            f"  json_normalize / custlens, {figure}: {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "pages":
        write_pages(Path(sys.argv[2]), CUSTOMERS)
    elif len(sys.argv) == 3:
        run_one(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
