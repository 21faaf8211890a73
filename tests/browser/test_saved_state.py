"""A notebook that is saved with the state of its widgets holds nobody's data."""

from playwright.sync_api import expect

import custlens as cl

SLOW = 60_000
SETUP = """import tempfile
import custlens as cl
from IPython.display import display
shop = cl.demo.serve(customers=500, seed=3)
client = shop.client()
store = cl.Store(tempfile.mkdtemp() + "/shop.lens")
_ = store.sync(client, progress=False)
make = {
    "Explorer": lambda: cl.widgets.Explorer(store),
    "Lookup": lambda: cl.widgets.Lookup(store, client=client),
    "Sync": lambda: cl.widgets.Sync(store, client),
}"""


def test_a_saved_notebook_with_its_widget_state_holds_nobodys_data(open_in_lab, lab):
    shown = "show = {name: made() for name, made in make.items()}\nfor panel in show.values(): display(panel)"
    used = """show["Lookup"].search("rossi")
show["Lookup"].pick(int(show["Lookup"].matches["customer_id"].iloc[0]))
print("used")"""
    page = open_in_lab([SETUP, shown, used])
    notebook = page.locator(".jp-Notebook")
    expect(notebook.get_by_text("used", exact=True)).to_be_visible(timeout=SLOW)
    notebook.get_by_role("button", name="Reveal personal data").click(timeout=SLOW)
    expect(notebook.locator(".cl-explorer td").filter(has_text="@").first).to_be_visible(timeout=SLOW)
    page.evaluate("jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')")
    try:
        path = page.evaluate(
            """async () => {
                const context = jupyterapp.shell.currentWidget.context;
                await context.save();
                return context.path;
            }"""
        )
    finally:
        page.evaluate("jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')")
    saved = (lab.root / path).read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget-state+json" in saved
    with cl.demo.serve(customers=500, seed=3) as shop:
        customers = cl.fetch(shop.client(), progress=False).customers
    personal = customers[["name", "email", "billing_phone", "billing_street"]].stack().dropna().unique()
    assert [text for text in personal if len(text) > 5 and text in saved] == []
