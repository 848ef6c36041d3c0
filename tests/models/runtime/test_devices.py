"""The table of devices: order, options, threads, and the meaning of their errors."""

import json
from pathlib import Path

import pytest

from mien.models.runtime import onnx_session
from mien.models.runtime.devices import (
    CPU,
    DEVICES,
    Device,
    captures,
    devices_named,
    diagnose,
    is_out_of_memory,
    option_sets,
    usable_cores,
)
from mien.settings import table
from mien.system.processor import available_cores

CUDA, TENSORRT = (next(each for each in DEVICES if each.name == name) for name in ("cuda", "tensorrt"))
OPENVINO = next(each for each in DEVICES if each.base.get("device_type") == "CPU")
EVERY = [each.provider for each in DEVICES]


def test_the_order_is_fastest_first_and_ends_on_the_processor() -> None:
    assert [each.name for each in DEVICES] == [
        "tensorrt", "cuda", "migraphx", "rocm", "coreml", "openvino", "openvino", "directml", "cpu",
    ]  # fmt: skip
    choices = next(row.choices for row in table() if row.name == "device")
    assert set(choices) == {"auto", *(each.name for each in DEVICES)}


def test_auto_means_what_the_build_knows_and_a_name_only_its_own_rows() -> None:
    assert devices_named("auto", ["CPUExecutionProvider", "CUDAExecutionProvider"]) == (CUDA, CPU)
    assert {each.name for each in devices_named("openvino", EVERY)} == {"openvino"}
    assert devices_named("cuda", ["CPUExecutionProvider"]) == ()


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.title)
@pytest.mark.parametrize("half", [False, True])
def test_options_are_words_for_onnxruntime(device: Device, half: bool, tmp_path: Path) -> None:
    sets = list(option_sets(device, half=half, cache=tmp_path, threads=2, graph=True))
    assert sets
    for options in sets:
        assert all(isinstance(value, str) for value in options.values())
        assert device.base.items() <= options.items()
    assert captures(sets[0]) == (device.name in {"cuda", "tensorrt"})
    assert half or sets[-1] == device.base, "a driver of another year may not know our options"


def test_half_is_asked_for_where_it_exists(tmp_path: Path) -> None:
    def told(device: Device, half: bool) -> dict[str, str]:
        return next(option_sets(device, half=half, cache=tmp_path, threads=3, graph=False))

    assert told(TENSORRT, True)["trt_fp16_enable"] == "True"
    assert told(TENSORRT, False)["trt_fp16_enable"] == "False"
    assert str(tmp_path) == told(TENSORRT, True)["trt_engine_cache_path"] == told(TENSORRT, True)["trt_timing_cache_path"]
    assert json.loads(told(OPENVINO, True)["load_config"]) == {"CPU": {"INFERENCE_PRECISION_HINT": "bf16"}}
    assert json.loads(told(OPENVINO, False)["load_config"]) == {"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}
    assert told(OPENVINO, False)["num_of_threads"] == "3"
    assert told(CUDA, True) == told(CUDA, False), "CUDA runs a file as it is"


@pytest.mark.parametrize(
    ("allowed", "logical", "physical", "threads"),
    [(2, 2, 2, 2), (16, 16, 8, 8), (4, 16, 8, 2), (1, 16, 8, 1), (8, 8, 0, 1)],
)
def test_threads_are_the_physical_cores_that_are_ours(allowed: int, logical: int, physical: int, threads: int) -> None:
    assert usable_cores(allowed, logical, physical) == threads
    assert 1 <= onnx_session.threads() <= available_cores()


@pytest.mark.parametrize(
    ("words", "reason", "absent"),
    [
        (
            "[ONNXRuntimeError] : 1 : FAIL : Failed to load library /x/libonnxruntime_providers_cuda.so with error: "
            "libcudnn.so.9: cannot open shared object file: No such file or directory",
            "the library libcudnn.so.9 is missing",
            False,
        ),
        ("libnvinfer.so.10: cannot open shared object file", "the library libnvinfer.so.10 is missing", True),
        ('Error loading "x.dll" which depends on "cublasLt64_12.dll" which is missing', "cublasLt64_12.dll is missing", False),
        ("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version", "driver is too old", False),
        ("CUDA failure 100: no CUDA-capable device is detected", "there is no NVIDIA card", True),
        ("[ERROR] [OpenVINO] Device GPU is not available\n", "no supported Intel card", True),
        ("CUDA failure 2: out of memory", "its memory is full", False),
        ("\x1b[31mfirst\x1b[m\nsomething new \n\n", "something new", False),
        ("", "it gave no reason", False),
    ],
)
def test_what_libraries_complain_of_is_put_into_words(words: str, reason: str, absent: bool) -> None:
    ailment = diagnose(words)
    assert reason in ailment.reason
    assert ailment.remedy
    assert ailment.absent == absent


@pytest.mark.parametrize(
    "words",
    [
        "CUDA failure 2: out of memory ; GPU=0",
        "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 134217728",
        "Available memory of 12 is smaller than requested bytes of 20",
        "CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED",
        "std::bad_alloc",
        "clEnqueueNDRangeKernel CL_OUT_OF_MEMORY",
        "DXGI E_OUTOFMEMORY",
    ],
)
def test_full_memory_is_known_by_its_words(words: str) -> None:
    assert is_out_of_memory(words)
    assert not is_out_of_memory("Invalid rank for input: target")
