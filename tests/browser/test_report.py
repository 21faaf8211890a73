"""The report in a real Chromium: nothing is cut off, whatever the width; nothing is asked for; axe finds nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from helpers.browsing import serious, take_picture
from helpers.reports import cdnow_store, demo_store

import custlens as cl
from custlens import report
from custlens.api.client import BASE_URL, admin_url

WIDER = """() => [...document.querySelectorAll("main *")].filter(e => {
    const own = e.getBoundingClientRect(), around = e.parentElement.getBoundingClientRect();
    return own.width && (own.right > around.right + 1 || own.left < around.left - 1 || e.scrollWidth > e.clientWidth + 1
        && getComputedStyle(e).display !== "inline");
}).map(e => `${e.tagName} ${e.textContent.trim().slice(0, 60)}`)"""
COLUMNS = """() => getComputedStyle(document.querySelector(".panels")).gridTemplateColumns.split(" ").length"""
PAPER = {"A4": (595, 842), "Letter": (612, 792)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    """Reports on the demo shop, with names in many scripts, and on the real shop, without names."""
    folder = tmp_path_factory.mktemp("reports")
    stores = {"demo": demo_store(folder, customers=2_000, seed=7), "cdnow": cdnow_store(folder)}
    return {
        name: report.write(
            folder / f"{name}.html",
            parameters={"store": store.path, "reveal": name == "demo", "admin": admin_url(BASE_URL)},
            progress=False,
        )
        for name, store in stores.items()
    }


@pytest.fixture(params=["demo", "cdnow"])
def opened(request, pages, page):
    """A page, and the addresses that it has asked for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[request.param].as_uri())
    yield page
    assert [url for url in asked if not url.startswith("data:")] == [pages[request.param].as_uri()]
    take_picture(page, f"report_{request.param}")


@pytest.mark.parametrize(("width", "columns"), [(390, 1), (768, 1), (1280, 2), (1920, 2)])
def test_no_element_is_wider_than_its_column(opened, width, columns):
    opened.set_viewport_size({"width": width, "height": 900})
    assert opened.evaluate(WIDER) == []
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert opened.evaluate(COLUMNS) == columns


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, width, scheme):
    opened.set_viewport_size({"width": width, "height": 900})
    opened.emulate_media(color_scheme=scheme)
    assert serious(opened) == []


def test_who_is_slipping_away_is_seen_without_scrolling(opened):
    opened.set_viewport_size({"width": 1280, "height": 900})
    assert opened.locator("h2").first.inner_text() == "Who is slipping away"
    fifth = opened.locator("table").first.locator("tbody tr").nth(4).bounding_box()
    assert fifth["y"] + fifth["height"] < 900


def headings_on(document: pdfium.PdfDocument, titles: list[str]) -> dict[str, tuple[int, float]]:
    """Return the page and the height above its lower end of each heading."""
    found = {}
    for number, page in enumerate(document):
        text = page.get_textpage()
        for title in titles:
            place = text.search(title, match_case=True).get_next()
            if place is not None and title not in found:
                found[title] = number, text.get_charbox(place[0])[1]
    return found


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("name", ["demo", "cdnow"])
def test_a_print_has_few_pages_no_orphaned_heading_and_all_columns(name, paper, pages, page):
    page.goto(pages[name].as_uri())
    titles = page.locator("h2").all_inner_texts()
    document = pdfium.PdfDocument(report.to_pdf(pages[name], paper=paper))
    assert 5 <= len(document) <= 10
    assert {tuple(map(round, sheet.get_size())) for sheet in document} == {PAPER[paper]}
    places = headings_on(document, titles)
    assert set(places) == set(titles)
    for title, (_, height) in places.items():
        assert height > 90, f"{title} stands alone at the end of its page"
    first = document[0].get_textpage().get_text_range()
    assert "Who is slipping away" in first
    assert "mailed" in first  # the header of the last column of the list
    assert "Segments" in first or name == "demo"  # names take a line more per row


def test_without_a_browser_a_pdf_is_refused_with_a_way_out(pages, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(cl.ConfigError, match=r"none is on the PATH: install one, or print the HTML file"):
        report.to_pdf(pages["demo"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"page": "nothing.html"}, "page must be an HTML file that exists, not 'nothing.html'"),
        ({"page": 5}, "page must be an HTML file that exists, not 5"),
        ({"page": __file__, "paper": "A5"}, "paper must be one of A4, Letter, not 'A5'"),
    ],
)
def test_what_cannot_be_printed_is_named(arguments, message):
    with pytest.raises(cl.ArgumentError, match=message):
        report.to_pdf(**arguments)
