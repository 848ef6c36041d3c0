"""mien: one-photo face swapping in real time, on your own machine, always labelled.

    import mien

    face = mien.load_face("me.jpg", consent="self")
    mien.swap_picture(face, "holiday.jpg", "result.png")
    print(mien.verify("result.png").mark.words)

`mien.api` documents each name. They are loaded at first use, so that `import mien` stays light.
"""

# Not from `typing`: `python -m mien` runs this file while the current folder is still among the places of modules.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mien.api import (
        Face,
        FaceMap,
        Frame,
        FrameSwapper,
        LabelledFrame,
        MienError,
        Report,
        Settings,
        Statement,
        Swapped,
        load_face,
        map_faces,
        open_pipeline,
        read_video,
        swap_picture,
        swap_video,
        verify,
    )

__version__ = "0.1.0"
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
    "__version__",
    "load_face",
    "map_faces",
    "open_pipeline",
    "read_video",
    "swap_picture",
    "swap_video",
    "verify",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load the library at the first use of one of its names."""
        if name not in __all__:
            raise AttributeError(f"module 'mien' has no attribute {name!r}")
        from mien import api

        return getattr(api, name)


def __dir__() -> list[str]:
    return __all__
