"""Charts: one function each, which takes a customers table and `ax=` and gives the Axes back.

Each says on the picture how many it shows, what it leaves out, when it was observed and in what currency. None calls
`show` or changes a setting of matplotlib.
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
