"""The `steadkit` command, a file a subcommand; heavy libraries are imported inside the bodies."""

import click

from steadkit.cli.build import build
from steadkit.cli.check import check
from steadkit.cli.convert import convert
from steadkit.cli.demo import demo
from steadkit.cli.diff import diff
from steadkit.cli.info import info
from steadkit.cli.merge import merge
from steadkit.cli.plot import plot
from steadkit.cli.preview import preview
from steadkit.cli.split import split
from steadkit.cli.subset import subset
from steadkit.cli.verify import verify
from steadkit.console import ErrorGroup
from steadkit.version import __version__


@click.group(cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Cut STEAD down reproducibly, check it, and feed it to training."""


COMMANDS = build, check, convert, demo, diff, info, merge, plot, preview, split, subset, verify

for command in COMMANDS:
    main.add_command(command)
