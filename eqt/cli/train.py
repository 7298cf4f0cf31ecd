"""`eqt train`: every training setting is an option."""

import shlex
from collections.abc import Callable
from typing import Any, Final

import click
from click.core import ParameterSource

from eqt.backend import load_tensorflow
from eqt.cli.options import (
    AUGMENTATIONS,
    FILE,
    NumberType,
    RenamedOption,
    WholeType,
    output_option,
)
from steadkit.console import echo

COUNT, WHOLE = WholeType(1), WholeType(0)

Row = tuple[str, Any, str | None, str]

# Option, type, what TrainConfig says where nobody else does, and what it is for. The defaults are
# shown only: importing TrainConfig for --help would take a second. A test compares them.
SETTINGS: Final[tuple[Row, ...]] = (
    ("--epochs", COUNT, "200", "How often every trace is seen, at most."),
    ("--batch-size", COUNT, "200", "Examples in a batch."),
    ("--learning-rate", NumberType(), "0.001", "Adam's rate at the start."),
    (
        "--schedule",
        click.Choice(["published", "cosine", "step", "constant"]),
        "published",
        "How the rate falls; cosine suits a few epochs.",
    ),
    ("--step-epochs", COUNT, "20", "With --schedule step: after how many epochs it falls."),
    ("--step-factor", NumberType(), "0.1", "With --schedule step: to which share."),
    ("--warmup", WHOLE, "0", "Epochs in which the rate first rises from 0."),
    ("--plateau", WHOLE, "10", "Epochs without a lower loss after which the rate falls; 0: never."),
    ("--plateau-factor", NumberType(), "0.316", "To which share it falls on a plateau."),
    ("--patience", WHOLE, "12", "Epochs without a lower loss after which it ends; 0: never."),
    ("--weight-decay", NumberType(), "0", "AdamW's; 0 is plain Adam."),
    ("--clip-norm", NumberType(), "0", "Scale larger gradients down to this norm; 0: never."),
    (
        "--ema",
        NumberType(),
        "0",
        "Momentum of an average of the weights, 0.999 for example; 0: none.",
    ),
    ("--loss-weights", str, "0.05,0.4,0.55", "Of detection, P and S."),
    (
        "--labels",
        click.Choice(["gaussian", "triangle", "box"]),
        "gaussian",
        "Shape of the P and S targets.",
    ),
    (
        "--normalization",
        click.Choice(["std", "max", "max_over_components", "none"]),
        "std",
        "How traces are scaled.",
    ),
    (
        "--augment",
        click.Choice(AUGMENTATIONS),
        "eqt",
        "How training traces are varied; eqt has the published rates.",
    ),
    (
        "--paired/--unpaired",
        bool,
        "paired",
        "Half of a batch lightly varied, the same traces again fully; or all fully.",
    ),
    (
        "--mix",
        click.Choice(["natural", "balanced"]),
        "natural",
        "Events and noise as they come, or as many of each.",
    ),
    (
        "--shuffle-block",
        WHOLE,
        "0",
        "Read the file from front to back, shuffled in blocks of so many traces; 0: all at once.",
    ),
    (
        "--fractions",
        str,
        "0.85,0.05,0.10",
        "Of training, validation and test, where none are given.",
    ),
    ("--one-class/--both-classes", bool, "both-classes", "Train on earthquakes or noise alone."),
    ("--freeze", str, None, "Stages that do not learn: encoder,residual,decoderS_2 ..."),
    (
        "--mixed-precision",
        click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
        "float32",
        "In what the layers compute; weights and outputs stay float32.",
    ),
    ("--xla/--no-xla", bool, "no-xla", "Compile the step with XLA: a minute, then faster."),
    ("--seed", WholeType(0, 2**31 - 1), "0", "Of split, weights, dropout and order."),
)

LISTS: Final[dict[str, Callable[[str], dict[str, object]]]] = {
    "loss_weights": lambda text: {"loss_weights": [_number(item) for item in text.split(",")]},
    "freeze": lambda text: {"freeze": [item.strip() for item in text.split(",") if item.strip()]},
    "fractions": lambda text: _fractions(text),
}
"""Options whose value is a list, and the settings that they are."""

FORMER: Final = {"--fractions": ("--shares",)}
"""Former spellings, hidden."""


def settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each training setting to a command."""
    for name, value_type, default, text in reversed(SETTINGS):
        help_text = f"{text}  [default: {default}]" if default else text
        command = click.option(
            name,
            cls=RenamedOption,
            former=FORMER.get(name, ()),
            type=value_type,
            default=None,
            help=help_text,
        )(command)
    return command


@click.command()
@click.option(
    "--data", type=FILE, help="STEAD file, its CSV beside it; with --resume: where it is now."
)
@click.option("--model", help="One that eqt models lists, or a TOML file.  [default: EQT]")
@click.option("--init", type=FILE, help="Begin with the network of a run or a file that eqt reads.")
@click.option("--config", type=FILE, help="TOML file of settings; options go before them.")
@settings
@click.option("--split", type=FILE, help="Manifest with splits; by default the one beside DATA.")
@output_option("Run folder to make; runs/<model>-<data> by default.")
@click.option(
    "--devices",
    help="How many, or which: GPU:0,GPU:1; by default all GPUs if there are several.",
)
@click.option(
    "--save-every",
    type=WHOLE,
    default=500,
    show_default=True,
    help="Batches after which the state is kept, besides each epoch's end.",
)
@click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard into the run.")
@click.option("--resume", type=FILE, metavar="RUN", help="Go on with a run that was cut off.")
@click.option("--other-machine", is_flag=True, help="With --resume: not where it was begun.")
@click.pass_context
def train(context: click.Context, **options: Any) -> None:
    """Train a network on the training split of DATA; writes a run folder.

    The splits are those of --split, else of DATA.split.manifest (see steadkit split), else of
    DATA.manifest if it has any. Else 85 % of the traces are for training, split by earthquake.

    The defaults are the published recipe. With --init the network is that of the file.
    """
    # From click, and not by comparison: an option may be given with its default value.
    explicit = [
        parameter
        for parameter in context.command.params
        if context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
    ]
    if options["resume"]:
        _resume(options, [str(parameter.name) for parameter in explicit])
    elif options["other_machine"]:
        raise click.UsageError("--other-machine goes with --resume")
    else:
        _begin(options, _command_line(explicit, options))


RESUMED: Final = ("resume", "other_machine", "data")
"""Options that go with --resume."""


def _resume(options: dict[str, Any], explicit: list[str]) -> None:
    if refused := [name for name in explicit if name not in RESUMED]:
        option_names = ", ".join(f"--{name.replace('_', '-')}" for name in refused)
        raise click.UsageError(
            f"--resume takes all settings from the run: leave out {option_names}"
        )
    from eqt.runs import RunFolder, load_setup
    from eqt.seen import resolve_data
    from eqt.sizes import check_training, max_traces
    from steadkit.sources import source_from_path

    # A wrong folder should not wait for TensorFlow, nor a network that is too large.
    setup = load_setup(RunFolder(options["resume"]))
    data = resolve_data(RunFolder(options["resume"]), setup, options["data"])
    check_training(setup.model, setup.training.batch_size, max_traces(source_from_path(data).hdf5))
    load_tensorflow()
    from eqt.training import resume

    run = resume(options["resume"], echo, options["other_machine"], options["data"])
    echo(f"run: {run.folder}")


def _begin(options: dict[str, Any], command: str) -> None:
    if options["data"] is None:
        raise click.UsageError("name what to train on with --data, or a run with --resume")
    from steadkit.sources import source_from_path

    # What is wrong should not wait for TensorFlow.
    source = source_from_path(options["data"])
    if options["output"]:
        from eqt.runs import refuse_existing_run

        refuse_existing_run(options["output"])
    from eqt.config import TrainConfig, read_toml
    from eqt.presets import network_named
    from eqt.sizes import check_training, max_traces

    config = TrainConfig.from_dict(
        (read_toml(options["config"]) if options["config"] else {}) | _chosen_settings(options)
    )
    init = options["init"]
    name, network = init.name.partition(".")[0] if init else "", None
    # The size of a network that is read from a file is known only after TensorFlow has read it.
    if options["model"] or not init:
        name, network = network_named(options["model"] or "EQT")
        check_training(network, config.batch_size, max_traces(source.hdf5))
    load_tensorflow()
    from eqt.training import RuntimeOptions
    from eqt.training import train as run_training

    runtime = RuntimeOptions(
        devices=options["devices"],
        save_every=options["save_every"],
        tensorboard=options["tensorboard"],
        command=command,
        name=name,
    )
    output, split = options["output"], options["split"]
    run = run_training(
        source.hdf5, output, network, config, echo, split, init=init, options=runtime
    )
    echo(f"run: {run.folder}")


def _chosen_settings(options: dict[str, Any]) -> dict[str, object]:
    """Return the settings that the user chose, by their names in `TrainConfig`."""
    selected: dict[str, object] = {}
    for option, *_ in SETTINGS:
        name = option.partition("/")[0].removeprefix("--").replace("-", "_")
        if options[name] is not None:
            read = LISTS.get(name)
            selected |= read(options[name]) if read else {name: options[name]}
    return selected


def _number(text: str) -> float:
    from steadkit.types import parse_number

    try:
        return parse_number(text)
    except ValueError as error:
        raise click.UsageError(f"--loss-weights: {error}, 0.05,0.4,0.55 for example") from error


def _fractions(text: str) -> dict[str, object]:
    fractions = [item.strip() for item in text.split(",")]
    if len(fractions) != 3:
        raise click.UsageError(f"--fractions {text!r} must be three numbers, as 0.85,0.05,0.10")
    return dict(zip(("train", "validation", "test"), fractions, strict=True))


def _command_line(explicit: list[click.Parameter], options: dict[str, Any]) -> str:
    """Return the command line that repeats this call."""
    # Recorded with the current spelling, whichever was typed: former ones end with a release.
    arguments = ["eqt", "train"]
    for parameter in explicit:
        value = options[str(parameter.name)]
        if isinstance(value, bool):
            # --paired and --unpaired are one option with two spellings.
            arguments.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            arguments += [parameter.opts[-1], str(value)]
    return shlex.join(arguments)
