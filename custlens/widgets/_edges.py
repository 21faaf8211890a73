"""Where the bars of a histogram and their pieces end: at round numbers, and at days on which periods begin.

Each function returns the ends of the bars, in which None is an end that is open, and the ends between the pieces. Every end
is a value that a person can write, so that a range between two of them is exact in code too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["linear_edges", "log_edges", "time_edges"]

MOST_BARS = 40
PIECES = 10
"""Pieces of one bar of numbers."""
OUTLYING = 0.005
"""Share of the values at either end of a linear axis that may be put into one bar, if they lie far out."""
PERIODS = (("D", 48), ("W", 57), ("M", 60), ("Q", 60), ("Y", 33))
"""Periods that bars of times may have, and the most bars of each."""


def log_edges(known: np.ndarray, whole: bool) -> tuple[list[Any], np.ndarray]:
    """Return the ends of bars and of pieces on a logarithmic axis: round numbers, evenly spread over the decades."""
    positive = known[known > 0]
    if not len(positive):
        return [None, None], np.zeros(0)
    least, most = float(positive.min()), float(positive.max())
    low, high = math.log10(least), math.log10(most)
    per_decade = next(
        (
            n
            for n in (20, 12, 10, 8, 6, 5, 4, 3, 2, 1, 0.5, 0.25)
            if math.floor(high * n) - math.floor(low * n) + 3 < MOST_BARS
        ),
        0.125,
    )
    start = math.floor(low * per_decade)
    if _round_power(start / per_decade, whole) > least:
        start -= 1
    stop = math.floor(high * per_decade) + 1
    bars = sorted({_round_power(i / per_decade, whole) for i in range(start, stop + 1)})
    fine = per_decade * PIECES
    pieces = {_round_power(i / fine, whole) for i in range(start * PIECES, stop * PIECES + 1)}
    pieces |= set(bars)
    below = bool((known < bars[0]).any())
    return _ends(bars, sorted(pieces), below=below, above=False)


def _round_power(exponent: float, whole: bool) -> float:
    rounded = float(f"{10**exponent:.3g}")
    return float(math.ceil(rounded)) if whole else rounded


def linear_edges(known: np.ndarray, whole: bool) -> tuple[list[Any], np.ndarray]:
    """Return the ends of bars and of pieces on a linear axis: multiples of 1, 2 or 5 and a power of ten."""
    if not len(known):
        return [None, None], np.zeros(0)
    least, most = float(known.min()), float(known.max())
    low, high = np.quantile(known, (OUTLYING, 1 - OUTLYING)).tolist()
    usual = high - low
    low, high = (least if low - least <= usual else low), (most if most - high <= usual else high)
    span = max(high - low, abs(high) * 1e-9, 1.0 if whole else 0.01)
    exponent = max(math.floor(math.log10(span / MOST_BARS)), 0 if whole else -99)
    step, exponent = next(
        (step, power)
        for power in (exponent, exponent + 1)
        for step in (1, 2, 5)
        if math.floor(high / (step * 10.0**power)) - math.floor(low / (step * 10.0**power)) + 3 <= MOST_BARS
    )
    size = step * 10.0**exponent
    first, stop = math.floor(low / size), math.floor(high / size) + 1
    bars = [_multiple(i * step, exponent) for i in range(first, stop + 1)]
    pieces = [_multiple(i * step, exponent - 1) for i in range(first * PIECES, stop * PIECES + 1)]
    if whole:
        pieces = [edge for edge in pieces if edge.is_integer()]
    return _ends(bars, pieces, below=least < bars[0], above=most >= bars[-1])


def _multiple(count: int, exponent: int) -> float:
    """Return a multiple of a power of ten as the float that its decimal form spells."""
    return float(f"{count}e{exponent}")


def _ends(bars: list[float], pieces: list[float], *, below: bool, above: bool) -> tuple[list[Any], np.ndarray]:
    """Return the ends of the bars, with open bars for values beyond them, and what is between the pieces."""
    inner = np.array(pieces)[(0 if below else 1) : (None if above else -1)]
    return [*([None] if below else []), *bars, *([None] if above else [])], inner


def time_edges(known: np.ndarray) -> tuple[str, list[Any], np.ndarray]:
    """Return the period of the bars, their ends and those of the pieces, in microseconds."""
    if not len(known):
        return "Y", [None, None], np.zeros(0, "int64")
    first, last = known.min().astype("datetime64[us]"), known.max().astype("datetime64[us]")
    for period, most in PERIODS:
        bars = _periods(first, last, period)
        if len(bars) - 1 <= most:
            break
    early = len(bars) - 1 > most
    bars = bars[-most - 1 :]
    if period in "DW":
        pieces = np.arange(bars[0], bars[-1] + 1)
    else:
        months = np.arange(bars[0].astype("datetime64[M]"), bars[-1].astype("datetime64[M]"))
        days = {"M": (0, 5, 10, 15, 20, 25), "Q": (0, 15), "Y": (0,)}[period]
        pieces = np.append((months.astype("datetime64[D]")[:, None] + np.array(days)).ravel(), bars[-1])
    micros = pieces.astype("datetime64[us]").astype("int64")
    ends = bars.astype("datetime64[us]").astype("int64").tolist()
    return period, [None, *ends] if early else ends, micros[(0 if early else 1) : -1]


def _periods(first: np.datetime64, last: np.datetime64, period: str) -> np.ndarray:
    """Return the days on which periods begin, from that of the first time to the one after the last."""
    unit = f"datetime64[{'D' if period in 'DW' else 'M'}]"
    length = {"D": 1, "W": 7, "M": 1, "Q": 3, "Y": 12}[period]
    start = first.astype(unit)
    start -= (start.astype("int64") + (3 if period == "W" else 0)) % length  # 1970 began on a Thursday
    count = int((last.astype(unit) - start).astype("int64")) // length + 1
    days: np.ndarray = (start + length * np.arange(count + 1)).astype("datetime64[D]")
    return days
