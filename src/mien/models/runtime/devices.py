"""Devices that installed models run on, and their provider options: tables and pure functions; `probe` tries them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Device:
    """One row of the table, named as the setting `device` names it; two rows with a name are two kinds of hardware.

    `provider` is onnxruntime's name, `title` is for people, `base` are options that it always needs. `halves`: it can run a
    model of single precision in half. `binds`: inputs and outputs can stay in its memory.
    """

    name: str
    provider: str
    title: str
    base: Mapping[str, str] = field(default_factory=dict)
    halves: bool = False
    binds: bool = False


CPU = Device("cpu", "CPUExecutionProvider", "the processor")
DEVICES = (
    Device(
        "tensorrt",
        "TensorrtExecutionProvider",
        "NVIDIA card, TensorRT",
        {"device_id": "0"},
        halves=True,
        binds=True,
    ),
    Device(
        "cuda",
        "CUDAExecutionProvider",
        "NVIDIA card, CUDA",
        {"device_id": "0"},
        binds=True,
    ),
    Device(
        "migraphx",
        "MIGraphXExecutionProvider",
        "AMD card, MIGraphX",
        {"device_id": "0"},
        halves=True,
    ),
    Device("rocm", "ROCMExecutionProvider", "AMD card, ROCm", {"device_id": "0"}),
    Device("coreml", "CoreMLExecutionProvider", "Apple chip, CoreML", {}, halves=True),
    Device(
        "openvino",
        "OpenVINOExecutionProvider",
        "Intel card, OpenVINO",
        {"device_type": "GPU"},
        halves=True,
    ),
    Device(
        "openvino",
        "OpenVINOExecutionProvider",
        "the processor, OpenVINO",
        {"device_type": "CPU"},
        halves=True,
    ),
    Device("directml", "DmlExecutionProvider", "graphics card, DirectML", {"device_id": "0"}),
    CPU,
)
"""All devices, fastest first, in the order in which they are tried."""

UNUSED = {"AzureExecutionProvider": "never used: it would send pictures to a server"}
"""Providers of onnxruntime that mien leaves alone, and why."""

RUNTIME_PACKAGES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-directml",
    "onnxruntime-migraphx",
    "onnxruntime-rocm",
    "onnxruntime-training",
)
"""Packages that all put their files into one folder, so that only one may be installed."""


def devices_named(name: str, providers: list[str]) -> tuple[Device, ...]:
    """Return the rows that `name` (`auto` = any) stands for in a build with these providers, in the order of trial."""
    return tuple(each for each in DEVICES if name in {"auto", each.name} and each.provider in providers)


def option_sets(device: Device, *, half: bool, cache: Path | None, threads: int, graph: bool) -> Iterator[dict[str, str]]:
    """Yield options for onnxruntime, best first: with a captured graph of kernels, without one, and last without extras.

    `cache` is an existing folder for what the device builds out of the model; it is the first extra to be dropped. `graph` =
    all shapes of the model are fixed.
    """
    special = _special(device, half, cache, threads)
    captured = _CAPTURE.get(device.name)
    if graph and captured is not None:
        yield {**device.base, **special, captured[0]: captured[1]}
    yield {**device.base, **special}
    bare = _special(device, half, None, threads)
    if bare != special:
        yield {**device.base, **bare}
    if bare and not half:
        yield dict(device.base)


_CAPTURE = {"tensorrt": ("trt_cuda_graph_enable", "True"), "cuda": ("enable_cuda_graph", "1")}


def captures(options: Mapping[str, str]) -> bool:
    """Return True for options by which the device replays a captured graph, which needs fixed shapes and buffers."""
    return any(options.get(key) == value for key, value in _CAPTURE.values())


def _special(device: Device, half: bool, cache: Path | None, threads: int) -> dict[str, str]:
    folder = "" if cache is None else str(cache)
    match device.name:
        case "tensorrt":
            # Norms overflow in half precision; TensorRT keeps those layers in single on request.
            options = {"trt_fp16_enable": str(half), "trt_layer_norm_fp32_fallback": "True"}
            if folder:
                options |= {"trt_engine_cache_enable": "True", "trt_engine_cache_path": folder}
                options |= {"trt_timing_cache_enable": "True", "trt_timing_cache_path": folder}
            return options
        case "cuda":
            # The arena takes the requested size, not the next power of two: other programs use the card, too.
            return {"arena_extend_strategy": "kSameAsRequested", "cudnn_conv_use_max_workspace": "1"}
        case "migraphx":
            options = {"migraphx_fp16_enable": "1" if half else "0"}
            return options | ({"migraphx_model_cache_dir": folder} if folder else {})
        case "coreml":
            # The neural engine has half precision only.
            options = {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL" if half else "CPUAndGPU"}
            return options | ({"ModelCacheDirectory": folder} if folder else {})
        case "openvino":
            kind = device.base["device_type"]
            number = {"GPU": "f16", "CPU": "bf16"}[kind] if half else "f32"
            options = {"load_config": json.dumps({kind: {"INFERENCE_PRECISION_HINT": number}})}
            options |= {"num_of_threads": str(threads)} if kind == "CPU" else {}
            return options | ({"cache_dir": folder} if folder else {})
    return {}


def usable_cores(allowed: int, logical: int, physical: int) -> int:
    """Return the physical cores among the `allowed` logical ones; a second thread on a core makes a network slower."""
    return max(1, allowed * physical // max(logical, physical, 1))


_FULL = re.compile(
    r"out of memory|OUTOFMEMORY|OUT_OF_MEMORY|failed to allocate|bad_alloc|ALLOC_FAILED"
    r"|insufficient memory|cannot allocate memory|available memory of",
    re.IGNORECASE,
)


def is_out_of_memory(text: str) -> bool:
    """Return True for an error of onnxruntime or a driver that means exhausted memory."""
    return _FULL.search(text) is not None


@dataclass(frozen=True, slots=True)
class Ailment:
    """Reason why a device does not work, and its remedy; `absent` = there is no such device, which is not a fault."""

    reason: str
    remedy: str
    absent: bool = False


_LIBRARY = re.compile(
    r"([\w.+-]+\.so[\w.]*): cannot open shared object"
    r"|depends on \"?([\w.+-]+\.dll)\"? which is missing|Library not loaded: (\S+)"
)
_EXTRAS_CUDA = "install the extra: `scripts/install --runtime cuda`, or see docs/runtime.md"
_NVIDIA_DRIVER = "install NVIDIA's driver for this card, then start mien again"
_TENSORRT = "install TensorRT (`python -m pip install tensorrt` with mien's Python), or leave it: CUDA is used instead"
_MISSING = (
    (r"^(libcuda\.so|nvcuda)", _NVIDIA_DRIVER),
    (r"^(lib)?(nvinfer|nvonnxparser)", _TENSORRT),
    (r"^(lib)?(cudnn|cublas|cudart|cufft|curand|nvrtc|nvJitLink|cusparse)", _EXTRAS_CUDA),
    (r"^lib(amdhip|migraphx|hip|roc|MIOpen|hsa)", "install AMD's ROCm and let its libraries be found (LD_LIBRARY_PATH)"),
    (r"^lib(openvino|tbb|OpenCL)", "install the extra: `scripts/install --runtime openvino`, or see docs/runtime.md"),
)
_KNOWN_ERRORS = (
    (r"driver version is insufficient", "NVIDIA's driver is too old for this onnxruntime", "install a newer driver"),
    (r"no kernel image|not supported on this GPU|unsupported.*compute capability", "the card is too old", "use another device"),
    (r"Please install TensorRT", "TensorRT's libraries are not found", _TENSORRT),
)
_ABSENT = (
    (r"no CUDA-capable device|CUDA_ERROR_NO_DEVICE|no CUDA device", "there is no NVIDIA card"),
    (r"[Dd]evice .?GPU.* not (available|registered|found)|GPU is not available", "there is no supported Intel card"),
)


def diagnose(text: str) -> Ailment:
    """Return the meaning of an error of onnxruntime, its log or the system's loader; an unknown one is quoted, shortened."""
    return recognise(text) or Ailment(_gist(text) or "it gave no reason", "use another device, or see docs/runtime.md")


def recognise(text: str) -> Ailment | None:
    """Return the meaning of an error as `diagnose` does, None for an unknown one."""
    if is_out_of_memory(text):
        return Ailment("its memory is full", "close other programs that use it, or choose a smaller model")
    library = next((name for match in _LIBRARY.finditer(text) for name in match.groups() if name), None)
    if library is not None:
        library = library.rsplit("/", 1)[-1]
        remedy = next((how for pattern, how in _MISSING if re.search(pattern, library)), "install what brings this library")
        return Ailment(f"the library {library} is missing", remedy, absent=remedy == _TENSORRT)
    known = [Ailment(reason, remedy) for pattern, reason, remedy in _KNOWN_ERRORS if re.search(pattern, text)]
    gone = [Ailment(reason, "use another device", absent=True) for pattern, reason in _ABSENT if re.search(pattern, text)]
    return next(iter((*known, *gone)), None)


_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_MAX_LETTERS = 240  # of a quoted error: two to three lines of a terminal


def _gist(text: str) -> str:
    """Return the last line with text, without colours, shortened."""
    lines = [line.strip() for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last if len(last) <= _MAX_LETTERS else f"…{last[1 - _MAX_LETTERS :].lstrip()}"


def mending(installed: list[str], python: str) -> list[str]:
    """Return the commands that leave one of several builds of onnxruntime: the most specific one, installed again."""
    keep = next((name for name in reversed(RUNTIME_PACKAGES) if name in installed), RUNTIME_PACKAGES[0])
    return [
        f"{python} -m pip uninstall --yes {' '.join(installed)}",
        f"{python} -m pip install --no-deps {keep}",
    ]


def worth_openvino(processor: str, machine: str) -> bool:
    """Return True for a processor that computes in bfloat16, which OpenVINO uses; `processor` as in /proc/cpuinfo."""
    return machine in {"x86_64", "AMD64"} and re.search(r"\b(avx512_bf16|amx_bf16)\b", processor) is not None
