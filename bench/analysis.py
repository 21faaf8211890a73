"""The analyses at a million customers, each against the same thing written by hand in Polars or DuckDB SQL.

Both sides begin with a table in memory (pandas with Arrow-backed texts; Polars, and DuckDB on Arrow) and end with the
numbers in this process; the two results are compared before they are timed. Whatever custlens does besides (checks of the
table and of the result, intervals, time zones) is in its time. Then the fit of the lifetime models is timed against
`lifetimes` and PyMC-Marketing's MAP on the same rows, and RFM against the package `rfm`, each in an environment of its own
(bench/.peers/).

    python -m bench.analysis [ROWS] [ROUNDS] [NAME]       default: 1000000 5; NAME: only the analyses whose name holds it
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl

import custlens as cl
from bench.sync import python_of

DAY = 86_400e6
NOW = pd.Timestamp("2026-06-30", tz="UTC")
COUNTRIES = ["US", "GB", "DE", "FR", "IT", "ES", "NL", "CA", "AU", "AT", "BE", "CH", *(f"X{n}" for n in range(40))]
QUINTILES = [0.2, 0.4, 0.6, 0.8]
CDNOW = Path(__file__).parents[1] / "tests" / "data" / "cdnow_sample_rfm_weeks.csv"


def shop(rows: int, seed: int = 1) -> pd.DataFrame:
    """Draw customers from the BG/NBD and Gamma-Gamma models, with times to the second; one in ten has no order."""
    random = np.random.default_rng(seed)
    rate, drop, age = random.gamma(0.5, 1 / 40, rows), random.beta(0.8, 2.4, rows), random.uniform(1, 1500, rows)
    total = random.poisson(rate * age)
    x = np.minimum(total, random.geometric(np.clip(drop, 1e-9, 1)))
    part = np.where(x > 0, random.beta(np.maximum(x, 1), np.maximum(total - x + 1, 1)), 0)
    prospect = random.random(rows) < 0.1
    n = np.where(prospect, 0, x + 1)
    value = np.round(random.gamma(6, 10, rows) * random.lognormal(0, 0.5, rows) * n, 2)
    first = NOW.value // 1000 - age * DAY
    weights = 1 / np.arange(1, len(COUNTRIES) + 1) ** 1.5

    def times(moments: np.ndarray) -> pd.Series[Any]:
        stamps = pd.Series(pd.to_datetime((moments // 1e6 * 1e6).astype("int64"), unit="us", utc=True))
        return stamps.where(~prospect).astype("datetime64[us, UTC]")

    return pd.DataFrame(
        {
            "customer_id": np.arange(rows) + 177_000_001,
            "number_of_orders": pd.array(n, dtype="Int64"),
            "sales_value": value,
            "average_order_value": np.round(value / np.maximum(n, 1), 2),
            "first_order_date": times(first),
            "last_order_date": times(first + part * age * DAY),
            "billing_country_code": pd.Categorical(random.choice(COUNTRIES, rows, p=weights / weights.sum())),
            "accept_marketing": pd.array(random.random(rows) < 0.6, dtype="boolean"),
            "email": pd.Series(np.char.add(np.arange(rows).astype(str), "@mail.example")).astype("str"),
            "currency": pd.Categorical(["EUR"] * rows),
            "as_of": pd.Series([NOW] * rows).astype("datetime64[us, UTC]"),
        }
    )


class ByHand:
    """The same analyses, written by hand in Polars and in SQL."""

    def __init__(self, table: pd.DataFrame) -> None:
        plain = table.astype({"billing_country_code": "str", "currency": "str"})
        self.p = pl.from_pandas(plain)
        self.buyers = pl.col("number_of_orders") >= 1
        self.c = duckdb.connect()
        self.c.execute("SET TimeZone = 'UTC'")
        self.c.register("t", self.p.to_arrow())
        self.scored = self._scored()

    def sql(self, text: str) -> pl.DataFrame:
        """Return the result of a query in DuckDB."""
        return self.c.sql(text).pl()

    def summary(self) -> float:
        """Counts, sums, means and medians."""
        n, s, b = pl.col("number_of_orders"), pl.col("sales_value"), self.buyers
        row = self.p.select(
            customers=pl.len(), buyers=b.sum(), prospects=(n == 0).sum(), no_stats=n.is_null().sum(),
            orders=n.filter(b).sum(), sales=s.filter(b).sum(), aov=(s / n).filter(b).mean(),
            median_aov=(s / n).filter(b).median(), mean=s.filter(b).mean(), median=s.filter(b).median(),
            once=(n == 1).sum(), as_of=pl.col("as_of").max(), currency=pl.col("currency").unique().first(),
        )  # fmt: skip
        return float(row["median"].item())

    def distribution(self) -> float:
        """Eight bins per power of ten."""
        s = pl.col("sales_value")
        found = self.p.filter(self.buyers & (s > 0)).group_by((s.log10() * 8 + 1e-9).floor()).agg(pl.len())
        return float(found["len"].max())

    def quantiles(self) -> float:
        """Quartiles."""
        return float(
            self.p.filter(self.buyers)
            .select(*(pl.col("sales_value").quantile(q, "linear").alias(str(q)) for q in (0.25, 0.5, 0.75)))
            .item(0, "0.75")
        )

    def concentration(self) -> float:
        """Gini and top shares."""
        s = self.p.filter(self.buyers)["sales_value"].clip(0).sort()
        total, size = s.sum(), len(s)
        for share in (0.01, 0.05, 0.1, 0.2, 0.5):
            s.tail(round(share * size)).sum()
        ranks = pl.int_range(1, size + 1, eager=True, dtype=pl.Int64)
        return float(((2 * ranks - size - 1) * s).sum() / (size * total))

    def lorenz(self) -> float:
        """Shares of sales at 201 points."""
        s = self.p.filter(self.buyers)["sales_value"].clip(0).sort().cum_sum()
        places = (np.linspace(0, 1, 201) * len(s)).round().astype(int)[1:] - 1
        return float((s.gather(places) / s[-1]).mean()) * 200 / 201

    def order_dates(self) -> float:
        """First and last orders by month, in Berlin."""
        parts = [
            self.p.filter(self.buyers)
            .select(pl.col(name).dt.convert_time_zone("Europe/Berlin").dt.truncate("1mo").dt.replace_time_zone(None).alias("m"))
            .group_by("m").agg(pl.len().alias(name))
            for name in ("first_order_date", "last_order_date")
        ]  # fmt: skip
        return float(parts[0].join(parts[1], on="m", how="full")["last_order_date"].max())

    def seasonality(self) -> float:
        """First and last orders by weekday, in Berlin."""
        found = [
            self.p.filter(self.buyers).select(pl.col(name).dt.convert_time_zone("Europe/Berlin").dt.weekday()).group_by(name).len()
            for name in ("first_order_date", "last_order_date")
        ]  # fmt: skip
        return float(found[0]["len"].max())

    def recency(self) -> float:
        """Distribution of the days since the last order, for one-time and repeat buyers."""
        return self._elapsed("last_order_date")

    def tenure(self) -> float:
        """Distribution of the days since the first order."""
        return self._elapsed("first_order_date")

    def _elapsed(self, column: str) -> float:
        found = (
            self.p.filter(self.buyers)
            .select(once=pl.col("number_of_orders") == 1, days=(pl.col("as_of") - pl.col(column)).dt.total_days())
            .group_by("once", "days").len().sort("once", "days").with_columns(pl.col("len").cum_sum().over("once"))
        )  # fmt: skip
        return float(found["len"].max())

    def inter_purchase(self) -> float:
        """Quartiles of the mean gap by number of orders."""
        gap = (pl.col("last_order_date") - pl.col("first_order_date")).dt.total_microseconds() / DAY
        base = self.p.filter(pl.col("number_of_orders") > 1).select(
            n=pl.col("number_of_orders").clip(2, 10), gap=gap / (pl.col("number_of_orders") - 1)
        )
        quartiles = [pl.col("gap").quantile(q, "linear").alias(str(q)) for q in (0.25, 0.5, 0.75)]
        base.group_by("n").agg(pl.len(), pl.col("gap").mean().alias("mean"), *quartiles)
        return float(base.select(pl.len(), pl.col("gap").mean().alias("mean"), *quartiles).item(0, "0.5"))

    def second_order(self) -> float:
        """Turnbull's and the product-limit estimate: the counts by Polars, what follows from them in NumPy."""
        n = pl.col("number_of_orders")
        day = {
            "seen": (pl.col("as_of") - pl.col("first_order_date")).dt.total_days(),
            "span": (pl.col("last_order_date") - pl.col("first_order_date")).dt.total_days(),
        }
        table = self.p.filter(self.buyers).select(n, **day)
        size = int(table.select(pl.max_horizontal("seen", "span").max()).item()) + 1

        def by_day(chosen: pl.Expr, name: str) -> np.ndarray:
            counted = table.filter(chosen).group_by(name).len()
            return np.bincount(counted[name].to_numpy(), counted["len"].to_numpy(), size)

        exact, within, beyond = by_day(n == 2, "span"), by_day(n > 2, "span"), by_day(n == 1, "seen")
        several = table.filter(n > 2).group_by("span", "number_of_orders").len().to_numpy().astype("float64")
        events, day_ends = exact.astype("float64"), np.arange(size + 1.0)
        for orders in np.unique(several[:, 1]):
            span, _, count = several[several[:, 1] == orders].T
            left = np.maximum(1 - day_ends[:, None] / (span + 1), 0.0) ** (orders - 2)
            events -= np.diff(left @ count)
        at_risk = events.sum() + beyond.sum() - np.cumsum(events + beyond) + events + beyond
        np.cumprod(1 - events / np.maximum(at_risk, 1e-9))
        total = exact.sum() + within.sum() + beyond.sum()
        density = np.append(exact + within + 1e-9, 1.0)
        density /= density.sum()
        while True:
            upto = np.cumsum(density)
            part = np.cumsum((within / upto[:-1])[::-1])[::-1]
            late = np.append(0.0, np.cumsum(beyond / (1 - upto[:-1])))
            new = np.append(exact + density[:-1] * (part + late[:-1]), density[-1] * late[-1]) / total
            change, density = np.abs(np.cumsum(new - density)).max(), new
            if change < 1e-8:
                return float(np.cumsum(density)[180])

    def compare(self) -> float:
        """Five measures of two countries, and 2,000 draws of 20,000 buyers for the intervals."""
        n, s = pl.col("number_of_orders"), pl.col("sales_value")
        measures = [
            (n > 1).mean().alias("r"),
            n.mean(),
            (s.sum() / n.sum()).alias("a"),
            s.mean().alias("m"),
            s.median(),
        ]
        points, draws = [], []
        for country in COUNTRIES[:2]:
            table = self.p.filter(self.buyers & (pl.col("billing_country_code") == country)).select(n, s)
            points.append(table.select(measures))
            size = min(len(table), 20_000)
            some = [table.sample(size, with_replacement=True, seed=seed).select(measures) for seed in range(2_000)]
            draws.append(pl.concat(some))
        (draws[1] - draws[0]).select(pl.all().quantile(0.025), pl.all().quantile(0.975).name.suffix("_high"))
        return float(points[1]["sales_value"].item())

    def breakdown(self) -> float:
        """Sums and medians by country, in SQL."""
        found = self.sql(
            "select coalesce(billing_country_code, 'unknown') g, count(*) c, count(*) filter (number_of_orders >= 1) b,"
            " sum(number_of_orders) n, sum(sales_value) filter (number_of_orders >= 1) s,"
            " avg(sales_value) filter (number_of_orders >= 1) m, count(*) filter (number_of_orders > 1) r,"
            " quantile_cont(sales_value, [0.48, 0.5, 0.52]) filter (number_of_orders >= 1) q"
            " from t group by 1 order by s desc"
        )
        return float(found["q"].list.get(1)[0])

    def quality(self) -> float:
        """The checks, counted."""
        found = self.sql(
            "select count(*) filter (number_of_orders is null), count(*) filter (number_of_orders >= 1 and (first_order_date is null or last_order_date is null)),"
            " count(*) filter (number_of_orders >= 1 and sales_value is null), count(*) filter (number_of_orders = 0 and sales_value <> 0), count(*) filter (number_of_orders >= 1 and sales_value = 0),"
            " count(*) filter (sales_value < 0), count(*) filter (number_of_orders >= 1 and"
            " abs(sales_value - number_of_orders * average_order_value) > .005 * (number_of_orders + 1) + 1e-9 * abs(sales_value)),"
            " count(*) filter (number_of_orders = 1 and first_order_date <> last_order_date),"
            " count(*) filter (number_of_orders > 1 and first_order_date = last_order_date) same,"
            " count(*) filter (last_order_date > as_of) from t"
        )
        return float(found["same"].item())

    def rfm(self) -> float:
        """Scores and segments."""
        scored = self._scored()
        return float((scored["segment"] == "Champions").sum())

    def _scored(self) -> pl.DataFrame:
        gone = (pl.col("as_of") - pl.col("last_order_date")).dt.total_microseconds() / DAY
        base = self.p.select(
            "customer_id", recency_days=gone, frequency="number_of_orders", monetary="sales_value"
        )  # fmt: skip
        some = base.filter(pl.col("frequency") >= 1)
        cuts = {name: [some[name].quantile(q, "linear") for q in QUINTILES] for name in ("recency_days", "monetary")}
        buyer = pl.col("frequency") >= 1
        base = base.with_columns(
            r=pl.when(buyer).then(
                1 + sum((pl.col("recency_days") <= cut).cast(pl.Int8) for cut in cuts["recency_days"])
            ),
            f=pl.when(buyer).then(1 + sum((pl.col("frequency") > cut).cast(pl.Int8) for cut in (1, 2, 4, 9))),
            m=pl.when(buyer).then(1 + sum((pl.col("monetary") > cut).cast(pl.Int8) for cut in cuts["monetary"])),
        )
        chain: Any = pl
        for rule in cl.segments.RULES["grid"]:
            inside = pl.col("r").is_between(*rule.r) & pl.col("f").is_between(*rule.f)
            chain = chain.when(inside).then(pl.lit(rule.segment))
        name = chain.when(buyer).then(pl.lit("Other")).otherwise(pl.lit("Prospects"))
        return base.with_columns(segment=name)

    def sizes(self) -> float:
        """Totals and medians of segments."""
        medians = [pl.col(name).median().alias(f"m_{name}") for name in ("recency_days", "frequency", "monetary")]
        sums = [pl.len(), pl.col("frequency").sum(), pl.col("monetary").sum()]
        found = self.scored.group_by("segment").agg(*sums, *medians)
        return float(found.filter(pl.col("segment") == "Champions")["m_monetary"].item())

    def migration(self) -> float:
        """Pairs of segments, by a join."""
        both = self.scored.select("customer_id", "segment").join(
            self.scored.select("customer_id", "segment"), on="customer_id", how="full"
        )
        return float(both.group_by("segment", "segment_right").len()["len"].max())

    def audience(self) -> float:
        """Consent and one row per address, in SQL."""
        return float(
            self.sql(
                "with p as (select customer_id, email, accept_marketing, lower(trim(email)) a from t where email is not null"
                " and trim(email) <> ''), no as (select distinct a from p where not accept_marketing)"
                " select any_value(customer_id), any_value(email) from p where accept_marketing"
                " and a not in (select a from no) group by a"
            ).height
        )

    def cohorts(self) -> float:
        """First-order months: sizes, repeat share, value, median recency; in SQL."""
        found = self.sql(
            "select date_trunc('month', first_order_date) m, count(*) b, count(*) filter (number_of_orders > 1) r,"
            " sum(number_of_orders) n, sum(sales_value) s, median(epoch_us(as_of) - epoch_us(last_order_date)) q"
            " from t where number_of_orders >= 1 group by 1 order by 1"
        )
        return float(found["s"].max())

    def survival(self) -> float:
        """Cohort by age, added up from the oldest age on."""
        span = (pl.col("last_order_date") - pl.col("first_order_date")).dt.total_microseconds() / DAY / (365.25 / 12)
        counts = (
            self.p.filter(self.buyers)
            .select(m=pl.col("first_order_date").dt.truncate("1mo"), age=span.floor().cast(pl.Int32))
            .group_by("m", "age").len().sort("m", "age", descending=[False, True])
            .with_columns(pl.col("len").cum_sum().over("m"))
        )  # fmt: skip
        return float(counts["len"].max())


def pairs(table: pd.DataFrame) -> dict[str, tuple[Callable[[], Any], Callable[[Any], float], Callable[[], float]]]:
    """Return each analysis, the number of its result to compare, and the same by hand."""
    hand = ByHand(table)
    scored = cl.segments.rfm(table)
    countries = [table[table["billing_country_code"] == country] for country in COUNTRIES[:2]]
    o, s, c = cl.orders, cl.segments, cl.cohorts
    berlin = {"tz": "Europe/Berlin"}
    return {
        "orders.summary": (lambda: o.summary(table), lambda r: r["median_buyer_value"].item(), hand.summary),
        "orders.distribution": (lambda: o.distribution(table), lambda r: r["buyers"].max(), hand.distribution),
        "orders.quantiles": (lambda: o.quantiles(table), lambda r: r["q75"].item(), hand.quantiles),
        "orders.concentration": (lambda: o.concentration(table), lambda r: r["gini"][0], hand.concentration),
        "orders.lorenz": (lambda: o.lorenz(table), lambda r: r["sales"].mean(), hand.lorenz),
        "orders.order_dates": (lambda: o.order_dates(table, **berlin), lambda r: r["last_orders"].max(), hand.order_dates),
        "orders.seasonality": (lambda: o.seasonality(table, **berlin), lambda r: r["first_orders"].max(), hand.seasonality),
        "orders.recency": (
            lambda: o.recency(table),
            lambda r: r.query("group != 'all'").groupby("group")["buyers"].sum().max(),
            hand.recency,
        ),
        "orders.tenure": (
            lambda: o.tenure(table),
            lambda r: r.query("group != 'all'").groupby("group")["buyers"].sum().max(),
            hand.tenure,
        ),
        "orders.second_order": (
            lambda: o.second_order(table),
            lambda r: r["turnbull"][180],
            hand.second_order,
        ),
        "orders.compare": (
            lambda: o.compare(*countries),
            lambda r: r.set_index("measure").loc["median_buyer_value", "b"],
            hand.compare,
        ),
        "orders.inter_purchase": (lambda: o.inter_purchase(table), lambda r: r["median"].iloc[-1], hand.inter_purchase),
        "orders.breakdown": (lambda: o.breakdown(table), lambda r: r["median_buyer_value"][0], hand.breakdown),
        "orders.quality": (
            lambda: o.quality(table),
            lambda r: r.set_index("check_name").loc["orders_at_one_moment", "customers"],
            hand.quality,
        ),
        "segments.rfm": (lambda: s.rfm(table), lambda r: (r["segment"] == "Champions").sum(), hand.rfm),
        "segments.sizes": (
            lambda: s.sizes(scored),
            lambda r: r.set_index("segment").loc["Champions", "median_monetary"],
            hand.sizes,
        ),
        "segments.migration": (lambda: s.migration(scored, scored), lambda r: r["customers"].max(), hand.migration),
        "segments.audience": (lambda: s.audience(table), len, hand.audience),
        "cohorts.summary": (lambda: c.summary(table), lambda r: r["sales_value"].max(), hand.cohorts),
        "cohorts.survival": (lambda: c.survival(table), lambda r: r["buyers"].max(), hand.survival),
    }  # fmt: skip


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def peers(rows: int, rounds: int, table: pd.DataFrame) -> None:
    """Time fits and RFM against the packages for them."""
    script = str(Path(__file__).parent / "peers" / "with_lifetimes.py")
    with tempfile.TemporaryDirectory() as folder:
        some = table[table["number_of_orders"] >= 1]
        days = {
            name: (NOW - some[name]).dt.total_seconds() / 86_400 for name in ("first_order_date", "last_order_date")
        }
        histories = pd.DataFrame(
            {
                "frequency": some["number_of_orders"].astype("float64") - 1,
                "recency": days["first_order_date"] - days["last_order_date"],
                "T": days["first_order_date"],
            }
        )
        sets = {f"{len(histories):,}": histories, "2,357 (CDNOW, weeks)": pd.read_csv(CDNOW)}
        from custlens.analysis.lifetime._beta_geometric import Histories

        for label, data in sets.items():
            path = Path(folder) / "histories.parquet"
            data.to_parquet(path)
            columns = (data[name].to_numpy("float64") for name in ("frequency", "recency", "T"))
            grouped = Histories(*columns, np.ones(len(data)))
            print(f"  BG/NBD fit on {label} buyers")
            mine = 0.0
            for group, name in ((None, "custlens"), ("lifetimes", "lifetimes"), ("pymc-marketing", "PyMC-Marketing")):
                command = [python_of(group), script, name, str(path), str(rounds)]
                answer = subprocess.run(command, capture_output=True, text=True)
                if answer.returncode:
                    print(f"    {name:16} failed: {answer.stderr.strip().splitlines()[-1][:120]}")
                    continue
                found = json.loads(answer.stdout.strip().splitlines()[-1])
                mine = mine or found["seconds"]
                print(
                    f"    {name:16} {found['seconds']:8.4f} s   "
                    f"log-likelihood {likelihood(grouped, np.array(found['params'])):.4f}   "
                    f"{name} / custlens = {found['seconds'] / mine:.1f}",
                    flush=True,
                )
        plain = table.loc[
            table["number_of_orders"] >= 1, ["customer_id", "number_of_orders", "sales_value", "last_order_date"]
        ]
        path = Path(folder) / "customers.parquet"
        plain.to_parquet(path)
        answer = subprocess.run(
            [python_of("rfm"), script, "rfm", str(path), str(rounds)], capture_output=True, text=True
        )
        mine = statistics.median(timed(lambda: cl.segments.rfm(table)) for _ in range(rounds))
        if answer.returncode:
            print(f"  RFM: the package rfm failed: {answer.stderr.strip().splitlines()[-1][:120]}")
        else:
            theirs = json.loads(answer.stdout.strip().splitlines()[-1])["seconds"]
            print(
                f"  RFM of {rows:,} customers: custlens {mine:.2f} s, rfm {theirs:.2f} s: rfm / custlens = {theirs / mine:.1f}"
            )


def likelihood(histories: Any, params: np.ndarray) -> float:
    """Return the log-likelihood of other parameters on the same rows."""
    from custlens.analysis.lifetime._beta_geometric import log_likelihood
    from custlens.analysis.lifetime._bg_nbd import BG_NBD

    return log_likelihood(params, BG_NBD.prepare(histories, 1.0))[0]


def main() -> None:
    """Run everything, in turns, and print ratios."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    name_part = sys.argv[3] if len(sys.argv) > 3 else ""
    table = shop(rows)
    print(f"analysis: {rows:,} customers, medians of {rounds} rounds in turns")
    for name, (ours, number, hand) in pairs(table).items():
        if name_part not in name:
            continue
        mine, theirs = float(number(ours())), hand()
        assert abs(mine - theirs) <= 1e-6 * max(1.0, abs(theirs)), (name, mine, theirs)
        times = [(timed(ours), timed(hand)) for _ in range(rounds)]
        a, b = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"  {name:24} {a * 1000:7.0f} ms   by hand {b * 1000:7.0f} ms   custlens / by hand = {a / b:.2f}",
            flush=True,
        )
    if not name_part:
        peers(rows, rounds, table)


if __name__ == "__main__":
    main()
