"""Does what stands before the face stay there, and does free skin stay swapped? Things with known opacity."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.lab.evaluate import measures, occluders
from mien.lab.evaluate.figures import Clip, Figure, Plot, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, frame_of
from mien.lab.evaluate.plots import beside, face_crop, grid
from mien.lab.evaluate.portraits import Portrait
from mien.lab.evaluate.scenes import Shot, swaying
from mien.types import Array, FrameResult, Image

_LENGTH = 60
_KEPT_WITHIN = 12
"""Grey levels in the worst channel."""
_MOVED = 1
"""Pixels by which the clean run and this one may bend the frame differently."""
_TOUCHED = 3
"""Grey levels from which on the swap has painted a pixel, and not only bent it."""
_SEEN = 24
"""Grey levels that a pixel painted over would differ by, to be noticed."""
_TELLING = 20
"""Grey levels between swap and target from which on it can be told which of them is shown."""
_BACK_WITHIN = 8
"""Grey levels from the target within which a free pixel shows the target: a shift of the whole colour must not count."""
_BORDER = 2


@dataclass(slots=True)
class Tally:
    """Pixels counted over frames."""

    covered: int = 0
    kept: int = 0
    showing: int = 0
    showing_kept: int = 0
    free: int = 0
    given_back: int = 0
    by_mask: int = 0
    frames: int = 0
    swapped: int = 0

    def add(self, other: "Tally") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def kept_percent(self) -> float:
        return 100 * self.kept / self.covered if self.covered else float("nan")

    @property
    def showing_kept_percent(self) -> float:
        return 100 * self.showing_kept / self.showing if self.showing else float("nan")

    @property
    def given_back_percent(self) -> float:
        return 100 * self.given_back / self.free if self.free else float("nan")

    @property
    def by_mask_percent(self) -> float:
        return 100 * self.by_mask / self.free if self.free else float("nan")


def measure(lab: Lab, progress: Progress) -> Section:
    length = lab.length(_LENGTH)
    bare = replace(lab, settings=replace(lab.settings, occlusion="off"))
    enters_at = length // 3
    tallies: dict[str, Tally] = {kind: Tally() for kind in ("comes in", "from the first frame", "still")}
    by_thing: dict[str, Tally] = {}
    details, plots, clips, stills, swapped_share = {}, [], [], [], []
    names = [thing.name for thing in occluders.things(np.zeros(3, np.float32))]
    for number, name in enumerate(names):
        source, target = lab.cast(number)
        other = lab.cast(number + 1)[1]
        # A hand of the target's own skin is the hardest case.
        thing = occluders.things(occluders.cheek_colour(target))[number]
        clean = _clean_run(lab, source, target, length)
        shape = lab.shape_of(source)
        progress()
        for kind, at in (("comes in", enters_at), ("from the first frame", 0)):
            scene = occluders.occluded(target, thing, length, at)
            total, lost, back = Tally(), [], []
            frames = []
            runs = zip(lab.run(scene, source), bare.run(scene, source), strict=True)
            for index, ((shot, result), (_, unmasked)) in enumerate(runs):
                tally = count(lab.bent(shot, result, shape), result, clean[index], unmasked.frame.image)
                total.add(tally)
                lost.append(100 - tally.kept_percent)
                back.append(tally.given_back_percent)
                if at:
                    frames.append(beside(shot.image, result.frame.image)[::2, ::2].copy())
            tallies[kind].add(total)
            by_thing.setdefault(name, Tally()).add(total)
            swapped_share.append(total.swapped / total.frames)
            details[f"{name}, {kind}: {source.name} on {target.name}"] = _detail(total)
            plots.append(Plot(f"{name}, {kind}", "frame", "%", {"painted over": lost, "given back": back}))
            if frames:
                clips.append(Clip(f"occlusion-{name}", f"{name}, {kind}", tuple(frames), 30))
            progress()
        one, tile = _still(lab, bare, source, target, thing)
        two, _ = _still(lab, bare, source, other, thing)
        one.add(two)
        tallies["still"].add(one)
        details[f"{name}, still"] = _detail(one)
        stills.append(tile)
        progress()
    moving = Tally()
    moving.add(tallies["comes in"])
    moving.add(tallies["from the first frame"])
    figures = (
        Figure("occluding pixels kept", moving.kept_percent, "%", at_least=95),
        Figure("of those that would show, kept", moving.showing_kept_percent, "%", at_least=95),
        Figure("free skin given back", moving.given_back_percent, "%", at_most=2),
        Figure("of it, by the mask", moving.by_mask_percent, "%", at_most=2),
        Figure("frames swapped", 100 * mean(swapped_share), "%", at_least=95),
        *(
            figure
            for kind, tally in tallies.items()
            for figure in (
                Figure(f"{kind}: kept", tally.kept_percent, "%", at_least=95),
                Figure(f"{kind}: given back", tally.given_back_percent, "%", at_most=2),
                Figure(f"{kind}: given back by the mask", tally.by_mask_percent, "%", at_most=2),
            )
        ),
        *(Figure(f"{name}: kept where it would show", tally.showing_kept_percent, "%") for name, tally in by_thing.items()),
    )
    sheet = Sheet("Stills: the target with the thing before it, and the result.", grid(stills, 3))
    return Section(
        "occlusion", "Occlusion: things before the face", figures, details, (sheet,), tuple(plots[::2]), tuple(clips)
    )  # fmt: skip


def count(shot: Shot, result: FrameResult, clean_swap: Image, unmasked: Image | None = None) -> Tally:
    """Pixels of one frame; `clean_swap` is what the same run makes of the frame without the thing.

    `unmasked` is the same frame with nothing kept before the face: what is near the target there, too, no mask gave back.
    `shot` is bent to the shape that the result has.
    """
    assert shot.alpha is not None
    assert shot.clean is not None
    image = result.frame.image
    face = measures.face_mask(shot.points, image.shape) > 0
    painted = _difference(clean_swap, shot.clean) > _TOUCHED
    covered = face & painted & (shot.alpha > 0.9)
    kernel = np.ones((2 * _MOVED + 1, 2 * _MOVED + 1), np.uint8)
    low, high = cv2.erode(shot.image, kernel).astype(np.int16), cv2.dilate(shot.image, kernel).astype(np.int16)
    inside = ((image >= low - _KEPT_WITHIN) & (image <= high + _KEPT_WITHIN)).all(axis=2)
    showing = covered & (_difference(clean_swap, shot.image) > _SEEN)
    border = cv2.dilate((shot.alpha > 0).astype(np.uint8), np.ones((2 * _BORDER + 1, 2 * _BORDER + 1), np.uint8)) > 0
    free = face & ~border & (_difference(clean_swap, shot.clean) > _TELLING)
    back = free & (_difference(image, shot.image) <= _BACK_WITHIN)
    by_mask = back if unmasked is None else back & (_difference(unmasked, shot.image) > _BACK_WITHIN)
    worn = result.swapped > 0
    return Tally(
        # Frames in which the face was lost are counted as such: they would flatter the one share and spoil the other.
        covered=worn * int(covered.sum()),
        kept=worn * int((covered & inside).sum()),
        showing=worn * int(showing.sum()),
        showing_kept=worn * int((showing & inside).sum()),
        free=worn * int(free.sum()),
        given_back=worn * int(back.sum()),
        by_mask=worn * int(by_mask.sum()),
        frames=1,
        swapped=int(worn),
    )


def _clean_run(lab: Lab, source: Portrait, target: Portrait, length: int) -> list[Image]:
    return [result.frame.image for _, result in lab.run(swaying(target, length), source)]


def _still(lab: Lab, bare: Lab, source: Portrait, target: Portrait, thing: occluders.Thing) -> tuple[Tally, Image]:
    shot = occluders.before(swaying(target, 1).draw(0), thing, 1.0, 0)
    assert shot.clean is not None
    result = lab.picture_pipeline(source).swap_frame(frame_of(shot.image, 0))
    clean = lab.picture_pipeline(source).swap_frame(frame_of(shot.clean, 0)).frame.image
    unmasked = bare.picture_pipeline(source).swap_frame(frame_of(shot.image, 0)).frame.image
    tile = np.hstack([face_crop(picture, shot.points, 300, 1.5) for picture in (shot.image, result.frame.image)])
    return count(lab.bent(shot, result, lab.shape_of(source)), result, clean, unmasked), tile


def _detail(tally: Tally) -> dict[str, float]:
    return {
        "kept_percent": tally.kept_percent,
        "showing_kept_percent": tally.showing_kept_percent,
        "given_back_percent": tally.given_back_percent,
        "given_back_by_mask_percent": tally.by_mask_percent,
        "frames_swapped_percent": 100 * tally.swapped / max(1, tally.frames),
    }


def _difference(a: Image, b: Image) -> Array:
    difference: Array = cv2.absdiff(a, b).max(axis=2)
    return difference
