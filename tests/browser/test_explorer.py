"""What an analyst does with the Explorer: brush by mouse, finger and keys, read, copy the code, page the rows."""

import re

import pytest
from helpers.browsing import SHORTCUTS, notebook_left_alone, serious, take_picture
from playwright.sync_api import Locator, Page, expect

SLOW = 60_000
CELLS = [
    "import custlens as cl\nwith cl.demo.serve(customers=1_000, seed=7) as shop:\n"
    "    tables = cl.fetch(shop.client(), progress=False)",
    "explorer = cl.widgets.Explorer(tables)\nexplorer",
]
ASK = """async (code) => {
    const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const request = kernel.requestExecute({ code });
    let said = '';
    request.onIOPub = ({ header, content }) => {
        if (header.msg_type === 'stream') said += content.text;
        if (header.msg_type === 'error') said += `${content.ename}: ${content.evalue}`;
    };
    await request.done;
    return said.trim();
}"""


def explorer_in(page: Page, number: int = 0) -> Locator:
    explorer = page.get_by_role("region", name="Explorer of customers").nth(number)
    expect(explorer.locator(".cl-words")).to_contain_text("customers", timeout=SLOW)
    return explorer


def ask(page: Page, code: str) -> str:
    """Run Python in the notebook's kernel and return what it prints."""
    return page.evaluate(ASK, code)


def selected(explorer: Locator) -> int:
    """The number of selected customers, as the page says it."""
    found = re.match(r"([\d,]+) of", explorer.locator(".cl-words").inner_text())
    assert found
    return int(found[1].replace(",", ""))


def chart(explorer: Locator, title: str) -> Locator:
    return explorer.get_by_role("group", name=title, exact=True)


def ready(explorer: Locator, title: str) -> None:
    """Point at a chart until its counts have come, so that a brush moves the others at once."""
    chart(explorer, title).locator(".cl-plot").hover()
    explorer.page.wait_for_timeout(500)


def press_at(page: Page, plot: Locator, place: float) -> None:
    """Move the mouse to a place on a plot, from 0 at its left to 1 at its right."""
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + place * box["width"], box["y"] + box["height"] / 2, steps=6)


def test_a_brush_by_mouse_moves_every_chart_and_its_code_gives_the_same_rows(open_in_lab):
    page = open_in_lab(CELLS)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    explorer = explorer_in(page)
    assert selected(explorer) == 1000
    ready(explorer, "Sales value")
    plot = chart(explorer, "Sales value").locator(".cl-plot")
    champions = explorer.get_by_role("option", name=re.compile("^Champions")).locator(".cl-number")
    before = champions.inner_text()

    press_at(page, plot, 0.2)
    page.mouse.down()
    press_at(page, plot, 0.5)
    expect(champions).not_to_have_text(before)  # while the button is still down
    assert ask(page, "print(explorer.filters)") == "{}"
    halfway = selected(explorer)
    press_at(page, plot, 0.7)
    page.mouse.up()
    brushed = selected(explorer)
    assert halfway < brushed < 1000
    with notebook_left_alone(page):
        for key in SHORTCUTS:
            page.keyboard.press(key)
    expect(explorer.locator(".cl-rows")).to_contain_text(f"1–25 of {brushed:,}", timeout=SLOW)
    assert ask(page, "print(len(explorer.selected), *explorer.filters)") == f"{brushed} sales_value"

    # Move the brush, then drag its right end, then choose two countries.
    press_at(page, plot, 0.45)
    page.mouse.down()
    press_at(page, plot, 0.4)
    page.mouse.up()
    right = chart(explorer, "Sales value").get_by_role("slider", name="Sales value, to")
    before_value = int(right.get_attribute("aria-valuenow"))
    right.hover()
    page.mouse.down()
    press_at(page, plot, 0.9)
    page.mouse.up()
    assert int(right.get_attribute("aria-valuenow")) > before_value
    for country in ("United States", "Germany"):
        explorer.get_by_role("option", name=re.compile(f"^{country}:")).click()
    explorer.locator(".cl-words").hover()  # a chart says what the mouse is on, else what is chosen
    expect(chart(explorer, "Country")).to_contain_text("United States, Germany")

    explorer.get_by_role("button", name="Copy as code").click()
    expect(explorer.get_by_role("button", name="Copied")).to_be_visible()
    code = page.evaluate("navigator.clipboard.readText()")
    assert "isin(['US', 'DE'])" in code
    count = selected(explorer)
    same = f"customers = tables.customers\n{code}\nprint(len(selected), selected.equals(explorer.selected))"
    assert ask(page, same) == f"{count} True"

    chart(explorer, "Country").get_by_role("button", name="Clear Country").click()
    expect(chart(explorer, "Country")).not_to_contain_text("United States, Germany")
    explorer.get_by_role("button", name="Clear all filters").click()
    expect(explorer.locator(".cl-words")).to_contain_text("1,000 of 1,000 customers")
    assert ask(page, "print(explorer.filters)") == "{}"


def test_a_brush_by_keys_leaves_the_notebook_alone(open_in_lab):
    page = open_in_lab(CELLS)
    explorer = explorer_in(page)
    start = explorer.get_by_role("slider", name="Orders, from")
    start.focus()
    expect(start).to_have_attribute("aria-valuetext", "the least")
    with notebook_left_alone(page):
        for key in (*SHORTCUTS, "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
    expect(start).to_have_attribute("aria-valuetext", "2")
    expect(chart(explorer, "Orders")).to_contain_text("from 2")
    expect(explorer.locator(".cl-rows")).to_contain_text(f"of {selected(explorer):,}", timeout=SLOW)
    assert ask(page, "print(explorer.filters)") == "{'number_of_orders': (2, None)}"
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.keyboard.press("PageDown")
    page.keyboard.press("Shift+ArrowLeft")
    expect(start).to_have_attribute("aria-valuetext", "1")
    page.keyboard.press("Escape")
    expect(start).to_have_attribute("aria-valuetext", "the least")

    first = explorer.get_by_role("listbox", name="Group").get_by_role("option").first
    first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    chosen = explorer.get_by_role("listbox", name="Group").get_by_role("option", selected=True)
    expect(chosen).to_have_count(1)
    expect(chosen).to_be_focused()
    with notebook_left_alone(page):
        for key in SHORTCUTS:
            page.keyboard.press(key)
    expect(explorer.locator(".cl-words")).not_to_contain_text("1,000 of")
    expect(explorer.locator(".cl-rows")).to_contain_text(f"of {selected(explorer):,}", timeout=SLOW)
    assert ask(page, "print(len(explorer.selected), *explorer.filters)") == f"{selected(explorer)} customer_group_name"
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)
    assert ask(page, "print(explorer.filters, explorer.last_error)") == "{} None"


def test_filters_set_in_python_and_two_explorers(open_in_lab):
    page = open_in_lab([*CELLS, "other = cl.widgets.Explorer(tables)\nother"])
    explorer, other = explorer_in(page), explorer_in(page, 1)
    ask(page, "explorer.filters = {'sales_value': (12.34, 100), 'lang': ['de', None]}")
    count = int(ask(page, "print(len(explorer.selected))"))
    expect(explorer.locator(".cl-words")).to_contain_text(f"{count:,} of 1,000 customers")
    expect(chart(explorer, "Sales value")).to_contain_text("from 12.34 to below 100")
    expect(explorer.get_by_role("option", selected=True)).to_have_count(2)
    expect(other.locator(".cl-words")).to_contain_text("1,000 of 1,000 customers")

    # Another scale keeps the filter; sales in place of customers; a click on a bar chooses it, a click removes it.
    chart(explorer, "Sales value").get_by_role("checkbox", name="log").uncheck()
    expect(chart(explorer, "Sales value").locator(".cl-ticks")).not_to_contain_text("10k")
    expect(chart(explorer, "Sales value")).to_contain_text("from 12.34 to below 100")
    explorer.get_by_role("radio", name="Sales").check()
    expect(explorer.get_by_role("option", name=re.compile("^German: .* EUR sales"))).to_be_visible(timeout=SLOW)
    explorer.get_by_role("checkbox", name="Compare shapes").check()
    expect(chart(explorer, "Orders")).to_contain_text("%")
    explorer.get_by_role("button", name="Clear all filters").click()
    expect(explorer.locator(".cl-rows")).to_contain_text("of 1,000", timeout=SLOW)
    plot = chart(explorer, "Orders").locator(".cl-plot")
    second_bar = {"x": 0.045 * plot.bounding_box()["width"], "y": 30}
    plot.click(position=second_bar)
    expect(explorer.locator(".cl-rows")).not_to_contain_text("of 1,000", timeout=SLOW)
    assert ask(page, "print(explorer.filters)") == "{'number_of_orders': (1, 2)}"
    plot.click(position=second_bar)
    expect(explorer.locator(".cl-rows")).to_contain_text("of 1,000", timeout=SLOW)
    missing = chart(explorer, "First order").get_by_role("button", name=re.compile("without a value$"))
    missing.click()
    expect(missing).to_have_attribute("aria-pressed", "true")
    assert ask(page, "print(explorer.filters)") == "{'first_order_date': [None]}"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_is_accessible_and_fits_on_a_telephone_and_on_a_wide_screen(open_in_lab, theme):
    page = open_in_lab(CELLS, theme)
    explorer = explorer_in(page)
    ask(page, "explorer.filters = {'sales_value': (30, 500), 'segment': ['Champions', 'Loyal']}")
    expect(chart(explorer, "Segment")).to_contain_text("Champions, Loyal")
    page.evaluate("jupyterapp.shell.collapseLeft()")
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(600)  # names for screen readers follow once the brush rests
        assert serious(page, ".cl-explorer") == []
        assert explorer.evaluate("root => root.scrollWidth - root.clientWidth") <= 1
        charts = explorer.evaluate(
            "root => [...root.querySelectorAll('figure')].map(f => f.scrollWidth - f.clientWidth)"
        )
        assert max(charts) <= 1
        take_picture(page, f"explorer {theme} {width}")


def test_it_works_in_voila(open_in_voila):
    page = open_in_voila("06_explorer.ipynb")
    explorer = explorer_in(page)
    expect(chart(explorer, "Sales value")).to_contain_text("from 250", timeout=SLOW)  # the last cells have run
    explorer.get_by_role("button", name="Clear all filters").click()
    expect(explorer.locator(".cl-words")).to_contain_text("5,000 of 5,000 customers", timeout=SLOW)
    ready(explorer, "Last order")
    plot = chart(explorer, "Last order").locator(".cl-plot")
    press_at(page, plot, 0.5)
    page.mouse.down()
    press_at(page, plot, 0.95)
    page.mouse.up()
    rows = explorer.locator(".cl-rows")
    expect(rows).to_contain_text(f"1–25 of {selected(explorer):,}", timeout=SLOW)

    # The rows: the next page, another order, personal data on request.
    expect(rows.get_by_role("row")).to_have_count(26)
    rows.get_by_role("button", name="Next page").click()
    expect(rows).to_contain_text("26–50 of")
    rows.get_by_role("button", name="Last order").click()
    expect(rows).to_contain_text("1–25 of")
    expect(rows.get_by_role("columnheader", name="Last order")).to_have_attribute("aria-sort", "descending")
    expect(rows).not_to_contain_text("@")
    rows.get_by_role("button", name="Reveal personal data").click()
    expect(rows).to_contain_text("@")


def test_a_finger_brushes(browser, voila):
    """With touch: sideways over a chart brushes, and the page still scrolls up and down."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{voila.url}/voila/render/{voila.place(CELLS)}", timeout=90_000)
    explorer = explorer_in(page)
    plot = chart(explorer, "Sales value").locator(".cl-plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    touch = context.new_cdp_session(page)

    def finger(kind, *place):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in place]})

    middle = box["y"] + box["height"] / 2
    finger("touchStart", (box["x"] + 0.3 * box["width"], middle))
    for place in (0.4, 0.5, 0.6, 0.7):
        finger("touchMove", (box["x"] + place * box["width"], middle))
        page.wait_for_timeout(50)
    finger("touchEnd")
    expect(chart(explorer, "Sales value")).to_contain_text("to below", timeout=SLOW)
    expect(explorer.locator(".cl-rows")).to_contain_text(f"1–25 of {selected(explorer):,}", timeout=SLOW)
    context.close()


def test_it_works_beside_a_lookup_in_notebook_7(open_in_notebook):
    page = open_in_notebook([*CELLS, "cl.widgets.Lookup(tables)", "print('all cells', 'have run')"])
    expect(page.locator(".jp-Notebook")).to_contain_text("all cells have run", timeout=SLOW)
    explorer = explorer_in(page)
    lookup = page.get_by_role("region", name="Customer lookup")
    box = lookup.get_by_role("combobox", name="Search customers")
    box.click()
    page.keyboard.type("rossi", delay=20)
    expect(lookup.get_by_role("option").first).to_contain_text("Rossi")
    page.keyboard.press("ArrowDown")
    expect(lookup.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(lookup.get_by_role("article", name="Customer")).to_contain_text("May be mailed")
    lookup.get_by_role("button", name="Reveal").press("Enter")
    expect(lookup.get_by_role("article").get_by_role("heading", level=3)).to_contain_text("Rossi")
    with notebook_left_alone(page):
        for key in SHORTCUTS:
            page.keyboard.press(key)
        box.fill("")
        for key in SHORTCUTS:
            box.press(key)
    expect(box).to_have_value("xaddb")

    ready(explorer, "Sales value")
    plot = chart(explorer, "Sales value").locator(".cl-plot")
    press_at(page, plot, 0.3)
    page.mouse.down()
    press_at(page, plot, 0.6)
    page.mouse.up()
    expect(chart(explorer, "Sales value")).to_contain_text(re.compile("from .* to below"))
    with notebook_left_alone(page):
        for key in (*SHORTCUTS, "ArrowRight", "Control+s"):
            page.keyboard.press(key)
    page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")
