"""Runs the command line: `python -m custlens`."""

from custlens.cli import main

main(prog_name="custlens")
