"""Batches for networks of one picture in, one array out."""

from collections.abc import Mapping

import numpy as np

from mien.contracts import Session
from mien.errors import ModelMismatch
from mien.models.format.ports import Bound, fits, shape_text
from mien.types import Array, Floats


def feed(
    model_id: str, session: Session, bound: Bound, blob: Array, most: int, further: Mapping[str, Array] | None = None
) -> Floats:
    """Return the first output for `blob` (n, ...), float32 (n, ...); `most` pictures a run, one where n is fixed to 1.

    `further` inputs, by name, are the same for all pictures. Raises `ModelMismatch` for another shape than that of the tensor:
    an output need not have the declared shape, and it is not checked again.
    """
    taken, given = bound.taken(0), bound.given(0)
    step = 1 if isinstance(taken.shape[0], int) or isinstance(given.shape[0], int) else most
    typed = blob.astype(taken.dtype, copy=False)
    rest = {} if further is None else further
    parts = [session.run({taken.name: typed[i : i + step], **rest})[given.name] for i in range(0, len(typed), step)]
    for number, part in enumerate(parts):
        wanted = (len(typed[number * step : (number + 1) * step]), *given.shape[1:])
        if not fits(part.shape, wanted):
            raise ModelMismatch(
                f"{model_id} gave {shape_text(part.shape)}, expected is {shape_text(wanted)}", "use the file of the catalogue"
            )
    # One large output is not copied.
    result = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return result.astype(np.float32, copy=False)
