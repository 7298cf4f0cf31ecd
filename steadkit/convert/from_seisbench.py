"""Import of a data set in SeisBench's format into STEAD's layout, trace by trace."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from steadkit.atomic import input_scope
from steadkit.capacity import TRACE_DISK_BYTES, require_disk
from steadkit.catalog import SOURCE_LIST
from steadkit.console import progress
from steadkit.convert.dataset_writer import Converted, ConvertedTrace, format_skipped, write_traces
from steadkit.convert.seisbench_columns import (
    SAMPLING,
    SPLITS,
    component_letters,
    extra_columns,
    to_stead,
)
from steadkit.convert.seisbench_files import Chunk, ChunkReader, find_chunks, open_chunk
from steadkit.convert.seisbench_plan import plan_import
from steadkit.dataset_files import DatasetFiles, check_dataset
from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN
from steadkit.records.resample import (
    UnusableError,
    cut_window,
    hash_uniform,
    ratio_to_stead,
    resample_to_stead,
    window_start,
)
from steadkit.records.text import (
    coda_text,
    is_known,
    iter_text_chunks,
    read_csv_header,
    sample_text,
    time_text,
)
from steadkit.schema import COLUMNS, EVENT, N_SAMPLES
from steadkit.types import parse_cell, parse_time

RENAMED: Final = "trace_name_source"
"""Column with the original name of a renamed trace."""

RATE: Final = "trace_source_sampling_rate_hz"
"""Column with the sampling rate of a record that was not sampled at 100 Hz."""

SOURCE_TYPE: Final = "source_type"
"""Column with the type of a source that is not an earthquake."""


_SAMPLE = re.compile(r"(trace|source)_\w+_sample")
_SAMPLE_LIST = re.compile(r"(trace|source)_\w+_sample_list")


@input_scope()
def from_seisbench(
    folder: Path,
    files: DatasetFiles,
    seed: int = 0,
    band_pass: bool = False,
    overwrite: bool = False,
    source_types: Sequence[str] = (),
) -> Converted:
    """Write a SeisBench data set as a STEAD one: 100 Hz, 6000 samples, E, N, Z.

    A record of one minute is kept as it is; a longer one is cut and a shorter one padded at its
    level so that P lies 400 to 900 samples after the start. Arrivals, coda end and start time are
    shifted accordingly. The splits train, dev and test become those of the manifest. Columns that
    STEAD lacks are kept. A trace of one minute at 100 Hz is not changed.

    A trace is left out, and counted by its reason, where samples or arrivals cannot be used or its
    source is no earthquake. A cell of any other column that cannot be read is left empty.

    Parameters
    ----------
    folder
        Folder of ``metadata*.csv`` and ``waveforms*.hdf5``.
    files
        Files of the new data set.
    seed
        Seed of the position of P in the window of a longer or shorter record, with the trace name.
    band_pass
        Whether to filter to STEAD's 1 to 45 Hz (`steadkit.records.resample`).
    overwrite
        Whether existing files may be replaced.
    source_types
        Source types to import besides earthquakes, ``explosion`` or ``surface event`` for example.
        Such a trace is an event, ``earthquake_local``, with its type in the column ``source_type``.

    Returns
    -------
    Converted
        The manifest; ``skipped``, traces by reason; ``unread``, cells left empty by column.

    Raises
    ------
    InputError
        The folder cannot be used, no trace of it can, or none is of a type in `source_types`.
    """
    check_dataset(files, overwrite)
    chunks = find_chunks(folder)
    layouts = []
    for chunk in chunks:
        with open_chunk(chunk) as reader:
            layouts.append(reader.layout)
    plan = plan_import(chunks, layouts, source_types)
    _refuse_no_earthquake(plan)
    count = int(((plan["category"] != "") & ~plan["is_repeated"]).sum())
    require_disk(files.hdf5.parent, count * TRACE_DISK_BYTES, f"a copy of {count:,} traces")
    importer = _Importer(seed, band_pass)
    recipe = {
        "operation": "from-seisbench",
        "seed": seed,
        "band_pass": band_pass,
        "data_format": dict(layouts[0].entries),
    }
    if source_types:
        recipe["source_types"] = sorted(set(source_types))
    traces = importer.iter_traces(chunks, plan)
    columns = _columns(chunks, plan)
    converted = write_traces(traces, files, columns, recipe, importer.skipped, overwrite)
    return replace(converted, unread=dict(importer.unread))


def _refuse_no_earthquake(plan: pd.DataFrame) -> None:
    if not (plan["category"] == "").all():
        return
    reasons = plan["reason"].value_counts().to_dict()
    raise InputError(
        f"no trace to write: {format_skipped(reasons)}; name a type with --source-types to take it"
    )


def _columns(chunks: Sequence[Chunk], plan: pd.DataFrame) -> list[str]:
    extras = [extra for chunk in chunks for extra in extra_columns(read_csv_header(chunk.metadata))]
    added = {
        RENAMED: (plan["name"] != plan["original_name"]).any(),
        RATE: (plan["rate"] != 100).any(),
        "split": not plan["split"].isin([*SPLITS, ""]).all(),
        SOURCE_TYPE: ((plan["source_type"] != "") & (plan["category"] != "")).any(),
        SOURCE_LIST: (plan["sources"] != "").any(),
    }
    return [*COLUMNS, *extras, *(column for column, needed in added.items() if needed)]


@dataclass(frozen=True)
class _Importer:
    """Conversion of traces, with counts of those left out and of cells left empty, by column."""

    seed: int
    band_pass: bool
    skipped: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)

    def iter_traces(self, chunks: Sequence[Chunk], plan: pd.DataFrame) -> Iterator[ConvertedTrace]:
        """Read and convert the traces of all chunks, in the order of the plan's rows."""
        plan_rows = iter(progress(plan.itertuples(), "reading SeisBench's format", len(plan)))
        for chunk in chunks:
            extras = extra_columns(read_csv_header(chunk.metadata))
            with open_chunk(chunk) as reader:
                for rows in iter_text_chunks(chunk.metadata):
                    for row in rows.to_dict("records"):
                        try:
                            yield self._convert(row, next(plan_rows), reader, extras)
                        except UnusableError as reason:
                            self.skipped[str(reason)] += 1
        next(plan_rows, None)  # exhausts the iterator, which ends the progress bar

    def _convert(
        self, source: Mapping[str, str], plan: Any, reader: ChunkReader, extras: Sequence[str]
    ) -> ConvertedTrace:
        if not plan.category:
            raise UnusableError(plan.reason)
        if plan.is_repeated:
            raise UnusableError("listed twice")
        ratio = ratio_to_stead(plan.rate)
        letters = component_letters(source.get("trace_component_order", ""))
        order = letters or reader.layout.components
        samples = reader.read(source["trace_name"], order)
        record = resample_to_stead(samples, ratio, self.band_pass)
        # Counted only once the trace is known to be used.
        unread: Counter[str] = Counter()
        row = to_stead(source, extras, unread, order)
        p, s = (float(ratio) * parse_cell(row[f"{wave}_arrival_sample"]) for wave in "ps")
        fraction = hash_uniform(plan.name, self.seed)
        start = window_start(len(record), p, s, plan.category == EVENT, fraction)
        row = shift_arrivals(row, float(ratio), start, N_SAMPLES, unread)
        waveform = cut_window(record, start)
        self.unread.update(unread)
        columns = row | _shift_start_time(row, start) | _planned_columns(plan, row)
        return ConvertedTrace(columns, waveform, SPLITS.get(plan.split, UNKNOWN))


def shift_arrivals(
    row: Mapping[str, str],
    ratio: float,
    start: int,
    last: int,
    unread: Counter[str] | None = None,
) -> dict[str, str]:
    """Shift and rescale all columns in samples to the window.

    Parameters
    ----------
    row
        From `to_stead`.
    ratio
        100 Hz over the sampling rate of the record.
    start
        Start of the window in the record, in samples at 100 Hz.
    last
        Largest coda end.
    unread
        Gets the counts of cells that cannot be read: they are left empty.
    """
    if ratio == 1 and start == 0:
        return dict(row)
    unread = Counter() if unread is None else unread

    def shift(text: str) -> float:
        return parse_cell(text) * ratio - start

    def shift_list(text: str) -> str:
        samples = re.sub(r"[\[\]|,]", " ", text).split()
        return f"[{' '.join(sample_text(shift(sample)) for sample in samples)}]"

    shifted = {}
    for column, text in row.items():
        is_list = _SAMPLE_LIST.fullmatch(column)
        is_sample = _SAMPLE.fullmatch(column) or column.endswith("_arrival_sample")
        if not is_known(text) or not (is_list or is_sample):
            continue
        try:
            shifted[column] = shift_list(text) if is_list else sample_text(shift(text))
        except ValueError:
            unread[column] += 1
            shifted[column] = ""
    if is_known(row["coda_end_sample"]):
        shifted["coda_end_sample"] = coda_text(min(max(shift(row["coda_end_sample"]), 0), last))
    return dict(row) | shifted


def _planned_columns(plan: Any, row: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that are set by the plan."""
    return {
        "trace_name": plan.name,
        "trace_category": plan.category,
        RENAMED: plan.original_name if plan.name != plan.original_name else "",
        RATE: str(plan.rate),
        "split": plan.split,
        SOURCE_TYPE: row.get(SOURCE_TYPE, "") or plan.source_type,
        SOURCE_LIST: row.get(SOURCE_LIST, "") or plan.sources,
    } | {column: text for column, text in SAMPLING.items() if column in row}


def _shift_start_time(row: Mapping[str, str], start: int) -> dict[str, str]:
    """Shift a known start time to the start of the window."""
    text = row["trace_start_time"]
    if start == 0 or not is_known(text):
        return {}
    return {"trace_start_time": time_text(parse_time(text) + np.timedelta64(10 * start, "ms"))}
