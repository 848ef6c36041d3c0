"""Conversion of text subtitles to the format that a container holds."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

_TICK = Fraction(1, 1000)
_UNKNOWN_LENGTH_MS = 4000  # two lines of 40 letters are read in 4 s
_FIELDS = 8  # before the text of a line of ASS: number, layer, style, name, three margins, effect
_BRACE = r"\{{}"  # a brace of the text, as FFmpeg escapes it
_BLOCK = re.compile(r"\{([^}]*)\}")
_TAG = re.compile(r"\\(?:([ibu])([01])(?![0-9a-zA-Z])|p([0-9]+)|(r)(?![a-z]))")
_MOV_TEXT_MAX_BYTES = 0xFFFF  # its length has 16 bits
_STYLE = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, "
    "StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
    "Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
"""Source of the sample description without which players show no mov_text."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A text and its time on the screen in milliseconds."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class TextCodec:
    """A format of text subtitles: `tags` for bold and italics, `escapes` of its text, `overlaps` of cues in time."""

    codec: str
    name: str
    tags: bool
    escapes: bool
    overlaps: bool

    def payload(self, text: str) -> bytes:
        """Return the packet of a text from which `plain_text` has removed the markup."""
        if self.codec != "mov_text":
            return text.encode()
        content = text.encode()[:_MOV_TEXT_MAX_BYTES].decode(errors="ignore").encode()
        return len(content).to_bytes(2, "big") + content


SUBRIP = TextCodec("subrip", "SubRip", tags=True, escapes=False, overlaps=True)
WEBVTT = TextCodec("webvtt", "WebVTT", tags=True, escapes=True, overlaps=True)
MOV_TEXT = TextCodec("mov_text", "mov_text", tags=False, escapes=False, overlaps=False)


def plain_text(line: str, codec: TextCodec) -> str:
    """Return the text of a line of ASS, with the tags that `codec` has and without drawings."""
    text = line.split(",", _FIELDS)[-1].replace(_BRACE, "\0")
    opened: list[str] = []
    shown, drawing, at = "", False, 0
    for block in [*_BLOCK.finditer(text), None]:
        piece = text[at : block.start() if block else None]
        if not drawing:
            shown += html.escape(piece, quote=False) if codec.escapes else piece
        if block is None:
            break
        at = block.end()
        for letter, on, draws, resets in _TAG.findall(block[1]):
            if draws:
                drawing = draws != "0"
            elif resets or (letter and on == "0"):
                gone = [tag for tag in reversed(opened) if resets or tag == letter]
                for tag in gone:
                    opened.remove(tag)
                    shown += f"</{tag}>" if codec.tags else ""
            elif letter and letter not in opened:
                opened.append(letter)
                shown += f"<{letter}>" if codec.tags else ""
    if codec.tags:
        shown += "".join(f"</{tag}>" for tag in reversed(opened))
    shown = shown.replace(r"\N", "\n").replace(r"\n", "\n").replace(r"\h", " ").replace("\0", "{").replace(r"\}", "}")
    # An empty line would end a cue of SubRip or WebVTT.
    return "\n".join(kept for part in shown.splitlines() if (kept := part.strip()))


@dataclass(slots=True)
class _Layers:
    """Overlapping cues, in the order of their beginning, made into cues that follow each other."""

    _shown: list[Cue] = field(default_factory=list)
    _at: int = 0

    def add(self, cue: Cue) -> Iterator[Cue]:
        begin = max(cue.begin, self._at)
        yield from self.until(begin)
        if cue.end > begin:
            self._shown.append(cue)

    def until(self, time: int | None) -> Iterator[Cue]:
        """Yield the cues up to `time`, or all the rest."""
        while self._shown and (time is None or self._at < time):
            stop = min(cue.end for cue in self._shown)
            stop = stop if time is None else min(stop, time)
            yield Cue(self._at, stop, "\n".join(cue.text for cue in self._shown))
            self._at = stop
            self._shown = [cue for cue in self._shown if cue.end > stop]
        self._at = self._at if time is None else max(self._at, time)


class SubtitleConverter:
    """Converter of text subtitles on the clock of the output to another format, in a new stream of `out`."""

    def __init__(self, source: SubtitleStream, out: OutputContainer, codec: TextCodec) -> None:
        self._source, self._codec = source, codec
        self._layers = _Layers()
        self.damaged = 0
        self.stream: Stream
        if codec is MOV_TEXT:
            described = out.add_stream("mov_text")
            described.codec_context.subtitle_header = _STYLE.encode()
            self.stream = described
        else:
            self.stream = out.add_mux_stream(codec.codec)
        self.stream.time_base = _TICK

    def take(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        """Convert one packet; those without text, which fill gaps in MP4, yield nothing."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            return
        begin = round(stamp * packet.time_base / _TICK)
        length = round((packet.duration or 0) * packet.time_base / _TICK) or _UNKNOWN_LENGTH_MS
        text = self._text(packet)
        if not text:
            return
        cue = Cue(begin, begin + length, text)
        for shown in [cue] if self._codec.overlaps else self._layers.add(cue):
            yield self._packet(shown)

    def finish(self) -> "Iterator[Packet[Stream]]":
        """Convert the cues that are still on the screen at the end."""
        for cue in self._layers.until(None):
            yield self._packet(cue)

    def _text(self, packet: "Packet[Stream]") -> str:
        try:
            found = self._source.codec_context.decode2(packet)
        except FFmpegError:
            self.damaged += 1
            return ""
        lines = (rect.ass or rect.text for rect in found or () if isinstance(rect, AssSubtitle))
        return "\n".join(filter(None, (plain_text(line.decode(errors="replace"), self._codec) for line in lines)))

    def _packet(self, cue: Cue) -> "Packet[Stream]":
        packet: Packet[Stream] = Packet(self._codec.payload(cue.text))
        packet.stream, packet.time_base, packet.is_keyframe = self.stream, _TICK, True
        packet.pts = packet.dts = cue.begin
        packet.duration = cue.end - cue.begin
        return packet
