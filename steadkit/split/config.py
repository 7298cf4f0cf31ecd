"""Configuration of a split, checked on creation and recorded in the manifest's recipe."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from steadkit.errors import InputError, printable
from steadkit.paths import INTEGER, NUMBER, TEXT, list_type, value_at
from steadkit.sampling import SPLITS
from steadkit.selection.filters import check_box
from steadkit.selection.strata import canonical_strata as checked_strata
from steadkit.types import parse_fraction, parse_time

EARTHQUAKE, STATION, TIME, REGION = "earthquake", "station", "time", "region"
GROUP_TYPES: Final = (EARTHQUAKE, STATION, TIME, REGION)
"""Groups that a split may keep together, besides any column."""

SPLIT_OPERATION: Final = "split"
PUBLISHED_SHARES: Final = (Fraction(85, 100), Fraction(5, 100), Fraction(10, 100))


@dataclass(frozen=True)
class SplitConfig:
    """Groups that a split keeps together, and the share of each split.

    Attributes
    ----------
    by
        ``earthquake``, ``station``, ``time``, ``region`` or columns; traces that any of
        them connects stay together.
    shares
        The shares of train, validation and test, exact; they add up to 1.
    seed
        Selects the order of the groups, together with their names alone.
    stratify
        Columns or bins of numbers; each stratum is split by the same shares.
    cut
        The two instants at which validation and test begin, ISO 8601, UTC; by default
        computed from the shares.
    gap_days
        Days after each of the two that belong to no split.
    cell_degrees
        The side of the grid's cells.
    validation_box, test_box
        South, west, north, east in degrees; training is outside both.

    Raises
    ------
    InputError
        They contradict one another.

    >>> SplitConfig(by=("station", "earthquake")).to_recipe("3f9a")["by"]
    ['station', 'earthquake']
    """

    by: tuple[str, ...] = (EARTHQUAKE,)
    shares: tuple[Fraction, ...] = PUBLISHED_SHARES
    seed: int = 0
    stratify: tuple[str, ...] = ("trace_category",)
    cut: tuple[str, ...] | None = None
    gap_days: float = 0.0
    cell_degrees: float = 1.0
    validation_box: tuple[float, ...] | None = None
    test_box: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check_by(self.by)
        if len(self.shares) != len(SPLITS) or sum(self.shares) != 1 or min(self.shares) < 0:
            texts = ",".join(str(share) for share in self.shares)
            raise InputError(f"shares {texts} must be three that add up to 1: try 0.85,0.05,0.1")
        object.__setattr__(self, "stratify", checked_strata(self.stratify))
        self._check_time()
        self._check_region()

    def _check_time(self) -> None:
        if (self.cut or self.gap_days) and TIME not in self.by:
            raise InputError("a cut or a gap is for a split by time: add --by time")
        if not 0 <= self.gap_days < 36525:
            raise InputError(f"gap of {self.gap_days:g} days: use 0 or more, less than a century")
        if self.cut is not None:
            if len(self.cut) != 2:
                cut_text = printable(", ".join(self.cut))
                raise InputError(
                    f"cut {cut_text!r}: two times are needed, of validation and of test"
                )
            first, second = map(instant, self.cut)
            if not first < second:
                raise InputError(
                    f"cut {self.cut[0]!r} is not before {self.cut[1]!r}: "
                    "name the begin of validation, then that of test"
                )

    def _check_region(self) -> None:
        boxes = (self.validation_box, self.test_box)
        if any(boxes) and REGION not in self.by:
            raise InputError("a box is for a split by region: add --by region")
        if any(boxes) and not all(boxes):
            raise InputError("one box is missing: give one for validation and one for test")
        for name, box in zip(("validation_box", "test_box"), boxes, strict=True):
            object.__setattr__(self, name, check_box(box) if box else None)
        if not 0.001 <= self.cell_degrees <= 90:
            raise InputError(f"cells of {self.cell_degrees:g} degrees: use 0.001 to 90")

    @property
    def groups_by(self) -> tuple[str, ...]:
        """Groups that stay together; by default earthquakes where instants or boxes decide."""
        placed_by = {TIME} | ({REGION} if self.test_box else set())
        return tuple(group_type for group_type in self.by if group_type not in placed_by) or (
            EARTHQUAKE,
        )

    @property
    def uses_shares(self) -> bool:
        """Whether the shares decide, not given instants or boxes."""
        return not (self.cut or self.test_box)

    def to_recipe(self, base_digest: str) -> dict[str, object]:
        """Return the recipe of a split of the manifest `base_digest`, effective options only."""
        recipe: dict[str, object] = {
            "operation": SPLIT_OPERATION,
            "of": base_digest,
            "by": list(self.by),
        }
        if self.uses_shares:
            recipe["shares"] = [str(share) for share in self.shares]
        if self.uses_shares and TIME not in self.by:
            recipe |= {"seed": self.seed, "stratify": list(self.stratify)}
        if TIME in self.by:
            recipe |= {"cut": list(self.cut or ()), "gap_days": self.gap_days}
        if self.test_box and self.validation_box:
            recipe |= {"validation_box": list(self.validation_box), "test_box": list(self.test_box)}
        elif REGION in self.by:
            recipe["cell_degrees"] = self.cell_degrees
        return recipe

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any]) -> "SplitConfig":
        """Read a recipe that `to_recipe` wrote; the default for another operation's recipe."""
        if recipe.get("operation") != SPLIT_OPERATION:
            return cls()
        where = "the manifest's recipe of a split"
        found_values = {
            key: value_at(recipe, key, form, where)
            for key, form in _IN_RECIPES.items()
            if key in recipe
        }
        values = {key: tuple(v) if isinstance(v, list) else v for key, v in found_values.items()}
        if "shares" in values:
            values["shares"] = tuple(map(_share, values["shares"]))
        return cls(**values | {"cut": values.get("cut") or None})


_IN_RECIPES: Final = {
    "by": list_type(TEXT),
    "shares": list_type(TEXT, 3),
    "seed": INTEGER,
    "stratify": list_type(TEXT),
    "cut": list_type(TEXT),
    "gap_days": NUMBER,
    "cell_degrees": NUMBER,
    "validation_box": list_type(NUMBER, 4),
    "test_box": list_type(NUMBER, 4),
}


def _check_by(by: tuple[str, ...]) -> None:
    if not by or not all(isinstance(group_type, str) and group_type for group_type in by):
        raise InputError(f"nothing to split by: use one of {', '.join(GROUP_TYPES)}, or a column")
    if len(set(by)) < len(by):
        raise InputError(f"split by {printable(', '.join(by))}: name each once")
    if TIME in by and set(by) - {TIME, EARTHQUAKE}:
        column = next(group_type for group_type in by if group_type not in (TIME, EARTHQUAKE))
        raise InputError(
            f"time and {column} cannot be joined: what stands together would span all times; "
            "use one of them"
        )


def parse_by(texts: Iterable[str]) -> tuple[str, ...]:
    """Read group types from a command line, separated by commas or repeated.

    >>> parse_by(["station,earthquake"]), parse_by([])
    (('station', 'earthquake'), ('earthquake',))
    """
    group_types = tuple(item.strip() for text in texts for item in text.split(","))
    return group_types or (EARTHQUAKE,)


def parse_shares(text: str) -> tuple[Fraction, ...]:
    """Read ``0.85,0.05,0.1`` exactly; a share may be 0.

    >>> parse_shares("0.9,0,0.1")
    (Fraction(9, 10), Fraction(0, 1), Fraction(1, 10))
    """
    return tuple(_share(item) for item in text[:200].split(","))


def _share(text: str) -> Fraction:
    return Fraction(0) if text.strip() in ("0", "0.0") else parse_fraction(text)


def instant(text: str) -> np.datetime64:
    """Read a time in ISO 8601, UTC by default, to the microsecond.

    >>> str(instant("2010-01-01")), str(instant("2010-01-01T02:00+02:00"))
    ('2010-01-01T00:00:00.000000', '2010-01-01T00:00:00.000000')
    """
    try:
        return parse_time(str(text))
    except ValueError as error:
        raise InputError(str(error)) from error
