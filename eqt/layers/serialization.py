"""Names under which Keras saves this package's layers: ``eqt>`` and the class."""

import keras

registered = keras.saving.register_keras_serializable(package="eqt")
