"""A page of charts."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from narwhals.typing import IntoFrame

from custlens._arguments import Moment
from custlens.plot.cohorts import repeat_rate
from custlens.plot.dates import first_orders, recency
from custlens.plot.orders import concentration, sales_value
from custlens.plot.segments import segment_sizes

__all__ = ["overview"]


def overview(
    customers: IntoFrame,
    *,
    tz: str = "UTC",
    as_of: Moment | None = None,
    currency: str | None = None,
) -> Figure:
    """Show a shop's customers on a page of six charts.

    They are: what buyers have spent, how unequally sales are spread, segments, new buyers by month, who has ordered
    again, and the time since the last order.

    Parameters
    ----------
    customers : table
        A customers table with ``customer_id``, ``number_of_orders``, ``sales_value``, ``first_order_date`` and
        ``last_order_date``.
    tz : str
        IANA name of the time zone in which months begin.
    as_of : str, date or datetime, optional
        Time of the observation; read from the table by default.
    currency : str, optional
        ISO 4217 currency of the amounts, if the table does not have it.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        If an argument is of the wrong type.
    DataError
        If the table lacks a column or does not say when it was observed, or its amounts are in several currencies.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> figure = overview(tables.customers)
    >>> [ax.get_title(loc="left") for ax in figure.axes][:2]
    ['What buyers have spent', 'Concentration of sales']
    """
    figure, places = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    try:
        sales_value(customers, as_of=as_of, currency=currency, ax=places[0, 0])
        concentration(customers, as_of=as_of, currency=currency, ax=places[0, 1])
        segment_sizes(customers, as_of=as_of, currency=currency, ax=places[0, 2])
        first_orders(customers, tz=tz, as_of=as_of, ax=places[1, 0])
        repeat_rate(customers, tz=tz, as_of=as_of, ax=places[1, 1])
        recency(customers, as_of=as_of, ax=places[1, 2])
    except Exception:
        plt.close(figure)
        raise
    return figure
