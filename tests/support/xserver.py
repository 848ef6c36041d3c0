"""A screen of X under Xvfb."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def x_display(width: int, height: int) -> Iterator[str]:
    """Yield the name of a display with one screen; skip the test where none starts."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("NO SCREEN TESTED: Xvfb is not installed")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    try:
        if not number:
            pytest.skip("NO SCREEN TESTED: Xvfb does not start here")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)
