"""Files: whole or not at all, one writer at a time, nothing left behind."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from steadkit.atomic import atomic_write, write_text
from steadkit.atomic.stage import MARK, Move, StagingFolder, file_identity
from steadkit.errors import InputError

TARGETS = ["a.csv", "a.hdf5"]


def listing(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != MARK)


def test_all_targets_appear_together(tmp_path):
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    with atomic_write(targets) as paths:
        for path in paths:
            path.write_text("new")
        assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == []
    assert listing(tmp_path) == ["a.csv", "a.hdf5"]


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), atomic_write([tmp_path / "a"]) as (path,):
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
    with pytest.raises(RuntimeError), atomic_write([target], overwrite=True) as (path,):
        path.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"


def test_a_dangling_link_is_a_file_too(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="exists"):
        write_text(tmp_path / "a", "new")


def test_a_second_writer_is_refused(tmp_path):
    with atomic_write([tmp_path / "a"]) as (path,):
        path.write_text("first")
        with pytest.raises(InputError, match="another process"), atomic_write([tmp_path / "a"]):
            raise AssertionError("the second writer got in")
    assert (tmp_path / "a").read_text() == "first"


def test_remains_of_a_killed_run_are_cleared(tmp_path):
    staging = left_by_a_kill(tmp_path / ".a.partial")
    (staging / "a").write_text("half")
    (staging / "a.spool").write_text("half of a work file")
    write_text(tmp_path / "a", "whole")
    assert listing(tmp_path) == ["a"]


def left_by_a_kill(staging: Path) -> Path:
    """Leave a staging folder of ours."""
    staging.mkdir()
    (staging / MARK).touch()
    return staging


def test_a_run_killed_between_two_moves_can_be_repeated(tmp_path):
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    half_moved(tmp_path)
    with atomic_write(targets) as paths:
        for path in paths:
            path.write_text("second")
    assert [target.read_text() for target in targets] == ["second", "second"]
    assert listing(tmp_path) == ["a.csv", "a.hdf5"]


def half_moved(folder, text="first"):
    """Leave what a run leaves that is killed between its two renames, over old files."""
    stage = StagingFolder(left_by_a_kill(folder / ".a.csv.partial"), TARGETS)
    for name in TARGETS:
        (stage.folder / name).write_text(text)
    moves = {n: Move(file_identity(stage.folder / n), file_identity(folder / n)) for n in TARGETS}
    stage.write_commit(moves)
    stage.move("a.csv", may_replace=True)


@pytest.mark.parametrize("old", ["", "old"])
def test_a_rerun_that_fails_leaves_the_killed_run_complete(tmp_path, old):
    if old:
        (tmp_path / "a.hdf5").write_text(old)
    half_moved(tmp_path)
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    with pytest.raises(RuntimeError), atomic_write(targets):
        raise RuntimeError
    assert [target.read_text() for target in targets] == ["first", "first"]
    assert listing(tmp_path) == ["a.csv", "a.hdf5"]


def test_a_file_made_between_the_moves_is_kept_unless_told(tmp_path):
    half_moved(tmp_path)
    (tmp_path / "a.hdf5").write_text("the user's")
    targets = [tmp_path / name for name in TARGETS]
    for _ in range(2):
        with pytest.raises(InputError, match=r"a\.hdf5' exists"), atomic_write(targets):
            raise AssertionError("the user's file was in the way")
        assert (tmp_path / "a.hdf5").read_text() == "the user's"
        assert (tmp_path / ".a.csv.partial" / "a.hdf5").read_text() == "first"
    os.rename(tmp_path / "a.hdf5", tmp_path / "moved")
    with pytest.raises(RuntimeError), atomic_write(targets):
        raise RuntimeError
    assert [target.read_text() for target in targets] == ["first", "first"]
    assert listing(tmp_path) == [*TARGETS, "moved"]


def test_a_file_made_between_the_moves_is_replaced_where_told(tmp_path):
    half_moved(tmp_path, "a,b")
    (tmp_path / "a.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(RuntimeError), atomic_write([tmp_path / n for n in TARGETS], overwrite=True):
        raise RuntimeError
    assert [(tmp_path / name).read_text() for name in TARGETS] == ["a,b", "a,b"]


@pytest.mark.parametrize("change", ["edit", "replace", "remove"])
def test_a_file_changed_after_its_move_is_the_users(tmp_path, change):
    half_moved(tmp_path)
    moved = tmp_path / "a.csv"
    if change != "edit":
        moved.unlink()
    if change != "remove":
        with moved.open("a") as file:
            file.write("notes")
    moved_identity = file_identity(moved)
    targets = [tmp_path / name for name in TARGETS]
    if change == "remove":
        with atomic_write(targets) as paths:
            for path in paths:
                path.write_text("second")
        assert [target.read_text() for target in targets] == ["second", "second"]
        return
    with pytest.raises(InputError, match=r"a\.csv' exists"), atomic_write(targets):
        raise AssertionError("the user's file was in the way")
    assert file_identity(moved) == moved_identity and not targets[1].exists()


def test_a_kill_within_a_move_is_made_good(tmp_path):
    half_moved(tmp_path)
    os.link(tmp_path / ".a.csv.partial" / "a.hdf5", tmp_path / "a.hdf5")
    with pytest.raises(RuntimeError), atomic_write([tmp_path / name for name in TARGETS]):
        raise RuntimeError
    assert listing(tmp_path) == TARGETS
    assert (tmp_path / "a.hdf5").stat().st_nlink == 1


def test_a_record_of_another_user_is_no_leave_to_replace(tmp_path, monkeypatch):
    (tmp_path / "a.hdf5").write_text("old")
    half_moved(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with (
        pytest.raises(InputError, match=r"a\.hdf5' exists"),
        atomic_write([tmp_path / name for name in TARGETS]),
    ):
        raise AssertionError("somebody else's record was followed")
    assert (tmp_path / "a.hdf5").read_text() == "old"


def test_a_file_made_at_the_last_moment_is_kept(tmp_path, monkeypatch):
    """Between the last look and the move: only the file system itself can tell then."""
    link = os.link

    def meet(source, target):
        Path(target).write_text("the user's")
        link(source, target)

    monkeypatch.setattr(os, "link", meet)
    with pytest.raises(InputError, match="exists"), atomic_write([tmp_path / "a"]) as (path,):
        path.write_text("ours")
    assert (tmp_path / "a").read_text() == "the user's"


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "no hard links")

    monkeypatch.setattr(os, "link", refuse)
    write_text(tmp_path / "a", "x")
    assert listing(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "x"


def test_a_file_made_meanwhile_is_kept(tmp_path):
    with pytest.raises(InputError, match="exists"), atomic_write([tmp_path / "a"]) as (path,):
        path.write_text("ours")
        (tmp_path / "a").write_text("the user's")
    assert (tmp_path / "a").read_text() == "the user's"
    assert listing(tmp_path) == ["a"]


def test_a_folder_in_the_way_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "a.csv").write_text("old")
    (tmp_path / "a.hdf5").mkdir()
    targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
    with pytest.raises(InputError, match="is a folder"), atomic_write(targets, overwrite=True):
        raise AssertionError("the folder was not seen")
    assert (tmp_path / "a.csv").read_text() == "old"


def test_two_spellings_of_hdf5_share_one_lock(tmp_path):
    with atomic_write([tmp_path / "a.csv", tmp_path / "a.h5"]) as paths:
        for path in paths:
            path.touch()
        targets = [tmp_path / "a.csv", tmp_path / "a.hdf5"]
        with pytest.raises(InputError, match="another process"), atomic_write(targets):
            raise AssertionError("both at once")


def test_two_figures_of_one_stem_are_drawn_at_once(tmp_path):
    with atomic_write([tmp_path / "p.png"]) as (png,), atomic_write([tmp_path / "p.pdf"]) as (pdf,):
        png.write_text("png")
        pdf.write_text("pdf")
    assert listing(tmp_path) == ["p.pdf", "p.png"]


def test_another_file_of_the_stem_leaves_what_a_copy_had_done(tmp_path):
    fail_with(OSError, tmp_path)
    write_text(tmp_path / "a.png", "figure")
    write_text(tmp_path / "a.manifest", "list")
    assert listing(tmp_path / ".a.csv.partial") == ["a.hdf5", "a.hdf5.journal"]
    # Even a file that shares the staging folder: it is refused, and all is left.
    with pytest.raises(InputError, match=r"holds 'a\.hdf5"):
        write_text(tmp_path / "a.csv", "report")
    assert listing(tmp_path / ".a.csv.partial") == ["a.hdf5", "a.hdf5.journal"]


def test_a_deleted_folder_is_said(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(InputError, match="folder"):
        write_text(Path("a"), "x")
    monkeypatch.chdir(tmp_path)


def test_a_users_file_is_not_taken_for_a_remain(tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    left_by_a_kill(tmp_path / ".a.csv.partial")  # before it had completed anything
    with (
        pytest.raises(InputError, match="exists"),
        atomic_write([tmp_path / "a.csv", tmp_path / "a.hdf5"]),
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


def fail_with(error, folder, keep=("a.hdf5", "a.hdf5.journal")):
    """Stage two files and a journal beside them, and fail."""
    with (
        pytest.raises(error),
        atomic_write([folder / name for name in TARGETS], keep=keep) as paths,
    ):
        for path in (*paths, paths[0].with_name("a.hdf5.journal")):
            path.write_text("begun")
        raise error


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_a_rerun_can_use_is_kept(tmp_path, error):
    fail_with(error, tmp_path)
    assert listing(tmp_path) == [".a.csv.partial"]
    assert listing(tmp_path / ".a.csv.partial") == ["a.hdf5", "a.hdf5.journal"]
    with atomic_write(
        [tmp_path / name for name in TARGETS], keep=("a.hdf5", "a.hdf5.journal")
    ) as paths:
        assert not paths[0].exists()
        assert paths[1].read_text() == "begun"
        assert paths[1].with_name("a.hdf5.journal").read_text() == "begun"
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
    with atomic_write([tmp_path / name for name in TARGETS]) as paths:
        assert listing(tmp_path / ".a.csv.partial") == []
        for path in paths:
            path.write_text("whole")
    assert listing(tmp_path) == TARGETS


def test_a_refusal_before_anything_is_staged_leaves_what_was_kept(tmp_path):
    fail_with(OSError, tmp_path)
    (tmp_path / "a.csv").write_text("the user's")
    with (
        pytest.raises(InputError, match="exists"),
        atomic_write([tmp_path / name for name in TARGETS], keep=("a.hdf5", "a.hdf5.journal")),
    ):
        raise AssertionError("the user's file was in the way")
    assert listing(tmp_path / ".a.csv.partial") == ["a.hdf5", "a.hdf5.journal"]


def test_complete_files_come_before_what_was_kept(tmp_path):
    half_moved(tmp_path)
    (tmp_path / ".a.csv.partial" / "a.hdf5.journal").write_text("begun")
    with (
        pytest.raises(OSError),
        atomic_write([tmp_path / n for n in TARGETS], keep=("a.hdf5.journal",)),
    ):
        assert [(tmp_path / name).read_text() for name in TARGETS] == ["first", "first"]
        raise OSError
    assert [(tmp_path / name).read_text() for name in TARGETS] == ["first", "first"]


def test_a_failure_while_files_are_moved_is_made_good_by_the_next_run(tmp_path, monkeypatch):
    link, moved = os.link, []

    def second_fails(source, target):
        moved.append(target)
        if len(moved) == 2:
            raise OSError("disk gone")
        link(source, target)

    monkeypatch.setattr(os, "link", second_fails)
    with (
        pytest.raises(OSError, match="gone"),
        atomic_write([tmp_path / n for n in TARGETS]) as paths,
    ):
        for path in paths:
            path.write_text("whole")
    monkeypatch.setattr(os, "link", link)
    assert (tmp_path / "a.csv").read_text() == "whole"
    with pytest.raises(RuntimeError), atomic_write([tmp_path / name for name in TARGETS]):
        raise RuntimeError
    assert [(tmp_path / name).read_text() for name in TARGETS] == ["whole", "whole"]
    assert listing(tmp_path) == TARGETS
