"""Single frames of a film for the page: as they are, and as the swap would make them, labelled."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mien.assembly import factory
from mien.assembly.cast_plan import CastPlan
from mien.contracts import ContentClassifier
from mien.errors import UsageError
from mien.media.files.moving import Kind, MovingReader, open_moving
from mien.media.files.output_file import named_in_errors
from mien.media.files.picture_read import read_picture
from mien.provenance.label import Labeller
from mien.provenance.mark.pattern import Marker
from mien.safety.content_check import FileContentCheck
from mien.settings import Settings
from mien.studio.session.film import Film
from mien.studio.session.pictures import jpeg, scaled_down
from mien.swap.cast import Cast
from mien.types import Frame, Image


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Size of the pictures that the page gets."""

    width_pixels: int = 960
    height_pixels: int = 720
    quality: int = 90
    """Of the JPEG; chosen by eye."""
    back_s: float = 1.0
    """By how much earlier the last frame is looked for: it may begin before the time that is asked for."""
    kept: int = 48
    """Pictures of exact frames that are remembered: bounds memory, 0.1 to 0.2 MB each."""


LIMITS = FrameLimits()


class Overtaken(UsageError):
    """A newer request was answered instead of this one."""

    def __init__(self) -> None:
        super().__init__("another frame is shown instead", "ask again")


Gone = Callable[[], bool]
"""Question whether nobody waits for the answer any more."""


def never() -> bool:
    """Return False: somebody waits to the end."""
    return False


class Turns:
    """Turns of requests: one at a time; of those that wait, the newest goes next and the others give up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest = 0
        self._is_taken = False
        self.waiting = 0
        """Requests that wait."""

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for the turn. Raises `Overtaken` as soon as a newer request comes."""
        with self._changed:
            self._newest += 1
            mine = self._newest
            self._changed.notify_all()
            self.waiting += 1
            self._changed.wait_for(lambda: mine != self._newest or not self._is_taken)
            self.waiting -= 1
            if mine != self._newest:
                raise Overtaken
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()


class FilmFrames:
    """Reads frames, and swaps them with the pipeline of the file jobs. Safe to use from several threads.

    Swapped frames are checked, and carry the badge and the mark of the session (`mark_id`), as the live picture does.
    """

    def __init__(
        self,
        models: factory.Models,
        classifier: ContentClassifier,
        settings: Callable[[], Settings],
        mark_id: Callable[[], int],
    ) -> None:
        self._models = models
        self._classifier = classifier
        self._settings = settings
        self._mark_id = mark_id
        self._reading, self._swapping = Turns(), Turns()
        self._cast: tuple[Any, Cast] | None = None
        self._kept: OrderedDict[tuple[str, float], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def soon(self, film: Film, time_s: float) -> tuple[bytes, bool]:
        """Return a picture from near this time of the film, as JPEG, and True when it is the exact one. Raises a `MienError`.

        It is one that is remembered, a small one, or the key frame before it: whatever needs no decoding of many frames.
        """
        kept = self._remembered(film, time_s)
        if kept is not None:
            return kept, True
        near = film.strip.nearest(time_s)
        if near is not None:
            return near, False
        if film.kind is not Kind.VIDEO:
            return self.as_it_is(film, time_s), True
        with named_in_errors(film.file, film.name), _opened(film, self._settings(), time_s, from_key=True) as (reader, first):
            del reader
            return _fitted(first.image), False

    def as_it_is(self, film: Film, time_s: float, gone: Gone = never) -> bytes:
        """Return the first frame from this time of the film on, as JPEG.

        Raises a `MienError`, `Overtaken` when a newer request is answered instead or everybody is `gone`.
        """
        kept = self._remembered(film, time_s)
        if kept is not None:
            return kept
        with self._reading.take(), named_in_errors(film.file, film.name):
            settings = self._settings()
            if film.kind is Kind.PICTURE:
                picture = _fitted(self._picture(film, settings).image)
            else:
                with _opened(film, settings, time_s, gone) as (reader, first):
                    del reader
                    picture = _fitted(first.image)
        with self._lock:
            self._kept[film.id, time_s] = picture
            while len(self._kept) > LIMITS.kept:
                self._kept.popitem(last=False)
        return picture

    def swapped(self, film: Film, plan: CastPlan, time_s: float, gone: Gone = never) -> bytes:
        """Return the same frame as JPEG, swapped by the plan and labelled. Raises as `as_it_is`, and `ContentRefused`."""
        with self._swapping.take(), named_in_errors(film.file, film.name):
            settings = self._settings()
            if film.kind is Kind.PICTURE:
                pipeline = factory.open_picture_pipeline(settings, self._models, plan)
                frame = pipeline.swap_frame(self._picture(film, settings)).frame
            else:
                with _opened(film, settings, time_s, gone) as (reader, first):
                    cast = self._prepared(film, plan.on_clock(float(reader.info.zero)), settings)
                    pipeline = factory.open_pipeline(settings, self._models, cast)
                    # Half a second ahead: who somebody is shows in the frames that follow, as in the swap of the whole film.
                    frame = pipeline.swap(next(pipeline.track_all(_from(first, reader, gone)))).frame
            check = FileContentCheck(self._classifier)
            check.see(frame)
            check.finish()
            labelled = Labeller(settings, Marker(self._mark_id()), live=True).label(frame)
            return _fitted(labelled.frame.image)

    def _remembered(self, film: Film, time_s: float) -> bytes | None:
        with self._lock:
            found = self._kept.get((film.id, time_s))
            if found is not None:
                self._kept.move_to_end((film.id, time_s))
            return found

    def forget(self, film: Film) -> None:
        """Drop what was prepared for a film."""
        cast = self._cast
        if cast is not None and cast[0][0] == film.id:
            self._cast = None
        with self._lock:
            for key in [key for key in self._kept if key[0] == film.id]:
                del self._kept[key]

    def _picture(self, film: Film, settings: Settings) -> Frame:
        return read_picture(film.file, max_pixels=settings.max_pixels, max_bytes=settings.max_bytes).frame

    def _prepared(self, film: Film, plan: CastPlan, settings: Settings) -> Cast:
        """Return the cast of the plan, prepared once for as long as nothing is changed."""
        key = (film.id, film.revision, settings, tuple(source.digest for source in plan.sources))
        if self._cast is None or self._cast[0] != key:
            self._cast = key, factory.open_cast(plan, settings, self._models)
        return self._cast[1]


@contextmanager
def _opened(
    film: Film, settings: Settings, time_s: float, gone: Gone = never, *, from_key: bool = False
) -> Iterator[tuple[MovingReader, Frame]]:
    """Open the film at this time, or at the key frame before it; yield the reader and the first frame, which has been read.

    Raises `Overtaken` on the way there when everybody is `gone`.
    """

    def check() -> None:
        if gone():
            raise Overtaken

    def opened(start_s: float) -> MovingReader:
        return open_moving(
            film.file,
            max_pixels=settings.max_pixels,
            max_bytes=settings.max_bytes,
            start_s=start_s,
            from_key=from_key,
            passing=check,
        )

    time_s, is_late = min(time_s, film.seconds or time_s), False
    try:
        reader = opened(time_s)
    except Overtaken:
        raise
    except UsageError:
        # No frame begins here: the last one is shown.
        reader, is_late = opened(max(time_s - LIMITS.back_s, 0.0)), True
    with reader:
        frame = reader.read()
        while is_late and (following := reader.read()) is not None:
            check()
            frame = following
        assert frame is not None, "the reader has decoded a frame"
        yield reader, frame


def _from(first: Frame, reader: MovingReader, gone: Gone) -> Iterator[Frame]:
    yield first
    for frame in iter(reader.read, None):
        if gone():
            raise Overtaken
        yield frame


def _fitted(image: Image) -> bytes:
    """Return the picture as JPEG within the limits."""
    height, width = image.shape[:2]
    return jpeg(scaled_down(image, min(LIMITS.width_pixels / width, LIMITS.height_pixels / height)), LIMITS.quality)
