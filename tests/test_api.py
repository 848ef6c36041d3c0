"""The library: a face with consent, files and frames swapped, and the promises that hold there too."""

import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import mien
from mien import api
from mien.assembly import factory
from mien.errors import ContentRefused, NoSourceFace, OutputError, UsageError
from mien.provenance.mark.windows import find_mark
from mien.settings import Settings
from mien.system.programs import environment
from mien.testing import FakeClassifier
from mien.types import Frame, LabelledFrame
from tests.support.places import EXAMPLES, ROOT
from tests.support.portraits import CLIP, COLLINS, HOPPER

_FRAMES = 30


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> mien.Face:
    return mien.load_face(COLLINS, consent="public-domain", data=tmp_path_factory.mktemp("data"))


def _still(count: int) -> list[Frame]:
    with av.open(str(CLIP)) as container:
        image = np.asarray(next(container.decode(video=0)).to_ndarray(format="bgr24"), np.uint8)
    return [Frame(image.copy(), index, index, Fraction(1, 10)) for index in range(count)]


def test_the_package_offers_what_the_library_has() -> None:
    assert set(mien.__all__) == {*api.__all__, "__version__"}
    for name in api.__all__:
        assert getattr(mien, name) is getattr(api, name)
        assert getattr(api, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mien.nothing  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, mien; print(sorted({'numpy', 'cv2', 'av', 'onnxruntime', 'numba'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.strip() == "[]"


def test_a_picture_is_swapped_and_verified(face: mien.Face, tmp_path: Path) -> None:
    swapped = mien.swap_picture(face, HOPPER, tmp_path / "out.png")
    assert (swapped.path, swapped.frames, swapped.faces) == (tmp_path / "out.png", 1, 1)
    report = mien.verify(tmp_path / "out.png")
    assert (report.mark.state, report.credentials.state) == ("found", "unknown-signer")
    with pytest.raises(OutputError, match="exists"):
        mien.swap_picture(face, HOPPER, tmp_path / "out.png")


def test_a_video_is_swapped(face: mien.Face, tmp_path: Path) -> None:
    swapped = mien.swap_video(face, CLIP, str(tmp_path / "out.mp4"), end_s=0.5)
    assert swapped.frames == swapped.faces > 5
    with av.open(str(swapped.path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == swapped.frames


def test_frames_in_memory_leave_labelled_and_marked(face: mien.Face) -> None:
    pipeline = mien.open_pipeline(face, settings=Settings(badge="off-film"))
    frames = list(mien.read_video(CLIP, end_s=1.0))
    raw = [frame.image.copy() for frame in frames]
    made = list(pipeline.swap_all(frames))
    assert len(made) == len(raw) > 8
    assert all(isinstance(each, LabelledFrame) and each.badge_xyxy is not None for each in made)
    found = find_mark([each.frame.image for each in made[:9]])
    assert found is not None
    assert found.mark_id == made[0].mark_id
    centre = np.s_[raw[0].shape[0] // 4 : -raw[0].shape[0] // 4, raw[0].shape[1] // 3 : -raw[0].shape[1] // 3]
    changed = np.abs(made[-1].frame.image[centre].astype(int) - raw[-1][centre])
    assert changed.mean() > 3, "the face is another one"


def test_a_read_only_picture_stays_as_it_was(face: mien.Face) -> None:
    (frame,) = _still(1)
    frame.image.flags.writeable = False
    before = frame.image.copy()
    mien.open_pipeline(face).swap(frame)
    assert np.array_equal(frame.image, before)


def test_the_content_check_lets_no_frame_out(face: mien.Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "open_classifier", lambda store: FakeClassifier(1.0))
    pipeline = mien.open_pipeline(face)
    for frame in _still(3):
        with pytest.raises(ContentRefused):
            pipeline.swap(frame)


def test_a_revoked_consent_ends_the_stream(tmp_path: Path) -> None:
    own = mien.load_face(COLLINS, consent="self", data=tmp_path)
    pipeline = mien.open_pipeline(own)
    frames = _still(_FRAMES)
    pipeline.swap(frames[0])
    own.trust.consents.revoke(own.consent.id)
    with pytest.raises(UsageError, match="revoked"):
        list(pipeline.swap_all(frames[1:]))


def test_a_face_needs_a_statement(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no consent is recorded"):
        mien.load_face(COLLINS, data=tmp_path)
    stated = mien.load_face(COLLINS, consent="public-domain", data=tmp_path)
    assert mien.load_face(COLLINS, data=tmp_path).consent.id == stated.consent.id


def test_errors_name_the_photo(tmp_path: Path) -> None:
    photo = tmp_path / "wall.png"
    cv2.imwrite(str(photo), np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(NoSourceFace, match=r"wall\.png"):
        mien.load_face(photo, consent="synthetic", data=tmp_path)


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    for wanted, given in {"me.jpg": COLLINS, "holiday.jpg": HOPPER, "clip.mp4": EXAMPLES / "clip.mp4"}.items():
        (tmp_path / wanted).write_bytes(given.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIEN_DATA", str(tmp_path / "data"))
    shown: list[LabelledFrame] = []
    exec(compile(code, "README.md", "exec"), {"show": shown.append})
    assert len(shown) > 20
    assert (tmp_path / "result.png").exists()
