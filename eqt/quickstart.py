"""The whole road on simulated data, by the commands a user would type, each shown as it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

EVENTS, NOISE = 2000, 500
EPOCHS, BATCH_SIZE, LEARNING_RATE = 12, 24, 1e-3


@dataclass(frozen=True)
class Step:
    """One command, and the file by which one sees that it has been done."""

    program: str
    arguments: Sequence[str]
    result: Path


def steps(folder: Path, seed: int) -> list[Step]:
    """List the commands from nothing to an evaluated network."""
    stead, run = folder / "stead", folder / "run"
    chunks = [stead / f"chunk{number}.hdf5" for number in (1, 2, 3)]
    some, merged = folder / "some.hdf5", folder / "merged.hdf5"
    with_seed = ["--seed", str(seed)]
    demo = ["demo", stead, "--events", EVENTS, "--noise", NOISE, *with_seed]
    subset = ["subset", *chunks[1:], "--fraction", "0.9", "-o", some, *with_seed]
    merge = ["merge", chunks[0], some, "-o", merged]
    train = ["train", "--data", merged, "--epochs", EPOCHS, "--batch-size", BATCH_SIZE]
    train += ["--learning-rate", LEARNING_RATE, *with_seed, "--out", run]
    road = [
        ("steadkit", demo, chunks[-1]),
        ("steadkit", subset, some),
        ("steadkit", merge, merged),
        ("eqt", train, run / "curves.png"),
        ("eqt", ["evaluate", run], run / "evaluation" / "examples.png"),
    ]
    return [Step(program, [str(a) for a in args], result) for program, args, result in road]


def quickstart(folder: Path, seed: int) -> None:
    """Run every step that has not been done yet.

    Raises
    ------
    InputError
        A step cannot be done, because its target is there but half done, for example.
    """
    from eqt.cli import main as eqt
    from steadkit.cli import main as steadkit

    programs = {"steadkit": steadkit, "eqt": eqt}
    folder.mkdir(parents=True, exist_ok=True)
    for step in steps(folder, seed):
        click.secho(f"\n$ {step.program} {' '.join(step.arguments)}", bold=True)
        if step.result.exists():
            click.echo(f"{step.result} is there already")
            continue
        programs[step.program].main(
            list(step.arguments), prog_name=step.program, standalone_mode=False
        )
    click.secho(f"\nlook at {folder / 'run' / 'evaluation' / 'examples.png'}", bold=True)
