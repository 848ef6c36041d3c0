"""Film begun in a thread: the id of its own mark, and its errors where they are asked for."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from mien.assembly.film_ahead import FilmAhead
from mien.errors import UnreadableMedia
from mien.provenance.mark.pattern import Marker
from mien.types import Image

MARK_ID = 0x5EED01


def _marked() -> Image:
    image = np.full((360, 640, 3), 120, np.uint8)
    Marker(MARK_ID).mark(image)
    return image


def test_the_id_is_that_of_the_film() -> None:
    with FilmAhead(iter([[_marked()] * 3])) as ahead:
        assert ahead.mark_id() == MARK_ID
        assert ahead.content() is not None


def test_an_error_of_the_film_comes_from_where_it_is_asked_for() -> None:
    def torn() -> Iterator[list[Image]]:
        raise UnreadableMedia("torn", "another")
        yield []

    with FilmAhead(torn()) as ahead:
        ahead.content()
        with pytest.raises(UnreadableMedia, match="torn"):
            ahead.mark_id()


def test_an_error_beside_it_ends_the_thread_at_the_next_window() -> None:
    begun, going, windows = threading.Event(), threading.Event(), list[int]()

    def endless() -> Iterator[list[Image]]:
        while True:
            windows.append(len(windows))
            begun.set()
            assert going.wait(60)
            yield [_marked()]

    class Watched(FilmAhead):
        def __exit__(self, *error: object) -> None:
            threading.Thread(target=self._go_on_when_left).start()
            super().__exit__(*error)  # type: ignore[arg-type]

        def _go_on_when_left(self) -> None:
            assert self._left.wait(60)
            going.set()

    def interrupt() -> None:
        with Watched(endless()):
            assert begun.wait(60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert windows == [0]
