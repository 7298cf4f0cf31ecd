"""Seismometers by their SEED codes: which one of a station is used, and its three components.

The first letter of a channel code is the band, which tells the usual sampling rate, the second the
instrument: bands near 100 Hz come first, in a band a seismometer before a geophone, a low-gain
instrument and an accelerometer, so HH EH EP EL HN, SH SL, BH, DP CN. The same rule applies to
events, noise and continuous records: otherwise a network would learn the instrument.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

BAND_GROUPS: Final = ("HE", "S", "B", "DC")
"""Band codes by the nearness of their usual rates to 100 Hz, the nearest first."""

SENSOR_ORDER: Final = "HPLNG"
"""Instrument codes: seismometer, geophone, low gain, accelerometers. HH, EH, EP, EL, HN follow."""

LONG_PERIOD_BANDS: Final = "LVURPTQ"
"""Band codes of records at about 1 Hz and less, which hold nothing above 1 Hz."""

SENSOR_CODES: Final = "HLNPGJ"
"""Instrument codes that measure ground motion; ``M`` is a mass position, ``D`` a pressure."""

COMPONENT_SETS: Final[tuple[Mapping[str, str], ...]] = (
    {"Z": "Z", "N": "N", "E": "E"},
    {"Z": "U", "N": "N", "E": "E"},
    {"Z": "Z", "N": "1", "E": "2"},
    {"Z": "Z", "N": "2", "E": "3"},
    {"Z": "3", "N": "1", "E": "2"},
)
"""Letters of the components Z, N and E, the preferred set first.

SEED's 1, 2 and 3 may point anywhere; by custom the lower of two horizontals is nearest north, and
of 1, 2 and 3, as on the sea floor, 3 is the vertical.
"""

COMPONENT_NAMES: Final[Mapping[str, str]] = {
    "E-W": "E",
    "EW": "E",
    "N-S": "N",
    "NS": "N",
    "U-D": "U",
    "UD": "U",
}
"""Channel names of Japanese networks, which have no SEED code, and their component letters."""

COMPONENT_LETTERS: Final = frozenset("ZNEU123")
"""All letters of `COMPONENT_SETS`; others are hydrophones, rotated components and the like."""

NOMINAL_RATE_HZ: Final = 100.0

_KIK_NET = re.compile("(EW|NS|UD)([12])")


class Instrument(NamedTuple):
    """A seismometer by its codes; `receiver_type` is the channel code without its component."""

    network: str
    station: str
    location: str
    receiver_type: str


def split_channel(channel: str) -> tuple[str, str]:
    """Split a channel code into the receiver's type and the component letter, in upper case.

    KiK-net's names end with the number of the seismometer, 1 in the borehole and 2 at the surface.
    SEISAN's may have a blank for the sensor.

    >>> split_channel("HHZ"), split_channel("hhz"), split_channel("U-D"), split_channel("EW2")
    (('HH', 'Z'), ('HH', 'Z'), ('', 'U'), ('2', 'E'))
    >>> split_channel("S  Z")
    ('S', 'Z')
    """
    code = channel.strip().upper()
    if code in COMPONENT_NAMES:
        return "", COMPONENT_NAMES[code]
    if match := _KIK_NET.fullmatch(code):
        return match[2], COMPONENT_NAMES[match[1]]
    return code[:-1].rstrip(), code[-1:]


def clean_location(code: str) -> str:
    """Return a location code, blank for the ways in which a blank one is written.

    >>> clean_location("--"), clean_location("  "), clean_location("00")
    ('', '', '00')
    """
    stripped = code.strip()
    return "" if stripped == "--" else stripped


def reject_channel(channel: str, rate: float) -> str | None:
    """Return the reason why a channel is no record of ground motion near 100 Hz, None if it is one.

    >>> reject_channel("HHZ", 100.0), reject_channel("U-D", 100.0)
    (None, None)
    >>> reject_channel("LHZ", 1.0), reject_channel("HHT", 100.0)
    ('channels of long periods, LH', 'channels of no component Z, N, E, U, 1, 2 or 3, HHT')
    >>> reject_channel("LOG", 0.0), reject_channel("A103", 100.0)
    ('channels without a sampling rate, LOG', 'channels whose code is not of SEED, A103')
    """
    receiver_type, component = split_channel(channel)
    if not component:
        return "records without a channel code"
    if not rate > 0:
        return f"channels without a sampling rate, {channel.strip()}"
    if len(receiver_type) > 2:
        return f"channels whose code is not of SEED, {channel.strip()}"
    if receiver_type and receiver_type[0] in LONG_PERIOD_BANDS:
        return f"channels of long periods, {receiver_type}"
    if len(receiver_type) == 2 and receiver_type[1] not in SENSOR_CODES:
        return f"channels that measure no ground motion, {receiver_type}"
    if component not in COMPONENT_LETTERS:
        return f"channels of no component Z, N, E, U, 1, 2 or 3, {channel.strip()}"
    return None


def choose_components(letters: Iterable[str]) -> dict[str, str]:
    """Choose the letters of the components E, N and Z of one instrument.

    The set of which most letters are there counts, the first of equals.

    Returns
    -------
    dict
        Letter by component, without the components that are not there.

    >>> choose_components("ZNE12"), choose_components("Z12")
    ({'Z': 'Z', 'N': 'N', 'E': 'E'}, {'Z': 'Z', 'N': '1', 'E': '2'})
    >>> choose_components("Z23"), choose_components("123"), choose_components("UNE")
    ({'Z': 'Z', 'N': '2', 'E': '3'}, {'Z': '3', 'N': '1', 'E': '2'}, {'Z': 'U', 'N': 'N', 'E': 'E'})
    >>> choose_components("Z"), choose_components("ZH")
    ({'Z': 'Z'}, {'Z': 'Z'})
    """
    present = set(letters)
    candidates = [
        {component: letter for component, letter in letters_of.items() if letter in present}
        for letters_of in COMPONENT_SETS
    ]
    return max(candidates, key=len)


def choose_instrument(
    seconds_by_instrument: Mapping[Instrument, tuple[float, float]],
) -> Instrument:
    """Choose the instrument of one station by its band, its rate and its amount of data.

    Parameters
    ----------
    seconds_by_instrument
        Sampling rate in Hz and seconds of record of each instrument, at least one.

    >>> codes = [("00", "HH"), ("00", "BH"), ("10", "HH"), ("", "HN")]
    >>> instruments = [Instrument("XX", "ABC", *code) for code in codes]
    >>> seconds = [(100.0, 50.0), (40.0, 99.0), (100.0, 60.0), (100.0, 99.0)]
    >>> choose_instrument(dict(zip(instruments, seconds)))[2:]
    ('10', 'HH')
    """

    def sort_key(instrument: Instrument) -> tuple[int, int, float, float, str, str]:
        rate, seconds = seconds_by_instrument[instrument]
        group, sensor = _rank(instrument.receiver_type)
        off_rate = abs(rate - NOMINAL_RATE_HZ)
        return (group, sensor, off_rate, -seconds, instrument.location, instrument.receiver_type)

    return min(seconds_by_instrument, key=sort_key)


def _rank(receiver_type: str) -> tuple[int, int]:
    """Rank a receiver by band group and sensor; unlisted codes come last."""
    band, sensor = receiver_type[:1] or "?", receiver_type[1:2] or "?"
    group = next((i for i, bands in enumerate(BAND_GROUPS) if band in bands), len(BAND_GROUPS))
    order = SENSOR_ORDER.find(sensor)
    # Of HH and EH at one rate the band of broad-band seismometers comes first.
    return group, 2 * (order if order >= 0 else len(SENSOR_ORDER)) + (band == "E")


def choose_instruments(
    seconds_by_instrument: Mapping[Instrument, tuple[float, float]],
) -> Sequence[Instrument]:
    """Choose one instrument of each station, in the order of network and station codes."""
    stations: dict[tuple[str, str], dict[Instrument, tuple[float, float]]] = {}
    for instrument, seconds in seconds_by_instrument.items():
        stations.setdefault(instrument[:2], {})[instrument] = seconds
    return [choose_instrument(stations[codes]) for codes in sorted(stations)]
