"""Shows pairs of a heading and a text, as reports have them: as plain text, or as an HTML table for a notebook."""

from __future__ import annotations

import html

__all__ = ["Lines", "as_html", "as_text"]

Lines = list[tuple[str, str]]


def as_text(lines: Lines) -> str:
    """Return the pairs as lines, the texts below one another."""
    width = max((len(heading) for heading, _ in lines), default=0)
    return "\n".join(f"{heading:<{width}} {text}" for heading, text in lines)


def as_html(lines: Lines) -> str:
    """Return the pairs as an HTML table."""
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(heading)}</th>'
        f'<td style="text-align:left">{html.escape(text)}</td></tr>'
        for heading, text in lines
    )
    return f"<table>{rows}</table>"
