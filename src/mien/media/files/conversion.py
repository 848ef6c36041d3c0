"""Notes for the user on properties of a video that are lost on reading."""

from mien.imaging import hdr
from mien.media.files.video_info import VideoInfo
from mien.types import Note


def conversion_notes(info: VideoInfo) -> tuple[Note, ...]:
    """Return one sentence for each property of the input that the output lacks."""
    notes = []
    if info.space.is_hdr:
        kind = "HLG" if info.space.transfer == hdr.HLG else "PQ"
        text = "the input is HDR ({kind}); the output is converted to standard range (SDR, BT.709)"
        notes.append(Note.of("hdr", text, kind=kind))
    elif info.deep:
        notes.append(Note.of("deep", "the input has more than 8 bits a channel; the output has 8"))
    if info.dolby_vision:
        text = "the input is Dolby Vision; its base layer is used, without the dynamic metadata"
        notes.append(Note.of("dolby-vision", text))
    if info.fields is not None:
        notes.append(Note.of("fields-kept", "the input is interlaced; its fields are kept ({order})", order=info.fields))
    elif info.interlaced:
        text = "the input is interlaced; it is de-interlaced at the same frame rate (--interlaced keep keeps the fields)"
        notes.append(Note.of("deinterlaced", text))
    if info.flattened:
        text = (
            "the input is transparent, which this output cannot be: it is composited over white; a .mov or .webm preserves it"
        )
        notes.append(Note.of("flattened", text))
    return tuple(notes)
