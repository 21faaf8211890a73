"""After every kind of failure the token is nowhere: not in a repr, a log, a traceback, a warning, a notebook or a report."""

import logging
import pickle
import traceback

import nbformat
import papermill
import pytest

import custlens as cl
from custlens import report

FAULTS = [
    400,
    401,
    402,
    403,
    404,
    408,
    422,
    429,
    500,
    503,
    "drop",
    "cut",
    "truncated",
    "html",
    "malformed",
    "badshape",
    "redirect",
]


def everything_shown(error: BaseException) -> str:
    shown = [repr(error), str(error), repr(vars(error))]
    shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "\n".join(shown)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_shows_the_token(shop, caplog, capsys, fault):
    caplog.set_level(logging.DEBUG)
    shop.faults.retry_after = "0"
    shop.fail_next(fault, fault)
    token = shop.token

    def ask() -> BaseException:
        client = shop.client(retries=1, backoff=0.01)
        with pytest.raises(cl.CustlensError) as caught:
            client.customer(shop.ids[0])
        return caught.value

    error = ask()
    error.__traceback__ = error.__traceback__.tb_next.tb_next  # without this test's own frames
    shown = everything_shown(error) + caplog.text + "".join(capsys.readouterr())
    assert caplog.records
    assert token not in shown


def test_a_server_that_repeats_the_token_is_redacted():
    import threading

    from werkzeug.serving import make_server
    from werkzeug.wrappers import Response

    def echo(environ, start_response):
        header = environ["HTTP_AUTHORIZATION"]
        status = 403 if environ["PATH_INFO"].endswith("/1") else 200
        body = f'{{"errorMessage": "no: {header}", "errorCode": "{header}"}}' if status == 403 else f"<p>{header}</p>"
        return Response(body, status=status)(environ, start_response)

    server = make_server("127.0.0.1", 0, echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = cl.Client(1, "s3cret-token", base_url=f"http://127.0.0.1:{server.server_port}", retries=0)
    try:
        for customer_id, kind in ((1, cl.PermissionDeniedError), (2, cl.DecodeError)):
            with pytest.raises(kind) as caught:
                client.customer(customer_id)
            shown = [str(caught.value), repr(vars(caught.value))]
            assert not any("s3cret-token" in text for text in shown)
            assert any("***" in text or "<p></p>" in text for text in shown)
    finally:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_client_never_shows_its_token(shop, client):
    assert shop.token not in repr(client)
    assert shop.token not in repr(vars(client)) + repr(vars(client._transport))
    with pytest.raises(cl.ArgumentError, match="cannot be pickled"):
        pickle.dumps(client)


@pytest.mark.parametrize("arguments", [{"store_id": "x"}, {"base_url": "http://shop.example"}, {"rate_limit": -1}])
def test_a_refused_client_never_shows_its_token(arguments):
    with pytest.raises(cl.ArgumentError) as caught:
        cl.Client(**{"store_id": 1, "token": "".join(["s3cret", "-token"]), **arguments})
    error = caught.value
    error.__traceback__ = error.__traceback__.tb_next  # without this test's own frame
    assert "s3cret-token" not in everything_shown(error)


def test_the_outputs_of_a_notebook_never_hold_the_token(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("ECWID_STORE_ID", str(shop.store_id))
    monkeypatch.setenv("ECWID_TOKEN", shop.token)
    monkeypatch.setenv("ECWID_BASE_URL", shop.url)
    cells = [
        "import custlens as cl\nclient = cl.Client.from_env(retries=0)\nclient",
        "cl.fetch(client, progress=False)",
        "client.customer(404)",
    ]
    source, executed = tmp_path / "in.ipynb", tmp_path / "out.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells]), source)
    with pytest.raises(papermill.PapermillExecutionError, match="NotFoundError"):
        papermill.execute_notebook(str(source), str(executed), kernel_name="python3", progress_bar=False)
    assert "token=***" in executed.read_text(encoding="utf-8")
    assert shop.token not in executed.read_text(encoding="utf-8")


def test_a_report_refuses_a_token_as_parameter(tmp_path):
    with pytest.raises(cl.ArgumentError, match="set ECWID_TOKEN instead"):
        report.write(tmp_path / "report.html", parameters={"ecwid_token": "secret"})
