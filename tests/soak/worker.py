"""Syncs a store whenever it is told to: python worker.py STORE BASE_URL STORE_ID TOKEN.

For each line of its input it syncs once, printing a line when it begins and a line of JSON when it is done. One such
process lives through all days, so that what a sync leaves behind in memory or in open files adds up; others are killed.
"""

import json
import sys
import threading
import time
from pathlib import Path

import custlens as cl
import custlens.store.sync  #  what takes long comes before the first line

PROCESS = Path("/proc/self")


def resident() -> float:
    """Return the memory in use, in MB."""
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def main() -> None:
    path, url, store_id, token = sys.argv[1:]
    store = cl.Store(path)
    with cl.Client(
        store_id, token, base_url=url, rate_limit=1_000_000, timeout=(2, 1), retries=8, backoff=0.05
    ) as client:
        for _ in sys.stdin:
            print("began", flush=True)
            started = time.monotonic()
            report = store.sync(client, progress=False)
            outcome = {
                "mode": report.mode,
                "reason": report.reason,
                "resumed": report.resumed,
                "missing": report.missing,
                "requests": report.requests,
                "retries": report.retries,
                "seconds": time.monotonic() - started,
                "memory": resident(),
                "files": len(list((PROCESS / "fd").iterdir())),
                "threads": threading.active_count(),
            }
            print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
