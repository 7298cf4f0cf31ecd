"""`eqt models`: list, compare and draw the named networks."""

from pathlib import Path

import click

from eqt.backend import load_tensorflow
from eqt.cli.options import FILE
from steadkit.console import echo, print_table


@click.command()
@click.argument("name", required=False)
@click.option("--diff", metavar="OTHER", help="Tell in which settings NAME and OTHER differ.")
@click.option("--summary", is_flag=True, help="List the stages of NAME, shapes and parameters.")
@click.option("--figure", type=FILE, help="Draw NAME: .png, .pdf or .svg.")
@click.option("--overwrite", is_flag=True, help="Replace a figure that exists.")
def models(
    name: str | None, diff: str | None, summary: bool, figure: Path | None, overwrite: bool
) -> None:
    """List the networks that have a name, or tell of NAME what it is built from.

    With --diff a figure frames what differs.
    """
    from eqt.presets import PRESETS, preset

    if name is None:
        if diff or summary or figure:
            raise click.UsageError("--diff, --summary and --figure need the NAME of a network")
        rows = [
            [
                network_name,
                f"{network.parameters:,}",
                ", ".join(network.trained_on),
                network.differs,
            ]
            for network_name, network in PRESETS.items()
        ]
        print_table("Networks", ["name", "parameters", "trained on", "what differs from EQT"], rows)
        return
    # A wrong name should not wait for TensorFlow.
    model_a, model_b = preset(name), preset(diff) if diff else None
    if figure:
        from steadkit.atomic import check_targets
        from steadkit.plots.style import figure_format

        figure_format(figure)  # a wrong ending should not wait for TensorFlow
        check_targets([figure], overwrite)
    if diff is not None and model_b is not None:
        changes = model_a.config.diff(model_b.config)
        counts = [f"{network.parameters:,}" for network in (model_a, model_b)]
        rows = [[field, *map(_text, values)] for field, *values in changes]
        title = f"{name} and {diff}: what differs" if changes else f"{name} is as {diff}"
        print_table(title, ["setting", name, diff], [*rows, ["parameters", *counts]])
    elif not summary and not figure:
        fields = vars(model_a.config).items()
        rows = [[field, _text(value)] for field, value in fields]
        title = f"{name}: {model_a.parameters:,} parameters; {model_a.differs}"
        print_table(title, ["setting", "value"], rows)
    if summary or figure:
        _build(name, diff, summary, figure, overwrite)


def _build(
    name: str, diff: str | None, summary: bool, figure: Path | None, overwrite: bool
) -> None:
    load_tensorflow()
    from eqt.layer_plan import stages
    from eqt.presets import preset
    from eqt.visualize.architecture import draw
    from steadkit.plots.style import save

    config = preset(name).config
    stage_list = stages(config)
    if summary:
        rows = [
            [
                stage.branch,
                stage.name,
                stage.description,
                stage.steps,
                stage.channels,
                f"{stage.parameters:,}",
            ]
            for stage in stage_list
        ]
        total = sum(stage.parameters for stage in stage_list)
        columns = ["branch", "stage", "what", "steps", "channels", "parameters"]
        print_table(f"{name}: {total:,} parameters", columns, rows)
    if figure:
        baseline = stages(preset(diff).config) if diff else stage_list
        framed = [stage.name for stage in stage_list if stage not in baseline]
        title = f"{name}, framed what {diff} has not" if diff else name
        figure_drawn = draw(stage_list, title, (config.input_length, config.components), framed)
        save([figure_drawn], figure, overwrite)
        echo(str(figure))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return str(value)
