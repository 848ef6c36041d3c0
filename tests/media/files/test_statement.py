"""Statement of outputs in their metadata."""

from xml.etree import ElementTree

import mien
from mien.media.files import statement


def test_the_sentence_names_tool_version_and_engine() -> None:
    said = statement.sentence("mesh")
    assert statement.MARKER in said
    assert mien.__version__ in said
    assert "mesh" in said
    assert said.isascii(), "old comment fields hold nothing else"


def test_the_packet_is_sound_xml_even_for_odd_names() -> None:
    packet = statement.xmp('<&"engine">').decode()
    root = ElementTree.fromstring(packet[packet.index("<x:xmpmeta") : packet.rindex("<?xpacket")])
    texts = [element.text or "" for element in root.iter()]
    assert any(statement.MARKER in text and '<&"engine">' in text for text in texts)
    assert statement.DIGITAL_SOURCE_TYPE in texts
    assert packet.startswith("<?xpacket begin=")
    assert packet.rstrip().endswith('<?xpacket end="w"?>')
