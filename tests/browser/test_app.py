"""`custlens app` in a terminal of its own, and its page in the browser."""

import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

import custlens as cl
from custlens.cli import main

SLOW = 60_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = cl.Store(tmp_path_factory.mktemp("app") / "shop.lens")
    with cl.demo.serve(customers=500, seed=3) as shop:
        store.sync(shop.client(), progress=False)
    return store


@pytest.mark.parametrize("widget", ["lookup", "explorer"])
def test_an_app_shows_its_widget_and_ends_with_ctrl_c(page, store, port, tmp_path, widget):
    command = [sys.executable, "-m", "custlens", "app", widget, "--store", store.path, f"--port={port}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("ECWID_")}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env={**env, "JUPYTER_CONFIG_DIR": str(tmp_path)})
    try:
        deadline = time.monotonic() + 60
        while f"http://127.0.0.1:{port}" not in (tmp_path / "log").read_text():
            assert server.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        page.goto(f"http://127.0.0.1:{port}/", timeout=SLOW)
        expect(page.get_by_role("region").first).to_contain_text("500", timeout=SLOW)
        page.goto("about:blank")
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


def test_a_store_that_was_never_synced_is_refused_before_anything_starts(tmp_path):
    done = CliRunner().invoke(main, ["app", "--store", str(tmp_path / "none.lens")])
    assert done.exit_code == 1
    assert "holds no customers yet" in done.output
