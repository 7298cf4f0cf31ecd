"""Repaired copies of a checked file, and lists of the traces without issues."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from steadkit.atomic import input_scope, note_input, write_one
from steadkit.capacity import TRACE_DISK_BYTES, require_disk
from steadkit.catalog import columns_of, iter_rows_at, write_csv
from steadkit.check.findings import of_issues
from steadkit.check.issues import ERROR, ISSUES
from steadkit.check.metadata import repair_rows, repairable
from steadkit.check.run import Report
from steadkit.console import progress
from steadkit.dataset_files import DatasetFiles, new_dataset
from steadkit.errors import InputError, damage_remedy
from steadkit.hdf5 import DamageError
from steadkit.manifest import UNKNOWN, Manifest, manifest_of
from steadkit.sources import Source
from steadkit.store import (
    LIBRARY_ERRORS,
    Reader,
    Writer,
    digest,
    get_dataset,
    open_data,
    read_waveform,
)

UNCOPIABLE: Final = (
    "missing-waveform",
    "unreadable-waveform",
    "not-finite",
    "attributes-unreadable",
)
"""Issues of traces that cannot be copied."""

DIGEST_CHARACTERS: Final = 32

Cells = dict[str, dict[str, str]]
"""New values by trace and column, as the CSV writes them."""


@input_scope()
def fix(source: Source, files: DatasetFiles, report: Report, overwrite: bool = False) -> Manifest:
    """Write a copy with the derived columns recomputed, in CSV and attributes.

    Parameters
    ----------
    source
        The file that was checked; it is only read.
    files
        Files of the copy.
    report
        Result of `steadkit.check.check` for that file only.
    overwrite
        Whether existing files may be replaced.

    Returns
    -------
    Manifest
        Of the copy, in the order of the source's CSV. Its recipe has the operation ``fix``, the
        digest of the source's CSV, how many findings of each issue were repaired, and a digest
        of them all.

    Raises
    ------
    InputError
        There is nothing to repair, a trace cannot be copied, or a file cannot be used.
    """
    note_input(source.hdf5, source.csv)
    findings = report.findings[repairable(report.findings)]
    if findings.empty:
        raise InputError(f"{str(source.csv)!r} has no finding that --fix can repair: nothing to do")
    _refuse_uncopiable(report)
    names = report.traces["trace_name"].tolist()
    cells: Cells = {}
    n_bytes = len(names) * TRACE_DISK_BYTES
    require_disk(files.hdf5.parent, n_bytes, f"a copy of {len(names):,} traces")
    with new_dataset(files, overwrite) as new:
        tables = _repaired_rows(source.csv, len(names), findings, cells)
        csv = write_csv(new.csv, columns_of(source.csv), tables)
        waveforms, attributes = _copy(source.hdf5, new.hdf5, names, cells)
        manifest = manifest_of(
            files.name,
            _recipe(source, findings),
            names,
            report.traces["trace_category"],
            waveforms=waveforms,
            attributes=attributes,
            csv=csv,
        )
        manifest.write(new.manifest)
    return manifest


def _refuse_uncopiable(report: Report) -> None:
    uncopiable = of_issues(report.findings, UNCOPIABLE)
    if len(uncopiable):
        first = uncopiable.iloc[0]
        raise InputError(
            f"{uncopiable['trace_name'].nunique()} traces cannot be copied, "
            f"{first['trace_name']!r} for one ({first['fault']}): leave them out with --drop, "
            "build that, and --fix the result"
        )


def _repaired_rows(
    csv: Path, count: int, findings: pd.DataFrame, cells: Cells
) -> Iterator[pd.DataFrame]:
    """Read the rows in chunks and repair them; add the changed cells to `cells`."""
    for table in iter_rows_at(csv, np.arange(count)):
        fixed = repair_rows(table, findings[findings["trace_name"].isin(table["trace_name"])])
        for column in table.columns:
            different = table[column] != fixed[column]
            new = zip(table["trace_name"][different], fixed[column][different], strict=True)
            for name, value in new:
                cells.setdefault(name, {})[column] = value
        yield fixed


def _copy(hdf5: Path, target: Path, names: list[str], cells: Cells) -> tuple[list[str], list[str]]:
    """Copy traces with their attributes, repaired by `cells`; return the digests of both."""
    waveforms, attributes = [], []
    with open_data(hdf5) as group, Writer(target) as writer:
        reader = Reader(group)
        heaps = reader.heaps()
        for name in progress(names, f"writing {target.name}"):
            try:
                # Refuses damage that h5py might not survive; h5py then keeps the type of each.
                reader.attributes(reader.locate(name), heaps)
                values = dict(get_dataset(group, name).attrs)
                waveform = read_waveform(group, name)
                digest_of_attributes = writer.add(
                    name, waveform, values | _typed_values(values, cells.get(name, {}))
                )
            except InputError:
                raise
            except (*LIBRARY_ERRORS, DamageError) as error:
                raise InputError(
                    f"trace {name!r} in {str(hdf5)!r} cannot be copied: {damage_remedy(error)}"
                ) from error
            waveforms.append(digest(waveform))
            attributes.append(digest_of_attributes.hex())
    return waveforms, attributes


def _typed_values(values: Mapping[str, object], new: Mapping[str, str]) -> dict[str, object]:
    """Convert new values to the type and shape of the attribute: a number, or an array of one."""
    typed: dict[str, object] = {}
    for column, text in new.items():
        old = np.asarray(values.get(column, 0.0))
        # An attribute that is not known is empty text; a known one is a number.
        dtype = old.dtype if old.dtype.kind in "fiu" else np.dtype(float)
        shape = old.shape if old.size == 1 else ()
        typed[column] = np.full(shape, float(text), dtype)
    return typed


def _recipe(source: Source, findings: pd.DataFrame) -> dict[str, object]:
    listing = findings.to_csv(index=False, lineterminator="\n")
    with source.csv.open("rb") as file:
        csv = hashlib.file_digest(file, "blake2b").hexdigest()[:DIGEST_CHARACTERS]
    return {
        "operation": "fix",
        "source": source.hdf5.stem,
        "source_csv": csv,
        "repaired": dict(sorted(Counter(findings["fault"]).items())),
        "findings": hashlib.blake2b(listing.encode()).hexdigest()[:DIGEST_CHARACTERS],
    }


def drop(target: Path, name: str, report: Report, named: bool, overwrite: bool = False) -> Manifest:
    """Write a manifest of the sound traces, ordered by name.

    Parameters
    ----------
    target
        The manifest to write.
    name
        Name of the data set in the manifest.
    report
        Result of `steadkit.check.check`.
    named
        Whether the user named the issues: then a finding of any severity drops its trace, else
        only an error does.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        No trace would be left, or the file cannot be written.
    """
    dropped = to_drop(report.findings, named)
    traces = report.traces
    sound = traces[~traces["trace_name"].isin(dropped["trace_name"])].sort_values("trace_name")
    if sound.empty:
        raise InputError(f"all {len(traces)} traces have issues: leave some out with --ignore")
    recipe = {
        "operation": "drop",
        "faults": sorted(code for code in report.issues if named or ISSUES[code].severity == ERROR),
        "dropped": len(traces) - len(sound),
    }
    # The digests are in the order of the CSV: select them by the index of the sorted rows.
    waveforms, attributes = (
        [known.decode() or UNKNOWN for known in digests[sound.index]]
        for digests in (report.digests, report.attributes)
    )
    manifest = manifest_of(
        name,
        recipe,
        sound["trace_name"],
        sound["trace_category"],
        waveforms=waveforms,
        attributes=attributes,
    )
    write_one(target, manifest.write, overwrite)
    return manifest


def to_drop(findings: pd.DataFrame, named: bool) -> pd.DataFrame:
    """Return the findings for which `drop` leaves a trace out."""
    return findings if named else findings[findings["severity"] == ERROR]
