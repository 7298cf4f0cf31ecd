"""Many cases, in several workers, and a table of what became of them."""

import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from campaigns.abuse.cases import Case, all_cases
from campaigns.abuse.worker import LONGER_S, START_S, Outcome, Worker, worker
from command_inputs import make_inputs
from commands import CALLS

SLOW_TURNS = 8
"""Of the commands that need seconds a case is chosen in one of so many turns."""

UNKNOWN_S = 120.0
"""Seconds that a small call may take before it is known how long it does."""


@dataclass
class Tally:
    """What became of the cases: counts by kind and outcome, and the faults by number."""

    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def choose(cases: Sequence[Case], count: int, seed: int) -> list[int]:
    """Select cases by number: of every kind and command in turn, of the slow ones in some turns.

    The small calls themselves always come first.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        groups[case.kind, case.command].append(number)
    first = [numbers.pop() for (kind, _), numbers in groups.items() if kind == "undisturbed"]
    chance = random.Random(seed)
    slow = {key for key in groups if CALLS[key[1]].uses_tensorflow}
    for numbers in groups.values():
        chance.shuffle(numbers)
    chosen: list[int] = []
    for turn in range(max(map(len, groups.values()))):
        keys = [key for key in groups if key not in slow or turn % SLOW_TURNS == 0]
        chance.shuffle(keys)
        chosen += [groups[key].pop() for key in keys if groups[key]]
    return (first + chosen)[:count]


def campaign(
    count: int,
    seed: int,
    only: Sequence[int] = (),
    tell: Callable[[str], object] = len,
    processes: int = 2,
    commands: Collection[str] = tuple(CALLS),
    kinds: Collection[str] = (),
) -> Tally:
    """Let `count` cases happen.

    Parameters
    ----------
    count
        How many.
    seed
        Selects them of all there are.
    only
        The numbers of those to run instead.
    tell
        Called with each fault when it is found.
    processes
        How many cases run side by side.
    commands, kinds
        Only cases of these; of every kind by default. The small calls come always.
    """
    cases = all_cases()
    of_these = [
        number
        for number, case in enumerate(cases)
        if case.command in commands and (not kinds or case.kind in (*kinds, "undisturbed"))
    ]
    numbers = list(only) or [
        of_these[i] for i in choose([cases[number] for number in of_these], count, seed)
    ]
    tally = Tally()
    calls = [CALLS[name] for name in {cases[number].command for number in numbers}]
    is_heavy = any(call.uses_tensorflow for call in calls)
    networks = any(call.reads_networks for call in calls)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        inputs = make_inputs(Path(name) / "inputs", networks)
        idle: SimpleQueue[Worker] = SimpleQueue()
        for process in range(processes):
            box = Path(name) / f"worker-{process}"
            idle.put(stack.enter_context(worker(inputs, box, is_heavy)))

        def meet(number: int) -> None:
            case, free = cases[number], idle.get()
            limit_s = tally.seconds.get(case.command, UNKNOWN_S) + LONGER_S
            limit_s += START_S * case.is_fresh
            try:
                outcome = free.run(number, limit_s)
                if outcome.is_hung:  # or the machine has other work
                    outcome = free.run(number, 3 * limit_s)
            finally:
                idle.put(free)
            _count(tally, number, case, outcome, tell)
            if sum(tally.seen.values()) % 100 == 0:
                tell(f"{sum(tally.seen.values())} of {len(numbers)} cases")

        with ThreadPoolExecutor(processes) as threads:
            list(threads.map(meet, numbers))
    return tally


def _count(
    tally: Tally, number: int, case: Case, outcome: Outcome, tell: Callable[[str], object]
) -> None:
    if case.kind == "undisturbed":
        tally.seconds[case.command] = outcome.seconds
    fault = outcome.fault
    if case.kind == "undisturbed" and CALLS[case.command].is_refused and outcome.code:
        fault = None if fault == "the small call is refused" else fault
    if fault is None:
        tally.seen[case.kind, "refused" if outcome.code else "ran"] += 1
        return
    tally.seen[case.kind, "faults"] += 1
    words = " ".join(word[:80] for word in case.words)
    tally.faults[number] = (
        f"case {number}, {case.kind}: {case.what}\n    {words!r}\n"
        f"    {fault} (exit code {outcome.code}, {outcome.seconds:.1f} s)\n"
        f"    {outcome.said.strip()[-700:]!r}"
    )
    tell(tally.faults[number])
