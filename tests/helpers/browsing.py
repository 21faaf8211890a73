"""What tests of pages ask of them all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

SHORTCUTS = ("x", "a", "d", "d", "b")
"""Keys that cut a cell, insert one above, delete it and insert one below: the number of cells stays the same."""
MODE_AND_SOURCES = """() => {
    const { mode, widgets } = jupyterapp.shell.currentWidget.content;
    return [mode, widgets.map(cell => cell.model.sharedModel.getSource())];
}"""


@contextmanager
def notebook_left_alone(page: Page) -> Iterator[None]:
    """Fail if the block changes, moves, adds or removes a cell of the notebook on a page, or begins to edit one."""
    _, before = page.evaluate(MODE_AND_SOURCES)
    yield
    assert page.evaluate(MODE_AND_SOURCES) == ["command", before]


def serious(page: Page, context: str | None = None) -> list[tuple[str, list[str]]]:
    """Return what axe finds to be serious or critical in a page, or in the part that a selector names."""
    found = Axe().run(page, context=context).response["violations"]
    return [
        (one["id"], [node["html"] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def take_picture(page: Page, name: str) -> None:
    """Keep a picture of a page where a folder for them is named."""
    if folder := os.environ.get("CUSTLENS_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
