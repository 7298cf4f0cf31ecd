"""The README and the pages: their examples run as they are, the commands they name exist."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import names_of

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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
    for page in (ROOT / "README.md", ROOT / "docs" / "pipeline.md"):
        (example,) = blocks("python", page)
        exec(compile(example, page.name, "exec"), {})
    assert (tmp_path / "near.hdf5").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def commands() -> list[list[str]]:
    """List the commands that the README and the pages show, without their comments."""
    examples = [block for page in PAGES for block in blocks("sh", page)]
    joined = [block.replace("\\\n", " ") for block in examples]
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
