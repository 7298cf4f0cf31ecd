"""The class `Selection`: every option of a subset, checked, and its recipe."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields
from fractions import Fraction
from typing import Any

from steadkit.errors import InputError
from steadkit.expressions import parse
from steadkit.sampling import ROUNDINGS
from steadkit.selection.filters import NameSet, check_box, check_circle
from steadkit.selection.strata import canonical_strata
from steadkit.types import parse_fraction

SUBSET_OPERATION = "subset"
PLACES = ("source", "receiver")
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Selection:
    """Options of a subset: traces to take, and their order; checked on creation.

    Parameters
    ----------
    fraction
        Exact fraction of each stratum. Without it and `count` all matching traces are taken.
    count
        Total number of traces, allocated to the strata (`steadkit.sampling.allocate`).
    seed
        Selects the order, which depends on nothing else but the names.
    where
        A condition on the columns (`steadkit.expressions`).
    box
        South, west, north, east in degrees; west may lie beyond the date line.
    circle
        Latitude and longitude in degrees, radius in km.
    at
        Whether box and circle apply to the ``source`` or the ``receiver``. Noise has no source,
        so it is in no box or circle of sources.
    stratify
        Columns whose values define the strata, or ``column:edge,edge`` for bins, each from its
        edge up to the next; each stratum is sampled separately.
    rounding
        Rounding of a fraction: ``floor``, or ``nearest`` with halves up.
    balance
        Take as many events as noise: half the count of each, or the number that a fraction gives
        for the smaller of the two.
    group
        A column whose values are taken complete or not at all
        (`steadkit.sampling.draw_per_stratum`); ``source_id`` means the earthquake, by its origin
        time where it has no id.
    exclude
        Traces that are never taken.
    preset
        The name of the preset that this selection comes from.

    Raises
    ------
    InputError
        A value is invalid, or two contradict each other.

    >>> Selection(fraction=Fraction(1, 10)).to_recipe()["fraction"]
    '1/10'
    """

    fraction: Fraction | None = None
    _: KW_ONLY
    count: int | None = None
    seed: int = 0
    where: str = ""
    box: tuple[float, ...] | None = None
    circle: tuple[float, ...] | None = None
    at: str = "source"
    stratify: tuple[str, ...] = ("trace_category",)
    rounding: str = "floor"
    balance: bool = False
    group: str = ""
    exclude: NameSet | None = None
    preset: str = ""

    def __post_init__(self) -> None:
        _check_amount(self)
        _check_options(self)
        canonical = {
            "where": parse(self.where).text if self.where else "",
            "box": None if self.box is None else check_box(self.box),
            "circle": None if self.circle is None else check_circle(self.circle),
            "stratify": canonical_strata(self.stratify),
        }
        for name, value in canonical.items():
            object.__setattr__(self, name, value)

    @property
    def filters(self) -> bool:
        """Whether any filter is set."""
        return bool(self.where or self.box or self.circle or self.exclude)

    def to_recipe(self) -> dict[str, object]:
        """Return the selection as JSON values; excluded names as a digest."""
        recipe: dict[str, object] = {"operation": SUBSET_OPERATION}
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name in _ALWAYS_WRITTEN or value != option.default:
                recipe[option.name] = _as_json(value)
        if self.fraction is None:
            del recipe["rounding"]  # nothing is rounded
        return recipe

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, object]) -> "Selection":
        """Read a recipe that `to_recipe` wrote.

        Raises
        ------
        InputError
            It is the recipe of another operation, or is damaged.
        """
        if recipe.get("operation") != SUBSET_OPERATION:
            raise InputError(f"a recipe of {recipe.get('operation')!r} is not that of a subset")
        values: dict[str, Any] = {k: v for k, v in recipe.items() if k != "operation"}
        if unknown := set(values) - {option.name for option in fields(cls)}:
            raise InputError(f"recipe has {min(unknown)!r}, which no subset has: update steadkit")
        for name, read in _FROM_JSON.items():
            if name in values:
                values[name] = read(values[name])
        return cls(**values)


_ALWAYS_WRITTEN = ("seed", "stratify", "rounding")


def _as_json(value: object) -> object:
    if isinstance(value, NameSet):
        return {"names": value.number, "digest": value.digest}
    if isinstance(value, Fraction):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _names_from(value: Any) -> NameSet:
    if not isinstance(value, dict) or set(value) != {"names", "digest"}:
        raise InputError(f"recipe excludes {str(value)[:60]!r}: a number and a digest are needed")
    return NameSet(value["names"], value["digest"])


def _strata_from(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError(f"recipe stratifies by {str(value)[:60]!r}: a list of columns is needed")
    return tuple(value)


_FROM_JSON = {
    "fraction": lambda value: parse_fraction(str(value)),
    "stratify": _strata_from,
    "exclude": _names_from,
}


def _check_amount(selection: Selection) -> None:
    fraction, count = selection.fraction, selection.count
    if fraction is not None and count is not None:
        raise InputError(f"fraction {fraction} and count {count} contradict: give one of them")
    if fraction is not None and (not isinstance(fraction, Fraction) or not 0 < fraction <= 1):
        raise InputError(f"fraction {fraction!r} is not a Fraction above 0 and at most 1")
    if count is not None and not _is_integer_from(count, 1):
        raise InputError(f"count {count!r} is not a whole number above 0")
    if not _is_integer_from(selection.seed, 0):
        raise InputError(f"seed {selection.seed!r} is not a whole number of 0 to {MAX_SEED}")
    if selection.rounding != "floor" and fraction is None:
        raise InputError(f"rounding {selection.rounding!r} without a fraction: nothing is rounded")


def _is_integer_from(value: object, minimum: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= MAX_SEED


def _check_options(selection: Selection) -> None:
    texts = {name: getattr(selection, name) for name in ("where", "at", "group", "preset")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise InputError(f"{name} {value!r} is not text")
    if not isinstance(selection.balance, bool):
        raise InputError(f"balance {selection.balance!r} is neither true nor false")
    if not isinstance(selection.exclude, NameSet | None):
        raise InputError("exclude must be steadkit.selection.NameSet: see read_names and listed")
    for name, value, allowed in (
        ("rounding", selection.rounding, ROUNDINGS),
        ("at", selection.at, PLACES),
    ):
        if value not in allowed:
            raise InputError(f"{name} {value!r} is unknown: use {' or '.join(allowed)}")
    if selection.at != "source" and selection.box is None and selection.circle is None:
        raise InputError(f"at {selection.at!r} without a box or a circle: give one")
    if selection.balance and selection.count is not None and selection.count % 2:
        raise InputError(f"count {selection.count} is odd, balance takes pairs: use an even one")
    if selection.balance and selection.group not in ("", "source_id"):
        raise InputError(
            f"balance with groups of {selection.group!r}, which may hold events and noise: "
            "balance goes with source_id or no groups"
        )
