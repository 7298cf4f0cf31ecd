"""File formats of networks, a module each; `eqt.model_io` selects among them.

============  ======================================================
`weights_h5`  this package's own: weights and configuration in HDF5
`keras_v3`    Keras's ``.keras``
`keras_v2`    the published weights, files of Keras 2
`seisbench`   the PyTorch state of SeisBench's EQTransformer
`export`      ONNX and SavedModel
`validation`  arrays and configurations of untrusted files
`safe_zip`    zip archives of untrusted files
============  ======================================================
"""
