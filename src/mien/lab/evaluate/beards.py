"""Beards: drawn over bare faces, so that the skin under them is known, they are to be shaved off to the last hair."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien.errors import UsageError
from mien.face import landmark_sets
from mien.imaging.colour import LUMA
from mien.lab.beards import BEARD_SHAPES, short_hairs
from mien.lab.evaluate import measures
from mien.lab.evaluate.figures import Figure, Section, Sheet, mean
from mien.lab.evaluate.lab import Lab, Progress, frame_of
from mien.lab.evaluate.plots import face_crop, grid
from mien.lab.evaluate.portraits import Portrait
from mien.swap.stages.own_beard import share_of
from mien.swap.stages.reshape import reshape
from mien.types import Array, Floats, Image, ParsedFace, TrackedFace

PAIRS = 24  # of a target with a drawn beard and a source
_SEED = 21  # any; figures of the documentation are those of these beards
_WHOLE = (3, 4, 5)  # numbers of the shapes that reach along the jaw


@dataclass(frozen=True, slots=True)
class BeardCount:
    """Bounds for counting pixels; chosen by eye."""

    least_levels: float = 16.0
    """Levels by which a beard darkens a pixel that counts."""
    left: float = 0.5
    """Share of the beard's difference from which a pixel still shows it."""
    jaw: float = 0.2
    """Share by which the oval is shrunk that parts the jaw, where the target's border shows through, from the rest."""
    bare_share: float = 0.02
    """Mean share of the parser's class of beards under which a face is bare."""
    turned_degrees: float = 20.0
    """Yaw up to which a head counts as frontal: beards of others are shaved only in part."""


COUNT = BeardCount()


@dataclass(frozen=True, slots=True)
class _Shaved:
    """Figures of one pair: percent of the beard left, levels to the true skin, step in tone; and the picture."""

    left: float
    levels: float
    step: float
    seen: float
    picture: Image


def measure(lab: Lab, progress: Progress) -> Section:
    """Measure drawn beards of three lengths on bare faces, shaved and, for comparison, left as they are."""
    draw = np.random.default_rng(_SEED)
    count = lab.length(PAIRS)
    pairs = list(zip(_chosen(lab, draw, count), _chosen(lab, draw, count), strict=True))
    if not pairs:
        return Section("beards", "Beards", (), notes=("NOT MEASURED: no frontal faces without a beard.",))
    shaved: dict[str, list[_Shaved]] = {kind: [] for kind in ("stubble", "short", "full")}
    unshaved: list[_Shaved] = []
    tiles = []
    for number, (target, source) in enumerate(pairs):
        kind = tuple(shaved)[number % 3]
        bearded = with_beard(target, draw, kind)
        found, before = _compare(lab, source, target, bearded)
        progress()
        shaved[kind].append(found)
        unshaved.append(before)
        row = (bearded, before.picture, found.picture)
        tiles.append(np.hstack([face_crop(image, target.landmarks.points, 300, 1.4) for image in row]))
    every = [each for found in shaved.values() for each in found]
    figures = (
        Figure("beard left on a shaved jaw", mean([each.left for each in every]), "%", at_most=3),
        *(Figure(f"beard left, {kind}", mean([each.left for each in found]), "%") for kind, found in shaved.items()),
        Figure("difference from the true skin", mean([each.levels for each in every]), "levels"),
        Figure("seam, step in tone", mean([each.step for each in every]), "levels", at_most=6),
        Figure("beards that the parser sees", 100 * mean([each.seen for each in every]), "%"),
        Figure("beard left without shaving", mean([each.left for each in unshaved]), "%"),
        Figure("difference without shaving", mean([each.levels for each in unshaved]), "levels"),
    )
    sheet = Sheet("The target with a drawn beard, worn without shaving, and shaved.", grid(tiles, 2))
    return Section("beards", "Beards: shaved to the true skin", figures, sheets=(sheet,))


def with_beard(person: Portrait, draw: np.random.Generator, kind: str) -> Image:
    """Return the portrait with a beard along the jaw: `kind` is stubble, short or full."""
    points, shape = person.landmarks.points, person.image.shape
    eyes = float(np.linalg.norm(points[33] - points[263]))
    length = {"stubble": 0.0, "short": 0.25, "full": 0.8}[kind]
    area = np.zeros(shape[:2], np.uint8)
    for loop in BEARD_SHAPES[_WHOLE[int(draw.integers(len(_WHOLE)))]]:
        cv2.fillPoly(area, [(points[list(loop), :2] * 8).round().astype(np.int32)], 255, cv2.LINE_AA, 3)
    longer = round(0.3 * length * eyes)
    wider = 2 * round((0.02 + 0.04 * length) * eyes) + 1
    hanging = cv2.warpAffine(area, np.array([[1.0, 0, 0], [0, 1, longer]]), shape[1::-1])
    area = np.asarray(cv2.dilate(np.maximum(area, hanging), np.ones((wider, wider), np.uint8)), np.uint8)
    lips = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(lips, [points[list(landmark_sets.OUTER_LIPS), :2].round().astype(np.int32)], 255, cv2.LINE_AA)
    edge = cv2.GaussianBlur(area.astype(np.float32) / 255, (0, 0), 0.04 * eyes)
    edge = edge * (1 - cv2.GaussianBlur(lips.astype(np.float32) / 255, (0, 0), 0.01 * eyes))
    ragged = np.clip((edge - 0.5) * 4 + 0.5 + 2 * edge * (1 - edge) * _noise(draw, shape, 0.04 * eyes), 0, 1)
    rough = np.asarray(ragged, np.float32)
    hairs, tones = short_hairs(rough, points, eyes, draw, length, density=max(1, round(4 * (eyes / 50) ** 2)))
    fine, tone = (cv2.GaussianBlur(each, (0, 0), 0.6) for each in (hairs, tones))
    base = draw.uniform(0.2, 0.35) if kind == "stubble" else draw.uniform(0.5, 0.75)
    uneven = base * (1 + 0.15 * _noise(draw, shape, 0.1 * eyes))
    alpha = np.clip(rough * (uneven + 0.5 * fine), 0, 0.97)[:, :, None]
    columns, rows = points[[50, 280, 205, 425], :2].astype(int).T
    skin = np.median(person.image[rows, columns], axis=0)
    colour = (skin * draw.uniform(0.2, 0.45) * np.array([1.05, 1.0, 0.92]))[None, None] * tone[:, :, None]
    mixed = person.image + (np.clip(colour, 0, 255) - person.image) * alpha
    return np.asarray(np.clip(mixed + 0.5, 0, 255), np.uint8)


def _compare(lab: Lab, source: Portrait, target: Portrait, bearded: Image) -> tuple[_Shaved, _Shaved]:
    """Return the results with `beard` = source and without the parser, against the swap on the bare face itself."""
    changed = [replace(lab, settings=replace(lab.settings, beard="source", parser=parser)) for parser in ("on", "off")]
    first, second = (each.picture_pipeline(source) for each in changed)
    seen = first.track(frame_of(bearded, 0))
    shape = lab.shape_of(source)
    strength = lab.settings.shape * lab.settings.opacity
    bare, hairy = target.image.copy(), bearded.copy()
    worn = reshape(bare, seen.faces, shape, strength)
    reshape(hairy, seen.faces, shape, strength)
    unparsed = tuple(_without_beard(face) for face in seen.faces)
    truth = second.swap(replace(seen, frame=frame_of(target.image, 0), faces=unparsed)).frame.image
    shaved = first.swap(replace(seen, frame=frame_of(bearded, 0))).frame.image
    unshaved = second.swap(replace(seen, frame=frame_of(bearded, 0), faces=unparsed)).frame.image
    share = max((_beard_share(face) for face in seen.faces), default=0.0)
    points = worn[0].landmarks.points if worn else target.landmarks.points
    area = _judged(bare, hairy, points)
    own = seen.faces[0].landmarks.points if seen.faces else points
    results = []
    for picture in (shaved, unshaved):
        step = measures.seam_step(picture, points, target.image, own)
        results.append(_Shaved(*_left(picture, truth, bare, hairy, area), step, float(share > COUNT.bare_share), picture))
    return results[0], results[1]


def _judged(bare: Image, hairy: Image, points: Floats) -> Array:
    """Return the pixels of a beard along the jaw and below it, bool (h, w)."""
    darker = (bare.astype(np.float32) - hairy.astype(np.float32)) @ LUMA
    found: Array = (darker >= COUNT.least_levels) & (measures.face_mask(points, bare.shape, COUNT.jaw) == 0)
    return found


def _left(picture: Image, truth: Image, bare: Image, hairy: Image, area: Array) -> tuple[float, float]:
    """Return the percent of the pixels that still show the beard, and the mean difference from the truth in levels."""
    if not area.any():
        return float("nan"), float("nan")
    beard = (hairy[area].astype(np.float32) - bare[area].astype(np.float32)) @ LUMA
    rest = picture[area].astype(np.float32) - truth[area].astype(np.float32)
    left = 100 * float(((rest @ LUMA) / beard > COUNT.left).mean())
    return left, float(np.abs(rest).mean())


def _without_beard(face: TrackedFace) -> TrackedFace:
    known = face.known
    return face if known is None else replace(face, known=replace(known, parsed=None))


def _chosen(lab: Lab, draw: np.random.Generator, count: int) -> list[Portrait]:
    """Return bare frontal faces in a random order, none of the people kept for the last look."""
    people = [person for person in lab.people if not person.is_closing]
    found: list[Portrait] = []
    for number in draw.permutation(len(people)):
        if len(found) < count and _fits(lab, people[int(number)]):
            found.append(people[int(number)])
    return found


def _fits(lab: Lab, person: Portrait) -> bool:
    """Return True for a frontal face without a beard whose photo can be worn."""
    try:
        faces = lab.picture_pipeline(person).track(frame_of(person.image, 0)).faces
    except UsageError:
        return False
    frontal = bool(faces) and max(abs(face.yaw) for face in faces) <= COUNT.turned_degrees
    return frontal and max(_beard_share(face) for face in faces) < COUNT.bare_share


def _beard_share(face: TrackedFace) -> float:
    parsed: ParsedFace | None = None if face.known is None else face.known.parsed
    return 0.0 if parsed is None or parsed.beard is None else share_of(parsed.beard)


def _noise(draw: np.random.Generator, shape: tuple[int, ...], size: float) -> Floats:
    """Return smooth noise with a deviation of 1 in blobs of `size` pixels, float32 (h, w)."""
    cells = max(2, round(shape[1] / size)), max(2, round(shape[0] / size))
    coarse = draw.standard_normal((cells[1], cells[0])).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)
