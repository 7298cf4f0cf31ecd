"""Configuration of batches: size, mix, augmentation, normalisation and targets."""

from dataclasses import dataclass, field

from steadkit.errors import InputError
from steadkit.labels import LabelConfig
from steadkit.transforms import NORMALIZATIONS, AugmentConfig

MIXES = ("natural", "balanced")
"""Events and noise in the proportion of the traces, or alternating."""


@dataclass(frozen=True)
class BatchConfig:
    """Size, mix, augmentation, normalisation and targets of batches.

    Parameters
    ----------
    batch_size
        Examples in a batch; the last batch of an epoch may have fewer.
    normalization
        One of `steadkit.transforms.NORMALIZATIONS`.
    labels
        Shape of the targets.
    augment
        Augmentation of each trace; None for none.
    paired
        As published for EQT: the first half of a batch are traces that are lightly augmented
        (`steadkit.transforms.light_augmentation`), the second half the same traces fully augmented.
    mix
        ``natural``: every trace once per epoch. ``balanced``: events and noise alternate, and the
        traces of the smaller class are repeated, each as often as any other of it or once more.
    shuffle_block
        0: each epoch is a random permutation of all traces, which reads them from all over the
        file. Otherwise each epoch reads the file from front to back in blocks of this many traces,
        shuffled within a block; see `steadkit.pipeline.sampler.shuffle_in_blocks`. Meant for files
        in random order: in a sorted file, a batch would hold similar traces. Auxiliary traces of
        an augmentation are read from all over the file.
    """

    batch_size: int = 200
    normalization: str = "std"
    labels: LabelConfig = field(default_factory=LabelConfig)
    augment: AugmentConfig | None = None
    paired: bool = False
    mix: str = "natural"
    shuffle_block: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"batch size {self.batch_size} must be at least 1")
        if self.normalization not in NORMALIZATIONS:
            raise InputError(
                f"normalisation {self.normalization!r} is unknown: use {', '.join(NORMALIZATIONS)}"
            )
        if self.mix not in MIXES:
            raise InputError(f"mix {self.mix!r} is unknown: use {' or '.join(MIXES)}")
        block = self.shuffle_block
        if isinstance(block, bool) or not isinstance(block, int) or block < 0:
            raise InputError(
                f"shuffle block {block!r} is no number of traces: use a whole number above 0, "
                "or 0 to shuffle all traces at once"
            )
        if self.paired and (self.augment is None or self.batch_size % 2):
            raise InputError(
                f"paired batches of {self.batch_size} need an even size and an augmentation"
            )

    @property
    def traces(self) -> int:
        """Number of traces in a batch: half its examples where they are paired."""
        return self.batch_size // 2 if self.paired else self.batch_size
