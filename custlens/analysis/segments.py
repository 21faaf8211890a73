"""RFM: scores of recency, frequency and monetary value, named segments, how customers move, and who may be mailed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, get_args

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.typing import IntoDataFrameT, IntoFrameT

from custlens._arguments import Moment, flag, moment, name_list, nearest, one_of, shown
from custlens.analysis import results
from custlens.analysis._frames import (
    Frame,
    as_of_column,
    convert_like,
    currency_of,
    customers_frame,
    gather,
    native,
    need_as_of,
    observed_at,
    same_kind,
)
from custlens.analysis._partitions import is_partitioned, on_partitions
from custlens.analysis._stats import Groups, parts_of_sales, quantiles
from custlens.analysis._time import days
from custlens.errors import ArgumentError, DataError

__all__ = ["RULES", "Cuts", "Rule", "audience", "migration", "rfm", "rules", "sizes"]


def __dir__() -> list[str]:
    return __all__


Scores = Literal["quantile", "fixed"]
RFM_NEEDED = ("customer_id", "number_of_orders", "sales_value", "last_order_date")
QUINTILES = [0.2, 0.4, 0.6, 0.8]
PROSPECTS, OTHER, UNKNOWN, GONE, NEW = "Prospects", "Other", "Unknown", "Gone", "New"
SCORED = "pass the result of segments.rfm"
RESERVED = (PROSPECTS, OTHER, UNKNOWN, GONE, NEW)


class Rule(NamedTuple):
    """A named segment: the ranges of the three scores, both ends included."""

    segment: str
    r: tuple[int, int] = (1, 5)
    f: tuple[int, int] = (1, 5)
    m: tuple[int, int] = (1, 5)


RULES = {
    "grid": (
        Rule("Champions", (5, 5), (4, 5)),
        Rule("Loyal", (3, 4), (4, 5)),
        Rule("Potential loyalist", (4, 5), (2, 3)),
        Rule("New customers", (5, 5), (1, 1)),
        Rule("Promising", (4, 4), (1, 1)),
        Rule("Needs attention", (3, 3), (3, 3)),
        Rule("About to sleep", (3, 3), (1, 2)),
        Rule("At risk", (1, 2), (3, 4)),
        Rule("Can't lose", (1, 2), (5, 5)),
        Rule("Hibernating", (2, 2), (1, 2)),
        Rule("Lost", (1, 1), (1, 2)),
    ),
    "rfm": (
        Rule("Champions", (4, 5), (4, 5), (4, 5)),
        Rule("Loyal", (2, 5), (3, 5), (3, 5)),
        Rule("Potential loyalist", (3, 5), (1, 3), (1, 3)),
        Rule("New customers", (4, 5), (1, 1), (1, 1)),
        Rule("Promising", (3, 4), (1, 1), (1, 1)),
        Rule("Needs attention", (2, 3), (2, 3), (2, 3)),
        Rule("About to sleep", (2, 3), (1, 2), (1, 2)),
        Rule("At risk", (1, 2), (2, 5), (2, 5)),
        Rule("Can't lose", (1, 1), (4, 5), (4, 5)),
        Rule("Lost", (1, 2), (1, 2), (1, 2)),
    ),
}
"""Sets of named segments, by name; a customer is in the segment of the first rule that matches.

"grid" has one segment for each pair of recency and frequency scores. "rfm" is the published order of the R package rfm
(Hebbali), in which some segments are never reached and some scores have no segment.
"""


class Cuts(NamedTuple):
    """The four limits between the five scores of each measure: a score is 1 plus the number of cuts passed.

    Recency passes a cut at or below it (fewer days since the last order); frequency and monetary value pass a cut if they
    are above it.
    """

    recency_days: tuple[float, float, float, float] = (365.0, 180.0, 90.0, 30.0)
    frequency: tuple[float, float, float, float] = (1.0, 2.0, 4.0, 9.0)
    monetary: tuple[float, float, float, float] = (25.0, 75.0, 200.0, 500.0)


def rules(rules: str | Iterable[Rule] = "grid") -> pd.DataFrame:
    """Return the rules of the named segments as a table.

    Parameters
    ----------
    rules : {"grid", "rfm"} or iterable of Rule, default "grid"
        A set of `RULES` by its name, or your own.

    Returns
    -------
    pandas.DataFrame
        `results.Rules`: one row per rule, in the order in which they are tried: segment, the ranges r_low to r_high,
        f_low to f_high and m_low to m_high, and scores: how many of the 125 combinations of scores match it and no rule
        before it.

    Raises
    ------
    ArgumentError
        An unknown name, or rules that are not ranges of scores.

    Examples
    --------
    >>> rules()[["segment", "r_low", "r_high", "f_low", "f_high"]].head(2)
         segment  r_low  r_high  f_low  f_high
    0  Champions      5       5      4       5
    1      Loyal      3       4      4       5
    >>> rules("rfm").query("scores == 0")["segment"].to_list()
    ['New customers', 'Promising', "Can't lose"]
    """
    taken = np.zeros((6, 6, 6), bool)
    rows = []
    for rule in _checked_rules(rules):
        inside = _inside(rule)
        rows.append((rule.segment, *rule.r, *rule.f, *rule.m, int((~taken[inside]).sum())))
        taken[inside] = True
    columns = ["segment", "r_low", "r_high", "f_low", "f_high", "m_low", "m_high", "scores"]
    return results.Rules.validate(pd.DataFrame(rows, columns=columns))


def rfm(
    customers: IntoFrameT,
    *,
    scores: Scores = "quantile",
    cuts: Cuts | None = None,
    rules: str | Iterable[Rule] = "grid",
    as_of: Moment | None = None,
) -> IntoFrameT:
    """Score each customer by recency, frequency and monetary value, and name the segment.

    With ``"quantile"``, recency and monetary value are cut at the quintiles of the buyers. Half of a shop's buyers often
    have one order, so that quintiles of the frequency would coincide: it is always cut at fixed numbers of orders. Equal
    values always have equal scores; a value on a quintile belongs to the lower side.

    Parameters
    ----------
    customers : table
        A customers table with customer_id, number_of_orders, sales_value and last_order_date.
    scores : {"quantile", "fixed"}, default "quantile"
        With ``"fixed"`` all three scores use `cuts`, so that scores of two times or two shops can be compared.
    cuts : Cuts, optional
        The limits between the scores; those of monetary value are in the currency of the table. With ``"quantile"`` only
        those of frequency are used.
    rules : {"grid", "rfm"} or iterable of Rule, default "grid"
        The named segments: the first rule whose ranges hold the scores counts; if none does, the segment is "Other".
        The default covers all scores, by recency and frequency; ``"rfm"`` is the published order of the R package rfm.
    as_of : str, date or datetime, optional
        Time of the observation; by default each row's own, from the column as_of.

    Returns
    -------
    table of the same kind
        `results.Rfm`: one row per customer, in the order of the table: customer_id, recency_days, frequency, monetary,
        r, f, m (1 to 5, 5 is the best), segment. "Prospects" have no order, and no scores; "Unknown" lack a number.

    Raises
    ------
    ArgumentError
        `customers` is not a table; `scores` or `rules` is unknown; `cuts` are out of order; `as_of` is not a point in
        time.
    DataError
        A column is missing or of the wrong type, a customer occurs twice, there are several currencies, or the time of
        the observation is unknown or lies before the orders.

    Notes
    -----
    Source: Hughes (1994), "Strategic Database Marketing". The undisclosed rules of shop platforms differ.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     customers = cl.fetch(shop.client(), progress=False).customers
    >>> rfm(customers)[["frequency", "r", "f", "m", "segment"]].head(2)
       frequency  r  f  m             segment
    0          4  4  3  4  Potential loyalist
    1          2  1  2  4                Lost
    """
    one_of("scores", scores, get_args(Scores))
    used = _checked_cuts(Cuts() if cuts is None else cuts)
    chosen = _checked_rules(rules)
    now = None if as_of is None else moment("as_of", as_of)
    frame = customers_frame(customers, RFM_NEEDED)
    need_as_of(frame, now)
    currency_of(frame)
    if scores == "quantile":
        used = _quintiles(frame, now, used)
    if is_partitioned(customers):
        needed = [*RFM_NEEDED, *as_of_column(now)]
        partitioned: IntoFrameT = on_partitions(
            customers, needed, lambda part: _score(customers_frame(part, needed), now, used, chosen), results.Rfm
        )
        return partitioned
    return convert_like(_score(frame, now, used, chosen), customers)


def sizes(scored: IntoFrameT) -> IntoFrameT:
    """Compute the size and the sales of each segment.

    Parameters
    ----------
    scored : table
        The result of `rfm`.

    Returns
    -------
    table of the same kind
        `results.Segments`: one row per segment that has customers, from Champions to Lost, then segments of your own:
        segment, customers, share, orders, sales_value, share_of_sales (missing if a segment has negative sales, or there
        are none to share), median_recency_days, median_frequency, median_monetary.

    Raises
    ------
    ArgumentError
        `scored` is not a table.
    DataError
        A column or a segment is missing, or a customer occurs twice.
    """
    frame = customers_frame(scored, ["segment", "recency_days", "frequency", "monetary"], name="scored", way_out=SCORED)
    table = gather(frame, numbers=["recency_days", "frequency", "monetary"], texts=["segment"])
    codes, names = _segment_codes(table, "scored")
    groups = Groups(codes, table["rows"].to_numpy(), len(names))
    ranked = {name: groups.ranked(table[name].to_numpy()) for name in ("recency_days", "frequency", "monetary")}
    customers, sales = groups.sizes, ranked["monetary"].sums
    turnover = float(np.nansum(np.abs(table["monetary"].to_numpy()) * table["rows"].to_numpy()))
    result = pd.DataFrame(
        {
            "segment": names,
            "customers": customers,
            "share": customers / (customers.sum() or 1),
            "orders": ranked["frequency"].sums,
            "sales_value": sales,
            "share_of_sales": parts_of_sales(sales, turnover),
            **{f"median_{name}": values.quantile(0.5) for name, values in ranked.items()},
        }
    )
    order = {rule.segment: place for place, rule in enumerate(RULES["grid"])} | {OTHER: 90, PROSPECTS: 91, UNKNOWN: 92}
    result["place"] = result["segment"].map(order).fillna(80)
    result = result[result["customers"] > 0].sort_values(["place", "segment"], ignore_index=True)
    return same_kind(result.drop(columns="place"), results.Segments, scored)


def migration(before: IntoFrameT, after: Any) -> IntoFrameT:
    """Count the customers who moved from one segment to another between two times.

    Parameters
    ----------
    before, after : table
        Results of `rfm` for one shop at two times (``store.customers(as_of=…)``). Quantile scores depend on all buyers
        of their time; use ``scores="fixed"`` for both, so that customers change segment only by what they do.

    Returns
    -------
    table of the same kind as `before`
        `results.Migration`: one row per pair of segments: before ("New" for customers who are only in `after`),
        after ("Gone" for customers who are only in `before`), customers, share (of all with the same `before`).

    Raises
    ------
    ArgumentError
        `before` or `after` is not a table.
    DataError
        A column or a segment is missing, or a customer occurs twice.
    """
    (old_ids, old_codes, old_names), (new_ids, new_codes, new_names) = (
        _segments_of(before, "before"), _segments_of(after, "after")
    )  # fmt: skip
    place = np.arange(len(old_ids)) if old_ids.equals(new_ids) else new_ids.get_indexer(old_ids)
    there = place >= 0
    came = np.ones(len(new_ids), bool)
    came[place[there]] = False
    old_names, new_names = [*old_names, NEW], [*new_names, GONE]
    now = np.full(len(place), len(new_names) - 1)
    now[there] = new_codes[place[there]]
    width = len(new_names)
    counts = np.bincount(old_codes * width + now, minlength=len(old_names) * width)
    counts += np.bincount((len(old_names) - 1) * width + new_codes[came], minlength=len(counts))
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
    customers: IntoDataFrameT,
    *,
    segments: str | Iterable[str] | None = None,
    scored: Any = None,
    among: Any = None,
    include_unknown: bool = False,
) -> IntoDataFrameT:
    """Return the customers who may be mailed.

    Customers who refused (``accept_marketing`` is false) are never returned, nor are customers without an email address.
    Of several customers with the same address (ignoring case), none is returned if any of them refused; otherwise only
    the first is.

    Parameters
    ----------
    customers : table
        A customers table with customer_id, email and accept_marketing; pandas, or any table that is in memory.
    segments : str or iterable of str, optional
        Keep only these named segments.
    scored : table, optional
        The result of `rfm` to take the segments from; by default `customers` are scored if `segments` are given.
    among : table, optional
        Keep only the customers of this table, by its customer_id: the result of `lifetime.overdue` or its first rows, for
        example.
    include_unknown : bool, default False
        Whether to keep customers whose consent is unknown. In many countries the law forbids mailing them.

    Returns
    -------
    table of the same kind
        `results.Audience`: customer_id, email, accept_marketing, lang, segment. This is personal data.

    Raises
    ------
    ArgumentError
        `customers` is not a table or not in memory, `scored` or `among` is not a table, or a segment is unknown.
    DataError
        A column is missing or of the wrong type, or a customer occurs twice.
    """
    wanted = None if segments is None else name_list("segments", segments)
    flag("include_unknown", include_unknown)
    frame = customers_frame(customers, ["customer_id", "email", "accept_marketing"])
    if not isinstance(native(customers), nw.DataFrame):
        raise ArgumentError("customers must be a table in memory for an audience: collect the customers needed first")
    extra = [name for name in ("lang",) if name in frame.collect_schema().names()]
    columns = ["customer_id", "email", "accept_marketing", *extra]
    table = frame.select(
        *(nw.col(name).cast(nw.String) if name in ("email", "lang") else nw.col(name) for name in columns)
    ).collect()
    try:
        consent = pd.array(table["accept_marketing"].to_arrow().to_pandas(), dtype="boolean")
    except (TypeError, ValueError) as error:
        raise DataError("accept_marketing must hold true, false or nothing: convert the column first") from error
    address = pc.utf8_lower(pc.utf8_trim_whitespace(table["email"].to_arrow().cast(pa.large_string())))
    address = address.combine_chunks() if isinstance(address, pa.ChunkedArray) else address
    # One number per address, −1 where there is none.
    codes = address.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    empty = pc.equal(address, "").fill_null(True).to_numpy(zero_copy_only=False)
    reachable = (codes >= 0) & ~empty
    refused = np.zeros(codes.max(initial=-1) + 1, bool)
    refused[codes[reachable & (consent == False).fillna(False).to_numpy(bool)]] = True  # noqa: E712
    keep = reachable & consent.fillna(include_unknown).to_numpy(bool)
    keep[keep] = ~refused[codes[keep]]
    people = pd.DataFrame({name: table[name].to_arrow().to_pandas() for name in columns})
    people = people.assign(accept_marketing=consent, lang=people["lang"] if extra else None, segment=None)
    if wanted is not None or scored is not None:
        ids, places, segment_names = _segments_of(rfm(customers) if scored is None else scored, "scored")
        segment_of = pd.Series(np.array(segment_names, object)[places], ids)
        people["segment"] = people["customer_id"].map(segment_of)
    if wanted is not None:
        known = {rule.segment for rule in RULES["grid"]} | {OTHER, PROSPECTS, UNKNOWN, *segment_names}
        if strange := [name for name in wanted if name not in known]:
            raise ArgumentError(f"segments has {strange[0]!r}, which is not a segment: {nearest(strange[0], known)}")
        keep &= people["segment"].isin(wanted).to_numpy()
    if among is not None:
        chosen_ids = gather(customers_frame(among, ["customer_id"], name="among"), keys=["customer_id"])
        keep &= people["customer_id"].isin(chosen_ids["customer_id"]).to_numpy()
    chosen = people[keep]
    chosen = chosen[~pd.Series(codes[keep]).duplicated().to_numpy()].reset_index(drop=True)
    return same_kind(
        chosen[["customer_id", "email", "accept_marketing", "lang", "segment"]], results.Audience, customers
    )


def _segments_of(scored: Any, name: str) -> tuple[pd.Index[int], np.ndarray, list[str]]:
    """Return the customers of a scored table, the number of each one's segment, and the names of the segments."""
    table = gather(
        customers_frame(scored, ["customer_id", "segment"], name=name, way_out=SCORED),
        keys=["customer_id"],
        texts=["segment"],
    )
    return pd.Index(table["customer_id"]), *_segment_codes(table, name)


def _segment_codes(table: pd.DataFrame, name: str) -> tuple[np.ndarray, list[str]]:
    """Return the number of each row's segment, and the names of the segments; refuse rows without one."""
    segments = table["segment"].cat
    codes = segments.codes.to_numpy().astype("int64")
    if (codes < 0).any():
        raise DataError(
            f"{table['rows'].to_numpy() @ (codes < 0):,.0f} rows of the {name} table have no segment: {SCORED}"
        )
    return codes, [*map(str, segments.categories)]


def _inside(rule: Rule) -> tuple[slice, slice, slice]:
    """Return the place of a rule in a table of all scores."""
    return tuple(slice(low, high + 1) for low, high in rule[1:])  # type: ignore[return-value]


def _checked_rules(rules: str | Iterable[Rule]) -> list[Rule]:
    """Return a set of rules; refuse what is not one."""
    if isinstance(rules, str):
        return list(RULES[one_of("rules", rules, RULES)])
    if not isinstance(rules, Iterable):
        raise ArgumentError(f"rules must be one of {', '.join(RULES)}, or segments.Rule tuples, not {shown(rules)}")
    chosen = list(rules)
    if not chosen:
        raise ArgumentError(f"rules must be one of {', '.join(RULES)}, or segments.Rule tuples, and are empty")
    for rule in chosen:
        if not isinstance(rule, Rule):
            raise ArgumentError(f"rules must hold segments.Rule tuples, not {shown(rule)}")
        if not isinstance(rule.segment, str) or rule.segment in RESERVED:
            raise ArgumentError(
                f"rules need names of segments other than {', '.join(RESERVED)}, not {shown(rule.segment)}"
            )
        for scores in rule[1:]:
            low, high = scores if isinstance(scores, tuple) and len(scores) == 2 else (0, 0)
            if not (isinstance(low, int) and isinstance(high, int) and 1 <= low <= high <= 5):
                raise ArgumentError(
                    f"rules need ranges of scores from 1 to 5, such as (4, 5): {rule.segment} has {shown(scores)}"
                )
    return chosen


def _checked_cuts(cuts: Cuts) -> Cuts:
    """Return the cuts; refuse cuts that are out of order."""
    if not isinstance(cuts, Cuts):
        raise ArgumentError(f"cuts must be segments.Cuts(…), not {shown(cuts)}")
    for name, values in cuts._asdict().items():
        try:
            steps = np.diff(np.asarray(values, "float64"))
        except (TypeError, ValueError):
            steps = np.zeros(0)
        if len(steps) != 3 or not ((steps < 0).all() if name == "recency_days" else (steps > 0).all()):
            direction = "fall" if name == "recency_days" else "rise"
            raise ArgumentError(f"cuts of {name} must be four numbers that {direction}, not {shown(values)}")
    return cuts


def _quintiles(frame: Frame, as_of: Moment | None, cuts: Cuts) -> Cuts:
    """Return the cuts at the quintiles of recency and monetary value of the buyers."""
    times = ["last_order_date", *as_of_column(as_of)]
    table = gather(frame, numbers=["sales_value"], times=times, min_orders=1)
    rows = table["rows"].to_numpy()
    gone = days(observed_at(table, as_of) - table["last_order_date"].to_numpy())
    recency = quantiles(gone, rows, QUINTILES)
    money = quantiles(table["sales_value"].to_numpy(), rows, QUINTILES)
    return Cuts(
        (recency[3], recency[2], recency[1], recency[0]), cuts.frequency, (money[0], money[1], money[2], money[3])
    )


def _score(frame: Frame, as_of: Moment | None, cuts: Cuts, rules: list[Rule]) -> pd.DataFrame:
    """Return the scores and the segment of each row."""
    times = ["last_order_date", *as_of_column(as_of)]
    table = gather(frame, numbers=["number_of_orders", "sales_value"], times=times, keys=["customer_id"])
    names = list(dict.fromkeys([PROSPECTS, OTHER, UNKNOWN, *(rule.segment for rule in rules)]))
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
        grid[_inside(rule)] = names.index(rule.segment)
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
