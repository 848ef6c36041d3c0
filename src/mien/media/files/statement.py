"""Statement of an output file in its own metadata: that its faces were altered.

The vocabulary is the IPTC's digital source type, which viewers and platforms already read
(https://cv.iptc.org/newscodes/digitalsourcetype/).
"""

from html import escape
from pathlib import Path

from mien import __version__

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
EDITED = "http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits"
"""Source type of a file whose faces only lie under covers: a person's edit with a tool that generates nothing."""
MARKER = "altered by mien"
"""Words by which a person or a program finds the statement."""

ACCEPTABLE_USE = """\
Wear only faces that you may use: your own, those whose owners have agreed, synthetic ones, or in the public domain.
Not for fraud or impersonation, not to pass an identity or liveness check, no sexual imagery, no minors.
Labels, marks and credentials stay on what you pass on."""


def shown_name(path: Path) -> str:
    """Return the file's name as text; bytes that are not text are replaced."""
    return path.name.encode("utf-8", "replace").decode()


_COVERED = "cover "  # no model has a space in its name
STAND_IN = "stand-in"
"""Style of covers over which other faces lie, which the engine makes."""


def covered(style: str) -> str:
    """Return the name that stands for the engine of an output whose faces lie under covers of this style."""
    return f"{_COVERED}{style}"


def deed(engine: str) -> str:
    """Return a few words for what was done: `AI face swap, engine mesh`, or `hidden, cover solid`."""
    return f"hidden, {engine}" if engine.startswith(_COVERED) else f"AI face swap, engine {engine}"


def source_type(engine: str) -> str:
    """Return the IPTC's digital source type of an output."""
    return EDITED if engine.startswith(_COVERED) and engine != covered(STAND_IN) else DIGITAL_SOURCE_TYPE


def sentence(engine: str) -> str:
    """Return one line for comment fields: `Faces in this media were altered by mien 0.1.0 (AI face swap, engine mesh).`"""
    return f"Faces in this media were {MARKER} {__version__} ({deed(engine)})."


def software() -> str:
    """Return the name for `software` and `CreatorTool` fields."""
    return f"mien {__version__}"


def xmp(engine: str) -> bytes:
    """Return an XMP packet, UTF-8, with the sentence, the digital source type and the tool."""
    said, tool = (escape(each, quote=False) for each in (sentence(engine), software()))
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{said}</rdf:li></rdf:Alt></dc:description>
<xmp:CreatorTool>{tool}</xmp:CreatorTool>
<Iptc4xmpExt:DigitalSourceType>{source_type(engine)}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()
