"""Cases of what an input is: no plain file, another file, hostile texts, tables and networks."""

import csv
import os
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from campaigns.abuse import networks
from campaigns.abuse.cases import Case, Command
from campaigns.abuse.sandbox import remove
from campaigns.abuse.values import NAMES, NUMBERS, TIMES

Make = Callable[[Path], object]


def _socket(path: Path) -> None:
    """Bind it from its folder: the path of a socket may have 100 bytes."""
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _to(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def _holding(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def _folder_of(make: Make, name: str) -> Make:
    def build(path: Path) -> None:
        path.mkdir()
        make(path / os.fsdecode(name.encode("latin-1")))

    return build


INSTEAD: dict[str, Make] = {
    "a FIFO": os.mkfifo,
    "a socket": _socket,
    "/dev/null": _to("/dev/null"),
    "/dev/zero": _to("/dev/zero"),
    "/dev/urandom": _to("/dev/urandom"),
    "a link to nowhere": _to("nowhere"),
    "a link to a folder": _to("."),
    "a folder": Path.mkdir,
    "an empty file": Path.touch,
    "zeros": _holding(bytes(5000)),
    "a terabyte of nothing": _sparse,
    "one byte": _holding(b"\n"),
    "text": _holding(b"years of work\n" * 20),
    "escape sequences": _holding(b"\x1b[31m\x1b]0;title\x07," * 200),
    "not UTF-8": _holding(b"trace_name,\xff\xfe\n\xff,1\n"),
    "UTF-16": _holding("trace_name,trace_category\nx,noise\n".encode("utf-16")),
    "one long line": _holding(b"x" * 3_000_000),
    "quotes without end": _holding(b'trace_name,trace_category\n"' + b"x\n" * 5000),
    "HDF5 of a few bytes": _holding(b"\x89HDF\r\n\x1a\n" + bytes(100)),
    "PNG": _holding(b"\x89PNG\r\n\x1a\n" + bytes(100)),
    "zip": _holding(b"PK\x05\x06" + bytes(18)),
    "gzip": _holding(b"\x1f\x8b\x08\x00" + bytes(100)),
    "a pickle": _holding(b"\x80\x04cos\nsystem\n(S'touch executed'\ntR."),
    "JSON": _holding(b'{"a": [1, 2, {"b": null}]}'),
    "TOML": _holding(b"a = 1\n[b]\nc = 'd'\n"),
    "XML": _holding(b"<?xml version='1.0'?><a><b/></a>"),
    "a folder of a FIFO": _folder_of(os.mkfifo, "pipe"),
    "a folder of a device": _folder_of(_to("/dev/zero"), "zero.mseed"),
    "a folder of an odd name": _folder_of(Path.touch, "not\xffutf8.mseed"),
    "a folder in itself": _folder_of(_to(".."), "again"),
}
"""What may stand in place of an input, file or folder."""


def cases(command: Command) -> Iterator[Case]:
    """List the cases of one command."""
    for name, example in command.call.inputs.items():
        for path in dict.fromkeys((example, *_companions(example))):
            for what, make in INSTEAD.items():
                yield _case(command, name, "no such input", path, what, partial(_replace, make))
            for fraction in (0.01, 0.3, 0.9, 0.999):
                cut = partial(_cut, fraction=fraction)
                yield _case(command, name, "no such input", path, f"cut at {fraction}", cut)
            for what, change in networks.hostile(path).items():
                yield _case(command, name, "hostile contents", path, what, change)
            if path.endswith(".csv"):
                yield from _cells(command, name, path)


def _case(
    command: Command, name: str, kind: str, path: str, what: str, change: Callable[[Path], object]
) -> Case:
    values = command.values_for(name, command.call.inputs[name])
    prepare = partial(_change, path=path, change=change)
    return command.case(kind, f"{path} is {what}", values, prepare=prepare)


def _companions(path: str) -> tuple[str, ...]:
    """Name what is read with an input."""
    if path.endswith(".hdf5"):
        return (path.replace(".hdf5", ".csv"), path.replace(".hdf5", ".manifest"))
    folders = {
        "in/run": (
            "config.json",
            "split.manifest",
            "best.weights.h5",
            "history.csv",
            "evaluation/picks.csv",
            "evaluation/detections.csv",
            "evaluation/traces.csv",
        ),
        "in/seisbench": ("metadata.csv", "waveforms.hdf5"),
        "in/records": ("XX.ABC..HHZ.mseed",),
    }
    return tuple(f"{path}/{name}" for name in folders.get(path, ()))


def _change(case: Path, path: str, change: Callable[[Path], object]) -> None:
    change(case / path)


def _replace(make: Make, path: Path) -> None:
    remove(path)
    make(path)


def _cut(path: Path, fraction: float) -> None:
    if path.is_file():
        os.truncate(path, int(path.stat().st_size * fraction))


COLUMNS = {
    "in/a.csv": (
        "trace_name",
        "trace_category",
        "trace_start_time",
        "source_id",
        "source_origin_time",
        "source_magnitude",
        "source_latitude",
        "source_longitude",
        "source_depth_km",
        "receiver_code",
        "network_code",
        "receiver_latitude",
        "receiver_elevation_m",
        "p_arrival_sample",
        "s_arrival_sample",
        "coda_end_sample",
        "snr_db",
        "p_status",
    ),
    "in/picks.csv": ("network", "station", "phase", "time", "origin_time", "magnitude", "event_id"),
    "in/stations.csv": ("network", "station", "latitude", "elevation_m"),
    "in/seisbench/metadata.csv": (
        "trace_name",
        "trace_name_original",
        "trace_start_time",
        "trace_sampling_rate_hz",
        "trace_component_order",
        "trace_p_arrival_sample",
        "trace_category",
        "source_magnitude",
        "station_code",
    ),
    "in/run/evaluation/picks.csv": ("P_pick", "trace_category", "number_of_detections"),
    "in/run/evaluation/traces.csv": ("trace_name", "p_s", "earthquake"),
}
"""Columns of tables whose cells are replaced."""

CELLS = tuple(
    dict.fromkeys(
        (*NUMBERS[-16:], *TIMES[5:], *(name for name in NAMES if "/" not in name), "XYZ", "ZZZ")
    )
)


def _cells(command: Command, name: str, path: str) -> Iterator[Case]:
    columns = COLUMNS.get(path.replace("train", "a"), ())
    for number, column in enumerate(columns):
        # Every command meets other values in a column, so that together they meet all.
        shift = sum(command.name.encode()) + 7 * number
        for text in [CELLS[(shift + 3 * i) % len(CELLS)] for i in range(8)]:
            fill = partial(_fill, column=column, text=text)
            yield _case(command, name, "cells", path, f"{column} {text[:40]!r}", fill)


def _fill(path: Path, column: str, text: str) -> None:
    """Write a text into a column of the second row, and of the last."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if column not in rows[0]:
        rows = [[*row, text if number else column] for number, row in enumerate(rows)]
    for row in (rows[1], rows[-1]):
        row[rows[0].index(column)] = text
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        csv.writer(file).writerows(rows)
