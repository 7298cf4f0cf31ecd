"""Kinds of files, recognised by their content: a file is replaced only by one of its kind."""

import codecs
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

HDF5 = "HDF5 file"
DATA, OTHER_HDF5 = f"{HDF5} of traces", f"{HDF5} of something else"
MANIFEST = "manifest"
TABLE = "CSV"
TRACES = "CSV of traces"
PNG, PDF, SVG = "PNG figure", "PDF figure", "SVG figure"
ZIP, KERAS, TORCH, ARRAYS = "zip archive", ".keras file", "PyTorch file", "NumPy archive"
ONNX = "ONNX file"
MINISEED = "miniSEED file"
HTML, XML, JSON = "HTML page", "XML file", "JSON file"
TEXT = "text file"
UNKNOWN = "file of an unknown kind"
EMPTY = "empty file"
ANY = "file of any kind"
"""For files in a folder that belongs to a command, such as a run."""

HEAD_BYTES = 4096

_ZIP_KINDS = (
    (re.compile(rb"metadata\.json|config\.json|eqt\.json"), KERAS),
    (re.compile(rb"[^/]+/(data\.pkl|\.format_version)"), TORCH),
    (re.compile(rb".*\.npy|state\.json"), ARRAYS),
)
"""Recognised by the name of the first member."""

_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), PNG),
    (re.compile(rb"%PDF-"), PDF),
    (re.compile(rb"# steadkit manifest "), MANIFEST),
    (re.compile(rb"\d{6}[DRQM][ \0]"), MINISEED),
    # Protocol buffers: the version of the format, and the producer's name.
    (re.compile(rb"\x08[\x01-\x7f]\x12"), ONNX),
)

BY_SUFFIX = {
    ".csv": TABLE,
    ".h5": HDF5,
    ".hdf5": HDF5,
    ".html": HTML,
    ".json": JSON,
    ".keras": KERAS,
    ".manifest": MANIFEST,
    ".md": TEXT,
    ".mseed": MINISEED,
    ".npz": ARRAYS,
    ".onnx": ONNX,
    ".pdf": PDF,
    ".png": PNG,
    ".pt": TORCH,
    ".svg": SVG,
    ".txt": TEXT,
    ".xml": XML,
}
"""Kind by file name ending, where the command does not declare one."""


def csv_kind(columns: Sequence[str]) -> str:
    """Name the kind of a CSV with these columns.

    >>> csv_kind(["trace_name", "what"])
    'CSV with the columns trace_name, what'
    """
    return f"{TABLE} with the columns {', '.join(columns)[:200]}"


def file_kind(path: Path) -> str:
    """Return the kind of a file by its content; links are followed, pipes do not block.

    Raises
    ------
    OSError
        It is missing or cannot be read.
    """
    # Opening a named pipe without O_NONBLOCK waits for a writer that may never come.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return "folder, pipe or device"
        head = file.read(HEAD_BYTES)
        # An HDF5 file of ours has its group of names at the end.
        file.seek(max(status.st_size - HEAD_BYTES, 0))
        return content_kind(head, file.read(HEAD_BYTES))


def content_kind(head: bytes, tail: bytes = b"") -> str:
    r"""Return the kind of a file by its first and last 4096 bytes.

    >>> content_kind(b"%PDF-1.4 ..."), content_kind(b"trace_name,what\n")
    ('PDF figure', 'CSV with the columns trace_name, what')
    """
    if not head:
        return EMPTY
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        # The group that holds the traces is named in the first bytes, in files of ours in the last.
        return DATA if b"data\0" in head + tail else OTHER_HDF5
    for pattern, kind in _SIGNATURES:
        if pattern.match(head):
            return kind
    return _zip_kind(head) or _text_kind(head) or UNKNOWN


def _zip_kind(head: bytes) -> str:
    if not head.startswith(b"PK\x03\x04"):
        return ""
    # The local header of a member: 30 bytes, of which the length of the name is at 26, then the
    # name.
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return next((kind for pattern, kind in _ZIP_KINDS if pattern.fullmatch(name)), ZIP)


def _text_kind(head: bytes) -> str:
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)  # the end may be cut
    except UnicodeDecodeError:
        return ""
    # A zero byte is valid UTF-8 but in no text file.
    if "\0" in text:
        return ""
    start = text.lstrip().lower()
    if start.startswith(("<!doctype html", "<html")):
        return HTML
    if start.startswith(("<?xml", "<svg")):
        return SVG if "<svg" in start else XML
    if start.startswith(("{", "[")):
        return JSON
    columns = [name.strip().strip('"') for name in text.partition("\n")[0].split(",")]
    if {"trace_name", "trace_category"} <= set(columns):
        return TRACES
    return csv_kind(columns) if len(columns) > 1 else TEXT


def kind_to_write(target: Path, declared: str = "", staged_file: Path | None = None) -> str:
    """Return the kind that a target will have; empty if it is not known yet."""
    if not declared and staged_file is not None:
        staged_kind = file_kind(staged_file)
        # The first line of a text, or a CSV, may be another in the next version.
        declared = "" if staged_kind.startswith((TEXT, TABLE)) else staged_kind
    return declared or BY_SUFFIX.get(target.suffix.lower(), "" if staged_file is None else TEXT)


def may_replace(new_kind: str, old_kind: str) -> bool:
    """Return whether a file of one kind may take the place of one of another.

    >>> abc = csv_kind(["a", "b", "c"])
    >>> may_replace(TABLE, TRACES), may_replace(abc, TRACES), may_replace(PNG, EMPTY)
    (True, False, True)
    """
    if old_kind == EMPTY or new_kind in ("", ANY, old_kind):
        return True
    # A kind that says less covers those that say more; a text may have commas in its first line.
    return (new_kind in (TABLE, HDF5) and old_kind.startswith(new_kind)) or (
        new_kind == TEXT and old_kind.startswith(TABLE)
    )
