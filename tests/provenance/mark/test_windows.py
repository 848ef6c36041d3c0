"""Windows of files: where they lie, how many there are, and that what is sealed is what verifies."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType
from PIL import Image as Pictures

from mien.errors import MediaError, SealBroken, UnreadableMedia
from mien.provenance import seal
from mien.provenance.credentials.claim import Claim, ConsentClaim
from mien.provenance.mark.decoder import MarkReader
from mien.provenance.mark.pattern import Marker
from mien.provenance.mark.windows import MAX_WINDOWS, WINDOW_FRAMES, open_windows, readable, windows_of
from mien.provenance.trust import Signing, open_trust
from mien.provenance.verify import Verifier
from mien.settings import Settings
from mien.types import Image
from tests.support.portraits import HOPPER, read

ID = 0xABCDEF


def numbered(
    path: Path, frames: int, *, rate: int = 25, last_s: float = 0.0, key_every: int = 10, keys: tuple[int, ...] = ()
) -> Path:
    """Write a lossless video whose frames show their number by their luma; the last one may be shown for a long time.

    `keys` are more key frames than those of every `key_every`.
    """
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=rate, options={"qp": "0", "preset": "ultrafast", "g": str(key_every)})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 128, 112, "yuv420p"
        for number in range(frames):
            planes = np.full((168, 128), 128, np.uint8)
            planes[:112] = 16 + number
            picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            if number in keys:
                picture.pict_type = PictureType.I
            picture.pts = number if number < frames - 1 else number + round(last_s * rate)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def seen(path: Path, **part: float) -> list[tuple[int, int]]:
    """First and last frame number of each window."""
    windows = windows_of(path, max_pixels=2**31, max_bytes=2**50, **part)
    return [(_number(window[0]), _number(window[-1])) for window in windows]


def _number(image: Image) -> int:
    return round(float(image.mean()) * 219 / 255)


@pytest.mark.parametrize("frames", [1, 2, 23, 24, 25, 48, 60, 96, 97, 200])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_windows_reach_from_the_first_to_the_last_frame(tmp_path: Path, frames: int, suffix: str) -> None:
    windows = seen(numbered(tmp_path / f"in{suffix}", frames))
    assert windows[0][0] == 0
    assert windows[-1][1] == pytest.approx(frames - 1, abs=1)
    assert len(windows) == min(MAX_WINDOWS, -(-frames // WINDOW_FRAMES))
    assert all(last - first < WINDOW_FRAMES for first, last in windows)
    assert windows == sorted(windows)
    if frames <= MAX_WINDOWS * WINDOW_FRAMES:
        covered = {number for first, last in windows for number in range(first, last + 1)}
        assert len(covered) >= frames - 2, "short videos are read whole"


@pytest.mark.parametrize(("key_every", "firsts"), [(70, [0, 70, 140, 176]), (250, [0, 59, 118, 176])])
def test_a_window_in_the_middle_begins_at_a_key_frame_near_its_place(tmp_path: Path, key_every: int, firsts: list[int]) -> None:
    windows = seen(numbered(tmp_path / "in.mp4", 200, key_every=key_every))
    assert windows == [(first, first + WINDOW_FRAMES - 1) for first in firsts]


def test_windows_at_key_frames_do_not_meet(tmp_path: Path) -> None:
    """The second could begin at 86, the third at 90."""
    windows = seen(numbered(tmp_path / "in.mp4", 200, key_every=250, keys=(86, 90)))
    assert [first for first, _ in windows] == [0, 86, 118, 176]


def test_an_animation_whose_last_picture_stays_is_seen_up_to_it(tmp_path: Path) -> None:
    """Of 200 pictures of 40 ms the last is shown for 3 s: the third window begins before it."""
    pictures = [Pictures.fromarray(np.full((112, 128, 3), number, np.uint8)) for number in range(200)]
    times_ms = [40] * 199 + [3000]
    pictures[0].save(tmp_path / "in.webp", save_all=True, append_images=pictures[1:], duration=times_ms, lossless=True)
    windows = windows_of(tmp_path / "in.webp", max_pixels=2**31, max_bytes=2**50)
    assert [int(window[0][0, 0, 0]) for window in windows] == [0, 81, 161]


def test_a_window_that_is_left_early_moves_no_other(tmp_path: Path) -> None:
    path = numbered(tmp_path / "in.mp4", 200)
    begun = [_number(next(window)) for window in open_windows(path, max_pixels=2**31, max_bytes=2**50)]
    assert begun == [first for first, _ in seen(path)]


def test_the_windows_of_a_part_stay_in_it(tmp_path: Path) -> None:
    windows = seen(numbered(tmp_path / "in.mp4", 200), start_s=2.0, end_s=6.0)
    assert windows[0][0] == 50
    assert windows[-1][1] == pytest.approx(149, abs=1)


def test_a_last_frame_that_is_shown_for_long_hides_no_other_window(tmp_path: Path) -> None:
    windows = seen(numbered(tmp_path / "in.mp4", 100, last_s=60))
    assert windows[0] == (0, 23)


def test_a_damaged_part_ends_the_windows_and_a_damaged_file_has_none() -> None:
    def damaged(after: int) -> list[list[Image]]:
        def windows() -> object:
            for _ in range(after):
                yield [np.zeros((8, 8, 3), np.uint8)]
            raise UnreadableMedia("damaged", "")

        return list(readable(windows()))  # type: ignore[arg-type]

    assert len(damaged(2)) == 2
    with pytest.raises(MediaError):
        damaged(0)


def test_a_transparent_picture_is_seen_on_white_first(tmp_path: Path) -> None:
    picture = np.full((112, 112, 4), 50, np.uint8)
    picture[:, :56, 3] = 0
    cv2.imwrite(str(tmp_path / "in.png"), picture)
    first, second = (window[0] for window in windows_of(tmp_path / "in.png", max_pixels=2**31, max_bytes=2**50))
    assert (int(first[0, 0, 0]), int(second[0, 0, 0])) == (255, 50)


def test_the_seal_reads_a_window_until_it_is_sure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "film.mp4", lambda number, bare, marked: marked)
    taken: list[int] = []

    class Counted(MarkReader):
        def __init__(self) -> None:
            super().__init__()
            taken.append(0)

        def add(self, image: Image) -> None:
            taken[-1] += 1
            super().add(image)

    monkeypatch.setattr(seal, "MarkReader", Counted)
    sealed(tmp_path, path)
    assert taken == [6] * MAX_WINDOWS


def test_a_window_of_another_mark_is_read_to_its_end(tmp_path: Path) -> None:
    path = film(tmp_path / "film.mp4", lambda number, bare, marked: marked)
    with pytest.raises(SealBroken, match="mark"):
        sealed(tmp_path, path, mark_id=ID + 1)


def film(path: Path, picture_of: Callable[[int, Image, Image], Image]) -> Path:
    """Write 90 frames, each chosen by its number from a picture without and with the mark."""
    bare = np.asarray(cv2.resize(read(HOPPER), (256, 300)), np.uint8)
    marked = bare.copy()
    Marker(ID, strength=1.5).mark(marked)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "18", "preset": "ultrafast"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 256, 300, "yuv420p"
        for number in range(90):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture_of(number, bare, marked), format="bgr24")))
        out.mux(stream.encode(None))
    return path


def sealed(folder: Path, path: Path, mark_id: int = ID) -> tuple[str, ...]:
    """Seal a video as one that carries this mark."""
    now = datetime(2026, 1, 2, tzinfo=UTC)
    claim = Claim(path.name, "mesh", mark_id, "shown", "", (ConsentClaim("self", now),), now)
    return open_trust(folder / "data", Signing()).notary.seal(path, claim, "video", [], None)


SPOILT = {"beginning": range(24), "middle": range(60, 96), "end": range(66, 90), "nothing": range(0)}


@pytest.mark.parametrize("where", SPOILT)
def test_what_is_sealed_carries_the_mark_in_every_window(tmp_path: Path, where: str) -> None:
    """A video of 90 frames of which some have lost their mark is not sealed; black frames need no mark."""
    black = np.zeros((300, 256, 3), np.uint8)

    def picture_of(number: int, bare: Image, marked: Image) -> Image:
        return black if where == "nothing" and number >= 60 else bare if number in SPOILT[where] else marked

    path = film(tmp_path / "film.mp4", picture_of)
    if where == "nothing":
        assert sealed(tmp_path, path) == ()
        assert Verifier([], None, Settings()).examine(path).mark.state == "found"
        return
    with pytest.raises(SealBroken, match="mark"):
        sealed(tmp_path, path)
