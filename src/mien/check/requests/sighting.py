"""Measurements of one picture of a call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Face:
    """Measurements of the largest face, by its mesh.

    `middle_xy` is its middle, `eyes_px` the distance of the outer eye corners, both in pixels; `up` the degrees by which the
    chin is raised, `opening` the mean height of the eyes against their width. `covered` is the share of the skin that faces the
    camera and has a hand or a thing in front of it, `cover_x` the middle of that across the face, -0.5 (left in the picture) to
    0.5; `middle` is the covered share of nose and mouth, `cheeks` those of the cheek on the left and on the right of the
    picture. `skin_bgr` is the mean colour of the bare cheeks.
    """

    middle_xy: tuple[float, float]
    eyes_px: float
    up: float
    opening: float
    covered: float
    cover_x: float
    middle: float
    cheeks: tuple[float, float]
    skin_bgr: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Sighting:
    """Measurements of one picture, `at_s` seconds after the first.

    `faces` counts the faces that are about as large as the largest. `yaw` is in degrees, positive when the nose points to the
    left of the picture; it is known of a profile that has no mesh, too. `hidden`: a hand lies where the face was a moment ago.
    """

    at_s: float
    faces: int
    yaw: float | None = None
    face: Face | None = None
    hidden: bool = False
