"""Run a widget as an app: a page of Voilà on this machine, for whoever does not want to see a notebook."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Literal, get_args

from custlens._arguments import one_of
from custlens.errors import ConfigError
from custlens.store.store import Store

__all__ = ["App", "serve"]

App = Literal["lookup", "explorer"]
CELLS: dict[App, str] = {
    "lookup": "client = cl.Client.from_env() if 'ECWID_TOKEN' in os.environ else None\n"
    "cl.widgets.Lookup(store, client=client)",
    "explorer": "cl.widgets.Explorer(store)",
}
HEAD = "import os\nimport custlens as cl\nstore = cl.Store(os.environ['CUSTLENS_STORE'])\n"
NOT_HERE = "--VoilaConfiguration.extension_denylist=@jupyter-notebook/lab-extension"
"""What Notebook 7 adds to JupyterLab, if it is installed, fails in a page of Voilà."""


def serve(app: App, path: str | Path, *, port: int = 8866, browser: bool = False) -> None:
    """Serve a widget on 127.0.0.1 until Ctrl-C.

    Lookup can fetch a customer anew if ECWID_STORE_ID and ECWID_TOKEN are set in the environment.

    Parameters
    ----------
    app : {"lookup", "explorer"}
        The widget.
    path : str or path
        The store to read.
    port : int
        Port on 127.0.0.1; the next free one if it is taken.
    browser : bool
        Whether to open the page in a browser.

    Raises
    ------
    ArgumentError
        There is no such app.
    ConfigError
        Voilà is not installed.
    StoreError
        The store was not synced yet, or cannot be read.
    """
    one_of("app", app, get_args(App))
    if importlib.util.find_spec("voila") is None:
        raise ConfigError("an app needs Voilà: pip install 'custlens[lab]'")
    store = Store(path)
    store.syncs()  # refuses a store that an app could not show either
    import nbformat
    from voila.app import Voila

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(HEAD + CELLS[app])])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    os.environ["CUSTLENS_STORE"] = store.path  # the kernel inherits it
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / f"{app}.ipynb"
        nbformat.write(notebook, page)
        options = ["--Voila.ip=127.0.0.1", f"--Voila.port={port}", f"--Voila.open_browser={browser}"]
        Voila.launch_instance([str(page), *options, NOT_HERE])
