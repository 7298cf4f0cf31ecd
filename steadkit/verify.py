"""Verify a data set against its manifest, trace by trace, and compare two manifests."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import h5py
import numpy as np

from steadkit.catalog import KEY_COLUMNS, csv_digest, read_table
from steadkit.console import progress
from steadkit.errors import InputError, damage_remedy, printable
from steadkit.manifest import UNKNOWN, Manifest
from steadkit.store import Reader, locate, open_data, scan
from steadkit.store.open import LIBRARY_ERRORS
from steadkit.store.scanner import BATCH_TRACES


@dataclass(frozen=True)
class Difference:
    """One difference between a data set and its manifest."""

    trace_name: str
    """Empty if the difference concerns a file, not a trace."""
    what: str


def verify(manifest: Manifest, hdf5: Path, csv: Path) -> Iterator[Difference]:
    """Compare files with their manifest; yield every difference, in the order of the manifest.

    Parameters
    ----------
    manifest
        Manifest of the data set.
    hdf5, csv
        Its files. The traces, waveforms and attributes are compared, the names in the CSV and their
        order, and its cells if the manifest covers them (`covers_csv`).

    Raises
    ------
    InputError
        One of the files cannot be used at all.
    """
    yield from _compare_csv(manifest, csv)
    with open_data(hdf5) as group:
        present = _names(group, hdf5)
        differences = [*_compare_traces(manifest, Reader(group), present)]
    # The file was read in its own order, which is much faster than that of the manifest.
    differences.sort(key=itemgetter(0))
    yield from (difference for _, difference in differences)
    manifest_names = set(manifest.traces)
    for name in present:
        if name not in manifest_names:
            yield Difference(printable(name), "not in the manifest")


def _compare_traces(
    manifest: Manifest, reader: Reader, present: Container[str]
) -> Iterator[tuple[int, Difference]]:
    """Compare every trace; yield differences with the number of the trace in the manifest."""
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
        for number, (row, found_digests) in enumerate(
            zip(scanned.rows.tolist(), digests, strict=True)
        ):
            reason = scanned.unread.get(number) or scanned.unread_attributes.get(number)
            if reason:
                yield row, Difference(names[row], reason)
                continue
            if _digests_differ(waveforms[row], found_digests[0].hex()):
                yield row, Difference(names[row], "another waveform")
            if _digests_differ(attributes[row], found_digests[1].hex()):
                yield row, Difference(names[row], "other attributes")


def _names(group: h5py.Group, path: Path) -> dict[str, None]:
    """Return the members of a group in order, as the keys of a dict."""
    try:
        return dict.fromkeys(group)
    except LIBRARY_ERRORS as error:
        raise InputError(
            f"{str(path)!r} is damaged where it lists its traces: {damage_remedy(error)}"
        ) from error


def covers_csv(manifest: Manifest) -> bool:
    """Return whether a manifest has a digest of the CSV's cells, not only the trace names."""
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
    manifest_names, present = set(manifest.traces), set(names)
    for name in manifest.traces:
        if name not in present:
            yield Difference(name, f"not in {csv.name}")
    for name in names:
        if name not in manifest_names:
            yield Difference(name, f"in {csv.name}, but not in the manifest")
    if manifest_names == present:
        pairs = enumerate(zip(names, manifest.traces, strict=True))
        place = next(number for number, (found, expected) in pairs if found != expected)
        yield Difference(names[place], f"in row {place + 2} of {csv.name}: another order")


def compare(manifest_a: Manifest, manifest_b: Manifest) -> dict[str, list[str]]:
    """Compare two manifests.

    Returns
    -------
    dict
        Category of difference, and the names of the traces or recipe entries concerned:
        ``only in the first``, ``only in the second``, ``another split``, ``another waveform``,
        ``other attributes``, ``another recipe``, ``another order`` and ``other rows in the CSV``,
        which names both data sets. All are empty for equal manifests.
    """
    rows_a, rows_b = _rows(manifest_a), _rows(manifest_b)
    shared = [name for name in manifest_a.traces if name in rows_b]
    recipes = sorted(manifest_a.recipe.keys() | manifest_b.recipe.keys())
    return {
        "only in the first": [name for name in manifest_a.traces if name not in rows_b],
        "only in the second": [name for name in manifest_b.traces if name not in rows_a],
        "another split": [n for n in shared if rows_a[n][0] != rows_b[n][0]],
        "another waveform": [n for n in shared if _digests_differ(rows_a[n][1], rows_b[n][1])],
        "other attributes": [n for n in shared if _digests_differ(rows_a[n][2], rows_b[n][2])],
        "another recipe": [
            k for k in recipes if manifest_a.recipe.get(k) != manifest_b.recipe.get(k)
        ],
        "another order": _reordered(shared, [name for name in manifest_b.traces if name in rows_a]),
        "other rows in the CSV": [manifest_a.name, manifest_b.name]
        if _digests_differ(manifest_a.csv, manifest_b.csv)
        else [],
    }


def _rows(manifest: Manifest) -> dict[str, tuple[str, str, str]]:
    unknown: Sequence[str] = [UNKNOWN] * len(manifest.traces)
    columns = (manifest.splits, manifest.waveforms, manifest.attributes)
    rows = zip(*(column or unknown for column in columns), strict=True)
    return dict(zip(manifest.traces, rows, strict=True))


def _digests_differ(digest_a: str, digest_b: str) -> bool:
    """Return whether two digests are known and differ."""
    return digest_a != digest_b and UNKNOWN not in (digest_a, digest_b)


def _reordered(names_a: list[str], names_b: list[str]) -> list[str]:
    return [a for a, b in zip(names_a, names_b, strict=True) if a != b]
