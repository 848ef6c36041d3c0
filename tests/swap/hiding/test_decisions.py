"""Decisions: an untrusted file, read strictly, that fits one target and one part of it."""

import json
from array import array
from typing import Any

import pytest

from mien.errors import UsageError
from mien.swap.hiding.cover_plan import CoverPlan
from mien.swap.hiding.decisions import MAX_BYTES, decided, read_decisions
from mien.swap.hiding.face_path import FacePath, Sighting
from mien.swap.hiding.risks import moments_of

GOOD: dict[str, Any] = {
    "mien_decisions": 1, "target_sha256": "ab" * 32, "start": None, "end": 2.5,
    "faces": [{"at": 0.4, "box": [10, 10, 30, 30], "do": "keep"}],
    "regions": [{"from": 0, "to": 1, "box": [0, 0, 5, 5]}],
}  # fmt: skip
TIMES = array("d", [number / 25 for number in range(50)])


def _bytes(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def _path(number: int, x: float, score: float = 0.9) -> FacePath:
    path = FacePath(number, last_bound=49)
    for frame in range(5, 15):
        path.add(Sighting(frame, (x - 10, 10, x + 10, 30), 0.0, score), firm=True)
    return path


def _lone(number: int, x: float) -> FacePath:
    path = FacePath(number, last_bound=49)
    path.add(Sighting(10, (x - 10, 10, x + 10, 30), 0.0, 0.35), firm=True)
    return path


def test_a_file_is_read_and_its_hash_is_kept() -> None:
    found = read_decisions(_bytes())
    assert (found.end_s, found.faces[0].covered, found.regions[0].to_s) == (2.5, False, 1.0)
    assert len(found.digest) == 64
    found.check_fits("ab" * 32, None, 2.5)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b" " * (MAX_BYTES + 1),
        _bytes(mien_decisions=2), _bytes(more=1), _bytes(target_sha256=5), _bytes(start=-1), _bytes(end="2"), _bytes(end=1e99),
        _bytes(faces={}), _bytes(faces=[1]), _bytes(faces=[{"at": 0, "box": [0, 0, 1, 1], "do": "sell"}]),
        _bytes(faces=[{"at": True, "box": [0, 0, 1, 1], "do": "keep"}]),
        _bytes(faces=[{"at": 0, "box": [0, 0, 1], "do": "keep"}]), _bytes(faces=[{"at": 0, "box": [1, 1, 0, 2], "do": "keep"}]),
        _bytes(regions=[{"from": 2, "to": 1, "box": [0, 0, 1, 1]}]), _bytes(regions=[{"from": 0, "to": 1}]),
        _bytes(regions=[{"from": 0, "to": 1, "box": [0, 0, 1e9, 1]}]), _bytes(regions=[{}] * 10_001),
        b'{"mien_decisions": 1, "target_sha256": "", "start": null, "end": NaN, "faces": [], "regions": []}',
    ],
)  # fmt: skip
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError, match="file of decisions"):
        read_decisions(content)


def test_another_film_or_part_is_refused() -> None:
    found = read_decisions(_bytes())
    with pytest.raises(UsageError, match="another file"):
        found.check_fits("cd" * 32, None, 2.5)
    with pytest.raises(UsageError, match="another part"):
        found.check_fits("ab" * 32, 1.0, 2.5)


def test_faces_are_kept_and_covered() -> None:
    left = _lone(3, 120)
    paths = [_path(1, 20), _path(2, 70), left]
    cover = {"at": 0.4, "box": [110, 10, 130, 30], "do": "cover"}
    chosen, regions = decided(read_decisions(_bytes(faces=[*GOOD["faces"], cover])), paths, TIMES, (160, 90))
    assert [path.number for path in chosen] == [2, 3]
    assert (regions[0].first, regions[0].last) == (0, 25)
    assert all(regions[0].region.holds(x, y) for x in (0.1, 4.9) for y in (0.1, 4.9))


@pytest.mark.parametrize(("size", "rate"), [(9.0, 25.0), (20.0, 25.0), (20.0, 0.5)], ids=["tiny", "usual", "a slide show"])
def test_every_moment_of_the_review_can_be_decided(size: float, rate: float) -> None:
    """A face that appears or vanishes is shown a frame beyond its cover, which begins up to 1.5 s before the face."""
    path, times = FacePath(1, last_bound=199), array("d", [number / rate for number in range(200)])
    for frame in range(90, 100):
        path.add(Sighting(frame, (300, 200, 300 + size, 200 + size), 0.0, 0.7), firm=True)
    moments, _ = moments_of([path], CoverPlan([path], times), (640, 480))
    assert len(moments) >= 2
    for moment in moments:
        decision = {"at": round(times[moment.frame], 4), "box": list(moment.box_xyxy), "do": "keep"}
        assert decided(read_decisions(_bytes(faces=[decision], regions=[])), [path], times, (640, 480)) == ([], [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"faces": [{"at": 0.4, "box": [60, 60, 80, 80], "do": "keep"}]}, "fits no face"),
        ({"faces": [{"at": 1.9, "box": [10, 10, 30, 30], "do": "keep"}]}, "fits no face"),
        ({"faces": [], "regions": [{"from": 0, "to": 1, "box": [500, 0, 600, 50]}]}, "outside the picture"),
        ({"faces": [], "regions": [{"from": 50, "to": 60, "box": [0, 0, 5, 5]}]}, "after the end"),
    ],
)
def test_decisions_that_do_not_fit_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        decided(read_decisions(_bytes(**changes)), [_path(1, 20)], TIMES, (160, 90))
