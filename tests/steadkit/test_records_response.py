"""Removal of instrument responses, compared with ObsPy's."""

import numpy as np
import pytest
from obspy import Inventory, Trace, UTCDateTime, read_inventory

from steadkit.errors import InputError
from steadkit.records.instruments import Instrument
from steadkit.records.response import BAND, read_responses, velocity_converter

# ObsPy's own example: BW.RJOB, an STS-2, with complete responses.
START = UTCDateTime("2010-01-01T00:00:00")
INSTRUMENT = Instrument("BW", "RJOB", "", "EH")
CHANNELS = {"E": "EHE", "N": "EHN", "Z": "EHZ"}


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return read_inventory()


def wavelet(n_samples: int = 2200) -> np.ndarray:
    """Make a burst of 8 Hz in the middle, of 10,000 counts."""
    seconds = (np.arange(n_samples) - n_samples / 2) / 100
    burst = 1e4 * np.exp(-((seconds / 0.3) ** 2)) * np.sin(2 * np.pi * 8 * seconds)
    return np.stack([burst, -burst, 2 * burst], axis=1)


def sensitivity_alone(inventory: Inventory, units: str = "M/S") -> Inventory:
    """Copy an inventory without the stages of its responses."""
    reduced = inventory.copy()
    for channel in (c for network in reduced for station in network for c in station):
        channel.response.response_stages = []
        channel.response.instrument_sensitivity.input_units = units
    return reduced


def test_velocity_is_what_obspy_makes_of_it(inventory):
    counts = wavelet()
    velocity = velocity_converter(inventory, INSTRUMENT)(counts, START.ns, CHANNELS)
    for column, channel in enumerate(CHANNELS.values()):
        codes = {"network": "BW", "station": "RJOB", "channel": channel}
        header = codes | {"sampling_rate": 100.0, "starttime": START}
        trace = Trace(counts[:, column].copy(), header)
        trace.remove_response(inventory, output="VEL", pre_filt=BAND, taper_fraction=0.2)
        assert np.abs(trace.data).max() > 1e-9
        np.testing.assert_allclose(
            velocity[:, column], trace.data, atol=0.01 * np.abs(trace.data).max()
        )


def test_sensitivity_alone_gives_the_same_at_frequencies_where_the_response_is_flat(inventory):
    full = velocity_converter(inventory, INSTRUMENT)(wavelet(), START.ns, CHANNELS)
    reduced = sensitivity_alone(inventory)
    flat = velocity_converter(reduced, INSTRUMENT)(wavelet(), START.ns, CHANNELS)
    # The same but for the phase of the digital filters' group delay.
    ratio = np.abs(flat).max(axis=0) / np.abs(full).max(axis=0)
    np.testing.assert_allclose(ratio, 1, atol=0.03)


def test_acceleration_is_integrated(inventory):
    reduced = sensitivity_alone(inventory, "M/S**2")
    velocity = velocity_converter(reduced, INSTRUMENT)(wavelet(), START.ns, CHANNELS)
    response = reduced.get_response("BW.RJOB..EHZ", START)
    sensitivity = response.instrument_sensitivity.value
    # A burst of 8 Hz: acceleration over 2 pi 8 Hz.
    expected = np.abs(wavelet()).max(axis=0) / sensitivity / (2 * np.pi * 8)
    np.testing.assert_allclose(np.abs(velocity).max(axis=0), expected, rtol=0.05)


def test_components_without_a_response_are_unknown(inventory):
    channels = {"E": "EHE", "Z": "HHZ"}
    velocity = velocity_converter(inventory, INSTRUMENT)(wavelet(), START.ns, channels)
    assert np.isfinite(velocity[:, 0]).all()
    assert np.isnan(velocity[:, 1:]).all()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "stations.xml"
    path.write_text("<html></html>")
    with pytest.raises(InputError, match="not StationXML"):
        read_responses(path)
