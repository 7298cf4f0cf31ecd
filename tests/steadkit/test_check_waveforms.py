"""Issues of the samples: each one made in one trace of a batch, and found there alone."""

import h5py
import numpy as np
import pytest
from conftest import names_of, waveform
from hypothesis import given, settings
from hypothesis import strategies as st

from steadkit import synthetic
from steadkit.catalog import read_table
from steadkit.check import ISSUES, check, selected_issues
from steadkit.check.issues import SAMPLES
from steadkit.check.samples import (
    CHECKS,
    MIN_RATIO,
    Components,
    energy_rise,
    find_rises,
    longest_run,
    not_finite,
)
from steadkit.check.waveforms import ARRIVALS, check_waveforms
from steadkit.schema import EVENT, NOISE
from steadkit.sources import source_from_path
from steadkit.store import open_data, read_waveform
from steadkit.types import typed_table


def batch():
    """Four sound traces, shape (4, 3, 6000)."""
    traces = [waveform(name).T * np.float32(100) for name in names_of(4)]
    return np.stack(traces)


def found_in(components):
    texts = {code: examine(Components(components)) for code, examine in CHECKS.items()}
    return {
        (code, row, t)
        for code, issue_texts in texts.items()
        for row, t in enumerate(issue_texts)
        if t
    }


def dead(samples):
    samples[:] = 0


def constant(samples):
    samples[:] = [[17], [17], [-3]]


def dead_horizontals(samples):
    samples[:2] = 0


def with_gap(samples):
    samples[1, 2990:3090] = samples[1, 2990]


def clipped_above(samples):
    samples[2] = np.minimum(samples[2], np.float32(120))


def clipped_for_long(samples):
    slow = 1e6 * np.sin(np.arange(6000) / 40)
    samples[0] = np.clip(slow, -8e5, 8e5)


def copied(samples):
    samples[:2] = samples[2]


def copied_north(samples):
    samples[1] = samples[0]


PLANTS = [
    (dead, "dead-trace", "E N Z constant"),
    (constant, "dead-trace", "E N Z constant"),
    (dead_horizontals, "dead-component", "E N constant"),
    (with_gap, "gap", "N with a gap"),
    (clipped_above, "clipped", "Z clipped"),
    (clipped_for_long, "clipped", "E clipped"),
    (copied, "identical-components", "E N Z identical"),
    (copied_north, "identical-components", "E N identical"),
]


def test_sound_traces_have_no_issue():
    assert found_in(batch()) == set()
    assert not any(not_finite(Components(batch())))


@pytest.mark.parametrize(
    ("spoil", "code", "text"), PLANTS, ids=lambda x: getattr(x, "__name__", "")
)
def test_a_planted_issue_is_found_alone(spoil, code, text):
    components = batch()
    spoil(components[2])
    assert found_in(components) == {(code, 2, text)}
    assert found_in(components[2:3]) == {(code, 0, text)}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(value):
    components = batch()
    components[1, 0, :3] = value
    components[3] = np.finfo(np.float32).max  # large, and finite
    assert not_finite(Components(components)) == ["", "3 samples", "", ""]


def test_faint_noise_is_not_clipped():
    # A few counts: many samples share the largest, but they thin out towards it.
    rng = np.random.default_rng(0)
    components = np.rint(rng.normal(scale=1.5, size=(20, 3, 6000))).astype(np.float32)
    assert found_in(components) == set()


@settings(max_examples=30)
@given(st.integers(1, 150), st.integers(0, 5800))
def test_a_gap_is_found_wherever_it_lies(length, start):
    components = batch()[:1]
    components[0, 0, start : start + length] = components[0, 0, start]
    assert bool(CHECKS["gap"](Components(components))[0]) == (length >= 100)


@given(st.lists(st.booleans()))
def test_the_longest_run(flags):
    runs = "".join("x" if flag else " " for flag in flags).split()
    assert longest_run(np.array(flags, dtype=bool)) == max(map(len, runs), default=0)


# ---------------------------------------------------------------- rules of thumb


def burst(components, start, strength):
    """Add three seconds of 5 Hz that begin suddenly and die away."""
    t = np.arange(300) / 100
    components[..., start : start + 300] += strength * np.exp(-t) * np.sin(2 * np.pi * 5 * t)
    return components


def test_steady_noise_does_not_rise():
    assert energy_rise(batch().astype(float)).max() < MIN_RATIO


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_an_onset_is_found_where_it_is(scale):
    components = burst(batch().astype(float), 3000, 2000.0) * scale
    rise = energy_rise(components)
    assert (rise.max(axis=1) > MIN_RATIO).all()
    assert (np.abs(rise.argmax(axis=1) - 3000) <= 30).all()


def test_only_what_follows_the_coda_is_a_second_event():
    components = burst(batch().astype(float), 3000, 2000.0)
    categories = np.array([EVENT, EVENT, EVENT, NOISE], dtype=object)
    arrivals = np.array(
        [[700, 900, 2000], [700, 900, 4000], [np.nan, np.nan, np.nan], [np.nan] * 3]
    )
    texts = find_rises(components, categories, arrivals)
    assert [bool(text) for text in texts["second-event"]] == [True, False, False, False]
    assert [bool(text) for text in texts["unlabelled-event"]] == [False, False, False, True]
    assert "at sample 29" in texts["second-event"][0] or "sample 30" in texts["second-event"][0]


def test_rules_of_thumb_on_real_records(shared_data):
    # 13 of 82, looked at one by one: nine look like later earthquakes; KMPB has two pulses, 1845
    # bursts of noise, BSR a step of the noise level, and MCV.NC_1999 ends in a gap. The one noise
    # trace of 16 is MCB.NC_20170101, which holds an earthquake played backwards.
    report = check(
        [source_from_path(shared_data / "ncedc_a.hdf5")], selected_issues(heuristics=True)
    )
    flagged = report.findings.groupby("fault")["trace_name"].agg(sorted)
    assert len(flagged["second-event"]) == 13
    assert flagged["unlabelled-event"] == ["MCB.NC_20170101052406_NO"]


# ---------------------------------------------------------------- the pass over a file


def survey(source, order=slice(None), pieces=2):
    """Check samples, the rows of the CSV in some order and in some pieces."""
    cells = read_table(source.csv).iloc[order]
    rows = typed_table(cells)[["trace_name", "trace_category", *ARRIVALS]]
    cuts = np.array_split(np.arange(len(cells)), pieces)
    codes = [code for code, issue in ISSUES.items() if issue.shows_in == SAMPLES]
    pairs = [(cells.iloc[cut], rows.iloc[cut]) for cut in cuts]
    return check_waveforms(source.hdf5, pairs, codes)


def test_digests_are_those_of_the_waveforms(stead):
    from steadkit.store import digest

    source = stead("chunk.hdf5", names_of(70, 3))
    surveyed = survey(source, np.random.default_rng(0).permutation(73))
    assert surveyed.findings.empty and surveyed.alive.all()
    second_pass = survey(source)
    with open_data(source.hdf5) as group:
        known = [digest(read_waveform(group, name)) for name in names_of(70, 3)]
    assert second_pass.digests.astype(str).tolist() == known
    assert sorted(surveyed.digests.tolist()) == sorted(second_pass.digests.tolist())
    assert all(len(text) == 16 for text in second_pass.attributes)


def test_what_cannot_be_read_is_a_finding(stead):
    source = stead("chunk.hdf5", names_of(8))
    names = names_of(8)
    with h5py.File(source.hdf5, "r+") as file:
        group = file["data"]
        for name in names[:5]:
            del group[name]
        group[names[0]] = np.zeros((3, 6000), "f4")
        group[names[1]] = np.zeros((6000, 3), "f8")
        group[names[2]] = h5py.ExternalLink("/etc/passwd", "/x")
        group.create_group(names[3])
        group["extra.XX_EV"] = np.zeros((6000, 3), "f4")
        group[names[5]][10, 1] = np.nan
    findings = survey(source).findings
    issues = dict(zip(findings["trace_name"], findings["fault"], strict=True))
    assert issues == dict.fromkeys(names[:4], "unreadable-waveform") | {
        names[4]: "missing-waveform",
        names[5]: "not-finite",
        "extra.XX_EV": "unlisted-waveform",
    }


def test_compressed_traces_are_checked_too(stead):
    source = stead("chunk.hdf5", names_of(3))
    with h5py.File(source.hdf5, "r+") as file:
        del file["data"][names_of(3)[1]]
        file["data"].create_dataset(
            names_of(3)[1], data=np.zeros((6000, 3), "f4"), compression="gzip"
        )
    findings = survey(source).findings
    assert findings[["trace_name", "fault"]].values.tolist() == [[names_of(3)[1], "dead-trace"]]


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_simulated_traces_have_only_what_was_planted(seed):
    events = [samples.T for _, samples in synthetic.earthquakes(12, seed)]
    noises = [samples.T for _, samples in synthetic.noise(6, seed)]
    issues = {code for code, _, _ in found_in(np.stack(events + noises))}
    assert issues <= {"dead-component", "identical-components"}
