"""The commands: from a run, a .keras file and the published weights to folders and a page."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from conftest import SHORT, TINY, names_of, refused, write_stead

from eqt.model import build_model
from eqt.model_io import save_model
from eqt.visualize import figures
from eqt.visualize.activations import feature_maps
from eqt.visualize.context import context_of
from eqt.visualize.gallery import gallery
from eqt.visualize.time_axis import steps_of
from eqt.visualize.traces import read_traces
from eqt.visualize.write import RECORD, Picture, write_pictures
from steadkit.atomic import write_text

# Attention over 188 steps: few, as in the published network.
DEEP = replace(TINY, filters=(2,) * 5, kernels=(3,) * 5)

TWO = [names_of(1)[0], names_of(0, 1)[0]]


@pytest.fixture
def network(tmp_path):
    """Write a tiny network as a file."""
    path = tmp_path / "tiny.keras"
    save_model(build_model(DEEP, seed=3), path)
    return path


def files_in(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train a network of few weights; returns the run folder."""
    from eqt.training import train

    folder = tmp_path_factory.mktemp("trained")
    source = write_stead(folder / "data.hdf5", names_of(12, 8))
    return train(source.hdf5, folder / "run", DEEP, replace(SHORT, epochs=1), len).folder


@pytest.fixture(scope="module")
def page(trained, tmp_path_factory):
    """Make the page of everything of a run, once."""
    from click.testing import CliRunner

    from eqt.cli import main

    out = tmp_path_factory.mktemp("page") / "all"
    names = [argument for name in TWO for argument in ("--traces", name)]
    arguments = ["visualize", "all", str(trained), *names, "--mean", "2", "--output", str(out)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(out / "index.html")
    return out


def test_the_page_holds_every_picture_and_needs_nothing_else(page):
    text = (page / "index.html").read_text()
    pictures = [name for name in files_in(page) if name.endswith(".png")]
    assert text.count("data:image/webp;base64,") == len(pictures) > 30
    for folder in ("architecture", "filters", "overview", "maps/events", "maps/noise", "why"):
        assert any(name.startswith(folder) for name in pictures), folder
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert len(text) < 20e6
    # Events stand on the left, noise on the right.
    assert text.index("encoder_1: convolution 3; events") < text.index(
        "encoder_1: convolution 3; noise"
    )


def test_the_mark_names_network_data_and_every_file(page, trained):
    content = json.loads((page / RECORD).read_text())
    assert sorted(content["files"]) == sorted(name for name in files_in(page) if name != RECORD)
    assert content["network"] == str(trained) and content["traces"] == TWO
    assert content["data"].endswith("data.hdf5")


def test_the_arrays_are_what_the_network_makes(page, trained):
    context = context_of(trained)
    shown = read_traces(context.data, TWO)
    with np.load(page / "maps.npz") as maps:
        np.testing.assert_array_equal(maps["traces"], TWO)
        np.testing.assert_allclose(maps["waveforms"], shown.waveforms)
        expected = feature_maps(context.model, shown.waveforms, ["picker_P"])["picker_P"]
        np.testing.assert_allclose(maps["picker_P"], expected, atol=1e-6)
        np.testing.assert_allclose(maps["seconds/encoder_2"], np.arange(3000) / 50 + 0.005)
    with np.load(page / "attention.npz") as attention:
        np.testing.assert_allclose(attention["attentionP"].sum(axis=-1), 1, atol=1e-3)
        assert attention["mean/events/attentionD"].shape == attention["attentionD"].shape[1:]
    with np.load(page / "filters.npz") as filters:
        kernel = context.model.get_layer("encoder_1").get_weights()[0]
        np.testing.assert_array_equal(filters["encoder_1/kernel"], kernel)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium to open the page with")
def test_a_browser_draws_the_page_without_a_network(page, tmp_path):
    shot = tmp_path / "shot.png"
    options = "headless no-sandbox disable-gpu disable-quic no-first-run disable-sync"
    options += " disable-background-networking disable-component-update"
    command = ["chromium", *(f"--{name}" for name in options.split())]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,5000"]
    command += [f"--screenshot={shot}", (page / "index.html").as_uri()]
    environment = os.environ | {"HOME": str(tmp_path)}
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=environment)
    from matplotlib.image import imread

    pixels = imread(shot)[..., :3]
    assert pixels.shape[:2] == (5000, 1400)
    # Viridis and cividis are drawn somewhere: their dark ends are on no blank page.
    dark = (np.abs(pixels - np.array([0.0, 0.135, 0.305])).max(axis=-1) < 0.12).sum()
    assert dark > 1000


def test_filters_of_a_file_go_beside_it(run, network):
    result = run("eqt", "visualize", "filters", network, "--layers", "encoder_1", "--format", "svg")
    assert result.exit_code == 0, result.output
    out = network.parent / "visualize" / "tiny" / "filters"
    assert files_in(out) == ["filters.npz", "filters/encoder_1.svg", RECORD]
    assert "frequency (Hz)" in (out / "filters" / "encoder_1.svg").read_text()


def test_maps_of_named_layers_and_traces(run, network, stead):
    source = stead()
    arguments = ["--data", source.hdf5, "--traces", *TWO, "--layers", "decoderP_1", "--output", "m"]
    result = run("eqt", "visualize", "maps", network, *arguments)
    assert result.exit_code == 0, result.output
    out = network.parent / "m"
    overviews = [f"overview/{name}.png" for name in sorted(TWO)]
    maps = ["maps/events/decoderP_1.png", "maps/noise/decoderP_1.png"]
    assert set(files_in(out)) == {"maps.npz", RECORD, *maps, *overviews}
    refused(run("eqt", "visualize", "maps", network, *arguments), "exists", "--overwrite")
    again = run("eqt", "visualize", "maps", network, *arguments, "--overwrite")
    assert again.exit_code == 0, again.output


def test_why_of_noise_and_events(run, network, stead):
    arguments = ["--data", stead().hdf5, "--traces", TWO[1], "--head", "picker_S", "--output", "w"]
    result = run("eqt", "visualize", "why", network, *arguments)
    assert result.exit_code == 0, result.output
    with np.load(network.parent / "w" / "why_picker_S.npz") as arrays:
        assert arrays[f"gradients/{TWO[1]}"].shape == (6000, 3)
        assert arrays[f"fall/{TWO[1]}"].shape == (119, 4)


def test_architectures_by_name(run, tmp_path):
    result = run("eqt", "visualize", "architecture", "Partial Vanilla", "GRU", "--output", "a")
    assert result.exit_code == 0, result.output
    assert set(files_in(tmp_path / "a")) == {
        RECORD,
        "architecture/GRU.png",
        "architecture/partial-vanilla.png",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["maps", "tiny.keras"], ["names no data", "--data"]),
        (["maps", "none.keras", "--data", "chunk.hdf5"], ["no weights 'none.keras'"]),
        (["maps", "tiny.keras", "--data", "none.hdf5"], ["no file 'none.hdf5'"]),
        (["maps", "tiny.keras", "nobody", "--data", "chunk.hdf5"], ["'nobody'", "use one of its"]),
        (["filters", "tiny.keras", "--layers", "dense"], ["no layer 'dense'", "encoder_1"]),
        (["architecture", "VGG"], ["unknown model 'VGG'", "Salvation"]),
        (["filters", "chunk.csv"], ["is no network"]),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_line(run, network, stead, arguments, words):
    stead()
    refused(run("eqt", "visualize", *arguments), *words)
    assert not list(network.parent.rglob("*.png")) and not list(network.parent.glob(".*.partial"))


def test_the_arrivals_and_the_steps_stand_on_one_axis(stead, network):
    """The image of a layer lies on the seconds of its steps, under lines at P and S."""
    shown = read_traces(stead().hdf5, TWO[:1])
    context = context_of(network)
    name = "attentionD"
    values = feature_maps(context.model, shown.waveforms, [name])[name]
    steps = steps_of(name, DEEP)
    figure = figures.maps_figure(name, "", shown, values, steps, (-1.0, 1.0))
    upper, lower = figure.axes[:2]
    assert lower.images[0].get_extent()[:2] == list(steps.span)
    for ax in (upper, lower):
        marks = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
        assert marks[-2:] == [6.0, 9.0]
        assert ax.get_xlim() == (0, 60)
    assert upper.get_position().x0 == lower.get_position().x0
    assert upper.get_position().x1 == lower.get_position().x1


def test_the_same_figure_is_the_same_bytes(tmp_path, network):
    kernel = context_of(network).model.get_layer("encoder_2").get_weights()[0]
    content = []
    for name in "ab":
        folder = tmp_path / name
        folder.mkdir()
        picture = Picture("x", "s", "", "c", lambda: figures.filters_figure("encoder_2", kernel))
        from eqt.visualize.write import Content

        copies = write_pictures(Content([picture], {"k": {"kernel": kernel}}), folder, "png", True)
        content.append(((folder / "x.png").read_bytes(), (folder / "k.npz").read_bytes(), copies))
    assert content[0][:2] == content[1][:2]
    assert content[0][2][0][1] == content[1][2][0][1]


def test_names_on_the_page_are_text_and_nothing_else(tmp_path):
    picture = Picture("x", "Why", "", '<script>"a"', lambda: None)
    text = gallery("<b>", ["<i>"], [(picture, b"")])
    write_text(tmp_path / "p.html", text)
    assert "<b>" not in text and "<i>" not in text and '<script>"a"' not in text
