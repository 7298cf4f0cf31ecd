"""Hostile settings, run folders and files of networks; what they would run leaves a file."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Change = Callable[[Path], object]

CANARY = "executed"
LAMBDA = {"class_name": "Lambda", "config": {"function": f"open('{CANARY}', 'w')"}}
CALL = {
    "module": "os",
    "class_name": "system",
    "config": f"touch {CANARY}",
    "registered_name": None,
}
HUGE = "9" * 400
DEEP = 100_000


def hostile(path: str) -> dict[str, Change]:
    """List what the file at a path may hold, by what it is."""
    name = path.rpartition("/")[2]
    return {
        "tiny.toml": _texts(SETTINGS_OF_NETWORKS),
        "train.toml": _texts(SETTINGS_OF_TRAINING),
        "config.json": {**_texts(JSONS), **_members(MEMBERS)},
        "a.manifest": _lines(MANIFEST_LINES),
        "split.manifest": _lines(MANIFEST_LINES),
        "train.split.manifest": _lines(MANIFEST_LINES),
        "best.weights.h5": WEIGHTS,
        "k.keras": KERAS,
        "picks.csv": _texts(QUAKEML) if path == "in/picks.csv" else {},
        "stations.csv": _texts(STATION_XML),
        "names.txt": _texts({"names": "\x1b[31m\n\u202e\n" + "n" * 10_000}),
    }.get(name, {})


def _texts(table: dict[str, str]) -> dict[str, Change]:
    return {
        what: lambda path, text=text: path.write_text(text, errors="surrogateescape")
        for what, text in table.items()
    }


SETTINGS_OF_NETWORKS = {
    "a wide kernel": "kernels = [1000000000]\nfilters = [2]\n",
    "many blocks": f"filters = {[2] * 7}\nkernels = {[3] * 7}\nresidual_kernels = {[3] * 100_000}",
    "many recurrent blocks": f"encoder_rnn = {['bilstm'] * 5000}",
    "many units": "rnn_units = 20000\n",
    "much attention": "attention_units = 1000000000\n",
    "many transformers": "transformer_blocks = 100000\n",
    "many heads": "attention = 'multi_head'\nheads = 1000000\n",
    "a long input": "input_length = 1000000000000000\n",
    "many filters": f"filters = {[100_000] * 7}\n",
    "no filters": "filters = []\nkernels = []\n",
    "an integer of 400 digits": f"rnn_units = {HUGE}\n",
    "a number below 0": "dropout = -0.1\n",
    "nan": "dropout = nan\n",
    "inf": "kernel_l1 = inf\n",
    "a text": "filters = 'many'\n",
    "a time": "rnn_units = 2015-01-01\n",
    "a table": "[filters]\na = 1\n",
    "nested lists": "filters = " + "[" * 3000 + "]" * 3000,
    "true": "rnn_units = true\n",
    "an unknown setting": "colour = 'red'\n",
    "an unknown setting of control characters": '"\\u001b[31mred" = 1\n',
    "a setting twice": "rnn_units = 1\nrnn_units = 2\n",
    "half a line": "rnn_units = \n",
    "half an escape": 'a = "\\u00"\n',
    "a mark of byte order": "\ufeffrnn_units = 2\n",
    "a long name": f"{'n' * 5000} = 1\n",
    "a layer of code": f"gate = {json.dumps(json.dumps(LAMBDA))}\n",
}

SETTINGS_OF_TRAINING = {
    "no epochs": "epochs = 0\n",
    "epochs of 400 digits": f"epochs = {HUGE}\n",
    "half an epoch": "epochs = 0.5\n",
    "a large batch": "batch_size = 1000000000000\nepochs = 1\n",
    "nan": "learning_rate = nan\n",
    "inf": "learning_rate = inf\n",
    "a share of 1e999999999": "train = '1e999999999'\n",
    "a share of 400 digits": f"train = '0.{HUGE}'\n",
    "a share of nothing": "train = ''\n",
    "shares of a list": "train = [1, 2]\n",
    "a seed below 0": "seed = -1\n",
    "a seed of 400 digits": f"seed = {HUGE}\n",
    "frozen numbers": "freeze = [1, 2]\n",
    "frozen text": "freeze = 'encoder'\n",
    "weights of text": "loss_weights = ['a', 'b', 'c']\n",
    "two weights": "loss_weights = [0.1, 0.2]\n",
    "weights of zero": "loss_weights = [0, 0, 0]\n",
    "unknown": "colour = 'red'\n",
    "unknown, of control characters": '"\\u001b[31mred" = 1\n',
    "a table": "[epochs]\na = 1\n",
    "a time": "epochs = 2015-01-01\n",
    "not TOML": "epochs: 1\n",
}

JSONS = {
    "null": "null",
    "a list": "[]",
    "a text": '"x"',
    "a number": "1",
    "nothing": "{}",
    "NaN": "NaN",
    "a number of 5000 digits": "9" * 5000,
    "deep": "[" * DEEP,
    "deep objects": '{"model":' * DEEP,
    "half": '{"data": "',
    "a lone surrogate": '{"data": "\\ud800", "model": {}, "training": {}, "environment": {}}',
    "megabytes of binary": "\x00\x01\x02" * 1_000_000,
    "bytes that are not UTF-8": "\udcff\udcfe",
}


def _members(table: dict[str, tuple[str, Any]]) -> dict[str, Change]:
    return {
        what: lambda path, key=key, value=value: _set(path, key, value)
        for what, (key, value) in table.items()
    }


def _set(path: Path, key: str, value: object) -> None:
    content = json.loads(path.read_text())
    *folders, last = key.split("/")
    place = content
    for folder in folders:
        place = place[folder]
    place[last] = value
    path.write_text(json.dumps(content))


MEMBERS: dict[str, tuple[str, Any]] = {
    "data null": ("data", None),
    "data a number": ("data", 1),
    "data a list": ("data", ["in/train.hdf5"]),
    "data empty": ("data", ""),
    "data of NUL": ("data", "in/\x00train.hdf5"),
    "data of escapes": ("data", "in/\x1b[31mtrain.hdf5"),
    "data a device": ("data", "/dev/zero"),
    "data long": ("data", "n" * 5000),
    "environment a list": ("environment", [1, 2]),
    "environment a number": ("environment", 7),
    "environment null": ("environment", None),
    "about a list": ("about", [1, 2]),
    "about a text": ("about", "x"),
    "about null": ("about", None),
    "about of a command of escapes": ("about", {"command": "\x1b[31m", "name": "\x1b[31m"}),
    "about of numbers": ("about", {"name": 1, "command": 2, "data_digest": 3, "split": 4}),
    "model null": ("model", None),
    "model a list": ("model", []),
    "model empty": ("model", {}),
    "filters a number": ("model/filters", 8),
    "filters of text": ("model/filters", ["a"]),
    "filters null": ("model/filters", None),
    "kernels wide": ("model/kernels", [10**9] * 4),
    "units many": ("model/rnn_units", 10**12),
    "length long": ("model/input_length", 10**15),
    "blocks many": ("model/transformer_blocks", 10**5),
    "dropout NaN": ("model/dropout", float("nan")),
    "a gate of code": ("model/gate", CALL),
    "training null": ("training", None),
    "training a list": ("training", [1]),
    "epochs a text": ("training/epochs", "many"),
    "batches of 0": ("training/batch_size", 0),
    "shares numbers": ("training/train", 0.6),
    "labels a list": ("training/labels", ["gaussian"]),
    "augment a number": ("training/augment", 5),
    "normalization null": ("training/normalization", None),
}


def _lines(table: dict[str, tuple[int, str]]) -> dict[str, Change]:
    return {
        what: lambda path, number=number, line=line: _insert(path, number, line)
        for what, (number, line) in table.items()
    }


def _insert(path: Path, number: int, line: str) -> None:
    lines = path.read_text().splitlines()
    lines[number:number] = [line]
    path.write_text("\n".join(lines) + "\n", errors="surrogateescape")


MANIFEST_LINES = {
    "another version": (0, "# steadkit manifest 99"),
    "a version of 400 digits": (0, f"# steadkit manifest {HUGE}"),
    "an odd line": (1, "# nothing of ours"),
    "an odd fact": (2, "# traces: many"),
    "events of 400 digits": (2, f"# events: {HUGE}"),
    "a recipe of text": (2, '# recipe: "x"'),
    "a deep recipe": (2, "# recipe: " + "[" * DEEP),
    "a row of one cell": (-1, "alone"),
    "a row of many cells": (-1, ",".join("x" * 100)),
    "a row of escapes": (-1, "\x1b[31mname\x1b[0m,noise,0,0"),
    "a long row": (-1, "n" * 100_000),
    "a row not UTF-8": (-1, "\udcff\udcfe,noise"),
    "a row of NUL": (-1, "a\x00b,noise"),
    "an empty row": (-1, ""),
}

QUAKEML_START = "<q:quakeml xmlns:q='http://quakeml.org/xmlns/quakeml/1.2'>"

QUAKEML = {
    "empty QuakeML": f"<?xml version='1.0'?>{QUAKEML_START}</q:quakeml>",
    "half QuakeML": f"<?xml version='1.0'?>{QUAKEML_START}<eventParameters>",
    "entities that multiply": "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'>"
    + "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><a>&c;</a>",
    "a file as entity": "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
    f"{QUAKEML_START}&x;</q:quakeml>",
    "no P": "network,station,phase,time\nXX,ABC,S,2024-02-03T00:01:40Z\n",
    "no columns": "a,b,c\n1,2,3\n",
    "columns twice": "network,station,phase,time,time\nXX,ABC,P,2024-02-03,2024-02-03\n",
    "only a heading": "network,station,phase,time\n",
}

STATION_XML = {
    "empty StationXML": "<?xml version='1.0'?><FDSNStationXML "
    "xmlns='http://www.fdsn.org/xml/station/1'></FDSNStationXML>",
    "half StationXML": "<?xml version='1.0'?><FDSNStationXML><Network code='XX'>",
    "no columns": "a,b,c\n1,2,3\n",
    "two places": "network,station,latitude,longitude\nXX,ABC,1,1\nXX,ABC,2,2\n",
    "beyond the pole": "network,station,latitude,longitude\nXX,ABC,91,181\n",
}


def _in_hdf5(change: Callable[[h5py.File], object]) -> Change:
    def alter(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return alter


def _first(file: h5py.File) -> str:
    found: list[str] = []
    file["weights"].visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return found[0]


def _instead(make: Callable[[h5py.Group, str], object]) -> Change:
    def change(file: h5py.File) -> None:
        name = _first(file)
        del file["weights"][name]
        make(file["weights"], name)

    return _in_hdf5(change)


def _link(link: object) -> Change:
    return _instead(lambda group, name: group.__setitem__(name, link))


WEIGHTS: dict[str, Change] = {
    "linked to a file outside": _link(h5py.ExternalLink("../../victim/w.h5", "/w")),
    "linked to a FIFO": _link(h5py.ExternalLink("/dev/zero", "/w")),
    "linked to itself": _instead(lambda group, name: group.__setitem__(name, h5py.SoftLink("/x"))),
    "stored outside": _instead(
        lambda group, name: group.create_dataset(
            name, (3, 3, 2), "f4", external=[("../../victim/thesis.txt", 0, 72)]
        )
    ),
    "of a group": _instead(lambda group, name: group.create_group(name)),
    "of text": _instead(lambda group, name: group.create_dataset(name, data="years of work")),
    "of nothing": _instead(lambda group, name: group.create_dataset(name, data=h5py.Empty("f4"))),
    "of NaN": _instead(
        lambda group, name: group.create_dataset(name, data=np.full((3, 3, 2), np.nan))
    ),
    "of complex numbers": _instead(
        lambda group, name: group.create_dataset(name, data=np.ones((3, 3, 2), complex))
    ),
    "of terabytes": _instead(
        lambda group, name: group.create_dataset(name, (10**6, 10**6), "f4", chunks=(100, 100))
    ),
    "none": _in_hdf5(lambda file: file.pop("weights")),
    "with a number as configuration": _in_hdf5(lambda file: file.attrs.__setitem__("config", 7)),
    "with bytes as configuration": _in_hdf5(
        lambda file: file.attrs.__setitem__("config", np.bytes_(b"\xff\xfe"))
    ),
    "with a list as configuration": _in_hdf5(lambda file: file.attrs.__setitem__("config", "[1]")),
    "with deep configuration": _in_hdf5(
        lambda file: file.attrs.__setitem__("config", "[" * 30_000)
    ),
    "with huge configuration": _in_hdf5(
        lambda file: file.attrs.__setitem__("config", json.dumps({"rnn_units": 10**9}))
    ),
    "without configuration": _in_hdf5(lambda file: file.attrs.pop("config")),
    "with another digest": _in_hdf5(lambda file: file.attrs.__setitem__("blake3", "0" * 64)),
    "published, of a layer of code": _in_hdf5(
        lambda file: file.attrs.__setitem__(
            "model_config", json.dumps({"class_name": "Model", "config": {"layers": [LAMBDA]}})
        )
    ),
    "published, of a list": _in_hdf5(lambda file: file.attrs.__setitem__("model_config", "[]")),
    "published, of binary": _in_hdf5(
        lambda file: file.attrs.__setitem__("model_config", np.bytes_(b"\xff" * 60_000))
    ),
}


def _zipped(members: dict[str, bytes]) -> Change:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members.items():
                file.writestr(name, content)

    return write


def _member(name: str, content: bytes) -> Change:
    """Replace a member of a zip file."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as old:
            members = {item: old.read(item) for item in old.namelist()}
        _zipped(members | {name: content})(path)

    return write


PICKLE = b"\x80\x04cos\nsystem\n(S'touch executed'\ntR."

KERAS: dict[str, Change] = {
    "of a layer of code": _member("config.json", json.dumps(LAMBDA).encode()),
    "of a call": _member("config.json", json.dumps(CALL).encode()),
    "of a list": _member("config.json", b"[1, 2]"),
    "of a number": _member("config.json", b"7"),
    "of megabytes of binary": _member("config.json", bytes(range(256)) * 12_000),
    "of deep JSON": _member("config.json", b"[" * DEEP),
    "of NaN": _member("config.json", b'{"config": NaN}'),
    "without configuration": _zipped({"metadata.json": b"{}", "model.weights.h5": b"x"}),
    "of weights that are text": _member("model.weights.h5", b"years of work"),
    "of a way out": _member("../victim/new", b"hostile"),
    "of a pickle": _zipped({"archive/data.pkl": PICKLE, "archive/version": b"3"}),
    "a bomb": _zipped({"config.json": bytes(300_000_000)}),
    "of metadata that are binary": _member("metadata.json", b"\xff\xfe\x00"),
}
