"""Detail from an enhancing network: at its place, never stale, never outside the mask, never waited for when live."""

import math
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.contracts import Enhancer
from mien.face import landmark_sets
from mien.imaging import geometry
from mien.settings import Settings
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.persona import Persona, Retouch, open_persona
from mien.swap.pipeline import Pipeline, StreamMemory, swap_faces
from mien.swap.stages.compose import compose, in_frame
from mien.swap.stages.enhance.stage import Enhancement
from mien.swap.stages.match_grain import match_grain
from mien.swap.tracking.tracker import Tracker
from mien.types import Affine, Array, FacePatch, Floats, Focus, Frame, Image, KnownFace, Landmarks, Mask, TrackedFace
from tests.support.portraits import COLLINS, models, portrait

SIDE = 256
WEARING = object()
TEMPLATE = geometry.TEMPLATES["ffhq_512"]
EYES = float(np.linalg.norm(TEMPLATE[1] - TEMPLATE[0])) * SIDE
"""The eye distance in the square's pixels."""
SPOTS = ((90, 150), (166, 150), (128, 118), (128, 205))
"""x, y in the square: cheeks, between the eyes, chin."""

Paint = Callable[[Image], Image]


class Painter:
    """A `contracts.Enhancer` that paints, and keeps what it was given in `seen`, one list a call."""

    template = "ffhq_512"

    def __init__(self, paint: Paint, side: int = SIDE) -> None:
        self.side = side
        self.seen: list[list[Image]] = []
        self._paint = paint

    def enhance(self, crops: Sequence[Image]) -> list[Image]:
        self.seen.append([crop.copy() for crop in crops])
        return [self._paint(crop) for crop in crops]


def brighter(crop: Image) -> Image:
    return np.asarray(np.minimum(crop.astype(int) + 30, 255), np.uint8)


def spotted(crop: Image) -> Image:
    """Soft white spots at `SPOTS`."""
    bump = np.zeros(crop.shape[:2], np.float32)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]]
    for left, top in SPOTS:
        bump += np.exp(-((x - left) ** 2 + (y - top) ** 2) / (2 * 3.0**2)).astype(np.float32)
    return np.asarray(np.clip(crop + 90 * bump[:, :, None], 0, 255), np.uint8)


def sharper(crop: Image) -> Image:
    soft = cv2.GaussianBlur(crop, (0, 0), 2.0)
    return np.asarray(cv2.addWeighted(crop, 2.5, soft, -1.5, 0), np.uint8)


def broken(crop: Image) -> Image:
    raise RuntimeError("the network is broken")


def move(angle: float = 0.0, scale: float = 1.0, x: float = 0.0, y: float = 0.0) -> Affine:
    """Turned and scaled about the middle of the picture, then moved."""
    matrix = np.asarray(cv2.getRotationMatrix2D((256, 256), angle, scale), np.float64)
    matrix[:, 2] += x, y
    return matrix


def points_of(motion: Affine | None = None) -> Floats:
    points = portrait(COLLINS).landmarks.points.copy()
    if motion is not None:
        points[:, :2] = geometry.apply(motion, points[:, :2])
        points[:, 2] *= geometry.scale_of(motion)
    return points


START = move(0, 2.0, 60, 260)
"""The face of the portrait, about 190 x 220 pixels, in a picture of 640 x 640."""


def face_of(points: Floats, number: int = 1) -> TrackedFace:
    return TrackedFace(number, Landmarks(points, 1.0), 5)


def frame_of(index: int = 0, size_wh: tuple[int, int] = (640, 640), level: int = 100) -> Frame:
    return Frame(np.full((size_wh[1], size_wh[0], 3), level, np.uint8), index, index, Fraction(1, 30))


def patch_of(points: Floats, level: int = 110, shape: tuple[int, ...] = (640, 640)) -> FacePatch:
    """A flat face: the hull of the landmarks, in frame pixels."""
    x1, y1, x2, y2 = geometry.box_of(points)
    left, top = max(0, int(x1)), max(0, int(y1))
    mask = np.zeros((min(shape[0], int(y2) + 1) - top, min(shape[1], int(x2) + 1) - left), np.uint8)
    hull = cv2.convexHull(points[:, :2] - np.array([left, top], np.float32))
    cv2.fillConvexPoly(mask, np.round(hull).astype(np.int32), 255)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.uint8)
    return FacePatch(np.full((*mask.shape, 3), level, np.uint8), mask, np.array([[1.0, 0, left], [0, 1.0, top]]))


def coarse_patch(points: Floats, side: int = 64, level: int = 110) -> FacePatch:
    """What a network of so few pixels gives: a turned square."""
    to_crop = geometry.similarity(geometry.five_points(points), geometry.TEMPLATES["arcface_128"] * side)
    mask = np.zeros((side, side), np.uint8)
    cv2.ellipse(mask, (side // 2, side // 2), (side // 3, side * 2 // 5), 0, 0, 360, 255, -1)
    draw = np.random.default_rng(3).integers(level - 20, level + 20, (side, side, 3), np.uint8)
    return FacePatch(draw, np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.uint8), geometry.invert(to_crop))


def added(before: FacePatch, after: FacePatch, shape: tuple[int, ...] = (640, 640)) -> Array:
    """By how much two patches differ when they are laid over black, in levels, int16 (h, w)."""
    pictures = []
    for patch in (before, after):
        image = np.zeros((*shape[:2], 3), np.uint8)
        compose(image, replace(patch, mask=np.where(patch.mask > 0, 255, 0).astype(np.uint8)))
        pictures.append(image[:, :, 1].astype(np.int16))
    difference: Array = pictures[1] - pictures[0]
    return difference


def once(
    enhancement: Enhancement,
    enhancer: Enhancer,
    points: Floats,
    index: int = 0,
    patch: FacePatch | None = None,
    wearing: object = WEARING,
    **settings: float,
) -> tuple[FacePatch, FacePatch]:
    """One frame with one face: the patch before and after."""
    before = patch_of(points) if patch is None else patch
    chosen = Settings(**{"enhance_blend": 1.0, "enhance_every": 60, **settings})  # type: ignore[arg-type]
    ((_, after),) = enhancement.enhance(frame_of(index), [(face_of(points), before)], enhancer, chosen, wearing)
    return before, after


def centre(picture: Array, near: Floats, radius: int = 14) -> Array:
    """The centre of gravity of what is bright round a place."""
    x, y = (round(float(value)) for value in near)
    part = np.maximum(picture[y - radius : y + radius + 1, x - radius : x + radius + 1].astype(np.float64), 0)
    rows, columns = np.mgrid[y - radius : y + radius + 1, x - radius : x + radius + 1]
    place: Array = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
    return place


def spots_in_frame(points: Floats, side: int = SIDE) -> Floats:
    to_crop = geometry.similarity(geometry.five_points(points), TEMPLATE * side)
    return geometry.apply(geometry.invert(to_crop), np.array(SPOTS, np.float64))


@pytest.fixture
def live() -> Iterator[Enhancement]:
    enhancement = Enhancement(live=True)
    yield enhancement
    assert enhancement.close()


@pytest.mark.parametrize(
    "motion", [move(), move(x=17.3, y=-9.6), move(angle=12, x=5.5), move(scale=1.2), move(scale=0.8, angle=-20, y=12.25)]
)
def test_kept_detail_moves_with_the_face(motion: Affine) -> None:
    enhancement, painter = Enhancement(), Painter(spotted)
    first = points_of(START)
    once(enhancement, painter, first)
    both = motion @ np.vstack([START, [0, 0, 1]])
    then = points_of(both)
    before, after = once(enhancement, painter, then, 1)
    assert len(painter.seen) == 1
    shown = added(before, after)
    for wanted in spots_in_frame(then):
        assert np.linalg.norm(centre(shown, wanted) - wanted) < 0.5


def test_detail_follows_the_skin_when_the_head_turns_a_little() -> None:
    enhancement, painter = Enhancement(), Painter(spotted)
    first = points_of(START)
    once(enhancement, painter, first)
    turned = first.copy()
    middle = first[:, :3].mean(0)
    angle = math.radians(4)
    turned[:, 0] = middle[0] + math.cos(angle) * (first[:, 0] - middle[0]) + math.sin(angle) * (first[:, 2] - middle[2])
    before, after = once(enhancement, painter, turned, 1)
    assert len(painter.seen) == 1
    shown = added(before, after)
    for spot in spots_in_frame(first):
        # The skin at the spot: three landmarks next to it carry it along.
        near = np.argsort(np.linalg.norm(first[:468, :2] - spot, axis=1))[:6]
        affine, _ = cv2.estimateAffine2D(first[near, :2], turned[near, :2])
        wanted = geometry.apply(np.asarray(affine, np.float64), spot[None])[0]
        assert np.linalg.norm(centre(shown, wanted) - wanted) < 1.0


def test_the_network_sees_the_worn_face_upright_in_its_template() -> None:
    points = points_of(move(25) @ np.vstack([START, [0, 0, 1]]))
    painter = Painter(brighter)
    once(Enhancement(), painter, points, patch=patch_of(points, 200))
    (seen,) = painter.seen[0]
    assert seen.shape == (SIDE, SIDE, 3)
    nose = TEMPLATE[2] * SIDE
    assert (seen[round(nose[1]), round(nose[0])] == 200).all()
    assert (seen[4, 4] == 100).all(), "the picture beside the face"


def test_an_expression_that_jumps_shows_nothing_stale(live: Enhancement) -> None:
    let_go = threading.Event()

    def slow(crop: Image) -> Image:
        # The first look is answered at once, the others when the test is over.
        if len(painter.seen) > 1:
            let_go.wait(5)
        return brighter(crop)

    painter = Painter(slow)
    points = points_of(START)
    _, _, start = _until_shown(live, painter, points)
    mouth = points[list(landmark_sets.INNER_LIPS), :2].mean(0)
    cheek = points[50, :2]
    for index in range(start, start + 30):
        before, after = once(live, painter, points, index, enhance_every=0)
    assert _at(added(before, after), mouth) > 20
    opened = points.copy()
    below = np.clip((points[:, 1] - mouth[1]) / 10, 0, 1)
    opened[:, 1] += 0.3 * float(np.linalg.norm(points[33, :2] - points[263, :2])) * below
    before, after = once(live, painter, opened, index + 1, enhance_every=0)
    shown = added(before, after)
    let_go.set()
    assert abs(_at(shown, opened[17, :2])) <= 1, "the lower lip is somewhere else now"
    assert _at(shown, cheek) > 20, "the cheek is as it was"


def _at(picture: Array, place: Array) -> float:
    x, y = (round(float(value)) for value in place)
    return float(picture[y - 2 : y + 3, x - 2 : x + 3].mean())


def _until_shown(
    enhancement: Enhancement, enhancer: Enhancer, points: Floats, index: int = 0
) -> tuple[FacePatch, FacePatch, int]:
    """Frames until the thread's answer shows."""
    end_s = time.monotonic() + 5
    while time.monotonic() < end_s:
        index += 1
        before, after = once(enhancement, enhancer, points, index, enhance_every=0)
        if np.abs(added(before, after)).max() > 10:
            return before, after, index + 1
        time.sleep(0.005)
    raise AssertionError("the answer never showed")


@pytest.mark.parametrize("every", [1, 60])
def test_a_jump_has_the_network_look_again(every: int) -> None:
    enhancement, painter = Enhancement(), Painter(brighter)
    points = points_of(START)
    once(enhancement, painter, points, 0, enhance_every=every)
    squeezed = points.copy()
    squeezed[:, 1] = points[:, 1].mean() + 0.8 * (points[:, 1] - points[:, 1].mean())
    once(enhancement, painter, squeezed, 1, enhance_every=every)
    assert len(painter.seen) == 2


@pytest.mark.parametrize(("every", "calls"), [(0, 12), (1, 12), (4, 3), (60, 1)])
def test_the_cadence_counts_looks(every: int, calls: int) -> None:
    enhancement, painter = Enhancement(), Painter(brighter)
    for index in range(12):
        once(enhancement, painter, points_of(START), index, enhance_every=every)
    assert len(painter.seen) == calls


def test_another_light_or_an_old_look_is_looked_at_again_and_fades() -> None:
    enhancement, painter = Enhancement(), Painter(brighter)
    points = points_of(START)
    once(enhancement, painter, points, 0)
    once(enhancement, painter, points, 1, patch=patch_of(points, 50))
    assert len(painter.seen) == 2
    once(enhancement, painter, points, 1 + 30 * 4, patch=patch_of(points, 50))
    assert len(painter.seen) == 3


def test_detail_is_as_strong_as_the_light_on_the_face_and_gone_when_it_is_old(live: Enhancement) -> None:
    let_go = threading.Event()

    def slow(crop: Image) -> Image:
        if len(painter.seen) > 1:
            let_go.wait(5)
        return brighter(crop)

    painter = Painter(slow)
    points = points_of(START)
    nose = points[4, :2]
    _, _, start = _until_shown(live, painter, points)
    for index in range(start, start + 30):
        before, after = once(live, painter, points, index, enhance_every=0)
    assert _at(added(before, after), nose) == pytest.approx(30, abs=2)
    dark = once(live, painter, points, index + 1, patch_of(points, 22), enhance_every=0)
    assert _at(added(*dark), nose) == pytest.approx(30 / 5, abs=1.5)
    fading = [_at(added(*once(live, painter, points, index + 30 * s, enhance_every=0)), nose) for s in (1, 3, 6)]
    let_go.set()
    assert fading[0] > fading[1] > fading[2] == 0


@pytest.mark.parametrize("shape", ["frame pixels", "turned square"])
def test_the_mask_never_gets_wider(shape: str) -> None:
    points = points_of(move(15) @ np.vstack([START, [0, 0, 1]]))
    patch = patch_of(points) if shape == "frame pixels" else coarse_patch(points)
    _, after = once(Enhancement(), Painter(brighter), points, patch=patch)
    laid = in_frame(patch, 640, 640)
    assert laid is not None
    assert np.array_equal(after.mask, laid.mask)
    assert np.array_equal(after.crop_to_frame, laid.crop_to_frame)
    one, other = frame_of().image, frame_of().image
    compose(one, patch)
    compose(other, after)
    assert np.array_equal(one[laid_outside(laid.mask, laid.crop_to_frame)], other[laid_outside(laid.mask, laid.crop_to_frame)])
    assert not np.array_equal(one, other)


def laid_outside(mask: Mask, to_frame: Affine) -> Array:
    outside = np.ones((640, 640), bool)
    left, top = (round(float(value)) for value in to_frame[:, 2])
    outside[top : top + mask.shape[0], left : left + mask.shape[1]] = mask == 0
    return outside


def test_a_coarse_patch_to_which_nothing_is_added_looks_as_it_did() -> None:
    points = points_of(move(15) @ np.vstack([START, [0, 0, 1]]))
    patch = coarse_patch(points)
    _, after = once(Enhancement(), Painter(lambda crop: crop), points, patch=patch)
    one, other = frame_of().image, frame_of().image
    compose(one, patch)
    compose(other, after)
    assert np.array_equal(one, other)


def test_without_blend_nothing_happens() -> None:
    painter = Painter(brighter)
    before, after = once(Enhancement(), painter, points_of(START), enhance_blend=0.0)
    assert after is before
    assert painter.seen == []


def test_the_blend_is_linear() -> None:
    nose = points_of(START)[4, :2]
    half, whole = (
        _at(added(*once(Enhancement(), Painter(brighter), points_of(START), enhance_blend=blend)), nose) for blend in (0.5, 1.0)
    )
    assert half == pytest.approx(15, abs=1)
    assert whole == pytest.approx(30, abs=1)


def test_two_faces_are_one_look_and_each_keeps_its_own() -> None:
    shift = move(0, 1.1, -100, 130), move(0, 1.5, 240, 300)
    faces = [face_of(points_of(motion), number) for number, motion in enumerate(shift)]
    pairs = [(face, patch_of(face.landmarks.points, level)) for face, level in zip(faces, (80, 160), strict=True)]
    painter = Painter(lambda crop: np.full_like(crop, 220))
    enhancement, settings = Enhancement(), Settings(enhance_blend=1.0, enhance_every=60)
    for index in range(3):
        made = enhancement.enhance(frame_of(index), pairs, painter, settings, WEARING)
    assert [len(crops) for crops in painter.seen] == [2]
    assert [face.track_id for face, _ in made] == [0, 1]
    for (face, patch), (_, before) in zip(made, pairs, strict=True):
        nose = face.landmarks.points[4, :2]
        assert before.crop[0, 0, 0] + _at(added(before, patch), nose) == pytest.approx(220, abs=2)


@pytest.mark.parametrize("motion", [move(0, 2, -130, 20), move(0, 2, 330, 420), move(0, 9, 200, 1000)])
def test_faces_at_the_border_and_larger_than_the_frame(motion: Affine) -> None:
    points = points_of(motion)
    painter = Painter(brighter)
    before, after = once(Enhancement(), painter, points)
    assert after.crop.shape == before.crop.shape
    inside = before.mask == 255
    rise = after.crop.astype(int) - before.crop
    assert inside.sum() > 500
    assert np.median(rise[inside]) == pytest.approx(30, abs=1)
    assert rise.min() >= 0


def test_a_turned_square_far_outside_stays_as_it_is() -> None:
    points = points_of(move(0, 1, 3000, 0))
    before, after = once(Enhancement(), Painter(brighter), points, patch=coarse_patch(points))
    assert after.mask.shape == before.mask.shape


def test_a_small_face_is_kept_small_and_without_aliasing() -> None:
    points = points_of(move(0, 0.5, 100, 100))

    def striped(crop: Image) -> Image:
        out = crop.copy()
        out[::2] = 255
        return out

    before, after = once(Enhancement(), Painter(striped, 1024), points)
    assert after.crop.shape == before.crop.shape
    rise = added(before, after)[_inner(points)]
    assert rise.mean() == pytest.approx((255 - 110) / 2, rel=0.1)
    assert rise.std() < 5, "a pattern finer than a pixel is an even tone"


def _inner(points: Floats) -> tuple[slice, slice]:
    x1, y1, x2, y2 = geometry.box_of(points)
    width, height = x2 - x1, y2 - y1
    return slice(int(y1 + 0.35 * height), int(y1 + 0.65 * height)), slice(int(x1 + 0.35 * width), int(x1 + 0.65 * width))


@pytest.mark.parametrize("every", [0, 1, 5])
def test_in_files_a_failing_enhancer_is_heard(every: int) -> None:
    with pytest.raises(RuntimeError, match="the network is broken"):
        once(Enhancement(), Painter(broken), points_of(START), enhance_every=every)


@pytest.mark.parametrize("every", [0, 1])
def test_live_a_failing_enhancer_is_said_a_few_times_and_the_face_goes_on(
    every: int, live: Enhancement, caplog: pytest.LogCaptureFixture
) -> None:
    painter = Painter(broken)
    end_s = time.monotonic() + 5
    index = 0
    while len(painter.seen) < 12 and time.monotonic() < end_s:
        before, after = once(live, painter, points_of(START), index, enhance_every=every)
        assert after is before
        index += 1
        time.sleep(0.002)
    said = [record for record in caplog.records if "enhancer failed" in record.getMessage()]
    assert len(painter.seen) >= 12
    assert len(said) == 5


def test_live_frames_do_not_wait_and_the_thread_ends() -> None:
    enhancement, let_go = Enhancement(live=True), threading.Event()

    def slow(crop: Image) -> Image:
        let_go.wait(5)
        return brighter(crop)

    painter = Painter(slow)
    for index in range(20):
        before, after = once(enhancement, painter, points_of(START), index, enhance_every=0)
        assert after is before
    assert len(painter.seen) <= 1
    assert [thread.name for thread in threading.enumerate()].count("mien-enhance") == 1
    let_go.set()
    assert enhancement.close()
    assert "mien-enhance" not in [thread.name for thread in threading.enumerate()]
    assert enhancement.close(), "closing twice is fine"


def test_a_late_answer_is_shown_where_the_face_is_now_and_comes_in_softly(live: Enhancement) -> None:
    let_go = threading.Event()

    def late(crop: Image) -> Image:
        let_go.wait(5)
        return spotted(crop)

    painter = Painter(late)
    once(live, painter, points_of(START), 0, enhance_every=0)
    moved = points_of(move(8, 1.1, 30.4, -20.7) @ np.vstack([START, [0, 0, 1]]))
    for index in range(1, 15):
        once(live, painter, moved, index, enhance_every=0)
    let_go.set()
    _, _, start = _until_shown(live, painter, moved, 15)
    heights = []
    for index in range(start, start + 12):
        before, after = once(live, painter, moved, index, enhance_every=0)
        heights.append(added(before, after).max())
    shown = added(before, after)
    for wanted in spots_in_frame(moved):
        assert np.linalg.norm(centre(shown, wanted) - wanted) < 0.5
    assert heights[-1] > 60
    assert all(b >= a - 1 for a, b in pairwise(heights))


@pytest.mark.parametrize("how", ["reset", "lost", "another person", "blend off"])
def test_what_was_known_is_forgotten(how: str, live: Enhancement) -> None:
    calls = threading.Semaphore(1)

    def first_only(crop: Image) -> Image:
        if not calls.acquire(timeout=0.5):
            return crop
        return brighter(crop)

    painter = Painter(first_only)
    points = points_of(START)
    _, _, index = _until_shown(live, painter, points)
    wearing: object = WEARING
    if how == "reset":
        live.reset()
    elif how == "lost":
        live.enhance(frame_of(index), [], painter, Settings(enhance_every=0), WEARING)
    elif how == "blend off":
        once(live, painter, points, index, enhance_blend=0.0)
    else:
        wearing = object()
    before, after = once(live, painter, points, index + 1, wearing=wearing, enhance_every=0)
    assert after is before


def test_an_enhancer_that_is_not_worn_any_more_is_let_go(live: Enhancement) -> None:
    painter = Painter(brighter)
    _until_shown(live, painter, points_of(START))
    held = weakref.ref(painter)
    del painter
    end_s = time.monotonic() + 5
    while held() is not None and time.monotonic() < end_s:
        time.sleep(0.005)
    assert held() is None, "the thread holds what it was asked last"


def test_detail_stays_while_a_slider_moves_and_goes_with_the_face() -> None:
    seen, memory, painter = portrait(COLLINS), StreamMemory(), Painter(sharper)
    settings = Settings(enhance_every=60)
    source = factory.open_source(seen.image, models())
    persona = open_persona(MeshEngine(settings), source, Retouch(enhancer=painter))

    def wear(persona: Persona, index: int) -> int:
        swap_faces(
            Frame(seen.image.copy(), index, index, Fraction(1, 30)),
            (TrackedFace(1, seen.landmarks, 5),), persona, settings, memory,
        )  # fmt: skip
        return len(painter.seen)

    assert wear(persona, 0) == 1
    assert wear(replace(persona, engine=MeshEngine(Settings(light=0.5))), 1) == 1, "the studio does so for a slider"
    assert wear(open_persona(MeshEngine(settings), source, persona.retouch), 2) == 2


def test_what_flickers_is_calmed_and_what_stays_is_not_weakened() -> None:
    draw = np.random.default_rng(5)

    def noisy(crop: Image) -> Image:
        noise = cv2.GaussianBlur(draw.normal(0, 60, crop.shape[:2]).astype(np.float32), (0, 0), 1.5)
        return np.asarray(np.clip(crop + 30 + noise[:, :, None], 0, 255), np.uint8)

    still = points_of(START)
    jitter = np.random.default_rng(6)

    def flicker(anew: bool) -> tuple[float, float]:
        enhancement, painter, pictures = Enhancement(), Painter(noisy), []
        for index in range(24):
            points = still + jitter.normal(0, 0.15, still.shape).astype(np.float32)
            if anew:
                enhancement.reset()
            before, after = once(enhancement, painter, points, index, patch=patch_of(still), enhance_every=1)
            pictures.append(added(before, after)[_inner(still)].astype(float))
        changes = [np.abs(b - a).mean() for a, b in pairwise(pictures[8:])]
        return float(np.mean(changes)), float(np.mean(pictures[8:]))

    calm, level = flicker(anew=False)
    alone, level_alone = flicker(anew=True)
    assert calm < 0.35 * alone
    assert level == pytest.approx(level_alone, abs=1) == pytest.approx(30, abs=2)


def test_an_enhanced_face_keeps_its_detail_when_it_is_filmed() -> None:
    seen = portrait(COLLINS)
    box = 60, 330, 190, 400
    crop = np.ascontiguousarray(seen.image[box[0] : box[1], box[2] : box[3]])
    mask = np.zeros(crop.shape[:2], np.uint8)
    cv2.ellipse(mask, (crop.shape[1] // 2, crop.shape[0] // 2), (60, 80), 0, 0, 360, 255, -1)
    patch = FacePatch(crop, mask, np.array([[1.0, 0, box[2]], [0, 1.0, box[0]]]))
    soft = np.asarray(cv2.GaussianBlur(seen.image, (0, 0), 2.5), np.uint8)
    known = KnownFace(np.zeros((478, 3), np.float32), focus=Focus(2.5, 0.3))
    face, frame = TrackedFace(1, seen.landmarks, 5, known=known), Frame(soft, 0, 0, Fraction(1, 30))
    inside = cv2.erode(mask, np.ones((9, 9), np.uint8)) > 0

    def fine(focus: float) -> float:
        made = match_grain(frame, face, patch, 0.0, focus).crop
        return float(cv2.absdiff(made, cv2.GaussianBlur(made, (0, 0), 1.0))[inside].mean())

    own = float(cv2.absdiff(crop, cv2.GaussianBlur(crop, (0, 0), 1.0))[inside].mean())
    assert fine(0.0) == pytest.approx(own)
    assert own > fine(0.2) > fine(0.6) > fine(1.0)


def test_the_whole_path_wears_an_enhanced_face() -> None:
    seen = portrait(COLLINS)
    source = factory.open_source(seen.image, models())
    settings = Settings(enhance_blend=1.0, grain=0.0)

    def swapped(enhancer: Enhancer | None) -> Image:
        tracker = Tracker(models().photo_detector, models().landmarker, settings)
        pipeline = Pipeline(tracker, open_persona(MeshEngine(settings), source, Retouch(enhancer=enhancer)), settings)
        frame = Frame(seen.image.copy(), 0, 0, Fraction(1, 30))
        assert pipeline.swap_frame(frame).swapped == 1
        return frame.image

    plain, finer = swapped(None), swapped(Painter(sharper, 512))
    changed = np.abs(finer.astype(int) - plain).max(axis=2) > 2
    x1, y1, x2, y2 = (int(value) for value in geometry.box_of(seen.landmarks.points))
    assert changed[y1:y2, x1:x2].mean() > 0.15
    changed[y1 - 8 : y2 + 8, x1 - 8 : x2 + 8] = False
    assert not changed.any()
