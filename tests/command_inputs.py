"""The files that the calls of `commands` read: a few simulated traces, records, a run, networks."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
from obspy import Trace, UTCDateTime

from eqt.quickstart import Size, steps
from steadkit.convert import to_seisbench
from steadkit.dataset_files import dataset_files
from steadkit.demo import demo
from steadkit.manifest import Manifest
from steadkit.merge import merge
from steadkit.sources import source_from_path
from steadkit.split import SplitConfig, list_rows, split_manifest

EVENT = "GKR1.X4_20030101000114_EV"
"""The first event of any simulated file of seed 0."""

TINY = """\
filters = [2, 2, 2, 2]
kernels = [3, 3, 3, 3]
residual_kernels = []
encoder_rnn = []
picker_rnn = []
transformer_blocks = 1
attention_units = 2
feed_forward = 4
"""

TRAIN = """\
epochs = 1
batch_size = 8
augment = "none"
train = "0.6"
validation = "0.2"
test = "0.2"
"""

PICKS = """\
network,station,phase,time,event_id,origin_time,latitude,longitude,depth_km,magnitude
XX,ABC,P,2024-02-03T00:01:40Z,q1,2024-02-03T00:01:37Z,35.5,-96.7,5,2.5
XX,ABC,S,2024-02-03T00:01:43Z,q1,2024-02-03T00:01:37Z,35.5,-96.7,5,2.5
"""

PREDICTED = """\
network,station,location,channel,phase,time,probability,uncertainty,snr_db,amplitude,detection_id
XX,ABC,,HHZ,P,2024-02-03T00:01:40.000000Z,0.9,,20.0,100.0,
"""

VELOCITY = "depth_km,vp_km_s,vs_km_s\n0,5.8,3.36\n20,6.5,3.75\n"

STATIONS = "network,station,latitude,longitude,elevation_m\nXX,ABC,35.6,-96.6,300\n"


def make_inputs(folder: Path, networks: bool = True) -> Path:
    """Write all input files into `folder`, which is made; `networks` needs TensorFlow."""
    folder.mkdir(parents=True)
    for name, events, noise in (("a", 9, 3), ("few", 1, 1), ("train", 20, 10)):
        _simulated(folder / f"{name}.hdf5", events, noise)
    _split(folder / "train.hdf5").write(folder / "train.split.manifest")
    to_seisbench([source_from_path(folder / "a.hdf5")], folder / "seisbench")
    (folder / "names.txt").write_text(f"{EVENT}\n")
    (folder / "codes.txt").write_text("YY.*\n")
    tables = {"picks": PICKS, "predicted": PREDICTED, "stations": STATIONS, "velocity": VELOCITY}
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    for name, text in (("tiny.toml", TINY), ("train.toml", TRAIN)):
        (folder / name).write_text(text)
    _records(folder / "records")
    _quickstart(folder / "quickstart")
    if networks:
        _networks(folder)
    return folder


def _simulated(hdf5: Path, events: int, noise: int) -> None:
    chunks = hdf5.with_name(f"{hdf5.stem}-chunks")
    demo(chunks, events, noise)
    merge([source_from_path(path) for path in sorted(chunks.glob("*.hdf5"))], dataset_files(hdf5))
    shutil.rmtree(chunks)


def _split(data: Path) -> Manifest:
    rule = SplitConfig(shares=(Fraction(3, 5), Fraction(1, 5), Fraction(1, 5)))
    base, rows = list_rows(data, rule, ())
    return split_manifest(base, rows, rule, False)[0]


def _records(folder: Path) -> None:
    """Write five minutes of noise at one station, a file a component."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for component in "ENZ":
        header = {"network": "XX", "station": "ABC", "channel": f"HH{component}"}
        samples = random.normal(size=30_000).astype(np.float32)
        start = {"sampling_rate": 100.0, "starttime": UTCDateTime("2024-02-03T00:00:00")}
        trace = Trace(samples, header | start)
        trace.write(str(folder / f"{trace.id}.mseed"), format="MSEED")


def _quickstart(folder: Path) -> None:
    """Write the results of every step, so that a quickstart finds all of it done."""
    for step in steps(folder, Size(2, 1, 1), 0):
        step.result.parent.mkdir(parents=True, exist_ok=True)
        step.result.write_bytes(b"made before")


def _networks(folder: Path) -> None:
    """Train a tiny network on ``train.hdf5``, evaluate it, and keep it as ``k.keras`` too."""
    from eqt.config import EQTConfig, TrainConfig, read_toml
    from eqt.evaluation import evaluate, plan
    from eqt.model_io import load_model, save_model
    from eqt.picking.picks import Thresholds
    from eqt.training import train

    network = EQTConfig.from_dict(read_toml(folder / "tiny.toml"))
    training = TrainConfig.from_dict(read_toml(folder / "train.toml"))
    run = train(folder / "train.hdf5", folder / "run", network, training, len)
    evaluate(plan(run.folder, None, None, None), Thresholds(), sections=())
    shutil.copytree(run.folder / "evaluation", folder / "again")
    setup = json.loads(run.config.read_text())
    # So that a copy of the run, next to a copy of its data, is read with that copy.
    run.config.write_text(json.dumps(setup | {"data": "in/train.hdf5"}, indent=2) + "\n")
    save_model(load_model(run.folder), folder / "k.keras")
