"""The processor of this machine."""

import hashlib
import os
import platform
import sys
from collections.abc import Set
from functools import cache
from pathlib import Path


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def keep_opencv_to_callers(busy_threads: int) -> None:
    """Let OpenCV start no threads of its own where as many as there are cores are busy: it would only take from them."""
    if available_cores() <= busy_threads:
        # Not every command needs OpenCV.
        import cv2

        cv2.setNumThreads(1)


@cache
def described_processor() -> str:
    """Return Linux's description of the processor; empty on other systems."""
    try:
        return Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return ""


def has_all(features: Set[str]) -> bool:
    """Return True where this processor is known to have these features, in Linux's words for x86; False on other systems."""
    return features <= described_flags()


def described_flags() -> Set[str]:
    """Return the features of this processor, in Linux's words for x86; none on other systems, and where they are hidden."""
    lines = (line for line in described_processor().splitlines() if line.startswith("flags"))
    return set(next(lines, "").partition(":")[2].split())


def processor_digest() -> str:
    """Return 12 letters that stand for the model of this processor and what it can do."""
    kept = ("model name", "flags", "CPU part", "Features", "CPU implementer")
    lines = {line for line in described_processor().splitlines() if line.startswith(kept)}
    known = "\n".join(sorted(lines)) or platform.processor()
    return hashlib.sha256(f"{platform.machine()}\n{known}".encode()).hexdigest()[:12]
