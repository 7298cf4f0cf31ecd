"""eqt: the Earthquake Transformer on Keras 3."""
