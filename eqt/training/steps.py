"""One step of training, and one of validation, on one device or several alike.

Keras's own ``fit`` is not used: it cannot begin inside an epoch with the losses so far, it does not
give the batch whose loss is NaN, and on several devices it takes the mean of their means, which
differs from the mean over a batch that does not divide. These steps are the same on one device.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import keras

from eqt.config import TrainConfig
from eqt.picking.picks import Thresholds
from eqt.training.batch_halves import Network, run_in_halves
from eqt.training.model import optimizer_of
from steadkit.labels import TARGETS
from steadkit.schema import N_SAMPLES, TRACE_SHAPE

LOSSES: Final = ("loss", *(f"{target}_loss" for target in TARGETS))
"""What a step tells, in this order; the first is their weighted sum with the penalties."""


class Trainer:
    """A network with its optimizer and its steps.

    Parameters
    ----------
    model
        The network, made under the strategy.
    config
        How it is trained.
    strategy
        A ``tf.distribute.Strategy``.
    is_marked
        Whether samples whose truth is not known are marked in the targets; they add no loss.
    """

    def __init__(
        self, model: keras.Model, config: TrainConfig, strategy: Any, is_marked: bool = False
    ):
        import tensorflow as tf

        self.model, self.config, self.strategy = model, config, strategy
        self.is_marked = is_marked
        self.replicas = strategy.num_replicas_in_sync
        with strategy.scope():
            optimizer = optimizer_of(config)
            if config.mixed_precision == "mixed_float16":
                # Small gradients would be 0 as halves: Micikevicius et al. (2018), arXiv:1710.03740
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(model.trainable_variables)
            weights = model.trainable_variables if config.ema else []
            self.averages = [tf.Variable(weight.value, trainable=False) for weight in weights]
        self.optimizer, self._rate = optimizer, float("nan")
        self.step, self.validate = self._traced(self._step), self._traced(self._validate)

    def _traced(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Let TensorFlow trace what is done with a batch, which is whole or in halves."""
        import tensorflow as tf

        signature = [
            tf.TensorSpec((None, *TRACE_SHAPE)),
            {target: tf.TensorSpec((None, N_SAMPLES, 1)) for target in TARGETS},
        ]
        how = {"autograph": False, "jit_compile": self.config.xla or None}
        whole, halves = (
            tf.function(partial(act, network), signature, **how)
            for network in (run_in_halves(self.model, 1), run_in_halves(self.model))
        )
        # Where it runs decides, and not how many cores there are: a seed gives the same dropout.
        on_cpu = not tf.config.list_physical_devices("GPU")
        divides = self.replicas == 1 and not self.config.xla and on_cpu

        def traced(waveforms: Any, targets: dict[str, Any]) -> Any:
            return (halves if divides and len(waveforms) > 1 else whole)(waveforms, targets)

        return traced

    @property
    def variables(self) -> dict[str, list[Any]]:
        """All that changes in a step, by kind: what a later step needs to be the same."""
        return {
            "model": list(self.model.variables),  # the dropouts' generators too
            "optimizer": list(self.optimizer.variables),
            "average": self.averages,
        }

    def set_rate(self, rate: float) -> None:
        """Choose the learning rate of the next steps."""
        if rate != self._rate:
            self.optimizer.learning_rate = self._rate = rate

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Let the network have the averages of its weights meanwhile, where there are any."""
        weights = self.model.trainable_variables if self.averages else []
        kept = [keras.ops.convert_to_numpy(weight) for weight in weights]
        for weight, average in zip(weights, self.averages, strict=True):
            weight.assign(average.numpy())
        try:
            yield
        finally:
            for weight, values in zip(weights, kept, strict=True):
                weight.assign(values)

    def _step(self, network: Network, waveforms: Any, targets: dict[str, Any]) -> Any:
        """Learn from a batch; returns its losses before."""
        import tensorflow as tf

        told = self.strategy.run(self._learn, args=(network, waveforms, targets))
        for average, weight in zip(self.averages, self.model.trainable_variables, strict=False):
            average.assign(self.config.ema * average + (1 - self.config.ema) * weight.value)
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, told, axis=None)

    def _learn(self, network: Network, waveforms: Any, targets: dict[str, Any]) -> Any:
        """Do a device's share of a step; returns its share of the losses."""
        import tensorflow as tf

        waveforms, targets = self._share(waveforms, targets)
        with tf.GradientTape() as tape:
            outputs = network(waveforms, training=True)
            losses = self._losses(outputs, targets) / self.replicas
            scaled = self.optimizer.scale_loss(losses[0])
        weights = [weight.value for weight in self.model.trainable_variables]
        gradients = tape.gradient(scaled, weights)
        self.optimizer.apply(self._clipped(gradients), self.model.trainable_variables)
        # Part of a convolution, ReLU makes 0 of NaN, so that the losses alone need not show it.
        unseen = 0 * tf.reduce_sum(waveforms)
        if self.config.mixed_precision != "mixed_float16":  # where such steps are left out
            unseen += 0 * tf.linalg.global_norm(gradients)
        return losses + unseen

    def _share(self, waveforms: Any, targets: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Take this device's share of a batch.

        A batch that does not divide, as the last of an epoch may not, each computes whole: the
        mean of equal means is the mean.
        """
        import tensorflow as tf

        if self.replicas == 1:
            return waveforms, targets
        count = tf.shape(waveforms)[0]
        own = tf.where(count % self.replicas == 0, count // self.replicas, count)
        here = tf.distribute.get_replica_context().replica_id_in_sync_group
        first = tf.where(own == count, 0, own * here)
        return waveforms[first : first + own], {
            name: target[first : first + own] for name, target in targets.items()
        }

    def _losses(self, outputs: list[Any], targets: dict[str, Any]) -> Any:
        """Return the total and the three cross-entropies, means over the examples."""
        import tensorflow as tf

        entropies = [
            self._entropy(targets[name], output)
            for name, output in zip(TARGETS, outputs, strict=True)
        ]
        weighted = zip(self.config.loss_weights, entropies, strict=True)
        terms = [weight * entropy for weight, entropy in weighted]
        terms += [tf.cast(penalty, terms[0].dtype) for penalty in self.model.losses]
        # Not add_n, whose order depends on which memory is free.
        return tf.stack([tf.reduce_sum(tf.stack(terms)), *entropies])

    def _entropy(self, target: Any, output: Any) -> Any:
        """Return the mean binary cross-entropy over all samples, to which unknown ones add none."""
        import tensorflow as tf

        if not self.is_marked:
            return tf.reduce_mean(keras.losses.binary_crossentropy(target, output))
        entropy = keras.losses.binary_crossentropy(tf.nn.relu(target), output)
        # As in Keras, which divides by the number of all samples, not by the sum of their weights.
        return tf.reduce_mean(tf.where(target[..., 0] >= 0, entropy, 0))

    def _clipped(self, gradients: list[Any]) -> list[Any]:
        """Scale gradients down together, by their norm over all devices.

        Source: Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063.
        """
        import tensorflow as tf

        if not self.config.clip_norm:
            return gradients
        if self.replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        most = self.optimizer.scale_loss(self.config.clip_norm * 1.0)
        clipped, _ = tf.clip_by_global_norm(gradients, tf.cast(most, tf.float32))
        # The optimizer adds them up over the devices once more.
        return [gradient / self.replicas for gradient in clipped]

    def _validate(
        self, network: Network, waveforms: Any, targets: dict[str, Any]
    ) -> tuple[Any, Any, Any]:
        """Return losses, peaks and where they are: see `eqt.training.metrics`."""
        import tensorflow as tf

        outputs = network(waveforms, training=False)
        together = tf.concat(outputs, axis=-1)
        above = tf.reduce_sum(tf.cast(together[..., 0] > Thresholds().detection, tf.int32), axis=1)
        highest = tf.argmax(together[..., 1:], axis=1, output_type=tf.int32)
        # argmax of an axis in the middle: the peak itself is the maximum along it.
        found = tf.concat([above[:, None], highest], axis=1)
        return self._losses(outputs, targets), found, tf.reduce_max(together[..., 1:], axis=1)
