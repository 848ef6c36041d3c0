"""The parts that track the faces of one live input."""

from dataclasses import dataclass

from mien.swap.tracking.shared_detector import SharedDetector
from mien.swap.tracking.tracker import Tracker


@dataclass(frozen=True, slots=True)
class TrackingParts:
    """A tracker and the detector that it shares with the guard."""

    tracker: Tracker
    detector: SharedDetector
