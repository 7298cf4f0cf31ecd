"""Manifests: the same text for the same content, and nobody can alter one unseen."""

import pytest

from steadkit.errors import InputError
from steadkit.manifest import load, manifest_of

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
    )


def test_what_is_saved_is_loaded(manifest, tmp_path):
    path = tmp_path / "tiny.manifest"
    path.write_text(manifest.to_text())
    assert load(path) == manifest


def test_the_text_is_what_people_read(manifest):
    assert manifest.to_text().splitlines() == [
        "# steadkit manifest 1",
        "# name: tiny",
        '# recipe: {"fraction": "1/100", "operation": "subset", "seed": 0}',
        "# traces: 2 = 1 earthquake_local + 1 noise",
        "# digest: 0cd73c5b738819c2e1919273f3a9d5a2fb3058fc0addc0ded02a8102777f28e8",
        "trace_name\tpart\twaveform\tattributes",
        "a_EV\ttrain\t" + "00ff" * 8 + "\t0123456789abcdef",
        "b_NO\ttest\t-\t-",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
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
        ("# steadkit manifest 1", "# something else", "not a steadkit manifest"),
        ("\tpart\t", "\t", "not a steadkit manifest"),
        ("# recipe: {", "# recipe: ", "broken header"),
        ("# traces: 2 = 1", "# traces: 2 = one", "broken header"),
        ("# name: tiny\n", "", "broken header"),
        ("\t-\n", "\t-", "cut short"),
    ],
)
def test_an_altered_manifest_is_refused(manifest, tmp_path, old, new, words):
    path = tmp_path / "tiny.manifest"
    assert old in manifest.to_text()
    path.write_text(manifest.to_text().replace(old, new))
    with pytest.raises(InputError, match=words):
        load(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\0" * 50])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match="not a steadkit manifest"):
        load(tmp_path / "x")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="no file"):
        load(tmp_path / "none")
