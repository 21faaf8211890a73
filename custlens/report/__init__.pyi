from ._charts import show
from ._data import ReportData, read
from ._headline import Headline
from ._pdf import to_pdf
from ._set_aside import SetAside
from ._table import Table
from ._tables import (
    best_list,
    cohorts_table,
    forecast_charts,
    forecast_list,
    forecast_sentence,
    groups_table,
    overdue_list,
    rejects_table,
    segments_table,
)
from .findings import Findings
from .page import notebook_path, write

__all__ = [
    "Findings",
    "Headline",
    "ReportData",
    "SetAside",
    "Table",
    "best_list",
    "cohorts_table",
    "forecast_charts",
    "forecast_list",
    "forecast_sentence",
    "groups_table",
    "notebook_path",
    "overdue_list",
    "read",
    "rejects_table",
    "segments_table",
    "show",
    "to_pdf",
    "write",
]
