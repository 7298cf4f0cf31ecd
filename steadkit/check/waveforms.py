"""The pass over the HDF5: every trace read once, in the order in which the file holds them."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import h5py
import numpy as np
import pandas as pd

from steadkit.check.faults import FAULTS
from steadkit.check.findings import found, of_faults, together
from steadkit.check.samples import CHECKS, not_finite
from steadkit.check.suspects import rises
from steadkit.console import progress
from steadkit.errors import InputError, remedy_of
from steadkit.hdf5 import Heaps
from steadkit.schema import TRACE_SHAPE
from steadkit.store import DTYPE, Reader, digest, open_data
from steadkit.store.reading import Stored

BATCH: Final = 64

ARRIVALS: Final = ("p_arrival_sample", "s_arrival_sample", "coda_end_sample")
SUSPECTS: Final = frozenset({"second-event", "unlabelled-event"})

LIBRARY_FAULTS: Final = (OSError, RuntimeError, ValueError, TypeError, KeyError)
"""What h5py raises where a file is damaged; `InputError` is one of them."""


class Surveyed(NamedTuple):
    """What a pass over one file has found."""

    findings: pd.DataFrame
    """Sorted; without duplicates, which may be in other files."""
    digests: np.ndarray
    """Of each row's waveform, 32 characters of ASCII, empty where it cannot be read."""
    attributes: np.ndarray
    """Of each row's attributes, 16 characters likewise."""
    alive: np.ndarray
    """Whether anything varies in it; one dead trace is like any other."""


def unsurveyed(count: int) -> Surveyed:
    """Stand in for a pass over so many traces that was not wanted."""
    nothing = found("not-finite", [], [])
    return Surveyed(nothing, *_blank(count))


def _blank(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros(count, dtype="S32"), np.zeros(count, dtype="S16"), np.zeros(count, dtype=bool)


class Batch(NamedTuple):
    """Some traces that could be read, by their rows in the CSV, and findings of the others."""

    rows: list[int]
    samples: np.ndarray
    attributes: list[str]
    unread: pd.DataFrame


def check_waveforms(
    path: Path, rows: pd.DataFrame, wanted: Collection[str] = tuple(FAULTS)
) -> Surveyed:
    """Find the faults of the waveforms of one file.

    Parameters
    ----------
    path
        The HDF5 file.
    rows
        ``trace_name``, ``trace_category`` and, as numbers, the samples of P, S and coda end.
    wanted
        Codes of the faults to look for.

    Raises
    ------
    InputError
        The file as a whole cannot be read.
    """
    names = rows["trace_name"].tolist()
    digests, attributes, alive = _blank(len(names))
    with open_data(path) as group:
        reader = Reader(group)
        addresses, lacking = _addresses(reader, names)
        parts = [lacking, _unlisted(group, path, names)]
        order = sorted(addresses, key=lambda row: (addresses[row], names[row]))
        starts = range(0, len(order), BATCH)
        for start in progress(starts, f"checking {path.name}", len(starts)):
            places = {row: addresses[row] for row in order[start : start + BATCH]}
            batch = _read(reader, names, places)
            parts += [batch.unread, _in_batch(batch.samples, rows.iloc[batch.rows], wanted)]
            attributes[batch.rows] = batch.attributes
            digests[batch.rows] = [digest(waveform).encode() for waveform in batch.samples]
            alive[batch.rows] = (batch.samples != batch.samples[:, :1]).any(axis=(1, 2))
    return Surveyed(of_faults(together(parts), wanted), digests, attributes, alive)


def _addresses(reader: Reader, names: Sequence[str]) -> tuple[dict[int, int], pd.DataFrame]:
    """Look up where each row's trace is in the file, and tell which ones cannot be found."""
    addresses: dict[int, int] = {}
    missing: list[str] = []
    unreadable: dict[str, str] = {}
    for row, name in enumerate(progress(names, f"looking into {reader.path.name}")):
        try:
            addresses[row] = reader.address(name)
        except LIBRARY_FAULTS as error:
            if _is_there(reader.group, name):
                unreadable[name] = str(error)
            else:
                missing.append(name)
    lacking = [
        found("missing-waveform", missing, ["no dataset"] * len(missing)),
        found("unreadable-waveform", unreadable, unreadable.values()),
    ]
    return addresses, together(lacking)


def _is_there(group: h5py.Group, name: str) -> bool:
    try:
        return group.get(name, getlink=True) is not None
    except LIBRARY_FAULTS:
        return True  # damaged, which is not the same as missing


def _unlisted(group: h5py.Group, path: Path, names: Sequence[str]) -> pd.DataFrame:
    known = set(names)
    unlisted = [name for name in _members(group, path) if name not in known]
    return found("unlisted-waveform", unlisted, ["no row"] * len(unlisted))


def _members(group: h5py.Group, path: Path) -> Iterator[str]:
    try:
        for name in group:
            # Names that are no UTF-8 come as bytes or with surrogates, which no file takes.
            known = name if isinstance(name, bytes) else name.encode(errors="backslashreplace")
            yield known.decode(errors="backslashreplace")
    except LIBRARY_FAULTS as error:
        raise InputError(
            f"{str(path)!r} is damaged in its list of traces: {remedy_of(error)}"
        ) from error


def _read(reader: Reader, names: Sequence[str], places: dict[int, int]) -> Batch:
    samples = np.empty((len(places), *TRACE_SHAPE), DTYPE)
    rows: list[int] = []
    attributes: list[str] = []
    unread: dict[str, str] = {}
    heaps = reader.heaps()
    for row, address in places.items():
        try:
            stored = reader.stored(names[row], address)
            reader.read_into(stored, samples[len(rows)])
        except LIBRARY_FAULTS as error:
            unread[names[row]] = str(error)
        else:
            rows.append(row)
            attributes.append(_attributes_digest(reader, stored, heaps))
    findings = found("unreadable-waveform", unread, unread.values())
    return Batch(rows, samples[: len(rows)], attributes, findings)


def _attributes_digest(reader: Reader, stored: Stored, heaps: Heaps) -> str:
    """Identify attributes; damaged ones, which `steadkit.check.agreement` tells of, have none."""
    try:
        return reader.attributes(stored, heaps).digest().hex()
    except LIBRARY_FAULTS:
        return ""


def _in_batch(samples: np.ndarray, rows: pd.DataFrame, wanted: Collection[str]) -> pd.DataFrame:
    components = np.ascontiguousarray(samples.transpose(0, 2, 1))
    broken = not_finite(components)
    texts = {"not-finite": broken}
    # The other checks compute with the samples: they must be finite.
    sound = np.array([not text for text in broken], dtype=bool)
    components, finite = components[sound], rows[sound]
    if len(finite):
        texts |= {code: check(components) for code, check in CHECKS.items() if code in wanted}
    if len(finite) and SUSPECTS & set(wanted):
        categories = finite["trace_category"].to_numpy(object)
        texts |= rises(components, categories, finite[list(ARRIVALS)].to_numpy(float))
    return together(
        [
            _found(code, (rows if code == "not-finite" else finite)["trace_name"], own)
            for code, own in texts.items()
            if any(own)
        ]
    )


def _found(code: str, names: pd.Series, texts: list[str]) -> pd.DataFrame:
    hits = np.array([bool(text) for text in texts], dtype=bool)
    return found(code, names[hits], filter(None, texts))
