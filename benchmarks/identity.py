"""Benchmark of identity: what each step of the swap takes of the person in the photo. A command, never a test.

    .venv/bin/python benchmarks/identity.py FACES --set studio --pairs 16
    .venv/bin/python benchmarks/identity.py FACES --set everyday --half 1 --pairs 70 --only shipped

Every variant changes one thing of the shipped engine. The pairs are those of `mien evaluate`, without the people kept for the
last look; half 0 is there to tune on, half 1 to report. `--judge` names a second recogniser, an ONNX file that takes `image`
float32 (1, n, n, 3), RGB 0..255, upright faces: nothing should be tuned to one network alone.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import cv2
import numpy as np
import onnxruntime

from mien.assembly import factory
from mien.errors import UsageError
from mien.imaging.colour import ToneTuning, light_map
from mien.imaging.geometry import similarity
from mien.lab.evaluate.lab import Lab, frame_of, open_face
from mien.lab.evaluate.portraits import Portrait, choose_pairs, portraits
from mien.lab.meshes import settled
from mien.models.library.store import Store
from mien.settings import Settings
from mien.swap.engines.mesh import engine, texture
from mien.swap.source import view
from mien.swap.stages import reshape
from mien.types import Floats, Image, Landmarks

EVERYDAY_PAIRS, STUDIO_PAIRS = 140, 200
_JUDGED = (33, 263, 4, 61, 291)  # outer eye corners, tip of the nose, corners of the mouth
_UPRIGHT = ((0.24, 0.36), (0.76, 0.36), (0.5, 0.56), (0.36, 0.73), (0.64, 0.73))  # their places, as shares of the side

Describe = Callable[[Image, Floats], Floats]
Pair = tuple[Portrait, Portrait]


@dataclass(frozen=True, slots=True)
class Variant:
    """Settings, and replaced attributes of modules."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    replaced: tuple[tuple[ModuleType, str, Any], ...] = ()


def variants() -> dict[str, Variant]:
    """Return the variants by name."""

    def tuned(module: ModuleType, **values: Any) -> Variant:
        return Variant(replaced=((module, "TUNING", replace(module.TUNING, **values)),))

    def as_it_is(own: Image, *_arguments: Any) -> Image:
        return own

    fine = ToneTuning(skin_sigma=0.07)
    return {
        "shipped": Variant(),
        "no light or tone": Variant({"light": 0.0}),
        "no change of shape": Variant({"shape": 0.0}),
        "half the change of shape": Variant({"shape": 0.5}),
        "shape as read, averaged": tuned(reshape, gain=1.0, refinements=0),
        "a wide soft border": tuned(texture, forehead_feather=0.45, cheek_feather=0.45, jaw_feather=0.34),
        "hardly any soft border": tuned(texture, forehead_feather=0.12, cheek_feather=0.12, jaw_feather=0.08),
        "the wearer's beard shaved": Variant({"beard": "source"}),
        "eyes of the photo": Variant({"eyes": "source"}),
        "eyes of the wearer": Variant({"eyes": "target"}),
        "hard light and smile stay": Variant(replaced=((view, "evened", as_it_is),)),
        "hair and glasses of the photo stay": Variant(replaced=((view, "hidden_parts", lambda *_arguments, **_more: None),)),
        "sharpened": Variant({"sharpness": 0.5}),
        "fine modelling of the target": Variant(replaced=((engine, "light_map", partial(light_map, tuning=fine)),)),
    }


@contextmanager
def applied(variant: Variant) -> Iterator[None]:
    """Replace what the variant replaces."""
    with ExitStack() as stack:
        for module, name, value in variant.replaced:
            stack.enter_context(mock.patch.object(module, name, value))
        yield


def judge(path: Path) -> Describe:
    """Return the recogniser of a file; its descriptors have length 1."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    side = int(session.get_inputs()[0].shape[1])

    def describe(image: Image, points: Floats) -> Floats:
        to_chip = similarity(points[list(_JUDGED), :2], np.array(_UPRIGHT) * side)
        while float(np.hypot(to_chip[0, 0], to_chip[1, 0])) < 0.5:
            image, to_chip = np.asarray(cv2.pyrDown(image), np.uint8), to_chip.copy()
            to_chip[:, :2] *= 2
        chip = cv2.warpAffine(image, to_chip, (side, side), flags=cv2.INTER_LINEAR)[None, :, :, ::-1]
        found = np.ravel(session.run(None, {"image": chip.astype(np.float32)})[0])
        return np.asarray(found / np.linalg.norm(found), np.float32)

    return describe


def pairs_of(people: Sequence[Portrait], kind: str, half: str, count: int) -> list[Pair]:
    """Return the pairs to measure, none of the people kept for the last look."""
    if kind == "everyday":
        found = choose_pairs([each for each in people if each.is_everyday and not each.is_closing], EVERYDAY_PAIRS)
    else:
        found = choose_pairs([each for each in people if not each.is_everyday], STUDIO_PAIRS)
    return [pair for pair in found if half == "both" or str(_half(pair)) == half][:count]


def _half(pair: Pair) -> int:
    return int(hashlib.sha256("|".join(each.name for each in pair).encode()).hexdigest(), 16) % 2


def measured(lab: Lab, pair: Pair, settings: Settings, described: Sequence[Describe]) -> list[tuple[float, float]]:
    """Return, for each recogniser, the distances of the result to source and target."""
    source, target = pair
    pipeline = factory.open_picture_pipeline(settings, lab.models, open_face(source, lab.models))
    image = pipeline.swap_frame(frame_of(target.image, 0)).frame.image
    points = settled(image, target.landmarks.points, lab.models).points
    rows = []
    for describe in described:
        result, own, other = (
            describe(*each)
            for each in ((image, points), *((person.image, person.landmarks.points) for person in (source, target)))
        )
        rows.append((float(np.linalg.norm(result - own)), float(np.linalg.norm(result - other))))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and print a line for each variant."""
    parser = argparse.ArgumentParser(description="Measure what each step of the swap takes of the photo's person.")
    parser.add_argument("faces", type=Path)
    parser.add_argument("--set", choices=("everyday", "studio"), default="everyday", dest="kind")
    parser.add_argument("--half", choices=("0", "1", "both"), default="both")
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--only", nargs="*", default=list(variants()), choices=list(variants()), metavar="VARIANT")
    parser.add_argument("--judge", type=Path, help="a second recogniser (ONNX)")
    options = parser.parse_args(arguments)
    store = Store()
    models, recogniser = factory.open_models(Settings(), store), factory.open_recogniser(store)
    lab = Lab(Settings(), store, models, recogniser, tuple(portraits(options.faces, models, recogniser)))

    def dlib(image: Image, points: Floats) -> Floats:
        return recogniser.describe(image, Landmarks(points, 1.0))

    described = [dlib, *([judge(options.judge)] if options.judge else [])]
    for name in options.only:
        variant, rows = variants()[name], []
        for pair in pairs_of(lab.people, options.kind, options.half, options.pairs):
            try:
                with applied(variant):
                    rows.append(measured(lab, pair, Settings(**variant.settings), described))
            except UsageError:
                continue  # a photo that is refused as a source
        found = np.array(rows)
        figures = [
            f"{found[:, number, 0].mean():.3f}, nearer {100 * (found[:, number, 0] < found[:, number, 1]).mean():.0f} %"
            for number in range(len(described))
        ]
        sys.stdout.write(f"{name}: {len(rows)} pairs, distance {'; '.join(figures)}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
