"""Manifests: the same text for the same content, and nobody can alter one unseen."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steadkit.errors import InputError
from steadkit.manifest import UNKNOWN, load, manifest_of
from steadkit.manifest import read as manifest_reading

RECIPE = {"operation": "subset", "fraction": "1/100", "seed": 0}


@pytest.fixture
def manifest():
    return manifest_of(
        "tiny",
        RECIPE,
        ["a_EV", "b_NO"],
        ["earthquake_local", "noise"],
        ["train", "test"],
        ["00ff" * 8, "-"],
        ["0123456789abcdef", "-"],
        "0f" * 32,
    )


def test_what_is_saved_is_loaded(manifest, tmp_path):
    path = tmp_path / "tiny.manifest"
    path.write_text(manifest.to_text())
    assert load(path) == manifest


def test_the_text_is_what_people_read(manifest):
    assert manifest.to_text().splitlines() == [
        "# steadkit manifest 2",
        "# name: tiny",
        '# recipe: {"fraction": "1/100", "operation": "subset", "seed": 0}',
        "# traces: 2 = 1 earthquake_local + 1 noise",
        "# csv: " + "0f" * 32,
        "# digest: b8778e55676a6ea4b3d31bb8ba3e10e42a36a30dfa8463d0d7918088082edf71",
        "trace_name\tpart\twaveform\tattributes",
        "a_EV\ttrain\t" + "00ff" * 8 + "\t0123456789abcdef",
        "b_NO\ttest\t-\t-",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a_EV\ttrain", "a_EV\ttest", "altered"),
        ('"seed": 0', '"seed": 1', "altered"),
        ("00ff00ff", "00fe00ff", "altered"),
        ("0123456", "0123457", "altered"),
        ("\ttest\t", "\texam\t", "broken row"),
        ("00ff00ff", "00ffxxff", "broken row"),
        ("00ff00ff", "00ff", "broken row"),
        ("1 earthquake_local + 1 noise", "2 earthquake_local + 0 noise", "altered"),
        ('"subset"', '"\\ud800"', "broken header"),
        ("b_NO\ttest\t-\t-\n", "", "1 rows"),
        ("b_NO", "a_EV", "twice"),
        ("b_NO", "../b", "trace name"),
        ("b_NO\ttest\t", "b_NO\t", "broken row"),
        ("# steadkit manifest 2", "# something else", "not a steadkit manifest"),
        ("# steadkit manifest 2", "# steadkit manifest 3", "version 3"),
        ("# steadkit manifest 2", "# steadkit manifest two", "not a steadkit manifest"),
        ("# steadkit manifest 2", "# steadkit manifest 1", "altered"),
        ("# name: tiny", "# name: other", "altered"),
        ("# csv: 0f0f", "# csv: 0f0e", "altered"),
        ("# csv: 0f0f", "# csv: ", "broken header"),
        ("# csv: ", "# csw: ", "broken header"),
        ("# name: tiny\n", "# name: tiny\n# note: x\n", "broken header"),
        ("# name: tiny\n", "# name: tiny\n# name: tiny\n", "broken header"),
        ("= 1 earthquake_local + 1 noise", "= 4 earthquake_local + -2 noise", "broken header"),
        ("= 1 earthquake_local + 1 noise", "= 1 noise + 1 noise", "broken header"),
        ("= 1 earthquake_local + 1 noise", "= 2 cats", "broken header"),
        ("# traces: 2", "# traces: 3", "broken header"),
        ("\tpart\t", "\t", "not a steadkit manifest"),
        ("# recipe: {", "# recipe: ", "broken header"),
        ("# traces: 2 = 1", "# traces: 2 = one", "broken header"),
        ("# name: tiny\n", "", "broken header"),
        ("\t-\n", "\t-", "cut short"),
    ],
)
def test_an_altered_manifest_is_refused(manifest, tmp_path, old, new, message):
    path = tmp_path / "tiny.manifest"
    assert old in manifest.to_text()
    path.write_text(manifest.to_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        load(path)


VERSION_1 = f"""# steadkit manifest 1
# name: tiny
# recipe: {{"fraction": "1/100", "operation": "subset", "seed": 0}}
# traces: 2 = 1 earthquake_local + 1 noise
# digest: 0cd73c5b738819c2e1919273f3a9d5a2fb3058fc0addc0ded02a8102777f28e8
trace_name\tpart\twaveform\tattributes
a_EV\ttrain\t{"00ff" * 8}\t0123456789abcdef
b_NO\ttest\t-\t-
"""
"""As an earlier steadkit wrote it."""


def test_version_1_is_read_and_written_as_it_was(manifest, tmp_path):
    path = tmp_path / "tiny.manifest"
    path.write_text(VERSION_1)
    old = load(path)
    assert old == replace(manifest, csv=UNKNOWN, version=1)
    assert old.digest == VERSION_1.partition("digest: ")[2][:64]
    assert old.to_text() == VERSION_1
    replace(old, name=old.name).write(path)
    assert path.read_text() == VERSION_1
    split = replace(
        old, splits=["test", "test"]
    )  # what is made of it stays what it would have been
    assert split.to_text().startswith("# steadkit manifest 1\n") and split.digest != old.digest
    split.write(path)
    assert load(path) == split


@pytest.mark.parametrize(
    "counts", ["100 earthquake_local + -20 noise", "2 noise + 0 noise", "2 cats", "9 noise"]
)
def test_counts_that_cannot_be_are_refused_though_the_digest_fits(tmp_path, counts):
    path = tmp_path / "tiny.manifest"
    old = "2 = 1 earthquake_local + 1 noise"
    for total in ("2", "80", "9"):
        lines = VERSION_1.replace(old, f"{total} = {counts}").splitlines(keepends=True)
        covered = [lines[2][10:], lines[3][10:], *lines[5:]]
        lines[4] = (
            f"# digest: {hashlib.blake2b(''.join(covered).encode(), digest_size=32).hexdigest()}\n"
        )
        path.write_text("".join(lines))
        with pytest.raises(InputError, match=r"broken header|rows"):
            load(path)


def test_line_ends_of_windows_change_nothing(manifest, tmp_path):
    path = tmp_path / "tiny.manifest"
    path.write_bytes(manifest.to_text().replace("\n", "\r\n").encode())
    assert load(path) == manifest


@pytest.mark.parametrize("piece", [1, 7, 90, 1000, 1 << 20])
def test_pieces_of_any_size_give_the_same_manifest(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(manifest_reading, "CHUNK_BYTES", piece)
    names = [f"S{i}\u00e9_NO" for i in range(300)]
    parts = [("train", "validation", "test", "-")[i % 4] for i in range(300)]
    digests = ["-" if i % 7 == 0 else f"{i:032x}" for i in range(300)]
    built = manifest_of("m", {}, names, ["noise"] * 300, parts, digests, [d[-16:] for d in digests])
    built.write(tmp_path / "m.manifest")
    loaded = load(tmp_path / "m.manifest")
    assert loaded == built and loaded.to_text() == built.to_text()
    assert loaded.traces[5:9] == names[5:9] and loaded.traces[-1] == names[-1]
    assert loaded.waveforms[::50] == digests[::50] and loaded.traces[9:2:-3] == names[9:2:-3]
    assert loaded.digest == replace(loaded).digest == built.digest


ROW = "a_EV\ttrain\t" + "0f" * 16 + "\t" + "0" * 16


@given(
    rows=st.lists(
        st.lists(
            st.sampled_from(
                ["", "a", "-", "test", "trainx", "validation", "0f" * 16, "0F" * 16, "e" * 16, "\t"]
            ),
            min_size=1,
            max_size=6,
        ).map("\t".join)
        | st.just(ROW),
        max_size=5,
    )
)
@example(["a\ttest\t-\t-", ROW])
@example(["a\ttest\t-\t-\ta", "test\t-\t-"])
def test_rows_are_taken_apart_just_where_each_is_sound(rows):
    piece = "".join(f"{row}\n" for row in rows).encode()
    columns = manifest_reading._Columns([], [], [], [], [])
    sound = all(manifest_reading._ROW.fullmatch(row) for row in rows)
    try:
        columns.add(piece, "m")
        assert sound
    except InputError as error:
        assert not sound and "broken row" in str(error)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\0" * 50])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="not a steadkit manifest"):
        load(tmp_path / "x")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="no file"):
        load(tmp_path / "none")
