"""Training step and validation step, on one device or several.

Keras's own ``fit`` is not used: it cannot resume inside an epoch with the losses so far, it does
not return the batch whose loss is NaN, and on several devices it averages their means, which
differs from the mean over a batch that is not divisible. On one device these steps equal Keras's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import keras

from eqt.config import TrainConfig
from eqt.kernels.batch_halves import Network, run_in_halves
from eqt.picking.picks import Thresholds
from eqt.training.model import make_optimizer
from steadkit.labels import TARGETS
from steadkit.schema import N_SAMPLES, TRACE_SHAPE

LOSSES: Final = ("loss", *(f"{target}_loss" for target in TARGETS))
"""Losses that a step returns; the first is the weighted sum of the others plus the penalties."""


class Trainer:
    """A network with its optimizer, training step and validation step.

    Parameters
    ----------
    model
        The network, created in the scope of the strategy.
    config
        Training settings.
    strategy
        A ``tf.distribute.Strategy``.
    is_marked
        Whether unlabelled samples are marked in the targets; they add no loss.
    """

    def __init__(
        self, model: keras.Model, config: TrainConfig, strategy: Any, is_marked: bool = False
    ):
        import tensorflow as tf

        self.model, self.config, self.strategy = model, config, strategy
        self.is_marked = is_marked
        self.replicas = strategy.num_replicas_in_sync
        with strategy.scope():
            optimizer = make_optimizer(config)
            if config.mixed_precision == "mixed_float16":
                # Small gradients would be 0 as halves: Micikevicius et al. (2018), arXiv:1710.03740
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            # Now, since a checkpoint is read before the first step.
            optimizer.build(model.trainable_variables)
            weights = model.trainable_variables if config.ema else []
            self.averages = [tf.Variable(weight.value, trainable=False) for weight in weights]
        self.optimizer, self._rate = optimizer, float("nan")
        self.step, self.validate = self._trace(self._step), self._trace(self._validate)

    def _trace(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a step to a TensorFlow graph, for complete batches and for batches in halves."""
        import tensorflow as tf

        # Batches of any size, so that the last of an epoch does not compile the step again.
        signature = [
            tf.TensorSpec((None, *TRACE_SHAPE)),
            {target: tf.TensorSpec((None, N_SAMPLES, 1)) for target in TARGETS},
        ]
        options = {"autograph": False, "jit_compile": self.config.xla or None}
        full_step, halved_step = (
            tf.function(partial(act, network), signature, **options)
            for network in (run_in_halves(self.model, 1), run_in_halves(self.model))
        )
        # Depends on the device but not on the number of cores, so that a seed gives the same
        # dropout on any CPU.
        on_cpu = not tf.config.list_physical_devices("GPU")
        use_halves = self.replicas == 1 and not self.config.xla and on_cpu

        def traced(waveforms: Any, targets: dict[str, Any]) -> Any:
            return (halved_step if use_halves and len(waveforms) > 1 else full_step)(
                waveforms, targets
            )

        return traced

    @property
    def variables(self) -> dict[str, list[Any]]:
        """All variables that a step changes, by category; they determine the following steps."""
        return {
            "model": list(self.model.variables),  # with the seed generators of dropout
            "optimizer": list(self.optimizer.variables),
            "average": self.averages,
        }

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next steps."""
        # Most steps have the rate of the one before, and an assignment is a copy to each device.
        if rate != self._rate:
            self.optimizer.learning_rate = self._rate = rate

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Use the exponential moving averages of the weights inside the block, if there are any."""
        weights = self.model.trainable_variables if self.averages else []
        saved = [keras.ops.convert_to_numpy(weight) for weight in weights]
        for weight, average in zip(weights, self.averages, strict=True):
            weight.assign(average.numpy())
        try:
            yield
        finally:
            for weight, values in zip(weights, saved, strict=True):
                weight.assign(values)

    def _step(self, network: Network, waveforms: Any, targets: dict[str, Any]) -> Any:
        """Update the weights by a batch; returns its losses before the update."""
        import tensorflow as tf

        losses = self.strategy.run(self._train_replica, args=(network, waveforms, targets))
        for average, weight in zip(self.averages, self.model.trainable_variables, strict=False):
            average.assign(self.config.ema * average + (1 - self.config.ema) * weight.value)
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _train_replica(self, network: Network, waveforms: Any, targets: dict[str, Any]) -> Any:
        """Compute one device's share of a step; returns its share of the losses."""
        import tensorflow as tf

        waveforms, targets = self._replica_share(waveforms, targets)
        with tf.GradientTape() as tape:
            outputs = network(waveforms, training=True)
            # Gradients are summed over the devices, so each contributes its share of the mean.
            losses = self._losses(outputs, targets) / self.replicas
            scaled = self.optimizer.scale_loss(losses[0])
        weights = [weight.value for weight in self.model.trainable_variables]
        gradients = tape.gradient(scaled, weights)
        self.optimizer.apply(self._clip(gradients), self.model.trainable_variables)
        # A ReLU that is fused with a convolution maps NaN to 0, so the losses alone may hide it.
        nan_guard = 0 * tf.reduce_sum(waveforms)
        # Under float16, loss scaling skips steps whose gradients are not finite.
        if self.config.mixed_precision != "mixed_float16":
            nan_guard += 0 * tf.linalg.global_norm(gradients)
        return losses + nan_guard

    def _replica_share(self, waveforms: Any, targets: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return this device's share of a batch.

        Of a batch that is not divisible, as the last of an epoch may be, each device computes all
        traces: the mean of equal means is the mean.
        """
        import tensorflow as tf

        if self.replicas == 1:
            return waveforms, targets
        count = tf.shape(waveforms)[0]
        share = tf.where(count % self.replicas == 0, count // self.replicas, count)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        first = tf.where(share == count, 0, share * replica)
        return waveforms[first : first + share], {
            name: target[first : first + share] for name, target in targets.items()
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
        # Not add_n, whose order of summation depends on which memory is free first.
        return tf.stack([tf.reduce_sum(tf.stack(terms)), *entropies])

    def _entropy(self, target: Any, output: Any) -> Any:
        """Return the mean binary cross-entropy over all samples, with 0 for unlabelled ones."""
        import tensorflow as tf

        if not self.is_marked:
            return tf.reduce_mean(keras.losses.binary_crossentropy(target, output))
        # Marks are negative; as zeros they give finite entropies, which are left out below.
        entropy = keras.losses.binary_crossentropy(tf.nn.relu(target), output)
        # As Keras does: it divides by the number of samples, not by the sum of their weights.
        return tf.reduce_mean(tf.where(target[..., 0] >= 0, entropy, 0))

    def _clip(self, gradients: list[Any]) -> list[Any]:
        """Scale gradients down to the maximum global norm, taken over all devices.

        Source: Pascanu, Mikolov and Bengio (2013), arXiv:1211.5063.
        """
        import tensorflow as tf

        if not self.config.clip_norm:
            return gradients
        if self.replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        max_norm = self.optimizer.scale_loss(self.config.clip_norm * 1.0)
        clipped, _ = tf.clip_by_global_norm(gradients, tf.cast(max_norm, tf.float32))
        # The optimizer sums them over the devices once more.
        return [gradient / self.replicas for gradient in clipped]

    def _validate(
        self, network: Network, waveforms: Any, targets: dict[str, Any]
    ) -> tuple[Any, Any, Any]:
        """Return losses, candidates and peaks; see `eqt.training.metrics.count_batch`."""
        import tensorflow as tf

        outputs = network(waveforms, training=False)
        stacked = tf.concat(outputs, axis=-1)
        # Reduced on the device: the probabilities of a batch would be 14 MB to copy.
        n_above = tf.reduce_sum(tf.cast(stacked[..., 0] > Thresholds().detection, tf.int32), axis=1)
        peak_samples = tf.argmax(stacked[..., 1:], axis=1, output_type=tf.int32)
        candidates = tf.concat([n_above[:, None], peak_samples], axis=1)
        return self._losses(outputs, targets), candidates, tf.reduce_max(stacked[..., 1:], axis=1)
