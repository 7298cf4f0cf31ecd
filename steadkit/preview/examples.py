"""Rows of a contact sheet: traces with their targets, plain and augmented."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steadkit.catalog import read_table
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.labels import TARGETS, LabelConfig, shape_targets
from steadkit.pipeline.data_source import TraceSource
from steadkit.pipeline.sampler import generator_factory
from steadkit.preview.issues import PreviewItem
from steadkit.sampling import shuffled_order
from steadkit.schema import COMPONENTS, EVENT, N_SAMPLES, SAMPLING_RATE, TRACE_SHAPE
from steadkit.sources import source_from_path
from steadkit.transforms import (
    RATES,
    AugmentConfig,
    AuxiliaryTraces,
    augment,
    check_auxiliary,
    needs_auxiliary,
    normalize,
)

AUXILIARY_COUNT = 64
"""Number of auxiliary traces that augmentations draw from, a quarter of them noise."""

NOISE_EVERY = 4
"""Every n-th row is noise, where the file has both categories."""


def sheet_of(
    data: Path,
    names: Sequence[str],
    rows: int,
    seed: int,
    config: AugmentConfig,
    normalization: str = "std",
    labels: LabelConfig | None = None,
) -> list[tuple[PreviewItem, PreviewItem]]:
    """Return the rows of a sheet: each trace plain and augmented.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV beside it.
    names
        Traces to show; one that is named twice is augmented twice. If empty, `rows` traces of
        the file are drawn.
    rows
        Number of rows if no names are given; fewer where the file has fewer traces.
    seed
        Selects traces and augmentations.
    config
        Augmentations.
    normalization
        See `steadkit.transforms.normalize`.
    labels
        Shape of the targets.

    Raises
    ------
    InputError
        A file or trace cannot be used, an arrival is invalid, or an augmentation lacks auxiliary
        traces.
    """
    source, labels = source_from_path(data), labels or LabelConfig()
    table = read_table(source.csv, ("trace_name", "trace_category"))
    if table.empty:
        raise InputError(f"{str(source.csv)!r} lists no trace: there is nothing to show")
    shown_names = list(names) or choose_traces(table, rows, seed)
    if unknown := sorted({*shown_names} - {*table["trace_name"]})[:1]:
        raise InputError(f"{str(source.csv)!r} has no trace {unknown[0][:60]!r}: check the name")
    auxiliary = choose_traces(table, AUXILIARY_COUNT, seed) if needs_auxiliary(config) else []
    pairs = []
    records = TraceSource([data], list(dict.fromkeys([*shown_names, *auxiliary])))
    for name, pair in zip(
        shown_names, examples_of(records, shown_names, config, seed), strict=True
    ):
        plain, augmented, note = pair
        plain_note = f"as in the file{_category_note(plain)}"
        pairs.append(
            (
                preview_items(name, plain, plain_note, normalization, labels),
                preview_items(name, augmented, note, normalization, labels),
            )
        )
    return pairs


def _category_note(plain: Example) -> str:
    if not plain.is_event:
        return ", noise"
    return ", S not known" if np.isnan(plain.s).any() else ""


def choose_traces(table: pd.DataFrame, rows: int, seed: int) -> list[str]:
    """Draw traces by their seeded rank: three events to one noise trace."""
    ranked = table.iloc[shuffled_order(table["trace_name"], seed, "preview")]
    is_event = (ranked["trace_category"] == EVENT).to_numpy()
    events, noise = (ranked["trace_name"][mask].tolist() for mask in (is_event, ~is_event))
    n_noise = min(len(noise), max(rows // NOISE_EVERY, rows - len(events)))
    return events[: rows - n_noise] + noise[:n_noise]


def examples_of(
    records: TraceSource, names: Sequence[str], config: AugmentConfig, seed: int
) -> list[tuple[Example, Example, str]]:
    """Return examples of traces, plain and augmented, with a description of the augmentations.

    Parameters
    ----------
    records
        The traces, and the auxiliary traces.
    names
        Traces to show. The random draws of one depend on `seed` and on its index in `names`.
    config
        Augmentations.
    seed
        Any integer from 0 on.
    """
    auxiliary = records.auxiliary()
    check_auxiliary(config, auxiliary)
    examples, waveforms = [], np.empty((len(names), *TRACE_SHAPE), np.float32)
    numbers = pd.Index(list(records.names)).get_indexer(pd.Index(names))
    records.read(numbers, waveforms)
    for index, number in enumerate(numbers.tolist()):
        plain = records.example(number, waveforms[index])
        examples.append((plain, *augment_example(plain, config, seed, index, auxiliary)))
    return examples


def augment_example(
    plain: Example, config: AugmentConfig, seed: int, index: int, auxiliary: AuxiliaryTraces
) -> tuple[Example, str]:
    """Augment an example as training does; return it with the augmentations that changed it.

    All draw in a fixed order from one generator. Switching off the later ones therefore leaves the
    draws of the earlier ones as they are, and each step can be compared with the one before.
    """
    before, notes, random = plain, [], generator_factory(seed)
    for count, name in enumerate(RATES, 1):
        if not getattr(config, name):
            continue
        later: dict[str, Any] = dict.fromkeys(RATES[count:], 0.0)
        after = augment(plain, replace(config, **later), random(0, index, 0), auxiliary)
        if after.p != before.p or not np.array_equal(after.waveform, before.waveform):
            notes.append(describe_augmentations(name, before, after))
        before = after
    return before, ", ".join(notes) or "unchanged"


def describe_augmentations(name: str, before: Example, after: Example) -> str:
    """Describe the effect of an augmentation by comparing the examples before and after it.

    >>> quiet = np.zeros((6000, 3))
    >>> before, after = Example(quiet, (600.0,), (900.0,)), Example(quiet, (1834.0,), (2134.0,))
    >>> describe_augmentations("shift", before, after)
    'shift +1234'
    """
    label = name.replace("_", " ")
    if name == "shift":
        if before.p:
            return f"{label} {after.p[0] - before.p[0]:+g}"
        places = np.flatnonzero((after.waveform == before.waveform[0]).all(axis=1))
        rolled = (n for n in places if (np.roll(before.waveform, n, 0) == after.waveform).all())
        return f"{label} {next(rolled, 0):+d}"
    if len(after.p) > len(before.p):
        return f"{label} at {after.p[len(before.p)] / SAMPLING_RATE:.2f} s"
    if name == "drop_channels":
        lost = before.waveform.any(axis=0) & ~after.waveform.any(axis=0)
        return "no " + " and ".join(np.array(COMPONENTS)[lost])
    has_snr = np.isfinite(before.snr_db) & np.isfinite(after.snr_db)
    if name.endswith("noise") and has_snr.any():
        ratios = (example.snr_db[has_snr].mean() for example in (before, after))
        return f"{label} ({' to '.join(f'{ratio:.0f}' for ratio in ratios)} dB)"
    return label


def preview_items(
    name: str, example: Example, note: str, normalization: str, labels: LabelConfig
) -> PreviewItem:
    """Normalise an example and compute its targets, as for training."""
    targets = {target: np.zeros(N_SAMPLES, np.float32) for target in TARGETS}
    detector, picker_p, picker_s = targets.values()
    shape_targets(detector, picker_p, picker_s, example.p, example.s, labels, example.coda_end)
    waveform = normalize(example.waveform, normalization)
    return PreviewItem(name, waveform, targets, example.p, example.s, note)
