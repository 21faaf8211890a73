import html
import re

import nbformat
import pytest
from click.testing import CliRunner
from helpers.reports import store_of

import custlens as cl
from custlens import report
from custlens.api.client import BASE_URL, admin_url
from custlens.cli import main


def written(store, path, **parameters):
    """Write a report and return its text."""
    found = report.write(path, parameters={"store": store.path, **parameters}, progress=False)
    return found.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(store, tmp_path_factory):
    parameters = {"as_of": "2026-07-31", "since": "2026-07-01", "tz": "Europe/Rome", "admin": admin_url(BASE_URL)}
    return written(store, tmp_path_factory.mktemp("report") / "page.html", **parameters)


@pytest.fixture(scope="module")
def cdnow_page(cdnow_of_june, tmp_path_factory):
    return written(cdnow_of_june, tmp_path_factory.mktemp("report") / "page.html", reveal=True, admin=ADMIN)


ADMIN = "https://admin.example/{store_id}#id={customer_id}"


def figures(page):
    found = re.findall(r"<dt[^>]*>(.*?)</dt><dd[^>]*><b[^>]*>(.*?)</b>\s*(?:<span[^>]*>(.*?)</span>)?</dd>", page)
    return {html.unescape(name): (html.unescape(value), html.unescape(change)) for name, value, change in found}


def images(page):
    return [
        (html.unescape(re.search(r'alt="([^"]*)"', image)[1]), re.search(r'src="([^"]*)"', image)[1])
        for image in re.findall(r"<img [^>]*>", page)
    ]


def headings(page):
    return [(int(level), text) for level, text in re.findall(r"<h([1-6])[^>]*>(.*?)</h", page)]


def tables(page):
    """Return the tables of a page: a list of rows each, which are lists of texts."""
    return [
        [
            [html.unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr[^>]*>(.*?)</tr>", table, re.DOTALL)
        ]
        for table in re.findall(r"<table.*?</table>", page, re.DOTALL)
    ]


def test_the_first_figures_agree_with_the_data_of_the_server(page):
    with cl.demo.serve(customers=900, seed=11) as shop:
        shop.advance(days=30)
        documents = [shop.document(customer_id) for customer_id in shop.ids]
        rejects = cl.fetch(
            shop.client(), progress=False, columns=["stats", "email", "registered", "billingPerson"]
        ).rejects
    spoilt = rejects[rejects["api_path"].str.startswith("stats")]
    sound = [d for d in documents if d["id"] not in set(spoilt["customer_id"])]
    assert 0 < len(documents) - len(sound) < 10
    buyers = [d["stats"] for d in sound if d["stats"]["numberOfOrders"]]
    orders = sum(s["numberOfOrders"] for s in buyers)
    sales = sum(s["salesValue"] for s in buyers)
    again = sum(s["numberOfOrders"] > 1 for s in buyers)
    assert {name: value for name, (value, _) in figures(page).items()} == {
        "Buyers": f"{len(buyers):,}",
        "Orders": f"{orders:,}",
        "Sales": f"{sales:,.2f} EUR",
        "Mean order value": f"{sales / orders:,.2f} EUR",
        "Repeat rate": f"{again / len(buyers):.1%}",
    }


def test_the_first_page_says_what_has_changed_and_who_is_slipping_away(page, store, data):
    assert all(change for _, change in figures(page).values())
    assert "Shop 1003, months in Europe/Rome · as of 2026-07-30 12:00 UTC · amounts in EUR" in page
    assert "changes since 2026-06-30 12:00 UTC" in page
    assert page.count("<li>") == 3
    overdue = tables(page)[0]
    assert overdue[0][:3] == ["Customer", "Orders", "Days silent"]
    ranked = data.overdue.query("recency_days > usual_gap_days")
    assert [row[0] for row in overdue[1:]] == [str(customer_id) for customer_id in ranked["customer_id"].head(10)]


def test_the_command_writes_the_same_bytes_of_the_same_store(page, store, tmp_path, monkeypatch):
    monkeypatch.delenv("ECWID_TOKEN", raising=False)
    monkeypatch.delenv("ECWID_BASE_URL", raising=False)
    path = tmp_path / "again.html"
    options = ["--store", store.path, "--as-of", "2026-07-31", "--since", "2026-07-01", "--tz", "Europe/Rome"]
    done = CliRunner().invoke(main, ["report", *options, "-o", str(path)])
    assert done.exit_code == 0, done.output
    assert "changes since 2026-06-30 12:00 UTC" in done.output
    assert path.read_text(encoding="utf-8") == page


def test_the_pictures_have_what_they_show_as_alternative_text(page, data):
    found = images(page)
    assert all(source.startswith("data:image/png;base64,") and len(source) > 5_000 for _, source in found)
    alts = [alt for alt, _ in found]
    assert len(alts) >= 15
    assert cl.plot.describe(cl.plot.overdue(data.customers, data.model)) in alts
    assert cl.plot.describe(cl.plot.sales_value(data.customers)) in alts
    assert cl.plot.describe(cl.plot.repeat_rate(data.customers, tz="Europe/Rome")) in alts
    assert not any(alt.startswith("Chart: ") for alt in alts)


@pytest.mark.parametrize("name", ["page", "cdnow_page"])
def test_a_report_is_one_small_file_that_asks_for_nothing(name, request):
    page = request.getfixturevalue(name)
    assert not re.search(r"""src\s*=\s*["'](?!data:)""", page)
    assert not re.search(r"<(script|link|iframe|object|embed)\b|@import|url\(", page)
    assert "import custlens" not in page
    assert len(page.encode()) < 3e6


@pytest.mark.parametrize("name", ["page", "cdnow_page"])
def test_headings_are_in_order_and_stand_once(name, request):
    found = headings(request.getfixturevalue(name))
    assert [level for level, _ in found][:2] == [1, 2]
    assert {level for level, _ in found[1:]} == {2}
    titles = [text for _, text in found]
    assert len(set(titles)) == len(titles) == 11


@pytest.mark.parametrize("name", ["page", "cdnow_page"])
def test_tables_have_seven_columns_at_most_and_no_raw_times_or_codes(name, request):
    found = tables(request.getfixturevalue(name))
    assert len(found) >= 5
    for table in found:
        assert len(table) > 1
        assert 1 < len(table[0]) <= 7
        assert not any("+00:00" in cell or cell in ("US", "GB", "nan", "<NA>") for row in table for cell in row)


def test_personal_data_is_hidden_and_ids_lead_to_the_admin(page, data):
    names = set(data.customers["name"].dropna())
    assert not any(html.escape(name) in page for name in names)
    assert "@" not in re.sub(r"@(media|page)|base64,[^\"]*", "", page)
    assert "https://my.ecwid.com/store/1003#customers" in page


def test_names_and_links_are_there_where_they_are_asked_for(cdnow_page, cdnow_data):
    first = cdnow_data.overdue.query("recency_days > usual_gap_days").iloc[0]["customer_id"]
    name = cdnow_data.customers.set_index("customer_id").loc[first, "name"]
    link = f'<a href="https://admin.example/1997#id={first}" rel="noreferrer">{first}</a>'
    assert f"{link} {html.escape(name)}" in cdnow_page


def test_the_real_shop_has_no_chapter_without_words(cdnow_page):
    assert figures(cdnow_page)["Sales"] == ("244,091.94 USD", "+5,590.87 USD")
    assert "as of 1998-06-30 23:59 UTC" in cdnow_page
    assert "Every value could be used." in cdnow_page
    for chapter in re.findall(r"<h2.*?(?=<h2|</main>)", cdnow_page, re.DOTALL):
        assert re.search(r"<(p|figure|table)\b", chapter)


def of_prospects(tmp_path):
    with cl.demo.serve(customers=0) as shop:
        shop.population.add_many(40)
        shop.changed()
        return store_of(shop, tmp_path, days=0)


def of_nobody(tmp_path):
    with cl.demo.serve(customers=0) as shop:
        return store_of(shop, tmp_path, days=0)


@pytest.mark.parametrize(("shop", "customers"), [(of_nobody, "0 customers"), (of_prospects, "40 customers")])
def test_without_buyers_each_chapter_is_a_sentence(shop, customers, tmp_path):
    page = written(shop(tmp_path), tmp_path / "page.html")
    assert figures(page)["Buyers"] == ("0", "")
    assert figures(page)["Repeat rate"] == ("–", "")
    assert "as of 2026-06-30 12:00 UTC" in page
    assert f"{customers} · no earlier sync yet" in page
    assert "No buyers yet: nobody has ordered." in page
    found = [alt for alt, _ in images(page)]
    assert found == [] if shop is of_nobody else len(found) <= 1  # checks of the data
    for chapter in re.findall(r"<h2.*?(?=<h2|</main>)", page, re.DOTALL)[:-2]:
        assert "<table" not in chapter
        assert 1 <= chapter.count("<p>") <= 2, chapter


def test_a_shop_too_small_for_a_model_says_why_and_ranks_by_silence(tmp_path):
    with cl.demo.serve(customers=60, seed=3) as shop:
        page = written(store_of(shop, tmp_path), tmp_path / "page.html")
    assert "There is no forecast: the data cannot support a lifetime model" in page
    assert tables(page)[0][0][4] == "Silence ÷ gap × value (EUR)"
    assert "force=True" not in page


def test_a_segment_is_reported_on_alone(cdnow_of_june, tmp_path):
    page = written(cdnow_of_june, tmp_path / "page.html", segment="Champions")
    assert "Shop 1997, only the segment Champions" in page
    assert figures(page)["Buyers"][0] == str(len(report.read(cdnow_of_june, segment="Champions").customers))
    assert "1 segment" not in page


def test_other_notebooks_can_be_reports_too(tmp_path):
    picture = "from IPython.display import display, HTML, SVG, Latex\ndisplay(SVG(\"<svg xmlns='http://www.w3.org/2000/svg'/>\"))"
    cells = [
        nbformat.v4.new_markdown_cell("# My <shop>\n\n## One chapter"),
        nbformat.v4.new_code_cell(picture),
        nbformat.v4.new_code_cell("import pandas as pd\npd.DataFrame({'a': [1]})"),
        nbformat.v4.new_code_cell("print('not shown')\n'<b>text</b>'"),
        nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.Text('secret')"),
    ]
    source = tmp_path / "mine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    page = report.write(tmp_path / "mine.html", notebook=source, progress=False).read_text(encoding="utf-8")
    assert "<title>My &lt;shop&gt;</title>" in page
    assert [alt for alt, _ in images(page)] == ["Chart: One chapter"]
    assert images(page)[0][1].startswith("data:image/svg+xml;base64,")
    assert tables(page) == [[["", "a"], ["0", "1"]]]
    assert "<pre>&#x27;&lt;b&gt;text&lt;/b&gt;&#x27;</pre>" in page
    assert "not shown" not in page
    assert "secret" not in page


def test_a_notebook_that_fails_is_named_with_its_cell_and_nothing_is_written(tmp_path):
    source = tmp_path / "broken.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")]), source)
    with pytest.raises(cl.CustlensError, match=r"of broken\.ipynb failed: ZeroDivisionError: division by zero"):
        report.write(tmp_path / "page.html", notebook=source, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.ipynb"]


def test_a_file_that_is_not_a_notebook_is_named(tmp_path):
    source = tmp_path / "broken.ipynb"
    source.write_text("nothing of the kind")
    with pytest.raises(cl.ArgumentError, match=r"notebook must be a Jupyter notebook; broken\.ipynb is not one"):
        report.write(tmp_path / "page.html", notebook=source, progress=False)


def test_what_cannot_be_written_or_read_is_named(tmp_path):
    page = tmp_path / "page.html"
    (tmp_path / "folder.html").mkdir()
    for arguments, message in (
        ({"output": tmp_path / "missing" / "page.html"}, "output must be in a folder that exists"),
        ({"output": None}, "output must be a path, not None"),
        ({"output": tmp_path / "page.pdf"}, "output must end in .html, since that is what is written, and is page.pdf"),
        ({"output": tmp_path / "folder.html"}, "output must be the path of a file"),
        ({"output": "/proc/page.html"}, "output cannot be written to /proc"),
        ({"output": page, "notebook": tmp_path / "none.ipynb"}, "notebook must be a file that exists"),
        ({"output": page, "notebook": 5}, "notebook must be a path, not 5"),
        ({"output": page, "parameters": ["demo"]}, "parameters must be a mapping"),
        ({"output": page, "parameters": {"ecwid_token": "x"}}, "parameters must not hold 'ecwid_token'"),
    ):
        with pytest.raises(cl.ArgumentError, match=message):
            report.write(**arguments)
    with pytest.raises(cl.ArgumentError, match="name must be that of a notebook"):
        report.notebook_path("nowhere")
