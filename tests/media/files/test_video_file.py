"""Video files: what is read is what was shown, and what is written keeps all that was not asked to change."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mien.errors import UsageError
from mien.media.files import statement
from mien.media.files.mark_strength import video_need
from mien.media.files.output_file import OutputFile
from mien.media.files.video_writer import VideoWriter, check_output
from mien.settings import Settings
from mien.types import LabelledFrame
from tests.support.clips import Clip, Seen, look, make, number, picture
from tests.support.conformance import source_suite
from tests.support.places import ROOT
from tests.support.video_files import BOX, PRIMING_S, convert, open_reader, read_frames


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _same_times(before: list[Fraction], after: list[Fraction], tolerance: Fraction = Fraction(1, 900)) -> None:
    assert len(before) == len(after)
    shift = after[0] - before[0]
    assert 0 <= shift <= PRIMING_S
    assert max(abs(b + shift - a) for b, a in zip(before, after, strict=True)) <= tolerance


def _spoken(seen: Seen) -> dict[str, list[str]]:
    """Payloads without the fillers between two subtitles."""
    filler = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
    return {name: [p for p in all_ if p != filler] for name, all_ in seen.payloads.items() if not name.startswith("data")}


_KINDS = {
    "mp4 h264 aac": ("in.mp4", Clip(), "out.mp4", {}),
    "mov h264 pcm": ("in.mov", Clip(sounds=("pcm_s16le",)), "out.mov", {}),
    "mkv hevc opus and aac": ("in.mkv", Clip(codec="libx265", sounds=("libopus", "aac")), "out.mkv", {}),
    "webm vp9 opus": ("in.webm", Clip(codec="libvpx-vp9", sounds=("libopus",)), "out.webm", {}),
    "avi mpeg4 pcm": ("in.avi", Clip(codec="mpeg4", sounds=("pcm_s16le",)), "out.avi", {}),
    "avi h264 with b frames": ("in.avi", Clip(sounds=("pcm_s16le",)), "out.avi", {"codec": "mpeg4"}),
    "mp4 av1 without sound": ("in.mp4", Clip(codec="libsvtav1", sounds=()), "out.mp4", {}),
    "mp4 to mkv": ("in.mp4", Clip(), "out.mkv", {}),
    "mkv to mp4": ("in.mkv", Clip(), "out.mp4", {"codec": "hevc"}),
    "webm to mp4": ("in.webm", Clip(codec="libvpx-vp9", sounds=("libopus",)), "out.mp4", {"codec": "mpeg4"}),
    "mp4 opus to webm": ("in.mp4", Clip(sounds=("libopus",)), "out.webm", {}),
    "to av1": ("in.mkv", Clip(sounds=("libopus",)), "out.webm", {"codec": "av1"}),
    "to vp9 in mp4": ("in.mp4", Clip(), "out.mp4", {"codec": "vp9"}),
    "ten bits": ("in.mkv", Clip(codec="libx265", pixel_format="yuv420p10le"), "out.mkv", {}),
    "29.97": ("in.mp4", Clip(rate=Fraction(30000, 1001), time_base=Fraction(1, 30000)), "out.mp4", {}),
    "59.94 in matroska": ("in.mkv", Clip(rate=Fraction(60000, 1001)), "out.mkv", {}),
    "fine clock": ("in.mp4", Clip(time_base=Fraction(1, 90000)), "out.mp4", {"codec": "mpeg4"}),
    "odd size": ("in.webm", Clip(codec="libvpx-vp9", size=(161, 121), sounds=()), "out.mp4", {}),
    "odd size in webm": ("in.webm", Clip(codec="libvpx-vp9", size=(161, 121), sounds=()), "out.webm", {}),
    "odd size to mpeg4": ("in.webm", Clip(codec="libvpx-vp9", size=(161, 121), sounds=()), "out.mkv", {"codec": "mpeg4"}),
    "odd size to hevc": ("in.webm", Clip(codec="libvpx-vp9", size=(161, 121), sounds=()), "out.mkv", {"codec": "hevc"}),
    "anamorphic": ("in.mp4", Clip(pixel_shape=Fraction(16, 11)), "out.mkv", {}),
    "one frame": ("in.mp4", Clip(frames=1), "out.mp4", {}),
    "two frames to hevc": ("in.mp4", Clip(frames=2), "out.mp4", {"codec": "hevc"}),
    "two frames to av1": ("in.mp4", Clip(frames=2), "out.mp4", {"codec": "av1"}),
    "two frames to vp9": ("in.mp4", Clip(frames=2), "out.mkv", {"codec": "vp9"}),
    "name with blanks, quotes and letters": ("ein 'Bild' \"süß\" 50%d.mp4", Clip(), "öut put's.mp4", {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", _KINDS)
def test_a_file_keeps_all_but_its_pixels(kind: str, tmp_path: Path) -> None:
    source_name, clip, target_name, values = _KINDS[kind]
    source, target = make(tmp_path / source_name, clip), tmp_path / target_name
    warnings = convert(source, target, Settings(**values))  # type: ignore[arg-type]
    before, after = look(source), look(target)
    _same_times(before.times, after.times)
    assert [number(image) for image in after.images] == [number(image) for image in before.images]
    assert _spoken(after) == _spoken(before)
    for name, times in before.packet_times.items():
        gaps = [a - b - (after.times[0] - before.times[0]) for a, b in zip(after.packet_times[name], times, strict=True)]
        assert max(map(abs, gaps), default=0) <= Fraction(2, 1000), f"{name} is out of step"
    for key in ("width", "height", "pixel_shape", "rotation"):
        assert after.video[key] == before.video[key], key
    expected = values.get("codec") or ("vp9" if target.suffix == ".webm" else "h264")
    assert after.video["codec"] == expected
    assert after.metadata["comment"] == statement.sentence("mesh")
    assert _names(tmp_path) == sorted({source_name, target_name})
    assert bool(warnings) == ("4:4:4" in "".join(warnings))


@pytest.mark.parametrize(
    ("name", "clip"),
    {
        "mp4": ("a.mp4", Clip(time_base=Fraction(1, 1000), times=[0, 33, 67, 400, 410, 420, 900, 933, 1000, 1300, 1333, 1367])),
        "mkv": ("a.mkv", Clip(times=[0, 40, 41, 43, 60, 200, 201, 340, 1000, 1040, 1080, 2000], time_base=Fraction(1, 1000))),
        "starts late": ("a.mp4", Clip(times=[10 + i for i in range(12)], time_base=Fraction(1, 25))),
    }.values(),
    ids=["mp4", "mkv", "starts late"],
)
def test_uneven_times_are_kept(name: str, clip: Clip, tmp_path: Path) -> None:
    source = make(tmp_path / name, clip)
    convert(source, tmp_path / f"out{source.suffix}")
    before, after = look(source), look(tmp_path / f"out{source.suffix}")
    assert before.times == after.times
    assert before.video["end"] == after.video["end"], "the last frame is shown as long as before"


def test_uneven_times_in_avi_are_rounded_aloud(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mkv", Clip(times=[0, 40, 95, 120, 160], frames=5, time_base=Fraction(1, 1000), sounds=()))
    warnings = convert(source, tmp_path / "out.avi")
    assert any("constant frame rate" in warning for warning in warnings)
    _same_times(look(source).times, look(tmp_path / "out.avi").times, Fraction(1, 50))


_COLOURS = {
    "untagged small": Clip(),
    "untagged large": Clip(size=(1280, 720), frames=2),
    "bt601": Clip(matrix=6, primaries=6, transfer=6, full_range=False),
    "pal": Clip(matrix=5, primaries=5, transfer=6, full_range=False),
    "bt709": Clip(matrix=1, primaries=1, transfer=1, full_range=False),
    "bt709 full": Clip(matrix=1, primaries=1, transfer=1, full_range=True),
    "bt2020": Clip(codec="libx265", pixel_format="yuv420p10le", matrix=9, primaries=9, transfer=14, full_range=False),
    "full range, old name": Clip(codec="libx264", pixel_format="yuvj420p", full_range=True),
    "4:4:4": Clip(pixel_format="yuv444p", matrix=1, primaries=1, transfer=1),
}


@pytest.mark.parametrize("kind", _COLOURS)
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_colours_stay(kind: str, target: str, tmp_path: Path) -> None:
    clip = replace(_COLOURS[kind], sounds=(), options={"crf": "1"})
    source = make(tmp_path / "in.mkv", clip)
    shown = read_frames(source)[1].image
    drawn = picture(1, clip.size)
    if clip.size[0] < 1000:
        # The maker and the reader agree on the matrix of an untagged small picture only.
        assert _away_from_edges(shown, drawn) <= 3
    convert(source, tmp_path / target, Settings(quality=100))
    before, after = look(source), look(tmp_path / target)
    for key in ("matrix", "primaries", "transfer"):
        assert after.video[key] == before.video[key], key
    assert (after.video["range"] == 2) == (before.video["range"] == 2)
    assert _away_from_edges(read_frames(tmp_path / target)[1].image, shown) <= 2


def _away_from_edges(first: np.ndarray, second: np.ndarray) -> int:
    height, width = first.shape[:2]
    patches = [(height // 4, width // 4), (height // 4, 3 * width // 4), (3 * height // 4, 3 * width // 4)]
    return max(int(np.abs(first[y, x].astype(int) - second[y, x]).max()) for y, x in patches)


@pytest.mark.parametrize(
    ("target", "codec"), [("out.avi", "mpeg4"), ("out.mkv", "mpeg4"), ("out.webm", "vp9"), ("out.mp4", "av1")]
)
def test_full_range_survives_other_codecs(target: str, codec: str, tmp_path: Path) -> None:
    clip = Clip(sounds=(), matrix=6, primaries=6, transfer=6, full_range=True, options={"crf": "1"}, frames=3)
    source = make(tmp_path / "in.mkv", clip)
    convert(source, tmp_path / target, Settings(codec=codec, quality=100))
    assert _away_from_edges(read_frames(tmp_path / target)[1].image, read_frames(source)[1].image) <= 5


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_hdr_becomes_ordinary(transfer: int, tmp_path: Path) -> None:
    clip = Clip(
        codec="libx265", pixel_format="yuv420p10le", matrix=9, primaries=9, transfer=transfer, sounds=(), frames=2,
        full_range=False,
    )  # fmt: skip
    source = make(tmp_path / "in.mp4", clip)
    with open_reader(source) as reader:
        assert reader.info.space.is_hdr
    convert(source, tmp_path / "out.mp4")
    after = look(tmp_path / "out.mp4").video
    assert (after["matrix"], after["primaries"], after["transfer"], after["format"]) == (1, 1, 1, "yuv420p")


_TURNS: dict[str, tuple[int, bool, Callable[[np.ndarray], np.ndarray]]] = {
    "none": (0, False, lambda image: image),
    "counterclockwise": (90, False, lambda image: np.rot90(image, 1)),
    "upside down": (180, False, lambda image: np.rot90(image, 2)),
    "clockwise": (270, False, lambda image: np.rot90(image, 3)),
    "mirrored": (0, True, np.fliplr),
}


@pytest.mark.parametrize("kind", _TURNS)
def test_pictures_are_turned_upright(kind: str, tmp_path: Path) -> None:
    rotation, hflip, turned = _TURNS[kind]
    source = make(tmp_path / "in.mp4", Clip(rotation=rotation, hflip=hflip, pixel_shape=Fraction(4, 3), frames=3))
    expected = np.ascontiguousarray(turned(picture(1, (160, 120))))
    frames = read_frames(source)
    assert frames[1].image.shape == expected.shape
    assert _away_from_edges(frames[1].image, expected) <= 6
    convert(source, tmp_path / "out.mp4")
    after = look(tmp_path / "out.mp4")
    upright = rotation % 180 == 0
    assert after.video["rotation"] == 0
    assert (after.video["width"], after.video["height"]) == ((160, 120) if upright else (120, 160))
    assert after.video["pixel_shape"] == (Fraction(4, 3) if upright else Fraction(3, 4))
    assert _away_from_edges(after.images[1], expected) <= 8


def test_turning_an_untagged_video_does_not_change_its_colours(tmp_path: Path) -> None:
    convert(make(tmp_path / "in.mp4", Clip(rotation=90, frames=2, size=(720, 480))), tmp_path / "out.mp4")
    assert look(tmp_path / "out.mp4").video["matrix"] == 6, "a player would take BT.709 for a picture 720 high"


def test_metadata_chapters_languages_and_subtitles_are_kept(tmp_path: Path) -> None:
    chapters = [(0.0, 0.2, "one"), (0.2, 0.48, "two")]
    clip = Clip(subtitles="mov_text", chapters=chapters, metadata={"title": "A walk", "comment": "shot in May"}, cover=True)
    source = make(tmp_path / "in.mp4", clip)
    assert convert(source, tmp_path / "out.mp4") == ()
    before, after = look(source), look(tmp_path / "out.mp4")
    assert after.metadata["title"] == "A walk"
    assert after.metadata["comment"] == f"shot in May {statement.sentence('mesh')}"
    assert after.chapters == before.chapters == chapters
    assert _spoken(after) == _spoken(before)
    assert [(s["name"], s["language"], s["disposition"]) for s in after.streams] == [
        (s["name"], s["language"], s["disposition"]) for s in before.streams
    ]


@pytest.mark.parametrize("target", ["out.mkv", "out.mp4"])
def test_tags_that_are_not_utf8_are_kept_readable(target: str, tmp_path: Path) -> None:
    """PyAV 18 would raise and PyAV 19 returns lone surrogates, which neither JSON nor a terminal takes."""
    clip = make(tmp_path / "in.mkv", Clip(metadata={"title": "old tape"}))
    clip.write_bytes(clip.read_bytes().replace(b"old tape", b"old t\xeape"))
    convert(clip, tmp_path / target)
    assert look(tmp_path / target).metadata["title"] == "old t\N{REPLACEMENT CHARACTER}pe"


def test_the_statement_is_not_said_twice(tmp_path: Path) -> None:
    convert(make(tmp_path / "in.mp4", Clip(frames=2)), tmp_path / "once.mp4")
    convert(tmp_path / "once.mp4", tmp_path / "twice.mp4")
    assert look(tmp_path / "twice.mp4").metadata["comment"] == statement.sentence("mesh")


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi"])
def test_every_container_says_that_it_was_altered(suffix: str, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(sounds=(), frames=2, metadata={"comment": "old"}))
    convert(source, tmp_path / f"out.{suffix}")
    assert look(tmp_path / f"out.{suffix}").metadata["comment"] == f"old {statement.sentence('mesh')}"


def test_uncommon_metadata_survives_in_mp4(tmp_path: Path) -> None:
    clip = Clip(metadata={"com.example.lens": "35 mm"}, container_options={"movflags": "use_metadata_tags"}, frames=2)
    convert(make(tmp_path / "in.mp4", clip), tmp_path / "out.mp4")
    after = look(tmp_path / "out.mp4").metadata
    assert after["com.example.lens"] == "35 mm"
    assert statement.MARKER in after["comment"]


def test_mp4_begins_with_its_index(tmp_path: Path) -> None:
    convert(make(tmp_path / "in.mp4", Clip()), tmp_path / "out.mp4")
    content = (tmp_path / "out.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_matroska_keeps_attachments_and_subtitles(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(subtitles="subrip", attachment=True))
    assert convert(source, tmp_path / "out.mkv") == ()
    before, after = look(source), look(tmp_path / "out.mkv")
    assert after.payloads == before.payloads
    with av.open(str(tmp_path / "out.mkv")) as file:
        (attachment,) = file.streams.attachments
        assert (attachment.name, attachment.data) == ("font.ttf", b"not really a font" * 10)


def test_a_cover_becomes_an_attachment_in_matroska(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(cover=True))
    convert(source, tmp_path / "out.mkv")
    assert look(tmp_path / "out.mkv").payloads["audio0"] == look(source).payloads["audio0"]
    with av.open(str(tmp_path / "out.mkv")) as file:
        assert [stream.codec_context.codec.canonical_name for stream in file.streams.video] == ["h264", "png"]


def test_lesser_things_are_left_out_aloud(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(sounds=(), attachment=True, chapters=[(0.0, 0.4, "all")]))
    warnings = " ".join(convert(source, tmp_path / "out.avi"))
    assert "font.ttf" in warnings
    assert "chapters" in warnings


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(attachment=True))
    with open_reader(source) as reader:
        (warning,) = check_output(reader, tmp_path / "out.mp4", Settings())
    assert "font.ttf" in warning
    assert _names(tmp_path) == ["in.mkv"]


@pytest.mark.parametrize(
    ("target", "codec"), [("out.webm", "h264"), ("out.avi", "hevc"), ("out.mov", "vp9"), ("out.txt", "auto"), ("out", "auto")]
)
def test_codecs_that_do_not_fit_are_refused(target: str, codec: str, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=2))
    with pytest.raises(UsageError):
        convert(source, tmp_path / target, Settings(codec=codec))
    assert _names(tmp_path) == ["in.mp4"]


def test_a_pixel_shape_that_would_be_lost_is_refused(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(pixel_shape=Fraction(4, 3), sounds=(), frames=2))
    with pytest.raises(UsageError, match="square"):
        convert(source, tmp_path / "out.webm")
    convert(source, tmp_path / "out.mp4", Settings(codec="vp9"))
    assert look(tmp_path / "out.mp4").video["pixel_shape"] == Fraction(4, 3)


def test_without_hardware_the_processor_encodes(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=2))
    warnings = convert(source, tmp_path / "out.mp4", Settings(encoder="hardware"))
    assert look(tmp_path / "out.mp4").video["codec"] == "h264"
    assert len(warnings) <= 1


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1", "mpeg4"])
def test_better_quality_is_larger(codec: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    source = make(tmp_path / "in.mkv", Clip(sounds=(), frames=3))
    sizes = []
    # Below the least quality of a codec, videos are encoded with that.
    for quality in sorted({video_need(codec).quality(asked) for asked in (5, 50, 80, 100)}):
        output = OutputFile(tmp_path / f"{quality}.mkv", overwrite=False)
        with open_reader(source) as reader, output:
            with VideoWriter(reader, output, Settings(codec=codec, quality=quality), "mesh") as writer:
                while (frame := reader.read()) is not None:
                    frame.image[:] = draw.integers(0, 255, frame.image.shape, np.uint8)
                    writer.write(LabelledFrame(frame, BOX, 0))
            output.commit()
        sizes.append(output.path.stat().st_size)
    assert sizes == sorted(set(sizes))


def test_a_reader_keeps_the_contract(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mp4", Clip(rotation=90))
    source_suite(lambda: open_reader(path))


def test_real_clips_keep_their_times(media: Path, tmp_path: Path) -> None:
    source = media / "clips" / "sign_no.mkv"
    convert(source, tmp_path / "out.mp4", None, start_s=0.5, end_s=1.0)
    before, after = look(source), look(tmp_path / "out.mp4")
    kept = [time for time in before.times if Fraction(1, 2) <= time < 1]
    assert [time - after.times[0] for time in after.times] == pytest.approx([time - kept[0] for time in kept], abs=0.001)


def test_what_a_reader_says_of_itself(tmp_path: Path) -> None:
    with open_reader(make(tmp_path / "in.mp4", Clip(rotation=90))) as reader:
        info = reader.info
        assert (info.width, info.height, info.frame_count, info.codec) == (120, 160, 12, "h264")
        assert info.rate == Fraction(25)
        assert info.duration_s == pytest.approx(0.48)
        frames = list(iter(reader.read, None))
        assert reader.read() is None
    assert [frame.index for frame in frames] == list(range(12))
    assert all(frame.image.flags.writeable and frame.image.flags.c_contiguous for frame in frames)


def test_only_labelled_frames_are_taken(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=2))
    output = OutputFile(tmp_path / "out.mp4", overwrite=False, inputs=())
    with open_reader(source) as reader, output, VideoWriter(reader, output, Settings(), "mesh") as writer:
        frame = reader.read()
        with pytest.raises(TypeError):
            writer.write(frame)  # type: ignore[arg-type]


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip())
    output = OutputFile(tmp_path / "out.mp4", overwrite=False, inputs=())
    with pytest.raises(RuntimeError), open_reader(source) as reader, output:  # noqa: PT012, SIM117 - the blocks are tested
        with VideoWriter(reader, output, Settings(), "mesh") as writer:
            frame = reader.read()
            assert frame is not None
            writer.write(LabelledFrame(frame, BOX, 0))
            raise RuntimeError
    assert _names(tmp_path) == ["in.mp4"]


def test_a_frame_may_change_once_written(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip())
    output = OutputFile(tmp_path / "out.mp4", overwrite=False, inputs=())
    with open_reader(source) as reader, output:
        with VideoWriter(reader, output, Settings(), "mesh") as writer:
            while (frame := reader.read()) is not None:
                writer.write(LabelledFrame(frame, BOX, 0))
                frame.image[:] = 0
        output.commit()
    assert [number(image) for image in look(tmp_path / "out.mp4").images] == list(range(12))


_FULL_DISK = """
import resource, sys
from pathlib import Path
from mien.errors import OutputError
from tests.support.video_files import PRIMING_S, convert
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
try:
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
except OutputError as error:
    print(error, "|", error.remedy)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are set by setrlimit")
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_no_room_for_the_output(suffix: str, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=30))
    command = [sys.executable, "-W", "error", "-c", _FULL_DISK, str(source), str(tmp_path / f"out.{suffix}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "cannot write" in done.stdout
    assert "disk" in done.stdout
    assert done.stderr == ""
    assert _names(tmp_path) == ["in.mkv"]
