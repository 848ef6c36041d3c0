"""Arrays that are shared and must not change."""

from typing import Any, TypeVar

import numpy as np

_A = TypeVar("_A", bound=np.ndarray[Any, Any])


def locked(array: _A) -> _A:
    """Make an array read-only in place and return it."""
    array.flags.writeable = False
    return array
