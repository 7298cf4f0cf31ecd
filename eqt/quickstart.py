"""Complete workflow on simulated data, by the commands that a user would type."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from steadkit.console import echo
from steadkit.demo import chunk_files, require_room
from steadkit.errors import InputError

BATCH_SIZE, LEARNING_RATE = 24, 2e-3

MIN_TRACES = 20
"""Minimum of events and of noise traces; with fewer, a split may lack one of them."""


@dataclass(frozen=True)
class Size:
    """How much to simulate and how long to train; the defaults take some minutes on two cores."""

    events: int = 2000
    noise: int = 500
    epochs: int = 8


@dataclass(frozen=True)
class Step:
    """One command, and the file that exists when it is done."""

    program: str
    arguments: Sequence[str]
    result: Path


def steps(folder: Path, size: Size, seed: int) -> list[Step]:
    """List the commands from nothing to an evaluated network."""
    stead, run = folder / "stead", folder / "run"
    subset_file, merged = folder / "some.hdf5", folder / "merged.hdf5"
    noise, *events = chunk_files(stead, size.events)
    with_seed = ["--seed", seed]
    demo = ["demo", stead, "--events", size.events, "--noise", size.noise, *with_seed]
    subset = ["subset", *events, "--fraction", "0.9", "-o", subset_file, *with_seed]
    merge = ["merge", noise, subset_file, "-o", merged]
    train = ["train", "--data", merged, "--epochs", size.epochs, "--batch-size", BATCH_SIZE]
    train += ["--learning-rate", LEARNING_RATE, "--schedule", "cosine", "--augment", "none"]
    train += [*with_seed, "-o", run]
    commands = [
        ("steadkit", demo, events[-1]),
        ("steadkit", subset, subset_file),
        ("steadkit", merge, merged),
        ("eqt", train, run / "curves.png"),
        ("eqt", ["evaluate", run, "--overwrite"], run / "evaluation" / "examples.png"),
    ]
    return [Step(program, [str(a) for a in args], result) for program, args, result in commands]


def quickstart(folder: Path, size: Size, seed: int, programs: Mapping[str, click.Group]) -> None:
    """Run every step that has not been done yet.

    Parameters
    ----------
    folder
        Where everything goes; made if it does not exist.
    size
        How much to simulate, and how long to train.
    seed
        Of the simulation, the selection and the training.
    programs
        The two command lines, by name.

    Raises
    ------
    InputError
        The disk has no room for the data; a step cannot be done, because what it would write is
        there but is something else; or there would be too little to train on.
    """
    products, traces = ("stead", "some.hdf5", "merged.hdf5"), size.events + size.noise
    # An existing simulation may be smaller, so room for all its traces is required.
    require_room(folder / "stead", traces)
    require_room(folder, traces * sum(not (folder / name).exists() for name in products))
    commands = steps(folder, size, seed)
    if min(size.events, size.noise) < MIN_TRACES and not commands[0].result.exists():
        raise InputError(
            f"{size.events} events and {size.noise} noise traces are too few to train and test on: "
            f"use {MIN_TRACES} of each, or more"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for step in commands:
        # Each step is run as its command line, so that what is shown is what is done.
        echo("")
        echo(f"$ {shlex.join([step.program, *step.arguments])}", bold=True)
        if step.result.exists():
            echo(f"{step.result} is there already")
            continue
        arguments = list(step.arguments)
        if arguments[0] == "train" and (folder / "run").exists():
            # The run folder appears with the first state, so that it can always be resumed.
            echo("training was cut off: it goes on")
            arguments = ["train", "--resume", str(folder / "run")]
        programs[step.program].main(arguments, prog_name=step.program, standalone_mode=False)
    echo("")
    echo(f"look at {folder / 'run' / 'evaluation' / 'examples.png'}", bold=True)
