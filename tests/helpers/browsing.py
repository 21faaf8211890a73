"""What tests of pages ask of them all."""

from __future__ import annotations

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


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
