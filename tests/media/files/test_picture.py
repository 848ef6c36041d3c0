"""Pictures: every format in, every format out, with depth, alpha, direction and metadata; and what is refused."""

import io
import logging
import os
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from mien import errors
from mien.media.files.output_file import OutputFile
from mien.media.files.picture_kind import is_picture
from mien.media.files.picture_read import Picture, read_picture
from mien.media.files.picture_write import write_picture
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.settings import Settings
from mien.types import Array, Frame

WIDTH, HEIGHT = 60, 40
SUFFIXES = [".jpg", ".png", ".webp", ".tif", ".bmp"]
LOSSLESS = {".png", ".tif", ".bmp"}


class _NoMark(Marker):
    """Leaves pictures as they are, also those that are too small for a mark."""

    def mark(self, image: Array) -> None:
        pass


def _colours() -> Array:
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)


def _read(path: Path) -> Picture:
    return read_picture(path, max_pixels=10**6, max_bytes=10**8)


def _write(picture: Picture, path: Path, quality: int = 80) -> None:
    labelled = Labeller(Settings(), _NoMark(0)).label(picture.frame)
    with OutputFile(path, overwrite=True) as output:
        write_picture(picture, labelled, output, quality=quality, engine="mesh")
        output.commit()


def _save(path: Path, mode: str = "RGB", **options: object) -> Path:
    Image.fromarray(_colours()[:, :, ::-1]).convert("RGBA").convert(mode).save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_format_comes_back(tmp_path: Path, suffix: str, mode: str) -> None:
    picture = _read(_save(tmp_path / f"in{suffix}", mode))
    assert picture.frame.image.shape == (HEIGHT, WIDTH, 3)
    for out in SUFFIXES:
        path = tmp_path / f"out{out}"
        _write(_read(tmp_path / f"in{suffix}"), path)
        content = path.read_bytes()
        assert b"altered by mien" in content, out
        assert b"compositeWithTrainedAlgorithmicMedia" in content, out
        again = _read(path)
        difference = cv2.absdiff(again.original, picture.original)[:20]
        assert difference.max() == 0 if out in LOSSLESS else difference.mean() < 4, out
        if mode == "L" and suffix != ".webp" and out != ".webp":
            assert again.grey


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "CMYK"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_unusual_modes(tmp_path: Path, mode: str, suffix: str) -> None:
    if mode == "CMYK" and suffix == ".png":
        pytest.skip("png has no CMYK")
    _save(tmp_path / f"in{suffix}", mode)
    picture = _read(tmp_path / f"in{suffix}")
    assert picture.frame.image.shape == (HEIGHT, WIDTH, 3)
    _write(picture, tmp_path / "out.png")
    assert _read(tmp_path / "out.png").alpha is None, "an alpha that hides nothing is none"


def _badge_box(width: int, height: int) -> tuple[int, int, int, int]:
    blank = Frame(np.zeros((height, width, 3), np.uint8), 0, 0, Fraction(1))
    box = Labeller(Settings(), _NoMark(0)).label(blank).badge_xyxy
    assert box is not None
    return box


@pytest.mark.parametrize("out", [".png", ".webp", ".tif", ".jpg", ".bmp"])
def test_the_badge_is_seen_where_the_picture_is_transparent(tmp_path: Path, out: str) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), np.zeros((240, 320, 4), np.uint8))
    _write(_read(tmp_path / "in.png"), tmp_path / f"out{out}")
    written = _read(tmp_path / f"out{out}")
    left, top, right, bottom = _badge_box(320, 240)
    badge = written.frame.image[top:bottom, left:right, 1].astype(int)
    assert np.percentile(badge, 95) - np.percentile(badge, 5) > 100
    if written.alpha is not None:
        assert (written.alpha[top:bottom, left:right] == 255).all()


@pytest.mark.parametrize("out", [".png", ".webp", ".tif"])
def test_alpha_is_kept(tmp_path: Path, out: str) -> None:
    pixels = np.dstack([_colours(), np.tile(np.arange(WIDTH, dtype=np.uint8) * 4, (HEIGHT, 1))])
    cv2.imwrite(str(tmp_path / "in.png"), pixels)
    _write(_read(tmp_path / "in.png"), tmp_path / f"out{out}", quality=100)
    written = _read(tmp_path / f"out{out}")
    assert written.alpha is not None
    left, top, right, bottom = _badge_box(WIDTH, HEIGHT)
    assert (written.alpha[top:bottom, left:right] == 255).all(), "the badge is seen"
    expected = pixels[:, :, 3].copy()
    expected[top:bottom, left:right] = 255
    assert np.array_equal(written.alpha, expected)


@pytest.mark.parametrize("out", [".jpg", ".bmp"])
def test_alpha_is_laid_on_white_where_there_is_none(tmp_path: Path, out: str) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), np.dstack([_colours(), np.zeros((HEIGHT, WIDTH), np.uint8)]))
    _write(_read(tmp_path / "in.png"), tmp_path / f"out{out}")
    assert _read(tmp_path / f"out{out}").original[:20].min() > 250


@pytest.mark.parametrize("out", [".png", ".tif"])
@pytest.mark.parametrize("source", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_stay_where_nothing_changed(tmp_path: Path, source: str, out: str, channels: int) -> None:
    draw = np.random.default_rng(1)
    shape = (HEIGHT, WIDTH) if channels == 1 else (HEIGHT, WIDTH, channels)
    pixels = draw.integers(0, 65536, shape).astype(np.uint16)
    path = tmp_path / f"in{source}"
    if source == ".png":
        cv2.imwrite(str(path), pixels)
    else:
        rgb = pixels if channels == 1 else cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if channels == 4 else cv2.COLOR_BGR2RGB)
        extra = ["unassalpha"] if channels == 4 else None
        tifffile.imwrite(path, rgb, photometric="minisblack" if channels == 1 else "rgb", extrasamples=extra)
    _write(_read(path), tmp_path / f"out{out}")
    if out == ".png":
        result = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    else:
        result = tifffile.imread(tmp_path / "out.tif")
        if channels > 1:
            result = cv2.cvtColor(result, cv2.COLOR_RGBA2BGRA if channels == 4 else cv2.COLOR_RGB2BGR)
    assert result is not None
    assert result.dtype == np.uint16
    assert np.array_equal(result[:20], pixels[:20])
    assert not np.array_equal(result, pixels), "the badge is there"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exif_orientation_is_honoured(tmp_path: Path, orientation: int, suffix: str) -> None:
    """The reference is Pillow's own turning."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = _save(tmp_path / f"in{suffix}", exif=exif)
    with Image.open(path) as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))[:, :, ::-1]
    picture = _read(path)
    assert np.array_equal(picture.original, upright)
    _write(picture, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as written:
        assert written.getexif().get(ExifTags.Base.Orientation, 1) == 1
        assert written.size == (upright.shape[1], upright.shape[0])


def _described(exif: Image.Exif) -> str:
    return str(exif[ExifTags.Base.ImageDescription])


@pytest.mark.parametrize("out", [".jpg", ".png", ".webp", ".tif"])
def test_metadata_is_kept_and_the_statement_added(tmp_path: Path, out: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "Holiday"
    exif[ExifTags.Base.Artist] = "Ada"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:02:02 10:00:00"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"old face inside"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    _save(tmp_path / "in.jpg", exif=exif, icc_profile=profile, dpi=(300, 300))
    _write(_read(tmp_path / "in.jpg"), tmp_path / f"out{out}")
    with Image.open(tmp_path / f"out{out}") as written:
        kept = written.getexif()
        assert _described(kept).startswith("Holiday | ")
        assert "altered by mien" in _described(kept)
        assert kept[ExifTags.Base.Artist] == "Ada"
        assert str(kept[ExifTags.Base.Software]).startswith("mien ")
        assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2020:02:02 10:00:00"
        assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        assert written.info.get("icc_profile") == profile
        if out != ".webp":
            assert [round(float(value)) for value in written.info["dpi"]] == [300, 300]
    assert b"old face inside" not in (tmp_path / f"out{out}").read_bytes()


def test_the_statement_is_not_repeated(tmp_path: Path) -> None:
    _save(tmp_path / "a.jpg")
    _write(_read(tmp_path / "a.jpg"), tmp_path / "b.jpg")
    _write(_read(tmp_path / "b.jpg"), tmp_path / "c.jpg")
    with Image.open(tmp_path / "c.jpg") as written:
        assert _described(written.getexif()).count("altered by mien") == 1


def test_a_bmp_stays_readable_with_its_packet(tmp_path: Path) -> None:
    _save(tmp_path / "in.bmp")
    _write(_read(tmp_path / "in.bmp"), tmp_path / "out.bmp")
    content = (tmp_path / "out.bmp").read_bytes()
    size, offset = struct.unpack_from("<I4xI", content, 2)
    assert size == len(content)
    assert b"<?xpacket begin" in content[:offset]
    for decoded in (cv2.imread(str(tmp_path / "out.bmp")), np.asarray(Image.open(io.BytesIO(content)))[:, :, ::-1]):
        assert decoded is not None
        assert np.array_equal(decoded[:20], _colours()[:20])


def _bomb() -> bytes:
    """Write a black picture of 30,000 x 30,000 bits without holding it: Pillow would take a byte for each, and seconds."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(30_000 * (1 + 30_000 // 8)), 1)
    parts = (b"IHDR" + header, b"IDAT" + rows, b"IEND")
    chunks = (struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _animation() -> bytes:
    buffer = io.BytesIO()
    first, *rest = [Image.new("RGB", (20, 20), (value, 0, 0)) for value in (0, 99, 200)]
    first.save(buffer, "WEBP", save_all=True, append_images=rest)
    return buffer.getvalue()


def _pages() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, "TIFF", save_all=True, append_images=[Image.new("RGB", (20, 20))])
    return buffer.getvalue()


def _whole(suffix: str) -> bytes:
    buffer = io.BytesIO()
    kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    Image.fromarray(_colours()).resize((200, 200)).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("empty.png", b"", errors.UnreadableMedia),
        ("words.jpg", b"words " * 99, errors.UnsupportedMedia),
        ("gif.png", b"GIF89a" + bytes(50), errors.UnsupportedMedia),
        ("bomb.png", _bomb, errors.MediaTooLarge),
        ("animation.webp", _animation(), errors.UnsupportedMedia),
        ("pages.tif", _pages(), errors.UnsupportedMedia),
        *((f"half{suffix}", _whole(suffix)[: len(_whole(suffix)) // 2], errors.UnreadableMedia) for suffix in SUFFIXES),
        ("flipped.png", _whole(".png")[:100] + b"\xff" * 40 + _whole(".png")[140:], errors.UnreadableMedia),
    ],
)
def test_refusals(tmp_path: Path, name: str, content: bytes | Callable[[], bytes], error: type[errors.MediaError]) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content())
    with pytest.raises(error) as caught:
        _read(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_limits_are_checked_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    content = bytearray(_whole(".png"))
    # A header that announces 9,000 x 9,000 pixels over data for 200 x 200: decoding it would fail otherwise.
    struct.pack_into(">II", content, 16, 9000, 9000)
    struct.pack_into(">I", content, 29, zlib.crc32(bytes(content[12:29])))
    path.write_bytes(bytes(content))
    with pytest.raises(errors.MediaTooLarge, match="9000 x 9000"):
        _read(path)
    with pytest.raises(errors.MediaTooLarge, match="bytes"):
        read_picture(path, max_pixels=10**9, max_bytes=100)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "no.png", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(errors.UnreadableMedia, match=words):
            _read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(errors.UnreadableMedia, match="not an ordinary file"):
        _read(tmp_path / "pipe.png")


def test_only_a_labelled_frame_is_written(tmp_path: Path) -> None:
    picture = _read(_save(tmp_path / "in.png"))
    frame = Frame(picture.frame.image, 0, 0, Fraction(1))
    with OutputFile(tmp_path / "out.png", overwrite=True) as output, pytest.raises(TypeError):
        write_picture(picture, frame, output, quality=80, engine="mesh")  # type: ignore[arg-type]
    assert not (tmp_path / "out.png").exists()


def test_quality_changes_the_size(tmp_path: Path) -> None:
    sizes = []
    for quality in (5, 50, 95):
        _write(_read(_save(tmp_path / "in.png")), tmp_path / "out.jpg", quality)
        with Image.open(tmp_path / "out.jpg") as written:
            quantization = getattr(written, "quantization")  # noqa: B009 - only jpeg files have it
            sizes.append(sum(quantization[0]))
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize(("content", "expected"), [(_whole(".png"), True), (b"words", False), (_whole(".webp"), True)])
def test_is_picture(tmp_path: Path, content: bytes, expected: bool) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert is_picture(path) == expected


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", "16.png", "16.tif"])
def test_mutated_files_are_read_or_refused(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    """A photo is untrusted: whatever is done to its bytes, the answer is a picture or one of our errors."""
    caplog.set_level(logging.CRITICAL, logger="PIL")
    draw = np.random.default_rng(len(suffix))
    if suffix.startswith("16"):
        _, encoded = cv2.imencode(suffix[2:], _colours().astype(np.uint16) * 257)
        whole = encoded.tobytes()
    else:
        whole = _whole(suffix)
    path = tmp_path / "mutated"
    refused = 0
    for _ in range(60):
        content = bytearray(whole)
        for place in draw.integers(0, draw.choice([64, 512, len(content)]), int(draw.integers(1, 12))):
            content[min(int(place), len(content) - 1)] = int(draw.integers(0, 256))
        kept = len(content) if draw.random() < 0.5 else int(draw.integers(1, len(content)))
        path.write_bytes(bytes(content[:kept]))
        try:
            _write(_read(path), tmp_path / "out.png")
        except errors.MediaError:
            refused += 1
    assert refused > 5
