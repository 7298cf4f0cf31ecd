"""What training would see, before it is trained: examples as they are and augmented.

==============  ================================================================
`examples`      traces of a file with their targets, and what was done to them
`faults`        labels that cannot be right
==============  ================================================================
"""

from steadkit.preview.examples import augmented, choose, examples_of, sheet_of, shown
from steadkit.preview.faults import Shown, faults, is_inside, moves

__all__ = [
    "Shown",
    "augmented",
    "choose",
    "examples_of",
    "faults",
    "is_inside",
    "moves",
    "sheet_of",
    "shown",
]
