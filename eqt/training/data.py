"""Training and validation data: split, batches, and a digest that identifies the data set."""

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
from steadkit.sources import Source
from steadkit.split import (
    SplitConfig,
    existing_split,
    list_rows,
    load_training_split,
    split_manifest,
)

SNR_NEEDED: Final = ("second_event", "gaussian_noise", "drop_channels")
"""Augmentations that apply only to traces with a high signal-to-noise ratio."""


def training_split(
    data: Path, config: TrainConfig, split: Path | None, log: Callable[[str], object]
) -> Manifest:
    """Return the named split, else the one next to the data, else a new split by earthquake."""
    path = split or existing_split(data)
    if path is None:
        return split_by_earthquake(data, config)
    manifest = load_training_split(path, data)
    log(f"split as in {path}")
    return manifest


def split_by_earthquake(data: Path, config: TrainConfig) -> Manifest:
    """Split a data set into train, validation and test; no earthquake is in two of them."""
    split_config = SplitConfig(shares=config.shares, seed=config.seed)
    manifest, _ = split_manifest(*list_rows(data, split_config), split_config)
    return manifest


def traces_of(manifest: Manifest, split: str) -> list[str]:
    """List the traces of one split."""
    pairs = zip(manifest.traces, manifest.splits, strict=True)
    return [name for name, trace_split in pairs if trace_split == split]


def batches_of(
    data: Path, manifest: Manifest, config: TrainConfig
) -> tuple[BatchLoader, BatchLoader]:
    """Return the batch loaders of the training and the validation split.

    Raises
    ------
    InputError
        A split has no trace, a trace cannot be used, or the training split holds only noise or only
        earthquakes without ``one_class`` in the configuration.
    """
    names_by_split = {split_name: traces_of(manifest, split_name) for split_name in sampling.SPLITS}
    for split_name, names in names_by_split.items():
        if not names:
            raise InputError(
                f"no trace left for the {split_name} split of {str(data)!r}: use more data"
            )
    # One source, so that the table and the file are read once for both splits.
    train_names, validation_names = names_by_split["train"], names_by_split["validation"]
    records = TraceSource([data], train_names + validation_names)
    indices = np.split(np.arange(len(records)), [len(train_names)])
    train, validation = (records.take(rows) for rows in indices)
    # Both splits or none: the training step is compiled for one kind of targets.
    is_marked = bool(records.lacks_s.any())
    training, unaugmented = (
        replace(batches, labels=replace(batches.labels, mark_unknown=is_marked))
        for batches in (config.training_batches, config.batches)
    )
    if not config.one_class:
        refuse_one_class(train.is_event, data)
    return BatchLoader(train, config=training, seed=config.seed), BatchLoader(
        validation, config=unaugmented
    )


def missing_label_summary(training: BatchLoader, validation: BatchLoader) -> list[str]:
    """Return lines of text on missing labels and their effect on training."""
    records = training.data_source
    lines, n_events = [], int(records.is_event.sum())
    n_unlabelled = [int(batches.data_source.lacks_s.sum()) for batches in (training, validation)]
    if any(n_unlabelled):
        lines.append(
            f"S is not known for {n_unlabelled[0]:,} of the {n_events:,} earthquake traces of the "
            f"train split, and for {n_unlabelled[1]:,} of the validation split: it is left out of "
            "loss and scores where it may be"
        )
    for names, reason, is_unknown in (
        (("shift",), "neither S nor the coda end is", records.lacks_signal_end),
        (("second_event",), "S is not", records.lacks_s),
        (SNR_NEEDED, "the SNR of a component is not", records.lacks_snr),
    ):
        augmentations = [name for name in names if getattr(training.config.augment, name, 0)]
        if augmentations and is_unknown.any():
            lines.append(
                f"{reason} known for {int(is_unknown.sum()):,} of the {n_events:,} earthquake "
                f"traces of the train split: no {', '.join(augmentations)} for them"
            )
    return lines


def refuse_one_class(is_event: np.ndarray, data: Path) -> None:
    """Refuse a training split of earthquakes only, or of noise only."""
    if is_event.all() or not is_event.any():
        present, absent = (EVENT, NOISE) if is_event.all() else (NOISE, EVENT)
        raise InputError(
            f"the train split of {str(data)!r} is {present} alone, from which no network learns "
            f"what is not: add {absent} with steadkit merge, or say --one-class"
        )


def data_digest(source: Source) -> str:
    """Return a digest of a data set without reading its samples.

    It covers the digest of the manifest next to the data, else the table; and the file sizes.
    """
    digest = hashlib.blake2b(digest_size=32)
    # A manifest has digests of all traces; without one the table stands for the data.
    manifest = source.csv.with_suffix(".manifest")
    if is_file(manifest):
        digest.update(load(manifest).digest.encode())
    else:
        with source.csv.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)  # continues the digest
    # In place of the samples, which would take minutes: a file that was cut or grown is noticed.
    sizes = [path.stat().st_size for path in (source.csv, source.hdf5)]
    digest.update(repr(sizes).encode())
    return digest.hexdigest()
