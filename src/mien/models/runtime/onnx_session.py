"""The only door to onnxruntime.

Its official builds send usage data to their vendor unless this is switched off before they are imported; nothing that mien
does leaves the machine.
"""

import contextlib
import ctypes
import importlib.util
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # the name on Linux and macOS; Windows follows the call below

import numpy as np
import onnxruntime
import psutil

from mien.errors import DeviceFull, DeviceUnavailable, ModelDamaged, ModelError, ModelMismatch
from mien.imaging.kernel_files import kernel_folder
from mien.models.format.onnx_walk import read_graph
from mien.models.format.ports import Shape
from mien.models.runtime.devices import CPU, Device, captures, diagnose, is_out_of_memory, option_sets, usable_cores
from mien.system.machine_record import read_record
from mien.system.processor import available_cores
from mien.types import Array

onnxruntime.disable_telemetry_events()

_log = logging.getLogger(__name__)
_NUMPY_NAMES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}
_WARM_RUNS = 3  # on a card: the first plans memory and picks kernels, a later one captures the graph; elsewhere 1 is enough
_FATAL_ONLY = 4  # severity of onnxruntime's own output; its errors arrive as exceptions


class OnnxSession:
    """A `contracts.Session` on onnxruntime, on one device; it never falls back to another.

    One thread of the processor by default: mien runs stages in parallel, and the embedded models are too small to gain from
    more. Exhausted memory closes the session.
    """

    def __init__(
        self,
        model_id: str,
        content: bytes | Path,
        *,
        threads: int = 1,
        device: Device = CPU,
        half: bool = False,
        cache: Path | None = None,
        warm: bool = False,
        plain: bool | None = None,
        remedy: str = "install mien again",
        library: Any = onnxruntime,
    ) -> None:
        """Open a model; `half` = compute in half precision, `cache` = folder for what the device builds, `warm` = run it before
        it is used, `plain` = run the nodes as the file has them, without optimisation (None: where the fast way computed wrong
        numbers on this machine). Raises `ModelDamaged`, `DeviceUnavailable` or `DeviceFull`.
        """
        self._model_id, self._device = model_id, device
        self._plain = not read_record(kernel_folder()).networks if plain is None else plain
        self._session: Any = None
        self._call: _Plain | _Bound | None = None
        try:
            self._open(content, threads, half, cache, library)
            if warm:
                self._warm_up()
        except ModelError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise self._opening_failed(_words(error), remedy) from error

    def _open(self, content: bytes | Path, threads: int, half: bool, cache: Path | None, library: Any) -> None:
        if self._device.binds:
            preload(library)
        graph = self._device.binds and _is_fixed(content, self._model_id)
        sets = list(option_sets(self._device, half=half, cache=cache, threads=threads, graph=graph))
        session: Any = None
        for number, options in enumerate(sets, 1):
            try:
                session = self._new(content, options, threads, library)
                break
            except Exception as error:
                if number == len(sets) or is_out_of_memory(_words(error)):
                    raise
                given_up = "a captured graph" if captures(options) else "options of its own"
                _log.info("%s opens on %s without %s: %s", self._model_id, self._device.title, given_up, error)
        self._describe(session)
        self._session = session
        self._call = _Bound(library, session, self._outputs) if self._device.binds else _Plain(session, self._device)

    def _new(self, content: bytes | Path, options: Mapping[str, str], threads: int, library: Any) -> Any:
        """Return an opened session of onnxruntime; one that has silently fallen back to another provider is refused."""
        device = self._device
        settings = library.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = _FATAL_ONLY
        levels = library.GraphOptimizationLevel
        settings.graph_optimization_level = levels.ORT_DISABLE_ALL if self._plain else levels.ORT_ENABLE_ALL
        # A spinning pool would occupy the second core while the frame is decoded or encoded, and is no faster (BENCHMARKS.md).
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if device.name == "directml":
            settings.enable_mem_pattern = False
        # TensorRT leaves to CUDA what it cannot do, and every device leaves the computation of shapes to the processor.
        further = [("CUDAExecutionProvider", {"device_id": "0"})] if device.name == "tensorrt" else []
        providers = [(device.provider, dict(options)), *further, *([(CPU.provider, {})] if device is not CPU else [])]
        # A file that onnxruntime reads by itself does not block the other threads; bytes in memory do while they are parsed.
        given = content if isinstance(content, bytes) else str(content)
        session = library.InferenceSession(given, settings, providers=providers, enable_fallback=0)
        found = str(session.get_providers()[0])
        if found != device.provider:
            raise DeviceUnavailable(
                f"{self._model_id} was to run on {device.title}, but onnxruntime has fallen back to {found}",
                "`mien doctor` says why; `device = cpu` runs everywhere",
            )
        # Otherwise a failed run would fall back to the processor; it keeps the bytes of the file for that.
        session.disable_fallback()
        session._model_bytes = None
        return session

    def _describe(self, session: Any) -> None:
        taken, given = session.get_inputs(), session.get_outputs()
        self._inputs = {entry.name: tuple(entry.shape) for entry in taken}
        self._outputs = {entry.name: tuple(entry.shape) for entry in given}
        self._dtypes = {entry.name: _NUMPY_NAMES.get(entry.type, entry.type) for entry in (*taken, *given)}

    def _warm_up(self) -> None:
        """Run on zeros, so that no live frame waits; a free first dimension counts as one, other free ones prevent the run."""
        shapes = {
            name: tuple(_one(size) if n == 0 else size for n, size in enumerate(shape)) for name, shape in self._inputs.items()
        }
        if any(not isinstance(size, int) for shape in shapes.values() for size in shape):
            return
        feeds = {name: np.zeros(shape, self._dtypes[name]) for name, shape in shapes.items()}
        for _ in range(_WARM_RUNS if self._device.binds else 1):
            self.run(feeds)

    def _opening_failed(self, text: str, remedy: str) -> ModelError:
        ailment = diagnose(text)
        if is_out_of_memory(text):
            return DeviceFull(f"{self._model_id} does not fit: {self._device.title} has too little memory left", ailment.remedy)
        if self._device is CPU:
            return ModelDamaged(f"onnxruntime cannot open {self._model_id}: {ailment.reason}", remedy)
        return DeviceUnavailable(
            f"{self._model_id} does not open on {self._device.title}: {ailment.reason}",
            f"{ailment.remedy}; `device = cpu` runs everywhere",
        )

    @property
    def provider(self) -> str:
        """Name of the provider, such as `CPUExecutionProvider`."""
        return self._device.provider

    @property
    def closed(self) -> bool:
        """True once the session has released its memory, because it was closed or memory ran out."""
        return self._session is None

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """Names and shapes of the inputs."""
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, Shape]:
        """Names and shapes of the outputs."""
        return self._outputs

    @property
    def dtypes(self) -> Mapping[str, str]:
        """Type of every input and output, by name, as numpy calls it."""
        return self._dtypes

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the model once; raises a `ModelError`, and closes the session when memory has run out."""
        call = self._call
        if call is None:
            raise ModelError(f"{self._model_id} is closed", "open it again")
        try:
            return call(inputs)
        except ModelError:
            raise
        except Exception as error:
            raise self._running_failed(error) from error

    def _running_failed(self, error: Exception) -> ModelError:
        text = _words(error)
        if is_out_of_memory(text):
            self.close()
            return DeviceFull(
                f"{self._model_id}: {self._device.title} has no memory left; the model was closed", diagnose(text).remedy
            )
        if type(error).__name__ == "InvalidArgument":
            return ModelMismatch(
                f"{self._model_id} got an input that it does not take: {text}", "use the file of the catalogue"
            )
        return ModelError(f"{self._model_id} failed on {self._device.title}: {diagnose(text).reason}", "choose another device")

    def close(self) -> None:
        """Release the device's memory; later runs raise a `ModelError`."""
        self._session = None
        self._call = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Plain:
    """Session that is called with arrays in main memory; onnxruntime copies them to the device and back."""

    def __init__(self, session: Any, device: Device) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        # DirectML's sessions are the only ones that must not be called from two threads at once.
        self._turn: Any = threading.Lock() if device.name == "directml" else contextlib.nullcontext()

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        with self._turn:
            values = self._session.run(self._outputs, dict(feeds))
        return {name: np.asarray(value) for name, value in zip(self._outputs, values, strict=True)}


class _Bound:
    """Session whose inputs and outputs stay on the device, in buffers that are reused; one call at a time.

    Outputs with a free dimension are allocated in every run. A captured graph of kernels needs the same buffers each time.
    """

    def __init__(self, library: Any, session: Any, outputs: Mapping[str, Shape], place: str = "cuda") -> None:
        self._library, self._session, self._place = library, session, place
        self._turn = threading.Lock()
        self._io = session.io_binding()
        self._buffers: dict[str, Any] = {}
        self._types = {entry.name: _NUMPY_NAMES.get(entry.type) for entry in session.get_inputs()}
        self._fixed: list[str] = []
        self._free: list[str] = []
        for output in session.get_outputs():
            shape, kind = outputs[output.name], _NUMPY_NAMES.get(output.type)
            if kind is not None and all(isinstance(size, int) for size in shape):
                buffer = library.OrtValue.ortvalue_from_shape_and_type(list(shape), np.dtype(kind).type, place, 0)
                self._io.bind_ortvalue_output(output.name, buffer)
                self._fixed.append(output.name)
            else:
                self._free.append(output.name)

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        with self._turn:
            if set(feeds) != set(self._types):
                raise ModelMismatch(
                    f"a model wants {sorted(self._types)}, not {sorted(feeds)}", "use the file of the catalogue"
                )
            for name, value in feeds.items():
                self._feed(name, np.ascontiguousarray(value))
            for name in self._free:
                self._io.bind_output(name, self._place, 0)
            self._session.run_with_iobinding(self._io)
            # Values in main memory are views, and would change with the next run.
            values = zip((*self._fixed, *self._free), self._io.get_outputs(), strict=True)
            return {name: np.array(value.numpy(), copy=value.device_name() == "cpu" or None) for name, value in values}

    def _feed(self, name: str, value: Array) -> None:
        if value.dtype.name != self._types[name]:
            raise ModelMismatch(
                f"the input {name!r} wants {self._types[name]}, not {value.dtype}", "use the file of the catalogue"
            )
        buffer = self._buffers.get(name)
        if buffer is not None and tuple(buffer.shape()) == value.shape:
            buffer.update_inplace(value)
            return
        self._buffers[name] = self._library.OrtValue.ortvalue_from_numpy(value, self._place, 0)
        self._io.bind_ortvalue_input(name, self._buffers[name])


def _words(error: Exception) -> str:
    return str(error) or ("out of memory" if isinstance(error, MemoryError) else type(error).__name__)


def _one(size: int | str | None) -> int:
    return size if isinstance(size, int) else 1


def _is_fixed(content: bytes | Path, model_id: str) -> bool:
    """Return True for a model without free dimensions, the batch included: only then can a graph be captured."""
    graph = read_graph(content, model_id)
    return all(isinstance(size, int) for tensor in (*graph.inputs, *graph.outputs) for size in tensor.shape)


def preload(library: Any = onnxruntime) -> None:
    """Load the libraries of NVIDIA's Python packages, before a device that needs them is opened."""
    if CPU.provider == library.get_available_providers()[0] or not hasattr(library, "preload_dlls"):
        return
    # It prints what it cannot find; if that matters, opening the device fails.
    with contextlib.redirect_stdout(None):
        library.preload_dlls()
    found = importlib.util.find_spec("tensorrt_libs")
    for folder in found.submodule_search_locations or () if found is not None else ():
        for path in sorted((*Path(folder).glob("libnvinfer.so*"), *Path(folder).glob("libnvonnxparser.so*"))):
            with contextlib.suppress(OSError):
                ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)


def threads() -> int:
    """Return the number of threads for a network: the physical cores that this process may use."""
    logical = psutil.cpu_count() or 1
    return usable_cores(available_cores(), logical, psutil.cpu_count(logical=False) or logical)


def available_providers(library: Any = onnxruntime) -> list[str]:
    """Return the providers in the installed build of onnxruntime, best first; they need not work."""
    return list(library.get_available_providers())


def version(library: Any = onnxruntime) -> str:
    """Return the version of onnxruntime."""
    return str(library.__version__)
