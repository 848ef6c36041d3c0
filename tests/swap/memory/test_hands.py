"""Hands near the faces: sought when the parser suspects one, followed while they stay, forgotten when they go."""

from fractions import Fraction

import numpy as np

from mien.face.texels import facing, texel_map
from mien.models.format.parsing import SIDE, FaceClass
from mien.swap.memory.hands import TUNING, Hands
from mien.testing import FakeHandFinder
from mien.types import Floats, Frame, Hand, ParsedFace, TrackedFace
from tests.support.portraits import COLLINS, portrait


def _frame(index: int) -> Frame:
    return Frame(portrait(COLLINS).image, index, index, Fraction(1, 30))


def _face() -> TrackedFace:
    return TrackedFace(1, portrait(COLLINS).landmarks, 1)


def _hand(face: TrackedFace) -> Hand:
    """Return an upright hand before the mouth."""
    points = face.landmarks.points
    width = float(np.ptp(points[:, 0]))
    joints: Floats = np.zeros((21, 3), np.float32)
    for finger in range(5):
        for joint in range(4):
            joints[1 + 4 * finger + joint] = ((finger - 2) * 0.12, -0.5 - 0.13 * joint, 0)
    joints *= np.float32(width)
    joints[:, :2] += points[152, :2] + np.array([0, 0.3 * width], np.float32)
    return Hand(joints, 0.9)


def _parsed(landmarks: int) -> ParsedFace:
    """Return what a parser saw that takes some landmarks for a hand."""
    shares = np.zeros((len(FaceClass), SIDE, SIDE), np.uint8)
    shares[FaceClass.HAND, :, : SIDE // 2] = 255
    points: Floats = np.full((478, 2), SIDE - 1, np.float32)
    points[:landmarks] = 1
    return ParsedFace(shares, points)


def test_a_new_face_is_searched_once() -> None:
    finder, hands = FakeHandFinder(), Hands()
    for index in range(40):
        assert hands.update(_frame(index), (_face(),), {}, finder) == {}
    assert finder.searches == 1


def test_the_search_is_repeated_while_the_parser_sees_a_hand() -> None:
    finder, hands = FakeHandFinder(), Hands()
    for index in range(1 + 4 * TUNING.search_frames):
        hands.update(_frame(index), (_face(),), {1: _parsed(20)}, finder)
    assert finder.searches == 5


def test_a_hand_beside_the_face_starts_no_search() -> None:
    finder, hands = FakeHandFinder(), Hands()
    for index in range(40):
        hands.update(_frame(index), (_face(),), {1: _parsed(TUNING.min_landmarks - 1)}, finder)
    assert finder.searches == 1


def test_a_hand_is_followed_and_covers_what_it_covers() -> None:
    face = _face()
    finder, hands = FakeHandFinder([_hand(face)], stays=6), Hands()
    masks = [hands.update(_frame(index), (face,), {}, finder) for index in range(2 * TUNING.follow_frames * 6)]
    assert finder.searches == 1
    judged = (facing(face.landmarks.points) > 0) & texel_map().inside
    assert 0.02 < float((masks[0][1][judged] > 127).mean()) < 0.6
    assert masks[-1] == {}
    assert finder.follows == 7


def test_without_a_finder_nothing_is_known() -> None:
    face = _face()
    finder, hands = FakeHandFinder([_hand(face)]), Hands()
    assert hands.update(_frame(0), (face,), {}, finder)
    assert hands.update(_frame(1), (face,), {}, None) == {}
    hands = Hands()
    assert hands.update(_frame(2), (face,), {}, finder)
    assert finder.searches == 2
