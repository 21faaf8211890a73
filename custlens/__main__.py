"""Lets `python -m custlens` stand for the command."""

from custlens.cli import main

main(prog_name="custlens")
