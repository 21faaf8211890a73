"""Looking a customer up among a million, with contacts: from the keystroke to the result.

People type names, email addresses, phone numbers and IDs, a letter at a time, from two letters or one digit on; each
state of the box is a search, and its result is the count and the twenty rows that the list shows. The peers get the same
texts: a loop of pandas `str.contains` over the same columns (with the contacts joined into one text per customer), and
DuckDB `ilike` over them. Both find less: they know neither accents nor the many ways to write a phone number.

    python -m bench.lookup [ROWS]       default: 1000000
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from custlens.tables.search import PHONE, TEXTS, SearchIndex

FIRST = [
    "Anna",
    "Maria",
    "Luca",
    "Giulia",
    "Marco",
    "Sofía",
    "John",
    "Emma",
    "Zoë",
    "Peter",
    "Karl",
    "Inés",
    "Łukasz",
    "Jürgen",
    "Amélie",
    "Oliver",
    "Noah",
    "Mia",
    "Ben",
    "Ida",
]
SYLLABLES = [
    "ro",
    "mül",
    "gar",
    "sch",
    "kow",
    "smi",
    "pet",
    "iva",
    "nak",
    "fer",
    "ssi",
    "ler",
    "cía",
    "midt",
    "al",
    "ski",
    "th",
    "rov",
    "nov",
    "mura",
    "rari",
    "son",
    "den",
    "berg",
    "stein",
]
FIRMS = ["Bakery", "Studio", "Garage", "Clinic", "Partners", "Trading", "Design", "Foods", "Books", "Labs"]
SEARCHES = (
    "rossi",
    "jurgen mull",
    "amelie.garcia",
    "@mail.example",
    "177500",
    "+49 30 55",
    "schler bakery",
    "łukasz",
    "zzzz",
)
"""What is typed: common and rare names, two words, an address that everybody has, an ID, a phone number, and nobody."""
MOST_MS, MOST_BUILD_S = 100.0, 2.5


def shop(rows: int, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw customers, and two contacts for each: their email address again, and a phone number of their own."""
    random = np.random.default_rng(seed)
    first = random.choice(FIRST, rows)
    last = np.char.capitalize(np.char.add(random.choice(SYLLABLES, rows), random.choice(SYLLABLES, rows)))
    name = np.char.add(np.char.add(first, " "), last)
    ids = np.arange(rows) + 177_000_001
    address = np.char.add(np.char.add(np.char.lower(name), ids.astype(str)), "@mail.example")
    email = (
        pd.Series(address).str.replace(" ", ".").str.normalize("NFKD").str.encode("ascii", "ignore").str.decode("ascii")
    )
    phones = [pd.Series(random.integers(10**10, 10**11, rows).astype(str)) for _ in range(2)]
    written = "+" + phones[0].str[:2] + " (0)" + phones[0].str[2:5] + " " + phones[0].str[5:8] + "-" + phones[0].str[8:]
    firm = pd.Series(np.char.add(np.char.add(last, " "), random.choice(FIRMS, rows))).where(random.random(rows) < 0.3)
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "email": email,
            "name": pd.Series(name),
            "billing_name": pd.Series(name),
            "billing_company_name": firm,
            PHONE: written.where(random.random(rows) < 0.6),
            "sales_value": np.round(random.lognormal(4, 1, rows), 2),
        }
    )
    contacts = pd.DataFrame(
        {"customer_id": np.tile(ids, 2), "contact": pd.concat([email, "+" + phones[1]], ignore_index=True)}
    )
    return customers, contacts


def timed(call: Callable[[], Any]) -> float:
    """Return the milliseconds that a call takes."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def main() -> None:
    """Build the index, type, and print times and ratios."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    customers, contacts = shop(rows)
    covered = ["customer_id", *TEXTS, PHONE]
    columns = int(customers[covered].memory_usage(index=False, deep=True).sum())
    columns += int(contacts["contact"].memory_usage(index=False, deep=True))
    builds = [timed(lambda: SearchIndex(customers, contacts)) / 1e3 for _ in range(5)]
    index = SearchIndex(customers, contacts)
    added = index.nbytes
    print(f"lookup: {rows:,} customers, {len(contacts):,} contacts")
    met = statistics.median(builds) <= MOST_BUILD_S
    print(f"  build {statistics.median(builds):.2f} s (at most {MOST_BUILD_S}){'' if met else '   over the target'}")
    print(f"  memory added {added / 1e6:.0f} MB, the columns have {columns / 1e6:.0f} MB: {added / columns:.2f}")

    states = [text[:end] for text in SEARCHES for end in range(1 if text[0].isdigit() else 2, len(text) + 1)]
    times = [(timed(lambda text=text: index.find(text).head(20)), text) for text in states for _ in range(3)]
    mine = np.array([time for time, _ in times])
    p95 = float(np.quantile(mine, 0.95))
    print(f"  {len(mine)} keystrokes: median {np.median(mine):.0f} ms, p95 {p95:.0f} ms (at most {MOST_MS:.0f}),"
          f" most {max(times)[0]:.0f} ms at {max(times)[1]!r}{'' if p95 <= MOST_MS else '   over the target'}")  # fmt: skip

    joined = contacts.groupby("customer_id")["contact"].agg("\n".join)
    flat = customers.assign(
        contacts=customers["customer_id"].map(joined).astype("str"), customer_id=customers["customer_id"].astype("str")
    )
    searched = [*covered, "contacts"]

    def with_pandas(text: str) -> pd.DataFrame:
        found = np.ones(rows, bool)
        for word in text.split():
            hit = np.zeros(rows, bool)
            for name in searched:
                hit |= flat[name].str.contains(word, case=False, regex=False).fillna(False).to_numpy(bool)
            found &= hit
        return customers[found].nlargest(20, "sales_value")

    database = duckdb.connect()
    database.register("flat", flat)
    database.execute("create table customers as select * from flat")

    def with_duckdb(text: str) -> pd.DataFrame:
        words = text.split()
        each = " or ".join(f"{name} ilike ?" for name in searched)
        values = [f"%{word}%" for word in words for _ in searched]
        where = " and ".join(f"({each})" for _ in words)
        query = f"select *, count(*) over () from customers where {where} order by sales_value desc limit 20"  # noqa: S608
        return database.execute(query, values).df()

    some = [text for text in SEARCHES if text.strip()]
    mine_of_some = statistics.median(timed(lambda text=text: index.find(text).head(20)) for text in some)
    for name, peer in {"pandas str.contains": with_pandas, "DuckDB ilike": with_duckdb}.items():
        theirs = statistics.median(timed(lambda text=text, peer=peer: peer(text)) for text in some)
        print(f"  {name:20} {theirs:6.0f} ms   custlens / {name} = {mine_of_some / theirs:.3f}")


if __name__ == "__main__":
    main()
