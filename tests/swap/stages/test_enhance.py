"""Detail from an enhancing network: at its place, never stale, never outside the mask."""

import math
import threading

import cv2
import numpy as np
import pytest

from mien.face import landmark_sets
from mien.imaging import geometry
from mien.settings import Settings
from mien.swap.stages.compose import compose, in_frame
from mien.swap.stages.enhance.stage import Enhancement
from mien.types import Affine, Array, Image, Mask
from tests.support.enhancing import (
    SIDE,
    START,
    TEMPLATE,
    WEARING,
    Painter,
    added,
    brighter,
    centre,
    coarse_patch,
    face_of,
    frame_of,
    inner,
    move,
    once,
    patch_of,
    points_of,
    spots_in_frame,
    spotted,
    until_shown,
)


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
        # The first run ends at once, the others when the test is over.
        if len(painter.seen) > 1:
            let_go.wait(5)
        return brighter(crop)

    painter = Painter(slow)
    points = points_of(START)
    _, _, start = until_shown(live, painter, points)
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
def test_the_cadence_counts_runs(every: int, calls: int) -> None:
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
    _, _, start = until_shown(live, painter, points)
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


def test_two_faces_are_one_batch_and_each_keeps_its_own() -> None:
    shift = move(0, 1.1, -100, 130), move(0, 1.5, 240, 300)
    faces = [face_of(points_of(motion), number) for number, motion in enumerate(shift)]
    pairs = [(face, patch_of(face.landmarks.points, level)) for face, level in zip(faces, (80, 160), strict=True)]
    painter = Painter(lambda crop: np.full_like(crop, 220))
    enhancement, settings = Enhancement(), Settings(enhance_blend=1.0, enhance_every=60)
    for index in range(3):
        made = enhancement.enhance(frame_of(index), pairs, painter, settings, {0: WEARING, 1: WEARING})
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
    rise = added(before, after)[inner(points)]
    assert rise.mean() == pytest.approx((255 - 110) / 2, rel=0.1)
    assert rise.std() < 5, "a pattern finer than a pixel is an even tone"
