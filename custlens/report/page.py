"""Runs a notebook with parameters and writes what it shows as one self-contained HTML file."""

from __future__ import annotations

import html
import importlib.resources
import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from custlens.errors import ArgumentError, ConfigError, CustlensError

__all__ = ["notebook_path", "write"]

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN = {*IMAGES, "text/html", "text/markdown", "text/latex", "text/plain"}
_HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)


def notebook_path(name: str = "report") -> Path:
    """Find a notebook that comes with custlens."""
    packaged = Path(str(importlib.resources.files("custlens"))) / "notebooks" / f"{name}.ipynb"
    source = Path(__file__).parents[2] / "notebooks" / f"{name}.ipynb"
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
    ArgumentError
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
        raise ArgumentError(f"there is no folder {target.parent} to write the report into")
    if not source.is_file():
        raise ArgumentError(f"there is no notebook {source}")
    for name in parameters or {}:
        if "token" in name.lower():
            raise ArgumentError(f"{name} is no parameter for a report: it would be kept in it; set ECWID_TOKEN instead")
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
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    page = template.substitute(title=html.escape(headings[0] if headings else source.stem), body=body)
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
