"""What an analyst does with the lookup: type, pick by the keys, read the card, reveal, ask for somebody who is not there."""

import json
import re

import pytest
from helpers.browsing import SHORTCUTS, notebook_left_alone, serious
from playwright.sync_api import Locator, Page, expect

SLOW = 60_000
HOSTILE = "<img src=x onerror=alert(1)>\u202eevil\x00 \u05d0\u05d1\u05d2 " + "W" * 400
CELLS = [
    f"""
import custlens as cl
shop = cl.demo.serve(customers=300, seed=7)
shop.population.edit(shop.ids[5], name={HOSTILE!r})
shop.changed()
client = shop.client(retries=0, backoff=0.01, max_wait=0)
tables = cl.fetch(client, progress=False)
""",
    "lookup = cl.widgets.Lookup(tables, client=client)\nlookup",
    "print('all cells', 'have run')",
]


def ready(page: Page, count: int = 300) -> Locator:
    """Return the lookup of a notebook that has run."""
    lookup = page.get_by_role("region", name="Customer lookup")
    expect(lookup.get_by_role("status")).to_have_text(f"{count} customers. Type two letters or a digit.", timeout=SLOW)
    return lookup


def in_kernel(page: Page, code: str) -> str:
    """Run code in the notebook's kernel and return what it prints."""
    return page.evaluate(
        """async (code) => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let text = "";
            future.onIOPub = (message) => { text += message.content.text ?? message.content.evalue ?? ""; };
            await future.done;
            return text.trim();
        }""",
        code,
    )


def use_the_lookup(page: Page, lookup: Locator) -> None:
    box = lookup.get_by_role("combobox", name="Search customers")
    options = lookup.get_by_role("option")
    box.click()
    page.keyboard.type("rossi", delay=30)
    expect(lookup.get_by_role("status")).to_have_text(re.compile(r"^\d+ of \d+ customers$"))
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(options.first.locator("mark").first).to_have_text("Rossi")
    count = options.count()
    reached = ""
    for key, place in (
        ("ArrowDown", 0),
        ("ArrowDown", 1),
        ("ArrowUp", 0),
        ("ArrowUp", count - 1),
        ("Home", 0),
        ("End", count - 1),
    ):
        page.keyboard.press(key)
        reached = options.nth(place).get_attribute("id") or ""
        expect(box).to_have_attribute("aria-activedescendant", reached)
        expect(options.nth(place)).to_have_attribute("aria-selected", "true")
    name = lookup.locator(f"#{reached} bdi").first.inner_text()
    number = (lookup.locator(f"#{reached}").get_attribute("data-id")) or ""
    page.keyboard.press("Enter")
    card = lookup.get_by_role("article", name="Customer")
    expect(card.get_by_role("heading", name=f"Customer {number}")).to_be_visible()
    expect(box).to_be_focused()
    expect(lookup.get_by_role("listbox")).to_be_hidden()
    expect(card).not_to_contain_text(name)
    expect(card).to_contain_text("May be mailed")
    expect(card.get_by_role("img").first).to_have_attribute("aria-label", re.compile("^Orders: "))

    reveal = lookup.get_by_role("button", name="Reveal")
    reveal.focus()
    page.keyboard.press("Enter")
    expect(card.get_by_role("heading", name=name)).to_be_visible()
    expect(lookup.get_by_role("button", name="Hide")).to_be_focused()
    page.keyboard.press("Space")
    expect(card).not_to_contain_text(name)

    box.fill("999")
    expect(lookup.get_by_role("status")).to_contain_text("“Fetch now” asks the shop for ID 999.")
    expect(card).to_have_count(0)
    lookup.get_by_role("button", name="Fetch now").click()
    expect(lookup.get_by_role("alert")).to_contain_text("Customer with ID 999 is not found")
    expect(card).to_have_count(0)

    box.fill(number)
    expect(options).to_have_count(1)
    box.press("Enter")
    expect(card).to_contain_text(number)
    lookup.get_by_role("button", name="Fetch now").click()
    expect(card).to_contain_text("Fetched now, as of 30 Jun 2026", timeout=SLOW)
    expect(card).to_contain_text("Nothing differs from the table.")
    box.press("Escape")
    expect(box).to_have_value("")
    expect(card).to_have_count(0)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_lookup_works_in_jupyterlab(open_in_lab, theme):
    page = open_in_lab(CELLS, theme)
    lookup = ready(page)
    use_the_lookup(page, lookup)
    lookup.get_by_role("combobox").fill("rossi")
    expect(lookup.get_by_role("option").first).to_be_visible()
    lookup.get_by_role("option").first.click()
    lookup.get_by_role("button", name="Reveal").click()
    expect(lookup.get_by_role("article")).to_contain_text("Outlook")
    assert serious(page, ".cl-lookup") == []
    for width in (320, 390, 1280, 1600):
        lookup.evaluate("(section, width) => { section.style.width = `${width}px`; }", width)
        assert lookup.evaluate("section => section.scrollWidth - section.clientWidth") == 0, width


def test_the_lookup_works_in_voila(open_in_voila):
    page = open_in_voila(CELLS)
    use_the_lookup(page, ready(page))


def test_the_notebook_of_the_lookup_runs_as_an_app(open_in_voila):
    page = open_in_voila("05_lookup.ipynb")
    lookup = page.get_by_role("region", name="Customer lookup")
    expect(lookup.get_by_role("article", name="Customer")).to_contain_text("May be mailed", timeout=SLOW)


def test_keys_of_the_notebook_stay_in_the_lookup(open_in_lab):
    page = open_in_lab(CELLS)
    lookup = ready(page)
    expect(page.locator(".jp-Notebook")).to_contain_text("all cells have run", timeout=SLOW)
    box = lookup.get_by_role("combobox")
    box.click()
    page.keyboard.type("rossi", delay=20)
    expect(lookup.get_by_role("option").first).to_be_visible()
    with notebook_left_alone(page):
        for key in ("ArrowDown", "Escape", *SHORTCUTS, "c", "v", "z", "ArrowUp", "Shift+Enter"):
            page.keyboard.press(key)
    expect(box).to_be_focused()
    expect(box).to_have_value("rossixaddbcvz")
    box.fill("rossi")
    lookup.get_by_role("option").first.click()
    lookup.get_by_role("button", name="Reveal").focus()
    with notebook_left_alone(page):
        for key in SHORTCUTS:
            page.keyboard.press(key)
    lookup.get_by_role("article").click()
    with notebook_left_alone(page):
        for key in SHORTCUTS:
            page.keyboard.press(key)


@pytest.mark.parametrize("allowed", [False, True])
def test_the_notebook_that_jupyterlab_saves_holds_nobody_unless_that_is_allowed(open_in_lab, lab, allowed):
    shown = f"lookup = cl.widgets.Lookup(tables, save_personal_data={allowed})\nlookup"
    page = open_in_lab([CELLS[0], shown, CELLS[2]])
    lookup = ready(page)
    expect(page.locator(".jp-Notebook")).to_contain_text("all cells have run", timeout=SLOW)
    lookup.get_by_role("combobox").fill("rossi")
    lookup.get_by_role("option").first.click()
    lookup.get_by_role("button", name="Reveal").click()
    heading = lookup.get_by_role("article").get_by_role("heading", level=3)
    expect(heading).to_contain_text("Rossi")
    expect(lookup.get_by_role("article")).to_contain_text("Forecast")
    page.evaluate("jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')")  # a switch
    page.evaluate("jupyterapp.shell.currentWidget.context.save()")
    path = page.evaluate("jupyterapp.shell.currentWidget.context.path")
    saved = (lab.root / path).read_text(encoding="utf-8")
    page.evaluate("jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')")
    assert "anywidget" in json.dumps(json.loads(saved)["metadata"]["widgets"])
    assert ("@mail.example" in saved) is ("Rossi" in saved) is allowed
    lab.end_kernels()
    page.goto(f"{lab.url}/lab/tree/{path}?reset")
    still = page.locator(".jp-Notebook [data-custlens]")
    expect(lookup.get_by_role("combobox") if allowed else still).to_be_visible(timeout=SLOW)
    expect(still if allowed else lookup).to_be_hidden()
    expect(heading).to_have_count(int(allowed))


def test_names_that_would_break_a_page_are_text_in_their_own_place(open_in_lab):
    page = open_in_lab(CELLS)
    lookup = ready(page)
    lookup.get_by_role("combobox").fill("onerror")
    option = lookup.get_by_role("option")
    expect(option).to_have_count(1)
    expect(option).to_contain_text("<img src=x onerror=alert(1)>evil")
    option.click()
    lookup.get_by_role("button", name="Reveal").click()
    heading = lookup.get_by_role("article").get_by_role("heading", level=3)
    expect(heading).to_contain_text("<img src=x onerror=alert(1)>evil")
    shown = lookup.inner_text()
    assert not {"\u202e", "\x00"} & set(shown)
    assert lookup.locator("img").count() == 0
    lookup.evaluate("section => { section.style.width = '320px'; }")
    assert lookup.evaluate("section => section.scrollWidth - section.clientWidth") == 0


def test_a_failing_shop_is_told_in_its_words(open_in_lab):
    page = open_in_lab(CELLS)
    lookup = ready(page)
    lookup.get_by_role("combobox").fill("rossi")
    lookup.get_by_role("option").first.click()
    for fault, words in ((500, "500: Cannot retrieve the customer info"), (403, "403"), (429, "429")):
        in_kernel(page, f"shop.fail_next({fault})")
        lookup.get_by_role("button", name="Fetch now").click()
        expect(lookup.get_by_role("alert")).to_contain_text(words, timeout=SLOW)
    lookup.get_by_role("button", name="Fetch now").click()
    expect(lookup.get_by_role("article")).to_contain_text("Fetched now", timeout=SLOW)
    expect(lookup.get_by_role("alert")).to_be_empty()
    number = in_kernel(page, "print(lookup.customer['customer_id'].item())")
    expect(lookup.get_by_role("article")).to_contain_text(number)


def test_the_kernel_and_the_list_are_free_while_the_shop_is_asked(open_in_lab):
    page = open_in_lab(CELLS)
    lookup = ready(page)
    box, button = lookup.get_by_role("combobox"), lookup.get_by_role("button", name="Fetch now")
    in_kernel(page, "shop.faults.latency = 4")
    box.fill("999")
    button.focus()
    page.keyboard.press("Enter")
    expect(lookup.get_by_role("status")).to_have_text("Asking the shop for customer 999 …")
    expect(button).to_be_disabled()
    expect(button).to_be_focused()
    assert in_kernel(page, "print(lookup._asked)") == "999"
    expect(lookup.get_by_role("alert")).to_contain_text("Customer with ID 999 is not found", timeout=SLOW)
    expect(button).to_be_enabled()
    button.click()
    box.fill("rossi")
    expect(lookup.get_by_role("status")).to_contain_text("customers")
    expect(button).to_be_disabled()  # there is no ID to ask for
    in_kernel(page, "shop.faults.latency = 0")
    lookup.get_by_role("option").first.click()
    expect(lookup.get_by_role("article")).to_be_visible()
    expect(button).to_be_enabled()


def test_two_lookups_do_not_disturb_each_other(open_in_lab):
    page = open_in_lab([*CELLS, "other = cl.widgets.Lookup(tables)\nother"])
    first, second = (page.get_by_role("region", name="Customer lookup").nth(place) for place in (0, 1))
    expect(second.get_by_role("status")).to_contain_text("300 customers", timeout=SLOW)
    first.get_by_role("combobox").fill("rossi")
    first.get_by_role("option").first.click()
    expect(first.get_by_role("article")).to_be_visible()
    expect(second.get_by_role("option")).to_have_count(0)
    second.get_by_role("combobox").fill("garcia")
    second.get_by_role("option").first.click()
    expect(second.get_by_role("article")).to_be_visible()
    expect(second.get_by_role("button", name="Fetch now")).to_be_hidden()
    expect(first.get_by_role("combobox")).to_have_value("rossi")
