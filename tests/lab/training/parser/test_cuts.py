"""Material out of clips: cut hands, their joints, bare faces."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mien.assembly.factory import Models
from mien.errors import UnreadableMedia, UsageError
from mien.face.hand_silhouette import silhouette
from mien.lab.training.parser.cuts import FromClips, read_clips
from mien.system.scheduling import ordinary_scheduling
from mien.testing import FakeDetector, FakeHandFinder, FakeLandmarker
from mien.types import Detection, Hand, Image, Landmarks
from tests.support.parser_props import pose
from tests.support.portraits import COLLINS, models, portrait

WIDE, HIGH, FRAMES = 480, 320, 14
FACE_HIGH = 90  # pixels
ASIDE, OVER_THE_FACE = (360.0, 220.0), (120.0, 200.0)


def _face() -> Landmarks:
    points = portrait(COLLINS).landmarks.points
    scale = FACE_HIGH / float(np.ptp(points[:, 1]))
    moved = (points - points.mean(0)) * scale + (120, 120, 0)
    return Landmarks(moved.astype(np.float32), 1.0)


def _models(face: Landmarks) -> Models:
    x1, y1, x2, y2 = 80.0, 75.0, 160.0, 165.0
    found = Detection((x1, y1, x2, y2), np.zeros((5, 2), np.float32), 1.0)
    return replace(models(), photo_detector=FakeDetector([found]), landmarker=FakeLandmarker(face))


def _hand(wrist_xy: tuple[float, float], presence: float = 0.9) -> Hand:
    return Hand(pose(wrist_xy, 40.0), presence)


def _picture(hand: Hand) -> Image:
    image = np.full((HIGH, WIDE, 3), (120, 90, 40), np.uint8)
    image[silhouette(hand, np.array([[1.0, 0, 0], [0, 1, 0]]), (WIDE, HIGH)) > 0] = (110, 140, 220)
    return image


def _clip(path: Path, image: Image) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=Fraction(25), options={"crf": "10"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = WIDE, HIGH, "yuv420p"
        with ordinary_scheduling():
            out.start_encoding()
        for _ in range(FRAMES):
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(video.encode(None))


def _read(folder: Path, hand: Hand) -> FromClips:
    _clip(folder / "b.mp4", _picture(hand))
    return read_clips(folder, _models(_face()), FakeHandFinder([hand]), lambda text: None)


def test_a_hand_beside_the_face_is_cut_out(tmp_path: Path) -> None:
    hand = _hand(ASIDE)
    found = _read(tmp_path, hand)
    assert len(found.cuts) == FRAMES // 2
    assert len(found.poses) == FRAMES
    assert np.array_equal(found.poses[0], hand.points)
    cut = found.cuts[0]
    assert cut.shape == (160, 160, 4)
    inside = cut[:, :, 3] > 250
    assert 0.1 < inside.mean() < 0.6
    assert np.abs(cut[inside][:, :3].astype(int) - (110, 140, 220)).mean() < 12, "the hand, and not what is behind it"


def test_a_face_without_a_hand_over_it_is_bare(tmp_path: Path) -> None:
    found = _read(tmp_path, _hand(ASIDE))
    assert [each.name for each in found.faces] == ["b#0", "b#12"]
    assert {each.person for each in found.faces} == {"clip/b"}


@pytest.mark.parametrize("presence", [0.6, 0.9])
def test_a_hand_over_the_face_is_not_cut_and_the_face_is_not_bare(tmp_path: Path, presence: float) -> None:
    found = _read(tmp_path, _hand(OVER_THE_FACE, presence))
    assert not found.cuts
    assert not found.faces
    assert len(found.poses) == (FRAMES if presence > 0.8 else 0)


def test_a_hand_at_the_border_is_not_cut(tmp_path: Path) -> None:
    assert not _read(tmp_path, _hand((WIDE - 10.0, 220.0))).cuts


def test_clips_are_read_by_name_and_other_files_left_alone(tmp_path: Path) -> None:
    hand = _hand(ASIDE)
    _clip(tmp_path / "a.mp4", _picture(hand))
    (tmp_path / "notes.txt").write_text("nothing")
    said: list[str] = []
    read_clips(tmp_path, _models(_face()), FakeHandFinder([]), said.append)
    assert said == ["a.mp4: 0 hands, 0 poses, 2 faces so far"]


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no video") as raised:
        read_clips(tmp_path, _models(_face()), FakeHandFinder(), lambda text: None)
    assert raised.value.remedy


def test_a_damaged_clip_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"not a video")
    with pytest.raises(UnreadableMedia, match=r"a\.mp4"):
        read_clips(tmp_path, _models(_face()), FakeHandFinder(), lambda text: None)
