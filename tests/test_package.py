"""The frame of the project: what a fresh machine builds from, and what an import costs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import custlens as cl

ROOT = Path(__file__).parents[1]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_custlens_loads_nothing_heavy_and_changes_nothing():
    heavy = "pandas numpy pyarrow pandera matplotlib requests ipywidgets narwhals msgspec"
    code = f"import sys, custlens; print([name for name in '{heavy}'.split() if name in sys.modules])"
    assert run(code).strip() == "[]"
    code = (
        "import warnings, pandas, matplotlib, requests, pandera.pandas, scipy.optimize\n"  # some add filters of their own
        "def state(): return [repr(warnings.filters), dict(matplotlib.rcParams), pandas.get_option('display.max_rows')]\n"
        "before = state()\n"
        "import custlens as cl; [getattr(cl, name) for name in cl.__all__]\n"
        "print(state() == before)"
    )
    assert run(code).strip() == "True"


def test_every_public_name_is_there_and_listed():
    assert set(cl.__all__) <= set(dir(cl))
    for name in cl.__all__:
        assert getattr(cl, name) is not None
    for name in cl.errors.__all__:
        assert getattr(cl, name) is getattr(cl.errors, name)
        assert getattr(cl, name).__module__ == "custlens"
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = cl.nothing


def test_the_tree_of_errors_is_drawn_as_it_is():
    drawn = re.findall(r"[├└]── (\w+)", cl.errors.__doc__)
    assert set(drawn) == {name for name in cl.errors.__all__ if name not in ("CustlensError", "CustlensWarning")}
    assert all(issubclass(getattr(cl, name), cl.CustlensError) for name in drawn)


def names(requirements):
    return {re.split(r"[\[><=;~! ]", line)[0]: (re.findall(r">=([\d.]+)", line) or [""])[0] for line in requirements}


def test_conda_installs_what_pip_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = names([*project["dependencies"], *extras["demo"], *extras["excel"], *extras["report"], *extras["lab"]])
    wanted.pop("custlens")
    conda = names(re.findall(r"^  - (\S+)$", (ROOT / "environment.yml").read_text(), re.MULTILINE))
    other = {"pandera": "pandera-pandas", "matplotlib": "matplotlib-base", "nbconvert": "nbconvert-core"}
    assert conda.pop("python") == project["requires-python"].removeprefix(">=")
    conda = {name: bound for name, bound in conda.items() if name not in ("conda-forge", "nodefaults", "pip", "pip:")}
    assert conda == {other.get(name, name): bound for name, bound in wanted.items()}


def test_the_lock_pins_everything_with_hashes_and_names_no_registry():
    text = (ROOT / "requirements.txt").read_text()
    entries = re.split(r"\n(?=[a-z])", text.strip())
    assert len(entries) > 100
    assert all(re.match(r"[\w.-]+(\[\w+\])?==", entry) and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "index-url" not in text
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {re.split(r"[\[=]", entry)[0] for entry in entries}
    assert set(names(project["dependencies"])) <= pinned


def test_every_private_module_is_guarded_by_a_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    guarded = {name for contract in contracts for name in contract.get("protected_modules", [])}
    private = {path for path in (ROOT / "custlens").rglob("_*.py") if not path.stem.startswith("__")}
    assert guarded == {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in private}


def test_a_built_wheel_carries_its_data(tmp_path):
    import zipfile

    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    assert {
        "custlens/py.typed", "custlens/notebooks/report.ipynb", "custlens/demo/data/cdnow_sample_orders.csv",
        "custlens/demo/data/README.md",
    } <= held  # fmt: skip
    assert not any(name.startswith(("tests/", "bench/", "docs/")) for name in held)


@pytest.mark.parametrize("room", [cl.orders, cl.segments, cl.cohorts, cl.lifetime, cl.results])
def test_a_room_shows_what_it_offers_and_no_imports(room):
    assert dir(room) == sorted(room.__all__)
