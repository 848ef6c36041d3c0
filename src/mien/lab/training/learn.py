"""Training of the harmonising network: self-supervised, on one processor core, resumable."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional

from mien.imaging.blend import blend
from mien.imaging.colour import LUMA
from mien.lab.training.net import colours, fresh_weights, to_onnx
from mien.lab.training.pairs import Example, random_example
from mien.lab.training.sitters import Sitter
from mien.swap.stages.harmonise import GRID, VIEW, view
from mien.types import Array, Floats, Image


@dataclass(frozen=True, slots=True)
class TrainingTuning:
    """Numbers of the training; how the bundled network was trained, not searched for."""

    seed: int = 5
    batch: int = 16
    fresh_examples: int = 5  # new a step; the others are drawn again from those kept
    kept_examples: int = 6000  # 320 MB
    learning_rate: float = 1.5e-3
    average_decay: float = 0.998  # of the averaged weights: the last 500 steps
    save_interval_steps: int = 250


TUNING = TrainingTuning()


@dataclass(frozen=True, slots=True)
class Figures:
    """Validation without (`before`) and with (`after`) the network.

    Mean error of the face's colours against the truth, in levels; the same where the mask is soft; correlation of the
    face's coarse luminance with the truth's.
    """

    examples: int
    error_before: float
    error_after: float
    border_before: float
    border_after: float
    light_before: float
    light_after: float


@dataclass(frozen=True, slots=True)
class Trained:
    """Averaged weights, with the steps and seconds of all runs."""

    weights: dict[str, Array]
    steps: int
    seconds: float


def train(
    sitters: Sequence[Sitter],
    seconds: float,
    checkpoint: Path,
    clock: Callable[[], float],
    progress: Callable[[str], None],
    *,
    resume: bool = False,
) -> Trained:
    """Train for `seconds` of `clock`; with `resume` the time spent on `checkpoint` counts."""
    torch.set_num_threads(1)
    weights = {name: value.requires_grad_() for name, value in fresh_weights(TUNING.seed).items()}
    average = {name: value.detach().clone() for name, value in weights.items()}
    optimiser = torch.optim.AdamW(list(weights.values()), lr=TUNING.learning_rate, weight_decay=1e-4)
    step, spent = 0, 0.0
    if resume and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        with torch.no_grad():
            for name, value in weights.items():
                value.copy_(state["weights"][name])
        average, step, spent = state["average"], int(state["step"]), float(state["spent"])
        optimiser.load_state_dict(state["optimiser"])
    kept = _Kept(TUNING.kept_examples)
    started, running = clock() - spent, 0.0
    while spent < seconds:
        draw = np.random.default_rng([TUNING.seed, step])
        for _ in range(TUNING.fresh_examples if kept.count else 4 * TUNING.batch):
            kept.add(packed(random_example(sitters, draw)))
        batch = _degraded(kept.some(TUNING.batch, draw), draw)
        for group in optimiser.param_groups:
            group["lr"] = _rate(step, spent / seconds)
        loss = _loss(batch, weights)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimiser.step()
        step += 1
        keep = min(TUNING.average_decay, step / (step + 10))
        with torch.no_grad():
            for name, value in weights.items():
                average[name].mul_(keep).add_(value, alpha=1 - keep)
        running = 0.98 * running + 0.02 * float(loss.detach()) if step > 1 else float(loss.detach())
        spent = clock() - started
        if step % TUNING.save_interval_steps == 0 or spent >= seconds:
            _save(checkpoint, weights, average, optimiser, step, spent)
            progress(f"step {step}, {spent / 60:.1f} of {seconds / 60:.1f} minutes, loss {running:.4f}")
    return Trained({name: value.numpy() for name, value in average.items()}, step, spent)


def _rate(step: int, share: float) -> float:
    """Return the learning rate: a short rise, then half a cosine over the share of the time spent."""
    return TUNING.learning_rate * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def validate(sitters: Sequence[Sitter], weights: dict[str, Array], count: int) -> Figures:
    """Measure `count` examples, the same in every run, with the engine's own relighting."""
    draw = np.random.default_rng(TUNING.seed)
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    rows = []
    for _ in range(count):
        batch = _unpacked(packed(random_example(sitters, draw, plain=True))[None])
        with torch.no_grad():
            answer = _finished(batch, colours(batch.view, tensors))
        pairs = (batch.composed, answer)
        rows.append(
            [_error(x, batch.truth, batch.mask) for x in pairs]
            + [_error(x, batch.truth, 4 * batch.mask * (1 - batch.mask)) for x in pairs]
            + [_light(x, batch.truth, batch.mask) for x in pairs]
        )
    return Figures(count, *(float(value) for value in np.mean(rows, axis=0)))


def packed(example: Example) -> Array:
    """Return an example as the network sees it, uint8 (13, 64, 64): composed, target, mask, truth, patch."""
    composed, truth = example.target.copy(), example.target.copy()
    blend(composed, example.patch, example.mask, 0, 0, 256)
    blend(truth, example.truth, example.mask, 0, 0, 256)
    seen = view(example.target, composed, example.mask)[0]
    cover = _small((example.mask > 0).astype(np.float32))[:, :, None]
    patch = _small(example.patch.astype(np.float32)) / np.maximum(cover, 1e-3)
    rest = np.concatenate([_small(truth), np.clip(patch, 0, 255)], axis=2).transpose(2, 0, 1)
    return np.concatenate([(seen * 255 + 0.5), rest]).astype(np.uint8)


def exported(trained: Trained, figures: Figures, data: str, *, noncommercial: bool) -> bytes:
    """Return the trained network as an ONNX file whose metadata names its data."""
    notes = {key: f"{value:.4f}" for key, value in asdict(figures).items()}
    notes |= {"data": data, "steps": str(trained.steps), "use": "non-commercial only" if noncommercial else "any"}
    return to_onnx(trained.weights, notes)


def _small(picture: Array) -> Array:
    return np.asarray(cv2.resize(picture, (VIEW, VIEW), interpolation=cv2.INTER_AREA))


@dataclass(frozen=True, slots=True)
class _Batch:
    """Float tensors 0..1: `view` (n, 7, 64, 64), `truth`, `patch` and `composed` (n, 3, 64, 64)."""

    view: torch.Tensor
    truth: torch.Tensor
    patch: torch.Tensor
    composed: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        return self.view[:, 6:7]


class _Kept:
    """Ring buffer of the last examples."""

    def __init__(self, most: int) -> None:
        self._rows = np.zeros((most, 13, VIEW, VIEW), np.uint8)
        self._added = 0

    @property
    def count(self) -> int:
        return min(self._added, len(self._rows))

    def add(self, row: Array) -> None:
        self._rows[self._added % len(self._rows)] = row
        self._added += 1

    def some(self, count: int, draw: np.random.Generator) -> _Batch:
        rows = self._rows[draw.integers(0, self.count, count)]
        return _unpacked(rows[:, :, :, ::-1].copy() if draw.random() < 0.5 else rows)


def _unpacked(rows: Array) -> _Batch:
    values = torch.from_numpy(np.ascontiguousarray(rows)).float() / 255
    return _Batch(values[:, :7], values[:, 7:10], values[:, 10:13], values[:, :3])


def _degraded(batch: _Batch, draw: np.random.Generator) -> _Batch:
    """Return the batch as a noisy or soft camera shows it to the network; the truth stays clear."""
    if draw.random() < 0.3:
        return batch
    seen = batch.view.clone()
    if draw.random() < 0.3:
        seen[:, :6] = functional.avg_pool2d(functional.pad(seen[:, :6], (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    noise = draw.normal(0, draw.uniform(0, 0.02), seen[:, :6].shape).astype(np.float32)
    seen[:, :6] += torch.from_numpy(noise)
    return _Batch(seen, batch.truth, batch.patch, batch.composed)


def _finished(batch: _Batch, answer: torch.Tensor) -> torch.Tensor:
    """Return the composed picture at the view's size."""
    maps = functional.interpolate(answer, scale_factor=VIEW // GRID, mode="bilinear", align_corners=False)
    changed = (batch.patch * maps[:, :3] + maps[:, 3:] / 255).clamp(-0.05, 1.05)
    return batch.composed + batch.mask * (changed - batch.patch)


def _loss(batch: _Batch, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    answer = colours(batch.view, weights)
    made = _finished(batch, answer)
    mask = batch.mask
    weight = mask + 6 * mask * (1 - mask)
    # A dark picture shows its errors as well as a bright one.
    brightness = (batch.truth * mask).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3)) + 1)
    level = 1 / (0.15 + brightness)[:, None, None, None]
    difference = made - batch.truth
    near = (difference.abs() * weight * level).mean()
    coarse = (functional.avg_pool2d(difference * mask, 4).abs() * level).mean()
    slopes = ((difference[:, :, 1:] - difference[:, :, :-1]).abs() * mask[:, :, 1:] * level).mean() + (
        (difference[:, :, :, 1:] - difference[:, :, :, :-1]).abs() * mask[:, :, :, 1:] * level
    ).mean()
    logs, offsets = torch.log(answer[:, :3]), answer[:, 3:] / 40
    uneven = sum(
        (part[:, :, 1:] - part[:, :, :-1]).abs().mean() + (part[:, :, :, 1:] - part[:, :, :, :-1]).abs().mean()
        for part in (logs, offsets)
    )
    return near + coarse + 0.5 * slopes + 0.02 * uneven + 0.003 * offsets.abs().mean()


def _error(made: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> float:
    return float(255 * ((made - truth).abs() * weight).sum() / (3 * weight.sum() + 1e-6))


def _light(made: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor) -> float:
    """Return the correlation of coarse luminance inside the face."""
    inside = functional.avg_pool2d(mask, 4)[0, 0].numpy() > 0.9
    luma = torch.tensor(LUMA)[None, :, None, None]
    first, second = (functional.avg_pool2d((x * luma).sum(1, keepdim=True), 4)[0, 0].numpy()[inside] for x in (made, truth))
    return float(np.corrcoef(first, second)[0, 1])


def _save(
    path: Path,
    weights: dict[str, torch.Tensor],
    average: dict[str, torch.Tensor],
    optimiser: torch.optim.Optimizer,
    step: int,
    spent: float,
) -> None:
    state: dict[str, Any] = {
        "weights": {name: value.detach() for name, value in weights.items()},
        "average": average,
        "optimiser": optimiser.state_dict(),
        "step": step,
        "spent": spent,
    }
    content = io.BytesIO()
    torch.save(state, content)
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content.getvalue())
    part.replace(path)


def sheet(sitters: Sequence[Sitter], weights: dict[str, Array], count: int) -> Image:
    """Return target, swap, harmonised swap and truth of `count` examples, two examples a row; BGR uint8."""
    draw = np.random.default_rng(TUNING.seed + 1)
    tensors = {name: torch.from_numpy(value) for name, value in weights.items()}
    rows = []
    for _ in range(count):
        example = random_example(sitters, draw, plain=True)
        batch = _unpacked(packed(example)[None])
        with torch.no_grad():
            maps = colours(batch.view, tensors)[0].permute(1, 2, 0).numpy()
        rows.append(np.hstack([example.target, *(_composed(example, picture) for picture in _versions(example, maps))]))
    rows += [np.zeros_like(rows[0])] * (len(rows) % 2)
    return np.vstack([np.hstack(rows[i : i + 2]) for i in range(0, len(rows), 2)])


def _versions(example: Example, maps: Floats) -> tuple[Image, Image, Image]:
    side = example.mask.shape[0]
    large = cv2.resize(maps[:, :, :3], (side, side)), cv2.resize(maps[:, :, 3:], (side, side))
    finished = np.clip(example.patch * large[0] + large[1] + 0.5, 0, 255).astype(np.uint8)
    return example.patch, finished, example.truth


def _composed(example: Example, patch: Image) -> Image:
    made = example.target.copy()
    blend(made, patch, example.mask, 0, 0, 256)
    return made
