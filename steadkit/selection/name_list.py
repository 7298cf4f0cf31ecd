"""Lists of trace names: read from text files, CSVs or manifests; sets with a digest."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from steadkit.catalog import check_name
from steadkit.errors import InputError, error_detail
from steadkit.manifest import load
from steadkit.paths import require_file

MAX_BYTES = 500_000_000
"""STEAD's complete CSV has 400 MB; a file of waveforms named by mistake is not read to its end."""


@dataclass(frozen=True)
class NameSet:
    """A set of trace names with its size and digest; from a recipe without the names.

    Parameters
    ----------
    number
        Number of distinct names.
    digest
        BLAKE2b, 16 bytes, of the sorted names, one per line, as hexadecimal text.
    names
        The names; None if the set comes from a recipe, which does not list them.
    """

    number: int
    digest: str
    names: frozenset[str] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        plain = isinstance(self.number, int) and not isinstance(self.number, bool)
        if not plain or self.number < 0 or not isinstance(self.digest, str):
            raise InputError(
                f"{self.number!r} names with digest {self.digest!r}: a number and a text are needed"
            )


def name_set(names: Iterable[str]) -> NameSet:
    """Build a set of names, with its digest.

    >>> name_set(["b_EV", "a_NO", "b_EV"]).number
    2
    """
    distinct = frozenset(names)
    text = "\n".join(sorted(distinct))
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return NameSet(len(distinct), digest, distinct)


def read_names(paths: Sequence[Path]) -> NameSet:
    """Read trace names from files and join them.

    Parameters
    ----------
    paths
        Text files with a name per line (empty lines and those that begin with # are skipped),
        CSVs with a column ``trace_name``, or manifests.

    Raises
    ------
    InputError
        A file is missing, is none of these, or has an invalid trace name.
    """
    return name_set(name for path in paths for name in _read_file(path))


def _read_file(path: Path) -> Sequence[str]:
    text = _read_text(path)
    first_line = text.partition("\n")[0]
    if first_line.startswith("# steadkit manifest"):
        return load(path).traces
    if "trace_name" in (cell.strip('" \r') for cell in first_line.split(",")):
        names = _parse_csv_names(text, path)
    else:
        lines = (line.strip() for line in text.splitlines())
        names = [line for line in lines if line and not line.startswith("#")]
    for name in names:
        check_name(name, path)
    return names


def _read_text(path: Path) -> str:
    require_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{str(path)!r} is too large for a list of traces: a name a line is one")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{str(path)!r} is not a text file: list a trace name a line, or use a CSV"
        ) from error
    return text


def _parse_csv_names(text: str, path: Path) -> list[str]:
    try:
        rows = csv.DictReader(io.StringIO(text), skipinitialspace=True)
        return [row["trace_name"] or "" for row in rows]
    except (csv.Error, KeyError) as error:
        raise InputError(
            f"{str(path)!r} is not a CSV with a column trace_name ({error_detail(error)})"
        ) from error
