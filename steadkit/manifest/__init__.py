"""Manifests: the recipe of a data set, and its traces in order with split and digests, as text.

A header of ``# key: value`` lines, then a tab-separated table::

    # steadkit manifest 2
    # name: steadmicro
    # recipe: {"fraction": "0.01", "operation": "subset", "seed": 0, ...}
    # traces: 12656 = 10302 earthquake_local + 2354 noise
    # csv: 5d1c...
    # digest: 3f9a...
    trace_name	part	waveform	attributes
    109C.TA_20060723155859_EV	-	11fa0a297baaa09a5b550c65590d5441	0bb69a16ed0d8f0c

``csv`` is the digest of the headings and rows of the CSV next to the manifest, in their order and
over their parsed cells (`steadkit.catalog.CellsDigest`): quotes, line ends and a byte order mark do
not count. Every command that writes HDF5, CSV and manifest together records it, and a split of such
a data set keeps it, as the rows are the same. It is ``-`` where a manifest lists traces without
a CSV of its own: ``subset --manifest-only``, ``check --drop``, a split of files without manifest,
the traces of a data set that `eqt train` found in a larger split.

``digest`` is BLAKE2b over all other lines, so it identifies the data. Version 1, which is still
read, has no ``csv``, and its digest covers recipe, counts and table, not the name.

===============  ==============================================================
`columns`        names and digests of a million traces, packed
`listing`        the class `Manifest` and its text
`read`           reader of manifest files, with checks
===============  ==============================================================
"""

from steadkit.manifest.columns import UNKNOWN, Digests, NameTable
from steadkit.manifest.listing import Manifest, manifest_of
from steadkit.manifest.read import load

__all__ = ["UNKNOWN", "Digests", "Manifest", "NameTable", "load", "manifest_of"]
