"""HEIC and AVIF: pixels of files made by other programs, against the values that they were made of."""

import io
from pathlib import Path

import cv2
import numpy as np
import pi_heif
import pytest
from PIL import ExifTags, Image

from mien import errors
from mien.media.files import moving, picture_read
from mien.media.files.moving import Kind
from mien.media.files.picture_read import Picture, read_picture
from mien.media.files.picture_write import write_format
from mien.media.frames import code_points
from mien.types import Array
from tests.support.places import DATA


def _read(path: Path, max_pixels: int = 10**6) -> Picture:
    return read_picture(path, max_pixels=max_pixels, max_bytes=10**8)


def _patches() -> Array:
    found = cv2.imread(str(DATA / "patches.png"))
    assert found is not None
    return np.asarray(found, np.int16)


def _error(found: Picture) -> float:
    assert found.frame.image.shape == _patches().shape
    return float(np.abs(found.frame.image - _patches()).mean())


@pytest.mark.parametrize(
    ("name", "note", "deep"),
    [
        ("pq.heic", "HDR", True),
        ("hlg.heic", "HDR", True),
        ("pq.avif", "HDR", True),
        ("p3.heic", "wide colours", True),
        ("turned.heic", None, False),
        ("burst.heic", None, False),
        ("alpha.heic", None, False),
    ],
)
def test_the_colours_are_those_that_were_written(name: str, note: str | None, deep: bool) -> None:
    found = _read(DATA / name)
    assert _error(found) < 1.5
    assert (note or "") in "".join(found.notes)
    assert bool(found.notes) is (note is not None)
    assert (found.deep is not None) is deep


def test_a_heic_is_turned_once_and_keeps_what_its_exif_says() -> None:
    exif = _read(DATA / "turned.heic").exif
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif[ExifTags.Base.Make] == "Phone"


def test_alpha_of_a_heic() -> None:
    alpha = _read(DATA / "alpha.heic").alpha
    assert alpha is not None
    assert alpha[:, :48].min() == 255
    assert alpha[:, 48:].max() == 0


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_an_avif_is_turned_once(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = np.rot90(_patches(), {1: 0, 3: 2, 6: 1, 8: 3}[orientation]).astype(np.uint8)
    path = tmp_path / "turned.avif"
    Image.fromarray(np.ascontiguousarray(stored[:, :, ::-1])).save(path, quality=95, subsampling="4:4:4", exif=exif)
    assert _error(_read(path)) < 2


def test_a_profile_wins_over_code_points() -> None:
    info = {"icc_profile": b"profile", "nclx_profile": {"color_primaries": 12, "transfer_characteristics": 16}}
    assert code_points.of_heif(info) is None
    assert code_points.of_heif({"nclx_profile": info["nclx_profile"]}) == code_points.CodePoints(12, 16)


def test_the_profile_of_a_heic_goes_into_the_output(tmp_path: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "tagged.avif"
    Image.fromarray(_patches().astype(np.uint8)).save(path, icc_profile=profile)
    assert _read(path).icc == profile


@pytest.mark.parametrize("name", ["turned.heic", "pq.avif"])
def test_limits_hold_before_anything_is_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("the picture was decoded")

    monkeypatch.setattr(picture_read, "_decode", decode)
    with pytest.raises(errors.MediaTooLarge, match="96 x 64"):
        _read(DATA / name, max_pixels=6143)


@pytest.mark.parametrize("name", ["turned.heic", "hlg.heic", "pq.avif", "burst.heic"])
def test_mutated_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    content, path = (DATA / name).read_bytes(), tmp_path / name
    draw = np.random.default_rng(3)
    for _ in range(150):
        broken = bytearray(content)
        for place in draw.integers(0, len(broken), draw.integers(1, 6)):
            broken[place] = int(draw.integers(0, 256))
        path.write_bytes(broken[: int(draw.integers(20, len(broken) + 1))])
        try:
            found = _read(path)
        except errors.MediaError:
            continue
        assert found.frame.image.ndim == 3


@pytest.mark.parametrize("name", ["turned.heic", "pq.avif"])
def test_a_damaged_one_is_called_a_damaged_picture(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((DATA / name).read_bytes()[:200])
    assert moving.kind_of(path) is Kind.PICTURE
    with pytest.raises(errors.MediaError, match="damaged"):
        _read(path)


def test_what_is_a_picture_and_what_becomes_of_it(tmp_path: Path) -> None:
    gif = tmp_path / "still.gif"
    Image.fromarray(_patches().astype(np.uint8)).save(gif)
    wanted = {"turned.heic": ".jpg", "alpha.heic": ".png", "pq.avif": ".jpg", "patches.png": ".png"}
    for path, suffix in [*((DATA / name, suffix) for name, suffix in wanted.items()), (gif, ".png")]:
        assert moving.kind_of(path) is Kind.PICTURE
        assert moving.suffix_for(path, Kind.PICTURE) == suffix


@pytest.mark.parametrize(
    ("name", "words"), [("x.heic", "no HEIC"), ("x.AVIF", "no AVIF"), ("x.gif", "no GIF"), ("x.xyz", "picture format")]
)
def test_names_of_outputs_that_are_not_written(name: str, words: str) -> None:
    with pytest.raises(errors.UsageError, match=words) as caught:
        write_format(Path(name))
    assert ".jpg" in caught.value.remedy


def test_the_decoder_of_heic_comes_without_an_encoder() -> None:
    """pillow-heif would bring x265, which is under the GPL."""
    encoders = pi_heif.libheif_info()["encoders"]
    assert not [name for name in encoders if name != "mask"]


def test_the_opener_is_there_for_streams_too() -> None:
    with Image.open(io.BytesIO((DATA / "turned.heic").read_bytes())) as opened:
        assert opened.format == "HEIF"
