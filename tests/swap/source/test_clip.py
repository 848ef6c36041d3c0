"""Clips of a person: the frames that are kept, whose they are, and refusals that say why."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien import errors
from mien.assembly.factory import open_source
from mien.face.expression import grimace_of
from mien.face.head_pose import pitch_yaw_of_axes
from mien.media.files.moving import open_moving
from mien.swap.source.clip import MAX_FRAMES, TUNING, ClipFrames, ClipSearch, with_clip
from mien.types import Image, Landmarks, PhotoFault, SourceFace
from tests.support.portraits import COLLINS, HOPPER, models, portrait, recogniser


@cache
def photo(path: Path) -> SourceFace:
    return open_source(portrait(path).image, models())


def _searched(frames: list[Image], person: SourceFace | None, *, times: int = 1) -> ClipSearch:
    search = ClipSearch(models().inspection, recogniser(), person)
    for frame in frames * times:
        search.look(frame)
    return search


def _beside(left: Path, right: Path) -> Image:
    both = [portrait(path).image for path in (left, right)]
    height = min(len(each) for each in both)
    return np.hstack([each[:height] for each in both])


@cache
def of_media(media: Path, name: str) -> ClipFrames:
    search = ClipSearch(models().inspection, recogniser(), None)
    with open_moving(media / "clips" / name, max_pixels=10**8, max_bytes=10**9) as reader:
        for index in range(500):
            frame = reader.read()
            if frame is None:
                break
            if index % 2 == 0:
                search.look(frame.image)
    return search.frames()


def test_a_clip_at_rest_gives_one_frame() -> None:
    frames = _searched([portrait(COLLINS).image], None, times=8).frames()
    assert len(frames.expressions) == 1
    assert frames.views == ()
    assert not frames.strangers


def test_another_person_is_refused() -> None:
    with pytest.raises(errors.SourceFaceStranger, match=r"other people|another person"):
        _searched([portrait(HOPPER).image], photo(COLLINS), times=8).frames()


def test_of_two_people_the_one_of_the_photo_is_taken() -> None:
    frames = _searched([_beside(COLLINS, HOPPER)], photo(COLLINS), times=8).frames()
    assert frames.strangers
    distance = recogniser().describe(frames.expressions[0].image, frames.expressions[0].landmarks)
    assert float(np.linalg.norm(distance - portrait(COLLINS).descriptor)) < recogniser().limits.photo


def test_of_two_people_one_after_the_other_the_one_of_the_photo_is_taken() -> None:
    search = ClipSearch(models().inspection, recogniser(), photo(COLLINS))
    for path in (HOPPER, COLLINS):
        for _ in range(2 * TUNING.detect_every):
            search.look(portrait(path).image)
    frames = search.frames()
    assert frames.strangers
    assert len(frames.expressions) == 1


def test_two_alike_are_in_doubt() -> None:
    with pytest.raises(errors.SeveralSourceFaces, match="in doubt"):
        _searched([_beside(COLLINS, COLLINS)], photo(COLLINS)).frames()


def test_a_clip_without_a_photo_shows_one_person() -> None:
    with pytest.raises(errors.SeveralSourceFaces, match="2 people") as caught:
        _searched([_beside(COLLINS, HOPPER)], None)
    assert "--also" in caught.value.remedy


def test_a_clip_without_a_face_is_refused() -> None:
    with pytest.raises(errors.NoSourceFace, match="no face"):
        _searched([np.full((240, 320, 3), 90, np.uint8)], None).frames()


def test_a_face_that_is_too_small_is_refused_with_its_own_reason() -> None:
    small = np.asarray(cv2.resize(portrait(COLLINS).image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), np.uint8)
    with pytest.raises(errors.SourceFaceTooSmall):
        _searched([small], None).frames()


def _clip_of(face: SourceFace, *, yaw: float = 0.0, age: float = 30.0) -> ClipFrames:
    calm = replace(face, digest="calm", age=age, faults=())
    view = replace(face, digest="view", landmarks=_yawed(face, -yaw), age=age + 1)
    return ClipFrames((view,), (calm,), strangers=False)


def _yawed(face: SourceFace, degrees: float) -> Landmarks:
    angle = np.radians(degrees)
    points = face.landmarks.points
    middle = points.mean(0)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    return replace(face.landmarks, points=((points - middle) @ turn.T + middle).astype(np.float32))


def test_the_lowest_age_counts_and_the_digest_changes() -> None:
    whole = with_clip(photo(COLLINS), _clip_of(photo(COLLINS), age=16.5))
    assert whole.age == 16.5
    assert whole.digest != photo(COLLINS).digest
    assert whole.image is photo(COLLINS).image


def test_a_photo_from_the_front_takes_no_views() -> None:
    whole = with_clip(photo(COLLINS), _clip_of(photo(COLLINS), yaw=25))
    assert whole.views == ()
    assert len(whole.expressions) == 1
    assert whole.photos == (whole,)


def test_a_turned_photo_takes_views_from_the_other_side() -> None:
    turned = replace(photo(COLLINS), landmarks=_yawed(photo(COLLINS), 30))
    assert abs(pitch_yaw_of_axes(turned.landmarks.points)[1]) > TUNING.turned_degrees
    other = with_clip(turned, _clip_of(photo(COLLINS), yaw=30))
    assert [view.digest for view in other.views] == ["calm", "view"]
    same = with_clip(turned, _clip_of(photo(COLLINS), yaw=-30))
    assert [view.digest for view in same.views] == ["calm"]


def test_what_the_calm_frame_shows_is_no_fault_any_more() -> None:
    faults = PhotoFault("smile", 0.2, "smiles"), PhotoFault("brows", 0.3, "hidden"), PhotoFault("light", 0.3, "hard light")
    hidden = replace(photo(COLLINS), faults=faults, warnings=tuple(fault.text for fault in faults))
    whole = with_clip(hidden, _clip_of(photo(COLLINS)))
    assert [fault.name for fault in whole.faults] == ["light"]
    assert whole.warnings == ("hard light",)
    assert [view.digest for view in whole.views] == ["calm"]


@pytest.mark.parametrize(
    ("name", "shown"), [("synthetic_woman.mp4", ("width", "lids")), ("webcam_man_hand.mp4", ("width", "opening", "brows"))]
)
def test_real_clips_give_their_expressions(media: Path, name: str, shown: tuple[str, ...]) -> None:
    frames = of_media(media, name)
    assert 2 < len(frames.expressions) + len(frames.views) <= MAX_FRAMES
    calm, *others = (grimace_of(face.landmarks.points) for face in frames.expressions)
    for each in shown:
        assert max(abs(getattr(other, each) - getattr(calm, each)) for other in others) > TUNING.moved[each], each


def test_nobody_of_a_set_passes_for_the_person_of_a_clip(media: Path) -> None:
    for path in sorted((media / "faces" / "london").glob("03*_neutral.jpg")):
        person = open_source(np.asarray(cv2.imread(str(path)), np.uint8), models())
        search = ClipSearch(models().inspection, recogniser(), person)
        with open_moving(media / "clips" / "synthetic_woman.mp4", max_pixels=10**8, max_bytes=10**9) as reader:
            for index in range(200):
                frame = reader.read()
                assert frame is not None
                if index % 4 == 0:
                    search.look(frame.image)
        with pytest.raises(errors.SourceFaceStranger):
            search.frames()
