"""Slow repeat of the seconds of a request: the whole picture beside the face, enlarged. Kept only where that was agreed."""

import io
from collections import deque
from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

from mien.check.requests.sighting import Sighting
from mien.media.files.encoders import candidates
from mien.settings import Settings
from mien.types import Image


@dataclass(frozen=True, slots=True)
class MomentTuning:
    """Size, length and speed of the repeat."""

    speed: float = 0.25
    """People see at a quarter of the speed what passes in two pictures."""
    height: int = 480
    """Lines of both pictures; a call has 360 to 720."""
    face_side: float = 3.2
    """Side of the enlarged part, in distances of the outer eye corners: the face and what is around its border."""
    rate_hz: float = 15.0
    """Pictures a second that are kept at the most; bounds memory."""
    before_s: float = 1.0
    """Before the movement begins, or before the request where none began."""
    longest_s: float = 12.0
    """Of the seconds that are shown; 48 s at a quarter of the speed."""
    jpeg_quality: int = 92
    """Of the pictures in memory; the film is coded after them."""


_TUNING = MomentTuning()
_TIME_BASE = Fraction(1, 1000)
_LONGEST_KEPT_S = 45.0  # a request is over before; older pictures are dropped


@dataclass(frozen=True, slots=True)
class _Kept:
    """Picture in memory, as JPEG, with the place of the face in it."""

    at_s: float
    jpeg: bytes
    middle_xy: tuple[float, float] | None
    eyes_px: float


class Moments:
    """Pictures of the last seconds; `film` makes a slow film of some of them."""

    def __init__(self, tuning: MomentTuning = _TUNING) -> None:
        self._tuning = tuning
        self._kept: deque[_Kept] = deque()

    def add(self, image: Image, sighting: Sighting, *, asked: bool) -> None:
        """Take a picture; `asked`: in a request. Outside of one, only the last second is held."""
        held_s = _LONGEST_KEPT_S if asked else self._tuning.before_s
        while self._kept and sighting.at_s - self._kept[0].at_s > held_s:
            self._kept.popleft()
        if self._kept and sighting.at_s - self._kept[-1].at_s < 1 / self._tuning.rate_hz:
            return
        shrink = min(1.0, 2 * self._tuning.height / max(image.shape[0], 1))
        small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else image
        fine, content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, self._tuning.jpeg_quality])
        assert fine
        face = sighting.face
        middle = None if face is None else (shrink * face.middle_xy[0], shrink * face.middle_xy[1])
        self._kept.append(_Kept(sighting.at_s, content.tobytes(), middle, 0.0 if face is None else shrink * face.eyes_px))

    def film(self, from_s: float) -> bytes | None:
        """Return the pictures since a second before `from_s` as a slow MP4, and forget them; None with fewer than two."""
        chosen = [each for each in self._kept if each.at_s >= from_s - self._tuning.before_s]
        self._kept.clear()
        chosen = [each for each in chosen if each.at_s - chosen[0].at_s <= self._tuning.longest_s]
        if len(chosen) < 2:
            return None
        height, width = _decoded(chosen[0]).shape[:2]
        canvas_wh = (
            min(2 * max(8, round(width * self._tuning.height / height / 2)), 4 * self._tuning.height),
            self._tuning.height,
        )
        return slow_film([(each.at_s, self._beside(each, chosen, canvas_wh)) for each in chosen], self._tuning.speed)

    def _beside(self, kept: _Kept, chosen: list[_Kept], canvas_wh: tuple[int, int]) -> Image:
        """Return a picture beside its face. The part stands still, so that what moves is the face."""
        image = _decoded(kept)
        places = [each for each in chosen if each.middle_xy is not None]
        whole = _fitted(image, canvas_wh)
        if not places:
            return whole
        height = self._tuning.height
        x, y = (float(np.median([each.middle_xy[axis] for each in places if each.middle_xy])) for axis in (0, 1))
        side = self._tuning.face_side * float(np.median([each.eyes_px for each in places]))
        scale = height / max(side, 1.0)
        to_part = np.array([[scale, 0, height / 2 - scale * x], [0, scale, height / 2 - scale * y]])
        part = cv2.warpAffine(image, to_part, (height, height), flags=cv2.INTER_CUBIC)
        return np.asarray(np.hstack([whole, part]), np.uint8)


def slow_film(pictures: list[tuple[float, Image]], speed: float) -> bytes:
    """Return pictures of one size, each with its time in seconds, as an MP4 at a share of their speed."""
    height, width = pictures[0][1].shape[:2]
    encoder = candidates("h264", width, height, Settings())[-1]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream(encoder.name, rate=30, options=encoder.options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, encoder.pixel_format
        stream.codec_context.time_base = _TIME_BASE
        first_s, last = pictures[0][0], -1
        for at_s, image in pictures:
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            last = max(round((at_s - first_s) / speed / _TIME_BASE), last + 1)
            frame.pts, frame.time_base = last, _TIME_BASE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def _decoded(kept: _Kept) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(kept.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _fitted(image: Image, canvas_wh: tuple[int, int]) -> Image:
    """Return a picture in the middle of a canvas: a call changes its size in the midst of a request."""
    height, width = image.shape[:2]
    scale = min(canvas_wh[0] / width, canvas_wh[1] / height)
    to_canvas = np.array([[scale, 0, (canvas_wh[0] - scale * width) / 2], [0, scale, (canvas_wh[1] - scale * height) / 2]])
    return np.asarray(cv2.warpAffine(image, to_canvas, canvas_wh, flags=cv2.INTER_LINEAR), np.uint8)
