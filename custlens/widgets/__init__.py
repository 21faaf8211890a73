"""Interactive widgets for JupyterLab and Voilà: one class each; the handlers of its controls are plain methods."""

from custlens.widgets.explorer import Explorer
from custlens.widgets.lookup import Lookup

__all__ = ["Explorer", "Lookup"]
