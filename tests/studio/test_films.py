"""Films of a running studio: people looked for, faces given, frames shown, a part swapped."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mien.media.files.moving import open_moving
from mien.provenance.consent import Consents
from mien.provenance.mark.windows import find_mark
from mien.studio.session import films as films_module
from mien.studio.session.film import Film
from mien.studio.session.film_frames import Gone, Overtaken, Turns
from mien.studio.session.film_strip import FilmStrip
from mien.system.database import Database
from mien.testing import FakeClassifier
from mien.types import Image
from tests.support.clips import Clip, make, number
from tests.support.deadline import DEADLINE_S
from tests.support.running_studio import Studio, running_studio
from tests.support.studio_clients import count_frames, decoded
from tests.support.two_people import FRAMES, RATE, WIDTH, two_people

pytestmark = pytest.mark.lasting_server


@pytest.fixture(scope="module")
def lasting_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with running_studio(tmp_path_factory.mktemp("studio")) as running:
        yield running


@pytest.fixture
def studio(lasting_studio: Studio) -> Iterator[Studio]:
    """A studio without films and jobs, before and after."""
    yield lasting_studio
    for film in lasting_studio.state()["films"]:
        lasting_studio.client.delete(f"/api/films/{film['id']}").raise_for_status()
    for _ in range(2):
        for job in lasting_studio.state()["jobs"]:
            lasting_studio.client.delete(f"/api/jobs/{job['id']}").raise_for_status()
        lasting_studio.wait(lambda state: not any(job["state"] == "running" for job in state["jobs"]), "the jobs end")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Path:
    """Collins on the left, for the first half, and Hopper on the right, all the time."""
    folder = tmp_path_factory.mktemp("pair")
    return two_people(examples / "eileen_collins.png", examples / "grace_hopper.jpg", folder / "two.mp4")


def _add(studio: Studio, file: Path, *ends: str) -> str:
    """Give a file to look at, and wait until it is in one of these states."""
    with file.open("rb") as opened:
        answer = studio.client.post("/api/films", files={"file": (file.name, opened)})
    film_id = str(answer.raise_for_status().json()["id"])
    if ends:
        studio.wait(lambda state: _row(state, film_id)["state"] in ends, f"the film is {ends}")
    return film_id


def _row(state: dict[str, Any], film_id: str) -> dict[str, Any]:
    return next(each for each in state["films"] if each["id"] == film_id)


def _film(studio: Studio, film_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = studio.client.get(f"/api/films/{film_id}").raise_for_status().json()
    return answer


def _edit(studio: Studio, film_id: str, key: int, **values: Any) -> dict[str, Any]:
    answer = studio.client.patch(f"/api/films/{film_id}/people/{key}", json=values)
    edited: dict[str, Any] = answer.raise_for_status().json()
    return edited


def test_people_are_found_given_faces_looked_at_and_swapped_in_a_part(studio: Studio, pair: Path, examples: Path) -> None:
    client, film_id = studio.client, _add(studio, pair, "done")
    film = _film(studio, film_id)
    hopper, collins = film["cards"]
    assert [(card["number"], card["times"][0][0]) for card in film["cards"]] == [(1, 0.0), (2, 0.0)]
    assert (hopper["times"][-1][1], collins["times"][-1][1]) == (film["seconds"], 1.5)
    assert film["seconds"] == 3.0
    view = decoded(client.get(f"/api/films/{film_id}/people/{collins['key']}/0.jpg").content)
    assert view.shape == (200, 200, 3)
    before = decoded(client.get(f"/api/films/{film_id}/frame.jpg", params={"time_s": 1}).content)
    with open_moving(pair, max_pixels=10**6, max_bytes=10**8, start_s=1.0) as reader:
        shown = reader.read()
    assert shown is not None
    assert np.abs(before.astype(int) - shown.image).mean() < 4, "the frame of that time"
    nobody = client.get(f"/api/films/{film_id}/swapped.jpg")
    assert (nobody.status_code, "nobody" in nobody.json()["error"]) == (422, True)
    assert client.post(f"/api/films/{film_id}/swap").status_code == 422

    photo = studio.add_face(examples / "grace_hopper.jpg").raise_for_status().json()["id"]
    _edit(studio, film_id, collins["key"], wears=photo, name="Eileen")
    after = decoded(client.get(f"/api/films/{film_id}/swapped.jpg", params={"time_s": 1}).raise_for_status().content)
    changed = cv2.absdiff(after, before).max(axis=2) > 40
    badge = changed[-40:, -60:].sum()
    assert changed[:, : WIDTH // 2].sum() > 300, "she wears a face"
    assert badge > 50, "the badge"
    assert changed[:, WIDTH // 2 :].sum() - badge < 20, "nobody else does"
    found = find_mark([after])
    assert found is not None, "the mark"

    client.patch(f"/api/films/{film_id}", json={"others": "cover"}).raise_for_status()
    covered = decoded(client.get(f"/api/films/{film_id}/swapped.jpg", params={"time_s": 1}).raise_for_status().content)
    assert (cv2.absdiff(covered, before).max(axis=2) > 40)[:, WIDTH // 2 :].sum() > 3000, "all others are covered"
    _edit(studio, film_id, hopper["key"], wears="leave")
    alone = decoded(client.get(f"/api/films/{film_id}/swapped.jpg", params={"time_s": 1}).raise_for_status().content)
    assert (cv2.absdiff(alone, after).max(axis=2) > 40).sum() < 20, "but not a person who stays as they are"

    _edit(studio, film_id, hopper["key"], wears="stand-in-2")
    client.patch(f"/api/films/{film_id}", json={"start_s": 0.5, "end_s": 1.0, "others": "blur"}).raise_for_status()
    job_id = client.post(f"/api/films/{film_id}/swap").raise_for_status().json()["id"]
    state = studio.wait(lambda state: state["jobs"][0]["state"] in {"done", "failed"}, "the job")
    assert state["jobs"][0]["state"] == "done", state["jobs"]
    result = client.get(f"/api/jobs/{job_id}/result")
    assert "two-mien.mp4" in result.headers["content-disposition"]
    assert count_frames(result.content)[0] == 6
    report = client.post("/api/verify", files={"file": ("two-mien.mp4", result.content)}).raise_for_status().json()
    consents = report["credentials"]["details"]["consents"]
    assert sorted(each["basis"] for each in consents) == ["public-domain", "synthetic"], "each face has its own"


def test_a_struck_out_time_is_somebody_elses_in_the_frame_and_in_the_file(studio: Studio, pair: Path, tmp_path: Path) -> None:
    client, film_id = studio.client, _add(studio, pair, "done")
    hopper = _film(studio, film_id)["cards"][0]["key"]
    _edit(studio, film_id, hopper, wears="stand-in-1")
    times = [[0.4, 1.1]]
    assert _edit(studio, film_id, hopper, not_in=times)["cards"][0]["not_in"] == times

    def changed(time_s: float) -> int:
        before, after = (
            decoded(client.get(f"/api/films/{film_id}/{name}.jpg", params={"time_s": time_s}).raise_for_status().content)
            for name in ("frame", "swapped")
        )
        return int((cv2.absdiff(before, after).max(axis=2) > 40)[:-40].sum())

    assert changed(0.75) < 20, "the time is struck out"
    assert changed(2.0) > 300
    _edit(studio, film_id, hopper, not_in=[])
    assert changed(0.75) > 300, "taken back"
    refused = client.patch(f"/api/films/{film_id}/people/{hopper}", json={"not_in": [[0, 3]]})
    assert (refused.status_code, "every view" in refused.json()["error"]) == (422, True)

    _edit(studio, film_id, hopper, not_in=times)
    job_id = client.post(f"/api/films/{film_id}/swap").raise_for_status().json()["id"]
    state = studio.wait(lambda state: state["jobs"][0]["state"] in {"done", "failed"}, "the job")
    assert state["jobs"][0]["state"] == "done", state["jobs"]
    made = tmp_path / "made.mp4"
    made.write_bytes(client.get(f"/api/jobs/{job_id}/result").content)
    pictures = [_frames(file) for file in (pair, made)]
    changed_frames = [int((cv2.absdiff(*both).max(axis=2) > 40)[:-40].sum()) > 300 for both in zip(*pictures, strict=True)]
    struck = [times[0][0] <= number / RATE <= times[0][1] for number in range(FRAMES)]
    assert changed_frames == [not each for each in struck]


def _frames(path: Path) -> list[Image]:
    with open_moving(path, max_pixels=10**6, max_bytes=10**8) as reader:
        return [frame.image for frame in iter(reader.read, None)]


def test_a_frame_of_nudity_is_not_shown_swapped(studio: Studio, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film_id = _add(studio, pair, "done")
    studio.client.patch(f"/api/films/{film_id}", json={"everybody": "stand-in-1"}).raise_for_status()
    monkeypatch.setattr(studio.session.frames, "_classifier", FakeClassifier(0.99))
    answer = studio.client.get(f"/api/films/{film_id}/swapped.jpg")
    assert (answer.status_code, answer.json()["code"]) == (400, "content-refused")


def test_a_revoked_consent_gives_no_frame_and_no_job(studio: Studio, pair: Path, examples: Path) -> None:
    film_id = _add(studio, pair, "done")
    photo = studio.add_face(examples / "eileen_collins.png", "permission").raise_for_status().json()["id"]
    key = _film(studio, film_id)["cards"][0]["key"]
    _edit(studio, film_id, key, wears=photo)
    consents = Consents(Database(studio.data))
    consents.revoke(next(each.id for each in consents.all() if each.statement == "permission"))
    for answer in (
        studio.client.get(f"/api/films/{film_id}/swapped.jpg"),
        studio.client.post(f"/api/films/{film_id}/swap"),
        studio.client.patch(f"/api/films/{film_id}/people/{key}", json={"wears": photo}),
    ):
        assert answer.status_code == 422
        assert "no longer recorded" in answer.json()["error"]
    assert studio.state()["jobs"] == []


def test_files_without_people_and_files_that_are_none_say_why(studio: Studio, tmp_path: Path) -> None:
    grey, text = tmp_path / "grey.png", tmp_path / "letter.mp4"
    cv2.imwrite(str(grey), np.full((200, 300, 3), 90, np.uint8))
    text.write_bytes(b"no video")
    added = [_add(studio, file, "failed") for file in (grey, text)]
    rows = [_row(studio.state(), film_id) for film_id in added]
    assert "no face was found" in rows[0]["message"]
    assert "letter.mp4" in rows[1]["message"]
    assert all(row["remedy"] for row in rows)
    answer = studio.client.get(f"/api/films/{rows[1]['id']}/frame.jpg")
    assert (answer.status_code, "letter.mp4" in answer.json()["error"]) == (400, True)


def test_a_picture_has_people_too(studio: Studio, examples: Path) -> None:
    film_id = _add(studio, examples / "grace_hopper.jpg", "done")
    film = _film(studio, film_id)
    assert (film["picture"], film["seconds"], len(film["cards"])) == (True, None, 1)
    _edit(studio, film_id, film["cards"][0]["key"], wears="stand-in-4")
    before, after = (decoded(studio.client.get(f"/api/films/{film_id}/{name}.jpg").content) for name in ("frame", "swapped"))
    assert before.shape == after.shape
    assert (cv2.absdiff(before, after).max(axis=2) > 40).sum() > 1000


def test_looking_can_be_stopped_and_what_is_removed_leaves_no_file(studio: Studio, examples: Path, pair: Path) -> None:
    before = set(studio.uploads.iterdir())
    running, waiting = _add(studio, examples / "clip.mp4"), _add(studio, pair)
    studio.wait(lambda state: _row(state, running)["frames"] > 2, "frames")
    for film_id in (waiting, running):
        studio.client.post(f"/api/films/{film_id}/stop").raise_for_status()
    studio.wait(lambda state: all(_row(state, each)["state"] == "stopped" for each in (running, waiting)), "both stop")
    again = _add(studio, examples / "clip.mp4")
    studio.wait(lambda state: _row(state, again)["frames"] > 2, "frames again")
    for film_id in (running, waiting, again):
        studio.client.delete(f"/api/films/{film_id}").raise_for_status()
    studio.wait(lambda state: set(studio.uploads.iterdir()) == before, "the files are gone, also the one that was being read")
    assert studio.client.get(f"/api/films/{again}").status_code == 422


def test_a_job_shows_its_people_once_and_outlives_the_film(studio: Studio, pair: Path) -> None:
    studio.client.post("/api/faces/stand-in-1/select").raise_for_status()
    with pair.open("rb") as file:
        job_id = studio.client.post("/api/jobs", files={"file": ("two.mp4", file)}).json()["id"]
    first, second = (studio.client.post(f"/api/films/of-job/{job_id}").raise_for_status().json()["id"] for _ in range(2))
    assert first == second
    studio.client.delete(f"/api/films/{first}").raise_for_status()
    state = studio.wait(lambda state: state["jobs"][0]["state"] in {"done", "failed"}, "the job")
    assert state["jobs"][0]["state"] == "done", "its file is its own"
    assert studio.client.post("/api/films/of-job/x").status_code == 422


def test_films_are_bounded_and_odd_requests_are_refused(
    studio: Studio, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(films_module, "_MAX_FILMS", 1)
    film_id, before = _add(studio, examples / "grace_hopper.jpg", "done"), set(studio.uploads.iterdir())
    with (examples / "grace_hopper.jpg").open("rb") as file:
        refused = studio.client.post("/api/films", files={"file": ("a.jpg", file)})
    assert (refused.status_code, set(studio.uploads.iterdir()) == before) == (422, True)
    base = f"/api/films/{film_id}"
    key = _film(studio, film_id)["cards"][0]["key"]
    for path, body in (
        (base, {"others": "delete"}),
        (base, {"start_s": 5, "end_s": 2}),
        (base, {"everybody": "nobody I know"}),
        (f"{base}/people/{key}", {"wears": "nobody I know"}),
        (f"{base}/people/{key}", {"into": key}),
        (f"{base}/people/99", {"name": "x"}),
    ):
        assert studio.client.patch(path, json=body).status_code == 422, body
    for path in (f"{base}/people/99/0.jpg", f"{base}/frame.jpg?time_s=-1", f"{base}/frame.jpg?time_s=nan", "/api/films/x"):
        assert studio.client.get(path).status_code == 422, path


def test_a_picture_is_there_before_the_exact_frame_is_decoded(studio: Studio, tmp_path: Path) -> None:
    film = make(tmp_path / "sparse.mp4", Clip(frames=60, size=(320, 240), options={"x264-params": "keyint=250:scenecut=0"}))
    film_id, at = _add(studio, film, "failed"), {"time_s": 2.0}

    def ask(name: str, **where: float) -> tuple[int, str | None]:
        answer = studio.client.get(f"/api/films/{film_id}/{name}.jpg", params={**at, **where}).raise_for_status()
        return number(decoded(answer.content)), answer.headers.get("x-exact")

    near, exact = ask("soon")
    assert abs(near - 50 % 24) <= 2, "kept while people were looked for"
    assert exact == "0"
    studio.session.films.get(film_id).strip = FilmStrip()
    assert ask("soon") == (0, "0"), "the key frame before it"
    assert ask("frame") == (50 % 24, None)
    assert ask("soon") == (50 % 24, "1"), "the exact frame is remembered"
    assert ask("frame", time_s=9.0)[0] == 59 % 24, "the last one"


def test_a_frame_that_nobody_waits_for_is_given_up(studio: Studio, pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film_id = _add(studio, pair, "done")
    begun, ended = threading.Event(), threading.Event()

    def endless(film: Film, time_s: float, gone: Gone) -> bytes:
        begun.set()
        while not gone():
            threading.Event().wait(0.01)
        ended.set()
        raise Overtaken

    monkeypatch.setattr(studio.session.frames, "as_it_is", endless)
    address = studio.base.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), DEADLINE_S) as page:
        head = f"GET /api/films/{film_id}/frame.jpg HTTP/1.1\r\nHost: {':'.join(address)}\r\n"
        page.sendall(f"{head}Authorization: Bearer {studio.access.token}\r\n\r\n".encode())
        assert begun.wait(DEADLINE_S)
        assert not ended.is_set()
    assert ended.wait(DEADLINE_S), "the work ends with the connection"


def test_the_way_to_a_frame_ends_when_nobody_waits(studio: Studio, pair: Path) -> None:
    film = studio.session.films.get(_add(studio, pair, "done"))
    with pytest.raises(Overtaken):
        studio.session.frames.as_it_is(film, 2.0, lambda: True)
    assert studio.session.frames.as_it_is(film, 2.0), "the next one has its turn"


def test_of_waiting_requests_the_newest_goes_next_and_the_others_give_up() -> None:
    turns, ended = Turns(), []

    def ask(name: str) -> None:
        try:
            with turns.take():
                ended.append(name)
        except Overtaken:
            ended.append(f"{name} gave up")

    with turns.take():
        second = threading.Thread(target=ask, args=("second",))
        second.start()
        while turns.waiting < 1:
            threading.Event().wait(0.01)
        third = threading.Thread(target=ask, args=("third",))
        third.start()
        second.join()
        assert ended == ["second gave up"]
    third.join()
    assert ended == ["second gave up", "third"]
