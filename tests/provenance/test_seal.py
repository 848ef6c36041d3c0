"""Fail closed: no key, no mark, no ledger, a read-back that does not find what it must: no file."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from mien.batch.export import Export
from mien.commands.main import main
from mien.errors import ContentRefused, MarkImpossible, ProvenanceError, SealBroken, UsageError
from mien.media.files.output_file import OutputFile
from mien.media.files.receipt import receipt_path
from mien.provenance import seal as seal_module
from mien.provenance.consent import Consent
from mien.provenance.credentials import sign
from mien.provenance.credentials.claim import Claim, ConsentClaim
from mien.provenance.credentials.found import ConsentFound
from mien.provenance.credentials.read import read_credentials
from mien.provenance.mark.decoder import MarkReader
from mien.provenance.mark.pattern import Marker
from mien.provenance.signing.signer import Signer
from mien.provenance.trust import Signing, Trust, open_trust
from mien.safety.content_check import FileContentCheck
from mien.settings import Settings
from mien.testing import FakeClassifier
from mien.types import Frame, Image, Landmarks, SourceFace
from tests.support.portraits import COLLINS, HOPPER

CONSENT = Consent("0a1b2c3d", 7, "public-domain", "collins.png", datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return open_trust(tmp_path / "data", Signing())


def read(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def mark_of(image: Image) -> int | None:
    reader = MarkReader()
    reader.add(image)
    found = reader.read()
    return None if found is None else found.mark_id


def export(trust: Trust, before: Image, *scores: float, settings: Settings | None = None) -> Export:
    content = FileContentCheck(FakeClassifier(*(scores or (0.0,))))
    return Export(HOPPER, [[before]], settings or Settings(), (CONSENT,), content, trust.notary, "picture", strength=1.0)


def write(made: Export, output: OutputFile, image: Image) -> tuple[str, ...]:
    labelled = made.label(Frame(image.copy(), 0, 0, Fraction(1, 30)))
    assert cv2.imwrite(str(output.temporary), labelled.frame.image)
    return made.seal(output)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_a_sealed_file_carries_both_and_is_in_the_ledger(trust: Trust, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    with OutputFile(path, overwrite=False) as output:
        assert write(export(trust, read(HOPPER)), output, read(HOPPER)) == ()
        output.commit()
    mark_id = mark_of(read(path))
    assert mark_id is not None
    assert trust.notary.signer.root is not None
    found = read_credentials(path, anchors=[trust.notary.signer.root])
    assert (found.state, found.mark_id, found.label) == ("trusted", mark_id, "shown")
    assert found.consents == (ConsentFound("public-domain", CONSENT.given_at),)
    (noted,) = trust.ledger.with_mark(mark_id)
    assert (noted.kind, noted.title) == ("picture", path.name)
    assert receipt_path(path).exists() == (suffix == ".bmp")
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")]


def test_a_badge_that_is_off_is_said_in_the_manifest(trust: Trust, tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    with OutputFile(path, overwrite=False) as output:
        write(export(trust, read(HOPPER), settings=Settings(badge="off-film")), output, read(HOPPER))
        output.commit()
    found = read_credentials(path)
    assert (found.label, found.label_note) == ("off", "switched off for film")
    assert cv2.absdiff(read(path), read(HOPPER)).max() < 8


def test_a_mark_that_is_there_is_kept_and_topped_up(trust: Trust, tmp_path: Path) -> None:
    marked = read(HOPPER)
    Marker(0x00BEEF).mark(marked)
    path = tmp_path / "out.png"
    with OutputFile(path, overwrite=False) as output:
        write(export(trust, marked), output, marked)
        output.commit()
    reader = MarkReader()
    reader.add(read(path))
    found = reader.read()
    assert found is not None
    assert found.mark_id == 0x00BEEF
    assert 0.9 < found.strength < 1.6, "not twice as strong"
    assert read_credentials(path).mark_id == 0x00BEEF


def without_mark(made: Export, output: OutputFile) -> None:
    made.label(Frame(read(HOPPER), 0, 0, Fraction(1, 30)))
    cv2.imwrite(str(output.temporary), read(HOPPER))


def of_no_quality(made: Export, output: OutputFile) -> None:
    labelled = made.label(Frame(read(HOPPER), 0, 0, Fraction(1, 30)))
    cv2.imwrite(str(output.temporary), labelled.frame.image, [cv2.IMWRITE_JPEG_QUALITY, 1])


@pytest.mark.parametrize(("suffix", "spoil"), [(".png", without_mark), (".jpg", of_no_quality)])
def test_a_lost_mark_breaks_the_seal(
    trust: Trust, tmp_path: Path, suffix: str, spoil: Callable[[Export, OutputFile], None]
) -> None:
    made = export(trust, read(HOPPER))
    with OutputFile(tmp_path / f"out{suffix}", overwrite=False) as output:
        spoil(made, output)
        with pytest.raises(SealBroken, match="mark"):
            made.seal(output)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_carries_no_mark_is_not_signed(trust: Trust, tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    cv2.imwrite(str(path), read(HOPPER))
    before = path.read_bytes()
    claim = Claim("plain.png", "mesh", 5, "shown", "", (ConsentClaim("self", CONSENT.given_at),), CONSENT.given_at)
    with pytest.raises(SealBroken, match="mark"):
        trust.notary.seal(path, claim, "recording", [], None)
    assert path.read_bytes() == before


def test_a_revoked_consent_makes_no_file(trust: Trust, tmp_path: Path) -> None:
    face = SourceFace(read(COLLINS), Landmarks(np.zeros((478, 3), np.float32), 1.0), "x")
    consent = trust.consents.record(face, "self", "collins.png")
    content = FileContentCheck(FakeClassifier(0.0))
    made = Export(HOPPER, [[read(HOPPER)]], Settings(), (consent,), content, trust.notary, "picture", strength=1.0)
    trust.consents.revoke(consent.id)
    with OutputFile(tmp_path / "out.png", overwrite=False) as output, pytest.raises(UsageError, match="revoked"):
        write(made, output, read(HOPPER))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_each_part_of_a_film_keeps_its_number(trust: Trust) -> None:
    parts = []
    for mark_id in (0xA00001, 0xB00002):
        marked = read(HOPPER)
        Marker(mark_id).mark(marked)
        parts.append(marked)
    made = export(trust, parts[0])
    for index in range(0, 32, 4):
        labelled = [made.label(Frame(parts[index // 16].copy(), index, index, Fraction(1, 25))) for _ in range(4)][-1]
        assert labelled.mark_id == mark_of(labelled.frame.image) == (0xA00001, 0xB00002)[index // 16]


def test_two_marks_over_each_other_are_refused_before_any_work(trust: Trust) -> None:
    twice = read(HOPPER)
    Marker(0x111111).mark(twice)
    Marker(0xFEDCBA).mark(twice)
    with pytest.raises(MarkImpossible, match="over each other"):
        export(trust, twice)


def test_a_folder_in_the_place_of_the_receipt_harms_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out.bmp"
    out.write_text("old")
    receipt_path(out).mkdir()
    swap = ["swap", str(COLLINS), str(HOPPER), "-o", str(out), "--overwrite", "--data", str(tmp_path / "data")]
    assert main([*swap, "--consent", "public-domain", "--quiet"]) == 5
    assert out.read_text() == "old"


def test_a_film_that_begins_black_is_sealed(tmp_path: Path) -> None:
    """Twelve seconds of nothing, then a person, at a quality that leaves no mark in flat black."""
    target, rate = tmp_path / "film.mp4", 10
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"crf": "30", "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 512, 600, "yuv420p"
        for number in range(15 * rate):
            image = read(HOPPER) if number >= 12 * rate else np.zeros((600, 512, 3), np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(stream.encode(None))
    swap = ["swap", str(COLLINS), str(target), "-o", str(tmp_path / "o.mp4"), "--data", str(tmp_path / "data")]
    assert main([*swap, "--consent", "public-domain", "--quality", "50", "--quiet"]) == 0


def test_ctrl_c_while_a_program_signs_stops(trust: Trust, tmp_path: Path) -> None:
    def interrupted(data: bytes) -> bytes:
        raise KeyboardInterrupt

    signer = replace(trust.notary.signer, sign=interrupted)
    broken = replace(trust, notary=replace(trust.notary, signer=signer))
    with OutputFile(tmp_path / "out.png", overwrite=False) as output, pytest.raises(KeyboardInterrupt):
        write(export(broken, read(HOPPER)), output, read(HOPPER))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_dry_run_states_nothing_and_makes_no_key(tmp_path: Path) -> None:
    swap = ["swap", str(COLLINS), str(HOPPER), "-o", str(tmp_path / "o.png"), "--data", str(tmp_path / "data")]
    assert main([*swap, "--consent", "self", "--dry-run"]) == 0
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {"terms-told"}


def test_credentials_that_cannot_be_read_back_break_the_seal(
    trust: Trust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_file: Any = sign.sign_file

    def signed_and_spoilt(path: Path, *arguments: Any, **more: Any) -> Any:
        signed = sign_file(path, *arguments, **more)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        return signed

    monkeypatch.setattr(seal_module, "sign_file", signed_and_spoilt)
    with pytest.raises(SealBroken, match="credentials"), OutputFile(tmp_path / "out.jpg", overwrite=False) as output:
        write(export(trust, read(HOPPER)), output, read(HOPPER))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_key_that_signs_wrongly_makes_no_file(trust: Trust, tmp_path: Path) -> None:
    signer: Signer = replace(trust.notary.signer, sign=lambda data: bytes(64))
    broken = replace(trust, notary=replace(trust.notary, signer=signer))
    with pytest.raises(ProvenanceError), OutputFile(tmp_path / "out.png", overwrite=False) as output:
        write(export(broken, read(HOPPER)), output, read(HOPPER))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_hit_of_the_content_check_makes_no_file(trust: Trust, tmp_path: Path) -> None:
    with pytest.raises(ContentRefused), OutputFile(tmp_path / "out.png", overwrite=False) as output:
        write(export(trust, read(HOPPER), 0.99), output, read(HOPPER))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


class TestCommand:
    """Seal and signer as `mien swap` shows them to the user."""

    @pytest.fixture
    def swap(self, tmp_path: Path) -> Callable[..., int]:
        def run(*more: str) -> int:
            out = ["-o", str(tmp_path / "o.png"), "--overwrite", "--consent", "public-domain", "--quiet"]
            return main(["swap", str(COLLINS), str(HOPPER), *out, "--data", str(tmp_path / "data"), *more])

        return run

    def test_a_lost_key_is_said_and_nothing_is_written(
        self, swap: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert swap() == 0
        (tmp_path / "o.png").unlink()
        (key,) = (tmp_path / "data").rglob("key.pem")
        key.unlink()
        assert swap() == 8
        said = capsys.readouterr().err
        assert "restore the key file" in said
        assert not (tmp_path / "o.png").exists()

    def test_a_data_folder_that_cannot_be_made(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        blocked = tmp_path / "file"
        blocked.write_text("no folder")
        out = tmp_path / "o.png"
        swap = ["swap", str(COLLINS), str(HOPPER), "-o", str(out), "--data", str(blocked / "data"), "--consent", "self"]
        assert main(swap) == 8
        assert "ledger" in capsys.readouterr().err
        assert not out.exists()

    @pytest.mark.parametrize(
        "flags", [["--signing-key", "k.pem"], ["--signing-cert", "c.pem"], ["--signing-cert", "no.pem", "--signing-key", "no"]]
    )
    def test_signing_requests_that_make_no_sense(self, swap: Callable[..., int], tmp_path: Path, flags: list[str]) -> None:
        assert swap(*flags) in {2, 8}
        assert not (tmp_path / "o.png").exists()

    def test_the_acceptable_use_is_told_at_the_first_start(
        self, swap: Callable[..., int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert swap() == 0
        assert "no minors" in capsys.readouterr().err
        assert swap() == 0
        assert "no minors" not in capsys.readouterr().err

    def test_the_root_can_be_handed_on(
        self, swap: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert swap() == 0
        capsys.readouterr()
        assert main(["certificate", "--data", str(tmp_path / "data")]) == 0
        root = tmp_path / "root.pem"
        root.write_text(capsys.readouterr().out)
        elsewhere = ["verify", str(tmp_path / "o.png"), "--data", str(tmp_path / "elsewhere")]
        assert main(elsewhere) == 0
        assert "does not know" in capsys.readouterr().out
        assert main([*elsewhere, "--root", str(root)]) == 0
        assert "whom this machine knows" in capsys.readouterr().out
        assert not (tmp_path / "elsewhere").exists(), "verifying makes nothing"
