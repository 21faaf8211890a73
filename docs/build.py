"""Writes docs/data-dictionary.md from the schemas, and the API reference into docs/api/."""

from __future__ import annotations

from pathlib import Path

from custlens.tables import schemas

FOLDER = Path(__file__).parent
DICTIONARY = FOLDER / "data-dictionary.md"


def data_dictionary() -> str:
    """Write the data dictionary as Markdown."""
    lines = [
        "# Data dictionary",
        "",
        "Generated from `custlens/tables/schemas.py` by `make docs`; do not edit it here.",
    ]
    for table, model in schemas.TABLES.items():
        lines += ["", f"## {table}", "", (model.__doc__ or "").strip(), ""]
        lines += ["| column | dtype | API path | unit | personal | meaning |", "|---|---|---|---|---|---|"]
        for info in schemas.columns(table):
            api = f"`{info.api}`" if info.api else ""
            personal = "yes" if info.pii else ""
            lines.append(f"| `{info.name}` | {info.dtype} | {api} | {info.unit} | {personal} | {info.meaning} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Build everything."""
    import pdoc
    import pdoc.render

    DICTIONARY.write_text(data_dictionary(), encoding="utf-8")
    pdoc.render.configure(docformat="numpy", footer_text="custlens")
    pdoc.pdoc("custlens", output_directory=FOLDER / "api")
    print(f"{DICTIONARY}\n{FOLDER / 'api' / 'index.html'}")


if __name__ == "__main__":
    main()
