"""Preview of training examples: traces with their targets, plain and augmented.

==============  ================================================================
`examples`      traces of a file with their targets and augmentations
`issues`        labels that cannot be right
==============  ================================================================
"""

from steadkit.preview.examples import (
    augment_example,
    choose_traces,
    examples_of,
    preview_items,
    sheet_of,
)
from steadkit.preview.issues import PreviewItem, is_inside, label_issues, shift_issues

__all__ = [
    "PreviewItem",
    "augment_example",
    "choose_traces",
    "examples_of",
    "is_inside",
    "label_issues",
    "preview_items",
    "sheet_of",
    "shift_issues",
]
