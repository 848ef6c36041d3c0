"""One small file of each kind that reports read, with the declarations that its format can hold."""

import io
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image, PngImagePlugin

from mien.types import Image as Bgr
from tests.support.places import ROOT
from tests.support.signed import picture

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PACKET = f"""<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="Paint"><Iptc4xmpExt:DigitalSourceType>{SOURCE}</Iptc4xmpExt:DigitalSourceType>
<Iptc4xmpExt:AISystemUsed>A model</Iptc4xmpExt:AISystemUsed></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()
"""XMP packet that declares a source type, a tool and a system."""
PARAMETERS = "a lighthouse\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1"
"""Text as A1111 writes it."""


def _image() -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture(192, 144)[:, :, ::-1]))


def exif() -> Image.Exif:
    """Return EXIF of a camera."""
    found = Image.Exif()
    found[0x010F], found[0x0110], found[0x0131] = "Maker", "Model 1", "Firmware 2"
    return found


def _saved(kind: str, **options: object) -> Callable[[Path], None]:
    return lambda path: _image().save(path, kind, **options)


def _png(path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", PARAMETERS)
    text.add_itxt("XML:com.adobe.xmp", PACKET.decode())
    text.add_text("workflow", "{}", zip=True)
    _image().save(path, "PNG", pnginfo=text)


def with_iptc(path: Path) -> None:
    """Write a JPEG that names a program in IPTC's records."""
    _image().save(path, "JPEG")
    record = b"\x1c\x02\x41" + struct.pack(">H", 7) + b"Program"
    resource = b"8BIM" + struct.pack(">H", 0x0404) + b"\0\0" + struct.pack(">I", len(record)) + record
    content = b"Photoshop 3.0\0" + resource
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xed" + struct.pack(">H", len(content) + 2) + content + data[2:])


def _animated(kind: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        first = _image()
        others = [Image.fromarray(np.roll(np.asarray(first), step, 1)) for step in (8, 16)]
        first.save(path, kind, save_all=True, append_images=others, duration=100)

    return write


def video(codec: str, container: str | None = None, **options: str) -> Callable[[Path], None]:
    """Return a function that writes six frames with a codec."""

    def write(path: Path) -> None:
        with av.open(str(path), "w", format=container, options=options) as out:
            stream = out.add_stream(codec, rate=Fraction(25))
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
            for step in range(6):
                shifted = np.ascontiguousarray(np.roll(picture(192, 144), 4 * step, 1))
                out.mux(stream.encode(av.VideoFrame.from_ndarray(shifted, format="bgr24")))
            out.mux(stream.encode(None))

    return write


def _boxed_xmp(path: Path) -> None:
    video("libx264")(path)
    content = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + PACKET
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", len(content) + 8, b"uuid") + content)


def _phone(path: Path) -> None:
    path.write_bytes((ROOT / "tests" / "data" / "turned.heic").read_bytes())


KINDS: dict[str, Callable[[Path], None]] = {
    "camera.jpg": _saved("JPEG", exif=exif()),
    "generated.jpg": _saved("JPEG", xmp=PACKET),
    "progressive.jpg": _saved("JPEG", progressive=True, quality=75, comment=b"hello"),
    "program.jpg": with_iptc,
    "generated.png": _png,
    "moving.apng": _animated("PNG"),
    "still.webp": _saved("WEBP", xmp=PACKET, exif=exif()),
    "moving.webp": _animated("WEBP"),
    "still.gif": _saved("GIF", comment=b"drawn"),
    "moving.gif": _animated("GIF"),
    "scan.tif": _saved("TIFF"),
    "plain.bmp": _saved("BMP"),
    "still.avif": _saved("AVIF", exif=exif()),
    "phone.heic": _phone,
    "film.mp4": _boxed_xmp,
    "fragments.mp4": video("libx264", movflags="frag_keyframe+empty_moov"),
    "film.mov": video("libx264"),
    "film.mkv": video("libx264"),
    "film.webm": video("libvpx"),
    "film.avi": video("mpeg4"),
    "film.ts": video("libx264"),
    "film.mpg": video("mpeg2video"),
    "film.wmv": video("wmv2", "asf"),
    "film.flv": video("flv1"),
}
"""Writer of each file, by its name."""


def resaved(path: Path, target: Path) -> None:
    """Save a picture or a video again as most programs do: pixels alone."""
    frame = cv2.imread(str(path)) if path.suffix in {".jpg", ".png", ".webp"} else None
    if frame is not None:
        assert cv2.imwrite(str(target), frame)
        return
    with av.open(str(path)) as given, av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 192, 144, "yuv420p"
        for shown in given.decode(video=0):
            out.mux(stream.encode(shown.reformat(format="yuv420p")))
        out.mux(stream.encode(None))


def film(frames: list[Bgr]) -> bytes:
    """Return a Matroska film of frames, BGR, at 30 a second."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "20", "preset": "veryfast"})
        assert isinstance(stream, av.VideoStream)
        (stream.height, stream.width), stream.pix_fmt = frames[0].shape[:2], "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def png_with(name: bytes, content: bytes) -> bytes:
    """Return a PNG with one more chunk after its header."""
    buffer = io.BytesIO()
    _image().save(buffer, "PNG")
    data = buffer.getvalue()
    chunk = struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return data[:33] + chunk + data[33:]
