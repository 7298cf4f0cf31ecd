"""How the cost of commands grows with the number of traces, and what is reached of the bars."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from scale_process import Cost
from scale_rows import STEAD

from steadkit.console import print_table

MIN_RISE: Final = 0.1
"""Share of what the smallest size takes that must come on top: growth, and not chance."""

EXTRAPOLATED: Final = 5
"""From at most so many times fewer traces anything is extrapolated."""

MAX_EXPONENT: Final = 1.1
MAX_GROWTH, MAX_MEMORY = 1e9, 1.5e9
"""Bytes above those for 1,000 traces, and in all without TensorFlow."""

GB: Final = 1e9
UNITS: Final = {
    "seconds": "time (s)",
    "processor": "processor (s)",
    "read": "read (GB)",
    "times cp": "times cp",
    "beyond TensorFlow": "beyond TensorFlow (s)",
}
"""What bars limit."""

WITH, WITHOUT = "with", "without"
INDEX: Final = (WITHOUT, WITH)

Bars = Mapping[str, Mapping[str, tuple[float, float]]]
"""Of each command, what it may take at STEAD's size, without an index and with one."""


class Run(NamedTuple):
    """One command on one file, and what it took."""

    command: str
    index: str
    traces: int
    cost: Cost
    needs_tensorflow: bool = False


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """Fit a power of the size to what comes on top of the value of the smallest size.

    >>> exponent([1, 10, 100], [5.0, 5.0 + 10**1.1, 5.0 + 100**1.1])
    1.1

    Returns
    -------
    float or None
        None with fewer than two sizes at which it comes to a tenth of that value or more.
    """
    least = values[0]
    risen = [(n, v - least) for n, v in zip(sizes, values, strict=True) if v > least]
    risen = [(size, rise) for size, rise in risen if rise >= MIN_RISE * least]
    if len(risen) < 2:
        return None
    logs = np.log(np.array(risen, float))
    return round(float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]), 3)


def at_full_size(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """Return a value at STEAD's size, extrapolated if the largest size is less, None from afar.

    >>> at_full_size([1_000, STEAD // 4], [1.0, 11.0])
    41.0
    """
    if sizes[-1] >= STEAD:
        return values[-1]
    if sizes[-1] * EXTRAPOLATED < STEAD:
        return None
    rise, power = max(0.0, values[-1] - values[0]), max(1.0, exponent(sizes, values) or 1.0)
    return round(values[0] + rise * (STEAD / sizes[-1]) ** power, 3)


def held(is_held: bool | None) -> str:
    """Write whether a bar is held."""
    return "-" if is_held is None else "yes" if is_held else "NO"


def values_of(command_runs: Sequence[Run], runs: Sequence[Run], name: str) -> list[float]:
    """Return a figure of each run of a command: of its cost, or one that only its bar names."""
    if name == "times cp":
        copies = {
            r[1:3]: r.cost.seconds for r in runs if r.command == f"cp of {command_runs[0].command}"
        }
        return [run.cost.seconds / copies[run[1:3]] for run in command_runs]
    if name == "beyond TensorFlow":
        return [float(run.cost.output.rpartition(": ")[2]) for run in command_runs]
    figures = [getattr(run.cost, name) for run in command_runs]
    return [0.0 if figure is None else float(figure) for figure in figures]


def by_command(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """Part runs by command and index, ascending in size; those of one size alone are left out."""
    grouped: dict[tuple[str, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.traces):
        grouped.setdefault((run.command, run.index), []).append(run)
    return {key: command_runs for key, command_runs in grouped.items() if len(command_runs) > 1}


def growth_rows(runs: Sequence[Run]) -> list[list[object]]:
    """Make a row of exponents and memory for each command, and whether all bars are held."""
    rows = []
    for (name, state), command_runs in by_command(runs).items():
        sizes = [run.traces for run in command_runs]
        seconds, processor, memory = (
            values_of(command_runs, runs, figure) for figure in ("seconds", "processor", "memory")
        )
        exponents = [exponent(sizes, values) for values in (seconds, processor, memory)]
        most = at_full_size(sizes, memory)
        if most is None:
            rows.append([name, state, *exponents, "", None, None, held(None)])
            continue
        is_held = max(exponents[0] or 0, exponents[2] or 0) <= MAX_EXPONENT
        is_held &= most - memory[0] <= MAX_GROWTH
        is_held &= most <= MAX_MEMORY or command_runs[0].needs_tensorflow
        mark, above = "" if sizes[-1] >= STEAD else "~", most - memory[0]
        rows.append([name, state, *exponents, mark, most / GB, above / GB, held(is_held)])
    return rows


def bar_rows(runs: Sequence[Run], bars: Bars) -> list[list[object]]:
    """Make a row for each bar of a command."""
    rows = []
    for (name, state), command_runs in by_command(runs).items():
        sizes = [run.traces for run in command_runs]
        for figure, limits in bars.get(name, {}).items():
            value = at_full_size(sizes, values_of(command_runs, runs, figure))
            if value is not None and figure == "times cp":
                value = values_of(command_runs, runs, figure)[-1]  # a ratio does not grow
            bar, unit = limits[INDEX.index(state)], GB if figure == "read" else 1
            mark = "" if value is None or sizes[-1] >= STEAD else "~"
            is_held = None if value is None else value <= bar
            shown = None if value is None else value / unit
            rows.append([name, state, UNITS[figure], mark, shown, float(bar) / unit, held(is_held)])
    return rows


def report(runs: Sequence[Run], bars: Bars) -> None:
    """Print tables of costs, of growth, and of what is reached of the bars."""
    read = [None if run.cost.read is None else run.cost.read / GB for run in runs]
    print_table(
        "cost of each command",
        ["command", "index", "traces", "time (s)", "processor (s)", "memory (GB)", "read (GB)"],
        [
            [*run[:3], run.cost.seconds, run.cost.processor, run.cost.memory / GB, gigabytes]
            for run, gigabytes in zip(runs, read, strict=True)
        ],
    )
    print_table(
        f"growth: exponents, at most {MAX_EXPONENT} of time and memory, beyond the smallest size; "
        f"memory of {STEAD:,} traces (~ extrapolated), at most {MAX_GROWTH / GB:.0f} GB above that "
        f"of the smallest size, and {MAX_MEMORY / GB} GB without TensorFlow",
        ["command", "index", "time", "processor", "memory", "", "(GB)", "above (GB)", "held"],
        growth_rows(runs),
    )
    print_table(
        f"bars at {STEAD:,} traces (~ extrapolated)",
        ["command", "index", "what", "", "value", "bar", "held"],
        bar_rows(runs, bars),
    )
