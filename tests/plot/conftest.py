"""Fixtures: what charts are drawn of."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from matplotlib.axes import Axes

import custlens.plot  # noqa: F401  # before pytest imports its files one by one for doctests, some named as a function
from docs import gallery
from docs.gallery import OF_MODELS, Data, Models


@pytest.fixture(scope="session")
def data() -> dict[str, Data]:
    return gallery.data()


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture
def draw(data: dict[str, Data], models: Models) -> Callable[..., Axes]:
    """Return a function that draws a chart of a shop by name."""

    def draw(name: str, shop: str, ax: Axes | None = None) -> Axes:
        return gallery.draw(name, models if name in OF_MODELS else data[shop], ax)

    return draw
