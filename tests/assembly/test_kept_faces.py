"""People to keep by the numbers of their cards: of a named folder, of the one beside the target, and of none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.assembly import factory
from mien.assembly.kept_faces import KeptFaces, cards_named
from mien.commands.main import main
from mien.errors import UsageError
from mien.settings import Settings
from mien.swap.people.corrections import read_people
from mien.swap.people.roster import film_at
from mien.types import Image
from tests.support import portraits
from tests.support.clips import Clip, make
from tests.support.portraits import COLLINS, HOPPER
from tests.support.rosters import roster, written
from tests.support.two_people import RATE, two_people


def _beside() -> Image:
    """Hopper on the left, Collins on the right, 640 x 375."""
    return np.hstack([np.asarray(cv2.resize(portraits.read(path), (320, 375)), np.uint8) for path in (HOPPER, COLLINS)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with film.png of two people, and film.people with their cards."""
    folder = tmp_path_factory.mktemp("film")
    cv2.imwrite(str(folder / "film.png"), _beside())
    assert main(["people", str(folder / "film.png"), "-o", str(folder / "film.people"), "--quiet"]) == 0
    return folder


def _faces(image: Image) -> int:
    return len(portraits.models().photo_detector.detect(image))


def _anonymise(*arguments: object) -> int:
    return main(["anonymise", *(str(argument) for argument in arguments), "--quiet"])


def _seen(out: Path) -> tuple[int, int]:
    """Faces in the left and in the right half."""
    result = portraits.read(out)
    return _faces(result[:, :320]), _faces(result[:, 320:])


@pytest.mark.parametrize("keep", [("person-1",), ("person-1", "--people", "film.people"), ("film.people/1",)])
def test_the_person_of_a_card_stays_and_the_other_is_hidden(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: Sequence[str]
) -> None:
    monkeypatch.chdir(place)
    out = tmp_path / "out.png"
    assert _anonymise("film.png", "-o", out, "--keep", *keep) == 0
    assert _seen(out) == (1, 0)


def test_each_target_has_the_cards_beside_it_and_one_without_is_not_written(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, out = tmp_path / "other.png", tmp_path / "out"
    cv2.imwrite(str(other), _beside())
    assert _anonymise(other, place / "film.png", "-o", out, "--keep", "person-2") == 2
    assert "no cards of people for other.png" in capsys.readouterr().err
    assert _seen(out / "film.png") == (0, 1)
    assert not (out / "other.png").exists()


def test_the_models_are_opened_once_for_all_targets(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    open_models = factory.open_models

    def counted(*arguments: object, **options: object) -> factory.Models:
        opened.append(arguments)
        return open_models(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(factory, "open_models", counted)
    copy = tmp_path / "copy.png"
    cv2.imwrite(str(copy), _beside())
    assert _anonymise(place / "film.png", copy, "-o", tmp_path / "out", "--keep", HOPPER) == 0
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("names", "people", "words"),
    [
        (("person-3",), "film.people", "no person 3"),
        (("film.people/3",), None, "no person 3"),
        (("film.people",), None, "is a folder of people"),
        (("person-1",), "nowhere", "no cards of people in nowhere"),
        ((str(HOPPER),), "film.people", "--people says nothing"),
        ((), "film.people", "--people says nothing"),
    ],
)
def test_names_of_nobody_are_refused_before_any_search(
    place: Path, monkeypatch: pytest.MonkeyPatch, names: Sequence[str], people: str | None, words: str
) -> None:
    monkeypatch.chdir(place)
    target = Path("film.png")
    with pytest.raises(UsageError, match=words):
        KeptFaces(Settings()).watcher(cards_named(names, target, None if people is None else Path(people)), target)


def test_at_times_that_are_struck_out_on_the_card_the_face_is_hidden(tmp_path: Path) -> None:
    """`not` says that the face of these times is somebody else's, who has not agreed to be shown."""
    film, out = two_people(HOPPER, COLLINS, tmp_path / "film.mp4"), tmp_path / "out.mp4"
    assert main(["people", str(film), "-o", str(tmp_path / "film.people"), "--quiet"]) == 0
    people = read_people(tmp_path / "film.people").roster.people
    (stays,) = (each.number for each in people if each.stretches[-1].end_s > 2)
    sheet = tmp_path / "film.people" / "people.toml"
    sheet.write_text(sheet.read_text().replace(f"[person.{stays}]", f'[person.{stays}]\nnot = ["00:00-00:01"]'))
    assert _anonymise(film, "-o", out, "--keep", f"person-{stays}") == 0
    with av.open(str(out)) as file:
        shown = [_faces(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)) for frame in file.decode(video=0)]
    assert shown[: RATE + 1] == [0] * (RATE + 1)
    assert shown[2 * RATE] == 1


def test_struck_out_times_count_from_where_a_player_begins(tmp_path: Path) -> None:
    """The clock of this stream shows 4 s at its first frame."""
    film, folder = tmp_path / "film.ts", tmp_path / "film.people"
    make(film, Clip(format="mpegts", frames=50, times=[100 + index for index in range(50)], sounds=()))
    folder.mkdir()
    written(folder, replace(roster(1), films=(film_at(film, 20.0),)), '[person.1]\nnot = ["00:00.5-00:01"]')
    kept = KeptFaces(Settings()).watcher([str(folder / "1")], film)
    (person,) = kept._people
    assert [person.may_be(time_s) for time_s in (0.7, 4.4, 4.6, 4.9, 5.1)] == [True, True, False, False, True]
