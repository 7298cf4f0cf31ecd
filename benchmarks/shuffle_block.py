"""Batches in blocks (``--shuffle-block``) against the full permutation, cold and warm.

``python benchmarks/shuffle_block.py --traces 20000 --block 512``: one process makes plain batches
of 200 of a file that it writes first. For a cold run the system is told to drop the file from its
memory (`posix_fadvise`). Both orders take turns; the figures are the medians of the rounds. How
often and how far reading jumps in the file is counted, as a hard disk would have to follow it:
sequential is what begins where the last waveform ended, or behind one other trace.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np
from pipeline import BATCH, make

from steadkit.pipeline import BatchConfig, BatchLoader, TraceSource
from steadkit.store import TRACE_BYTES

ROUNDS = 5
SKIPPED = 2 * TRACE_BYTES
"""Bytes from the end of a waveform to the next one up to which reading does not jump."""


def forget(path: Path) -> None:
    """Have the system drop a file from its memory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def seconds(batches: BatchLoader, epoch: int, prepare: Callable[[], object]) -> float:
    """Time one epoch of batches."""
    prepare()
    began = time.perf_counter()
    for number in range(epoch * len(batches), (epoch + 1) * len(batches)):
        batches.arrays(number)
    return time.perf_counter() - began


def jumps(batches: BatchLoader) -> tuple[float, float]:
    """Return jumps a trace of the first epoch, and their median length in MB.

    What counts is where each waveform is first asked for, by reading it or ahead of that.
    """
    asked: dict[int, None] = {}
    advise, read = os.posix_fadvise, os.preadv

    def noted_advise(descriptor: int, offset: int, length: int, advice: int) -> None:
        if advice == os.POSIX_FADV_WILLNEED:
            asked.setdefault(offset)
        advise(descriptor, offset, length, advice)

    def noted_read(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        asked.setdefault(offset)
        return read(descriptor, buffers, offset)

    os.posix_fadvise, os.preadv = noted_advise, noted_read  # type: ignore[assignment]
    try:
        for number in range(len(batches)):
            batches.arrays(number)
    finally:
        os.posix_fadvise, os.preadv = advise, read
    gaps = np.diff(np.fromiter(asked, np.int64)) - TRACE_BYTES
    far = np.abs(gaps[(gaps < 0) | (gaps > SKIPPED)])
    return len(far) / len(asked), float(np.median(far)) / 1e6 if len(far) else 0.0


def main() -> None:
    """Print rates, ratios and jumps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=20_000)
    parser.add_argument("--block", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where the file goes: the disk to try")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        path = Path(name) / "a.hdf5"
        records = TraceSource([path], make(path, options.traces))
        orders = {
            name: BatchLoader(records, config=BatchConfig(BATCH, shuffle_block=block), seed=0)
            for name, block in (("permutation", 0), ("blocks", options.block))
        }
        states = {"cold": lambda: forget(path), "warm": path.read_bytes}
        times: dict[tuple[str, str], list[float]] = {key: [] for key in product(states, orders)}
        for epoch, (state, order) in product(range(ROUNDS), times):
            times[state, order].append(seconds(orders[order], epoch, states[state]))
        found = {order: jumps(batches) for order, batches in orders.items()}
    for (state, order), taken in times.items():
        print(f"{state} {order:12s}{options.traces / median(taken):10,.0f} traces/s")
    for state in states:
        ratios = [
            whole / block
            for whole, block in zip(
                times[state, "permutation"], times[state, "blocks"], strict=True
            )
        ]
        print(
            f"ratio blocks / permutation, {state}: {median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )
    for order, (share, far) in found.items():
        print(f"jumps of {order}: {share:.2f} a trace, {far:.1f} MB in the median")


if __name__ == "__main__":
    main()
