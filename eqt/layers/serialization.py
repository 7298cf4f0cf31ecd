"""Registration with Keras: layers are saved as ``eqt>`` and the name of their class."""

import keras

registered = keras.saving.register_keras_serializable(package="eqt")
