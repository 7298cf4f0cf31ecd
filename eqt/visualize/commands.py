"""What each command shows of a network: its pictures, and the arrays behind them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import keras
import numpy as np
from matplotlib.figure import Figure

from eqt.config import EQTConfig
from eqt.layer_plan import place_of, stage_label, stages
from eqt.presets import PRESETS, preset
from eqt.visualize import attribution, figures
from eqt.visualize.activations import attention_of, feature_maps, run
from eqt.visualize.architecture import draw
from eqt.visualize.context import ModelContext, data_of
from eqt.visualize.figures.maps import strips_of
from eqt.visualize.figures.panels import limits_of
from eqt.visualize.files import Content, Picture
from eqt.visualize.kernels import bias_of, kernel_of
from eqt.visualize.layers import attentions, convolutions, ordered_layers, select_layers
from eqt.visualize.mean_attention import SECONDS_FROM_P, mean_attention
from eqt.visualize.time_axis import Steps, steps_of
from eqt.visualize.traces import SelectedTraces, arrivals, iter_trace_chunks
from steadkit.console import progress
from steadkit.plots.annotations import Row

REFERENCE = "EQT"
"""The network that others are compared with."""

TOP = 99.8
"""Percentile of a layer's attention at which its colours end."""


def filters(subject: ModelContext, names: Sequence[str] = ()) -> Content:
    """Show the kernels of convolutions, all unless some are named."""
    pictures = []
    arrays: dict[str, np.ndarray] = {}
    first = convolutions(subject.model)[0].name
    for layer in select_layers(subject.model, names, (keras.layers.Conv1D,)):
        kernel = kernel_of(layer)
        arrays |= {f"{layer.name}/kernel": kernel, f"{layer.name}/bias": bias_of(layer)}
        figure = partial(figures.filters_figure, layer.name, kernel, layer.name == first)
        what = f"{layer.name}: {stage_label(layer)}"
        pictures.append(Picture(f"filters/{layer.name}", "Filters", "", what, figure))
    return Content(pictures, {"filters": arrays})


def maps(subject: ModelContext, shown: SelectedTraces, names: Sequence[str] = ()) -> Content:
    """Show what layers make of traces, and the way of each trace through all of them."""
    layers = select_layers(subject.model, names)
    way = _overview_layers(subject) if not names else [layer.name for layer in layers]
    wanted = list(dict.fromkeys([*(layer.name for layer in layers), *way]))
    values = feature_maps(subject.model, shown.waveforms, wanted)
    steps = {name: steps_of(name, subject.config) for name in wanted}
    pictures = list(_overviews(shown, {name: values[name] for name in way}, steps))
    for layer in layers:
        name, limits = layer.name, limits_of(values[layer.name])
        for side, kept in _by_category(shown):
            figure = partial(
                figures.maps_figure,
                name,
                stage_label(layer),
                shown.where(kept),
                values[name][kept],
                steps[name],
                limits,
            )
            what = f"{name}: {stage_label(layer)}; {side}"
            pictures.append(Picture(f"maps/{side}/{name}", "Feature maps", name, what, figure))
    arrays = {name: values[name] for name in wanted}
    seconds = {f"seconds/{name}": steps[name].seconds for name in wanted}
    return Content(pictures, {"maps": {**_trace_arrays(shown), **arrays, **seconds}})


def _overviews(
    shown: SelectedTraces, values: dict[str, np.ndarray], steps: dict[str, Steps]
) -> Iterator[Picture]:
    for place, name in enumerate(shown.names):
        side = "events" if shown.is_event[place] else "noise"
        figure = partial(figures.overview_figure, shown, place, values, steps)
        stem = f"overview/{_file_stem(name)}"
        what = f"{name}: through the network; {side}"
        yield Picture(stem, "Through the network", "", what, figure)


def _overview_layers(subject: ModelContext) -> list[str]:
    """List the layers at which the stages of a trace's way through a network end."""
    last = {place_of(layer.name): layer for layer in ordered_layers(subject.model)}
    listed = []
    for (_, stage), layer in last.items():
        kind, _, number = stage.rpartition("_")
        # What is given to the pooling says more than what it leaves.
        name = stage if stage.startswith("encoder") else layer.name
        steps = subject.model.get_layer(name).output.shape[1]
        listed.append((kind if number.isdecimal() else stage, name, steps))
    return strips_of(listed)


def attention(subject: ModelContext, shown: SelectedTraces, most: int) -> Content:
    """Show attention: for traces, on the whole, and the parameters of its layers.

    The mean is over up to `most` events and as many noise traces; there is none for 0.
    """
    layers = attentions(subject.model)
    attend = attention_of(subject.model)
    weights = attend(shown.waveforms)
    pictures = []
    for layer in layers:
        name, of_layer = layer.name, weights[layer.name]
        top = float(np.percentile(of_layer, TOP))
        for side, kept in _by_category(shown):
            figure = partial(
                figures.attention_figure,
                name,
                stage_label(layer),
                shown.where(kept),
                of_layer[kept],
                steps_of(name, subject.config),
                top,
            )
            what = f"{name}: {stage_label(layer)}; {side}"
            pictures.append(Picture(f"attention/{side}/{name}", "Attention", name, what, figure))
    arrays = {**_trace_arrays(shown), **weights}
    arrays["seconds"] = steps_of(layers[0].name, subject.config).seconds
    if most:
        picture, means = _average(subject, attend, most)
        pictures.append(picture)
        arrays |= means
    for layer in layers:
        own = {one.name: keras.ops.convert_to_numpy(one) for one in layer.weights}
        arrays |= {f"{layer.name}/{key}": value for key, value in own.items()}
        figure = partial(figures.parameters_figure, layer.name, own)
        what = f"{layer.name}: parameters"
        stem = f"attention/parameters/{layer.name}"
        pictures.append(Picture(stem, "Attention's parameters", "", what, figure))
    return Content(pictures, {"attention": arrays})


def _average(
    subject: ModelContext, attend: Callable[[np.ndarray], dict[str, np.ndarray]], most: int
) -> tuple[Picture, dict[str, np.ndarray]]:
    count, many = iter_trace_chunks(data_of(subject), most, subject.among, subject.scale)
    listed = progress(many, "averaging attention", count)
    found = mean_attention(attend, subject.config, listed)
    steps = steps_of(next(iter(found)), subject.config)
    figure = partial(figures.average_figure, found, steps)
    events, noise = next(iter(found.values())).counts
    what = f"mean over {events} events and {noise} noise traces"
    arrays = {"mean/seconds_after_P": SECONDS_FROM_P}
    for name, average in found.items():
        arrays |= {
            f"mean/events/{name}": average.events,
            f"mean/noise/{name}": average.noise,
            f"mean/about_P/{name}": average.about_p,
        }
    return Picture("attention/mean", "Attention", "mean", what, figure), arrays


def attribution_of(subject: ModelContext, shown: SelectedTraces, output: str) -> Content:
    """Show what of each trace the highest probability of an output hangs on."""
    network = attribution.output_of(subject.model, output)
    probabilities = run(network, shown.waveforms)[:, :, 0]
    samples = [attribution.target_of(one) for one in probabilities]
    found = attribution.integrated_gradients(network, shown.waveforms, samples)
    pictures, arrays = [], _trace_arrays(shown)
    arrays |= {"samples": np.array(samples), "probabilities": probabilities}
    listed = progress(enumerate(found), f"asking why {output}", len(samples))
    for place, gradients in listed:
        occlusion = attribution.occlusion(network, shown.waveforms[place], samples[place])
        figure = partial(
            figures.attribution_figure,
            output,
            samples[place],
            shown,
            place,
            probabilities[place],
            gradients,
            occlusion,
        )
        name = shown.names[place]
        side = "events" if shown.is_event[place] else "noise"
        what = f"{name}: why {output} is {probabilities[place, samples[place]]:.2f}; {side}"
        pictures.append(Picture(f"why/{output}/{_file_stem(name)}", "Why", "", what, figure))
        arrays |= {
            f"gradients/{name}": gradients.shares.astype(np.float32),
            f"fall/{name}": occlusion.drops,
            "seconds": occlusion.seconds,
        }
    return Content(pictures, {f"why_{output}": arrays})


def architecture(names: Sequence[str] = ()) -> Content:
    """Show networks that have names, the study's fourteen unless some are named."""
    names = names or [name for name, one in PRESETS.items() if one.trained_on != ("published",)]
    configs = {name: preset(name).config for name in names}
    listed = progress(configs.items(), "building", len(configs))
    return Content([_network(name, config) for name, config in listed], {})


def architecture_of(subject: ModelContext) -> Content:
    """Show the network that is looked at."""
    return Content([_network(subject.name, subject.config)], {})


def _network(name: str, config: EQTConfig) -> Picture:
    found, others = stages(config), stages(preset(REFERENCE).config)
    marked = [one.name for one in found if one not in others]
    differs = f"framed what {REFERENCE} has not" if marked else f"built as {REFERENCE}"

    def figure() -> Figure:
        shape = (config.input_length, config.components)
        return draw(found, f"{name}, {differs}", shape, marked)

    stem = f"architecture/{_file_stem(name)}"
    return Picture(stem, "Architecture", "", f"{name}: {differs}", figure)


def everything(
    subject: ModelContext, shown: SelectedTraces, most: int, outputs: Sequence[str]
) -> Content:
    """Show all there is of a network: what the other functions show, one after the other."""
    return join_contents(
        [
            architecture_of(subject),
            filters(subject),
            maps(subject, shown),
            attention(subject, shown, most),
            *(attribution_of(subject, shown, output) for output in outputs),
        ]
    )


def join_contents(contents: Sequence[Content]) -> Content:
    """Join what several commands show."""
    pictures = [picture for content in contents for picture in content.pictures]
    return Content(pictures, {k: v for content in contents for k, v in content.arrays.items()})


def _by_category(shown: SelectedTraces) -> list[tuple[str, np.ndarray]]:
    """Part events from noise, where there are any."""
    sides = (("events", shown.is_event), ("noise", ~shown.is_event))
    return [(side, kept) for side, kept in sides if kept.any()]


def _trace_arrays(shown: SelectedTraces) -> dict[str, np.ndarray]:
    """Return what every file of arrays says of its traces."""
    return {
        "traces": np.array(shown.names),
        "is_event": shown.is_event,
        "waveforms": shown.waveforms,
        "arrivals": np.array([[_sample(row, phase) for phase in "PS"] for row in shown.rows]),
    }


def _sample(row: Row, phase: str) -> float:
    return arrivals(row).get(phase, np.nan)


def _file_stem(name: str) -> str:
    """Turn a name into one for a file.

    >>> _file_stem("Partial Vanilla"), _file_stem("AB.CD_20120101_EV")
    ('partial-vanilla', 'AB.CD_20120101_EV')
    """
    return name.lower().replace(" ", "-") if " " in name else name
