"""Mark of an output file whose target may be marked already."""

import numpy as np
import pytest

from mien.batch import marking
from mien.batch.marking import FileMark
from mien.media.files.mark_strength import video_need
from mien.provenance.mark.decoder import MarkFound
from mien.provenance.mark.pattern import Marker
from mien.types import Image
from tests.support.marked import ID, clip_frames, find, least_z, marked, resized, written
from tests.support.portraits import HOPPER, read


@pytest.fixture(scope="module")
def small_frames() -> list[Image]:
    """50 frames of the bundled clip from 2 s on, 640 x 360: computed, soft and in motion, the hardest to mark of all."""
    return [resized(frame, 640, 360) for frame in clip_frames(50, 50)]


def test_what_follows_a_marked_beginning_is_marked_too(small_frames: list[Image]) -> None:
    """1.5 s of an output of ours, joined with 2 s without a mark, and written at the least quality."""
    strength = video_need("h264").strength(50)
    beginning = written([marked(frame, strength=strength) for frame in small_frames[:37]], "h264", 50)
    target = [*beginning, *small_frames]
    layer = FileMark([target[start : start + 24] for start in (0, 21, 42, 63)], strength)
    output = [frame.copy() for frame in target]
    for frame in output:
        layer.mark(frame)
    assert layer.mark_ids == {ID}
    assert least_z(written(output, "h264", 50), ID) > 9


def test_a_mark_that_begins_late_is_the_only_one(small_frames: list[Image]) -> None:
    target = [*(frame.copy() for frame in small_frames[:30]), *(marked(frame) for frame in small_frames[:30])]
    layer = FileMark([target[:24], target[36:]], 1.0)
    for frame in target:
        layer.mark(frame)
        assert layer.mark_id == ID
    assert least_z(target, ID) > 9


def test_what_is_marked_already_is_only_topped_up(small_frames: list[Image]) -> None:
    target = [marked(frame) for frame in small_frames[:16]]
    layer = FileMark([target], 1.0)
    for frame in target:
        layer.mark(frame)
    found = find(*target)
    assert found is not None
    assert found.mark_id == ID
    assert 1.2 < found.strength < 1.6


@pytest.mark.parametrize(("z", "taken"), [(8.0, False), (12.0, True)])
def test_a_weak_reading_does_not_change_the_id(monkeypatch: pytest.MonkeyPatch, z: float, taken: bool) -> None:
    layer = FileMark([[marked(read(HOPPER))]], 1.0)
    monkeypatch.setattr(marking, "find_mark", lambda images: MarkFound(0x123456, z, 1.0, 0.0, False, 0.5, 1))
    layer.mark(read(HOPPER))
    assert layer.mark_ids == ({ID, 0x123456} if taken else {ID})
    assert layer.mark_id == (0x123456 if taken else ID)


def test_each_part_of_a_film_is_marked_as_if_it_were_the_first() -> None:
    """A part begins with the plan's id, also after one in which the target's own mark was read."""
    image = np.full((360, 640, 3), 120, np.uint8)
    other_mark = image.copy()
    Marker(0x1234, strength=1.0).mark(other_mark)
    mark = FileMark((), 1.0, first_id=0x77)
    alone = FileMark((), 1.0, first_id=0x77)
    mark.mark(other_mark)
    assert mark.mark_id == 0x1234
    mark.begin_part()
    one, other = image.copy(), image.copy()
    mark.mark(one)
    alone.mark(other)
    assert mark.mark_id == 0x77
    assert np.array_equal(one, other)
    assert mark.mark_ids == {0x77, 0x1234}
