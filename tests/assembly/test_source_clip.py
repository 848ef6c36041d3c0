"""Clips as sources: read within bounds, named in errors, and nothing of a photo's checks is left out."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mien import errors
from mien.assembly import source_clip
from mien.assembly.factory import open_source
from mien.assembly.source_clip import add_clip, open_clip
from mien.assembly.source_photos import is_clip, open_photos
from mien.settings import Settings
from tests.support.clips import Clip, make
from tests.support.portraits import CLIP, COLLINS, HOPPER, models, portrait, recogniser


def test_a_clip_is_told_from_a_photo_by_its_content(tmp_path: Path) -> None:
    renamed = tmp_path / "me.jpg"
    renamed.write_bytes(CLIP.read_bytes())
    assert is_clip(renamed)
    assert not is_clip(HOPPER)


def test_a_clip_beside_the_photo_of_the_person() -> None:
    seen: list[float] = []
    first = open_source(portrait(HOPPER).image, models())
    whole = add_clip(first, CLIP, Settings(), models(), recogniser(), lambda done_s, all_s: seen.append(done_s / all_s))
    assert whole.expressions
    assert whole.image is first.image
    assert whole.digest != first.digest
    assert seen == sorted(seen)
    assert 0.9 < seen[-1] <= 1


def test_a_clip_alone_is_a_source() -> None:
    source = open_clip(CLIP, Settings(), models(), recogniser())
    assert source.expressions[0].image is source.image
    assert source.age is not None


def test_a_clip_of_another_person_is_named(small_clip: Path) -> None:
    with pytest.raises(errors.SourceFaceStranger, match=r"small\.mp4"):
        open_photos(COLLINS, [small_clip], Settings(), models())


def test_the_faces_of_a_clip_have_no_numbers() -> None:
    with pytest.raises(errors.UsageError, match="clip"):
        open_photos(CLIP, [], Settings(), models(), 1)


def test_a_clip_without_a_face_and_a_damaged_one(tmp_path: Path) -> None:
    empty = make(tmp_path / "empty.mp4", Clip(frames=8, sounds=()))
    with pytest.raises(errors.NoSourceFace, match=r"empty\.mp4"):
        open_photos(empty, [], Settings(), models())
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(CLIP.read_bytes()[:2000])
    with pytest.raises(errors.UnreadableMedia):
        open_photos(COLLINS, [damaged], Settings(), models())


def _sideways(clip: Path, path: Path) -> Path:
    """Write a clip rotated by a quarter, as a phone does without a word of it in the file."""
    with av.open(str(clip)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"crf": "16", "preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        for count, frame in enumerate(given.decode(video=0)):
            image = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="bgr24")), np.uint8)
            if count == 0:
                stream.width, stream.height = image.shape[1], image.shape[0]
            shown = av.VideoFrame.from_ndarray(image, format="bgr24")
            shown.pts, shown.time_base = count, Fraction(1, 10)
            out.mux(stream.encode(shown))
        out.mux(stream.encode())
    return path


def test_a_clip_that_lies_on_its_side_is_turned_and_it_is_told(tmp_path: Path, small_clip: Path) -> None:
    source = open_clip(_sideways(small_clip, tmp_path / "side.mp4"), Settings(), models(), recogniser())
    assert "side.mp4: a clip lies on its side; it was turned by 90 degrees clockwise" in source.warnings
    assert source.expressions
    assert not any("lies on its side" in each for each in open_clip(small_clip, Settings(), models(), recogniser()).warnings)


def test_too_many_photos_are_told_before_any_is_looked_at(tmp_path: Path) -> None:
    many = [tmp_path / f"{number}.jpg" for number in range(9)]
    for path in many:
        path.write_bytes(COLLINS.read_bytes())

    class _Unused:
        """Models that nothing asks for anything."""

    with pytest.raises(errors.UsageError, match="10 photos of one person were given; 8 are enough") as told:
        open_photos(HOPPER, [*many, CLIP], Settings(), _Unused())  # type: ignore[arg-type]
    assert "leave out 2" in str(told.value.remedy)


def test_a_film_is_not_read_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_clip, "MAX_SECONDS", 1.0)
    source = open_clip(CLIP, Settings(), models(), recogniser())
    assert any("only the first 1 second" in note for note in source.warnings)
    film = make(tmp_path / "film.mp4", Clip(frames=5000, size=(64, 48), rate=Fraction(4000), sounds=()))
    with pytest.raises(errors.NoSourceFace):
        open_clip(film, Settings(), models(), recogniser())


def test_limits_hold_before_anything_is_decoded() -> None:
    with pytest.raises(errors.MediaTooLarge):
        open_clip(CLIP, Settings(max_pixels=4096), models(), recogniser())
