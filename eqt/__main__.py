"""Run the command line as ``python -m eqt``."""

from eqt.cli import main

main(prog_name="eqt")
