"""What both command lines print: one line for an error, no control character, any encoding."""

import errno
import io
import os
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from steadkit.cli.options import FILE
from steadkit.console import ErrorGroup, echo, one_line, print_summary, print_table
from steadkit.errors import InputError, printable

HOSTILE = "a\x1b[31m\x07\u202e\ufffe\udcff\n\r\x9bz"


def group_of(body):
    """Make a program whose one command does something."""
    main = ErrorGroup("program")

    @main.command()
    @click.argument("file", type=FILE, required=False)
    def command(file):
        body()

    return main


def run(body, *arguments):
    return CliRunner().invoke(group_of(body), ["command", *arguments])


def raise_(error):
    raise error


def test_a_hostile_value_is_one_line_of_plain_characters():
    text = printable(HOSTILE)
    assert text.isprintable() and text.startswith(r"a\x1b[31m\x07\u202e\ufffe\xff\n\r\x9bz")


@pytest.mark.parametrize("show", [echo, lambda text: print_summary(text, {text: text})])
def test_what_is_printed_moves_no_cursor(show):
    result = run(lambda: show(HOSTILE))
    assert result.exit_code == 0 and r"\x1b[31m" in result.output
    assert all(line.isprintable() for line in result.output.split("\n"))


def test_a_table_moves_no_cursor_and_reads_no_markup():
    result = run(
        lambda: print_table(HOSTILE, ["[red]", HOSTILE], [["[/bold]", HOSTILE], [1, None]])
    )
    assert "[red]" in result.output and "[/bold]" in result.output
    assert all(line.isprintable() for line in result.output.split("\n"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError(HOSTILE), r"a\x1b[31m"),
        (InputError("x" * 10**6), "xxx..."),
        (OSError(errno.ENOSPC, "No space", "out.hdf5"), "'out.hdf5': no space left on device"),
        (PermissionError(errno.EACCES, "no", b"bad\xff"), r"'bad\udcff': permission denied"),
        (OSError("HDF5 says what it says"), "HDF5 says what it says"),
        (MemoryError(), "not enough memory"),
        (MemoryError("7 GiB"), "(7 GiB)"),
    ],
)
def test_an_error_is_one_short_line(error, message):
    result = run(lambda: raise_(error))
    lines = result.stderr.splitlines()
    assert (result.exit_code, len(lines)) == (1, 1) and len(lines[0]) < 2100
    assert message in lines[0] and lines[0].isprintable()


def test_an_interruption_is_one_line_and_130():
    result = run(lambda: raise_(KeyboardInterrupt()))
    assert (result.exit_code, result.stderr) == (130, "Error: interrupted\n")


@pytest.mark.parametrize("option", ["--no\x1b[31m", "x\x1b[31m\ny"])
def test_a_wrong_option_moves_no_cursor(option):
    result = CliRunner().invoke(group_of(len), ["command", "file", option])
    lines = result.stderr.splitlines()
    assert result.exit_code == 2 and all(line.isprintable() for line in lines)
    assert sum(line.startswith("Error: ") for line in lines) == 1 == len(lines) - 3


@pytest.mark.parametrize(
    "value", ["", "a\0b", "x" * 256, "a/" * 2100, "\ud800", "é" * 128], ids=lambda x: ascii(x[:9])
)
def test_what_cannot_name_a_file_is_refused_before_anything_is_done(value):
    result = run(lambda: raise_(AssertionError("it was run")), value)
    assert result.exit_code == 2 and "Error: Invalid value for '[FILE]': " in result.stderr


@pytest.mark.parametrize("value", ["x" * 255, "bad\udcff", ".", "/", " ", "é" * 127])
def test_what_can_name_a_file_is_taken_as_the_system_gives_it(value):
    assert os.fspath(FILE.convert(value, None, None)) == value


def test_an_ascii_terminal_gets_escapes(monkeypatch):
    printed = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", printed)
    main = group_of(lambda: [echo("é"), print_table("ß", ["ñ"], [["ł"]])])
    main.main(["command"], standalone_mode=False)
    printed.flush()
    text = printed.buffer.getvalue().decode("ascii")
    assert r"\xe9" in text and r"\xdf" in text and r"\u0142" in text


def test_an_error_on_an_ascii_terminal_is_plain(monkeypatch):
    printed = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", printed)
    assert one_line(InputError("é")) == r"\xe9"


def test_no_command_prints_past_the_function_that_escapes():
    root = Path(__file__).parents[2]
    for path in (*root.glob("steadkit/cli/*.py"), *root.glob("eqt/**/*.py")):
        text = path.read_text().replace("click.echo(json.dumps(", "")  # JSON escapes by itself
        assert "click.echo" not in text and "click.secho" not in text, path


def test_the_folder_that_was_removed_is_said(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "the current folder was removed" in one_line(OSError(errno.ENOENT, "x", "a"))
    monkeypatch.chdir(tmp_path)
    assert one_line(OSError(errno.ENOENT, "x", "a")).startswith("'a': no such file")
