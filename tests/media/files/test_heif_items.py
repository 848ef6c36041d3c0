"""HEIC files with damaged lists of items, which would end the process inside libheif's binding."""

import os
from pathlib import Path

import pytest

from mien.errors import UnsupportedMedia
from mien.media.files import heif_items
from mien.media.files.heif_items import check_items
from mien.media.files.picture_kind import is_animation, is_picture
from mien.media.files.picture_read import read_picture
from tests.support.places import DATA


def _of(kind: bytes, tail: bytes, version: int) -> bytes:
    """Return a file with one item: its number and protection, its type, its texts."""
    numbers = b"\x00\x00\x00\x01\x00\x00" if version == 3 else b"\x00\x01\x00\x00"
    item = _box(b"infe", bytes([version, 0, 0, 0]) + numbers + kind + tail)
    items = _box(b"iinf", b"\x00\x00\x00\x00" + b"\x00\x01" + item)
    return _box(b"ftyp", b"heic\x00\x00\x00\x00") + _box(b"meta", b"\x00\x00\x00\x00" + items)


def _box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + name + content


def test_a_type_of_an_item_that_is_no_text_ends_neither_the_process_nor_a_question(tmp_path: Path) -> None:
    content = (DATA / "turned.heic").read_bytes()
    place = content.index(b"Exif", content.index(b"infe"))
    path = tmp_path / "damaged.heic"
    path.write_bytes(content[:place] + b"E\xcaif" + content[place + 4 :])
    assert is_picture(path)
    assert not is_animation(path)
    with pytest.raises(UnsupportedMedia, match="damaged"):
        read_picture(path, max_pixels=10**6, max_bytes=10**8)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
def test_all_texts_of_an_item_are_checked(version: int, bad: bytes) -> None:
    check_items(_of(b"mime", b"name\x00text/\xc3\xa4\x00", version))
    for damaged in (_of(b"mi" + bad, b"\x00", version), _of(b"mime", b"\x00text/" + bad + b"\x00", version)):
        with pytest.raises(SyntaxError, match="damaged"):
            check_items(damaged)


@pytest.mark.parametrize("size", [1, 3, 200, 2**32 - 1])
def test_a_box_that_leaves_its_list_is_refused(size: int) -> None:
    content = _of(b"mime", b"\x00", 2)
    place = content.index(b"infe") - 4
    damaged = content[:place] + size.to_bytes(4, "big") + content[place + 4 :] + bytes(300)
    with pytest.raises(SyntaxError):
        check_items(damaged)


def test_a_file_too_large_to_hold_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.heic"
    path.write_bytes((DATA / "turned.heic").read_bytes())
    os.truncate(path, heif_items._MAX_BYTES + 1)  # sparse
    monkeypatch.setattr(heif_items, "check_items", lambda content: pytest.fail("the file was read"))
    with pytest.raises(UnsupportedMedia):
        read_picture(path, max_pixels=10**6, max_bytes=2**40)
