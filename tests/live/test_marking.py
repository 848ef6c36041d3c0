"""The mark of a live run: its own, the input's where there is one, and never two over each other."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from mien.live.marking import LiveMark
from mien.provenance.mark.decoder import MarkFound, MarkReader
from mien.provenance.mark.pattern import Marker
from mien.types import Frame, Image
from tests.support.live_loop import Inline
from tests.support.portraits import HOPPER


@pytest.fixture
def picture() -> Image:
    return np.asarray(cv2.imread(str(HOPPER)), np.uint8)


def marked(picture: Image, mark_id: int) -> Image:
    copy = picture.copy()
    Marker(mark_id).mark(copy)
    return copy


def frame(picture: Image, second: int) -> Frame:
    return Frame(picture.copy(), second, second, Fraction(1))


def read(picture: Image) -> MarkFound | None:
    reader = MarkReader()
    reader.add(picture)
    return reader.read()


def leaving(mark: LiveMark, arrived: Frame, *, hidden: bool = False) -> int | None:
    if hidden:
        arrived.image[:] = 60
    mark.marker(hidden=hidden).mark(arrived.image)
    found = read(arrived.image)
    return None if found is None else found.mark_id


def test_without_one_a_new_one_is_laid(picture: Image) -> None:
    first, second = (LiveMark(Inline(), lambda hashed: None) for _ in range(2))
    assert first.mark_id != second.mark_id
    for number in range(3):
        arrived = frame(picture, number)
        first.arriving(arrived)
        assert leaving(first, arrived) == first.mark_id


@pytest.mark.parametrize("hidden", [False, True])
def test_that_of_the_input_is_kept_in_shown_and_in_hidden_frames(picture: Image, hidden: bool) -> None:
    mark = LiveMark(Inline(), lambda hashed: None)
    own = mark.mark_id
    arrived = frame(marked(picture, 0xC0FFEE), 0)
    mark.arriving(arrived)
    assert leaving(mark, arrived, hidden=hidden) == mark.mark_id == 0xC0FFEE != own


def test_another_input_ends_it(picture: Image) -> None:
    mark = LiveMark(Inline(), lambda hashed: None)
    own = mark.mark_id
    mark.arriving(frame(marked(picture, 0xC0FFEE), 0))
    for look in range(1, 10):
        assert mark.mark_id == (0xC0FFEE if look <= 5 else own)
        # On a slow machine looks come up to three seconds apart.
        mark.arriving(frame(picture, 4 * look))
    mark.arriving(frame(marked(picture, 0xBEEF), 40))
    assert mark.mark_id == 0xBEEF


def test_what_leaves_is_noted_at_most_once_a_second(picture: Image) -> None:
    noted: list[int] = []
    mark = LiveMark(Inline(), noted.append)
    for number in range(90):
        mark.leaving(Frame(picture, number, number, Fraction(1, 30)))
    assert 1 <= len(noted) <= 3, "on a slow machine less often"
    assert len(set(noted)) == 1
