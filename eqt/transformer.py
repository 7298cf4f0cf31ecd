"""The Earthquake Transformer as a class: built from a configuration, or read with its weights."""

import os
from typing import Any

import keras
from obspy import Stream

from eqt.config import EQTConfig
from eqt.model import build_model
from eqt.model_io import load_model, save_model
from eqt.picking.annotate import Classification, annotate, classify
from eqt.pretrained import find_weights

_DEFAULT = EQTConfig()


class EQTransformer(keras.Model):
    """The network of `eqt.build_model` as a Keras model that carries its configuration.

    ``predict`` and ``fit`` are Keras's. The network takes waveforms of shape (n, 6000, 3), E, N and
    Z at 100 Hz, each demeaned and divided by its standard deviation as `steadkit.transforms` does;
    it returns three arrays of shape (n, 6000, 1), the probabilities of detection, P and S.

    Source: Mousavi et al. (2020), doi:10.1038/s41467-020-17591-w.

    Parameters
    ----------
    config
        Configuration of the network, kept as ``config``; the published network by default.
    seed
        Seed of the initial weights and of dropout.

    Examples
    --------
    >>> import numpy as np
    >>> model = EQTransformer()
    >>> waveforms = np.zeros((2, 6000, 3), "float32")
    >>> [probabilities.shape for probabilities in model.predict(waveforms, verbose=0)]
    [(2, 6000, 1), (2, 6000, 1), (2, 6000, 1)]
    """

    def __init__(self, config: EQTConfig = _DEFAULT, seed: int = 0):
        network = build_model(config, seed)
        super().__init__(network.input, network.outputs, name=network.name)
        self.config = config

    @classmethod
    def from_pretrained(cls, path_or_name: str | os.PathLike[str]) -> "EQTransformer":
        """Return a network with trained weights.

        Parameters
        ----------
        path_or_name
            A run folder or any file that `eqt.load_model` reads; or ``original`` or
            ``conservative``, the published weights, which are downloaded once.

        Raises
        ------
        InputError
            The file is missing, damaged, or of another format, or the download fails.
        """
        trained = load_model(find_weights(path_or_name))
        model = cls(trained.config)
        model.set_weights(trained.get_weights())
        return model

    def annotate(self, stream: Stream, **options: Any) -> Stream:
        """Return the probabilities of raw records; see `eqt.annotate`."""
        return annotate(stream, self, **options)

    def classify(self, stream: Stream, **options: Any) -> Classification:
        """Return the picks and detections of raw records; see `eqt.classify`."""
        return classify(stream, self, **options)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False, **_: Any) -> None:
        """Write the network as ``.keras`` or ``.weights.h5``; see `eqt.save_model`."""
        save_model(self, path, overwrite)
