"""Build: identical files from a manifest and its traces, or a one-line error."""

from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from conftest import names_of, refused

from steadkit.manifest import UNKNOWN, load

EVENTS, NOISE = names_of(20), names_of(0, 10)
ENDS = (".hdf5", ".csv", ".manifest")


@pytest.fixture
def built_bytes(stead, run, tmp_path):
    """Chunks, the file merged of them, and a subset of that: its three files as bytes."""
    stead("chunk1.hdf5", NOISE)
    stead("chunk2.hdf5", EVENTS[:11])
    stead("chunk3.hdf5", EVENTS[11:])
    assert run("steadkit", "merge", "-o", "merge.hdf5").exit_code == 0
    assert (
        run("steadkit", "subset", "merge.hdf5", "--fraction", "0.5", "-o", "half.hdf5").exit_code
        == 0
    )
    return [(tmp_path / f"half{end}").read_bytes() for end in ENDS]


def listing(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def sources(*paths):
    return [word for path in paths for word in ("--source", path)]


CHUNKS = ("chunk3.hdf5", "chunk1.hdf5", "chunk2.hdf5")


@pytest.mark.parametrize(
    "source_names", [CHUNKS, ("merge.hdf5",), ("chunk1.csv", "merge.hdf5"), ()]
)
def test_the_same_bytes_from_chunks_and_from_the_merged_file(
    built_bytes, run, tmp_path, source_names
):
    (tmp_path / "other").mkdir()
    result = run(
        "steadkit", "build", "half.manifest", *sources(*source_names), "-o", "other/half.hdf5"
    )
    assert result.exit_code == 0, result.output
    assert [(tmp_path / "other" / f"half{end}").read_bytes() for end in ENDS] == built_bytes
    assert load(tmp_path / "half.manifest").digest[:12] in result.output


def test_a_manifest_becomes_the_files_beside_it(built_bytes, run, tmp_path):
    for end in (".hdf5", ".csv"):
        (tmp_path / f"half{end}").unlink()
    assert run("steadkit", "build", "half.manifest").exit_code == 0
    assert [(tmp_path / f"half{end}").read_bytes() for end in ENDS] == built_bytes


def test_what_exists_is_replaced_only_when_told(built_bytes, run, tmp_path):
    (tmp_path / "half.hdf5").unlink()
    before = listing(tmp_path)
    refused(run("steadkit", "build", "half.manifest"), "half.manifest", "--overwrite")
    assert listing(tmp_path) == before
    assert run("steadkit", "build", "half.manifest", "--overwrite").exit_code == 0
    assert [(tmp_path / f"half{end}").read_bytes() for end in ENDS] == built_bytes


def test_a_manifest_of_version_1_gives_the_same_hdf5_and_csv(built_bytes, run, tmp_path):
    old = replace(load(tmp_path / "half.manifest"), csv=UNKNOWN, version=1)
    for end in ENDS:
        (tmp_path / f"half{end}").unlink()
    (tmp_path / "half.manifest").write_text(old.to_text())
    assert run("steadkit", "build", "half.manifest", *sources(*CHUNKS)).exit_code == 0
    assert [(tmp_path / f"half{end}").read_bytes() for end in ENDS] == built_bytes


def test_other_cells_in_the_csv_of_the_sources(built_bytes, run, tmp_path):
    lines = (tmp_path / "merge.csv").read_text().splitlines(keepends=True)
    whole = load(tmp_path / "half.manifest")
    changed = [line.replace("XX,", "XY,") if whole.traces[4] in line else line for line in lines]
    (tmp_path / "merge.csv").write_text("".join(changed))
    altered(run, "half.manifest", "other cells", "--any-csv", folder=tmp_path)
    command = ("build", "half.manifest", "--source", "merge.hdf5", "--any-csv", "-o", "new.hdf5")
    assert run("steadkit", *command).exit_code == 0
    assert (tmp_path / "new.hdf5").read_bytes() == built_bytes[0]
    assert (tmp_path / "new.csv").read_bytes() != built_bytes[1]
    assert run("steadkit", "verify", "new.hdf5").exit_code == 0
    assert run("steadkit", "diff", "half.manifest", "new.manifest").exit_code == 1


def test_parts_are_kept(built_bytes, run, tmp_path):
    whole = load(tmp_path / "half.manifest")
    splits = [("train", "validation", "test")[i % 3] for i in range(len(whole.traces))]
    replace(whole, splits=splits).write(tmp_path / "split.manifest")
    assert run("steadkit", "build", "split.manifest").exit_code == 0
    built = load(tmp_path / "split.manifest")
    assert built.splits == splits
    assert built == replace(whole, splits=splits, name="split")
    assert (tmp_path / "split.hdf5").read_bytes() == built_bytes[0]


def test_a_list_of_names_alone_gets_its_digests(built_bytes, run, tmp_path):
    for file in ("half.hdf5", "half.csv", "half.manifest"):
        (tmp_path / file).unlink()
    command = ("steadkit", "subset", "merge.csv", "--fraction", "0.5", "-o", "half.hdf5")
    assert run(*command, "--manifest-only").exit_code == 0
    assert set(load(tmp_path / "half.manifest").waveforms) == {UNKNOWN}
    assert run("steadkit", "build", "half.manifest", *sources(*CHUNKS)).exit_code == 0
    assert [(tmp_path / f"half{end}").read_bytes() for end in ENDS] == built_bytes


def altered(run, *options, folder):
    """Assert that a build is refused in one line and that it leaves nothing."""
    before = listing(folder)
    refused(
        run("steadkit", "build", "half.manifest", "--source", "merge.hdf5", "-o", "new"), *options
    )
    assert listing(folder) == before


def test_a_missing_trace_is_named(built_bytes, run, tmp_path):
    before = listing(tmp_path)
    source_names = sources("chunk2.hdf5", "chunk3.hdf5")
    result = run("steadkit", "build", "half.manifest", *source_names, "-o", "new.hdf5")
    refused(result, "5 of the 15 traces", "_NO", "chunk2.hdf5, chunk3.hdf5")
    assert listing(tmp_path) == before


def change_waveform(dataset):
    dataset[5999, 2] += 1


def change_attribute(dataset):
    dataset.attrs["receiver_code"] = "other"


def add_attribute(dataset):
    dataset.attrs["zone"] = 1.0


def remove_attribute(dataset):
    del dataset.attrs["p_weight"]


@pytest.mark.parametrize(
    ("change", "content"),
    [
        (change_waveform, "waveform"),
        (change_attribute, "attributes"),
        (add_attribute, "attributes"),
        (remove_attribute, "attributes"),
    ],
)
def test_an_altered_trace_is_named(built_bytes, run, tmp_path, change, content):
    name = load(tmp_path / "half.manifest").traces[7]
    with h5py.File(tmp_path / "merge.hdf5", "r+") as file:
        change(file[f"data/{name}"])
    altered(run, name, f"another {content}", "half.manifest", folder=tmp_path)


def test_a_trace_that_is_only_in_the_csv(built_bytes, run, tmp_path):
    name = load(tmp_path / "half.manifest").traces[7]
    with h5py.File(tmp_path / "merge.hdf5", "r+") as file:
        del file[f"data/{name}"]
    altered(run, name, "merge.hdf5", folder=tmp_path)


def test_counts_that_disagree(built_bytes, run, tmp_path):
    name = next(n for n in load(tmp_path / "half.manifest").traces if n.endswith("_NO"))
    lines = (tmp_path / "merge.csv").read_text().splitlines(keepends=True)
    changed = [
        line.replace("noise", "earthquake_local") if name in line else line for line in lines
    ]
    (tmp_path / "merge.csv").write_text("".join(changed))
    altered(run, "counts", "'noise': 5", "'noise': 4", folder=tmp_path)


def test_a_manifest_that_was_altered(built_bytes, run, tmp_path):
    text = (tmp_path / "half.manifest").read_text()
    (tmp_path / "half.manifest").write_text(text.replace("_EV\t-", "_EV\ttest", 1))
    altered(run, "altered", folder=tmp_path)


def test_a_source_is_never_written_over(built_bytes, run, tmp_path):
    before = listing(tmp_path)
    result = run("steadkit", "build", "half.manifest", "-o", "merge.hdf5", "--overwrite")
    refused(result, "merge", "is a source")
    assert listing(tmp_path) == before


def test_a_trace_in_two_sources_is_taken_from_the_first(built_bytes, run, tmp_path):
    source_names = sources("merge.hdf5", *CHUNKS)
    assert run("steadkit", "build", "half.manifest", *source_names, "-o", "new.hdf5").exit_code == 0
    assert (tmp_path / "new.hdf5").read_bytes() == built_bytes[0]
    assert (tmp_path / "new.csv").read_bytes() == built_bytes[1]
    name = load(tmp_path / "half.manifest").traces[0]
    with h5py.File(tmp_path / "merge.hdf5", "r+") as file:
        change_waveform(file[f"data/{name}"])
    refused(run("steadkit", "build", "half.manifest", *source_names, "-o", "newer.hdf5"), name)
