"""steadkit: reproducible subsets of STEAD, their checks, and batches for training."""

from steadkit.errors import InputError
from steadkit.version import __version__

# Type checkers take it for typing's, which takes time to import; see steadkit.program.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from pathlib import Path

    from steadkit.dataset import Dataset

__all__ = ["InputError", "__version__", "open", "open_dataset"]


def open_dataset(*paths: "str | Path") -> "Dataset":
    """Open one or several STEAD files as one data set.

    Parameters
    ----------
    *paths
        HDF5 files, each with its CSV next to it. Without paths, ``merge.hdf5``, else
        ``chunk*.hdf5``, in the current folder, else in ``$STEAD_DIR``.

    Raises
    ------
    steadkit.errors.InputError
        A file cannot be used.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import steadkit
    >>> from steadkit.demo import demo
    >>> folder = Path(tempfile.mkdtemp())
    >>> manifests = demo(folder, events=30, noise=10)
    >>> traces = steadkit.open_dataset(folder / "chunk1.hdf5", folder / "chunk2.hdf5")
    >>> len(traces), traces.metadata["trace_category"].value_counts().to_dict()
    (40, {'earthquake_local': 30, 'noise': 10})
    >>> strong = traces[traces.metadata["snr_db_Z"] > 20]
    >>> half = traces.subset(0.5, seed=0).split(shares="0.6,0.2,0.2")
    >>> len(half), len(half.get_split("train")) > len(half.get_split("test"))
    (20, True)
    >>> half.get_waveforms([0, 1]).shape
    (2, 6000, 3)
    >>> saved = half.save(folder / "half.hdf5")
    >>> saved.names == half.names
    True
    """
    # Imported here, as `import steadkit` must not load pandas.
    from steadkit.dataset import Dataset

    return Dataset.from_paths(paths)


open = open_dataset  # noqa: A001
