"""The `eqt` command group; heavy imports are inside the bodies of its commands."""

import click

from eqt.backend import load_tensorflow
from eqt.cli.associate import associate
from eqt.cli.compare import compare
from eqt.cli.evaluate import evaluate
from eqt.cli.experiment import experiment
from eqt.cli.files import export, import_, pretrained
from eqt.cli.models import models
from eqt.cli.predict import predict
from eqt.cli.quickstart import quickstart
from eqt.cli.score import score
from eqt.cli.train import train
from eqt.cli.visualize import visualize
from steadkit.console import ErrorGroup
from steadkit.version import __version__

__all__ = ["load_tensorflow", "main"]


@click.group(cls=ErrorGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Train, evaluate and use the Earthquake Transformer."""


for command in (
    train,
    evaluate,
    predict,
    score,
    associate,
    compare,
    experiment,
    quickstart,
    models,
    visualize,
    import_,
    export,
    pretrained,
):
    main.add_command(command)
