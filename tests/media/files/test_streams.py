"""Streams beside the video: in step after every conversion, in every container, and none left out silently."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.error import FFmpegError
from av.stream import Disposition

from mien.errors import UnreadableMedia, UnsupportedMedia, UsageError
from mien.media.files.packets import PacketReader
from mien.media.files.stream_copy import StreamCopier
from mien.media.files.subtitles import MOV_TEXT, SUBRIP, WEBVTT, TextCodec, plain_text
from mien.media.files.video_writer import check_output
from mien.settings import Settings
from mien.types import Floats
from tests.support.clips import Clip, look, make, number
from tests.support.video_files import convert, open_reader, read_frames

_RATE = 25
_FLASHES = (8, 18, 27)
"""Frames that are white; a click sounds with each."""
_CLICK_S = 0.01
_CONTAINERS = ("mp4", "mov", "mkv", "webm", "avi")


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """A dark video with flashes, and clicks that sound with them; `sound_from_s` moves the sound but not the clicks."""

    codec: str = "libx264"
    sound: str = "aac"
    rate: int = 48_000
    layout: str = "mono"
    frames: int = 36
    sound_from_s: float = 0.0
    picture_from: int = 0
    options: dict[str, str] = field(default_factory=dict)


def _film(path: Path, scene: _Scene, format_name: str | None = None) -> Path:
    with av.open(str(path), "w", format=format_name, container_options=scene.options) as out:
        video = out.add_stream(scene.codec, rate=_RATE, options={"g": "12", "bf": "2"} if "264" in scene.codec else {})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream(scene.sound, rate=scene.rate)
        assert isinstance(sound, av.audio.AudioStream)
        sound.codec_context.layout, sound.codec_context.bit_rate = scene.layout, 128_000
        for index in range(scene.frames):
            level = 255 if index in _FLASHES else 16
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, np.uint8), format="bgr24")
            frame.pts, frame.time_base = index + scene.picture_from, Fraction(1, _RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        wave = _clicks(scene)
        channels = len(sound.codec_context.layout.channels)
        begin = round(scene.sound_from_s * scene.rate)
        for at in range(begin, len(wave), scene.rate):
            block = np.tile(wave[at : at + scene.rate], (channels, 1))
            heard = av.AudioFrame.from_ndarray(block, format="fltp", layout=scene.layout)
            heard.sample_rate, heard.pts, heard.time_base = scene.rate, at, Fraction(1, scene.rate)
            out.mux(sound.encode(heard))
        out.mux(sound.encode(None))
    return path


def _clicks(scene: _Scene) -> Floats:
    time = np.arange(round(scene.frames / _RATE * scene.rate)) / scene.rate
    begins = [(index + scene.picture_from) / _RATE for index in _FLASHES]
    clicks = np.any([(begin <= time) & (time < begin + _CLICK_S) for begin in begins], axis=0)
    return np.asarray(clicks * np.sin(2 * np.pi * 2000 * time) * 0.8, np.float32)


def _seen_and_heard(path: Path) -> tuple[list[float], list[float]]:
    """When a player shows the flashes and plays the beginnings of the clicks, in seconds."""
    with av.open(str(path), options={"fflags": "-genpts"}) as file:
        flashes = [_shown_s(frame) for frame in file.decode(video=0) if frame.to_ndarray(format="gray").mean() > 120]
    return flashes, list(_onsets(path))


def _shown_s(frame: av.VideoFrame) -> float:
    # AVI has decoding times only; what mien writes into it is shown in that order.
    stamp = frame.pts if frame.pts is not None else frame.dts
    assert frame.time_base is not None
    return float((stamp or 0) * frame.time_base)


def _onsets(path: Path) -> Iterator[float]:
    quiet_since = -1.0
    with av.open(str(path)) as file:
        even = av.AudioResampler("flt", "mono", 48_000)
        for frame in file.decode(audio=0):
            assert frame.time is not None
            for part in even.resample(frame):
                for at in np.flatnonzero(np.abs(part.to_ndarray().reshape(-1)) > 0.15):
                    time_s = frame.time + float(at) / 48_000
                    if time_s - quiet_since > 0.1:
                        yield time_s
                    quiet_since = time_s


def _check_in_step(path: Path, count: int, tolerance_s: float = 0.02) -> None:
    flashes, clicks = _seen_and_heard(path)
    assert len(flashes) == len(clicks) == count
    assert max(abs(click - flash) for flash, click in zip(flashes, clicks, strict=True)) <= tolerance_s


_STEPS: dict[str, tuple[str, _Scene, str, str]] = {
    "aac to webm": ("in.mp4", _Scene(), "webm", "opus"),
    "aac to avi": ("in.mp4", _Scene(layout="stereo"), "avi", "ac3"),
    "wma to mp4": ("in.wmv", _Scene(codec="wmv2", sound="wmav2"), "mp4", "aac"),
    "wma to mkv": ("in.wmv", _Scene(codec="wmv2", sound="wmav2", rate=44_100), "mkv", "aac"),
    "opus to mov": ("in.mkv", _Scene(sound="libopus"), "mov", "aac"),
    "5.1 to webm": ("in.mkv", _Scene(sound="ac3", layout="5.1(side)"), "webm", "opus"),
    "odd rate to webm": ("in.mov", _Scene(sound="pcm_s16le", rate=37_800), "webm", "opus"),
    "transport stream to avi": ("in.ts", _Scene(), "avi", "ac3"),
    "transport stream to mov": ("in.ts", _Scene(), "mov", "aac"),
    "late sound to webm": ("in.mp4", _Scene(sound_from_s=0.2), "webm", "opus"),
    "late sound to avi": ("in.mkv", _Scene(sound_from_s=0.2), "avi", "ac3"),
    "late sound as it is": ("in.mp4", _Scene(sound_from_s=0.2), "mkv", "aac"),
    "sound before the pictures": ("in.ts", _Scene(picture_from=5), "mp4", "aac"),
    "sound before the pictures to avi": ("in.mkv", _Scene(picture_from=5), "avi", "ac3"),
    "lead-in as it is": ("in.mp4", _Scene(), "mkv", "aac"),
}  # fmt: skip


@pytest.mark.parametrize("kind", _STEPS)
def test_sound_stays_in_step(kind: str, tmp_path: Path) -> None:
    name, scene, suffix, codec = _STEPS[kind]
    source = _film(tmp_path / name, scene)
    warnings = convert(source, tmp_path / f"out.{suffix}")
    _check_in_step(tmp_path / f"out.{suffix}", len(_FLASHES))
    with av.open(str(tmp_path / f"out.{suffix}")) as file:
        (sound,) = file.streams.audio
        assert sound.codec_context.codec.canonical_name == codec
        converted = codec not in scene.sound or suffix == "avi"
        assert sound.codec_context.channels == len(av.AudioLayout(scene.layout).channels)
    assert any("is converted to" in warning for warning in warnings) == converted


def test_a_hostile_gap_does_not_become_years_of_silence(tmp_path: Path) -> None:
    plain, source = _film(tmp_path / "plain.mkv", _Scene(sound="pcm_s16le")), tmp_path / "in.mkv"
    with av.open(str(plain)) as file, av.open(str(source), "w") as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in file.streams}
        packets = [packet for packet in file.demux() if packet.size]
        last = max(index for index, packet in enumerate(packets) if packet.stream.type == "audio")
        packets[last].pts = packets[last].dts = 10**9
        for packet in packets:
            packet.stream = copies[packet.stream_index]
            out.mux_one(packet)
    warnings = convert(source, tmp_path / "out.webm")
    assert any("damaged" in warning for warning in warnings)
    with av.open(str(tmp_path / "out.webm")) as file:
        assert (file.duration or 0) < 2_000_000


def test_a_part_with_converted_sound_is_cut_to_the_sample(tmp_path: Path) -> None:
    source = _film(tmp_path / "in.mp4", _Scene())
    convert(source, tmp_path / "out.webm", start_s=0.52, end_s=1.2)
    _check_in_step(tmp_path / "out.webm", 2)
    with av.open(str(tmp_path / "out.webm")) as file:
        first, *_, last = file.decode(audio=0)
    assert first.time == pytest.approx(0, abs=0.01)
    assert last.time == pytest.approx(0.68, abs=0.03)


def _joined(folder: Path, name: str, scene: _Scene, count: int = 2) -> Path:
    piece = _film(folder / f"piece{Path(name).suffix}", scene).read_bytes()
    (folder / name).write_bytes(piece * count)
    return folder / name


@pytest.mark.parametrize("suffix", _CONTAINERS)
@pytest.mark.parametrize("name", ["in.ts", "in.mkv"])
def test_joined_files_play_on_in_every_container(name: str, suffix: str, tmp_path: Path) -> None:
    warnings = convert(_joined(tmp_path, name, _Scene()), tmp_path / f"out.{suffix}")
    assert any("starts over" in warning for warning in warnings)
    _check_in_step(tmp_path / f"out.{suffix}", 2 * len(_FLASHES))
    with av.open(str(tmp_path / f"out.{suffix}"), options={"fflags": "-genpts"}) as file:
        times = [_shown_s(frame) for frame in file.decode(video=0)]
    assert len(times) == 72
    assert all(after - before == pytest.approx(0.04, abs=0.0015) for before, after in pairwise(times))


@pytest.mark.parametrize(("start_s", "end_s"), [(0.2, 0.4), (0.6, 0.8), (0.28, 0.68), (1.0, 1.2)])
def test_parts_of_joined_files_are_exact(start_s: float, end_s: float, tmp_path: Path) -> None:
    piece = make(tmp_path / "piece.ts", Clip(format="mpegts", options={"g": "5"})).read_bytes()
    source = tmp_path / "in.ts"
    source.write_bytes(piece * 3)
    found = [number(frame.image) for frame in read_frames(source, start_s=start_s, end_s=end_s)]
    assert found == [index % 12 for index in range(round(start_s * 25), round(end_s * 25))]
    with open_reader(source) as reader:
        assert reader.info.frame_count == 36
        assert reader.info.duration_s == pytest.approx(1.44, abs=0.03)
    convert(source, tmp_path / "out.mkv", start_s=start_s, end_s=end_s)
    after = look(tmp_path / "out.mkv")
    sound_s = [float(time - after.times[0]) for time in after.packet_times["audio0"]]
    assert sound_s[0] == pytest.approx(0, abs=0.03)
    assert sound_s[-1] == pytest.approx(end_s - start_s, abs=0.05)


def _shifted(folder: Path, by_s: float) -> bytes:
    """A transport stream whose clock begins at `by_s`."""
    path = folder / "shifted.ts"
    _film(path, _Scene(options={"output_ts_offset": str(by_s)}), "mpegts")
    return path.read_bytes()


_CLOCKS: dict[str, tuple[tuple[float, ...], float]] = {
    "wraps around": ((2**33 / 90_000 - 2.5,), 0),
    "leaps ahead": ((0.0, 4000.0), 1.44),
    "steps back": ((100.0, 0.0), 1.44),
    "has a gap": ((1.0, 5.0), 4.0),
}
"""Where the clock of each piece begins, and by how much the second piece is later in the output."""


@pytest.mark.parametrize("kind", _CLOCKS)
def test_clocks_of_recordings(kind: str, tmp_path: Path) -> None:
    begins, later_s = _CLOCKS[kind]
    (tmp_path / "in.ts").write_bytes(b"".join(_shifted(tmp_path, begin) for begin in begins))
    convert(tmp_path / "in.ts", tmp_path / "out.mp4")
    _check_in_step(tmp_path / "out.mp4", len(begins) * len(_FLASHES))
    flashes, _ = _seen_and_heard(tmp_path / "out.mp4")
    count = len(_FLASHES)
    assert flashes[count:] == pytest.approx([time + later_s for time in flashes[: len(flashes) - count]], abs=0.002)


def _damaged(path: Path, stream: int) -> Path:
    """Every fourth packet of the stream is overwritten with noise behind its header."""
    noise = np.random.default_rng(3)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as file:
        places = [(packet.pos, packet.size) for packet in file.demux(file.streams[stream]) if packet.size and packet.pos]
    for place, size in places[2::4]:
        begin = content.index(b"\xff\xf1", place) if path.suffix == ".ts" else place
        content[begin + 8 : begin + size] = noise.bytes(max(size - 8, 0))
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", ["mp4", "webm"])
def test_damaged_sound_is_left_out_and_the_rest_stays_in_step(suffix: str, tmp_path: Path) -> None:
    scene = _Scene(frames=50)
    source = _damaged(_film(tmp_path / "in.mp4", scene), 1)
    warnings = convert(source, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as file:
        packets = [packet for packet in file.demux(audio=0) if packet.size]
    length_s = float((packets[-1].pts or 0) * packets[-1].time_base)
    assert length_s == pytest.approx(2.0, abs=0.05)
    assert suffix == "mp4" or any("damaged places" in warning for warning in warnings)


def test_a_packet_that_the_muxer_cannot_rewrite_is_left_out(tmp_path: Path) -> None:
    source = _film(tmp_path / "in.ts", _Scene())
    content = bytearray(source.read_bytes())
    # AAC frames of a transport stream begin with a header, which MP4 has not: without it they cannot be rewritten.
    second = content.index(b"\xff\xf1", content.index(b"\xff\xf1") + 2)
    content[second : second + 2] = b"\0\0"
    source.write_bytes(content)
    warnings = convert(source, tmp_path / "out.mp4")
    assert len(look(tmp_path / "out.mp4").images) == 36
    assert warnings == () or "damaged" in " ".join(warnings)


def _with_text(path: Path, codec: str, cues: list[tuple[int, int, bytes]], clip: Clip | None = None) -> Path:
    """A clip with one more stream of text."""
    plain = make(path.with_name(f"plain{path.suffix}"), clip or Clip(frames=50, sounds=()))
    with av.open(str(plain)) as file, av.open(str(path), "w") as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in file.streams}
        text = out.add_mux_stream(codec)
        text.time_base = Fraction(1, 1000)
        text.metadata.update({"language": "eng", "title": "all"})
        text.disposition = Disposition.forced
        for packet in file.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                out.mux_one(packet)
        for begin, end, content in cues:
            cue = av.Packet(len(content).to_bytes(2, "big") + content if codec == "mov_text" else content)
            cue.stream, cue.time_base, cue.is_keyframe = text, Fraction(1, 1000), True
            cue.pts = cue.dts = begin
            cue.duration = end - begin
            out.mux(cue)
    return path


def _cues(path: Path) -> list[tuple[float, float, str]]:
    """Begin and end in seconds and text as they are in the file, without the fillers between."""
    found = []
    with av.open(str(path)) as file:
        (text,) = file.streams.subtitles
        for packet in file.demux(text):
            content = bytes(packet)[2 if text.codec_context.codec.name == "mov_text" else 0 :]
            if content:
                begin = float((packet.pts or 0) * packet.time_base)
                found.append(
                    (round(begin, 3), round(begin + float((packet.duration or 0) * packet.time_base), 3), content.decode())
                )
    return found


_ASS = rb"0,0,Default,,0,0,0,,{\an8\i1}Guten{\i0} Tag,\NFrau & Herr"
_TEXTS: dict[str, tuple[str, str, bytes, str, str]] = {
    "mov_text to mkv": ("in.mp4", "mov_text", "Grüß Gott\nalle".encode(), "mkv", "Grüß Gott\nalle"),
    "mov_text to webm": ("in.mp4", "mov_text", b"a < b", "webm", "a &lt; b"),
    "SubRip to mp4": ("in.mkv", "subrip", b"<i>Guten</i> Tag {x", "mp4", "Guten Tag {x"),
    "SubRip to mov": ("in.mkv", "subrip", b"Guten Tag", "mov", "Guten Tag"),
    "SubRip to webm": ("in.mkv", "subrip", b"<b>Guten</b> Tag", "webm", "<b>Guten</b> Tag"),
    "ASS to mp4": ("in.mkv", "ass", _ASS, "mp4", "Guten Tag,\nFrau & Herr"),
    "ASS to webm": ("in.mkv", "ass", _ASS, "webm", "<i>Guten</i> Tag,\nFrau &amp; Herr"),
}  # fmt: skip


@pytest.mark.parametrize("kind", _TEXTS)
def test_subtitles_are_converted(kind: str, tmp_path: Path) -> None:
    name, codec, content, suffix, expected = _TEXTS[kind]
    source = _with_text(tmp_path / name, codec, [(240, 700, content), (900, 1100, content)])
    warnings = convert(source, tmp_path / f"out.{suffix}")
    (warning,) = warnings
    assert f"subtitle stream 1 ({codec}) is converted to" in warning
    assert _cues(tmp_path / f"out.{suffix}") == [(0.24, 0.7, expected), (0.9, 1.1, expected)]
    (text,) = (stream for stream in look(tmp_path / f"out.{suffix}").streams if stream["name"] == "subtitle0")
    assert text["language"] == "eng"
    # QuickTime has no such mark.
    assert suffix == "mov" or text["disposition"] & Disposition.forced


def test_converted_mp4_subtitles_are_described_as_players_want_it(tmp_path: Path) -> None:
    convert(_with_text(tmp_path / "in.mkv", "subrip", [(0, 500, b"Hallo")]), tmp_path / "out.mp4")
    content = (tmp_path / "out.mp4").read_bytes()
    # A sample description with a box for the text and a font, not only the bare name of the format.
    assert content[content.index(b"tx3g") :].index(b"ftab") < 200


def test_subtitles_over_each_other_are_shown_together_in_mp4(tmp_path: Path) -> None:
    cues = [(0, 1000, b"one"), (400, 800, b"two"), (900, 1400, b"three")]
    convert(_with_text(tmp_path / "in.mkv", "subrip", cues), tmp_path / "out.mp4")
    assert _cues(tmp_path / "out.mp4") == [
        (0.0, 0.4, "one"), (0.4, 0.8, "one\ntwo"), (0.8, 0.9, "one"), (0.9, 1.0, "one\nthree"), (1.0, 1.4, "three"),
    ]  # fmt: skip


def test_subtitles_of_a_part_are_converted_and_moved(tmp_path: Path) -> None:
    source = _with_text(tmp_path / "in.mp4", "mov_text", [(200, 900, b"begins before"), (1000, 1200, b"inside")])
    convert(source, tmp_path / "out.mkv", start_s=0.6, end_s=1.4)
    assert _cues(tmp_path / "out.mkv") == [(0.0, 0.3, "begins before"), (0.4, 0.6, "inside")]


@pytest.mark.parametrize(
    ("line", "codec", "text"),
    [
        (r"0,0,,,0,0,0,,{\b1}{\i1}both{\r} none", SUBRIP, "<b><i>both</i></b> none"),
        (r"0,0,,,0,0,0,,{\i1}open", WEBVTT, "<i>open</i>"),
        (r"0,0,,,0,0,0,,{\p1}m 0 0 l 10 10{\p0}seen", SUBRIP, "seen"),
        (r"0,0,,,0,0,0,,{\iclip(1,2)\blur3\pos(1,2)}plain", SUBRIP, "plain"),
        (r"0,0,,,0,0,0,,a\{{}b\} \h c\N\N\Nd", MOV_TEXT, "a{b}   c\nd"),
        (r"0,0,,,0,0,0,,a<b>&", WEBVTT, "a&lt;b&gt;&amp;"),
        ("", SUBRIP, ""),
    ],
)
def test_the_text_of_a_line(line: str, codec: TextCodec, text: str) -> None:
    assert plain_text(line, codec) == text


def test_a_text_too_long_for_mp4_is_cut_between_letters() -> None:
    payload = MOV_TEXT.payload("ü" * 40_000)
    assert len(payload) == 2 + int.from_bytes(payload[:2], "big") == 2 + 65_534
    assert payload[2:].decode()


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "hdmv_pgs_subtitle"), ("webm", "hdmv_pgs_subtitle"), ("avi", "subrip")])
def test_subtitles_that_nothing_can_turn_into_text_are_left_out_aloud(suffix: str, codec: str, tmp_path: Path) -> None:
    source = _with_text(tmp_path / "in.mkv", "subrip", [(240, 700, b"\x16\x00\x03abc\x80\x00\x00")])
    if codec != "subrip":
        _renamed_codec(source, b"S_TEXT/UTF8", b"S_HDMV/PGS\0")
    (warning,) = convert(source, tmp_path / f"out.{suffix}")
    assert f"({codec})" in warning
    assert warning.endswith("left out")
    assert [stream["name"] for stream in look(tmp_path / f"out.{suffix}").streams] == ["video0"]


@pytest.mark.parametrize(
    ("drop", "left"),
    [
        ("subtitles", {"video0", "audio0", "attachment0"}),
        ("audio", {"video0", "subtitle0", "attachment0"}),
        ("data,audio", {"video0", "subtitle0"}),
        ("subtitles, audio, data", {"video0"}),
        ("none", {"video0", "audio0", "subtitle0", "attachment0"}),
    ],
)
def test_streams_are_left_out_on_request(drop: str, left: set[str], tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=4, subtitles="subrip", attachment=True))
    assert convert(source, tmp_path / "out.mkv", Settings(drop=drop)) == ()
    assert {stream["name"] for stream in look(tmp_path / "out.mkv").streams} == left


def test_an_unknown_kind_of_stream_is_refused() -> None:
    with pytest.raises(UsageError, match="'video'"):
        Settings(drop="audio,video")
    with pytest.raises(UsageError, match="'none'"):
        Settings(drop="audio,none")


def test_timed_data_is_left_out_aloud(tmp_path: Path) -> None:
    source = tmp_path / "in.mov"
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        # From this the muxer makes a track of time codes, as cameras do.
        video.metadata["timecode"] = "01:00:00:00"
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")
        out.mux(video.encode(frame))
        out.mux(video.encode(None))
    (warning,) = convert(source, tmp_path / "out.mkv")
    assert "timed data" in warning
    assert convert(source, tmp_path / "quiet.mkv", Settings(drop="data")) == ()


def _renamed_codec(path: Path, before: bytes, after: bytes) -> Path:
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    return path


def test_sound_of_an_unknown_kind_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=4, sounds=("libopus",)))
    _renamed_codec(source, b"A_OPUS", b"A_OWLS")
    with pytest.raises(UnsupportedMedia, match=r"in\.mkv") as caught:
        convert(source, tmp_path / "out.mkv")
    assert "--drop audio" in caught.value.remedy
    assert convert(source, tmp_path / "out.mkv", Settings(drop="audio")) == ()


def test_one_unknown_sound_among_others_is_left_out_aloud(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=4, sounds=("aac", "libopus")))
    _renamed_codec(source, b"A_OPUS", b"A_OWLS")
    (warning,) = convert(source, tmp_path / "out.mp4")
    assert "audio stream 2" in warning


def test_languages_and_order_of_sounds_survive_conversion(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=8, sounds=("aac", "libopus"), subtitles="subrip"))
    warnings = convert(source, tmp_path / "out.webm")
    assert len(warnings) == 2
    streams = look(tmp_path / "out.webm").streams
    assert [stream["name"] for stream in streams] == ["video0", "audio0", "audio1", "subtitle0"]
    assert [stream["language"] for stream in streams[1:]] == ["fra", "fra", "deu"]
    assert streams[1]["title"] == "the tone"


@pytest.mark.parametrize("suffix", ["mov", "mp4"])
def test_languages_with_two_codes_survive(suffix: str, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=4, subtitles="subrip"))
    convert(source, tmp_path / f"out.{suffix}")
    languages = [stream["language"] for stream in look(tmp_path / f"out.{suffix}").streams]
    assert languages[1:] == ["fra", "ger" if suffix == "mov" else "deu"]


def test_frames_too_close_for_avi_do_not_hold_back_the_others(tmp_path: Path) -> None:
    times = [0, 40, 41, 42, 43, 120, 160, 200, 240, 280, 320, 360]
    source = make(tmp_path / "in.mkv", Clip(times=times, time_base=Fraction(1, 1000)))
    warnings = convert(source, tmp_path / "out.avi")
    assert any("2 frames closer together" in warning for warning in warnings)
    after = look(tmp_path / "out.avi")
    assert [number(image) for image in after.images][-6:] == [6, 7, 8, 9, 10, 11]
    with av.open(str(tmp_path / "out.avi")) as file:
        stamps = [packet.dts for packet in file.demux(video=0) if packet.size]
    assert (stamps[-1] or 0) - (stamps[0] or 0) == 9


def test_a_gap_that_avi_cannot_hold_is_a_fault_of_the_input(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=3, times=[0, 40, 3_000_000], time_base=Fraction(1, 1000), sounds=()))
    with pytest.raises(UnreadableMedia, match=r"in\.mkv") as caught:
        convert(source, tmp_path / "out.avi")
    assert caught.value.remedy == "write a .mkv or .mp4"


def test_a_part_without_any_sound_is_written(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=20, sound_s=0.2))
    for suffix in ("webm", "avi", "mp4"):
        convert(source, tmp_path / f"out.{suffix}", start_s=0.5)
        assert len(look(tmp_path / f"out.{suffix}").images) == 7


def test_a_dry_run_says_what_would_be_converted(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=2, subtitles="mov_text"))
    with open_reader(source) as reader:
        notes = check_output(reader, tmp_path / "out.webm", Settings())
    assert [("Opus" in note, "WebVTT" in note) for note in notes] == [(True, False), (False, True)]


@pytest.mark.parametrize(("error", "kind"), [(22, UnreadableMedia), (28, FFmpegError)], ids=["input", "disk full"])
def test_a_muxer_that_refuses_a_packet_blames_the_input(error: int, kind: type[Exception], tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=4))

    class Refusing:
        stream: av.stream.Stream
        damaged = 0

        def take(self, packet: object) -> "Iterator[av.Packet[av.stream.Stream]]":
            raise FFmpegError(error, "refused")

        def finish(self) -> "tuple[av.Packet[av.stream.Stream], ...]":
            return ()

    with open_reader(source) as reader:
        copier = StreamCopier(source, reader.info, "mp4", "out.mp4")
        try:
            with av.open(str(tmp_path / "out.mp4"), "w") as out:
                copier.add_streams(out)
                copier._carriers[1] = Refusing()
                with pytest.raises(kind) as caught:
                    copier.finish(out)
        finally:
            copier.close()
    if isinstance(caught.value, UnreadableMedia):
        assert "audio stream 1 of in.mp4" in str(caught.value)
        assert caught.value.remedy == "leave it out: --drop audio"


def test_hidden_sound_before_an_edit_is_not_brought_to_light(tmp_path: Path) -> None:
    source = _film(tmp_path / "in.mkv", _Scene())
    cut = tmp_path / "cut.mp4"
    # As editors trim without encoding again: sound before the cut stays in the file, behind an edit list.
    with av.open(str(source)) as file, av.open(str(cut), "w", container_options={"avoid_negative_ts": "disabled"}) as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in file.streams}
        for packet in file.demux():
            if packet.size:
                base = packet.time_base
                begin = round(Fraction(24, 25) / base)
                if packet.stream.type == "video" and (packet.pts or 0) < begin:
                    continue
                packet.pts, packet.dts = (packet.pts or 0) - begin, (packet.dts or 0) - begin
                packet.stream = copies[packet.stream_index]
                out.mux_one(packet)
    with av.open(str(cut)) as file:
        hidden = [packet for packet in PacketReader(file, file.streams.audio) if (packet.pts or 0) * packet.time_base < -0.5]
    assert hidden, "the case is one"
    convert(cut, tmp_path / "out.mkv")
    after = look(tmp_path / "out.mkv")
    assert after.times[0] <= Fraction(1, 8)
    _check_in_step(tmp_path / "out.mkv", 1)


_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) * 2 // 3],
    "packets lost": lambda data: b"".join(data[at : at + 188] for at in range(0, len(data), 188) if at < 1880 or at % 1316),
    "zeroed": lambda data: data[: len(data) // 2] + bytes(1880) + data[len(data) // 2 + 1880 :],
}


@pytest.mark.parametrize("kind", _DAMAGE)
@pytest.mark.parametrize("suffix", ["mp4", "avi"])
def test_damaged_transport_streams_never_blame_the_output(kind: str, suffix: str, tmp_path: Path) -> None:
    source = _joined(tmp_path, "in.ts", _Scene())
    source.write_bytes(_DAMAGE[kind](source.read_bytes()))
    convert(source, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}"), options={"fflags": "-genpts"}) as file:
        stamps = [packet.dts for packet in file.demux() if packet.size and packet.stream.type == "video"]
    assert len(stamps) > 20
    assert all(after > before for before, after in pairwise(stamp for stamp in stamps if stamp is not None))
