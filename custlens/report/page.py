"""A notebook is run with parameters, and what it shows becomes one self-contained HTML file."""

from __future__ import annotations

import html
import importlib.resources
import os
import re
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from custlens._arguments import shown
from custlens.errors import ArgumentError, ConfigError, CustlensError

__all__ = ["notebook_path", "write"]

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
SHOWN = {*IMAGES, "text/html", "text/markdown", "text/latex", "text/plain"}
_HEADING = re.compile(r"^#+\s+(.+)$", re.MULTILINE)


def notebook_path(name: str = "report") -> Path:
    """Return the path of a notebook that comes with custlens.

    Parameters
    ----------
    name : str
        The notebook's name, without its ending.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ArgumentError
        If custlens has no notebook of this name.
    """
    packaged = Path(str(importlib.resources.files("custlens"))) / "notebooks" / f"{name}.ipynb"
    source = Path(__file__).parents[2] / "notebooks" / f"{name}.ipynb"
    for path in (packaged, source):
        if path.is_file():
            return path
    raise ArgumentError(f"name must be that of a notebook of this installation, not {shown(name)}")


def write(
    output: str | Path,
    *,
    notebook: str | Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Run a notebook and write what it shows, without its code, as one HTML file.

    The file needs no other file and no network, and holds no widget state. Parameters are kept in the executed notebook,
    so a token must not be one: the notebook reads it from the environment.

    Parameters
    ----------
    output : str or pathlib.Path
        Path of the HTML file; its folder must exist.
    notebook : str or pathlib.Path, optional
        Path of the notebook; the ``report.ipynb`` that comes with custlens by default.
    parameters : mapping of str to object, optional
        Values for the cell tagged ``parameters``.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        The absolute path of the file.

    Raises
    ------
    ArgumentError
        If an argument is of another kind, the notebook or the folder does not exist, or a parameter is named like a
        token.
    ConfigError
        If the packages that reports need are not installed.
    CustlensError
        If a cell of the notebook failed; nothing was written.
    """
    try:
        import nbformat
        import papermill
        from nbconvert import HTMLExporter
    except ModuleNotFoundError as error:
        raise ConfigError(f"reports need {error.name}: pip install 'custlens[report]'") from error
    target = _path("output", output).absolute()
    source = notebook_path() if notebook is None else _path("notebook", notebook)
    if not target.parent.is_dir():
        raise ArgumentError(f"output must be in a folder that exists; there is no folder {target.parent}")
    if target.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"output must end in .html, since that is what is written, and is {target.name}")
    if target.is_dir():
        raise ArgumentError(f"output must be the path of a file; {target} is a folder")
    if not source.is_file():
        raise ArgumentError(f"notebook must be a file that exists; there is no file {source}")
    values = _parameters(parameters)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # papermill's and nbconvert's own deprecations
        executed = Path(folder) / "executed.ipynb"
        try:
            papermill.execute_notebook(
                str(source),
                str(executed),
                values,
                kernel_name="python3",
                progress_bar=progress,
                extra_arguments=["--log-level=ERROR"],
            )
        except papermill.PapermillExecutionError as error:
            raise CustlensError(
                f"cell {error.cell_index + 1} of {source.name} failed: {error.ename}: {error.evalue}"
            ) from error
        except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            raise ArgumentError(f"notebook must be a Jupyter notebook; {source.name} is not one") from error
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
    headings = [match[1] for cell in notebook_node.cells for match in _HEADING.finditer(cell.source)]
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    page = template.substitute(title=html.escape(headings[0] if headings else source.stem), body=body)
    draft = target.with_name(f".{target.name}.part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(target)
    return target


def _path(name: str, value: Any) -> Path:
    """Return a path that was given as text or as a Path."""
    if not isinstance(value, str | os.PathLike):
        raise ArgumentError(f"{name} must be a path, not {shown(value)}")
    return Path(value)


def _parameters(values: Any) -> dict[str, Any]:
    """Return the parameters of a notebook, none of which may be a token."""
    if not (values is None or isinstance(values, Mapping)):
        raise ArgumentError(f"parameters must be a mapping of names to values, not {shown(values)}")
    for name in values or {}:
        if "token" in str(name).lower():
            raise ArgumentError(
                f"parameters must not hold {name!r}, which the report would keep; set ECWID_TOKEN instead"
            )
    return dict(values or {})


def _clean(notebook: Any) -> None:
    """Keep what a static page can show, and describe each picture by the heading above it."""
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
