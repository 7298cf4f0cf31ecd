"""What training would see, before it is trained: examples as they are and augmented.

==============  ================================================================
`examples`      traces of a file with their targets, and what was done to them
`label_issues`        labels that cannot be right
==============  ================================================================
"""

from steadkit.preview.examples import augmented, choose, examples_of, preview_items, sheet_of
from steadkit.preview.issues import PreviewItem, is_inside, label_issues, moves

__all__ = [
    "PreviewItem",
    "augmented",
    "choose",
    "examples_of",
    "is_inside",
    "label_issues",
    "moves",
    "preview_items",
    "sheet_of",
]
