"""How the swap leaves and comes back when a head turns away. The head is a rendering of a portrait's mesh."""

import cv2
import numpy as np

from mien.lab.evaluate import measures, scenes
from mien.lab.evaluate.figures import Clip, Figure, Plot, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress
from mien.lab.evaluate.plots import beside, face_crop, grid
from mien.types import Image

_LENGTH = 120
_MOST = 80.0
_SEEN = 12
"""Levels by which a pixel must change to count: the bending moves a smooth background by less."""
_TILES = 8


def measure(lab: Lab, progress: Progress) -> Section:
    length = lab.length(_LENGTH)
    frontal, oblique, jumps, returns, toggles = [], [], [], [], []
    plots, clips, sheets, details = [], [], [], {}
    for number, most in enumerate((_MOST, -_MOST)):
        source, target = lab.cast(number)
        scene = scenes.turning(target, length, most)
        yaws, swapped, areas, frames = [], [], [], []
        tiles: list[Image] = []
        whole = 1
        for index, (shot, result) in enumerate(lab.run(scene, source)):
            image = result.frame.image
            changed = cv2.absdiff(image, shot.image).max(axis=2) > _SEEN
            if index == 0:
                whole = max(1, int((measures.face_mask(shot.points, image.shape) > 0).sum()))
            yaws.append(shot.yaw)
            swapped.append(result.swapped > 0)
            areas.append(float(changed.sum()) / whole if result.swapped else 0.0)
            frames.append(beside(shot.image, image)[::2, ::2].copy())
            if index % max(1, length // _TILES) == length // _TILES // 2 and len(tiles) < _TILES:
                tiles.append(np.vstack([face_crop(picture, shot.points, 220, 1.9) for picture in (shot.image, image)]))
        progress()
        side = np.abs(yaws)
        worn = np.array(swapped)
        frontal.append(float(worn[side <= 45].mean()))
        oblique.append(float(worn[side > 45].mean()))
        jumps.append(float(np.abs(np.diff(areas)).max()))
        toggles.append(int(np.abs(np.diff(worn.astype(int))).sum()))
        returns.append(frames_to_return(worn.tolist(), side.tolist()))
        details[f"{most:+.0f} degrees: {source.name} on {target.name}"] = {
            "lost_at_degrees": float(side[np.argmin(worn)]) if not worn.all() else None,
            "largest_area_jump": jumps[-1], "changes_between_worn_and_not": toggles[-1], "frames_to_return": returns[-1],
        }  # fmt: skip
        lines = {"swapped area, share of the face": areas, "yaw / 90": [float(value) / 90 for value in side]}
        plots.append(Plot(f"Turning to {most:+.0f} degrees and back", "frame", "share", lines))
        clips.append(Clip(f"turning-{number}", f"Turning: {source.name} on {target.name}", tuple(frames), 30))
        sheets.append(Sheet(f"Turning to {most:+.0f} degrees and back: the rendering, and the result.", grid(tiles, _TILES)))
    figures = (
        Figure("swapped up to 45 degrees", 100 * mean(frontal), "%", at_least=99),
        Figure("swapped between 45 and 80 degrees", 100 * mean(oblique), "%"),
        Figure("largest jump of the swapped area, share of the face", max(jumps), at_most=0.15),
        Figure("changes between swapped and not, a turn", float(max(toggles)), at_most=2),
        Figure("frames until it is worn again", float(max(returns)), "frames", at_most=2),
    )
    notes = ("The heads are renderings of portraits, with a rough skull: what a photo does not show is smeared there.",)
    return Section("turning", "Large angles", figures, details, tuple(sheets), tuple(plots), tuple(clips), notes)


def frames_to_return(worn: list[bool], yaws: list[float]) -> int:
    """Frames from the turn back to the angle at which the face was first lost, until it is worn again; 0 = never lost."""
    if all(worn):
        return 0
    lost = worn.index(False)
    farthest = int(np.argmax(yaws))
    limit = yaws[lost]
    back = next((index for index in range(max(lost, farthest), len(yaws)) if yaws[index] <= limit), len(yaws))
    again = next((index for index in range(back, len(worn)) if worn[index]), len(worn))
    return again - back
