import os
import re
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

import custlens as cl
from custlens.cli import main


def test_help_names_every_command_in_a_line():
    shown = CliRunner().invoke(main, ["--help"]).output
    for command in ("demo", "sync", "report", "lookup", "export", "serve", "compact", "forget", "app", "check"):
        assert re.search(rf"^  {command} +[^.]+\.$", shown, re.MULTILINE)


def test_a_report_without_settings_says_what_to_set(monkeypatch):
    monkeypatch.delenv("ECWID_TOKEN", raising=False)
    monkeypatch.setenv("ECWID_STORE_ID", "1003")
    done = CliRunner().invoke(main, ["report"])
    assert done.exit_code == 1
    assert done.output == "Error: set ECWID_TOKEN in the environment: the shop's API token\n"


@pytest.mark.parametrize("arguments", [["demo", "--data", "nowhere"], ["demo", "--customers", "-1"], ["nothing"]])
def test_a_wrong_argument_is_refused_with_usage(arguments):
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "Usage:" in done.output


def test_serve_runs_a_shop_that_the_printed_settings_reach():
    command = [sys.executable, "-u", "-m", "custlens", "serve", "--customers", "30"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        lines = []
        while "Ctrl-C" not in (lines[-1] if lines else ""):
            lines.append(server.stdout.readline())
        settings = dict(re.findall(r"export (\w+)=(\S+)", "".join(lines)))
        client = cl.Client(settings["ECWID_STORE_ID"], settings["ECWID_TOKEN"], base_url=settings["ECWID_BASE_URL"])
        assert len(list(client.search(fields=["id"]))) == 30
        client.close()
        os.kill(server.pid, signal.SIGINT)
        assert server.wait(timeout=10) == 0


def test_a_report_on_a_shop_reads_its_settings_from_the_environment(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
    monkeypatch.setenv("ECWID_TOKEN", shop.token)
    monkeypatch.setenv("ECWID_BASE_URL", shop.url)
    path = tmp_path / "mine.html"
    done = CliRunner().invoke(main, ["report", "--output", str(path)])
    assert done.exit_code == 0, done.output
    assert f"Report: {path}" in done.output
    assert shop.requests[0].endswith("/profile")
    assert "no earlier sync yet" in done.output
    page = path.read_text(encoding="utf-8")
    assert "@mail.example" not in page
    assert shop.token not in page + done.output
    assert "<a " not in page  # another address than Ecwid's has another admin


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--as-of", "2026-07-31"], 2, "--as-of and --since need --store"),
        (["--store", "nothing.lens"], 1, "holds no customers yet"),
        (["--store", "nothing.lens", "--segment", "Champion"], 1, "did you mean 'Champions'"),
        (["--store", "nothing.lens", "--tz", "Mars"], 1, "tz"),
    ],
)
def test_a_report_that_cannot_be_is_refused_before_any_work(options, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["report", *options])
    assert done.exit_code == code
    assert message in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tz", "Europe/Nowhere"], "tz must be the IANA name"),
        (["--segment", "Champion"], "did you mean 'Champions'"),
        (["-o", "nowhere/x.html"], "output must be in a folder that exists"),
        (["--pdf"], "none is on the PATH"),
    ],
)
def test_a_report_that_cannot_be_is_refused_before_the_shop_is_asked(shop, options, message, tmp_path, monkeypatch):
    monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
    monkeypatch.setenv("ECWID_TOKEN", shop.token)
    monkeypatch.setenv("ECWID_BASE_URL", shop.url)
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["report", *options])
    assert done.exit_code == 1
    assert message in done.output
    assert "Reporting" not in done.output
    assert shop.requests == []


def test_a_demo_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["demo", "-o", "nowhere/x.html"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: output must be in a folder that exists")


def test_a_port_that_is_taken_is_said_and_nothing_else():
    with cl.demo.serve(customers=1) as shop:
        port = shop.url.split(":")[2].split("/")[0]
        command = [sys.executable, "-m", "custlens", "serve", "--customers", "1", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = f"port {port} of this machine cannot be used: Address already in use; leave port out to take a free one"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {said}\n")


def test_the_demo_prints_what_stands_at_the_head_of_its_report(tmp_path):
    path = tmp_path / "demo.html"
    command = [sys.executable, "-m", "custlens", "demo", "--data", "cdnow", "--output", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=True)
    lines = done.stdout.splitlines()
    assert re.split("  +", lines[2]) == ["Sales", "244,091.94 USD", "+5,590.87 USD"]
    assert [line.split(":")[0] for line in lines[6:9]] == ["Slipping away", "Sliding", "Since 31 May 1998"]
    assert lines[-1] == f"Report: {path}"
    assert path.is_file()


def test_a_store_is_synced_searched_and_exported(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
    monkeypatch.setenv("ECWID_TOKEN", shop.token)
    monkeypatch.setenv("ECWID_BASE_URL", shop.url)
    path, run = str(tmp_path / "shop.lens"), CliRunner().invoke
    done = run(main, ["lookup", "rossi", "--store", path])
    assert done.exit_code == 1
    assert "holds no customers yet" in done.output
    done = run(main, ["sync", "--store", path])
    assert done.exit_code == 0, done.output
    assert re.search(r"^Mode +full:", done.output, re.MULTILINE)
    assert re.search(r"^Mode +incremental:", run(main, ["sync", "--store", path]).output, re.MULTILINE)
    wanted = shop.document(shop.ids[0])
    done = run(main, ["lookup", wanted["email"], "--store", path])
    assert str(shop.ids[0]) in done.output
    assert "Showing 1 of 1." in done.output
    assert wanted["email"] not in done.output
    assert wanted["email"] in run(main, ["lookup", str(shop.ids[0]), "--store", path, "--reveal"]).output
    assert "No customer has all of these words." in run(main, ["lookup", "nobody at all", "--store", path]).output
    target = tmp_path / "customers.csv"
    done = run(main, ["export", str(target), "--store", path])
    assert done.output == f"Wrote {target}\n"
    assert wanted["email"] not in target.read_text(encoding="utf-8")
    run(main, ["export", str(target), "--store", path, "--reveal"])
    assert wanted["email"] in target.read_text(encoding="utf-8")
    assert run(main, ["export", str(tmp_path / "c.csv"), "--store", path, "--table", "contacts"]).exit_code == 0
    assert run(main, ["export", str(tmp_path / "c.txt"), "--store", path]).exit_code == 1


def test_a_name_that_steers_the_terminal_is_shown_without_its_control_characters(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
    monkeypatch.setenv("ECWID_TOKEN", shop.token)
    monkeypatch.setenv("ECWID_BASE_URL", shop.url)
    shop.population.patches[shop.ids[0]] = {"name": "\x1b[2J\u202eNoname\x07"}
    shop.changed()
    path = str(tmp_path / "shop.lens")
    assert CliRunner().invoke(main, ["sync", "--store", path]).exit_code == 0
    done = CliRunner().invoke(main, ["lookup", str(shop.ids[0]), "--store", path, "--reveal"], color=True)
    assert "[2JNoname" in done.output
    assert not set("\x1b\x07\u202e") & set(done.output)


def test_a_store_is_compacted_and_a_person_forgotten(shop, client, tmp_path):
    path, run = str(tmp_path / "shop.lens"), CliRunner().invoke
    cl.Store(path).sync(client, progress=False)
    done = run(main, ["compact", "--keep", "30D", "--store", path])
    assert "the states of 0 syncs were given up, those of 1 can still be read" in done.output
    person = str(shop.ids[0])
    done = run(main, ["forget", "--store", path, "--", "-1"])
    assert done.exit_code == 2
    assert "-1 is not in the range" in done.output
    assert "Erase?" not in done.output
    assert run(main, ["forget", person, "--store", path], input="n\n").exit_code == 1
    assert shop.ids[0] in set(cl.Store(path).customers()["customer_id"])
    done = run(main, ["forget", person, "--store", path], input="y\n")
    assert "Erased 1 customer, 1 row of history and 0 rejects; the states of 0 earlier syncs" in done.output
    assert shop.ids[0] not in set(cl.Store(path).customers()["customer_id"])
