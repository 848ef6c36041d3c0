"""Samples of a thread's stack, taken many times a second by another thread, as times by function and as a flame graph.

To a profiler that hooks into calls, a compiled kernel is a function without a caller, whose time belongs to no stage. A thread
that looks from outside finds the line that called the kernel.
"""

import json
import sys
import threading
import time
from collections.abc import Iterable
from types import FrameType, TracebackType

from mien.errors import UsageError

_INTERVAL_S = 0.0005  # between two samples: some 40 in a frame of 20 ms
_SWITCH_S = 0.0001  # after which Python lets the sampling thread in; its usual 5 ms are a quarter of a frame

Call = tuple[str, str]
"""A function: its file and its name."""
Stack = tuple[Call, ...]
"""Calls from the outermost to the innermost."""


class StackSampler:
    """Context manager that samples the thread which enters it; `seconds` has the time by stack after it.

    The time since the last sample counts for the stack that is found, so that a kernel which holds Python up, and is seen once
    as it ends, counts in full.
    """

    def __init__(self) -> None:
        self.seconds: dict[Stack, float] = {}
        self._ended = threading.Event()
        self._sampled = threading.get_ident()
        self._thread = threading.Thread(target=self._sample, name="stack sampler", daemon=True)
        self._switch_s = sys.getswitchinterval()

    def __enter__(self) -> "StackSampler":
        """Start sampling; raises a `UsageError` where Python does not show the stacks of its threads."""
        if not hasattr(sys, "_current_frames"):
            raise UsageError("this Python does not show the stacks of its threads", "use CPython")
        self._sampled = threading.get_ident()
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        sys.setswitchinterval(self._switch_s)

    def _sample(self) -> None:
        last = time.perf_counter()
        while not self._ended.wait(_INTERVAL_S):
            frame = sys._current_frames().get(self._sampled)
            now = time.perf_counter()
            stack = _stack_of(frame)
            self.seconds[stack] = self.seconds.get(stack, 0.0) + now - last
            last = now


def _stack_of(frame: FrameType | None) -> Stack:
    calls: list[Call] = []
    while frame is not None:
        calls.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(reversed(calls))


def flame_graph(seconds: Iterable[tuple[Stack, float]]) -> str:
    """Return stacks and their seconds as JSON text in speedscope's format, equal stacks side by side."""
    numbers: dict[Call, int] = {}
    ordered = sorted(seconds)
    samples = [[numbers.setdefault(call, len(numbers)) for call in stack] for stack, _ in ordered]
    weights = [weight for _, weight in ordered]
    profile = {
        "type": "sampled",
        "name": "frames",
        "unit": "seconds",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }
    return json.dumps({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "shared": {"frames": [{"name": name, "file": file} for file, name in numbers]},
        "profiles": [profile],
    })  # fmt: skip
