"""The class `Manifest` and its text form."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd

from steadkit.catalog import counts
from steadkit.manifest.columns import BATCH_ROWS, UNKNOWN

VERSION: Final = 2
FIRST_LINE: Final = "# steadkit manifest "
"""Followed by the version."""

HEADINGS: Final = "trace_name\tpart\twaveform\tattributes"
KEYS: Final = ("name", "recipe", "traces", "csv", "digest")
"""Keys of the lines between the first one and the headings."""

COVERED_BY_VERSION_1: Final = ("# recipe: ", "# traces: ")


@dataclass(frozen=True)
class Manifest:
    """A data set as a list of traces and the recipe that made it.

    Parameters
    ----------
    name
        Name of the data set, ``steadmicro`` for example.
    recipe
        The operation and its parameters, as JSON can hold them.
    traces
        Trace names in the order of the data set, no two alike.
    categories
        Number of traces of each category.
    splits
        Split of each trace: ``train``, ``validation``, ``test`` or ``-``.
    waveforms
        The digest of each waveform's bytes (BLAKE3, 16 bytes), or ``-``.
    attributes
        The digest of each trace's attributes in canonical form (BLAKE3, 8 bytes), or ``-``.
    csv
        The digest of the cells of the CSV (`steadkit.catalog.CellsDigest`), or ``-``.
    version
        Version of the text; a manifest derived from one of version 1, by a split say, keeps it.
    """

    name: str
    recipe: Mapping[str, object]
    traces: Sequence[str]
    categories: Mapping[str, int]
    splits: Sequence[str] = field(default=())
    waveforms: Sequence[str] = field(default=())
    attributes: Sequence[str] = field(default=())
    csv: str = UNKNOWN
    version: int = VERSION

    @cached_property
    def digest(self) -> str:
        """Digest of all other lines: BLAKE2b, 32 bytes, as hexadecimal text."""
        hashed = begin_digest(self._lines())
        for text in self._table():
            hashed.update(text.encode())
        return hashed.hexdigest()

    def to_text(self) -> str:
        """Return the manifest as text, which is identical for identical content."""
        return "".join([self._header(self.digest), *self._table()])

    def write(self, path: Path) -> None:
        """Write the manifest to a file in chunks."""
        hashed = begin_digest(self._lines())
        with path.open("wb") as file:
            # A placeholder of the same length: the digest is known only after the table, and the
            # text of a million rows is built only once.
            file.write(self._header(hashed.hexdigest()).encode())
            for text in self._table():
                content = text.encode()
                hashed.update(content)
                file.write(content)
            self.__dict__["digest"] = hashed.hexdigest()
            file.seek(0)
            file.write(self._header(self.digest).encode())

    def _header(self, digest: str) -> str:
        return "\n".join([*self._lines(), f"# digest: {digest}", ""])

    def _lines(self) -> list[str]:
        """Return the lines above the digest."""
        lines = [
            f"{FIRST_LINE}{self.version}",
            f"# name: {self.name}",
            # Sorted and not escaped: one spelling, which the digest covers.
            f"# recipe: {json.dumps(self.recipe, sort_keys=True, ensure_ascii=False)}",
            f"# traces: {self._counts()}",
        ]
        return lines if self.version == 1 else [*lines, f"# csv: {self.csv}"]

    def _counts(self) -> str:
        by_category = " + ".join(f"{count} {name}" for name, count in self.categories.items())
        return f"{len(self.traces)} = {by_category}"

    def _table(self) -> Iterator[str]:
        """Yield headings and rows as text, `BATCH_ROWS` at a time."""
        yield HEADINGS + "\n"
        optional_columns = (self.splits, self.waveforms, self.attributes)
        for start in range(0, len(self.traces), BATCH_ROWS):
            rows = slice(start, start + BATCH_ROWS)
            names = self.traces[rows]
            columns = (
                column[rows] if len(column) else [UNKNOWN] * len(names)
                for column in optional_columns
            )
            yield "\n".join([*map("\t".join, zip(names, *columns, strict=True)), ""])


def manifest_of(
    name: str,
    recipe: Mapping[str, object],
    traces: Iterable[str],
    categories: Iterable[str],
    splits: Iterable[str] = (),
    waveforms: Sequence[str] = (),
    attributes: Sequence[str] = (),
    csv: str = UNKNOWN,
) -> Manifest:
    """Build a manifest from columns with a value per trace."""
    # Iterating over a pandas column takes ten times as long as over its list.
    names = traces.tolist() if isinstance(traces, pd.Series) else list(traces)
    return Manifest(
        name, recipe, names, counts(categories), list(splits), waveforms, attributes, csv
    )


def begin_digest(lines: Sequence[str]) -> hashlib.blake2b:
    """Start the hash of a manifest with the lines above its digest."""
    if lines[0] == f"{FIRST_LINE}1":
        lines = [line.partition(": ")[2] for line in lines if line.startswith(COVERED_BY_VERSION_1)]
    return hashlib.blake2b("\n".join([*lines, ""]).encode(), digest_size=32)
