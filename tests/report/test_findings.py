"""Each rule against numbers that were counted by hand or from the tables alone."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from custlens.report import Findings
from custlens.report.findings import (
    RULES,
    bought_once,
    concentrated,
    new_buyers,
    ordered_since,
    slid,
    slipping_away,
)

NOW = pd.Timestamp("2026-07-30 12:00", tz="UTC")
THEN = pd.Timestamp("2026-06-30 12:00", tz="UTC")


def people(rows, as_of=NOW):
    """Return a customers table from (id, orders, sales, first order, last order)."""
    table = pd.DataFrame(
        rows, columns=["customer_id", "number_of_orders", "sales_value", "first_order_date", "last_order_date"]
    )
    for name in ("first_order_date", "last_order_date"):
        table[name] = pd.to_datetime(table[name], utc=True).astype("datetime64[us, UTC]")
    table["number_of_orders"] = table["number_of_orders"].astype("Int64")
    table["currency"] = pd.Categorical(["EUR"] * len(table))
    table["accept_marketing"] = pd.array([True] * len(table), "boolean")
    return table.assign(as_of=pd.Series([as_of] * len(table), dtype="datetime64[us, UTC]"))


@pytest.fixture
def made(data):
    """Return a function that makes the data of a report from tables."""

    def make(now, then=None):
        since = None if then is None else THEN
        return replace(data, everyone=now, everyone_before=then, as_of=NOW, since=since, tz="UTC")

    return make


def test_silence_is_told_with_what_it_puts_at_risk(cdnow_data):
    ranked = cdnow_data.overdue
    late = ranked[ranked["recency_days"] > ranked["usual_gap_days"]]
    title, text = slipping_away(cdnow_data)
    assert title == "Slipping away"
    assert text.startswith(f"{len(late)} of {len(ranked):,} buyers with two orders or more have been silent")
    assert f"{ranked['value_at_risk'].sum():,.0f} USD of the next 90 days" in text
    assert f"{late['value_at_risk'].head(10).sum() / ranked['value_at_risk'].sum():.0%} of it with the ten" in text
    assert text.endswith("; whether they may be mailed is unknown.")  # the shop asked nobody


@pytest.mark.parametrize(
    ("consent", "words"),
    [
        ([False] * 10, "none of them may be mailed"),
        ([True, False] * 5, "5 of them may be mailed"),
        ([True, None] * 5, "5 of them may be mailed, and of 5 it is unknown"),
        ([False, None] * 5, "none of them may be mailed, and of 5 it is unknown"),
    ],
)
def test_who_has_refused_is_told_from_who_was_not_asked(consent, words, cdnow_data):
    ranked = cdnow_data.overdue
    first = ranked.loc[ranked["recency_days"] > ranked["usual_gap_days"], "customer_id"].head(10)
    given = dict(zip(first, consent, strict=True))
    asked = pd.array(cdnow_data.everyone["customer_id"].map(given).to_list(), "boolean")
    asked = cdnow_data.everyone.assign(accept_marketing=asked)
    assert slipping_away(replace(cdnow_data, everyone=asked)).text.endswith(f"; {words}.")


def test_without_a_model_silence_is_told_without_an_amount(made):
    silent, active = (1, 2, 50.0, "2026-01-01", "2026-02-01"), (2, 3, 60.0, "2026-01-01", "2026-07-29")
    assert slipping_away(made(people([silent, active]))).text == (
        "1 of 2 buyers with two orders or more has been silent for longer than is usual for them."
    )
    assert slipping_away(made(people([active]))) is None


def test_the_best_who_have_slid_are_counted(made):
    before = [(n, 5, 100.0, "2025-01-01", "2026-01-05") for n in (1, 2, 3)]  # 176 days silent: Loyal
    after = [*before[:2], (3, 6, 130.0, "2025-01-01", "2026-07-20")]
    title, text = slid(made(people(after), people(before, THEN)))
    assert title == "Sliding"
    assert text == (
        "2 of 3 who were Champions or Loyal on 30 June 2026 are now At risk or Can't lose; they have spent 200 EUR so far."
    )
    assert slid(made(people(after))) is None
    assert slid(made(people(before), people(before, NOW))) is None


def test_what_orders_have_brought_since_leaves_out_who_was_unknown_or_deleted(made):
    before = [
        (1, 1, 10.0, "2026-01-01", "2026-01-01"),
        (2, 0, 0.0, None, None),
        (3, None, None, None, None),
        (4, 4, 400.0, "2025-01-01", "2026-01-01"),
    ]
    after = [
        (1, 3, 40.0, "2026-01-01", "2026-07-10"),  # two more orders, 30 EUR
        (2, 1, 15.0, "2026-07-11", "2026-07-11"),  # the first, 15 EUR
        (3, 9, 900.0, "2025-01-01", "2026-07-01"),  # nobody knows how many of them are new
        (5, 1, 55.0, "2026-07-12", "2026-07-12"),  # a new customer, 55 EUR
    ]
    assert ordered_since(made(people(after), people(before, THEN))) == (
        "Since 30 June 2026",
        "4 orders brought 100 EUR, 30% of it from customers who had ordered before. 1 customer has been deleted, and "
        "400 EUR of earlier sales with them.",
    )
    assert ordered_since(made(people(before), people(before, THEN))) is None
    assert ordered_since(made(people(after))) is None


def of_months(counts):
    """Return buyers, so many with their first order in each month."""
    days = [f"{month}-15" for month, count in counts.items() for _ in range(count)]
    return people([(n, 1, 10.0, day, day) for n, day in enumerate(days)])


def test_new_buyers_are_told_where_they_differ_from_last_year_beyond_chance(made):
    steady = {"2025-03": 5, "2025-04": 40, "2025-05": 30, "2025-06": 30, "2026-04": 40, "2026-05": 45, "2026-06": 30}
    assert new_buyers(made(of_months(steady))) is None  # 115 against 100 may be chance
    more = new_buyers(made(of_months({**steady, "2026-06": 80, "2026-07": 500})))
    assert new_buyers(replace(made(of_months({**steady, "2026-06": 80})), segment="New customers")) is None
    assert more == (
        "More new buyers",
        "165 in April to June 2026, 65% more than in the same months a year before (100).",
    )
    fewer = new_buyers(made(of_months({**steady, "2026-05": 0, "2026-04": 20})))
    assert fewer == (
        "Fewer new buyers",
        "50 in April to June 2026, 50% fewer than in the same months a year before (100).",
    )
    assert new_buyers(made(of_months({"2025-05": 100, "2026-05": 10}))) is None  # the shop was not there in April


def test_concentration_and_single_orders_need_ten_buyers(made, cdnow_data):
    assert concentrated(cdnow_data).text == "The best tenth of the buyers (236) bring 51% of the sales."
    assert bought_once(cdnow_data).text == "51% of 2,357 buyers have ordered once so far."
    few = made(people([(n, 1, 10.0, "2026-01-01", "2026-01-01") for n in range(9)]))
    assert concentrated(few) is None
    assert bought_once(few) is None
    assert repr(Findings(few)) == "There are too few buyers to say more about them."


def test_the_first_three_rules_that_apply_make_the_findings(data, cdnow_data):
    for one in (data, cdnow_data):
        applying = [finding for rule in RULES if (finding := rule(one)) is not None]
        assert Findings(one).found == applying[:3]
    assert len(Findings(replace(data, everyone_before=None, since=None)).found) == 3


def test_a_shop_without_buyers_has_no_findings_but_a_sentence(made):
    nobody = Findings(made(people([])))
    assert nobody.found == []
    assert repr(nobody) == "No buyers yet: nobody has ordered."
    assert nobody._repr_html_() == "<p>No buyers yet: nobody has ordered.</p>"


def test_findings_are_written_as_text_and_as_html(cdnow_data):
    found = Findings(cdnow_data)
    assert len(repr(found).splitlines()) == 3
    assert found._repr_html_().count("<li>") == 3
    assert "Can&#x27;t lose" in found._repr_html_()


def test_the_rules_are_documented_in_their_order():
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.*?) \| .* \| .* \|$", page.partition("| finding |")[2], re.MULTILINE)
    titles = ["Slipping away", "Sliding", "Since", "More, or fewer, new buyers", "Concentration", "Bought once"]
    assert len(RULES) == len(titles)
    assert [row for row, title in zip(rows, titles, strict=True) if not row.startswith(title)] == []
