"""The `steadkit` command: thin over the package, heavy imports inside each body."""

import click

from steadkit.cli.check import check
from steadkit.cli.convert import convert
from steadkit.cli.looking import info, plot
from steadkit.cli.making import demo, merge, subset
from steadkit.cli.manifests import build, diff, verify
from steadkit.cli.preview import preview
from steadkit.cli.split import split
from steadkit.console import ErrorGroup
from steadkit.version import __version__


@click.group(cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Cut STEAD down reproducibly, check it, and feed it to training."""


LOOKING, MAKING = (check, info, plot, preview), (demo, subset, merge, build, verify, diff)

for command in (*MAKING, *LOOKING, convert, split):
    main.add_command(command)
