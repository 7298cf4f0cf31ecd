"""Removal of instrument responses: waveforms in counts become ground velocity in m/s."""

import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from obspy import Inventory, UTCDateTime, read_inventory

from steadkit.errors import InputError, error_detail
from steadkit.records.instruments import Instrument
from steadkit.records.quakeml import check_values
from steadkit.schema import COMPONENTS, SAMPLING_RATE

BAND: Final = (0.5, 1.0, 45.0, 48.0)
"""Corner frequencies in Hz of the cosine-tapered band in which the response is removed; records
are filtered to 1 to 45 Hz before, so that nothing outside of it is ground motion."""

TAPER_S: Final = 5.0

TIME_POWERS: Final[Mapping[str, int]] = {"M": 1, "M/S": 0, "M/S**2": -1, "M/S/S": -1}
"""Powers of i omega by which an input unit of a sensitivity becomes velocity."""


def read_responses(path: Path) -> Inventory:
    """Read a StationXML with its responses.

    Raises
    ------
    InputError
        It is not StationXML.
    """
    check_values(path)
    try:
        return read_inventory(io.BytesIO(path.read_bytes()), format="STATIONXML")
    except Exception as error:  # ObsPy raises whatever its parser meets
        raise InputError(
            f"{str(path)!r} is not StationXML: name another ({error_detail(error)})"
        ) from error


def velocity_converter(
    inventory: Inventory, instrument: Instrument
) -> Callable[[np.ndarray, int, Mapping[str, str]], np.ndarray]:
    """Return the function that removes the responses of one instrument.

    It takes a waveform in counts at 100 Hz, shape (n, 3), the time of its first sample in ns since
    1970, and the channel code of each component; it returns the waveform in m/s, NaN for a
    component whose response is not known then.
    """

    def convert(counts: np.ndarray, start: int, channels: Mapping[str, str]) -> np.ndarray:
        velocity = np.full(counts.shape, np.nan)
        day = UTCDateTime(ns=start).date
        for column, component in enumerate(COMPONENTS):
            if component in channels:
                response = response_of(channels[component], str(day), len(counts))
                if response is not None:
                    velocity[:, column] = remove_response(counts[:, column], response)
        return velocity

    @lru_cache(maxsize=32)
    def response_of(channel: str, day: str, n_samples: int) -> np.ndarray | None:
        codes = (instrument.network, instrument.station, instrument.location, channel)
        # At noon: an epoch that ends within the day is rare, a lookup for every pick slow.
        return evaluate_response(inventory, ".".join(codes), UTCDateTime(f"{day}T12"), n_samples)

    return convert


def remove_response(counts: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Divide the spectrum of a waveform, shape (n,), by a response; its ends are tapered."""
    n_taper = round(TAPER_S * SAMPLING_RATE)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n_taper) + 0.5) / n_taper)
    taper = np.ones(len(counts))
    taper[:n_taper], taper[-n_taper:] = ramp, ramp[::-1]
    frequencies = np.fft.rfftfreq(len(counts), 1 / SAMPLING_RATE)
    rising = (frequencies - BAND[0]) / (BAND[1] - BAND[0])
    falling = (BAND[3] - frequencies) / (BAND[3] - BAND[2])
    gain = 0.5 - 0.5 * np.cos(np.pi * np.minimum(rising, falling).clip(0, 1))
    spectrum = np.fft.rfft((counts - counts.mean()) * taper) * gain
    is_used = gain > 0
    spectrum[is_used] /= response[is_used]
    velocity: np.ndarray = np.fft.irfft(spectrum, len(counts))
    return velocity


def evaluate_response(
    inventory: Inventory, seed_id: str, time: UTCDateTime, n_samples: int
) -> np.ndarray | None:
    """Return a response to velocity at the frequencies of a spectrum; None if it is not known."""
    frequencies = np.fft.rfftfreq(n_samples, 1 / SAMPLING_RATE)
    try:
        response = inventory.get_response(seed_id, time)
    except Exception:  # ObsPy raises a plain Exception
        return None
    if response.response_stages:
        try:
            values = response.get_evalresp_response_for_frequencies(frequencies, output="VEL")
        except Exception:  # stages that contradict each other
            values = None
    else:
        values = _from_sensitivity(response, frequencies)
    if values is None or not np.isfinite(values).all() or not np.any(values):
        return None
    return np.where(values == 0, np.inf, values)


def _from_sensitivity(response: Any, frequencies: np.ndarray) -> np.ndarray | None:
    """Return the constant response of an instrument of which only the sensitivity is known."""
    sensitivity = response.instrument_sensitivity
    power = TIME_POWERS.get(str(sensitivity and sensitivity.input_units).upper())
    if power is None or not sensitivity.value:
        return None
    omega = 2j * np.pi * np.maximum(frequencies, frequencies[1])
    # The input is velocity times (i omega)^-power.
    constant: np.ndarray = sensitivity.value * omega ** (-power)
    return constant
