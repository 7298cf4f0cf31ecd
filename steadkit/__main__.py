"""Run the command line as ``python -m steadkit``."""

from steadkit.cli import main

main(prog_name="steadkit")
