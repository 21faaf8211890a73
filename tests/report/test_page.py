import html
import re
import subprocess
import sys

import nbformat
import pytest

import custlens as cl
from custlens import report


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of `custlens demo`, as the command writes it."""
    path = tmp_path_factory.mktemp("demo") / "page.html"
    command = [sys.executable, "-m", "custlens", "demo", "--customers", "900", "--seed", "11", "--output", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
    assert done.stdout.strip() == f"Report: {path}"
    assert "100%" in done.stderr
    return path.read_text(encoding="utf-8")


def facts(page):
    pairs = re.findall(r'font-weight:600">([^<]*)</div><div style="[^"]*">([^<]*)</div>', page)
    return {html.unescape(name): html.unescape(value) for value, name in pairs}


def test_the_demo_report_agrees_with_the_data_of_the_server(page):
    with cl.demo.serve(customers=900, seed=11) as shop:
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
    averages = sorted(s["salesValue"] / s["numberOfOrders"] for s in buyers)
    half = len(averages) // 2
    median = averages[half] if len(averages) % 2 else (averages[half - 1] + averages[half]) / 2
    once = sum(s["numberOfOrders"] == 1 for s in buyers)
    assert facts(page) == {
        "Customers": f"{len(documents):,}",
        "Buyers": f"{len(buyers):,}",
        "Orders": f"{orders:,}",
        "Sales": f"{sales:,.2f} EUR",
        "Mean order value": f"{sales / orders:,.2f} EUR",
        "Median order value per buyer": f"{median:,.2f} EUR",
        "Mean sales per buyer": f"{sales / len(buyers):,.2f} EUR",
        "Bought once": f"{once / len(buyers):.1%}",
        "Repeat rate": f"{1 - once / len(buyers):.1%}",
    }


def test_the_report_has_its_charts_each_with_words_for_who_cannot_see(page):
    images = re.findall(r"<img [^>]*>", page)
    assert all(re.search(r'src="data:image/png;base64,[^"]{1000,}"', image) for image in images)
    alts = [re.search(r'alt="([^"]*)"', image)[1] for image in images]
    assert len(alts) >= 6
    assert len(set(alts)) == len(alts)
    assert "Chart: What buyers have spent" in alts
    assert page.count("<img") == len(alts)


def test_the_report_is_one_file_that_refers_to_nothing(page):
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", page)
    assert "<script" not in page
    assert "widget-state" not in page
    assert "import custlens" not in page


def test_the_report_hides_personal_data(page):
    assert "@mail.example" not in page
    assert "•••" in page


def test_the_real_shop_can_be_reported_on(tmp_path):
    path = report.write(tmp_path / "cdnow.html", parameters={"demo": "cdnow", "reveal": True}, progress=False)
    page = path.read_text(encoding="utf-8")
    assert facts(page)["Sales"] == "244,091.94 USD"
    assert facts(page)["Orders"] == "6,919"
    assert "As of 1998-06-30" in page
    assert "@cdnow.example" in page


def test_an_empty_shop_makes_a_report_too(tmp_path):
    path = report.write(tmp_path / "empty.html", parameters={"customers": 0}, progress=False)
    page = path.read_text(encoding="utf-8")
    assert facts(page)["Customers"] == "0"
    assert facts(page)["Repeat rate"] == "–"


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
        ({"output": page, "notebook": tmp_path / "none.ipynb"}, "notebook must be a file that exists"),
        ({"output": page, "notebook": 5}, "notebook must be a path, not 5"),
        ({"output": page, "parameters": ["demo"]}, "parameters must be a mapping"),
        ({"output": page, "parameters": {"ecwid_token": "x"}}, "parameters must not hold 'ecwid_token'"),
    ):
        with pytest.raises(cl.ArgumentError, match=message):
            report.write(**arguments)
    with pytest.raises(cl.ArgumentError, match="name must be that of a notebook"):
        report.notebook_path("nowhere")
