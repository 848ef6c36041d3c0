"""Reading: credentials of sound, changed, foreign, broken and hostile files."""

import os
import random
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from c2pa import Builder, C2paSigningAlg, Context, Settings
from c2pa import Signer as C2paSigner

from mien.errors import CertificateUnusable, UnreadableMedia
from mien.media.files.receipt import receipt_path
from mien.provenance.credentials.claim import DISCLOSURE, MARK_ALGORITHM
from mien.provenance.credentials.found import INACCESSIBLE
from mien.provenance.credentials.read import read_credentials
from mien.provenance.credentials.sign import sign_file
from mien.provenance.signing.given import given_signer
from mien.provenance.signing.installation import open_signer
from mien.provenance.signing.signer import Signer
from tests.support import fuzz
from tests.support.authority import Authority
from tests.support.signed import EMBEDDED_KINDS, KINDS, a_claim, anchors_of, pixels_of, same_pixels, write_media

FLIPS = 200
_CREATED = {"action": "c2pa.created", "digitalSourceType": "x"}


def _copy(signed: Path, kind: str, folder: Path) -> Path:
    path = folder / f"out{kind}"
    shutil.copy(signed / path.name, path)
    if kind not in EMBEDDED_KINDS:
        shutil.copy(receipt_path(signed / path.name), receipt_path(path))
    return path


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
    sound, pixels = path.read_bytes(), pixels_of(path)
    chance = random.Random(4)
    told = 0
    for _ in range(FLIPS):
        data = bytearray(sound)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        state = read_credentials(path, anchors=anchors_of(signer)).state
        if state in {"changed", "damaged", "none"}:
            told += 1
        else:
            # What the hash leaves out: room kept free in the manifest, the file type box of videos, and how a picture's
            # manifest is cut into segments.
            assert state == "trusted"
            assert same_pixels(pixels_of(path), pixels)
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
            found = read_credentials(path, anchors=anchors_of(signer))
            assert found.state in {"changed", "damaged"} or (victim != path and sound[place] == 0), found
        victim.write_bytes(sound)


def test_a_receipt_of_another_file_is_told(signed: Path, signer: Signer, tmp_path: Path) -> None:
    path = write_media(tmp_path / "other.mkv", frames=3)
    shutil.copy(receipt_path(signed / "out.mkv"), receipt_path(path))
    found = read_credentials(path, anchors=anchors_of(signer))
    assert (found.state, found.where) == ("changed", "sidecar")
    assert "does not belong" in found.words


def test_a_forged_receipt_is_no_known_signers(tmp_path: Path, signer: Signer) -> None:
    path = write_media(tmp_path / "out.mkv")
    forger = replace(open_signer(tmp_path / "forger"), root=None)
    sign_file(path, a_claim(), forger, parent=None)
    assert read_credentials(path, anchors=anchors_of(signer)).state == "unknown-signer"
    # The certificates of the one with the key of the other: a signature, but not the one that belongs to them.
    sign_file(path, a_claim(), replace(signer, sign=forger.sign), parent=None)
    assert read_credentials(path, anchors=anchors_of(signer)).state in {"changed", "damaged"}


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
    assert len(pixels_of(path)) == len(pixels_of(signed / "out.mp4"))


def test_saving_anew_loses_them(signed: Path, tmp_path: Path) -> None:
    picture = cv2.imread(str(signed / "out.jpg"))
    assert picture is not None
    assert cv2.imwrite(str(tmp_path / "again.jpg"), picture)
    assert read_credentials(tmp_path / "again.jpg").state == "none"


def test_the_name_does_not_matter(signed: Path, signer: Signer, tmp_path: Path) -> None:
    path = tmp_path / "film.txt"
    shutil.copy(signed / "out.mp4", path)
    assert read_credentials(path, anchors=anchors_of(signer)).state == "trusted"


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
    found = read_credentials(path, anchors=anchors_of(signer))
    assert found.state == "trusted"
    assert (found.engine, found.label, found.consents, found.mark_id, found.made_at) == (None, None, (), None, None)


def test_manifests_on_the_network_are_not_fetched(tmp_path: Path, signer: Signer) -> None:
    path = tmp_path / "elsewhere.jpg"
    with _listening() as (port, connections):
        _sign_freely(write_media(tmp_path / "plain.jpg"), path, signer, None, f"http://127.0.0.1:{port}/manifest.c2pa")
        assert b"/manifest.c2pa" in path.read_bytes()
        found = read_credentials(path, anchors=anchors_of(signer))
        made = sign_file(write_media(tmp_path / "out.jpg"), a_claim(), signer, parent=path)
        assert connections == []
    assert (found.state, found.problems) == ("none", (INACCESSIBLE,))
    assert "network" in found.words
    assert "not fetched" in made.warnings[0]


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


def _sign_freely(
    source: Path, path: Path, signer: Signer, assertions: list[dict[str, Any]] | None, elsewhere: str | None = None
) -> None:
    """Sign as a program would that follows none of mien's rules."""
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
    """Yield a port of this machine and the addresses that connected to it."""
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
