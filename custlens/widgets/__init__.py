"""Interactive widgets for JupyterLab and Voilà; each is one class with plain methods behind its buttons."""

from custlens.widgets.lookup import Lookup

__all__ = ["Lookup"]
