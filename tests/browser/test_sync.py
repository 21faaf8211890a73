"""What an analyst does with the Sync widget: start, watch, cancel, start again, work on meanwhile, read the report."""

import re

import pytest
from helpers.browsing import SHORTCUTS, notebook_left_alone, serious
from playwright.sync_api import Locator, Page, expect

SLOW = 60_000
SHOP = """import tempfile
import custlens as cl
shop = cl.demo.serve(customers=2_000, seed=3, faults=cl.demo.Faults(latency=.4))
store = cl.Store(tempfile.mkdtemp() + "/shop.lens")
client = shop.client()"""
CELLS = [SHOP, "sync = cl.widgets.Sync(store, client)\nsync"]


def cancel_and_sync(panel: Locator) -> None:
    expect(panel.get_by_role("status")).to_have_text("Ready.", timeout=SLOW)
    expect(panel.get_by_role("table", name="Store")).to_contain_text("holds no customers yet")
    panel.get_by_role("combobox", name="Mode").select_option("full")
    panel.get_by_role("button", name="Sync").press("Enter")
    expect(panel.get_by_role("status")).to_have_text("Reading every customer …", timeout=SLOW)
    expect(panel).to_contain_text(re.compile(r"\d+ of 2,000 customers"))
    expect(panel).to_contain_text("requests left")
    expect(panel.get_by_role("button", name="Cancel")).to_be_focused()
    panel.get_by_role("button", name="Cancel").press("Enter")
    expect(panel.get_by_role("status")).to_have_text(re.compile("Cancelled: what was read is kept"), timeout=SLOW)
    expect(panel.get_by_role("progressbar")).to_be_hidden()
    panel.get_by_role("button", name="Sync").click()
    expect(panel.get_by_role("status")).to_have_text("The store is up to date.", timeout=SLOW)
    report = panel.get_by_role("table", name="Report")
    expect(report).to_contain_text("full, resumed: the store is new")
    expect(report).to_contain_text("2,000 added")


def in_width(page: Page, panel: Locator) -> None:
    wide = panel.evaluate("element => element.scrollWidth - element.clientWidth")
    assert wide <= 0, f"it is {wide} pixels too wide"


@pytest.mark.parametrize("theme", ["JupyterLab Light", pytest.param("JupyterLab Dark", marks=pytest.mark.soak)])
def test_a_sync_is_cancelled_and_goes_on_in_jupyterlab(open_in_lab, theme):
    page = open_in_lab(CELLS, theme)
    panel = page.locator(".jp-Notebook").get_by_role("region", name="Sync")
    cancel_and_sync(panel)
    panel.get_by_role("table", name="Report").click()
    with notebook_left_alone(page):
        for key in SHORTCUTS:
            page.keyboard.press(key)
    assert serious(page, ".cl-sync") == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("jupyterapp.shell.collapseLeft()")
    in_width(page, panel)


def test_the_kernel_is_free_while_a_sync_runs(open_in_lab):
    page = open_in_lab(
        [SHOP, "sync = cl.widgets.Sync(store, client)\nsync.start()\nsync", "print('free', sync.running)"]
    )
    notebook = page.locator(".jp-Notebook")
    expect(notebook.get_by_text("free True")).to_be_visible(timeout=SLOW)
    expect(notebook.get_by_role("region", name="Sync").get_by_role("status")).to_have_text(
        "The store is up to date.", timeout=SLOW
    )


def test_an_error_of_the_shop_is_a_sentence(open_in_lab):
    refused = 'client = cl.Client(shop.store_id, shop.grant("read_store_profile"), base_url=shop.url)'
    page = open_in_lab([SHOP, f"{refused}\ncl.widgets.Sync(store, client)"])
    panel = page.locator(".jp-Notebook").get_by_role("region", name="Sync")
    panel.get_by_role("button", name="Sync").click(timeout=SLOW)
    expect(panel.get_by_role("alert")).to_contain_text("lacks the scope read_customers", timeout=SLOW)
    expect(panel.get_by_role("button", name="Sync")).to_be_enabled()


def test_a_sync_is_cancelled_and_goes_on_in_voila(open_in_voila):
    page = open_in_voila(CELLS)
    cancel_and_sync(page.get_by_role("region", name="Sync"))
