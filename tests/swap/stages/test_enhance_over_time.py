"""Enhancer over time: errors, its thread, what is forgotten, flicker, and the whole path."""

import threading
import time
import weakref
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.contracts import Enhancer
from mien.imaging import geometry
from mien.settings import Settings
from mien.swap.cast import everyone
from mien.swap.engines.mesh.engine import MeshEngine
from mien.swap.persona import Persona, Retouch, open_persona
from mien.swap.pipeline import Pipeline, swap_faces
from mien.swap.stages.enhance.stage import Enhancement
from mien.swap.stages.match_grain import match_grain
from mien.swap.stream_memory import StreamMemory
from mien.swap.tracking.tracker import Tracker
from mien.types import FacePatch, Focus, Frame, Image, KnownFace, TrackedFace
from tests.support.enhancing import (
    START,
    WEARING,
    Painter,
    added,
    brighter,
    broken,
    centre,
    frame_of,
    inner,
    move,
    once,
    patch_of,
    points_of,
    sharper,
    spots_in_frame,
    spotted,
    until_shown,
)
from tests.support.portraits import COLLINS, models, portrait


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
    _, _, start = until_shown(live, painter, moved, 15)
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
    _, _, index = until_shown(live, painter, points)
    wearing: object = WEARING
    if how == "reset":
        live.reset()
    elif how == "lost":
        live.enhance(frame_of(index), [], painter, Settings(enhance_every=0), {})
    elif how == "blend off":
        once(live, painter, points, index, enhance_blend=0.0)
    else:
        wearing = object()
    before, after = once(live, painter, points, index + 1, wearing=wearing, enhance_every=0)
    assert after is before


def test_an_enhancer_that_is_not_worn_any_more_is_let_go(live: Enhancement) -> None:
    painter = Painter(brighter)
    until_shown(live, painter, points_of(START))
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
            (TrackedFace(1, seen.landmarks, 5),), {1: persona}, persona.retouch, settings, memory,
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

    def flicker(restarted: bool) -> tuple[float, float]:
        enhancement, painter, pictures = Enhancement(), Painter(noisy), []
        for index in range(24):
            points = still + jitter.normal(0, 0.15, still.shape).astype(np.float32)
            if restarted:
                enhancement.reset()
            before, after = once(enhancement, painter, points, index, patch=patch_of(still), enhance_every=1)
            pictures.append(added(before, after)[inner(still)].astype(float))
        changes = [np.abs(b - a).mean() for a, b in pairwise(pictures[8:])]
        return float(np.mean(changes)), float(np.mean(pictures[8:]))

    calm, level = flicker(restarted=False)
    alone, level_alone = flicker(restarted=True)
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
        pipeline = Pipeline(tracker, everyone(open_persona(MeshEngine(settings), source, Retouch(enhancer=enhancer))), settings)
        frame = Frame(seen.image.copy(), 0, 0, Fraction(1, 30))
        assert pipeline.swap_frame(frame).swapped == 1
        return frame.image

    plain, finer = swapped(None), swapped(Painter(sharper, 512))
    changed = np.abs(finer.astype(int) - plain).max(axis=2) > 2
    x1, y1, x2, y2 = (int(value) for value in geometry.box_of(seen.landmarks.points))
    assert changed[y1:y2, x1:x2].mean() > 0.15
    changed[y1 - 8 : y2 + 8, x1 - 8 : x2 + 8] = False
    assert not changed.any()
