"""The long campaigns on what networks learn, a little of each with a fixed seed."""

from dataclasses import replace

import keras
import pytest
from campaigns import fine_tuning, overfit


def test_a_few_real_traces_are_learnt_by_heart(shared_data):
    batches = overfit.events_of(shared_data / "ncedc_a.hdf5", 4)
    # Four traces are few: by the seed a peak or two may end on the wrong wave.
    p, s = overfit.overfit(batches, steps=600, rate=2e-3, seed=1)
    # By chance 20 of 6000 samples would do; the whole campaign asks for 90 % of 32 traces.
    assert min(p, s) >= 0.5


def test_folds_keep_earthquakes_whole_and_hold_every_trace_once(shared_data):
    data = shared_data / "ncedc_a.hdf5"
    folds = fine_tuning.folds_of(data, 5, seed=0)
    names = [name for fold in folds for name in fold]
    assert len(names) == len(set(names)) == 98 and min(map(len, folds)) >= 12
    # Noise that was cut before an event is kept out with it.
    fold_of = [{name[:-3]: number for name in fold} for number, fold in enumerate(folds)]
    stems = [stem for fold in fold_of for stem in fold]
    assert len(stems) == len(set(stems)) == 82
    assert folds != fine_tuning.folds_of(data, 5, seed=1)


def test_a_little_fine_tuning_runs_whole(trained, capsys):
    data, recipe = trained.parent / "data.hdf5", replace(fine_tuning.RECIPE, epochs=1)
    folds = fine_tuning.folds_of(data, 3, seed=0)
    (done,) = fine_tuning.cross_validate(data, trained, recipe, folds, [1], positions=2, seed=0)
    for result in (done.before, done.after):
        events = {name for name in folds[1] if name.endswith("_EV")}
        assert set(result.windows["trace_name"]) == events
    moved = done.after.windows["probability"] - done.before.windows["probability"]
    assert moved.abs().max() > 0
    assert done.before.windows["arrival"].equals(done.after.windows["arrival"])
    whole = fine_tuning.report([done])
    assert len(whole.after.windows) == len(done.after.windows)
    counts = fine_tuning.summary_as_cut([whole])
    assert [*counts.index] == [(w, p) for w in ("before", "after", "refined") for p in "PS"]
    assert (counts["traces"] == len(events)).all()
    assert "by P's position modulo 100" in capsys.readouterr().out


def test_simulated_events_to_learn_from_are_clear_and_come_with_noise(tmp_path):
    records = fine_tuning.simulated_batches(tmp_path, events=20, seed=0).data_source
    assert (~records.is_event).sum() == 2
    clear = records.snr_db[records.is_event]
    assert 5 <= len(clear) < 20 and clear.min() >= fine_tuning.STRONG_DB


def test_averaged_weights_lie_between_those_of_the_steps():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    average = fine_tuning.Average(0.5)
    average.set_model(model)
    for step, value in enumerate((4.0, 8.0, 16.0)):
        model.trainable_variables[0].assign([[value]])
        average.on_train_batch_end(step)
    average.on_train_end()
    # A tenth of the first, then two elevenths of what there was.
    expected = (0.1 * 4 + 0.9 * 8) * 2 / 11 + 16 * 9 / 11
    assert float(model.trainable_variables[0].numpy()[0, 0]) == pytest.approx(expected)
