"""A living shop, day after day: at the end of each day the store equals the shop, whatever happened, and stays small.

    python tests/soak [--days 30] [--customers 50000] [--seed SEED]

Each day customers register, order, get money back, are edited and deleted, most of them between two syncs and some
while one runs. Some requests fail: 429, 5xx, dropped and cut-off answers, bodies that drip until the client gives up.
Processes that sync are killed at random moments. Then a sync runs to its end while the shop goes on selling, and one
more when the shop has closed; after that the store must equal the shop. Once a week the sync is a full one by itself,
and earlier states are given up.

The exit code is 1, with the first thing that was wrong, if anything was. The seed fixes what happens in the shop, which
requests fail and how long a process may live, though not how far it gets in that time.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import custlens as cl
from custlens.demo import Churn, Shop
from custlens.demo.population import api_seconds

WORKER = Path(__file__).with_name("worker.py")
SELLING = Churn(add=0.1, delete=0.05, edit=0.2, order=0.5, seconds_per_request=0.25)
FAULTS = ("429", "500", "502", "503", "drop", "cut", "truncated", "206", "drip", "html", "empty", "malformed")
FAULT_SHARE = 0.03
MOST_KILLS = 3
REFUNDS = 20
WEEK = 7
MONEY = ["sales_value", "average_order_value"]
STATS = ["number_of_orders", *MONEY, "first_order_date", "last_order_date"]
GROWTH = {"memory": 1.25, "files": 1.0, "threads": 1.0, "disk": 1.5}
"""What may be used at most in the last week, as a multiple of the most in the second one."""


class Worker:
    """A process that syncs when it is told to."""

    def __init__(self, store: cl.Store, shop: Shop) -> None:
        command = [sys.executable, str(WORKER), store.path, shop.url, str(shop.store_id), shop.token]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.report: dict = {}

    def begin(self) -> None:
        self._process.stdin.write("sync\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "began\n", "a process cannot begin a sync"

    def sync(self) -> dict:
        """Sync to the end, and return what was reported."""
        self.begin()
        line = self._process.stdout.readline()
        assert line, "a sync failed (see above)"
        self.report = json.loads(line)
        return self.report

    def kill(self) -> bool:
        """Kill the process; return whether that interrupted a sync."""
        self._process.kill()
        return not self._process.communicate()[0]


class Life:
    """A shop, its store, and what must be true of both."""

    def __init__(self, shop: Shop, store: cl.Store, seed: int) -> None:
        self.shop, self.store, self.rng = shop, store, random.Random(seed)
        self.worker = Worker(store, shop)
        self.kills = self.faults = 0
        self._refunded: set[int] = set()  # since the last full sync, which alone finds them
        self._ends: dict[pd.Timestamp, pd.DataFrame] = {}
        shop.on_request = self._fail_sometimes

    def _fail_sometimes(self, request: str) -> None:
        if self.rng.random() < FAULT_SHARE:
            self.faults += 1
            self.shop.fail_next(self.rng.choice(FAULTS))

    def day(self, number: int, full_takes: float) -> dict:
        """Live one day; return the report of the sync while the shop was open, with sizes at the day's end."""
        shop, rng = self.shop, self.rng
        if number:
            shop.advance(1)
        buyers = [i for i, customer in shop.population.customers.items() if orders_of(customer)]
        for customer_id in rng.sample(buyers, REFUNDS):
            shop.population.refund(customer_id, 1.0)
            self._refunded.add(customer_id)
        morning = {i: orders_of(customer) for i, customer in shop.population.customers.items()}
        events = len(shop.log)
        shop.churn = replace(SELLING, seed=rng.randrange(2**31))
        for _ in range(rng.randint(0, MOST_KILLS)):
            doomed = Worker(self.store, shop)
            doomed.begin()
            time.sleep(rng.uniform(0, full_takes if number % WEEK == 0 else full_takes / 8))
            self.kills += doomed.kill()
        report = self.worker.sync()
        self._check_nobody_is_lost(morning, {event.customer_id for event in shop.log[events:] if event.kind == "add"})
        shop.churn = None
        sizes = self.worker.sync()
        if "full" in (report["mode"], sizes["mode"]):
            self._refunded.clear()
        self._check_truth()
        if number % WEEK == WEEK - 1:
            self.store.compact(f"{WEEK}D")
        files = [file for file in Path(self.store.path).rglob("*") if file.is_file()]
        return report | {
            **{name: sizes[name] for name in ("memory", "files", "threads")},
            "disk": sum(file.stat().st_size for file in files) / 1e6,
        }

    def _check_nobody_is_lost(self, morning: dict[int, int], came: set[int]) -> None:
        """Who was there all day is in the store, with statistics no older than the morning's."""
        held = self.store.customers(["number_of_orders"]).set_index("customer_id")["number_of_orders"]
        assert held.index.is_unique, "a customer is there twice"
        stayed = morning.keys() & set(self.shop.ids) - came
        assert not stayed - set(held.index), f"{len(stayed - set(held.index))} customers were lost while the shop sold"
        older = [i for i, orders in held.dropna().items() if i in stayed and orders < morning[i]]
        assert not older, f"the statistics of {len(older)} customers are older than the sync"

    def _check_truth(self) -> None:
        held = self.store.customers().set_index("customer_id").sort_index()
        assert held.index.tolist() == sorted(self.shop.ids), "the store has other customers than the shop"
        people = [self.shop.population.customers[i] for i in held.index]
        for name in ("email", "name", "private_admin_notes"):
            mine = held[name].astype("object").where(held[name].notna(), None)
            assert mine.tolist() == [getattr(person, name) for person in people], f"{name} is not the shop's"
        truth = pd.DataFrame({name: [getattr(person.stats, name) for person in people] for name in STATS}, held.index)
        for name in ("first_order_date", "last_order_date"):
            texts = [getattr(person.stats, name) for person in people]
            truth[name] = pd.to_datetime([seconds_of(text) for text in texts], unit="s", utc=True)
        stats = held[STATS]
        same = pd.DataFrame({name: equal(stats[name], truth[name]) for name in STATS})
        same.loc[same.index.isin(self._refunded), MONEY] = True
        for customer_id in same.index[~same.all(axis=1)][:5]:
            happened = [(str(event.time), event.kind) for event in self.shop.log if event.customer_id == customer_id]
            print(stats.loc[customer_id].to_dict(), truth.loc[customer_id].to_dict(), happened, sep="\n  ")
        assert same.all(axis=None), f"the statistics of {(~same.all(axis=1)).sum()} customers are not the shop's"
        for part in ("addresses", "contacts"):
            mine = getattr(self.store, part)()["customer_id"].value_counts()
            field = "shipping_addresses" if part == "addresses" else part
            counts = {person.id: len(getattr(person, field) or ()) for person in people}
            assert mine.to_dict() == {i: count for i, count in counts.items() if count}, f"{part} are not the shop's"
        self._ends[held["as_of"].iloc[0]] = stats

    def check_the_past(self) -> int:
        """Compare each day's end that can still be read with what was held then, and the history with the present."""
        syncs = self.store.syncs()
        readable = syncs.loc[syncs["readable"], "as_of"]
        ends = [as_of for as_of in readable if as_of in self._ends]
        for as_of in ends:
            held = self.store.customers(STATS, as_of=as_of).set_index("customer_id").sort_index()
            assert held[STATS].equals(self._ends[as_of]), f"the store does not give back how it stood at {as_of}"
        last = self.store.history().drop_duplicates("customer_id", keep="last").set_index("customer_id").sort_index()
        present = last.loc[last["event"] != "deleted", STATS]
        assert present.equals(self._ends[max(self._ends)]), "the history does not add up to the present"
        return len(ends)


def orders_of(customer) -> int:
    return customer.stats.number_of_orders or 0


def seconds_of(text: str | None) -> float:
    return api_seconds(text) if text else np.nan


def equal(mine: pd.Series, theirs: pd.Series) -> pd.Series:
    return (mine == theirs).fillna(False).astype(bool) | (mine.isna() & theirs.isna())


def check_growth(days: list[dict]) -> None:
    """Compare the last week with the second one, after whose full sync nothing is used for the first time."""
    for name, most in GROWTH.items():
        second, last = (max(day[name] for day in week) for week in (days[WEEK : 2 * WEEK], days[-WEEK:]))
        print(f"soak: {name}: at most {second:,.0f} in the second week, {last:,.0f} in the last one")
        assert last <= most * second, f"{name} grew by more than {most} times"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    asked = parser.parse_args()
    print(f"soak: {asked.days} days of a shop of {asked.customers:,} customers, seed {asked.seed}", flush=True)
    started, days = time.monotonic(), []
    with (
        tempfile.TemporaryDirectory() as folder,
        cl.demo.serve(customers=asked.customers, seed=asked.seed, rate_limit=None) as shop,
    ):
        shop.population.patches.clear()
        shop.changed()
        life = Life(shop, cl.Store(Path(folder) / "shop.lens"), asked.seed)
        try:
            full_takes = 10.0
            for number in range(asked.days):
                day = life.day(number, full_takes)
                days.append(day)
                if day["mode"] == "full":
                    full_takes = day["seconds"]
                print(
                    f"  day {number + 1:2}: {day['mode']:11}{' resumed' if day['resumed'] else '':8} {day['seconds']:5.1f} s, "
                    f"{day['requests']:4} requests, {day['retries']:3} retries; memory {day['memory']:4.0f} MB, "
                    f"{day['files']} files, {day['threads']} threads, {day['disk']:4.0f} MB on disk; "
                    f"{life.kills} kills so far; as the shop",
                    flush=True,
                )
            past = life.check_the_past()
            print(f"soak: {past} earlier states are as they were; the history adds up to the present")
            if asked.days >= 3 * WEEK:
                check_growth(days)
        except AssertionError as error:
            sys.exit(
                f"soak: FAILED on day {len(days) + 1}, seed {asked.seed}: {error}\nThe last sync: {life.worker.report}\n"
                f"{life.store.syncs().tail(8).to_string()}"
            )
        finally:
            life.worker.kill()
    minutes = (time.monotonic() - started) / 60
    print(f"soak: passed: {life.kills} kills, {life.faults} faults, {minutes:.1f} minutes, seed {asked.seed}")


if __name__ == "__main__":
    main()
