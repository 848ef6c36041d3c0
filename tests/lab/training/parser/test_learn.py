"""Training of the parser: it learns, continues where it stopped, and leaves whole checkpoints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mien.errors import UsageError
from mien.lab.training.parser.canvas import Example
from mien.lab.training.parser.scenes import Props, random_example
from tests.support.parser_props import props

if TYPE_CHECKING:
    from mien.lab.training.parser.learn import Trained

for _name in ("torch", "onnx"):
    pytest.importorskip(_name, reason=f"NOT TESTED: training needs {_name} (pip install '.[train]')")

Steps = list[range]
Train = Callable[..., "Trained"]


@pytest.fixture
def asked() -> Steps:
    """Return the ranges of steps for which examples were asked."""
    return []


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: Steps) -> Train:
    """Return a training in small steps, whose examples are made in this process."""
    from mien.lab.training.parser import learn

    @contextmanager
    def examples(props: Props, seed: int, steps: range, first: int, fresh: int) -> Iterator[Iterator[list[Example]]]:
        asked.append(steps)
        yield ([random_example(props, np.random.default_rng([seed, step, n])) for n in range(fresh)] for step in steps)

    tuning = replace(learn.TUNING, batch=4, fresh_examples=2, warm_up_steps=1, save_steps=2)
    monkeypatch.setattr(learn, "TUNING", tuning)
    monkeypatch.setattr(learn, "examples", examples)

    def run(steps: int, say: Callable[[str], None] = lambda text: None, *, resume: bool = False) -> "Trained":
        return learn.train(props(), steps, tmp_path / "parser.pt", say, resume=resume)

    return run


def test_a_few_steps_lower_the_loss(train: Train) -> None:
    said: list[str] = []
    assert train(12, said.append).steps == 12
    assert [text.partition(",")[0] for text in said] == [f"step {step} of 12" for step in range(2, 13, 2)]
    first, *_, last = (float(text.rpartition(" ")[2]) for text in said)
    assert last < 0.95 * first


def test_it_continues_at_its_step(train: Train, asked: Steps) -> None:
    assert train(2).steps == 2
    assert train(4, resume=True).steps == 4
    assert asked == [range(2), range(2, 4)]
    done = train(4, resume=True)
    assert done.steps == 4
    assert len(asked) == 2, "nothing is left to do"
    assert train(2).steps == 2
    assert asked[-1] == range(2), "without `resume` it starts again"


def test_the_same_steps_give_the_same_weights(train: Train) -> None:
    import torch

    first, again = (train(2).network.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_ctrl_c_leaves_the_last_checkpoint_whole(train: Train, tmp_path: Path) -> None:
    def interrupt(text: str) -> None:
        if text.startswith("step 4"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(6, interrupt)
    assert {each.name for each in tmp_path.iterdir()} == {"parser.pt"}
    assert train(4, resume=True).steps == 4


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused(train: Train, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "parser.pt").write_bytes(content)
    with pytest.raises(UsageError, match="checkpoint") as raised:
        train(2, resume=True)
    assert raised.value.remedy


def test_a_checkpoint_of_another_network_is_refused(train: Train, tmp_path: Path) -> None:
    import torch

    torch.save({"weights": {}, "step": 3}, tmp_path / "parser.pt")
    with pytest.raises(UsageError, match="of another network"):
        train(2, resume=True)
