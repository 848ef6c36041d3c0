"""Mappings as they are typed: wrong requests are refused in one line before any work, right ones are worn."""

import re
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mien.assembly import factory, stand_ins
from mien.assembly.cast_plan import CastPlan
from mien.assembly.source_photos import person_of_photo
from mien.commands.main import main
from mien.provenance.credentials.read import read_credentials
from mien.settings import Settings
from mien.swap.cast import TREATMENTS
from mien.types import Frame, Image
from tests.support.portraits import COLLINS, HOPPER, models, portrait, read, recogniser
from tests.support.rosters import roster, written


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of two people side by side."""
    path = tmp_path_factory.mktemp("pair") / "pair.png"
    cv2.imwrite(str(path), both())
    return path


def both() -> Image:
    sides = [cv2.resize(read(path), (480, 560), interpolation=cv2.INTER_AREA) for path in (COLLINS, HOPPER)]
    return np.ascontiguousarray(np.hstack(sides), np.uint8)


def photo_of(path: Path, folder: Path, name: str) -> Path:
    """Another photo of the same person: mirrored, smaller, saved as JPEG."""
    other = folder / name
    cv2.imwrite(str(other), np.ascontiguousarray(cv2.resize(read(path), None, fx=0.7, fy=0.7)[:, ::-1]))
    return other


def make_film(path: Path, image: Image, frames: int = 6, begins: int = 0) -> Path:
    """A film of one picture, 30 frames a second; its clock begins at the time of frame `begins`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width, stream.pix_fmt = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2, "yuv420p"
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(image[: stream.height, : stream.width].copy(), format="bgr24")
            frame.pts, frame.time_base = begins + index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def swap(tmp_path: Path, *words: object) -> int:
    return main(["swap", *map(str, words), "--data", str(tmp_path / "data")])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return " ".join(text.split())


def test_two_people_of_a_picture_wear_two_faces(pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    eileen, grace = photo_of(COLLINS, tmp_path, "eileen.jpg"), photo_of(HOPPER, tmp_path, "grace.jpg")
    out = tmp_path / "out.png"
    mapping = "--map", f"{eileen}=stand-in-1", "--map", f"{grace}={COLLINS}"
    assert swap(tmp_path, *mapping, pair, "-o", out) == 2
    assert "no consent was given for this face" in said(capsys)
    assert not out.exists()
    assert swap(tmp_path, *mapping, pair, "-o", out, "--consent", f"{COLLINS}=public-domain") == 0
    assert "2 faces swapped" in said(capsys)
    assert sorted(str(each.basis) for each in read_credentials(out).consents) == ["public-domain", "synthetic"]
    assert main(["verify", str(out), "--data", str(tmp_path / "data")]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"consent 1 synthetic, [\d-]+, for stand-in-1\.jpg consent 2 public-domain, [\d-]+, for eileen_collins\.png", words
    )
    assert main(["verify", str(out), "--data", str(tmp_path / "elsewhere")]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert re.search(r"consent 1 synthetic, [\d-]+ consent 2 public-domain, [\d-]+ mark", words), "no names in the file"


def test_each_wears_what_they_would_wear_alone(pair: Path, tmp_path: Path) -> None:
    """The same pixels as when everyone wears the one face, or the other."""
    sources = [stand_ins.open_stand_in(f"stand-in-{number}", models()) for number in (1, 2)]
    people = [
        person_of_photo(photo_of(path, tmp_path, f"{number}.jpg"), Settings(), models(), recogniser())
        for number, path in enumerate((COLLINS, HOPPER))
    ]
    mapped, left, right = (
        factory.open_picture_pipeline(Settings(), models(), worn).swap_frame(Frame(both(), 0, 0, 1))  # type: ignore[arg-type]
        for worn in (CastPlan(members=tuple(zip(people, sources, strict=True))), *sources)
    )
    assert mapped.swapped == 2
    middle = both().shape[1] // 2
    assert np.array_equal(mapped.frame.image[:, : middle - 40], left.frame.image[:, : middle - 40])
    assert np.array_equal(mapped.frame.image[:, middle + 40 :], right.frame.image[:, middle + 40 :])
    assert not np.array_equal(left.frame.image, right.frame.image)


def test_a_person_without_a_mapping_is_not_touched(pair: Path, tmp_path: Path) -> None:
    eileen = person_of_photo(photo_of(COLLINS, tmp_path, "eileen.jpg"), Settings(), models(), recogniser())
    source, middle = stand_ins.open_stand_in("stand-in-1", models()), both().shape[1] // 2
    for others in TREATMENTS[::2]:
        plan = CastPlan(others=others, members=((eileen, source),))
        frame = Frame(both(), 0, 0, Fraction(1))
        result = factory.open_picture_pipeline(Settings(), models(), plan).swap_frame(frame)
        assert result.swapped == 1
        same = np.array_equal(result.frame.image[:, middle + 40 :], both()[:, middle + 40 :])
        assert same == (others == "leave")
        assert not np.array_equal(result.frame.image[:, :middle], both()[:, :middle])


def test_everyone_else_of_a_crowd_is_hidden() -> None:
    small = [cv2.resize(read(path), (160, 190), interpolation=cv2.INTER_AREA) for path in (COLLINS, HOPPER)]
    crowd = np.ascontiguousarray(np.vstack([np.hstack(small * 5)] * 4), np.uint8)
    plan = CastPlan(stand_ins.open_stand_in("stand-in-1", models()), "largest", "cover")
    pipeline = factory.open_picture_pipeline(Settings(faces=3), models(), plan)
    result = pipeline.swap_frame(Frame(crowd.copy(), 0, 0, Fraction(1)))
    assert result.swapped == 1
    left = models().photo_detector.detect(result.frame.image)
    assert len(result.faces) == 40
    assert len(left) <= 1


def test_a_film_says_who_wore_what_and_who_was_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    eileen, grace = photo_of(COLLINS, tmp_path, "eileen.jpg"), photo_of(HOPPER, tmp_path, "grace.jpg")
    film, out = make_film(tmp_path / "film.mp4", portrait(COLLINS).image), tmp_path / "out.mp4"
    mapping = "--map", f"{eileen}=stand-in-1", "--map", f"{grace}=stand-in-2"
    assert swap(tmp_path, *mapping, film, "-o", out) == 0
    words = said(capsys)
    assert f"{eileen}: stand-in-1 worn in 6 of 6 frames" in words
    assert f"{grace} was not found in film.mp4; nobody wears stand-in-2" in words
    out.unlink()
    assert swap(tmp_path, "--map", f"{grace}=stand-in-2", film, "-o", out) == 6
    assert f"none of {grace} was found in film.mp4" in said(capsys)
    assert not out.exists()
    assert swap(tmp_path, "stand-in-2", film, "-o", out, "--me", eileen, "--others", "cover") == 0
    assert "watch all of it" in said(capsys)


def test_cards_name_people_by_number_and_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, out = make_film(tmp_path / "film.mp4", portrait(COLLINS).image), tmp_path / "out.mp4"
    assert main(["people", str(film), "-o", str(tmp_path / "film.people"), "--quiet"]) == 0
    assert swap(tmp_path, "--map", "1=stand-in-1", film, "-o", out) == 0
    assert "person 1: stand-in-1 worn in 6 of 6 frames" in said(capsys)
    assert swap(tmp_path, "--map", "2=stand-in-1", film, "-o", out) == 2
    assert "there is no person 2 the cards have 1 to 1, without names" in said(capsys)
    sheet = tmp_path / "film.people" / "people.toml"
    (tmp_path / "film.people" / "bob.png").write_bytes(HOPPER.read_bytes())
    sheet.write_text('[person.1]\nname = "Eileen"\nwear = "bob.png"\n', "utf-8")
    assert swap(tmp_path, "--map", sheet, film, "-o", out, "--overwrite", "--consent", "public-domain") == 0
    assert "person 1 (Eileen): bob.png worn in 6 of 6 frames" in said(capsys)
    assert swap(tmp_path, "--map", "Eileen=stand-in-1", "--map", "1=stand-in-2", film, "-o", out) == 2
    assert "person 1 (Eileen) is mapped twice" in said(capsys)
    assert swap(tmp_path, "--map", "Grace=stand-in-1", film, "-o", out) == 2
    assert "there is no person Grace the cards have 1 to 1; named are Eileen" in said(capsys)
    sheet.write_text('[person.1]\nwear = "stand-in-5"\nnot = ["0:00.15-0:02"]', "utf-8")
    assert swap(tmp_path, "--map", sheet, film, "-o", out, "--overwrite") == 0
    words = said(capsys)
    assert "person 1: stand-in-5 worn in 5 of 6 frames" in words
    assert "none of the films" not in words
    other = make_film(tmp_path / "other.mp4", portrait(COLLINS).image, 7)
    assert swap(tmp_path, "--map", sheet, other, "-o", out, "--overwrite") == 0
    words = said(capsys)
    assert "person 1: stand-in-5 worn in 7 of 7 frames" in words
    assert "other.mp4 is none of the films of the cards" in words
    with film.open("ab") as file:
        file.write(b"more")
    assert swap(tmp_path, "--map", "1=stand-in-1", film, "-o", out, "--overwrite") == 2
    assert "has changed since people were looked for in it" in said(capsys)


def test_struck_out_times_count_from_where_a_player_begins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The clock of a transport stream begins anywhere: here it shows more than a second at the first frame."""
    film, out = make_film(tmp_path / "film.ts", portrait(COLLINS).image, 30, 60), tmp_path / "out.mp4"
    with av.open(str(film)) as container:
        assert container.start_time > 10**6
    assert main(["people", str(film), "-o", str(tmp_path / "film.people"), "--quiet"]) == 0
    sheet = tmp_path / "film.people" / "people.toml"
    assert "00:00.0-00:01.0" in sheet.read_text()
    sheet.write_text('[person.1]\nnot = ["00:00-00:00.25"]\n')
    assert swap(tmp_path, "--map", "1=stand-in-1", film, "-o", out) == 0
    assert "person 1: stand-in-1 worn in 22 of 30 frames" in said(capsys)


WRONG = {
    "same file": (["--map", "A=A", "F"], "is to wear its own face"),
    "one person twice": (["--map", "A=B", "--map", "A2=B", "F"], "are one person"),
    "same words twice": (["--map", "A=B", "--map", "A=stand-in-1", "F"], "is mapped twice"),
    "nobody in the photo": (["--map", "N=B", "F"], "no face was found in the photo"),
    "several in the photo": (["--map", "P=B", "F"], "use a photo of this person alone"),
    "several in the source": (["--map", "A=P", "F", "--consent", "self"], "use a photo of this person alone"),
    "photo beside a map": (["B", "F", "--map", "A=B"], "omit PHOTO"),
    "no cards": (["--map", "1=B", "F"], "no cards with numbers in"),
    "missing": (["--map", "A=missing.jpg", "F"], "missing.jpg does not exist"),
    "no face named": (["--map", "A", "F"], "names no face to wear"),
    "half": (["--map", "=B", "F"], "is not whole"),
    "contradiction": (["--map", "A=B", "F", "--who", "largest"], "contradict each other"),
    "mapped without a map": (["B", "F", "--who", "mapped"], "says nothing without --map"),
    "me without a photo": (["B", "F", "--who", "me"], "belong together"),
    "others of everyone": (["B", "F", "--others", "blur"], "says nothing where everyone wears the face"),
    "no target": (["--me", "A", "B"], "there is no target"),
    "a stranger's consent": (["--map", "A=B", "F", "--consent", "A=self"], "which nobody is to wear"),
    "no consent": (["B", "F", "--consent", "finders-keepers"], "invalid consent"),
    "further photos of whom": (["--map", "A=B", "F", "--also", "A2"], "are for a single PHOTO"),
    "people of whom": (["B", "F", "--people", "X"], "says nothing without --map"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_one_line_and_leaves_nothing(
    name: str, pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags, expected = WRONG[name]
    blank = tmp_path / "blank.png"
    cv2.imwrite(str(blank), np.full((300, 300, 3), 90, np.uint8))
    (tmp_path / "again.png").write_bytes(COLLINS.read_bytes())
    files = {"A": COLLINS, "A2": tmp_path / "again.png", "B": HOPPER, "N": blank, "P": pair, "F": pair}
    words = ["=".join(str(files.get(part, part)) for part in flag.split("=")) for flag in flags]
    assert swap(tmp_path, *words, "-o", tmp_path / "out.png") in {2, 3, 4}
    assert expected in said(capsys)
    assert not (tmp_path / "out.png").exists()


SHEETS = {
    "wrong number": ('[person.201]\nwear = "a.png"', "there is no person '201'; the cards have 1 to 200"),
    "wrong name": ('[person.1]\nname = "7"\nwear = "a.png"', "the name 7 could be taken for a number"),
    "wrong key": ('[person.1]\nwears = "a.png"', "unknown key 'wears'"),
    "two of one name": ('[person.1]\nname = "A"\n[person.2]\nname = "A"', "persons 1 and 2 have the same name"),
    "wrong times": ('[person.1]\nwear = "a.png"\nnot = ["0:20-0:10"]', "it ends before it starts"),
    "times beyond the film": ('[person.1]\nnot = ["1:00:00-1:00:01"]', "the film lasts 1000 s"),
    "all times": ('[person.1]\nnot = ["0:00-1:00"]', "strikes out every view"),
    "merged twice": ("[person.1]\nmerge = [3]\n[person.2]\nmerge = [3]", "person 3 is merged into 1 and into 2"),
    "half a line": ("[person.1", "at the end of a table declaration"),
    "nobody wears": ('[person.1]\nname = "Ann"', "gives nobody a face to wear"),
    "no such photo": ('[person.1]\nwear = "none.png"', "none.png does not exist"),
    "a photo of nobody": ('[person.1]\nwear = "blank.png"', "no face was found in the photo"),
    "a photo of several": ('[person.1]\nwear = "pair.png"', "use a photo of this person alone"),
    "a photo that is none": ('[person.1]\nwear = "people.json"', "neither a picture nor a video"),
    "too many": ("".join(f'[person.{n}]\nwear = "{n}.png"\n' for n in range(1, 201)), "more than 16 faces to wear"),
}


@pytest.mark.parametrize("name", SHEETS)
def test_a_wrong_sheet_is_one_line_and_leaves_nothing(
    name: str, pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "film.people"
    folder.mkdir()
    sheet = written(folder, roster(200), SHEETS[name][0])
    cv2.imwrite(str(folder / "blank.png"), np.full((300, 300, 3), 90, np.uint8))
    (folder / "pair.png").write_bytes(pair.read_bytes())
    before = sorted(folder.iterdir())
    assert swap(tmp_path, "--map", sheet, pair, "-o", tmp_path / "out.png", "--consent", "self") in {2, 3, 4}
    assert SHEETS[name][1] in said(capsys)
    assert sorted(folder.iterdir()) == before
    assert not (tmp_path / "out.png").exists()


def test_two_hundred_people_are_looked_for_at_once(pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "all.people"
    folder.mkdir()
    written(folder, roster(200), "".join(f'[person.{n}]\nwear = "stand-in-{1 + n % 16}"\n' for n in range(1, 201)))
    assert swap(tmp_path, "--map", folder, pair, "-o", tmp_path / "out.png") == 6
    words = said(capsys)
    assert "none of person 1, person 2, person 3, person 4, person 5 and 195 more was found in pair.png" in words
    assert not (tmp_path / "out.png").exists()


def test_more_sources_than_fit_are_refused(pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words: list[object] = []
    for number in range(17):
        photo, person = tmp_path / f"source{number}.png", tmp_path / f"person{number}.png"
        photo.write_bytes(HOPPER.read_bytes())
        person.write_bytes(COLLINS.read_bytes())
        words += ["--map", f"{person}={photo}"]
    assert swap(tmp_path, *words, pair, "-o", tmp_path / "out.png") == 2
    assert "more than 16 faces to wear" in said(capsys)


def test_a_dry_run_names_the_costumes(pair: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grace = photo_of(HOPPER, tmp_path, "grace.jpg")
    assert swap(tmp_path, "--map", f"{grace}=stand-in-3", pair, "-o", tmp_path / "out.png", "--dry-run") == 0
    assert f"{grace} would wear stand-in-3" in said(capsys)
    assert not (tmp_path / "out.png").exists()
