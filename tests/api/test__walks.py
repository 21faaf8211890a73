"""A walk finds everybody who is there all through, in a list in memory that changes between any two requests."""

import itertools
import math
import random

import pytest

from custlens.api._pages import Answer
from custlens.api._walks import LATE, REGISTERED, UPDATED, Walks


class Moving:
    """A list of customers, each with one time; before each answer some leave, and some come at the end."""

    def __init__(self, rng, count, seconds, *, leave=0.0, come=0.0, shuffled=False, cap=100):
        self.rng, self.leave, self.come, self.shuffled, self.cap = rng, leave, come, shuffled, cap
        self.times = {key: rng.randrange(1_000, 1_000 + seconds) for key in range(1, count + 1)}
        self.there_all_through = set(self.times)
        self.asked = 0

    def answer(self, ask):
        self.asked += 1
        for _ in range(min(self.some(self.leave), len(self.times))):
            gone = self.rng.choice(list(self.times))
            del self.times[gone]
            self.there_all_through.discard(gone)
        for _ in range(self.some(self.come)):
            self.times[10**6 + self.rng.randrange(10**9)] = max(self.times.values(), default=1_000) + 1
        low, high = (
            ask.filters.get(name, default) for name, default in (("created_from", 0), ("created_to", math.inf))
        )
        by_time = ask.sort_by.startswith("REGISTERED_DATE")
        sign = -1 if ask.sort_by.endswith("_DESC") else 1
        rows = [(sign * time if by_time else 0, self.rng.random() if by_time and self.shuffled else key, key)
                for key, time in self.times.items() if low <= time <= high]  # fmt: skip
        keys = [key for *_, key in sorted(rows)][ask.offset : ask.offset + min(ask.limit, self.cap)]
        created = [self.times[key] for key in keys]
        return Answer(len(rows), [b"{}"] * len(keys), keys, created, created, [None] * len(keys), sound=True)

    def some(self, mean):
        return int(mean) + (self.rng.random() < mean % 1)


def walk(moving):
    """Read the whole list; return whom the walk has found. A minute has passed since anybody came."""
    found = set()
    steps = Walks(
        {}, lambda answer: found.update(answer.keys), lambda: max(moving.times.values(), default=0) + LATE
    ).read(REGISTERED, 0)
    try:
        ask = next(steps)
        while True:
            ask = steps.send(moving.answer(ask))
    except StopIteration:
        return found


@pytest.mark.parametrize("shuffled", [False, True], ids=["in one order", "in any order"])
@pytest.mark.parametrize("cap", [100, 25])
@pytest.mark.parametrize("seconds", [1, 3, 40, 10_000])
def test_nobody_who_stays_is_missed(seconds, cap, shuffled):
    for seed in range(12):
        rng = random.Random(seed)
        count = rng.choice([0, 1, 7, 99, 100, 101, 250, 900])
        leave, come = rng.choice([(0, 0), (0.3, 0.3), (3, 3), (30, 0)])
        moving = Moving(rng, count, seconds, leave=leave, come=come, shuffled=shuffled, cap=cap)
        found = walk(moving)
        assert moving.there_all_through <= found, (seed, count, leave, come)


@pytest.mark.parametrize("seconds", [1, 10, 30, 100_000])
@pytest.mark.parametrize("leave", [0, 2])
def test_a_list_costs_about_one_request_per_page_however_many_share_a_second(seconds, leave):
    moving = Moving(random.Random(5), 3_000, seconds, leave=leave)
    walk(moving)
    assert moving.asked <= 1.12 * 30 + 3


@pytest.mark.parametrize("leave", [0, 0.1])
@pytest.mark.parametrize(
    ("together", "apart"),
    [*itertools.product([110, 150, 200, 300, 700], [1, 10]), (200, 100_000), (700, 100_000)],
)
def test_seconds_that_fill_pages_cost_two_requests_per_page_at_most_in_whatever_order_they_come(together, apart, leave):
    moving = Moving(random.Random(5), 3_000, 1, leave=leave, shuffled=True)
    moving.times = {key: 1_000 + (key - 1) // together * apart for key in moving.times}
    found = walk(moving)
    assert moving.there_all_through <= found
    assert moving.asked <= 2 * 30 + 5


def test_a_page_of_one_second_is_counted_from_its_end():
    answer = Answer(5, [b"{}"] * 5, [1, 2, 3, 4, 5], [None, 7, 8, 8, 8], [9, 9, 9, 9, None], [None] * 5, sound=True)
    assert REGISTERED.tied(answer) == 3
    assert UPDATED.tied(answer) == 0


def test_the_list_of_orders_is_read_to_an_end_although_more_come_than_a_page_holds():
    last = dict.fromkeys(range(1, 1_001), 1_000)
    rng, found, asked = random.Random(1), set(), 0
    steps = Walks({}, lambda answer: found.update(answer.keys)).orders(999)
    answer = None
    try:
        while asked < 2_000:
            ask = steps.send(answer)
            asked += 1
            last |= dict.fromkeys(rng.sample(sorted(last), 150), 1_000 + asked)
            keys = sorted(last, key=lambda key: (-last[key], key))[ask.offset : ask.offset + ask.limit]
            times = [last[key] for key in keys]
            answer = Answer(len(last), [b"{}"] * len(keys), keys, [1] * len(keys), [1] * len(keys), times, sound=True)
    except StopIteration:
        pass
    assert asked < 500
    assert len(found) > 950
