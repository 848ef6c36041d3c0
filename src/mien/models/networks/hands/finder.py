"""Finder of hands: palms first, then the joints of each."""

from mien.models.networks.hands.hand_joints import HandJoints
from mien.models.networks.hands.palms import PalmDetector, square_around
from mien.types import Hand, Image

_MIN_PRESENCE = 0.5  # of a hand, as MediaPipe has it


class HandNets:
    """A `contracts.HandFinder`."""

    def __init__(self, palms: PalmDetector, joints: HandJoints) -> None:
        self._palms = palms
        self._joints = joints

    def search(self, image: Image, middle_xy: tuple[float, float], side: float) -> list[Hand]:
        """Return the hands in a square of the picture."""
        palms = self._palms.detect(image, square_around(middle_xy, side))
        hands = [self._joints.fit(image, palm) for palm in palms]
        return [hand for hand in hands if hand.presence >= _MIN_PRESENCE]

    def follow(self, image: Image, hand: Hand) -> Hand | None:
        """Return the hand in this picture."""
        found = self._joints.fit(image, hand)
        return found if found.presence >= _MIN_PRESENCE else None
