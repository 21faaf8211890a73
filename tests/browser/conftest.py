"""A real Chromium, a real JupyterLab and a real Voilà, each on a free port of this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NOT_OURS = ("favicon", "cdn.jsdelivr.net")  # Voilà's own page asks for a font from there


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(150))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if os.environ.get("CUSTLENS_REQUIRE_BROWSER"):
            pytest.fail("CUSTLENS_REQUIRE_BROWSER is set, and no chromium is on the PATH")
        pytest.skip("no chromium on the PATH: install it to test the widgets in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test on any console error or uncaught exception."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not any(part in text for part in NOT_OURS):
            errors.append(text)

    page.on("console", heard)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


def leave(page: Page, name: str) -> None:
    """Leave the page while its server still runs; take a picture of it first where a folder for them is named."""
    if folder := os.environ.get("CUSTLENS_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)
    page.goto("about:blank")


@contextmanager
def running(arguments: list[str], health: str, env: dict[str, str], log: Path) -> Iterator[None]:
    """Run a server of this environment until the block ends."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=output,
            stderr=output,
            env={**os.environ, **env},
            start_new_session=True,
        )
        try:
            opener, deadline = build_opener(ProxyHandler({})), time.monotonic() + 60
            while True:
                try:
                    opener.open(health, timeout=5).close()
                    break
                except (URLError, OSError):
                    if server.poll() is not None or time.monotonic() > deadline:
                        pytest.fail(f"{arguments[0]} did not start: {log.read_text()[-2000:]}")
                    time.sleep(0.2)
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@pytest.fixture
def open_in_lab(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Page]]:
    """Open a notebook in JupyterLab and run all of its cells."""
    root, config = tmp_path / "root", tmp_path / "config"
    settings = config / "settings" / "@jupyterlab" / "apputils-extension"
    for folder in (root, settings):
        folder.mkdir(parents=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    env = {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTERLAB_SETTINGS_DIR": str(config / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(config / "workspaces"),
    }
    port = free_port()
    arguments = [
        "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=",
        f"--ServerApp.root_dir={root}", "--LabApp.expose_app_in_browser=True",
    ]  # fmt: skip

    def open_notebook(name: str) -> Page:
        shutil.copy(NOTEBOOKS / name, root / name)
        page.goto(f"http://127.0.0.1:{port}/lab/tree/{name}?reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        page.evaluate(
            """async () => {
                const w = jupyterapp.shell.currentWidget;
                await w.context.ready;
                await w.sessionContext.ready;
                await w.sessionContext.session.kernel.info;
                jupyterapp.commands.execute('notebook:run-all-cells');
            }"""
        )
        return page

    with running(arguments, f"http://127.0.0.1:{port}/api", env, tmp_path / "lab.log"):
        yield open_notebook
        leave(page, request.node.name)


@pytest.fixture
def open_in_voila(page: Page, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Page]]:
    """Open a notebook as a Voilà page."""
    port = free_port()
    arguments = ["voila", str(NOTEBOOKS), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]

    def open_notebook(name: str) -> Page:
        page.goto(f"http://127.0.0.1:{port}/voila/render/{name}", timeout=90_000)
        return page

    with running(arguments, f"http://127.0.0.1:{port}/", {"JUPYTER_CONFIG_DIR": str(tmp_path)}, tmp_path / "voila.log"):
        yield open_notebook
        leave(page, request.node.name)
