"""The README: its examples run as they stand, and the commands it names exist."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import names_of

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """List the fenced examples of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_python_examples_run(stead, tmp_path, monkeypatch):
    stead("merge.hdf5", names_of(60, 20))
    monkeypatch.chdir(tmp_path)
    found = blocks("python")
    assert found
    for example in found:
        exec(compile(example, "README.md", "exec"), {})
    assert (tmp_path / "near.hdf5").is_file()


def commands() -> list[list[str]]:
    """List the commands that the README shows, without their comments."""
    joined = [block.replace("\\\n", " ") for block in blocks("sh")]
    lines = [line for block in joined for line in block.splitlines()]
    shown = [shlex.split(line, comments=True) for line in lines]
    return [words for words in shown if words and words[0] in ("steadkit", "eqt")]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_shown_are_understood(words):
    from eqt.cli import main as eqt
    from steadkit.cli import main as steadkit

    # An option that does not exist is refused before --help is read.
    group = {"eqt": eqt, "steadkit": steadkit}[words[0]]
    result = CliRunner().invoke(group, [*words[1:], "--help"])
    assert result.exit_code == 0, result.output
