"""Glasses and hair drawn over portraits: those of the target have to stay, those of the photo must not be worn."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.assembly import factory
from mien.errors import MienError
from mien.face import landmark_sets
from mien.lab.evaluate import measures, occluders
from mien.lab.evaluate.figures import Figure, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, frame_of
from mien.lab.evaluate.occlusion import Tally, count, still
from mien.lab.evaluate.plots import face_crop, grid
from mien.lab.evaluate.portraits import Portrait
from mien.lab.evaluate.scenes import Shot, swaying
from mien.types import Array, Image

PAIRS = 24  # about seven minutes on two busy cores
_SEED, _FINE_SEED = 31, 32  # any; figures of the documentation are those of these drawings
_MOVING_PAIRS, _MOVING_FRAMES = 8, 10  # pairs and frames of a head that sways, live and not
_FIRST_FRAME = 4  # that is counted: live, two looks have to agree


@dataclass(frozen=True, slots=True)
class CoverCount:
    """Bounds for counting; chosen by eye."""

    darker_levels: float = 25.0
    """Levels by which a pixel is darker than with the bare photo from which it counts as painted."""
    whole: float = 0.7
    """Share of a lens that is kept from which it stays, and `gone` under which it does not."""
    gone: float = 0.3


COUNT = CoverCount()


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure clear and dark glasses on targets, and glasses and fringes on photos."""
    draw = np.random.default_rng(_SEED)
    bare = replace(lab, settings=replace(lab.settings, occlusion="off"))
    pairs = _pairs(lab, draw, lab.length(PAIRS))
    if not pairs:
        return Section("covers", "Glasses and hair", (), notes=("NOT MEASURED: no faces without glasses.",))
    rims, fine, lenses, tiles = Tally(), Tally(), [], []
    fine_draw = np.random.default_rng(_FINE_SEED)
    painted: dict[str, list[float]] = {"glasses": [], "fringe": []}
    refused = 0
    for source, target in pairs:
        tally, tile = still(lab, bare, source, target, occluders.glasses(draw, dark=False))
        rims.add(tally)
        tiles.append(tile)
        tally, tile = still(lab, bare, source, target, occluders.glasses(fine_draw, dark=False, fine=True))
        fine.add(tally)
        tiles.append(tile)
        lenses.append(_kept_lenses(lab, source, target, occluders.glasses(draw, dark=True)))
        for kind, cover in (("glasses", occluders.glasses(draw, dark=False)), ("fringe", occluders.fringe(draw))):
            try:
                share, tile = _painted(lab, source, target, cover)
            except MienError:
                refused += 1
                continue
            painted[kind].append(share)
            tiles.append(tile)
        progress()
    video, live = _moving(lab, pairs[: lab.length(_MOVING_PAIRS)], fine_draw)
    figures = (
        Figure("rims of the target kept", rims.kept_percent, "%", at_least=97),
        Figure("of those that would show, kept", rims.showing_kept_percent, "%", at_least=97),
        Figure("skin around them given back by the mask", rims.by_mask_percent, "%"),
        Figure("thin and pale rims of the target kept", fine.kept_percent, "%", at_least=97),
        Figure("rims kept in video", video.kept_percent, "%", at_least=97),
        Figure("rims kept live", live.kept_percent, "%", at_least=97),
        Figure("pairs of dark glasses of which one lens stays", float(sum(map(is_half, lenses))), at_most=0),
        Figure("dark lenses kept", 100 * mean([share for pair in lenses for share in pair]), "%"),
        Figure("hair of the photo painted on", mean(painted["fringe"]), "% of the face", at_most=1),
        Figure("glasses of the photo painted on", mean(painted["glasses"]), "% of the face", at_most=1),
        Figure("photos refused", float(refused)),
    )
    caption = "The target with drawn glasses, and worn; photos with drawn glasses and a fringe, and worn by the target."
    return Section(
        "covers", "Glasses and hair: kept on the target, taken off the photo", figures, sheets=(Sheet(caption, grid(tiles, 3)),)
    )


def _pairs(lab: Lab, draw: np.random.Generator, count: int) -> list[tuple[Portrait, Portrait]]:
    """Return random pairs of people without glasses, none of those kept for the last look."""
    people = [person for person in lab.people if not person.is_closing]
    found: list[Portrait] = []
    for number in draw.permutation(len(people)):
        if len(found) == 2 * count:
            break
        person = people[int(number)]
        try:
            face = factory.open_source(person.image, lab.models)
        except MienError:
            continue
        if "glasses" not in {fault.name for fault in face.faults} and "brows" not in {fault.name for fault in face.faults}:
            found.append(person)
    return list(zip(found[::2], found[1::2], strict=False))


def _moving(lab: Lab, pairs: list[tuple[Portrait, Portrait]], draw: np.random.Generator) -> tuple[Tally, Tally]:
    """Return the counts of rims on heads that sway, in a video and live; every second pair is thin."""
    video, live = Tally(), Tally()
    for number, (source, target) in enumerate(pairs):
        cover = occluders.glasses(draw, dark=False, fine=number % 2 == 1)
        scene, shape = occluders.occluded(target, cover, _MOVING_FRAMES * 6, 0), lab.shape_of(source)
        scene = replace(scene, length=_MOVING_FRAMES)
        clean = [result.frame.image for _, result in lab.run(replace(swaying(target, 1), length=_MOVING_FRAMES), source)]
        for tally, run in ((video, lab.run(scene, source)), (live, lab.run_live(scene, source))):
            for index, (shot, result) in enumerate(run):
                if index >= _FIRST_FRAME:
                    tally.add(count(lab.bent(shot, result, shape), result, clean[index]))
    return video, live


def _kept_lenses(lab: Lab, source: Portrait, target: Portrait, glasses: occluders.Occluder) -> tuple[float, float]:
    """Return the share of each dark lens that the result shows like the target."""
    shot = _worn(target, glasses)
    result = lab.picture_pipeline(source).swap_frame(frame_of(shot.image, 0))
    bent = lab.bent(shot, result, lab.shape_of(source))
    assert bent.alpha is not None
    same = cv2.absdiff(result.frame.image, bent.image).max(axis=2) <= COUNT.darker_levels
    middle = float(bent.points[[33, 263], 0].mean())
    covered = bent.alpha > 0.9
    columns: Array = np.arange(covered.shape[1])[None]
    right, left = (
        float(same[half].mean()) if half.any() else 1.0
        for half in (covered & (columns < middle), covered & (columns >= middle))
    )
    return right, left


def is_half(lenses: tuple[float, float]) -> bool:
    """Return True where one dark lens stays and the other does not, by the share of each that is kept."""
    return max(lenses) >= COUNT.whole and min(lenses) <= COUNT.gone


def _painted(lab: Lab, source: Portrait, target: Portrait, cover: occluders.Occluder) -> tuple[float, Image]:
    """Return the percent of the target's face that a cover of the photo darkens, and the photo beside the result.

    Brows and eyes do not count: those that are hidden are the other one's mirror image, or the wearer's.
    """
    covered = _worn(source, cover).image
    results = []
    for photo in (source.image, covered):
        face = factory.open_source(photo, lab.models)
        pipeline = factory.open_picture_pipeline(lab.settings, lab.models, face)
        results.append(pipeline.swap_frame(frame_of(target.image, 0)).frame.image)
    darker = (results[0].astype(np.float32) - results[1]).mean(axis=2) >= COUNT.darker_levels
    points = target.landmarks.points
    face_area = measures.face_mask(points, target.image.shape) > 0
    features = np.zeros(target.image.shape[:2], np.uint8)
    for loop in landmark_sets.BROWS_WITH_EYES:
        cv2.fillConvexPoly(features, cv2.convexHull(points[list(loop), :2].round().astype(np.int32)), 255)
    judged = face_area & (features == 0)
    tile = np.hstack([face_crop(covered, source.landmarks.points, 300, 1.5), face_crop(results[1], points, 300, 1.5)])
    return 100 * float((darker & judged).sum() / max(int(face_area.sum()), 1)), tile


def _worn(person: Portrait, cover: occluders.Occluder) -> Shot:
    still_shot = swaying(person, 1).draw(0)
    return occluders.occlude(replace(still_shot, image=person.image, points=person.landmarks.points), cover, 1.0, 0)
