"""Odd surroundings and names: dates for builds, ASCII, full or closed outputs, no folder."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import refused

ODD_DATES = ["", "words", "-999999999999999999", "9" * 5000, "1e5"]
ASCII = {
    "LC_ALL": "C",
    "PYTHONIOENCODING": "ascii",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}
ROOT = Path(__file__).parents[2]


def start(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a shell's command in a folder; ``steadkit`` is ours."""
    function = f'steadkit() {{ "{sys.executable}" -m steadkit "$@"; }}; '
    home = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    call = ["bash", "-c", function + command]
    return subprocess.run(
        call, cwd=folder, env=home | environment, capture_output=True, text=True, check=False
    )


def rename(source, name: str) -> Path:
    """Give a data set another name; returns its HDF5 file."""
    for path in (source.csv, source.hdf5):
        moved = path.rename(path.with_name(name + path.suffix))
    return moved


@pytest.mark.parametrize("date", ODD_DATES, ids=lambda date: date[:9])
@pytest.mark.parametrize("ending", ["pdf", "SVG", "PNG"])
def test_a_date_for_builds_does_not_concern_figures(run, stead, monkeypatch, date, ending):
    source = stead()
    outputs = []
    for number, value in enumerate((date, "0")):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
        output = source.hdf5.with_name(f"{number}.{ending}")
        result = run("steadkit", "plot", "distributions", source.hdf5, "-o", output)
        assert result.exit_code == 0, result.output
        outputs.append(output.read_bytes())
    assert outputs[0] == outputs[1]


def test_a_terminal_of_ascii_gets_escapes(stead, tmp_path):
    rename(stead(), "Žlutý ☃")
    ended = start("steadkit info 'Žlutý ☃.hdf5'", tmp_path, **ASCII)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.isascii() and "traces: 12" in ended.stdout
    ended = start("steadkit info 'Žlutý.hdf5'", tmp_path, **ASCII)
    assert ended.returncode == 1 and ended.stderr.isascii()
    assert ended.stderr.startswith("Error: no file ") and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("steadkit info chunk.hdf5 > /dev/full", 1, "no space left on device: make room"),
        ("steadkit info chunk.hdf5 >&-", 0, ""),
        ("steadkit info none.hdf5 >&- 2>&-", 1, ""),
        ("steadkit merge chunk.hdf5 -o o.hdf5 <&- >&- 2>&- && steadkit verify o.hdf5", 0, ""),
        ("steadkit info chunk.hdf5 <&- >/dev/null", 0, ""),
        ("steadkit info chunk.hdf5 | true", 0, ""),
        ("COLUMNS=0 steadkit info chunk.hdf5", 0, ""),
        ("mkdir a; cd a; rmdir ../a; steadkit demo", 1, "the current folder was removed"),
        ("mkdir a; cd a; rmdir ../a; steadkit info b.csv", 1, "no file 'b.csv'"),
        ("HOME=/proc/none steadkit plot distributions chunk.hdf5", 0, None),
        ("TMPDIR=/none steadkit subset chunk.hdf5 --fraction 0.5", 0, ""),
        ("unset HOME; steadkit subset chunk.hdf5 --fraction 0.5", 0, ""),
    ],
)
def test_odd_surroundings_end_in_one_line_or_do_no_harm(stead, tmp_path, command, code, message):
    stead()
    ended = start(command, tmp_path)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr and "Exception ignored" not in ended.stderr
    if message is not None:
        assert message in ended.stderr and len(ended.stderr.splitlines()) == bool(message)


NAMES = ["a\x1b[31mb", "a\nb", "\u202eb", "Žlutý ☃", "a%b$c[d]", "bad\udcff"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_figures_of_data_with_an_odd_name_under_an_odd_name(run, stead, name, ending):
    data = rename(stead(), name)
    output = data.with_name(f"{name}-1{ending}")
    result = run("steadkit", "plot", "overview", data, "-o", output)
    assert result.exit_code == 0, result.output
    assert output.stat().st_size > 1000 and result.stderr == ""
    assert result.stdout.strip().isprintable()


def test_a_data_set_is_copied_from_a_file_whose_name_is_no_text(run, stead, tmp_path):
    rename(stead(), "bad\udcff")
    result = run("steadkit", "merge", "bad\udcff.hdf5", "-o", "out.hdf5")
    assert result.exit_code == 0, result.output
    refused(run("steadkit", "merge", "out.hdf5", "-o", "bad\udcff-2.hdf5"), "cannot be shown")
    assert not any("bad" in path.name for path in tmp_path.iterdir() if "2" in path.name)


def test_a_backend_that_matplotlib_lacks_does_not_concern_us(stead, tmp_path):
    stead("a.hdf5")
    command = "steadkit convert to-miniseed a.hdf5 -o out"
    ended = start(command, tmp_path, MPLBACKEND="nonsense")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_folder_called_as_the_shell_calls_the_home_is_no_home(run, stead, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("~", "home"):
        (tmp_path / name).mkdir()
    stead("~/a.hdf5")
    assert run("steadkit", "check", "~/a.hdf5", "-o", "~/found.csv").exit_code in (0, 1)
    assert (tmp_path / "~" / "found.csv").is_file()
    assert not list((tmp_path / "home").iterdir())
