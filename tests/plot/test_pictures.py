"""Each chart compared with the picture that was looked at; `make baselines` draws the pictures anew."""

import itertools
import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

import custlens as cl
from docs import gallery
from docs.build import GALLERY
from docs.gallery import BASELINE, CASES, OF_MODELS

ROOT = Path(__file__).parents[2]
LOCKED = re.search(r"^matplotlib==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)[1]
STYLES = {"light": "default", "dark": "dark_background"}
TOLERANCE = 0.5
GRID_OF = 4

locked = pytest.mark.skipif(
    matplotlib.__version__ != LOCKED,
    reason=f"the pictures are drawn with matplotlib {LOCKED}, and this is {matplotlib.__version__}",
)


def pictures(names, dpi):
    """Return a parameter per name and style, with the file of its picture and the size of it."""
    return [
        pytest.param(
            name,
            marks=pytest.mark.mpl_image_compare(
                filename=f"{'-'.join(name)}-{kind}.png",
                style=style,
                tolerance=TOLERANCE,
                savefig_kwargs={"dpi": dpi(name, kind), "pil_kwargs": {"optimize": True}},
            ),
            id=f"{'-'.join(name)}-{kind}",
        )
        for name, (kind, style) in itertools.product(names, STYLES.items())
    ]


ALONE = [
    (name, "models") if name in OF_MODELS else (name, shop) for name in CASES for shop in ("generated", "cdnow", "tiny")
]
ALONE = list(dict.fromkeys(ALONE))
GRIDS = [("grid", list(CASES)[first]) for first in range(0, len(CASES), GRID_OF)]
PAGES = [("overview", shop) for shop in ("generated", "cdnow", "tiny", "empty")]


@locked
@pytest.mark.parametrize(
    "name", pictures(ALONE, lambda name, kind: 80 if name[1] in ("generated", "models") and kind == "light" else 50)
)
def test_a_chart_looks_as_it_did(name, draw):
    return draw(*name).figure


@locked
@pytest.mark.parametrize("name", pictures(GRIDS, lambda *_: 60))
def test_charts_in_a_grid_look_as_they_did(name, draw):
    figure, places = plt.subplots(2, 2, figsize=(9, 6.4), layout="constrained")
    first = list(CASES).index(name[1])
    for ax, chart in zip(places.flat, list(CASES)[first : first + GRID_OF], strict=False):
        draw(chart, "models" if chart in OF_MODELS else "generated", ax)
    return figure


@locked
@pytest.mark.parametrize("name", pictures(PAGES, lambda *_: 60))
def test_a_page_of_charts_looks_as_it_did(name, data):
    return cl.plot.overview(data[name[1]].customers)


def test_the_pictures_are_compared(request):
    assert request.config.getoption("mpl") or request.config.getoption("mpl_generate_path")


def test_no_picture_is_left_of_a_chart_that_is_gone():
    kept = {"-".join([*name, kind]) for name in [*ALONE, *GRIDS, *PAGES] for kind in STYLES}
    assert {path.stem for path in BASELINE.iterdir()} == kept


@locked
def test_the_gallery_shows_the_charts_of_today(data, models):
    written = GALLERY.read_text(encoding="utf-8")
    assert written == gallery.page(data["generated"], models), "run make docs"
    for picture in re.findall(r"\]\((.+?)\)", written):
        assert (GALLERY.parent / picture).is_file()
