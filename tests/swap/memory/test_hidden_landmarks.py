"""Landmarks under a hand keep their place on the head."""

from dataclasses import replace

import numpy as np

from mien.models.format.parsing import SIDE, FaceClass
from mien.swap.memory.hidden_landmarks import HiddenLandmarks
from mien.types import Array, Floats, Landmarks, ParsedFace, TrackedFace
from tests.support.portraits import COLLINS, portrait

_HIDDEN: Array = np.arange(478) % 5 == 0
"""Every fifth landmark."""


def _face(points: Floats | None = None) -> TrackedFace:
    landmarks = portrait(COLLINS).landmarks
    return TrackedFace(1, landmarks if points is None else Landmarks(points, 1.0), 1)


def _parsed(hidden: Array, kind: FaceClass = FaceClass.HAND) -> ParsedFace:
    """Return what a parser saw that has these landmarks under something."""
    shares = np.zeros((len(FaceClass), SIDE, SIDE), np.uint8)
    shares[kind, :, : SIDE // 2] = 255
    return ParsedFace(shares, np.where(hidden[:, None], 1.0, SIDE - 1.0).repeat(2, axis=1).astype(np.float32))


def _error(face: TrackedFace, truth: Floats) -> float:
    apart = np.linalg.norm(face.landmarks.points[_HIDDEN, :2] - truth[_HIDDEN, :2], axis=1)
    return float(apart.mean() / np.linalg.norm(truth[33, :2] - truth[263, :2]))


def _steadied(kind: FaceClass, moved: Floats) -> tuple[float, float]:
    """Return the error of hidden landmarks as given and as held, after the face has been seen bare for a while."""
    memory, bare = HiddenLandmarks(), _face().landmarks.points
    for _ in range(5):
        memory.held((_face(),), {})
    truth: Floats = bare + moved
    guessed = truth.copy()
    guessed[_HIDDEN, :2] += np.array([9, -14], np.float32)
    (held,) = memory.held((_face(guessed),), {1: _parsed(_HIDDEN, kind)})
    assert np.array_equal(held.landmarks.points[~_HIDDEN], guessed[~_HIDDEN])
    return _error(_face(guessed), truth), _error(held, truth)


def test_landmarks_under_a_hand_are_placed_by_those_that_are_seen() -> None:
    for moved in ((0, 0, 0), (25, -10, 0)):
        raw, held = _steadied(FaceClass.HAND, np.array(moved, np.float32))
        assert raw > 0.03
        assert held < 0.25 * raw


def test_under_strands_of_hair_and_rims_the_mesh_is_trusted() -> None:
    for kind in (FaceClass.HAIR, FaceClass.RIM, FaceClass.LENS, FaceClass.BEARD):
        raw, held = _steadied(kind, np.zeros(3, np.float32))
        assert held == raw


def test_a_face_hidden_almost_wholly_and_one_never_seen_bare_are_left_to_the_mesh() -> None:
    memory, most = HiddenLandmarks(), np.arange(478) % 5 != 0
    (first,) = memory.held((_face(),), {1: _parsed(_HIDDEN)})
    assert np.array_equal(first.landmarks.points, _face().landmarks.points)
    away: Floats = _face().landmarks.points + np.float32(3)
    (covered,) = memory.held((_face(away),), {1: _parsed(most)})
    assert np.array_equal(covered.landmarks.points, away)


def test_what_is_seen_again_is_the_mesh_s_and_another_stream_begins_with_nothing() -> None:
    memory = HiddenLandmarks()
    memory.held((_face(),), {})
    smiling: Floats = _face().landmarks.points.copy()
    smiling[61, :2] += 4
    (seen,) = memory.held((_face(smiling),), {1: _parsed(np.zeros(478, bool))})
    assert np.array_equal(seen.landmarks.points, smiling)
    memory = HiddenLandmarks()
    (after,) = memory.held((replace(_face(smiling), age=1),), {1: _parsed(_HIDDEN)})
    assert np.array_equal(after.landmarks.points, smiling)


def test_of_a_face_behind_another_nothing_is_held_or_learnt() -> None:
    memory = HiddenLandmarks()
    for _ in range(5):
        memory.held((_face(),), {})
    guessed = (_face().landmarks.points + 6 * _HIDDEN[:, None]).astype(np.float32)
    (seen,) = memory.held((_face(guessed),), {1: _parsed(_HIDDEN)}, {1})
    assert np.array_equal(seen.landmarks.points, guessed)
    (after,) = memory.held((_face(guessed),), {1: _parsed(_HIDDEN)})
    assert np.array_equal(after.landmarks.points, guessed), "what was guessed behind another face is no memory"
