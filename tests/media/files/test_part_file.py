"""Parts of a video: encoded one after the other or apart, they make the same file, exact to the tick."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mien.errors import OutputError, UnreadableMedia
from mien.media.files.output_file import OutputFile
from mien.media.files.part_file import PartFileWriter, StoredPacket, read_packets
from mien.media.files.picture_encoder import PartEncoder, picture_formats, working_format
from mien.media.files.video_writer import VideoWriter
from mien.settings import Settings
from mien.types import LabelledFrame
from tests.support.clips import Clip, look, make, number
from tests.support.video_files import BOX, open_reader, read_frames

FRAMES = 40
UNEVEN = [0, 40, 41, 90, 200, 201, 202, 260, 300, 900, 940, 980]
"""Times in ms of frames of a changing rate."""


def _clip(folder: Path, **more: object) -> Path:
    return make(folder / "in.mkv", Clip(frames=FRAMES, subtitles="subrip", chapters=((0, 1, "One"),), **more))  # type: ignore[arg-type]


def _live(source: Path, target: Path, settings: Settings, starts: list[int]) -> bytes:
    """Write all parts with one writer."""
    frames = read_frames(source)
    with open_reader(source) as reader, OutputFile(target, overwrite=False) as output:
        with VideoWriter(reader, output, settings, "mesh") as writer:
            for index, frame in enumerate(frames):
                if index in starts:
                    writer.end_part(frame.pts * frame.time_base)
                writer.write(LabelledFrame(frame, BOX, 0))
        output.commit()
    return target.read_bytes()


def _apart(source: Path, target: Path, settings: Settings, starts: list[int]) -> bytes:
    """Write each part by itself, then join the packets."""
    frames = read_frames(source)
    paths = []
    with open_reader(source) as reader:
        form = working_format(picture_formats(reader.info, target, settings))
        for part, (begin, end) in enumerate(zip([0, *starts], [*starts, len(frames)], strict=True)):
            paths.append(path := target.with_name(f"{target.name}-{part}"))
            encoder, file = PartEncoder(form), PartFileWriter(path, {"part": part}, form.time_base)
            for frame in frames[begin:end]:
                file.write(map(StoredPacket.of, encoder.encode(LabelledFrame(frame, BOX, 0))))
            until = frames[end].pts * frames[end].time_base if end < len(frames) else None
            file.write(map(StoredPacket.of, encoder.finish(until)))
            file.finish()
        with OutputFile(target, overwrite=False) as output:
            with VideoWriter(reader, output, settings, "mesh") as writer:
                for part, path in enumerate(paths):
                    writer.check_head(encoder.head)
                    writer.take(read_packets(path, {"part": part}))
            output.commit()
    return target.read_bytes()


@pytest.mark.parametrize(
    ("name", "codec"),
    [("out.mp4", "h264"), ("out.mp4", "hevc"), ("out.mp4", "vp9"), ("out.mp4", "av1"), ("out.mp4", "mpeg4"),
     ("out.mov", "prores"), ("out.mkv", "h264"), ("out.mkv", "hevc"), ("out.webm", "vp9"), ("out.webm", "av1")],
)  # fmt: skip
def test_parts_made_apart_give_the_same_bytes(name: str, codec: str, tmp_path: Path) -> None:
    source, settings, starts = _clip(tmp_path), Settings(codec=codec), [13, 26, 39]
    whole = _live(source, tmp_path / f"whole-{name}", settings, starts)
    assert _apart(source, tmp_path / name, settings, starts) == whole.replace(b"whole-", b"")
    seen = look(tmp_path / name)
    assert [number(image) for image in seen.images] == [index % 24 for index in range(FRAMES)]
    assert seen.times == [frame.pts * frame.time_base for frame in read_frames(source)]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_uneven_times_stay_exact_across_parts(codec: str, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=len(UNEVEN), times=UNEVEN, time_base=Fraction(1, 1000), sounds=()))
    settings = Settings(codec=codec)
    for starts in ([4, 9], [1, 2, 11]):
        target = tmp_path / f"{starts[0]}.mp4"
        whole = _live(source, tmp_path / f"whole-{starts[0]}.mp4", settings, starts)
        assert _apart(source, target, settings, starts) == whole
        assert [round(time * 1000) for time in look(target).times] == UNEVEN


def test_what_cannot_be_cut_is_known_before(tmp_path: Path) -> None:
    with open_reader(_clip(tmp_path)) as reader:
        assert picture_formats(reader.info, Path("out.mp4"), Settings())[-1].can_be_cut
        assert not picture_formats(reader.info, Path("out.avi"), Settings())[-1].can_be_cut


def test_files_of_other_parts_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    path, base = tmp_path / "part", Fraction(1, 25)
    with open_reader(_clip(tmp_path)) as reader:
        encoder = PartEncoder(picture_formats(reader.info, Path("out.mp4"), Settings())[-1])
        frame = reader.read()
        assert frame is not None
        file = PartFileWriter(path, {"part": 1}, base)
        file.write(map(StoredPacket.of, encoder.encode(LabelledFrame(frame, BOX, 0))))
        file.write(map(StoredPacket.of, encoder.finish(None)))
        file.finish()
    assert len(list(read_packets(path, {"part": 1}))) == 1
    with pytest.raises(UnreadableMedia, match="another"):
        list(read_packets(path, {"part": 2}))
    content = path.read_bytes()
    for damaged in (content[:-1], content[:30], content + b"0", b"x" + content[1:], content[:12] + b"\0" + content[13:]):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableMedia, match="damaged"):
            list(read_packets(path, {"part": 1}))
    path.unlink()
    with pytest.raises(UnreadableMedia, match="cannot be read"):
        list(read_packets(path, {"part": 1}))


def test_packets_of_another_encoder_are_refused(tmp_path: Path) -> None:
    with open_reader(_clip(tmp_path)) as reader, OutputFile(tmp_path / "out.mp4", overwrite=False) as output:
        other = PartEncoder(picture_formats(reader.info, Path("out.mp4"), Settings(quality=20, codec="hevc"))[-1])
        with VideoWriter(reader, output, Settings(), "mesh") as writer, pytest.raises(OutputError, match="same version"):
            writer.check_head(other.head)


@pytest.mark.parametrize(
    ("name", "clip"),
    [("in.mp4", Clip(frames=40)), ("in.mkv", Clip(frames=40)), ("in.ts", Clip(frames=40)),
     ("in.avi", Clip(frames=40, codec="mpeg4", options={"g": "7"}))],
)  # fmt: skip
def test_a_reader_that_skips_gives_the_frames_that_follow(name: str, clip: Clip, tmp_path: Path) -> None:
    source = make(tmp_path / name, clip)
    frames = read_frames(source)
    for first in (0, 1, 13, 39):
        with open_reader(source) as reader:
            reader.skip_to(frames[first].pts)
            rest = list(iter(reader.read, None))
        assert [frame.pts for frame in rest] == [frame.pts for frame in frames[first:]]
        assert all(np.array_equal(one.image, other.image) for one, other in zip(rest, frames[first:], strict=True))
    with open_reader(source) as reader:
        reader.skip_to(frames[-1].pts + 1)
        assert reader.read() is None
