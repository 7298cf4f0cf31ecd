"""Gapless records: pieces joined by time, cleaned, resampled to 100 Hz on a fixed grid."""

import numpy as np
import pytest

from steadkit.records.gapless import NANO, Piece, gapless_records

START = 1_706_937_268_004_999_000
rng = np.random.default_rng(3)
NOISE = np.cumsum(rng.normal(size=60_000)).round()


def cut(samples, rate, edges, start=START):
    return [
        Piece(start + round(a * NANO / rate), rate, samples[a:b])
        for a, b in zip(edges, [*edges[1:], len(samples)], strict=True)
    ]


def test_pieces_in_any_order_are_one_record():
    whole, _ = gapless_records([Piece(START, 100.0, NOISE)])
    pieces = cut(NOISE, 100.0, [0, 17, 4_000, 4_001, 30_000])
    joined, unused = gapless_records(pieces[::-1])
    assert unused == [] and len(joined) == 1
    np.testing.assert_array_equal(joined[0].samples, whole[0].samples)
    np.testing.assert_array_equal(
        joined[0].times(np.array([0, 4_000, 59_999])),
        START + np.array([0, 4_000, 59_999]) * (NANO // 100),
    )


def test_repeats_and_overlaps_change_nothing():
    whole, _ = gapless_records([Piece(START, 100.0, NOISE)])
    pieces = [
        *cut(NOISE, 100.0, [0, 20_000]),
        Piece(START + 100 * NANO, 100.0, NOISE[10_000:25_000]),
        Piece(START, 100.0, NOISE[:20_000]),
    ]
    joined, _ = gapless_records(pieces)
    np.testing.assert_array_equal(joined[0].samples, whole[0].samples)


def test_where_overlaps_differ_the_later_piece_counts():
    other = NOISE + 5.0
    pieces = [Piece(START, 100.0, NOISE[:20_000]), Piece(START + 100 * NANO, 100.0, other[10_000:])]
    for given in (pieces, pieces[::-1]):
        joined, _ = gapless_records(given, band_pass=False)
        expected = np.concatenate((NOISE[:10_000], other[10_000:]))
        np.testing.assert_allclose(joined[0].samples, expected, rtol=1e-6)


@pytest.mark.parametrize(("missing", "n_records"), [(3, 1), (5, 1), (6, 2), (200, 2)])
def test_gaps_of_up_to_50_ms_are_interpolated(missing, n_records):
    pieces = [
        Piece(START, 100.0, NOISE[:20_000]),
        Piece(START + (20_000 + missing) * NANO // 100, 100.0, NOISE[20_000 + missing :]),
    ]
    assert len(gapless_records(pieces)[0]) == n_records


def test_rates_that_differ_in_the_last_digits_are_joined_and_times_follow_each():
    rates = [100.0, 99.999992, 100.000008, 99.9992]
    pieces, start = [], START
    for i, rate in enumerate(rates):
        pieces.append(Piece(start, rate, NOISE[i * 10_000 : (i + 1) * 10_000]))
        start += round(10_000 * NANO / rate)
    records, unused = gapless_records(pieces, band_pass=False)
    assert unused == [] and len(records) == 1
    np.testing.assert_allclose(records[0].samples, NOISE[:40_000], rtol=1e-6)
    for i, piece in enumerate(pieces):
        assert records[0].times(np.array([i * 10_000]))[0] == piece.start


@pytest.mark.parametrize("rate", [20.0, 40.0, 50.0, 62.5, 98.26, 125.0, 200.0, 250.0, 500.0])
def test_any_rate_becomes_100_hz_at_times_that_do_not_depend_on_the_start(rate):
    seconds = np.arange(int(300 * rate)) / rate + 0.0033

    def ground(time):
        return 100 + np.sin(2 * np.pi * 3.3 * time) + 0.3 * np.sin(2 * np.pi * 7.1 * time)

    start = 10**18 + 3_300_000
    whole = gapless_records([Piece(start, rate, ground(seconds))], band_pass=False)[0][0]
    later = gapless_records(
        [Piece(start + round(777 * NANO / rate), rate, ground(seconds[777:]))], band_pass=False
    )[0][0]
    times = (whole.times(np.arange(len(whole.samples))) - 10**18) / NANO
    inside = slice(300, -300)
    np.testing.assert_allclose(whole.samples[inside], ground(times[inside]), atol=1e-4)
    offset = int(whole.indices(np.array([later.start]))[0])
    same = whole.samples[offset + 300 : offset + 10_000]
    np.testing.assert_allclose(later.samples[300:10_000], same, atol=5e-3)


def test_nothing_above_45_hz_is_aliased():
    seconds = np.arange(60 * 500) / 500
    tone = np.sin(2 * np.pi * 130 * seconds)
    record = gapless_records([Piece(START, 500.0, tone)], band_pass=False)[0][0]
    assert abs(record.samples[300:-300]).max() < 1e-3


def test_spikes_steps_constants_and_nan_are_left_out_by_reason():
    samples = NOISE.copy()
    samples[10_000] += 1e5
    samples[20_000:] += 1e6
    samples[30_000:30_400] = 7
    samples[40_000] = np.nan
    # With NaN inside the jumps are not searched, so the record with it stands apart.
    records, unused = gapless_records(
        [Piece(START, 100.0, samples[:35_000]), Piece(START + 400 * NANO, 100.0, samples[38_000:])]
    )
    assert [stretch.reason for stretch in unused] == [
        "a spike", "a step", "a step", "a constant value", "a step", "NaN or infinity",
    ]  # fmt: skip
    assert len(records) == 6
    assert all(abs(record.samples).max() < 100 for record in records)


def test_an_onset_is_neither_spike_nor_step():
    samples = NOISE.copy()
    samples[30_000:33_000] += 1e4 * rng.normal(size=3_000) * np.exp(-np.arange(3_000) / 500)
    records, unused = gapless_records([Piece(START, 100.0, samples)])
    assert unused == [] and len(records) == 1


def test_short_records_and_odd_rates_are_left_out_by_reason():
    pieces = [
        Piece(START, 100.0, NOISE[:99]),
        Piece(START + 10 * NANO, 100.0, NOISE[:1]),
        Piece(START + 20 * NANO, 0.1, NOISE[:100]),
    ]
    records, unused = gapless_records(pieces)
    assert len(records) == 0
    assert [stretch.reason for stretch in unused] == [
        "a record of less than a second",
        "a record of less than a second",
        "a sampling rate that is not 1 to 1000 Hz",
    ]


def test_a_record_of_five_thousand_pieces_takes_each_once():
    edges = [0, *np.sort(rng.choice(np.arange(1, 60_000), 5_000, replace=False)).tolist()]
    joined, _ = gapless_records(cut(NOISE, 100.0, edges))
    whole, _ = gapless_records([Piece(START, 100.0, NOISE)])
    np.testing.assert_array_equal(joined[0].samples, whole[0].samples)
