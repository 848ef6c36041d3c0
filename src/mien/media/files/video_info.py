"""Facts of a video or an animation that its output must keep."""

from dataclasses import dataclass
from fractions import Fraction

from mien.media.files.encoders import Content
from mien.media.frames.colour_space import ColourSpace
from mien.types import StreamInfo

_SCANT_FRAMES = 24
"""Frames of a window (`mark/windows.py`); fewer leave less to accumulate. AV1 read a grainy video of 4 frames with z 8.2."""
_SCANT_PIXELS = 300_000
"""AV1 at 80 and strength 1 lost the mark of animations at 256 to 440 pixels square (z 2.5 to 9); from 640 on it read with 18.7,
VP9 with 12.8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo(StreamInfo):
    """What the writer must keep. Width, height and `pixel_aspect` (width by height of a pixel) are upright, as shown.

    Times are seconds on the clock of the file: `origin` becomes 0 in an output, `first` is that of the first picture;
    `begin` and `end` bound the wanted part, None = as far as the file goes; `stream_end` is where the video stream says that
    it ends.

    `interlaced` says that the input is, `fields` which of them is shown first ("tff", "bff") where the frames still hold
    both. `alpha`: the frames carry one; `flattened`: the input has one, and its frames were laid on white. `animated`: the
    input is an animated picture.
    """

    codec: str
    stream_index: int
    space: ColourSpace
    rotation: int
    pixel_aspect: Fraction
    interlaced: bool
    fields: str | None
    deep: bool
    alpha: bool
    flattened: bool
    dolby_vision: bool
    origin: Fraction
    first: Fraction
    begin: Fraction | None
    end: Fraction | None
    stream_end: Fraction | None
    animated: bool = False

    @property
    def content(self) -> Content:
        """Return the properties that encoders depend on."""
        few = self.animated or (self.frame_count is not None and self.frame_count < _SCANT_FRAMES)
        return Content(self.alpha, self.fields, scant=few and self.width * self.height < _SCANT_PIXELS)

    @property
    def is_part(self) -> bool:
        return self.begin is not None or self.end is not None
