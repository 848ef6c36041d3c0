"""Devices that installed models run on, and their provider options: tables and pure functions. `probe` tries them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Device:
    """One row of the table, named as the setting `device` names it; two rows with a name are two kinds of hardware.

    `provider` is onnxruntime's name, `title` is for people, `base` what it must be told in any case. `halves`: it can reckon
    a model of single precision in half. `binds`: inputs and outputs can stay on it.
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
"""Fastest first: that is the order in which they are tried."""

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
"""They all put their files into one folder, so only one may be installed."""


def devices_named(name: str, providers: list[str]) -> tuple[Device, ...]:
    """The rows that `name` (`auto` = any) can mean in a build with these providers, in the order in which they are tried."""
    return tuple(each for each in DEVICES if name in {"auto", each.name} and each.provider in providers)


def option_sets(device: Device, *, half: bool, cache: Path | None, threads: int, graph: bool) -> Iterator[dict[str, str]]:
    """Options for onnxruntime, best first: with a captured graph of kernels, without one, and at last with nothing special.

    `cache` is an existing folder for what the device builds out of the model; it is done without before all else is. `graph` =
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
    """Whether these options have the device replay one captured graph, which needs fixed shapes and buffers."""
    return any(options.get(key) == value for key, value in _CAPTURE.values())


def _special(device: Device, half: bool, cache: Path | None, threads: int) -> dict[str, str]:
    folder = "" if cache is None else str(cache)
    match device.name:
        case "tensorrt":
            # Norms overflow in half; TensorRT keeps those layers in single on request.
            told = {"trt_fp16_enable": str(half), "trt_layer_norm_fp32_fallback": "True"}
            if folder:
                told |= {"trt_engine_cache_enable": "True", "trt_engine_cache_path": folder}
                told |= {"trt_timing_cache_enable": "True", "trt_timing_cache_path": folder}
            return told
        case "cuda":
            # The arena takes what is asked for and not the next power of two: others use the card, too.
            return {"arena_extend_strategy": "kSameAsRequested", "cudnn_conv_use_max_workspace": "1"}
        case "migraphx":
            told = {"migraphx_fp16_enable": "1" if half else "0"}
            return told | ({"migraphx_model_cache_dir": folder} if folder else {})
        case "coreml":
            # The neural engine knows half only.
            told = {"ModelFormat": "MLProgram", "MLComputeUnits": "ALL" if half else "CPUAndGPU"}
            return told | ({"ModelCacheDirectory": folder} if folder else {})
        case "openvino":
            kind = device.base["device_type"]
            number = {"GPU": "f16", "CPU": "bf16"}[kind] if half else "f32"
            told = {"load_config": json.dumps({kind: {"INFERENCE_PRECISION_HINT": number}})}
            told |= {"num_of_threads": str(threads)} if kind == "CPU" else {}
            return told | ({"cache_dir": folder} if folder else {})
    return {}


def usable_cores(allowed: int, logical: int, physical: int) -> int:
    """Threads for a network: the physical cores among the `allowed` logical ones; a second thread on a core only disturbs."""
    return max(1, allowed * physical // max(logical, physical, 1))


_FULL = re.compile(
    r"out of memory|OUTOFMEMORY|OUT_OF_MEMORY|failed to allocate|bad_alloc|ALLOC_FAILED"
    r"|insufficient memory|cannot allocate memory|available memory of",
    re.IGNORECASE,
)


def says_full(text: str) -> bool:
    """Whether an error of onnxruntime or a driver means that memory ran out."""
    return _FULL.search(text) is not None


@dataclass(frozen=True, slots=True)
class Ailment:
    """Why a device does not work, in words, and what helps; `absent` = it simply is not there, which is no fault."""

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
_SAYINGS = (
    (r"driver version is insufficient", "NVIDIA's driver is too old for this onnxruntime", "install a newer driver"),
    (r"no kernel image|not supported on this GPU|unsupported.*compute capability", "the card is too old", "use another device"),
    (r"Please install TensorRT", "TensorRT's libraries are not found", _TENSORRT),
)
_ABSENT = (
    (r"no CUDA-capable device|CUDA_ERROR_NO_DEVICE|no CUDA device", "there is no NVIDIA card"),
    (r"[Dd]evice .?GPU.* not (available|registered|found)|GPU is not available", "there is no Intel card that it knows"),
)


def diagnose(text: str) -> Ailment:
    """What the words of onnxruntime, its log or the system's loader mean; what nobody knows is quoted, shortened."""
    return recognise(text) or Ailment(_gist(text) or "it gave no reason", "use another device, or see docs/runtime.md")


def recognise(text: str) -> Ailment | None:
    """As `diagnose`, but None for what nobody knows."""
    if says_full(text):
        return Ailment("its memory is full", "close other programs that use it, or choose a smaller model")
    library = next((name for match in _LIBRARY.finditer(text) for name in match.groups() if name), None)
    if library is not None:
        library = library.rsplit("/", 1)[-1]
        remedy = next((said for pattern, said in _MISSING if re.search(pattern, library)), "install what brings this library")
        return Ailment(f"the library {library} is missing", remedy, absent=remedy == _TENSORRT)
    known = [Ailment(reason, remedy) for pattern, reason, remedy in _SAYINGS if re.search(pattern, text)]
    gone = [Ailment(reason, "use another device", absent=True) for pattern, reason in _ABSENT if re.search(pattern, text)]
    return next(iter((*known, *gone)), None)


_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_MOST_LETTERS = 240


def _gist(text: str) -> str:
    """The last line that says something, without colours, in at most 240 letters."""
    lines = [line.strip() for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last if len(last) <= _MOST_LETTERS else f"…{last[1 - _MOST_LETTERS :].lstrip()}"


def mending(installed: list[str], python: str) -> list[str]:
    """The commands that leave one build of onnxruntime where there are several: the most special one, made whole again."""
    keep = next((name for name in reversed(RUNTIME_PACKAGES) if name in installed), RUNTIME_PACKAGES[0])
    return [
        f"{python} -m pip uninstall --yes {' '.join(installed)}",
        f"{python} -m pip install --no-deps {keep}",
    ]


def worth_openvino(processor: str, machine: str) -> bool:
    """Whether a processor, described as Linux does in /proc/cpuinfo, reckons in bfloat16; OpenVINO uses that."""
    return machine in {"x86_64", "AMD64"} and re.search(r"\b(avx512_bf16|amx_bf16)\b", processor) is not None
