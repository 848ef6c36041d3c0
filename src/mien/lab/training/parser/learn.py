"""Training of the parser: on one core, with examples made on another; the same number of steps gives the same weights."""

import io
import math
import pickle
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch.nn import functional

from mien.errors import UsageError
from mien.lab.training.parser.canvas import CLASSES, Example
from mien.lab.training.parser.files import write_whole
from mien.lab.training.parser.maker import examples
from mien.lab.training.parser.network import ParserNetwork
from mien.lab.training.parser.scenes import Props
from mien.models.format.parsing import BEFORE_THE_FACE, FaceClass


@dataclass(frozen=True, slots=True)
class TrainingTuning:
    """Numbers of the training; how the bundled network was trained, not searched for."""

    seed: int = 15
    batch: int = 16
    fresh_examples: int = 6
    """New examples a step; the others are drawn again from those kept."""
    kept_examples: int = 5000  # 780 MB
    learning_rate: float = 2.5e-3
    weight_decay: float = 1e-4
    warm_up_steps: int = 60
    average_decay: float = 0.998
    """Of the averaged weights: about the last 500 steps."""
    edge_weight: float = 2.0
    """Added weight of pixels at the edges of occluders: gaps between fingers and strands are edges."""
    overlap_weight: float = 0.4
    """Weight of the overlap (dice) of the occluders, against the likelihood of their pixels."""
    class_weight: float = 0.5
    """Weight of the likelihood of the classes."""
    overlap_floor: float = 60.0
    """Pixels added to both sides of the overlap: a bare face has no occluder, and the first wrong pixels cost the most."""
    save_steps: int = 500  # from one checkpoint to the next, and in the mean of the loss that is shown
    clip_norm: float = 2.0  # of the gradient


TUNING = TrainingTuning()
_RARE = {
    FaceClass.RIM: 3.0, FaceClass.EYE: 2.0, FaceClass.BROW: 1.5, FaceClass.LIPS: 1.5, FaceClass.HAIR: 1.3, FaceClass.SHADE: 1.3,
    FaceClass.LENS: 1.3, FaceClass.HAND: 1.3, FaceClass.THING: 1.3, FaceClass.BACKGROUND: 0.3,
}  # fmt: skip
"""Weights of classes of which few pixels are seen, or which matter little."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The averaged network, with steps and seconds of all runs."""

    network: ParserNetwork
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Batch:
    """Tensors: `image` (n, 3, s, s) RGB 0..1, `truth` (n, classes, s, s), `known` and `judged` (n, s, s), 0..1."""

    image: torch.Tensor
    truth: torch.Tensor
    known: torch.Tensor
    judged: torch.Tensor


def train(props: Props, steps: int, checkpoint: Path, progress: Callable[[str], None], *, resume: bool = False) -> Trained:
    """Train until `steps` have been made, those of earlier runs included when `resume` finds a checkpoint.

    The checkpoint is written every `save_steps`, whole or not at all. Raises a `MienError`.
    """
    torch.set_num_threads(1)
    torch.manual_seed(TUNING.seed)
    state = _State.fresh()
    if resume and checkpoint.exists():
        state.restore(checkpoint)
    if state.step >= steps:
        return Trained(state.average, state.step, state.spent)
    kept, started = _Kept(), time.monotonic() - state.spent
    losses: deque[float] = deque(maxlen=TUNING.save_steps)
    with examples(props, TUNING.seed, range(state.step, steps), 4 * TUNING.batch, TUNING.fresh_examples) as made:
        for new in made:
            kept.add(new)
            losses.append(_learn(state, kept.some(TUNING.batch, np.random.default_rng([TUNING.seed, state.step])), steps))
            if state.step % TUNING.save_steps == 0 or state.step == steps:
                state.spent = time.monotonic() - started
                state.save(checkpoint)
                minutes, loss = state.spent / 60, float(np.mean(losses))
                progress(f"step {state.step} of {steps}, {minutes:.1f} minutes, loss {loss:.4f}")
    return Trained(state.average, state.step, state.spent)


@dataclass(slots=True)
class _State:
    """Everything that a checkpoint holds; `average` follows the weights of `network`."""

    network: ParserNetwork
    average: ParserNetwork
    optimiser: torch.optim.Optimizer
    step: int = 0
    spent: float = 0.0

    @classmethod
    def fresh(cls) -> Self:
        network, average = ParserNetwork().to(memory_format=torch.channels_last), ParserNetwork()
        average.load_state_dict(network.state_dict())
        optimiser = torch.optim.AdamW(network.parameters(), lr=TUNING.learning_rate, weight_decay=TUNING.weight_decay)
        return cls(network, average, optimiser)

    def restore(self, path: Path) -> None:
        try:
            found = torch.load(path, weights_only=True)
            self.network.load_state_dict(found["network"])
            self.average.load_state_dict(found["average"])
            self.optimiser.load_state_dict(found["optimiser"])
            self.step, self.spent = int(found["step"]), float(found["spent"])
        except (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, pickle.UnpicklingError) as error:
            reason = f"the checkpoint {path} is damaged or of another network"
            raise UsageError(reason, "train without --resume, or name another output") from error

    def save(self, path: Path) -> None:
        content = io.BytesIO()
        parts = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimiser")}
        torch.save({**parts, "step": self.step, "spent": self.spent}, content)
        write_whole(path, content.getvalue())


def _learn(state: _State, batch: _Batch, steps: int) -> float:
    """Make one step of the training; return its loss."""
    for group in state.optimiser.param_groups:
        group["lr"] = _rate(state.step, steps)
    state.network.train()
    loss = _loss(state.network, batch)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.network.parameters(), TUNING.clip_norm)
    state.optimiser.step()
    _follow(state.average, state.network, state.step)
    state.step += 1
    return float(loss.detach())


def _rate(step: int, steps: int) -> float:
    """Return the learning rate: a short rise, then half a cosine down to a fiftieth."""
    rise = min(1.0, (step + 1) / TUNING.warm_up_steps)
    return TUNING.learning_rate * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def _follow(average: ParserNetwork, network: ParserNetwork, step: int) -> None:
    """Move the averaged weights and the averaged means of the normalisations towards the network's."""
    keep = min(TUNING.average_decay, (1 + step) / (20 + step))
    with torch.no_grad():
        for old, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(keep).add_(new, alpha=1 - keep)
            else:
                old.copy_(new)


class _Kept:
    """Ring buffer of the last examples."""

    def __init__(self) -> None:
        self._rows: list[Example] = []
        self._added = 0

    def add(self, new: Sequence[Example]) -> None:
        for example in new:
            if len(self._rows) < TUNING.kept_examples:
                self._rows.append(example)
            else:
                self._rows[self._added % TUNING.kept_examples] = example
            self._added += 1

    def some(self, count: int, draw: np.random.Generator) -> _Batch:
        """Return the newest examples and, to make up the count, random ones."""
        newest = min(TUNING.fresh_examples, self._added)
        picked = [(self._added - 1 - number) % TUNING.kept_examples for number in range(newest)]
        picked += draw.integers(0, len(self._rows), count - newest).tolist()
        batch = batch_of([self._rows[number] for number in picked])
        if draw.random() < 0.5:
            # Another white balance makes those seen before a little new.
            gains = torch.from_numpy(np.exp(draw.normal(0, 0.08, (count, 3, 1, 1))).astype(np.float32))
            return _Batch(torch.clamp(batch.image * gains, 0, 1), batch.truth, batch.known, batch.judged)
        return batch


def batch_of(rows: Sequence[Example]) -> _Batch:
    """Return examples as tensors."""
    images = np.stack([each.image[:, :, ::-1] for each in rows]).astype(np.float32) / 255
    truths = np.stack([each.truth for each in rows]).astype(np.float32) / 255
    planes = [np.stack([getattr(each, name) for each in rows]).astype(np.float32) / 255 for name in ("known", "judged")]
    return _Batch(
        torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last),
        torch.from_numpy(truths).permute(0, 3, 1, 2),
        torch.from_numpy(planes[0]),
        torch.from_numpy(planes[1]),
    )


def _loss(network: ParserNetwork, batch: _Batch) -> torch.Tensor:
    """Return the error of occluder against face, their overlap, and the error of the classes, weighted and summed."""
    logs = functional.log_softmax(network(batch.image), dim=1)
    rarity = torch.ones(CLASSES)
    for kind, weight in _RARE.items():
        rarity[kind] = weight
    classes = -(batch.truth * rarity[None, :, None, None] * logs).sum(1)
    likelihood = (classes * batch.known).sum() / batch.known.sum().clamp(min=1)
    front = list(BEFORE_THE_FACE)
    behind = [kind for kind in FaceClass if kind not in BEFORE_THE_FACE]
    truth = batch.truth[:, front].sum(1)
    blurred = functional.avg_pool2d(truth[:, None], 3, stride=1, padding=1)[:, 0]
    weight = batch.judged * (1 + TUNING.edge_weight * ((blurred - truth).abs() > 0.08))
    yes, no = torch.logsumexp(logs[:, front], 1), torch.logsumexp(logs[:, behind], 1)
    binary = (-(truth * yes + (1 - truth) * no) * weight).sum() / weight.sum().clamp(min=1)
    share = torch.exp(yes)
    both = (share * truth * batch.judged).sum((1, 2))
    either = ((share + truth) * batch.judged).sum((1, 2))
    overlap = 1 - (2 * both + TUNING.overlap_floor) / (either + TUNING.overlap_floor)
    return binary + TUNING.overlap_weight * overlap.mean() + TUNING.class_weight * likelihood
