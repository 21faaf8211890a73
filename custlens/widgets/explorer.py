"""Linked charts of a shop's customers: brush one, and all others show the customers chosen by it."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from custlens._arguments import nearest, one_of, shown, whole_number
from custlens._text import KINDS, country_name, language_name, printable
from custlens.analysis import orders, segments
from custlens.errors import ArgumentError, DataError
from custlens.plot import describe
from custlens.plot.linked import LinkedChart, linked
from custlens.plot.picture import Picture
from custlens.store.store import Store
from custlens.tables.customer_tables import CustomerTables
from custlens.tables.export import mask
from custlens.widgets._base import Panel, customers_of, static
from custlens.widgets._cube import Crossfilter, Measure
from custlens.widgets._dimensions import Categories, Dimension, Filter, Numbers, Times

__all__ = ["Explorer"]

PAGE = 25
NUMBERS = {
    "sales_value": ("Sales value", False, "log"),
    "average_order_value": ("Average order value", False, "log"),
    "number_of_orders": ("Orders", True, "linear"),
}
TIMES = {"first_order_date": "First order", "last_order_date": "Last order"}
CONSENTS = {True: "may be mailed", False: "refused"}
NAMES: dict[str, tuple[str, Callable[[Any], str]]] = {
    "customer_group_name": ("Group", str),
    "b2b_b2c": ("Business or consumer", lambda kind: KINDS.get(kind, str(kind))),
    "lang": ("Language", language_name),
    "accept_marketing": ("Consent to marketing", lambda consent: CONSENTS.get(consent, str(consent))),
}
COUNTRY, SEGMENT = "billing_country_code", "segment"
COLUMNS = {
    "customer_id": "ID",
    "name": "Name",
    "email": "Email",
    COUNTRY: "Country",
    SEGMENT: "Segment",
    "number_of_orders": "Orders",
    "sales_value": "Sales",
    "average_order_value": "Average order",
    "first_order_date": "First order",
    "last_order_date": "Last order",
    "accept_marketing": "May be mailed",
}
"""Columns of the page of rows."""
SORTABLE = ("customer_id", *NUMBERS, *TIMES)


class _Sort(NamedTuple):
    """The order of the rows, and the place of each customer in it."""

    column: str
    descending: bool
    places: np.ndarray


class Explorer(Panel):
    """Linked charts of up to millions of customers, with the chosen ones as a table, as code and as an audience.

    Brush a chart with the mouse, a finger or the arrow keys: every other chart shows the customers that it chooses, the
    outline stays that of all customers, and both are counted in words. The browser gets counts and the 25 rows on
    the page, with personal data hidden until the reader reveals it, and never the table.

    Parameters
    ----------
    source : Store, CustomerTables or pandas.DataFrame
        The customers. Needs the columns customer_id, number_of_orders and sales_value. There is a chart for each column
        that the table has of sales_value, average_order_value, number_of_orders, first_order_date, last_order_date,
        billing_country_code, customer_group_name, b2b_b2c, lang and accept_marketing, and one of the segments that
        `segments.rfm` finds. Later changes of the source are not seen.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table has no column currency. It cannot overrule the table.

    Attributes
    ----------
    customers : pandas.DataFrame
        The table that is explored.
    last_error : Exception or None
        The error in the status line, if there is one.

    Raises
    ------
    ArgumentError
        `source` is of another kind.
    DataError
        A column is missing or of the wrong type, a customer occurs twice, or amounts are in several currencies.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     explorer = Explorer(cl.fetch(shop.client(), progress=False))
    >>> explorer.filters = {"number_of_orders": (5, None), "last_order_date": ("1998-01-01", None)}
    >>> len(explorer.selected)
    287
    >>> print(explorer.code)
    import pandas as pd
    <BLANKLINE>
    selected = customers[
        (customers["number_of_orders"] >= 5)
        & (customers["last_order_date"] >= pd.Timestamp("1998-01-01", tz="UTC"))
    ]
    """

    _esm = static("base.js", "explorer.js")
    _css = static("base.css", "explorer.css")

    def __init__(self, source: Store | CustomerTables | pd.DataFrame, *, currency: str | None = None) -> None:
        self.customers = customers_of(source).copy(deep=False)  # what is written to the source later stays there
        facts = orders.summary(self.customers, currency=currency).iloc[0]
        self._currency: str | None = None if pd.isna(facts["currency"]) else str(facts["currency"])
        self._as_of: pd.Timestamp | None = None if pd.isna(facts["as_of"]) else facts["as_of"]
        self._scored, self._note = _scored(self.customers)
        dimensions = _dimensions(self.customers, self._scored)
        sales = dimensions[0].values  # type: ignore[attr-defined]  # the first chart is that of sales_value
        self._cross = Crossfilter(dimensions, np.nan_to_num(sales))
        self._measure: Measure = "customers"
        self._total = self._cross.totals()
        self._whole = {measure: self._cross.whole(measure) for measure in get_args(Measure)}
        self._sort: _Sort | None = None
        self._sort_by, self._descending, self._page, self._revealed = "sales_value", True, 0, False
        self._drawn: list[np.ndarray] = []
        super().__init__()
        self._refresh()

    @property
    def filters(self) -> dict[str, Filter]:
        """What is chosen, by column; settable.

        A chart of numbers or times has a range ``(low, high)``, low included and high not, either of which may be None
        for an open end; dates mean the beginning of that day in UTC. ``(None, None)`` chooses what is known and
        ``[None]`` what is missing. A chart of names has a list, in which None stands for missing. An empty dict
        removes all filters.
        """
        chosen = {name: dimension.filter for name, dimension in self._cross.dimensions.items()}
        return {name: value for name, value in chosen.items() if value is not None}

    @filters.setter
    def filters(self, filters: Mapping[str, Filter]) -> None:
        dimensions = self._cross.dimensions
        if not isinstance(filters, Mapping):
            raise ArgumentError(f"filters must be a dict of column and filter, not {shown(filters)}")
        for name in filters:
            if name not in dimensions:
                hint = nearest(str(name), dimensions)
                raise ArgumentError(f"filters have {shown(name)}, which is not the column of a chart: {hint}")
        before = self.filters
        try:
            self._restrict(filters)
        except ArgumentError:
            self._restrict(before)
            raise
        self._refresh()

    @property
    def selected(self) -> pd.DataFrame:
        """The chosen customers: rows of the table, in its order."""
        chosen = self._cross.mask()
        return self.customers.copy(deep=False) if chosen is None else self.customers[chosen]

    @property
    def code(self) -> str:
        """Python that chooses the same rows from the table ``customers``."""
        conditions = [line for dimension in self._cross.dimensions.values() for line in dimension.condition()]
        imports = [
            line
            for line, word in (("import pandas as pd", "pd."), ("import custlens as cl", "cl."))
            if any(word in condition for condition in conditions)
        ]
        head = "\n".join(sorted(imports)) + "\n\n" if imports else ""
        if not conditions:
            return "selected = customers"
        return f"{head}selected = customers[\n    " + "\n    & ".join(conditions) + "\n]"

    def audience(self, *, include_unknown: bool = False) -> pd.DataFrame:
        """Return the chosen customers who may be mailed; `export` writes them to a file.

        Parameters
        ----------
        include_unknown : bool, default False
            Whether to keep customers whose consent is unknown. In many countries the law forbids mailing them.

        Returns
        -------
        pandas.DataFrame
            `results.Audience`, by `segments.audience`. This is personal data.

        Raises
        ------
        DataError
            The table lacks email or accept_marketing.
        """
        return segments.audience(
            self.customers, among=self.selected, scored=self._scored, include_unknown=include_unknown
        )

    def figure(self) -> Figure:
        """Return the charts as they are on the screen, to save or to publish.

        Returns
        -------
        matplotlib.figure.Figure
        """
        dimensions = self._cross.dimensions.values()
        charts = [
            LinkedChart(
                title=dimension.title,
                bars=spec["bars"],
                whole=whole,
                counts=counts,
                chosen=dimension.chosen_bars(),
                filtered=dimension.words(),
                ticks=spec.get("ticks"),
            )
            for dimension, spec, whole, counts in zip(
                dimensions,
                [dimension.spec() for dimension in dimensions],
                self._whole[self._measure],
                self._cross.counts(self._measure),
                strict=True,
            )
        ]
        return linked(charts, self._words(), self._facts(), self._unit())

    def clear(self) -> None:
        """Remove all filters."""
        self.filters = {}

    def still_table(self) -> str:
        """Return the number and the sales of the chosen customers, and the filters, as HTML."""
        filters = [(d.title, d.words()) for d in self._cross.dimensions.values() if d.filter is not None]
        rows = [("Selected", self._words()), *filters, ("About", self._facts())]
        cells = (f"<tr><th>{html.escape(title)}</th><td>{html.escape(text)}</td></tr>" for title, text in rows)
        return f"<table>{''.join(cells)}</table>"

    def still_picture(self) -> Picture:
        """Return the charts as a picture."""
        figure = self.figure()
        with io.BytesIO() as file:
            figure.savefig(file, format="png")  # not as sharp as `picture` draws, which takes twice as long
            return Picture(file.getvalue(), describe(figure), int(figure.bbox.width), int(figure.bbox.height))

    def _on_touch(self, chart: str) -> None:
        """Send what all other charts show for each piece of one."""
        cube = self._cross.cube(chart, self._measure)
        self.send(
            {"type": "cube", "chart": chart, "columns": cube.bars.shape[1]},
            [cube.bars.tobytes(), cube.totals.tobytes()],
        )

    def _on_choose(self, chart: str, pieces: Sequence[int]) -> None:
        """Set the filter of a chart to some pieces of it; none removes it."""
        dimension = self._cross.dimensions[chart]
        if pieces:
            dimension.choose(pieces)
        else:
            dimension.clear()
        self._refresh(moved=chart)

    def _on_clear(self) -> None:
        self.clear()

    def _on_measure(self, measure: Measure) -> None:
        """Show customers or sales."""
        self._measure = measure
        self._refresh()

    def _on_scale(self, chart: str, axis: str) -> None:
        """Cut a chart of numbers anew, for another axis."""
        dimension = self._cross.dimensions[chart]
        if isinstance(dimension, Numbers):
            dimension.rescale(one_of("axis", axis, ("linear", "log")))
            self._whole = {measure: self._cross.whole(measure) for measure in get_args(Measure)}
            self._refresh()

    def _on_rows(self, page: int, sort: str, descending: bool, reveal: bool) -> None:
        """Send a page of the chosen customers."""
        self._page = whole_number("page", page)
        self._sort_by, self._descending = one_of("sort", sort, SORTABLE), descending
        self._revealed = reveal
        self._tell_rows()

    def _restrict(self, filters: Mapping[str, Filter]) -> None:
        for name, dimension in self._cross.dimensions.items():
            if name in filters:
                dimension.restrict(filters[name])
            else:
                dimension.clear()

    def _refresh(self, *, moved: str | None = None) -> None:
        """Send what is chosen, and what each chart shows of it.

        Parameters
        ----------
        moved
            The chart whose filter alone has changed: counts for each piece of it are still right.
        """
        dimensions = self._cross.dimensions.values()
        pieces = [dimension.codes for dimension in dimensions]
        if len(pieces) != len(self._drawn) or any(a is not b for a, b in zip(pieces, self._drawn, strict=True)):
            self._drawn = pieces
            whole = {measure: [bars.tolist() for bars in counts] for measure, counts in self._whole.items()}
            self.tell(
                "charts",
                charts=[dimension.spec() for dimension in dimensions],
                whole=whole,
                total=self._total,
                currency=self._currency,
                note=self._facts(),
            )
        self.tell(
            "selection",
            chosen={
                name: {"pieces": np.flatnonzero(dimension.chosen).tolist(), "words": dimension.words()}
                for name, dimension in self._cross.dimensions.items()
                if dimension.chosen is not None
            },
            counts=[bars.tolist() for bars in self._cross.counts(self._measure)],
            totals=self._cross.totals(),
            measure=self._measure,
            code=self.code,
            moved=moved,
        )
        self._page = 0
        self._tell_rows()

    def _tell_rows(self) -> None:
        """Send the rows of the page, personal data hidden unless the reader has revealed it."""
        if self._sort is None or self._sort[:2] != (self._sort_by, self._descending):
            column = self.customers[self._sort_by].reset_index(drop=True)
            ordered = column.sort_values(ascending=not self._descending, kind="stable", na_position="last")
            self._sort = _Sort(self._sort_by, self._descending, ordered.index.to_numpy())
        places, chosen = self._sort.places, self._cross.mask()
        if chosen is not None:
            places = places[chosen[places]]
        pages = max(1, -(-len(places) // PAGE))
        self._page = min(self._page, pages - 1)
        on_page = places[self._page * PAGE : (self._page + 1) * PAGE]
        rows = self.customers.iloc[on_page]
        if self._scored is not None:
            rows = rows.assign(**{SEGMENT: self._scored[SEGMENT].iloc[on_page].to_numpy()})
        names = [name for name in COLUMNS if name in rows]
        rows = mask(rows[names], reveal=self._revealed)
        self.tell(
            "rows",
            columns=[
                {"name": name, "title": COLUMNS[name], "sortable": name in SORTABLE, "number": name in NUMBERS}
                for name in names
            ],
            rows=[
                [_cell(name, value) for name, value in zip(names, row, strict=True)] for row in rows.to_numpy(object)
            ],
            first=self._page * PAGE,
            total=len(places),
            page=self._page,
            pages=pages,
            sort=self._sort_by,
            descending=self._descending,
            revealed=self._revealed,
        )

    def _unit(self) -> str:
        return "customers" if self._measure == "customers" else f"sales in {self._currency or 'an unknown currency'}"

    def _words(self) -> str:
        """Return how many customers are chosen and what they have spent."""
        (customers, sales), (all_customers, all_sales) = self._cross.totals(), self._total
        unit = f" {self._currency}" if self._currency else ""
        return f"{customers:,} of {all_customers:,} customers · {sales:,.0f} of {all_sales:,.0f}{unit} sales"

    def _facts(self) -> str:
        """Return when the customers were observed, and what is not shown."""
        when = "an unknown time" if self._as_of is None else f"{self._as_of.day} {self._as_of:%b %Y}"
        return f"As of {when}. Days begin in UTC.{self._note}"


def _scored(customers: pd.DataFrame) -> tuple[pd.DataFrame | None, str]:
    """Return the customers with their segments, or why there are none."""
    try:
        return segments.rfm(customers), ""
    except DataError as error:
        return None, f" No segments: {error}."


def _dimensions(customers: pd.DataFrame, scored: pd.DataFrame | None) -> list[Dimension]:
    """Return a dimension for each column that has a chart."""
    found: list[Dimension] = []
    for name, (title, whole, axis) in NUMBERS.items():
        if name in customers:
            found.append(Numbers(name, title, _numbers(customers[name]), whole=whole, axis=axis))
    for name, title in TIMES.items():
        if name in customers:
            found.append(Times(name, title, _times(customers[name])))
    if COUNTRY in customers:
        found.append(Categories(COUNTRY, "Country", customers[COUNTRY], label=country_name))
    if scored is not None:
        known = [*segments.rules()["segment"], segments.OTHER, segments.PROSPECTS, segments.UNKNOWN]
        found.append(_Segments(SEGMENT, "Segment", scored[SEGMENT], order=known))
    for name, (title, label) in NAMES.items():
        if name in customers:
            missing = "unknown" if name == "accept_marketing" else "missing"
            found.append(Categories(name, title, customers[name], label=label, missing=missing))
    return found


class _Segments(Categories):
    """Segments, which the table does not hold: the code finds them again."""

    def _column(self) -> str:
        return 'cl.segments.rfm(customers)["segment"]'

    def condition(self) -> list[str]:
        return [f"{condition}.to_numpy()" for condition in super().condition()]


def _numbers(column: pd.Series) -> np.ndarray:
    try:
        return column.to_numpy("float64", na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise DataError(f"{column.name} must hold numbers, not {column.dtype}: convert the column first") from error


def _times(column: pd.Series) -> np.ndarray:
    try:
        return column.astype("datetime64[us, UTC]").dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64")
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(
            f"{column.name} must hold times in UTC, not {column.dtype}: convert the column first"
        ) from error


def _cell(name: str, value: Any) -> str:
    """Return a value of a row as text."""
    missing = value is None or pd.isna(value)
    if name == "accept_marketing":
        return "unknown" if missing else "yes" if value else "no"
    if missing:
        return ""
    if name == COUNTRY:
        return printable(country_name(value))
    if isinstance(value, pd.Timestamp):
        return f"{value.day} {value:%b %Y}"
    if name in ("sales_value", "average_order_value"):
        return f"{value:,.2f}"
    return f"{value:,}" if name == "number_of_orders" else printable(value)
