"""Normalisation: one scale for any gain, never NaN, dead components stay zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steadkit.errors import InputError
from steadkit.transforms import (
    NORMALIZATIONS,
    normalize,
    normalize_batch_into,
    normalize_into,
)

MODES = sorted(set(NORMALIZATIONS) - {"none"})


def exactly(waveform: np.ndarray, mode: str) -> np.ndarray:
    """Normalise a live waveform as the definition says, in the widest floats there are."""
    waves = waveform.astype(np.longdouble)
    waves -= waves.mean(axis=0)
    scale = {
        "std": waves.std(axis=0),
        "max": np.abs(waves).max(axis=0),
        "max_over_components": np.abs(waves).max(),
    }[mode]
    return waves / scale


def noise(seed: int, count: int = 6000) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3))


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=40)
@given(gain=st.floats(1e-6, 1e9), offset=st.floats(-1e3, 1e3), seed=st.integers(0, 99))
def test_gain_and_offset_do_not_matter(mode, gain, offset, seed):
    waveform = np.stack([noise(seed, 600), noise(seed + 1, 600)])
    changed = (gain * (waveform + offset)).astype(np.float32)
    result = normalize(changed, mode)
    assert result.dtype == np.float32
    # What float32 loses of the waveform under its offset is lost before we see it.
    lost = 1e-6 + np.spacing(np.float32(gain * (abs(offset) + 5))) / gain
    np.testing.assert_allclose(result, normalize(waveform, mode), atol=2 * lost)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("gain", [1e-42, 1e-38, 1e-30, 1e-20, 1.0, 1e9, 1e15, 1e20, 1e30, 5e37])
def test_every_amplitude_float32_can_hold(mode, gain):
    waveform = (noise(0) * gain).astype(np.float32)
    np.testing.assert_allclose(normalize(waveform, mode), exactly(waveform, mode), atol=2e-6)


@pytest.mark.parametrize("mode", MODES)
def test_a_small_signal_on_a_large_offset(mode):
    waveform = (noise(0) * 20 + 1e7).astype(np.float32)
    np.testing.assert_allclose(normalize(waveform, mode), exactly(waveform, mode), atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("largest", [np.finfo(np.float32).max, np.finfo(np.float64).max])
def test_the_largest_numbers_there_are(mode, largest):
    waveform = np.array([[largest], [-largest], [largest], [-largest]])
    for dtype in (np.float32, np.float64):
        fitting = waveform.astype(dtype) if largest <= np.finfo(dtype).max else waveform
        np.testing.assert_array_equal(normalize(fitting, mode), [[1], [-1], [1], [-1]])


extreme = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, 1.0, 1e-45, -1e-38, 1e9, 3e38, -3e38]),
)


@pytest.mark.parametrize("mode", NORMALIZATIONS)
@settings(max_examples=60)
@given(waveform=arrays(np.float32, (8, 3), elements=extreme))
def test_finite_in_finite_out(mode, waveform):
    result = normalize(waveform, mode)
    assert np.isfinite(result).all()
    if mode != "none":
        assert (np.abs(result) <= np.sqrt(8) + 1e-6).all()


@pytest.mark.parametrize("mode", NORMALIZATIONS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_component_with_a_fault_is_zero_and_the_others_are_not(mode, value):
    waveform = noise(0).astype(np.float32)
    sound = waveform.copy()
    waveform[17, 1] = value
    result = normalize(waveform, mode)
    sound[:, 1] = 0
    np.testing.assert_allclose(result, normalize(sound, mode), atol=2e-6)
    assert result[:, 0].any()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e7, 1e9, 1e-30, 1e-45, 3e38])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_dead_component_stays_zero(mode, value, dtype):
    waveform = noise(0).astype(dtype)
    waveform[:, 1] = value
    result = normalize(waveform, mode)
    assert (result[:, 1] == 0).all()
    assert np.isfinite(result).all()
    assert result[:, 0].any()


@pytest.mark.parametrize("mode", MODES)
def test_a_dead_trace_is_zero(mode):
    assert not normalize(np.full((6000, 3), 123.4, np.float32), mode).any()


def test_each_component_gets_its_own_scale():
    waveform = np.stack([noise(seed) for seed in range(4)]) * [1, 100, 1e6]
    np.testing.assert_allclose(normalize(waveform, "std").std(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.abs(normalize(waveform, "max")).max(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_scale_for_all_components_keeps_their_ratios(dtype):
    waveform = (noise(0) * [1, 100, 10]).astype(dtype)
    result = normalize(waveform, "max_over_components")
    assert np.abs(result).max() == 1
    np.testing.assert_allclose(
        result.std(axis=0) / result[:, 1].std(), waveform.std(axis=0) / waveform[:, 1].std(), 1e-5
    )


def test_none_leaves_the_counts():
    waveform = (noise(0) * 1000 + 5).astype(np.float32)
    np.testing.assert_array_equal(normalize(waveform, "none"), waveform)


@pytest.mark.parametrize("mode", NORMALIZATIONS)
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.float64, ">f4"])
def test_other_types_are_the_same_numbers(mode, dtype):
    counts = np.round(noise(0) * 1000).astype(dtype)
    result = normalize(counts, mode)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, normalize(counts.astype(np.float32), mode), atol=2e-6)


@pytest.mark.parametrize("mode", NORMALIZATIONS)
@pytest.mark.parametrize("count", [1, 2, 7, 600, 6000])
def test_any_length_and_shape(mode, count):
    batch = noise(0, 4 * count).reshape(2, 2, count, 3).astype(np.float32)
    result = normalize(batch, mode)
    assert result.shape == batch.shape
    np.testing.assert_array_equal(result[1, 0], normalize(batch[1, 0], mode))


@pytest.mark.parametrize("mode", NORMALIZATIONS)
def test_in_place_and_into_another_array_are_the_same(mode):
    for gain in (1, 1e30):
        waveform = (noise(0) * gain).astype(np.float32)
        waveform[:, 1] = 3
        expected, out = normalize(waveform, mode), np.empty_like(waveform)
        normalize_into(out, waveform, mode)
        normalize_into(waveform, waveform, mode)
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(waveform, expected)


def test_the_input_is_not_changed():
    waveform = noise(0).astype(np.float32)
    waveform.flags.writeable = False
    for mode in NORMALIZATIONS:
        assert not np.shares_memory(normalize(waveform, mode), waveform)


def test_nothing_in_nothing_out():
    assert normalize(np.zeros((0, 6000, 3))).shape == (0, 6000, 3)


def test_unknown_modes_and_shapes_are_refused():
    with pytest.raises(InputError, match="median"):
        normalize(np.zeros((6000, 3)), "median")
    with pytest.raises(InputError, match=r"\(6000,\)"):
        normalize(np.zeros(6000))


def odd_traces():
    """Make traces of which some need a closer look: dead, tiny, huge, offset, or with a NaN."""
    random = np.random.default_rng(5)
    traces = random.standard_normal((9, 6000, 3), np.float32) * 1000
    traces[1, :, 1] = 0
    traces[2] = 0
    traces[3, :, 0] = 7
    traces[4] *= 1e-33
    traces[5] *= 1e25
    traces[6, :, 2] += 1e6
    traces[7, 100, 0] = np.nan
    traces[8, :, 1:] = 0
    return traces


@pytest.mark.parametrize("mode", NORMALIZATIONS)
def test_several_at_once_are_as_one_by_one(mode):
    traces = odd_traces()
    together, alone = np.empty_like(traces), np.empty_like(traces)
    normalize_batch_into(together, traces, mode)
    for out, trace in zip(alone, traces, strict=True):
        normalize_into(out, trace, mode)
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(together == 0, alone == 0)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_company_and_place_do_not_change_a_bit(count):
    traces = odd_traces()
    together, parts = np.empty_like(traces), traces.copy()
    normalize_batch_into(together, traces, "std")
    for start in range(0, len(parts), count):
        group = parts[start : start + count]
        normalize_batch_into(group, group, "std")  # where they are
    np.testing.assert_array_equal(parts, together)
