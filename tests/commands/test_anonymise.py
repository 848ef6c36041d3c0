"""`mien anonymise` as it is typed: what the outputs show, carry and leave out; bad input in one line each."""

import json
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as Pillow

from mien.assembly.file_hiding import file_hash
from mien.commands.anonymise_run import counted
from mien.commands.main import main
from mien.errors import MienError
from mien.provenance.credentials.read import read_credentials
from mien.swap.hiding.hider import Hider
from mien.swap.stages.cover import TUNING
from mien.types import Image
from tests.support import portraits
from tests.support.clips import resized
from tests.support.places import EXAMPLES
from tests.support.portraits import HOPPER

_END = "0.4"  # seconds of the clip: 12 frames


def _anonymise(*arguments: object) -> int:
    return main(["anonymise", *(str(argument) for argument in arguments), "--quiet"])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundled clip at 320 x 180, with its sound."""
    return resized(EXAMPLES / "clip.mp4", tmp_path_factory.mktemp("tiny") / "tiny.mp4", 320, 180)


def _frames(path: Path) -> list[Image]:
    with av.open(str(path)) as file:
        return [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in file.decode(video=0)]


def _faces(image: Image) -> int:
    return len(portraits.models().photo_detector.detect(image))


def _left_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_no_frame_of_a_video_shows_a_face(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert _anonymise(tiny, "-o", out, "--end", _END) == 0
    frames = _frames(out)
    assert len(frames) == 12
    assert [_faces(each) for each in frames] == [0] * 12
    assert _left_in(tmp_path) == {out.name, "out.mp4.hidden.json"}
    facts = json.loads((tmp_path / "out.mp4.hidden.json").read_text())
    assert facts["faces"] >= facts["clear_faces"] == 1
    assert facts["frames"] == 12


@pytest.mark.parametrize(
    ("faces", "clear", "words"),
    [
        (1, 1, "1 face"), (4, 1, "1 face and 3 places that may be faces"), (3, 2, "2 faces and 1 place that may be a face"),
        (2, 0, "2 places that may be faces"), (0, 0, "0 faces"),
    ],
)  # fmt: skip
def test_what_is_no_clear_face_is_not_counted_as_one(faces: int, clear: int, words: str) -> None:
    assert counted(faces, clear) == words


def test_credentials_say_that_faces_were_hidden_and_by_what(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert _anonymise(tiny, "-o", out, "--end", _END) == 0
    found = read_credentials(out, anchors=[])
    assert found.state == "unknown-signer"
    assert (found.engine, found.consents) == ("cover solid", ())
    assert [each.title for each in found.ingredients] == ["the original"]
    assert b"hidden, cover solid" in out.read_bytes()
    assert found.digital_source_types == ("http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits",)


def test_a_picture_keeps_nothing_of_the_face_beside_its_pixels(tmp_path: Path) -> None:
    """Exif may hold a thumbnail and names; the low bits of 16-bit pixels would show through a cover."""
    target, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    exif = Pillow.Exif()
    exif[ExifTags.Base.Artist] = "Grace Hopper"
    with Pillow.open(HOPPER) as opened:
        opened.save(target, exif=exif)
    assert _anonymise(target, "-o", out) == 0
    assert b"Grace" in target.read_bytes()
    assert b"Grace" not in out.read_bytes()
    assert _faces(portraits.read(out)) == 0
    deep, flat = tmp_path / "in.png", tmp_path / "out.png"
    small = cv2.resize(portraits.read(HOPPER), (256, 300), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(1).integers(0, 257, small.shape)
    assert cv2.imwrite(str(deep), (small.astype(np.uint16) * 256 + noise.clip(0, 255)).astype(np.uint16))
    assert _anonymise(deep, "-o", flat) == 0
    written = cv2.imread(str(flat), cv2.IMREAD_UNCHANGED)
    assert written is not None
    assert written.dtype == np.uint8
    assert np.abs(written[110, 120].astype(int) - TUNING.grey).max() < 12


def test_credentials_of_the_original_are_left_out(tmp_path: Path) -> None:
    """They may hold a thumbnail of what is hidden now."""
    swapped, out = tmp_path / "swapped.jpg", tmp_path / "out.jpg"
    assert main(["swap", str(portraits.COLLINS), str(HOPPER), "-o", str(swapped), "--consent", "public-domain", "--quiet"]) == 0
    assert _anonymise(swapped, "-o", out) == 0
    (parent,) = read_credentials(out, anchors=[]).ingredients
    assert parent.state == "none"


def test_tags_and_covers_of_a_video_are_left_out(tiny: Path, tmp_path: Path) -> None:
    target, out = tmp_path / "in.mp4", tmp_path / "out.mp4"
    with av.open(str(tiny)) as source, av.open(str(target), "w") as copy:
        copy.metadata["title"] = "Interview with Grace Hopper"
        copy.metadata["location"] = "+52.5200+013.4050/"
        video = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = video
                copy.mux(packet)
    assert _anonymise(target, "-o", out, "--end", _END) == 0
    assert b"Hopper" in target.read_bytes()
    assert b"Hopper" not in out.read_bytes()
    assert b"52.52" not in out.read_bytes()


@pytest.mark.parametrize(("sound", "streams"), [("keep", 1), ("drop", 0), ("disguise", 1)])
def test_sound_is_kept_dropped_or_disguised(tiny: Path, tmp_path: Path, sound: str, streams: int) -> None:
    out = tmp_path / "out.mp4"
    assert _anonymise(tiny, "-o", out, "--end", _END, "--sound", sound) == 0
    with av.open(str(tiny)) as source, av.open(str(out)) as made:
        assert len(made.streams.audio) == streams
        if streams:
            before, after = (_heard(file) for file in (source, made))
            length = min(before.shape[1], after.shape[1])
            alike = np.corrcoef(before[0, :length], after[0, :length])[0, 1]
            assert (alike > 0.9) == (sound == "keep")


def _heard(file: av.container.InputContainer) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.concatenate([frame.to_ndarray().astype(np.float32) for frame in file.decode(audio=0)], axis=1)


def test_voices_that_are_kept_are_warned_about(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _anonymise(tiny, "-o", tmp_path / "a.mp4", "--end", _END) == 0
    assert capsys.readouterr().err.count("voices are kept") == 1
    assert _anonymise(tiny, "-o", tmp_path / "b.mp4", "--end", _END, "--sound", "drop") == 0
    assert "voices" not in capsys.readouterr().err
    assert _anonymise(tmp_path / "b.mp4", "-o", tmp_path / "c.mp4", "--if-none", "write") == 0
    assert "voices" not in capsys.readouterr().err


def test_a_folder_of_targets_goes_into_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    targets, out = tmp_path / "in", tmp_path / "out"
    (targets / "deeper").mkdir(parents=True)
    shutil.copy(HOPPER, targets / "a.jpg")
    (targets / "b.txt").write_text("not a picture")
    assert _anonymise(targets, "-o", out) == 4
    assert _left_in(out) == {"a.jpg", "a.jpg.hidden.json"}
    assert f"{targets / 'deeper'} is a folder inside a folder" in capsys.readouterr().err


def test_the_person_of_a_photo_stays_and_the_other_is_hidden(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, out = tmp_path / "two.png", tmp_path / "out.png"
    left, right = (cv2.resize(portraits.read(path), (320, 375)) for path in (HOPPER, portraits.COLLINS))
    cv2.imwrite(str(target), np.hstack([left, right]))
    assert _anonymise(target, "-o", out, "--keep", HOPPER) == 0
    result = portraits.read(out)
    assert (_faces(result[:, :320]), _faces(result[:, 320:])) == (1, 0)
    facts = json.loads((tmp_path / "out.png.hidden.json").read_text())
    assert facts["kept_faces"] == 1
    assert "nobody of --keep" not in capsys.readouterr().err
    cv2.imwrite(str(target), right)
    assert _anonymise(target, "-o", out, "--keep", HOPPER, "--overwrite") == 0
    assert "nobody of --keep was surely recognised" in capsys.readouterr().err


def test_a_review_and_its_decisions(tmp_path: Path) -> None:
    """The page is readable by its owner alone; a kept face stays, a region is covered, and the hash of the file is signed."""
    target, out, folder = tmp_path / "in.jpg", tmp_path / "out.png", tmp_path / "review"
    shutil.copy(HOPPER, target)
    assert _anonymise(target, "-o", out, "--review", folder) == 0
    page = folder / "review.html"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "No risky moment" in page.read_text()
    (seen,) = portraits.models().photo_detector.detect(portraits.read(HOPPER))
    face = {"at": 0, "box": [float(value) for value in seen.box_xyxy], "do": "keep"}
    region = {"from": 0, "to": 0, "box": [10, 500, 60, 560]}
    decisions = _decisions(tmp_path, target, [face], [region])
    assert _anonymise(target, "-o", out, "--decisions", decisions, "--overwrite") == 0
    result = portraits.read(out)
    assert _faces(result) == 1
    assert np.abs(result[510:550, 20:50].astype(int) - TUNING.grey).mean() < 6
    assert len(json.loads((tmp_path / "out.png.hidden.json").read_text())["decisions_sha256"]) == 64


def _decisions(folder: Path, target: Path, faces: Sequence[object], regions: Sequence[object]) -> Path:
    path = folder / "decisions.json"
    content = {
        "mien_decisions": 1, "target_sha256": file_hash(target), "start": None, "end": None,
        "faces": faces, "regions": regions,
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return path


def test_a_review_folder_that_others_can_read_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    folder.mkdir(mode=0o755)
    assert _anonymise(HOPPER, "-o", tmp_path / "out.jpg", "--review", folder) == 2
    assert _left_in(tmp_path) == {"review"}


def test_without_a_face_nothing_is_written_unless_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, out = tmp_path / "wall.png", tmp_path / "out.png"
    cv2.imwrite(str(target), np.random.default_rng(2).integers(90, 130, (200, 260, 3)).astype(np.uint8))
    assert _anonymise(target, "-o", out, "--review", tmp_path / "review") == 6
    assert "no face was found in wall.png" in capsys.readouterr().err
    assert _left_in(tmp_path) == {"wall.png"}
    assert _anonymise(target, "-o", out, "--if-none", "write") == 0
    assert out.is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--keep", "nobody.png"), 3, "no face was found in the photo"),
        (("--keep", "two.png"), 3, "shows 2 faces"),
        (("--keep", "missing.png"), 4, "missing.png"),
        (("--decisions", "missing.json"), 2, "cannot be read"),
        (("--decisions", "other.json"), 2, "another file"),
        (("--start", "1"), 2, "no start"),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, str], code: int, words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("nobody.png", np.full((90, 90, 3), 127, np.uint8))
    cv2.imwrite("two.png", np.hstack([cv2.resize(portraits.read(HOPPER), (256, 300))] * 2))
    shutil.copy(_decisions(tmp_path, tmp_path / "two.png", [], []), "other.json")
    before = _left_in(tmp_path)
    assert _anonymise(HOPPER, "-o", "out.jpg", *arguments) == code
    assert words in capsys.readouterr().err
    assert _left_in(tmp_path) == before


def test_a_damaged_film_leaves_nothing(tiny: Path, tmp_path: Path) -> None:
    target = tmp_path / "cut.mp4"
    target.write_bytes(tiny.read_bytes()[:3000])
    assert _anonymise(target, "-o", tmp_path / "out.mp4") == 4
    assert _left_in(tmp_path) == {"cut.mp4"}


def test_an_error_while_it_is_written_leaves_nothing(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame that differs from the one that was searched is never written, nor are those before it."""

    def shifted(cover: object, plan: object, pts: Sequence[int], *more: object) -> Hider:
        return Hider(cover, plan, [*pts[:6], *(value + 1 for value in pts[6:])], *more)  # type: ignore[arg-type]

    monkeypatch.setattr("mien.assembly.file_hiding.Hider", shifted)
    assert _anonymise(tiny, "-o", tmp_path / "out.mp4", "--end", _END) == 4
    assert _left_in(tmp_path) == set()


def test_ctrl_c_in_the_search_leaves_nothing(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.swap.hiding.path_search.PathSearch.see", stopped)
    try:
        code = _anonymise(tiny, "-o", tmp_path / "out.mp4", "--end", _END)
    except (KeyboardInterrupt, MienError):
        code = 130
    assert code == 130
    assert _left_in(tmp_path) == set()


def test_stand_ins_are_other_people_over_covers_and_said_to_be_synthetic(tmp_path: Path) -> None:
    target, out = resized(EXAMPLES / "clip.mp4", tmp_path / "in.mp4", 640, 360), tmp_path / "out.mp4"
    assert _anonymise(target, "-o", out, "--end", _END, "--with", "stand-in", "--sound", "drop") == 0
    facts = json.loads((tmp_path / "out.mp4.hidden.json").read_text())["stand_ins"]
    (person,) = (each for each in facts["people"] if each["stand_in"] is not None)
    assert person["distance"] >= 0.55
    assert facts["faces_in_frames"]["with_stand_in"] >= 10
    found = read_credentials(out, anchors=[])
    assert found.engine == "cover stand-in"
    assert [each.basis for each in found.consents] == ["synthetic"]
    assert found.digital_source_types[0].endswith("compositeWithTrainedAlgorithmicMedia")
    for before, after in list(zip(_frames(target), _frames(out), strict=False))[::6]:
        own, worn = (portraits.recogniser().describe(each, portraits.locate(each)) for each in (before, after))
        assert np.linalg.norm(own - worn) >= 0.55


def test_the_words_say_that_a_stand_in_is_not_anonymity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _anonymise(HOPPER, "-o", tmp_path / "out.jpg", "--with", "stand-in") == 0
    assert "another face, not anonymity" in capsys.readouterr().err


def test_who_stays_wears_no_stand_in_and_the_other_does(tmp_path: Path) -> None:
    target, out = tmp_path / "two.png", tmp_path / "out.png"
    left, right = (cv2.resize(portraits.read(path), (320, 375)) for path in (HOPPER, portraits.COLLINS))
    cv2.imwrite(str(target), np.hstack([left, right]))
    assert _anonymise(target, "-o", out, "--keep", HOPPER, "--with", "stand-in") == 0
    facts = json.loads((tmp_path / "out.png.hidden.json").read_text())
    assert facts["kept_faces"] == 1
    assert facts["stand_ins"]["faces_in_frames"]["with_stand_in"] == 1
    result = portraits.read(out)
    kept, worn = (portraits.recogniser().describe(each, portraits.locate(each)) for each in (result[:, :320], result[:, 320:]))
    assert np.linalg.norm(kept - portraits.portrait(HOPPER).descriptor) < 0.3
    assert np.linalg.norm(worn - portraits.portrait(portraits.COLLINS).descriptor) >= 0.55


def test_a_review_and_its_decisions_with_stand_ins(tmp_path: Path) -> None:
    """A face to keep stays itself, and what is drawn by hand lies over stand-ins."""
    target, out, folder = tmp_path / "two.png", tmp_path / "out.png", tmp_path / "review"
    left, right = (cv2.resize(portraits.read(path), (320, 375)) for path in (HOPPER, portraits.COLLINS))
    cv2.imwrite(str(target), np.hstack([left, right]))
    assert _anonymise(target, "-o", out, "--with", "stand-in", "--review", folder) == 0
    assert _left_in(folder) == {"review.html"}
    assert _stand_ins(out) == 2
    found = {each.box_xyxy[0] > 320: each.box_xyxy for each in portraits.models().photo_detector.detect(portraits.read(target))}
    keep = {"at": 0, "box": [float(value) for value in found[False]], "do": "keep"}
    x1, y1, x2, y2 = (float(value) for value in found[True])
    half = {"from": 0, "to": 0, "box": [x1, (y1 + y2) / 2, x2, y2]}
    plain, decided = portraits.read(out), _decisions(tmp_path, target, [keep], [half])
    again = ("-o", out, "--with", "stand-in", "--decisions", decided, "--review", folder, "--overwrite")
    assert _anonymise(target, *again) == 0
    assert _stand_ins(out) == 1
    result = portraits.read(out)
    assert np.abs(result[:, :320].astype(int) - portraits.read(target)[:, :320]).mean() < 4
    mouth = (
        slice(round(0.3 * y1 + 0.7 * y2), round(0.1 * y1 + 0.9 * y2)),
        slice(round(0.7 * x1 + 0.3 * x2), round(0.3 * x1 + 0.7 * x2)),
    )
    worn, covered = (cv2.Laplacian(each[mouth], cv2.CV_32F).std() for each in (plain, result))
    assert covered < 0.5 * worn
    none = _decisions(tmp_path, target, [keep, {**keep, "box": [x1, y1, x2, y2]}], [half])
    assert _anonymise(target, "-o", out, "--with", "stand-in", "--decisions", none, "--overwrite") == 0
    assert _stand_ins(out) == 0


def _stand_ins(out: Path) -> int:
    """Return the number of people who wear a stand-in, by the report."""
    facts = json.loads(out.with_name(f"{out.name}.hidden.json").read_text())
    return sum(each["stand_in"] is not None for each in facts["stand_ins"]["people"])
