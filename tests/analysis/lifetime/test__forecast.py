import datetime as dt

import numpy as np
import pandas as pd
import pytest

import custlens as cl
from custlens.analysis.lifetime._forecast import span_days


@pytest.mark.parametrize(
    ("horizon", "days"),
    [
        ("90D", 90),
        ("13W", 91),
        ("90 days", 90),
        ("1.5 weeks", 10.5),
        ("1d", 1),
        (dt.timedelta(days=30), 30),
        (pd.Timedelta("36h"), 1.5),
        (np.timedelta64(8, "W"), 56),
    ],
)
def test_a_horizon_is_read_in_days(horizon, days):
    assert span_days(horizon) == days


@pytest.mark.parametrize(
    ("horizon", "hint"),
    [
        (90, "90D"),
        (90.0, "90D"),
        (np.int64(30), "30D"),
        ("90", "90D"),
        ("3m", "91D"),
        ("3M", "91D"),
        ("1 year", "365D"),
        ("90ns", "90D"),
        ("90min", "90D"),
        ("-3D", "3D"),
        ("0D", "90D"),
        (0, "90D"),
        (-13, "13D"),
        ("999999999D", "90D"),
        ("soon", "90D"),
        ("", "90D"),
        (None, "90D"),
        (["90D"], "90D"),
        (True, "90D"),
        (pd.NaT, "90D"),
        (pd.Timedelta(0), "90D"),
        (dt.timedelta(days=-1), "90D"),
        (pd.DateOffset(months=3), "90D"),
        (dt.date(2026, 6, 30), "90D"),
    ],
)
def test_anything_else_is_refused_with_what_was_probably_meant(horizon, hint):
    with pytest.raises(cl.ArgumentError, match=f"horizon must be a time span above zero in days or weeks.*'{hint}'"):
        span_days(horizon)
