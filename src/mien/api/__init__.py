"""The library: load a face with consent, swap files and frames, verify what comes out.

The names here are those of the package: `import mien`, then `mien.load_face(...)`. Everything else may change from one
version to the next. Colours are BGR, pictures uint8 (h, w, 3). Errors are `MienError`s (`mien.errors` has them all), each with
a `remedy`. Remedies name the flags of the command line: `--overwrite` is the argument `overwrite`, `--adult` is `adult=True`,
`--start` is `start_s`, `--detect-size` the setting `detect_size`.
"""

from mien.api.face_maps import FaceMap, map_faces
from mien.api.faces import Face, Statement, load_face
from mien.api.files import Swapped, read_video, swap_picture, swap_video, verify
from mien.api.frames import FrameSwapper, open_pipeline
from mien.errors import MienError
from mien.provenance.verify import Report
from mien.settings import Settings
from mien.types import Frame, LabelledFrame

__all__ = [
    "Face",
    "FaceMap",
    "Frame",
    "FrameSwapper",
    "LabelledFrame",
    "MienError",
    "Report",
    "Settings",
    "Statement",
    "Swapped",
    "load_face",
    "map_faces",
    "open_pipeline",
    "read_video",
    "swap_picture",
    "swap_video",
    "verify",
]
