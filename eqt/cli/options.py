"""What the commands share on the command line."""

from steadkit.cli.options import FILE, NumberType, WholeType
from steadkit.cli.previewing import AUGMENTATIONS

__all__ = ["AUGMENTATIONS", "FILE", "NumberType", "WholeType"]
