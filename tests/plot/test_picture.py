import base64
import io

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image

import custlens as cl


def page_of(picture, template="lab"):
    """Return the page that nbconvert makes of a notebook with the picture."""
    data, metadata = picture._repr_mimebundle_()
    cell = nbformat.v4.new_code_cell("chart", outputs=[nbformat.v4.new_output("display_data", data, metadata=metadata)])
    page, _ = HTMLExporter(template_name=template).from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    return page


def test_a_picture_has_the_finding_as_alternative_text(data):
    ax = cl.plot.sales_value(data["cdnow"].customers)
    finding = cl.plot.describe(ax)
    picture = cl.plot.picture(ax)
    assert picture.alt == finding
    for template in ("lab", "classic", "basic"):
        page = page_of(picture, template)
        assert f'alt="{finding}"' in page
        assert "No description" not in page
    _, metadata = picture._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == finding


def test_a_picture_is_twice_as_sharp_as_the_page(data):
    picture = cl.plot.picture(cl.plot.recency(data["cdnow"].customers))
    _, metadata = picture._repr_mimebundle_()
    image = Image.open(io.BytesIO(picture.png))
    assert (image.width // 2, image.height // 2) == (picture.width, picture.height)
    assert metadata["image/png"]["width"] == picture.width
    assert 700 < picture.width < 760


def test_a_picture_shows_the_pixels_of_the_figure(data):
    ax = cl.plot.rfm_grid(data["cdnow"].customers)
    with io.BytesIO() as file:
        ax.figure.savefig(file, dpi=200)
        drawn = np.asarray(Image.open(file).convert("RGB")).astype(int)
    shown = np.asarray(Image.open(io.BytesIO(cl.plot.picture(ax).png)).convert("RGB")).astype(int)
    assert np.abs(shown - drawn).mean() < 0.5


def test_a_transparent_figure_stays_transparent(data):
    with plt.rc_context({"figure.facecolor": "none", "axes.facecolor": "none"}):
        picture = cl.plot.picture(cl.plot.recency(data["tiny"].customers))
    assert Image.open(io.BytesIO(picture.png)).convert("RGBA").getpixel((0, 0))[3] == 0


def test_a_figure_is_closed_so_that_it_is_not_shown_twice(data):
    cl.plot.picture(cl.plot.recency(data["cdnow"].customers))
    assert plt.get_fignums() == []


def test_a_page_of_charts_has_the_findings_of_all(data):
    figure = cl.plot.overview(data["cdnow"].customers)
    findings = [cl.plot.describe(ax) for ax in figure.axes if ax.get_title(loc="left")]
    picture = cl.plot.picture(figure)
    assert len(findings) == 6
    assert picture.alt == " ".join(findings)


def test_axes_in_a_grid_become_a_picture_of_the_whole_figure(data):
    _, (left, right) = plt.subplots(1, 2)
    cl.plot.sales_value(data["cdnow"].customers, ax=left)
    cl.plot.recency(data["cdnow"].customers, ax=right)
    assert cl.plot.picture(left).alt == f"{cl.plot.describe(left)} {cl.plot.describe(right)}"


def test_a_caption_stands_below_the_picture(data):
    picture = cl.plot.picture(cl.plot.recency(data["cdnow"].customers), caption='Silent <buyers> & "others"')
    page = page_of(picture)
    assert '<figcaption>Silent &lt;buyers&gt; &amp; "others"</figcaption>' in page.replace("&quot;", '"')
    assert f'alt="{picture.alt}"' in page
    assert base64.b64encode(picture.png).decode() in page


@pytest.mark.parametrize("given", [None, 3, "chart", plt.Axes])
def test_what_is_not_a_chart_is_named(given):
    with pytest.raises(cl.ArgumentError, match=r"chart must be what a function of custlens\.plot has drawn"):
        cl.plot.picture(given)


def test_a_caption_of_another_kind_is_named(data):
    ax = cl.plot.recency(data["cdnow"].customers)
    with pytest.raises(cl.ArgumentError, match="caption must be a text or None, not 3"):
        cl.plot.picture(ax, caption=3)
