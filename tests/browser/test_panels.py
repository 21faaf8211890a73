"""The contract of a panel in the page: messages, the status line, keys, two of a kind, a page that is loaded again."""

import re
from pathlib import Path

import nbformat
import pytest
from helpers import echo
from helpers.browsing import SHORTCUTS, notebook_left_alone
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import expect

SLOW = 60_000
CELLS = ["from echo import Echo\nEcho()", "Echo('Second.')"]


def test_two_panels_in_one_notebook_answer_each_for_itself(open_in_lab):
    notebook = open_in_lab(CELLS).locator(".jp-Notebook")
    first, second = (notebook.get_by_role("region", name="Echo").nth(number) for number in (0, 1))
    expect(second.get_by_role("status")).to_have_text("Second.", timeout=SLOW)
    expect(first.get_by_role("status")).to_have_text("Type.")
    first.get_by_role("textbox").fill("rossi")
    expect(first.locator(".answer")).to_have_text("ROSSI 5")
    expect(first.get_by_role("status")).to_have_text("5 letters.")
    expect(second.locator(".answer")).to_have_text("")
    second.get_by_role("textbox").fill("break")
    expect(second.get_by_role("alert")).to_have_text("This is a bug in custlens: ZeroDivisionError.")
    second.get_by_text("Details").click()
    expect(second.locator("pre")).to_contain_text("ZeroDivisionError: <b>oops</b>")
    second.get_by_role("textbox").fill("refuse")
    expect(second.get_by_role("alert")).to_have_text("<b>no</b>")
    expect(second.get_by_role("status")).to_be_empty()
    expect(first.get_by_role("alert")).to_be_empty()


def test_shortcuts_of_the_notebook_do_not_hear_what_is_typed(open_in_lab):
    page = open_in_lab(CELLS)
    notebook = page.locator(".jp-Notebook")
    box = notebook.get_by_role("textbox", name="Text").first
    box.click(timeout=SLOW)
    page.evaluate("() => { window.heard = []; document.onkeydown = ({ key }) => { heard.push(key); }; }")
    with notebook_left_alone(page):
        for key in (*SHORTCUTS, "ArrowDown", "ArrowUp", "Enter", "Shift+Enter"):
            page.keyboard.press(key)
    expect(notebook.locator(".answer").first).to_have_text("XADDB 5")
    expect(box).to_be_focused()
    page.keyboard.press("Control+s")
    assert page.evaluate("() => { document.onkeydown = null; return heard; }") == ["s"]


def test_a_page_that_is_loaded_again_shows_what_was_told_last(open_in_lab):
    page = open_in_lab(CELLS)
    first = page.locator(".jp-Notebook").get_by_role("region", name="Echo").first
    first.get_by_role("textbox").fill("rossi", timeout=SLOW)
    expect(first.locator(".answer")).to_have_text("ROSSI 5")
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    expect(first.locator(".answer")).to_have_text("ROSSI 5", timeout=SLOW)


def test_a_panel_works_in_voila(open_in_voila):
    page = open_in_voila(CELLS)
    second = page.get_by_role("region", name="Echo").nth(1)
    expect(second.get_by_role("status")).to_have_text("Second.", timeout=SLOW)
    second.get_by_role("textbox").fill("rossi")
    expect(second.locator(".answer")).to_have_text("ROSSI 5")


def save(page, lab):
    """Save the notebook on the page, and return its file."""
    path = page.evaluate(
        """async () => {
            const context = jupyterapp.shell.currentWidget.context;
            await context.save();
            return context.path;
        }"""
    )
    return lab.root / path


def still_is_shown(page, where):
    still = where.locator("[data-custlens]")
    expect(still.get_by_role("cell", name="No kernel, no echo.")).to_be_visible(timeout=SLOW)
    assert still.locator("img").evaluate("image => image.naturalWidth") == 1
    expect(page.get_by_role("region", name="Echo")).to_be_hidden()


def test_the_live_panel_takes_the_place_of_its_still(open_in_lab):
    notebook = open_in_lab(CELLS).locator(".jp-Notebook")
    expect(notebook.get_by_role("region", name="Echo").nth(1)).to_be_visible(timeout=SLOW)
    expect(notebook.locator("[data-custlens]")).to_have_count(2)
    expect(notebook.get_by_text("No kernel, no echo.")).to_have_count(2)
    for number in (0, 1):
        expect(notebook.get_by_text("No kernel, no echo.").nth(number)).to_be_hidden()


def test_a_saved_notebook_whose_kernel_is_gone_shows_the_still(open_in_lab, lab, page_errors):
    page = open_in_lab(CELLS[:1])
    expect(page.locator(".jp-Notebook").get_by_role("region", name="Echo")).to_be_visible(timeout=SLOW)
    name = save(page, lab).name
    lab.end_kernels()
    page.goto("about:blank")
    page.goto(f"{lab.url}/lab/tree/{name}?reset")
    still_is_shown(page, page.locator(".jp-Notebook"))
    page_errors[:] = [text for text in page_errors if "model not found" not in text]  # JupyterLab's word on the widget


@pytest.mark.parametrize("execute", [False, True])
def test_a_page_that_nbconvert_writes_shows_the_still(page, page_errors, tmp_path, execute):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELLS[0])])
    client = NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": Path(echo.__file__).parent}}
    )
    client.store_widget_state = execute  # nbconvert --execute does, and has the page then load scripts from elsewhere
    client.execute()
    body, _ = HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "page.html").write_text(body)
    page.route(re.compile("^https?:"), lambda route: route.abort())
    page.goto((tmp_path / "page.html").as_uri())
    still_is_shown(page, page.locator("body"))
    page_errors.clear()  # the scripts that nbconvert asks for and did not get
