"""Whether what a command wrote and said about a mutant is right."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from campaigns.mutations.worker import Ended

TELLS_DIFFERENCES = ("verify", "diff", "check", "split")
"""Commands whose exit code 1 may mean that they found something, told on standard output."""


def fault_of(command: str, ended: Ended) -> str | None:
    """Find what is wrong in how a command ended, if anything is."""
    if ended.hung:
        return "hangs"
    if ended.code < 0:
        return f"crashes with signal {-ended.code}"
    if "Traceback" in ended.stderr:
        return "traceback"
    if ended.code not in (0, 1, 2):
        return f"exit code {ended.code}"
    if any(not (c.isprintable() or c == "\n") for c in ended.stdout + ended.stderr):
        return "prints control characters"
    lines = ended.stderr.splitlines()
    if ended.code == 0:
        return "succeeds, but says something on stderr" if lines else None
    if len(lines) == 1 and lines[0].startswith("Error: "):
        return None
    if command in TELLS_DIFFERENCES and ended.code == 1 and len(lines) <= 1 and ended.stdout:
        return None
    return "not one line that begins with Error"


def files_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """List all files below a folder with what changes when they are altered."""
    listed = {}
    for path in folder.rglob("*"):
        if path.name not in ("stdout", "stderr"):
            status = path.lstat()
            stamp = 0 if path.is_dir() else status.st_mtime_ns
            size = 0 if path.is_dir() else status.st_size
            listed[str(path.relative_to(folder))] = (status.st_ino, size, stamp)
    return listed


def misplaced(before: dict[str, tuple[int, ...]], after: dict[str, tuple[int, ...]]) -> str | None:
    """Find a file that was altered, or written anywhere but as ``out/out.*``."""
    for name in sorted(before.keys() | after.keys()):
        mine = name.startswith("case/out/out.")
        if not mine and before.get(name) != after.get(name):
            what = "alters" if name in before else "writes"
            return f"{what} {name!r}"
    return None


def judge_output(case: Path, arguments: Sequence[str]) -> str:
    """Compare what was written with the sound originals; runs in a child, as HDF5 may crash.

    Parameters
    ----------
    case
        The folder of the case: ``in`` holds the mutant, ``out`` what was written.
    arguments
        The folder of the sound files.

    Returns
    -------
    str
        ``right``, or what is wrong.
    """
    from steadkit.catalog import read_table
    from steadkit.manifest import load
    from steadkit.verify import verify

    output = case / "out" / "out.hdf5"
    manifest = load(output.with_suffix(".manifest"))
    if differences := list(verify(manifest, output, output.with_suffix(".csv"))):
        return f"is not as its manifest says: {differences[0]}"
    names = read_table(output.with_suffix(".csv"))["trace_name"].tolist()
    with h5py.File(output) as file:
        group = file["data"]
        if sorted(group) != sorted(names):
            return "HDF5 and CSV have other traces"
        for name in names:
            if not _is_known(case, Path(arguments[0]), name, group[name]):
                return f"trace {name!r} is neither the original nor what the mutant has"
    return "right"


def _is_known(case: Path, sound: Path, name: str, dataset: h5py.Dataset) -> bool:
    """Tell whether a trace is as in the sound files, or as h5py finds it in the mutant."""
    samples = dataset[()]
    attributes = {key: _shown(value) for key, value in dataset.attrs.items()}
    same_samples = same_attributes = False
    for folder in (sound, case / "in"):
        for file_name in ("a.hdf5", "b.hdf5"):
            try:
                original = _read(folder / file_name, name)
            except (OSError, RuntimeError, ValueError, KeyError):
                continue
            if original is not None:
                same_samples |= np.array_equal(original[0], samples)
                same_attributes |= original[1] == attributes
            if same_samples and same_attributes:
                return True
    return False


def _read(path: Path, name: str) -> tuple[np.ndarray, dict[str, str]] | None:
    with h5py.File(path) as file:
        if name not in file["data"]:
            return None
        dataset = file["data"][name]
        attributes = {key: _shown(value) for key, value in dataset.attrs.items()}
        return dataset[()], attributes


def _shown(value: object) -> str:
    return repr(np.asarray(value).tolist())


def fresh_case(sound: Path, base: Path) -> Path:
    """Copy the sound files into a new case; returns its folder."""
    case = base / "case"
    shutil.rmtree(case, ignore_errors=True)
    (case / "out").mkdir(parents=True)
    shutil.copytree(sound, case / "in")
    (case / "in" / "secret").write_bytes(bytes(72_000))
    return case


def keep_case(case: Path, kept: Path) -> Path:
    """Keep a case that showed a fault, for whoever finds the cause."""
    kept.mkdir(parents=True, exist_ok=True)
    copy = Path(tempfile.mkdtemp(dir=kept)) / "case"
    return Path(shutil.copytree(case, copy, symlinks=True, ignore=_special))


def _special(folder: str, names: list[str]) -> set[str]:
    """Name what cannot be copied, a pipe for example."""
    paths = (Path(folder) / name for name in names)
    return {p.name for p in paths if not (p.is_symlink() or p.is_file() or p.is_dir())}
