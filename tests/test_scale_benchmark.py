"""The benchmark of all sizes, a little of it; what it measures, and what it makes of it."""

import sys

import numpy as np
import pytest
from scale import COMMANDS, Case, runs
from scale_growth import WITH, Run, at_full_size, bar_rows, exponent, growth_rows, report
from scale_process import Cost, measure
from scale_rows import STEAD

from eqt.cli import main as eqt
from steadkit.cli import main as steadkit

GRANDCHILD = """
import subprocess, sys, time
open(sys.argv[1], "rb").read()
code = "import time; held = bytearray(b'x') * (200 << 20); time.sleep(1.5)"
subprocess.run([sys.executable, "-c", code], check=True)
"""


def test_memory_and_bytes_of_all_processes_count(tmp_path):
    path = tmp_path / "content"
    path.write_bytes(bytes(50 << 20))
    cost = measure([sys.executable, "-c", GRANDCHILD, str(path)])
    assert 200 << 20 < cost.memory < 600 << 20
    assert cost.seconds > 1.5 and cost.processor > 0
    if cost.read is not None:
        assert 50 << 20 < cost.read < 100 << 20


def test_a_command_that_fails_is_no_measurement():
    with pytest.raises(RuntimeError, match="ended with 3:\nwhy"):
        measure([sys.executable, "-c", "import sys; print('why'); sys.exit(3)"])
    code = [sys.executable, "-c", "raise SystemExit(1)"]
    assert measure(code, codes=(0, 1)).read != 0
    with pytest.raises(RuntimeError):
        measure(code, is_enough=lambda: False)


def test_a_command_is_interrupted_once_it_is_enough(tmp_path):
    sign = tmp_path / "sign"
    code = f"import pathlib, time; pathlib.Path({str(sign)!r}).touch(); time.sleep(60)"
    assert measure([sys.executable, "-c", code], is_enough=sign.exists).seconds < 30


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_line_is_one_that_the_programs_take(name, tmp_path):
    case = Case(tmp_path / "merge.hdf5", tmp_path / "all.manifest", tmp_path)
    for path in (case.hdf5, case.hdf5.with_suffix(".csv"), case.manifest):
        path.touch()
    _, flag, program, *arguments = map(str, COMMANDS[name].call(case))
    if flag == "-m":
        command, context = {"steadkit": steadkit, "eqt": eqt}[program], None
        while hasattr(command, "commands"):
            context = command.make_context(program, [], parent=context, resilient_parsing=True)
            program, command, arguments = command.resolve_command(context, arguments)
        assert command.make_context(program, arguments, parent=context).params


def test_a_little_of_it_runs_and_is_reported(tmp_path, capsys):
    names = ["subset 0.1", "check"]
    every = list(runs([60, 120], names, [WITH], tmp_path, "steadkit"))
    expected = ["make an index", "subset 0.1", "cp of subset 0.1", "check"]
    assert [(run.command, run.traces) for run in every] == [
        (name, size) for size in (60, 120) for name in expected
    ]
    assert all(run.cost.memory > 0 and run.cost.processor > 0 for run in every)
    assert not list(tmp_path.glob("*/out/*"))
    report(every, {name: command.bars for name, command in COMMANDS.items()})
    shown = capsys.readouterr().out
    assert "cp of subset 0.1" in shown and "times cp" in shown
    # Nothing is extrapolated from 120 traces.
    assert "yes" not in shown and "NO" not in shown and "│ ~" not in shown


def invented(name, sizes, law, needs_tensorflow=False):
    """Make runs of which all that is measured follows a law of the size."""
    costs = [Cost(law(n), law(n), int(1e9 * law(n)), int(law(n)), "") for n in sizes]
    several = zip(sizes, costs, strict=True)
    return [Run(name, "without", n, cost, needs_tensorflow) for n, cost in several]


def test_growth_is_fitted_beyond_what_the_smallest_size_takes():
    sizes = [1_000, 10_000, 100_000, 300_000]
    values = [3 + 2e-6 * size**1.2 for size in sizes]
    assert exponent(sizes, values) == pytest.approx(1.2, abs=0.02)
    assert exponent(sizes, [3.0, 3.1, 2.9, 3.0]) is None
    expected = 3 + 2e-6 * STEAD**1.2
    assert at_full_size(sizes, values) == pytest.approx(expected, rel=0.05)
    assert at_full_size(sizes[:2], values[:2]) is None
    assert at_full_size([1_000, STEAD], [5.0, 2.0]) == 2.0


def test_bars_are_judged_at_full_size():
    sizes = [1_000, 100_000, STEAD]
    slow = invented("a", sizes, lambda n: 0.1 + 2e-5 * n)
    quick = invented("b", sizes, lambda n: 0.1 + 7e-7 * n)
    assert [row[-1] for row in growth_rows(slow + quick)] == ["NO", "yes"]
    found = bar_rows(slow + quick, {"a": {"seconds": (20, 10)}, "b": {"processor": (1, 0.5)}})
    assert [(row[0], row[2], row[-1]) for row in found] == [
        ("a", "time (s)", "NO"),
        ("b", "processor (s)", "yes"),
    ]
    assert np.isclose(found[0][4], 0.1 + 2e-5 * STEAD)
    heavy = invented("c", sizes, lambda n: 1.2 + 5e-7 * n, needs_tensorflow=True)
    assert [row[-1] for row in growth_rows(heavy)] == ["yes"]
    steep = invented("d", [1_000, 600_000, STEAD], lambda n: 0.1 + 1e-12 * n**1.9)
    assert [row[-1] for row in growth_rows(steep)] == ["NO"]
