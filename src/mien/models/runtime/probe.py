"""Trial of a device: a small network runs on it in a process of its own, and its output is compared with the processor's.

A driver without half its libraries may crash, hang, or silently leave the work to the processor; the child process takes
the harm, and its standard error holds the reason.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mien.errors import DeviceUnavailable, ModelError
from mien.models.runtime import onnx_session
from mien.models.runtime.devices import CPU, DEVICES, Ailment, Device, devices_named, diagnose, recognise
from mien.system.programs import environment, python_module

MODEL = "finish"
"""The embedded network that is run: small, of fixed shape, with convolutions."""
_TIMEOUT_S = 120  # TensorRT builds its engine first; a longer wait is a hang
_MAX_DIFFERENCE = 0.02  # from the processor's output, as a share of its range; leaves room for half precision

_ANSWER = '{"works": '
"""Start of the line that holds the result; libraries may write others."""

Probe = Callable[[Device], Ailment | None]
"""Function that tries a device; None = it works."""


def try_device(device: Device, model: Path) -> Ailment | None:
    """Open and run the network in `model` on a device; None when its output is right."""
    if device is CPU:
        return None
    command = python_module(__name__, str(DEVICES.index(device)), str(model))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, env=environment(), check=False
        )
    except subprocess.TimeoutExpired:
        return Ailment(f"it did not answer within {_TIMEOUT_S} s", "install its driver again, or use another device")
    except OSError as error:
        return Ailment(f"it could not be tried: {error.strerror}", "use another device")
    return verdict(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def verdict(status: int, output: str, errors: str) -> Ailment | None:
    """Return the result of the child process by its exit status, standard output and standard error."""
    lines = [line for line in output.splitlines() if line.startswith(_ANSWER)]
    if status == 0 and lines:
        answer = json.loads(lines[-1])
        if answer["works"]:
            return None
        return recognise(errors) or diagnose(str(answer["reason"]))
    crash = f"it crashed while it was tried (status {status})"
    return Ailment(crash, "install its driver again, or use another device")


def answers_right(device: Device, content: bytes) -> str:
    """Run the network on a device and on the processor, in this process; return "" when they agree, else the reason."""
    draw = np.random.default_rng(0)
    with onnx_session.OnnxSession("the trial network", content) as reference:
        feeds = {
            name: draw.random([size if isinstance(size, int) else 1 for size in shape], np.float32)
            for name, shape in reference.inputs.items()
        }
        expected = reference.run(feeds)
    onnx_session.preload()
    try:
        with onnx_session.OnnxSession("the trial network", content, device=device) as session:
            found = session.run(feeds)
    except ModelError as error:
        return str(error.__cause__ or error)
    for name, values in expected.items():
        apart = float(np.abs(found[name].astype(np.float64) - values).max() / max(float(np.ptp(values)), 1e-6))
        if not apart < _MAX_DIFFERENCE:
            return f"it answers wrongly ({apart:.0%} off)"
    return ""


@dataclass(slots=True)
class Choice:
    """Devices that a setting of `device` allows, each tried once, at its first use; `warn` gets every refusal."""

    name: str
    probe: Probe
    warn: Callable[[str], None]
    providers: list[str] = field(default_factory=onnx_session.available_providers)
    _tried: dict[int, Ailment | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def working(self) -> Iterator[Device]:
        """Yield working devices, best first; raises `DeviceUnavailable` when none works."""
        allowed = devices_named(self.name, self.providers)
        refused: list[Ailment] = []
        works = False
        for device in allowed:
            ailment = self._ailment(device)
            if ailment is None:
                works = True
                yield device
            else:
                refused.append(ailment)
        if not works:
            raise unavailable(self.name, refused)

    def _ailment(self, device: Device) -> Ailment | None:
        number = DEVICES.index(device)
        with self._lock:
            if number not in self._tried:
                ailment = self._tried[number] = self.probe(device)
                if ailment is not None and not ailment.absent and self.name == "auto":
                    self.warn(f"{device.name} ({device.title}) is not used: {ailment.reason}; {ailment.remedy}")
            return self._tried[number]


def unavailable(name: str, refused: Iterable[Ailment]) -> DeviceUnavailable:
    """Return the error for a named device that does not work."""
    ailments = list(refused)
    if not ailments:
        return DeviceUnavailable(
            f"the installed onnxruntime is not made for {name}",
            f"docs/runtime.md says what to install for {name}; `device = auto` takes what works",
        )
    reasons = "; ".join(dict.fromkeys(ailment.reason for ailment in ailments))
    remedies = "; ".join(dict.fromkeys(ailment.remedy for ailment in ailments))
    return DeviceUnavailable(f"{name} does not work here: {reasons}", f"{remedies}; `device = auto` takes what works")


def main(arguments: list[str]) -> None:
    """Write one line of JSON with the result for a device of the table: `python -m mien.models.runtime.probe NUMBER FILE`."""
    device, content = DEVICES[int(arguments[0])], Path(arguments[1]).read_bytes()
    reason = answers_right(device, content)
    sys.stdout.write(json.dumps({"works": not reason, "reason": reason}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
