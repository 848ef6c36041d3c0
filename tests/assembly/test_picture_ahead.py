"""Picture begun in a thread: the same faces as without one, and its errors where its results are asked for."""

import threading
from functools import cache
from pathlib import Path

import pytest

from mien.assembly import factory
from mien.assembly.picture_ahead import PictureAhead
from mien.errors import UnreadableMedia
from mien.media.files.picture_read import Picture, read_picture
from mien.models.library.store import Store
from mien.settings import Settings


@cache
def _models() -> factory.Models:
    return factory.open_models(Settings(), Store())


def _hopper(examples: Path) -> Picture:
    settings = Settings()
    return read_picture(examples / "grace_hopper.jpg", max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)


def test_the_faces_are_those_of_the_tracker(examples: Path) -> None:
    expected = factory.open_picture_tracker(Settings(), _models()).update(_hopper(examples).frame)
    with PictureAhead(lambda: _hopper(examples), Settings(), _models()) as ahead:
        (face,) = ahead.faces()
        assert (ahead.picture().frame.image == _hopper(examples).frame.image).all()
        assert ahead.content() is not None
    assert face.track_id == expected[0].track_id
    assert face.landmarks.points.tobytes() == expected[0].landmarks.points.tobytes()


def test_an_error_of_the_picture_comes_from_where_it_is_asked_for() -> None:
    def refuse() -> Picture:
        raise UnreadableMedia("torn", "another")

    with PictureAhead(refuse, Settings(), _models()) as ahead:
        ahead.content()
        with pytest.raises(UnreadableMedia, match="torn"):
            ahead.picture()
        with pytest.raises(UnreadableMedia, match="torn"):
            ahead.faces()


def test_an_error_beside_it_waits_for_its_thread_and_drops_what_has_not_begun(examples: Path) -> None:
    begun, going = threading.Event(), threading.Event()

    def read() -> Picture:
        begun.set()
        assert going.wait(60)
        return _hopper(examples)

    def interrupt() -> None:
        with ahead:
            assert begun.wait(60)
            going.set()
            raise KeyboardInterrupt

    before, ahead = threading.active_count(), PictureAhead(read, Settings(), _models())
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert threading.active_count() == before
    assert ahead.picture().frame.image.size


def test_where_others_are_hidden_all_faces_are_searched() -> None:
    ahead = PictureAhead(lambda: pytest.fail("not entered"), Settings(faces=1), _models(), "blur")
    assert ahead.tracker.settings.faces > 1
