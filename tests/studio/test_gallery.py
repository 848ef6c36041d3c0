"""The gallery of a running studio."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from mien.assembly import embedded_networks, stand_ins
from mien.errors import AdulthoodNeeded
from mien.provenance.consent import Consents
from mien.system.database import Database
from mien.testing import FakeAgeEstimator
from tests.support.running_studio import Studio, running_studio
from tests.support.studio_clients import decoded


class TestFaces:
    """The gallery."""

    def test_a_face_needs_consent(self, studio: Studio, examples: Path) -> None:
        answer = studio.add_face(examples / "eileen_collins.png", consent="finders keepers")
        assert answer.status_code == 422
        assert "consent" in answer.json()["remedy"]
        silent = studio.client.post("/api/faces", files={"photo": ("a.png", (examples / "eileen_collins.png").read_bytes())})
        assert silent.status_code == 422
        assert silent.json()["code"] == "consent-needed"
        assert studio.state()["faces"] == []
        assert not list(studio.uploads.iterdir())

    def test_a_statement_is_asked_for_once_and_holds_until_it_is_revoked(self, studio: Studio, examples: Path) -> None:
        photo = {"photo": ("a.png", (examples / "eileen_collins.png").read_bytes())}
        first = studio.wear(examples / "eileen_collins.png")
        again = studio.client.post("/api/faces", files=photo)
        assert again.status_code == 201, "the photo is known"
        consents = Consents(Database(studio.data))
        (kept,) = consents.all()
        assert (kept.statement, kept.photo) == ("public-domain", "eileen_collins")
        consents.revoke(kept.id)
        refused = studio.client.post(f"/api/faces/{first}/select")
        assert refused.status_code == 422
        assert "no longer recorded" in refused.json()["error"]
        assert studio.client.post("/api/faces", files=photo).json()["code"] == "consent-needed"

    def test_a_face_is_added_shown_worn_and_removed(self, studio: Studio, examples: Path) -> None:
        face_id = studio.wear(examples / "eileen_collins.png")
        state = studio.state()
        assert state["face"] == face_id
        described = {"id": face_id, "name": "eileen_collins", "consent": "public-domain", "saved": False}
        assert state["faces"] == [{**described, "photos": 1, "warnings": [], "score": 100}]
        thumb = studio.client.get(f"/api/faces/{face_id}/thumb.jpg")
        height, width = decoded(thumb.content).shape[:2]
        assert 100 < height == width <= 192
        assert studio.client.delete(f"/api/faces/{face_id}").status_code == 204
        assert studio.state()["face"] is None
        assert not list(studio.uploads.iterdir()), "a removed photo leaves nothing behind"

    def test_a_saved_face_is_there_next_time_and_others_are_not(self, tmp_path: Path, examples: Path) -> None:
        for folder in ("first", "second"):
            (tmp_path / folder).mkdir()
        with running_studio(tmp_path / "first") as studio:
            kept = studio.wear(examples / "eileen_collins.png")
            studio.add_face(examples / "grace_hopper.jpg")
            assert studio.client.post(f"/api/faces/{kept}/save").status_code == 200
            (tmp_path / "first" / "data").rename(tmp_path / "second" / "data")
        with running_studio(tmp_path / "second") as studio:
            assert [face["id"] for face in studio.state()["faces"]] == [kept]
            assert studio.client.post(f"/api/faces/{kept}/select").json() == {"face": kept}
            studio.client.delete(f"/api/faces/{kept}")
            assert not list((tmp_path / "second" / "data" / "faces").iterdir())

    def test_further_photos_of_the_same_person_are_taken_and_kept(self, tmp_path: Path, examples: Path) -> None:
        for folder in ("first", "second"):
            (tmp_path / folder).mkdir()
        photo = np.asarray(cv2.imread(str(examples / "eileen_collins.png")), np.uint8)
        brighter = bytes(cv2.imencode(".png", cv2.convertScaleAbs(photo, alpha=1.1, beta=4))[1])
        stranger = (examples / "grace_hopper.jpg").read_bytes()
        with running_studio(tmp_path / "first") as studio:
            face_id = studio.wear(examples / "eileen_collins.png")
            address = f"/api/faces/{face_id}/photos"
            refused = studio.client.post(address, files={"photo": ("b.jpg", stranger)})
            assert refused.status_code == 422
            assert "another person" in refused.json()["error"]
            assert studio.client.post(address, files={"photo": ("c.png", brighter)}).json() == {"photos": 2}
            assert studio.client.post(f"/api/faces/{face_id}/save").status_code == 200
            assert studio.client.post(address, files={"photo": ("d.png", brighter)}).json() == {"photos": 3}
            (tmp_path / "first" / "data").rename(tmp_path / "second" / "data")
        with running_studio(tmp_path / "second") as studio:
            assert [face["photos"] for face in studio.state()["faces"]] == [3]
            assert studio.client.post(f"/api/faces/{face_id}/select").json() == {"face": face_id}
            studio.client.delete(f"/api/faces/{face_id}")
            assert not list((tmp_path / "second" / "data" / "faces").iterdir())

    def test_a_clip_of_the_person_is_taken_beside_the_photo_or_alone(
        self, studio: Studio, examples: Path, small_clip: Path
    ) -> None:
        clip = small_clip.read_bytes()
        stranger, face_id = studio.wear(examples / "eileen_collins.png"), studio.wear(examples / "grace_hopper.jpg")
        refused = studio.client.post(f"/api/faces/{stranger}/photos", files={"photo": ("talk.mp4", clip)})
        assert refused.status_code == 422
        assert "people than the photo" in refused.json()["error"] or "another person" in refused.json()["error"]
        added = studio.client.post(f"/api/faces/{face_id}/photos", files={"photo": ("talk.mp4", clip)})
        assert added.json() == {"photos": 2}
        alone = studio.add_face(small_clip)
        assert alone.status_code == 201
        assert studio.client.get(f"/api/faces/{alone.json()['id']}/thumb.jpg").status_code == 200

    def test_several_faces_are_shown_with_numbers(self, studio: Studio, examples: Path, tmp_path: Path) -> None:
        one = cv2.imread(str(examples / "eileen_collins.png"))
        two = cv2.imread(str(examples / "grace_hopper.jpg"))
        assert one is not None
        assert two is not None
        two = cv2.resize(two, (one.shape[1], one.shape[0]))
        cv2.imwrite(str(tmp_path / "group.png"), np.hstack([one, two]))
        answer = studio.add_face(tmp_path / "group.png")
        assert answer.status_code == 409
        assert answer.json()["code"] == "several"
        assert answer.json()["count"] == 2
        assert answer.json()["picture"].startswith("data:image/jpeg;base64,")
        assert studio.add_face(tmp_path / "group.png", number=2).status_code == 201

    @pytest.mark.lasting_server
    @pytest.mark.parametrize(
        ("name", "content", "status"),
        [
            ("empty.jpg", b"", 400),
            ("text.jpg", b"not a picture at all", 400),
            ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 400),
            ("../../etc/passwd", b"nor is this", 400),
        ],
    )
    def test_what_is_no_picture_is_refused_with_a_reason(
        self, same_studio: Studio, name: str, content: bytes, status: int
    ) -> None:  # fmt: skip
        answer = same_studio.client.post("/api/faces", files={"photo": (name, content)}, data={"consent": "self"})
        assert answer.status_code == status
        assert answer.json()["error"]
        assert answer.json()["remedy"]
        assert str(same_studio.uploads) not in answer.text
        assert not list(same_studio.uploads.iterdir())

    @pytest.mark.lasting_server
    def test_a_picture_of_200_megapixels_is_refused_before_it_is_decoded(self, same_studio: Studio) -> None:
        header = struct.pack(">II5B", 20_000, 10_000, 8, 2, 0, 0, 0)
        chunk = b"IHDR" + header
        bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
        bomb += struct.pack(">I", 60) + b"IDAT"
        answer = same_studio.client.post("/api/faces", files={"photo": ("big.png", bomb + bytes(64))}, data={"consent": "self"})
        assert answer.status_code == 413
        assert "pixels" in answer.json()["error"]

    @pytest.mark.lasting_server
    def test_an_upload_that_is_too_large_ends_before_it_is_stored(self, same_studio: Studio) -> None:

        def endless() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
            for _ in range(300):
                yield bytes(1_000_000)

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        # The server may close the connection while we still send.
        with suppress(httpx.TransportError):
            assert same_studio.client.post("/api/faces", content=endless(), headers=headers).status_code == 413
        assert not list(same_studio.uploads.iterdir())


class TestAges:
    """Faces that look like a child's or an adolescent's."""

    @staticmethod
    def looks(monkeypatch: pytest.MonkeyPatch, *ages: float) -> None:
        """Fix the ages for the studios that start from now on."""
        monkeypatch.setattr(embedded_networks, "AgeNet", lambda session: FakeAgeEstimator(*ages))

    def test_a_child_is_refused(self, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks(monkeypatch, 9.0)
        with running_studio(tmp_path) as studio:
            answer = studio.add_face(examples / "eileen_collins.png", adult="true")
            assert (answer.status_code, answer.json()["code"]) == (422, "source-face-child")
            assert studio.state()["faces"] == []
            assert not list(studio.uploads.iterdir())

    def test_adulthood_is_asked_after_consent_and_only_once(
        self, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.looks(monkeypatch, 16.0)
        photo = examples / "eileen_collins.png"
        files = {"photo": ("a.png", photo.read_bytes())}
        with running_studio(tmp_path) as studio:
            assert studio.client.post("/api/faces", files=files).json()["code"] == "consent-needed"
            answer = studio.add_face(photo)
            assert (answer.status_code, answer.json()["code"]) == (422, "adulthood-needed")
            assert "rough estimate" in answer.json()["error"]
            assert studio.add_face(photo, adult="false").json()["code"] == "adulthood-needed"
            assert studio.add_face(photo, adult="perhaps").json()["code"] == "request"
            assert Consents(Database(studio.data)).all() == []
            assert not list(studio.uploads.iterdir())
            face_id = studio.add_face(photo, adult="true").json()["id"]
            assert studio.client.post(f"/api/faces/{face_id}/select").json() == {"face": face_id}
            assert studio.client.post("/api/faces", files=files).status_code == 201, "the photo is known"

    def test_a_further_photo_that_looks_younger_asks_before_it_is_added(
        self, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.looks(monkeypatch, 30.0, 9.0, 16.0)
        photo = examples / "eileen_collins.png"
        files = {"photo": ("a.png", photo.read_bytes())}
        with running_studio(tmp_path) as studio:
            face_id = studio.wear(photo)
            address = f"/api/faces/{face_id}"
            for code in ("source-face-child", "adulthood-needed"):
                assert studio.client.post(f"{address}/photos", files=files).json()["code"] == code
                assert [face["photos"] for face in studio.state()["faces"]] == [1]
                assert studio.client.post(f"{address}/select").status_code == 200, "the face before is still worn"
            assert studio.client.post(f"{address}/adult").status_code == 204
            assert studio.client.post(f"{address}/photos", files=files).json() == {"photos": 2}
            assert studio.client.post("/api/faces/none/adult").status_code == 422

    def test_a_face_saved_before_ages_were_estimated_is_worn_once_adulthood_is_stated(
        self, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for folder in ("first", "second"):
            (tmp_path / folder).mkdir()
        with running_studio(tmp_path / "first") as studio:
            face_id = studio.wear(examples / "eileen_collins.png")
            assert studio.client.post(f"/api/faces/{face_id}/save").status_code == 200
        self.looks(monkeypatch, 16.0)
        with running_studio(tmp_path / "second", data=tmp_path / "first" / "data") as studio:
            address = f"/api/faces/{face_id}"
            answer = studio.client.post(f"{address}/select")
            assert (answer.status_code, answer.json()["code"]) == (422, "adulthood-needed")
            assert studio.state()["face"] is None
            assert studio.client.post(f"{address}/adult").status_code == 204
            assert studio.client.post(f"{address}/select").json() == {"face": face_id}
            consents = Consents(Database(studio.data))
            consents.revoke(consents.all()[0].id)
            assert "no longer recorded" in studio.client.post(f"{address}/adult").json()["error"]

    def test_the_command_line_states_adulthood_for_all_photos(
        self, tmp_path: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.looks(monkeypatch, 30.0, 16.0)
        photo = examples / "eileen_collins.png"
        with running_studio(tmp_path) as studio:
            wardrobe = studio.session.wardrobe
            with pytest.raises(AdulthoodNeeded) as caught:
                wardrobe.wear_photo(photo, "public-domain", [photo])
            assert "--adult" in caught.value.remedy
            wardrobe.wear_photo(photo, None, [photo], adult=True)
            assert wardrobe.face is not None


class TestStandIns:
    """The faces of no one person in the gallery."""

    def test_all_lie_ready_in_a_group_of_their_own(self, studio: Studio) -> None:
        state = studio.state()
        assert [face["id"] for face in state["stand_ins"]] == list(stand_ins.NAMES)
        assert {face["consent"] for face in state["stand_ins"]} == {"synthetic"}
        assert not {face["id"] for face in state["faces"]} & set(stand_ins.NAMES)
        height, width = decoded(studio.client.get("/api/faces/stand-in-4/thumb.jpg").content).shape[:2]
        assert height == width == 192

    def test_one_is_worn_without_a_question(self, studio: Studio) -> None:
        studio.client.post("/api/faces/stand-in-4/select").raise_for_status()
        assert studio.state()["face"] == "stand-in-4"
        worn = studio.session.wardrobe.consents["stand-in-4"]
        assert (worn.statement, worn.photo) == ("synthetic", "stand-in-4.jpg")
        assert studio.client.post("/api/faces/none/select").json() == {"face": None}

    def test_a_revoked_statement_takes_it_off_until_it_is_chosen_again(self, studio: Studio) -> None:
        studio.client.post("/api/faces/stand-in-6/select").raise_for_status()
        worn = studio.session.wardrobe.consents["stand-in-6"]
        Consents(Database(studio.data)).revoke(worn.id)
        studio.session.wardrobe.check_consent()
        assert studio.state()["face"] is None
        studio.client.post("/api/faces/stand-in-6/select").raise_for_status()
        assert studio.state()["face"] == "stand-in-6"

    def test_it_is_neither_saved_nor_changed_nor_removed(self, studio: Studio, examples: Path) -> None:
        photo = {"photo": ("a.png", (examples / "eileen_collins.png").read_bytes())}
        for answer in (
            studio.client.post("/api/faces/stand-in-2/save"),
            studio.client.delete("/api/faces/stand-in-2"),
            studio.client.post("/api/faces/stand-in-2/photos", files=photo),
        ):
            assert answer.status_code == 422
            assert "comes with mien" in answer.json()["error"]
        assert stand_ins.photo_of("stand-in-2").is_file()
        assert len(studio.state()["stand_ins"]) == len(stand_ins.NAMES)
        assert not list(studio.data.glob("faces/*"))
