"""Each notebook is saved as it ran, without errors and without anybody's data; `make test` runs them again by nbval."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_saved_with_outputs_and_without_personal_data(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not any(output["output_type"] == "error" for output in outputs)
    shown = json.dumps(outputs)
    assert not re.search(r"[\w.]+@[\w.]+\.\w+", shown)
    assert not re.search(r"secret_[0-9a-f]{8}", shown)
    tables = [cell for cell in code if any("dataframe" in json.dumps(output) for output in cell["outputs"])]
    assert all("nbval-check-output" in cell["metadata"].get("tags", []) for cell in tables)


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_quickstart",
        "02_order_stats",
        "03_segments_and_cohorts",
        "04_lifetime_value",
        "05_lookup",
        "06_explorer",
        "report",
    ]
