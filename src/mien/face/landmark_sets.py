"""The 478-point face mesh as a graph: its triangles and the loops that bound skin, eyes and mouth."""

from importlib import resources

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int32]

SKIN_POINTS = 468
"""Landmarks from here on are the two irises."""

# Outlines. "Right" and "left" are the person's own.
FACE_OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
             152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
"""The border of the mesh, clockwise in the picture from the middle of the forehead; point 152 is the chin."""
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""The opening of the mouth, clockwise from the right corner."""
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""The outline of the lips, clockwise from the right corner."""
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
"""The opening of the right eye, clockwise from the outer corner."""
LEFT_EYE = (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382)
"""The opening of the left eye, clockwise from the inner corner."""
RIGHT_LIDS = (130, 247, 30, 29, 27, 28, 56, 190, 243, 112, 26, 22, 23, 24, 110, 25)
"""The folds above and below the right eye, clockwise from the outer corner."""
LEFT_LIDS = (463, 414, 286, 258, 257, 259, 260, 467, 359, 255, 339, 254, 253, 252, 256, 341)
"""The folds above and below the left eye, clockwise from the inner corner."""
RIGHT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
"""The right eyebrow, clockwise from its outer end."""
LEFT_BROW = (336, 296, 334, 293, 300, 276, 283, 282, 295, 285)
"""The left eyebrow, clockwise from its inner end."""
FOREHEAD = (127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356,
            300, 293, 334, 296, 336, 9, 107, 66, 105, 63, 70)  # fmt: skip
"""Forehead and temples down to the upper edge of the brows, clockwise from the right temple."""

# Areas: the convex hull of the points is meant, except for the outlines above.
NOSE_UNDERSIDE = (98, 97, 2, 326, 327, 4)
"""The underside of the nose from wing to wing up to its tip: the mesh is least exact there, and its shading moves."""
NOSE_BASE = (98, 97, 2, 326, 327, 94)
"""The strip from wing to wing where the nose meets the lip, with the dark lower rims of the nostrils."""
NOSE_WINGS = (198, 420, 129, 358, 203, 423, 98, 327, 2, 49, 279)
"""The lower half of the nose, with the folds beside its wings."""
SMILE_FOLDS = (
    (203, 36, 205, 187, 207, 214, 210, 202, 204, 212, 216, 206),
    (423, 266, 425, 411, 427, 434, 430, 422, 424, 432, 436, 426),
)
"""Right and left strip between cheek and mouth, from the wing of the nose to the side of the chin."""
BARE_SKIN = (
    (118, 101, 205, 187, 123, 117),
    (347, 330, 425, 411, 352, 346),
    (6, 197, 195, 5, 51, 281),
)
"""Right cheek, left cheek and bridge of the nose, which hair and beards seldom hide: the rest of a face is judged by them."""
GLABELLA = (108, 337, 9)
"""The skin between the brows and above them."""
BEARD = (61, 291, 58, 288, 172, 397, 136, 365, 150, 379, 149, 378, 176, 400, 148, 377, 152, 2, 98, 327, 57, 287)
"""Upper lip, jaw and chin: where beards grow."""
BROWS_WITH_EYES = (
    (70, 63, 105, 66, 107, 55, 193, 245, 128, 232, 230, 228, 31, 226, 46, 53),
    (300, 293, 334, 296, 336, 285, 417, 465, 357, 452, 450, 448, 261, 446, 276, 283),
)
"""Right and left: an eyebrow and the eye below it, with the lids."""
LOWER_FACE = (6, 50, 280, 123, 352, 147, 376, 213, 433, 192, 416, 135, 364, 169, 394, 170, 395, 140, 369, 171, 396, 175)
"""The middle of the face below the eyes, without its outermost ring: along the jaw a turned head shows the background."""
SHINY_FOREHEAD = (103, 67, 109, 10, 338, 297, 332, 296, 336, 9, 107, 66)
"""The middle of the forehead, where highlights lie."""
UPPER_LIP = (
    (185, 40, 39, 37, 0, 267, 269, 270, 409),
    (184, 74, 73, 72, 11, 302, 303, 304, 408),
    (183, 42, 41, 38, 12, 268, 271, 272, 407),
    (191, 80, 81, 82, 13, 312, 311, 310, 415),
)
"""The upper lip in lines from its outline to the mouth, each from right to left without the corners of the mouth."""
LOWER_LIP = (
    (146, 91, 181, 84, 17, 314, 405, 321, 375),
    (77, 90, 180, 85, 16, 315, 404, 320, 307),
    (96, 89, 179, 86, 15, 316, 403, 319, 325),
    (95, 88, 178, 87, 14, 317, 402, 318, 324),
)
"""The lower lip in the same way."""
INNER_BROWS = (55, 107, 285, 336)
"""The inner ends of both brows."""
BROW_TOPS = (63, 105, 66, 293, 334, 296)
"""The upper edge of both brows."""

# Single points and the points of detectors.
RIGHT_IRIS, LEFT_IRIS = 468, 473
"""The middle of each iris."""
RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS = (33, 133), (263, 362)
"""The outer and the inner corner of each eye."""
EYE_CORNERS = (33, 263)
"""The outer corners; their distance is the "eye distance" that errors are measured in."""
DETECTED_PAIRS = ((33, 133), (362, 263), (4, 4), (61, 61), (291, 291))
"""Pairs of landmarks in whose middle the five points of a detection lie: eyes, tip of the nose, corners of the mouth."""
RIGID_POINTS = (10, 338, 109, 297, 67, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 33, 133, 362, 263, 234, 454, 127, 356,
                93, 323, 132, 361, 50, 280, 117, 346, 2, 98, 327)  # fmt: skip
"""Points that hardly move with the expression; head pose is read from them."""

# Points that lead the warp of a face; their order fixes the order of sums.
SHAPE_BROWS = (*RIGHT_BROW, 300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
"""Both eyebrows, the left one as the mirror image of the right one, point by point."""
SHAPE_NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 64, 294, 48, 278)
"""Bridge, tip and wings of the nose."""
SHAPE_LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
"""Points around the lips, about every other one."""
SHAPE_CHEEKS = (50, 280, 117, 346, 205, 425, 187, 411, 151, 9, 108, 337, 199, 200)
"""Cheeks, forehead and chin."""


def skin_triangles() -> Indices:
    """int32 (852, 3), wound the same way; eyes and mouth are holes."""
    text = resources.files("mien").joinpath("assets/face_mesh_triangles.csv").read_text("utf-8")
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    return np.array(rows, np.int32)


def fan(loop: tuple[int, ...], centre: int) -> Indices:
    """int32 (n, 3): a loop filled from one point in its middle; with an iris as the centre, the gaze moves the texture."""
    return np.array([(centre, a, b) for a, b in zip(loop, loop[1:] + loop[:1], strict=True)], np.int32)


def strip(loop: tuple[int, ...]) -> Indices:
    """int32 (n - 2, 3): a strip that fills a loop whose first point and middle point are its corners."""
    half = len(loop) // 2
    upper, lower = loop[: half + 1], (loop[0], *reversed(loop[half:]))
    rows = [(upper[0], upper[1], lower[1])]
    for i in range(1, half - 1):
        rows += [(upper[i], upper[i + 1], lower[i]), (upper[i + 1], lower[i + 1], lower[i])]
    rows.append((upper[half - 1], upper[half], lower[half - 1]))
    return np.array(rows, np.int32)
