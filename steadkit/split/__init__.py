"""Train, validation and test splits that keep groups together, with a leak audit.

What each type of group guarantees:

``earthquake`` (the default)
    No earthquake is in two splits. Stations are, so a network may learn site effects.
``station``
    No station is in two splits. An earthquake that many stations recorded usually is; the number
    is printed.
``station`` and ``earthquake``
    Neither is, nor anything connected by a chain of both. Few data sets can be split so.
``time``
    Training is before validation, validation before test; all traces of an earthquake follow its
    first one. Stations are in all splits.
``region``
    No cell of the grid, or box, is in two splits: by the coordinates of the source for events,
    of the receiver for noise. Boxes keep earthquakes together too. A station may record events of
    several regions, and neighbouring cells touch.
any column of the CSV
    No value of it is in two splits; a trace without one is a group of its own.

Traces with the same samples always stay together, as far as the manifest has their digests.
"""

from steadkit.split.assign import assign
from steadkit.split.config import SplitConfig, parse_by, parse_shares
from steadkit.split.leak_audit import Overlap, audit, refuse_leaks
from steadkit.split.manifests import (
    audit_manifest,
    default_target,
    existing_split,
    find_split,
    has_splits,
    list_rows,
    load_training_split,
    split_manifest,
    split_target,
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
    "split_target",
]
