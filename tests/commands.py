"""Every command of both command lines: what each parameter takes, and a small call that works.

`walk` lists the commands from click itself, so that a new one is seen the day it is added;
`CALLS` has a small valid call of each, on the files that `command_inputs.make_inputs` writes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import click

from steadkit.cli.options import FractionType, NumbersType, NumberType

Values = str | bool | None | tuple[str, ...]
"""Of a parameter: a text, a flag, nothing, or several texts (repeated, or of several places)."""

KINDS: tuple[tuple[type[click.ParamType], str], ...] = (
    (click.Path, "path"),
    (click.Choice, "choice"),
    (click.types.BoolParamType, "flag"),
    (click.IntRange, "integer"),
    (click.types.IntParamType, "integer"),
    (click.FloatRange, "number"),
    (click.types.FloatParamType, "number"),
    (FractionType, "number"),
    (NumberType, "number"),
    (NumbersType, "numbers"),
    (click.types.StringParamType, "text"),
)
"""What a type of click's, or of ours, takes; a new type has to be added."""


def kind_of(parameter: click.Parameter) -> str:
    """Return what a parameter takes; fails where its type is in no row of `KINDS`.

    >>> kind_of(click.Option(["--seed"], type=click.IntRange(0)))
    'integer'
    """
    kind = next(kind for types, kind in KINDS if isinstance(parameter.type, types))
    return "numbers" if kind == "number" and parameter.nargs > 1 else kind


def walk() -> Iterator[tuple[str, click.Command]]:
    """List every command by its full name, ``steadkit plot map`` for example."""
    from eqt.cli import main as eqt
    from steadkit.cli import main as steadkit

    groups: list[tuple[str, click.Command]] = [("steadkit", steadkit), ("eqt", eqt)]
    while groups:
        name, command = groups.pop(0)
        if isinstance(command, click.Group):
            groups += [(f"{name} {sub}", item) for sub, item in command.commands.items()]
        else:
            yield name, command


@dataclass(frozen=True)
class Call:
    """A small valid call: an example for every path, and what else it takes to run.

    `inputs` and `outputs` together name every parameter that is a path; those in `optional` are
    left out of the call itself. `settings` are the other parameters that it needs.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Values] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    more: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What a parameter that takes several needs besides."""
    is_refused: bool = False
    """Whether it ends with a refusal, as it would need a server, or hours."""
    uses_tensorflow: bool = False

    @property
    def reads_networks(self) -> bool:
        """Whether its inputs are made by a training."""
        return any(path.startswith(("in/run", "in/k")) for path in self.inputs.values())

    def values(self) -> dict[str, Values]:
        """Return the values of the parameters that the call names."""
        paths = {**self.inputs, **self.outputs}
        given = {name: path for name, path in paths.items() if name not in self.optional}
        return {
            **self.settings,
            **given,
            **{name: self.several(name, given[name]) for name in self.more},
        }

    def several(self, name: str, value: Values) -> Values:
        """Return a value of a parameter with what else that one needs."""
        if name not in self.more:
            return value
        return (*as_several(value), *self.more[name])


FIGURE = {"output": "out/o.png"}
OF_A = {"file": "in/a.hdf5"}
RUN = {"run": "in/run", "data": "in/train.hdf5"}
OUT = {"output": "out/o"}

CALLS: dict[str, Call] = {
    "steadkit demo": Call({}, {"folder": "out/o"}, {"events": "2", "noise": "1"}),
    "steadkit subset": Call(
        {"source": "in/a.hdf5", "exclude": "in/names.txt"},
        {"output": "out/o.hdf5"},
        {"fraction": "0.5"},
        frozenset({"exclude"}),
    ),
    "steadkit merge": Call({"files": "in/a.hdf5"}, {"output": "out/o.hdf5"}),
    "steadkit build": Call(
        {"manifest": "in/a.manifest", "sources": "in/a.hdf5"}, {"output": "out/o.hdf5"}
    ),
    "steadkit verify": Call(
        {"data": "in/a.hdf5", "manifest": "in/a.manifest"}, {"output": "out/o.csv"}
    ),
    "steadkit diff": Call({"manifest_a": "in/a.manifest", "manifest_b": "in/a.manifest"}),
    "steadkit check": Call(
        {"source": "in/a.hdf5"},
        {"output": "out/o.csv", "repaired": "out/o.hdf5", "sound": "out/o.manifest"},
        {},
        frozenset({"repaired", "sound"}),
    ),
    "steadkit info": Call({"file": "in/a.hdf5"}),
    "steadkit plot trace": Call(OF_A, FIGURE, {"names": "EVENT"}),
    "steadkit plot spectrogram": Call(OF_A, FIGURE, {"names": "EVENT"}),
    "steadkit plot section": Call(OF_A, FIGURE),
    "steadkit plot map": Call(OF_A, FIGURE),
    "steadkit plot distributions": Call(OF_A, FIGURE),
    "steadkit plot overview": Call(OF_A, FIGURE),
    "steadkit preview": Call({"data": "in/a.hdf5"}, FIGURE, {"count": "1"}),
    "steadkit convert from-seisbench": Call({"folder": "in/seisbench"}, {"output": "out/o.hdf5"}),
    "steadkit convert to-seisbench": Call({"source": "in/a.hdf5"}, {"output": "out/o"}),
    "steadkit convert to-miniseed": Call({"source": "in/a.hdf5"}, {"output": "out/o"}),
    "steadkit convert from-records": Call(
        {"folder": "in/records", "picks": "in/picks.csv", "stations": "in/stations.csv"},
        {"output": "out/o.hdf5"},
    ),
    "steadkit split": Call(
        {"data": "in/a.hdf5", "metadata": "in/a.csv"},
        {"output": "out/o.manifest"},
        {"fractions": "0.4,0.3,0.3"},
        frozenset({"metadata"}),
    ),
    "eqt train": Call(
        {
            "data": "in/train.hdf5",
            "init": "in/run/best.weights.h5",
            "config": "in/train.toml",
            "split": "in/train.split.manifest",
            "resume": "in/run",
        },
        OUT,
        {"model": "in/tiny.toml"},
        frozenset({"init", "split", "resume"}),
        uses_tensorflow=True,
    ),
    "eqt evaluate": Call(
        {**RUN, "weights": "in/k.keras"},
        OUT,
        {"resamples": "0"},
        frozenset({"data", "weights"}),
        uses_tensorflow=True,
    ),
    "eqt predict": Call(
        {
            "inputs": "in/records",
            "weights": "in/k.keras",
            "stations": "in/stations.csv",
            "exclude_list": "in/codes.txt",
        },
        OUT,
        {"workers": "1"},
        frozenset({"stations", "exclude_list"}),
        uses_tensorflow=True,
    ),
    "eqt score": Call(
        {"prediction": "in/prediction", "truth": "in/picks.csv"},
        OUT,
        {"resamples": "0"},
        is_refused=True,
    ),
    "eqt associate": Call(
        {
            "picks": "in/predicted.csv",
            "stations": "in/stations.csv",
            "velocity": "in/velocity.csv",
        },
        OUT,
        {},
        frozenset({"velocity"}),
        is_refused=True,
    ),
    "eqt compare": Call(
        {"runs": "in/run"}, OUT, {"resamples": "100"}, more={"runs": ("in/again",)}
    ),
    "eqt experiment": Call(
        {"data": "in/few.hdf5"},
        OUT,
        {"suite": "mini", "epochs": "1"},
        is_refused=True,
        uses_tensorflow=True,
    ),
    "eqt quickstart": Call({}, {"folder": "in/quickstart"}, {"events": "2", "noise": "1"}),
    "eqt models": Call(
        {}, {"figure": "out/o.png"}, {"name": "EQT"}, frozenset({"figure"}), uses_tensorflow=True
    ),
    **{
        f"eqt visualize {view}": Call(RUN, OUT, settings, frozenset({"data"}), uses_tensorflow=True)
        for view, settings in (
            ("maps", {"named": "EVENT", "layers": "encoder_1"}),
            ("attention", {"named": "EVENT", "mean": "0"}),
            ("why", {"named": "EVENT"}),
            ("all", {"named": "EVENT", "mean": "0"}),
        )
    },
    "eqt visualize filters": Call({"run": "in/run"}, OUT, uses_tensorflow=True),
    "eqt visualize architecture": Call({}, OUT, {"names": "EQT"}, uses_tensorflow=True),
    "eqt import": Call(
        {"file": "in/run/best.weights.h5"}, {"output": "out/o.keras"}, uses_tensorflow=True
    ),
    "eqt export": Call({"model": "in/k.keras"}, {"output": "out/o"}, uses_tensorflow=True),
    "eqt pretrained": Call(
        {},
        {"output": "out/o.keras", "cache": "out/cache"},
        {"name": "original"},
        is_refused=True,
    ),
}
"""A small call of every command, in a folder with `in` and an empty `out`.

``EVENT`` stands for a trace of ``in/a.hdf5``, which is in ``in/train.hdf5`` too.
"""

SPLIT_BY_TIME: dict[str, Values] = {"by": "time", "cut": ("2015-01-01", "2016-01-01")}
SPLIT_BY_REGION: dict[str, Values] = {
    "by": "region",
    "validation_box": ("30", "-120", "36", "-110"),
    "test_box": ("36", "-120", "45", "-110"),
}
NOT_GIVEN: dict[str, Values] = dict.fromkeys(("data", "model", "config", "output"))

COMPANIONS: dict[tuple[str, str], dict[str, Values]] = {
    ("steadkit subset", "count"): {"fraction": None},
    ("steadkit subset", "preset"): {"fraction": None},
    ("steadkit subset", "at"): {"box": "-90,-180,90,180"},
    ("steadkit check", "repaired"): {"output": None},
    ("steadkit check", "sound"): {"output": None},
    ("steadkit split", "cut"): SPLIT_BY_TIME,
    ("steadkit split", "gap_days"): SPLIT_BY_TIME,
    ("steadkit split", "cell_degrees"): {"by": "region"},
    ("steadkit split", "validation_box"): SPLIT_BY_REGION,
    ("steadkit split", "test_box"): SPLIT_BY_REGION,
    ("eqt train", "init"): {"model": None},
    ("eqt train", "resume"): NOT_GIVEN,
    ("eqt train", "other_machine"): {**NOT_GIVEN, "resume": "in/run"},
    ("eqt train", "step_epochs"): {"schedule": "step"},
    ("eqt train", "step_factor"): {"schedule": "step"},
}
"""What else a parameter needs to be given, or not to be given, so that it counts."""


def words(name: str, command: click.Command, values: Mapping[str, Values]) -> list[str]:
    """Write a call as the words of a command line, options before arguments.

    >>> name, command = next(walk())
    >>> words(name, command, CALLS[name].values())
    ['steadkit', 'build', '--source', 'in/a.hdf5', '-o', 'out/o.hdf5', 'in/a.manifest']
    """
    options, arguments = [], []
    for parameter in command.params:
        value = values.get(str(parameter.name))
        if value is None:
            continue
        if isinstance(parameter, click.Argument):
            arguments += [value] if isinstance(value, str) else list(map(str, as_several(value)))
        elif isinstance(value, bool):
            options += (parameter.opts if value else parameter.secondary_opts)[:1]
        elif parameter.nargs > 1:
            options += [parameter.opts[0], *as_several(value)]
        else:
            for item in as_several(value):
                options += [parameter.opts[0], item]
    return [*name.split(), *options, *arguments]


def as_several(value: Values) -> tuple[str, ...]:
    """Return the texts of a value.

    >>> as_several("a"), as_several(("a", "b"))
    (('a',), ('a', 'b'))
    """
    return value if isinstance(value, tuple) else (str(value),)
