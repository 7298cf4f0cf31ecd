"""What the commands share on the command line."""

from pathlib import Path

import click

FILE = click.Path(path_type=Path)
