"""Presets: the study's table on chunks of STEAD's true sizes, the files they need, the wheel."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import names_of, refused

from steadkit import presets
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.schema import EVENT, NOISE
from steadkit.selection import Selection

# STEAD's six chunks: the noise, then the earthquakes.
CHUNKS = {1: 235_426, 2: 200_000, 3: 200_000, 4: 200_000, 5: 200_000, 6: 230_231}

STUDY = {
    "steadmini": (103_023, 23_542, 126_565),
    "steadmicro": (10_302, 2_354, 12_656),
    "merged": (20_000, 23_543, 43_543),
}


@pytest.fixture(scope="module")
def true_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the CSVs of six chunks with as many rows as the real ones, two columns each."""
    folder = tmp_path_factory.mktemp("stead")
    for number, rows in CHUNKS.items():
        suffix_and_category = ("NO", NOISE) if number == 1 else ("EV", EVENT)
        lines = "".join(
            f"S{number}.{i}_{suffix_and_category[0]},{suffix_and_category[1]}\n"
            for i in range(rows)
        )
        (folder / f"chunk{number}.csv").write_text("trace_name,trace_category\n" + lines)
    return folder


@pytest.mark.parametrize("name", STUDY)
def test_the_studys_table(name, true_size, run, tmp_path, monkeypatch):
    monkeypatch.setenv("STEAD_DIR", str(true_size))
    result = run("steadkit", "subset", "--preset", name, "--manifest-only")
    assert result.exit_code == 0, result.output
    manifest = load(tmp_path / f"{name}.manifest")
    events, noise, total = STUDY[name]
    assert dict(manifest.categories) == {EVENT: events, NOISE: noise}
    assert len(manifest.traces) == total
    assert manifest.recipe["preset"] == name
    if name == "merged":
        assert {trace.partition(".")[0] for trace in manifest.traces} == {"S1", "S4"}


def test_the_files_hold_what_the_study_and_stead_have():
    assert presets.preset_names() == sorted(STUDY)
    for name, (events, noise, _) in STUDY.items():
        preset = presets.load_preset(name)
        chunks = [int(chunk.removeprefix("chunk")) for chunk in preset.chunks] or list(CHUNKS)
        assert preset.name == name
        assert preset.total == {EVENT: sum(CHUNKS[n] for n in chunks if n > 1), NOISE: CHUNKS[1]}
        assert preset.expected == {EVENT: events, NOISE: noise}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build what a wheel installs, from a copy of the checkout."""
    pytest.importorskip("setuptools")
    root, folder = Path(__file__).parents[2], tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("steadkit", "eqt", "manifests"):
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "setup.py", source)
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(folder / "lib")]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return folder / "lib"


def test_a_wheel_has_every_module_and_the_presets(installed):
    root = Path(__file__).parents[2]
    modules = {
        path.relative_to(root)
        for name in ("steadkit", "eqt")
        for path in (root / name).rglob("*.py")
    }
    assert modules == {path.relative_to(installed) for path in installed.rglob("*.py")}
    packed = {path.name for path in (installed / "steadkit" / "manifests").iterdir()}
    assert packed == {path.name for path in (root / "manifests").iterdir()}


def test_an_installed_package_reads_its_own_presets(installed):
    code = (
        "from steadkit.presets import load_preset, preset_names\n"
        "print(preset_names(), load_preset('merged').chunks)"
    )
    command = [sys.executable, "-c", code]
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    # In its folder, so that neither the checkout nor an editable install of it comes first.
    result = subprocess.run(command, cwd=installed, env=environ, capture_output=True, text=True)
    assert result.stdout == f"{sorted(STUDY)} ('chunk1', 'chunk4')\n", result.stderr


def test_mini_and_micro_select_what_their_fractions_do(run, stead, tmp_path):
    stead("merge.hdf5", names_of(200, 100))
    run("steadkit", "subset", "--preset", "steadmini", "-o", "preset")
    run("steadkit", "subset", "--fraction", "0.1", "-o", "fraction")
    by_preset, by_fraction = (
        load(tmp_path / f"{name}.manifest") for name in ("preset", "fraction")
    )
    assert by_preset.traces == by_fraction.traces
    assert by_preset.waveforms == by_fraction.waveforms
    assert by_preset.recipe == {**by_fraction.recipe, "preset": "steadmini"}


def test_merged_takes_its_chunks_from_the_folder_whatever_else_is_there(run, stead, tmp_path):
    stead("merge.hdf5", names_of(3, 3, "X"))
    stead("chunk1.hdf5", names_of(0, 25))
    stead("chunk2.hdf5", names_of(25, prefix="Y"))
    stead("chunk4.hdf5", names_of(24))
    result = run("steadkit", "subset", "--preset", "merged", "--seed", 5)
    assert result.exit_code == 0, result.output
    manifest = load(tmp_path / "merged.manifest")
    assert dict(manifest.categories) == {EVENT: 2, NOISE: 3}  # 2.4 and 2.5
    assert manifest.recipe["seed"] == 5
    result = run(
        *("steadkit", "subset", "chunk4.hdf5", "chunk1.hdf5", "--preset", "merged", "--seed", 5),
        *("-o", "again"),
    )
    assert result.exit_code == 0, result.output
    assert replace(load(tmp_path / "again.manifest"), name="merged") == manifest
    other = run("steadkit", "subset", "merge.hdf5", "--preset", "merged", "-o", "no")
    refused(other, "chunk1 and chunk4", "not of merge.hdf5", "--fraction 0.1 --rounding nearest")


def test_a_missing_chunk_is_named(run, stead):
    stead("chunk1.hdf5", names_of(0, 25))
    refused(run("steadkit", "subset", "--preset", "merged"), "no chunk1.hdf5 and chunk4.hdf5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--where", "p_weight > 0"), "--where contradicts"),
        (("--box", "0,0,1,1"), "--box contradicts"),
        (("--balance",), "--balance contradicts"),
        (("--rounding", "floor"), "--rounding contradicts"),
        (("--stratify", "none"), "--stratify contradicts"),
        (("--group", "source_id"), "--group contradicts"),
        (("--fraction", "0.5"), "--fraction and --preset contradict"),
        (("--count", "5"), "--count and --preset contradict"),
    ],
)
def test_a_preset_suffers_no_other_options(run, stead, options, message):
    stead("chunk1.hdf5", names_of(0, 25))
    stead("chunk4.hdf5", names_of(25))
    refused(run("steadkit", "subset", "--preset", "merged", *options), message)


def test_a_preset_may_be_repeated_in_options(run, stead, tmp_path):
    stead("merge.hdf5", names_of(20, 10))
    arguments = ("--preset", "steadmini", "--rounding", "floor", "--stratify", "trace_category")
    assert run("steadkit", "subset", *arguments).exit_code == 0
    assert load(tmp_path / "steadmini.manifest").recipe["preset"] == "steadmini"


@pytest.mark.parametrize("name", ["steadmaxi", "../presets", "", "README"])
def test_unknown_presets_are_refused(name):
    with pytest.raises(InputError, match="merged, steadmicro, steadmini"):
        presets.load_preset(name)


def test_other_counts_on_the_real_totals_are_refused():
    preset = presets.load_preset("merged")
    presets.check_counts("merged", preset.total, preset.expected)
    presets.check_counts("merged", {EVENT: 10, NOISE: 10}, {EVENT: 1, NOISE: 1})
    with pytest.raises(InputError, match="must give"):
        presets.check_counts("merged", preset.total, {EVENT: 20_000, NOISE: 23_542})


def test_only_the_seed_is_free():
    assert presets.preset_selection("steadmicro", {"seed": 7}) == Selection(
        Fraction(1, 100), seed=7, preset="steadmicro"
    )


def test_the_help_lists_every_preset(run):
    text = " ".join(run("steadkit", "subset", "--help").output.split())
    assert all(name in text for name in presets.preset_names())
