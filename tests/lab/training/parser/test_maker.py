"""The maker of examples: what it sends, and that it ends with the training, however that ends."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from mien.errors import MienError
from mien.lab.training.parser.canvas import Example
from mien.lab.training.parser.maker import examples
from mien.lab.training.parser.scenes import random_example
from mien.system.programs import environment
from tests.support.parser_props import props

_DEADLINE_S = 60.0
_TRAINING = """
import pickle, psutil, sys
from pathlib import Path
from mien.lab.training.parser.maker import examples
props = pickle.loads(Path(sys.argv[1]).read_bytes())
with examples(props, 1, range(1000000), 1, 1) as made:
    next(made)
    print(psutil.Process().children()[0].pid, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _made(steps: range) -> Iterator[tuple[Iterator[list[Example]], psutil.Process]]:
    before = set(psutil.Process().children())
    with examples(props(), 7, steps, 3, 2) as made:
        (maker,) = set(psutil.Process().children()) - before
        yield made, maker


def test_the_examples_depend_on_seed_and_step_alone() -> None:
    with _made(range(4, 6)) as (made, _):
        found = list(made)
    assert [len(each) for each in found] == [3, 2]
    for step, each in zip((4, 5), found, strict=True):
        for number, example in enumerate(each):
            wanted = random_example(props(), np.random.default_rng([7, step, number]))
            assert np.array_equal(example.image, wanted.image)
            assert np.array_equal(example.truth, wanted.truth)


def test_an_interrupted_training_ends_its_maker() -> None:
    with pytest.raises(KeyboardInterrupt), _made(range(1_000_000)) as (_, maker):
        raise KeyboardInterrupt
    assert not maker.is_running()


def test_a_maker_that_ends_is_an_error() -> None:
    with _made(range(1_000_000)) as (made, maker):
        maker.kill()
        with pytest.raises(MienError, match="process that makes the examples ended") as raised:
            list(made)
    assert raised.value.remedy


@pytest.mark.posix
def test_the_maker_dies_with_a_training_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "props").write_bytes(pickle.dumps(props()))
    command = [sys.executable, "-P", "-c", _TRAINING, str(tmp_path / "props")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment()) as training:
        assert training.stdout is not None
        maker = psutil.Process(int(training.stdout.readline()))
        training.kill()
    gone, _ = psutil.wait_procs([maker], timeout=_DEADLINE_S)
    assert gone
