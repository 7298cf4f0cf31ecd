"""Reader of manifest files: chunks parsed as NumPy arrays and checked."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np

from steadkit.catalog import check_names
from steadkit.errors import InputError
from steadkit.manifest.columns import SEPARATOR, UNKNOWN, Digests, NameTable
from steadkit.manifest.listing import (
    FIRST_LINE,
    HEADINGS,
    KEYS,
    VERSION,
    Manifest,
    begin_digest,
)
from steadkit.paths import parse_json, require_file
from steadkit.schema import CATEGORIES

CHUNK_BYTES: Final = 1 << 20
MAX_LINE_BYTES: Final = 1 << 26
"""A recipe may record a long history; a file of another kind is not read to its end."""

SPLIT_NAMES: Final = (UNKNOWN, "train", "validation", "test")
WAVEFORM_BYTES, ATTRIBUTE_BYTES = 16, 8
"""Sizes of the digests."""

_ROW = re.compile(r"[^\t\n]+\t(?:train|validation|test|-)\t(?:[0-9a-f]{32}|-)\t(?:[0-9a-f]{16}|-)")
_COUNT = re.compile(r"([0-9]{1,15}) ([a-z_]+)")
_DIGEST = re.compile(r"[0-9a-f]{64}|-")

_TAB, _NEWLINE, _HYPHEN = b"\t\n-"
_NO_DIGIT: Final = 255
_NIBBLES: Final = np.full(256, _NO_DIGIT, np.uint8)
_NIBBLES[list(b"0123456789abcdef")] = np.arange(16)


def load(path: Path) -> Manifest:
    """Read a manifest and verify its digest.

    Raises
    ------
    InputError
        The file is missing, is not a manifest, or its digest does not match its content.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            return _read(file, path)
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not a steadkit manifest: it is no UTF-8") from error


def _read(file: BinaryIO, path: Path) -> Manifest:
    lines = _header_lines(file, path)
    header, claimed = _parse_header(lines, path)
    hashed = begin_digest([line for line in lines if not line.startswith("# digest: ")])
    hashed.update(f"{HEADINGS}\n".encode())
    columns = _Columns([], [], [], [], [])
    for chunk in _iter_chunks(file, path):
        hashed.update(chunk)
        columns.add(chunk, path)
    manifest = columns.manifest(header, path)
    if hashed.hexdigest() != claimed:
        raise InputError(
            f"{str(path)!r} has been altered: its digest is {hashed.hexdigest()[:12]}..., "
            f"it claims {claimed[:12]}...; take the original"
        )
    # The cached property, which would else hash a million rows again.
    manifest.__dict__["digest"] = claimed
    return manifest


def _header_lines(file: BinaryIO, path: Path) -> list[str]:
    """Read the lines above the headings."""
    first_line = _read_line(file, len(FIRST_LINE) + 20)
    version = first_line.removeprefix(FIRST_LINE)
    if version == first_line or not (version.isascii() and version.isdigit()):
        raise _not_a_manifest(path)
    if not 1 <= int(version) <= VERSION:
        raise InputError(
            f"{str(path)!r} is a steadkit manifest of version {version}: this steadkit reads those "
            f"up to {VERSION}, install a newer one"
        )
    lines = [first_line]
    while (line := _read_line(file, MAX_LINE_BYTES)) != HEADINGS:
        if not line.startswith("# "):
            raise _not_a_manifest(path)
        lines.append(line)
    return lines


def _read_line(file: BinaryIO, length: int) -> str:
    return file.readline(length).decode().removesuffix("\n").removesuffix("\r")


def _not_a_manifest(path: Path) -> InputError:
    return InputError(f"{str(path)!r} is not a steadkit manifest, or it has been cut short")


def _parse_header(lines: Sequence[str], path: Path) -> tuple[Manifest, str]:
    """Parse the header into a manifest without traces, and the digest that it claims."""
    pairs = [line.removeprefix("# ").partition(": ") for line in lines[1:]]
    header = {key: value for key, _, value in pairs}
    version = int(lines[0].removeprefix(FIRST_LINE))
    try:
        if version > 1 and tuple(key for key, _, _ in pairs) != KEYS:
            raise ValueError(f"it needs the lines {', '.join(KEYS)}, each once and in this order")
        recipe = parse_json(header["recipe"], "its recipe")
        json.dumps(recipe, ensure_ascii=False).encode()  # JSON can spell what no text can hold
        categories = _parse_counts(header["traces"])
        csv = header.get("csv", UNKNOWN)
        if not _DIGEST.fullmatch(csv):
            raise ValueError(f"csv is {csv[:80]!r}, not a digest of 64 digits or -")
        manifest = Manifest(header["name"], recipe, (), categories, csv=csv, version=version)
    except KeyError as error:
        raise _broken_header(path, f"it has no line {error.args[0]!r}") from error
    except UnicodeEncodeError as error:
        raise _broken_header(path, "its recipe has characters that no text holds") from error
    except ValueError as error:
        raise _broken_header(path, str(error)) from error
    return manifest, header.get("digest", "none")


def _broken_header(path: Path, error: str) -> InputError:
    return InputError(f"{str(path)!r} has a broken header: {error}")


def _parse_counts(text: str) -> dict[str, int]:
    """Parse the counts: all traces, then those of each category."""
    total, _, by_category = text.partition(" = ")
    matches = [_COUNT.fullmatch(part) for part in by_category.split(" + ")]
    counted = {match[2]: int(match[1]) for match in matches if match}
    is_sound = len(counted) == len(matches) and set(counted) <= set(CATEGORIES)
    if not is_sound or total != str(sum(counted.values())):
        raise ValueError(f"it counts {text[:80]!r}, not the traces of each category")
    return counted


def _iter_chunks(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Yield the rows in chunks of complete lines."""
    while chunk := file.read(CHUNK_BYTES):
        chunk += file.readline(MAX_LINE_BYTES)
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n")
        if not chunk.endswith(b"\n"):
            raise _not_a_manifest(path)
        yield chunk


class _Columns(NamedTuple):
    """Columns of the table, with one item per chunk of the file."""

    names: list[bytes]
    hashes: list[np.ndarray]
    """Hashes of the names, to find repeated ones."""
    lengths: list[np.ndarray]
    splits: list[str]
    digests: list["_DigestColumns"]

    def add(self, chunk: bytes, path: Path) -> None:
        """Parse the rows of a chunk."""
        content = np.frombuffer(chunk, np.uint8)
        fields = _find_fields(content)
        splits = None if fields is None else _read_splits(content, fields)
        digests = None if fields is None else _read_digests(content, fields)
        if fields is None or splits is None or digests is None:
            broken_row = next(
                line for line in chunk.decode().split("\n") if not _ROW.fullmatch(line)
            )
            raise InputError(f"{str(path)!r} has a broken row: {broken_row[:60]!r}")
        text = _first_column(content, fields)
        names = text.decode().split(SEPARATOR)[:-1]
        check_names(names, path)
        self.names.append(text)
        # Hashes of 8 bytes find repeated names without a set of a million strings in memory.
        self.hashes.append(np.fromiter(map(hash, names), np.int64, len(names)))
        self.lengths.append(fields.lengths[:, 0] + 1)
        self.splits.extend(splits)
        self.digests.append(digests)

    def manifest(self, header: Manifest, path: Path) -> Manifest:
        """Combine header and table, if their counts agree."""
        lengths = np.concatenate([np.zeros(1, np.int64), *self.lengths])
        names = NameTable(b"".join(self.names), np.cumsum(lengths))
        _refuse_repeated(names, np.concatenate([np.empty(0, np.int64), *self.hashes]), path)
        if sum(header.categories.values()) != len(names):
            raise InputError(
                f"{str(path)!r} has {len(names)} rows, its header says {dict(header.categories)}"
            )
        waveforms, attributes = (
            Digests(
                b"".join(chunk[number][0] for chunk in self.digests),
                size,
                np.concatenate([np.empty(0, bool), *(chunk[number][1] for chunk in self.digests)]),
            )
            for number, size in enumerate((WAVEFORM_BYTES, ATTRIBUTE_BYTES))
        )
        return replace(
            header, traces=names, splits=self.splits, waveforms=waveforms, attributes=attributes
        )


_DigestColumns = tuple[tuple[bytes, np.ndarray], tuple[bytes, np.ndarray]]
"""Packed digests of waveforms and of attributes, and which are known."""


class _Fields(NamedTuple):
    """Offset and length in bytes of the four fields of each row, shape (rows, 4)."""

    starts: np.ndarray
    lengths: np.ndarray


def _find_fields(content: np.ndarray) -> _Fields | None:
    """Return the fields of rows; None if a row does not have four, or has no name."""
    ends = np.flatnonzero((content == _TAB) | (content == _NEWLINE))
    if len(ends) % 4 or (content[ends].reshape(-1, 4) != (_TAB, _TAB, _TAB, _NEWLINE)).any():
        return None
    starts = np.append(0, ends + 1)[:-1]
    lengths = (ends - starts).reshape(-1, 4)
    return _Fields(starts.reshape(-1, 4), lengths) if lengths[:, 0].all() else None


def _read_splits(content: np.ndarray, fields: _Fields) -> list[str] | None:
    """Parse the column of splits, whose names all differ in length; None if one is invalid."""
    starts, lengths = fields.starts[:, 1], fields.lengths[:, 1]
    splits = np.full(len(starts), None, object)
    for split in SPLIT_NAMES:
        rows = np.flatnonzero(lengths == len(split))
        characters = content[starts[rows][:, np.newaxis] + np.arange(len(split))]
        splits[rows[(characters == list(split.encode())).all(axis=1)]] = split
    split_list: list[str] = splits.tolist()
    return None if None in split_list else split_list


def _read_digests(content: np.ndarray, fields: _Fields) -> _DigestColumns | None:
    """Parse the columns of waveform and attribute digests; None if one is invalid."""
    waveforms, attributes = (
        _parse_digests(content, fields.starts[:, column], fields.lengths[:, column], size)
        for column, size in ((2, WAVEFORM_BYTES), (3, ATTRIBUTE_BYTES))
    )
    return None if waveforms is None or attributes is None else (waveforms, attributes)


def _parse_digests(
    content: np.ndarray, starts: np.ndarray, lengths: np.ndarray, size: int
) -> tuple[bytes, np.ndarray] | None:
    is_known = lengths == 2 * size
    if (lengths[~is_known] != 1).any() or (content[starts[~is_known]] != _HYPHEN).any():
        return None
    digits = _NIBBLES[content[starts[is_known][:, np.newaxis] + np.arange(2 * size)]]
    if (digits == _NO_DIGIT).any():
        return None
    packed = np.zeros((len(starts), size), np.uint8)
    packed[is_known] = digits[:, ::2] << 4 | digits[:, 1::2]
    return packed.tobytes(), is_known


def _first_column(content: np.ndarray, fields: _Fields) -> bytes:
    """Return the names of the rows, each followed by its tab."""
    # +1 where a name begins, -1 behind its tab: the cumulative sum masks the bytes of the names.
    edges = np.zeros(len(content), np.int8)
    edges[fields.starts[:, 0]] = 1
    edges[fields.starts[:, 1]] = -1
    return content[np.cumsum(edges, dtype=np.int8).view(bool)].tobytes()


def _refuse_repeated(names: NameTable, hashes: np.ndarray, path: Path) -> None:
    sorted_hashes = np.sort(hashes)
    repeated_hashes = sorted_hashes[1:][sorted_hashes[1:] == sorted_hashes[:-1]]
    name_counts = Counter(
        names[row] for row in np.flatnonzero(np.isin(hashes, repeated_hashes)).tolist()
    )
    if name_counts and name_counts.most_common(1)[0][1] > 1:
        raise InputError(f"{str(path)!r} lists a trace twice")
