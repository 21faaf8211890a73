"""RFM: scores of recency, frequency and monetary value, segments with names, how they move, and who may be mailed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from custlens.analysis import results
from custlens.analysis._frames import (
    Frame,
    as_of_column,
    convert_like,
    currency_of,
    customers_frame,
    gather,
    index_of,
    native,
    need_as_of,
    observed_at,
    same_kind,
)
from custlens.analysis._partitions import is_partitioned, on_partitions
from custlens.analysis._stats import Groups, quantiles
from custlens.analysis._time import days
from custlens.errors import ArgumentError

__all__ = ["RULES", "Cuts", "Rule", "audience", "migration", "rfm", "rules", "sizes"]

Scores = Literal["quantile", "fixed"]
RFM_NEEDED = ("customer_id", "number_of_orders", "sales_value", "last_order_date")
QUINTILES = [0.2, 0.4, 0.6, 0.8]
PROSPECTS, OTHER, UNKNOWN, GONE, NEW = "Prospects", "Other", "Unknown", "Gone", "New"


class Rule(NamedTuple):
    """A named segment: ranges of the recency score, and of both the frequency and the monetary score."""

    segment: str
    r: tuple[int, int]
    fm: tuple[int, int]


RULES = (
    Rule("Champions", (4, 5), (4, 5)),
    Rule("Loyal", (2, 5), (3, 5)),
    Rule("Potential loyalist", (3, 5), (1, 3)),
    Rule("New customers", (4, 5), (1, 1)),
    Rule("Promising", (3, 4), (1, 1)),
    Rule("Needs attention", (2, 3), (2, 3)),
    Rule("About to sleep", (2, 3), (1, 2)),
    Rule("At risk", (1, 2), (2, 5)),
    Rule("Can't lose", (1, 1), (4, 5)),
    Rule("Lost", (1, 2), (1, 2)),
)
"""The segments of the R package `rfm` (Hebbali), in its order: the first that matches counts."""


class Cuts(NamedTuple):
    """Where one score ends and the next begins, four each: the score is one more than the number of cuts passed.

    Recency passes a cut when it is less (fewer days since the last order); frequency and monetary value when they
    are more.
    """

    recency_days: tuple[float, float, float, float] = (365.0, 180.0, 90.0, 30.0)
    frequency: tuple[float, float, float, float] = (1.0, 2.0, 4.0, 9.0)
    monetary: tuple[float, float, float, float] = (25.0, 75.0, 200.0, 500.0)


def rules(rules: Iterable[Rule] = RULES) -> pd.DataFrame:
    """Show the rules of the named segments as a table, `results.Rules`.

    In the published order New customers, Promising and Can't lose stand behind wider segments and never match: their
    column `scores` is 0. Pass the rules in an order of your own to `rfm` to have them.

    Examples
    --------
    >>> rules().head(2)
         segment  r_low  r_high  fm_low  fm_high  scores
    0  Champions      4       5       4        5       8
    1      Loyal      2       5       3        5      28
    """
    taken = np.zeros((6, 6, 6), bool)
    rows = []
    for rule in rules:
        inside = (slice(rule.r[0], rule.r[1] + 1), *[slice(rule.fm[0], rule.fm[1] + 1)] * 2)
        rows.append((rule.segment, *rule.r, *rule.fm, int((~taken[inside]).sum())))
        taken[inside] = True
    columns = ["segment", "r_low", "r_high", "fm_low", "fm_high", "scores"]
    return results.Rules.validate(pd.DataFrame(rows, columns=columns))


def rfm(
    customers: Any,
    *,
    scores: Scores = "quantile",
    cuts: Cuts | None = None,
    rules: Iterable[Rule] = RULES,
    as_of: datetime | None = None,
) -> Any:
    """Score each customer by recency, frequency and monetary value, and name the segment.

    With ``"quantile"`` recency and monetary value are cut at the quintiles of the buyers. Half of a shop's buyers often
    have one order, so quintiles of the frequency would fall together: it is always cut at fixed numbers of orders. Equal
    values always have equal scores: a value that lies just on a quintile belongs to the lower side.

    Parameters
    ----------
    customers
        A customers table with customer_id, number_of_orders, sales_value and last_order_date.
    scores
        ``"quantile"``, or ``"fixed"``: all three by `cuts`, so that scores of two times or two stores compare.
    cuts
        The cuts; of monetary value in the currency of the table. With ``"quantile"`` only the frequency's are used.
    rules
        The named segments; the first whose ranges hold the scores is the segment, "Other" if none does.
    as_of
        Time of the observation; read from the table by default (each row's own).

    Returns
    -------
    table of the same kind
        `results.Rfm`: one row a customer, in the order of the table: customer_id, recency_days, frequency, monetary, r,
        f, m (1 to 5, 5 for the best), segment. "Prospects" have no order, and no scores; "Unknown" lack a number.

    Raises
    ------
    ArgumentError
        An unknown `scores`, cuts out of order, a missing column, no time of the observation, or several currencies.

    Notes
    -----
    Source: Hughes (1994), "Strategic Database Marketing"; segments after the R package `rfm`. No parity with a shop
    platform's own, undisclosed rules is claimed.
    """
    if scores not in get_args(Scores):
        raise ArgumentError(f"scores must be one of {', '.join(get_args(Scores))}, not {scores!r}")
    used = _checked(cuts or Cuts())
    rules = list(rules)
    frame = customers_frame(customers, RFM_NEEDED)
    need_as_of(frame, as_of)
    currency_of(frame)
    if scores == "quantile":
        used = _quintiles(frame, as_of, used)
    if is_partitioned(customers):
        needed = [*RFM_NEEDED, *as_of_column(as_of)]
        return on_partitions(
            customers, needed, lambda part: _score(customers_frame(part, needed), as_of, used, rules), results.Rfm
        )
    return convert_like(_score(frame, as_of, used, rules), customers)


def sizes(scored: Any) -> Any:
    """Sum up the segments of `rfm`.

    Parameters
    ----------
    scored
        As `rfm` gives it.

    Returns
    -------
    table of the same kind
        `results.Segments`: one row a segment that holds anyone, in the order of the rules: segment, customers, share,
        orders, sales_value, share_of_sales, median_recency_days, median_frequency, median_monetary.
    """
    frame = customers_frame(scored, ["segment", "recency_days", "frequency", "monetary"])
    table = gather(frame, numbers=["recency_days", "frequency", "monetary"], texts=["segment"])
    names = [str(name) for name in table["segment"].cat.categories]
    groups = Groups(table["segment"].cat.codes.to_numpy().astype("int64"), table["rows"].to_numpy(), len(names))
    ranked = {name: groups.ranked(table[name].to_numpy()) for name in ("recency_days", "frequency", "monetary")}
    customers, sales = groups.sizes, ranked["monetary"].sums
    result = pd.DataFrame(
        {
            "segment": names,
            "customers": customers,
            "share": customers / (customers.sum() or 1),
            "orders": ranked["frequency"].sums,
            "sales_value": sales,
            "share_of_sales": sales / sales.sum() if sales.sum() else np.nan,
            **{f"median_{name}": values.quantile(0.5) for name, values in ranked.items()},
        }
    )
    order = {rule.segment: place for place, rule in enumerate(RULES)} | {OTHER: 90, PROSPECTS: 91, UNKNOWN: 92}
    places = result["segment"].map(order).fillna(len(RULES))
    result = result[result["customers"] > 0].assign(place=places).sort_values(["place", "segment"], ignore_index=True)
    return same_kind(result.drop(columns="place"), results.Segments, scored)


def migration(before: Any, after: Any) -> Any:
    """Count the customers who moved from one segment to another between two times.

    Parameters
    ----------
    before, after
        As `rfm` gives them, of one store at two times (``store.customers(as_of=…)``). Scores by quantile move with the
        shop; score both times with ``scores="fixed"`` to see the customers move alone.

    Returns
    -------
    table of the same kind as `before`
        `results.Migration`: one row a pair of segments: before ("New" for those not there yet), after ("Gone" for those
        not there any more), customers, share (of those in `before`).

    Raises
    ------
    ArgumentError
        A missing column, or a customer who occurs twice.
    """
    sides = []
    for side in (before, after):
        table = gather(customers_frame(side, ["customer_id", "segment"]), keys=["customer_id"], texts=["segment"])
        ids = index_of(table["customer_id"])
        sides.append((ids, table["segment"].cat.codes.to_numpy(), [*map(str, table["segment"].cat.categories)]))
    (old_ids, old_codes, old_names), (new_ids, new_codes, new_names) = sides
    place = np.arange(len(old_ids)) if old_ids.equals(new_ids) else new_ids.get_indexer(old_ids)
    came = np.ones(len(new_ids), bool)
    came[place[place >= 0]] = False
    old_names, new_names = [*old_names, NEW], [*new_names, GONE]
    now = np.where(place >= 0, new_codes[place], len(new_names) - 1) if len(new_ids) else np.full(len(place), 0)
    width = len(new_names)
    counts = np.bincount(old_codes.astype("int64") * width + now, minlength=len(old_names) * width)
    counts += np.bincount((len(old_names) - 1) * width + new_codes[came].astype("int64"), minlength=len(counts))
    pair = np.flatnonzero(counts)
    result = pd.DataFrame(
        {
            "before": np.array(old_names, object)[pair // width],
            "after": np.array(new_names, object)[pair % width],
            "customers": counts[pair],
        }
    )
    result["share"] = result["customers"] / result.groupby("before")["customers"].transform("sum")
    result = result.sort_values(["customers", "before", "after"], ascending=[False, True, True], ignore_index=True)
    return same_kind(result, results.Migration, before)


def audience(
    customers: Any,
    *,
    segments: str | Iterable[str] | None = None,
    scored: Any = None,
    include_unknown: bool = False,
) -> Any:
    """List the customers who may be mailed.

    Who said no (``accept_marketing`` is false) is never in it, nor who has no email address. Of several customers with
    one address (upper and lower case alike), all are left out if any of them said no; else the first one stands for all.

    Parameters
    ----------
    customers
        A customers table with customer_id, email and accept_marketing; pandas, or any table that is in memory.
    segments
        Only these named segments.
    scored
        As `rfm` gives it; scored anew from `customers` by default.
    include_unknown
        Whether to keep customers whose consent is unknown. The law of many countries forbids mailing them.

    Returns
    -------
    table of the same kind
        `results.Audience`: customer_id, email, accept_marketing, lang, segment. Personal data: do not save it lightly.

    Raises
    ------
    ArgumentError
        A missing column, an unknown segment, a table that is not in memory, or a customer who occurs twice in `scored`.
    """
    frame = customers_frame(customers, ["customer_id", "email", "accept_marketing"])
    if not isinstance(native(customers), nw.DataFrame):
        raise ArgumentError("an audience is made of a table in memory: collect the customers needed first")
    extra = [name for name in ("lang",) if name in frame.collect_schema().names()]
    columns = ["customer_id", "email", "accept_marketing", *extra]
    table = frame.select(
        *(nw.col(name).cast(nw.String) if name in ("email", "lang") else nw.col(name) for name in columns)
    ).collect()
    consent = pd.array(table["accept_marketing"].to_arrow().to_pandas(), dtype="boolean")
    address = pc.utf8_lower(pc.utf8_trim_whitespace(table["email"].to_arrow().cast(pa.large_string())))
    address = address.combine_chunks() if isinstance(address, pa.ChunkedArray) else address
    # One number an address, −1 where there is none.
    codes = address.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    empty = pc.equal(address, "").fill_null(True).to_numpy(zero_copy_only=False)
    reachable = (codes >= 0) & ~empty
    refused = np.zeros(codes.max(initial=-1) + 1, bool)
    refused[codes[reachable & (consent == False).fillna(False).to_numpy(bool)]] = True  # noqa: E712
    keep = reachable & consent.fillna(include_unknown).to_numpy(bool)
    keep[keep] = ~refused[codes[keep]]
    people = pd.DataFrame({name: table[name].to_arrow().to_pandas() for name in columns})
    people = people.assign(accept_marketing=consent, lang=people["lang"] if extra else None)
    wanted = [segments] if isinstance(segments, str) else None if segments is None else list(segments)
    if wanted is not None:
        known = {rule.segment for rule in RULES} | {OTHER, PROSPECTS, UNKNOWN}
        marked = customers_frame(rfm(customers) if scored is None else scored, ["customer_id", "segment"])
        found = gather(marked, keys=["customer_id"], texts=["segment"])
        known |= set(found["segment"].cat.categories)
        if strange := [name for name in wanted if name not in known]:
            raise ArgumentError(f"there is no segment {strange[0]!r}: choose from {', '.join(sorted(known))}")
        segment_of = found["segment"].astype("str").set_axis(index_of(found["customer_id"]))
        segment = people["customer_id"].map(segment_of)
        people = people.assign(segment=segment)
        keep &= segment.isin(wanted).to_numpy()
    else:
        people = people.assign(segment=None)
    chosen = people[keep]
    chosen = chosen[~pd.Series(codes[keep]).duplicated().to_numpy()].reset_index(drop=True)
    return same_kind(
        chosen[["customer_id", "email", "accept_marketing", "lang", "segment"]], results.Audience, customers
    )


def _checked(cuts: Cuts) -> Cuts:
    """Refuse cuts that are out of order."""
    for name, values in cuts._asdict().items():
        steps = np.diff(np.asarray(values, "float64"))
        if len(values) != 4 or not ((steps < 0).all() if name == "recency_days" else (steps > 0).all()):
            falling = "fall" if name == "recency_days" else "rise"
            raise ArgumentError(f"the cuts of {name} must be four numbers that {falling}, not {tuple(values)}")
    return cuts


def _quintiles(frame: Frame, as_of: datetime | None, cuts: Cuts) -> Cuts:
    """Cut recency and monetary value at the quintiles of the buyers."""
    times = ["last_order_date", *as_of_column(as_of)]
    table = gather(frame, numbers=["sales_value"], times=times, min_orders=1)
    rows = table["rows"].to_numpy()
    gone = days(observed_at(table, as_of) - table["last_order_date"].to_numpy())
    recency = quantiles(gone, rows, QUINTILES)
    money = quantiles(table["sales_value"].to_numpy(), rows, QUINTILES)
    return Cuts(
        (recency[3], recency[2], recency[1], recency[0]), cuts.frequency, (money[0], money[1], money[2], money[3])
    )


def _score(frame: Frame, as_of: datetime | None, cuts: Cuts, rules: list[Rule]) -> pd.DataFrame:
    """Score the rows."""
    times = ["last_order_date", *as_of_column(as_of)]
    table = gather(frame, numbers=["number_of_orders", "sales_value"], times=times, keys=["customer_id"])
    names = [PROSPECTS, OTHER, UNKNOWN, *(rule.segment for rule in rules)]
    n, s = table["number_of_orders"].to_numpy(), table["sales_value"].to_numpy()
    gone = days(observed_at(table, as_of) - table["last_order_date"].to_numpy())
    one = np.ones(len(n), "int8")
    r = sum(((gone <= cut) for cut in cuts.recency_days), start=one)
    f = sum(((n > cut) for cut in cuts.frequency), start=one)
    m = sum(((s > cut) for cut in cuts.monetary), start=one)
    whole = (n >= 1) & ~np.isnan(s) & ~np.isnan(gone)
    codes: Any = np.full(len(n), names.index(UNKNOWN), "int8")
    codes[n == 0] = names.index(PROSPECTS)
    codes[whole] = names.index(OTHER)
    grid = np.full((6, 6, 6), names.index(OTHER), "int8")
    for rule in reversed(rules):
        (r_low, r_high), (low, high) = rule.r, rule.fm
        grid[r_low : r_high + 1, low : high + 1, low : high + 1] = names.index(rule.segment)
    codes[whole] = grid[r[whole], f[whole], m[whole]]
    n_known = ~np.isnan(n)
    scored = {
        name: pd.arrays.IntegerArray(values.astype("int64"), ~whole) for name, values in (("r", r), ("f", f), ("m", m))
    }
    scored_table = pd.DataFrame(
        {
            "customer_id": table["customer_id"].to_numpy(),
            "recency_days": np.where(n >= 1, gone, np.nan),
            "frequency": pd.arrays.IntegerArray(np.where(n_known, n, 0).astype("int64"), ~n_known),
            "monetary": s,
            **scored,
            "segment": pd.Categorical.from_codes(codes, pd.Index(names)),
        }
    )
    return results.Rfm.validate(scored_table)
