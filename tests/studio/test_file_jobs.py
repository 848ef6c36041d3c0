"""File jobs of a running studio."""

import io
import re
from pathlib import Path

import PIL.Image

from mien import studio as page
from tests.support.running_studio import Studio
from tests.support.studio_clients import count_frames


class TestFiles:
    """Pictures and videos as jobs."""

    def test_a_video_is_swapped_watched_and_fetched(self, studio: Studio, examples: Path, small_clip: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        with small_clip.open("rb") as file:
            job_id = studio.client.post("/api/jobs", files={"file": ("my clip.mp4", file)}).json()["id"]
        state = studio.wait(lambda state: state["jobs"][0]["state"] == "done", "the job")
        assert state["jobs"][0]["frames"] == state["jobs"][0]["total"] > 0
        assert studio.client.get(f"/api/jobs/{job_id}/preview.jpg").headers["content-type"] == "image/jpeg"
        result = studio.client.get(f"/api/jobs/{job_id}/result")
        assert "my%20clip-mien.mp4" in result.headers["content-disposition"]
        assert count_frames(result.content)[0] == state["jobs"][0]["frames"]
        assert studio.client.delete(f"/api/jobs/{job_id}").status_code == 204
        assert studio.state()["jobs"] == []

    def test_a_picture_is_swapped_and_nonsense_fails_with_a_reason(self, studio: Studio, examples: Path) -> None:
        assert studio.client.post("/api/jobs", files={"file": ("a.jpg", b"x")}).status_code == 422, "no face is chosen"
        studio.wear(examples / "eileen_collins.png")
        idle = {"settings": '{"gaze": "camera", "eyes": "target"}'}
        with (examples / "grace_hopper.jpg").open("rb") as file:
            studio.client.post("/api/jobs", files={"file": ("grace.jpg", file)}, data=idle).raise_for_status()
        studio.client.post("/api/jobs", files={"file": ("empty.mp4", b"")}).raise_for_status()
        studio.client.post("/api/jobs", files={"file": ("text.mp4", b"no video")}).raise_for_status()
        jobs = studio.wait(lambda state: state["jobs"][-1]["state"] == "failed", "the end")["jobs"]
        assert [each["state"] for each in jobs] == ["done", "failed", "failed"]
        assert all(each["message"] for each in jobs[1:])
        assert [each["notes"] for each in jobs[1:]] == [[], []]
        (note,) = jobs[0]["notes"]
        assert (note["key"], note["values"]["setting"]) == ("idle-gaze", "gaze = camera")
        assert note["text"] == jobs[0]["message"]

    def test_pictures_of_phones_and_animations(self, studio: Studio, examples: Path, tmp_path: Path) -> None:
        """Phone pictures and chat animations, as face and as target; the result gets a suffix that mien writes."""
        phone, moving = tmp_path / "IMG_0001.AVIF", tmp_path / "wave.gif"
        with PIL.Image.open(examples / "grace_hopper.jpg") as opened:
            opened.save(phone)
            frames = [opened.resize((256, 300)).rotate(angle) for angle in (0, 2)]
        frames[0].save(moving, save_all=True, append_images=frames[1:], duration=[70, 130], loop=0)
        studio.wear(phone)
        for path in (phone, moving):
            with path.open("rb") as file:
                studio.client.post("/api/jobs", files={"file": (path.name, file)}).raise_for_status()
        state = studio.wait(lambda state: all(job["state"] in {"done", "failed"} for job in state["jobs"]), "the jobs")
        assert [(job["state"], job["picture"], job["frames"]) for job in state["jobs"]] == [
            ("done", True, 1),
            ("done", False, 2),
        ]
        results = [studio.client.get(f"/api/jobs/{job['id']}/result") for job in state["jobs"]]
        names = [result.headers["content-disposition"] for result in results]
        assert ["IMG_0001-mien.jpg" in names[0], "wave-mien.gif" in names[1]] == [True, True]
        with PIL.Image.open(io.BytesIO(results[0].content)) as opened:
            assert opened.format == "JPEG"
        with PIL.Image.open(io.BytesIO(results[1].content)) as opened:
            assert getattr(opened, "n_frames", 1) == 2
            assert opened.info["duration"] == 70

    def test_the_page_offers_what_is_read(self, studio: Studio) -> None:
        html = Path(page.__file__).parent / "static" / "index.html"
        for input_id in ("add-face", "job-file"):
            (offered,) = re.findall(rf'id="{input_id}"[^>]*accept="([^"]+)"', html.read_text("utf-8"))
            assert {".heic", ".heif", ".avif"} <= set(offered.split(","))

    def test_a_job_can_be_cancelled(self, studio: Studio, examples: Path, lasting_clip: Path) -> None:
        studio.wear(examples / "eileen_collins.png")
        for _ in range(2):
            with lasting_clip.open("rb") as file:
                studio.client.post("/api/jobs", files={"file": ("clip.mp4", file)}).raise_for_status()
        jobs = studio.wait(lambda state: state["jobs"][0]["frames"] > 3, "progress")["jobs"]
        for each in jobs:
            studio.client.delete(f"/api/jobs/{each['id']}")
        jobs = studio.wait(lambda state: state["jobs"][0]["state"] == "cancelled", "the end")["jobs"]
        assert [each["state"] for each in jobs] == ["cancelled", "cancelled"]
