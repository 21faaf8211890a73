"""What a type checker sees: an analysis returns the kind of table that it takes."""

import subprocess
import sys
from pathlib import Path

import pytest

import custlens as cl

TAKES_MORE = {
    "breakdown": "table, 'lang'",
    "quality_rows": "table, 'no_stats'",
    "compare": "table, table",
}
CALLS = [name for name in cl.orders.__all__ if callable(getattr(cl.orders, name))]


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    lines = [
        "import pandas as pd",
        "import polars as pl",
        "from typing_extensions import assert_type",
        "import custlens as cl",
        "def in_pandas(table: pd.DataFrame) -> None:",
        *(f"    assert_type(cl.orders.{name}({TAKES_MORE.get(name, 'table')}), pd.DataFrame)" for name in CALLS),
        "def in_polars(table: pl.LazyFrame) -> None:",
        *(f"    assert_type(cl.orders.{name}({TAKES_MORE.get(name, 'table')}), pl.LazyFrame)" for name in CALLS),
        "cl.orders.summary(None)",
        "cl.orders.summary([1, 2])",
        "cl.orders.summary(pd.DataFrame(), as_of=5)",
    ]
    snippet = tmp_path_factory.mktemp("typing") / "snippet.py"
    snippet.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", str(snippet)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(cl.__file__).parents[1])
    errors = [line.split(":", 1)[1] for line in done.stdout.splitlines() if "snippet.py" in line and " error: " in line]
    return len(lines), errors


@pytest.mark.timeout(400)
def test_a_type_checker_sees_the_kind_of_table_that_comes_back(checked):
    lines, errors = checked
    assert [error for error in errors if int(error.split(":")[0]) <= lines - 3] == []


def test_a_type_checker_refuses_what_is_not_a_table_and_not_a_time(checked):
    lines, errors = checked
    refused = {int(error.split(":")[0]) for error in errors}
    assert refused == {lines - 2, lines - 1, lines}
