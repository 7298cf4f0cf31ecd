"""tf.data datasets: shapes, targets next to their waveforms, order by seed and epoch, start."""

import numpy as np
import pytest
from conftest import names_of, waveform

import steadkit
from steadkit.errors import InputError
from steadkit.labels import TARGETS
from steadkit.manifest import manifest_of
from steadkit.pipeline import BatchConfig, BatchLoader, to_tf_dataset
from steadkit.transforms import PRESETS, normalize

NAMES = names_of(8, 4)


def batches(source, traces=NAMES, seed=None, **options):
    return BatchLoader(source.hdf5, traces, BatchConfig(batch_size=5, **options), seed)


def test_shapes_and_the_last_partial_batch(stead):
    shapes = []
    for waveforms, labels in to_tf_dataset(batches(stead())):
        assert list(labels) == list(TARGETS)
        shapes.append((waveforms.shape, *(labels[name].shape for name in TARGETS)))
    assert [shape[0][0] for shape in shapes] == [5, 5, 2]
    for size, shape in zip([5, 5, 2], shapes, strict=True):
        assert shape == ((size, 6000, 3), *[(size, 6000, 1)] * 3)


@pytest.mark.parametrize("mode", ["std", "max"])
def test_targets_stand_beside_their_waveforms(stead, mode):
    data = batches(stead(), seed=1, normalization=mode)
    order = data.order(0)
    rows = 0
    for waveforms, labels in to_tf_dataset(data):
        for row in range(len(waveforms)):
            name = NAMES[order[rows]]
            np.testing.assert_allclose(waveforms[row], normalize(waveform(name), mode), atol=1e-5)
            p, s = (labels[f"picker_{phase}"][row, :, 0].numpy() for phase in "PS")
            if name.endswith("_EV"):
                number = NAMES.index(name)
                assert (p.argmax(), s.argmax()) == (600 + number, 900 + number)
            else:
                assert p.max() == s.max() == labels["detector"][row].numpy().max() == 0
            rows += 1
    assert rows == len(NAMES)


def test_every_epoch_has_every_trace_in_another_order(stead):
    data = batches(stead(), seed=4)
    orders = [data.order(epoch).tolist() for epoch in range(3)]
    assert all(sorted(order) == list(range(12)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert batches(stead("other.hdf5"), seed=4).order(2).tolist() == orders[2]


def test_a_stream_can_begin_anywhere(stead):
    data = batches(stead(), seed=2)
    straight = [waveforms.numpy() for waveforms, _ in to_tf_dataset(data, epochs=2)]
    resumed = [waveforms.numpy() for waveforms, _ in to_tf_dataset(data, start=4, epochs=2)]
    assert len(straight) == 6
    for first, second in zip(straight[4:], resumed, strict=True):
        np.testing.assert_array_equal(first, second)


def test_an_endless_stream_goes_on(stead):
    data = batches(stead(), seed=2)
    endless = [waveforms.numpy() for waveforms, _ in to_tf_dataset(data, epochs=None).take(5)]
    np.testing.assert_array_equal(endless[4], data.batch(4)[0])


@pytest.mark.parametrize("epochs", [1, 2])
def test_each_iteration_of_a_data_set_goes_on_with_the_next_epochs(stead, epochs):
    """As `model.fit` iterates; an iteration that is left in the middle counts as a whole one."""
    config = BatchConfig(batch_size=5, augment=PRESETS["uniform"])
    traces = steadkit.open_dataset(stead().hdf5)
    dataset, expected = traces.to_tf_dataset(config, 3, epochs), traces.batches(config, 3)
    assert dataset.cardinality().numpy() == epochs * len(expected) == epochs * 3
    seen = [waveforms.numpy() for waveforms, _ in dataset]
    next(iter(dataset))
    later = [waveforms.numpy() for waveforms, _ in dataset.map(lambda *batch: batch)]
    for number, waveforms in enumerate(seen):
        np.testing.assert_array_equal(waveforms, expected.batch(number)[0])
    for number, waveforms in enumerate(later):
        np.testing.assert_array_equal(waveforms, expected.batch(2 * len(seen) + number)[0])
    repeated = [waveforms.numpy() for waveforms, _ in traces.to_tf_dataset(config, 3, epochs)]
    assert [first.tobytes() for first in repeated] == [first.tobytes() for first in seen]


def test_a_manifest_is_as_good_as_names(stead):
    source = stead()
    manifest = manifest_of("x", {}, NAMES, ["noise"] * 12)
    first, second = batches(source, manifest), batches(source)
    np.testing.assert_array_equal(first.batch(1)[0], second.batch(1)[0])


def test_weights_of_samples_are_0_where_s_may_be(stead):
    source = stead(names=names_of(2, 1))
    source.csv.write_text(source.csv.read_text().replace(",901.0,", ",,", 1))
    data = steadkit.open_dataset(source.hdf5)
    (waveforms, targets, weights), *rest = data.to_tf_dataset(sample_weight=True)
    assert not rest and weights["picker_S"].shape == (3, 6000)
    unknown = np.argwhere(weights["picker_S"].numpy() == 0)
    assert unknown.tolist() == [[1, sample] for sample in range(601, 2001)]  # P to coda end
    assert all((weights[name] == 1).numpy().all() for name in ("detector", "picker_P"))
    ((plain, answers),) = data.to_tf_dataset()
    np.testing.assert_array_equal(plain, waveforms)
    for name, answer in answers.items():
        np.testing.assert_array_equal(answer, targets[name])
    with pytest.raises(InputError, match="mark_unknown=True"):
        to_tf_dataset(data.batches(), sample_weight=True)


def test_a_missing_s_leaves_the_p(stead):
    source = stead()
    text = source.csv.read_text().replace(",900.0,", ",,", 1)
    source.csv.write_text(text)
    labels = batches(source).batch(0)[1]
    assert labels["picker_P"][0].max() == 1
    assert labels["picker_S"][0].max() == 0
    # The coda ends at 2000.
    assert np.flatnonzero(labels["detector"][0])[[0, -1]].tolist() == [600, 2000]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",600.0,", ",,", "no P arrival"),
        (",900.0,", ",6000.0,", "outside"),
        (",900.0,", ",600.0,", "S before P"),
        (",600.0,", ",soon,", "a number is needed"),
    ],
)
def test_arrivals_that_cannot_be_are_named(stead, old, new, message):
    source = stead()
    source.csv.write_text(source.csv.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        batches(source)
    assert NAMES[0] in str(caught.value)


def test_unknown_traces_and_empty_lists_are_refused(stead):
    source = stead()
    with pytest.raises(InputError, match="no trace 'X_EV'"):
        batches(source, ["X_EV"])
    with pytest.raises(InputError, match="at least one"):
        batches(source, [])
    with pytest.raises(InputError, match="batch size"):
        BatchConfig(batch_size=0)
