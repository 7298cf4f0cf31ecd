"""Model context: a network, and the traces to show it with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras

from eqt.config import EQTConfig, TrainConfig
from eqt.model_io import load_model
from eqt.runs import RunFolder, Setup, load_setup
from eqt.seen import find_run, is_training_data, overlap_with_training, resolve_data
from eqt.training import traces_of
from eqt.visualize.traces import SelectedTraces, read_traces
from eqt.visualize.write import network_name
from steadkit.errors import InputError
from steadkit.manifest import load
from steadkit.schema import TRACE_SHAPE


class TrainedRun(NamedTuple):
    """A run folder and its setup."""

    run: RunFolder
    setup: Setup


@dataclass(frozen=True, eq=False)
class ModelContext:
    """A network with its data and normalisation."""

    path: Path
    model: keras.Model
    data: Path | None
    candidates: list[str]
    """Names of its test traces; empty where any trace of `data` may be shown."""
    scale: str
    """Normalisation of its waveforms, see `steadkit.transforms.normalize`."""
    run: TrainedRun | None = None
    """The run of the network, if it is known."""

    @property
    def config(self) -> EQTConfig:
        """Configuration of the network."""
        config: EQTConfig = self.model.config
        return config

    @property
    def name(self) -> str:
        """Name of the network, see `eqt.visualize.write.network_name`."""
        return network_name(self.path)


def context_of(path: Path, data: Path | None = None) -> ModelContext:
    """Read a network; from a run folder also its data and the names of its test traces.

    Parameters
    ----------
    path
        A run folder or any file that `eqt.load_model` reads.
    data
        Another STEAD file, all of whose traces may be shown.

    Raises
    ------
    InputError
        It cannot be read.
    """
    model = load_model(path)
    if not path.is_dir():
        run_folder = find_run(path)
        trained_run = TrainedRun(run_folder, load_setup(run_folder)) if run_folder else None
        return ModelContext(path, model, data, [], TrainConfig().normalization, trained_run)
    run, setup = trained_run = TrainedRun(RunFolder(path), load_setup(RunFolder(path)))
    # Of its own data a run shows test traces only; of other data any.
    is_test = data is None or is_training_data(run, setup, data)
    candidates = traces_of(load(run.split), "test") if is_test else []
    scale = setup.training.normalization
    return ModelContext(path, model, data or setup.data, candidates, scale, trained_run)


def usable_data(context: ModelContext) -> Path:
    """Return the data of a context after checking that the network accepts their traces.

    Raises
    ------
    InputError
        No data are known, or the network takes another input shape.
    """
    if context.data is None:
        raise InputError(f"{str(context.path)!r} names no data: say which with --data")
    if context.run is not None and context.data == context.run.setup.data:
        resolve_data(*context.run, None)
    if context.model.input_shape[1:] != TRACE_SHAPE:
        shape = context.model.input_shape[1:]
        raise InputError(f"{str(context.path)!r} takes {shape}, not {TRACE_SHAPE}: use another")
    return context.data


def seen_line(context: ModelContext, names: Sequence[str]) -> str:
    """Return one line on the traces that the network was trained on; empty if none is known."""
    if context.run is None:
        return ""
    unique_names = list(dict.fromkeys(names))
    return overlap_with_training(*context.run, usable_data(context), unique_names).summary(
        len(unique_names)
    )


def traces_for(context: ModelContext, names: Sequence[str] = ()) -> SelectedTraces:
    """Read the named traces, or a selection, normalised for the network."""
    return read_traces(usable_data(context), names, context.candidates, context.scale)
