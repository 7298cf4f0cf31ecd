"""A data set in SeisBench's format into STEAD's layout, trace by trace."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from steadkit.atomic import input_scope
from steadkit.capacity import TRACE_BYTES, require_disk
from steadkit.catalog import check_name
from steadkit.console import progress
from steadkit.convert.rows import SUFFIX, apart, known, name_of, time_text
from steadkit.convert.samples import (
    UnusableError,
    at_stead_rate,
    chance,
    cut,
    ratio_to_stead,
    window_start,
)
from steadkit.convert.seisbench_columns import (
    CATEGORIES,
    NAMES,
    SAMPLING,
    SOURCE_COLUMNS,
    SPLITS,
    extras_of,
    moved,
    to_stead,
)
from steadkit.convert.seisbench_files import Chunk, Layout, Samples, chunks_of, open_chunk
from steadkit.convert.tables import columns_in, text_parts
from steadkit.convert.writing import Converted, Trace, write_traces
from steadkit.dataset import DatasetFiles, check_dataset
from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN
from steadkit.schema import COLUMNS, EVENT, N_SAMPLES, NOISE
from steadkit.types import parse_cell, parse_time, parse_times

RENAMED: Final = "trace_name_source"
"""The column that keeps the name a trace had, where it could not keep it."""

RATE: Final = "trace_source_sampling_rate_hz"
"""The column that keeps the sampling rate of the record, where it was not 100 Hz."""


@input_scope()
def from_seisbench(
    folder: Path,
    files: DatasetFiles,
    seed: int = 0,
    band_pass: bool = False,
    overwrite: bool = False,
) -> Converted:
    """Write a SeisBench data set as a STEAD one: 100 Hz, 6000 samples, E, N, Z.

    A record of one minute stays whole; a longer one is cut and a shorter one filled at its level
    so that P lies 400 to 900 samples in. Arrivals, coda end and start time move along. The parts
    train, dev and test become those of the manifest. Columns that STEAD lacks are kept. At 100 Hz
    and one minute nothing of a trace is changed.

    Parameters
    ----------
    folder
        Holds ``metadata*.csv`` and ``waveforms*.hdf5``.
    files
        Where the data set shall stand.
    seed
        Chooses, together with each name alone, where in a longer or shorter record P comes to lie.
    band_pass
        Whether to filter to STEAD's 1 to 45 Hz (`steadkit.convert.samples`).
    overwrite
        Whether existing files may be replaced.

    Raises
    ------
    InputError
        The folder cannot be used, or no trace of it can.
    """
    check_dataset(files, overwrite)
    chunks = chunks_of(folder)
    layouts = []
    for chunk in chunks:
        with open_chunk(chunk) as samples:
            layouts.append(samples.layout)
    plan = _plan(chunks, layouts)
    count = int(((plan["category"] != "") & ~plan["again"]).sum())
    require_disk(files.hdf5.parent, count * TRACE_BYTES, f"a copy of {count:,} traces")
    left_out: Counter[str] = Counter()
    recipe = {
        "operation": "from-seisbench",
        "seed": seed,
        "band_pass": band_pass,
        "data_format": dict(layouts[0].described),
    }
    traces = _traces(chunks, plan, _Choice(seed, band_pass), left_out)
    return write_traces(traces, files, _columns(chunks, plan), recipe, left_out, overwrite)


@dataclass(frozen=True)
class _Choice:
    seed: int
    band_pass: bool


def _columns(chunks: Sequence[Chunk], plan: pd.DataFrame) -> list[str]:
    extras = [extra for chunk in chunks for extra in extras_of(columns_in(chunk.metadata))]
    added = {
        RENAMED: (plan["name"] != plan["was"]).any(),
        RATE: (plan["rate"] != 100).any(),
        "split": not plan["split"].isin([*SPLITS, ""]).all(),
    }
    return [*COLUMNS, *extras, *(column for column, needed in added.items() if needed)]


def _plan(chunks: Sequence[Chunk], layouts: Sequence[Layout]) -> pd.DataFrame:
    """Read all that decides on names: one row per trace, in the order of the files."""
    parts = [
        _plan_of(part, chunk.name, layout)
        for chunk, layout in zip(chunks, layouts, strict=True)
        for part in text_parts(chunk.metadata, _deciding(chunk.metadata))
    ]
    plan = pd.concat(parts, ignore_index=True)
    if plan.empty:
        raise InputError(f"{str(chunks[0].metadata.parent)!r} lists no trace: name another folder")
    kept = plan["category"] != ""
    plan["name"] = apart(plan["name"].where(kept, plan["identity"]), plan["identity"])
    # Equal rows tell of one trace: it is taken once, whichever comes first.
    plan["again"] = plan["identity"].duplicated()
    return plan.drop(columns="identity")


def _deciding(metadata: Path) -> list[str]:
    wanted = {
        *("trace_name", "trace_name_original", "split", "trace_sampling_rate_hz", "trace_dt_s"),
        *SOURCE_COLUMNS,
        *(name for column in ("trace_category", "trace_start_time") for name in NAMES[column]),
        *(name for column in ("network_code", "receiver_code") for name in NAMES[column]),
        *(name for column in ("p_arrival_sample", "s_arrival_sample") for name in NAMES[column]),
    }
    columns = columns_in(metadata)
    if "trace_name" not in columns:
        raise InputError(f"{str(metadata)!r} has no column 'trace_name': SeisBench needs it")
    return [column for column in columns if column in wanted]


def _plan_of(part: pd.DataFrame, chunk: str, layout: Layout) -> pd.DataFrame:
    def column(name: str) -> pd.Series:
        return part[name] if name in part else pd.Series("", index=part.index, dtype=str)

    rows = part.to_dict("records")
    categories = [_category(row) for row in rows]
    original = column("trace_name_original")
    was = original.where(original.map(known), part["trace_name"])
    starts, _ = parse_times(column("trace_start_time").str.replace("/", "-"))
    stations = zip(column("station_code"), column("station_network_code"), starts, strict=True)
    names = [
        name if _is_of_stead(name, category) else name_of(*station, category or NOISE)
        for name, category, station in zip(was, categories, stations, strict=True)
    ]
    return pd.DataFrame(
        {
            "name": names,
            "was": was.to_numpy(),
            "identity": chunk + "/" + part["trace_name"].to_numpy(),
            "category": categories,
            "split": column("split").where(column("split").map(known), "").to_numpy(),
            "rate": [_rate(row, layout) for row in rows],
        }
    )


def _category(row: Mapping[str, str]) -> str:
    """Tell event from noise, by its source or arrivals where no category is given; ``""`` else."""
    category = row.get("trace_category", "")
    if known(category):
        return CATEGORIES.get(category.strip().lower(), "")
    arrivals = (*NAMES["p_arrival_sample"], *NAMES["s_arrival_sample"])
    tells = any(known(row.get(column, "")) for column in (*SOURCE_COLUMNS, *arrivals))
    return EVENT if tells else NOISE


def _is_of_stead(name: str, category: str) -> bool:
    try:
        check_name(name, Path("metadata.csv"))
    except InputError:
        return False
    return "$" not in name and name.endswith(f"_{SUFFIX.get(category, '?')}")


def _rate(row: Mapping[str, str], layout: Layout) -> float:
    """Tell a row's sampling rate in Hz, its own before that of the file; 0 if not known."""
    try:
        if known(row.get("trace_sampling_rate_hz", "")):
            return parse_cell(row["trace_sampling_rate_hz"])
        if known(row.get("trace_dt_s", "")):
            return 1 / parse_cell(row["trace_dt_s"])
    except (ValueError, ZeroDivisionError):
        return 0.0
    return layout.sampling_rate or 0.0


def _traces(
    chunks: Sequence[Chunk], plan: pd.DataFrame, choice: _Choice, left_out: Counter[str]
) -> Iterator[Trace]:
    planned = iter(progress(plan.itertuples(), "reading SeisBench's format", len(plan)))
    for chunk in chunks:
        extras = extras_of(columns_in(chunk.metadata))
        with open_chunk(chunk) as samples:
            for part in text_parts(chunk.metadata):
                for row in part.to_dict("records"):
                    try:
                        yield _trace(row, next(planned), samples, extras, choice)
                    except UnusableError as reason:
                        left_out[str(reason)] += 1
    next(planned, None)  # lets the progress bar end


def _trace(
    source: Mapping[str, str], plan: Any, samples: Samples, extras: Sequence[str], choice: _Choice
) -> Trace:
    if not plan.category:
        raise UnusableError("a category that STEAD has not")
    if plan.again:
        raise UnusableError("listed twice")
    ratio = ratio_to_stead(plan.rate)
    order = source.get("trace_component_order", "").strip()
    record = samples.read(source["trace_name"], order if known(order) else ())
    record = at_stead_rate(record, ratio, choice.band_pass)
    row = to_stead(source, extras)
    p, s = (float(ratio) * parse_cell(row[f"{wave}_arrival_sample"]) for wave in "ps")
    share = chance(plan.name, choice.seed)
    start = window_start(len(record), p, s, plan.category == EVENT, share)
    try:
        row = moved(row, float(ratio), start, N_SAMPLES)
    except ValueError as error:
        raise UnusableError("an arrival in a column of SeisBench's that is not a number") from error
    return Trace(
        row | _start_time(row, start) | _told(plan, row),
        cut(record, start),
        SPLITS.get(plan.split, UNKNOWN),
    )


def _told(plan: Any, row: Mapping[str, str]) -> dict[str, str]:
    """Fill in what is known of a row beside its own columns."""
    return {
        "trace_name": plan.name,
        "trace_category": plan.category,
        RENAMED: plan.was if plan.name != plan.was else "",
        RATE: str(plan.rate),
        "split": plan.split,
    } | {column: text for column, text in SAMPLING.items() if column in row}


def _start_time(row: Mapping[str, str], start: int) -> dict[str, str]:
    """Move the start time along with the window, where it is known."""
    text = row["trace_start_time"]
    if start == 0 or not known(text):
        return {}
    return {"trace_start_time": time_text(parse_time(text) + np.timedelta64(10 * start, "ms"))}
