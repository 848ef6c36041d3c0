"""Training of the harmonising network from a folder of portraits, and its figures."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from mien.assembly import factory
from mien.errors import UsageError
from mien.lab.training import learn
from mien.lab.training.compare import compare
from mien.lab.training.people import split
from mien.lab.training.sitters import read_sitters
from mien.models.library.store import Store
from mien.models.networks.finish_net import FinishNet
from mien.models.runtime.onnx_session import OnnxSession

_VALIDATION_EXAMPLES = 200  # bounds the time of the validation; not tuned
_RECOGNITION_SIDE = 480  # pixels of a sitter's square for the recogniser


def run_training(
    data: Path, output: Path, minutes: float, say: Callable[[str], None], *, resume: bool, noncommercial: bool
) -> dict[str, Any]:
    """Train on the portraits below `data`, write `output`, its checkpoint, figures and contact sheet; return the figures.

    Raises a `MienError`. People whose names end in 2 or 7 are held out for validation.
    """
    _check(data)
    sitters = read_sitters(data, lambda done, total: say(f"portrait {done} of {total}") if done % 25 == 0 else None)
    learning, checking = split(sitters)
    trained = learn.train(learning, 60 * minutes, output.with_suffix(".pt"), time.monotonic, say, resume=resume)
    figures = learn.validate(checking, trained.weights, _VALIDATION_EXAMPLES)
    named = f"{len(learning)} portraits of {len({each.person for each in learning})} people in {data.name}"
    output.write_bytes(learn.exported(trained, figures, named, noncommercial=noncommercial))
    cv2.imwrite(str(output.with_suffix(".png")), learn.sheet(checking, trained.weights, 12))
    found = {"steps": trained.steps, "seconds": round(trained.seconds), "data": named, **asdict(figures)}
    output.with_suffix(".json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return found


def run_comparison(data: Path, weights: Path | None, count: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Compare the engine with and without a network (None = the bundled one) on the held-out people below `data`."""
    _check(data)
    store = Store()
    try:
        content = store.read("finish") if weights is None else weights.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the network {weights}: {error.strerror}", "check the name") from error
    finisher = FinishNet(OnnxSession("finish", content))
    sitters = read_sitters(
        data, lambda done, total: say(f"portrait {done} of {total}") if done % 25 == 0 else None, _RECOGNITION_SIDE
    )
    _, checking = split(sitters)
    return compare(checking, finisher, factory.open_recogniser(store), count, lambda done, total: None)


def _check(data: Path) -> None:
    if not data.is_dir():
        raise UsageError(f"{data} is not a folder", "name a folder with portraits of several people (.jpg, .png)")
