"""`eqt import`, `eqt export` and `eqt pretrained`: networks in other file formats."""

from pathlib import Path

import click

from eqt.backend import load_tensorflow
from eqt.cli.options import FILE, output_option, refuse_existing
from steadkit.console import echo
from steadkit.errors import InputError

OVERWRITE = click.option("--overwrite", is_flag=True, help="Replace what exists.")


@click.command("import")
@click.argument("file", type=FILE)
@output_option("File to write: .keras or .weights.h5.", required=True)
@OVERWRITE
def import_(file: Path, output: Path, overwrite: bool) -> None:
    """Turn FILE into a .keras file, or into .weights.h5.

    FILE is a published EQTransformer .h5 (Keras 2), SeisBench's .pt with its .json beside it, or
    anything else that eqt reads; its architecture and gates are recognised. Nothing in it is run.
    """
    _check_output(output, overwrite)
    _import(file, output, overwrite)


def _check_output(output: Path, overwrite: bool) -> None:
    """Refuse a file that may not be written, before TensorFlow is loaded."""
    from steadkit.atomic import check_targets

    if not output.name.endswith((".keras", ".weights.h5")):
        raise InputError(f"{str(output)!r} ends in neither .keras nor .weights.h5: choose one")
    check_targets([output], overwrite)


def _import(file: Path, output: Path, overwrite: bool) -> None:
    load_tensorflow()
    from eqt.model_io import load_model, save_model

    model = load_model(file)
    save_model(model, output, overwrite)
    config = model.config
    gates = f"{config.gate} gates, {len(config.encoder_rnn)} recurrent blocks"
    echo(f"{output}: {model.count_params():,} weights, {gates}")


@click.command()
@click.argument("model", type=FILE)
@click.option(
    "--to",
    "form",
    type=click.Choice(["onnx", "saved_model", "seisbench"]),
    help="By default onnx where the output ends so, else saved_model.",
)
@output_option("File, folder, or for seisbench DIR/NAME.", required=True)
@OVERWRITE
def export(model: Path, form: str | None, output: Path, overwrite: bool) -> None:
    """Write MODEL for other programs: ONNX, SavedModel, or SeisBench's .pt and .json.

    MODEL is a run folder or any file that eqt reads.
    """
    from steadkit.atomic import check_targets

    if form is None and output.suffix not in ("", ".onnx"):
        raise click.UsageError(
            f"-o {str(output)!r} ends in {output.suffix!r}, which is not written here: end it in "
            ".onnx, leave the ending away for the folder of a SavedModel, or say --to"
        )
    # SeisBench's two files are checked by their writer, which names them.
    form = form or ("onnx" if output.suffix == ".onnx" else "saved_model")
    if form == "onnx":
        check_targets([output], overwrite)
    elif form == "saved_model":
        refuse_existing(output, overwrite)
    load_tensorflow()
    from eqt.formats.export import export as run_export
    from eqt.model_io import load_model

    for path in run_export(load_model(model), form, output, overwrite):
        echo(path)


@click.command()
@click.argument("name")
@output_option("Import it too, as .keras or .weights.h5.")
@click.option("--cache", type=FILE, help="Where downloads are kept; the user's cache by default.")
@OVERWRITE
def pretrained(name: str, output: Path | None, cache: Path | None, overwrite: bool) -> None:
    """Download the published weights NAME: original or conservative.

    The file is kept, and checked against its SHA-256 each time.
    """
    from eqt.pretrained import cache_folder, fetch

    if output is not None:
        _check_output(output, overwrite)
    path = fetch(name, cache or cache_folder(), overwrite)
    echo(path)
    if output is not None:
        _import(path, output, overwrite)
