"""steadkit: cut STEAD down reproducibly, check it, and feed it to training."""

from steadkit.errors import InputError
from steadkit.version import __version__

TYPE_CHECKING = False  # type checkers take it for typing's; see steadkit.program

if TYPE_CHECKING:
    from pathlib import Path

    from steadkit.dataset import Dataset

__all__ = ["InputError", "__version__", "open"]


def open(*paths: "str | Path") -> "Dataset":  # noqa: A001
    """Open one or several STEAD files as a collection of traces.

    Parameters
    ----------
    *paths
        HDF5 files with their CSV beside them. None at all means ``merge.hdf5``, else
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
    >>> traces = steadkit.open(folder / "chunk1.hdf5", folder / "chunk2.hdf5")
    >>> len(traces), traces.metadata["trace_category"].value_counts().to_dict()
    (40, {'earthquake_local': 30, 'noise': 10})
    >>> strong = traces[traces.metadata["snr_db_Z"] > 20]
    >>> half = traces.subset(0.5, seed=0).split(shares="0.6,0.2,0.2")
    >>> len(half), len(half.part("train")) > len(half.part("test"))
    (20, True)
    >>> half.get_waveforms([0, 1]).shape
    (2, 6000, 3)
    >>> saved = half.save(folder / "half.hdf5")
    >>> saved.names == half.names
    True
    """
    from steadkit.dataset import open_collection

    return open_collection(paths)
