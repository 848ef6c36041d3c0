"""The hard list: synthetic sequences in which a swap may get worse, but must not fail."""

from collections.abc import Callable

import numpy as np

from mien.errors import MienError
from mien.lab.evaluate import scenes
from mien.lab.evaluate.figures import Clip, Figure, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, drawn_points, nearest
from mien.lab.evaluate.plots import beside, face_crop, fitted
from mien.lab.evaluate.portraits import Portrait
from mien.lab.evaluate.scenes import Scene
from mien.types import Floats, Image, Landmarks

_SCENE_FRAMES = 30  # 1 s at 30 fps; not tuned
_DESCRIBE_INTERVAL_FRAMES = 6  # saves runs of the recogniser
_TILE_WIDTH, _TILES = 300, 4  # of the contact sheet, pixels and number
_WHOLE = ("ten faces", "larger than the frame")
"""Scenes that are shown as whole frames."""


def measure(lab: Lab, progress: Progress) -> Section:
    """Swap every hard scene; an error in one is a figure, not the end."""
    length = lab.length(_SCENE_FRAMES)
    figures, details, sheets, clips, notes = [], {}, [], [], []
    failures = 0
    for number, (name, make) in enumerate(_scenes(lab).items()):
        source, target = lab.cast(number)
        scene = make(target, length)
        try:
            swapped, distances, to_target, shots = _run(lab, scene, source, target)
        except (MienError, ValueError, ArithmeticError, IndexError) as error:
            failures += 1
            notes.append(f"FAILED: {name}: {error}")
            progress()
            continue
        progress()
        wanted = 10 if name == "ten faces" else 1
        share = mean([min(count, wanted) / wanted for count in swapped])
        figures.append(Figure(f"{name}: faces swapped", 100 * share, "%", at_least=90))
        figures.append(Figure(f"{name}: distance to the source", mean(distances)))
        details[name] = {"swapped": share, "to_source": mean(distances), "to_target": mean(to_target), "source": source.name}
        tiles = [shots[index] for index in np.linspace(0, len(shots) - 1, _TILES).astype(int)]
        rows = [np.hstack([_tile(tile[side], tile[2], name) for tile in tiles]) for side in (0, 1)]
        sheets.append(Sheet(f"{name}: {source.name} on {target.name}; above the target, below the result.", np.vstack(rows)))
        frames = tuple(beside(*(fitted(picture, 400) for picture in shot[:2])) for shot in shots)
        clips.append(Clip(f"hard-{number}", name, frames, 15))
    figures.insert(0, Figure("sequences that raised an error", float(failures), at_most=0))
    return Section(
        "hardships", "The hard list", tuple(figures), details, tuple(sheets), clips=tuple(clips), notes=tuple(notes)
    )  # fmt: skip


def _scenes(lab: Lab) -> dict[str, Callable[[Portrait, int], Scene]]:
    crowd = list({portrait.person: portrait for portrait in lab.people[::-1]}.values())[::-3][:10]
    return {
        "fast motion": lambda portrait, length: scenes.fast(portrait, length, blur=False),
        "motion blur": lambda portrait, length: scenes.fast(portrait, length, blur=True),
        "darkness": scenes.dark,
        "backlight": scenes.backlit,
        "make-up": scenes.made_up,
        "compression": scenes.compressed,
        "ten faces": lambda portrait, length: scenes.crowd([portrait, *crowd], length),
        "face of 40 pixels": lambda portrait, length: scenes.sized(portrait, length, 40, "face of 40 pixels"),
        "larger than the frame": lambda portrait, length: scenes.sized(portrait, length, 660, "larger than the frame"),
    }


def _run(
    lab: Lab, scene: Scene, source: Portrait, target: Portrait
) -> tuple[list[int], list[float], list[float], list[tuple[Image, Image, Floats]]]:
    """Return faces swapped by frame, distances to source and target every few frames, and pictures with landmarks."""
    swapped, to_source, to_target, shots = [], [], [], []
    for index, (shot, result) in enumerate(lab.run(scene, source)):
        image = result.frame.image
        swapped.append(result.swapped)
        shots.append((shot.image, image, shot.points))
        if result.swapped and index % _DESCRIBE_INTERVAL_FRAMES == _DESCRIBE_INTERVAL_FRAMES - 1:
            points = nearest(drawn_points(result), shot.points)
            embedding = lab.recogniser.describe(image, Landmarks(points, 1.0))
            to_source.append(float(np.linalg.norm(embedding - source.embedding)))
            to_target.append(float(np.linalg.norm(embedding - target.embedding)))
    return swapped, to_source, to_target, shots


def _tile(image: Image, points: Floats, name: str) -> Image:
    return fitted(image, _TILE_WIDTH) if name in _WHOLE else face_crop(image, points, _TILE_WIDTH, 1.9)
