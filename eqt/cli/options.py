"""What the commands share on the command line."""

from steadkit.cli.options import FILE
from steadkit.cli.previewing import AUGMENTATIONS

__all__ = ["AUGMENTATIONS", "FILE"]
