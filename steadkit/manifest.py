"""The manifest: how a data set was made, and its traces in order with part and digest, as text.

A header of ``# key: value`` lines, then a tab-separated table::

    # steadkit manifest 1
    # name: steadmicro
    # recipe: {"fraction": "0.01", "operation": "subset", "seed": 0, ...}
    # traces: 12656 = 10302 earthquake_local + 2354 noise
    # digest: 3f9a...
    trace_name	part	waveform
    109C.TA_20060723155859_EV	-	b8d44f9f4ac672060cc0de8302615c14

``digest`` is BLAKE2b over recipe, counts and table, so that one short text names the data.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadkit.catalog import check_name, counts
from steadkit.errors import InputError
from steadkit.schema import CATEGORIES

FIRST_LINE = "# steadkit manifest 1"
HEADINGS = "trace_name\tpart\twaveform"
UNKNOWN = "-"
"""Stands for a part or a digest that is not known."""


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
        The digest of each waveform's bytes (`steadkit.store.digest`), or ``-``.
    """

    name: str
    recipe: Mapping[str, object]
    traces: Sequence[str]
    categories: Mapping[str, int]
    parts: Sequence[str] = field(default=())
    waveforms: Sequence[str] = field(default=())

    @property
    def digest(self) -> str:
        """Identify recipe, counts and rows: BLAKE2b, 32 bytes, as hexadecimal text."""
        content = f"{_json(self.recipe)}\n{self._counts()}\n{self._table()}"
        return hashlib.blake2b(content.encode(), digest_size=32).hexdigest()

    def to_text(self) -> str:
        """Write the manifest as text, the same for the same content."""
        header = [
            FIRST_LINE,
            f"# name: {self.name}",
            f"# recipe: {_json(self.recipe)}",
            f"# traces: {self._counts()}",
            f"# digest: {self.digest}",
        ]
        return "\n".join([*header, self._table()])

    def _counts(self) -> str:
        by_category = " + ".join(f"{count} {name}" for name, count in self.categories.items())
        return f"{len(self.traces)} = {by_category}"

    def _table(self) -> str:
        unknown = [UNKNOWN] * len(self.traces)
        columns = (self.traces, self.parts or unknown, self.waveforms or unknown)
        rows = map("\t".join, zip(*columns, strict=True))
        return "\n".join([HEADINGS, *rows]) + "\n"


def manifest_of(
    name: str,
    recipe: Mapping[str, object],
    traces: Iterable[str],
    categories: Iterable[str],
    parts: Iterable[str] = (),
    waveforms: Iterable[str] = (),
) -> Manifest:
    """Make a manifest from one value per trace."""
    return Manifest(name, recipe, list(traces), counts(categories), list(parts), list(waveforms))


def load(path: Path) -> Manifest:
    """Read a manifest and check that nobody has altered it.

    Raises
    ------
    InputError
        The file is missing, is not a manifest, or its digest does not fit its content.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"no file {str(path)!r}: check the name and the folder") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
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
    rows = [tuple(line.split("\t")) for line in table]
    wrong = next((number for number, row in enumerate(rows) if len(row) != 3), None)
    if wrong is not None:
        raise InputError(f"{str(path)!r} has a broken row: {table[wrong][:60]!r}")
    names, parts, waveforms = (
        (list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 3
    )
    for name in names:
        check_name(name, path)
    if len(set(names)) < len(names):
        raise InputError(f"{str(path)!r} lists a trace twice")
    try:
        recipe = json.loads(header["recipe"])
        _json(recipe).encode()  # JSON can spell characters that no text can hold
        _, _, by_category = header["traces"].partition(" = ")
        pairs = (text.split(" ") for text in by_category.split(" + "))
        categories = {name: int(count) for count, name in pairs}
        name = header["name"]
    except (KeyError, ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} has a broken header: {error}") from error
    if sum(categories.values()) != len(names) or not set(categories) <= set(CATEGORIES):
        raise InputError(f"{str(path)!r} has {len(names)} rows, its header says {by_category!r}")
    return Manifest(name, recipe, names, categories, parts, waveforms)


def _json(recipe: Mapping[str, object]) -> str:
    return json.dumps(recipe, sort_keys=True, ensure_ascii=False)
