"""The contract of a panel on the side of Python; tests/browser/ has the side of the page."""

import gc
import weakref

import pytest
from helpers.echo import Echo
from helpers.panels import send, told
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from IPython.utils.capture import capture_output

import custlens as cl


@pytest.fixture
def capture_display():
    """Display something as a notebook does, and return the outputs that a cell would have."""

    def shown(panel):
        InteractiveShell.instance()
        with capture_output() as captured:
            display(panel)
        return [output.data for output in captured.outputs]

    yield shown
    InteractiveShell.clear_instance()


def test_a_message_from_the_page_reaches_its_handler():
    panel = Echo()
    send(panel, "text", text="rossi")
    assert panel.told["answer"] == ({"type": "answer", "text": "ROSSI"}, [b"\x05"])
    assert told(panel, "status") == {"sentence": "5 letters.", "kind": "info", "details": ""}


def test_a_bug_is_a_sentence_with_folded_details():
    panel = Echo()
    send(panel, "text", text="break")
    assert isinstance(panel.last_error, ZeroDivisionError)
    status = told(panel, "status")
    assert status["kind"] == "error"
    assert status["sentence"] == "This is a bug in custlens: ZeroDivisionError."
    assert "<b>oops</b>" in status["details"]


@pytest.mark.parametrize("message", [{"type": "nonsense"}, {"type": "text", "words": "rossi"}, {}])
def test_a_message_that_no_handler_takes_is_a_bug_that_is_shown(message):
    panel = Echo()
    panel._handle_custom_msg(message, [])
    assert isinstance(panel.last_error, (AttributeError, TypeError, KeyError))
    assert "This is a bug in custlens" in told(panel, "status")["sentence"]


def test_an_error_of_custlens_is_its_own_sentence():
    panel = Echo()
    send(panel, "text", text="refuse")
    assert isinstance(panel.last_error, cl.ArgumentError)
    assert told(panel, "status") == {"sentence": "<b>no</b>", "kind": "error", "details": ""}


def test_a_handler_that_works_clears_the_error():
    panel = Echo()
    send(panel, "text", text="refuse")
    send(panel, "text", text="rossi")
    assert panel.last_error is None


def test_a_method_called_from_python_raises_as_usual():
    with pytest.raises(cl.ArgumentError):
        Echo().echo("refuse")


def test_nothing_that_was_told_is_in_the_state_that_a_notebook_saves():
    panel = Echo("anna@example.com")
    send(panel, "text", text="anna@example.com")
    assert "anna" not in str(panel.get_state()).lower()


def test_it_is_shown_as_a_still_and_a_live_widget(capture_display):
    panel = Echo()
    still, live = capture_display(panel)
    assert "No kernel, no echo." in still["text/html"]
    assert still["image/png"] in still["text/html"]
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id
    assert live["text/plain"] == "<custlens.widgets.Echo>"


def test_a_closed_panel_is_freed():
    panels = [Echo() for _ in range(50)]
    for panel in panels:
        send(panel, "text", text="rossi")
        panel.close()
    alive = [weakref.ref(panel) for panel in panels]
    del panel, panels
    gc.collect()
    assert [panel for panel in alive if panel() is not None] == []


def test_a_panel_that_was_refused_is_closed_without_noise():
    class Picky(Echo):
        def __init__(self):
            raise cl.ArgumentError("not like this")

    with pytest.raises(cl.ArgumentError):
        Picky()
    gc.collect()  # what __del__ raises fails the test
