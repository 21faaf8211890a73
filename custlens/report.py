"""Runs a notebook with parameters and writes what it shows as one self-contained HTML file."""

from __future__ import annotations

import html
import importlib.resources
import re
import tempfile
import warnings
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

import narwhals as nw

from custlens.analysis import orders
from custlens.errors import ConfigError, CustlensError

__all__ = ["Headline", "notebook_path", "write"]

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN = {*IMAGES, "text/html", "text/markdown", "text/latex", "text/plain"}
_HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="custlens">
<title>$title</title>
<style>
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1d2733; background: #f4f6f8; margin: 0; }
main { max-width: 68rem; margin: 2rem auto; padding: 1rem 2.5rem 2.5rem; background: #fff; border-radius: 8px; }
h1 { font-size: 1.9rem; margin: 1rem 0 .3rem; } h2 { font-size: 1.3rem; margin: 2.2rem 0 .3rem; }
p { max-width: 46rem; } img { max-width: min(100%, 46rem); height: auto; } pre { white-space: pre-wrap; color: #555; }
.output_html { overflow-x: auto; } .cell { margin: .4rem 0; } .prompt { display: none; }
table { border-collapse: collapse; font-size: .84rem; margin: .6rem 0; border: 0; }
th, td { padding: .3rem .55rem; text-align: right; border: 0; border-bottom: 1px solid #e3e7eb; }
th { color: #4a5561; font-weight: 600; }
@media print { body { background: #fff; } main { margin: 0; padding: 0; } }
</style>
</head>
<body><main>
$body
</main></body>
</html>
""")


class Headline:
    """The summary of `custlens.orders.summary`, laid out for people.

    Parameters
    ----------
    customers
        A customers table.
    """

    def __init__(self, customers: Any) -> None:
        row = nw.from_native(orders.summary(customers)).lazy().collect().rows(named=True)[0]
        money = row["currency"] if isinstance(row["currency"], str) else ""
        when = row["as_of"]
        self.as_of = f"{when:%Y-%m-%d %H:%M} UTC" if isinstance(when, datetime) and when == when else "unknown"
        self.facts: dict[str, str] = {
            "Customers": _count(row["customers"]),
            "Buyers": _count(row["buyers"]),
            "Orders": _count(row["orders"]),
            "Sales": _money(row["sales_value"], money),
            "Mean order value": _money(row["mean_order_value"], money),
            "Median order value of a buyer": _money(row["median_customer_aov"], money),
            "Mean value of a buyer": _money(row["mean_buyer_value"], money),
            "Bought once": _share(row["one_time_share"]),
            "Repeat rate": _share(row["repeat_rate"]),
        }

    def __repr__(self) -> str:
        width = max(map(len, self.facts))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in [*self.facts.items(), ("As of", self.as_of)])

    def _repr_html_(self) -> str:
        box = "padding:.7rem 1rem;border:1px solid #d5dbe1;border-radius:8px;min-width:9.5rem"
        cards = "".join(
            f'<div style="{box}"><div style="font-size:1.35rem;font-weight:600">{html.escape(value)}</div>'
            f'<div style="font-size:.85rem;opacity:.75">{html.escape(name)}</div></div>'
            for name, value in self.facts.items()
        )
        note = f'<p style="font-size:.85rem;opacity:.75">As of {html.escape(self.as_of)}, by the store\'s clock.</p>'
        return f'<div style="display:flex;flex-wrap:wrap;gap:.7rem;margin:.6rem 0">{cards}</div>{note}'


def notebook_path(name: str = "report") -> Path:
    """Find a notebook that comes with custlens."""
    packaged = Path(str(importlib.resources.files("custlens"))) / "notebooks" / f"{name}.ipynb"
    source = Path(__file__).parents[1] / "notebooks" / f"{name}.ipynb"
    for path in (packaged, source):
        if path.is_file():
            return path
    raise ConfigError(f"there is no notebook {name!r} in this installation")


def write(
    output: str | Path,
    *,
    notebook: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Run a notebook and write what it shows, without its code, as one HTML file.

    The file refers to nothing outside of itself and holds no widget state. A token is never a parameter: parameters
    are kept in the executed notebook. The kernel has it from the environment.

    Parameters
    ----------
    output
        Path of the HTML file; its folder must exist.
    notebook
        Path of the notebook; custlens' own ``report.ipynb`` by default.
    parameters
        Values for the cell tagged ``parameters``.
    progress
        Whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        The absolute path of the file.

    Raises
    ------
    ConfigError
        No such notebook or folder, or a parameter that looks like a token.
    CustlensError
        A cell of the notebook failed; nothing was written.
    """
    try:
        import nbformat
        import papermill
        from nbconvert import HTMLExporter
    except ModuleNotFoundError as error:
        raise ConfigError(f"reports need {error.name}: pip install 'custlens[report]'") from None
    target, source = Path(output).absolute(), Path(notebook) if notebook else notebook_path()
    if not target.parent.is_dir():
        raise ConfigError(f"there is no folder {target.parent} to write the report into")
    if not source.is_file():
        raise ConfigError(f"there is no notebook {source}")
    for name in parameters or {}:
        if "token" in name.lower():
            raise ConfigError(f"{name} is no parameter for a report: it would be kept in it; set ECWID_TOKEN instead")
    failure = ""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # papermill's and nbconvert's own deprecations
        executed = Path(folder) / "executed.ipynb"
        try:
            papermill.execute_notebook(
                str(source),
                str(executed),
                dict(parameters or {}),
                kernel_name="python3",
                progress_bar=progress,
                extra_arguments=["--log-level=ERROR"],
            )
        except papermill.PapermillExecutionError as error:
            failure = f"cell {error.cell_index + 1} of {source.name} failed: {error.ename}: {error.evalue}"
        else:
            notebook_node = nbformat.read(executed, as_version=4)
            _clean(notebook_node)
            exporter = HTMLExporter(
                template_name="basic",
                exclude_input=True,
                exclude_input_prompt=True,
                exclude_output_prompt=True,
                exclude_anchor_links=True,
            )
            body, _ = exporter.from_notebook_node(notebook_node)
    if failure:
        raise CustlensError(failure)
    headings = [match[1] for cell in notebook_node.cells for match in _HEADING.finditer(cell.source)]
    page = _PAGE.substitute(title=html.escape(headings[0] if headings else source.stem), body=body)
    draft = target.with_name(f".{target.name}.part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(target)
    return target


def _clean(notebook: Any) -> None:
    """Leave what a static page can show, and give each picture the text of the heading above it."""
    notebook.metadata.pop("widgets", None)
    heading = "Chart"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found = _HEADING.findall(cell.source)
            heading = found[-1] if found else heading
            continue
        kept = []
        for output in cell.get("outputs", []):
            if output.output_type not in ("display_data", "execute_result"):
                continue
            if "application/vnd.jupyter.widget-view+json" in output.data:
                continue
            output.data = {kind: value for kind, value in output.data.items() if kind in SHOWN}
            for kind in IMAGES:
                if kind in output.data:
                    output.metadata.setdefault(kind, {}).setdefault("alt", f"Chart: {heading}")
            kept.append(output)
        cell.outputs = kept


def _count(value: Any) -> str:
    return f"{int(value):,}"


def _money(value: Any, currency: str) -> str:
    return f"{value:,.2f} {currency}".strip() if _known(value) else "–"


def _share(value: Any) -> str:
    return f"{value:.1%}" if _known(value) else "–"


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and value == value
