"""Run every notebook and save it with its outputs, but without widget state (customers' data) and execution times."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def main() -> None:
    """Run the notebooks in order, or only those named on the command line."""
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            NotebookClient(
                notebook,
                kernel_name="python3",
                resources={"metadata": {"path": str(FOLDER)}},
                store_widget_state=False,
                record_timing=False,
                extra_arguments=["--log-level=ERROR"],
            ).execute()
        notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec", "language_info")}
        notebook.metadata["language_info"] = {"name": "python"}
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if "outputs" in cell:  # a warning names paths of this machine
                cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        nbformat.write(notebook, path)
        print(f"saved {path.name}")


if __name__ == "__main__":
    main()
