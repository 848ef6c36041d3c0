"""Verifier: three independent rows, on whole, cut, turned, copied and broken files."""

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from mien.commands.main import main
from mien.errors import UnreadableMedia, UsageError
from mien.media.files.receipt import receipt_path
from mien.provenance.consent import Consents
from mien.provenance.trust import open_verifier
from mien.provenance.verify import Verifier, files_in
from mien.settings import Settings
from mien.system.database import Database
from mien.types import Image
from tests.support.portraits import CLIP, COLLINS, HOPPER


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, lasting_clip: Path) -> Path:
    """Folder with outputs of one installation, whose data folder is in it."""
    folder = tmp_path_factory.mktemp("made")
    for target, name in ((HOPPER, "picture.png"), (HOPPER, "picture.jpg"), (CLIP, "film.mp4"), (lasting_clip, "film.mkv")):
        end = [] if target == HOPPER else ["--end", "1.5"]
        out = ["-o", str(folder / name), "--data", str(folder / "data"), "--consent", "public-domain", "--quiet"]
        assert main(["swap", str(COLLINS), str(target), *out, *end]) == 0
    return folder


@pytest.fixture
def here(made: Path) -> Verifier:
    return open_verifier(made / "data", [], Settings())


@pytest.fixture
def elsewhere(tmp_path: Path) -> Verifier:
    return open_verifier(tmp_path / "nothing", [], Settings())


def read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def remuxed(source: Path, target: Path) -> None:
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)


def reencoded(source: Path, target: Path) -> None:
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "28", "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for frame in given.decode(video=0):
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode(None))


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "film.mp4", "film.mkv"])
def test_what_was_made_here_is_known_here(made: Path, here: Verifier, name: str) -> None:
    report = here.examine(made / name)
    assert (report.credentials.state, report.mark.state, report.fingerprint.state) == ("trusted", "found", "alike")
    assert name in report.mark.words
    details = report.credentials.details
    assert details["mark_id"] == int(report.mark.details["id"], 16)
    assert [each["basis"] for each in details["consents"]] == ["public-domain"]
    assert details["where"] == ("sidecar" if name.endswith("mkv") else "embedded")


@pytest.mark.parametrize("name", ["picture.png", "film.mp4"])
def test_elsewhere_the_signer_is_unknown_and_the_number_too(made: Path, elsewhere: Verifier, name: str) -> None:
    report = elsewhere.examine(made / name)
    assert (report.credentials.state, report.mark.state, report.fingerprint.state) == ("unknown-signer", "found", "no-ledger")
    assert "does not know" in report.credentials.words
    assert "no ledger here" in report.mark.words


def test_another_ledger_does_not_know_the_number(made: Path, tmp_path: Path) -> None:
    assert Consents(Database(tmp_path / "other")).all() == []
    report = open_verifier(tmp_path / "other", [], Settings()).examine(made / "picture.png")
    assert "does not know that number" in report.mark.words
    (tmp_path / "other" / "ledger.sqlite").write_bytes(b"no database" * 1000)
    report = open_verifier(tmp_path / "other", [], Settings()).examine(made / "picture.png")
    assert "no ledger here" in report.mark.words
    assert report.fingerprint.state == "no-ledger"


def test_names_cannot_forge_a_row(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a\n  mark         It carries nothing\x1b[2K.png"
    shutil.copyfile(made / "picture.png", path)
    assert main(["verify", str(path), "--data", str(made / "data")]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert len([line for line in said.splitlines() if line.startswith("  mark")]) == 1


def test_names_that_are_no_text(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / os.fsdecode(b"o\xff.png")
    data = ["--data", str(made / "data")]
    photo = tmp_path / os.fsdecode(b"p\xfe.png")
    shutil.copyfile(COLLINS, photo)
    assert main(["swap", str(photo), str(HOPPER), "-o", str(odd), *data, "--consent", "public-domain", "--quiet"]) == 0
    assert main(["verify", str(odd), "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out)[0]["credentials"]["state"] == "trusted"
    assert main(["verify", str(odd), *data]) == 0


@pytest.mark.parametrize("kind", ["picture", "film"])
def test_others_files_say_nothing(elsewhere: Verifier, small_clip: Path, kind: str) -> None:
    report = elsewhere.examine(HOPPER if kind == "picture" else small_clip)
    assert (report.credentials.state, report.mark.state) == ("none", "none")
    assert "says nothing" in report.credentials.words
    assert "says nothing" in report.mark.words


def test_no_words_judge(made: Path, here: Verifier, elsewhere: Verifier) -> None:
    for verifier in (here, elsewhere):
        for path in (made / "picture.png", HOPPER):
            report = verifier.examine(path)
            said = " ".join((report.credentials.words, report.mark.words, report.fingerprint.words)).lower()
            assert not {"real", "fake", "authentic", "genuine"} & set(said.replace(".", " ").split())


@pytest.mark.parametrize("copy", [remuxed, reencoded])
def test_copies_lose_the_credentials_and_keep_the_mark(made: Path, here: Verifier, tmp_path: Path, copy: Any) -> None:
    target = tmp_path / "copy.mp4"
    copy(made / "film.mp4", target)
    report = here.examine(target)
    assert (report.credentials.state, report.mark.state, report.fingerprint.state) == ("none", "found", "alike")
    assert "film.mp4" in report.mark.words


def test_cut_zoomed_mirrored_and_turned_pictures_keep_the_mark(made: Path, here: Verifier, tmp_path: Path) -> None:
    image = read(made / "picture.png")
    height, width = image.shape[:2]
    cut = image[height // 10 :, width // 10 :]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 3, 1.1)
    for name, changed in {
        "cut": cut,
        "zoomed": cv2.resize(cut, (width, height), interpolation=cv2.INTER_CUBIC),
        "mirrored": image[:, ::-1],
        "turned": cv2.warpAffine(image, turn, (width, height)),
    }.items():
        path = tmp_path / f"{name}.jpg"
        cv2.imwrite(str(path), changed, [cv2.IMWRITE_JPEG_QUALITY, 90])
        report = here.examine(path)
        assert report.mark.state == "found", name
        assert "picture.png" in report.mark.words
        assert report.mark.details["mirrored"] == (name == "mirrored")


def test_a_changed_file_is_told(made: Path, here: Verifier, tmp_path: Path) -> None:
    content = bytearray((made / "film.mp4").read_bytes())
    content[-2000] ^= 0x10
    path = tmp_path / "changed.mp4"
    path.write_bytes(content)
    report = here.examine(path)
    assert report.credentials.state == "changed"
    assert report.mark.state == "found"


def test_a_receipt_of_another_file_is_told(made: Path, here: Verifier, small_clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.mkv"
    remuxed(small_clip, path)
    shutil.copyfile(receipt_path(made / "film.mkv"), receipt_path(path))
    report = here.examine(path)
    assert report.credentials.state == "changed"
    assert "does not belong" in report.credentials.words


def test_the_command_walks_folders_and_speaks_json(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    shutil.copyfile(made / "picture.png", folder / "deep" / "a.png")
    (folder / "notes.txt").write_text("nothing to see")
    (folder / ".hidden").write_text("x")
    (folder / "empty.mp4").touch()
    assert main(["verify", str(folder), "--json", "--data", str(made / "data")]) == UnreadableMedia.exit_code
    reports = {Path(each["file"]).name: each for each in json.loads(capsys.readouterr().out)}
    assert set(reports) == {"a.png", "notes.txt", "empty.mp4"}
    assert reports["a.png"]["credentials"]["state"] == "trusted"
    assert reports["notes.txt"]["mark"]["state"] == "unreadable"
    assert "empty" in reports["empty.mp4"]["error"]
    assert main(["verify", str(made / "picture.png"), "--data", str(made / "data")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["credentials", "consent", "mark", "fingerprint"]


def test_a_root_that_is_none(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(made / "picture.png"), "--root", "no-such.pem"]) == 2
    assert main(["verify", str(made / "picture.png"), "--root", str(HOPPER)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_files_are_listed_once_and_not_without_end(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "a.mkv.c2pa"):
        (tmp_path / name).touch()
    assert [path.name for path in files_in([tmp_path])] == ["a.png", "b.png"]
    with pytest.raises(UsageError, match="2 files"):
        files_in([tmp_path], max_files=1)


def test_a_receipt_that_is_named_beside_its_file_is_no_file_of_its_own(made: Path) -> None:
    film = made / "film.mkv"
    assert files_in([film, receipt_path(film)]) == [film]
    assert files_in([receipt_path(film)]) == [film]


@pytest.mark.parametrize("name", ["picture.jpg", "picture.png", "film.mp4"])
def test_mutated_files_are_examined_or_refused(made: Path, elsewhere: Verifier, tmp_path: Path, name: str) -> None:
    """The long version of this is scripts/fuzz."""
    chance = random.Random(name)
    whole = (made / name).read_bytes()
    path = tmp_path / name
    for _ in range(12):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 8, 64))):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        path.write_bytes(content)
        if content:
            assert elsewhere.examine(path).credentials.words
