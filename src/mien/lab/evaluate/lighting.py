"""Relighting: portraits under a moving lamp of known shading; the face must follow it."""

import numpy as np

from mien.imaging import geometry
from mien.lab.evaluate import lights, measures
from mien.lab.evaluate.figures import Clip, Figure, Plot, Section, mean
from mien.lab.evaluate.lab import Lab, Progress, drawn_points
from mien.lab.evaluate.plots import beside
from mien.lab.evaluate.portraits import Portrait
from mien.lab.evaluate.scenes import Scene
from mien.types import Array, Image

_SCENE_FRAMES = 90  # one turn of the lamp in 3 s
_LIGHT_SIGMA = 0.1  # of the blur that leaves light and removes detail, in face widths
_OVAL_SHRINK = 0.08  # as a share; keeps the faded border of the face out
_MIN_LUMINANCE = 0.03  # share of white; a darker pattern is not divided by its mean


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure three kinds of lamp on two pairs each."""
    length = lab.length(_SCENE_FRAMES)
    kinds = {
        "white lamp": lights.circling(length),
        "coloured lamp": lights.coloured(length),
        "flashes": lights.flashing(length),
    }
    spatial, over_time, details, plots, clips, seams = [], [], {}, [], [], []
    for number, (kind, lamp) in enumerate(kinds.items()):
        lines = {}
        for take in range(2):
            source, target = lab.cast(2 * number + take)
            scene = lights.relit(target, length, lamp, kind)
            each, pattern, ratio, frames = _follow(lab, scene, source, keep=take == 0)
            progress()
            spatial.append(mean(each))
            over_time.append(pattern)
            seams.append(ratio)
            details[f"{kind}: {source.name} on {target.name}"] = {
                "spatial": mean(each), "over_time": pattern, "seam": ratio
            }  # fmt: skip
            lines[target.name] = each
            if frames:
                clips.append(Clip(f"light-{number}", f"{kind}: {source.name} on {target.name}", frames, 30))
        plots.append(Plot(f"{kind}: correlation with the target's luminance", "frame", "correlation", lines))
    figures = (
        Figure("luminance pattern, correlation with the target", mean(spatial), at_least=0.95),
        Figure("luminance over time, correlation with the target", mean(over_time), at_least=0.95),
        Figure("worst of the scenes, pattern", min(spatial)),
        Figure("worst of the scenes, over time", min(over_time)),
        Figure("seam under the moving light", mean(seams), at_most=1.1),
    )
    return Section("light", "Light: a lamp circles the head", figures, details, (), tuple(plots), tuple(clips))


def _follow(lab: Lab, scene: Scene, source: Portrait, keep: bool) -> tuple[list[float], float, float, tuple[Image, ...]]:
    """Return the correlation by frame and over time, the mean seam, and frames side by side with `keep`."""
    theirs, ours, each, seams, frames = [], [], [], [], []
    shape = lab.shape_of(source)
    inside: Array | None = None
    for shot, result in lab.run(scene, source):
        image = result.frame.image
        bent = lab.bent(shot, result, shape)
        x1, _, x2, _ = geometry.box_of(bent.points)
        mask = measures.face_mask(bent.points, image.shape, _OVAL_SHRINK)
        wanted, found = (measures.coarse_luminance(picture, mask, _LIGHT_SIGMA * (x2 - x1)) for picture in (bent.image, image))
        # One set of pixels for all frames: the change over time needs it.
        inside = measures.face_mask(bent.points, image.shape, 1.5 * _OVAL_SHRINK) > 0 if inside is None else inside
        theirs.append(wanted[inside][::4] / 255)
        ours.append(found[inside][::4] / 255)
        each.append(measures.correlation(theirs[-1], ours[-1]))
        drawn = drawn_points(result)
        seams.append(measures.seam(image, drawn[0] if drawn else shot.points, shot.image, shot.points)[0])
        if keep:
            frames.append(beside(shot.image, image)[::2, ::2].copy())
    relative = [np.array(rows) / np.maximum(np.mean(rows, axis=0), _MIN_LUMINANCE) - 1 for rows in (theirs, ours)]
    return each, _uncentred(*relative), mean(seams), tuple(frames)


def _uncentred(a: Array, b: Array) -> float:
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 1e-9 else 0.0
