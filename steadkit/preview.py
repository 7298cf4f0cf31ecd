"""What a sheet of training examples shows: traces as they are and augmented, with their targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from steadkit.catalog import columns_of, read_table, tidy
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.labels import TARGETS, LabelConfig, shape_targets
from steadkit.sampling import shuffled
from steadkit.schema import COMPONENTS, EVENT, N_SAMPLES, NOISE, SAMPLING_RATE
from steadkit.sources import source_of
from steadkit.store import open_data, read_waveform
from steadkit.transforms import RATES, AugmentConfig, Donors, augment, check_donors, normalize

NEEDED = ("trace_name", "trace_category", "p_arrival_sample", "s_arrival_sample")
WELCOME = ("coda_end_sample", "snr_db")

ROWS_A_NOISE = 4
"""Every so many rows one is noise, where the file has both."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A training example as the network gets it, and what is said of it.

    Parameters
    ----------
    name
        Its trace.
    waveform
        Shape (6000, 3), normalised; components E, N, Z at 100 Hz.
    targets
        ``detector``, ``picker_P`` and ``picker_S``, each (6000,).
    p, s
        The arrivals it claims, in samples; NaN where an event has none.
    note
        What was done to it.
    """

    name: str
    waveform: np.ndarray
    targets: Mapping[str, np.ndarray]
    p: tuple[float, ...] = ()
    s: tuple[float, ...] = ()
    note: str = ""


def sheet_of(
    data: Path,
    names: Sequence[str],
    rows: int,
    seed: int,
    config: AugmentConfig,
    normalization: str = "std",
    labels: LabelConfig | None = None,
) -> list[tuple[Shown, Shown]]:
    """Make the rows of a sheet: each trace as it is and augmented.

    Parameters
    ----------
    data
        A STEAD file, HDF5 with its CSV beside it.
    names
        Traces to show; one that comes twice is augmented twice. None at all means `rows` of any.
    rows
        How many, where no names are given; fewer where the file has fewer.
    seed
        Selects traces and augmentations.
    config
        How they are augmented.
    normalization
        See `steadkit.transforms.normalize`.
    labels
        How targets are shaped.

    Raises
    ------
    InputError
        A file or trace cannot be used, an arrival is amiss, or an augmentation lacks donors.
    """
    source, labels = source_of(data), labels or LabelConfig()
    optional = [column for column in WELCOME if column in columns_of(source.csv)]
    table = read_table(source.csv, (*NEEDED, *optional))
    if table.empty:
        raise InputError(f"{str(source.csv)!r} lists no trace: there is nothing to show")
    chosen = list(names) or choose(table, rows, seed)
    table = table.set_index("trace_name", drop=False)
    if unknown := [name for name in chosen if name not in table.index][:1]:
        raise InputError(f"{str(source.csv)!r} has no trace {unknown[0][:60]!r}: check the name")
    with open_data(source.hdf5) as group:
        examples = examples_of(group, table, chosen, config, seed)
    pairs = []
    for name, (plain, augmented, note) in zip(chosen, examples, strict=True):
        given = "as in the file" if plain.is_event else "as in the file, noise"
        pairs.append(
            (
                shown(name, plain, given, normalization, labels),
                shown(name, augmented, note, normalization, labels),
            )
        )
    return pairs


def choose(table: pd.DataFrame, rows: int, seed: int) -> list[str]:
    """Choose traces by their rank: events, and one noise trace to three of them."""
    ranked = table.iloc[shuffled(table["trace_name"], seed, "preview")]
    is_event = (ranked["trace_category"] == EVENT).to_numpy()
    events, noise = (ranked["trace_name"][its].tolist() for its in (is_event, ~is_event))
    wanted = min(len(noise), max(rows // ROWS_A_NOISE, rows - len(events)))
    return events[: rows - wanted] + noise[:wanted]


def examples_of(
    group: h5py.Group, table: pd.DataFrame, names: Sequence[str], config: AugmentConfig, seed: int
) -> list[tuple[Example, Example, str]]:
    """Make examples of traces, as they are and augmented, and tell what was done.

    Parameters
    ----------
    group
        The data of a STEAD file.
    table
        Its rows as text, by trace name; other traces come from it too.
    names
        Which traces. What is drawn for one depends on `seed` and its place here.
    config
        How they are augmented.
    seed
        Any integer from 0 on.
    """
    pools = {c: table.index[table["trace_category"] == c] for c in (NOISE, EVENT)}

    def other(category: str, random: np.random.Generator) -> Example:
        pool = pools[category]
        return example_of(group, table.loc[pool[int(random.integers(len(pool)))]])

    donors = Donors(
        noise=(lambda random: other(NOISE, random).waveform) if len(pools[NOISE]) else None,
        event=(lambda random: other(EVENT, random)) if len(pools[EVENT]) else None,
    )
    check_donors(config, donors)
    made = []
    for number, name in enumerate(names):
        plain = example_of(group, table.loc[name])
        made.append((plain, *augmented(plain, config, (seed, number), donors)))
    return made


def example_of(group: h5py.Group, row: "pd.Series[str]") -> Example:
    """Read one example; `row` is the trace's, as text."""
    typed = tidy(row.to_frame().T).iloc[0].to_dict()
    name = typed["trace_name"]
    waveform = read_waveform(group, name)
    if typed["trace_category"] != EVENT:
        return Example(waveform)
    p, s = typed["p_arrival_sample"], typed["s_arrival_sample"]
    if not (0 <= p < N_SAMPLES and (np.isnan(s) or p < s < N_SAMPLES)):
        raise InputError(
            f"trace {name!r} has P {p:g} and S {s:g}: an event needs a P in its "
            f"{N_SAMPLES} samples, and S after it; repair its row or drop it"
        )
    end = typed.get("coda_end_sample", np.nan)
    ratios = [typed.get(f"snr_db_{component}", np.nan) for component in COMPONENTS]
    # A coda that ends before the event does not help.
    end = end if np.fmax(p, s) < end < N_SAMPLES else np.nan
    return Example(waveform, (p,), (s,), end, np.array(ratios))


def augmented(
    plain: Example, config: AugmentConfig, seed: Sequence[int], donors: Donors
) -> tuple[Example, str]:
    """Augment an example, and tell which augmentations changed it.

    They draw one after another from one generator, so the first few of them do alone what they do
    in the row.
    """
    before, done = plain, []
    rates = {name: getattr(config, name) for name in RATES}
    for count, name in enumerate(RATES, 1):
        if not rates[name]:
            continue
        later: dict[str, Any] = dict.fromkeys(RATES[count:], 0.0)
        first = replace(config, **later)
        after = augment(plain, first, np.random.default_rng(list(seed)), donors)
        if after.p != before.p or not np.array_equal(after.waveform, before.waveform):
            done.append(tell(name, before, after))
        before = after
    return before, ", ".join(done) or "unchanged"


def tell(name: str, before: Example, after: Example) -> str:
    """Say what an augmentation did, from what was there before and after.

    >>> quiet = np.zeros((6000, 3))
    >>> tell("shift", Example(quiet, (600.0,), (900.0,)), Example(quiet, (1834.0,), (2134.0,)))
    'shift +1234'
    """
    words = name.replace("_", " ")
    if name == "shift":
        if before.p:
            return f"{words} {after.p[0] - before.p[0]:+g}"
        places = np.flatnonzero((after.waveform == before.waveform[0]).all(axis=1))
        rolled = (n for n in places if (np.roll(before.waveform, n, 0) == after.waveform).all())
        return f"{words} {next(rolled, 0):+d}"
    if len(after.p) > len(before.p):
        return f"{words} at {after.p[len(before.p)] / SAMPLING_RATE:.2f} s"
    if name == "drop_channels":
        lost = before.waveform.any(axis=0) & ~after.waveform.any(axis=0)
        return "no " + " and ".join(np.array(COMPONENTS)[lost])
    ratios = [np.nanmean(e.snr_db) for e in (before, after) if np.isfinite(e.snr_db).any()]
    if name.endswith("noise") and len(ratios) == 2:
        return f"{words} ({ratios[0]:.0f} to {ratios[1]:.0f} dB)"
    return words


def shown(name: str, example: Example, note: str, normalization: str, labels: LabelConfig) -> Shown:
    """Normalise an example and make its targets, as for training."""
    targets = {target: np.zeros(N_SAMPLES, np.float32) for target in TARGETS}
    detector, picker_p, picker_s = targets.values()
    shape_targets(detector, picker_p, picker_s, example.p, example.s, labels)
    waveform = normalize(example.waveform, normalization)
    return Shown(name, waveform, targets, example.p, example.s, note)


def faults(item: Shown) -> list[str]:
    """Tell where the targets of the pickers are not what the arrivals claim, to the sample.

    >>> picker = np.eye(1, 6000, 710)[0]
    >>> targets = {"detector": 0 * picker, "picker_P": picker, "picker_S": np.zeros(6000)}
    >>> faults(Shown("X", np.zeros((6000, 3)), targets, p=(700.0,), s=(np.nan,)))
    ['P target +10 samples off 7.00 s']
    """
    found = []
    for phase, arrivals in (("P", item.p), ("S", item.s)):
        peaks = _peaks(np.asarray(item.targets[f"picker_{phase}"], float))
        inside = [a for a in arrivals if is_inside(a)]
        for arrival in inside:
            where = f"{arrival / SAMPLING_RATE:.2f} s"
            away = min(peaks - arrival, key=abs, default=np.inf)
            if abs(away) > NEAR:
                found.append(f"no {phase} target at {where}")
            elif abs(away) > TOLERANCE and _is_alone(arrival, inside):
                found.append(f"{phase} target {away:+.3g} samples off {where}")
        found += [
            f"{phase} target at {peak / SAMPLING_RATE:.2f} s, not claimed"
            for peak in peaks
            if all(abs(peak - arrival) > NEAR for arrival in inside)
        ]
    return found + _detector_faults(item)


def _detector_faults(item: Shown) -> list[str]:
    detected = np.flatnonzero(item.targets["detector"])
    starts = [ceil(p) for p, s in zip(item.p, item.s, strict=True) if is_inside(p) and s >= p]
    if not len(detected) or len(starts) < len(item.p):
        return []  # what begins before the window, or lacks an S, may leave detection anywhere
    if not starts:
        return ["detection without an event"]
    away = int(detected[0]) - max(min(starts), 0)
    return [f"detection begins {away:+d} samples off P"] if away else []


NEAR = 150
"""Samples within which a target still is that of an arrival."""

TOLERANCE = 0.5 + 1e-3
"""An arrival may lie between two samples, and its target's largest sample beside it."""


def is_inside(arrival: float) -> bool:
    """Tell whether an arrival lies in the window, so that it has a target."""
    return -0.5 <= arrival < N_SAMPLES - 0.5


def _is_alone(arrival: float, arrivals: Sequence[float]) -> bool:
    """Tell whether a target is whole: neither cut by an edge nor grown into a neighbour's."""
    apart = [abs(arrival - other) for other in arrivals if other != arrival]
    return NEAR <= arrival < N_SAMPLES - NEAR and min(apart, default=np.inf) > NEAR


def _peaks(target: np.ndarray) -> np.ndarray:
    """Find the middles of the largest values, each above what lies around it."""
    edges = np.flatnonzero(np.diff(target)) + 1
    begins, ends = np.r_[0, edges], np.r_[edges, len(target)]
    levels = target[begins]
    padded = np.r_[-1, levels, -1]
    tops = (levels > padded[:-2]) & (levels > padded[2:]) & (levels > 0)
    return (begins[tops] + ends[tops] - 1) / 2
