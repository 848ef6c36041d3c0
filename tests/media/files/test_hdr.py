"""HDR against the formulas of BT.2100 in floating point, against pictures that zimg converted, in files and live inputs."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from mien.errors import UnsupportedMedia
from mien.imaging import hdr
from mien.media.capture.live_input import LiveInput, Opening
from mien.media.capture.looped import LoopedMedia
from mien.media.files.conversion import conversion_notes
from mien.media.files.output_file import OutputFile
from mien.media.files.video_reader import VideoReader
from mien.media.files.video_writer import VideoWriter
from mien.media.frames import dolby_vision
from mien.media.frames.colour_space import ColourSpace, ToBgr, space_of
from mien.settings import Settings
from mien.types import Array, Frame, Image, LabelledFrame
from tests.support.places import DATA

KINDS = {"hlg": hdr.HLG, "pq": hdr.PQ}
_KR, _KB = 0.2627, 0.0593
_LUMA = np.array([_KR, 1 - _KR - _KB, _KB])


def _light(components: Array, transfer: int) -> Array:
    """Nonlinear RGB to light of the screen relative to white, straight from BT.2100."""
    if transfer == hdr.PQ:
        power = np.clip(components, 0, 1) ** (32 / 2523)
        return np.asarray(10_000 / 203 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (16384 / 2610))
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = np.maximum(components, 0)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(1000 / 203 * (scene @ _LUMA)[..., None] ** 0.2 * scene)


def _sdr(components: Array, transfer: int) -> Array:
    """BGR, 0..255, of nonlinear RGB (..., 3) in BT.2020; the curve in the form that video tools call Möbius."""
    # BT.2087 gives this matrix for BT.2020 to BT.709.
    to_709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    light = np.maximum(_light(components, transfer) @ to_709.T, 0)
    most = np.maximum(light.max(-1, keepdims=True), 1e-9)
    knee, peak = 0.75, 1000 / 203
    a = -knee * knee * (peak - 1) / (knee * knee - 2 * knee + peak)
    b = (knee * knee - 2 * knee * peak + peak) / (peak - 1)
    bent = (b * b + 2 * b * knee + knee * knee) / (b - a) * (most + a) / (most + b)
    toned = light / most * np.minimum(np.where(most > knee, bent, most), 1)
    return np.asarray(255 * np.clip(toned, 0, 1) ** (1 / 2.4))[..., ::-1]


def _colours(width: int, height: int) -> Array:
    """Nonlinear RGB of even 2x2 blocks: all hues, many of them greyish, as pictures are."""
    draw = np.random.default_rng(7)
    across, down = -(-width // 2), -(-height // 2)
    grey = draw.random((down, across, 1)) * 0.95
    colours = np.clip(grey + draw.normal(0, 0.12, (down, across, 3)), 0, 1)
    return np.repeat(np.repeat(colours, 2, axis=0), 2, axis=1)[:height, :width]


def _ycbcr(colours: Array, bits: int, *, full: bool) -> list[Array]:
    """Codes of BT.2020 with non-constant luminance."""
    luma = colours @ _LUMA
    blue, red = (colours[..., 2] - luma) / (2 * (1 - _KB)), (colours[..., 0] - luma) / (2 * (1 - _KR))
    step, most = 1 << (bits - 8), (1 << bits) - 1
    levels = (0, most, most) if full else (16 * step, 219 * step, 224 * step)
    planes = levels[0] + levels[1] * luma, 128 * step + levels[2] * blue, 128 * step + levels[2] * red
    return [np.clip(np.rint(each), 0, most).astype(np.uint16) for each in planes]


def _components(planes: Sequence[Array], bits: int, *, full: bool) -> Array:
    """Nonlinear RGB of codes, rounding included."""
    step, most = 1 << (bits - 8), (1 << bits) - 1
    black, luma, chroma = (0, most, most) if full else (16 * step, 219 * step, 224 * step)
    y = (planes[0].astype(float) - black) / luma
    u, v = ((each.astype(float) - 128 * step) / chroma for each in planes[1:])
    red, blue = y + 2 * (1 - _KR) * v, y + 2 * (1 - _KB) * u
    return np.stack([red, (y - _KR * red - _KB * blue) / _LUMA[1], blue], axis=-1)


def _frame(name: str, planes: Sequence[Array], width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, name)
    for target, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(target), values.dtype).reshape(target.height, -1)
        rows[: values.shape[0], : values.shape[1]] = values
    return frame


def _assert_right(picture: Image, wanted: Array) -> None:
    error = np.abs(picture - wanted)
    assert error.mean() < 0.4, "rounding alone is 0.25"
    assert np.percentile(error, 99.5) < 1.5
    # Deep shades of one colour, where a code is several levels of the output.
    assert error.max() < 3


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_pixels_follow_the_standard(kind: str, bits: int, full: bool) -> None:
    transfer = KINDS[kind]
    planes = _ycbcr(_colours(96, 96), bits, full=full)
    converter = hdr.HdrToSdr(hdr.Signal(transfer, 9, 9, full, bits))
    _assert_right(converter.convert(*planes), _sdr(_components(planes, bits, full=full), transfer))


@pytest.mark.parametrize("kind", KINDS)
def test_ictcp_is_the_same_light_in_other_coordinates(kind: str) -> None:
    transfer, codes = KINDS[kind], 65535
    colours = _colours(64, 64)
    scene = _inverse(colours, transfer)
    lms = scene @ (np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096).T
    rows = {"pq": [[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]],
            "hlg": [[2048, 2048, 0], [3625, -7465, 3840], [9500, -9212, -288]]}  # fmt: skip
    ictcp = _forward(lms, transfer) @ (np.array(rows[kind]) / 4096).T
    planes = [np.rint(ictcp[..., i] * codes + (0, 32768, 32768)[i]).astype(np.uint16) for i in range(3)]
    converter = hdr.HdrToSdr(hdr.Signal(transfer, hdr.ICTCP, 9, full_range=True, bits=16))
    _assert_right(converter.convert(*planes), _sdr(colours, transfer))


def _inverse(signal: Array, transfer: int) -> Array:
    return hdr.pq_nits(signal) if transfer == hdr.PQ else hdr.hlg_light(signal)


def _forward(light: Array, transfer: int) -> Array:
    steps = np.linspace(0, 1, 200_001)
    return np.interp(light, _inverse(steps, transfer), steps)


@pytest.mark.parametrize("kind", KINDS)
def test_greys_stay_grey_and_keep_their_order(kind: str) -> None:
    ramp = np.arange(64, 1020, dtype=np.uint16).reshape(1, -1).repeat(2, axis=0)
    middle = np.full(ramp.shape, 512, np.uint16)
    picture = hdr.HdrToSdr(hdr.Signal(KINDS[kind], 9, 9, full_range=False, bits=10)).convert(ramp, middle, middle).astype(int)
    assert (picture.max(2) - picture.min(2)).max() <= 1
    assert (np.diff(picture[0, :, 1]) >= 0).all()
    assert picture.min() == 0
    assert picture.max() == 255


def test_the_tone_curve_is_exact_below_the_knee_and_smooth_above() -> None:
    tuning = hdr.HdrTuning()
    grey = np.arange(65536, dtype=np.uint16).reshape(2, -1)
    converter = hdr.HdrToSdr(hdr.Signal(hdr.PQ, hdr.RGB, 9, full_range=True, bits=16))
    codes = converter.convert(grey, grey, grey)[:, :, 1].ravel().astype(float)
    light = hdr.pq_nits(np.arange(65536) / 65535) / tuning.white_nits
    below = light <= tuning.knee
    assert np.abs(codes[below] - 255 * hdr.bt1886_code(light[below])).max() < 1
    steps = np.diff(codes)
    assert (steps >= 0).all()
    assert steps.max() <= 1, "no step that a smooth ramp would show as a band"
    peak = tuning.peak_nits / tuning.white_nits
    assert codes[light < 0.5 * peak].max() < 254, "no plateau far below the peak"
    assert codes[light >= peak].min() == 255


def test_bright_colours_keep_their_hue() -> None:
    """A light of 4 times white in BT.709's red and a little green, as RGB codes of PQ."""
    light = np.array([4.0, 1.0, 0.5])
    in_2020 = np.linalg.solve(hdr.rgb_to_xyz(9), hdr.rgb_to_xyz(1) @ light) * 203
    codes = np.rint(65535 * _forward(in_2020, hdr.PQ)).astype(np.uint16)
    plane = [np.full((2, 2), code, np.uint16) for code in (codes[1], codes[2], codes[0])]
    picture = hdr.HdrToSdr(hdr.Signal(hdr.PQ, hdr.RGB, 9, full_range=True, bits=16)).convert(*plane)
    shown = (picture[0, 0, ::-1] / 255.0) ** 2.4
    assert shown / shown[0] == pytest.approx(light / light[0], abs=0.02)


_FORMATS = {"yuv420p10le": (10, 2, 2), "yuv422p10le": (10, 1, 2), "yuv444p10le": (10, 1, 1), "yuv420p12le": (12, 2, 2),
            "yuv444p12le": (12, 1, 1), "yuv422p16le": (16, 1, 2)}  # fmt: skip
"""Bits, and how many rows and columns of luma share a sample of chroma."""


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
@pytest.mark.parametrize("name", _FORMATS)
def test_frames_of_every_layout(name: str, size: tuple[int, int]) -> None:
    bits, down, across = _FORMATS[name]
    y, u, v = _ycbcr(_colours(*size), bits, full=False)
    frame = _frame(name, (y, u[::down, ::across], v[::down, ::across]), *size)
    picture = ToBgr(ColourSpace(9, 9, hdr.HLG, full_range=False, tagged=True), *size).convert(frame)
    _assert_right(picture, _sdr(_components((y, u, v), bits, full=False), hdr.HLG))


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
@pytest.mark.parametrize("name", ["p010le", "nv12"])
def test_frames_whose_chroma_is_one_plane(name: str, size: tuple[int, int]) -> None:
    bits, shift = (10, 6) if name == "p010le" else (8, 0)
    planes = _ycbcr(_colours(*size), bits, full=False)
    small = np.stack([planes[1][::2, ::2], planes[2][::2, ::2]], axis=2)
    stored = [(each << shift).astype(np.uint16 if shift else np.uint8) for each in (planes[0], small.reshape(len(small), -1))]
    frame = _frame(name, stored, *size)
    picture = ToBgr(ColourSpace(9, 9, hdr.PQ, full_range=False, tagged=True), *size).convert(frame)
    wanted = _sdr(_components(planes, bits, full=False), hdr.PQ)
    # p010 is read as 16 bits, whose white is 3 parts in 10,000 away.
    assert np.abs(picture - wanted).mean() < 0.5


def test_rgb_grey_and_odd_formats() -> None:
    colours = _colours(64, 48)
    space = ColourSpace(9, 9, hdr.HLG, full_range=False, tagged=True)
    codes = [np.rint(1023 * colours[..., i]).astype(np.uint16) for i in (1, 2, 0)]
    wanted = _sdr(np.rint(1023 * colours) / 1023, hdr.HLG)
    _assert_right(ToBgr(space, 64, 48).convert(_frame("gbrp10le", codes, 64, 48)), wanted)
    packed = _frame("gbrp10le", codes, 64, 48).reformat(format="x2rgb10le")
    assert np.abs(ToBgr(space, 64, 48).convert(packed) - wanted).mean() < 1
    y, u, v = _ycbcr(colours, 10, full=False)
    grey = ToBgr(space, 64, 48).convert(_frame("gray10le", [y], 64, 48))
    flat = np.full(y.shape, 512, np.uint16)
    _assert_right(grey, _sdr(_components((y, flat, flat), 10, full=False), hdr.HLG))
    other = _frame("yuv444p10le", (y, u, v), 64, 48).reformat(format="yuv444p10be")
    assert np.abs(ToBgr(space, 64, 48).convert(other) - _sdr(_components((y, u, v), 10, full=False), hdr.HLG)).mean() < 1


def test_a_frame_of_another_size_keeps_its_colours() -> None:
    colours = np.tile(np.array([0.6, 0.4, 0.3]), (48, 64, 1))
    planes = _ycbcr(colours, 10, full=False)
    converter = ToBgr(ColourSpace(9, 9, hdr.HLG, full_range=False, tagged=True), 32, 24)
    picture = converter.convert(_frame("yuv420p10le", (planes[0], planes[1][::2, ::2], planes[2][::2, ::2]), 64, 48))
    assert picture.shape == (24, 32, 3)
    assert np.abs(picture - _sdr(_components(planes, 10, full=False), hdr.HLG)[:24, :32]).max() < 2


def test_hdr_without_a_matrix_is_bt2020_at_every_size() -> None:
    frame = av.VideoFrame(64, 48, "yuv420p10le")
    frame.color_trc = hdr.HLG
    assert space_of(frame).matrix == hdr.BT2020
    frame.colorspace = hdr.ICTCP
    assert space_of(frame).matrix == hdr.ICTCP


_DEEP = {"yuv420p10le": 10, "yuv422p10le": 10, "yuv444p10le": 10, "yuv420p12le": 12, "p010le": 10, "gray10le": 10}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("name", _DEEP)
@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_deep_sdr_keeps_its_colours(name: str, matrix: int, full: bool, size: tuple[int, int]) -> None:
    bits, (kr, kb) = _DEEP[name], {1: (0.2126, 0.0722), 5: (0.299, 0.114), 9: (_KR, _KB)}[matrix]
    rgb = np.array([0.75, 0.5, 0.5] if name.startswith("gray") else [0.8, 0.45, 0.3])
    luma = float(rgb @ [kr, 1 - kr - kb, kb])
    step, most = 1 << (bits - 8), (1 << bits) - 1
    black, spans = (0, (most, most)) if full else (16 * step, (219 * step, 224 * step))
    chroma = [128 * step + spans[1] * each for each in ((rgb[2] - luma) / (2 - 2 * kb), (rgb[0] - luma) / (2 - 2 * kr))]
    values = [round(each) << (6 if name == "p010le" else 0) for each in (black + spans[0] * luma, *chroma)]
    frame = av.VideoFrame(*size, name)
    for number, plane in enumerate(frame.planes):
        pair = values[1:] if name == "p010le" and number else [values[number]]
        plane.update(np.resize(np.array(pair, np.uint16), plane.buffer_size // 2).tobytes())
    frame.color_range = 2 if full else 1
    picture = ToBgr(ColourSpace(matrix, matrix, 1, full, tagged=True), *size).convert(frame)
    wanted = np.full(3, luma) if name.startswith("gray") else rgb
    assert np.abs(picture - 255 * wanted[::-1]).max() <= 1.5


def _reference(kind: str) -> Image:
    return np.asarray(cv2.imread(str(DATA / f"hdr_{kind}.png")), np.uint8)


def _error(picture: Image, kind: str) -> float:
    """Mean error against zimg, in levels; highlights, which the tone curve bends, count too."""
    return float(np.abs(picture.astype(float) - _reference(kind)).mean())


def _reader(path: Path) -> VideoReader:
    return VideoReader(path, max_pixels=10**7, max_bytes=10**9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_has_the_colours_of_the_reference(kind: str) -> None:
    with _reader(DATA / f"hdr_{kind}.mp4") as reader:
        picture = cast("Frame", reader.read()).image
        notes = conversion_notes(reader.info)
    assert _error(picture, kind) < 2
    dark = _reference(kind).max(2) < 215
    assert np.abs(picture.astype(float) - _reference(kind))[dark].mean() < 1.2
    assert any("HDR" in note and kind.upper() in note for note in notes)


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_has_the_colours_and_says_bt709(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with _reader(DATA / f"hdr_{kind}.mp4") as reader, OutputFile(path, overwrite=False) as output:
        with VideoWriter(reader, output, Settings(quality=100), "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(LabelledFrame(frame, None, 0))
        output.commit()
    with av.open(str(path)) as file:
        shown = next(file.decode(video=0))
        assert (int(shown.colorspace), int(shown.color_primaries), int(shown.color_trc), int(shown.color_range)) == (1, 1, 1, 1)
        assert _error(np.asarray(shown.to_ndarray(format="bgr24"), np.uint8), kind) < 4


class _File(LiveInput):
    """A file as a live input: what cameras and network streams share."""

    def __init__(self, path: Path) -> None:
        super().__init__("the clip")
        self._path = path
        self._ends = True

    def _openings(self) -> Sequence[Opening]:
        return [Opening(str(self._path), None)]


@pytest.mark.parametrize("kind", KINDS)
def test_live_inputs_have_the_colours_of_the_reference(kind: str) -> None:
    path = DATA / f"hdr_{kind}.mp4"
    with _File(path) as source:
        assert _error(cast("Frame", source.read()).image, kind) < 3
    with LoopedMedia(path, max_pixels=10**6, max_bytes=10**6) as looped:
        assert _error(cast("Frame", looped.read()).image, kind) < 2


def test_a_file_that_changes_from_sdr_to_hdr_keeps_its_colours(tmp_path: Path) -> None:
    """Two transport streams put together: the same picture as BT.709, then as HLG."""
    parts: list[bytes] = []
    for name in ("sdr", "hdr"):
        part = tmp_path / f"{name}.ts"
        with av.open(str(DATA / "hdr_hlg.mp4")) as file, av.open(str(part), "w") as out:
            source = file.streams.video[0]
            video = out.add_stream("libx265", rate=25, options={"x265-params": "log-level=error:bframes=0:crf=10"})
            assert isinstance(video, av.VideoStream)
            video.width, video.height, video.pix_fmt = 120, 136, "yuv420p10le"
            context = video.codec_context
            context.colorspace, context.color_primaries, context.color_trc = (1, 1, 1) if name == "sdr" else (9, 9, hdr.HLG)
            context.color_range = 1
            for frame in file.decode(source):
                if name == "sdr":
                    frame = av.VideoFrame.from_ndarray(_reference("hlg"), format="bgr24").reformat(
                        format="yuv420p10le", dst_colorspace=1, dst_color_range=1
                    )
                    frame.pts, frame.time_base = len(parts), Fraction(1, 25)
                out.mux(video.encode(frame))
                if name == "sdr":
                    break
            out.mux(video.encode(None))
        parts.append(part.read_bytes())
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    with _reader(tmp_path / "joined.ts") as reader:
        pictures = [frame.image for frame in iter(reader.read, None)]
    assert len(pictures) > 4
    assert max(_error(picture, "hlg") for picture in pictures) < 4


def _exp_golomb(number: int) -> str:
    binary = f"{number + 1:b}"
    return "0" * (len(binary) - 1) + binary


def _rpu(profile: int) -> bytes:
    """A Dolby Vision RPU that maps every component to itself: Annex C of "Dolby Vision Streams", as a NAL unit's payload."""
    ue = _exp_golomb
    bits = f"{2:06b}{18:011b}{profile:04b}{0:04b}1" + "000" + ue(23) + "011" + ue(2) + ue(2) + ue(4) + "0000010"
    bits += "0" + ue(0) * 3 + (ue(0) + f"{0:010b}{1023:010b}") * 3 + ue(0) * 2
    bits += (ue(0) * 2 + "0" + ue(0) + "0" * 23 + ue(1) + "0" * 23) * 3
    bits += "0" * (-len(bits) % 8)
    content = b"\x19" + int(bits, 2).to_bytes(len(bits) // 8, "big") + b"\1\1\1\1\x80"
    escaped = bytearray()
    for byte in content:
        if byte <= 3 and escaped[-2:] == b"\0\0":
            escaped.append(3)
        escaped.append(byte)
    return bytes(escaped)


def _dolby_vision(path: Path, profile: int) -> Path:
    """`hdr_hlg.mp4` with an RPU at the end of each picture."""
    with av.open(str(DATA / "hdr_hlg.mp4")) as file, av.open(str(path), "w") as out:
        stream = file.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in file.demux(stream):
            if packet.size:
                unit = b"\x7c\1" + _rpu(profile)
                added = av.Packet(bytes(packet) + len(unit).to_bytes(4, "big") + unit)
                added.stream, added.time_base, added.pts, added.dts = copy, packet.time_base, packet.pts, packet.dts
                added.is_keyframe = packet.is_keyframe
                out.mux(added)
    return path


def test_dolby_vision_with_a_base_layer_is_read_as_that(tmp_path: Path) -> None:
    with _reader(_dolby_vision(tmp_path / "phone.mp4", 1)) as reader:
        assert _error(cast("Frame", reader.read()).image, "hlg") < 2
        assert any("Dolby Vision" in note for note in conversion_notes(reader.info))


def test_dolby_vision_without_a_base_layer_is_refused(tmp_path: Path) -> None:
    path = _dolby_vision(tmp_path / "five.mp4", 0)
    with pytest.raises(UnsupportedMedia, match=r"five\.mp4 is Dolby Vision profile 5"):
        _reader(path)
    with pytest.raises(UnsupportedMedia, match="profile 5"):
        _File(path).__enter__()


@pytest.mark.parametrize(
    ("data", "profile"),
    [
        ({}, None),
        ({Type.DOVI_METADATA: (16).to_bytes(8, "little") + bytes(8) + bytes([2, 0, 18, 0, 1, 0])}, 1),
        ({Type.DOVI_METADATA: (16).to_bytes(8, "little")}, None),
        ({Type.DOVI_METADATA: b"\1"}, None),
        ({Type.DOVI_RPU_BUFFER: b"\x19\x08"}, None),
        ({Type.DOVI_RPU_BUFFER: b"\x19\x08\x09\x00"}, 0),
    ],
)
def test_metadata_that_is_short_or_odd(data: dict[Type, bytes], profile: int | None) -> None:
    frame: Any = SimpleNamespace(side_data=data)
    assert dolby_vision.dynamic_metadata(frame) == profile


def test_planes_that_do_not_belong_together_are_refused() -> None:
    converter = hdr.HdrToSdr(hdr.Signal(hdr.PQ, 9, 9, full_range=False, bits=10))
    luma, chroma = np.zeros((9, 9), np.uint16), np.zeros((4, 5), np.uint16)
    with pytest.raises(ValueError, match="do not belong together"):
        converter.convert(luma, chroma, chroma)


def test_large_pictures_are_converted_in_bands_without_seams() -> None:
    planes = _ycbcr(_colours(70, 1001), 10, full=False)
    chroma = [each[::2, ::2] for each in planes[1:]]
    picture = hdr.HdrToSdr(hdr.Signal(hdr.HLG, 9, 9, full_range=False, bits=10)).convert(planes[0], *chroma)
    _assert_right(picture, _sdr(_components(planes, 10, full=False), hdr.HLG))
