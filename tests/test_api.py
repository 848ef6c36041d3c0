"""The library: a face with consent, files and frames swapped, and the promises that hold there too."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import mien
from mien import api
from mien.api.arguments import models_of
from mien.api.face_maps import worn_of
from mien.api.frames import FrameSwapper
from mien.assembly import embedded_networks, factory
from mien.errors import AdulthoodNeeded, ContentRefused, NoSourceFace, OutputError, SourceFaceChild, UsageError
from mien.provenance.credentials.read import read_credentials
from mien.provenance.mark.windows import find_mark
from mien.settings import Settings
from mien.system.programs import environment
from mien.testing import FakeAgeEstimator, FakeClassifier
from mien.types import Frame, LabelledFrame
from tests.support.places import EXAMPLES, ROOT
from tests.support.portraits import CLIP, COLLINS, HOPPER, portrait

_FRAMES = 30
_UNTYPED: Any = mien
"""The library as a caller sees it who checks no types."""


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
        assert name == "Statement" or getattr(api, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mien.nothing  # type: ignore[attr-defined] # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, mien; print(sorted({'numpy', 'cv2', 'av', 'onnxruntime', 'numba'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.strip() == "[]"


def test_a_face_that_looks_young_loads_when_the_person_is_stated_to_be_an_adult(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_networks, "AgeNet", lambda session: FakeAgeEstimator(16.0))
    with pytest.raises(AdulthoodNeeded, match="about 16 years") as caught:
        mien.load_face(COLLINS, consent="public-domain", data=tmp_path)
    assert "--adult" in caught.value.remedy
    with pytest.raises(UsageError, match="no consent"):
        mien.load_face(COLLINS, adult=True, data=tmp_path)
    with pytest.raises(UsageError, match="invalid adult: 'yes'"):
        _UNTYPED.load_face(COLLINS, consent="public-domain", adult="yes", data=tmp_path)
    loaded = mien.load_face(COLLINS, consent="public-domain", adult=True, data=tmp_path)
    assert (loaded.source.age, loaded.consent.adult_at is None) == (16.0, False)
    assert mien.load_face(COLLINS, data=tmp_path).consent == loaded.consent, "stated once"
    monkeypatch.setattr(embedded_networks, "AgeNet", lambda session: FakeAgeEstimator(9.0))
    with pytest.raises(SourceFaceChild):
        mien.load_face(COLLINS, adult=True, data=tmp_path)


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


def test_the_callers_picture_stays_as_it_was(face: mien.Face) -> None:
    (frame,) = _still(1)
    before = frame.image.copy()
    swapped = mien.open_pipeline(face).swap(frame)
    assert np.array_equal(frame.image, before)
    assert not np.array_equal(swapped.frame.image, before)


def test_the_content_check_lets_no_frame_out(face: mien.Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "open_classifier", lambda store: FakeClassifier(1.0))
    pipeline = mien.open_pipeline(face)
    for frame in _still(3):
        before = frame.image.copy()
        with pytest.raises(ContentRefused):
            pipeline.swap(frame)
        assert np.array_equal(frame.image, before), "no swapped pixel is left with the caller"


def test_a_refused_stream_stays_refused_after_clean_pictures(face: mien.Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "open_classifier", lambda store: FakeClassifier(1.0, 1.0, 1.0, 0.0))
    pipeline = mien.open_pipeline(face)
    (still,) = _still(1)
    for second in range(16):
        with pytest.raises(ContentRefused):
            pipeline.swap(replace(still, pts=10 * second))


def test_frames_whose_time_stands_still_are_checked_by_the_clock(face: mien.Face) -> None:
    now_s = [100.0]
    classifier = FakeClassifier(0.0)
    opened = mien.open_pipeline(face)
    pipeline = FrameSwapper(opened._pipeline, opened._labeller, classifier, worn_of(face), lambda: now_s[0])
    frames = [replace(frame, pts=0) for frame in _still(3)]
    pipeline.swap(frames[0])
    pipeline.swap(frames[1])
    assert classifier.calls == 1
    now_s[0] += 1
    pipeline.swap(frames[2])
    assert classifier.calls == 2


def test_a_picture_too_small_for_the_mark_does_not_leave(face: mien.Face) -> None:
    small = np.ascontiguousarray(_still(1)[0].image[:100, :120])
    before = small.copy()
    with pytest.raises(mien.MienError, match="too few for the invisible mark"):
        mien.open_pipeline(face).swap(Frame(small, 0, 0, Fraction(1, 25)))
    assert np.array_equal(small, before)


def test_a_revoked_consent_ends_the_stream_and_all_that_comes_after(tmp_path: Path) -> None:
    own = mien.load_face(COLLINS, consent="self", data=tmp_path / "data")
    pipeline = mien.open_pipeline(own)
    frames = _still(_FRAMES)
    pipeline.swap(frames[0])
    own.trust.consents.revoke(own.consent.id)
    with pytest.raises(UsageError, match="revoked"):
        list(pipeline.swap_all(frames[1:]))
    with pytest.raises(UsageError, match="revoked"):
        mien.open_pipeline(own)
    with pytest.raises(UsageError, match="revoked"):
        mien.swap_picture(own, HOPPER, tmp_path / "out.png")


def test_two_swaps_with_one_face_do_not_disturb_each_other(face: mien.Face, lasting_clip: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        film = threads.submit(mien.swap_video, face, lasting_clip, tmp_path / "film.mp4", end_s=1.0)
        stills = [mien.swap_picture(face, HOPPER, tmp_path / f"{number}.png") for number in range(2)]
        assert film.result().frames > 20
    assert all(swapped.path.exists() for swapped in stills)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.png", "1.png", "film.mp4"]


def test_settings_of_a_call_choose_the_detector(face: mien.Face, tmp_path: Path) -> None:
    with pytest.raises(mien.MienError, match="nix"):
        mien.open_pipeline(face, settings=Settings(detector="nix"))
    with pytest.raises(mien.MienError, match="nix"):
        mien.swap_picture(face, HOPPER, tmp_path / "out.png", settings=Settings(detector="nix"))
    finer = models_of(face.models, face.settings, Settings(detect_size=960))
    assert finer is not face.models
    assert models_of(face.models, face.settings, Settings(opacity=0.5)) is face.models


@pytest.mark.parametrize(
    "call",
    [
        lambda face, out: _UNTYPED.load_face(None, consent="self"),
        lambda face, out: _UNTYPED.load_face(np.zeros((9, 9, 3), np.uint8), consent="self"),
        lambda face, out: _UNTYPED.load_face(COLLINS, consent=["self"]),
        lambda face, out: _UNTYPED.load_face(COLLINS, consent="because"),
        lambda face, out: _UNTYPED.load_face(COLLINS, consent="self", also=str(COLLINS)),
        lambda face, out: _UNTYPED.load_face(COLLINS, consent="self", number="1"),
        lambda face, out: _UNTYPED.load_face(COLLINS, consent="self", settings={}),
        lambda face, out: _UNTYPED.swap_picture("me.jpg", HOPPER, out / "a.png"),
        lambda face, out: _UNTYPED.swap_picture(face, HOPPER, out / "a\0.png"),
        lambda face, out: _UNTYPED.swap_picture(face, CLIP, out / "a.mp4"),
        lambda face, out: _UNTYPED.swap_video(face, HOPPER, out / "a.png"),
        lambda face, out: _UNTYPED.swap_video(face, CLIP, out / "a.mp4", start_s="x"),
        lambda face, out: _UNTYPED.swap_video(face, CLIP, out / "a.mp4", end_s=float("nan")),
        lambda face, out: _UNTYPED.read_video(HOPPER),
        lambda face, out: _UNTYPED.read_video(out / "nix.mp4"),
        lambda face, out: _UNTYPED.open_pipeline(None),
        lambda face, out: _UNTYPED.open_pipeline(face).swap(np.zeros((200, 200, 3), np.uint8)),
        lambda face, out: _UNTYPED.open_pipeline(face).swap(Frame(np.zeros((0, 0, 3), np.uint8), 0, 0, Fraction(1))),
        lambda face, out: _UNTYPED.verify(None),
        lambda face, out: _UNTYPED.verify(HOPPER, roots=["no-such.pem"]),
    ],
)
def test_wrong_values_are_errors_with_a_remedy(face: mien.Face, tmp_path: Path, call: Any) -> None:
    with pytest.raises(mien.MienError) as raised:
        call(face, tmp_path)
    assert raised.value.remedy
    assert list(tmp_path.iterdir()) == []


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


def test_people_of_a_map_wear_faces_of_their_own(tmp_path: Path) -> None:
    worn = mien.load_face("stand-in-1", data=tmp_path)
    other = tmp_path / "other.jpg"
    cv2.imwrite(str(other), np.ascontiguousarray(portrait(COLLINS).image[:, ::-1]))
    people = mien.map_faces({other: worn, str(HOPPER): mien.load_face("stand-in-2", data=tmp_path)}, others="cover")
    made = mien.swap_picture(people, COLLINS, tmp_path / "out.png")
    assert (made.faces, dict(made.worn)) == (1, {str(other): 1, str(HOPPER): 0})
    assert len(read_credentials(made.path).consents) == 2
    with pytest.raises(UsageError, match="are one person"):
        mien.map_faces({other: worn, COLLINS: worn})
    with pytest.raises(UsageError, match="is to wear its own face"):
        mien.map_faces({other: worn, COLLINS: mien.load_face(COLLINS, consent="public-domain", data=tmp_path)})
    with pytest.raises(UsageError, match="invalid others"):
        _UNTYPED.map_faces({other: worn}, others="hide")
    with pytest.raises(UsageError, match="no mapping"):
        _UNTYPED.map_faces([worn])
    worn.trust.consents.revoke(worn.consent.id)
    with pytest.raises(UsageError, match="was revoked"):
        mien.swap_picture(people, COLLINS, tmp_path / "again.png")
