"""The runtime: options of devices, their trial and refusal, half precision, and one session for all.

Devices that this machine lacks are played by a stand-in for onnxruntime that does their work on the processor.
"""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from mien import contracts
from mien.commands import findings as doctor
from mien.errors import DeviceFull, DeviceUnavailable, ModelDamaged, ModelError
from mien.models.library.store import CACHE, Store
from mien.models.runtime import half_precision, onnx_session, probe
from mien.models.runtime.devices import (
    CPU,
    DEVICES,
    Ailment,
    Device,
    captures,
    mending,
    worth_openvino,
)
from mien.models.runtime.example_face import example_picture
from mien.models.runtime.half_precision import Trial, TrialFile, best, face_inputs
from mien.models.runtime.onnx_session import OnnxSession
from mien.models.runtime.probe import Choice, answers_right, try_device, verdict
from mien.models.runtime.session_cache import TRIALS, SessionCache
from mien.types import Array
from tests.support import conformance
from tests.support.standins import all_families, make_small
from tests.support.standins.store import standin_store

CUDA, TENSORRT = (next(each for each in DEVICES if each.name == name) for name in ("cuda", "tensorrt"))
OPENVINO = next(each for each in DEVICES if each.base.get("device_type") == "CPU")
EVERY = [each.provider for each in DEVICES]
BROKEN = Ailment("the library libcudnn.so.9 is missing", "install it")


Refuse = Callable[[str, Mapping[str, str]], str]
"""Function that returns the reason why a provider with these options cannot be opened, "" when it can."""


class FakeLibrary:
    """Fake onnxruntime built for every device: works on the processor, and fails on request."""

    __version__ = "9.9"
    SessionOptions = onnxruntime.SessionOptions
    GraphOptimizationLevel = onnxruntime.GraphOptimizationLevel

    def __init__(self, refuse: Refuse = lambda provider, options: "", silent: str = "") -> None:
        self.opened: list[tuple[str, dict[str, str]]] = []
        self.refuse, self._silent = refuse, silent
        self.OrtValue = _ProcessorValue

    def get_available_providers(self) -> list[str]:
        return EVERY

    def InferenceSession(self, content: bytes, settings: Any, *, providers: Any, enable_fallback: int) -> Any:  # noqa: N802
        provider, options = providers[0]
        assert enable_fallback == 0
        if why := self.refuse(provider, options):
            raise RuntimeError(why)
        self.opened.append((provider, options))
        inner = onnxruntime.InferenceSession(content, settings, providers=[CPU.provider])
        return _FakeSession(inner, CPU.provider if provider == self._silent else provider)


class _ProcessorValue:
    """`OrtValue` with what is asked for on a card laid into the processor's memory."""

    @staticmethod
    def ortvalue_from_numpy(value: Array, place: str, number: int) -> Any:
        return onnxruntime.OrtValue.ortvalue_from_numpy(value, "cpu", number)

    @staticmethod
    def ortvalue_from_shape_and_type(shape: list[int], kind: Any, place: str, number: int) -> Any:
        return onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, kind, "cpu", number)


class _FakeSession:
    def __init__(self, inner: Any, provider: str) -> None:
        self._inner, self._provider = inner, provider
        self.trouble: str | Exception = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get_providers(self) -> list[str]:
        return [self._provider, CPU.provider]

    def io_binding(self) -> Any:
        return _FakeBinding(self._inner.io_binding())

    def _stumble(self) -> None:
        if self.trouble:
            raise self.trouble if isinstance(self.trouble, Exception) else RuntimeError(self.trouble)

    def run(self, *given: Any) -> Any:
        self._stumble()
        return self._inner.run(*given)

    def run_with_iobinding(self, binding: "_FakeBinding") -> None:
        self._stumble()
        self._inner.run_with_iobinding(binding.inner)


class _FakeBinding:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def bind_output(self, name: str, place: str, number: int) -> None:
        self.inner.bind_output(name, "cpu", number)


@pytest.fixture(scope="module")
def swapper() -> bytes:
    return make_small("inswapper")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    """Takes the place of onnxruntime wherever a session is opened."""
    library = FakeLibrary()
    defaults = {**(OnnxSession.__init__.__kwdefaults__ or {}), "library": library}
    monkeypatch.setattr(OnnxSession.__init__, "__kwdefaults__", defaults)
    return library


def _feeds(session: contracts.Session, seed: int = 0, batch: int = 1) -> dict[str, Array]:
    draw = np.random.default_rng(seed)
    shapes = {name: [size if isinstance(size, int) else batch for size in shape] for name, shape in session.inputs.items()}
    return {name: draw.random(shape).astype(session.dtypes[name]) for name, shape in shapes.items()}


# Trying a device


def test_the_processor_needs_no_trial(tmp_path: Path) -> None:
    assert try_device(CPU, tmp_path / "absent.onnx") is None


def test_a_device_that_this_build_lacks_is_found_out_in_a_process_of_its_own() -> None:
    if "CUDAExecutionProvider" in onnx_session.available_providers():
        pytest.skip("this onnxruntime is built for CUDA")
    ailment = try_device(CUDA, Store().path(probe.MODEL))
    assert ailment is not None
    assert "fallen back to CPUExecutionProvider" in ailment.reason


@pytest.mark.parametrize(
    ("status", "said", "complained", "reason"),
    [
        (0, 'chatter\n{"works": true, "reason": ""}\nmore of it', "a warning", None),
        (0, '{"works": false, "reason": "fallen back to CPU"}', "libcuda.so.1: cannot open shared object file", "libcuda.so.1"),
        (0, '{"works": false, "reason": "it answers wrongly (12% off)"}', "W: chatter", "12% off"),
        (0, "", "", "crashed"),
        (-11, "", "Segmentation fault", "crashed"),
    ],
)
def test_the_end_of_the_trial_is_read(status: int, said: str, complained: str, reason: str | None) -> None:
    found = verdict(status, said, complained)
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert reason in found.reason


@pytest.mark.usefixtures("fake")
def test_a_device_that_reckons_wrongly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content, real = Store().read(probe.MODEL), OnnxSession.run

    def run(self: OnnxSession, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return (
            {name: value * 1.2 for name, value in real(self, inputs).items()}
            if self.provider != CPU.provider
            else real(self, inputs)
        )

    assert answers_right(CUDA, content) == ""
    monkeypatch.setattr(OnnxSession, "run", run)
    assert "answers wrongly" in answers_right(CUDA, content)


def test_devices_are_taken_in_order_and_refusals_are_said_once() -> None:
    said: list[str] = []
    tried: list[str] = []

    def probe_device(device: Device) -> Ailment | None:
        tried.append(device.title)
        return BROKEN if device is CUDA else Ailment("none", "", absent=True) if device is not CPU else None

    choice = Choice("auto", probe_device, said.append, EVERY)
    assert list(choice.working()) == [CPU]
    assert list(choice.working()) == [CPU]
    assert tried == [each.title for each in DEVICES]
    assert said == ["cuda (NVIDIA card, CUDA) is not used: the library libcudnn.so.9 is missing; install it"]


def test_no_device_is_tried_before_it_is_needed() -> None:
    tried: list[Device] = []
    choice = Choice("auto", lambda device: tried.append(device), lambda words: None, EVERY)
    assert next(choice.working()) is TENSORRT
    assert tried == [TENSORRT]


@pytest.mark.parametrize(
    ("providers", "words"),
    [(EVERY, "cuda does not work here: the library libcudnn.so.9 is missing"), ([CPU.provider], "not made for cuda")],
)
def test_a_named_device_that_does_not_work_is_an_error_and_never_another(providers: list[str], words: str) -> None:
    with pytest.raises(DeviceUnavailable, match=words) as raised:
        list(Choice("cuda", lambda device: BROKEN, lambda said: None, providers).working())
    assert raised.value.remedy


# Sessions


def test_a_silent_fallback_to_the_processor_is_an_error(swapper: bytes) -> None:
    with pytest.raises(DeviceUnavailable, match="fallen back to CPUExecutionProvider"):
        OnnxSession("m", swapper, device=CUDA, library=FakeLibrary(silent=CUDA.provider))


def test_buffers_stay_on_the_device_and_answers_are_the_same(swapper: bytes) -> None:
    library = FakeLibrary()
    plain, bound = OnnxSession("m", swapper), OnnxSession("m", swapper, device=CUDA, warm=True, library=library)
    assert isinstance(bound, contracts.Session)
    assert bound.provider == CUDA.provider
    assert captures(library.opened[0][1]) == all(isinstance(size, int) for size in bound.inputs["target"])
    first = bound.run(_feeds(bound, 1))
    kept = {name: value.copy() for name, value in first.items()}
    second = bound.run(_feeds(bound, 2))
    for name, value in plain.run(_feeds(plain, 1)).items():
        np.testing.assert_array_equal(first[name], value)
        np.testing.assert_array_equal(first[name], kept[name], "a later run must not change what was given away")
    for name, value in plain.run(_feeds(plain, 2)).items():
        np.testing.assert_array_equal(second[name], value)


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.title)
def test_sessions_keep_the_contract_on_every_device(device: Device, swapper: bytes) -> None:
    feeds = _feeds(OnnxSession("m", swapper))
    conformance.session_suite(lambda: OnnxSession("m", swapper, device=device, library=FakeLibrary()), feeds)


def test_free_batches_change_from_run_to_run() -> None:
    content = make_small("inswapper", free_batch=True)
    library = FakeLibrary()
    plain, bound = OnnxSession("m", content), OnnxSession("m", content, device=CUDA, warm=True, library=library)
    assert not captures(library.opened[0][1]), "a graph is captured for fixed shapes only"
    for batch in (1, 4, 2):
        feeds = {name: np.ascontiguousarray(value) for name, value in _feeds(plain, batch, batch).items()}
        for name, value in plain.run(feeds).items():
            np.testing.assert_array_equal(bound.run(feeds)[name], value)


@pytest.mark.parametrize("device", [CPU, CUDA], ids=["plain", "bound"])
def test_threads_do_not_mix_their_answers(device: Device, swapper: bytes) -> None:
    session = OnnxSession("m", swapper, device=device, library=FakeLibrary())
    expected = [session.run(_feeds(session, seed))["output"] for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda seed: session.run(_feeds(session, seed % 4))["output"], range(24)))
    for seed, value in enumerate(found):
        np.testing.assert_array_equal(value, expected[seed % 4])


def test_options_that_a_driver_does_not_know_are_left_out(swapper: bytes) -> None:
    def refuse(provider: str, options: Mapping[str, str]) -> str:
        return "Invalid option key" if set(options) - {"device_id"} else ""

    library = FakeLibrary(refuse)
    OnnxSession("m", swapper, device=TENSORRT, library=library)
    assert library.opened == [(TENSORRT.provider, {"device_id": "0"})]
    with pytest.raises(DeviceUnavailable, match="Invalid option key"):
        OnnxSession("m", swapper, device=TENSORRT, half=True, library=library)


def test_a_full_disk_costs_the_cache_only(tmp_path: Path, swapper: bytes) -> None:
    library = FakeLibrary(lambda provider, options: "No space left on device" if "cache_dir" in options else "")
    OnnxSession("m", swapper, device=OPENVINO, half=True, cache=tmp_path, library=library)
    ((_, options),) = library.opened
    assert "bf16" in options["load_config"]


def test_memory_of_the_processor_may_run_out_without_a_word(swapper: bytes) -> None:
    session = OnnxSession("m", swapper, library=FakeLibrary())
    session._session.trouble = MemoryError()
    with pytest.raises(DeviceFull):
        session.run(_feeds(session))


@pytest.mark.parametrize("device", [CPU, CUDA, OPENVINO], ids=lambda device: device.name)
def test_no_memory_when_it_opens(device: Device, swapper: bytes) -> None:
    library = FakeLibrary(lambda provider, options: "Failed to allocate memory for requested buffer of size 99")
    with pytest.raises(DeviceFull, match="m does not fit") as raised:
        OnnxSession("m", swapper, device=device, library=library)
    assert "smaller model" in raised.value.remedy


@pytest.mark.parametrize("device", [CPU, CUDA], ids=["plain", "bound"])
def test_no_memory_while_it_runs_closes_the_session(device: Device, swapper: bytes) -> None:
    session = OnnxSession("m", swapper, device=device, library=FakeLibrary())
    feeds = _feeds(session)
    session._session.trouble = "CUDA failure 2: out of memory"
    with pytest.raises(DeviceFull, match="the model was closed"):
        session.run(feeds)
    assert session.closed
    with pytest.raises(ModelError, match="m is closed"):
        session.run(feeds)


def test_a_run_that_fails_is_a_clear_error_and_nothing_else_is_tried(swapper: bytes) -> None:
    session = OnnxSession("m", swapper, device=CUDA, library=FakeLibrary())
    feeds = _feeds(session)
    session._session.trouble = "CUDA failure 700: an illegal memory access was encountered"
    with pytest.raises(ModelError, match=r"m failed on NVIDIA card, CUDA.*illegal memory access"):
        session.run(feeds)


@pytest.mark.parametrize("device", [CPU, CUDA], ids=["plain", "bound"])
@pytest.mark.parametrize("wrong", ["absent", "unknown", "type", "shape"])
def test_wrong_food_is_a_mismatch(device: Device, wrong: str, swapper: bytes) -> None:
    session = OnnxSession("m", swapper, device=device, library=FakeLibrary())
    feeds = _feeds(session)
    match wrong:
        case "absent":
            del feeds["target"]
        case "unknown":
            feeds["more"] = feeds["target"]
        case "type":
            feeds["target"] = feeds["target"].astype(np.float64)
        case "shape":
            feeds["target"] = feeds["target"][:, :, :64]
    with pytest.raises(ModelError):
        session.run(feeds)
    assert session.run(_feeds(session)), "and it goes on"


def test_what_is_no_model_is_damaged_and_says_what_to_do() -> None:
    with pytest.raises(ModelDamaged) as raised:
        OnnxSession("m", b"nothing", remedy="pull it again")
    assert raised.value.remedy == "pull it again"


def test_the_file_is_not_kept_in_memory_twice(swapper: bytes) -> None:
    assert OnnxSession("m", swapper)._session._model_bytes is None


# Half precision


def _sessions(
    swapper: bytes, worse: float, seconds: dict[bool, float]
) -> tuple[Callable[[bool], OnnxSession], Callable[[], float]]:
    """Sessions whose half is off by `worse`, on a clock that their runs move."""
    now = [0.0]

    class Timed(OnnxSession):
        half = False

        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            now[0] += seconds[self.half]
            return {name: value + self.half * worse for name, value in super().run(inputs).items()}

    def open_session(half: bool) -> OnnxSession:
        session = Timed("m", swapper)
        session.half = half
        return session

    return open_session, lambda: now[0]


@pytest.mark.parametrize(
    ("worse", "seconds", "half"),
    [
        (0.0005, {False: 2.0, True: 1.0}, True),
        (0.2, {False: 2.0, True: 1.0}, False),
        (0.0005, {False: 2.0, True: 1.9}, False),
        (float("nan"), {False: 2.0, True: 1.0}, False),
    ],
    ids=["faster and as good", "too coarse", "hardly faster", "no number"],
)
def test_half_is_taken_when_it_is_faster_and_as_good(
    swapper: bytes, worse: float, seconds: dict[bool, float], half: bool
) -> None:
    open_session, clock = _sessions(swapper, worse, seconds)
    session, trial = best(open_session, example_picture(), clock)
    assert trial.half == half
    assert session.half == half  # type: ignore[attr-defined]
    assert not session.closed
    assert trial.time == pytest.approx(seconds[True] / seconds[False])
    assert ("half precision:" if half else "single precision:") in trial.words()


def test_a_device_that_cannot_do_half_stays_with_single(swapper: bytes) -> None:
    def open_session(half: bool) -> OnnxSession:
        if half:
            raise DeviceUnavailable("no bfloat16 here")
        return OnnxSession("m", swapper)

    session, trial = best(open_session, example_picture(), Counter())
    assert trial == half_precision.FAILED
    assert session.run(_feeds(session))


class Counter:
    """A clock that goes on by one second at each look."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 1
        return self._now


@pytest.mark.parametrize("family", all_families())
def test_a_face_can_be_fed_to_every_family(family: str) -> None:
    session = OnnxSession(family, make_small(family))
    outputs = session.run(face_inputs(session.inputs, session.dtypes, example_picture()))
    assert all(np.isfinite(value).all() for value in outputs.values() if value.dtype.kind == "f")


def test_the_bundled_face_is_a_face() -> None:
    face = face_inputs({"x": (1, 3, 128, 128)}, {"x": "float32"}, example_picture())["x"]
    assert 0 <= face.min() < 0.2
    assert 0.8 < face.max() <= 1
    middle = face[0, :, 50:80, 40:90].mean(axis=(1, 2))
    assert middle[0] > middle[1] > middle[2], "skin is red before blue: the order is RGB"


def test_trials_are_remembered_and_damage_means_only_another_trial(tmp_path: Path) -> None:
    path = tmp_path / "new" / "trials.json"
    memory = TrialFile(path)
    assert memory.get("a") is None
    memory.put("a", Trial(44.0, 0.5))
    memory.put("b", Trial(20.0, 0.5))
    assert TrialFile(path).get("a") == Trial(44.0, 0.5)
    assert list(memory.all()) == ["a", "b"]
    for damage in ("", "[]", '{"a": 3, "b": {"psnr": "x"}}', "\x00"):
        path.write_text(damage, "utf-8")
        assert memory.get("a") is None
    memory.put("a", Trial(1.0, 1.0))
    assert memory.get("a") == Trial(1.0, 1.0)
    assert [each.name for each in path.parent.iterdir()] == [path.name], "nothing is left beside it"


def test_a_folder_that_takes_nothing_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    TrialFile(tmp_path / "file" / "trials.json").put("a", Trial(1.0, 1.0))
    assert "cannot record the trial" in caplog.text


# The session cache


def _works(*names: str) -> probe.Probe:
    return lambda device: None if device.name in names or device is CPU else BROKEN


def test_one_session_serves_all_who_ask_at_once(tmp_path: Path) -> None:
    store = standin_store(tmp_path, "inswapper")
    here, entry = SessionCache(store), store.installed("swapper")[0]
    together = threading.Barrier(4)

    def ask(_: int) -> contracts.Session:
        together.wait()
        return here.session(entry)

    with ThreadPoolExecutor(4) as pool:
        assert len({id(each) for each in pool.map(ask, range(4))}) == 1
    session = here.session(entry)
    assert session.provider in onnx_session.available_providers()
    assert session.inputs["source"] == (1, 512)


def test_a_closed_session_is_opened_again(tmp_path: Path) -> None:
    store = standin_store(tmp_path, "inswapper")
    here, entry = SessionCache(store, "cpu"), store.installed("swapper")[0]
    first = here.session(entry)
    assert isinstance(first, OnnxSession)
    first.close()
    assert here.session(entry) is not first


def test_auto_goes_on_to_the_next_device_and_says_so(
    tmp_path: Path, fake: FakeLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    fake.refuse = lambda provider, options: "op not supported" if provider == "DmlExecutionProvider" else ""
    store = standin_store(tmp_path, "inswapper")
    entry = store.installed("swapper")[0]
    session = SessionCache(store, probe=_works("directml"), providers=EVERY).session(entry)
    assert session.provider == CPU.provider
    assert "cuda (NVIDIA card, CUDA) is not used: the library libcudnn.so.9 is missing" in caplog.text
    assert "does not open on graphics card, DirectML: op not supported; trying the next device" in caplog.text
    with pytest.raises(DeviceUnavailable, match="does not open on graphics card"):
        SessionCache(store, "directml", probe=_works("directml"), providers=EVERY).session(entry)


def test_a_model_that_does_not_fit_is_not_moved_to_a_slower_device(tmp_path: Path, fake: FakeLibrary) -> None:
    fake.refuse = lambda provider, options: "out of memory" if provider == CUDA.provider else ""
    store = standin_store(tmp_path, "inswapper")
    with pytest.raises(DeviceFull):
        SessionCache(store, probe=_works("cuda"), providers=EVERY).session(store.installed("swapper")[0])


def test_precision_is_tried_once_and_remembered_with_the_cache(tmp_path: Path, fake: FakeLibrary) -> None:
    store = standin_store(tmp_path, "inswapper")
    entry = store.installed("swapper")[0]

    def opened(precision: str) -> list[str]:
        fake.opened.clear()
        SessionCache(store, "openvino", precision, probe=_works("openvino"), providers=EVERY, clock=Counter()).session(entry)
        return [json.loads(options["load_config"])["GPU"]["INFERENCE_PRECISION_HINT"] for _, options in fake.opened]

    assert opened("half") == ["f16"]
    assert opened("single") == ["f32"]
    # The clock says that half is no faster, so single is opened again.
    assert opened("auto") == ["f32", "f16", "f32"]
    assert opened("auto") == ["f32"]
    folder = store.folder / CACHE
    rows = json.loads((folder / TRIALS).read_text("utf-8"))
    assert [key for key in rows if key.startswith(f"{entry.id} {entry.sha256[:16]}:")] == list(rows)
    assert len([each for each in folder.iterdir() if each.name.startswith(entry.sha256[:16])]) == 2


def test_half_on_a_device_without_it_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = standin_store(tmp_path, "inswapper")
    assert SessionCache(store, "cpu", "half").session(store.installed("swapper")[0]).provider == CPU.provider
    assert "cannot convert it to half" in caplog.text


def test_a_cache_that_cannot_be_made_is_done_without(
    tmp_path: Path, fake: FakeLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    store = standin_store(tmp_path, "inswapper")
    (store.folder / CACHE).write_bytes(b"in the way")
    SessionCache(store, "openvino", "single", probe=_works("openvino"), providers=EVERY).session(store.installed("swapper")[0])
    assert "cache_dir" not in fake.opened[0][1]
    assert "is built again at each start" in caplog.text


# What the doctor says


def _packages(**versions: str) -> Callable[[str], str]:
    def version(name: str) -> str:
        try:
            return versions[name.replace("-", "_")]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    return version


def test_two_builds_at_once_are_a_fault_with_the_commands_that_mend_it() -> None:
    (found,) = doctor.runtime_packages(_packages(onnxruntime="1.31.1", onnxruntime_openvino="1.24.1"))
    assert not found.fine
    assert "onnxruntime 1.31.1 and onnxruntime-openvino 1.24.1" in found.state
    assert f"{sys.executable} -m pip uninstall --yes onnxruntime onnxruntime-openvino" in found.state
    assert f"{sys.executable} -m pip install --no-deps onnxruntime-openvino" in found.state
    (one,) = doctor.runtime_packages(_packages(onnxruntime_gpu="1.31.1"))
    assert one.fine
    assert (one.name, one.state) == ("onnxruntime-gpu", "1.31.1")
    (none,) = doctor.runtime_packages(_packages())
    assert onnx_session.version() in none.state
    assert mending(["onnxruntime"], "python")[1].endswith(" onnxruntime")


def test_every_device_of_the_build_has_a_line() -> None:
    found = doctor.providers([*EVERY[:2], "AzureExecutionProvider", CPU.provider], _works("cuda"), "")
    states = {each.name: each for each in found}
    assert list(states) == ["tensorrt", "cuda", "cpu", "AzureExecutionProvider"]
    assert "libcudnn.so.9 is missing; install it" in states["tensorrt"].state
    assert "installed models run here" in states["cuda"].state
    assert "embedded models always do" in states["cpu"].state
    assert "never used" in states["AzureExecutionProvider"].state
    assert all(each.fine for each in found)


def test_a_build_whose_devices_all_fail_is_a_fault() -> None:
    found = {each.name: each for each in doctor.providers([CUDA.provider, CPU.provider], _works(), "")}
    assert not found["cuda"].fine
    assert "installed models run here" in found["cpu"].state


def test_a_processor_with_bfloat16_is_worth_openvino() -> None:
    flags = "flags\t\t: fpu avx512f avx512_bf16 fsrm\n"
    assert worth_openvino(flags, "x86_64")
    assert not worth_openvino("flags : avx512f", "x86_64")
    assert not worth_openvino(flags, "aarch64")


def test_trials_are_reported(tmp_path: Path) -> None:
    store = standin_store(tmp_path)
    TrialFile(store.folder / CACHE / TRIALS).put("m 1234:the processor, OpenVINO:onnxruntime 1.24.1", Trial(43.2, 0.48))
    (found,) = [each for each in doctor.examine(store) if each.topic == "precision"]
    assert found.name == "m 1234, the processor, OpenVINO, onnxruntime 1.24.1"
    assert found.state == "half precision: half takes 48% of the time, and differs by 43 dB"
