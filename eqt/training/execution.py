"""Execution of a training: devices, halves of a batch in parallel, Adam in one operation."""

from collections import Counter
from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any, Final

import keras
from keras import ops

from steadkit.errors import InputError, printable

HALVES: Final = 2

Network = Callable[..., list[Any]]
"""Called with waveforms and ``training``, as a model is; returns the model's outputs in order."""

FULL_BATCH_LAYERS: Final = (
    keras.layers.BatchNormalization,
    keras.layers.Bidirectional,
    keras.layers.RNN,
)
"""Layers that get the complete batch.

Batch normalisation needs its mean; recurrent layers already run two directions in parallel.
"""


def devices_named(text: str | None) -> list[str]:
    """Return the names of the requested devices.

    Parameters
    ----------
    text
        A number (``2``) or names (``GPU:0,GPU:1``); by default all GPUs if there are several,
        else an empty list, which leaves the choice to TensorFlow.

    Raises
    ------
    InputError
        There are fewer devices, or none of that name.
    """
    import tensorflow as tf

    available = [
        device.name.removeprefix("/device:") for device in tf.config.list_logical_devices()
    ]
    gpus = [name for name in available if name.startswith("GPU")]
    if text is None:
        return gpus if len(gpus) > 1 else []
    # Without a GPU a number means CPUs; TensorFlow has one, unless virtual ones are configured.
    candidates = gpus or available
    if text.isdecimal():
        # int() refuses texts of more than 4300 digits with another error.
        if len(text) > 9 or not 1 <= int(text) <= len(candidates):
            raise InputError(
                f"no {printable(text)} devices: there are {len(candidates)}, "
                f"{', '.join(candidates)}"
            )
        return candidates[: int(text)]
    names = [name.strip().upper() for name in text.split(",")]
    for name in names:
        if name not in available or names.count(name) > 1:
            raise InputError(
                f"cannot use device {printable(name)!r}: name each once of {', '.join(available)}"
            )
    return names


def make_strategy(names: list[str]) -> Any:
    """Return the distribution strategy for some devices.

    Returns
    -------
    tf.distribute.Strategy
        With ``num_replicas_in_sync`` devices. Several are mirrored: each holds all weights and
        computes its share of every batch; the gradients are summed.
    """
    import tensorflow as tf

    if not names:
        return tf.distribute.get_strategy()
    if len(names) == 1:
        return tf.distribute.OneDeviceStrategy(names[0])
    if any(name.startswith("CPU") for name in names):
        # The default reduction is NCCL's, which warns where there is no GPU.
        return tf.distribute.MirroredStrategy(names, tf.distribute.ReductionToOneDevice())
    return tf.distribute.MirroredStrategy(names)


def check_devices(count: int, batch_size: int, xla: bool, precision: str) -> None:
    """Refuse settings that several devices do not support.

    Raises
    ------
    InputError
        The batch size is not divisible by their number, or XLA or float16 is requested.
    """
    if count == 1:
        return
    if batch_size % count:
        raise InputError(
            f"batches of {batch_size} do not divide among {count} devices: "
            f"use --batch-size {batch_size // count * count or count}"
        )
    if xla:
        raise InputError(f"--xla is for one device, not {count}: leave it out")
    if precision == "mixed_float16":
        raise InputError(f"mixed_float16 is for one device, not {count}: use mixed_bfloat16")


def enable_determinism(xla: bool) -> None:
    """Make GPU operations deterministic; those of CPUs already are."""
    import tensorflow as tf

    # Determinism would turn XLA off; with XLA a GPU is as reproducible as its kernels are.
    if tf.config.list_physical_devices("GPU") and not xla:
        tf.config.experimental.enable_op_determinism()


def run_in_halves(model: keras.Model, count: int = HALVES) -> Network:
    """Return a function equal to a network that runs each layer on both halves of a batch.

    With one thread per operation the halves run in parallel and synchronise at few layers. With all
    threads in each operation, the many small operations would keep only one core busy.

    Parameters
    ----------
    model
        A functional model, each layer of which is called once; its outputs are sigmoids.
    count
        Number of chunks of a batch, 2 or 1.

    Returns
    -------
    Network
        For batches of at least `count` traces. Its gradients are reproducible bit for bit.
    """
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    (start,) = model.inputs
    # Each use of a tensor pops a copy of its own; three or more are separate, see `_fan_out`.
    n_uses = Counter(id(tensor) for layer in layers for tensor in keras.tree.flatten(layer.input))
    n_uses.update(map(id, model.outputs))

    def run(waveforms: Any, training: bool) -> list[Any]:
        chunks = [waveforms]
        if count > 1:
            chunks = _split(waveforms, (ops.shape(waveforms)[0] + 1) // count)
        copies = {id(start): [chunks] * n_uses[id(start)]}
        for layer in layers:
            inputs = [copies[id(tensor)].pop() for tensor in keras.tree.flatten(layer.input)]
            outputs = _call_layer(layer, inputs, training)
            copies[id(layer.output)] = _fan_out(outputs, n_uses[id(layer.output)])
        logits = [[half._keras_logits for half in copies[id(t)].pop()] for t in model.outputs]
        # Keras keeps the logits with a sigmoid's result, and computes the loss from them.
        return [keras.activations.sigmoid(ops.concatenate(halves)) for halves in logits]

    return run


def _fan_out(chunks: list[Any], count: int) -> list[list[Any]]:
    """Copy chunks for `count` consumers, whose gradients are summed in a fixed order.

    TensorFlow's AddN sums three or more tensors in the order in which their memory becomes free,
    which varies: two equal trainings would differ in bits. The sum of two is commutative.
    """
    if count < 3:
        return [chunks] * count
    return [list(copy) for copy in zip(*[_fork(chunk, count) for chunk in chunks], strict=True)]


def _fork(tensor: Any, count: int) -> list[Any]:
    import tensorflow as tf

    @tf.custom_gradient
    def fork(tensor: Any) -> tuple[list[Any], Callable[..., Any]]:
        def sum_grads(*grads: Any) -> Any:
            # Written as a chain of additions, Grappler would merge it into one AddN again.
            return tf.reduce_sum(tf.stack(grads), axis=0)

        return [tf.identity(tensor) for _ in range(count)], sum_grads

    copies: list[Any] = fork(tensor)
    return copies


def _call_layer(layer: keras.Layer, inputs: Sequence[Any], training: bool) -> list[Any]:
    """Call a layer on both halves of its inputs; only an addition has two inputs."""
    options = {"training": training} if "training" in signature(layer.call).parameters else {}
    if isinstance(layer, FULL_BATCH_LAYERS):
        # The complete batch again: a mean over each half would be another one.
        (halves,) = inputs
        if len(halves) == 1:
            return [layer(halves[0], **options)]
        return _split(layer(ops.concatenate(halves), **options), ops.shape(halves[0])[0])
    pairs = map(list, zip(*inputs, strict=True)) if len(inputs) > 1 else inputs[0]
    return [layer(half, **options) for half in pairs]


def _split(batch: Any, n_first: Any) -> list[Any]:
    import tensorflow as tf

    # Not by slices, whose gradients are padded to the complete batch and then summed.
    chunks: list[Any] = tf.split(batch, [n_first, tf.shape(batch)[0] - n_first])
    return chunks


class Adam(keras.optimizers.Adam):
    """Keras's Adam with `ResourceApplyAdam`: one operation per weight instead of fourteen.

    With weight decay it is AdamW. A network as small as this one spends more time on dispatching
    its small operations than on computing them.

    Sources: Kingma and Ba (2015), arXiv:1412.6980; Loshchilov and Hutter (2019), arXiv:1711.05101.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one weight and its two moments."""
        import tensorflow as tf

        index, dtype = self._get_variable_index(variable), variable.dtype
        # Keras counts the step after the last weight; the bias corrections start from 1.
        step = tf.cast(self.iterations.value, dtype) + 1
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=tf.cast(learning_rate, dtype),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, dtype),
        )
