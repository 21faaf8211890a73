"""The status line and the pause before work begins, without any widget around them."""

import asyncio

import custlens as cl
from custlens.widgets._box import Debounced, Panel, guarded


class Machine(Panel):
    """A panel with handlers that fail."""

    @guarded
    def break_down(self):
        raise ZeroDivisionError("<b>oops</b>")

    @guarded
    def refuse(self):
        raise cl.ArgumentError("<b>no</b>")

    @guarded
    def work(self):
        self.say("Done.", details="1 < 2")


def test_a_bug_is_a_sentence_with_folded_details():
    panel = Machine()
    panel.break_down()
    assert isinstance(panel.last_error, ZeroDivisionError)
    assert 'role="alert"' in panel.status.value
    assert "This is a bug in custlens: ZeroDivisionError." in panel.status.value
    assert "<details>" in panel.status.value
    assert "&lt;b&gt;oops&lt;/b&gt;" in panel.status.value


def test_an_error_of_custlens_is_its_own_sentence_shown_as_text():
    panel = Machine()
    panel.refuse()
    assert isinstance(panel.last_error, cl.ArgumentError)
    assert 'role="alert"' in panel.status.value
    assert "&lt;b&gt;no&lt;/b&gt;" in panel.status.value
    assert "<details>" not in panel.status.value


def test_a_handler_that_works_clears_the_error():
    panel = Machine()
    panel.refuse()
    panel.work()
    assert panel.last_error is None
    assert 'role="status"' in panel.status.value
    assert "Done." in panel.status.value
    assert "1 &lt; 2" in panel.status.value


def test_typing_is_debounced():
    calls = []

    async def type_fast():
        later = Debounced(calls.append, 0.05)
        for letters in ("r", "ro", "ros"):
            later(letters)
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)

    asyncio.run(type_fast())
    assert calls == ["ros"]
    Debounced(calls.append, 0.05)("at once")  # where no loop runs
    assert calls == ["ros", "at once"]
