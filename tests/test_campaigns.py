"""The long campaigns of kills and mutants, a little of each with a fixed seed."""

import random

import pytest
from campaigns import kills
from campaigns.mutations.campaign import campaign, kinds
from campaigns.mutations.damage import DAMAGE
from campaigns.mutations.judge import fault_of, misplaced
from campaigns.mutations.worker import Ended

from steadkit.store import TRACE_BYTES


def test_a_few_kills_lose_nothing():
    seen = kills.campaign(kills=2, seed=1, events=80)
    assert sum(count for what, count in seen.items() if kills.is_disturbance(what)) >= 6


@pytest.mark.parametrize("move", range(6))
def test_a_users_file_survives_a_kill_between_any_two_moves(tmp_path, move):
    kills.prepare(tmp_path, 20)
    run = kills.undisturbed(kills.COMMANDS["subset"], tmp_path)
    kills.clear(run.target)
    run.start(move=move).communicate()
    chance = random.Random(move)
    if name := kills.intrude(run, chance):
        assert "user's file kept" in kills.settle(run, name, chance)
    if not (run.target / "out.hdf5").exists():
        kills.recover(run)
    kills.sweep(run)
    assert not list(run.target.glob(".*"))


def test_a_rerun_after_a_full_disk_goes_on_where_the_copy_was(tmp_path):
    kills.prepare(tmp_path, 80)
    run = kills.undisturbed(kills.COMMANDS["merge"], tmp_path)
    # The headers follow the samples: there is room for some of them, so that blocks are whole.
    samples = (80 + 20) * TRACE_BYTES
    room = (samples + (run.target / "out.hdf5").stat().st_size) // 2
    kills.clear(run.target)
    process = run.start(limit=room)
    assert process.communicate()[1].startswith("Error: ") and process.returncode == 1
    assert kills.recover(run) == "rerun resumed"


def test_a_few_mutants_are_refused_or_done_right():
    tally = campaign(mutants=40, seed=1)
    assert tally.violations == []
    outcomes = {outcome for _, outcome in tally.seen}
    assert sum(tally.seen.values()) == 40 and {"refused", "right"} <= outcomes


@pytest.mark.parametrize("how", DAMAGE)
def test_damage_follows_from_its_seed_and_alters_something(how):
    content = bytes(range(256)) * 40
    damaged = {DAMAGE[how](content, [(0, 9000)], random.Random(seed)) for seed in range(5)}
    again = {DAMAGE[how](content, [(0, 9000)], random.Random(seed)) for seed in range(5)}
    assert damaged == again and len(damaged) > 1 and content not in damaged - {content}


def test_the_kinds_cover_all_three_files():
    assert {suffix for suffix, _ in kinds()} == {"hdf5", "csv", "manifest"}


@pytest.mark.parametrize(
    ("ended", "fault"),
    [
        (Ended(0, "fine\n", ""), None),
        (Ended(1, "", "Error: 'a.csv' is no CSV\n"), None),
        (Ended(2, "", "Error: 'a.csv' is no CSV\n"), None),
        (Ended(1, "", "Error: one\nError: two\n"), "not one line"),
        (Ended(1, "", ""), "not one line"),
        (Ended(1, "", "Traceback (most recent call last):\n"), "traceback"),
        (Ended(-11, "", ""), "signal 11"),
        (Ended(-9, "", "", hung=True), "hangs"),
        (Ended(3, "", ""), "exit code 3"),
        (Ended(0, "\x1b[31mred", ""), "control characters"),
        (Ended(0, "", "a warning"), "stderr"),
    ],
)
def test_the_judge_knows_a_fault_when_it_sees_one(ended, fault):
    found = fault_of("subset", ended)
    assert found is None if fault is None else fault in found


def test_the_judge_sees_files_out_of_place():
    before = {"case/in/a.csv": (1, 10, 5), "case/out": (2, 0, 0)}
    assert misplaced(before, before | {"case/out/out.hdf5": (3, 1, 1)}) is None
    assert misplaced(before, before | {"x": (3, 1, 1)}) == "writes 'x'"
    assert misplaced(before, before | {"case/in/a.csv": (1, 10, 6)}) == "alters 'case/in/a.csv'"
