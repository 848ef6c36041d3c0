"""History of a container: how a file was written, as far as its parts show. Sentences, no conclusion."""

import re
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

from av.error import FFmpegError

from mien.errors import MienError
from mien.media.files.packets import PacketReader, open_input
from mien.provenance.report.parts import Layout, Part
from mien.provenance.report.words import say

_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80,
    62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112,
    100, 103, 99,
)  # fmt: skip
"""Luminance table of ITU-T T.81, annex K, row by row, from which libjpeg scales its own."""
_ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
_ENCODER = re.compile(rb"(x26[45] - core \d+[^\0]{0,200}|x265 \(build \d+\)[^\0]{0,200}|Lav[cf]\d[\d.]{2,20}[^\0]{0,40})")
_MAX_PACKETS = 600  # twenty seconds at 30 frames a second; a group of pictures is shorter
_MAX_TAG_LETTERS = 200  # a report stays readable
_MAX_BOXES_SHOWN = 40  # a report stays readable


def history(path: Path, layout: Layout, parts: Sequence[Part]) -> list[str]:
    """Return what the parts show, as sentences; [] for a format without parts that tell anything."""
    if layout == "JPEG":
        return list(_jpeg(parts))
    if layout in {"PNG", "WebP"}:
        return [say("chunks", parts=_in_order(parts))] if parts else []
    return [*_mp4(parts), *_video(path)]


def thumbnail_of(parts: Sequence[Part]) -> bytes | None:
    """Return the JPEG thumbnail in EXIF; None without one."""
    for part in parts:
        if part.name == "APP1" and part.content.startswith(b"Exif\0\0"):
            start, end = part.content.find(b"\xff\xd8\xff", 6), part.content.rfind(b"\xff\xd9")
            if 0 <= start < end:
                return part.content[start : end + 2]
    return None


def _in_order(parts: Sequence[Part]) -> str:
    """Return the names of parts in order; repeated ones once, with their number."""
    runs: list[tuple[str, int]] = []
    for part in parts:
        if runs and runs[-1][0] == part.name:
            runs[-1] = part.name, runs[-1][1] + 1
        else:
            runs.append((part.name, 1))
    shown = [name if count == 1 else f"{name} x {count}" for name, count in runs[:_MAX_BOXES_SHOWN]]
    return " ".join([*shown, "…"] if len(runs) > _MAX_BOXES_SHOWN else shown)


def _jpeg(parts: Sequence[Part]) -> Iterator[str]:
    yield say("chunks", parts=_in_order(parts))
    table = next((each for part in parts if part.name == "DQT" if (each := _first_table(part.content)) is not None), None)
    if table is not None:
        quality = next((each for each in range(1, 101) if _scaled(each) == table), None)
        yield say("quality-own") if quality is None else say("quality-standard", quality=quality)
    if any(part.name == "SOF2" for part in parts):
        yield say("progressive")
    if thumbnail_of(parts) is not None:
        yield say("thumbnail")


def _first_table(content: bytes) -> list[int] | None:
    """Return the values of the luminance table, in zigzag order, if the segment begins with it and has eight bits."""
    return list(content[1:65]) if len(content) >= 65 and content[0] == 0 else None


def _scaled(quality: int) -> list[int]:
    """Return libjpeg's luminance table at a quality, in zigzag order."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [min(max((_LUMINANCE[at] * scale + 50) // 100, 1), 255) for at in _ZIGZAG]


def _mp4(parts: Sequence[Part]) -> Iterator[str]:
    top = [part for part in parts if not part.path]
    if not top:
        return
    yield say("boxes", boxes=_in_order(top))
    brands = next((part.content for part in top if part.name == "ftyp"), b"")
    if len(brands) >= 8:
        names = [brands[at : at + 4] for at in (0, *range(8, len(brands) - 3, 4))]
        yield say("brands", brands=" ".join(_letters(name) for name in dict.fromkeys(names)))
    tracks = sum(part.name == "trak" for part in parts)
    if tracks:
        yield say("tracks", count=tracks)
    edits = [struct.unpack_from(">I", part.content, 4)[0] for part in parts if part.name == "elst" and len(part.content) >= 8]
    if any(count > 1 for count in edits):
        yield say("edits", count=sum(count > 1 for count in edits))


def _letters(name: bytes) -> str:
    return "".join(each if each.isprintable() else "?" for each in name.decode("latin-1"))


def _video(path: Path) -> Iterator[str]:
    try:
        with open_input(path) as container:
            video = next(iter(container.streams.video), None)
            if video is None:
                return
            packets = list(islice(PacketReader(container, (video,)), _MAX_PACKETS))
            content = b"".join(bytes(packet) for packet in packets[:1])
            tags = {**container.metadata, **{f"stream {name}": value for name, value in video.metadata.items()}}
            keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
    except (MienError, FFmpegError, OSError, ValueError):
        return
    for name in ("encoder", "creation_time", "stream encoder", "stream handler_name"):
        if name in tags:
            yield say("field", name=name, value=_letters(tags[name][:_MAX_TAG_LETTERS].encode("latin-1", "replace")))
    for name in dict.fromkeys(each.decode("latin-1") for each in _ENCODER.findall(content)):
        yield say("encoder", name=_letters(name.encode("latin-1")))
    steps = Counter(after - before for before, after in pairwise(keys))
    if len(steps) == 1:
        yield say("keys", every=next(iter(steps)), frames=len(packets))
    elif steps:
        yield say("keys-differ", least=min(steps), most=max(steps), frames=len(packets))
