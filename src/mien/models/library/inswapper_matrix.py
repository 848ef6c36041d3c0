"""The embedding matrix of an inswapper file, cached beside it: reading it from half a gigabyte takes seconds."""

import contextlib
import hashlib
import io
from pathlib import Path

import numpy as np

from mien.models.format.onnx_matrix import find_matrix
from mien.models.library.files import replace_file
from mien.models.library.store import ModelEntry, Store
from mien.types import Floats

SUFFIX = ".emap.npy"
"""Suffix of the cache file, after the name of the model's file."""

_SIDE = 512  # numbers of an embedding
_ROW = np.dtype([("model", "S64"), ("digest", "S64"), ("matrix", "<f4", (_SIDE, _SIDE))])
_MAX_BYTES = _ROW.itemsize + 4096  # the row and the header of the npy format


def load_matrix(store: Store, entry: ModelEntry) -> Floats:
    """Return the matrix that maps a unit embedding of the recogniser, as a row, to the input of inswapper; float32 (512, 512).

    The cache holds the sha256 of the model and of the matrix; it is rebuilt when either differs. A folder that cannot be
    written to costs time at each start and is not an error.

    Raises what `Store.read` raises, and `ModelMismatch` when there is none.
    """
    path = store.path(entry.id)
    path = path.with_name(path.name + SUFFIX)
    matrix = _cached(path, entry.sha256)
    if matrix is None:
        with store.verified(entry.id) as file:
            matrix = find_matrix(file, _SIDE, model=entry.id)
        with contextlib.suppress(OSError):
            _cache(path, entry.sha256, matrix)
    return matrix


def _cached(path: Path, sha256: str) -> Floats | None:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        row = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, SyntaxError):
        return None
    if not isinstance(row, np.ndarray) or row.dtype != _ROW or row.shape != ():
        return None
    matrix = np.ascontiguousarray(row["matrix"], np.float32)
    right = bytes(row["model"]).decode("ascii", "replace") == sha256 and bytes(row["digest"]) == _digest(matrix)
    return matrix if right else None


def _cache(path: Path, sha256: str, matrix: Floats) -> None:
    row = np.zeros((), _ROW)
    row["model"], row["digest"], row["matrix"] = sha256.encode("ascii"), _digest(matrix), matrix
    content = io.BytesIO()
    np.save(content, row, allow_pickle=False)
    replace_file(path, content.getvalue())


def _digest(matrix: Floats) -> bytes:
    return hashlib.sha256(matrix.tobytes()).hexdigest().encode("ascii")
