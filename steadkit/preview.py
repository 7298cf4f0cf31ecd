"""Preview of training examples: traces with their targets, plain and augmented, and label checks.

A label is checked for targets off their arrival, and for arrivals off their waveform.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
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

MATCH_SAMPLES = 150
"""Samples within which a target is matched to an arrival."""

TOLERANCE = 0.5 + 1e-3
"""An arrival may lie between two samples, and the maximum of its target on the next sample."""

MAX_LAG = 50
"""Largest lag of the cross-correlation, samples."""

MIN_CORRELATION, SHIFT_CORRELATION = 0.9, 0.9999
"""Minimum correlation of a waveform under added noise, whose best lag may be a sample or two off,
and of one that is only shifted."""


@dataclass(frozen=True, eq=False)
class PreviewItem:
    """Training example as the network gets it, with its labels.

    Parameters
    ----------
    name
        Name of its trace.
    waveform
        Shape (6000, 3), normalised; components E, N, Z at 100 Hz.
    targets
        ``detector``, ``picker_P`` and ``picker_S``, each (6000,).
    p, s
        Labelled arrivals, samples; NaN where an event has none.
    note
        Its augmentations.
    """

    name: str
    waveform: np.ndarray
    targets: Mapping[str, np.ndarray]
    p: tuple[float, ...] = ()
    s: tuple[float, ...] = ()
    note: str = ""


def sheet_rows(
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
        shown_names, augment_examples(records, shown_names, config, seed), strict=True
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


def augment_examples(
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
        # The later augmentations off: the generator starts again and repeats the earlier draws.
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
        # Noise has no arrival to compare: its shift is a roll, found by its first sample.
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


def label_issues(item: PreviewItem) -> list[str]:
    """Return where the targets of the pickers and the labelled arrivals disagree, to the sample.

    >>> picker = np.eye(1, 6000, 710)[0]
    >>> targets = {"detector": 0 * picker, "picker_P": picker, "picker_S": np.zeros(6000)}
    >>> label_issues(PreviewItem("X", np.zeros((6000, 3)), targets, p=(700.0,), s=(np.nan,)))
    ['P target +10 samples off 7.00 s']
    """
    issues = []
    for phase, arrivals in (("P", item.p), ("S", item.s)):
        peaks = _find_peaks(np.asarray(item.targets[f"picker_{phase}"], float))
        inside = [a for a in arrivals if is_inside(a)]
        for arrival in inside:
            time = f"{arrival / SAMPLING_RATE:.2f} s"
            offset = min(peaks - arrival, key=abs, default=np.inf)
            if abs(offset) > MATCH_SAMPLES:
                issues.append(f"no {phase} target at {time}")
            elif abs(offset) > TOLERANCE and _is_isolated(arrival, inside):
                issues.append(f"{phase} target {offset:+.3g} samples off {time}")
        issues += [
            f"{phase} target at {peak / SAMPLING_RATE:.2f} s, not claimed"
            for peak in peaks
            if all(abs(peak - arrival) > MATCH_SAMPLES for arrival in inside)
        ]
    return issues + _detector_issues(item)


def _detector_issues(item: PreviewItem) -> list[str]:
    detected = np.flatnonzero(item.targets["detector"])
    starts = [ceil(p) for p, s in zip(item.p, item.s, strict=True) if is_inside(p) and not s < p]
    if not len(detected) or len(starts) < len(item.p):
        return []  # an event that begins before the window may leave detection anywhere
    if not starts:
        return ["detection without an event"]
    offset = int(detected[0]) - max(min(starts), 0)
    return [f"detection begins {offset:+d} samples off P"] if offset else []


def is_inside(arrival: float) -> bool:
    """Return whether an arrival lies in the window, so that it has a target."""
    return -0.5 <= arrival < N_SAMPLES - 0.5


def _is_isolated(arrival: float, arrivals: Sequence[float]) -> bool:
    """Return whether a target is complete: neither cut by an edge nor merged with another."""
    distances = [abs(arrival - neighbour) for neighbour in arrivals if neighbour != arrival]
    return (
        MATCH_SAMPLES <= arrival < N_SAMPLES - MATCH_SAMPLES
        and min(distances, default=np.inf) > MATCH_SAMPLES
    )


def _find_peaks(target: np.ndarray) -> np.ndarray:
    """Return the middle of each local maximum, plateaus included."""
    edges = np.flatnonzero(np.diff(target)) + 1
    begins, ends = np.r_[0, edges], np.r_[edges, len(target)]
    levels = target[begins]
    padded = np.r_[-1, levels, -1]
    tops = (levels > padded[:-2]) & (levels > padded[2:]) & (levels > 0)
    return (begins[tops] + ends[tops] - 1) / 2


def shift_issues(before: PreviewItem, after: PreviewItem) -> list[str]:
    """Return where the first event's waveform was shifted by another amount than its arrivals.

    The waveform around an arrival is cross-correlated with that around it before augmentation.
    Where noise or another event hides it, nothing is reported.

    >>> wave = np.random.default_rng(0).normal(size=(6000, 3))
    >>> before = PreviewItem("X", wave, {}, p=(700.0,), s=(900.0,))
    >>> after = PreviewItem("X", np.roll(wave, 110, axis=0), {}, p=(800.0,), s=(1010.0,))
    >>> shift_issues(before, after)
    ['waveform +10 samples off P']
    """
    issues = []
    for phase, old, new in (("P", before.p, after.p), ("S", before.s, after.s)):
        if old and new and _is_isolated(old[0], ()) and _is_isolated(new[0], ()):
            lag, correlation = _best_lag(
                before.waveform, after.waveform, round(old[0]), round(new[0])
            )
            if (correlation > SHIFT_CORRELATION and lag) or (
                correlation > MIN_CORRELATION and abs(lag) > 2
            ):
                issues.append(f"waveform {lag:+d} samples off {phase}")
    return issues


def _best_lag(before: np.ndarray, after: np.ndarray, old: int, new: int) -> tuple[int, float]:
    """Return lag and normalised cross-correlation of a window in its best component."""
    half = MATCH_SAMPLES - MAX_LAG
    template = before[old - half : old + half + 1]
    segment = after[new - MATCH_SAMPLES : new + MATCH_SAMPLES + 1]
    windows = np.lib.stride_tricks.sliding_window_view(segment, len(template), axis=0)
    template = template - template.mean(axis=0)
    windows = windows - windows.mean(axis=-1, keepdims=True)
    size = np.linalg.norm(windows, axis=-1) * np.linalg.norm(template, axis=0)
    products = np.abs(np.einsum("wcs,sc->wc", windows, template))
    correlation = np.divide(products, size, out=np.zeros_like(products), where=size > 0).max(axis=1)
    best = int(correlation.argmax())
    return best - MAX_LAG, float(correlation[best])
