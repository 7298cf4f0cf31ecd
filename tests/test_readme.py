"""The README: its examples run as they stand, and the commands it names exist."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import names_of

ROOT = Path(__file__).parents[1]


def blocks(language: str, page: Path = ROOT / "README.md") -> list[str]:
    """List the fenced examples of a language."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("default:.*:UserWarning:keras")
def test_the_page_on_keras_runs(stead, tmp_path, monkeypatch):
    stead("merge.hdf5", names_of(60, 20))
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python", ROOT / "docs" / "keras.md")
    space: dict = {}
    exec(compile(example, "keras.md", "exec"), space)
    assert len(space["model"].history.history["val_loss"]) == 2
    weighted = space["stead"].to_tf_dataset(space["training"], seed=0, sample_weight=True)
    history = space["model"].fit(weighted, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()


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
