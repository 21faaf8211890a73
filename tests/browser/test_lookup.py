"""What an analyst does with the lookup: type a name, pick, read the card, ask for somebody who is not there."""

import re

import pytest
from playwright.sync_api import Locator, expect

SLOW = 60_000


def use_the_lookup(notebook: Locator) -> None:
    box = notebook.get_by_placeholder("Name, email, phone or ID")
    expect(box).to_be_visible(timeout=SLOW)
    expect(notebook.get_by_role("status")).to_contain_text("customers. Type to search.")

    box.press_sequentially("rossi", delay=30)
    expect(notebook.get_by_role("status")).to_contain_text(re.compile(r"Showing 20 of \d+\."), timeout=SLOW)
    options = notebook.get_by_role("listbox").get_by_role("option")
    expect(options).to_have_count(20)
    chosen = options.nth(2).inner_text()
    name, number, email = (part.strip() for part in chosen.split("·"))
    notebook.get_by_role("listbox").select_option(index=2)

    card = notebook.get_by_role("article", name="Customer")
    expect(card.get_by_role("heading", name=name)).to_be_visible(timeout=SLOW)
    expect(card).to_contain_text(email)
    expect(card).to_contain_text(number.removeprefix("#"))
    expect(card).to_contain_text("May be mailed")
    expect(card).to_contain_text(re.compile(r"Order statistics, compared with 1,\d{3} buyers"))
    expect(card).to_contain_text(re.compile(r"Sales value\s*[\d,]+\.\d\d EUR"))

    box.fill("999")
    expect(notebook.get_by_role("status")).to_contain_text("“Fetch now” asks the shop for ID 999.", timeout=SLOW)
    notebook.get_by_role("button", name="Fetch now").click()
    expect(notebook.get_by_role("alert")).to_contain_text("Customer with ID 999 is not found", timeout=SLOW)

    box.fill(number.removeprefix("#"))
    expect(notebook.get_by_role("status")).to_contain_text("Showing 1 of 1.", timeout=SLOW)
    notebook.get_by_role("button", name="Fetch now").click()
    expect(card).to_contain_text("Fetched now, as of 30 Jun 2026", timeout=SLOW)


def last_run_cell(notebook: Locator) -> None:
    """Wait until the cells below the lookup have run, for they search in it too."""
    expect(notebook.locator(".jp-OutputArea-output table").last).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_lookup_works_in_jupyterlab(open_in_lab, theme):
    page = open_in_lab("05_lookup.ipynb", theme)
    notebook = page.locator(".jp-Notebook")
    last_run_cell(notebook)
    notebook.get_by_placeholder("Name, email, phone or ID").fill(" ")
    use_the_lookup(notebook)


def test_the_lookup_works_in_voila(open_in_voila):
    page = open_in_voila("05_lookup.ipynb")
    notebook = page.locator("body")
    last_run_cell(notebook)
    notebook.get_by_placeholder("Name, email, phone or ID").fill(" ")
    use_the_lookup(notebook)
