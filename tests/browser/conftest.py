"""A real Chromium, and for all tests of a run one real JupyterLab and one real Voilà, on free ports of this machine."""

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
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import nbformat
import pytest
from helpers import echo
from helpers.browsing import take_picture
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

from custlens.widgets.app import NOT_HERE

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
NOT_OURS = (
    "favicon",
    "cdn.jsdelivr.net",  # Voilà's own page asks for a font from there
    "reading 'schema'",  # Notebook 7 says so of its own settings
)
SLOW = 60_000
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
OPENER = build_opener(ProxyHandler({}))
RUN_ALL = """async (theme) => {
    const w = jupyterapp.shell.currentWidget;
    await w.context.ready;
    await w.sessionContext.ready;
    await w.sessionContext.session.kernel.info;
    await jupyterapp.commands.execute('apputils:change-theme', { theme });
    jupyterapp.commands.execute('notebook:run-all-cells');
}"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(150))


@pytest.fixture(scope="session")
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
def page_errors() -> list[str]:
    """Console errors and uncaught exceptions of the page; a test fails if any are left in it."""
    return []


@pytest.fixture
def page(browser: Browser, page_errors: list[str]) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})

    def heard(message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not any(part in text for part in NOT_OURS):
            page_errors.append(text)

    def raised(error: Error) -> None:
        if not any(part in str(error) for part in NOT_OURS):
            page_errors.append(str(error))

    page.on("console", heard)
    page.on("pageerror", raised)
    yield page
    page.close()
    assert page_errors == []


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
            deadline = time.monotonic() + 60
            while True:
                try:
                    OPENER.open(health, timeout=5).close()
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
def port() -> int:
    return free_port()


class Server(NamedTuple):
    """A server of notebooks and the folder that it serves."""

    url: str
    root: Path

    def place(self, notebook: str | list[str]) -> str:
        """Put a notebook into the folder: one of the project's by name, or one of the given cells; return its name."""
        if isinstance(notebook, str):
            shutil.copy(NOTEBOOKS / notebook, self.root)
            return notebook
        name = f"cells{len(list(self.root.iterdir()))}.ipynb"
        cells = [nbformat.v4.new_code_cell(code) for code in notebook]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=PYTHON), self.root / name)
        return name

    def end_kernels(self) -> None:
        """End the kernels that a test has started."""
        with OPENER.open(f"{self.url}/api/kernels", timeout=30) as answer:
            running = json.load(answer)
        for kernel in running:
            OPENER.open(Request(f"{self.url}/api/kernels/{kernel['id']}", method="DELETE"), timeout=30).close()


@contextmanager
def jupyter(module: str, folder: Path) -> Iterator[Server]:
    """Run JupyterLab or Jupyter Notebook, with settings and notebooks of its own."""
    root, config = folder / "root", folder / "config"
    settings = config / "settings" / "@jupyterlab" / "apputils-extension"
    for made in (root, settings):
        made.mkdir(parents=True)
    shutil.copy(echo.__file__, root)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    env = {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTERLAB_SETTINGS_DIR": str(config / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(config / "workspaces"),
    }
    port = free_port()
    arguments = [
        module, "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=",
        f"--ServerApp.root_dir={root}", "--ServerApp.disable_check_xsrf=True", "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with running(arguments, f"{url}/api", env, folder / f"{module}.log"):
        yield Server(url, root)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter("jupyterlab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter("notebook", tmp_path_factory.mktemp("notebook")) as server:
        yield server


@pytest.fixture(scope="session")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("voila")
    root = folder / "root"
    root.mkdir()
    shutil.copy(echo.__file__, root)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ["voila", str(root), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", NOT_HERE]
    with running(arguments, f"{url}/", {"JUPYTER_CONFIG_DIR": str(folder)}, folder / "voila.log"):
        yield Server(url, root)


@contextmanager
def opening(page: Page, server: Server, address: str, name: str) -> Iterator[Callable[..., Page]]:
    """Yield a function that opens a notebook (the name of one of the project's, or a list of cells) and runs its cells."""

    def open_notebook(notebook: str | list[str], theme: str = "JupyterLab Light") -> Page:
        page.goto(f"{server.url}/{address.format(server.place(notebook))}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=SLOW)
        page.evaluate(RUN_ALL, theme)
        return page

    yield open_notebook
    take_picture(page, name)
    page.goto("about:blank")  # while the server still runs
    server.end_kernels()


@pytest.fixture
def open_in_lab(page: Page, lab: Server, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    with opening(page, lab, "lab/tree/{}?reset", request.node.name) as open_notebook:
        yield open_notebook


@pytest.fixture
def open_in_notebook(page: Page, notebook: Server, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    with opening(page, notebook, "notebooks/{}", request.node.name) as open_notebook:
        yield open_notebook


@pytest.fixture
def open_in_voila(page: Page, voila: Server, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Open a notebook (the name of one of the project's, or a list of cells) as a Voilà page."""

    def open_notebook(notebook: str | list[str]) -> Page:
        page.goto(f"{voila.url}/voila/render/{voila.place(notebook)}", timeout=90_000)
        return page

    yield open_notebook
    take_picture(page, request.node.name)
    page.goto("about:blank")  # while the server still runs
