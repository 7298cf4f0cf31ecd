"""One pass over an HDF5 file: check samples and attributes of each trace, read once."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import h5py
import numpy as np
import pandas as pd

from steadkit.check.attributes import AttributeTexts
from steadkit.check.findings import concatenate, findings_table, of_issues
from steadkit.check.issues import ATTRIBUTES, ISSUES, SAMPLES
from steadkit.check.samples import CHECKS, Components, find_rises, not_finite
from steadkit.check.selection import shows_in
from steadkit.errors import InputError, damage_remedy
from steadkit.store import LIBRARY_ERRORS, Reader, ScannedBatch, locate, open_data, scan

BATCH_TRACES: Final = 16
"""Traces whose samples are checked at once: 1 MB, which the cache of a core holds."""

ARRIVALS: Final = ("p_arrival_sample", "s_arrival_sample", "coda_end_sample")
HEURISTICS: Final = frozenset({"second-event", "unlabelled-event"})


class WaveformChecks(NamedTuple):
    """Result of the pass over one file."""

    findings: pd.DataFrame
    """Sorted; duplicate waveforms are found later, as they may be in other files."""
    digests: np.ndarray
    """Digest of each row's waveform, 32 characters of ASCII, empty where it cannot be read."""
    attributes: np.ndarray
    """Digest of each row's attributes, 16 characters likewise."""
    alive: np.ndarray
    """Whether a component varies; dead traces are no duplicates of one another."""


def unchecked_waveforms(count: int) -> WaveformChecks:
    """Return the empty result for traces whose HDF5 file is not checked."""
    return WaveformChecks(
        findings=findings_table("not-finite", [], []),
        digests=np.zeros(count, dtype="S32"),
        attributes=np.zeros(count, dtype="S16"),
        alive=np.zeros(count, dtype=bool),
    )


def check_waveforms(
    path: Path,
    chunks: Iterable[tuple[pd.DataFrame, pd.DataFrame]],
    codes: Collection[str] = tuple(ISSUES),
) -> WaveformChecks:
    """Find the issues of waveforms and attributes of one file.

    Parameters
    ----------
    path
        The HDF5 file.
    chunks
        Rows of the CSV, some thousand at a time: all cells as text, and of the same rows
        ``trace_name``, ``trace_category`` and, as numbers, the samples of P, S and coda end.
    codes
        Codes of the issues to look for.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    names: list[str] = []
    tables, columns = [], []
    with open_data(path) as group:
        reader = Reader(group)
        for cells, rows in chunks:
            names += rows["trace_name"].tolist()
            surveyed = _check_chunk(reader, cells, rows, codes)
            tables.append(surveyed.findings)
            columns.append(surveyed[1:])
        tables.append(_unlisted_findings(group, path, names))
    joined = (np.concatenate(column) for column in zip(*columns, strict=True))
    return WaveformChecks(of_issues(concatenate(tables), codes), *joined)


def _check_chunk(
    reader: Reader, cells: pd.DataFrame, rows: pd.DataFrame, codes: Collection[str]
) -> WaveformChecks:
    """Check the traces of a chunk of rows, in the order of the file."""
    names = rows["trace_name"].tolist()
    with_samples, with_attributes = shows_in(codes, SAMPLES), shows_in(codes, ATTRIBUTES)
    surveyed = unchecked_waveforms(len(names))
    texts = AttributeTexts(cells)
    locations, addresses, errors = locate(reader, names)
    tables = [_missing_findings(reader, names, errors)]
    unread: dict[str, str] = {}
    for scanned in scan(reader, names, locations, addresses, with_samples):
        for row, reason in _reasons(reader, names, scanned, scanned.unread):
            unread[names[row]] = reason
        if with_attributes:
            for numbers, table in scanned.attributes:
                texts.add(scanned.rows[numbers], table)
            for row, reason in _reasons(reader, names, scanned, scanned.unread_attributes):
                texts.add_broken(row, reason)
        if with_samples:
            tables += _check_samples(scanned, rows, surveyed, codes)
    tables += [texts.findings(), findings_table("unreadable-waveform", unread, unread.values())]
    return surveyed._replace(findings=concatenate(tables))


def _reasons(
    reader: Reader, names: Sequence[str], scanned: ScannedBatch, reasons: Mapping[int, str]
) -> Iterator[tuple[int, str]]:
    """List rows that were not read and why, without the trace and file that a finding names.

    A finding is cut to a few characters, and the reason comes last in the message.
    """
    for number, reason in reasons.items():
        row = int(scanned.rows[number])
        yield row, reason.removeprefix(f"trace {names[row]!r} in {str(reader.path)!r} ")


def _missing_findings(
    reader: Reader, names: Sequence[str], errors: Mapping[int, Exception]
) -> pd.DataFrame:
    """Return findings of traces that cannot be located."""
    missing: list[str] = []
    unreadable: dict[str, str] = {}
    for row, error in errors.items():
        if _has_link(reader.group, names[row]):
            unreadable[names[row]] = str(error)
        else:
            missing.append(names[row])
    tables = [
        findings_table("missing-waveform", missing, ["no dataset"] * len(missing)),
        findings_table("unreadable-waveform", unreadable, unreadable.values()),
    ]
    return concatenate(tables)


def _has_link(group: h5py.Group, name: str) -> bool:
    try:
        return group.get(name, getlink=True) is not None
    except LIBRARY_ERRORS:
        return True  # damaged, which is not the same as missing


def _unlisted_findings(group: h5py.Group, path: Path, names: Sequence[str]) -> pd.DataFrame:
    csv_names = set(names)
    unlisted = [name for name in _list_names(group, path) if name not in csv_names]
    return findings_table("unlisted-waveform", unlisted, ["no row"] * len(unlisted))


def _list_names(group: h5py.Group, path: Path) -> Iterator[str]:
    try:
        for name in group:
            # Names that are no UTF-8 come as bytes or with surrogates, which no file takes.
            encoded = name if isinstance(name, bytes) else name.encode(errors="backslashreplace")
            yield encoded.decode(errors="backslashreplace")
    except LIBRARY_ERRORS as error:
        raise InputError(
            f"{str(path)!r} is damaged in its list of traces: {damage_remedy(error)}"
        ) from error


def _check_samples(
    scanned: ScannedBatch, rows: pd.DataFrame, surveyed: WaveformChecks, codes: Collection[str]
) -> list[pd.DataFrame]:
    """Check the samples of a batch; write digests and `alive` into `surveyed`."""
    surveyed.digests[scanned.rows] = [digest.hex().encode() for digest in scanned.digests]
    is_read = np.array([number not in scanned.unread for number in range(len(scanned.rows))])
    read_rows = scanned.rows[is_read]
    identities = [digest.hex().encode() for digest in scanned.attribute_digests()]
    surveyed.attributes[read_rows] = np.array(identities)[is_read]
    findings = []
    for numbers in np.split(
        np.flatnonzero(is_read), range(BATCH_TRACES, len(read_rows), BATCH_TRACES)
    ):
        samples = scanned.waveforms[numbers]
        components = Components(np.ascontiguousarray(samples.transpose(0, 2, 1)))
        file_rows = scanned.rows[numbers]
        surveyed.alive[file_rows] = components.vary.any(axis=-1)
        for number in np.flatnonzero(~components.are_finite).tolist():
            surveyed.alive[file_rows[number]] = (samples[number] != samples[number, :1]).any()
        findings += _check_batch(components, rows.iloc[file_rows], codes)
    return findings


def _check_batch(
    components: Components, rows: pd.DataFrame, codes: Collection[str]
) -> list[pd.DataFrame]:
    texts = {"not-finite": not_finite(components)}
    # The other checks compute with the samples: they must be finite.
    is_finite, finite = components.are_finite, rows
    if not is_finite.all():
        components, finite = Components(components.samples[is_finite]), rows[is_finite]
    if len(finite):
        texts |= {code: check(components) for code, check in CHECKS.items() if code in codes}
    if len(finite) and HEURISTICS & set(codes):
        categories = finite["trace_category"].to_numpy(object)
        arrivals = finite[list(ARRIVALS)].to_numpy(float)
        texts |= find_rises(components.samples, categories, arrivals)
    return [
        _findings_of(code, (rows if code == "not-finite" else finite)["trace_name"], issue_texts)
        for code, issue_texts in texts.items()
        if any(issue_texts)
    ]


def _findings_of(code: str, names: pd.Series, texts: list[str]) -> pd.DataFrame:
    hits = np.array([bool(text) for text in texts], dtype=bool)
    return findings_table(code, names[hits], filter(None, texts))
