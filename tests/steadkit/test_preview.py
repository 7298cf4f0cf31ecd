"""The contact sheet: examples as training gets them, drawn where they are; wrong labels show."""

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from conftest import names_of, refused, waveform

from steadkit.cli.preview import AUGMENTATIONS, LABELS, NORMALIZATIONS
from steadkit.example import Example
from steadkit.labels import SHAPES, LabelConfig
from steadkit.plots import contact_sheet, save
from steadkit.preview import (
    PreviewItem,
    augment_example,
    label_issues,
    preview_items,
    sheet_rows,
    shift_issues,
)
from steadkit.transforms import NORMALIZATIONS as MODES
from steadkit.transforms import PRESETS, AugmentConfig, AuxiliaryTraces, normalize

NONE, EQT, ROBUST = PRESETS["none"], PRESETS["eqt"], PRESETS["robust"]
NAME = names_of(1)[0]


def event(p=(700.0,), s=(1000.0,), shape="gaussian", name="A_EV"):
    return preview_items(name, Example(waveform(name), p, s), "a note", "std", LabelConfig(shape))


def late(item, samples):
    """Shift the targets of an example, as a bug might."""
    moved = {name: np.roll(target, samples) for name, target in item.targets.items()}
    return replace(item, targets=moved)


def wave_late(item, samples):
    return replace(item, waveform=np.roll(item.waveform, samples, axis=0))


def filled(ax):
    """Give where the fills of a panel begin, peak and end, in its seconds, by target."""
    extents = {}
    for fill in ax.collections:
        x, y = fill.get_paths()[0].vertices.T if fill.get_paths() else (np.array([]),) * 2
        if (y > 0).any():
            peak_x = x[y > 0.9 * y.max()]
            extents[fill.get_label()] = (x[y > 0].min(), peak_x.mean(), x[y > 0].max())
    return extents


def test_what_the_command_offers_is_what_there_is():
    assert set(AUGMENTATIONS) == set(PRESETS)
    assert set(LABELS) == set(SHAPES)
    assert set(NORMALIZATIONS) == set(MODES)


def test_waveforms_targets_and_marks_stand_at_their_seconds():
    item = event()
    whole, p, s = contact_sheet([[item]]).axes
    for number, line in enumerate(whole.lines[:3]):
        assert line.get_label() == "ENZ"[number]
        seconds, drawn = line.get_data()
        assert (seconds[700], seconds[-1]) == (7.0, 59.99)
        wave = item.waveform[:, number]
        assert np.corrcoef(drawn, wave)[0, 1] == pytest.approx(1)
    assert filled(whole)["picker_P"] == pytest.approx((6.8, 7.0, 7.2), abs=0.02)
    assert filled(whole)["picker_S"] == pytest.approx((9.8, 10.0, 10.2), abs=0.02)
    begin, _, end = filled(whole)["detector"]
    assert (begin, end) == pytest.approx((7.0, 11.2), abs=0.01)
    assert {t.get_text(): t.xy[0] for t in whole.texts} == {"P": 7.0, "S": 10.0}
    assert whole.get_title(loc="left") == "A_EV\na note"
    assert whole.get_title(loc="right") == ""
    for ax, arrival, phase in ((p, 700, "P"), (s, 1000, "S")):
        assert ax.get_xlim() == (-1.5, 1.5)
        assert ax.get_title(loc="left") == f"{phase} {arrival / 100:.2f} s"
        assert ax.lines[3].get_xdata() == [0, 0]
        seconds, drawn = ax.lines[2].get_data()
        assert seconds[0] == -1.5
        wave = item.waveform[arrival - 150 : arrival + 151, 2]
        assert np.corrcoef(drawn, wave)[0, 1] == pytest.approx(1)
        assert filled(ax)[f"picker_{phase}"][1] == pytest.approx(0, abs=0.006)


@pytest.mark.parametrize("samples", [1, 10, -10])
def test_a_target_that_is_off_is_drawn_off_and_told(samples):
    item = late(event(), samples)
    whole, p, _ = contact_sheet([[event(), item]]).axes[-3:]
    assert filled(p)["picker_P"][1] == pytest.approx(samples / 100, abs=0.006)
    title = whole.get_title(loc="right")
    assert title.startswith(f"P target {samples:+d} samples off 7.00 s and 2 more\n")


def test_every_arrival_in_the_window_is_enlarged_and_no_other():
    assert len(contact_sheet([[event((700.0, 3000.0), (1000.0, np.nan))]]).axes) == 1 + 3
    assert len(contact_sheet([[event((-100.0,), (200.0,))]]).axes) == 1 + 1
    assert len(contact_sheet([[event((), ())]]).axes) == 1


@pytest.mark.parametrize("arrival", [0.0, 0.4, 20.0, 5950.0, 5999.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_arrivals_at_the_edges_are_drawn_and_not_called_wrong(arrival, shape, tmp_path):
    item = event((arrival,), (np.nan,), shape)
    assert label_issues(item) == []
    save([contact_sheet([[item]])], tmp_path / "a.png")


def test_dead_components_are_drawn_flat(tmp_path):
    item = replace(event(), waveform=np.zeros((6000, 3), np.float32))
    figure = contact_sheet([[item, item]])
    assert np.ptp(figure.axes[1].lines[0].get_ydata()) == 0
    assert label_issues(item) == shift_issues(item, item) == []
    save([figure], tmp_path / "a.png")


@pytest.mark.parametrize("shape", SHAPES)
def test_issues_are_what_is_wrong_and_nothing_else(shape):
    good = event((700.0, 800.4), (1000.0, 1100.4), shape)
    assert label_issues(good) == label_issues(event((), ())) == []
    assert label_issues(late(event(shape=shape), 3)) == [
        "P target +3 samples off 7.00 s",
        "S target +3 samples off 10.00 s",
        "detection begins +3 samples off P",
    ]
    assert label_issues(replace(event(shape=shape), p=(), s=())) == [
        "P target at 7.00 s, not claimed",
        "S target at 10.00 s, not claimed",
        "detection without an event",
    ]
    silent = {name: 0 * target for name, target in good.targets.items()}
    assert "no P target at 7.00 s" in label_issues(replace(event(shape=shape), targets=silent))


@pytest.mark.parametrize(("config", "min_fraction"), [(EQT, 0.9), (ROBUST, 0.5)])
def test_a_waveform_that_moved_elsewhere_is_told(stead, config, min_fraction):
    pairs = sheet_rows(stead(names=names_of(40, 8)).hdf5, [], 40, 0, config)
    is_reported = []
    for plain, copy in pairs:
        assert label_issues(plain) + label_issues(copy) + shift_issues(plain, copy) == []
        if copy.p:
            is_reported.append(
                "waveform +10 samples off P" in shift_issues(plain, wave_late(copy, 10))
            )
    assert np.mean(is_reported) >= min_fraction


def test_the_sheet_shows_what_is_in_the_file(stead):
    source = stead(names=names_of(6, 2))
    ((plain, copy),) = sheet_rows(source.hdf5, [NAME], 4, 0, NONE)
    np.testing.assert_array_equal(plain.waveform, normalize(waveform(NAME)))
    np.testing.assert_array_equal(copy.waveform, plain.waveform)
    assert (plain.p, plain.s) == ((600.0,), (900.0,))
    assert (plain.note, copy.note) == ("as in the file", "unchanged")


def test_the_shift_told_is_the_shift_made(stead):
    source = stead(names=names_of(6, 2))
    config = AugmentConfig(shift=1.0)
    for plain, copy in sheet_rows(source.hdf5, [], 8, 3, config):
        name, _, samples = copy.note.partition(" ")
        assert name == "shift"
        moved = np.roll(plain.waveform, int(samples), axis=0)
        np.testing.assert_allclose(copy.waveform, moved, atol=1e-4)


def test_augmentations_are_told_in_their_order():
    config = AugmentConfig(shift=1.0, second_event=1.0, gaussian_noise=1.0, drop_channels=1.0)
    example = Example(waveform(NAME), (600.0,), (900.0,), 2000.0, np.full(3, 30.0))
    copy, note = augment_example(example, config, 0, 0, AuxiliaryTraces())
    names = [description.split(" ", 1)[0] for description in note.split(", ")]
    assert names == ["shift", "second", "gaussian", "no"]
    assert f"second event at {copy.p[1] / 100:.2f} s" in note


def test_a_seed_is_a_sheet_and_nothing_global_is_drawn(stead):
    source = stead(names=names_of(12, 4))
    before = np.random.get_state()[1].copy()
    first, repeated, other_seed = (
        sheet_rows(source.hdf5, [], 6, seed, ROBUST) for seed in (1, 1, 2)
    )
    assert np.array_equal(np.random.get_state()[1], before)
    for (_, a), (_, b) in zip(first, repeated, strict=True):
        assert (a.name, a.note, a.p) == (b.name, b.note, b.p)
        np.testing.assert_array_equal(a.waveform, b.waveform)
    assert [a.note for _, a in first] != [b.note for _, b in other_seed]
    ((_, a), (_, b)) = sheet_rows(source.hdf5, [NAME, NAME], 4, 0, EQT)
    assert a.note != b.note


@pytest.mark.parametrize(
    ("events", "noise", "rows", "shown_events"),
    [(9, 9, 8, 6), (9, 9, 1, 1), (2, 9, 8, 2), (9, 0, 8, 8)],
)
def test_a_quarter_is_noise_where_there_is_both(stead, events, noise, rows, shown_events):
    pairs = sheet_rows(stead(names=names_of(events, noise)).hdf5, [], rows, 0, NONE)
    assert len(pairs) == rows
    assert sum(bool(plain.p) for plain, _ in pairs) == shown_events


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_the_command_writes_the_same_sheet_for_the_same_seed(stead, run, tmp_path, ending):
    source = stead()
    for name in "ab":
        options = ("--count", 2, "--augment", "robust", "-o", f"{name}.{ending}")
        assert run("steadkit", "preview", source.hdf5, *options).exit_code == 0
    written = (tmp_path / f"a.{ending}").read_bytes()
    assert written.startswith({"png": b"\x89PNG", "pdf": b"%PDF"}[ending])
    assert written == (tmp_path / f"b.{ending}").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ("--count", 1),
        ("--count", 1, "--labels", "box", "--normalization", "max", "--augment", "none"),
        (NAME,),
        ("--count", 2, "-o", "; rm -rf $HOME $x$ 'é.png"),
    ],
)
def test_a_sheet_is_one_file(stead, run, tmp_path, options):
    source = stead()
    before = set(tmp_path.iterdir())
    result = run("steadkit", "preview", source.hdf5, *options)
    assert result.exit_code == 0, result.output
    (written,) = set(tmp_path.iterdir()) - before
    assert result.stdout.strip() == written.name
    assert written.name == (options[-1] if "-o" in options else "chunk-preview.png")


def test_one_trace_is_shown(stead, run):
    assert run("steadkit", "preview", stead(names=names_of(1)).hdf5).exit_code == 0


@pytest.mark.parametrize("content", [b"", b"no HDF5"])
def test_a_file_without_anything_is_refused(stead, run, content):
    source = stead()
    source.hdf5.write_bytes(content)
    refused(run("steadkit", "preview", source.hdf5), "not an HDF5 file")


def test_noise_alone_is_shown(stead, run):
    source = stead(names=names_of(0, 3))
    assert run("steadkit", "preview", source.hdf5).exit_code == 0
    refused(
        run("steadkit", "preview", source.hdf5, "--augment", "robust", "-o", "b.png"),
        "needs event traces",
    )


def test_events_alone_have_no_donor_of_noise(stead, run):
    source = stead(names=names_of(3))
    assert run("steadkit", "preview", source.hdf5, "--rows", 1).exit_code == 0  # formerly
    refused(
        run("steadkit", "preview", source.hdf5, "--augment", "robust", "-o", "b.png"),
        "needs noise traces",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--augment", "all"), "'all'"),
        (("--labels", "round"), "'round'"),
        (("--normalization", "l2"), "'l2'"),
        (("--count", "0"), "0"),
        (("--count", "many"), "many"),
        (("--seed", "-1"), "-1"),
        (("S9.XX_NO",), "no trace 'S9.XX_NO'"),
        (("../x",), "'../x'"),
        (("-o", "a.jpg"), "use .png, .pdf or .svg"),
        (("-o", "nowhere/a.png"), "nowhere"),
        (("-o", "."), "use .png"),
        (("-o", "chunk.csv"), "use .png"),
    ],
)
def test_what_cannot_be_shown_is_one_clear_line(stead, run, tmp_path, options, message):
    source = stead()
    before = sorted(tmp_path.iterdir())
    rows = () if "--count" in options else ("--count", 1)
    refused(run("steadkit", "preview", source.hdf5, *rows, *options), message)
    assert sorted(tmp_path.iterdir()) == before


def test_what_exists_is_replaced_only_when_told(stead, run, tmp_path):
    source = stead()
    content = b"\x89PNG\r\n\x1a\n of mine"
    (tmp_path / "a.png").write_bytes(content)
    arguments = ("steadkit", "preview", source.hdf5, "--count", 1, "-o", "a.png")
    refused(run(*arguments), "exists", "--overwrite")
    assert (tmp_path / "a.png").read_bytes() == content
    assert run(*arguments, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    "spoilt",
    [
        {"p_arrival_sample": ""},
        {"p_arrival_sample": "inf"},
        {"p_arrival_sample": "-3"},
        {"p_arrival_sample": "soon"},
        {"s_arrival_sample": "599"},
        {"s_arrival_sample": "6000"},
    ],
)
def test_arrivals_that_cannot_be_are_refused_by_name(stead, run, spoilt):
    source = stead()
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    table.loc[0, list(spoilt)] = list(spoilt.values())
    table.to_csv(source.csv, index=False)
    refused(run("steadkit", "preview", source.hdf5, NAME), NAME)


@pytest.mark.parametrize("end", ["-5", "", "[[700.]]", "1e11"])
def test_an_odd_coda_end_does_no_harm(stead, run, end):
    source = stead()
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    table["coda_end_sample"] = end
    table.to_csv(source.csv, index=False)
    options = ("--augment", "robust", "--overwrite")
    assert run("steadkit", "preview", source.hdf5, *options).exit_code == 0


def test_a_table_without_coda_and_snr_and_one_without_rows(stead, run):
    source = stead()
    table = pd.read_csv(source.csv, dtype=str, keep_default_na=False)
    table.drop(columns=["coda_end_sample", "snr_db"]).to_csv(source.csv, index=False)
    assert run("steadkit", "preview", source.hdf5, "--count", 1).exit_code == 0
    table[:0].to_csv(source.csv, index=False)
    refused(run("steadkit", "preview", source.hdf5, "-o", "b.png"), "lists no trace")


def test_long_names_and_notes_stay_in_their_cell():
    item = PreviewItem("x" * 200, waveform("a"), event((), ()).targets, note="much done, " * 12)
    title = contact_sheet([[item]]).axes[0].get_title(loc="left")
    assert max(map(len, title.split("\n"))) <= 84


def test_the_callers_settings_stay_as_they_are():
    with matplotlib.rc_context({"font.size": 17}):
        before = dict(matplotlib.rcParams)
        contact_sheet([[event()]])
        assert dict(matplotlib.rcParams) == before


def test_the_real_records_have_no_issue(shared_data):
    for plain, copy in sheet_rows(shared_data / "ncedc_a.hdf5", [], 20, 0, ROBUST):
        assert label_issues(plain) + label_issues(copy) + shift_issues(plain, copy) == []
