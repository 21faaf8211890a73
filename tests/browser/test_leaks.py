"""Widgets that are closed leave no more behind, in the kernel or in the page, than any widget of anywidget does."""

import re

import pytest
from playwright.sync_api import Page, expect

SLOW = 60_000
ROUNDS, AT_ONCE = 5, 10
SETUP = """import gc, tempfile, weakref
at_once = 0  # until all cells have run once
import anywidget
import custlens as cl
from IPython.display import display

class Plain(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.innerHTML = '<p class=plain>Plain</p>'; } }"

shop = cl.demo.serve(customers=100, seed=3)
client = shop.client()
store = cl.Store(tempfile.mkdtemp() + "/shop.lens")
_ = store.sync(client, progress=False)
make = {
    "Plain": Plain,
    "Explorer": lambda: cl.widgets.Explorer(store),
    "Lookup": lambda: cl.widgets.Lookup(store, client=client),
    "Sync": lambda: cl.widgets.Sync(store, client),
}"""
SHOW = """panels = [make["NAME"]() for _ in range(at_once)]
seen = [weakref.ref(panel) for panel in panels]
for panel in panels[:1]: display(panel)  # with its still, which takes a second to draw
for panel in panels[1:]: display(panel._repr_mimebundle_()[0], raw=True)"""
CLOSE = """for panel in panels: panel.close()
panels = panel = None
_ = gc.collect()
print("alive:", sum(panel() is not None for panel in seen), "objects:", len(gc.get_objects()))"""
KINDS = ["Plain", "Explorer", "Lookup", "Sync"]
RUN = """index => {
    const content = jupyterapp.shell.currentWidget.content;
    content.activeCellIndex = index;
    content.deselectAll();
    jupyterapp.commands.execute('notebook:run-cell');
}"""
MOST = {"objects": 20, "JSEventListeners": 5, "Nodes": 5}
"""What one widget may leave behind beyond a plain one; IPython and JupyterLab remember cells, by no fixed number."""


def in_page(page: Page) -> dict[str, int]:
    """Return how many listeners and nodes the page holds after a garbage collection."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return {name: metrics[name] for name in ("JSEventListeners", "Nodes")}


def growth(page: Page, kind: str) -> dict[str, float]:
    """Open and close fifty widgets; return what each of the last forty left behind."""
    notebook = page.locator(".jp-Notebook")
    panels = notebook.locator("section.custlens:not([hidden]), .plain")
    show = 1 + 2 * KINDS.index(kind)
    close = show + 1
    closing = notebook.locator(".jp-CodeCell").nth(close)
    prompt, said = closing.locator(".jp-InputPrompt"), closing.locator(".jp-OutputArea-output")
    held = []
    for _ in range(ROUNDS):
        page.evaluate(RUN, show)
        expect(panels).to_have_count(AT_ONCE, timeout=SLOW)
        before = prompt.inner_text()
        page.evaluate(RUN, close)
        expect(prompt).not_to_have_text(before, timeout=SLOW)
        expect(prompt).to_have_text(re.compile(r"\[\d+\]:"), timeout=SLOW)
        expect(said).to_contain_text("alive: 0")
        expect(panels).to_have_count(0, timeout=SLOW)
        held.append({"objects": int(said.inner_text().split()[-1]), **in_page(page)})
    return {name: (held[-1][name] - held[0][name]) / (AT_ONCE * (ROUNDS - 1)) for name in held[0]}


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_fifty_widgets_that_were_closed_are_gone(open_in_lab):
    cells = [cell for kind in KINDS for cell in (SHOW.replace("NAME", kind), CLOSE)]
    page = open_in_lab([SETUP, *cells, f"at_once = {AT_ONCE}; print('all', 'ready')"])
    expect(page.locator(".jp-Notebook").get_by_text("all ready")).to_be_visible(timeout=2 * SLOW)
    left = {kind: growth(page, kind) for kind in KINDS}
    for kind in KINDS[1:]:
        for name, most in MOST.items():
            assert left[kind][name] - left["Plain"][name] < most, left
