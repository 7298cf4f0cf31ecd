"""Sources: named files, defaults in the folder and in $STEAD_DIR, pairs of HDF5 and CSV."""

import pytest

from steadkit.errors import InputError
from steadkit.sources import find_sources, source_from_path


def touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def files(sources):
    return [source.hdf5.name for source in sources]


def test_merge_comes_before_the_chunks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "chunk2.hdf5", "chunk2.csv", "chunk10.hdf5", "chunk10.csv")
    assert files(find_sources([], {})) == ["chunk2.hdf5", "chunk10.hdf5"]
    touch(tmp_path, "merge.hdf5", "merge.csv")
    assert files(find_sources([], {})) == ["merge.hdf5"]
    assert files(find_sources([], {}, chunks_only=True)) == ["chunk2.hdf5", "chunk10.hdf5"]


def test_stead_dir_comes_after_the_folder(tmp_path, monkeypatch):
    current_folder, stead_folder = tmp_path / "here", tmp_path / "there"
    touch(current_folder)
    touch(stead_folder, "merge.hdf5", "merge.csv")
    monkeypatch.chdir(current_folder)
    environ = {"STEAD_DIR": str(stead_folder)}
    assert find_sources([], environ)[0].hdf5 == stead_folder / "merge.hdf5"
    touch(current_folder, "chunk1.hdf5", "chunk1.csv")
    assert files(find_sources([], environ)) == ["chunk1.hdf5"]


def test_nothing_found_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="STEAD_DIR"):
        find_sources([], {})


def test_a_csv_stands_for_its_hdf5(tmp_path):
    touch(tmp_path, "a.csv", "a.h5")
    assert source_from_path(tmp_path / "a.csv").hdf5 == tmp_path / "a.h5"


def test_a_csv_alone_will_do_for_a_list(tmp_path):
    touch(tmp_path, "a.csv")
    assert source_from_path(tmp_path / "a.csv", require_hdf5=False).csv == tmp_path / "a.csv"
    with pytest.raises(InputError, match=r"no 'a\.hdf5' beside"):
        source_from_path(tmp_path / "a.csv")


def test_what_cannot_be_a_source(tmp_path):
    touch(tmp_path, "a.hdf5", "b.txt")
    for path, message in {
        tmp_path / "none.hdf5": "no file",
        tmp_path / "a.hdf5": r"no 'a\.csv' beside",
        tmp_path / "b.txt": "neither",
        tmp_path: "folder",
    }.items():
        with pytest.raises(InputError, match=message):
            source_from_path(path)


def test_a_file_named_twice_is_refused(tmp_path):
    touch(tmp_path, "a.hdf5", "a.csv")
    with pytest.raises(InputError, match="named twice"):
        find_sources([tmp_path / "a.hdf5", tmp_path / "a.csv"])
