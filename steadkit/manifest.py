"""The manifest: how a data set was made, and its traces in order with part and digest, as text.

A header of ``# key: value`` lines, then a tab-separated table::

    # steadkit manifest 1
    # name: steadmicro
    # recipe: {"fraction": "0.01", "operation": "subset", "seed": 0, ...}
    # traces: 12656 = 10302 earthquake_local + 2354 noise
    # digest: 3f9a...
    trace_name	part	waveform	attributes
    109C.TA_20060723155859_EV	-	11fa0a297baaa09a5b550c65590d5441	0bb69a16ed0d8f0c

``digest`` is BLAKE2b over recipe, counts and table, so that one short text names the data.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from steadkit.catalog import check_name, counts
from steadkit.errors import InputError
from steadkit.paths import require_file
from steadkit.schema import CATEGORIES

FIRST_LINE = "# steadkit manifest 1"
HEADINGS = "trace_name\tpart\twaveform\tattributes"
UNKNOWN = "-"
"""Stands for a part or a digest that is not known."""

ROWS_AT_ONCE = 10_000

_ROW = re.compile(r"[^\t\n]+\t(?:train|validation|test|-)\t(?:[0-9a-f]{32}|-)\t(?:[0-9a-f]{16}|-)")


class Digests(Sequence[str]):
    """Digests of one size, packed, that read as hexadecimal text: a million take 16 MB, not 80.

    >>> list(Digests(bytes(range(4)), 2))
    ['0001', '0203']
    """

    def __init__(self, packed: bytes, size: int):
        self._packed, self._size = packed, size

    def __len__(self) -> int:
        return len(self._packed) // self._size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            text, size = self._packed[start * self._size : stop * self._size].hex(), 2 * self._size
            cut = [text[at : at + size] for at in range(0, len(text), size)]
            return cut if step == 1 else [self[i] for i in range(start, stop, step)]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        start = index % len(self) * self._size
        return self._packed[start : start + self._size].hex()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(self._packed)


@dataclass(frozen=True)
class Manifest:
    """A data set as a list of traces and the recipe that made it.

    Parameters
    ----------
    name
        What the data set is called, ``steadmicro`` for example.
    recipe
        The operation and its parameters, as JSON can hold them.
    traces
        Trace names in the order of the data set, no two alike.
    categories
        How many traces of each category there are.
    parts
        ``train``, ``validation`` or ``test`` of each trace, or ``-``.
    waveforms
        The digest of each waveform's bytes (BLAKE3, 16 bytes), or ``-``.
    attributes
        The digest of each trace's attributes in canonical form (BLAKE3, 8 bytes), or ``-``.
    """

    name: str
    recipe: Mapping[str, object]
    traces: Sequence[str]
    categories: Mapping[str, int]
    parts: Sequence[str] = field(default=())
    waveforms: Sequence[str] = field(default=())
    attributes: Sequence[str] = field(default=())

    @cached_property
    def digest(self) -> str:
        """Identify recipe, counts and rows: BLAKE2b, 32 bytes, as hexadecimal text."""
        hashed = hashlib.blake2b(digest_size=32)
        hashed.update(f"{_json(self.recipe)}\n{self._counts()}\n".encode())
        for text in self._table():
            hashed.update(text.encode())
        return hashed.hexdigest()

    def to_text(self) -> str:
        """Write the manifest as text, the same for the same content."""
        return "".join([self._header(), *self._table()])

    def write(self, path: Path) -> None:
        """Write the manifest to a file, piece by piece."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(self._header())
            file.writelines(self._table())

    def _header(self) -> str:
        header = [
            FIRST_LINE,
            f"# name: {self.name}",
            f"# recipe: {_json(self.recipe)}",
            f"# traces: {self._counts()}",
            f"# digest: {self.digest}",
        ]
        return "\n".join(header) + "\n"

    def _counts(self) -> str:
        by_category = " + ".join(f"{count} {name}" for name, count in self.categories.items())
        return f"{len(self.traces)} = {by_category}"

    def _table(self) -> Iterator[str]:
        """Write headings and rows, some thousand at a time."""
        yield HEADINGS + "\n"
        known = (self.parts, self.waveforms, self.attributes)
        for start in range(0, len(self.traces), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            names = self.traces[some]
            columns = (column[some] if column else [UNKNOWN] * len(names) for column in known)
            yield "\n".join([*map("\t".join, zip(names, *columns, strict=True)), ""])


def manifest_of(
    name: str,
    recipe: Mapping[str, object],
    traces: Iterable[str],
    categories: Iterable[str],
    parts: Iterable[str] = (),
    waveforms: Sequence[str] = (),
    attributes: Sequence[str] = (),
) -> Manifest:
    """Make a manifest from one value per trace."""
    return Manifest(
        name, recipe, list(traces), counts(categories), list(parts), waveforms, attributes
    )


def load(path: Path) -> Manifest:
    """Read a manifest and check that nobody has altered it.

    Raises
    ------
    InputError
        The file is missing, is not a manifest, or its digest does not fit its content.
    """
    require_file(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a steadkit manifest: {error}") from error
    header, table = _split(text, path)
    manifest = _parse(header, table, path)
    if manifest.digest != header.get("digest"):
        raise InputError(
            f"{str(path)!r} has been altered: its digest is {manifest.digest[:12]}..., "
            f"it claims {header.get('digest', 'none')[:12]}...; take the original"
        )
    return manifest


def _split(text: str, path: Path) -> tuple[dict[str, str], list[str]]:
    lines = text.split("\n")
    if lines[0] != FIRST_LINE or HEADINGS not in lines or lines[-1]:
        raise InputError(f"{str(path)!r} is not a steadkit manifest, or it has been cut short")
    start = lines.index(HEADINGS)
    pairs = (line.removeprefix("# ").partition(": ") for line in lines[1:start])
    return {key: value for key, _, value in pairs}, lines[start + 1 : -1]


def _parse(header: Mapping[str, str], table: Sequence[str], path: Path) -> Manifest:
    wrong = next((line for line in table if not _ROW.fullmatch(line)), None)
    if wrong is not None:
        raise InputError(f"{str(path)!r} has a broken row: {wrong[:60]!r}")
    rows = [line.split("\t") for line in table]
    names, parts, waveforms, attributes = (
        map(list, zip(*rows, strict=True)) if rows else ([], [], [], [])
    )
    for name in names:
        check_name(name, path)
    if len(set(names)) < len(names):
        raise InputError(f"{str(path)!r} lists a trace twice")
    try:
        recipe = json.loads(header["recipe"])
        if not isinstance(recipe, dict):
            raise ValueError(f"the recipe is {header['recipe'][:60]!r}")
        _json(recipe).encode()  # JSON can spell characters that no text can hold
        _, _, by_category = header["traces"].partition(" = ")
        pairs = (text.split(" ") for text in by_category.split(" + "))
        categories = {name: int(count) for count, name in pairs}
        name = header["name"]
    except (KeyError, ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} has a broken header: {error}") from error
    if sum(categories.values()) != len(names) or not set(categories) <= set(CATEGORIES):
        raise InputError(f"{str(path)!r} has {len(names)} rows, its header says {by_category!r}")
    return Manifest(name, recipe, names, categories, parts, waveforms, attributes)


def _json(recipe: Mapping[str, object]) -> str:
    return json.dumps(recipe, sort_keys=True, ensure_ascii=False)
