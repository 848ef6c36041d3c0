"""Occlusion: occluders of known opacity must stay in front of the face, and free skin must stay swapped."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from mien.lab.evaluate import measures, occluders
from mien.lab.evaluate.figures import Clip, Figure, Plot, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, frame_of
from mien.lab.evaluate.plots import beside, face_crop, grid
from mien.lab.evaluate.portraits import Portrait
from mien.lab.evaluate.scenes import Shot, swaying
from mien.types import Array, FrameResult, Image

_SCENE_FRAMES = 60  # 2 s at 30 fps: the occluder comes in, rests and leaves


@dataclass(frozen=True, slots=True)
class CountTuning:
    """Bounds for counting pixels, in grey levels or pixels; chosen by eye."""

    kept_levels: int = 12  # most difference from the target, in the worst channel, of a preserved pixel
    bend_pixels: int = 1  # the run without the occluder may reshape the frame this differently
    painted_levels: int = 3  # least difference of a pixel that the swap painted; a reshape alone stays below
    visible_levels: int = 24  # least difference at which a wrongly painted pixel would be noticed
    telling_levels: int = 20  # least difference between swap and target that tells which of them is shown
    given_back_levels: int = 8  # most difference from the target of a pixel that shows it; a shifted colour must not count
    border_pixels: int = 2  # pixels beside the occluder that count as neither


DEFAULT_COUNT = CountTuning()


@dataclass(slots=True)
class Tally:
    """Pixels counted over frames.

    `covered` = occluded, `kept` of them preserved; `showing` = occluded and visible if painted over; `free` = not occluded,
    of which `given_back` show the target, `by_mask` because of the occlusion mask.
    """

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
        """Add the counts of another tally."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def kept_percent(self) -> float:
        """Preserved share of the occluded pixels."""
        return 100 * self.kept / self.covered if self.covered else float("nan")

    @property
    def showing_kept_percent(self) -> float:
        """Preserved share of the occluded pixels that would be noticed."""
        return 100 * self.showing_kept / self.showing if self.showing else float("nan")

    @property
    def given_back_percent(self) -> float:
        """Share of the free pixels that show the target."""
        return 100 * self.given_back / self.free if self.free else float("nan")

    @property
    def by_mask_percent(self) -> float:
        """Share of the free pixels that show the target because of the mask."""
        return 100 * self.by_mask / self.free if self.free else float("nan")


@dataclass(slots=True)
class _Found:
    """Results so far, by kind of scene, by occluder and by take."""

    tallies: dict[str, Tally] = field(
        default_factory=lambda: {kind: Tally() for kind in ("comes in", "from the first frame", "still")}
    )
    by_occluder: dict[str, Tally] = field(default_factory=dict)
    swapped_shares: list[float] = field(default_factory=list)
    details: dict[str, dict[str, float]] = field(default_factory=dict)
    plots: list[Plot] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    stills: list[Image] = field(default_factory=list)


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure every occluder as it comes in, from the first frame, and in a still."""
    bare = replace(lab, settings=replace(lab.settings, occlusion="off"))
    found = _Found()
    for number in range(len(occluders.all_occluders(np.zeros(3, np.float32)))):
        source, target = lab.cast(number)
        # A hand of the target's own skin is the hardest case.
        occluder = occluders.all_occluders(occluders.cheek_colour(target))[number]
        _measure_moving(lab, bare, source, target, occluder, found, progress)
        one, tile = still(lab, bare, source, target, occluder)
        two, _ = still(lab, bare, source, lab.cast(number + 1)[1], occluder)
        one.add(two)
        found.tallies["still"].add(one)
        found.details[f"{occluder.name}, still"] = _detail(one)
        found.stills.append(tile)
        progress()
    sheet = Sheet("Stills: the target with the occluder, and the result.", grid(found.stills, 3))
    return Section(
        "occlusion", "Occlusion: objects in front of the face", _figures(found), found.details, (sheet,),
        tuple(found.plots[::2]), tuple(found.clips),
    )  # fmt: skip


def _measure_moving(
    lab: Lab, bare: Lab, source: Portrait, target: Portrait, occluder: occluders.Occluder, found: _Found, progress: Progress
) -> None:
    """Measure an occluder in two scenes: it comes in after a third, or is there from the first frame."""
    length = lab.length(_SCENE_FRAMES)
    clean = _clean_run(lab, source, target, length)
    shape = lab.shape_of(source)
    progress()
    for kind, at in (("comes in", length // 3), ("from the first frame", 0)):
        scene = occluders.occluded(target, occluder, length, at)
        total, lost, back, frames = Tally(), [], [], []
        runs = zip(lab.run(scene, source), bare.run(scene, source), strict=True)
        for index, ((shot, result), (_, unmasked)) in enumerate(runs):
            tally = count(lab.bent(shot, result, shape), result, clean[index], unmasked.frame.image)
            total.add(tally)
            lost.append(100 - tally.kept_percent)
            back.append(tally.given_back_percent)
            if at:
                frames.append(beside(shot.image, result.frame.image)[::2, ::2].copy())
        found.tallies[kind].add(total)
        found.by_occluder.setdefault(occluder.name, Tally()).add(total)
        found.swapped_shares.append(total.swapped / total.frames)
        found.details[f"{occluder.name}, {kind}: {source.name} on {target.name}"] = _detail(total)
        found.plots.append(Plot(f"{occluder.name}, {kind}", "frame", "%", {"painted over": lost, "given back": back}))
        if frames:
            found.clips.append(Clip(f"occlusion-{occluder.name}", f"{occluder.name}, {kind}", tuple(frames), 30))
        progress()


def _figures(found: _Found) -> tuple[Figure, ...]:
    moving = Tally()
    moving.add(found.tallies["comes in"])
    moving.add(found.tallies["from the first frame"])
    return (
        Figure("occluding pixels kept", moving.kept_percent, "%", at_least=95),
        Figure("of those that would show, kept", moving.showing_kept_percent, "%", at_least=95),
        Figure("free skin given back", moving.given_back_percent, "%", at_most=2),
        Figure("of it, by the mask", moving.by_mask_percent, "%", at_most=2),
        Figure("frames swapped", 100 * mean(found.swapped_shares), "%", at_least=95),
        *(
            figure
            for kind, tally in found.tallies.items()
            for figure in (
                Figure(f"{kind}: kept", tally.kept_percent, "%", at_least=95),
                Figure(f"{kind}: given back", tally.given_back_percent, "%", at_most=2),
                Figure(f"{kind}: given back by the mask", tally.by_mask_percent, "%", at_most=2),
            )
        ),
        *(
            Figure(f"{name}: kept where it would show", tally.showing_kept_percent, "%")
            for name, tally in found.by_occluder.items()
        ),
    )


def count(
    shot: Shot,
    result: FrameResult,
    clean_swap: Image,
    unmasked: Image | None = None,
    tuning: CountTuning = DEFAULT_COUNT,
) -> Tally:
    """Count the pixels of one frame; `clean_swap` is the same run's result for the frame without the occluder.

    `unmasked` is the result without occlusion handling: pixels near the target there are not given back by a mask.
    `shot` is reshaped like the result.
    """
    assert shot.alpha is not None
    assert shot.clean is not None
    image = result.frame.image
    face = measures.face_mask(shot.points, image.shape) > 0
    painted = _difference(clean_swap, shot.clean) > tuning.painted_levels
    covered = face & painted & (shot.alpha > 0.9)
    kernel = np.ones((2 * tuning.bend_pixels + 1, 2 * tuning.bend_pixels + 1), np.uint8)
    low, high = cv2.erode(shot.image, kernel).astype(np.int16), cv2.dilate(shot.image, kernel).astype(np.int16)
    inside = ((image >= low - tuning.kept_levels) & (image <= high + tuning.kept_levels)).all(axis=2)
    showing = covered & (_difference(clean_swap, shot.image) > tuning.visible_levels)
    border = (
        cv2.dilate(
            (shot.alpha > 0).astype(np.uint8), np.ones((2 * tuning.border_pixels + 1, 2 * tuning.border_pixels + 1), np.uint8)
        )
        > 0
    )
    free = face & ~border & (_difference(clean_swap, shot.clean) > tuning.telling_levels)
    back = free & (_difference(image, shot.image) <= tuning.given_back_levels)
    by_mask = back if unmasked is None else back & (_difference(unmasked, shot.image) > tuning.given_back_levels)
    worn = result.swapped > 0
    return Tally(
        # A frame that lost the face counts only as lost: it would flatter one share and spoil the other.
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


def still(lab: Lab, bare: Lab, source: Portrait, target: Portrait, occluder: occluders.Occluder) -> tuple[Tally, Image]:
    """Return the counts of one picture with an occluder, and the picture beside its result; `bare` handles no occlusion."""
    shot = occluders.occlude(swaying(target, 1).draw(0), occluder, 1.0, 0)
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
