"""Traces as they are and augmented, with their targets: the rows of a sheet."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from steadkit.catalog import columns_of, read_table, tidy
from steadkit.errors import InputError
from steadkit.example import Example
from steadkit.labels import TARGETS, LabelConfig, shape_targets
from steadkit.preview.faults import Shown
from steadkit.sampling import shuffled
from steadkit.schema import COMPONENTS, EVENT, N_SAMPLES, NOISE, SAMPLING_RATE
from steadkit.sources import source_of
from steadkit.store import open_data, read_waveform
from steadkit.transforms import RATES, AugmentConfig, Donors, augment, check_donors, normalize

NEEDED = ("trace_name", "trace_category", "p_arrival_sample", "s_arrival_sample")
WELCOME = ("coda_end_sample", "snr_db")

ROWS_A_NOISE = 4
"""Every so many rows one is noise, where the file has both."""


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
    end = end if np.fmax(p, s) < end < np.inf else np.nan
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
    both = np.isfinite(before.snr_db) & np.isfinite(after.snr_db)
    if name.endswith("noise") and both.any():
        ratios = (example.snr_db[both].mean() for example in (before, after))
        return f"{words} ({' to '.join(f'{ratio:.0f}' for ratio in ratios)} dB)"
    return words


def shown(name: str, example: Example, note: str, normalization: str, labels: LabelConfig) -> Shown:
    """Normalise an example and make its targets, as for training."""
    targets = {target: np.zeros(N_SAMPLES, np.float32) for target in TARGETS}
    detector, picker_p, picker_s = targets.values()
    shape_targets(detector, picker_p, picker_s, example.p, example.s, labels)
    waveform = normalize(example.waveform, normalization)
    return Shown(name, waveform, targets, example.p, example.s, note)
