"""Watch over a live picture or a recording: a look each second for mien's mark and badge.

A search for an unknown place and scale runs in a worker, so that the picture is never waited for. Nothing is kept but sums.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from mien.check.badge import BadgeFinder, BadgeFound
from mien.check.rolling_mark import RollingMark
from mien.check.sentences import phrase
from mien.errors import UsageError
from mien.provenance.mark.decoder import MarkFound
from mien.provenance.mark.lattice import Geometry
from mien.provenance.mark.windows import is_flat
from mien.types import Frame, Image


@dataclass(frozen=True, slots=True)
class WatchTuning:
    """Times of looks and searches, in seconds."""

    look_s: float = 1.0
    search_s: float = 2.0
    """Pause between two searches: each takes about a second of a core."""
    search_growth: float = 1.3
    longest_search_s: float = 30.0
    """Factor on the pause after each search in vain, and the longest one, in recordings: hours of them would wait for nothing
    else. Live, searches run beside the pictures."""
    most_rate_hz: float = 33.0
    """Pictures that come faster are skipped; a call has 30 a second at most."""
    badge_pictures: int = 10
    """Pictures of a second whose mean is searched for the badge; more blur what moves a little better and cost more."""


_TUNING = WatchTuning()


@dataclass(frozen=True, slots=True)
class Look:
    """Finding of one look, `at_s` seconds after the first picture. `flat` = the picture had no features."""

    at_s: float
    mark: MarkFound | None
    badge: BadgeFound | None
    flat: bool


class Watch:
    """Looks at a source. `is_own` tells whether an id belongs to this installation: such a source is refused.

    With `searcher`, an executor, searches run beside the pictures; without one they are waited for, which is for files.
    """

    def __init__(
        self, is_own: Callable[[int], bool], *, searcher: Executor | None = None, tuning: WatchTuning = _TUNING
    ) -> None:  # fmt: skip
        self._is_own = is_own
        self._searcher = searcher
        self._tuning = tuning
        self._rolling = RollingMark()
        self._badges = BadgeFinder()
        self._pending: Future[Geometry | None] | None = None
        self._searched_at_s = float("-inf")
        self._pause_s = tuning.search_s
        self._image: Image | None = None
        self._first_s: float | None = None
        self._looked_s = 0.0
        self.at_s = 0.0
        """Time of the last picture, in seconds after the first."""
        self.size_wh = 0, 0
        """Size of the last picture."""
        self.is_searched = False
        """True once the mark was sought in the whole picture, or found."""

    def see(self, frame: Frame) -> Look | None:
        """Take a picture; return a look when one is due. Raises `UsageError` for a picture of this installation."""
        self._first_s = frame.time_s if self._first_s is None else self._first_s
        now_s = frame.time_s - self._first_s
        if self._image is not None and now_s - self.at_s < 1 / self._tuning.most_rate_hz:
            return None
        self.at_s, self._image = now_s, frame.image
        self._take(frame.image)
        if now_s - self._looked_s < self._tuning.look_s:
            return None
        return self._look()

    def rest(self) -> Look | None:
        """Return the look at the pictures since the last one; for the end of a source."""
        # Of a single picture, too, whose time is 0.
        if self._image is None or (self.at_s <= self._looked_s and self._looked_s):
            return None
        return self._look()

    def last_look(self, wait_s: float) -> Look | None:
        """Return one more look when a search that is under way ends in time and finds the mark; for the end of a watch."""
        if self._pending is None or self._image is None:
            return None
        try:
            self._pending.result(wait_s)
        except TimeoutError:
            return None
        found = self._search(self._searched_at_s)
        return None if found is None else self._checked(Look(self.at_s, found, None, is_flat(self._image)))

    def _take(self, image: Image) -> None:
        size_wh = image.shape[1], image.shape[0]
        if size_wh != self.size_wh:
            # A call changes its size with the network: the sums begin again.
            self.size_wh, self._rolling, self._pending = size_wh, RollingMark(), None
            self._searched_at_s, self._pause_s = float("-inf"), self._tuning.search_s
        self._rolling.add(image)
        if self._rolling.frames % max(1, round(30 / self._tuning.badge_pictures)) == 0:
            self._badges.add(image)

    def _look(self) -> Look:
        assert self._image is not None
        self._looked_s = self.at_s
        found = self._rolling.read()
        if found is None:
            found = self._search(self.at_s)
        return self._checked(Look(self.at_s, found, self._badges.read(), is_flat(self._image)))

    def _checked(self, look: Look) -> Look:
        """Return a look, unless it shows a picture of this installation."""
        self.is_searched = self.is_searched or look.mark is not None
        if look.mark is not None and look.mark.mark_id is not None and self._is_own(look.mark.mark_id):
            raise UsageError(phrase("mirror", number=f"{look.mark.mark_id:06x}"), phrase("mirror-remedy"), key="check-mirror")
        return look

    def _search(self, now_s: float) -> MarkFound | None:
        """Begin a search when it is due, take the result of one that is done, and return the mark there."""
        if self._pending is None and now_s - self._searched_at_s >= self._pause_s and (greys := self._rolling.greys()):
            self._searched_at_s = now_s
            if self._searcher is None:
                self._pending = Future()
                self._pending.set_result(self._rolling.locate(greys))
            else:
                self._pending = self._searcher.submit(self._rolling.locate, greys)
        if self._pending is None or not self._pending.done():
            return None
        geometry, self._pending = self._pending.result(), None
        self.is_searched = True
        if geometry is None:
            if self._searcher is None:
                self._pause_s = min(self._pause_s * self._tuning.search_growth, self._tuning.longest_search_s)
            return None
        self._rolling.settle(geometry)
        return self._rolling.read()
