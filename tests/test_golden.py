"""Golden results: files, batches, networks and picks, as they were before STEAD's true size.

The source is written by h5py, as STEAD itself is, from integers, so that no machine rounds it
otherwise. `tests/golden` holds what is too long for a digest here.
"""

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from campaigns import published
from conftest import as_csv, names_of, row

from eqt.formats import keras_v2
from steadkit.pipeline import BatchConfig, BatchLoader
from steadkit.transforms import PRESETS

GOLDEN = Path(__file__).parent / "golden"
NAMES = names_of(30, 14)
FILES = {
    "subset": ("ad07429e1ad81640", "b3c554b2cdecd9bf", "f24c47d6370bf288"),
    "merge": ("ea2536174f1aab52", "ba13086f81cc4f91", "404926b865510fd0"),
    "build": ("ad07429e1ad81640", "b3c554b2cdecd9bf", "a8d352b5f166757f"),
}
"""Digests of CSV, HDF5 and manifest."""
BATCHES = {"plain": "5c3f9da58b01360f", "augmented": "91d49ece4e733334"}
HELD_BY_VERSION_1 = ("# name: ", "# recipe: ", "# traces: ")


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def write_as_stead_is(path: Path, names: list[str]) -> None:
    """Write a STEAD file as STEAD's authors do: with h5py, an attribute a column."""
    with h5py.File(path, "w") as file:
        group = file.create_group("data")
        for name in names:
            random = np.random.Generator(np.random.PCG64(list(name.encode())))
            counts = random.integers(-1000, 1000, (6000, 3)).astype(np.float32)
            dataset = group.create_dataset(name, data=counts)
            for key, value in row(name, NAMES.index(name)).items():
                dataset.attrs[key] = value
    rows = [row(name, NAMES.index(name)) for name in names]
    as_csv(rows).to_csv(path.with_suffix(".csv"), index=False, lineterminator="\n")


@pytest.fixture(scope="module")
def stead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "merge.hdf5"
    write_as_stead_is(path, NAMES)
    return path


def content(path: Path) -> bytes:
    """Read a file; of a manifest only what version 1 has too, but for its digest."""
    if path.suffix != ".manifest":
        return path.read_bytes()
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line[0] != "#" or line.startswith(HELD_BY_VERSION_1)]
    return "".join(kept).encode()


def digests(folder: Path, name: str) -> tuple[str, ...]:
    return tuple(digest(content(folder / f"{name}.{s}")) for s in ("csv", "hdf5", "manifest"))


def test_subset_merge_and_build_give_the_bytes_they_gave(stead, tmp_path, run):
    for name, some in (("one", NAMES[:20]), ("two", NAMES[20:])):
        write_as_stead_is(tmp_path / f"{name}.hdf5", some)
    commands = {
        "subset": ("subset", stead, "--fraction", "0.5", "--seed", 3),
        "merge": ("merge", "two.hdf5", "one.hdf5"),
        "build": ("build", "subset.manifest", "--source", "merge.hdf5"),
    }
    made = {}
    for name, command in commands.items():
        assert run("steadkit", *command, "-o", f"{name}.hdf5").exit_code == 0
        made[name] = digests(tmp_path, name)
    assert made == FILES


def test_batches_are_the_bytes_they_were(stead):
    configs = {
        "plain": BatchConfig(8, normalization="none"),
        "augmented": BatchConfig(8, normalization="none", augment=PRESETS["eqt"], paired=True),
    }
    made = {}
    for name, config in configs.items():
        waveforms, targets = BatchLoader([stead], NAMES, config, seed=5).batch(1)
        arrays = [waveforms, *(targets[key] for key in sorted(targets))]
        made[name] = digest(b"".join(np.round(array, 3).tobytes() for array in arrays))
    assert made == BATCHES


@pytest.mark.parametrize("name", published.NAMES)
def test_published_networks_give_the_outputs_they_gave(shared_data, name):
    """The greatest probability of each trace and output, and their mean, to 1e-5."""
    model = keras_v2.load(shared_data / f"eqt_{name}.h5")
    found = published.outputs(model, published.real_records(shared_data).waveforms)
    known = json.loads((GOLDEN / "outputs.json").read_text(encoding="utf-8"))[name]
    for figure, made in (("max", found.max(axis=1)), ("mean", found.mean(axis=1))):
        np.testing.assert_allclose(made, known[figure], atol=1e-5, rtol=0)


def test_picks_are_what_they_were(shared_data, tmp_path, run):
    data, weights = shared_data / "ncedc_a.hdf5", shared_data / "eqt_original.h5"
    command = (
        "evaluate",
        "--data",
        data,
        "--weights",
        weights,
        "--resamples",
        0,
        "--output",
        "made",
    )
    assert run("eqt", *command).exit_code == 0
    made, known = (pd.read_csv(folder / "picks.csv") for folder in (tmp_path / "made", GOLDEN))
    pd.testing.assert_frame_equal(made, known, atol=1e-5, rtol=0)
