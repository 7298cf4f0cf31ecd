"""The start of both programs: entry points that exist, and Ctrl-C while Python still imports."""

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from conftest import names_of

ROOT = Path(__file__).parents[2]

INTERRUPTED = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
IMPORTS = {
    "as it is": INTERRUPTED,
    "as an error of a library": f"try:\n    {INTERRUPTED.replace(chr(10), '; ')}pass\n"
    "except KeyboardInterrupt:\n    raise ImportError('failed') from None\n",
}


def start(folder: Path, code: str) -> subprocess.CompletedProcess:
    """Run a program whose import is some code."""
    (folder / "slow").mkdir()
    (folder / "slow" / "cli.py").write_text(code)
    # A shell that runs the tests in the background lets them ignore Ctrl-C, and so their children.
    run = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from steadkit.program import run_program; sys.path.insert(0, sys.argv[1]); "
        "run_program('slow')"
    )
    call = [sys.executable, "-c", run, str(folder)]
    return subprocess.run(call, capture_output=True, text=True, check=False, cwd=ROOT)


def test_little_is_imported_before_an_interruption_is_caught():
    run = (
        "import sys; before = {*sys.modules}; import eqt, steadkit.program; "
        "print(*sorted({*sys.modules} - before))"
    )
    # Without site, which imports what it likes.
    call = [sys.executable, "-S", "-c", run]
    ended = subprocess.run(call, capture_output=True, text=True, check=True, cwd=ROOT)
    modules = {name for name in ended.stdout.split() if not name.startswith(("steadkit", "eqt"))}
    assert modules.isdisjoint({"logging", "typing", "importlib", "numpy", "click"}), modules


@pytest.mark.parametrize("code", IMPORTS.values(), ids=list(IMPORTS))
def test_an_interruption_while_python_imports_is_one_line(tmp_path, code):
    ended = start(tmp_path, code)
    assert (ended.returncode, ended.stderr) == (130, "Error: interrupted\n")


def test_a_fault_that_is_no_interruption_is_not_hidden(tmp_path):
    ended = start(tmp_path, "raise ImportError('no such library')\n")
    assert ended.returncode == 1 and "no such library" in ended.stderr


def test_the_entry_points_start_the_programs():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) == {"steadkit", "eqt"}
    for name, entry in scripts.items():
        module, _, function = entry.partition(":")
        assert module == f"{name}.__main__" and callable(getattr(import_module(module), function))


@pytest.mark.parametrize(
    "settings",
    [{"MPLBACKEND": "module://no_such_package.backend"}, {"HOME": "/dev/null/home"}],
    ids=["backend", "home"],
)
def test_the_settings_of_a_notebook_do_not_matter(stead, tmp_path, settings):
    """Its shell commands inherit them, but run where its backend or home may not be there."""
    source = stead("some.hdf5", names_of(3, 2))
    environment = os.environ | settings
    call = [
        sys.executable,
        "-m",
        "steadkit",
        "plot",
        "trace",
        str(source.hdf5),
        names_of(3)[0],
        "-o",
        "trace.png",
    ]
    ended = subprocess.run(
        call, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert (ended.returncode, ended.stderr) == (0, "") and (tmp_path / "trace.png").is_file()
