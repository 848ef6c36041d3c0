"""Notes for the user on properties of a video that are lost on reading."""

from mien.imaging import hdr
from mien.media.files.video_info import VideoInfo


def conversion_notes(info: VideoInfo) -> tuple[str, ...]:
    """Return one sentence for each property of the input that the output lacks."""
    notes = []
    if info.space.is_hdr:
        kind = "HLG" if info.space.transfer == hdr.HLG else "PQ"
        notes.append(f"the input is HDR ({kind}); the output is converted to standard range (SDR, BT.709)")
    elif info.deep:
        notes.append("the input has more than 8 bits a channel; the output has 8")
    if info.dolby_vision:
        notes.append("the input is Dolby Vision; its base layer is used, without the dynamic metadata")
    if info.fields is not None:
        notes.append(f"the input is interlaced; its fields are kept ({info.fields})")
    elif info.interlaced:
        notes.append("the input is interlaced; it is de-interlaced at the same frame rate (--interlaced keep keeps the fields)")
    if info.flattened:
        notes.append(
            "the input is transparent, which this output cannot be: it is composited over white; a .mov or .webm preserves it"
        )
    return tuple(notes)
