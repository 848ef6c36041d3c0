"""Maker of the parser's examples: a process beside the training, on the second core.

It reads its order from the input and writes the examples of each step to the output, both pickled.
"""

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import cv2
import numpy as np

from mien.errors import MienError
from mien.lab.training.parser.canvas import Example
from mien.lab.training.parser.scenes import Props, random_example
from mien.system.programs import environment, python_module

_STEPS_AHEAD = 12  # of which the examples are ready before they are needed; 12 MB


@contextmanager
def examples(props: Props, seed: int, steps: range, first: int, fresh: int) -> Iterator[Iterator[list[Example]]]:
    """Yield the new examples of each of the `steps`, `first` ones in the first step and `fresh` ones in the others.

    They depend on seed and step alone. A `MienError` says that the maker has ended; it never outlives this block.
    """
    order = {"props": props, "seed": seed, "steps": steps, "first": first, "fresh": fresh}
    pipe = subprocess.PIPE
    # In a session of its own: Ctrl-C reaches the training alone, which ends the maker.
    maker = subprocess.Popen(python_module(__name__), stdin=pipe, stdout=pipe, env=environment(), start_new_session=True)
    with maker:
        try:
            yield _received(maker, order)
        finally:
            maker.kill()
            if maker.stdin is not None:
                with suppress(BrokenPipeError):
                    maker.stdin.close()


def _received(maker: "subprocess.Popen[bytes]", order: dict[str, Any]) -> Iterator[list[Example]]:
    assert maker.stdin is not None
    assert maker.stdout is not None
    try:
        pickle.dump(order, maker.stdin, pickle.HIGHEST_PROTOCOL)
        maker.stdin.close()
        for _ in order["steps"]:
            yield pickle.load(maker.stdout)
    except (EOFError, BrokenPipeError, pickle.UnpicklingError):
        code = maker.wait()
        reason = f"the process that makes the examples ended with exit code {code}"
        raise MienError(reason, "read its message above; it needs as much memory as the training") from None


def main() -> None:
    """Make the examples that the order asks for."""
    cv2.setNumThreads(1)
    order = pickle.load(sys.stdin.buffer)
    ready: queue.Queue[list[Example] | None] = queue.Queue(_STEPS_AHEAD)
    writer = threading.Thread(target=_write, args=(ready, sys.stdout.buffer), daemon=True)
    writer.start()
    seed, steps = order["seed"], order["steps"]
    for step in steps:
        count = order["first"] if step == steps[0] else order["fresh"]
        draws = (np.random.default_rng([seed, step, number]) for number in range(count))
        ready.put([random_example(order["props"], draw) for draw in draws])
    ready.put(None)
    writer.join()


def _write(ready: "queue.Queue[list[Example] | None]", output: IO[bytes]) -> None:
    try:
        while (made := ready.get()) is not None:
            pickle.dump(made, output, pickle.HIGHEST_PROTOCOL)
            output.flush()
    except OSError:
        # The training has gone; the other thread may wait for a place in the queue.
        os._exit(0)


if __name__ == "__main__":
    main()
