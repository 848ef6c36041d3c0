"""Large angles: loss and return of the swap while a head, rendered from a portrait's mesh, turns away and back."""

import cv2
import numpy as np

from mien.lab.evaluate import measures, scenes
from mien.lab.evaluate.figures import Clip, Figure, Plot, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress
from mien.lab.evaluate.plots import beside, face_crop, grid
from mien.types import Image

_SCENE_FRAMES = 120  # 4 s at 30 fps for the turn and back
_MAX_YAW_DEGREES = 80.0  # beyond it a rendering shows little of the photo
_MIN_CHANGE_LEVELS = 12  # of a swapped pixel; the reshape changes a smooth background by less
_TILES = 8  # of the contact sheet


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure a turn to each side."""
    length = lab.length(_SCENE_FRAMES)
    frontal, oblique, jumps, returns, toggles = [], [], [], [], []
    plots, clips, sheets, details = [], [], [], {}
    for number, most in enumerate((_MAX_YAW_DEGREES, -_MAX_YAW_DEGREES)):
        source, target = lab.cast(number)
        scene = scenes.turning(target, length, most)
        yaws, swapped, areas, frames = [], [], [], []
        tiles: list[Image] = []
        whole = 1
        for index, (shot, result) in enumerate(lab.run(scene, source)):
            image = result.frame.image
            changed = cv2.absdiff(image, shot.image).max(axis=2) > _MIN_CHANGE_LEVELS
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
    notes = ("The heads are renderings of portraits with a rough skull; what a photo does not show is smeared.",)
    return Section("turning", "Large angles", figures, details, tuple(sheets), tuple(plots), tuple(clips), notes)


def frames_to_return(worn: list[bool], yaws: list[float]) -> int:
    """Return the frames from the return to the angle of loss until the face is worn again; 0 = never lost."""
    if all(worn):
        return 0
    lost = worn.index(False)
    farthest = int(np.argmax(yaws))
    limit = yaws[lost]
    back = next((index for index in range(max(lost, farthest), len(yaws)) if yaws[index] <= limit), len(yaws))
    again = next((index for index in range(back, len(worn)) if worn[index]), len(worn))
    return again - back
