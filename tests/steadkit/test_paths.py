"""What is no plain file is refused and never waited for; JSON is read for what it must be."""

import os
import signal
import socket

import pytest
from conftest import names_of, refused

from steadkit.errors import InputError
from steadkit.paths import (
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    is_file,
    list_type,
    parse_json,
    read_json,
    require_file,
    value_at,
)
from steadkit.split import SplitConfig

PICKS = "network,station,phase,time\nXX,S0,P,2020-01-01T00:00:06\n"


def pipe(path):
    os.mkfifo(path)


def listener(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def device(path):
    path.symlink_to("/dev/zero")


def folder(path):
    path.mkdir()


SPECIAL_FILES = {pipe: "a named pipe", listener: "a socket", device: "a device", folder: "a folder"}


@pytest.fixture(params=SPECIAL_FILES, ids=lambda make: make.__name__)
def special_file(request, monkeypatch, tmp_path):
    """Make what is no file; a command that waits for it fails instead of hanging."""
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(60)
    monkeypatch.chdir(tmp_path)  # a socket's name has at most a hundred bytes
    yield request.param
    signal.alarm(0)


def test_the_kinds(special_file, tmp_path):
    special_file(tmp_path / "x")
    for check in (is_file, require_file):
        with pytest.raises(InputError, match=SPECIAL_FILES[special_file]):
            check(tmp_path / "x")


def test_what_is_not_there_and_what_cannot_be_looked_at(tmp_path):
    assert not is_file(tmp_path / "none") and not is_file(tmp_path / "none" / "x")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert not is_file(tmp_path / "dangling")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("loop", "a" * 300, "a\0b"):
        with pytest.raises(InputError, match="cannot look at"):
            is_file(tmp_path / name)


COMMANDS = {
    "info x.csv": "x.csv",
    "info x.manifest": "x.manifest",
    "info chunk.hdf5": "chunk.hdf5",
    "info chunk.csv": "chunk.hdf5",
    "subset x.hdf5 --count 1 -o out": "x.csv",
    "subset x.csv --count 1 --manifest-only -o out": "x.csv",
    "subset chunk.hdf5 --count 1 --exclude x -o out": "x",
    "subset --count 1 -o out": "merge.hdf5",
    "subset --preset merged -o out": "chunk1.hdf5",
    "merge chunk.hdf5 x.csv -o out": "x.csv",
    "build x.manifest --source chunk.hdf5 -o out": "x.manifest",
    "verify chunk.hdf5": "chunk.manifest",
    "verify chunk.hdf5 --manifest x": "x",
    "diff x.manifest x.manifest": "x.manifest",
    "split x.manifest": "x.manifest",
    "split chunk.hdf5": "chunk.manifest",
    "split chunk.hdf5 --metadata x.csv": "x.csv",
    "split chunk.hdf5 --check": "chunk.split.manifest",
    "check x.csv --metadata-only": "x.csv",
    "check x.hdf5": "x.csv",
    "preview chunk.hdf5": "chunk.csv",
    "plot trace chunk.hdf5": "chunk.csv",
    "plot map x.csv": "x.csv",
    "convert from-records records --picks x.csv -o out": "x.csv",
    "convert from-records records --picks x.xml -o out": "x.xml",
    "convert from-records records --picks picks.csv --stations x.csv -o out": "x.csv",
    "convert from-records records --picks picks.csv --stations x.xml -o out": "x.xml",
    "convert from-seisbench records -o out": "records/chunks",
    "convert from-seisbench seisbench -o out": "seisbench/metadata.csv",
    "convert to-seisbench chunk.hdf5 -o out": "chunk.manifest",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_reader_of_a_command(stead, run, tmp_path, special_file, command):
    stead()
    (tmp_path / "records").mkdir()
    (tmp_path / "seisbench").mkdir()
    for name in ("seisbench/waveforms.hdf5", "chunk1.csv", "chunk4.hdf5", "chunk4.csv", "x.hdf5"):
        (tmp_path / name).touch()
    (tmp_path / "picks.csv").write_text(PICKS)
    odd = tmp_path / COMMANDS[command]
    odd.unlink(missing_ok=True)
    special_file(odd)
    entries = sorted(tmp_path.rglob("*"))
    refused(run("steadkit", *command.split()), odd.name)
    assert sorted(tmp_path.rglob("*")) == entries


def test_a_split_beside_the_data_is_not_passed_over(stead, run, tmp_path, special_file):
    stead(names=names_of(6, 6))
    special_file(tmp_path / "chunk.manifest")
    refused(run("steadkit", "split", "chunk.hdf5"), SPECIAL_FILES[special_file])


HOSTILE = "\x1b[31m" * 100


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON from line 1, column 1 on"),
        (b"{\n 1}", "is not JSON from line 2, column 2 on"),
        (b"\xff\xfe", "is not JSON that can be read"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b"1" * 5000, "is not JSON that can be read"),
        (b"[1, 2]", "is [1, 2]: a JSON object is needed"),
        (b"null", "is None: a JSON object is needed"),
        (b" " * 2000, "has more than 1,000 bytes"),
    ],
)
def test_what_is_no_object_is_said(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as refusal:
        read_json(path, 1000 if len(content) == 2000 else 1 << 20)
    assert message in str(refusal.value) and str(path) in str(refusal.value)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("json_type", "valid_values", "misfits"),
    [
        (TEXT, ["", "a"], [1, None, ["a"]]),
        (INTEGER, [0, -5], [1.0, True, "1", None]),
        (NUMBER, [0, 1.5], [float("nan"), float("inf"), True, "1"]),
        (OBJECT, [{}], [[], None]),
        (list_type(TEXT), [[], ["a"]], ["earthquake", [1], {"a": 1}, None]),
        (list_type(NUMBER, 2), [[1, 2.5]], [[1], [1, 2, 3], [1, "2"], 5]),
    ],
    ids=lambda x: getattr(x, "name", ""),
)
def test_a_value_of_another_type_is_refused_with_the_value(json_type, valid_values, misfits):
    for value in valid_values:
        assert value_at({"key": value}, "key", json_type, "it") == value
    for value in misfits:
        with pytest.raises(InputError) as refusal:
            value_at({"key": value}, "key", json_type, "it")
        assert str(refusal.value) == f"it has 'key' = {value!r}: {json_type.name} is needed"
    with pytest.raises(InputError, match="it has no 'key'"):
        value_at({}, "key", json_type, "it")


def test_a_value_is_shown_short_and_harmless():
    with pytest.raises(InputError) as refusal:
        value_at({"key": HOSTILE}, "key", INTEGER, "it")
    assert len(str(refusal.value)) < 300 and str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"by": "earthquake"}, "has 'by' = 'earthquake': a list, each a text is needed"),
        ({"by": [1]}, "has 'by' = [1]"),
        ({"shares": None}, "has 'shares' = None"),
        ({"shares": ["a", "b", "c"]}, "fraction 'a' is not a number"),
        ({"shares": ["1/0", "0", "0"]}, "fraction '1/0' is not a number"),
        ({"seed": "x"}, "has 'seed' = 'x': a whole number is needed"),
        ({"stratify": [None]}, "has 'stratify' = [None]"),
        ({"cut": ["2010-01-01"], "by": ["time"]}, "two times are needed"),
        ({"gap_days": []}, "has 'gap_days' = []"),
        ({"cell_degrees": True}, "has 'cell_degrees' = True"),
        ({"test_box": [1, 2, 3]}, "has 'test_box' = [1, 2, 3]"),
    ],
)
def test_a_recipe_of_a_split_is_read_with_its_types(changed, message):
    with pytest.raises(InputError) as refusal:
        SplitConfig.from_recipe(SplitConfig().to_recipe("3f9a") | changed)
    assert message in str(refusal.value)


def test_an_object_is_read():
    assert parse_json('{"a": [1, "é"]}', "it") == {"a": [1, "é"]}
