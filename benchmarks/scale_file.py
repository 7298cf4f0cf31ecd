"""Write STEAD files of any number of traces up to its true one, 1,265,657, in minutes.

Headers, attributes, names and CSV are complete, and every trace has values and texts of its own.
Samples are sparse: they have their place in the file, which has its full apparent size, but are
holes that read as zeros and take no room on the disk; ``--dense`` writes those of a share of the
traces. Noise comes first and then the earthquakes, as in STEAD's chunks.

Two ways of writing: ``h5py``, which STEAD's own files are, headers between the samples as HDF5's
library lays them out, and ``steadkit``, the layout of the files that steadkit makes.
"""

import argparse
import math
import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TextIO

import numpy as np
from scale_library import Template, fill
from scale_names import GROUP_BYTES, Nodes, write_group
from scale_rows import STEAD, Pattern, Values, counts

from steadkit.catalog import csv_digest
from steadkit.hdf5 import AttributeTable, Hdf5Writer, encode, group_by_schema, row_table
from steadkit.hdf5.global_heap import WORD, n_words
from steadkit.hdf5.object_header import round_up_8
from steadkit.manifest import Digests, Manifest
from steadkit.schema import COLUMNS, DATA_GROUP, TRACE_SHAPE
from steadkit.store import DTYPE, TRACE_BYTES, digest
from steadkit.store.copy import BLOCK_TRACES

WAYS: Final = ("h5py", "steadkit")


class Repetition(NamedTuple):
    """Some traces that are written together: the first ones of a pattern, repeated."""

    pattern: Pattern
    number: int
    values: Values
    traces: int

    @property
    def names(self) -> list[str]:
        """Names of its traces."""
        return list(self.values["trace_name"][: self.traces])

    def dense(self, share: float) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number and the waveform of a share of the traces, evenly spread."""
        for number in range(self.traces):
            if math.floor((number + 1) * share) > math.floor(number * share):
                # By another factor each time, so that no two traces are the same.
                factor = np.float32(1 + self.number / 8192)
                yield number, self.pattern.waveforms[number] * factor


def make(
    path: Path,
    count: int,
    way: str = "h5py",
    dense: float = 0.0,
    seed: int = 0,
    manifest: Path | None = None,
) -> None:
    """Write an HDF5 file and its CSV.

    Parameters
    ----------
    path
        The HDF5 file; the CSV is written next to it. Files of these names are replaced.
    count
        How many traces.
    way
        ``h5py`` or ``steadkit``.
    dense
        Share of the traces whose samples are written.
    seed
        Of rows and waveforms; the same seed gives the same bytes.
    manifest
        A manifest of all traces with their digests to write too, for `verify` and `build`.
    """
    patterns = [
        (Pattern(category, traces, seed), traces)
        for category, traces in counts(count).items()
        if traces
    ]
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    table = path.with_suffix(".csv")
    with table.open("w", encoding="utf-8", newline="") as csv:
        csv.write(",".join(COLUMNS) + "\n")
        write = write_as_library if way == "h5py" else write_as_steadkit
        repetitions = _repetitions(patterns, csv)
        listing = _Listing(dense)
        write(partial, count, repetitions if manifest is None else listing.note(repetitions), dense)
    os.replace(partial, path)
    if manifest is not None:
        listing.manifest(path.stem, table, count).write(manifest)


class _Listing:
    """Names and digests of all traces, noted while they are written."""

    def __init__(self, dense: float):
        self._dense = dense
        self._names: list[str] = []
        self._waveforms: list[bytes] = []
        self._attributes: list[bytes] = []

    def note(self, repetitions: Iterator[Repetition]) -> Iterator[Repetition]:
        """Yield repetitions, and note what is in them."""
        attributes: dict[Pattern, _Attributes] = {}
        zeros = digest(np.zeros(TRACE_SHAPE, DTYPE))
        for repetition in repetitions:
            if repetition.pattern not in attributes:
                attributes[repetition.pattern] = _Attributes(repetition.pattern)
            waveforms = {
                number: digest(waveform) for number, waveform in repetition.dense(self._dense)
            }
            self._names += repetition.names
            self._waveforms += [
                bytes.fromhex(waveforms.get(n, zeros)) for n in range(repetition.traces)
            ]
            self._attributes += attributes[repetition.pattern].table(repetition).digests()
            yield repetition

    def manifest(self, name: str, csv: Path, count: int) -> Manifest:
        """List the traces."""
        categories = {category: n for category, n in counts(count).items() if n}
        waveforms, attributes = (
            Digests(b"".join(column), len(column[0]))
            for column in (self._waveforms, self._attributes)
        )
        return Manifest(
            name,
            {"operation": "merge"},
            self._names,
            dict(sorted(categories.items())),
            waveforms=waveforms,
            attributes=attributes,
            csv=csv_digest(csv, count),
        )


def _repetitions(patterns: Sequence[tuple[Pattern, int]], csv: TextIO) -> Iterator[Repetition]:
    """Repeat each pattern until there are as many traces as wanted, and write the rows."""
    for pattern, traces in patterns:
        for number, start in enumerate(range(0, traces, len(pattern))):
            values = pattern.repetition(number)
            n_traces = min(len(pattern), traces - start)
            csv.writelines(islice(pattern.lines(values), n_traces))
            yield Repetition(pattern, number, values, n_traces)


def write_as_library(
    path: Path, count: int, repetitions: Iterator[Repetition], dense: float
) -> None:
    """Write a file as HDF5's library does."""
    templates: dict[Pattern, Template] = {}
    names: list[str] = []
    headers = [np.empty(0, np.uint64)]
    nodes = [Nodes(np.empty(0, np.int64), np.empty(0, np.int64))]
    # The names are known in the end, but the library places them first.
    end = room = GROUP_BYTES * (count + 1024)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    with os.fdopen(descriptor, "wb"):
        for repetition in repetitions:
            if repetition.pattern not in templates:
                templates[repetition.pattern] = Template(repetition.pattern)
            template, base = templates[repetition.pattern], end
            end = template.write(descriptor, base, repetition.values, repetition.traces)
            names += repetition.names
            headers.append(template.headers[: repetition.traces] + np.uint64(base))
            if repetition.traces == len(repetition.pattern):
                nodes.append(template.nodes.moved(base))
            for number, waveform in repetition.dense(dense):
                os.pwrite(descriptor, waveform, base + int(template.samples[number]))
        os.truncate(descriptor, end)
        places = Nodes(*map(np.concatenate, zip(*nodes, strict=True)))
        used = write_group(descriptor, names, np.concatenate(headers), places, end)
        if used > room:
            raise RuntimeError(f"{count} names take {used} bytes, more than the {room} left")


def write_as_steadkit(
    path: Path, count: int, repetitions: Iterator[Repetition], dense: float
) -> None:
    """Write a file as steadkit does."""
    tables: dict[Pattern, _Attributes] = {}
    names: list[str] = []
    headers = [np.empty(0, np.uint64)]
    waiting: list[tuple[np.ndarray, AttributeTable]] = []
    file = Hdf5Writer(path, TRACE_SHAPE, DATA_GROUP)

    def lay_out() -> None:
        content, placed = file.layout(group_by_schema(waiting))
        file.append(content)
        headers.append(placed.astype(np.uint64))
        waiting.clear()

    for repetition in repetitions:
        if repetition.pattern not in tables:
            tables[repetition.pattern] = _Attributes(repetition.pattern)
        base = file.reserve(repetition.traces)
        addresses = base + np.arange(repetition.traces) * TRACE_BYTES
        waiting.append((addresses, tables[repetition.pattern].table(repetition)))
        names += repetition.names
        for number, waveform in repetition.dense(dense):
            file.write(int(addresses[number]), waveform.data)
        if sum(len(table) for _, table in waiting) >= BLOCK_TRACES:
            lay_out()
    lay_out()
    file.finalize(names, np.concatenate(headers))
    file.close()


class _Attributes:
    """The attributes of a pattern in canonical form, and where its altered values stand."""

    def __init__(self, pattern: Pattern):
        [(_, self._table)] = group_by_schema(
            [(np.zeros(1, np.int64), row_table(encode(row))) for row in pattern.rows]
        )
        table, rows = self._table, np.arange(len(pattern))[:, np.newaxis]
        starts = (np.cumsum(n_words(table.lengths)) * WORD).reshape(table.lengths.shape)
        starts -= n_words(table.lengths) * WORD
        self._texts, self._numbers = {}, {}
        position = text = 0
        for shape in table.schema.fields:
            position += len(shape.head)
            column = shape.name.decode()
            if column in pattern.texts:
                self._texts[column] = starts[:, text : text + 1]
            elif column in pattern.numbers:
                self._numbers[column] = rows * table.bodies.shape[1] + position
            position += round_up_8(shape.size)
            text += bool(shape.element)

    def table(self, repetition: Repetition) -> AttributeTable:
        """Return the attributes of a repetition."""
        form, bodies, lengths, texts = (
            self._table.schema,
            *map(np.copy, (self._table.bodies, self._table.lengths, self._table.texts)),
        )
        fill(bodies.ravel(), self._numbers, repetition.values)
        fill(texts.view(np.uint8), self._texts, repetition.values)
        words = n_words(lengths[: repetition.traces]).sum()
        return AttributeTable(
            form, bodies[: repetition.traces], lengths[: repetition.traces], texts[:words]
        )


def main() -> None:
    """Write a file, and print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=STEAD, help="traces [default: %(default)s]")
    parser.add_argument("--way", choices=WAYS, default="h5py", help="[default: %(default)s]")
    parser.add_argument("--out", type=Path, default=Path(), help="folder [default: the current]")
    parser.add_argument("--dense", type=float, default=0.0, help="share with samples, 0 to 1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--manifest", action="store_true", help="write all.manifest too")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path, began = options.out / "merge.hdf5", time.perf_counter()
    manifest = options.out / "all.manifest" if options.manifest else None
    make(path, options.count, options.way, options.dense, options.seed, manifest)
    status = path.stat()
    print(
        f"{path}: {options.count:,} traces, {status.st_size / 1e9:.1f} GB apparent, "
        f"{status.st_blocks * 512 / 1e9:.1f} GB on the disk, in {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
