"""What the README shows runs as it stands, and what it points to is there."""

import itertools
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import custlens as cl
from custlens.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with cl.demo.serve(customers=2_000, seed=7) as shop:
        monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
        monkeypatch.setenv("ECWID_TOKEN", shop.token)
        monkeypatch.setenv("ECWID_BASE_URL", shop.url)
        names = {}
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
            exec(block, names)
    assert len(names["store"].customers()) == len(names["tables"].customers)


@pytest.mark.parametrize("line", re.findall(r"^\$ custlens (.*?) +#", README, re.MULTILINE))
def test_a_command_of_the_readme_exists_with_its_options(line):
    name, *arguments = line.split()
    command = main.commands[name]
    _, left, _ = command.make_parser(click.Context(command)).parse_args(arguments)  # raises at an unknown option
    assert left == []


@pytest.mark.parametrize("task", re.findall(r"(?:`|\$ )make (\w+)", README))
def test_a_task_of_the_readme_exists(task):
    assert re.search(rf"^{task}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/scale.md", "docs/report.md"])
def test_links_lead_to_files_that_exist(document):
    for link in re.findall(r"\]\(([^)#]+)", (ROOT / document).read_text(encoding="utf-8")):
        assert (ROOT / document).parent.joinpath(link).exists(), link


def test_the_chapters_are_linked_from_the_first_to_the_last():
    chapters = sorted((ROOT / "notebooks").glob("*.ipynb"))
    for chapter, following in itertools.pairwise(chapters):
        links = re.findall(r"\((\w+\.ipynb)\)", chapter.read_text(encoding="utf-8"))
        assert links == [following.name]


def test_no_command_is_missing_from_the_readme():
    shown = CliRunner().invoke(main, ["--help"]).output
    for name in main.commands:
        assert name in shown
        assert f"$ custlens {name}" in README
