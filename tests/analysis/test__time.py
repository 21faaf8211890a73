from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

import custlens as cl
from custlens.analysis._time import days, local_moments, local_times, microseconds, period_name, periods


def micros(*texts):
    return np.array([pd.Timestamp(text, tz="UTC").value / 1_000 for text in texts])


def begin_of(text, period, tz="UTC"):
    return str(periods(local_times(micros(text), tz), period).iloc[0])


@pytest.mark.parametrize(
    "when",
    [
        datetime(2026, 6, 30, 12, tzinfo=UTC),
        datetime(2026, 6, 30, 14, tzinfo=timezone(timedelta(hours=2))),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
    ids=["UTC", "another zone", "before 1970", "last microsecond"],
)
def test_a_time_is_counted_in_whole_microseconds_since_1970(when):
    assert microseconds(when) == pd.Timestamp(when).value // 1_000


def test_a_difference_in_days_is_never_negative():
    difference = np.array([36e8 * 36, 0.0, -5.0, np.nan])
    np.testing.assert_array_equal(days(difference), [1.5, 0.0, 0.0, np.nan])


@pytest.mark.parametrize(
    ("moment", "tz", "local"),
    [
        ("2026-03-29 00:59:59", "Europe/Berlin", "2026-03-29 01:59:59"),
        ("2026-03-29 01:00:00", "Europe/Berlin", "2026-03-29 03:00:00"),
        ("2026-10-25 00:30:00", "Europe/Berlin", "2026-10-25 02:30:00"),
        ("2026-10-25 01:30:00", "Europe/Berlin", "2026-10-25 02:30:00"),
        ("2026-01-01 00:00:00", "America/New_York", "2025-12-31 19:00:00"),
        ("2026-01-01 00:00:00", "Asia/Kathmandu", "2026-01-01 05:45:00"),
        ("2026-01-01 00:00:00", "Australia/Lord_Howe", "2026-01-01 11:00:00"),
        ("2026-07-01 00:00:00", "Australia/Lord_Howe", "2026-07-01 10:30:00"),
    ],
)
def test_a_time_is_shown_as_the_clock_of_its_zone_shows_it(moment, tz, local):
    assert local_times(micros(moment), tz).tolist() == [pd.Timestamp(local)]


def test_a_missing_time_stays_missing():
    assert local_times(np.array([np.nan]), "Europe/Berlin").isna().all()


@pytest.mark.parametrize("tz", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
def test_quarters_of_an_hour_lie_in_the_same_day_as_the_times_that_they_stand_for(tz):
    drawn = np.random.default_rng(3).uniform(*micros("1972-01-01", "2040-01-01"), 5_000)
    changes = micros("2026-03-29 01:00:00", "2026-10-25 01:00:00", "2026-04-04 15:00:00")
    moments = np.floor(np.concatenate([drawn, changes, changes - 1]))
    places, quarters = local_moments(moments, tz)
    assert len(quarters) == len(np.unique(moments // 900e6))
    days_of = local_times(moments, tz).dt.normalize()
    assert quarters.iloc[places].dt.normalize().tolist() == days_of.tolist()


def test_no_times_have_no_quarters():
    places, quarters = local_moments(np.array([]), "UTC")
    assert len(places) == len(quarters) == 0


@pytest.mark.parametrize(
    ("period", "begin"),
    [
        ("day", "2026-01-01 00:00:00"),
        ("week", "2025-12-29 00:00:00"),
        ("month", "2026-01-01 00:00:00"),
        ("quarter", "2026-01-01 00:00:00"),
        ("year", "2026-01-01 00:00:00"),
    ],
)
def test_a_period_is_named_by_its_first_moment(period, begin):
    assert begin_of("2026-01-01 12:00", period) == begin


@pytest.mark.parametrize(
    ("moment", "period", "tz", "begin"),
    [
        ("2026-06-28 23:59:59.999999", "week", "UTC", "2026-06-22 00:00:00"),
        ("2026-06-29 00:00:00", "week", "UTC", "2026-06-29 00:00:00"),
        ("2026-06-28 22:00:00", "week", "Europe/Berlin", "2026-06-29 00:00:00"),
        ("2026-03-31 22:30:00", "quarter", "Europe/Berlin", "2026-04-01 00:00:00"),
        ("2026-04-01 03:59:59", "quarter", "America/New_York", "2026-01-01 00:00:00"),
        ("2025-12-31 23:00:00", "year", "Europe/Berlin", "2026-01-01 00:00:00"),
        ("2024-02-29 23:59:59", "month", "UTC", "2024-02-01 00:00:00"),
        ("2026-03-29 01:00:00", "day", "Europe/Berlin", "2026-03-29 00:00:00"),
    ],
    ids=[
        "the last microsecond of a week", "Monday", "Monday in Berlin", "a quarter in Berlin", "a quarter in New York",
        "New Year in Berlin", "a leap day", "a day of 23 hours",
    ],
)  # fmt: skip
def test_a_time_at_the_edge_of_a_period_falls_in_the_period_of_its_local_clock(moment, period, tz, begin):
    assert begin_of(moment, period, tz) == begin


@pytest.mark.parametrize(
    ("freq", "name"),
    [("D", "day"), ("W", "week"), ("MS", "month"), ("QS", "quarter"), ("YS", "year"), ("week", "week")],
)
def test_a_period_has_a_name_and_an_alias(freq, name):
    assert period_name(freq) == name


@pytest.mark.parametrize(("freq", "hint"), [("months", "did you mean 'month'"), ("ms", "did you mean 'MS'"), (5, "")])
def test_an_unknown_period_is_refused_with_the_one_meant(freq, hint):
    with pytest.raises(cl.ArgumentError, match=f"freq must be one of D, W, MS.*{hint}"):
        period_name(freq)
