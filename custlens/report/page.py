"""A notebook is run with parameters, and what it shows becomes one self-contained HTML file."""

from __future__ import annotations

import base64
import html
import importlib.resources
import importlib.util
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from custlens._arguments import shown
from custlens.errors import ArgumentError, ConfigError, CustlensError

__all__ = ["check_plan", "notebook_path", "write"]

IMAGES = ("image/png", "image/jpeg", "image/svg+xml")
WIDGET = "application/vnd.jupyter.widget-view+json"
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

    The file needs no other file and no network, and holds no widget state. A heading of the second level begins a chapter;
    pictures and tables stand side by side where the page is wide. A token must not be a parameter: the notebook reads it
    from the environment.

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
    target, draft = _target(output)
    import nbformat
    import papermill
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    source = notebook_path() if notebook is None else _path("notebook", notebook)
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
        cells = nbformat.read(executed, as_version=4).cells
        markdown = MarkdownWithMath(renderer=IPythonRenderer(escape=False, exclude_anchor_links=True)).render
        body = _body(cells, markdown)
    headings = [match[1] for cell in cells for match in _HEADING.finditer(cell.source) if cell.cell_type == "markdown"]
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    page = template.substitute(title=html.escape(headings[0] if headings else source.stem), body=body)
    draft.write_text(page, encoding="utf-8")
    draft.replace(target)
    return target


def check_plan(output: str | Path, *, pdf: bool = False, segment: str | None = None, tz: str = "UTC") -> None:
    """Refuse what would stop a report, before a shop is read for it.

    Raises
    ------
    ArgumentError
        If no page can be written there, or there is no such segment or time zone.
    ConfigError
        If the packages that reports need, or the browser that prints a PDF, are not installed.
    """
    from custlens.report._data import check_choices
    from custlens.report._pdf import find_browser

    check_choices(segment, tz)
    _target(output)
    if pdf:
        find_browser()


def _target(output: str | Path) -> tuple[Path, Path]:
    """Return the absolute path of a page, and where it is written until it is complete.

    Raises
    ------
    ArgumentError
        If no page can be written there.
    ConfigError
        If the packages that reports need are not installed.
    """
    for package in ("nbformat", "papermill", "nbconvert"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"reports need {package}: pip install 'custlens[report]'")
    target = _path("output", output).absolute()
    if not target.parent.is_dir():
        raise ArgumentError(f"output must be in a folder that exists; there is no folder {target.parent}")
    if target.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"output must end in .html, since that is what is written, and is {target.name}")
    if target.is_dir():
        raise ArgumentError(f"output must be the path of a file; {target} is a folder")
    draft = target.with_name(f".{target.name}.part")
    try:
        draft.touch()
        draft.unlink()
    except OSError as error:
        raise ArgumentError(f"output cannot be written to {target.parent}: {error.strerror}") from error
    return target, draft


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


def _body(cells: Sequence[Any], markdown: Callable[[str], str]) -> str:
    """Return what the cells of a notebook show: a section per chapter, with pictures and tables side by side."""
    parts, side_by_side = ["<section>"], False
    for kind, block in _blocks(cells, markdown):
        if side_by_side != (kind == "panel"):
            parts.append("</div>" if side_by_side else '<div class="panels">')
            side_by_side = not side_by_side
        parts += ["</section>", "<section>"] if kind == "chapter" else []
        parts.append(block)
    return "\n".join([*parts, "</div></section>" if side_by_side else "</section>"])


def _blocks(cells: Sequence[Any], markdown: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield what each cell shows as HTML: a "chapter" with its heading, "text", or a "panel" (a picture or a table)."""
    heading = "Chart"
    for cell in cells:
        if cell.cell_type == "markdown":
            found = _HEADING.findall(cell.source)
            heading = found[-1] if found else heading
            yield "chapter" if cell.source.startswith("## ") else "text", markdown(cell.source)
        for output in cell.get("outputs", []):
            if output.output_type in ("display_data", "execute_result"):
                yield from _block(output, heading, markdown)


def _block(output: Any, heading: str, markdown: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield an output as HTML; nothing for a widget, which needs a running kernel."""
    data = output.data
    image = next((kind for kind in IMAGES if kind in data), None)
    if WIDGET in data:
        return
    if image:
        own = output.metadata.get(image, {}).get("alt")
        yield "panel", _figure(image, data[image], own or f"Chart: {heading}", own or "")
    elif "text/html" in data:
        block = data["text/html"]
        yield ("panel", f'<div class="table">{block}</div>') if "<table" in block else ("text", block)
    elif "text/markdown" in data:
        yield "text", markdown(data["text/markdown"])
    elif "text/plain" in data:
        yield "text", f"<pre>{html.escape(data['text/plain'])}</pre>"


def _figure(kind: str, data: str, alt: str, caption: str) -> str:
    """Return a picture; its caption is its alternative text again, so that a screen reader need not read it twice."""
    if kind == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode("ascii")
    words = f'<figcaption aria-hidden="true">{html.escape(caption)}</figcaption>' if caption else ""
    return f'<figure><img alt="{html.escape(alt)}" src="data:{kind};base64,{data.strip()}">{words}</figure>'
