"""A chart as a picture for a notebook or a page, with what it shows as alternative text."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass, field
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from custlens._arguments import shown
from custlens.errors import ArgumentError
from custlens.plot._style import describe

__all__ = ["Picture", "picture"]

SHARPNESS = 2
"""Pixels of the file per CSS pixel, along each side, so that text is sharp on high-resolution screens."""


@dataclass(frozen=True)
class Picture:
    """A chart as a PNG file; a notebook shows it with its alternative text.

    Attributes
    ----------
    png : bytes
        The file.
    alt : str
        What the chart shows, as `describe` returns it.
    width, height : int
        Size on a page, in pixels of CSS; the file has twice as many along each side.
    caption : str or None
        A sentence below the picture.
    """

    png: bytes = field(repr=False)
    alt: str
    width: int
    height: int
    caption: str | None = None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the picture for a notebook: as HTML, whose alternative text every front end keeps, and as an image."""
        data, size = base64.b64encode(self.png).decode("ascii"), {"width": self.width, "height": self.height}
        source = f"data:image/png;base64,{data}"
        image = (
            f'<img alt="{html.escape(self.alt)}" width="{self.width}" style="max-width: 100%; height: auto" '
            f'src="{source}">'
        )
        words = f"<figcaption>{html.escape(self.caption)}</figcaption>" if self.caption else ""
        kinds = {
            "text/html": f'<figure style="margin: 0">{image}{words}</figure>',
            "image/png": data,
            "text/plain": f"{self.alt}\n{self.caption}" if self.caption else self.alt,
        }
        return kinds, {"image/png": {"alt": self.alt, **size}}


def picture(chart: Axes | Figure, *, caption: str | None = None) -> Picture:
    """Return a chart as a picture with its description as alternative text, and close its figure.

    The last line of a cell shows the picture; `IPython.display.display` shows it anywhere else.

    Parameters
    ----------
    chart : matplotlib.axes.Axes or matplotlib.figure.Figure
        What a function of `custlens.plot` has returned; of axes in a grid the whole figure is shown.
    caption : str, optional
        A sentence to write below the picture.

    Returns
    -------
    Picture

    Raises
    ------
    ArgumentError
        If it does not contain a chart of custlens.

    Examples
    --------
    >>> import custlens as cl
    >>> with cl.demo.serve("cdnow") as shop:
    ...     tables = cl.fetch(shop.client(), progress=False)
    >>> picture(cl.plot.sales_value(tables.customers)).alt
    'Half of 2,357 buyers have spent less than 43.06 USD; the top tenth 242 USD or more.'
    """
    if caption is not None and not isinstance(caption, str):
        raise ArgumentError(f"caption must be a text or None, not {shown(caption)}")
    describe(chart)  # refuses what is not a chart
    figure: Any = chart.get_figure(root=True)
    alt = describe(figure)
    with io.BytesIO() as file:
        # A layout engine has made room for everything; without one, what stands out of the figure is added.
        fit = None if figure.get_layout_engine() else "tight"
        figure.savefig(
            file, format="png", dpi=SHARPNESS * figure.dpi, bbox_inches=fit, pil_kwargs={"compress_level": 0}
        )
        drawn = Image.open(file)
        drawn.load()
    plt.close(figure)
    opaque = drawn.getextrema()[-1] == (255, 255)
    # A palette takes a third of the bytes.
    image = drawn.convert("RGB").quantize(256, dither=Image.Dither.NONE) if opaque else drawn
    with io.BytesIO() as file:
        image.save(file, format="png", optimize=True)
        return Picture(file.getvalue(), alt, image.width // SHARPNESS, image.height // SHARPNESS, caption)
