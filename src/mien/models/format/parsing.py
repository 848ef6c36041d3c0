"""Classes and crop of the parser: one table for the network, its training and its use."""

from enum import IntEnum

SIDE = 96  # pixels of the crop
TEMPLATE = "parser"
"""Name in `geometry.TEMPLATES` of the crop's alignment: the whole face, a little tighter than the field's."""


class FaceClass(IntEnum):
    """Class of a pixel, in the order of the network's planes."""

    BACKGROUND = 0
    SKIN = 1
    BROW = 2
    LIPS = 3
    """The lips, with teeth and tongue between them."""
    EYE = 4
    HAIR = 5
    BEARD = 6
    """Stubble, too."""
    RIM = 7
    """Rims, bridge and side arms of glasses."""
    LENS = 8
    """A lens that shows the eye behind it."""
    SHADE = 9
    """A lens that hides the eye: dark or mirroring."""
    HAND = 10
    THING = 11
    """Any other occluder: a cup, a microphone, a mask, a cap."""


BEFORE_THE_FACE = (FaceClass.HAIR, FaceClass.RIM, FaceClass.SHADE, FaceClass.HAND, FaceClass.THING)
"""Classes of occluders. A clear lens is none, only its rim is; beards belong to the face."""
