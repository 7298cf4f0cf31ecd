"""Rebuild a data set from its manifest: identical files for anyone who has STEAD."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from steadkit.atomic import input_scope, release_input
from steadkit.catalog import KEY_COLUMNS, counts, read_table
from steadkit.dataset_files import DatasetFiles, check_dataset, copy_rows
from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN, Manifest, load
from steadkit.sources import Source


@input_scope()
def build(
    manifest: Path,
    sources: Sequence[Source],
    files: DatasetFiles,
    overwrite: bool = False,
    any_csv: bool = False,
) -> Manifest:
    """Write the HDF5 file, CSV and manifest that a manifest describes.

    Parameters
    ----------
    manifest
        Manifest of the data set. Traces must have the digests it lists, if any.
    sources
        STEAD files that contain its traces, among others.
    files
        Files to write; the manifest may already be among them.
    overwrite
        Whether existing files may be replaced.
    any_csv
        Whether the cells of the CSV may differ from the digest in the manifest.

    Raises
    ------
    InputError
        A trace is missing or differs from the manifest, or the CSV has other cells; then nothing is
        written.
    """
    check_dataset(files, overwrite or _is_alone(manifest, files), sources)
    expected = load(manifest)
    rows = _find_rows(expected, manifest, sources)
    if files.manifest.exists() and files.manifest.samefile(manifest):
        # Inputs are protected from being overwritten; this one is written again with the same text.
        release_input(manifest)
    return copy_rows(
        sources,
        files,
        rows,
        expected.recipe,
        overwrite or _is_alone(manifest, files),
        expected.splits if set(expected.splits) != {UNKNOWN} else (),
        _digest_checker(expected, manifest),
        None if any_csv else _csv_checker(expected, manifest),
    )


def _is_alone(manifest: Path, files: DatasetFiles) -> bool:
    """Return whether the only existing target is the manifest itself, which stays the same."""
    is_manifest = files.manifest.exists() and files.manifest.samefile(manifest)
    return is_manifest and not files.csv.exists() and not files.hdf5.exists()


def _find_rows(expected: Manifest, path: Path, sources: Sequence[Source]) -> pd.DataFrame:
    """Find the source and the row of every trace, in the order of the manifest."""
    order = pd.Index(expected.traces)
    tables = []
    for number, source in enumerate(sources):
        table = read_table(source.csv, KEY_COLUMNS)
        table = table.assign(
            source=number, row=range(len(table)), place=order.get_indexer(table["trace_name"])
        )
        tables.append(table[table["place"] >= 0])
    # A trace of two sources is copied from the first one; its digest is checked in any case.
    rows = pd.concat(tables).drop_duplicates("place").sort_values("place", ignore_index=True)
    if len(rows) < len(order):
        missing = order[~order.isin(rows["trace_name"])]
        raise InputError(
            f"{len(missing)} of the {len(order)} traces of {str(path)!r} are in none of "
            f"{', '.join(map(str, sources))}, {missing[0]!r} for one: name the files that have them"
        )
    if counts(rows["trace_category"]) != dict(expected.categories):
        raise InputError(
            f"{str(path)!r} counts {dict(expected.categories)}, the sources have "
            f"{counts(rows['trace_category'])} of its traces: they are other data"
        )
    return rows


def _digest_checker(expected: Manifest, path: Path) -> Callable[[str, bytes, bytes], None]:
    # Traces are copied in the order of the manifest, so no dict of a million names is needed.
    digests = zip(expected.waveforms, expected.attributes, strict=True)

    def check(name: str, waveform: bytes, attribute: bytes) -> None:
        waveform_digest, attributes_digest = next(digests)
        for content, expected_digest, found_digest in (
            ("waveform", waveform_digest, waveform.hex()),
            ("attributes", attributes_digest, attribute.hex()),
        ):
            if expected_digest not in (UNKNOWN, found_digest):
                raise InputError(
                    f"trace {name!r} has another {content} in the source than {str(path)!r} says: "
                    "it was made from other data"
                )

    return check


def _csv_checker(expected: Manifest, path: Path) -> Callable[[str], None]:
    def check(digest: str) -> None:
        if expected.csv not in (UNKNOWN, digest):
            raise InputError(
                f"the rows of {str(path)!r} have other cells in the sources' CSV than when it was "
                "made: name the CSV it was made from, or accept these with --any-csv"
            )

    return check
