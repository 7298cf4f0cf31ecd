"""Format of SeisBench's EQTransformer, a PyTorch state (``.pt``) with its arguments (``.json``).

The network is the same, so every weight has a counterpart; PyTorch stores most of them transposed,
an LSTM has two biases, and the input's components are in another order. Only the two variants that
SeisBench calls ``original_compatible`` compute the same as the published network: the others crop
at other places after upsampling and add 1e-5, not 1e-7, to the sum of the attention's weights.

PyTorch is imported only in `files`, and only to read and write tensors (``weights_only``): neither
SeisBench nor code in the file is run.

Source: ``seisbench/models/eqtransformer.py``, https://github.com/seisbench/seisbench.
"""

from eqt.formats.seisbench.convert import arguments, check_convertible, from_state, to_state
from eqt.formats.seisbench.files import load, save

__all__ = ["arguments", "check_convertible", "from_state", "load", "save", "to_state"]
