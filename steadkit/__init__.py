"""steadkit: cut STEAD down reproducibly, check it, and feed it to training."""

from steadkit.errors import InputError
from steadkit.version import __version__

__all__ = ["InputError", "__version__"]
