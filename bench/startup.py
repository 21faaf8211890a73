"""The time that `import custlens` takes, compared with `import pandas`: each in a new process, in turns."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 11


def seconds(code: str) -> float:
    """Time a process that runs this code."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def main() -> None:
    """Print the ratio of the two imports, without what an empty process costs."""
    seconds("import custlens, pandas")
    rounds = [(seconds("pass"), seconds("import custlens"), seconds("import pandas")) for _ in range(ROUNDS)]
    ratio = statistics.median((ours - empty) / (theirs - empty) for empty, ours, theirs in rounds)
    print(f"startup: import custlens / import pandas = {ratio:.3f} (median of {ROUNDS})")


if __name__ == "__main__":
    main()
