"""`mien people` on real faces: two people in a clip and a picture are found, and found again."""

import json
import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.assembly.people_search import PeopleSearch
from mien.commands.main import main
from mien.errors import Cancelled
from mien.settings import Settings, table
from mien.swap.people.corrections import read_people
from mien.swap.people.gathering import FoundPeople
from mien.swap.people.template import nearest, template_of_photo
from mien.types import Image
from tests.support.portraits import COLLINS, HOPPER, models, portrait, recogniser


def beside() -> Image:
    """Collins on the left, Hopper on the right, 640 x 360."""
    halves = [cv2.resize(portrait(path).image, (320, 360), interpolation=cv2.INTER_AREA) for path in (COLLINS, HOPPER)]
    return np.asarray(np.hstack(halves), np.uint8)


def written(path: Path, frames: list[Image]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collins alone for 1 s, nobody for 1 s, then both for 1.5 s."""
    both = beside()
    alone = both.copy()
    alone[:, 320:] = 90
    nobody = np.full_like(both, 90)
    return written(tmp_path_factory.mktemp("clip") / "two.mp4", [alone] * 10 + [nobody] * 10 + [both] * 15)


def test_people_of_a_clip_and_a_picture_are_found_and_found_again(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "film.people"
    assert main(["people", str(clip), str(HOPPER), "-o", str(place)]) == 0
    assert "2 people in 2 files" in capsys.readouterr().err
    known = read_people(place)
    assert [person.number for person in known.people] == [1, 2]
    assert [{each.film for each in person.stretches} for person in known.roster.people] == [{0}, {0, 1}]
    first = known.roster.people[0].stretches
    assert [each.start_s for each in first] == [0.0, 2.0]
    assert [each.end_s for each in first] == pytest.approx([1.0, 3.5], abs=0.11)
    for number, path in enumerate((COLLINS, HOPPER)):
        photo = template_of_photo(portrait(path).descriptor)
        assert nearest(photo, [each.templates for each in known.people], recogniser().limits.protect) == number
    assert known.roster.film_number(clip) == 0
    assert (place / "contact.jpg").stat().st_size > 5000


def test_only_settings_that_count_are_offered(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["people", "--help"])
    offered = set(re.findall(r"^  (--[a-z-]+) ", capsys.readouterr().out, re.MULTILINE))
    tracking = {row.flag for row in table() if row.group == "tracking"}
    models = {"--device", "--precision"}
    assert offered == tracking | models | {"--max-pixels", "--max-bytes", "--overwrite", "--quiet", "--config", "--recogniser"}


@pytest.mark.parametrize("name", ["yunet", "nobody", "arcface_w600k_r50"])
def test_a_recogniser_that_cannot_be_used_is_refused_before_the_work(
    name: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "film.people"
    assert main(["people", str(clip), "-o", str(place), "--recogniser", name]) != 0
    assert name in capsys.readouterr().err
    assert not place.exists()


def test_a_folder_that_exists_is_refused_before_the_work(clip: Path, tmp_path: Path) -> None:
    place = tmp_path / "film.people"
    place.mkdir()
    (place / "people.json").write_text("{}")
    assert main(["people", str(clip), "-o", str(place)]) == 5
    assert json.loads((place / "people.json").read_text()) == {}


def test_a_film_without_a_face_and_one_that_is_damaged_write_nothing(clip: Path, tmp_path: Path) -> None:
    empty = written(tmp_path / "empty.mp4", [np.full((360, 640, 3), 90, np.uint8)] * 5)
    assert main(["people", str(empty), "-o", str(tmp_path / "a")]) == 6
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(clip.read_bytes()[:200])
    assert main(["people", str(clip), str(damaged), "-o", str(tmp_path / "b")]) == 4
    assert main(["people", str(tmp_path / "none.mp4"), "-o", str(tmp_path / "c")]) == 4
    assert sorted(each.name for each in tmp_path.iterdir()) == ["damaged.mp4", "empty.mp4"]


def test_faces_too_small_to_tell_are_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = np.full((360, 640, 3), 90, np.uint8)
    frame[100:190, 200:360] = cv2.resize(beside(), (160, 90), interpolation=cv2.INTER_AREA)
    small = written(tmp_path / "small.mp4", [frame] * 6)
    assert main(["people", str(small), "-o", str(tmp_path / "a"), "--detect-size", "640"]) == 6
    assert "none is seen well enough" in capsys.readouterr().err


def test_cards_appear_while_a_film_is_read_and_it_can_be_stopped(tmp_path: Path) -> None:
    film = written(tmp_path / "long.mp4", [beside()] * 70)
    seen: list[FoundPeople] = []
    steps: list[int] = []
    search = PeopleSearch(models(), recogniser(), Settings(), lambda film, step: steps.append(step.frames), seen.append)
    assert len(search.run([film]).people) == 2
    assert len(seen[0].people) == 2
    assert steps == list(range(1, 71))

    class Stop:
        def is_set(self) -> bool:
            return len(steps) > 75

    stopped = PeopleSearch(
        models(), recogniser(), Settings(), lambda film, step: steps.append(step.frames), cancel=Stop()  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(Cancelled):
        stopped.run([film])
    assert len(steps) == 76


@pytest.mark.parametrize("clips", [["sign_eat.mkv", "sign_no.mkv", "sign_again.mkv", "sign_hungry.mkv", "sign_want.mkv"]])
def test_people_of_real_clips(media: Path, clips: list[str], tmp_path: Path) -> None:
    place = tmp_path / "a"
    assert main(["people", *(str(media / "clips" / name) for name in clips), "-o", str(place)]) == 0
    found = {frozenset(each.film for each in person.stretches) for person in read_people(place).roster.people}
    assert found == {frozenset({0}), frozenset({1, 2}), frozenset({3, 4})}
