"""Data sets in Python: open, filter, sample, split, read and write traces.

Every step returns a changed copy and reads only the columns it needs; waveforms are read on access.
The commands call the same functions.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from steadkit.catalog import KEY_COLUMNS, columns_of, read_table
from steadkit.dataset_files import copy_rows, dataset_files, key_table
from steadkit.errors import InputError
from steadkit.expressions import columns as columns_in
from steadkit.expressions import mask, parse
from steadkit.manifest import Manifest, manifest_of
from steadkit.sampling import SPLITS
from steadkit.selection import Selection, needed_columns, select
from steadkit.sources import Source, find_sources
from steadkit.split import SplitConfig, assign, parse_shares
from steadkit.store import Waveforms
from steadkit.trace import Trace
from steadkit.types import parse_fraction, typed_table

if TYPE_CHECKING:
    from steadkit.pipeline import BatchConfig, BatchLoader

READ_TRACES = 64
"""Waveforms read together while iterating: 5 MB."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Sequence of traces of one or several STEAD files.

    Open one with `steadkit.open_dataset`.

    Parameters
    ----------
    sources
        The files.
    row_numbers
        Row numbers of the traces in the concatenated CSV files; None for all.
    splits
        The split of each trace, after `split`.
    steps
        Provenance, for the manifest.
    """

    sources: tuple[Source, ...]
    row_numbers: np.ndarray | None = field(default=None, repr=False)
    splits: np.ndarray | None = field(default=None, repr=False)
    steps: tuple[Mapping[str, object], ...] = ()

    @classmethod
    def from_paths(cls, paths: Iterable[str | Path]) -> "Dataset":
        """Open STEAD files as one data set; see `steadkit.open_dataset`."""
        return cls(tuple(find_sources([Path(path) for path in paths])))

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def _all_keys(self) -> pd.DataFrame:
        """Name, category, source and row of every trace of the sources."""
        return key_table(self.sources)

    @cached_property
    def _keys(self) -> pd.DataFrame:
        return self._all_keys if self.row_numbers is None else self._all_keys.iloc[self.row_numbers]

    @property
    def names(self) -> list[str]:
        """Names of the traces, in order."""
        names: list[str] = self._keys["trace_name"].tolist()
        return names

    def table(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read rows as text, exactly as in the CSV files.

        Parameters
        ----------
        columns
            Names of the columns; all by default.
        """
        # A table is checked by its key columns, whichever are asked for.
        needed = None if columns is None else [*dict.fromkeys([*KEY_COLUMNS, *columns])]
        tables = [read_table(source.csv, needed) for source in self.sources]
        table = pd.concat(tables, ignore_index=True).fillna("")
        if columns is not None:
            table = table[[*columns]]
        return (
            table
            if self.row_numbers is None
            else table.iloc[self.row_numbers].reset_index(drop=True)
        )

    @cached_property
    def metadata(self) -> pd.DataFrame:
        """All rows, typed: numbers are float64, ``snr_db`` has a column for each component."""
        return typed_table(self.table())

    def __getitem__(self, which: Any) -> Any:
        """Return one trace by number or name, or a `Dataset` by slice, mask, numbers or names."""
        if isinstance(which, str | int | np.integer):
            return self._trace_at(self._number(which))
        return self._select(self._numbers(which))

    def _numbers(self, which: Any) -> np.ndarray:
        if isinstance(which, slice):
            return np.arange(len(self))[which]
        indices = np.asarray(which)
        if indices.dtype == bool:
            if indices.shape != (len(self),):
                raise InputError(f"a mask of shape {indices.shape} for {len(self)} traces")
            return np.flatnonzero(indices)
        if indices.dtype.kind in "OUT":
            return np.array([self._number(name) for name in indices], dtype=np.int64)
        if indices.size and (indices.dtype.kind not in "iu" or np.abs(indices).max() > len(self)):
            raise InputError(f"{str(which)[:60]!r} does not say which of {len(self)} traces")
        return np.arange(len(self))[indices.astype(np.int64)]

    def _number(self, which: Any) -> int:
        if isinstance(which, str):
            matches = np.flatnonzero((self._keys["trace_name"] == which).to_numpy())
            if len(matches):
                return int(matches[0])
        elif -len(self) <= which < len(self):
            return int(which) % len(self)
        # Not an InputError, as Python ends a loop over __getitem__ at an IndexError.
        raise IndexError(f"no trace {which!r} among {len(self)}")

    def _select(
        self,
        numbers: np.ndarray,
        step: Mapping[str, object] | None = None,
        splits: np.ndarray | None = None,
    ) -> "Dataset":
        row_numbers = numbers if self.row_numbers is None else self.row_numbers[numbers]
        if splits is None and self.splits is not None:
            splits = self.splits[numbers]
        step = {"operation": "take", "traces": len(numbers)} if step is None else step
        selected = replace(self, row_numbers=row_numbers, splits=splits, steps=(*self.steps, step))
        # A cached_property is an entry of __dict__: the CSV files are read once for all copies.
        selected.__dict__["_all_keys"] = self._all_keys
        return selected

    def where(self, condition: str) -> "Dataset":
        """Keep the traces for which a condition on the columns is true (`steadkit.expressions`)."""
        parsed = parse(condition)
        table = self.table(list(dict.fromkeys([*KEY_COLUMNS, *columns_in(parsed)])))
        step = {"operation": "where", "where": parsed.text}
        return self._select(np.flatnonzero(mask(parsed, table)), step)

    def subset(self, fraction: Fraction | str | float | None = None, **options: Any) -> "Dataset":
        """Draw a random subset in shuffled order, like ``steadkit subset``.

        Parameters
        ----------
        fraction
            Fraction of each stratum; 0.01 means exactly 1/100.
        **options
            Further fields of `steadkit.selection.Selection`: count, seed, where, box and so on.
        """
        exact = None if fraction is None else parse_fraction(str(fraction))
        selection = Selection(exact, **options)
        present = [name for source in self.sources for name in columns_of(source.csv)]
        table = self.table(needed_columns(selection, present))
        return self._select(select(table, selection), selection.to_recipe())

    def split(self, rule: SplitConfig | None = None, **options: Any) -> "Dataset":
        """Assign every trace to a split, like ``steadkit split``: by earthquake by default.

        Parameters
        ----------
        rule, **options
            A `steadkit.split.SplitConfig`, or its fields: by, shares, seed and so on;
            shares may be text, ``"0.85,0.05,0.1"``.
        """
        if isinstance(options.get("shares"), str):
            options["shares"] = parse_shares(options["shares"])
        rule = rule or SplitConfig(**options)
        splits, rule = assign(self.table(), rule)
        step = rule.to_recipe(self.manifest().digest)
        return self._select(np.arange(len(self)), step, np.asarray(splits, dtype=object))

    def get_split(self, name: str) -> "Dataset":
        """Return the traces of one split: train, validation or test."""
        if self.splits is None or name not in SPLITS:
            raise InputError(f"no split {name!r}: split first, then take {', '.join(SPLITS)}")
        step = {"operation": "part", "part": name}
        return self._select(np.flatnonzero(self.splits == name), step)

    def part(self, name: str) -> "Dataset":
        """Return the traces of one split; the former name of `get_split`."""
        return self.get_split(name)

    def get_waveforms(self, which: Any = slice(None)) -> np.ndarray:
        """Read waveforms, shape (traces, 6000, 3), float32, counts, components E, N, Z.

        Parameters
        ----------
        which
            As for indexing: a number or name, a slice, a mask, numbers or names; all by default.
            For a single trace the shape is (6000, 3).
        """
        if isinstance(which, str | int | np.integer):
            return self._read(np.array([self._number(which)]))[0]
        return self._read(self._numbers(which))

    def get_sample(self, which: int | str) -> tuple[np.ndarray, dict[str, Any]]:
        """Read one waveform and its row of the metadata."""
        trace = self.trace(which)
        return trace.waveform, dict(trace.metadata)

    def _read(self, numbers: np.ndarray) -> np.ndarray:
        keys = self._keys.iloc[numbers]
        owners, rows = keys["source"].to_numpy(), np.arange(len(keys))
        waveforms = np.empty((len(keys), 6000, 3), np.float32)
        for number in np.unique(owners).tolist():
            # One reader for each file, as it looks up the offsets of all its traces at once.
            in_file = rows[owners == number]
            names = keys["trace_name"].iloc[in_file].tolist()
            reader = Waveforms(self.sources[number].hdf5, names)
            waveforms[in_file] = reader.read(range(len(names)))
        return waveforms

    def trace(self, which: int | str) -> Trace:
        """Read one trace by its number or name."""
        return self._trace_at(self._number(which))

    def _trace_at(self, number: int) -> Trace:
        return self._trace(number, self._read(np.array([number]))[0])

    def _trace(self, number: int, waveform: np.ndarray) -> Trace:
        row = self.metadata.iloc[number].to_dict()
        return Trace(row["trace_name"], waveform, row)

    def __iter__(self) -> Iterator[Trace]:
        for start in range(0, len(self), READ_TRACES):
            numbers = np.arange(start, min(start + READ_TRACES, len(self)))
            for number, waveform in zip(numbers, self._read(numbers), strict=True):
                yield self._trace(int(number), waveform)

    def batches(
        self, config: "BatchConfig | None" = None, seed: int | None = None
    ) -> "BatchLoader":
        """Return a loader of normalised waveforms and targets (`steadkit.pipeline`)."""
        from steadkit.pipeline import BatchLoader

        # Of complete files the loader reads the names itself, so the CSV files are read once.
        names = None if self.row_numbers is None else self.names
        return BatchLoader([source.hdf5 for source in self.sources], names, config, seed)

    def to_tf_dataset(
        self,
        config: "BatchConfig | None" = None,
        seed: int | None = None,
        epochs: int = 1,
        sample_weight: bool = False,
    ) -> Any:
        """Return a ``tf.data.Dataset`` of batches for ``model.fit`` (docs/keras.md).

        Parameters
        ----------
        config, seed
            As for `batches`.
        epochs
            Epochs in an iteration. The next iteration continues with the epochs after them:
            ``model.fit(dataset, epochs=40)`` iterates 40 times, over 40 orders and augmentations.
        sample_weight
            Whether batches have a third element, sample weights that are 0 where an unpicked S may
            be; see `steadkit.pipeline.to_tf_dataset`.
        """
        from steadkit.pipeline import BatchConfig, to_tf_dataset

        config = config or BatchConfig()
        if sample_weight:
            config = replace(config, labels=replace(config.labels, mark_unknown=True))
        batches = self.batches(config, seed)
        return to_tf_dataset(
            batches, epochs=epochs, continue_epochs=True, sample_weight=sample_weight
        )

    def stream(
        self,
        config: "BatchConfig | None" = None,
        seed: int | None = None,
        epochs: int = 1,
        sample_weight: bool = False,
    ) -> Any:
        """Return a ``tf.data.Dataset``; the former name of `to_tf_dataset`."""
        return self.to_tf_dataset(config, seed, epochs, sample_weight)

    @property
    def recipe(self) -> Mapping[str, object]:
        """Provenance: the last step as the command writes it, and the steps before it."""
        if not self.steps:
            return {"operation": "open"}
        *before, last = map(dict, self.steps)
        return last | {"before": before} if before else last

    def manifest(self, name: str = "collection") -> Manifest:
        """Return the manifest of the traces, without digests until it is saved."""
        keys = self._keys
        splits: Iterable[str] = () if self.splits is None else self.splits
        return manifest_of(name, self.recipe, keys["trace_name"], keys["trace_category"], splits)

    def save(self, path: str | Path, overwrite: bool = False) -> "Dataset":
        """Write the traces as a new data set (HDF5, CSV and manifest) and open it."""
        files = dataset_files(Path(path))
        splits = [] if self.splits is None else self.splits.tolist()
        copy_rows(self.sources, files, self._keys, self.recipe, overwrite, splits)
        return Dataset.from_paths([files.hdf5])
