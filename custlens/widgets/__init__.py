"""Interactive widgets for JupyterLab, Notebook and Voilà."""

from custlens.widgets.explorer import Explorer
from custlens.widgets.lookup import Lookup
from custlens.widgets.syncing import Sync

__all__ = ["Explorer", "Lookup", "Sync"]
