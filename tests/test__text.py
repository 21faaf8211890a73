import pytest

from custlens._text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann Lee", "Ann Lee"),
        ("  Ann\n\tLee ", "Ann Lee"),
        ("\x1b[2JAnn\x07\x00", "[2JAnn"),
        ("\u202eeeL nnA\u2066", "eeL nnA"),
        ("\u06a9\u062a\u0627\u0628\u200c\u0647\u0627", "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627"),
        (5, "5"),
    ],
)
def test_a_text_is_shown_on_one_line_without_what_steers_a_terminal(text, shown):
    assert printable(text) == shown
