"""Read shuffled batches of waveforms: steadkit's reader against a loop over h5py datasets.

The file is made here, in STEAD's layout, and lies in the page cache for both.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from steadkit.store import Waveforms, Writer

BATCH = 200


def write_file(path: Path, traces: int) -> list[str]:
    """Write traces of noise in STEAD's layout; returns their names."""
    random = np.random.default_rng(0)
    names = [f"S{i}.XX_20200101{i:06d}_NO" for i in range(traces)]
    samples = random.normal(size=(6000, 3)).astype(np.float32)
    with Writer(path) as writer:
        for name in names:
            writer.add(name, samples, {"trace_name": name})
    return names


def rate(read: Callable[[np.ndarray], np.ndarray], order: np.ndarray) -> float:
    """Read every trace once, in batches; returns traces a second, the best of three."""
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        for start in range(0, len(order), BATCH):
            batch = read(order[start : start + BATCH])
            assert batch.shape[1:] == (6000, 3)
        best = max(best, len(order) / (time.perf_counter() - began))
    return best


def main() -> None:
    """Print both rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=4000)
    traces = parser.parse_args().traces
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.hdf5"
        names = write_file(path, traces)
        order = np.random.default_rng(1).permutation(traces)
        with h5py.File(path) as file:
            group = file["data"]
            loop = rate(lambda rows: np.stack([group[names[i]][()] for i in rows]), order)
        ours = rate(Waveforms(path, names).read, order)
    print(f"h5py loop {loop:,.0f} traces/s; steadkit {ours:,.0f} traces/s; ratio {ours / loop:.1f}")


if __name__ == "__main__":
    main()
