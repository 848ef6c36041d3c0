"""A photo that waits for a check: kept while a page asks for it, deleted once its host has left."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien.studio.session.waiting_photo import LEFT_S, Photo, WaitingPhoto


class Hours:
    """A clock that goes on when it is told to, and calls then what is due."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, function: Callable[[], None]) -> Callable[[], None]:
        due = self.now_s + seconds, function
        self._due.append(due)
        return lambda: self._due.remove(due) if due in self._due else None

    @property
    def is_waited_for(self) -> bool:
        return bool(self._due)

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds
        due = [function for at_s, function in self._due if at_s <= self.now_s]
        self._due = [each for each in self._due if each[0] > self.now_s]
        for function in due:
            function()


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def waiting(hours: Hours) -> WaitingPhoto:
    return WaitingPhoto(lambda: hours.now_s, hours.later)


def _photo(folder: Path, name: str = "anna.jpg") -> Photo:
    path = folder / name
    path.write_bytes(b"a picture")
    return Photo(path, name)


def test_a_photo_whose_host_has_left_is_deleted(hours: Hours, waiting: WaitingPhoto, tmp_path: Path) -> None:
    photo = _photo(tmp_path)
    waiting.put(photo)
    hours.pass_by(LEFT_S)
    assert (waiting.name, photo.path.exists()) == ("", False)


def test_it_waits_as_long_as_a_page_asks(hours: Hours, waiting: WaitingPhoto, tmp_path: Path) -> None:
    photo = _photo(tmp_path)
    waiting.put(photo)
    for _ in range(10):
        hours.pass_by(60.0)  # as often as a hidden page may
        waiting.asked()
    assert (waiting.name, photo.path.exists()) == ("anna.jpg", True)
    hours.pass_by(LEFT_S)
    assert (waiting.name, photo.path.exists()) == ("", False)


def test_another_photo_has_its_own_time(hours: Hours, waiting: WaitingPhoto, tmp_path: Path) -> None:
    waiting.put(_photo(tmp_path))
    hours.pass_by(LEFT_S - 1)
    waiting.put(_photo(tmp_path, "bob.jpg"))
    assert [each.name for each in tmp_path.iterdir()] == ["bob.jpg"]
    hours.pass_by(LEFT_S - 1)
    assert waiting.name == "bob.jpg"
    hours.pass_by(1)
    assert list(tmp_path.iterdir()) == []


def test_a_photo_that_a_check_has_taken_is_left_to_it(hours: Hours, waiting: WaitingPhoto, tmp_path: Path) -> None:
    photo = _photo(tmp_path)
    waiting.put(photo)
    assert waiting.take() is photo
    assert waiting.take() is None
    assert not hours.is_waited_for
    assert photo.path.exists()
