"""Which traces a training is given, and by what they are known again."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from eqt.config import TrainConfig
from steadkit import sampling
from steadkit.errors import InputError
from steadkit.manifest import Manifest, load
from steadkit.paths import is_file
from steadkit.pipeline import BatchLoader, TraceSource
from steadkit.schema import EVENT, NOISE
from steadkit.sources import source_from_path
from steadkit.split import (
    SplitConfig,
    existing_split,
    list_rows,
    load_training_split,
    split_manifest,
)

CHUNK = 1 << 20

SNR_NEEDED: Final = ("second_event", "gaussian_noise", "drop_channels")
"""Augmentations of strong events alone, which the SNR tells."""


def training_split(
    data: Path, config: TrainConfig, split: Path | None, say: Callable[[str], object]
) -> Manifest:
    """Take the split that was named, else the one beside the data, else cut by earthquake."""
    path = split or existing_split(data)
    if path is None:
        return split_by_earthquake(data, config)
    manifest = load_training_split(path, data)
    say(f"parts as in {path}")
    return manifest


def split_by_earthquake(data: Path, config: TrainConfig) -> Manifest:
    """Cut a data set into train, validation and test, each earthquake whole in one of them."""
    rule = SplitConfig(shares=config.shares, seed=config.seed)
    manifest, _ = split_manifest(*list_rows(data, rule), rule)
    return manifest


def traces_of(split: Manifest, part: str) -> list[str]:
    """List the traces of one part."""
    pairs = zip(split.traces, split.parts, strict=True)
    return [name for name, its_part in pairs if its_part == part]


def batches_of(data: Path, split: Manifest, config: TrainConfig) -> tuple[BatchLoader, BatchLoader]:
    """Make the batches of the training and of the validation part.

    Raises
    ------
    InputError
        A part has no trace, a trace cannot be used, or there is only noise to learn from, or only
        earthquakes, and the configuration does not say that this is meant.
    """
    parts = {part: traces_of(split, part) for part in sampling.SPLITS}
    for part, names in parts.items():
        if not names:
            raise InputError(f"no trace left for the {part} part of {str(data)!r}: use more data")
    # The table and the file are read once for both parts.
    records, first = TraceSource([data], parts["train"] + parts["validation"]), len(parts["train"])
    both = np.split(np.arange(len(records)), [first])
    train, validation = (records.take(rows) for rows in both)
    is_marked = bool(records.lacks_s.any())
    training, plain = (
        replace(batches, labels=replace(batches.labels, mark_unknown=is_marked))
        for batches in (config.training_batches, config.batches)
    )
    if not config.one_class:
        refuse_one_class(train.is_event, data)
    return BatchLoader(train, config=training, seed=config.seed), BatchLoader(
        validation, config=plain
    )


def unknown_summary(training: BatchLoader, validation: BatchLoader) -> list[str]:
    """Return lines of text on what is not known of events, and on what that does to training."""
    records = training.data_source
    lines, n_events = [], int(records.is_event.sum())
    n_unlabelled = [int(batches.data_source.lacks_s.sum()) for batches in (training, validation)]
    if any(n_unlabelled):
        lines.append(
            f"S is not known for {n_unlabelled[0]:,} of the {n_events:,} earthquake traces of the "
            f"train part, and for {n_unlabelled[1]:,} of the validation part: it is left out of "
            "loss and scores where it may be"
        )
    for names, reason, lacking in (
        (("shift",), "neither S nor the coda end is", records.lacks_signal_end),
        (("second_event",), "S is not", records.lacks_s),
        (SNR_NEEDED, "the SNR of a component is not", records.lacks_snr),
    ):
        asked = [name for name in names if getattr(training.config.augment, name, 0)]
        if asked and lacking.any():
            lines.append(
                f"{reason} known for {int(lacking.sum()):,} of the {n_events:,} earthquake traces "
                f"of the train part: no {', '.join(asked)} for them"
            )
    return lines


def refuse_one_class(is_event: np.ndarray, data: Path) -> None:
    """Refuse a training part of earthquakes, or of noise, alone."""
    if is_event.all() or not is_event.any():
        only, other = (EVENT, NOISE) if is_event.all() else (NOISE, EVENT)
        raise InputError(
            f"the train part of {str(data)!r} is {only} alone, from which no network learns what "
            f"is not: add {other} with steadkit merge, or say --one-class"
        )


def data_digest(data: Path) -> str:
    """Identify a data set without reading its samples.

    By the digest of the manifest beside it, else by its table; and by the sizes of the files.
    """
    source, hashed = source_from_path(data), hashlib.blake2b(digest_size=32)
    manifest = source.csv.with_suffix(".manifest")
    if is_file(manifest):
        hashed.update(load(manifest).digest.encode())
    else:
        with source.csv.open("rb") as file:
            while chunk := file.read(CHUNK):
                hashed.update(chunk)
    sizes = [path.stat().st_size for path in (source.csv, source.hdf5)]
    hashed.update(repr(sizes).encode())
    return hashed.hexdigest()
