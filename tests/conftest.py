"""Fixtures: the shared real records where there are any, and small STEAD files made by code."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import hypothesis
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from eqt.config import EQTConfig, TrainConfig
from steadkit.schema import COLUMNS, EVENT, NOISE
from steadkit.sources import Source, source_from_path
from steadkit.store import Writer

# No test writes into the user's cache, nor depends on what is there.
os.environ["STEADKIT_CACHE"] = ""

# How long an example takes is the machine's affair.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# A network that trains in seconds, and a training to go with it.
TINY = EQTConfig(
    filters=(2,) * 4,  # so that attention, which grows with the square of the steps, is small
    kernels=(3,) * 4,
    residual_kernels=(),
    encoder_rnn=(),
    picker_rnn=(),
    transformer_blocks=1,
    attention_units=2,
    feed_forward=4,
    input_length=6000,
)
SHORT = TrainConfig(
    epochs=2, batch_size=16, train="0.5", validation="0.25", test="0.25", augment="none"
)

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real records and reference outputs, beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside the checkout: real records are needed")
    return SHARED


def row(name: str, number: int = 0) -> dict[str, object]:
    """Make an event's or a noise trace's row, as STEAD's attributes hold it."""
    values: dict[str, object] = dict.fromkeys(COLUMNS, "")
    values |= {
        "trace_name": name,
        "network_code": "XX",
        "receiver_code": name.partition(".")[0],
        "trace_start_time": "2020-01-01 00:00:00.000000",
        "trace_category": NOISE,
    }
    if name.endswith("_EV"):
        values |= {
            "trace_category": EVENT,
            "source_id": f"source{number // 3}",
            "p_arrival_sample": 600.0 + number,
            "s_arrival_sample": 900.0 + number,
            "source_distance_km": 25.5,
            "snr_db": np.array([20.0, 21.0, 22.5]),
            "coda_end_sample": np.array([[2000.0]]),
        }
    return values


def waveform(name: str) -> np.ndarray:
    """Make a waveform that depends on the name alone."""
    random = np.random.default_rng(list(name.encode()))
    return random.normal(size=(6000, 3)).astype(np.float32)


def names_of(events: int, noise: int = 0, prefix: str = "S") -> list[str]:
    """Name some traces as STEAD does."""
    return [f"{prefix}{i}.XX_20200101{i:06d}_EV" for i in range(events)] + [
        f"{prefix}{i}.XX_20200101{i:06d}_NO" for i in range(noise)
    ]


def as_csv(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """Write rows of attributes as the CSV has them."""
    return pd.DataFrame([{key: str(value) for key, value in row.items()} for row in rows])


def write_stead(path: Path, names: Sequence[str]) -> Source:
    """Write a small STEAD file, HDF5 and CSV."""
    rows = [row(name, number) for number, name in enumerate(names)]
    with Writer(path) as writer:
        for name, values in zip(names, rows, strict=True):
            writer.add(name, waveform(name), values)
    as_csv(rows).to_csv(path.with_suffix(".csv"), index=False)
    return source_from_path(path)


@pytest.fixture
def stead(tmp_path: Path) -> Callable[..., Source]:
    """Write a small STEAD file into the test's folder and return where it is."""

    def write(file: str = "chunk.hdf5", names: Sequence[str] = ()) -> Source:
        return write_stead(tmp_path / file, names or names_of(8, 4))

    return write


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a tiny network once; returns the run folder, `data.hdf5` is beside it."""
    from eqt.training import train

    folder = tmp_path_factory.mktemp("trained")
    source = write_stead(folder / "data.hdf5", names_of(24, 12))
    return train(source.hdf5, folder / "run", TINY, SHORT, len).folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command in an empty folder, as from a shell; a bug's traceback fails the test."""
    from eqt.cli import main as eqt
    from steadkit.cli import main as steadkit

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STEAD_DIR", raising=False)
    programs = {"steadkit": steadkit, "eqt": eqt}

    def invoke(program: str, *arguments: object) -> Result:
        result = CliRunner().invoke(programs[program], [str(a) for a in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


def refused(result: Result, *words: str) -> None:
    """Assert one clear line, exit code 1 or 2, and that it says these words."""
    assert result.exit_code in (1, 2), result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    for word in words:
        assert word in lines[0]


def waveforms_in(path: Path) -> dict[str, np.ndarray]:
    """Read all waveforms with plain h5py."""
    with h5py.File(path) as file:
        return {name: dataset[()] for name, dataset in file["data"].items()}


def attributes_in(path: Path) -> dict[str, dict[str, object]]:
    """Read all attributes with plain h5py."""
    with h5py.File(path) as file:
        return {
            name: {key: np.asarray(value).tolist() for key, value in dataset.attrs.items()}
            for name, dataset in file["data"].items()
        }
