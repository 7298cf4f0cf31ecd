"""Files: whole or not at all, one writer at a time, nothing left behind."""

import fcntl
import os
from pathlib import Path

import pytest

from steadkit.atomic import staged, write_text
from steadkit.atomic.files import COMMIT_MARK
from steadkit.errors import InputError


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_targets_appear_together(tmp_path):
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    with staged(targets) as paths:
        for path in paths:
            path.write_text("new")
        assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == []
    assert listing(tmp_path) == ["a.csv", "a.hdf5"]


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), staged([tmp_path / "a"]) as (path,):
        path.write_text("half")
        raise RuntimeError
    assert listing(tmp_path) == []


def test_what_exists_is_replaced_only_when_told(tmp_path):
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(InputError, match="--overwrite"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert listing(tmp_path) == ["a"]
    write_text(target, "new", overwrite=True)
    assert target.read_text() == "new"
    assert listing(tmp_path) == ["a"]


def test_a_failed_overwrite_keeps_the_old(tmp_path):
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(RuntimeError), staged([target], overwrite=True) as (path,):
        path.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"


def test_a_dangling_link_is_a_file_too(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="exists"):
        write_text(tmp_path / "a", "new")


def test_a_second_writer_is_refused(tmp_path):
    with staged([tmp_path / "a"]) as (path,):
        path.write_text("first")
        with pytest.raises(InputError, match="another process"), staged([tmp_path / "a"]):
            raise AssertionError("the second writer got in")
    assert (tmp_path / "a").read_text() == "first"


def test_remains_of_a_killed_run_are_cleared(tmp_path):
    staging = tmp_path / ".a.partial"
    staging.mkdir()
    (staging / "a").write_text("half")
    write_text(tmp_path / "a", "whole")
    assert listing(tmp_path) == ["a"]


def test_a_run_killed_between_two_moves_can_be_repeated(tmp_path):
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    half_moved(tmp_path)
    with staged(targets) as paths:
        for path in paths:
            path.write_text("second")
    assert [target.read_text() for target in targets] == ["second", "second"]
    assert listing(tmp_path) == ["a.csv", "a.hdf5"]


def half_moved(folder):
    """Leave what a run leaves that is killed between its two renames, over old files."""
    staging = folder / ".a.partial"
    staging.mkdir()
    (staging / COMMIT_MARK).write_text("a.csv\na.hdf5")
    (staging / "a.hdf5").write_text("first")
    (folder / "a.csv").write_text("first")  # moved already


@pytest.mark.parametrize("old", ["", "old"])
def test_a_rerun_that_fails_leaves_the_killed_run_complete(tmp_path, old):
    if old:
        (tmp_path / "a.hdf5").write_text(old)
    half_moved(tmp_path)
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    with pytest.raises(RuntimeError), staged(targets):
        raise RuntimeError
    assert [target.read_text() for target in targets] == ["first", "first"]
    assert listing(tmp_path) == ["a.csv", "a.hdf5"]


def test_a_file_made_meanwhile_is_kept(tmp_path):
    with pytest.raises(InputError, match="exists"), staged([tmp_path / "a"]) as (path,):
        path.write_text("ours")
        (tmp_path / "a").write_text("the user's")
    assert (tmp_path / "a").read_text() == "the user's"
    assert listing(tmp_path) == ["a"]


def test_a_folder_in_the_way_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    (tmp_path / "a.hdf5").mkdir()
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    with pytest.raises(InputError, match="is a folder"), staged(targets, overwrite=True):
        raise AssertionError("the folder was not seen")
    assert (tmp_path / "a.csv").read_text() == "old"


def test_two_spellings_of_hdf5_share_one_lock(tmp_path):
    with staged([tmp_path / "a.csv", tmp_path / "a.h5"]) as paths:
        for path in paths:
            path.touch()
        with pytest.raises(InputError, match="another process"):
            write_text(tmp_path / "a.hdf5", "x")


def test_a_deleted_folder_is_said(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(InputError, match="folder"):
        write_text(Path("a"), "x")
    monkeypatch.chdir(tmp_path)


def test_a_users_file_is_not_taken_for_a_remain(tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    staging = tmp_path / ".a.partial"
    staging.mkdir()  # a run killed before it had completed anything
    with (
        pytest.raises(InputError, match="exists"),
        staged([tmp_path / "a.csv", tmp_path / "a.hdf5"]),
    ):
        raise AssertionError("the user's file was in the way")
    assert (tmp_path / "a.csv").read_text() == "mine"


def test_the_lock_goes_with_its_holder(tmp_path):
    staging = tmp_path / ".a.partial"
    staging.mkdir()
    holder = os.open(staging, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="another process"):
        write_text(tmp_path / "a", "x")
    os.close(holder)
    write_text(tmp_path / "a", "x")
    assert listing(tmp_path) == ["a"]


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        write_text(tmp_path / "nowhere" / "a", "x")


TARGETS = ["a.csv", "a.hdf5"]


def fail_with(error, folder, keep=("a.hdf5", "journal")):
    """Stage two files and a journal beside them, and fail."""
    with pytest.raises(error), staged([folder / name for name in TARGETS], keep=keep) as paths:
        for path in (*paths, paths[0].with_name("journal")):
            path.write_text("begun")
        raise error


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_a_rerun_can_use_is_kept(tmp_path, error):
    fail_with(error, tmp_path)
    assert listing(tmp_path) == [".a.partial"]
    assert listing(tmp_path / ".a.partial") == ["a.hdf5", "journal"]
    with staged([tmp_path / name for name in TARGETS], keep=("a.hdf5", "journal")) as paths:
        assert not paths[0].exists()
        assert paths[1].read_text() == "begun"
        assert paths[1].with_name("journal").read_text() == "begun"
        for path in paths:
            path.write_text("whole")
    assert listing(tmp_path) == TARGETS
    assert [(tmp_path / name).read_text() for name in TARGETS] == ["whole", "whole"]


@pytest.mark.parametrize("error", [InputError, RuntimeError, SystemExit])
def test_what_a_rerun_could_not_use_is_not_kept(tmp_path, error):
    fail_with(error, tmp_path)
    assert listing(tmp_path) == []


def test_who_cannot_go_on_with_it_clears_it_away(tmp_path):
    fail_with(OSError, tmp_path)
    with staged([tmp_path / name for name in TARGETS]) as paths:
        assert listing(tmp_path / ".a.partial") == []
        for path in paths:
            path.write_text("whole")
    assert listing(tmp_path) == TARGETS


def test_a_refusal_before_anything_is_staged_leaves_what_was_kept(tmp_path):
    fail_with(OSError, tmp_path)
    (tmp_path / "a.csv").write_text("the user's")
    with (
        pytest.raises(InputError, match="exists"),
        staged([tmp_path / name for name in TARGETS], keep=("a.hdf5", "journal")),
    ):
        raise AssertionError("the user's file was in the way")
    assert listing(tmp_path / ".a.partial") == ["a.hdf5", "journal"]


def test_complete_files_come_before_what_was_kept(tmp_path):
    half_moved(tmp_path)
    (tmp_path / ".a.partial" / "journal").write_text("begun")
    with pytest.raises(OSError), staged([tmp_path / n for n in TARGETS], keep=("journal",)):
        assert [(tmp_path / name).read_text() for name in TARGETS] == ["first", "first"]
        raise OSError
    assert [(tmp_path / name).read_text() for name in TARGETS] == ["first", "first"]


def test_a_failure_while_files_are_moved_is_made_good_by_the_next_run(tmp_path, monkeypatch):
    import steadkit.atomic.files as files

    replace, moved = os.replace, []

    def second_fails(source, target):
        moved.append(target)
        if len(moved) == 3:  # the mark, the first file, and then
            raise OSError("disk gone")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", second_fails)
    with pytest.raises(OSError, match="gone"), staged([tmp_path / n for n in TARGETS]) as paths:
        for path in paths:
            path.write_text("whole")
    monkeypatch.setattr(files.os, "replace", replace)
    assert (tmp_path / "a.csv").read_text() == "whole"
    with pytest.raises(RuntimeError), staged([tmp_path / name for name in TARGETS]):
        raise RuntimeError
    assert [(tmp_path / name).read_text() for name in TARGETS] == ["whole", "whole"]
    assert listing(tmp_path) == TARGETS
