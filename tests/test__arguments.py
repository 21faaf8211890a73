from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

import custlens as cl
from custlens._arguments import moment, number, one_of, shown, span, time_zone, whole_number

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
END = datetime(2026, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("2026-06-30", END),
        (date(2026, 6, 30), END),
        ("2026-06-30T12:00:00Z", NOON),
        ("2026-06-30 14:00+02:00", NOON),
        (datetime(2026, 6, 30, 14, tzinfo=timezone(timedelta(hours=2))), NOON),
        (pd.Timestamp("2026-06-30 14:00", tz="Europe/Berlin"), NOON),
        (pd.Timestamp("2026-06-30 12:00:00.000000999", tz="UTC"), NOON),
    ],
)
def test_a_moment_is_taken_in_each_form(value, meant):
    assert moment("as_of", value) == meant
    assert type(moment("as_of", value)) is datetime


@pytest.mark.parametrize(
    "value",
    [None, "", "yesterday", "2026-13-01", 20260630, 1.5, pd.NaT, [NOON], pd.DataFrame(), datetime, "2026-06-30 14:00",
     datetime(2026, 6, 30), pd.Timestamp("2026-06-30")],
)  # fmt: skip
def test_anything_else_is_refused_by_name(value):
    with pytest.raises(cl.ArgumentError, match=r"^as_of (must be a date|needs a time zone).*2026-06-30"):
        moment("as_of", value)


@pytest.mark.parametrize(
    "value",
    [
        "9999-12-31",
        "0001-01-01",
        date(2262, 1, 1),
        datetime(1677, 12, 31, tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_moment_that_pandas_cannot_hold_is_refused(value):
    with pytest.raises(cl.ArgumentError, match=r"^as_of must lie between the years 1677 and 2262, and is "):
        moment("as_of", value)


def test_numbers_are_numbers():
    assert whole_number("limit", np.int64(3)) == 3
    assert number("level", np.float32(0.5), above=0, below=1) == 0.5
    for value in (True, "3", 2.0, None, [3]):
        with pytest.raises(cl.ArgumentError, match="limit must be a whole number, at least 1"):
            whole_number("limit", value, least=1)
    with pytest.raises(cl.ArgumentError, match="limit must be from 1 to 8, and is 9"):
        whole_number("limit", 9, least=1, most=8)
    for value in (True, "0.5", None, [0.5], np.array([0.5]), 1, 0, float("nan"), float("inf")):
        with pytest.raises(cl.ArgumentError, match="level must be a number above 0 and below 1"):
            number("level", value, above=0, below=1)
    with pytest.raises(cl.ArgumentError, match="level must be a number, and is inf"):
        number("level", 10**400)


def test_a_wrong_choice_is_told_the_nearest_one():
    assert one_of("mode", "full", ["auto", "full"]) == "full"
    with pytest.raises(cl.ArgumentError, match="mode must be one of auto, full, not 'ful'; did you mean 'full'"):
        one_of("mode", "ful", ["auto", "full"])
    with pytest.raises(cl.ArgumentError, match="mode must be one of auto, full, not None"):
        one_of("mode", None, ["auto", "full"])


def test_a_table_is_never_printed_into_an_error():
    assert shown(pd.DataFrame({"email": ["ann@example.com"]})) == "a DataFrame"
    assert shown(cl.Client) == "the class Client"
    assert len(shown("x" * 1_000)) == 60


@pytest.mark.parametrize(
    ("horizon", "days"),
    [
        ("90D", 90),
        ("13W", 91),
        ("90 days", 90),
        ("1.5 weeks", 10.5),
        ("1d", 1),
        (timedelta(days=30), 30),
        (pd.Timedelta("36h"), 1.5),
        (np.timedelta64(8, "W"), 56),
    ],
)
def test_a_span_is_read_in_days_or_weeks(horizon, days):
    assert span("horizon", horizon) / timedelta(days=1) == days


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
        (timedelta(days=-1), "90D"),
        (pd.DateOffset(months=3), "90D"),
        (date(2026, 6, 30), "90D"),
    ],
)
def test_any_other_span_is_refused_with_what_was_probably_meant(horizon, hint):
    with pytest.raises(
        cl.ArgumentError, match=f"horizon must be a time span of a day or more in days or weeks.*'{hint}'"
    ):
        span("horizon", horizon)


@pytest.mark.parametrize(
    ("given", "hint"), [("3MS", "91D"), ("1 quarter", "91D"), ("2QS", "183D"), ("1 year", "365D"), ("2 month", "61D")]
)
def test_a_span_in_other_units_is_answered_with_its_days(given, hint):
    with pytest.raises(cl.ArgumentError, match=f"did you mean '{hint}'"):
        span("horizon", given)


def test_letters_of_another_case_are_the_nearest_name():
    with pytest.raises(cl.ArgumentError, match="did you mean 'W'"):
        one_of("freq", "w", ["D", "W", "MS", "day", "week"])


@pytest.mark.parametrize("value", ["Mars", "", None, 5, "../etc/passwd", UTC])
def test_a_time_zone_is_known_by_its_name(value):
    assert time_zone("tz", "Europe/Berlin") == "Europe/Berlin"
    with pytest.raises(cl.ArgumentError, match="tz must be the IANA name of a time zone such as 'Europe/Berlin'"):
        time_zone("tz", value)
