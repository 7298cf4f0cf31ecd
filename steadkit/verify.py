"""Check a data set against its manifest, trace by trace, and compare two manifests."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import h5py
import numpy as np

from steadkit.catalog import KEY_COLUMNS, csv_digest, read_table
from steadkit.console import progress
from steadkit.errors import InputError, printable, remedy_of
from steadkit.manifest import UNKNOWN, Manifest
from steadkit.store import Reader, locate, open_data, scan
from steadkit.store.open import LIBRARY_ERRORS
from steadkit.store.scanner import BATCH_TRACES


@dataclass(frozen=True)
class Difference:
    """One thing in which a data set is not what its manifest says, or two manifests differ."""

    trace_name: str
    """Empty where a file as a whole is not as it should be."""
    description: str


def verify(manifest: Manifest, hdf5: Path, csv: Path) -> Iterator[Difference]:
    """Compare files with their manifest; yields every difference, in the order of the manifest.

    Parameters
    ----------
    manifest
        What the files should be.
    hdf5, csv
        The files. Their traces, waveforms and attributes are compared, whether the CSV lists the
        same traces in the same order, and its cells, if the manifest covers them (`covers_csv`).

    Raises
    ------
    InputError
        One of the files cannot be used at all.
    """
    yield from _compare_csv(manifest, csv)
    with open_data(hdf5) as group:
        present = _names(group, hdf5)
        found = [*_compare_traces(manifest, Reader(group), present)]
    found.sort(key=itemgetter(0))  # the file was read in its own order
    yield from (difference for _, difference in found)
    listed = set(manifest.traces)
    for name in present:
        if name not in listed:
            yield Difference(printable(name), "not in the manifest")


def _compare_traces(
    manifest: Manifest, reader: Reader, present: Container[str]
) -> Iterator[tuple[int, Difference]]:
    """Compare every trace; yields differences with the number of the trace in the manifest."""
    names = list(manifest.traces)
    waveforms = manifest.waveforms or [UNKNOWN] * len(names)
    attributes = manifest.attributes or [UNKNOWN] * len(names)
    is_present = np.fromiter((name in present for name in names), bool, len(names))
    for row in np.flatnonzero(~is_present).tolist():
        yield row, Difference(names[row], f"not in {reader.path.name}")
    rows, addresses, lost = locate(reader, names)
    for row, error in lost.items():
        if is_present[row]:
            yield row, Difference(names[row], str(error))
    rows, addresses = rows[is_present[rows]], addresses[is_present[rows]]
    batches = scan(reader, names, rows, addresses)
    for scanned in progress(
        batches, f"verifying {reader.path.name}", -(-len(rows) // BATCH_TRACES)
    ):
        digests = zip(scanned.digests, scanned.attribute_digests(), strict=True)
        for number, (row, found) in enumerate(zip(scanned.rows.tolist(), digests, strict=True)):
            reason = scanned.unread.get(number) or scanned.unread_attributes.get(number)
            if reason:
                yield row, Difference(names[row], reason)
                continue
            if _digests_differ(waveforms[row], found[0].hex()):
                yield row, Difference(names[row], "another waveform")
            if _digests_differ(attributes[row], found[1].hex()):
                yield row, Difference(names[row], "other attributes")


def _names(group: h5py.Group, path: Path) -> dict[str, None]:
    """List the members of a group in order, as keys."""
    try:
        return dict.fromkeys(group)
    except LIBRARY_ERRORS as error:
        raise InputError(
            f"{str(path)!r} is damaged where it lists its traces: {remedy_of(error)}"
        ) from error


def covers_csv(manifest: Manifest) -> bool:
    """Tell whether a manifest knows the cells of the CSV, not only which traces it lists."""
    return manifest.csv != UNKNOWN


def _compare_csv(manifest: Manifest, csv: Path) -> Iterator[Difference]:
    names = read_table(csv, KEY_COLUMNS)["trace_name"].tolist()
    if names == list(manifest.traces):
        if _digests_differ(manifest.csv, csv_digest(csv, len(names))):
            yield Difference(
                "",
                f"rows of {csv.name} are not as the manifest says: "
                "steadkit check names those that differ from the attributes",
            )
        return
    listed, present = set(manifest.traces), set(names)
    for name in manifest.traces:
        if name not in present:
            yield Difference(name, f"not in {csv.name}")
    for name in names:
        if name not in listed:
            yield Difference(name, f"in {csv.name}, but not in the manifest")
    if listed == present:
        pairs = enumerate(zip(names, manifest.traces, strict=True))
        place = next(number for number, (name, other) in pairs if name != other)
        yield Difference(names[place], f"in row {place + 2} of {csv.name}: another order")


def compare(one: Manifest, other: Manifest) -> dict[str, list[str]]:
    """Compare two manifests.

    Returns
    -------
    dict
        What differs, and the names of the traces or of the recipe's entries in question:
        ``only in the first``, ``only in the second``, ``another part``, ``another waveform``,
        ``other attributes``, ``another recipe``, ``another order`` and ``other rows in the CSV``,
        which names both data sets. Nothing differs if all are empty.
    """
    left, right = _rows(one), _rows(other)
    shared = [name for name in one.traces if name in right]
    recipes = sorted(one.recipe.keys() | other.recipe.keys())
    return {
        "only in the first": [name for name in one.traces if name not in right],
        "only in the second": [name for name in other.traces if name not in left],
        "another part": [n for n in shared if left[n][0] != right[n][0]],
        "another waveform": [n for n in shared if _digests_differ(left[n][1], right[n][1])],
        "other attributes": [n for n in shared if _digests_differ(left[n][2], right[n][2])],
        "another recipe": [k for k in recipes if one.recipe.get(k) != other.recipe.get(k)],
        "another order": _reordered(shared, [name for name in other.traces if name in left]),
        "other rows in the CSV": [one.name, other.name]
        if _digests_differ(one.csv, other.csv)
        else [],
    }


def _rows(manifest: Manifest) -> dict[str, tuple[str, str, str]]:
    unknown: Sequence[str] = [UNKNOWN] * len(manifest.traces)
    columns = (manifest.parts, manifest.waveforms, manifest.attributes)
    rows = zip(*(column or unknown for column in columns), strict=True)
    return dict(zip(manifest.traces, rows, strict=True))


def _digests_differ(left: str, right: str) -> bool:
    """Tell whether two digests differ; one that is not known differs from none."""
    return left != right and UNKNOWN not in (left, right)


def _reordered(left: list[str], right: list[str]) -> list[str]:
    return [name for name, other in zip(left, right, strict=True) if name != other]
