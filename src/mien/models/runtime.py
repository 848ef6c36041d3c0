"""The only door to onnxruntime.

Its official builds report their use to their maker unless told not to, and decide so while they are imported; nothing that
mien does leaves the machine.
"""

import os
from collections.abc import Mapping

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # the name on Linux and macOS; Windows follows the call below

import numpy as np
import onnxruntime

from mien.errors import ModelDamaged
from mien.signature import Shape
from mien.types import Array

onnxruntime.disable_telemetry_events()

_NUMPY_NAMES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}


class OnnxSession:
    """A `contracts.Session` on onnxruntime.

    One thread by default: mien runs stages side by side, and the embedded models are too small to gain from more.
    """

    def __init__(self, model_id: str, content: bytes, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A spinning pool would burn the second core while the frame is decoded or encoded.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelDamaged(f"onnxruntime cannot open {model_id}: {error}", "install mien again") from error
        self._model_id = model_id
        self._outputs = [output.name for output in self._session.get_outputs()]

    @property
    def provider(self) -> str:
        return str(self._session.get_providers()[0])

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return {entry.name: tuple(entry.shape) for entry in self._session.get_inputs()}

    @property
    def outputs(self) -> Mapping[str, Shape]:
        return {entry.name: tuple(entry.shape) for entry in self._session.get_outputs()}

    @property
    def dtypes(self) -> Mapping[str, str]:
        entries = (*self._session.get_inputs(), *self._session.get_outputs())
        return {entry.name: _NUMPY_NAMES.get(entry.type, entry.type) for entry in entries}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        values = self._session.run(self._outputs, dict(inputs))
        return {name: np.asarray(value) for name, value in zip(self._outputs, values, strict=True)}


def available_providers() -> list[str]:
    """What the installed onnxruntime was built for, best first; a name here is not yet a working device."""
    return list(onnxruntime.get_available_providers())


def version() -> str:
    """The version of onnxruntime."""
    return str(onnxruntime.__version__)
