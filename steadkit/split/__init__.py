"""Training, validation and test: cut so that nothing stands on two sides, and proved to be so.

What is told apart by what, and what that promises:

``earthquake`` (the default)
    No earthquake is in two parts. A station is, so a network may know its ground from training.
``station``
    No station is in two parts. An earthquake that many stations recorded usually is; the number
    is printed.
``station`` and ``earthquake``
    Neither is, nor anything that hangs together by a chain of both. Few data sets come apart so.
``time``
    Training is before validation, validation before test; an earthquake goes whole to the side
    of its first trace. Stations are in all parts.
``region``
    No cell of the grid, or box, is in two parts: by the place of the source for events, of the
    receiver for noise. Boxes keep earthquakes whole too. A station may record events of several
    regions, and neighbouring cells touch.
any column of the CSV
    No value of it is in two parts; a trace without one stands for itself.

In all of them traces with the same samples, as far as the manifest knows their digests, go
together.
"""

from steadkit.split.assign import assign
from steadkit.split.config import SplitConfig, parse_by, parse_shares
from steadkit.split.find import existing_split, find_split, load_training_split
from steadkit.split.leak_audit import Overlap, audit, refuse_leaks
from steadkit.split.manifests import (
    audit_manifest,
    default_target,
    has_splits,
    list_rows,
    split_manifest,
    target_of,
)

__all__ = [
    "Overlap",
    "SplitConfig",
    "assign",
    "audit",
    "audit_manifest",
    "default_target",
    "existing_split",
    "find_split",
    "has_splits",
    "list_rows",
    "load_training_split",
    "parse_by",
    "parse_shares",
    "refuse_leaks",
    "split_manifest",
    "target_of",
]
