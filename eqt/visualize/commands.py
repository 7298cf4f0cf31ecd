"""Content of each command: its figures, and the arrays that they show."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import keras
import numpy as np
from matplotlib.figure import Figure

from eqt.config import EQTConfig
from eqt.layer_plan import group_layers, stage_label, stages
from eqt.presets import PRESETS, preset
from eqt.visualize import attribution, figures
from eqt.visualize.activations import (
    SECONDS_FROM_P,
    attention_of,
    feature_maps,
    mean_attention,
    run,
)
from eqt.visualize.architecture import draw
from eqt.visualize.context import ModelContext, usable_data
from eqt.visualize.figures.layers import strips_of
from eqt.visualize.figures.panels import limits_of
from eqt.visualize.layers import (
    attentions,
    bias_of,
    convolutions,
    kernel_of,
    select_layers,
)
from eqt.visualize.time_axis import LayerSteps, steps_of
from eqt.visualize.traces import SelectedTraces, arrivals, iter_trace_chunks
from eqt.visualize.write import Content, Picture
from steadkit.console import progress

REFERENCE = "EQT"
"""The network that drawings mark differences from."""

TOP = 99.8
"""Percentile of a layer's attention at the end of its colour scale."""


def filters(context: ModelContext, names: Sequence[str] = ()) -> Content:
    """Return the kernels of the named convolutions, by default all."""
    pictures = []
    arrays: dict[str, np.ndarray] = {}
    first = convolutions(context.model)[0].name
    for layer in select_layers(context.model, names, (keras.layers.Conv1D,)):
        kernel = kernel_of(layer)
        arrays |= {f"{layer.name}/kernel": kernel, f"{layer.name}/bias": bias_of(layer)}
        figure = partial(figures.filters_figure, layer.name, kernel, layer.name == first)
        caption = f"{layer.name}: {stage_label(layer)}"
        pictures.append(Picture(f"filters/{layer.name}", "Filters", "", caption, figure))
    return Content(pictures, {"filters": arrays})


def maps(context: ModelContext, shown: SelectedTraces, names: Sequence[str] = ()) -> Content:
    """Return the feature maps of layers, and an overview of each trace through the network."""
    layers = select_layers(context.model, names)
    # Named layers are those of the overview too; else it shows where each stage ends.
    overview_layers = _overview_layers(context) if not names else [layer.name for layer in layers]
    layer_names = list(dict.fromkeys([*(layer.name for layer in layers), *overview_layers]))
    values = feature_maps(context.model, shown.waveforms, layer_names)
    steps = {name: steps_of(name, context.config) for name in layer_names}
    pictures = list(_overviews(shown, {name: values[name] for name in overview_layers}, steps))
    for layer in layers:
        # One scale for events and noise, so that they can be compared.
        name, limits = layer.name, limits_of(values[layer.name])
        draw_layer = partial(figures.maps_figure, steps=steps[name], limits=limits)
        pictures += _by_category("maps", "Feature maps", layer, shown, values[name], draw_layer)
    arrays = {name: values[name] for name in layer_names}
    seconds = {f"seconds/{name}": steps[name].seconds for name in layer_names}
    return Content(pictures, {"maps": {**_trace_arrays(shown), **arrays, **seconds}})


def _overviews(
    shown: SelectedTraces, values: dict[str, np.ndarray], steps: dict[str, LayerSteps]
) -> Iterator[Picture]:
    for index, name in enumerate(shown.names):
        category = "events" if shown.is_event[index] else "noise"
        figure = partial(figures.strips_figure, shown, index, values, steps)
        stem = f"overview/{_file_stem(name)}"
        caption = f"{name}: through the network; {category}"
        yield Picture(stem, "Through the network", "", caption, figure)


def _overview_layers(context: ModelContext) -> list[str]:
    """Return the names of the layers at which the stages of a network end."""
    stage_ends = []
    for stage, layers in group_layers(context.model):
        # An encoder stage ends with its pooling; its convolution is shown, at full resolution.
        layer = layers[0] if stage.block == "encoder" else layers[-1]
        stage_ends.append((stage.family, layer.name, layer.output.shape[1]))
    return strips_of(stage_ends)


def attention(context: ModelContext, shown: SelectedTraces, max_traces: int) -> Content:
    """Return attention of the traces, mean attention, and the parameters of the layers.

    The mean is over up to `max_traces` events and as many noise traces; there is none for 0.
    """
    layers = attentions(context.model)
    compute_attention = attention_of(context.model)
    weights = compute_attention(shown.waveforms)
    pictures: list[Picture] = []
    for layer in layers:
        name, top = layer.name, float(np.percentile(weights[layer.name], TOP))
        steps = steps_of(name, context.config)
        draw_layer = partial(figures.attention_figure, steps=steps, top=top)
        pictures += _by_category("attention", "Attention", layer, shown, weights[name], draw_layer)
    arrays = {**_trace_arrays(shown), **weights}
    # All attention layers work on the pooled steps, so one time axis is that of all.
    arrays["seconds"] = steps_of(layers[0].name, context.config).seconds
    if max_traces:
        picture, means = _average(context, compute_attention, max_traces)
        pictures.append(picture)
        arrays |= means
    for layer in layers:
        parameters = {weight.name: keras.ops.convert_to_numpy(weight) for weight in layer.weights}
        arrays |= {f"{layer.name}/{key}": value for key, value in parameters.items()}
        figure = partial(figures.parameters_figure, layer.name, parameters)
        caption = f"{layer.name}: parameters"
        stem = f"attention/parameters/{layer.name}"
        pictures.append(Picture(stem, "Attention's parameters", "", caption, figure))
    return Content(pictures, {"attention": arrays})


def _average(
    context: ModelContext,
    compute_attention: Callable[[np.ndarray], dict[str, np.ndarray]],
    max_traces: int,
) -> tuple[Picture, dict[str, np.ndarray]]:
    count, chunks = iter_trace_chunks(
        usable_data(context), max_traces, context.candidates, context.scale
    )
    chunk_progress = progress(chunks, "averaging attention", count)
    means = mean_attention(compute_attention, context.config, chunk_progress)
    steps = steps_of(next(iter(means)), context.config)
    figure = partial(figures.average_figure, means, steps)
    events, noise = next(iter(means.values())).counts
    caption = f"mean over {events} events and {noise} noise traces"
    arrays = {"mean/seconds_after_P": SECONDS_FROM_P}
    for name, average in means.items():
        arrays |= {
            f"mean/events/{name}": average.events,
            f"mean/noise/{name}": average.noise,
            f"mean/about_P/{name}": average.about_p,
        }
    return Picture("attention/mean", "Attention", "mean", caption, figure), arrays


def attribution_of(context: ModelContext, shown: SelectedTraces, output: str) -> Content:
    """Return the attribution of the highest probability of an output, for each trace."""
    network = attribution.output_of(context.model, output)
    probabilities = run(network, shown.waveforms)[:, :, 0]
    samples = probabilities.argmax(axis=1).tolist()
    gradients_of_traces = attribution.integrated_gradients(network, shown.waveforms, samples)
    pictures, arrays = [], _trace_arrays(shown)
    arrays |= {"samples": np.array(samples), "probabilities": probabilities}
    gradient_progress = progress(
        enumerate(gradients_of_traces), f"asking why {output}", len(samples)
    )
    for index, gradients in gradient_progress:
        occlusion = attribution.occlusion(network, shown.waveforms[index], samples[index])
        figure = partial(
            figures.attribution_figure,
            output,
            samples[index],
            shown,
            index,
            probabilities[index],
            gradients,
            occlusion,
        )
        name = shown.names[index]
        category = "events" if shown.is_event[index] else "noise"
        caption = f"{name}: why {output} is {probabilities[index, samples[index]]:.2f}; {category}"
        pictures.append(Picture(f"why/{output}/{_file_stem(name)}", "Why", "", caption, figure))
        arrays |= {
            f"gradients/{name}": gradients.attributions.astype(np.float32),
            f"fall/{name}": occlusion.probability_drops,
            "seconds": occlusion.seconds,
        }
    return Content(pictures, {f"why_{output}": arrays})


def architecture(names: Sequence[str] = ()) -> Content:
    """Return drawings of the named networks, by default the study's fourteen."""
    names = names or [
        name
        for name, network_preset in PRESETS.items()
        if network_preset.trained_on != ("published",)
    ]
    configs = {name: preset(name).config for name in names}
    # Each network is built for its shapes.
    config_progress = progress(configs.items(), "building", len(configs))
    return Content([_network(name, config) for name, config in config_progress], {})


def _network(name: str, config: EQTConfig) -> Picture:
    # Stages are equal where name, description, shape and parameters are.
    network_stages, reference_stages = stages(config), stages(preset(REFERENCE).config)
    marked = [stage.name for stage in network_stages if stage not in reference_stages]
    difference = f"framed what {REFERENCE} has not" if marked else f"built as {REFERENCE}"

    def figure() -> Figure:
        shape = (config.input_length, config.components)
        return draw(network_stages, f"{name}, {difference}", shape, marked)

    stem = f"architecture/{_file_stem(name)}"
    return Picture(stem, "Architecture", "", f"{name}: {difference}", figure)


def everything(
    context: ModelContext, shown: SelectedTraces, max_traces: int, outputs: Sequence[str]
) -> Content:
    """Return the content of all functions of this module for one network."""
    contents = [
        Content([_network(context.name, context.config)], {}),
        filters(context),
        maps(context, shown),
        attention(context, shown, max_traces),
        *(attribution_of(context, shown, output) for output in outputs),
    ]
    pictures = [picture for content in contents for picture in content.pictures]
    return Content(pictures, {k: v for content in contents for k, v in content.arrays.items()})


def _by_category(
    folder: str,
    section: str,
    layer: keras.Layer,
    shown: SelectedTraces,
    values: np.ndarray,
    draw_layer: Callable[..., Figure],
) -> Iterator[Picture]:
    """Yield pictures of a layer for events and for noise, which the page shows side by side."""
    name, label = layer.name, stage_label(layer)
    for category, mask in (("events", shown.is_event), ("noise", ~shown.is_event)):
        if mask.any():
            figure = partial(draw_layer, name, label, shown.where(mask), values[mask])
            caption = f"{name}: {label}; {category}"
            yield Picture(f"{folder}/{category}/{name}", section, name, caption, figure)


def _trace_arrays(shown: SelectedTraces) -> dict[str, np.ndarray]:
    """Return the arrays on the traces that every file of arrays has."""
    return {
        "traces": np.array(shown.names),
        "is_event": shown.is_event,
        "waveforms": shown.waveforms,
        "arrivals": np.array(
            [[arrivals(row).get(phase, np.nan) for phase in "PS"] for row in shown.rows]
        ),
    }


def _file_stem(name: str) -> str:
    """Return a file name for a name with spaces.

    >>> _file_stem("Partial Vanilla"), _file_stem("AB.CD_20120101_EV")
    ('partial-vanilla', 'AB.CD_20120101_EV')
    """
    return name.lower().replace(" ", "-") if " " in name else name
