"""People of the live picture of a running studio: numbers, parts, and the one who enrols."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from mien.live import enrolment
from mien.studio.session import live_people
from mien.studio.session.preview import HEADER
from tests.support.deadline import DEADLINE_S
from tests.support.portraits import COLLINS, HOPPER
from tests.support.running_studio import Studio, loop_clip
from tests.support.side_by_side import write_side_by_side
from tests.support.studio_clients import next_bytes, open_socket


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_side_by_side(tmp_path_factory.mktemp("people") / "two.mp4")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_people, "ENROLMENT_S", 0.5)
    monkeypatch.setattr(live_people, "PATIENCE_S", DEADLINE_S)


@contextmanager
def watching(studio: Studio) -> Iterator[ClientConnection]:
    with open_socket(studio, "/ws/preview") as socket:
        socket.send(json.dumps({"want": {"faces": True, "width": 320}}))
        yield socket


def faces(socket: ClientConnection) -> list[dict[str, Any]]:
    """Return the faces of the next frame, from left to right."""
    message = next_bytes(socket)
    sequence, length, _, after, before = HEADER.unpack_from(message)
    socket.send(json.dumps({"ack": sequence}))
    told = message[HEADER.size + after + before :]
    assert len(told) == length
    return sorted(json.loads(told), key=lambda face: float(face["place"][0])) if told else []


def fates_when(socket: ClientConnection, wanted: list[str]) -> list[dict[str, Any]]:
    seen: list[list[str]] = []
    for _ in range(600):
        found = faces(socket)
        seen.append([face["fate"] for face in found])
        if seen[-1] == wanted:
            return found
    raise AssertionError(f"never {wanted}: {seen[-20:]}")


def test_a_person_is_given_a_face_and_alone_wears_one(studio: Studio, clip: Path) -> None:
    hopper = studio.wear(HOPPER)
    collins = str(studio.add_face(COLLINS).raise_for_status().json()["id"])
    loop_clip(studio, clip)
    with watching(studio) as socket:
        both = fates_when(socket, ["worn", "worn"])
        assert sorted(face["number"] for face in both) == [1, 2]
        left = both[0]["number"]
        answer = studio.client.put(f"/api/people/{left}", json={"face": collins}).raise_for_status().json()
        assert answer["given"] == [{"number": left, "face": collins}]
        studio.client.put("/api/people", json={"reach": "chosen", "others": "cover"}).raise_for_status()
        assert fates_when(socket, ["worn", "covered"])[0]["number"] == left
        assert set(studio.session.wardrobe.consents) == {collins}, "the face that nobody wears is not stated"
        studio.client.put("/api/people", json={"reach": "chosen", "others": "leave"}).raise_for_status()
        fates_when(socket, ["worn", "left"])
        studio.client.put(f"/api/people/{left}", json={"face": hopper}).raise_for_status()
        studio.client.delete(f"/api/faces/{hopper}").raise_for_status()
        assert studio.state()["people"]["given"] == []
        fates_when(socket, ["hidden", "hidden"])


def test_only_who_enrols_wears_the_face(studio: Studio, clip: Path) -> None:
    studio.wear(HOPPER)
    loop_clip(studio, clip)
    with watching(studio) as socket:
        fates_when(socket, ["worn", "worn"])
        answer = studio.client.post("/api/people/me").raise_for_status().json()
        assert (answer["reach"], answer["enrolled"], answer["others"]) == ("me", True, "cover")
        for _ in range(600):
            found = faces(socket)
            if sorted(face["fate"] for face in found) == ["covered", "worn"]:
                break
        (me,) = [face for face in found if face["fate"] == "worn"]
        assert me["number"] == 0
        answer = studio.client.delete("/api/people/me").raise_for_status().json()
        assert (answer["reach"], answer["enrolled"]) == ("chosen", False)
        fates_when(socket, ["covered", "covered"])


def test_an_enrolment_that_saw_too_little_says_why(studio: Studio, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop_clip(studio, clip)
    with watching(studio) as socket:
        fates_when(socket, ["hidden", "hidden"])
    monkeypatch.setattr(live_people, "PATIENCE_S", 1.0)
    monkeypatch.setattr(enrolment, "_hindrance", lambda face, size_wh: "small")
    answer = studio.client.post("/api/people/me")
    assert (answer.status_code, answer.json()["error"]) == (422, "the face was too small to know it again")
    assert "40 pixels" in answer.json()["remedy"]


def test_everyone_but_one_person_is_anonymised(studio: Studio, clip: Path) -> None:
    loop_clip(studio, clip)
    with watching(studio) as socket:
        fates_when(socket, ["hidden", "hidden"])
        studio.client.put("/api/people", json={"reach": "chosen", "others": "cover"}).raise_for_status()
        right = fates_when(socket, ["covered", "covered"])[1]["number"]
        studio.client.put(f"/api/people/{right}", json={"face": None}).raise_for_status()
        assert fates_when(socket, ["covered", "left"])[1]["number"] == right
        assert studio.session.wardrobe.consents == {}


def test_what_makes_no_sense_is_refused_in_words(studio: Studio) -> None:
    def said(method: str, path: str, body: object = None) -> str:
        answer = studio.client.request(method, path, json=body)
        assert answer.status_code == 422
        return str(answer.json()["error"])

    assert "no live picture" in said("POST", "/api/people/me")
    assert "nobody is enrolled" in said("PUT", "/api/people", {"reach": "me", "others": "cover"})
    assert "reach" in said("PUT", "/api/people", {"reach": "all", "others": "cover"})
    assert "others" in said("PUT", "/api/people", {"reach": "chosen", "others": "swap"})
    assert "number 5" in said("PUT", "/api/people/5", {"face": None})
    assert studio.client.put("/api/people/five", json={"face": None}).status_code in {400, 422}
    assert studio.state()["people"]["reach"] == "everyone"
