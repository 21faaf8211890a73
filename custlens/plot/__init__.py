"""Charts: one function each, which takes a customers table and `ax=` and returns the Axes it has drawn on.

Each chart says how many buyers it shows, who is left out, when the table was observed and in what currency. None of them
calls `show` or changes a setting of matplotlib.
"""

from custlens.plot.orders import (
    average_order_value,
    first_orders,
    last_orders,
    number_of_orders,
    sales_by,
    sales_value,
)

__all__ = ["average_order_value", "first_orders", "last_orders", "number_of_orders", "sales_by", "sales_value"]
