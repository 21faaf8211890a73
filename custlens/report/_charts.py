"""The charts of a chapter: pictures where there is something to see, sentences where there is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.axes import Axes

from custlens import plot
from custlens._arguments import shown
from custlens.errors import ArgumentError, CustlensWarning

__all__ = ["Text", "show"]

SIZE = (5.2, 3.5)
"""Inches of a picture: half of a wide page, or the whole of a narrow one, with letters that can be read on both."""


def show(*charts: Callable[..., Axes], text: str = "") -> None:
    """Show the charts of a chapter, each with its finding as alternative text.

    A chart that has nothing to draw is a sentence; several with the same sentence are one.

    Parameters
    ----------
    *charts : callable
        Functions of `custlens.plot` that need no argument but ``ax``: ``functools.partial(cl.plot.sales_value, customers)``.
    text : str
        Markdown to show above the charts, if any of them is drawn.

    Raises
    ------
    ArgumentError
        If a chart is not a function.
    CustlensError
        If a chart cannot be drawn from its data.

    Examples
    --------
    >>> from functools import partial
    >>> import custlens as cl
    >>> with cl.demo.serve(customers=0) as shop:
    ...     customers = cl.fetch(shop.client(), progress=False).customers
    >>> show(partial(cl.plot.sales_value, customers), partial(cl.plot.recency, customers))
    No buyers yet: nobody in this table has ordered.
    """
    pictures, sentences = [], []
    for chart in charts:
        if not callable(chart):
            raise ArgumentError(
                f"charts must be functions, such as partial(cl.plot.recency, customers), not {shown(chart)}"
            )
        figure, ax = plt.subplots(figsize=SIZE, dpi=100, layout="constrained")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CustlensWarning)  # what they warn of is written on the chart
                drawn = chart(ax=ax)
            if drawn.has_data():
                pictures.append(plot.picture(drawn))
            else:
                sentences.append(plot.describe(drawn))
        finally:
            plt.close(figure)
    if text and pictures:
        display(Text(text))
    for picture in pictures:
        display(picture)
    for sentence in dict.fromkeys(sentences):
        display(Text(sentence))


@dataclass(frozen=True, repr=False)
class Text:
    """A text in Markdown, which is shown as it is where nothing renders it."""

    markdown: str

    def __repr__(self) -> str:
        return self.markdown

    def _repr_markdown_(self) -> str:
        return self.markdown
