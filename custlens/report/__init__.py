"""Reports: a notebook with parameters becomes one self-contained HTML file."""

from custlens.report._headline import Headline
from custlens.report._set_aside import SetAside
from custlens.report._table import Table
from custlens.report.page import notebook_path, write

__all__ = ["Headline", "SetAside", "Table", "notebook_path", "write"]
