"""Bringing a store on disk up to date, compared with the tools that analysts use, all in one run on one server.

Each peer is a script (bench/peers/) that ends with typed data on disk. Another process then opens the store and adds it
up, and the sums are compared with the shop's. Wall and CPU seconds, peak memory and requests are those of the whole
process, its start included. The scenes, in order, each peer with its own store:

- cold: everything, into an empty store.
- 1 %: one customer in a hundred has ordered (which does not move `updated`), a few were edited, a few deleted.
- none: nothing has changed.
- kill: a new store; the process is killed after half of the requests and started again. The figures are those of the
  second start.

The cold scene also prints the floor: the time that starting Python takes and reading every page over four connections,
keeping nothing.

    python -m bench.sync [CUSTOMERS,…] [LATENCY_MS,…] [ROUNDS] [PEER,…]   default: 20000 0,50 3, all (about 18 minutes)
    python -m bench.sync 20000,100000 0,50,200 5                          the long form; takes hours
    python -m bench.sync limit                                            custlens under 600 requests per minute

The peers that read everything each time are in the first two scenes only, as the others would be the same again. A peer
is run fewer times if it has taken ten minutes at one size and latency. The peers are installed
into environments under bench/.peers/ the first time, which takes a few minutes more.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, build_opener

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".peers"
PEERS = {
    "custlens": ("with_custlens", "store.lens", "custlens"),
    "requests+pandas": ("with_requests", "store.parquet", None),
    "pyecwid": ("with_pyecwid", "store.parquet", "pyecwid"),
    "dlt": ("with_dlt", "store.duckdb", "dlt"),
    "PyAirbyte": ("with_airbyte", "store.duckdb", "airbyte"),
}
WITH = {
    "pyecwid": ["pandas", "pyarrow"],
    "lifetimes": ["pandas<3", "pyarrow"],
    "pymc-marketing": ["pyarrow"],
    "rfm": ["pandas<3", "pyarrow"],
    "seaborn": ["pyarrow"],
}
"""What a peer needs beside its own package."""
SCENES = ("cold", "1 %", "none", "kill")
TOOLS = ("pyecwid", "dlt", "PyAirbyte")
READ_EVERYTHING = ("requests+pandas", "pyecwid", "PyAirbyte")
"""Peers that read everything each time, and start anew when killed: their later scenes would be the first one again."""


class Run(NamedTuple):
    """What one process took, and whether its store then equalled the shop."""

    wall: float
    cpu: float
    peak: float
    requests: int
    right: str


class Server:
    """The shop, in another process."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self._opener = build_opener(ProxyHandler({}))

    def ask(self, what: str) -> Any:
        """Return the answer to one of the questions of `bench.server`."""
        address = self.settings["url"].removesuffix("/api/v3") + f"/bench/{what}"
        with self._opener.open(address, timeout=60) as answer:
            return json.loads(answer.read())


@contextmanager
def serving(customers: int, latency: float, limit: int | None = None) -> Iterator[Server]:
    """Run the server."""
    command = [sys.executable, "-m", "bench.server", str(customers), str(latency)] + ([str(limit)] if limit else [])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline()))
        finally:
            process.send_signal(signal.SIGKILL)


def python_of(group: str | None) -> str:
    """Return the interpreter of a peer, after making its environment the first time.

    custlens has an environment too, since pandera loads development tools wherever it finds them.
    """
    if group is None:
        return sys.executable
    folder = ENVIRONMENTS / group
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        pins = (HERE / "peers" / "requirements.txt").read_text().splitlines()
        pin = str(HERE.parent) if group == "custlens" else next(line for line in pins if line.startswith(group))
        wanted = ["--editable", pin] if group == "custlens" else [pin, *WITH.get(group, [])]
        venv.create(folder, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
        (folder / "ready").touch()
    return str(python)


def run(peer: str, store: Path, server: Server, *arguments: str, kill_at: int | None = None) -> Run:
    """Run a peer once; with `kill_at`, kill it when it has sent that many requests."""
    script, _, group = PEERS[peer]
    settings = server.settings
    command = [python_of(group), str(HERE / "peers" / f"{script}.py"), "sync", str(store), settings["url"]]
    command += [str(settings["store_id"]), settings["token"], *arguments]
    before, started = server.ask("count"), time.perf_counter()
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=store.parent, env=environment
    )
    if kill_at is not None:
        while server.ask("count") - before < kill_at and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    requests = server.ask("count") - before
    right = "killed" if kill_at is not None else check(peer, store, server) if process.returncode == 0 else "failed"
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, requests, right)


def check(peer: str, store: Path, server: Server) -> str:
    """Open the store in another process and compare it with the shop."""
    script, _, group = PEERS[peer]
    command = [python_of(group), str(HERE / "peers" / f"{script}.py"), "read", str(store)]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=store.parent)
    if answer.returncode:
        return "unreadable"
    found, truth = json.loads(answer.stdout.strip().splitlines()[-1]), server.ask("truth")
    wrong = [
        f"{name} {found[name] - truth[name]:+,.0f}"
        for name in truth
        if abs(found[name] - truth[name]) > 1e-6 * abs(truth[name])
    ]
    return ", ".join(wrong) or "right"


def scenes(peer: str, server: Server, folder: Path, arguments: tuple[str, ...] = ()) -> dict[str, Run]:
    """Run every scene once; of a peer that reads everything each time, the first two."""
    where = folder / peer.replace(" ", "-")
    where.mkdir()
    store = where / PEERS[peer][1]
    results = {"cold": run(peer, store, server, *arguments)}
    server.ask("change")
    results["1 %"] = run(peer, store, server, *arguments)
    if peer in READ_EVERYTHING:
        shutil.rmtree(where)
        return results
    results["none"] = run(peer, store, server, *arguments)
    shutil.rmtree(where)
    where.mkdir()
    run(peer, store, server, *arguments, kill_at=results["cold"].requests // 2)
    results["kill"] = run(peer, store, server, *arguments)
    shutil.rmtree(where)
    return results


def floor(server: Server) -> float:
    """Time a process that reads every page over four connections and keeps nothing."""
    settings = server.settings
    command = [sys.executable, str(HERE / "peers" / "with_floor.py"), settings["url"], str(settings["store_id"])]
    started = time.perf_counter()
    subprocess.run([*command, settings["token"]], check=True)
    return time.perf_counter() - started


def compare(customers: int, latency_ms: int, rounds: int, peers: list[str]) -> None:
    """Run all peers in turns on one server, and print medians and ratios."""
    print(f"sync: {customers:,} customers, {latency_ms} ms per page, up to {rounds} rounds in turns", flush=True)
    found: dict[str, list[dict[str, Run]]] = {peer: [] for peer in peers}
    spent = dict.fromkeys(PEERS, 0.0)
    floors = []
    with serving(customers, latency_ms / 1000) as server, tempfile.TemporaryDirectory() as name:
        for _ in range(rounds):
            floors.append(floor(server))
            for peer in peers:
                if spent[peer] < 600:
                    started = time.monotonic()
                    found[peer].append(scenes(peer, server, Path(name)))
                    spent[peer] += time.monotonic() - started
    middle = {
        (peer, scene): {
            figure: statistics.median(getattr(results[scene], figure) for results in runs)
            for figure in ("wall", "cpu", "peak", "requests")
        }
        for peer, runs in found.items()
        for scene in runs[0]
    }
    for scene in SCENES:
        print(f"  {scene}")
        for peer, runs in found.items():
            if scene not in runs[0]:
                continue
            figures = middle[peer, scene]
            said = "; ".join(sorted({results[scene].right for results in runs}))
            print(
                f"    {peer:16} {figures['wall']:7.2f} s  cpu {figures['cpu']:6.2f} s  peak {figures['peak']:6.0f} MB"
                f"  {figures['requests']:6.0f} requests  {said} (n = {len(runs)})"
            )
        if scene == "cold":
            lowest = statistics.median(floors)
            print(f"    floor            {lowest:7.2f} s  python and four connections, nothing kept")
            if "custlens" in peers:
                print(f"    custlens / floor: {middle['custlens', scene]['wall'] / lowest:.2f}")
        if not any((peer, scene) in middle for peer in TOOLS) or "custlens" not in peers:
            continue
        ours = middle["custlens", scene]
        best = {
            figure: min(middle[peer, scene][figure] for peer in TOOLS if (peer, scene) in middle)
            for figure in ("wall", "peak")
        }
        print(
            f"    best tool / custlens: wall {best['wall'] / ours['wall']:.1f}, peak {best['peak'] / ours['peak']:.1f}",
            flush=True,
        )


def limit() -> None:
    """Sync under a limit of 600 requests per minute: how close that comes to it, and how many answers are 429."""
    customers = 120_000  # 1,200 pages: a burst of 600, a window's wait, and 600 again
    with serving(customers, 0.0, 600) as server, tempfile.TemporaryDirectory() as name:
        result = run("custlens", Path(name) / "store.lens", server, "600")
        statuses = server.ask("refusals")
    allowed = 60.0 * ((result.requests - 1) // 600)
    print(
        f"limit: {customers:,} customers, {result.requests:,} requests in {result.wall:.1f} s ({result.right}); the limit alone "
        f"asks for {allowed:.0f} s: {allowed / result.wall:.0%} of what it allows; {statuses} answers of 429"
    )


def main() -> None:
    """Run what the arguments ask for."""
    if sys.argv[1:2] == ["limit"]:
        limit()
        return
    customers = [int(text) for text in (sys.argv[1] if len(sys.argv) > 1 else "20000").split(",")]
    latencies = [int(text) for text in (sys.argv[2] if len(sys.argv) > 2 else "0,50").split(",")]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    peers = sys.argv[4].split(",") if len(sys.argv) > 4 else list(PEERS)
    for count in customers:
        for latency in latencies:
            compare(count, latency, rounds, peers)


if __name__ == "__main__":
    main()
