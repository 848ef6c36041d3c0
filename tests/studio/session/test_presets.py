"""Presets and saved faces: nothing that was confirmed is lost, whatever else writes."""

import json
import logging
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mien.errors import OutputError, UsageError
from mien.studio.session.database import StudioDatabase
from mien.studio.session.faces import Gallery
from mien.studio.session.presets import MAX_PRESETS, checked, settings_in
from tests.support.deadline import DEADLINE_S
from tests.support.places import ROOT
from tests.support.preset_writer import open_presets, write_for_a_while


def _expected(confirmed: list[dict[str, dict[str, Any] | None]]) -> dict[str, dict[str, Any]]:
    return {name: values for each in confirmed for name, values in each.items() if values is not None}


@pytest.mark.parametrize("seed", range(2))
def test_what_parallel_threads_were_told_is_kept_is_kept(tmp_path: Path, seed: int) -> None:
    confirmed: list[dict[str, dict[str, Any] | None]] = []
    threads = [
        threading.Thread(
            target=lambda writer=writer: confirmed.append(write_for_a_while(tmp_path, writer, 100 * seed + writer))
        )
        for writer in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert len(confirmed) == len(threads)
    assert open_presets(tmp_path).all() == _expected(confirmed)


_PROGRAM = """
import json, sys
from pathlib import Path
from tests.support.preset_writer import write_for_a_while
print("ready", flush=True)
sys.stdin.readline()
print(json.dumps(write_for_a_while(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[2]))))
"""


def test_two_studios_on_one_folder_lose_nothing(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(tmp_path), str(writer)],
            stdin=pipe,
            stdout=pipe,
            text=True,
            cwd=ROOT,
        )
        for writer in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    confirmed = [json.loads(process.communicate(timeout=DEADLINE_S)[0]) for process in processes]
    assert open_presets(tmp_path).all() == _expected(confirmed)


def test_a_preset_of_another_studio_is_seen_at_once(tmp_path: Path) -> None:
    one, two = open_presets(tmp_path), open_presets(tmp_path)
    one.keep({"from one": {"opacity": 0.5}})
    two.keep({"from two": {"opacity": 0.6}})
    assert list(one.known()) == ["from one", "from two"]
    two.remove("from one")
    assert list(one.all()) == ["from two"]


def test_an_import_that_is_too_large_adds_nothing(tmp_path: Path) -> None:
    presets = open_presets(tmp_path)
    presets.keep({str(number): {} for number in range(MAX_PRESETS - 1)})
    with pytest.raises(UsageError, match=str(MAX_PRESETS)):
        presets.keep({"a": {}, "b": {}})
    assert len(presets.all()) == MAX_PRESETS - 1
    presets.keep({"0": {"opacity": 0.1}, "a": {}})
    assert presets.all()["0"] == {"opacity": 0.1}


def test_presets_of_earlier_versions_are_taken_over_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = {"soft": {"opacity": 0.4}, "bad": [1], "half": {"engine": "x"}}
    (tmp_path / "presets.json").write_text(json.dumps(old), "utf-8")
    with caplog.at_level(logging.WARNING):
        presets = open_presets(tmp_path)
    assert presets.all() == {"soft": {"opacity": 0.4}, "half": {"engine": "x"}}
    assert "'bad'" in caplog.text
    presets.remove("soft")
    assert "soft" not in open_presets(tmp_path).all(), "a removed one does not come back"
    assert json.loads((tmp_path / "presets.json").read_text("utf-8")) == old


@pytest.mark.parametrize("broken", [b"{", b"\xff\xfe", b"[]", b"[" * 100_000, b'{"a": {"engine": "\\ud800"}}', b""])
def test_broken_presets_of_earlier_versions_are_named_and_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    (tmp_path / "presets.json").write_bytes(broken)
    with caplog.at_level(logging.WARNING):
        assert open_presets(tmp_path).all() == {}
    assert "presets.json" in caplog.text
    assert "stays as it is" in caplog.text
    assert (tmp_path / "presets.json").read_bytes() == broken


def test_saved_faces_of_earlier_versions_are_taken_over(tmp_path: Path) -> None:
    (tmp_path / "faces" / "abc").mkdir(parents=True)
    (tmp_path / "faces" / "abc" / "face.json").write_text('{"name": "Ada", "photo": "photo.png"}', "utf-8")
    with StudioDatabase(tmp_path).opened() as connection:
        assert connection.execute("SELECT id, facts FROM faces").fetchall() == [
            ("abc", '{"name": "Ada", "photo": "photo.png"}')
        ]


def test_photos_that_two_studios_add_to_a_saved_face_are_both_kept(tmp_path: Path) -> None:
    folder = tmp_path / "faces" / "abc"
    folder.mkdir(parents=True)
    for name in ("photo.png", "thumb.jpg"):
        (folder / name).write_bytes(b"x")
    facts: dict[str, Any] = {"name": "Ada", "consent": "self", "number": None, "photo": "photo.png", "more": []}
    (folder / "face.json").write_text(json.dumps(facts), "utf-8")
    one, two = (_gallery(tmp_path) for _ in range(2))
    for gallery in (one, two):
        (tmp_path / "upload.png").write_bytes(b"y")
        face = gallery.get("abc")
        gallery._note_more(face, gallery._store_more(face, tmp_path / "upload.png"))
    assert len(set(_gallery(tmp_path).get("abc").more)) == 2
    two.remove("abc")
    with pytest.raises(UsageError, match="removed by another studio"):
        one._note_more(one.get("abc"), tmp_path / "upload.png")
    assert _gallery(tmp_path).all() == []


def _gallery(data: Path) -> Gallery:
    """Without models: nothing is looked at."""
    nothing: Any = None
    return Gallery(nothing, nothing, StudioDatabase(data), nothing)


def test_a_damaged_file_is_said_with_a_remedy_and_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / StudioDatabase.FILE
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(OutputError, match="presets") as told:
        open_presets(tmp_path)
    assert "move it away" in told.value.remedy
    assert file.read_bytes().startswith(b"this is no database")


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    presets = open_presets(tmp_path)
    presets.keep({"a": {}})
    with sqlite3.connect(tmp_path / StudioDatabase.FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OutputError, match="newer"):
        open_presets(tmp_path)


def test_choices_and_settings_of_a_newer_version_are_named_and_left_out() -> None:
    newer = {"soft": {"opacity": 0.4, "eyes": "of-tomorrow", "aura": 3, "with": {"face": None, "room": "kitchen"}}}
    presets, left_out = checked(newer)
    assert left_out == ["aura", "eyes"]
    assert (presets["soft"]["opacity"], presets["soft"]["eyes"]) == (0.4, "blend")
    known, unknown = settings_in(newer["soft"])
    assert (known, unknown) == ({"opacity": 0.4}, {"aura", "eyes"})
    with pytest.raises(UsageError):
        checked({"bad": {"opacity": 9}})


def test_a_page_goes_on_with_what_it_knows_when_the_disk_fails(tmp_path: Path) -> None:
    presets = open_presets(tmp_path)
    presets.keep({"a": {"opacity": 0.5}})
    assert presets.known() == {"a": {"opacity": 0.5}}
    (tmp_path / StudioDatabase.FILE).write_bytes(b"x" * 4096)
    assert presets.known() == {"a": {"opacity": 0.5}}
    with pytest.raises(OutputError):
        presets.keep({"b": {}})
