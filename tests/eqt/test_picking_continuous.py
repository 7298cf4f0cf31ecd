"""Stacked windows of continuous records: the same wherever a record is cut, no step at a gap."""

import itertools

import numpy as np
import pytest

from eqt.picking.continuous import (
    BATCH_SIZE,
    cut_waveform,
    stack_probabilities,
    step_samples,
)
from eqt.probabilities import Probabilities
from steadkit.errors import InputError
from steadkit.records.gapless import NANO, Piece, gapless_records

START_S = 1_706_937_268
SECONDS = 400
rng = np.random.default_rng(11)
GROUND = {component: rng.normal(size=SECONDS * 100) * 100 for component in "ENZ"}
for _component in GROUND.values():
    _component[25_000:26_000] += 3_000 * rng.normal(size=1_000)


def energy(waveforms):
    """Stand in for a network: its outputs depend on the window's samples, near and far."""
    envelope = np.abs(waveforms).sum(axis=-1, keepdims=True)
    assert waveforms.shape == (BATCH_SIZE, 6000, 3)
    return Probabilities(np.concatenate([envelope, envelope / 2, envelope / 4], axis=-1) / 30)


def records(offset=0, gaps=(), components="ENZ", pieces=1):
    made = {}
    for component in components:
        edges = np.linspace(offset, SECONDS * 100, pieces + 1).astype(int).tolist()
        bounds = [*itertools.pairwise(edges)]
        for first, after in gaps:
            bounds = [
                part for a, b in bounds for part in ((a, min(b, first)), (max(a, after), b))
                if part[0] < part[1]
            ]  # fmt: skip
        made[component] = gapless_records(
            [
                Piece(START_S * NANO + a * 10_000_000, 100.0, GROUND[component][a:b])
                for a, b in bounds
            ]
        )[0]
    return made


def energy_of_windows(waveforms, windows):
    """Return the energies of windows whose numbers are multiples of the step."""
    assert len(windows) <= len(waveforms)
    return energy(waveforms)


def stacked(made, **options):
    limits = (START_S * 100, (START_S + SECONDS) * 100)
    return stack_probabilities(
        energy_of_windows, made, limits, options.pop("step", 3000), "std", **options
    )


@pytest.mark.parametrize("stacking", ["mean", "max"])
@pytest.mark.parametrize(("offset", "pieces"), [(0, 7), (137, 1), (5_999, 3)])
def test_where_a_record_begins_and_is_cut_changes_nothing_90_s_from_its_edge(
    offset, pieces, stacking
):
    whole = stacked(records(), stacking=stacking)
    other = stacked(records(offset, pieces=pieces), stacking=stacking)
    inside = slice(offset + 9_000, SECONDS * 100 - 9_000)
    np.testing.assert_allclose(other.mean[inside], whole.mean[inside], atol=1e-5)


def test_the_first_and_last_sample_are_predicted_and_nothing_outside():
    made = {c: gapless_records([Piece(START_S * NANO, 100.0, GROUND[c][:9_123])])[0] for c in "ENZ"}
    result = stack_probabilities(
        energy_of_windows, made, (START_S * 100 - 500, START_S * 100 + 9_623), 3000, "std"
    )
    recorded = np.flatnonzero(result.is_recorded)
    assert (recorded[0], recorded[-1], len(recorded)) == (500, 9_622, 9_123)
    assert (result.mean[result.is_recorded] > 0).all()
    assert not result.mean[~result.is_recorded].any()


@pytest.mark.parametrize("length", [100, 3_000, 5_999, 6_000])
def test_records_shorter_than_a_window_are_used(length):
    made = {c: gapless_records([Piece(START_S * NANO, 100.0, GROUND[c][:length])])[0] for c in "Z"}
    assert stacked(made).is_recorded.sum() == length


@pytest.mark.parametrize("gap", [(10_000, 10_200), (10_000, 10_006), (10_000, 19_000)])
def test_a_gap_makes_no_step(gap):
    whole, cut = stacked(records()), stacked(records(gaps=[gap]))
    assert not cut.is_recorded[slice(*gap)].any()
    near = [slice(gap[0] - 200, gap[0]), slice(gap[1], gap[1] + 200)]
    for part in near:
        assert cut.mean[part, 0].max() < 1.5 * whole.mean[part, 0].max()


def test_a_component_that_is_missing_is_zero():
    waveform = cut_waveform(records(components="Z"), START_S * 100 + 1_000, 500)
    assert waveform[:, 2].all() and not waveform[:, :2].any()


def test_a_gap_is_filled_with_the_mirrored_record_on_both_sides():
    made = records(gaps=[(10_000, 10_100)], components="Z")
    waveform = cut_waveform(made, START_S * 100 + 9_000, 2_000)[:, 2]
    before, after = waveform[:1_000], waveform[1_100:]
    share = np.cos(np.pi / 2 * (np.arange(100) + 0.5) / 100) ** 2
    expected = share * before[::-1][:100] + (1 - share) * after[:100][::-1]
    np.testing.assert_allclose(waveform[1_000:1_100], expected, rtol=1e-5)


def test_windows_in_which_nothing_is_recorded_are_not_predicted():
    few = stacked(records(gaps=[(8_000, 33_000)])).n_windows
    assert few < stacked(records()).n_windows - 5


def test_options_that_are_impossible_are_refused():
    with pytest.raises(InputError, match=r"overlap of 1 .* use 0 to 0.99"):
        step_samples(1.0)
    with pytest.raises(InputError, match="stacking 'sum' is unknown: use mean or max"):
        stacked(records(), stacking="sum")
