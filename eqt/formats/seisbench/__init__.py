"""SeisBench's EQTransformer, a PyTorch state (``.pt``) beside its arguments (``.json``).

The network is the same, so every weight has its equal; PyTorch keeps most of them transposed, the
biases of an LSTM twice, and the components of the input in another order. Only the two variants
that SeisBench calls ``original_compatible`` compute what the published network does: the others
crop elsewhere after upsampling and add 1e-5, not 1e-7, to the sum of the attention's weights.

PyTorch is imported only in `files`, and only to read and write tensors (``weights_only``): neither
SeisBench nor anything in the file is run.

Source: ``seisbench/models/eqtransformer.py``, https://github.com/seisbench/seisbench.
"""

from eqt.formats.seisbench.convert import arguments, check_convertible, from_state, to_state
from eqt.formats.seisbench.files import load, read, save

__all__ = ["arguments", "check_convertible", "from_state", "load", "read", "save", "to_state"]
