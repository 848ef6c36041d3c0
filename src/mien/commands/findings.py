"""Findings of `mien doctor`: versions, devices, codecs, cameras, models and folders."""

import contextlib
import glob
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import av
from cryptography import x509

from mien import __version__
from mien.errors import ModelError, ProvenanceError
from mien.imaging.kernel_files import kernel_folder
from mien.imaging.kernel_library import COMMON_X86, can_load, library_paths, own_library, read_library
from mien.media.capture import devices
from mien.models.library.inventory import ABSENT, DAMAGED, EMBEDDED, INSTALLED, Listed, state_of
from mien.models.library.store import CACHE, Store
from mien.models.runtime import onnx_session
from mien.models.runtime.convolution_trial import read_trial
from mien.models.runtime.devices import CPU, DEVICES, RUNTIME_PACKAGES, UNUSED, devices_named, mending, worth_openvino
from mien.models.runtime.half_precision import TrialFile
from mien.models.runtime.probe import MODEL, Probe, try_device
from mien.models.runtime.session_cache import TRIALS, rewritten_of
from mien.provenance.signing.installation import known_root
from mien.provenance.trust import SIGNER_FOLDER
from mien.system.folders import data_folder
from mien.system.machine_record import MachineRecord, read_record
from mien.system.processor import available_cores, described_flags, described_processor
from mien.system.tried_versions import PYTHON, Tried, read_tried

_ENCODERS = {
    "H.264": ("libx264", "h264_nvenc", "h264_qsv", "h264_amf", "h264_videotoolbox"),
    "HEVC": ("libx265", "hevc_nvenc", "hevc_qsv", "hevc_amf", "hevc_videotoolbox"),
    "VP9": ("libvpx-vp9",),
    "AV1": ("libsvtav1", "av1_nvenc", "av1_qsv", "av1_amf"),
    "MPEG-4": ("mpeg4",),
}
_DECODERS = {"H.264": "h264", "HEVC": "hevc", "VP9": "vp9", "AV1": "libdav1d", "MPEG-4": "mpeg4"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    `fine` is False where something keeps mien from working; `untried` marks a version that mien was never tested with.
    """

    topic: str
    name: str
    state: str
    fine: bool = True
    untried: bool = False


def examine(store: Store) -> list[Finding]:
    """Examine the machine, in the order of the report; opens no camera and encodes nothing."""
    return [
        *versions(),
        *runtime_packages(),
        *_machine(),
        *providers(
            onnx_session.available_providers(), lambda device: try_device(device, store.path(MODEL)), described_processor()
        ),
        *_kept(store),
        *_codecs(),
        *_cameras(),
    ]


def _kept(store: Store) -> list[Finding]:
    """Return the findings on this user's folders."""
    try:
        return [*_precisions(store), *_convolutions(store), *_models(store), *_trust()]
    except ProvenanceError as error:
        return [Finding("trust", "data folder", f"{error}; {error.remedy}", fine=False)]


def versions() -> list[Finding]:
    """Return the version of Python and of each package that mien uses; untried ones are marked."""
    tried = read_tried()
    system = f"{platform.system()} {platform.machine()}"
    packages = (_package(name, tried[name], metadata.version) for name in tried if name not in {PYTHON, *RUNTIME_PACKAGES})
    return [
        Finding("version", "mien", __version__),
        _version(PYTHON, platform.python_version(), tried[PYTHON], f" ({system})", sys.version_info >= (3, 11)),
        *(found for found in packages if found is not None),
    ]


def _package(name: str, tried: Tried, version_of: Callable[[str], str]) -> Finding | None:
    """Return the line of a package, None for an optional one that is not installed."""
    try:
        return _version(name, version_of(name), tried)
    except metadata.PackageNotFoundError:
        return None if tried.optional else Finding("version", name, "not installed", fine=False)


def _version(name: str, version: str, tried: Tried, more: str = "", fine: bool = True) -> Finding:
    if tried.covers(version):
        return Finding("version", name, f"{version}{more}", fine)
    state = f"{version}{more}, never tried with mien {__version__}; tested: {tried.lowest} to {tried.newest}"
    return Finding("version", name, state, fine, untried=True)


def _machine() -> list[Finding]:
    folder = kernel_folder()
    cores = Finding("machine", "processor cores", str(available_cores()))
    return [cores, prepared_kernels(folder), fast_ways(read_record(folder))]


def prepared_kernels(folder: Path | None) -> Finding:
    """Return the finding on libraries of kernels: the one that is used, or why kernels are compiled at the first call."""
    usable = [path for path in library_paths(folder) if read_library(path) is not None]
    if usable:
        own = usable[0] == own_library(folder)
        state = "compiled beforehand, for this processor" if own else f"compiled beforehand, in the package, for {COMMON_X86}"
    elif not can_load():
        state = "compiled at the first call: compiled beforehand they are for CPython on Linux and x86-64 alone"
    elif not described_flags():
        state = "compiled at the first call: this system hides what its processor can do"
    else:
        state = "compiled at the first call: the package holds none for this processor; mien doctor --prepare"
    return Finding("machine", "pixel kernels", state)


def fast_ways(record: MachineRecord) -> Finding:
    """Return the finding on the fast ways of computing: all in use, or what this machine does without."""
    slow = [name for name, fast in (("kernels", record.kernels), ("networks", record.networks)) if not fast]
    if slow:
        state = f"{' and '.join(slow)} run the slow way: the fast one computed wrong numbers here"
    else:
        state = "as the slow ways compute" if record.checked else "in use, not compared with the slow ones: mien doctor --check"
    return Finding("machine", "fast ways of computing", state)


def runtime_packages(version_of: Callable[[str], str] = metadata.version) -> list[Finding]:
    """Return the installed build of onnxruntime; several at once are a fault, for they overwrite each other's files."""
    found = {}
    for package in RUNTIME_PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[package] = version_of(package)
    if not found:
        return [Finding("version", "onnxruntime", f"{onnx_session.version()}, not installed by pip")]
    if len(found) == 1:
        tried = read_tried()
        return [
            _version(name, version, tried[name]) if name in tried else Finding("version", name, version)
            for name, version in found.items()
        ]
    listed = " and ".join(f"{name} {version}" for name, version in found.items())
    commands = "; then: ".join(mending(list(found), sys.executable))
    state = f"{listed} are installed and overwrite each other's files. Run: {commands}"
    return [Finding("version", "onnxruntime", state, fine=False)]


def providers(build: list[str], probe: Probe, about_processor: str) -> list[Finding]:
    """Return a line for each device of an onnxruntime with these providers: the one in use, and why not the others."""
    tried = [(device, probe(device)) for device in devices_named("auto", build)]
    best = next((device for device, ailment in tried if ailment is None), CPU)
    found = []
    for device, ailment in tried:
        if ailment is not None:
            # Absent hardware is not a fault, nor is anything slower than a device that works.
            fine = ailment.absent or best is not CPU
            found.append(Finding("device", device.name, f"{device.title}: {ailment.reason}; {ailment.remedy}", fine))
            continue
        use = (
            "installed models run here" if device is best else f"works; installed models run here with `device = {device.name}`"
        )
        embedded = "; the embedded models always do" if device is CPU else ""
        found.append(Finding("device", device.name, f"{device.title}: {use}{embedded}"))
    known = {device.provider for device in DEVICES}
    strange = [provider for provider in build if provider not in known]
    found += [Finding("device", provider, UNUSED.get(provider, "not used by mien")) for provider in strange]
    if best is CPU and "OpenVINOExecutionProvider" not in build and worth_openvino(about_processor, platform.machine()):
        found.append(Finding("device", "openvino", _WORTH_OPENVINO))
    return found


_WORTH_OPENVINO = (
    "not in this build of onnxruntime. This processor computes in bfloat16: with `scripts/install --runtime openvino` and "
    "`precision = half` large networks run about twice as fast (docs/runtime.md)"
)


def _precisions(store: Store) -> list[Finding]:
    trials = TrialFile(store.folder / CACHE / TRIALS).all()
    return [Finding("precision", key.replace(":", ", "), trial.words()) for key, trial in trials.items()]


def _convolutions(store: Store) -> list[Finding]:
    """Return the trials of rewritten convolutions, of installed models only."""
    found: list[Finding] = []
    try:
        entries = store.entries()
    except ModelError:
        return found  # told with the models
    for entry in entries:
        folders = sorted((store.folder / CACHE).glob(f"{glob.escape(rewritten_of(entry))}*"))
        trials = (read_trial(folder) for folder in folders)
        found += [Finding("convolutions", entry.id, trial.words()) for trial in trials if trial is not None]
    return found


def _models(store: Store) -> list[Finding]:
    """Read embedded models whole; of the others, which may be gigabytes, check the size only."""
    try:
        rows = [state_of(entry, store) for entry in store.entries()]
    except ModelError as error:
        return [Finding("model", "installed models", f"{error}; {error.remedy}", fine=False)]
    return [Finding("model", row.entry.id, _state(row), row.state != DAMAGED) for row in rows if row.state != ABSENT]


def _state(row: Listed) -> str:
    if row.state == EMBEDDED:
        return "present, sha256 right"
    words = "installed, size as expected" if row.state == INSTALLED and row.entry.bytes else row.state
    return f"{words}: {row.note}" if row.note else words


def _trust() -> list[Finding]:
    folder = data_folder()
    known = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    writable = os.access(known, os.W_OK) and known.is_dir()
    state = str(folder) if writable else f"{folder} is not writable; mien makes no output without it"
    root = known_root(folder / SIGNER_FOLDER)
    key = "made at first use" if root is None else x509.load_pem_x509_certificate(root).subject.rfc4514_string()
    return [Finding("trust", "data folder", state, writable), Finding("trust", "signs as", key)]


def _codecs() -> list[Finding]:
    found = []
    for codec, encoders in _ENCODERS.items():
        built_in = [name for name in encoders if name in av.codecs_available]
        reads = "read" if _DECODERS[codec] in av.codecs_available else "not read"
        writes = f"written by {', '.join(built_in)}" if built_in else "not written"
        found.append(Finding("codec", codec, f"{reads}; {writes}"))
    return [
        *found,
        Finding("codec", "hardware encoders", "built in is not yet present: a device is tried when asked for"),
    ]


def _cameras() -> list[Finding]:
    names = [Finding("camera", each.id, each.name) for each in devices.list_cameras()]
    virtual = [Finding("virtual camera", each.id, each.name) for each in devices.list_virtual_cameras()]
    return [
        *(names or [Finding("camera", "cameras", "none found")]),
        *(virtual or [Finding("virtual camera", "virtual cameras", "none found")]),
    ]
