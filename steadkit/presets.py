"""Preset subsets: the selections in ``manifests/*.toml``, which a wheel has as package data."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from steadkit.errors import InputError
from steadkit.paths import is_file
from steadkit.selection import Selection
from steadkit.sources import Source, find_sources


@dataclass(frozen=True)
class SubsetPreset:
    """A named selection, and the counts that it must give on the real STEAD.

    Parameters
    ----------
    name
        Name of the subset.
    chunks
        Stems of its source files; none means all of STEAD.
    selection
        The selection; the seed may be overridden.
    total
        Number of traces of each category in STEAD, or in these chunks of it.
    expected
        Number of traces of each category that the selection takes.
    """

    name: str
    chunks: tuple[str, ...]
    selection: Selection
    total: Mapping[str, int]
    expected: Mapping[str, int]


def preset_names() -> list[str]:
    """Return the names of the presets.

    >>> preset_names()
    ['merged', 'steadmicro', 'steadmini']
    """
    file_names = [file.name for file in _folder().iterdir()]
    return sorted(name.removesuffix(".toml") for name in file_names if name.endswith(".toml"))


def _folder() -> Traversable:
    # Inside the package once it is installed; at the top of a checkout, which is what runs in an
    # editable install too.
    installed = files("steadkit") / "manifests"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "manifests"


def load_preset(name: str) -> SubsetPreset:
    """Read a preset.

    Raises
    ------
    InputError
        No preset has this name.

    >>> load_preset("merged").chunks, load_preset("merged").selection.rounding
    (('chunk1', 'chunk4'), 'nearest')
    """
    if name not in preset_names():
        raise InputError(f"preset {name[:60]!r} is unknown: use one of {', '.join(preset_names())}")
    row = tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8"))
    recipe = {"operation": "subset", "preset": row["name"], **row["selection"]}
    return SubsetPreset(
        row["name"],
        tuple(row.get("chunks", ())),
        Selection.from_recipe(recipe),
        row["total"],
        row["expected"],
    )


def preset_selection(name: str, options: Mapping[str, object]) -> Selection:
    """Return a preset's selection, optionally with another seed.

    Parameters
    ----------
    name
        The preset.
    options
        Further options of a `Selection` that the user gave; those the preset fixes may only
        repeat it.

    Raises
    ------
    InputError
        There is no such preset, or an option contradicts it.
    """
    selection = load_preset(name).selection
    for option, value in options.items():
        if option != "seed" and value != getattr(selection, option):
            raise InputError(
                f"preset {name!r} fixes which traces are taken, --{option} contradicts it: "
                "leave out one of the two"
            )
    seed = options.get("seed", selection.seed)
    return replace(selection, seed=seed)  # type: ignore[arg-type]


def find_preset_sources(
    name: str,
    paths: Sequence[Path],
    environ: Mapping[str, str] = os.environ,
    require_hdf5: bool = True,
) -> list[Source]:
    """Resolve the source files of a preset, as `steadkit.sources.find_sources` does.

    Raises
    ------
    InputError
        A file is missing, or `paths` are other chunks than the preset's.
    """
    chunks = load_preset(name).chunks
    if not chunks:
        return find_sources(paths, environ, require_hdf5)
    if paths and sorted(path.stem for path in paths) != sorted(chunks):
        path_names = ", ".join(path.name for path in paths)
        selection = load_preset(name).selection
        share = f"{float(selection.fraction or 1):g} --rounding {selection.rounding}"
        raise InputError(
            f"preset {name!r} is made of {' and '.join(chunks)}, not of {path_names}: name these, "
            f"or use --fraction {share} for any other files"
        )
    return find_sources(paths or _chunk_paths(chunks, environ, require_hdf5), environ, require_hdf5)


def _chunk_paths(
    chunks: Sequence[str], environ: Mapping[str, str], require_hdf5: bool
) -> list[Path]:
    suffix = ".hdf5" if require_hdf5 else ".csv"
    folders = [Path(), *([Path(environ["STEAD_DIR"])] if environ.get("STEAD_DIR") else [])]
    for folder in folders:
        paths = [folder / f"{chunk}{suffix}" for chunk in chunks]
        if all(map(is_file, paths)):
            return paths
    expected_names = " and ".join(f"{chunk}{suffix}" for chunk in chunks)
    raise InputError(
        f"no {expected_names} in the current folder or $STEAD_DIR "
        f"({environ.get('STEAD_DIR') or 'not set'}): name the files or set STEAD_DIR"
    )


def check_counts(name: str, total: Mapping[str, int], taken: Mapping[str, int]) -> None:
    """Refuse counts that differ from the preset's on data of the preset's size.

    Raises
    ------
    InputError
        The counts differ from the preset's.
    """
    preset = load_preset(name)
    if dict(total) == dict(preset.total) and dict(taken) != dict(preset.expected):
        raise InputError(
            f"preset {name!r} must give {dict(preset.expected)} on STEAD, here are {dict(taken)}: "
            "install steadkit anew, its rule has been altered"
        )
