"""What the commands share on the command line."""

from pathlib import Path

import click

from steadkit.cli.previewing import AUGMENTATIONS

__all__ = ["AUGMENTATIONS", "FILE"]

FILE = click.Path(path_type=Path)
