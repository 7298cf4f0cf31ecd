"""Traces as one works with them in Python: opened, filtered, cut down, split, read and written.

Every step gives a changed copy and reads only the columns it needs; waveforms are read when they
are asked for. The commands call the same functions.
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
from steadkit.dataset_files import copy_rows, dataset_files
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

READ_AT_ONCE = 64
"""Waveforms read together while iterating: 5 MB."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Some traces of one or several STEAD files, in an order.

    Make one with `steadkit.open`.

    Parameters
    ----------
    sources
        The files.
    places
        Which rows of all their CSV files, one behind the other; None means all.
    parts
        The part of each trace, after `split`.
    steps
        How it was made, as the manifest will say.
    """

    sources: tuple[Source, ...]
    places: np.ndarray | None = field(default=None, repr=False)
    parts: np.ndarray | None = field(default=None, repr=False)
    steps: tuple[Mapping[str, object], ...] = ()

    def __len__(self) -> int:
        return len(self._keys)

    @cached_property
    def _all_keys(self) -> pd.DataFrame:
        """Name, category, source and row of every trace of the sources."""
        tables = [
            read_table(source.csv, KEY_COLUMNS).assign(source=number)
            for number, source in enumerate(self.sources)
        ]
        for table in tables:
            table["row"] = np.arange(len(table))
        keys = pd.concat(tables, ignore_index=True)
        repeated = keys["trace_name"][keys["trace_name"].duplicated()]
        if len(repeated):
            raise InputError(f"trace {repeated.iloc[0]!r} is in two of the files: merge them first")
        return keys

    @cached_property
    def _keys(self) -> pd.DataFrame:
        return self._all_keys if self.places is None else self._all_keys.iloc[self.places]

    @property
    def names(self) -> list[str]:
        """The names of the traces, in order."""
        names: list[str] = self._keys["trace_name"].tolist()
        return names

    def table(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read rows as text, exactly as the CSV files have them.

        Parameters
        ----------
        columns
            Which columns; all by default.
        """
        tables = [read_table(source.csv, columns) for source in self.sources]
        table = pd.concat(tables, ignore_index=True).fillna("")
        return table if self.places is None else table.iloc[self.places].reset_index(drop=True)

    @cached_property
    def metadata(self) -> pd.DataFrame:
        """All rows, typed: numbers are float64, ``snr_db`` is a column a component."""
        return typed_table(self.table())

    def __getitem__(self, which: Any) -> Any:
        """Take one trace by its number or name, or several by slice, mask, numbers or names."""
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
        # Not an InputError: a for loop over numbers ends with an IndexError.
        raise IndexError(f"no trace {which!r} among {len(self)}")

    def _select(
        self,
        numbers: np.ndarray,
        step: Mapping[str, object] | None = None,
        parts: np.ndarray | None = None,
    ) -> "Dataset":
        places = numbers if self.places is None else self.places[numbers]
        if parts is None and self.parts is not None:
            parts = self.parts[numbers]
        step = {"operation": "take", "traces": len(numbers)} if step is None else step
        selected = replace(self, places=places, parts=parts, steps=(*self.steps, step))
        selected.__dict__["_all_keys"] = self._all_keys  # read once for all copies
        return selected

    def where(self, condition: str) -> "Dataset":
        """Keep the traces for which a condition on the columns is true (`steadkit.expressions`)."""
        parsed = parse(condition)
        table = self.table(list(dict.fromkeys([*KEY_COLUMNS, *columns_in(parsed)])))
        step = {"operation": "where", "where": parsed.text}
        return self._select(np.flatnonzero(mask(parsed, table)), step)

    def subset(self, fraction: Fraction | str | float | None = None, **options: Any) -> "Dataset":
        """Draw traces in shuffled order, as ``steadkit subset`` does.

        Parameters
        ----------
        fraction
            How much of each stratum; 0.01 means exactly 1/100.
        **options
            The others of `steadkit.selection.Selection`: count, seed, where, box and so on.
        """
        exact = None if fraction is None else parse_fraction(str(fraction))
        selection = Selection(exact, **options)
        present = [name for source in self.sources for name in columns_of(source.csv)]
        table = self.table(needed_columns(selection, present))
        return self._select(select(table, selection), selection.to_recipe())

    def split(self, rule: SplitConfig | None = None, **options: Any) -> "Dataset":
        """Give every trace its part, as ``steadkit split`` does: by earthquake by default.

        Parameters
        ----------
        rule, **options
            A `steadkit.split.SplitConfig`, or what to make one of: by, shares, seed and so on;
            shares may be text, ``"0.85,0.05,0.1"``.
        """
        if isinstance(options.get("shares"), str):
            options["shares"] = parse_shares(options["shares"])
        rule = rule or SplitConfig(**options)
        parts, rule = assign(self.table(), rule)
        step = rule.to_recipe(self.manifest().digest)
        return self._select(np.arange(len(self)), step, np.asarray(parts, dtype=object))

    def part(self, name: str) -> "Dataset":
        """Take the traces of one part: train, validation or test."""
        if self.parts is None or name not in SPLITS:
            raise InputError(f"no part {name!r}: split first, then take {', '.join(SPLITS)}")
        return self._select(np.flatnonzero(self.parts == name), {"operation": "part", "part": name})

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
            own = rows[owners == number]
            names = keys["trace_name"].iloc[own].tolist()
            reader = Waveforms(self.sources[number].hdf5, names)
            waveforms[own] = reader.read(range(len(names)))
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
        for start in range(0, len(self), READ_AT_ONCE):
            numbers = np.arange(start, min(start + READ_AT_ONCE, len(self)))
            for number, waveform in zip(numbers, self._read(numbers), strict=True):
                yield self._trace(int(number), waveform)

    def batches(
        self, config: "BatchConfig | None" = None, seed: int | None = None
    ) -> "BatchLoader":
        """Make numbered batches of normalised waveforms and targets (`steadkit.pipeline`)."""
        from steadkit.pipeline import BatchLoader

        # A whole file is read once: its names are not needed before.
        names = None if self.places is None else self.names
        return BatchLoader([source.hdf5 for source in self.sources], names, config, seed)

    def stream(
        self,
        config: "BatchConfig | None" = None,
        seed: int | None = None,
        epochs: int = 1,
        sample_weight: bool = False,
    ) -> Any:
        """Make a ``tf.data.Dataset`` of batches for ``model.fit`` (docs/keras.md).

        Parameters
        ----------
        config, seed
            As for `batches`.
        epochs
            How many an iteration has. The next iteration goes on with the epochs behind them:
            ``model.fit(stream, epochs=40)`` iterates 40 times, over 40 orders and augmentations.
        sample_weight
            Whether batches have a third element, weights that are 0 where S may be and is not
            known; see `steadkit.pipeline.to_tf_dataset`.
        """
        from steadkit.pipeline import BatchConfig, to_tf_dataset

        config = config or BatchConfig()
        if sample_weight:
            config = replace(config, labels=replace(config.labels, mark_unknown=True))
        batches = self.batches(config, seed)
        return to_tf_dataset(
            batches, epochs=epochs, continue_epochs=True, sample_weight=sample_weight
        )

    @property
    def recipe(self) -> Mapping[str, object]:
        """How it was made: the last step as the command writes it, and those before it."""
        if not self.steps:
            return {"operation": "open"}
        *before, last = map(dict, self.steps)
        return last | {"before": before} if before else last

    def manifest(self, name: str = "collection") -> Manifest:
        """List the traces; the digests are known once it is saved."""
        keys = self._keys
        parts: Iterable[str] = () if self.parts is None else self.parts
        return manifest_of(name, self.recipe, keys["trace_name"], keys["trace_category"], parts)

    def save(self, path: str | Path, overwrite: bool = False) -> "Dataset":
        """Write the traces as a data set of their own: HDF5, CSV and manifest; opens it."""
        files = dataset_files(Path(path))
        parts = [] if self.parts is None else self.parts.tolist()
        copy_rows(self.sources, files, self._keys, self.recipe, overwrite, parts)
        return open_collection([files.hdf5])


def open_collection(paths: Iterable[str | Path]) -> Dataset:
    """Open STEAD files as one collection; see `steadkit.open`."""
    return Dataset(tuple(find_sources([Path(path) for path in paths])))
