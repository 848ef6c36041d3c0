"""Signing: content of the manifest, credentials of the file that was changed, and failures that leave the file as it was."""

import json
import os
import shutil
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from c2pa import Reader
from cryptography.x509.oid import ObjectIdentifier

import mien
from mien.errors import MienError, OutputError, SigningFailed
from mien.media.files.statement import DIGITAL_SOURCE_TYPE
from mien.provenance.credentials.claim import CHECKER, DISCLOSURE, MARK_ALGORITHM, ConsentClaim, disclosure
from mien.provenance.credentials.found import ConsentFound
from mien.provenance.credentials.library import HashBlocks
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.rubric import AMBIGUOUS, COMPLETE
from mien.provenance.credentials.sign import sign_file
from mien.provenance.signing.given import command_signer, given_signer
from mien.provenance.signing.signer import Signer
from tests.support.authority import Authority
from tests.support.signed import (
    EMBEDDED_KINDS,
    KINDS,
    MARK_ID,
    a_claim,
    anchors_of,
    pixels_of,
    same_pixels,
    signed_files,
    write_media,
)


def _manifest(path: Path) -> dict[str, Any]:
    """Return the active manifest as the library shows it."""
    with path.open("rb") as file, Reader("image/jpeg" if path.suffix == ".jpg" else "video/mp4", file) as reader:
        report = json.loads(reader.json())
    manifest: dict[str, Any] = report["manifests"][report["active_manifest"]]
    return manifest


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_file_says_what_was_claimed(signed: Path, signer: Signer, kind: str) -> None:
    found = read_credentials(signed / f"out{kind}", anchors=anchors_of(signer))
    claim = a_claim(f"out{kind}")
    assert found.state == "trusted"
    assert found.where == ("embedded" if kind in EMBEDDED_KINDS else "sidecar")
    assert found.signer == signer.name
    assert found.signed_at is None, "the time is not stamped"
    assert found.generator == f"mien {mien.__version__}"
    for name in ("title", "engine", "mark_id", "label", "label_note", "made_at"):
        assert getattr(found, name) == getattr(claim, name), name
    assert found.consents == (ConsentFound("self", claim.consents[0].recorded),)
    assert found.actions == ("c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound")
    assert found.digital_source_types == (DIGITAL_SOURCE_TYPE,)
    (parent,) = found.ingredients
    assert (parent.title, parent.relationship, parent.state) == (f"target{kind}", "parentOf", "none")
    assert found.problems == ()


def test_each_of_several_consents_is_read_back(signer: Signer, tmp_path: Path) -> None:
    given = [datetime(2026, 1, day, tzinfo=UTC) for day in (2, 5)]
    consents = ConsentClaim("self", given[0]), ConsentClaim("permission", given[1])
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim(consents=consents), signer, parent=None)
    found = read_credentials(path, anchors=anchors_of(signer))
    assert found.consents == (ConsentFound("self", given[0]), ConsentFound("permission", given[1]))
    assert "consent" not in disclosure(a_claim(consents=consents)), "an older reader must not take one for all"


def test_one_consent_is_written_as_before_there_were_several() -> None:
    assert disclosure(a_claim())["consent"] == {"basis": "self", "recorded": "2026-01-02T03:04:05Z"}
    with pytest.raises(ValueError, match="needs a consent"):
        a_claim(consents=())


@pytest.mark.parametrize("kind", KINDS)
def test_signing_changes_no_pixel(signer: Signer, tmp_path: Path, kind: str) -> None:
    path = write_media(tmp_path / f"out{kind}")
    pixels = pixels_of(path)
    sign_file(path, a_claim(), signer, parent=None)
    assert pixels
    assert same_pixels(pixels_of(path), pixels)


def test_other_programs_find_the_same(signed: Path) -> None:
    manifest = _manifest(signed / "out.mp4")
    assertions = {each["label"]: each for each in manifest["assertions"]}
    assert assertions["c2pa.soft-binding"]["data"]["alg"] == MARK_ALGORITHM
    assert assertions["c2pa.soft-binding"]["data"]["blocks"][0]["value"] == f"{MARK_ID:06x}"
    assert assertions[DISCLOSURE]["data"]["consent"]["basis"] == "self"
    assert all(each["created"] for each in assertions.values()), "the signer vouches for all of it"


def test_no_thumbnail_is_kept(signed: Path) -> None:
    for kind in (".jpg", ".mp4"):
        manifest = _manifest(signed / f"out{kind}")
        assert "thumbnail" not in json.dumps(manifest)
        assert b"c2pa.thumbnail" not in (signed / f"out{kind}").read_bytes()


def test_without_a_parent_it_was_created(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "live.mp4")
    sign_file(path, a_claim(), signer, parent=None)
    found = read_credentials(path, anchors=anchors_of(signer))
    assert found.state == "trusted"
    assert found.actions == ("c2pa.created", "c2pa.edited", "c2pa.watermarked.bound")
    assert found.ingredients == ()


@pytest.mark.parametrize("flags", ["", "64 bits", "faststart", "frag_keyframe", "frag_keyframe+empty_moov"])
@pytest.mark.parametrize("large", [False, True])
def test_videos_are_signed_however_they_are_laid_out(tmp_path: Path, signer: Signer, flags: str, large: bool) -> None:
    blocks = HashBlocks(from_bytes=0, block_kb=1) if large else HashBlocks()
    options = {"movflags": flags} if flags not in {"", "64 bits"} else None
    path = write_media(tmp_path / "out.mp4", frames=30, options=options)
    if flags == "64 bits":
        _lengthen_header(path)
    pixels = pixels_of(path)
    assert len(pixels) == 30
    sign_file(path, a_claim(), signer, parent=None, blocks=blocks)
    assert read_credentials(path, anchors=anchors_of(signer)).state == "trusted"
    assert same_pixels(pixels_of(path), pixels)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"mdat") + 500] ^= 1
    path.write_bytes(data)
    assert read_credentials(path, anchors=anchors_of(signer)).state == "changed"


@pytest.mark.parametrize("key", ["es384", "ed25519", "ps256"])
def test_certificates_of_others_sign_too(tmp_path: Path, key: str) -> None:
    authority = Authority()
    certificate, key_path = authority.write(tmp_path, Authority.key(key), name="A Newsroom")
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim(), given_signer(certificate, key_path), parent=None)
    assert read_credentials(path).state == "unknown-signer"
    found = read_credentials(path, anchors=[authority.root_pem])
    assert (found.state, found.signer) == ("trusted", "A Newsroom")


@pytest.mark.parametrize("purpose", ["1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.62558.2.1"])
def test_certificates_for_documents_and_claims_sign_too(tmp_path: Path, purpose: str) -> None:
    authority = Authority()
    certificate, key = authority.write(tmp_path, purpose=ObjectIdentifier(purpose))
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim(), given_signer(certificate, key), parent=None)
    assert read_credentials(path, anchors=[authority.root_pem]).state == "trusted"


def test_the_parents_credentials_are_kept(tmp_path: Path, signer: Signer) -> None:
    authority = Authority()
    camera = given_signer(*authority.write(tmp_path, name="A Camera"))
    parent, path = write_media(tmp_path / "photo.jpg"), write_media(tmp_path / "out.png")
    sign_file(parent, a_claim("photo.jpg"), camera, parent=None)
    made = sign_file(path, a_claim("out.png"), signer, parent=parent)
    assert made.warnings == ()
    found = read_credentials(path, anchors=anchors_of(signer))
    assert found.state == "trusted"
    (ingredient,) = found.ingredients
    assert (ingredient.title, ingredient.state) == ("photo.jpg", "unknown-signer")
    assert b"A Camera" in path.read_bytes()


def test_a_parents_receipt_is_kept(tmp_path: Path, signer: Signer) -> None:
    parent, path = write_media(tmp_path / "photo.mkv"), write_media(tmp_path / "out.mp4")
    sign_file(parent, a_claim("photo.mkv"), given_signer(*Authority().write(tmp_path, name="A Camera")), parent=None)
    assert sign_file(path, a_claim(), signer, parent=parent).warnings == ()
    (ingredient,) = read_credentials(path).ingredients
    assert (ingredient.title, ingredient.state) == ("photo.mkv", "unknown-signer")
    assert b"A Camera" in path.read_bytes()


def test_a_changed_parent_is_kept_and_said(tmp_path: Path, signer: Signer) -> None:
    parent, path = write_media(tmp_path / "photo.png"), write_media(tmp_path / "out.png")
    sign_file(parent, a_claim("photo.png"), signer, parent=None)
    data = bytearray(parent.read_bytes())
    data[data.rindex(b"IDAT") + 20] ^= 1
    parent.write_bytes(data)
    (warning,) = sign_file(path, a_claim("out.png"), signer, parent=parent).warnings
    assert "photo.png are kept" in warning
    found = read_credentials(path, anchors=anchors_of(signer))
    assert found.state == "trusted"
    assert [each.state for each in found.ingredients] == ["changed"]


@pytest.mark.parametrize("harm", ["claim", "truncated"])
def test_a_parents_damaged_credentials_are_said(tmp_path: Path, signer: Signer, harm: str) -> None:
    parent, path = write_media(tmp_path / "photo.jpg"), write_media(tmp_path / "out.png")
    sign_file(parent, a_claim("photo.jpg"), signer, parent=None)
    data = bytearray(parent.read_bytes())
    start = data.index(b"c2pa.claim.v2") + 30
    data[start : start + 60] = b"\xff" * 60
    parent.write_bytes(data if harm == "claim" else data[:9000])
    (warning,) = sign_file(path, a_claim("out.png"), signer, parent=parent).warnings
    assert "damaged" in warning
    found = read_credentials(path, anchors=anchors_of(signer))
    assert (found.state, found.ingredients[0].title) == ("trusted", "photo.jpg")
    assert b"could not be kept" in path.read_bytes()


def test_credentials_that_the_file_has_already_are_kept(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim("first.jpg"), signer, parent=None)
    sign_file(path, a_claim("second.jpg"), signer, parent=None)
    found = read_credentials(path, anchors=anchors_of(signer))
    assert (found.state, found.title, len(found.ingredients)) == ("trusted", "second.jpg", 1)


def _failing(data: bytes) -> bytes:
    raise SigningFailed("the token is not plugged in", "plug it in")


@pytest.mark.parametrize("kind", [".jpg", ".mkv"])
def test_what_cannot_be_signed_stays_as_it_was(tmp_path: Path, signer: Signer, kind: str) -> None:
    path = write_media(tmp_path / f"out{kind}")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(SigningFailed, match="not plugged in"):
        sign_file(path, a_claim(), replace(signer, sign=_failing), parent=None)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_certificate_that_has_run_out_meanwhile_signs_nothing(tmp_path: Path) -> None:
    authority = Authority()
    old = authority.write(tmp_path, start=datetime.now(UTC) - timedelta(days=9), life=timedelta(days=3))
    late = given_signer(*old, now=datetime.now(UTC) - timedelta(days=8))
    path = write_media(tmp_path / "out.jpg")
    before = path.read_bytes()
    with pytest.raises(SigningFailed, match=r"out\.mp4 cannot be signed"):
        sign_file(path, a_claim(), late, parent=None)
    assert path.read_bytes() == before


def test_a_file_that_is_not_what_its_name_says_is_not_signed(tmp_path: Path, signer: Signer) -> None:
    path = tmp_path / "out.jpg"
    path.write_bytes(b"no picture at all")
    with pytest.raises(SigningFailed):
        sign_file(path, a_claim(), signer, parent=None)
    assert [each.name for each in tmp_path.iterdir()] == ["out.jpg"]


def test_a_missing_file_is_told(tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(MienError):
        sign_file(tmp_path / "none.jpg", a_claim(), signer, parent=None)
    path = write_media(tmp_path / "out.jpg")
    with pytest.raises(MienError):
        sign_file(path, a_claim(), signer, parent=tmp_path / "none.jpg")
    assert [each.name for each in tmp_path.iterdir()] == ["out.jpg"]


@pytest.mark.parametrize("kind", [".jpg", ".mp4", ".mkv"])
def test_a_full_disk_is_told(tmp_path: Path, signer: Signer, kind: str) -> None:
    resource = pytest.importorskip("resource", reason="this system has no limits for files")
    path = write_media(tmp_path / f"out{kind}")
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            sign_file(path, a_claim(), signer, parent=None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only for this user")
def test_a_folder_that_is_read_only_is_told(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "out.jpg")
    before = path.read_bytes()
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            sign_file(path, a_claim(), signer, parent=None)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_bytes() == before


@pytest.mark.posix
def test_the_mode_of_the_file_stays(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "out.jpg")
    path.chmod(0o640)
    sign_file(path, a_claim(), signer, parent=None)
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_time_stamp_is_asked_for_only_where_one_is_named(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "out.jpg")
    before = path.read_bytes()
    with _refusing() as (url, asked):
        with pytest.raises(SigningFailed) as told:
            sign_file(path, a_claim(), signer, parent=None, timestamp_url=url)
        assert asked == ["/stamp"]
        assert url in told.value.remedy
        assert path.read_bytes() == before
        sign_file(path, a_claim(), signer, parent=None)
        assert asked == ["/stamp"]


def test_a_program_that_signs_is_enough(tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.write(tmp_path)
    if shutil.which("openssl") is None:
        pytest.skip("NOT TESTED with openssl: it is not here")
    path = write_media(tmp_path / "out.mp4")
    sign_file(path, a_claim(), command_signer(certificate, ["openssl", "dgst", "-sha256", "-sign", str(key)]), parent=None)
    assert read_credentials(path, anchors=[authority.root_pem]).state == "trusted"


def _lengthen_header(path: Path) -> None:
    """Write the length of `mdat` as files over 4 GB do, in the room that muxers keep before it."""
    data = path.read_bytes()
    start = data.index(b"mdat") - 4
    assert data[start - 4 : start] == b"free"
    (length,) = struct.unpack_from(">I", data, start)
    path.write_bytes(data[: start - 8] + struct.pack(">I4sQ", 1, b"mdat", length + 8) + data[start + 8 :])


@contextmanager
def _refusing() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of a time-stamp authority that stamps nothing, and the requests it received."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_error(503)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/stamp", asked
        finally:
            server.shutdown()
            thread.join()


def test_all_actions_are_included_and_the_description_of_the_mark_is_named(tmp_path: Path, signer: Signer) -> None:
    (path,) = signed_files(tmp_path, signer, (".jpg",))
    found = read_credentials(path, anchors=anchors_of(signer))
    assert found.checker == CHECKER
    assert COMPLETE in found.rubric
    assert AMBIGUOUS not in found.rubric
