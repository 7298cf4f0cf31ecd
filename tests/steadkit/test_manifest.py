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
        ["00ff", "-"],
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
        "# digest: c6bf2eb29411b7ecb55ddeb86ce02358b776f9709e31eb9399ec7b79fb9d00e7",
        "trace_name\tpart\twaveform",
        "a_EV\ttrain\t00ff",
        "b_NO\ttest\t-",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a_EV\ttrain", "a_EV\ttest", "altered"),
        ('"seed": 0', '"seed": 1', "altered"),
        ("00ff", "00fe", "altered"),
        ("1 earthquake_local + 1 noise", "2 earthquake_local + 0 noise", "altered"),
        ('"subset"', '"\\ud800"', "broken header"),
        ("b_NO\ttest\t-\n", "", "1 rows"),
        ("b_NO", "a_EV", "twice"),
        ("b_NO", "../b", "trace name"),
        ("b_NO\ttest", "b_NO", "broken row"),
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
