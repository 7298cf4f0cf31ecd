"""How a network is trained: frozen values that check themselves, the published recipe first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import cos, pi
from numbers import Real
from typing import Any, Final

from eqt.config.checks import check, check_count, from_plain, to_plain
from steadkit.labels import TARGETS, LabelConfig
from steadkit.pipeline import BatchConfig
from steadkit.sampling import parse_fraction
from steadkit.transforms import PRESETS


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained; the defaults are the published recipe.

    Attributes
    ----------
    epochs, batch_size
        How often every trace is seen, and how many at a time.
    learning_rate, schedule
        Adam's rate at the start, and how it falls, one of ``SCHEDULES``.
    loss_weights
        Weights of the binary cross-entropies of detector, P and S.
    labels, normalization
        Shape of the targets, and how waveforms are scaled; see `steadkit.pipeline.BatchConfig`.
    augment
        One of `steadkit.transforms.PRESETS`: ``none``, ``eqt``, the published rates,
        ``uniform``, P anywhere and nothing else, or ``robust``. Half of each training batch is
        lightly augmented then, half fully.
    train, validation, test
        Shares of the traces, as decimals that add up to 1.
    patience
        Epochs without a better validation loss after which training stops.
    seed
        Selects split, initial weights, dropout and the order of every epoch.

    Examples
    --------
    >>> TrainConfig().learning_rate_at(19), TrainConfig().learning_rate_at(21)
    (0.001, 0.0001)
    """

    epochs: int = 200
    batch_size: int = 200
    learning_rate: float = 1e-3
    schedule: str = "published"
    loss_weights: tuple[float, float, float] = (0.05, 0.40, 0.55)
    labels: str = "gaussian"
    normalization: str = "std"
    augment: str = "none"
    train: str = "0.85"
    validation: str = "0.05"
    test: str = "0.10"
    patience: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            check_count(name, getattr(self, name))
        rate = self.learning_rate
        check(isinstance(rate, Real) and 0 < rate <= 1, "learning_rate", rate, "use (0, 1]")
        check(self.schedule in SCHEDULES, "schedule", self.schedule, f"use {list(SCHEDULES)}")
        weights = self.loss_weights
        fits = len(weights) == len(TARGETS) and all(weight >= 0 for weight in weights)
        check(fits, "loss_weights", weights, "give three numbers, none below 0")
        check(self.seed >= 0, "seed", self.seed, "use 0 or a whole number above it")
        check(self.augment in PRESETS, "augment", self.augment, f"use {', '.join(PRESETS)}")
        _ = self.training_batches, self.shares  # they check themselves

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """Shares of train, validation and test, exactly."""
        texts = (self.train, self.validation, self.test)
        shares = tuple(parse_fraction(str(text)) for text in texts)
        check(sum(shares) == 1, "shares", [str(s) for s in shares], "they must add up to 1")
        return shares

    @property
    def batches(self) -> BatchConfig:
        """How batches are made for validation and evaluation: plain."""
        return BatchConfig(self.batch_size, self.normalization, LabelConfig(self.labels))

    @property
    def training_batches(self) -> BatchConfig:
        """How batches are made for training."""
        if self.augment == "none":
            return self.batches
        return replace(self.batches, augment=PRESETS[self.augment], paired=True)

    def learning_rate_at(self, epoch: int, rate: float | None = None) -> float:
        """Return the rate of an epoch, counted from 0; `rate`, what it was before, is not used."""
        return self.learning_rate * SCHEDULES[self.schedule](epoch, self.epochs)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainConfig":
        """Build a config from what ``to_dict`` gave; fields left out keep their defaults."""
        return cls(**from_plain(cls, values, "training"))


LEARNING_RATE_DROPS: Final = ((20, 10), (40, 100), (60, 1000), (90, 2000))
"""After which epoch the published recipe divides its first rate by what."""


def published_schedule(epoch: int, epochs: int) -> float:
    """Fall in steps, as published; short trainings see none of them."""
    return 1 / max((divisor for start, divisor in LEARNING_RATE_DROPS if epoch > start), default=1)


def cosine_schedule(epoch: int, epochs: int) -> float:
    """Fall from 1 to nearly 0 over the epochs (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    return (1 + cos(pi * epoch / epochs)) / 2


SCHEDULES: Final = {"published": published_schedule, "cosine": cosine_schedule}
