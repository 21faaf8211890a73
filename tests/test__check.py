"""`custlens check` against a shop that is in order, and with each thing that can be wrong."""

import pytest
from click.testing import CliRunner

import custlens as cl
from custlens.cli import main


@pytest.fixture
def run(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
    monkeypatch.setenv("ECWID_TOKEN", shop.token)
    monkeypatch.setenv("ECWID_BASE_URL", shop.url)

    def run(path="shop.lens"):
        done = CliRunner().invoke(main, ["check", "--store", str(tmp_path / path)])
        lines = [line.split(maxsplit=2) for line in done.output.splitlines()]
        return done.exit_code, {name.rstrip(":"): (word, text) for word, name, text in lines}

    return run


def test_everything_in_order(run, shop, client, tmp_path):
    code, found = run()
    assert code == 0
    assert list(found) == ["settings", "read_store_profile", "read_customers", "deletions", "store"]
    assert {word for word, _ in found.values()} == {"ok"}
    assert found["settings"][1] == f"shop {shop.store_id}"
    assert found["read_store_profile"][1] == "amounts are in EUR"
    assert found["store"][1].endswith("shop.lens will be made by the first sync")
    cl.Store(tmp_path / "shop.lens").sync(client, progress=False)
    code, found = run()
    assert code == 0
    assert found["store"][1].endswith("as of 2026-06-30 12:00 UTC")


@pytest.mark.parametrize(
    ("granted", "missing", "failed"),
    [
        ("read_customers", "read_store_profile", {"read_store_profile", "deletions"}),
        ("read_store_profile", "read_customers", {"read_customers", "deletions"}),
    ],
)
def test_a_missing_scope_is_named(run, shop, monkeypatch, granted, missing, failed):
    monkeypatch.setenv("ECWID_TOKEN", shop.grant(granted))
    code, found = run()
    assert code == 1
    assert {name for name, (word, _) in found.items() if word == "FAILED"} == failed
    assert f"lacks the scope {missing}" in found[missing][1]


def test_without_settings_the_store_is_still_looked_at(run, monkeypatch):
    monkeypatch.delenv("ECWID_TOKEN")
    code, found = run()
    assert code == 1
    assert found["settings"] == ("FAILED", "set ECWID_TOKEN in the environment: the shop's API token")
    assert found["store"][0] == "ok"


def test_a_store_of_another_shop_and_a_folder_that_is_none(run, tmp_path):
    with cl.demo.serve("cdnow") as other:
        cl.Store(tmp_path / "other.lens").sync(other.client(), progress=False)
        other_id = other.store_id
    code, found = run("other.lens")
    assert code == 1
    assert found["store"][1].endswith(f"belongs to the shop {other_id}")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"meow")
    code, found = run("photos")
    assert (code, found["store"][0]) == (1, "FAILED")
