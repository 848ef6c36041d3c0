"""Pace of a live loop: how long its two slow stages take, so that the first ends when the second is free."""

_MEMORY = 0.5  # weight of earlier times in the mean: a network that begins is slow from its first frame on
_REMEMBERED = 5  # frames; times of the mesh engine lie up to half apart within as many, so that their mean says little
_AIM = 0.9  # share of the difference that is waited for: a swap that waits costs frames, a frame that waits only delay
_TRACK_TIMES = 2.0  # longest trackings left to the last one: with one, two full cores made a tenth fewer frames (BENCHMARKS.md)
_MOST_SPARE_S = 0.5  # bounds what one slow swap does to the next frames
_LEAST_OLD_S = 0.25  # an ordinary frame of a fast machine that was held up is no reason for a gap
_OLD_TIMES = 3.0  # means of both stages together from which a frame is old


class Pace:
    """Seconds that tracking and swapping take; each is told by its own thread, and read by both."""

    def __init__(self) -> None:
        self._track_s = self._swap_s = 0.0
        # Replaced as a whole: the other thread may be reading them.
        self._tracks: tuple[float, ...] = ()
        self._swaps: tuple[float, ...] = ()

    def tracked(self, seconds: float) -> None:
        """Take in the time of one tracked frame."""
        self._track_s = _mixed(self._track_s, seconds)
        self._tracks = (*self._tracks[1 - _REMEMBERED :], seconds)

    def swapped(self, seconds: float) -> None:
        """Take in the time of one swapped frame."""
        self._swap_s = _mixed(self._swap_s, seconds)
        self._swaps = (*self._swaps[1 - _REMEMBERED :], seconds)

    @property
    def spare_s(self) -> float:
        """Seconds for which tracking may wait when the swap has just begun, so that the tracked frame is new when it ends."""
        shortest_s, longest_s = min(self._swaps, default=0.0), max(self._tracks, default=0.0)
        return min(max(_AIM * shortest_s - _TRACK_TIMES * longest_s, 0.0), _MOST_SPARE_S)

    def is_old(self, age_s: float) -> bool:
        """Return True for a frame that was captured longer ago than both stages explain."""
        return age_s > max(_LEAST_OLD_S, _OLD_TIMES * (self._track_s + self._swap_s))


def _mixed(mean: float, seconds: float) -> float:
    return seconds if mean == 0 else _MEMORY * mean + (1 - _MEMORY) * seconds
