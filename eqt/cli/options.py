"""Option types and checks shared by the commands."""

import os
from functools import partial
from pathlib import Path

from steadkit.cli import options
from steadkit.cli.options import FILE, NumberType, RenamedOption, WholeType
from steadkit.cli.preview import AUGMENTATIONS
from steadkit.errors import InputError

__all__ = [
    "AUGMENTATIONS",
    "FILE",
    "NumberType",
    "RenamedOption",
    "WholeType",
    "output_option",
    "refuse_existing",
]

output_option = partial(options.output_option, former=("--out",))


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Refuse a folder that exists, before TensorFlow is loaded.

    Whether it is one that --overwrite may replace is known to those who write it.
    """
    if os.path.lexists(folder) and not overwrite:
        raise InputError(
            f"{str(folder)!r} exists: choose another name, or replace it with --overwrite"
        )
