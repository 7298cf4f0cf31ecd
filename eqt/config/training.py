"""Configuration of a training, a frozen dataclass that validates itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Real
from typing import Any, Final

from eqt.config.checks import (
    check,
    check_count,
    check_fraction,
    check_name,
    check_number,
    check_switch,
    check_whole,
    from_plain,
    to_plain,
)
from eqt.config.schedules import MIN_RATE_FRACTION, SCHEDULES, Steps, plateaus
from steadkit.labels import SHAPES, TARGETS, LabelConfig
from steadkit.pipeline import MIXES, BatchConfig
from steadkit.transforms import NORMALIZATIONS, PRESETS
from steadkit.types import parse_fraction

PRECISIONS: Final = ("float32", "mixed_bfloat16", "mixed_float16")
"""Types in which layers compute; weights, losses and the three outputs are always float32."""


@dataclass(frozen=True)
class TrainConfig:
    """Configuration of a training; the defaults are the published recipe.

    Attributes
    ----------
    epochs, batch_size
        Passes over the training traces, and traces in a batch.
    learning_rate, schedule
        Adam's initial rate, and its schedule, one of ``SCHEDULES``.
    step_epochs, step_factor
        Schedule ``step`` multiplies the rate by the factor every `step_epochs` epochs.
    warmup
        Epochs over which the rate rises from 0, batch by batch.
    plateau, plateau_factor
        Epochs without a lower validation loss after which the rate is multiplied by the factor,
        in addition to the schedule; 0 for never. The published factor is sqrt(0.1).
    patience
        Epochs without a lower validation loss after which training stops; 0 for never.
    weight_decay
        AdamW's (Loshchilov and Hutter 2019, arXiv:1711.05101), of kernels alone; 0 is Adam.
    clip_norm
        Upper bound of the global norm of the gradients, which are scaled down to it; 0 for none.
    ema
        Momentum of an exponential moving average of the weights (Polyak and Juditsky 1992,
        doi:10.1137/0330046), which is validated and saved in their place. 0 for none.
    loss_weights
        Weights of the binary cross-entropies of detector, P and S.
    labels, normalization
        Shape of the targets, and how waveforms are scaled; see `steadkit.pipeline.BatchConfig`.
    augment, paired
        One of `steadkit.transforms.PRESETS`: ``eqt``, the published rates, ``uniform``, P
        anywhere and nothing else, ``robust`` or ``none``. Paired, half of each training batch is
        lightly augmented, and the same traces come again fully; else each is fully.
    mix
        ``natural`` or ``balanced``, as many events as noise; see `steadkit.pipeline.BatchConfig`.
    shuffle_block
        0: each epoch takes the training traces in one random order. Else it reads the file from
        front to back, shuffled in blocks of this many traces; see `steadkit.pipeline.BatchConfig`.
    train, validation, test
        Fractions of the traces, as decimals that add up to 1.
    one_class
        Whether a data set of only noise, or only earthquakes, is accepted.
    freeze
        Stages of the network to freeze; see `eqt.layer_plan.layers_to_freeze`.
    mixed_precision
        One of ``PRECISIONS``.
    xla
        Whether to compile the step with XLA, which takes a minute and gains little on a CPU.
    seed
        Seed of split, initial weights, dropout and the order of every epoch.

    Examples
    --------
    >>> TrainConfig().learning_rate_at(19), TrainConfig().learning_rate_at(21)
    (0.001, 0.0001)
    """

    epochs: int = 200
    batch_size: int = 200
    learning_rate: float = 1e-3
    schedule: str = "published"
    step_epochs: int = 20
    step_factor: float = 0.1
    warmup: int = 0
    plateau: int = 10
    plateau_factor: float = 0.1**0.5
    patience: int = 12
    weight_decay: float = 0.0
    clip_norm: float = 0.0
    ema: float = 0.0
    loss_weights: tuple[float, float, float] = (0.05, 0.40, 0.55)
    labels: str = "gaussian"
    normalization: str = "std"
    augment: str = "eqt"
    paired: bool = True
    mix: str = "natural"
    shuffle_block: int = 0
    train: str = "0.85"
    validation: str = "0.05"
    test: str = "0.10"
    one_class: bool = False
    freeze: tuple[str, ...] = ()
    mixed_precision: str = "float32"
    xla: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "step_epochs"):
            check_count(name, getattr(self, name))
        for name in ("warmup", "plateau", "patience", "shuffle_block", "seed"):
            check_whole(name, getattr(self, name))
        for name, known in _NAMES.items():
            check_name(name, getattr(self, name), known)
        for name in ("paired", "one_class", "xla"):
            check_switch(name, getattr(self, name))
        self._check_numbers()
        check(self.warmup < self.epochs, "warmup", self.warmup, "use fewer than the epochs")
        stages = self.freeze
        fits = isinstance(stages, tuple) and all(isinstance(stage, str) for stage in stages)
        check(fits, "freeze", stages, "give names of stages")
        _ = self.training_batches, self.shares  # the properties validate the rest

    def _check_numbers(self) -> None:
        rate = self.learning_rate
        check(isinstance(rate, Real) and 0 < rate <= 1, "learning_rate", rate, "use (0, 1]")
        for name in ("step_factor", "plateau_factor", "weight_decay"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("clip_norm", self.clip_norm, 0, 1e9)
        check_fraction("ema", self.ema)
        weights = self.loss_weights
        fits = isinstance(weights, tuple) and len(weights) == len(TARGETS)
        check(fits, "loss_weights", weights, "give three numbers, none below 0")
        for weight in weights:
            check_number("loss_weights", weight, 0, 1e9)
        check(sum(weights) > 0, "loss_weights", weights, "one of them must be above 0")

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """Fractions of train, validation and test; decimals, since floats would not add up to 1."""
        texts = (self.train, self.validation, self.test)
        shares = tuple(parse_fraction(str(text)) for text in texts)
        check(sum(shares) == 1, "shares", [str(s) for s in shares], "they must add up to 1")
        return shares

    @property
    def batches(self) -> BatchConfig:
        """Batches for validation and evaluation, without augmentation."""
        return BatchConfig(self.batch_size, self.normalization, LabelConfig(self.labels))

    @property
    def training_batches(self) -> BatchConfig:
        """Batches for training."""
        mixed = replace(self.batches, mix=self.mix, shuffle_block=self.shuffle_block)
        if self.augment == "none":
            return mixed
        return replace(mixed, augment=PRESETS[self.augment], paired=self.paired)

    def learning_rate_at(self, epoch: int, losses: Sequence[float] = ()) -> float:
        """Return the rate of an epoch, counted from 0.

        Parameters
        ----------
        epoch
            Number of the epoch.
        losses
            Validation losses of the epochs before it, to find plateaus in.
        """
        steps = Steps(self.epochs, self.step_epochs, self.step_factor)
        scheduled = SCHEDULES[self.schedule](epoch, steps)
        reduced = scheduled * self.plateau_factor ** plateaus(losses, self.plateau)
        # The lower bound is for plateaus: it must not raise a rate that the schedule has lowered.
        return self.learning_rate * max(reduced, min(scheduled, MIN_RATE_FRACTION))

    def warmup_rate(self, rate: float, batch: int, batches: int) -> float:
        """Return the rate of a batch with linear warmup.

        Parameters
        ----------
        rate
            The rate of its epoch.
        batch
            Number of the batch, counted from 0 through all epochs.
        batches
            Batches in an epoch.

        >>> config = TrainConfig(warmup=1)
        >>> config.warmup_rate(1.0, 0, 4), config.warmup_rate(1.0, 4, 4)
        (0.25, 1.0)
        """
        warmup_batches = self.warmup * batches
        return rate if batch >= warmup_batches else rate * (batch + 1) / warmup_batches

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """Build a configuration from the values of ``to_dict``; absent fields keep defaults."""
        return from_plain(cls, values, "training")


_NAMES: Final = {
    "schedule": tuple(SCHEDULES),
    "labels": tuple(SHAPES),
    "normalization": tuple(NORMALIZATIONS),
    "augment": tuple(PRESETS),
    "mix": MIXES,
    "mixed_precision": PRECISIONS,
}
