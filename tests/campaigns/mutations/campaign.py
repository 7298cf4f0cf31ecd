"""Many mutants, one after another, and a table of what became of them."""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from campaigns.mutations.damage import DAMAGE
from campaigns.mutations.inputs import Inputs, make_inputs
from campaigns.mutations.judge import fault_of, files_of, fresh_case, keep_case, misplaced
from campaigns.mutations.objects import OBJECTS, claim, mutate_objects
from campaigns.mutations.texts import ENCODINGS, MANIFESTS, TABLES, mutate_table
from campaigns.mutations.worker import Ended, Worker, worker

OUT = ("-o", "out/out.hdf5")
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "subset": (
        ("subset", "in/a.hdf5", "--fraction", "1", *OUT),
        ("subset", "in/a.hdf5", "in/b.hdf5", "--fraction", "0.5", *OUT),
        ("subset", "in/a.hdf5", "--where", "source_magnitude > 0", *OUT),
    ),
    "merge": (("merge", "in/a.hdf5", "in/b.hdf5", *OUT), ("merge", "in/a.hdf5", *OUT)),
    "build": (("build", "in/a.manifest", "--source", "in/a.hdf5", *OUT),),
    "verify": (("verify", "in/a.hdf5"), ("verify", "in/a.hdf5", "--report", "out/out.csv")),
    "check": (
        ("check", "in/a.hdf5", "-o", "out/out.csv"),
        ("check", "in/a.hdf5", "--fix", "out/out.hdf5"),
        ("check", "in/a.hdf5", "--drop", "out/out.manifest"),
    ),
    "info": (("info", "in/a.hdf5"), ("info", "in/a.manifest"), ("info", "in/a.csv", "--json")),
    "diff": (("diff", "in/a.manifest", "in/b.manifest"),),
    "split": (("split", "in/a.manifest", "--metadata", "in/a.csv", "-o", "out/out.manifest"),),
}
"""What a mutant may meet, by command; only those that are there."""

FITTING = {
    "hdf5": ("subset", "merge", "build", "verify", "check", "info"),
    "csv": ("subset", "merge", "build", "verify", "check", "info", "split"),
    "manifest": ("build", "verify", "diff", "info", "split"),
}
"""Which commands read the file that is mutated."""

Mutate = Callable[[Path, Inputs, random.Random], object]


@dataclass
class Tally:
    """What became of the mutants: counts by kind and outcome, and the violations."""

    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


def _damage(path: Path, inputs: Inputs, chance: random.Random, how: str) -> None:
    ranges = inputs.structure if path.suffix == ".hdf5" else ()
    path.write_bytes(DAMAGE[how](path.read_bytes(), ranges, chance))


def _encode(path: Path, inputs: Inputs, chance: random.Random, how: str) -> None:
    path.write_bytes(ENCODINGS[how](path.read_text(encoding="utf-8")))


def _no_file(path: Path, inputs: Inputs, chance: random.Random) -> None:
    """Put something that is no file in its place: a folder, a pipe, a device, a link."""
    path.unlink()
    kind = chance.randrange(5)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.mkfifo(path)
    elif kind < 4:
        path.symlink_to(("/dev/zero", path.name)[kind - 2])


def kinds() -> dict[tuple[str, str], tuple[Mutate, int]]:
    """List all kinds of mutants by file and fault, each with its weight."""
    listed: dict[tuple[str, str], tuple[Mutate, int]] = {}
    for how in DAMAGE:
        for suffix, weight in (("hdf5", 12), ("csv", 3), ("manifest", 2)):
            listed[suffix, how] = (partial(_damage, how=how), weight)
    for fault, change in OBJECTS.items():
        listed["hdf5", fault] = (
            lambda path, _, chance, change=change: mutate_objects(path, change, chance),
            3,
        )
    listed["hdf5", "claims other rows"] = (lambda path, _, chance: claim(path, chance), 4)
    for fault, table in TABLES.items():
        listed["csv", fault] = (
            lambda path, _, chance, table=table: mutate_table(path, table, chance),
            6 if fault.startswith("hostile") else 2,
        )
    for how in ENCODINGS:
        listed["csv", how] = (partial(_encode, how=how), 1)
    for fault, sign in MANIFESTS.items():
        listed["manifest", fault] = (lambda path, _, chance, sign=sign: sign(path, chance), 4)
    for suffix in FITTING:
        listed[suffix, "no file"] = (_no_file, 3)
    return listed


def campaign(
    mutants: int,
    seed: int,
    only: Sequence[int] = (),
    kept: Path | None = None,
    tell: Callable[[str], object] = lambda violation: None,
) -> Tally:
    """Let `mutants` mutants each meet a command.

    Parameters
    ----------
    mutants
        How many.
    seed
        Selects them; each follows from the seed and its number alone.
    only
        The numbers of those to run; all by default.
    kept
        Where to keep the cases that show a fault.
    tell
        Called with each violation when it is found.
    """
    from steadkit.cli import main

    commands = {name: calls for name, calls in COMMANDS.items() if name in main.commands}
    tally = Tally()
    listed = [(kind, mutate) for kind, (mutate, weight) in kinds().items() for _ in range(weight)]
    random.Random(seed).shuffle(listed)
    with tempfile.TemporaryDirectory() as name, worker() as workers:
        (base := Path(name) / "base").mkdir()
        inputs = make_inputs(Path(name))
        for number in only or range(mutants):
            (suffix, fault), mutate = listed[number % len(listed)]
            chance = random.Random(f"{seed}:{number}")
            sound = chance.choice(inputs)
            fitting = [command for command in FITTING[suffix] if command in commands]
            command = chance.choice(fitting)
            call = chance.choice(commands[command])
            case = fresh_case(sound.folder, base)
            mutate(case / "in" / f"a.{suffix}", sound, chance)
            outcome, ended = _meet(workers, sound, base, command, call)
            style = f" ({sound.style})" if suffix == "hdf5" else ""
            if outcome.startswith("WRONG"):
                where = keep_case(case, kept) if kept else ""
                tally.violations.append(
                    f"mutant {number}: {suffix}{style}, {fault}; {' '.join(call)}: {outcome}\n"
                    f"    {where}\n    {ended.stderr.strip()[-600:]}"
                )
                tell(tally.violations[-1])
                outcome = "WRONG"
            tally.seen[f"{suffix}: {fault}", outcome] += 1
    return tally


def _meet(
    workers: Worker, sound: Inputs, base: Path, command: str, call: Sequence[str]
) -> tuple[str, Ended]:
    """Let one mutant meet one command; returns what became of it."""
    before = files_of(base)
    ended = workers.run(base / "case", call)
    after = files_of(base)
    if fault := fault_of(command, ended) or misplaced(before, after):
        return f"WRONG: {fault}", ended
    written = [name for name in after if name.startswith("case/out/out.")]
    if ended.code and ended.stderr.startswith("Error: "):
        return (f"WRONG: leaves {written[0]}" if written else "refused"), ended
    if "case/out/out.hdf5" in after:
        judged = workers.run(base / "case", [str(sound.folder)], judge=True)
        if judged.hung or judged.code < 0:
            return "right by its manifest, h5py fails on the mutant", ended
        if (verdict := judged.stdout.strip()) != "right":
            return f"WRONG: {verdict or judged.stderr.strip()[-300:]}", ended
    return ("told differences" if ended.code else "right"), ended
