"""The command line as a program: `mien`, and `python -m mien` without the current folder on the module path."""

import atexit
import gc
import os
import sys

_COLLECT_AFTER = 10_000, 100
"""New objects after which Python collects garbage among them, and how often until it looks at all since the last such look. A
picture makes some 60,000 that stay: at Python's 700 and 10 collections take 5 % of its processor time, at 10,000 and 10 2 %.
The modules that a command loads before it begins take 4 % less at 10,000 (292 and 281 ms)."""


class Ending:
    """Last of the functions that Python calls at its end: it leaves the process without taking its objects apart.

    That takes as long as a tenth of a swapped picture. By then all threads have ended and what others registered was called.
    Without a `code` Python ends as usual: after an error that nobody caught.
    """

    code: int | None = None

    def __call__(self) -> None:
        """End the process, unless its last words cannot be written: Python tells that."""
        if self.code is None:
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        except (OSError, ValueError):
            return
        os._exit(self.code)


def run() -> None:
    """Run the command line and end the process."""
    ending = Ending()
    # What is registered first is called last.
    atexit.register(ending)
    gc.set_threshold(*_COLLECT_AFTER)
    try:
        from mien.commands.main import main

        code = main()
    except KeyboardInterrupt:
        # Ctrl-C before the command has begun: loading takes some tenths of a second, in each worker too.
        code = 130
    ending.code = code
    sys.exit(code)


if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `-m` puts the current folder first: a `numpy.py` in a download folder would be run.
        del sys.path[0]
    run()
