"""The miniature made from seismology: its physics, its issues, its bytes."""

import itertools
import math
from collections import Counter
from datetime import datetime

import numpy as np
import pytest

from steadkit import schema
from steadkit.synthetic import ambient, earthquakes, noise, seismicity, stations, traces
from steadkit.synthetic import velocity as crust
from steadkit.synthetic.waves import FREQUENCIES, LENGTH, _motion, _wavelets, seismogram

SOURCE_COLUMNS = [name for name in schema.COLUMNS if name.startswith("source_")]
ARRIVAL_COLUMNS = [name for name in schema.COLUMNS if name.startswith(("p_", "s_"))]
MEASURED_COLUMNS = ["back_azimuth_deg", *schema.ARRAY_COLUMNS]


@pytest.fixture(scope="module")
def events():
    return list(earthquakes(60, seed=7))


@pytest.fixture(scope="module")
def quiet():
    return list(noise(40, seed=7))


def live(waveform):
    """Tell which components are not dead."""
    return waveform.any(axis=0)


def loud(events, db):
    """Keep the traces that are above so many dB on three different components."""
    return [
        (row, waveform)
        for row, waveform in events
        if row["snr_db"].min() > db and not np.array_equal(waveform[:, 0], waveform[:, 2])
    ]


def onset(trace):
    """Pick the sample that best parts a trace into two of different power (Akaike's criterion)."""
    k = np.arange(5, len(trace) - 5)
    power = np.cumsum(trace.astype(float) ** 2) + 1e-3
    before, after = power[k - 1] / k, (power[-1] - power[k - 1]) / (len(trace) - k)
    return k[np.argmin(k * np.log(before) + (len(trace) - k) * np.log(after))]


# ---- The same seed, the same bytes ----


@pytest.mark.parametrize("make", [earthquakes, noise])
def test_a_longer_run_begins_with_the_same_traces(make):
    for (row, waveform), (longer_row, same) in zip(make(5, seed=3), make(9, seed=3), strict=False):
        assert repr(row) == repr(longer_row)
        assert waveform.tobytes() == same.tobytes()


@pytest.mark.parametrize("make", [earthquakes, noise])
def test_another_seed_makes_other_traces(make):
    (row, waveform), (other_row, other_waveform) = next(make(1, seed=1)), next(make(1, seed=2))
    assert row["trace_name"] != other_row["trace_name"]
    assert row["receiver_latitude"] != other_row["receiver_latitude"]
    assert not np.array_equal(waveform, other_waveform)


def test_another_seed_has_another_catalogue():
    (row, _), (other_row, _) = next(earthquakes(1, seed=1)), next(earthquakes(1, seed=2))
    assert row["source_latitude"] != other_row["source_latitude"]
    assert row["source_magnitude"] != other_row["source_magnitude"]


@pytest.mark.parametrize("make", [earthquakes, noise])
def test_the_count_is_kept_and_traces_are_made_one_by_one(make):
    assert len(list(make(4))) == 4
    assert list(make(0)) == []
    assert len(list(itertools.islice(make(10**9), 2))) == 2


def test_the_global_random_state_is_neither_read_nor_moved():
    np.random.seed(5)
    first = next(earthquakes(1))[1]
    drawn = np.random.random()
    np.random.seed(5)
    assert drawn == np.random.random()
    assert np.array_equal(first, next(earthquakes(1))[1])


# ---- What a trace is ----


def test_waveforms_are_whole_finite_counts_in_steads_shape(events, quiet):
    for _, waveform in events + quiet:
        assert waveform.shape == schema.TRACE_SHAPE
        assert waveform.dtype == np.float32
        assert np.array_equal(waveform, np.rint(waveform))
        assert np.abs(waveform).max() <= 2**23


def test_no_live_component_is_lost_in_its_rounding(events, quiet):
    for _, waveform in events + quiet:
        assert waveform[:, live(waveform)].std(axis=0).min() > 10


def test_rows_have_steads_columns_in_their_order(events, quiet):
    for row, _ in events + quiet:
        assert tuple(row) == schema.COLUMNS


def test_event_rows_have_every_column_filled_with_its_type(events):
    for row, _ in events:
        for name, value in row.items():
            expected = str if name in schema.TEXT_COLUMNS else float
            assert type(value) is (np.ndarray if name in schema.ARRAY_COLUMNS else expected), name
            assert not isinstance(value, str) or value, name
        assert (row["snr_db"].shape, row["snr_db"].dtype) == ((3,), np.float64)
        assert (row["coda_end_sample"].shape, row["coda_end_sample"].dtype) == ((1, 1), np.float64)


def test_noise_rows_know_a_station_and_nothing_else(quiet):
    for row, _ in quiet:
        for name in SOURCE_COLUMNS + ARRIVAL_COLUMNS + MEASURED_COLUMNS:
            assert row[name] == "", name
        assert row["receiver_type"] in stations.INSTRUMENTS
        assert type(row["receiver_latitude"]) is float


def test_names_are_unique_and_repeat_station_start_and_category(events, quiet):
    names = [row["trace_name"] for row, _ in events + quiet]
    assert len(set(names)) == len(names)
    for examples, suffix, category in ((events, "EV", schema.EVENT), (quiet, "NO", schema.NOISE)):
        for row, _ in examples:
            start = datetime.fromisoformat(row["trace_start_time"]).strftime("%Y%m%d%H%M%S")
            station = f"{row['receiver_code']}.{row['network_code']}"
            assert row["trace_name"] == f"{station}_{start}_{suffix}"
            assert row["trace_category"] == category


def test_slots_of_time_do_not_collide():
    starts = {seismicity.start_of_slot(number) for number in range(seismicity.SLOTS)}
    assert len(starts) == seismicity.SLOTS
    assert all(start % seismicity.SLOT_SECONDS == 0 for start in starts)


def test_every_station_has_a_name_of_its_own():
    networks = [stations.network(0, region) for region in range(len(stations.REGIONS))]
    names = {(station.network, station.code) for network in networks for station in network}
    assert len(names) == len(stations.REGIONS) * stations.STATIONS_PER_REGION


# ---- Arrivals ----


def test_arrivals_stand_in_their_order_inside_the_trace(events):
    for row, _ in events:
        coda_end = row["coda_end_sample"].item()
        assert 400 <= row["p_arrival_sample"] <= 900
        assert row["p_arrival_sample"] < row["s_arrival_sample"] < coda_end <= 5999
        samples = (row["p_arrival_sample"], row["s_arrival_sample"], coda_end)
        assert all(sample == round(sample) for sample in samples)


def test_p_is_not_bound_to_whole_seconds(events):
    offsets = {row["p_arrival_sample"] % 100 for row, _ in events}
    assert len(offsets) > 30


def test_clocks_agree(events):
    for row, _ in events:
        origin = datetime.fromisoformat(row["source_origin_time"])
        start = datetime.fromisoformat(row["trace_start_time"])
        p_seconds = (start - origin).total_seconds() + row["p_arrival_sample"] / 100
        assert p_seconds == pytest.approx(row["p_travel_sec"], abs=1e-6)


def test_arrivals_follow_from_the_distance_and_depth_of_the_row(events):
    for row, _ in events:
        p, s = crust.travel_times(row["source_depth_km"], row["source_distance_km"])
        assert row["p_travel_sec"] == pytest.approx(p, abs=0.02)
        assert row["s_arrival_sample"] - row["p_arrival_sample"] == pytest.approx(
            100 * (s - p), abs=2
        )


def test_distance_and_back_azimuth_follow_from_the_coordinates(events):
    for row, _ in events:
        # On a plane tangent midway, which is good enough out to 150 km.
        middle = math.radians((row["source_latitude"] + row["receiver_latitude"]) / 2)
        north = row["source_latitude"] - row["receiver_latitude"]
        east = (row["source_longitude"] - row["receiver_longitude"]) * math.cos(middle)
        km = 111.195 * math.hypot(north, east)
        assert row["source_distance_km"] == pytest.approx(km, rel=0.01)
        assert row["source_distance_deg"] == pytest.approx(km / 111.195, abs=0.02)
        azimuth = math.degrees(math.atan2(east, north))
        assert abs((row["back_azimuth_deg"] - azimuth + 180) % 360 - 180) < 2


def test_an_earthquake_is_shared_by_several_stations(events):
    shared = Counter(row["source_id"] for row, _ in events)
    # The run may stop in the middle of its last earthquake.
    assert all(2 <= many <= 8 for many in list(shared.values())[:-1])
    assert len(shared) > 5
    of = {}
    for row, _ in events:
        known = [row[name] for name in SOURCE_COLUMNS if "distance" not in name]
        assert of.setdefault(row["source_id"], known) == known


# ---- Travel times ----


def test_a_direct_wave_in_the_top_layer_goes_straight():
    p, s = crust.travel_times(5.0, 12.0)
    assert p == pytest.approx(13.0 / 5.5)
    assert s == pytest.approx(1.73 * p)


def test_a_direct_wave_through_two_layers_obeys_snell():
    (ray,) = [ray for ray in crust.rays(10.0, 15.0) if ray.kind == "direct"]
    upper, lower = (math.tan(math.asin(ray.slowness * v)) for v in (5.5, 6.3))
    assert 5.5 * upper + 4.5 * lower == pytest.approx(15.0)
    legs = 5.5 * math.hypot(1, upper) / 5.5 + 4.5 * math.hypot(1, lower) / 6.3
    assert ray.seconds == pytest.approx(legs)
    assert math.sin(ray.takeoff) == pytest.approx(ray.slowness * 6.3)
    assert ray.takeoff > math.pi / 2


def test_a_head_wave_takes_its_intercept_time_and_the_speed_of_the_faster_layer():
    # From 5 km down: half a kilometre to the interface, 5.5 km up from it.
    intercept = 6.0 * math.sqrt(1 / 5.5**2 - 1 / 6.3**2)
    assert crust.travel_times(5.0, 50.0)[0] == pytest.approx(50.0 / 6.3 + intercept)


def test_the_mantle_is_first_far_away():
    first = crust.rays(8.0, 200.0)[0]
    beyond = crust.rays(8.0, 207.8)[0]
    assert first.kind == "head"
    assert beyond.seconds - first.seconds == pytest.approx(1.0)


def test_there_is_no_head_wave_before_the_critical_distance():
    assert "head" not in [ray.kind for ray in crust.rays(5.0, 5.0)]


def test_the_moho_returns_a_ray_that_went_down_and_up():
    (ray,) = [ray for ray in crust.rays(16.0, 0.001) if "reflected" in ray.kind]
    assert ray.seconds == pytest.approx(2 * 16 / 6.7 + 10.5 / 6.3 + 5.5 / 5.5)
    assert ray.kind == "steep reflected"
    assert ray.takeoff == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("depth", [1.0, 5.5, 8.0, 20.0])
def test_travel_time_grows_with_distance_and_never_beats_the_mantle(depth):
    distances = np.arange(1.0, 160.0, 3.0)
    seconds = np.array([crust.travel_times(depth, km)[0] for km in distances])
    step = np.diff(seconds)
    assert (step > 0).all()
    assert (seconds > np.hypot(distances, depth) / 7.8).all()
    # By then the first ray runs along one of the deeper layers.
    assert step[-1] <= 3.0 / 6.7 + 1e-9


# ---- The source ----


def test_radiation_of_a_double_couple_over_the_sphere_has_its_known_energy():
    cosines, azimuths = np.linspace(-1, 1, 81)[1::2], np.linspace(0, 2 * np.pi, 60, endpoint=False)
    mechanism = seismicity.Mechanism(30.0, 60.0, -70.0)
    patterns = np.array(
        [seismicity.radiation(mechanism, math.acos(c), a) for c in cosines for a in azimuths]
    )
    p, sv, sh = np.mean(patterns**2, axis=0)
    assert p == pytest.approx(seismicity.MEAN_PATTERN["P"] ** 2, rel=0.01)
    assert sv + sh == pytest.approx(seismicity.MEAN_PATTERN["S"] ** 2, rel=0.01)


def moment_tensor(mechanism):
    """Build the tensor of a unit double couple, north, east and down, from slip and normal."""
    strike, dip, rake = np.radians(mechanism)
    along = np.array([np.cos(strike), np.sin(strike), 0])
    up_dip = np.array([np.sin(strike) * np.cos(dip), -np.cos(strike) * np.cos(dip), -np.sin(dip)])
    slip = np.cos(rake) * along + np.sin(rake) * up_dip
    normal = np.array([-np.sin(strike) * np.sin(dip), np.cos(strike) * np.sin(dip), -np.cos(dip)])
    return np.outer(slip, normal) + np.outer(normal, slip)


@pytest.mark.parametrize("seed", range(5))
def test_radiation_is_that_of_the_moment_tensor(seed):
    rng = np.random.default_rng(seed)
    mechanism, i, a = (
        seismicity.draw_mechanism(rng),
        rng.uniform(0, np.pi),
        rng.uniform(0, 2 * np.pi),
    )
    ray = np.array([np.sin(i) * np.cos(a), np.sin(i) * np.sin(a), np.cos(i)])
    vertical = np.array([np.cos(i) * np.cos(a), np.cos(i) * np.sin(a), -np.sin(i)])
    across = np.array([-np.sin(a), np.cos(a), 0])
    expected = [side @ moment_tensor(mechanism) @ ray for side in (ray, vertical, across)]
    assert seismicity.radiation(mechanism, i, a) == pytest.approx(expected)


def test_nodal_planes_send_no_p_and_the_most_s():
    thrust = seismicity.Mechanism(0.0, 45.0, 90.0)
    # East and 45 degrees down lies in the fault; straight up is the tension axis of a thrust.
    p, sv, sh = seismicity.radiation(thrust, math.radians(45), math.radians(90))
    assert p == pytest.approx(0, abs=1e-12)
    assert math.hypot(sv, sh) == pytest.approx(1)
    assert seismicity.radiation(thrust, math.pi, 0.0) == pytest.approx((1, 0, 0), abs=1e-12)


def test_a_strike_slip_fault_divides_p_into_four_and_sends_sh_between():
    fault = seismicity.Mechanism(20.0, 90.0, 0.0)
    azimuths = np.radians(20 + np.array([0, 45, 90, 135, 180]))
    p, _, sh = zip(*(seismicity.radiation(fault, math.pi / 2, a) for a in azimuths), strict=True)
    assert p == pytest.approx((0, 1, 0, -1, 0), abs=1e-12)
    assert sh == pytest.approx((1, 0, -1, 0, 1), abs=1e-12)


def test_brune_falls_by_the_square_and_is_half_at_its_corner():
    spectrum = seismicity.brune(np.array([0.0, 4.0, 400.0, 800.0]), 4.0)
    assert spectrum[:2] == pytest.approx([1.0, 0.5])
    assert spectrum[2] / spectrum[3] == pytest.approx(4.0, rel=1e-3)


def test_larger_earthquakes_send_more_and_lower():
    assert seismicity.moment(4.0) / seismicity.moment(2.0) == pytest.approx(1000)
    low, high = seismicity.corner_frequency(4.0, 3e6), seismicity.corner_frequency(2.0, 3e6)
    assert high / low == pytest.approx(10)
    assert seismicity.plateau("S", 2.0, 10.0) / seismicity.plateau("S", 2.0, 40.0) == pytest.approx(
        4
    )


# ---- Waves ----


def paths(count, seed=0):
    """Draw the paths of the first earthquakes of a seed."""
    quakes = (seismicity.quake(seed, number) for number in itertools.count())
    every = ((quake, path) for quake in quakes for path in quake.paths)
    return list(itertools.islice(every, count))


@pytest.mark.parametrize("number", range(0, 24, 4))
def test_nothing_precedes_p(number):
    quake, path = paths(24)[number]
    waves, s_sample = seismogram(quake, path, 700, np.random.default_rng(number))
    peak = np.abs(waves).max()
    assert np.abs(waves[:, :700]).max() < 1e-9 * peak
    assert np.abs(waves[:, 700:740]).max() > 1e-4 * peak
    assert s_sample > 700


def test_a_wavelet_keeps_its_spectrum_and_starts_at_once():
    _, path = paths(1)[0]
    corner = 3.0
    smooth = seismicity.brune(FREQUENCIES, corner) * np.exp(-0.03 * np.pi * FREQUENCIES)
    transform = _wavelets(smooth[None], path)[0]
    wavelet = np.fft.irfft(transform, LENGTH)
    assert np.argmax(np.abs(wavelet)) < 30
    # Velocity in the pass band: the displacement times 2 pi f.
    f = (FREQUENCIES > 3) & (FREQUENCIES < 6)
    expected = smooth * 2 * np.pi * FREQUENCIES * schema.SAMPLING_RATE
    assert np.abs(transform[f]) == pytest.approx(expected[f], rel=0.05)


def test_p_pushes_up_and_away_or_pulls_down_and_back():
    for quake, path in paths(24):
        ray = crust.rays(quake.depth_km, path.km)[0]
        towards = math.radians(path.back_azimuth)
        east, north, up = _motion("P", quake, path, ray)
        sign = seismicity.radiation(quake.mechanism, ray.takeoff, math.radians(path.azimuth))[0]
        away = -(east * math.sin(towards) + north * math.cos(towards))
        assert up * sign > 0
        assert 0 < away / up < 1
        assert math.hypot(east, north) == pytest.approx(abs(away))


def test_s_moves_across_its_ray():
    for quake, path in paths(24):
        ray = crust.rays(quake.depth_km, path.km)[0]
        along, across = (_motion(wave, quake, path, ray) for wave in "PS")
        # P and S meet the surface at slightly different angles.
        cosine = along @ across / np.linalg.norm(along) / np.linalg.norm(across)
        assert abs(cosine) < 0.1


def test_p_moves_the_vertical_and_s_the_horizontals():
    ratios = []
    for number, (quake, path) in enumerate(paths(24)):
        waves, s_sample = seismogram(quake, path, 700, np.random.default_rng(number))
        if s_sample < 850:
            continue
        of_p, of_s = (np.std(waves[:, start : start + 150], axis=1) for start in (700, s_sample))
        ratios.append([np.hypot(*each[:2]) / each[2] for each in (of_p, of_s)])
    p, s = np.median(ratios, axis=0)
    assert p < 1.3 < s


def test_coda_dies_away():
    for number, (quake, path) in enumerate(paths(12)):
        waves, s_sample = seismogram(quake, path, 700, np.random.default_rng(number))
        after = [np.std(waves[:, s_sample + k : s_sample + k + 300]) for k in (0, 1000, 2500)]
        assert after[0] > 2 * after[1] > 2 * after[2]


def test_the_onset_of_p_is_at_its_sample(events):
    clear = loud(events, 20)
    picks = []
    for row, waveform in clear:
        p = int(row["p_arrival_sample"])
        end = min(p + 60, int(row["s_arrival_sample"]))
        picks.append(onset(waveform[p - 300 : end, 2]) - 300)
    assert len(picks) > 20
    assert np.mean(np.abs(picks) <= 10) > 0.9
    assert abs(np.median(picks)) <= 2


def test_the_onset_of_s_is_at_its_sample_on_the_horizontals(events):
    picks = []
    for row, waveform in loud(events, 20):
        p, s = int(row["p_arrival_sample"]), int(row["s_arrival_sample"])
        first = max(p + 30, s - 150)
        horizontal = np.hypot(*waveform[first : s + 80, :2].T)
        picks.append(onset(horizontal) - (s - first))
    assert abs(np.median(picks)) <= 4
    assert np.mean(np.abs(picks) <= 20) > 0.75


# ---- SNR, noise, issues ----


def test_snr_is_that_of_the_waveform(events):
    for row, waveform in events:
        p, s = int(row["p_arrival_sample"]), int(row["s_arrival_sample"])
        before, after = np.abs(waveform[p - 300 : p]), np.abs(waveform[s : s + 300])
        for number in np.flatnonzero(live(waveform)):
            ratio = np.percentile(after[:, number], 95) / np.percentile(before[:, number], 95)
            assert row["snr_db"][number] == pytest.approx(20 * math.log10(ratio), abs=0.06)


def test_snr_spreads_as_steads_does(events):
    snr = np.array([row["snr_db"][live(waveform)].mean() for row, waveform in events])
    assert snr.min() >= 0
    assert np.mean((snr > 8) & (snr < 50)) > 0.8
    assert snr.std() > 6


def test_what_is_drowned_by_noise_is_not_kept():
    quake, path = paths(1)[0]
    faint = quake._replace(magnitude=-2.0)
    attempts = [traces._event_trace(faint, path, np.random.default_rng(k)) for k in range(8)]
    for row, _ in itertools.chain(*attempts):
        assert row["snr_db"].mean() >= traces.MIN_SNR_DB
    assert [] in attempts


def test_the_coda_ends_where_the_noise_takes_over():
    still = np.ones((3, 6000))
    waves = np.zeros((3, 6000))
    waves[:, 1000:] = 100 * np.exp(-np.arange(5000) / 400)
    # 100 exp(-t / 400) is 1 at t = 1842.
    assert traces._coda_end(waves, still, 1000) == pytest.approx(2842, abs=30)
    assert traces._coda_end(waves * 1e6, still, 1000) == 5999


def test_noise_is_passed_between_1_and_45_hz(quiet):
    frequencies = np.fft.rfftfreq(6000, 0.01)
    for _, waveform in quiet:
        power = np.abs(np.fft.rfft(waveform * np.hanning(6000)[:, None], axis=0)) ** 2
        low, middle = (
            power[(frequencies >= a) & (frequencies < b)].sum() for a, b in ((0, 0.3), (1, 45))
        )
        assert low < 0.05 * middle


def test_stations_sound_different_and_components_partly_alike():
    network = stations.network(0, 0)
    rngs = (np.random.default_rng(k) for k in itertools.count())
    records = [ambient.ambient(station, 2.0, picked=True, rng=next(rngs)) for station in network]
    crossings = [np.mean(np.diff(np.sign(record[2])) != 0) for record in records]
    assert max(crossings) > 1.5 * min(crossings)
    assert np.ptp(np.log([record.std() for record in records])) > 0.5
    alike = [np.corrcoef(record)[0, 1] for record in records]
    assert 0.1 < np.median(alike) < 0.8


def test_a_station_is_noisier_by_day():
    station = stations.network(0, 0)[0]
    levels = [
        np.median(
            [ambient.ambient(station, hour, True, np.random.default_rng(k)).std() for k in range(8)]
        )
        for hour in (2.0, 14.0)
    ]
    assert levels[1] > 1.3 * levels[0]


@pytest.mark.parametrize("disturb", [row[0] for row in ambient.DISTURBANCES])
def test_disturbances_are_seeded_and_stand_out(disturb):
    noise_a, noise_b, noise_c = (disturb(np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert np.array_equal(noise_a, noise_b)
    assert not np.array_equal(noise_a, noise_c)
    assert np.isfinite(noise_a).all()
    assert np.abs(noise_a).max() > 1


def test_components_die_and_are_copied_as_often_as_they_should():
    counts = np.arange(1.0, 10.0).reshape(3, 3)
    rngs = [np.random.default_rng(seed) for seed in range(2000)]
    killed = [int((~traces._silence_components(counts, rng).any(axis=1)).sum()) for rng in rngs]
    assert set(killed) == {0, 1, 2}
    assert 0.02 < np.mean(np.array(killed) > 0) < 0.06
    copied = [traces._copy_vertical(counts, traces.COPY_CHANCE["noise"], rng) for rng in rngs]
    alike = [np.array_equal(each[0], each[1]) for each in copied]
    assert 0.015 < np.mean(alike) < 0.04


def test_issues_reach_the_traces(events):
    dead = [row for row, waveform in events if not live(waveform).all()]
    assert 1 <= len(dead) < 10
    assert all((row["snr_db"] == 0).any() for row in dead)
    *uncopied, copied = (waveform for _, waveform in noise(24))
    assert (copied == copied[:, :1]).all()
    assert not any((waveform == waveform[:, :1]).all() for waveform in uncopied)


def test_a_second_earthquake_comes_after_the_coda_of_the_first():
    quake, path = paths(1)[0]
    seconds = [
        traces._aftershock(quake, path, 3000, np.random.default_rng(seed)) for seed in range(200)
    ]
    shaken = [each for each in seconds if each.any()]
    assert 2 <= len(shaken) <= 20
    assert all(np.abs(each[:, :3200]).max() < 1e-9 * np.abs(each).max() for each in shaken)
    assert not traces._aftershock(quake, path, 5500, np.random.default_rng(0)).any()
