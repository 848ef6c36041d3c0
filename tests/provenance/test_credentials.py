"""Signed credentials: what is written, what is read of sound, changed, foreign, broken and hostile files."""

import json
import os
import random
import shutil
import socket
import stat
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from c2pa import Builder, C2paSigningAlg, Context, Reader, Settings
from c2pa import Signer as C2paSigner
from cryptography.x509.oid import ObjectIdentifier

import mien
from mien.errors import CertificateUnusable, MienError, OutputError, SigningFailed, UnreadableMedia
from mien.media.files.receipt import receipt_path
from mien.media.files.statement import DIGITAL_SOURCE_TYPE
from mien.provenance.credentials.claim import DISCLOSURE, MARK_ALGORITHM
from mien.provenance.credentials.found import INACCESSIBLE
from mien.provenance.credentials.library import HashBlocks
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.sign import sign_file
from mien.provenance.signing.given import command_signer, given_signer
from mien.provenance.signing.installation import open_signer
from mien.provenance.signing.signer import Signer
from tests.support import fuzz
from tests.support.authority import Authority
from tests.support.signed import EMBEDDED_KINDS, KINDS, MARK_ID, a_claim, signed_files, write_media

FLIPS = 200
_CREATED = {"action": "c2pa.created", "digitalSourceType": "x"}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return open_signer(tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    """A folder with out.jpg, out.mp4 and so on, signed."""
    folder = tmp_path_factory.mktemp("signed")
    signed_files(folder, signer)
    return folder


def _anchors(signer: Signer) -> list[bytes]:
    assert signer.root is not None
    return [signer.root]


def _copy(signed: Path, kind: str, folder: Path) -> Path:
    path = folder / f"out{kind}"
    shutil.copy(signed / path.name, path)
    if kind not in EMBEDDED_KINDS:
        shutil.copy(receipt_path(signed / path.name), receipt_path(path))
    return path


def _pixels(path: Path) -> list[Any]:
    """All pictures as they are decoded; [] when they cannot be."""
    if path.suffix in {".mp4", ".mov", ".mkv"}:
        try:
            with av.open(str(path)) as container:
                return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
        except (av.FFmpegError, IndexError):
            return []
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return [] if picture is None else [picture]


def _same(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _manifest(path: Path) -> dict[str, Any]:
    """The active manifest as the library shows it to anybody."""
    with path.open("rb") as file, Reader("image/jpeg" if path.suffix == ".jpg" else "video/mp4", file) as reader:
        report = json.loads(reader.json())
    manifest: dict[str, Any] = report["manifests"][report["active_manifest"]]
    return manifest


# What is written.


@pytest.mark.parametrize("kind", KINDS)
def test_a_signed_file_says_what_was_claimed(signed: Path, signer: Signer, kind: str) -> None:
    found = read_credentials(signed / f"out{kind}", anchors=_anchors(signer))
    claim = a_claim(f"out{kind}")
    assert found.state == "trusted"
    assert found.where == ("embedded" if kind in EMBEDDED_KINDS else "sidecar")
    assert found.signer == signer.name
    assert found.signed_at is None, "the time is not stamped"
    assert found.generator == f"mien {mien.__version__}"
    for name in ("title", "engine", "mark_id", "label", "label_note", "consent", "consent_at", "made_at"):
        assert getattr(found, name) == getattr(claim, name), name
    assert found.actions == ("c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound")
    assert found.digital_source_types == (DIGITAL_SOURCE_TYPE,)
    (parent,) = found.ingredients
    assert (parent.title, parent.relationship, parent.state) == (f"target{kind}", "parentOf", "none")
    assert found.problems == ()


@pytest.mark.parametrize("kind", KINDS)
def test_signing_changes_no_pixel(signer: Signer, tmp_path: Path, kind: str) -> None:
    path = write_media(tmp_path / f"out{kind}")
    pixels = _pixels(path)
    sign_file(path, a_claim(), signer, parent=None)
    assert pixels
    assert _same(_pixels(path), pixels)


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
    found = read_credentials(path, anchors=_anchors(signer))
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
    pixels = _pixels(path)
    assert len(pixels) == 30
    sign_file(path, a_claim(), signer, parent=None, blocks=blocks)
    assert read_credentials(path, anchors=_anchors(signer)).state == "trusted"
    assert _same(_pixels(path), pixels)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"mdat") + 500] ^= 1
    path.write_bytes(data)
    assert read_credentials(path, anchors=_anchors(signer)).state == "changed"


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


# The file that was changed, and what it carries.


def test_the_parents_credentials_are_kept(tmp_path: Path, signer: Signer) -> None:
    authority = Authority()
    camera = given_signer(*authority.write(tmp_path, name="A Camera"))
    parent, path = write_media(tmp_path / "photo.jpg"), write_media(tmp_path / "out.png")
    sign_file(parent, a_claim("photo.jpg"), camera, parent=None)
    made = sign_file(path, a_claim("out.png"), signer, parent=parent)
    assert made.warnings == ()
    found = read_credentials(path, anchors=_anchors(signer))
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
    found = read_credentials(path, anchors=_anchors(signer))
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
    found = read_credentials(path, anchors=_anchors(signer))
    assert (found.state, found.ingredients[0].title) == ("trusted", "photo.jpg")
    assert b"could not be kept" in path.read_bytes()


def test_credentials_that_the_file_has_already_are_kept(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim("first.jpg"), signer, parent=None)
    sign_file(path, a_claim("second.jpg"), signer, parent=None)
    found = read_credentials(path, anchors=_anchors(signer))
    assert (found.state, found.title, len(found.ingredients)) == ("trusted", "second.jpg", 1)


# States.


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_root_the_signer_is_unknown(signed: Path, kind: str) -> None:
    found = read_credentials(signed / f"out{kind}", anchors=[Authority().root_pem])
    assert found.state == "unknown-signer"
    assert found.problems == ("signingCredential.untrusted",)


@pytest.mark.parametrize("kind", KINDS)
def test_unsigned_files_have_none(signed: Path, kind: str) -> None:
    found = read_credentials(signed / f"target{kind}")
    assert (found.state, found.where, found.problems) == ("none", None, ())
    assert "says nothing" in found.words


def test_words_never_judge_what_is_true(signed: Path) -> None:
    found = read_credentials(signed / "out.jpg")
    states = ("trusted", "unknown-signer", "expired", "changed", "damaged", "none")
    words = [replace(found, state=state, where=where).words for state in states for where in ("embedded", "sidecar")]  # type: ignore[arg-type]
    assert not [each for each in words for bad in ("real", "fake", "authentic", "genuine") if bad in each.lower()]
    assert len(set(words)) >= len(states)


@pytest.mark.parametrize("kind", [".mp4", ".jpg"])
def test_every_flipped_bit_is_told_or_harmless(signer: Signer, tmp_path: Path, kind: str) -> None:
    path = write_media(tmp_path / f"out{kind}", 24, 640, 480)
    sign_file(path, a_claim(path.name), signer, parent=None)
    sound, pixels = path.read_bytes(), _pixels(path)
    chance = random.Random(4)
    told = 0
    for _ in range(FLIPS):
        data = bytearray(sound)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        state = read_credentials(path, anchors=_anchors(signer)).state
        if state in {"changed", "damaged", "none"}:
            told += 1
        else:
            # What the hash leaves out: room kept free in the manifest, the file type box of videos, and how a picture's
            # manifest is cut into segments.
            assert state == "trusted"
            assert _same(_pixels(path), pixels)
    assert told >= 0.9 * FLIPS


def test_every_flipped_bit_of_a_receipt_or_its_file_is_told(signed: Path, signer: Signer, tmp_path: Path) -> None:
    path = _copy(signed, ".mkv", tmp_path)
    chance = random.Random(5)
    for victim in (path, receipt_path(path)):
        sound = victim.read_bytes()
        for _ in range(FLIPS // 4):
            data = bytearray(sound)
            place = chance.randrange(len(data))
            data[place] ^= 1 << chance.randrange(8)
            victim.write_bytes(data)
            found = read_credentials(path, anchors=_anchors(signer))
            assert found.state in {"changed", "damaged"} or (victim != path and sound[place] == 0), found
        victim.write_bytes(sound)


def test_a_receipt_of_another_file_is_told(signed: Path, signer: Signer, tmp_path: Path) -> None:
    path = write_media(tmp_path / "other.mkv", frames=3)
    shutil.copy(receipt_path(signed / "out.mkv"), receipt_path(path))
    found = read_credentials(path, anchors=_anchors(signer))
    assert (found.state, found.where) == ("changed", "sidecar")
    assert "does not belong" in found.words


def test_a_forged_receipt_is_no_known_signers(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "out.mkv")
    forger = replace(open_signer(tmp_path / "forger"), root=None)
    sign_file(path, a_claim(), forger, parent=None)
    assert read_credentials(path, anchors=_anchors(signer)).state == "unknown-signer"
    # The certificates of the one with the key of the other: a signature, but not the one that belongs to them.
    sign_file(path, a_claim(), replace(signer, sign=forger.sign), parent=None)
    assert read_credentials(path, anchors=_anchors(signer)).state in {"changed", "damaged"}


@pytest.mark.parametrize("receipt", [b"", b"\0", b"junk" * 99, b"\0\0\0\x20jumb\0\0\0\x18jumd"])
def test_a_receipt_that_is_none_is_damaged(tmp_path: Path, receipt: bytes) -> None:
    path = write_media(tmp_path / "out.mkv")
    receipt_path(path).write_bytes(receipt)
    assert read_credentials(path).state == "damaged"


def test_credentials_outlive_their_certificate_only_as_expired(tmp_path: Path) -> None:
    authority = Authority()
    start = datetime.now(UTC) - timedelta(days=1)
    end = datetime.now(UTC) + timedelta(seconds=3)
    brief = authority.write(tmp_path, start=start, life=end - start)
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim(), given_signer(*brief), parent=None)
    # Certificates count whole seconds.
    while datetime.now(UTC) < end + timedelta(seconds=1.2):
        time.sleep(0.1)
    assert read_credentials(path, anchors=[authority.root_pem]).state == "expired"
    assert read_credentials(path).state == "expired"


def test_passing_the_streams_on_loses_them(signed: Path, tmp_path: Path) -> None:
    path = tmp_path / "remuxed.mp4"
    with av.open(str(signed / "out.mp4")) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert read_credentials(path).state == "none"
    assert len(_pixels(path)) == len(_pixels(signed / "out.mp4"))


def test_saving_anew_loses_them(signed: Path, tmp_path: Path) -> None:
    picture = cv2.imread(str(signed / "out.jpg"))
    assert picture is not None
    assert cv2.imwrite(str(tmp_path / "again.jpg"), picture)
    assert read_credentials(tmp_path / "again.jpg").state == "none"


def test_the_name_does_not_matter(signed: Path, signer: Signer, tmp_path: Path) -> None:
    path = tmp_path / "film.txt"
    shutil.copy(signed / "out.mp4", path)
    assert read_credentials(path, anchors=_anchors(signer)).state == "trusted"


# Fail closed.


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


# Hostile input.


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing"])
def test_what_is_no_file_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "thing"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no pipes with names")
        os.mkfifo(path)
    with pytest.raises(UnreadableMedia):
        read_credentials(path)


def test_an_anchor_that_is_no_certificate_is_told(signed: Path) -> None:
    with pytest.raises(CertificateUnusable):
        read_credentials(signed / "out.jpg", anchors=[b"not a certificate"])


def test_texts_of_a_manifest_cannot_move_the_cursor(tmp_path: Path) -> None:
    name = "Evil \u202e\x1b[2J\nSigner" + "x" * 20
    other = given_signer(*Authority().write(tmp_path, name=name))
    path = write_media(tmp_path / "out.jpg")
    sign_file(path, a_claim("\x1b]0;title\x07" + "t" * 5000, label_note="a\u202eb"), other, parent=None)
    found = read_credentials(path)
    assert found.signer is not None
    assert found.signer.startswith("Evil [2JSigner")
    assert found.title is not None
    assert found.title.startswith("]0;title")
    assert len(found.title) <= 200
    assert found.label_note == "ab"
    assert found.words.isprintable()


def test_assertions_of_other_shapes_are_borne(tmp_path: Path, signer: Signer) -> None:
    odd: list[dict[str, Any]] = [
        {
            "label": "c2pa.actions.v2",
            "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": "x", "when": "soon"}]},
        },
        {"label": DISCLOSURE, "data": {"label": [1, 2], "consent": "yes", "engine": {"a": None}}},
        {"label": "c2pa.soft-binding", "data": {"alg": MARK_ALGORITHM, "blocks": [{"scope": {}, "value": "0xZZ"}]}},
    ]
    path = tmp_path / "odd.jpg"
    _sign_freely(write_media(tmp_path / "plain.jpg"), path, signer, odd)
    found = read_credentials(path, anchors=_anchors(signer))
    assert found.state == "trusted"
    assert (found.engine, found.label, found.consent, found.mark_id, found.made_at) == (None, None, None, None, None)


def test_manifests_on_the_network_are_not_fetched(tmp_path: Path, signer: Signer) -> None:
    path = tmp_path / "elsewhere.jpg"
    with _listening() as (port, connections):
        _sign_freely(write_media(tmp_path / "plain.jpg"), path, signer, None, f"http://127.0.0.1:{port}/manifest.c2pa")
        assert b"/manifest.c2pa" in path.read_bytes()
        found = read_credentials(path, anchors=_anchors(signer))
        made = sign_file(write_media(tmp_path / "out.jpg"), a_claim(), signer, parent=path)
        assert connections == []
    assert (found.state, found.problems) == ("none", (INACCESSIBLE,))
    assert "network" in found.words
    assert "not fetched" in made.warnings[0]


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


def test_broken_files_are_told_and_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    sounds = fuzz.samples("credentials", tmp_path / "sound")
    chance = random.Random(6)
    states = dict.fromkeys(("trusted", "unknown-signer", "expired", "changed", "damaged", "none"), 0)
    for _ in range(600):
        states[read_credentials(fuzz.lay(fuzz.broken(chance, sounds), tmp_path)).state] += 1
    assert states["trusted"] == 0
    assert states["changed"] > 40
    assert states["damaged"] > 40


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


def _sign_freely(
    source: Path, path: Path, signer: Signer, assertions: list[dict[str, Any]] | None, elsewhere: str | None = None
) -> None:
    """Sign as somebody else would who follows no rules of ours."""
    off = {"enabled": False}
    settings = Settings.from_dict({"builder": {"thumbnail": off, "actions": {"auto_created_action": off}}})
    c2pa_signer = C2paSigner.from_callback(signer.sign, C2paSigningAlg.ES256, signer.certificates.decode())
    created = {"label": "c2pa.actions.v2", "data": {"actions": [_CREATED]}}
    with Builder({"assertions": assertions or [created]}, Context(settings, c2pa_signer)) as builder:
        if elsewhere:
            builder.set_no_embed()
            builder.set_remote_url(elsewhere)
        with source.open("rb") as file, path.open("w+b") as signed:
            builder.sign("image/jpeg", file, signed)


@contextmanager
def _listening() -> Iterator[tuple[int, list[Any]]]:
    """A port of this machine, and who has called it."""
    connections: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        stop = threading.Event()

        def listen() -> None:
            while not stop.is_set():
                try:
                    connection, address = server.accept()
                except TimeoutError:
                    continue
                connections.append(address)
                connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield server.getsockname()[1], connections
        finally:
            stop.set()
            thread.join()


@contextmanager
def _refusing() -> Iterator[tuple[str, list[str]]]:
    """A time-stamp authority that stamps nothing, and what it was asked for."""
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
