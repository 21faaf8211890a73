"""A report as a PDF, printed by a Chromium that is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from custlens._arguments import one_of, shown
from custlens.errors import ArgumentError, ConfigError, CustlensError

__all__ = ["find_browser", "to_pdf"]

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)
OTHER_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
PAPERS = ("A4", "Letter")
SECONDS = 120
FLAGS = ("--headless", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run")


def find_browser() -> str:
    """Return the path of the browser that prints.

    Raises
    ------
    ConfigError
        If none is found on this machine.
    """
    browser = next(filter(None, map(shutil.which, (*BROWSERS, *OTHER_PLACES))), None)
    if browser is None:
        raise ConfigError(
            "a PDF is printed by Chromium, Chrome or Edge, and none is on the PATH: install one, or print the HTML file "
            "from any browser"
        )
    return browser


def to_pdf(page: str | Path, *, paper: str = "A4") -> Path:
    """Print a page that `write` has written to a PDF beside it.

    Parameters
    ----------
    page : str or pathlib.Path
        Path of the HTML file.
    paper : {"A4", "Letter"}
        Size of the paper.

    Returns
    -------
    pathlib.Path
        The absolute path of the PDF: that of the page, with the ending ``.pdf``.

    Raises
    ------
    ArgumentError
        If there is no such page, or `paper` is another size.
    ConfigError
        If no Chromium, Chrome or Edge is found on this machine.
    CustlensError
        If the browser does not print the page.
    """
    one_of("paper", paper, PAPERS)
    if not isinstance(page, str | os.PathLike) or not Path(page).is_file():
        raise ArgumentError(f"page must be an HTML file that exists, not {shown(page)}")
    browser = find_browser()
    source = Path(page).absolute()
    target, text = source.with_suffix(".pdf"), source.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        sized, printed = Path(folder) / "page.html", Path(folder) / "page.pdf"
        sized.write_text(text.replace("</head>", f"<style>@page {{ size: {paper}; }}</style></head>", 1), "utf-8")
        arguments = [browser, *FLAGS, "--no-pdf-header-footer", f"--user-data-dir={folder}/profile"]
        if getattr(os, "geteuid", lambda: 1)() == 0:
            arguments.append("--no-sandbox")  # Chromium refuses to run as root with one
        try:
            done = subprocess.run(  # noqa: S603 - a browser of this machine, and paths of ours
                [*arguments, f"--print-to-pdf={printed}", sized.as_uri()],
                capture_output=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise CustlensError(
                f"{browser} has not printed the page within {SECONDS} s; print it from any browser"
            ) from error
        if not printed.is_file():
            raise CustlensError(
                f"{browser} has not printed the page (status {done.returncode}); print it from any browser"
            )
        draft = target.with_name(f".{target.name}.part")
        shutil.copyfile(printed, draft)
        draft.replace(target)
    return target
